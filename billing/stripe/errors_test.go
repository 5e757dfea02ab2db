package stripe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/billing/stripe"
)

// server is an engine on a server that answers everything with handle, and what
// the engine logged.
func server(t *testing.T, handle http.HandlerFunc) (*stripe.Engine, *bytes.Buffer) {
	t.Helper()
	srv := httptest.NewServer(handle)
	t.Cleanup(srv.Close)
	var log bytes.Buffer
	return stripe.New(keys{1: testKey}, srv.URL, slog.New(slog.NewTextHandler(&log, nil)), nil), &log
}

func save(e *stripe.Engine) error {
	return e.SaveProduct(context.Background(), connected, "op_1", billing.Product{ID: "tg_1", Name: "Gold"})
}

func TestAnswersAreSorted(t *testing.T) {
	t.Parallel()
	said := `{"error":{"type":"%s","code":"c","decline_code":"d","param":"p","message":"Said so."}}`
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"wrong request", 400, fmt.Sprintf(said, "invalid_request_error"), "refused"},
		{"declined", 402, fmt.Sprintf(said, "card_error"), "refused"},
		{"gone", 404, fmt.Sprintf(said, "invalid_request_error"), "refused"},
		{"no such key", 401, fmt.Sprintf(said, "invalid_request_error"), "barred"},
		{"not this account", 403, fmt.Sprintf(said, "invalid_request_error"), "barred"},
		{"same key, other words", 400, fmt.Sprintf(said, "idempotency_error"), "unknown"},
		{"at the same time", 409, fmt.Sprintf(said, "invalid_request_error"), "unknown"},
		{"too fast", 429, fmt.Sprintf(said, "invalid_request_error"), "unknown"},
		{"broken", 500, fmt.Sprintf(said, "api_error"), "unknown"},
		{"down", 503, "<html>unavailable</html>", "unknown"},
		{"a proxy's 404", 404, "<html>not found</html>", "unknown"},
		{"a proxy's 400", 400, `{"message":"bad"}`, "unknown"},
		{"moved", 302, "", "unknown"},
		{"no object", 200, "null", "unknown"},
		{"empty object", 200, "{}", "unknown"},
		{"empty id", 200, `{"id":""}`, "unknown"},
		{"not JSON", 200, "<html>welcome</html>", "unknown"},
		{"nothing", 200, "", "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			e, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
				calls++
				w.Header().Set("Request-Id", "req_7")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			err := save(e)
			if got := kind(err); got != tt.want {
				t.Errorf("%v is %s, want %s", err, got, tt.want)
			}
			if calls != 1 {
				t.Errorf("%d calls: only the outbox tries again", calls)
			}
			if no, ok := errors.AsType[*billing.Refused](err); ok && *no != (billing.Refused{
				Status: tt.status, Code: "c", Decline: "d", Param: "p", Message: "Said so.", RequestID: "req_7",
			}) {
				t.Errorf("%+v", no)
			}
		})
	}
}

func kind(err error) string {
	if err == nil {
		return "no error"
	}
	if _, ok := errors.AsType[*billing.Refused](err); ok {
		return "refused"
	}
	if _, ok := errors.AsType[*billing.Barred](err); ok {
		return "barred"
	}
	return "unknown"
}

func TestNoAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	e, _ := server(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	defer close(release)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := e.Subscription(ctx, platform, "sub_1")
	if kind(err) != "unknown" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("timeout: %v", err)
	}

	cut, _ := server(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if err := save(cut); kind(err) != "unknown" {
		t.Errorf("cut off: %v", err)
	}

	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	nobody := stripe.New(keys{1: testKey}, gone.URL, nil, nil)
	if err := save(nobody); kind(err) != "unknown" {
		t.Errorf("nobody there: %v", err)
	}
}

// A payment's client secret comes with a declined card, and the key with every
// request. Neither may be in an error or in the log.
func TestErrorsAndLogsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	e, log := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"error":{"type":"api_error","message":"Oops.","payment_intent":{"id":"pi_1","client_secret":"pi_1_secret_hunter2"}}}`)
	})
	_, err := e.CreateCustomer(context.Background(), connected, "op_1", billing.CustomerInput{Name: "Ada", Email: "ada@example.com"})
	if err == nil {
		t.Fatal("no error")
	}
	all := fmt.Sprintf("%v %+v %#v\n%s", err, err, err, log)
	for _, leak := range []string{"hunter2", testKey, "ada@example.com"} {
		if strings.Contains(all, leak) {
			t.Errorf("%q is told: %s", leak, all)
		}
	}
	for _, words := range []string{"status=500", "path=/v1/customers", "account=acct_1Weather"} {
		if !strings.Contains(log.String(), words) {
			t.Errorf("%q is not logged: %s", words, log)
		}
	}
}

// In Stripe's API an empty id turns a read into a listing, and one with a slash
// another call altogether: none is sent.
func TestBadIDsAreNotSent(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	ctx := context.Background()
	for _, id := range []string{"", " ", ".", "..", "../accounts", "sub_1/items", "sub_1?x=y", "sub\n1", strings.Repeat("x", 256)} {
		for name, try := range map[string]func() error{
			"Subscription":    func() error { _, err := e.Subscription(ctx, platform, id); return err },
			"SubscriptionsOf": func() error { _, err := e.SubscriptionsOf(ctx, platform, id); return err },
			"Checkout":        func() error { _, err := e.Checkout(ctx, platform, id); return err },
			"Invoice":         func() error { _, err := e.Invoice(ctx, platform, id); return err },
			"InvoicesOf":      func() error { _, err := e.InvoicesOf(ctx, platform, id); return err },
			"Preview":         func() error { _, err := e.Preview(ctx, platform, id); return err },
			"ArchiveProduct":  func() error { return e.ArchiveProduct(ctx, platform, "op", id) },
			"SaveProduct":     func() error { return e.SaveProduct(ctx, platform, "op", billing.Product{ID: id, Name: "x"}) },
			"SetPriceActive":  func() error { return e.SetPriceActive(ctx, platform, "op", id, false) },
			"DeactivateMeter": func() error { return e.DeactivateMeter(ctx, platform, "op", id) },
			"ExpireCheckout":  func() error { _, err := e.ExpireCheckout(ctx, platform, "op", id); return err },
			"Cancel":          func() error { _, err := e.CancelSubscription(ctx, platform, "op", id, billing.CancelNow); return err },
			"Resume":          func() error { _, err := e.ResumeSubscription(ctx, platform, "op", id); return err },
			"OpenPortal": func() error {
				_, err := e.OpenPortal(ctx, platform, "op", billing.PortalInput{Customer: id, Configuration: "bpc_1"})
				return err
			},
			"OpenCheckout": func() error {
				_, err := e.OpenCheckout(ctx, platform, "op", billing.CheckoutInput{Customer: "cus_1", Price: id})
				return err
			},
			"CreatePrice": func() error {
				_, err := e.CreatePrice(ctx, platform, "op", billing.PriceInput{Product: id})
				return err
			},
			"ConnectedAccount": func() error {
				_, err := e.Account(ctx, accounts.StripeAccount{Tenant: 1, Connected: "acct_/" + id})
				return err
			},
		} {
			if err := try(); kind(err) != "refused" {
				t.Errorf("%s of %q: %v", name, id, err)
			}
		}
	}
	s.expect(t)
}

func TestNothingIsWrittenWithoutAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	for _, key := range []string{"", strings.Repeat("k", 201)} {
		if err := e.SaveProduct(context.Background(), platform, key, billing.Product{ID: "tg_1", Name: "x"}); kind(err) != "refused" {
			t.Errorf("key %q: %v", key, err)
		}
	}
	s.expect(t)
}

func TestTenantWithoutKeyIsBarred(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	if _, err := e.Account(context.Background(), accounts.Platform(2)); kind(err) != "barred" {
		t.Errorf("%v", err)
	}
	s.expect(t)
}

func TestEachTenantHasItsOwnKey(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	e.Keys = keys{1: testKey, 2: "sk_test_fedcba9876543210"}
	s.say("GET /v1/account", ok(`{"id":"acct_1P","object":"account"}`))
	for _, tenant := range []accounts.StripeAccount{accounts.Platform(1), accounts.Platform(2), accounts.Platform(1)} {
		if _, err := e.Account(context.Background(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{testKey, "sk_test_fedcba9876543210", testKey} {
		if s.calls[i].Auth != "Bearer "+want || s.calls[i].Account != "" {
			t.Errorf("call %d: %+v", i, s.calls[i])
		}
	}
}
