package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/internal/stripetest"
	"tollgate/sandbox"
)

// inject makes something go wrong, and returns its id.
func (s *site) inject(fault string) string {
	s.t.Helper()
	r := s.post("/_sandbox/faults", fault)
	if r.status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", fault, r.status, r.body)
	}
	return r.text("id")
}

// names are the names of the products that webhooks tell of, in the order they came.
func names(got []delivery) (out []string) {
	for _, d := range got {
		name, _ := reply{json: d.event}.at("data.object.name").(string)
		out = append(out, name)
	}
	return out
}

func TestStandingFaultsStrikeUntilTheyAreRemoved(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	id := s.inject(`{"call":"GET /v1/products","status":500,"standing":true}`)
	for range 3 {
		if r := c.do("GET /v1/products", ""); r.status != http.StatusInternalServerError {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	list := s.get("/_sandbox/faults")
	list.want("faults.0.id", id)
	list.want("faults.0.struck", 3)
	list.want("faults.0.standing", true)
	remove := func() reply {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.url+"/_sandbox/faults/"+id, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s.send(request)
	}
	if r := remove(); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := remove(); r.status != http.StatusNotFound {
		t.Errorf("removed twice: %d %s", r.status, r.body)
	}
	c.must("GET /v1/products", "")
	s.get("/_sandbox/faults").want("faults.0", nil)
}

func TestAFaultIsOnlyItsAccounts(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	one, another := s.as(oneKey), s.as(anotherKey)
	s.inject(`{"call":"POST /v1/products","status":503,"standing":true,"account":"` + one.account() + `"}`)
	if r := one.do("POST /v1/products", "name=Gold"); r.status != 503 {
		t.Errorf("%d %s", r.status, r.body)
	}
	another.must("POST /v1/products", "name=Gold")
	s.inject(`{"webhook":"*","how":"drop","standing":true,"account":"` + one.account() + `"}`)
	one.listen(in, "enabled_events[]=*")
	another.listen(in, "enabled_events[]=*")
	one.must("POST /v1/customers", "name=Ada")
	another.must("POST /v1/products", "name=Silver")
	s.work()
	if got := names(in.take()); !slices.Equal(got, []string{"Silver"}) {
		t.Errorf("came: %v", got)
	}
}

func TestChanceIsTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	draw := func(seed string) (hits string) {
		s := newSite(t)
		c := s.as(oneKey)
		s.inject(`{"call":"GET /v1/products","status":500,"standing":true,"percent":30,"seed":` + seed + `}`)
		for range 60 {
			hits += fmt.Sprint(c.do("GET /v1/products", "").status/100 - 2)
		}
		return hits
	}
	first, again, other := draw("7"), draw("7"), draw("8")
	if n := strings.Count(first, "3"); first != again || first == other || n < 6 || n > 34 {
		t.Errorf("seed 7 drew\n%s and\n%s, seed 8\n%s", first, again, other)
	}
}

func TestRefusalsThatAreNotErrorsOfTheCaller(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	for fault, want := range map[string]struct {
		status           int
		code, retryAfter string
	}{
		`{"call":"POST /v1/products","status":429}`:                 {429, "rate_limit", ""},
		`{"call":"POST /v1/products","status":429,"retry_after":7}`: {429, "rate_limit", "7"},
		`{"call":"POST /v1/products","how":"lock"}`:                 {409, "lock_timeout", ""},
		`{"call":"POST /v1/products","how":"lock","status":429}`:    {429, "lock_timeout", ""},
	} {
		s.inject(fault)
		r := c.do("POST /v1/products", "name=Gold")
		if r.status != want.status || r.text("error.code") != want.code || r.header.Get("Retry-After") != want.retryAfter {
			t.Errorf("%s: %d %v %s", fault, r.status, r.header, r.body)
		}
	}
	c.must("GET /v1/products", "").want("data.0", nil)
}

// raw makes a product and reports what became of the connection.
func (c caller) raw(wait time.Duration) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), wait)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/v1/products", strings.NewReader("name=Gold"))
	if err != nil {
		c.t.Fatal(err)
	}
	request.SetBasicAuth(c.key, "")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := (&http.Client{Transport: &http.Transport{}}).Do(request) // a connection of its own
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func TestAnswersThatNeverCome(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]struct {
		wait   time.Duration
		err    error
		effect int
	}{
		`{"call":"POST /v1/products","how":"timeout"}`:              {100 * time.Millisecond, context.DeadlineExceeded, 0},
		`{"call":"POST /v1/products","how":"timeout","after":true}`: {500 * time.Millisecond, context.DeadlineExceeded, 1},
		`{"call":"POST /v1/products","how":"reset"}`:                {time.Minute, syscall.ECONNRESET, 0},
		`{"call":"POST /v1/products","how":"reset","after":true}`:   {time.Minute, syscall.ECONNRESET, 1},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			c := s.as(oneKey)
			c.must("GET /v1/products", "")
			s.inject(fault)
			if err := c.raw(want.wait); !errors.Is(err, want.err) {
				t.Errorf("ended with %v, want %v", err, want.err)
			}
			if n := len(c.must("GET /v1/products", "").at("data").([]any)); n != want.effect {
				t.Errorf("%d products", n)
			}
		})
	}
}

func TestATimeoutIsOverAfterItsTime(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.inject(`{"call":"POST /v1/products","how":"timeout","by":"1s"}`)
	if err := s.as(oneKey).raw(time.Minute); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
}

func TestTwoWebhooksChangePlaces(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	c := s.as(oneKey)
	c.listen(in, "enabled_events[]=product.created")
	s.inject(`{"webhook":"product.created","how":"reorder","standing":true}`)
	for _, name := range []string{"one", "two", "three"} {
		c.must("POST /v1/products", "name="+name)
		s.work()
	}
	if got := names(in.take()); !slices.Equal(got, []string{"two", "one"}) {
		t.Errorf("came: %v", got)
	}
	c.must("POST /v1/products", "name=four")
	s.work()
	s.work()
	if got := names(in.take()); !slices.Equal(got, []string{"four", "three"}) {
		t.Errorf("came: %v", got)
	}
}

func TestALateWebhookComesAsLateAsAskedFor(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	c := s.as(oneKey)
	c.listen(in, "enabled_events[]=product.created")
	s.inject(`{"webhook":"product.created","how":"late","by":"2d","standing":true}`)
	c.must("POST /v1/products", "name=Gold")
	s.work()
	s.wall.pass(2*aDay - time.Second)
	s.work()
	if got := in.take(); len(got) != 0 {
		t.Fatalf("came at once: %v", names(got))
	}
	s.wall.pass(time.Second)
	s.work()
	if got := in.take(); len(got) != 1 {
		t.Errorf("%d came", len(got))
	}
}

func TestAWebhookOfAnotherVersionHasItsShape(t *testing.T) {
	t.Parallel()
	s, in := newShop(t), newInbox(t)
	s.listen(in, "enabled_events[]=checkout.session.completed&api_version=2025-08-27.basil")
	s.inject(`{"webhook":"checkout.*","how":"version","version":"2026-04-22.dahlia"}`)
	for _, want := range [][2]any{{"2026-04-22.dahlia", "hosted_page"}, {"2025-08-27.basil", "hosted"}} {
		s.subscribed(s.fixed, "1", "pm_card_visa")
		s.work()
		got := in.take()
		if len(got) != 1 {
			t.Fatalf("%d webhooks", len(got))
		}
		event := reply{t: t, json: got[0].event, body: string(got[0].body)}
		event.want("api_version", want[0])
		event.want("data.object.ui_mode", want[1])
		stripetest.Responses(t).ValidateEvent(got[0].body)
	}
}

func TestFaultsOfAGoProgram(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	f := sandbox.Fault{ID: "mine", Call: "GET /v1/products", Status: 500, Times: 2, Struck: 9}
	if err := s.server.Inject(f); err != nil {
		t.Fatal(err)
	}
	if err := s.server.Inject(f); err == nil {
		t.Error("one id names two faults")
	}
	s.as(oneKey).do("GET /v1/products", "")
	if got := s.server.Faults(); len(got) != 1 || got[0].Times != 1 || got[0].Struck != 1 {
		t.Errorf("%+v", got)
	}
	if !s.server.Remove("mine") || s.server.Remove("mine") {
		t.Error("a fault is removed once")
	}
}

func TestFaultsAreMadeOnTheirPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	c.account()
	b := browse(t)
	at := s.url + "/faults"
	if status, page := b.open(at); status != http.StatusOK || !strings.Contains(page, "Nothing. Choose below.") {
		t.Fatalf("%d %s", status, page)
	}
	common := url.Values{"webhook": {"*"}, "call": {"GET /v1/products"}, "account": {""}, "often": {"standing"}, "percent": {"100"}, "seed": {"1"},
		"status": {"503"}, "retry_after": {"0"}, "by": {"2h"}, "version": {"null"}, "when": {"before"}}
	with := func(pairs ...string) url.Values {
		form := url.Values{}
		for k, v := range common {
			form[k] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return form
	}
	kinds := []string{"duplicate", "reorder", "late", "drop", "forge", "stale", "future", "version", "mode", "error", "limit", "lock", "timeout", "reset"}
	for n, kind := range kinds {
		if status, _, page := b.post(at, with("kind", kind)); status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", kind, status, page)
		}
		if got := s.server.Faults(); len(got) != n+1 || !got[n].Standing || (got[n].Webhook == "") != (n > 8) {
			t.Fatalf("%s: %+v", kind, got)
		}
	}
	if r := c.do("GET /v1/products", ""); r.status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", r.status, r.body)
	}
	_, page := b.open(at)
	for _, says := range []string{"GET /v1/products: answered with 503", "Webhooks *: sent 2h late", "Until it is removed", `data-label="Struck">1<`} {
		if !strings.Contains(page, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	b.post(at+"/"+s.server.Faults()[0].ID+"/remove", nil)
	if got := s.server.Faults(); len(got) != len(kinds)-1 || got[0].How != "reorder" {
		t.Errorf("after removing one: %+v", got)
	}
	b.post(at+"/clear", nil)
	for _, wrong := range [][3]string{{"late", "by", "soon"}, {"late", "by", ""}, {"error", "status", "200"}, {"error", "status", "x"}, {"error", "call", "nonsense"}, {"error", "call", ""},
		{"drop", "webhook", "["}, {"drop", "webhook", ""}, {"drop", "percent", "0"}, {"drop", "percent", "101"}, {"drop", "seed", "-1"}, {"limit", "retry_after", "x"}} {
		status, _, page := b.post(at, with("kind", wrong[0], wrong[1], wrong[2]))
		if id := `id="` + wrong[0] + "-" + wrong[1] + `-problem"`; status != http.StatusUnprocessableEntity || !strings.Contains(page, id) || wrong[2] != "" && !strings.Contains(page, `value="`+wrong[2]+`"`) {
			t.Errorf("%v: %d", wrong, status)
		}
	}
	if len(s.server.Faults()) != 0 {
		t.Error("what was refused was injected")
	}
}
