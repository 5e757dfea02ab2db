package sandbox_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stripe/stripe-go/v82/webhook"

	"tollgate/internal/clock"
	"tollgate/sandbox"
)

// through is a client's transport that is a function.
type through func(*http.Request) (*http.Response, error)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// inMemory opens a sandbox that opens no sockets, and the client that calls it.
func inMemory(t testing.TB, o sandbox.Options) (*sandbox.Server, *http.Client) {
	t.Helper()
	o.Path, o.BaseURL = ":memory:", "http://stripe.test"
	server, err := sandbox.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, &http.Client{Transport: server.Transport()}
}

// quiet is a caller behind a client that opens no sockets.
func quiet(t *testing.T, server *sandbox.Server, client *http.Client, w *wall) caller {
	t.Helper()
	return (&site{t: t, server: server, wall: w, url: "http://stripe.test", http: client}).as(oneKey, "Stripe-Version", "2025-08-27.basil")
}

func TestASandboxNeedsNoSocket(t *testing.T) {
	t.Parallel()
	w := &wall{now: start}
	var heard []string
	receiver := &http.Client{Transport: through(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		heard = append(heard, string(body))
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})}
	server, client := inMemory(t, sandbox.Options{Wall: clock.NewWall(w.Now), Client: receiver, Senders: 1})
	s := stock(quiet(t, server, client, w))
	s.must("POST /v1/webhook_endpoints", "url=http://portal.test/hook&enabled_events[]=*")
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	s.advance(32 * 24 * time.Hour)
	renewed := s.must("GET /v1/invoices", "subscription="+id)
	renewed.want("data.0.billing_reason", "subscription_cycle")
	renewed.want("data.0.status", "paid")
	if n := strings.Count(strings.Join(heard, "\n"), `"type": "invoice.paid"`); n != 2 {
		t.Errorf("%d invoices were told of as paid", n)
	}
	page, err := client.Get("http://stripe.test/clock")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	if body, _ := io.ReadAll(page.Body); page.StatusCode != http.StatusOK || !strings.Contains(string(body), "<h1") {
		t.Errorf("%d %s", page.StatusCode, body)
	}
}

func TestCutConnectionsAndContextsWithoutSockets(t *testing.T) {
	t.Parallel()
	w := &wall{now: start}
	server, client := inMemory(t, sandbox.Options{Wall: clock.NewWall(w.Now)})
	c := quiet(t, server, client, w)
	if err := server.Inject(sandbox.Fault{Call: "GET /v1/products"}); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/v1/products", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(oneKey, "")
	if answer, err := client.Do(request); err == nil {
		t.Errorf("the connection was not cut: %d (%v)", answer.StatusCode, answer.Body.Close())
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if answer, err := client.Do(request.WithContext(over)); err == nil {
		t.Errorf("a call that was given up was answered: %d (%v)", answer.StatusCode, answer.Body.Close())
	}
	c.must("GET /v1/products", "")
}

// In a bubble receivers may be slow: only the bubble's clock waits for them.
func TestASandboxLivesInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var told, heard int
		server, err := sandbox.Open(t.Context(), sandbox.Options{Path: ":memory:", BaseURL: "http://stripe.test", Client: &http.Client{
			Timeout: 10 * time.Second,
			Transport: through(func(r *http.Request) (*http.Response, error) {
				answer := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}"))}
				if r.URL.Path == "/clock" {
					told++
					return answer, nil
				}
				heard++
				select {
				case <-time.After(3 * time.Second):
					return answer, nil
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			}),
		}, Senders: 1})
		if err != nil {
			t.Fatal(err)
		}
		site := &site{t: t, server: server, url: "http://stripe.test", http: &http.Client{Transport: server.Transport()}}
		s := stock(site.as(oneKey, "Stripe-Version", "2025-08-27.basil"))
		site.post("/_sandbox/followers", `{"name":"portal","url":"http://portal.test/clock","token":"x"}`)
		s.must("POST /v1/webhook_endpoints", "url=http://portal.test/hook&enabled_events[]=invoice.paid")
		from, err := server.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			told, heard = 0, 0
			if err := server.Restore(t.Context(), from); err != nil {
				t.Fatal(err)
			}
			s.subscribed(s.fixed, "1", "pm_card_visa")
			done := make(chan error, 2)
			for range 2 { // the second waits for the first, and time goes on
				go func() { done <- server.Advance(t.Context(), began.Add(32*24*time.Hour)) }()
			}
			synctest.Wait()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if <-done; heard != 2 || told == 0 {
				t.Errorf("%d webhooks, told %d times", heard, told)
			}
		}
		if took := time.Since(began); took < 12*time.Second || took > time.Minute {
			t.Errorf("four answers of three seconds took %s of the bubble's time", took)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestASnapshotBringsEverythingBack(t *testing.T) {
	t.Parallel()
	w := &wall{now: start}
	server, client := inMemory(t, sandbox.Options{Wall: clock.NewWall(w.Now), HoldWebhooks: true})
	s := stock(quiet(t, server, client, w))
	s.advance(24 * time.Hour)
	before := s.types()
	prepared, err := server.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, otherClient := inMemory(t, sandbox.Options{Wall: clock.NewWall(w.Now)})
	for _, at := range []struct {
		*sandbox.Server
		*http.Client
	}{{server, client}, {other, otherClient}, {server, client}} {
		if err := at.Restore(t.Context(), prepared); err != nil {
			t.Fatal(err)
		}
		here := s
		here.caller = quiet(t, at.Server, at.Client, w)
		if got := here.types(); !slices.Equal(got, before) {
			t.Errorf("events %v, want %v", got, before)
		}
		if ahead := at.Offset(); ahead != 24*time.Hour {
			t.Errorf("the clock is %s ahead", ahead)
		}
		here.subscribed(here.fixed, "1", "pm_card_visa")
		here.advance(40 * 24 * time.Hour)
		if n := len(here.types()); n <= len(before) {
			t.Error("nothing happened after the state came back")
		}
	}
	filed, err := sandbox.Open(t.Context(), sandbox.Options{Path: filepath.Join(t.TempDir(), "sandbox.db")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filed.Snapshot(t.Context()); err == nil {
		t.Error("a store in a file was copied")
	}
	if err := filed.Close(); err != nil {
		t.Error(err)
	}
}

func TestWebhooksCanBeHadWithoutSendingThem(t *testing.T) {
	t.Parallel()
	w := &wall{now: start}
	server, client := inMemory(t, sandbox.Options{Wall: clock.NewWall(w.Now), HoldWebhooks: true, Client: &http.Client{
		Transport: through(func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("something was sent to %s", r.URL)
		}),
	}})
	s := stock(quiet(t, server, client, w))
	made := s.must("POST /v1/webhook_endpoints", "url=http://portal.test/hook&enabled_events[]=customer.subscription.created&enabled_events[]=invoice.paid&api_version=2025-08-27.basil")
	s.must("POST /v1/webhook_endpoints", "url=http://other.test/hook&enabled_events[]=invoice.paid")
	s.subscribed(s.fixed, "1", "pm_card_visa")
	s.advance(time.Hour)
	ask := func(q sandbox.WebhookQuery) []sandbox.Webhook {
		got, err := server.Webhooks(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := ask(sandbox.WebhookQuery{Endpoint: made.id()})
	if len(got) != 2 || got[0].Type != "customer.subscription.created" || got[1].Type != "invoice.paid" || got[0].URL != "http://portal.test/hook" {
		t.Fatalf("%+v", got)
	}
	request, err := got[1].Request(t.Context(), start)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := webhook.ValidatePayloadIgnoringTolerance(body, request.Header.Get("Stripe-Signature"), made.text("secret")); err != nil {
		t.Error(err)
	}
	if !strings.Contains(string(body), `"api_version": "2025-08-27.basil"`) {
		t.Errorf("%s", body)
	}
	if all := ask(sandbox.WebhookQuery{}); len(all) != 3 {
		t.Errorf("%d webhooks in all", len(all))
	}
	if rest := ask(sandbox.WebhookQuery{Endpoint: made.id(), After: got[0].Event}); len(rest) != 1 || rest[0].Event != got[1].Event {
		t.Errorf("%+v", rest)
	}
	newer := ask(sandbox.WebhookQuery{Endpoint: made.id(), Version: "2026-04-22.dahlia"})
	if len(newer) != 2 || !strings.Contains(string(newer[0].Body), `"api_version": "2026-04-22.dahlia"`) {
		t.Errorf("%+v", newer)
	}
	for _, wrong := range []sandbox.WebhookQuery{{After: "evt_1"}, {Version: "2020-08-27"}} {
		if _, err := server.Webhooks(t.Context(), wrong); err == nil {
			t.Errorf("%+v was answered", wrong)
		}
	}
}

// BenchmarkRestore is what it costs to begin again from a prepared state.
func BenchmarkRestore(b *testing.B) {
	server, client := inMemory(b, sandbox.Options{})
	for _, form := range []string{"customers", "customers", "products"} {
		request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://stripe.test/v1/"+form, strings.NewReader("name=Ada"))
		if err != nil {
			b.Fatal(err)
		}
		request.SetBasicAuth(oneKey, "")
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := client.Do(request)
		if err != nil || answer.StatusCode != http.StatusOK {
			b.Fatal(answer, err)
		}
	}
	from, err := server.Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := server.Restore(b.Context(), from); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(from.Size()), "bytes")
}

// A call that nobody answers costs no real time in a bubble.
func TestATimeoutInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, err := sandbox.Open(t.Context(), sandbox.Options{Path: ":memory:", BaseURL: "http://stripe.test"})
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: server.Transport(), Timeout: 20 * time.Second}
		c := (&site{t: t, server: server, url: "http://stripe.test", http: client}).as(oneKey)
		c.inject(`{"call":"POST /v1/products","how":"timeout","after":true}`)
		began := time.Now()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/v1/products", strings.NewReader("name=Gold"))
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth(oneKey, "")
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if answer, err := client.Do(request); err == nil {
			t.Errorf("it was answered: %d (%v)", answer.StatusCode, answer.Body.Close())
		}
		if waited := time.Since(began); waited != 20*time.Second {
			t.Errorf("waited %s", waited)
		}
		c.must("GET /v1/products", "").want("data.0.name", "Gold")
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
}
