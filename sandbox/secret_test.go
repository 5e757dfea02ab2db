package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82/webhook"
)

// signedBy says which of the secrets signed d.
func signedBy(d delivery, secrets ...string) (by []bool) {
	for _, s := range secrets {
		by = append(by, webhook.ValidatePayloadIgnoringTolerance(d.body, d.signature, s) == nil)
	}
	return by
}

func TestARolledSecretGoesOnForAWhile(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	c := s.as(oneKey)
	id, old := c.listen(in, "enabled_events[]=*")
	r := s.post("/_sandbox/webhook_endpoints/"+id+"/roll", `{"hours":24}`)
	secret := r.text("secret")
	if r.status != http.StatusOK || !strings.HasPrefix(secret, "whsec_") || secret == old {
		t.Fatalf("%d %s", r.status, r.body)
	}
	r.want("old_until_ms", int(start.Add(aDay).UnixMilli()))
	next := func() delivery {
		c.must("POST /v1/products", "name=Gold")
		s.work()
		got := in.take()
		if len(got) != 1 {
			t.Fatalf("%d deliveries", len(got))
		}
		return got[0]
	}
	d := next()
	if by := signedBy(d, secret, old); !by[0] || !by[1] || strings.Count(d.signature, "v1=") != 2 {
		t.Errorf("signed by %v: %s", by, d.signature)
	}
	s.wall.pass(aDay)
	d = next()
	if by := signedBy(d, secret, old); !by[0] || by[1] || strings.Count(d.signature, "v1=") != 1 {
		t.Errorf("a day later signed by %v: %s", by, d.signature)
	}
	latest := s.post("/_sandbox/webhook_endpoints/"+id+"/roll", `{}`).text("secret") // the old one ends at once
	if by := signedBy(next(), latest, secret); !by[0] || by[1] {
		t.Errorf("signed by %v", by)
	}
	for _, wrong := range []string{`{"hours":25}`, `{"hours":-1}`, `{"days":1}`} {
		if r := s.post("/_sandbox/webhook_endpoints/"+id+"/roll", wrong); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", wrong, r.status, r.body)
		}
	}
	if r := s.post("/_sandbox/webhook_endpoints/we_1nobody/roll", `{}`); r.status != http.StatusNotFound {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestTheSecretIsRolledOnItsPage(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	c := s.as(oneKey)
	id, old := c.listen(in, "enabled_events[]=*")
	b := browse(t)
	at := s.url + "/dashboard/" + c.account() + "/webhook_endpoint/" + id
	if _, page := b.open(at); !strings.Contains(page, `href="/dashboard/`+c.account()+`/webhook_endpoint/`+id+`/secret"`) {
		t.Error("the endpoint does not lead to its secret")
	}
	if _, page := b.open(at + "/secret"); !strings.Contains(page, old) {
		t.Error("the page does not show the secret")
	}
	if status, to, _ := b.post(at+"/secret", url.Values{"hours": {"12"}}); status != http.StatusSeeOther || !strings.HasSuffix(to, "?done=rolled") {
		t.Errorf("%d to %s", status, to)
	}
	_, page := b.open(at + "/secret?done=rolled")
	if strings.Contains(page, old) || !strings.Contains(page, "until 1 Feb 2026, 00:00 UTC") {
		t.Errorf("after rolling: %s", page)
	}
	c.must("POST /v1/products", "name=Gold")
	s.work()
	if by := signedBy(in.take()[0], old); !by[0] {
		t.Error("the old secret does not sign any more")
	}
	if status, _ := b.open(s.url + "/dashboard/" + c.account() + "/webhook_endpoint/we_1x/secret"); status != http.StatusNotFound {
		t.Errorf("no endpoint: %d", status)
	}
}

func TestSettingsAreChangedOnTheirPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	b := browse(t)
	at := s.url + "/dashboard/" + c.account() + "/settings"
	if status, page := b.open(at); status != http.StatusOK || !strings.Contains(page, `value="3, 5, 7"`) {
		t.Fatalf("%d %s", status, page)
	}
	form := url.Values{"retry_days": {"1 2,4"}, "after_retries": {"unpaid"}, "upcoming_days": {"3"}, "offer_debits": {"no"}, "debit_hours": {"24"}, "while_debited": {"incomplete"},
		"usage_delay_seconds": {"30"}, "usage_checks": {"later"}, "calls_per_second": {"0"}, "connect_calls_per_second": {"100"}}
	if status, to, page := b.post(at, form); status != http.StatusSeeOther || !strings.HasSuffix(to, "?done=saved") {
		t.Fatalf("%d %s", status, page)
	}
	got, err := s.server.Settings(t.Context(), c.account())
	if err != nil || len(got.RetryDays) != 3 || got.AfterRetries != "unpaid" || got.UpcomingDays != 3 || got.OfferDebits || got.DebitHours != 24 || got.WhileDebited != "incomplete" ||
		got.UsageDelay != 30 || got.UsageChecks != "later" || got.CallsPerSecond != 0 || got.ConnectCallsPerSecond != 100 {
		t.Errorf("%+v (%v)", got, err)
	}
	for name, wrong := range map[string]string{"retry_days": "soon", "upcoming_days": "1000", "debit_hours": "",
		"usage_delay_seconds": "121", "calls_per_second": "-1", "connect_calls_per_second": "fast"} {
		bad := url.Values{}
		for k, v := range form {
			bad[k] = v
		}
		bad.Set(name, wrong)
		status, _, page := b.post(at, bad)
		if status != http.StatusUnprocessableEntity || !strings.Contains(page, `id="`+name+`-problem"`) || !strings.Contains(page, `value="`+wrong+`"`) {
			t.Errorf("%s=%s: %d %s", name, wrong, status, page)
		}
	}
	if status, _, _ := b.post(s.url+"/dashboard/acct_1nobody/settings", form); status != http.StatusNotFound {
		t.Errorf("no account: %d", status)
	}
}

func TestUndeliveredEventsCanBeListed(t *testing.T) {
	t.Parallel()
	s, in, deaf := newSite(t), newInbox(t), newInbox(t)
	c := s.as(oneKey)
	c.listen(in, "enabled_events[]=product.created")
	deaf.answers(http.StatusInternalServerError)
	c.listen(deaf, "enabled_events[]=product.created&enabled_events[]=customer.created")
	list := func(success string) int {
		return len(c.must("GET /v1/events", "delivery_success="+success).at("data").([]any))
	}
	c.must("POST /v1/products", "name=Gold")
	if list("false") != 0 || list("true") != 0 {
		t.Errorf("before anybody tried: %d failed, %d delivered", list("false"), list("true"))
	}
	s.work()
	if list("false") != 1 || list("true") != 0 {
		t.Errorf("one of two failed: %d failed, %d delivered", list("false"), list("true"))
	}
	c.must("GET /v1/events", "").want("data.0.pending_webhooks", 1)
	deaf.answers(http.StatusOK)
	s.wall.pass(time.Minute)
	s.work()
	if list("false") != 0 || list("true") != 1 {
		t.Errorf("all took it: %d failed, %d delivered", list("false"), list("true"))
	}
	c.must("GET /v1/events", "").want("data.0.pending_webhooks", 0)
	s.post("/_sandbox/faults", `{"webhook":"customer.created","how":"drop"}`)
	c.must("POST /v1/customers", "name=Ada")
	s.work()
	c.must("GET /v1/events", "delivery_success=false").want("data.0.type", "customer.created")
	c.must("GET /v1/events", "delivery_success=false").want("data.0.pending_webhooks", 1)
	if len(in.take()) != 1 || len(deaf.take()) != 2 {
		t.Error("a dropped webhook came")
	}
	c.must("POST /v1/products", "name=Silver") // and what nobody listens to is delivered
	c.must("POST /v1/prices", "product="+c.must("GET /v1/products", "").text("data.0.id")+"&currency=usd&unit_amount=1")
	if n := list("true"); n != 2 {
		t.Errorf("%d delivered", n)
	}
}
