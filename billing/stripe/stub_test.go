package stripe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tollgate/accounts"
	"tollgate/billing/stripe"
	"tollgate/internal/stripetest"
	"tollgate/models"
)

// A call is one request as Stripe would see it.
type call struct {
	Method, Path                string
	Account, Key, Auth, Version string
	Form                        url.Values
}

func (c call) route() string { return c.Method + " " + c.Path }

// An answer is what the stub says to one call.
type answer struct {
	status int
	body   string
}

func ok(body string) answer { return answer{http.StatusOK, body} }

// no is a refusal in Stripe's words.
func no(status int, code, message string) answer {
	kind := "invalid_request_error"
	if status == http.StatusPaymentRequired {
		kind = "card_error"
	}
	return answer{status, fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":%q,"decline_code":"generic_decline","param":"p"}}`, kind, code, message)}
}

// A stub answers each route with its answers in turn, the last one for ever, and
// remembers what it was asked. What it was not told to answer is 404.
type stub struct {
	mu      sync.Mutex
	calls   []call
	answers map[string][]answer
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := call{
		Method: r.Method, Path: r.URL.Path, Form: r.URL.Query(), Account: r.Header.Get("Stripe-Account"),
		Key: r.Header.Get("Idempotency-Key"), Auth: r.Header.Get("Authorization"), Version: r.Header.Get("Stripe-Version"),
	}
	if r.Body != nil && r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if c.Form, err = url.ParseQuery(string(body)); err != nil {
			return nil, err
		}
	}
	s.calls = append(s.calls, c)
	a := no(http.StatusNotFound, "resource_missing", "No such thing.")
	if all := s.answers[c.route()]; len(all) > 0 {
		a = all[0]
		if len(all) > 1 {
			s.answers[c.route()] = all[1:]
		}
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Request-Id": {"req_1"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

// say makes the stub answer route with all in turn.
func (s *stub) say(route string, all ...answer) { s.answers[route] = all }

// routes are the calls made, in order.
func (s *stub) routes() []string {
	var out []string
	for _, c := range s.calls {
		out = append(out, c.route())
	}
	return out
}

// expect fails t unless exactly these calls were made.
func (s *stub) expect(t *testing.T, routes ...string) {
	t.Helper()
	if !slices.Equal(s.routes(), routes) {
		t.Fatalf("calls\n  %s\nwant\n  %s", strings.Join(s.routes(), "\n  "), strings.Join(routes, "\n  "))
	}
}

// form fails t unless call i sent exactly want: "name", "value", ….
func (s *stub) form(t *testing.T, i int, want ...string) {
	t.Helper()
	all := url.Values{}
	for j := 0; j < len(want); j += 2 {
		all.Add(want[j], want[j+1])
	}
	got, _ := url.QueryUnescape(s.calls[i].Form.Encode())
	asked, _ := url.QueryUnescape(all.Encode())
	if got != asked {
		t.Errorf("%s sent\n  %s\nwant\n  %s", s.calls[i].route(), strings.ReplaceAll(got, "&", "\n  "), strings.ReplaceAll(asked, "&", "\n  "))
	}
}

// keys holds a key per tenant.
type keys map[models.TenantID]string

func (k keys) StripeKey(_ context.Context, t models.TenantID) (string, error) { return k[t], nil }

const testKey = "sk_test_0123456789abcdef"

var (
	platform  = accounts.Platform(1)
	connected = accounts.StripeAccount{Tenant: 1, Connected: "acct_1Weather"}
)

// engine returns an engine whose every request stripe-mock judges before stub
// answers it.
func engine(t *testing.T) (*stripe.Engine, *stub) {
	t.Helper()
	s := &stub{answers: map[string][]answer{}}
	return stripe.New(keys{1: testKey}, "http://stripe.test", slog.New(slog.DiscardHandler), stripetest.Checked(t, s)), s
}

// file is a file of testdata in one line.
func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out.String()
}

// listing is a page of things.
func listing(hasMore bool, things ...string) answer {
	return ok(fmt.Sprintf(`{"object":"list","has_more":%t,"url":"","data":[%s]}`, hasMore, strings.Join(things, ",")))
}
