package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82"
	"github.com/stripe/stripe-go/v82/webhook"

	"tollgate/internal/stripetest"
)

// An inbox is somebody's webhook endpoint.
type inbox struct {
	url    string
	mu     sync.Mutex
	got    []delivery
	answer int
}

type delivery struct {
	signature string
	body      []byte
	event     map[string]any
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{answer: http.StatusOK}
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d := delivery{r.Header.Get("Stripe-Signature"), body, map[string]any{}}
		_ = json.Unmarshal(body, &d.event)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.got = append(in.got, d)
		w.WriteHeader(in.answer)
		_, _ = io.WriteString(w, "thank you")
	}))
	t.Cleanup(listening.Close)
	in.url = listening.URL
	return in
}

func (in *inbox) answers(status int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.answer = status
}

// take returns what came since the last time.
func (in *inbox) take() []delivery {
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.got
	in.got = nil
	return got
}

func types(got []delivery) []string {
	var names []string
	for _, d := range got {
		name, _ := d.event["type"].(string)
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// listen makes an endpoint and returns its id and secret.
func (c caller) listen(in *inbox, form string) (id, secret string) {
	c.t.Helper()
	r := c.must("POST /v1/webhook_endpoints", "url="+url.QueryEscape(in.url)+"&"+form)
	return r.id(), r.text("secret")
}

func TestEventsAreSignedAndDescribedByStripe(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	c := s.as(oneKey)
	endpoint, secret := c.listen(in, "enabled_events[]=*&api_version=2025-08-27.basil")
	if len(secret) < 38 || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("the secret is %q", secret)
	}
	c.must("GET /v1/webhook_endpoints/"+endpoint, "").want("secret", nil)
	product := c.must("POST /v1/products", "name=Gold&metadata[a]=1")
	c.must("POST /v1/products/"+product.id(), "name=Silver&metadata[a]=2&metadata[b]=3")
	s.work()
	got := in.take()
	if names := types(got); !slices.Equal(names, []string{"product.created", "product.updated"}) {
		t.Fatalf("delivered: %v", names)
	}
	for _, d := range got {
		stripetest.Responses(t).ValidateEvent(d.body)
		// The real clock is not the sandbox's here, so the age is not looked at.
		event, err := webhook.ConstructEventWithOptions(d.body, d.signature, secret, webhook.ConstructEventOptions{IgnoreTolerance: true})
		if err != nil || event.APIVersion != stripe.APIVersion {
			t.Errorf("stripe-go refuses it: %v\n%s", err, d.body)
		}
	}
	for _, d := range got {
		if d.event["type"] != "product.updated" {
			continue
		}
		text := string(mustJSON(t, d.event["data"].(map[string]any)["previous_attributes"]))
		if want := `{"metadata":{"a":"1","b":null},"name":"Gold"}`; text != want {
			t.Errorf("previous_attributes: %s, want %s", text, want)
		}
	}
	c.must("GET /v1/events", "type=product.*").want("data.0.pending_webhooks", 0)
	c.must("GET /v1/events", "types[]=product.created").want("data.0.request.id", product.header.Get("Request-Id"))
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAForgedSignatureFails(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	c := s.as(oneKey)
	_, secret := c.listen(in, "enabled_events[]=product.created")
	c.must("POST /v1/products", "name=Gold")
	s.work()
	d := in.take()[0]
	if err := webhook.ValidatePayloadIgnoringTolerance(d.body, d.signature, secret); err != nil {
		t.Error(err)
	}
	if webhook.ValidatePayloadIgnoringTolerance(append(d.body, ' '), d.signature, secret) == nil {
		t.Error("other bytes pass")
	}
	if webhook.ValidatePayloadIgnoringTolerance(d.body, d.signature, secret+"x") == nil {
		t.Error("another secret passes")
	}
}

func TestWhoHearsWhat(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	own, connect, some, stranger := newInbox(t), newInbox(t), newInbox(t), newInbox(t)
	c := s.as(oneKey)
	c.listen(own, "enabled_events[]=*")
	c.listen(connect, "enabled_events[]=*&connect=true")
	c.listen(some, "enabled_events[]=customer.created")
	s.as(anotherKey).listen(stranger, "enabled_events[]=*&connect=true")
	account := c.must("POST /v1/accounts", "type=standard").id()
	c.must("POST /v1/products", "name=Ours")
	c.with("Stripe-Account", account).must("POST /v1/products", "name=Theirs")
	s.work()
	if got := own.take(); !slices.Equal(types(got), []string{"product.created"}) || got[0].event["account"] != nil {
		t.Errorf("the platform's endpoint heard %v", types(got))
	}
	if got := connect.take(); !slices.Equal(types(got), []string{"product.created"}) || got[0].event["account"] != account {
		t.Errorf("the Connect endpoint heard %v", types(got))
	}
	if got := append(some.take(), stranger.take()...); len(got) > 0 {
		t.Errorf("others heard %v", types(got))
	}
}

func TestFailedDeliveriesAreTriedAgain(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	c := s.as(oneKey)
	endpoint, _ := c.listen(in, "enabled_events[]=*")
	in.answers(http.StatusInternalServerError)
	c.must("POST /v1/products", "name=Gold")
	next, err := s.server.RunOnce(t.Context())
	if err != nil || next.Sub(s.wall.Now()) != 5*time.Second {
		t.Fatalf("the next try is %s away (%v)", next.Sub(s.wall.Now()), err)
	}
	c.must("GET /v1/events", "delivery_success=false").want("data.0.pending_webhooks", 1)
	s.work()
	if n := len(in.take()); n != 1 {
		t.Errorf("%d tries before the next was due", n)
	}
	tries := 1
	for range 100 {
		next, err := s.server.RunOnce(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if next.IsZero() {
			break
		}
		s.wall.pass(max(next.Sub(s.wall.Now()), 0))
		s.work()
		tries += len(in.take())
	}
	if took := s.wall.Now().Sub(start); tries != 12 || took < 2*24*time.Hour || took > 3*24*time.Hour {
		t.Errorf("given up after %d tries and %s", tries, took)
	}
	in.answers(http.StatusOK)
	id := c.must("GET /v1/events", "").text("data.0.id")
	c.unchecked("POST /v1/events/"+id+"/retry", "webhook_endpoint="+endpoint)
	s.work()
	if got := in.take(); len(got) != 1 || got[0].event["id"] != id {
		t.Errorf("resent: %v", types(got))
	}
	c.must("GET /v1/events", "delivery_success=true").want("data.0.id", id)
}

func TestRedirectsAreFailures(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	c := s.as(oneKey)
	c.listen(in, "enabled_events[]=*")
	in.answers(http.StatusFound)
	c.must("POST /v1/products", "name=Gold")
	s.work()
	c.must("GET /v1/events", "delivery_success=false").want("data.0.pending_webhooks", 1)
}

func TestEndpointsThatStopListeningAreLeftAlone(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(caller, string){
		"disabled": func(c caller, id string) { c.must("POST /v1/webhook_endpoints/"+id, "disabled=true") },
		"deleted":  func(c caller, id string) { c.must("DELETE /v1/webhook_endpoints/"+id, "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, in := newSite(t), newInbox(t)
			c := s.as(oneKey)
			id, _ := c.listen(in, "enabled_events[]=*")
			c.must("POST /v1/products", "name=Before")
			stop(c, id)
			c.must("POST /v1/products", "name=After")
			s.work()
			if got := in.take(); len(got) > 0 {
				t.Errorf("delivered %v", types(got))
			}
		})
	}
}

func TestADeadEndpointHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s, alive := newSite(t), newInbox(t)
	c := s.as(oneKey)
	c.must("POST /v1/webhook_endpoints", "url=http://127.0.0.1:1/&enabled_events[]=*")
	c.listen(alive, "enabled_events[]=*")
	for range 20 {
		c.must("POST /v1/products", "name=Gold")
	}
	s.work()
	if n := len(alive.take()); n != 20 {
		t.Errorf("%d of 20 events reached the living endpoint", n)
	}
}
