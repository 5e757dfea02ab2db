package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// sessionRoutes sign in and out, leave notices and read them.
func sessionRoutes(people *accounts.People) []Route {
	return []Route{
		{"POST", "/try/in", Visitor, func(c *fiber.Ctx) error {
			who, err := people.SignIn(c.UserContext(), accounts.Attempt{Username: c.FormValue("username"), Password: c.FormValue("password"), Address: c.IP()})
			if err != nil {
				return err
			}
			if err := session.SignIn(c, who); err != nil {
				return err
			}
			return respond.SeeOther(c, "/try/notes", "Welcome.")
		}},
		{"POST", "/try/out", SignedIn, func(c *fiber.Ctx) error {
			if err := session.SignOut(c); err != nil {
				return err
			}
			return respond.SeeOther(c, "/try/notes", "You are signed out.")
		}},
		{"GET", "/try/notes", Visitor, func(c *fiber.Ctx) error {
			var b strings.Builder
			b.WriteString(session.Actor(c).Username + ":" + session.FormToken(c) + ":")
			for _, n := range session.Notices(c) {
				b.WriteString(n.Text)
			}
			return c.SendString(b.String())
		}},
		{"POST", "/try/note", Visitor, func(c *fiber.Ctx) error {
			session.Notice(c, "good", "Once.")
			return respond.SeeOther(c, "/try/notes")
		}},
	}
}

func sessionWorld(t *testing.T, address string) *world {
	t.Helper()
	w := setup(t, address)
	w.app = assemble(w.deps, append(Routes(w.deps), sessionRoutes(w.deps.People)...))
	return w
}

// cookie returns the cookie that an answer sets last.
func cookie(t *testing.T, a answer) *http.Cookie {
	t.Helper()
	all := a.Cookies()
	if len(all) == 0 {
		t.Fatalf("%d sets no cookie: %s", a.StatusCode, a.text)
	}
	return all[len(all)-1]
}

func TestSigningInChangesTheSession(t *testing.T) {
	t.Parallel()
	for address, name := range map[string]string{"https://portal.example": "__Host-tollgate", "http://127.0.0.1:8080": "tollgate"} {
		w := sessionWorld(t, address)
		visitor := &browser{w: w}
		first := cookie(t, visitor.post(t, "/try/note", nil))
		visitor.cookie = first.Value
		form := url.Values{"username": {"admin"}, "password": {password}}
		in := visitor.post(t, "/try/in", form)
		second := cookie(t, in)
		if in.StatusCode != http.StatusSeeOther || second.Value == first.Value {
			t.Fatalf("%s: signed in with %d, cookie %q after %q", address, in.StatusCode, second.Value, first.Value)
		}
		if second.Name != name || !second.HttpOnly || second.SameSite != http.SameSiteLaxMode || second.Path != "/" || second.Domain != "" || second.Secure != strings.HasPrefix(address, "https") {
			t.Errorf("%s: the cookie is %+v", address, second)
		}
		if len(second.Value) != 43 {
			t.Errorf("the id has %d characters", len(second.Value))
		}
		if got := visitor.get(t, "/try/notes"); got.text != "::" { // the old cookie
			t.Errorf("the id from before sign-in still opens %q", got.text)
		}
		person := &browser{w: w, cookie: second.Value, token: session.TokenOf(second.Value)}
		if got := person.get(t, "/try/notes"); got.text != "admin:"+person.token+":Once.Welcome." {
			t.Errorf("signed in, the page says %q", got.text)
		}
		if got := person.get(t, "/try/notes"); !strings.HasSuffix(got.text, ":") {
			t.Errorf("a notice is told twice: %q", got.text)
		}
		out := person.post(t, "/try/out", nil)
		if out.StatusCode != http.StatusSeeOther || cookie(t, out).Value == second.Value {
			t.Errorf("signed out with %d", out.StatusCode)
		}
		if got := person.get(t, "/try/notes"); got.text != "::" {
			t.Errorf("the cookie still opens %q after signing out", got.text)
		}
		after := &browser{w: w, cookie: cookie(t, out).Value}
		if got := after.get(t, "/try/notes"); !strings.HasPrefix(got.text, ":") || !strings.HasSuffix(got.text, ":You are signed out.") {
			t.Errorf("signed out, the page says %q", got.text)
		}
	}
}

func TestVisitorsGetACookieOnlyForANotice(t *testing.T) {
	t.Parallel()
	w := sessionWorld(t, "http://127.0.0.1:8080")
	b := &browser{w: w}
	if got := b.get(t, "/try/notes"); len(got.Cookies()) != 0 {
		t.Errorf("a visitor gets %v", got.Cookies())
	}
	for _, forged := range []string{"x", strings.Repeat("A", 43), strings.Repeat("A", 5000), "%00"} {
		b.cookie = forged
		if got := b.get(t, "/try/notes"); got.StatusCode != 200 || got.text != "::" {
			t.Errorf("the cookie %.50q: %d %q", forged, got.StatusCode, got.text)
		}
	}
}

func TestSessionsEndByThemselves(t *testing.T) {
	t.Parallel()
	w := sessionWorld(t, "http://127.0.0.1:8080")
	b := w.session(t, "admin")
	w.mu.Lock()
	w.now = w.now.Add(12*time.Hour + time.Second)
	w.mu.Unlock()
	if got := b.get(t, "/try/notes"); got.text != "::" {
		t.Errorf("after 12 idle hours: %q", got.text)
	}
}

// A wrong password tells nothing but that, whoever it was for.
func TestWrongSignInsLookAlike(t *testing.T) {
	t.Parallel()
	w := sessionWorld(t, "http://127.0.0.1:8080")
	b := &browser{w: w}
	var told []string
	for _, name := range []string{"admin", "nobody", "admin@twin.example", "admin@nowhere.example"} {
		got := b.post(t, "/try/in", url.Values{"username": {name}, "password": {"wrong"}}, "Accept", "application/json")
		if got.StatusCode != http.StatusUnauthorized || len(got.Cookies()) != 0 {
			t.Errorf("%s: %d, %v", name, got.StatusCode, got.Cookies())
		}
		told = append(told, strings.ReplaceAll(got.text, got.Header.Get("X-Request-Id"), ""))
	}
	for _, text := range told {
		if text != told[0] {
			t.Errorf("%q and %q differ", told[0], text)
		}
	}
}
