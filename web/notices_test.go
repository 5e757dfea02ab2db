package web

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/models"
	"tollgate/notices"
)

// told tells somebody something, and returns the notice's id.
func (w *world) told(t *testing.T, who accounts.Person, subject string) string {
	t.Helper()
	must(t, models.InTx(t.Context(), w.deps.Notices.DB, func(ctx context.Context, tx bun.Tx) error {
		return w.deps.Notices.Tell(ctx, tx, who.TenantID, notices.Notice{
			Person: who.ID, Kind: notices.PaymentFailed, Urgent: true, Subject: subject, Body: "It failed.\n\nUpdate your card.", LinkText: "Open it", Link: "/devportal/subscriptions/1", Dedup: subject,
		})
	}))
	page, err := w.deps.Notices.Mine(t.Context(), who.TenantID, who.ID, "", 1)
	must(t, err)
	return page.Rows[0].ID
}

func TestEverybodyReadsTheirOwnNotices(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	us := accounts.System(models.SuperTenant, models.SuperDomain)
	for _, role := range []accounts.Role{accounts.Admin, accounts.Publisher, accounts.Subscriber} {
		p := w.person(t, us, string(role)+"-told", role)
		b := w.session(t, p.Username)
		if got := b.get(t, "/account/notices"); got.StatusCode != 200 || !strings.Contains(got.text, "You were told nothing yet") || strings.Contains(got.text, `class="unread"`) {
			t.Errorf("%s, nothing told: %d\n%s", role, got.StatusCode, got.text)
		}
		for i := range 22 {
			w.told(t, p, fmt.Sprintf("Notice %02d.", i))
		}
		got := b.get(t, "/account/notices")
		if !strings.Contains(got.text, "22 notices are new.") || !strings.Contains(got.text, `<span class="unread">22 `) || !strings.Contains(got.text, `href="/devportal/subscriptions/1"`) {
			t.Errorf("%s: %s", role, got.text)
		}
		next := between(got.text, `href="/account/notices?after=`, `"`)
		if older := b.get(t, "/account/notices?after="+next); next == "" || strings.Count(older.text, "<h2>Notice ") != 2 {
			t.Errorf("%s: the second page after %q: %s", role, next, older.text)
		}
		if got := b.post(t, "/account/notices/read", url.Values{"until": {"soon"}}); got.StatusCode != 422 {
			t.Errorf("%s: until soon: %d", role, got.StatusCode)
		}
		if got := b.post(t, "/account/notices/read", url.Values{"until": {between(got.text, `name="until" value="`, `"`)}}); got.StatusCode != 303 {
			t.Errorf("%s: %d", role, got.StatusCode)
		}
		if got := b.get(t, "/account/notices"); !strings.Contains(got.text, "22 notices are marked as read.") || !strings.Contains(got.text, "You have read everything.") {
			t.Errorf("%s: %s", role, got.text)
		}
	}
}

// between is what stands after one text and before another.
func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	out, _, _ := strings.Cut(rest, after)
	return out
}

func TestAMailIsShownWithoutRunningAnything(t *testing.T) {
	t.Parallel()
	w := setup(t, "https://portal.example")
	us := accounts.System(models.SuperTenant, models.SuperDomain)
	id := w.told(t, w.person(t, us, "ada", accounts.Subscriber), `<script>alert(1)</script>`)
	admin := w.session(t, "admin")
	page := admin.get(t, "/admin/mails/"+id)
	if page.StatusCode != 200 || !strings.Contains(page.text, `sandbox=""`) || strings.Contains(page.text, "<script>alert") {
		t.Errorf("%d\n%s", page.StatusCode, page.text)
	}
	if csp := page.Header["Content-Security-Policy"]; len(csp) != 1 || !strings.HasSuffix(csp[0], "; frame-src 'self'") || !strings.Contains(csp[0], "default-src 'none'; script-src 'self'") || !strings.Contains(csp[0], "frame-ancestors 'none'") {
		t.Errorf("the page's policy is %q", csp)
	}
	mail := admin.get(t, "/admin/mails/"+id+"/html")
	if mail.StatusCode != 200 || !strings.Contains(mail.text, "It failed.") || strings.Contains(mail.text, "<script") {
		t.Errorf("%d\n%s", mail.StatusCode, mail.text)
	}
	if csp := mail.Header["Content-Security-Policy"]; len(csp) != 1 || csp[0] != "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox" {
		t.Errorf("the mail's policy is %q", csp)
	}
	list := admin.get(t, "/admin/mails?state=none")
	if list.StatusCode != 200 || !strings.Contains(list.text, "ada has no e-mail address.") || !strings.Contains(list.text, "No mail server is configured") {
		t.Errorf("%d\n%s", list.StatusCode, list.text)
	}
	for _, name := range []string{"publisher", "subscriber"} {
		for _, path := range []string{"/admin/mails", "/admin/mails/" + id, "/admin/mails/" + id + "/html"} {
			if got := w.session(t, name).get(t, path); got.StatusCode != 404 {
				t.Errorf("%s at %s: %d", name, path, got.StatusCode)
			}
		}
	}
}

func TestAnAdminTriesMailsBeforeThereIsAServer(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	admin := w.session(t, "admin")
	got := admin.post(t, "/admin/mails/test", nil)
	to := got.Header.Get("Location")
	if got.StatusCode != 303 || !strings.HasPrefix(to, "/admin/mails/") {
		t.Fatalf("%d to %s", got.StatusCode, to)
	}
	if page := admin.get(t, to); !strings.Contains(page.text, "A test of your mails") || !strings.Contains(page.text, "mails arrive") {
		t.Errorf("%s", page.text)
	}
	for _, path := range []string{to + "/again", "/admin/mails/send-kept"} {
		if got := admin.post(t, path, nil); got.StatusCode != 303 {
			t.Errorf("%s: %d", path, got.StatusCode)
		}
		if page := admin.get(t, "/admin/mails"); !strings.Contains(page.text, "No mail server is configured, so mails are kept.") {
			t.Errorf("%s says nothing", path)
		}
	}
}
