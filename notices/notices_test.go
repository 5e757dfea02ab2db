package notices_test

import (
	"context"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/notices"
)

// An office is a desk with two tenants; the first has Ada, who can be mailed, Bob,
// who has no address, and Eve.
type office struct {
	*notices.Desk
	db  *bun.DB
	mu  sync.Mutex
	now time.Time
}

const us, them = models.TenantID(1), models.TenantID(2)

func open(t *testing.T, db *bun.DB) *office {
	t.Helper()
	o := &office{db: db, now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)}
	wall := clock.NewWall(func() time.Time { o.mu.Lock(); defer o.mu.Unlock(); return o.now })
	business := clock.NewBusiness(wall)
	o.Desk = &notices.Desk{DB: db, Wall: wall, Business: business, PublicURL: "https://portal.example", Jobs: &outbox.Runner{DB: db, Wall: wall, Business: business}}
	o.Register(o.Jobs)
	for id, name := range map[models.TenantID]string{us: "Acme APIs", them: "Rival"} {
		if _, err := models.InsertTenant(t.Context(), db, models.Tenant{ID: id, Domain: name, Name: name, State: models.StateActive}); err != nil {
			t.Fatal(err)
		}
	}
	o.person(t, us, "ada", "Ada Byron", "ada@byron.example")
	o.person(t, us, "bob", "Bob", "")
	o.person(t, us, "eve", "Eve", "eve@evil.example")
	o.person(t, them, "zoe", "Zoe", "zoe@rival.example")
	return o
}

func (o *office) person(t *testing.T, tenant models.TenantID, id, name, email string) {
	t.Helper()
	if _, err := models.InsertPerson(t.Context(), o.db, models.Person{ID: id, TenantID: tenant, Username: id, DisplayName: name, Email: email, State: models.StateActive, Theme: "system"}); err != nil {
		t.Fatal(err)
	}
}

func (o *office) wait(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

// sends gives the desk a mail server.
func (o *office) sends(s *mailServer) {
	o.Mail = &notices.SMTP{Host: "127.0.0.1", Port: s.port, Cover: notices.Plain, From: mail.Address{Address: "billing@acme.example"}}
}

func (o *office) tell(t *testing.T, tenant models.TenantID, n notices.Notice) {
	t.Helper()
	err := models.InTx(t.Context(), o.db, func(ctx context.Context, tx bun.Tx) error { return o.Tell(ctx, tx, tenant, n) })
	if err != nil {
		t.Fatal(err)
	}
}

func (o *office) run(t *testing.T) {
	t.Helper()
	if _, err := o.Jobs.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// only returns the one mail that a tenant has.
func (o *office) only(t *testing.T, tenant models.TenantID) models.Notice {
	t.Helper()
	page, err := o.Mails(t.Context(), tenant, "", "", 10)
	if err != nil || len(page.Rows) != 1 {
		t.Fatalf("%d mails, %v", len(page.Rows), err)
	}
	return page.Rows[0]
}

func failed(person string) notices.Notice {
	return notices.Notice{
		Person: person, Kind: notices.PaymentFailed, Urgent: true, Subject: "Your payment failed", LinkText: "Open the subscription",
		Body: "9.00 USD could not be charged.\n\nUpdate your card.", Link: "/devportal/subscriptions/1", Dedup: "in_1/failed",
	}
}

func did(action string) models.Audit {
	return models.Audit{TenantID: us, Actor: "ada", ActorName: "Ada", Action: action, At: 1}
}

func TestWithoutAMailServerMailsAreKeptAndNobodyIsToldTwice(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o := open(t, db)
		for range 3 {
			o.tell(t, us, failed("ada"))
		}
		n := o.only(t, us)
		if n.MailState != models.MailKept || n.MailTo != "ada@byron.example" || n.LinkURL != "https://portal.example/devportal/subscriptions/1" || n.PersonName != "Ada Byron" {
			t.Errorf("%+v", n)
		}
		if open, err := models.OpenJobs(t.Context(), db, us, false, 10); err != nil || len(open) != 0 {
			t.Errorf("%d jobs, %v", len(open), err)
		}
		o.tell(t, us, failed("eve"))
		if n, err := o.CountMails(t.Context(), us, models.MailKept); err != nil || n != 2 {
			t.Errorf("another person is told %d, %v", n, err)
		}
		if err := o.SendAgain(t.Context(), us, n.ID, did("mail.again"), 0); fault.KindOf(err) != fault.Conflict {
			t.Errorf("sent without a server: %v", err)
		}
		if _, err := o.SendKept(t.Context(), us, did("mail.send_kept")); fault.KindOf(err) != fault.Conflict {
			t.Errorf("sent without a server: %v", err)
		}
	})
}

func TestWhoHasNoAddressIsToldInThePortalOnly(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o := open(t, db)
		o.sends(listen(t))
		o.tell(t, us, failed("bob"))
		if n := o.only(t, us); n.MailState != models.MailNone || n.MailProblem != "Bob has no e-mail address." {
			t.Errorf("%+v", n)
		}
		mine, err := o.Mine(t.Context(), us, "bob", "", 10)
		if err != nil || len(mine.Rows) != 1 || mine.Rows[0].LinkURL != "/devportal/subscriptions/1" {
			t.Errorf("%+v, %v", mine, err)
		}
		o.tell(t, us, notices.Notice{Person: "nobody", Subject: "x", Body: "y"})
		o.tell(t, them, failed("ada"))
		if page, err := o.Mails(t.Context(), them, "", "", 10); err != nil || len(page.Rows) != 0 {
			t.Errorf("a person of another tenant was told: %+v, %v", page.Rows, err)
		}
	})
}

func TestTheDeskThatIsNotThereTellsNobody(t *testing.T) {
	t.Parallel()
	var none *notices.Desk
	if err := none.Tell(t.Context(), bun.Tx{}, us, failed("ada")); err != nil {
		t.Error(err)
	}
}

func TestNobodySeesOrReadsAnothersNotices(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o := open(t, db)
		o.tell(t, us, failed("ada"))
		id := o.only(t, us).ID
		for _, foreign := range []struct {
			tenant models.TenantID
			person string
		}{{us, "eve"}, {them, "ada"}, {them, "zoe"}} {
			page, err := o.Mine(t.Context(), foreign.tenant, foreign.person, "", 10)
			if err != nil || len(page.Rows) != 0 {
				t.Errorf("%v sees %d, %v", foreign, len(page.Rows), err)
			}
			if err := o.Read(t.Context(), foreign.tenant, foreign.person, id); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%v reads it: %v", foreign, err)
			}
			if n, err := o.ReadAll(t.Context(), foreign.tenant, foreign.person, o.Business.Now()); err != nil || n != 0 {
				t.Errorf("%v reads %d, %v", foreign, n, err)
			}
		}
		if _, err := o.MailByID(t.Context(), them, id); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another tenant's admin opens it: %v", err)
		}
		if err := o.SendAgain(t.Context(), them, id, did("mail.again"), 0); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another tenant's admin sends it: %v", err)
		}
		if n, err := o.Unread(t.Context(), us, "ada"); err != nil || n != 1 {
			t.Errorf("unread %d, %v", n, err)
		}
		for range 2 {
			if err := o.Read(t.Context(), us, "ada", id); err != nil {
				t.Error(err)
			}
		}
		if n, err := o.Unread(t.Context(), us, "ada"); err != nil || n != 0 {
			t.Errorf("unread %d, %v", n, err)
		}
	})
}

func TestNoticesComeInPagesAndAreReadUpToWhatWasSeen(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o := open(t, db)
		const all = 7
		for i := range all {
			o.tell(t, us, notices.Notice{Person: "ada", Subject: string(rune('a' + i)), Body: "x"})
			if i != 3 { // two of one millisecond
				o.wait(time.Minute)
			}
		}
		var seen []string
		for after := ""; ; {
			page, err := o.Mine(t.Context(), us, "ada", after, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range page.Rows {
				seen = append(seen, n.Subject)
			}
			if after = page.After; after == "" {
				break
			}
		}
		if got := strings.Join(seen, ""); got != "gfedcba" && got != "gfdecba" {
			t.Errorf("in pages: %s", got)
		}
		newest := o.Business.Now().Add(-time.Minute)
		o.tell(t, us, notices.Notice{Person: "ada", Subject: "later", Body: "x"})
		if n, err := o.ReadAll(t.Context(), us, "ada", newest); err != nil || n != all {
			t.Errorf("read %d, %v", n, err)
		}
		if n, err := o.Unread(t.Context(), us, "ada"); err != nil || n != 1 {
			t.Errorf("unread %d, %v: what came later was read too", n, err)
		}
		for _, odd := range []string{"x", "0.a", "-1.a", "12", "12.", "99999999999999999999.a", "1.a b", "1.\x00"} {
			if page, err := o.Mine(t.Context(), us, "ada", odd, 3); err != nil || len(page.Rows) != 3 {
				t.Errorf("from %q: %d, %v", odd, len(page.Rows), err)
			}
		}
	})
}

func TestOldNoticesAreForgottenOnceReadAndMailed(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o := open(t, db)
		for _, who := range []string{"bob", "ada"} { // told in the portal; kept
			o.tell(t, us, failed(who))
			if _, err := o.ReadAll(t.Context(), us, who, o.Business.Now()); err != nil {
				t.Fatal(err)
			}
		}
		o.tell(t, us, notices.Notice{Person: "bob", Subject: "not read", Body: "x"})
		left := func() int {
			if err := o.Forget(t.Context()); err != nil {
				t.Fatal(err)
			}
			page, err := o.Mails(t.Context(), us, "", "", 10)
			if err != nil {
				t.Fatal(err)
			}
			return len(page.Rows)
		}
		o.wait(399 * 24 * time.Hour)
		if n := left(); n != 3 {
			t.Errorf("%d are left after 399 days", n)
		}
		o.wait(2 * 24 * time.Hour)
		if n := left(); n != 2 {
			t.Errorf("%d are left after 401 days, want those that are kept or not read", n)
		}
	})
}
