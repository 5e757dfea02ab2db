package notices_test

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/notices"
)

// A parsed mail is what a mail program sees.
type parsed struct {
	head       mail.Header
	text, html string
}

func parse(t *testing.T, raw string) parsed {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	out := parsed{head: m.Header}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		plain := strings.ReplaceAll(string(body), "\r\n", "\n")
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/plain") {
			out.text = plain
		} else {
			out.html = plain
		}
	}
}

func decoded(t *testing.T, words string) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(words)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAMailIsSentOnceAndSaysTheSameInBothWays(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o, s := open(t, db), listen(t)
		o.sends(s)
		o.tell(t, us, failed("ada"))
		if n := o.only(t, us); n.MailState != models.MailWaiting {
			t.Errorf("before: %s", n.MailState)
		}
		for range 3 {
			o.tell(t, us, failed("ada"))
			o.run(t)
			o.wait(time.Hour)
		}
		n, got := o.only(t, us), s.mails()
		if n.MailState != models.MailSent || n.SentAt.IsZero() || len(got) != 1 {
			t.Fatalf("%+v, %d mails", n, len(got))
		}
		m := parse(t, got[0])
		for name, want := range map[string]string{
			"From": `"Acme APIs" <billing@acme.example>`, "To": `"Ada Byron" <ada@byron.example>`, "Subject": "Your payment failed",
			"Auto-Submitted": "auto-generated", "Message-Id": "<" + n.ID + "@portal.example>", "Date": "Tue, 01 Dec 2026 09:00:00 +0000",
		} {
			if got := m.head.Get(name); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		for _, words := range []string{"Acme APIs", "Hello Ada Byron,", "9.00 USD could not be charged.", "Update your card.", "Open the subscription", "https://portal.example/devportal/subscriptions/1", "https://portal.example/account/notices", "because you have an account at Acme APIs"} {
			if !strings.Contains(m.text, words) || !strings.Contains(m.html, words) {
				t.Errorf("%q is not in both:\n%s\n%s", words, m.text, m.html)
			}
		}
	})
}

func TestARefusedMailFailsWithItsReasonAndIsSentAgainToTheNewAddress(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o, s := open(t, db), listen(t)
		o.sends(s)
		s.rcpt = "550 5.1.1 No such person here"
		o.tell(t, us, failed("ada"))
		o.run(t)
		n := o.only(t, us)
		if n.MailState != models.MailFailed || n.MailProblem != "550 5.1.1 No such person here" {
			t.Fatalf("%+v", n)
		}
		o.wait(24 * time.Hour)
		o.run(t)
		if talks, _ := s.count(); talks != 1 {
			t.Errorf("%d connections for what was refused", talks)
		}
		ada, err := models.PersonByID(t.Context(), db, us, "ada")
		if err != nil {
			t.Fatal(err)
		}
		ada.Email = "new@byron.example"
		if err := models.SavePerson(t.Context(), db, ada); err != nil {
			t.Fatal(err)
		}
		s.set(func() { s.rcpt = "" })
		if err := o.SendAgain(t.Context(), us, n.ID, did("mail.again"), 0); !errors.Is(err, outbox.ErrPending) {
			t.Fatal(err)
		}
		if err := o.SendAgain(t.Context(), us, n.ID, did("mail.again"), 0); fault.KindOf(err) != fault.Conflict {
			t.Errorf("twice: %v", err)
		}
		o.run(t)
		if n := o.only(t, us); n.MailState != models.MailSent || n.MailTo != "new@byron.example" || n.MailProblem != "" {
			t.Errorf("%+v", n)
		}
		if trail, err := models.AuditPage(t.Context(), db, us, 0, "", 10); err != nil || len(trail) != 1 {
			t.Errorf("the audit has %d rows, %v", len(trail), err)
		}
	})
}

func TestWhatIsRefusedForNowIsTriedAgainEverMoreSeldomAndGivenUp(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o, s := open(t, db), listen(t)
		o.sends(s)
		s.data = "451 4.7.1 Try again later"
		o.tell(t, us, failed("ada"))
		o.run(t)
		o.wait(50 * time.Second)
		o.run(t)
		n := o.only(t, us)
		if talks, _ := s.count(); talks != 1 || n.MailState != models.MailWaiting || n.MailProblem != "451 4.7.1 Try again later" {
			t.Errorf("%d connections, %+v", talks, n)
		}
		s.set(func() { s.data = "" })
		o.wait(time.Minute)
		o.run(t)
		if n := o.only(t, us); n.MailState != models.MailSent || len(s.mails()) != 1 {
			t.Errorf("%+v, %d mails", n, len(s.mails()))
		}
	})
	o, s := open(t, testdb.New(t)), listen(t)
	o.sends(s)
	s.rcpt = "452 4.2.2 Mailbox full"
	o.tell(t, us, failed("ada"))
	for range 80 {
		o.run(t)
		o.wait(time.Hour)
	}
	if n := o.only(t, us); n.MailState != models.MailFailed || !strings.Contains(n.MailProblem, "Given up after two days") {
		t.Errorf("%+v", n)
	}
	if talks, _ := s.count(); talks != 55 {
		t.Errorf("%d attempts", talks)
	}
}

// A connection that breaks after the mail leaves open whether it was taken. It goes
// again, and whoever gets it twice can tell by the Message-ID.
func TestAMailWhoseOutcomeIsUnknownGoesAgainUnderTheSameMessageID(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o, s := open(t, db), listen(t)
		o.sends(s)
		s.data = "cut"
		o.tell(t, us, failed("ada"))
		o.run(t)
		if n := o.only(t, us); n.MailState != models.MailWaiting || n.MailProblem == "" {
			t.Errorf("%+v", n)
		}
		s.set(func() { s.data = "" })
		o.wait(time.Minute)
		o.run(t)
		got := s.mails()
		if n := o.only(t, us); n.MailState != models.MailSent || len(got) != 2 {
			t.Fatalf("%+v, %d mails", n, len(got))
		}
		if a, b := parse(t, got[0]).head.Get("Message-Id"), parse(t, got[1]).head.Get("Message-Id"); a != b || a == "" {
			t.Errorf("%s and %s", a, b)
		}
	})
}

func TestAServerThatDoesNotOfferTLSGetsNothing(t *testing.T) {
	t.Parallel()
	o, s := open(t, testdb.New(t)), listen(t)
	o.sends(s)
	o.Mail.Cover, o.Mail.Username, o.Mail.Password, o.Mail.Trust = notices.STARTTLS, "ada", secret("hunter2"), s.cert
	o.tell(t, us, failed("ada"))
	o.run(t)
	n := o.only(t, us)
	if n.MailState != models.MailWaiting || !strings.Contains(n.MailProblem, "STARTTLS") {
		t.Errorf("%+v", n)
	}
	if _, said := s.count(); strings.Contains(said, "AUTH") || strings.Contains(said, "MAIL") {
		t.Errorf("it was told %s", said)
	}
	s.set(func() { s.offerTLS = true })
	o.wait(time.Hour)
	o.run(t)
	if n := o.only(t, us); n.MailState != models.MailSent {
		t.Errorf("with TLS: %+v", n)
	}
	if _, said := s.count(); !strings.Contains(said, "STARTTLS\nEHLO") || !strings.Contains(said, "AUTH PLAIN") {
		t.Errorf("it was told %s", said)
	}
}

func TestAnUntrustedCertificateIsRefused(t *testing.T) {
	t.Parallel()
	o, s := open(t, testdb.New(t)), listen(t)
	o.sends(s)
	s.offerTLS = true
	o.Mail.Cover = notices.STARTTLS
	o.tell(t, us, failed("ada"))
	o.run(t)
	if n := o.only(t, us); n.MailState != models.MailWaiting || !strings.Contains(n.MailProblem, "certificate") || len(s.mails()) != 0 {
		t.Errorf("%+v", n)
	}
}

type secret string

func (s secret) Reveal() string { return string(s) }

// A server that cannot be used is left alone for a while, however many mails wait:
// they must neither keep the workers busy nor knock with a wrong password.
func TestAServerThatCannotBeUsedIsLeftAlone(t *testing.T) {
	t.Parallel()
	o, s := open(t, testdb.New(t)), listen(t)
	o.sends(s)
	o.Mail.Username, o.Mail.Password, s.auth = "ada", secret("hunter2"), "535 5.7.8 Wrong password"
	o.Jobs.Workers = 1
	for i := range 30 {
		o.tell(t, us, notices.Notice{Person: "ada", Subject: string(rune('a' + i)), Body: "x"})
	}
	for range 10 {
		o.run(t)
		o.wait(time.Second)
	}
	talks, _ := s.count()
	if talks != 1 {
		t.Errorf("%d connections within ten seconds", talks)
	}
	page, err := o.Mails(t.Context(), us, models.MailWaiting, "", 50)
	if err != nil || len(page.Rows) != 30 {
		t.Fatalf("%d wait, %v", len(page.Rows), err)
	}
	for _, n := range page.Rows {
		if strings.Contains(n.MailProblem, "hunter2") {
			t.Errorf("the password is shown: %s", n.MailProblem)
		}
	}
	s.set(func() { s.auth = "" })
	for range 10 {
		o.wait(time.Minute)
		o.run(t)
	}
	if got := len(s.mails()); got != 30 {
		t.Errorf("%d mails after the password was right", got)
	}
}

func TestKeptMailsAreSentWhenAnAdminSaysSo(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o, s := open(t, db), listen(t)
		const many = 103
		for i := range many {
			o.tell(t, us, notices.Notice{Person: "ada", Subject: "Kept " + string(rune('a'+i%26)), Body: "x"})
		}
		o.tell(t, them, failed("zoe"))
		o.tell(t, us, failed("eve"))
		eve, err := models.PersonByID(t.Context(), db, us, "eve")
		if err != nil {
			t.Fatal(err)
		}
		eve.Email = ""
		if err := models.SavePerson(t.Context(), db, eve); err != nil {
			t.Fatal(err)
		}
		o.sends(s)
		o.run(t)
		if len(s.mails()) != 0 {
			t.Error("a kept mail went by itself")
		}
		if n, err := o.SendKept(t.Context(), us, did("mail.send_kept")); err != nil || n != many {
			t.Fatalf("%d, %v", n, err)
		}
		o.run(t)
		if got := len(s.mails()); got != many {
			t.Errorf("%d mails came", got)
		}
		if n, err := o.SendKept(t.Context(), us, did("mail.send_kept")); err != nil || n != 0 {
			t.Errorf("again: %d, %v", n, err)
		}
		if n, err := o.CountMails(t.Context(), us, models.MailNone); err != nil || n != 1 {
			t.Errorf("%d without address, %v", n, err)
		}
		if n, err := o.CountMails(t.Context(), them, models.MailKept); err != nil || n != 1 {
			t.Errorf("another tenant's: %d, %v", n, err)
		}
		if trail, err := models.AuditPage(t.Context(), db, us, 0, "", 10); err != nil || len(trail) != 1 {
			t.Errorf("the audit has %d rows, %v", len(trail), err)
		}
	})
}

func TestAMailThatWaitsIsKeptWhenTheServerIsTakenAway(t *testing.T) {
	t.Parallel()
	o, s := open(t, testdb.New(t)), listen(t)
	o.sends(s)
	o.tell(t, us, failed("ada"))
	o.Mail = nil
	o.run(t)
	if n := o.only(t, us); n.MailState != models.MailKept || len(s.mails()) != 0 {
		t.Errorf("%+v", n)
	}
	if open, err := models.OpenJobs(t.Context(), o.db, us, false, 10); err != nil || len(open) != 0 {
		t.Errorf("%d jobs are left, %v", len(open), err)
	}
}

func TestATestMailIsToldToWhoAsks(t *testing.T) {
	t.Parallel()
	o, s := open(t, testdb.New(t)), listen(t)
	for want, server := range map[string]*notices.SMTP{models.MailKept: nil, models.MailSent: {Host: "127.0.0.1", Port: s.port, Cover: notices.Plain, From: mail.Address{Address: "billing@acme.example"}}} {
		o.Mail = server
		id, err := o.Test(t.Context(), us, "ada", did("mail.test"), 0)
		if id == "" || err != nil && !errors.Is(err, outbox.ErrPending) {
			t.Fatal(id, err)
		}
		o.run(t)
		m, err := o.MailByID(t.Context(), us, id)
		if err != nil || m.MailState != want || !strings.Contains(m.Text, "mails arrive") || !strings.Contains(m.HTML, "mails arrive") {
			t.Errorf("%+v, %v, want %s", m, err, want)
		}
	}
}

// Whatever names, addresses and subjects are like, a mail has the headers it should
// have and no others, and goes to one person.
func TestNoWordsOfANoticeBecomeHeaders(t *testing.T) {
	t.Parallel()
	o, s := open(t, testdb.New(t)), listen(t)
	o.sends(s)
	people := []struct{ name, email, to string }{
		{"Ada\r\nBcc: all@evil.example", "a1@byron.example", "a1@byron.example"},
		{`"><script>alert(1)</script>`, "a2@byron.example", "a2@byron.example"},
		{"Łódź <x@evil.example>, \"y\"", "a3@byron.example", "a3@byron.example"},
		{strings.Repeat("Ünï ", 80), "a4@byron.example", "a4@byron.example"},
		{"IDN", "ada@bücher.example", "ada@xn--bcher-kva.example"},
		{"Quoted", `"a b"@byron.example`, ""},
		{"Injection", "a@byron.example\r\nRCPT TO:<b@evil.example>", ""},
		{"Two", "a@byron.example, b@evil.example", ""},
		{"Named", "A <a@byron.example>", ""},
		{"None", "nonsense", ""},
	}
	subjects := []string{
		"Paid\r\nBcc: all@evil.example", "\x00\x1b[31mred\u2028line", strings.Repeat("long ", 400), strings.Repeat("ü", 400), "=?utf-8?q?x?= \xff\xfe", "  ", "\r\n\r\nA body",
	}
	sent := 0
	for i, p := range people {
		id := "p" + string(rune('a'+i))
		o.person(t, us, id, p.name, p.email)
		for _, subject := range subjects {
			o.tell(t, us, notices.Notice{Person: id, Subject: subject, Body: "x\x00y\r\n.\r\nQUIT\r\n", LinkText: "Go\r\nX: y", Link: "javascript:alert(1)", Dedup: "über " + subject})
			o.tell(t, us, notices.Notice{Person: id, Subject: subject, Body: "again", Dedup: "über " + subject})
		}
		if p.to != "" {
			sent += len(subjects)
		}
	}
	o.run(t)
	got := s.mails()
	if len(got) != sent {
		t.Errorf("%d mails, want %d", len(got), sent)
	}
	for _, raw := range got {
		m := parse(t, raw)
		for name := range m.head {
			if !strings.Contains(" From To Subject Date Message-Id Mime-Version Auto-Submitted X-Auto-Response-Suppress Content-Type Content-Transfer-Encoding ", " "+name+" ") {
				t.Errorf("the header %s: %s", name, m.head.Get(name))
			}
		}
		to, err := m.head.AddressList("To")
		if err != nil || len(to) != 1 || strings.Contains(to[0].Address, "evil") {
			t.Errorf("to %v, %v", to, err)
		}
		if strings.ContainsAny(decoded(t, m.head.Get("Subject")), "\r\n\x00\x1b") {
			t.Errorf("the subject is %q", m.head.Get("Subject"))
		}
		if strings.Contains(m.html, "<script") || strings.Contains(m.html, "javascript:") || !strings.Contains(m.text, "xy\n.\nQUIT") {
			t.Errorf("the body is\n%s\n%s", m.text, m.html)
		}
		for l := range strings.SplitSeq(raw, "\r\n") {
			if len(l) > 998 {
				t.Errorf("a line of %d bytes", len(l))
			}
		}
	}
	_, said := s.count()
	for _, p := range people {
		if p.to != "" && !strings.Contains(said, "RCPT TO:<"+p.to+">") {
			t.Errorf("%s is not in\n%.400s", p.to, said)
		}
	}
	if strings.Contains(said, "evil") {
		t.Errorf("the server was told of somebody else:\n%.2000s", said)
	}
}
