package stripetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
)

// An exception is a kind of request that stripe-mock cannot judge, although
// Stripe takes it.
type exception struct {
	prefix string // of the path
	why    string
}

// exceptions are all requests a test may send past stripe-mock, by the names
// Checked takes. What is not here is always judged.
var exceptions = map[string]exception{
	"oauth":         {"/oauth/", "Connect's OAuth is not in the OpenAPI description: 404"},
	"v2":            {"/v2/", "the second API has a description of its own: 404"},
	"payment_pages": {"/v1/payment_pages/", "private calls of Stripe's CLI, in no description: 404"},
	"followers":     {"/v1/test_helpers/followers", "the sandbox's own addition, not Stripe's"},
}

// Checked returns a transport that shows every request to stripe-mock before
// next sends it, and fails t for each one the mock refuses. The requests named
// in except, names of the table above, go past the mock. A refused request is
// still sent, so that the test goes on as it would without the check.
func Checked(t testing.TB, next http.RoundTripper, except ...string) http.RoundTripper {
	t.Helper()
	for _, name := range except {
		if _, known := exceptions[name]; !known {
			t.Fatalf("stripetest: there is no exception named %q", name)
		}
	}
	return &checker{t, next, except}
}

type checker struct {
	t      testing.TB
	next   http.RoundTripper
	except []string
}

func (c *checker) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.excepted(r.URL.Path) {
		return c.next.RoundTrip(r)
	}
	body, err := takeBody(r)
	if err != nil {
		return nil, err
	}
	if status, answer := ask(r, body); status >= http.StatusBadRequest {
		c.t.Errorf("stripe-mock refuses %s %s with %d\n  sent: %s\n  says: %s",
			r.Method, r.URL.Path, status, sent(r, body), answer)
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	return c.next.RoundTrip(again)
}

func (c *checker) excepted(path string) bool {
	return slices.ContainsFunc(c.except, func(name string) bool {
		return strings.HasPrefix(path, exceptions[name].prefix)
	})
}

func takeBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}

func sent(r *http.Request, body []byte) string {
	if len(body) > 0 {
		return string(body)
	}
	return r.URL.RawQuery
}

// ask has the mock judge a copy of r. The key is replaced: the mock wants keys
// of exactly three parts, which Stripe does not.
func ask(r *http.Request, body []byte) (status int, message string) {
	q := r.Clone(r.Context())
	q.Body = io.NopCloser(bytes.NewReader(body))
	q.Header.Set("Authorization", "Bearer sk_test_mock")
	w, m := httptest.NewRecorder(), mock()
	silently(func() { m.HandleRequest(w, q) })
	return w.Code, said(w.Body.Bytes())
}

func said(answer []byte) string {
	var e server.ResponseError
	if json.Unmarshal(answer, &e) != nil || e.ErrorInfo.Message == "" {
		return string(answer)
	}
	return e.ErrorInfo.Message
}

var mock = sync.OnceValue(func() *server.StubServer {
	var stub *server.StubServer
	silently(func() { stub = must(newMock()) })
	return stub
})

func newMock() (*server.StubServer, error) {
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, err
	}
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, err
	}
	return server.NewStubServer(fixtures, spec, false, false)
}

var quiet sync.Mutex

// silently keeps what f prints from the test's output: the mock writes several
// lines a request to standard output, and has no switch for it. Package testing
// took its own reference at the start, so nothing of the test's is lost.
func silently(f func()) {
	null := devNull()
	quiet.Lock()
	defer quiet.Unlock()
	out := os.Stdout
	os.Stdout = null
	defer func() { os.Stdout = out }()
	f()
}

var devNull = sync.OnceValue(func() *os.File {
	return must(os.OpenFile(os.DevNull, os.O_WRONLY, 0))
})

// must is for what the module itself embeds: a failure is a broken build.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("stripetest: %v", err))
	}
	return v
}
