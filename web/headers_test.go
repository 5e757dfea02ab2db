package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"tollgate/internal/fault"
	"tollgate/static"
)

// failing is a route for each way to fail.
func failing() []Route {
	fail := func(err error) fiber.Handler { return func(*fiber.Ctx) error { return err } }
	return []Route{
		{"GET", "/fail/panic", Machine, func(*fiber.Ctx) error { panic("secret sk_test_in_a_panic") }},
		{"GET", "/fail/internal", Machine, fail(errors.New("secret sk_test_in_an_error"))},
		{"GET", "/fail/conflict", Visitor, fail(fault.New(fault.Conflict, "Somebody was faster."))},
		{"GET", "/fail/fields", Visitor, fail(fault.Fields{"name": "Enter a name."}.Err())},
		{"GET", "/fail/many", Machine, fail(fault.New(fault.TooMany, "Wait."))},
		{"GET", "/fail/half", Machine, func(c *fiber.Ctx) error {
			_ = c.SendString("half a secret page")
			return fault.From(fault.Unavailable, errors.New("cause"), "Stripe does not answer.")
		}},
	}
}

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	t.Parallel()
	w := setup(t, "https://portal.example", append(doors(), failing()...)...)
	admin := w.session(t, "admin")
	for path, status := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/door/visitor/1": 200, "/door/admin/1": 200, "/door/publisher/1": 404, "/nowhere": 404,
		"/static/nothing.js": 404, "/" + "static/css/tollgate.css": 200, "/fail/panic": 500, "/fail/internal": 500, "/fail/conflict": 409,
		"/fail/fields": 422, "/fail/many": 429, "/fail/half": 503,
	} {
		for _, accept := range []string{"text/html", "application/json"} {
			got := admin.get(t, path, "Accept", accept)
			if got.StatusCode != status {
				t.Errorf("%s: %d, want %d", path, got.StatusCode, status)
			}
			for name, want := range map[string]string{
				"Content-Security-Policy": "script-src 'self'; style-src 'self'; ", "X-Content-Type-Options": "nosniff",
				"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=",
			} {
				if !strings.Contains(got.Header.Get(name), want) {
					t.Errorf("%s: %s is %q", path, name, got.Header.Get(name))
				}
			}
			if csp := got.Header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "form-action 'self' https://checkout.stripe.com") || !strings.Contains(csp, "frame-ancestors 'none'") {
				t.Errorf("%s: the policy is %s", path, csp)
			}
			if cache := got.Header.Get("Cache-Control"); cache != "no-store" && !strings.HasPrefix(path, "/static/css") {
				t.Errorf("%s may be kept: %q", path, cache)
			}
			for _, secret := range []string{"sk_test", "goroutine", "half a secret"} {
				if strings.Contains(got.text, secret) {
					t.Errorf("%s tells %q", path, secret)
				}
			}
		}
	}
	plain := setup(t, "http://127.0.0.1:8080")
	if got := (&browser{w: plain}).get(t, "/healthz"); got.Header.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS over plain http")
	}
}

func TestProgramsGetProblems(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080", failing()...)
	b := &browser{w: w}
	got := b.get(t, "/fail/fields", "Accept", "application/json")
	var p struct {
		Type, Title, Detail string
		Status              int
		RequestID           string            `json:"request_id"`
		Errors              map[string]string `json:"errors"`
	}
	must(t, json.Unmarshal([]byte(got.text), &p))
	if got.Header.Get("Content-Type") != "application/problem+json" || p.Status != 422 || p.Errors["name"] != "Enter a name." || p.Title != "Unprocessable Entity" {
		t.Errorf("%s: %+v", got.Header.Get("Content-Type"), p)
	}
	if p.RequestID == "" || p.RequestID != got.Header.Get("X-Request-Id") || !strings.Contains(w.logs.String(), p.RequestID) {
		t.Errorf("the request is called %q, %q", p.RequestID, got.Header.Get("X-Request-Id"))
	}
	if got := b.get(t, "/fail/many", "Accept", "application/json"); got.Header.Get("Retry-After") == "" {
		t.Error("nobody says how long to wait")
	}
	if got := b.ask(t, "HEAD", "/healthz", ""); got.StatusCode != 200 || got.text != "" {
		t.Errorf("HEAD /healthz: %d %q", got.StatusCode, got.text)
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		if got := b.ask(t, method, "/healthz", ""); got.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s /healthz: %d", method, got.StatusCode)
		}
	}
}

func TestEveryKindOfFailureHasAStatus(t *testing.T) {
	t.Parallel()
	for k := fault.Internal; k <= fault.Unavailable; k++ {
		if statuses[k] < 400 || http.StatusText(statuses[k]) == "" {
			t.Errorf("kind %d answers %d", k, statuses[k])
		}
	}
}

func TestLogsSayWhatHappenedAndNoMore(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080", append(doors(), failing()...)...)
	b := w.session(t, "admin")
	b.get(t, "/door/admin/secret-in-a-path?q=secret-in-a-query", "X-Thing", "secret-in-a-header")
	b.post(t, "/door/admin/1", map[string][]string{"password": {"secret-in-a-form"}})
	b.get(t, "/fail/internal")
	logged := w.logs.String()
	for _, want := range []string{"route=/door/admin/:id", "status=200", "door=admin", "tenant=-1234", "person=", "duration_ms=", "level=ERROR", "sk_test_in_an_error"} {
		if !strings.Contains(logged, want) {
			t.Errorf("the log has no %s:\n%s", want, logged)
		}
	}
	for _, secret := range []string{"secret-in", b.cookie, b.token, "@"} {
		if strings.Contains(logged, secret) {
			t.Errorf("the log has %q:\n%s", secret, logged)
		}
	}
}

func TestFilesAreKeptByTheirNames(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	b := &browser{w: w}
	got := b.get(t, static.Path("css/tollgate.css"), "Accept-Encoding", "gzip")
	if got.StatusCode != 200 || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") || got.Header.Get("Content-Encoding") != "gzip" || got.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
	again := b.get(t, static.Path("css/tollgate.css"), "If-None-Match", got.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified || again.text != "" {
		t.Errorf("asked again: %d", again.StatusCode)
	}
	plain := b.get(t, "/static/css/tollgate.css")
	if plain.StatusCode != 200 || strings.Contains(plain.Header.Get("Cache-Control"), "immutable") || len(plain.text) <= len(got.text) {
		t.Errorf("by its plain name: %d %v", plain.StatusCode, plain.Header)
	}
}

// What a handler keeps of a request must not change when the server reads the
// next one into the same memory.
func TestNothingKeptChangesLater(t *testing.T) {
	t.Parallel()
	kept := map[string]string{}
	var names []string
	keep := func(c *fiber.Ctx) error {
		name := c.Params("name")
		names = append(names, name)
		kept[name] = c.Get("X-Key") + c.Query("q") + c.FormValue("f") + c.Cookies("c")
		return c.SendString("ok")
	}
	w := setup(t, "http://127.0.0.1:8080", Route{"POST", "/keep/:name", Machine, keep})
	address := listen(t, w)
	var all strings.Builder
	for i := range 300 {
		body := fmt.Sprintf("f=form%03d", i)
		fmt.Fprintf(&all, "POST /keep/name%03d?q=query%03d HTTP/1.1\r\nHost: a\r\nX-Key: key%03d\r\nCookie: c=cookie%03d\r\n"+
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", i, i, i, i, len(body), body)
	}
	if got := raw(t, address, all.String()); len(got) != 300 {
		t.Fatalf("%d answers", len(got))
	}
	for i, name := range names {
		want := fmt.Sprintf("key%03dquery%03dform%03dcookie%03d", i, i, i, i)
		if name != fmt.Sprintf("name%03d", i) || kept[name] != want {
			t.Fatalf("request %d is kept as %q: %q, want %q", i, name, kept[name], want)
		}
	}
}
