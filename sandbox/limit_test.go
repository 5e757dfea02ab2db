package sandbox_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82"

	"tollgate/internal/clock"
	"tollgate/sandbox"
)

func TestAnAccountMayCallSoOftenInASecond(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, another := s.as(oneKey), s.as(anotherKey)
	c.set(`{"calls_per_second":25}`)
	s.wall.pass(time.Second)
	for range 25 {
		c.must("GET /v1/products", "limit=1")
	}
	r := c.with("Idempotency-Key", "k").do("POST /v1/products", "name=Gold")
	r.want("error.code", "rate_limit")
	r.want("error.type", "invalid_request_error")
	if r.status != http.StatusTooManyRequests || r.header.Get("Stripe-Rate-Limited-Reason") != "global-rate" ||
		r.header.Get("Retry-After") != "" || r.header.Get("Stripe-Should-Retry") != "" {
		t.Errorf("%d %v", r.status, r.header)
	}
	another.must("GET /v1/products", "") // each account has its own
	// The business clock has nothing to do with it: these are calls that really arrive.
	if err := s.server.Advance(t.Context(), s.server.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if r := c.do("GET /v1/products", ""); r.status != http.StatusTooManyRequests {
		t.Errorf("an hour of business time made room: %d", r.status)
	}
	s.wall.pass(time.Second)
	if r := c.with("Idempotency-Key", "k").must("POST /v1/products", "name=Gold"); r.header.Get("Idempotent-Replayed") != "" {
		t.Error("the refusal was kept for the key")
	}
	c.must("GET /v1/products", "").want("data.1", nil)
	_, err := s.client(oneKey).V1Products.Retrieve(t.Context(), "prod_none", nil)
	if e, ok := errors.AsType[*stripe.Error](err); !ok || e.HTTPStatusCode != 404 {
		t.Errorf("%v", err)
	}
	c.set(`{"calls_per_second":0}`)
	for range 60 {
		c.must("GET /v1/products", "limit=1")
	}
}

func TestCallsByConnectHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	account := c.must("POST /v1/accounts", "type=standard").id()
	on := c.with("Stripe-Account", account)
	if r := s.post("/_sandbox/accounts/"+account+"/settings", `{"connect_calls_per_second":3,"calls_per_second":1}`); r.status != 200 {
		t.Fatal(r.body)
	}
	for range 3 {
		on.must("GET /v1/products", "")
	}
	if r := on.do("GET /v1/products", ""); r.status != http.StatusTooManyRequests || r.header.Get("Stripe-Rate-Limited-Reason") != "global-rate" {
		t.Errorf("%d %v", r.status, r.header)
	}
	for range 5 {
		c.must("GET /v1/products", "")
	}
}

func TestLimitsMayBeGivenToTheServer(t *testing.T) {
	t.Parallel()
	defaults := sandbox.DefaultSettings()
	defaults.CallsPerSecond, defaults.UsageDelay = 2, 5
	w := &wall{now: start}
	server, err := sandbox.Open(t.Context(), sandbox.Options{Path: ":memory:", Wall: clock.NewWall(w.Now), Defaults: &defaults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	call := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://sandbox.test/v1/products", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(oneKey, "")
		answer, err := server.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
		return answer.StatusCode
	}
	if got := []int{call(), call(), call()}; !slices.Equal(got, []int{200, 200, 429}) {
		t.Errorf("answered %v", got)
	}
	defaults.UsageDelay = 1000
	if s, err := sandbox.Open(t.Context(), sandbox.Options{Path: ":memory:", Defaults: &defaults}); err == nil {
		t.Errorf("a server with settings that make no sense was opened (%v)", s.Close())
	}
}

// While one event for a customer's meter is worked on, another for the same is
// refused; those of other customers and meters are not.
func TestAMeterTakesOneEventAtATimeForACustomer(t *testing.T) {
	t.Parallel()
	s := openSite(t, t.TempDir()+"/sandbox.db", &wall{now: start})
	c := s.as(oneKey)
	for _, name := range []string{"calls", "bytes"} {
		c.must("POST /v1/billing/meters", "display_name=M&event_name="+name+"&default_aggregation[formula]=sum")
	}
	ann, bob := c.must("POST /v1/customers", "name=Ann").id(), c.must("POST /v1/customers", "name=Bob").id()
	report := func(event, customer string) reply {
		return c.do("POST /v1/billing/meter_events", "event_name="+event+"&payload[value]=1&payload[stripe_customer_id]="+customer)
	}
	s.inject(`{"call":"POST /v1/billing/meter_events","how":"slow","by":"2s","after":true}`)
	var slow sync.WaitGroup
	slow.Go(func() {
		if r := report("calls", ann); r.status != 200 {
			t.Errorf("the slow one: %d %s", r.status, r.body)
		}
	})
	for len(s.server.Faults()) > 0 { // until it has struck
		time.Sleep(time.Millisecond)
	}
	refused := report("calls", ann)
	for refused.status == 200 { // it came between the fault and its effect
		refused = report("calls", ann)
	}
	if refused.status != http.StatusTooManyRequests || refused.text("error.code") != "lock_timeout" || refused.header.Get("Stripe-Rate-Limited-Reason") != "" {
		t.Errorf("%d %v %s", refused.status, refused.header, refused.body)
	}
	if !strings.Contains(refused.text("error.message"), "cannot be accessed right now") {
		t.Error(refused.body)
	}
	for _, other := range [][2]string{{"calls", bob}, {"bytes", ann}} {
		if r := report(other[0], other[1]); r.status != 200 {
			t.Errorf("%v: %d %s", other, r.status, r.body)
		}
	}
	slow.Wait()
	if r := report("calls", ann); r.status != 200 {
		t.Errorf("afterwards: %d %s", r.status, r.body)
	}
}
