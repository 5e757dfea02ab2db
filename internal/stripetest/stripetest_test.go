package stripetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	basil "github.com/stripe/stripe-mock-basil/embedded"
	dahlia "github.com/stripe/stripe-mock/embedded"
)

// witness stands in for a test and remembers what failed it.
type witness struct {
	testing.TB
	failures []string
}

func (w *witness) Helper() {}
func (w *witness) Errorf(format string, args ...any) {
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
}
func (w *witness) Fatalf(format string, args ...any) { w.Errorf(format, args...) }

func answering(t *testing.T, status int, header, body string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Got", string(got))
		w.Header().Set("Stripe-Version", header)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

func post(t *testing.T, via http.RoundTripper, url, form string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer sk_test_many_parts_here")
	answer, err := via.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer
}

func TestMockJudgesRequests(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, path, form string
		refused          string // part of the reason; empty: passes
	}{
		{"right", "/v1/customers", "email=ada@byron.example&metadata[a]=b", ""},
		{"wrong parameter", "/v1/customers", "e_mail=ada@byron.example", "e_mail"},
		{"wrong value", "/v1/prices", "currency=usd&product=p&recurring[interval]=fortnight", "interval"},
		{"missing parameter", "/v1/prices", "product=prod_1", "currency"},
		{"unknown path", "/v1/clients", "", "Unrecognized request URL"},
		{"oauth is no exception unless named", "/oauth/token", "grant_type=authorization_code", "Unrecognized"},
	}
	server := answering(t, http.StatusOK, "", "{}")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := &witness{TB: t}
			answer := post(t, Checked(w, http.DefaultTransport), server.URL+c.path, c.form)
			if answer.Header.Get("Got") != c.form {
				t.Errorf("the server got %q, want %q", answer.Header.Get("Got"), c.form)
			}
			if (len(w.failures) > 0) != (c.refused != "") {
				t.Fatalf("failures = %q, want one with %q", w.failures, c.refused)
			}
			if c.refused != "" && !strings.Contains(w.failures[0], c.refused) {
				t.Errorf("%q does not name %q", w.failures[0], c.refused)
			}
		})
	}
}

func TestNamedExceptionsPass(t *testing.T) {
	t.Parallel()
	server := answering(t, http.StatusOK, "", "{}")
	w := &witness{TB: t}
	post(t, Checked(w, http.DefaultTransport, "oauth"), server.URL+"/oauth/token", "code=x")
	if len(w.failures) > 0 {
		t.Error(w.failures)
	}
	Checked(w, http.DefaultTransport, "anything")
	if len(w.failures) != 1 {
		t.Error("an exception nobody declared was accepted")
	}
}

func TestStandardOutputComesBack(t *testing.T) {
	before := os.Stdout
	silently(func() { fmt.Println("the mock talks") })
	if os.Stdout != before {
		t.Error("standard output stayed closed")
	}
}

// TestDescriptionsAcceptStripesExamples validates the examples that come with
// each description, so that what fails in the sandbox is the sandbox's fault.
func TestDescriptionsAcceptStripesExamples(t *testing.T) {
	t.Parallel()
	for version, raw := range map[string][]byte{
		"2025-05-28.basil":  basil.OpenAPIFixtures,
		"2026-08-26.dahlia": dahlia.OpenAPIFixtures,
	} {
		var f struct{ Resources map[string]json.RawMessage }
		if err := json.Unmarshal(raw, &f); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"account", "product", "price", "billing.meter", "customer", "subscription", "invoice", "checkout.session", "event", "webhook_endpoint"} {
			if f.Resources[name] == nil {
				t.Errorf("%s has no example of %s", version, name)
				continue
			}
			Responses(t).ValidateObject(version, f.Resources[name])
		}
	}
}

func TestWrongAnswersFail(t *testing.T) {
	t.Parallel()
	const product = `{"id":"prod_1","object":"product","active":true,"created":1,"images":[],"livemode":false,
		"marketing_features":[],"metadata":{},"name":"Gold","updated":1,"description":null,"default_price":null,
		"package_dimensions":null,"shippable":null,"tax_code":null,"url":null,"type":"service","newer":"field"}`
	cases := []struct {
		name, path, body string
		status           int
		wrong            bool
	}{
		{"right", "/v1/products/prod_1", product, 200, false},
		{"deleted", "/v1/products/prod_1", `{"id":"prod_1","object":"product","deleted":true}`, 200, true},
		{"wrong type", "/v1/products/prod_1", strings.Replace(product, `"created":1`, `"created":"1"`, 1), 200, true},
		{"missing field", "/v1/products/prod_1", strings.Replace(product, `"name":"Gold",`, ``, 1), 200, true},
		{"unknown path", "/v1/goods/prod_1", product, 200, true},
		{"error", "/v1/products/prod_1", `{"error":{"type":"invalid_request_error","message":"No such product"}}`, 404, false},
		{"wrong error", "/v1/products/prod_1", `{"error":{"type":"sad"}}`, 404, true},
		{"the static path wins", "/v1/invoices/upcoming", `{}`, 200, true},
		{"the CLI's own", "/v1/payment_pages/cs_1", `{}`, 200, false},
	}
	for _, version := range []string{"2025-08-27.basil", "2026-04-22.dahlia"} {
		for _, c := range cases {
			w := &witness{TB: t}
			Responses(w).Validate(version, http.MethodGet, c.path, c.status, []byte(c.body))
			if (len(w.failures) > 0) != c.wrong {
				t.Errorf("%s, %s: failures %q, want %v", version, c.name, w.failures, c.wrong)
			}
		}
	}
}

func TestHandlersAnswersAreValidated(t *testing.T) {
	t.Parallel()
	w := &witness{TB: t}
	wrong := ValidateHandler(w, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Stripe-Version", "2025-08-27.basil")
		io.WriteString(w, `{"object":"customer"}`)
	}))
	wrong.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/customers/cus_1", nil))
	if len(w.failures) != 1 || !strings.Contains(w.failures[0], "basil") {
		t.Errorf("failures = %q, want one that names basil", w.failures)
	}
	wrong.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/c/pay/cs_1", nil))
	if len(w.failures) != 1 {
		t.Errorf("a page was validated as an answer of the API: %q", w.failures)
	}
}

// TestBasilIsOlder proves that the two descriptions are not the same module
// under two names.
func TestBasilIsOlder(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"2025-08-27.basil": "2025-05-28.basil", "2026-04-22.dahlia": "2026-08-26.dahlia", "": "2026-08-26.dahlia"} {
		if got := describe(version).doc.Info.Version; got != want {
			t.Errorf("%q is described by %s, want %s", version, got, want)
		}
	}
}

func TestEventsAreValidatedWithTheirObject(t *testing.T) {
	t.Parallel()
	event := func(object string) json.RawMessage {
		return json.RawMessage(`{"id":"evt_1","object":"event","api_version":"2025-08-27.basil","created":1,"livemode":false,
			"pending_webhooks":0,"type":"product.deleted","request":null,"data":{"object":` + object + `}}`)
	}
	w := &witness{TB: t}
	Responses(w).ValidateEvent(event(`{"id":"prod_1","object":"product","deleted":true}`))
	if len(w.failures) != 0 {
		t.Error(w.failures)
	}
	Responses(w).ValidateEvent(event(`{"id":"prod_1","object":"product"}`))
	if !slices.ContainsFunc(w.failures, func(f string) bool { return strings.Contains(f, "active") }) {
		t.Errorf("failures = %q, want one about active", w.failures)
	}
}
