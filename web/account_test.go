package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tollgate/accounts"
)

// signIn sends the form of the page at /sign-in.
func (w *world) signIn(t *testing.T, username, password, next string) answer {
	t.Helper()
	return (&browser{w: w}).post(t, "/sign-in", url.Values{"username": {username}, "password": {password}, "next": {next}})
}

func TestSigningInLeadsOn(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	for name, home := range map[string]string{"admin": "/admin", "publisher": "/publisher", "subscriber": "/devportal"} {
		got := w.signIn(t, name, password, "")
		if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != home {
			t.Errorf("%s is sent to %d %q", name, got.StatusCode, got.Header.Get("Location"))
		}
		b := &browser{w: w, cookie: cookie(t, got).Value}
		for _, at := range []string{"/", "/sign-in"} {
			if again := b.get(t, at); again.Header.Get("Location") != home {
				t.Errorf("%s is sent from %s to %q", name, at, again.Header.Get("Location"))
			}
		}
	}
	if got := (&browser{w: w}).get(t, "/"); got.Header.Get("Location") != "/devportal" {
		t.Errorf("a visitor is sent to %q", got.Header.Get("Location"))
	}
	if got := w.signIn(t, "admin", password, "/publisher/apis?q=a"); got.Header.Get("Location") != "/publisher/apis?q=a" {
		t.Errorf("next leads to %q", got.Header.Get("Location"))
	}
	for _, trick := range []string{"//evil.example", "/\\evil.example", "https://evil.example", "/%2f%2fevil.example", "javascript:alert(1)", "/\t/evil.example", "/a\r\nX-Evil: 1"} {
		got := w.signIn(t, "admin", password, trick)
		if got.Header.Get("Location") != "/admin" || got.Header.Get("X-Evil") != "" {
			t.Errorf("next=%q leads to %q", trick, got.Header.Get("Location"))
		}
		page := (&browser{w: w}).get(t, "/sign-in?next="+url.QueryEscape(trick))
		if strings.Contains(page.text, "evil") || strings.Contains(page.text, "alert(") {
			t.Errorf("the page repeats next=%q", trick)
		}
	}
}

func TestAWrongSignInLosesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	got := w.signIn(t, `ad"><script>min`, "wrong", "/admin/people")
	if got.StatusCode != http.StatusUnprocessableEntity || len(got.Cookies()) != 0 {
		t.Fatalf("%d, %v", got.StatusCode, got.Cookies())
	}
	for _, want := range []string{"do not go together", `value="ad&#34;&gt;&lt;script&gt;min"`, `value="/admin/people"`, "<h1>Sign in</h1>"} {
		if !strings.Contains(got.text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(got.text, "wrong") {
		t.Error("the page repeats the password")
	}
	for range 6 {
		got = w.signIn(t, "admin", "wrong", "")
	}
	if got.StatusCode != http.StatusTooManyRequests || !strings.Contains(got.text, "Too many attempts") {
		t.Errorf("after many: %d", got.StatusCode)
	}
}

// A link lets somebody in once, with the password they choose.
func TestAOneTimeLink(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	p := w.person(t, w.them, "eve", accounts.Publisher)
	token, err := w.deps.People.NewLink(t.Context(), w.them, p.ID)
	must(t, err)
	b, path := &browser{w: w}, "/account/link/"+token
	if got := b.get(t, path); got.StatusCode != 200 || !strings.Contains(got.text, "eve") || got.Header.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("the link shows %d", got.StatusCode)
	}
	wrong := b.post(t, path, url.Values{"new": {"short"}, "again": {"other"}})
	if wrong.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(wrong.text, "not the same password") {
		t.Errorf("a short password: %d", wrong.StatusCode)
	}
	if got := b.post(t, path, url.Values{"new": {"a new password"}, "again": {"a new password"}}, "Sec-Fetch-Site", "cross-site"); got.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %d", got.StatusCode)
	}
	done := b.post(t, path, url.Values{"new": {"a new password"}, "again": {"a new password"}})
	if done.StatusCode != http.StatusSeeOther || done.Header.Get("Location") != "/publisher" {
		t.Errorf("set: %d %q", done.StatusCode, done.Header.Get("Location"))
	}
	if got := b.get(t, path); got.StatusCode != http.StatusNotFound || !strings.Contains(got.text, "used already") {
		t.Errorf("used again: %d", got.StatusCode)
	}
	if got := b.get(t, "/account/link/"+strings.Repeat("A", 43)); got.StatusCode != http.StatusNotFound {
		t.Errorf("a made-up link: %d", got.StatusCode)
	}
	if got := w.signIn(t, "eve@twin.example", "a new password", ""); got.StatusCode != http.StatusSeeOther {
		t.Errorf("with the new password: %d", got.StatusCode)
	}
}

func TestOnesOwnAccount(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	b, other := w.session(t, "subscriber"), w.session(t, "subscriber")
	wrong := b.post(t, "/account", url.Values{"display_name": {"<b>Ada"}, "email": {"nonsense"}})
	if wrong.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(wrong.text, `value="&lt;b&gt;Ada"`) || !strings.Contains(wrong.text, `value="nonsense"`) {
		t.Errorf("a wrong profile: %d", wrong.StatusCode)
	}
	if got := b.post(t, "/account", url.Values{"display_name": {"Ada Byron"}, "email": {"ada@example.com"}}); got.Header.Get("Location") != "/account" {
		t.Errorf("saved: %d", got.StatusCode)
	}
	if got := b.get(t, "/account"); !strings.Contains(got.text, "Ada Byron") || !strings.Contains(got.text, "Your profile is saved.") {
		t.Errorf("the page after it: %d", got.StatusCode)
	}
	for theme, status := range map[string]int{"dark": 303, "pink": 422} {
		if got := b.post(t, "/account/theme", url.Values{"theme": {theme}, "back": {"//evil.example"}}); got.StatusCode != status || strings.Contains(got.Header.Get("Location"), "evil") {
			t.Errorf("theme %s: %d %q", theme, got.StatusCode, got.Header.Get("Location"))
		}
	}
	if got := b.get(t, "/account"); !strings.Contains(got.text, `data-theme="dark"`) {
		t.Error("the page is not dark")
	}
	if got := b.post(t, "/account/password", url.Values{"current": {"wrong"}, "new": {"a new password"}, "again": {"a new password"}}); got.StatusCode != 422 || !strings.Contains(got.text, "not your current password") || !strings.Contains(got.text, "Ada Byron") {
		t.Errorf("a wrong current password: %d", got.StatusCode)
	}
	if got := b.post(t, "/account/password", url.Values{"current": {password}, "new": {"a new password"}, "again": {"a new password"}}); got.StatusCode != http.StatusSeeOther {
		t.Errorf("changed: %d", got.StatusCode)
	}
	if got := other.get(t, "/account"); got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/sign-in") {
		t.Errorf("the other browser stays signed in: %d", got.StatusCode)
	}
	third := cookie(t, w.signIn(t, "subscriber", "a new password", "")).Value
	if got := b.post(t, "/account/sessions/end-others", nil); got.StatusCode != http.StatusSeeOther {
		t.Errorf("others: %d", got.StatusCode)
	}
	if _, err := w.deps.Sessions.Find(t.Context(), third); err == nil {
		t.Error("the third session lives")
	}
	stranger := w.session(t, "publisher")
	found, err := w.deps.Sessions.Find(t.Context(), b.cookie)
	must(t, err)
	if got := stranger.post(t, "/account/sessions/"+found.PublicID+"/end", nil); got.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else ends it: %d", got.StatusCode)
	}
	if got := b.post(t, "/sign-out", nil); got.Header.Get("Location") != "/sign-in" {
		t.Errorf("signed out: %d", got.StatusCode)
	}
	if got := b.get(t, "/account"); got.StatusCode != http.StatusSeeOther {
		t.Errorf("the cookie lives: %d", got.StatusCode)
	}
}

func TestFailuresHaveAPage(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080", failing()...)
	b := w.session(t, "admin")
	got := b.get(t, "/admin/nowhere")
	if got.StatusCode != 404 || !strings.Contains(got.text, "<h1>There is nothing at this address</h1>") || !strings.Contains(got.text, "Sign out") || !strings.Contains(got.text, got.Header.Get("X-Request-Id")) {
		t.Errorf("signed in: %d %s", got.StatusCode, got.text)
	}
	if got := (&browser{w: w}).get(t, "/nowhere"); got.StatusCode != 404 || strings.Contains(got.text, "Sign out") || !strings.Contains(got.text, "Acme APIs") {
		t.Errorf("a stranger: %d", got.StatusCode)
	}
	if got := b.get(t, "/fail/fields"); got.StatusCode != 422 || !strings.Contains(got.text, "Enter a name.") {
		t.Errorf("fields: %d", got.StatusCode)
	}
}
