package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"tollgate/internal/browser"
)

var saidGateway = regexp.MustCompile(`gateway +(http://\S+)`)

// Calls made with curl are on the usage page, at Stripe and on the invoice, each once,
// in the first month and in the second; and a block holds within a second.
func TestCallsAreBilled(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t.TempDir()))
	gateway := first(saidGateway, r.out.String())
	r.offerByTheCall()
	p := r.subscribeByTheCall()
	subscription := p.URL()
	key := r.generate(p)
	for month := 1; month <= 2; month++ {
		curl(t, gateway, key, 250)
		p.Open(subscription)
		p.See("250")
		p.Click("Usage")
		p.See("250 calls")
		p.See("0.50 USD")
		r.shot(p, fmt.Sprintf("calls-usage-%d", month))
		r.publish()
		r.renew()
		p.Open(subscription)
		r.eventually(p, fmt.Sprintf("-%04d", month))
		p.Click("View Invoice")
		p.See("250")
		p.See("0.50 USD")
		r.shot(p, fmt.Sprintf("calls-invoice-%d", month))
	}
	r.followed()
	r.blockCalls()
	if status := asked(t, gateway, key); status != http.StatusForbidden {
		deadline := time.Now().Add(time.Second)
		for status != http.StatusForbidden && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
			status = asked(t, gateway, key)
		}
		if status != http.StatusForbidden {
			t.Errorf("a second after the block a call is answered %d", status)
		}
	}
}

// offerByTheCall puts a plan with a price for each call on sale for the demo's API.
func (r *running) offerByTheCall() {
	r.t.Helper()
	admin := r.signIn("admin", true)
	admin.Open(r.portal + "/admin/plans/new")
	admin.Fill("Name", "Pay as you go")
	admin.Choose("Billing plan", "Dynamic rate")
	admin.Fill("Price", "0.002")
	admin.Fill("Currency", "USD")
	admin.Click("Create plan")
	admin.See("mtr_")
	publisher := r.signIn("publisher", true)
	publisher.Open(r.portal + "/publisher/apis")
	publisher.Click("City Weather v1")
	publisher.Click("Plans")
	publisher.Tick("Offer Pay as you go")
	publisher.Click("Save")
	publisher.Click("Monetization")
	r.eventually(publisher, "Pay as you go")
	publisher.Click("Save")
	publisher.See("every plan is on sale")
}

// subscribeByTheCall subscribes the demo's subscriber to it and pays.
func (r *running) subscribeByTheCall() *browser.Page {
	r.t.Helper()
	p := r.signIn("subscriber", true)
	p.Open(r.portal + "/devportal?q=weather")
	p.Click("City Weather v1")
	p.Choose("Application", "Forecast widget")
	p.Within("0.002 USD per call No cap").Click("Subscribe")
	p.Click("Complete Payment")
	p.See("This is the sandbox.")
	enter(p, "4242 4242 4242 4242")
	p.Click("Subscribe in the sandbox")
	p.See("Active")
	return p
}

var keyShown = regexp.MustCompile(`tg[ps]_[0-9A-Za-z]{49}`)

// generate makes a key for the demo's application, on its page.
func (r *running) generate(p *browser.Page) string {
	r.t.Helper()
	p.Open(r.portal + "/devportal/applications")
	p.Click("Forecast widget")
	p.Fill("Name", "Every call")
	p.Click("Generate key")
	p.See("Your new key")
	key := keyShown.FindString(p.HTML())
	if key == "" {
		r.t.Fatal("no key is shown")
	}
	return key
}

// curl calls the demo's API n times.
func curl(t *testing.T, gateway, key string, n int) {
	t.Helper()
	out, err := exec.Command("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}\n", "-H", "apikey: "+key,
		fmt.Sprintf("%s/city-weather/v1/now?city=Lisbon&n=[1-%d]", gateway, n)).CombinedOutput()
	if got := strings.Count(string(out), "200\n"); err != nil || got != n {
		t.Fatalf("%d of %d calls were answered with 200: %v\n%s", got, n, err, out)
	}
}

// asked makes one call and returns its status.
func asked(t *testing.T, gateway, key string) int {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway+"/city-weather/v1/now?city=Lisbon", nil)
	must(t, err)
	q.Header.Set("apikey", key)
	a, err := http.DefaultClient.Do(q)
	must(t, err)
	defer a.Body.Close()
	return a.StatusCode
}

// publish has an admin send what was counted to Stripe.
func (r *running) publish() {
	r.t.Helper()
	admin := r.signIn("admin", true)
	admin.Open(r.portal + "/admin/usage")
	admin.Click("Publish now")
	r.eventually(admin, "Sent")
	r.shot(admin, "calls-publishing")
}

// followed sees that the units of both months are everywhere the same.
func (r *running) followed() {
	r.t.Helper()
	admin := r.signIn("admin", true)
	admin.Open(r.portal + "/admin/units")
	r.eventually(admin, "250")
	admin.NotSee("Differs")
	r.shot(admin, "calls-units")
}

// blockCalls has the publisher block the subscription.
func (r *running) blockCalls() {
	r.t.Helper()
	publisher := r.signIn("publisher", true)
	publisher.Open(r.portal + "/publisher/subscriptions")
	publisher.Click("Ada Byron")
	publisher.Click("Access")
	publisher.Choose("Calls of Forecast widget", "Block all calls")
	publisher.Click("Save access")
	publisher.See("You have blocked all its calls.")
}
