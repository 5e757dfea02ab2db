package accounts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
)

func TestASessionCarriesAPerson(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Admin)
		agent := strings.Repeat("Mozilla/5.0 é\x00 ", 40)
		id, begun, err := w.sessions.Begin(t.Context(), ada, map[string]string{"notes": "é"}, accounts.Browser{UserAgent: agent, Address: "192.0.2.1"}, "")
		must(t, err)
		found, err := w.sessions.Find(t.Context(), id)
		must(t, err)
		if found.Actor.Person != ada.Person || !found.Actor.Is(accounts.Admin) || found.Data["notes"] != "é" || found.PublicID != begun.PublicID {
			t.Errorf("found %+v", found)
		}
		for _, wrong := range []string{"", begun.PublicID, id + "x", strings.ToUpper(id)} {
			_, err := w.sessions.Find(t.Context(), wrong)
			refused(t, err, fault.NotFound, "the id "+wrong)
		}
		var kept int
		must(t, db.NewRaw("SELECT COUNT(*) FROM sign_in_sessions WHERE id_hash = ? OR data LIKE ?", id, "%"+id+"%").Scan(t.Context(), &kept))
		if kept != 0 {
			t.Error("the id itself is in the database")
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Admin)
		begin := func(old string) string {
			id, _, err := w.sessions.Begin(t.Context(), ada, nil, accounts.Browser{}, old)
			must(t, err)
			return id
		}
		over := func(id, why string) {
			t.Helper()
			_, err := w.sessions.Find(t.Context(), id)
			refused(t, err, fault.NotFound, why)
		}
		first := begin("")
		second := begin(first)
		over(first, "replaced at sign-in")
		must(t, w.sessions.End(t.Context(), second))
		must(t, w.sessions.End(t.Context(), second))
		over(second, "signed out")

		idle, busy := begin(""), begin("")
		for range 20 { // a week in steps of 8 hours and a bit
			w.later(8*time.Hour + 20*time.Minute)
			_, err := w.sessions.Find(t.Context(), busy)
			must(t, err)
		}
		over(idle, "idle for 12 hours")
		w.later(2 * time.Hour)
		over(busy, "seven days old")
		_, err := w.sessions.RunOnce(t.Context())
		must(t, err)
		var left int
		must(t, db.NewRaw("SELECT COUNT(*) FROM sign_in_sessions").Scan(t.Context(), &left))
		if left != 0 {
			t.Errorf("%d sessions are kept for nothing", left)
		}
	})
}

func TestOnesOwnSessions(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Admin)
		bob := w.person(t, w.us, "bob", accounts.Admin)
		begin := func(who accounts.Actor) (string, accounts.Session) {
			id, s, err := w.sessions.Begin(t.Context(), who, nil, accounts.Browser{UserAgent: "Browser"}, "")
			must(t, err)
			return id, s
		}
		here, mine := begin(ada)
		there, other := begin(ada)
		_, third := begin(ada)
		his, _ := begin(bob)

		list, err := w.sessions.List(t.Context(), ada)
		must(t, err)
		if len(list) != 3 {
			t.Errorf("ada has %d sessions", len(list))
		}
		refused(t, w.sessions.EndOne(t.Context(), bob, other.PublicID), fault.NotFound, "somebody else's session")
		must(t, w.sessions.EndOne(t.Context(), ada, third.PublicID))
		n, err := w.sessions.EndOthers(t.Context(), ada, mine.PublicID)
		must(t, err)
		if n != 1 {
			t.Errorf("%d others ended", n)
		}
		_, err = w.sessions.Find(t.Context(), there)
		refused(t, err, fault.NotFound, "the other session")
		for _, id := range []string{here, his} {
			if _, err := w.sessions.Find(t.Context(), id); err != nil {
				t.Errorf("a session ended that should not: %v", err)
			}
		}
	})
}

func TestAVisitorsSession(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	id, _, err := w.sessions.Begin(t.Context(), accounts.Actor{}, map[string]string{"notes": "x"}, accounts.Browser{}, "")
	must(t, err)
	must(t, w.sessions.Remember(t.Context(), id, map[string]string{"notes": "y"}))
	s, err := w.sessions.Find(t.Context(), id)
	must(t, err)
	if s.Actor.SignedIn() || s.Data["notes"] != "y" {
		t.Errorf("found %+v", s)
	}
	w.later(31 * time.Minute)
	_, err = w.sessions.Find(t.Context(), id)
	refused(t, err, fault.NotFound, "an old visit")
}
