package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82"

	"tollgate/internal/clock"
	"tollgate/internal/stripetest"
	"tollgate/sandbox"
)

const (
	oneKey     = "sk_test_0123456789abcdefOne"
	anotherKey = "sk_test_0123456789abcdefTwo"
)

// start is when tests begin.
var start = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// A wall is a clock that tests move by hand.
type wall struct {
	sync.Mutex
	now time.Time
}

func (w *wall) Now() time.Time {
	w.Lock()
	defer w.Unlock()
	return w.now
}

func (w *wall) pass(d time.Duration) {
	w.Lock()
	defer w.Unlock()
	w.now = w.now.Add(d)
}

// A site is a sandbox that listens, with all its answers checked against
// Stripe's description.
type site struct {
	t      *testing.T
	server *sandbox.Server
	wall   *wall
	url    string
	http   *http.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	return openSite(t, ":memory:", &wall{now: start})
}

func openSite(t *testing.T, path string, w *wall) *site {
	t.Helper()
	server, err := sandbox.Open(t.Context(), sandbox.Options{Path: path, Wall: clock.NewWall(w.Now)})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(stripetest.ValidateHandler(t, server.Handler()))
	server.SetBaseURL(listening.URL)
	t.Cleanup(func() {
		listening.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return &site{t, server, w, listening.URL, http.DefaultClient}
}

// client is stripe-go, pointed at the sandbox.
func (s *site) client(key string) *stripe.Client {
	return stripe.NewClient(key, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(s.url), LeveledLogger: &stripe.LeveledLogger{},
		EnableTelemetry: stripe.Bool(false), MaxNetworkRetries: stripe.Int64(0),
	})))
}

// work does everything that is due.
func (s *site) work() {
	s.t.Helper()
	if _, err := s.server.RunOnce(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// A reply is an answer of the API.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   string
	json   map[string]any
}

// A caller is somebody with a key.
type caller struct {
	*site
	key    string
	header http.Header
}

func (s *site) as(key string, header ...string) caller {
	c := caller{s, key, http.Header{}}
	for i := 0; i+1 < len(header); i += 2 {
		c.header.Set(header[i], header[i+1])
	}
	return c
}

// with is the same caller with one more header.
func (c caller) with(name, value string) caller {
	c.header = c.header.Clone()
	c.header.Set(name, value)
	return c
}

// do sends "POST /v1/products" with a form such as "name=Gold".
func (c caller) do(line, form string) reply {
	c.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form)
	} else if form != "" {
		path += "?" + form
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, values := range c.header {
		request.Header[name] = values
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	return c.send(request)
}

func (s *site) send(request *http.Request) reply {
	t := s.t
	t.Helper()
	answer, err := s.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{t: t, status: answer.StatusCode, header: answer.Header, body: string(body)}
	if err := json.Unmarshal(body, &r.json); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, body)
	}
	return r
}

// must is do for calls that have to succeed.
func (c caller) must(line, form string) reply {
	c.t.Helper()
	r := c.do(line, form)
	if r.status != http.StatusOK {
		c.t.Fatalf("%s %s: %d\n%s", line, form, r.status, r.body)
	}
	return r
}

// at digs into the answer: "data.0.id".
func (r reply) at(path string) any {
	var v any = r.json
	for part := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[part]
		case []any:
			index := int(part[0] - '0')
			if index >= len(in) {
				return nil
			}
			v = in[index]
		default:
			return nil
		}
	}
	return v
}

// text is at for strings.
func (r reply) text(path string) string {
	s, _ := r.at(path).(string)
	return s
}

func (r reply) id() string { return r.text("id") }

// want fails the test unless what is at path equals value.
func (r reply) want(path string, value any) {
	r.t.Helper()
	if n, ok := value.(int); ok {
		value = float64(n)
	}
	if got := r.at(path); got != value {
		r.t.Errorf("%s is %v, want %v\n%s", path, got, value, r.body)
	}
}

// unchecked is must for what Stripe's description does not have.
func (c caller) unchecked(line, form string) reply {
	c.t.Helper()
	plain := httptest.NewServer(c.server.Handler())
	defer plain.Close()
	site := *c.site
	site.url = plain.URL
	return caller{&site, c.key, c.header}.must(line, form)
}

// post sends JSON to the sandbox's own addresses.
func (s *site) post(path, body string) reply {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(request)
}

// get reads one of the sandbox's own addresses.
func (s *site) get(path string) reply {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(request)
}
