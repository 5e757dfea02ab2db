package main

import (
	"net"
	"net/http"
	"net/url"
	"testing"
)

// freeAddress is one that nobody has at this moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// move moves the sandbox's clock.
func (r *running) move(by string) {
	r.t.Helper()
	answer, err := http.PostForm(r.sandbox+"/clock", url.Values{"by": {by}})
	must(r.t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		r.t.Fatalf("the clock answers %s", answer.Status)
	}
}

// While Stripe is away every page says so and loses nothing; when it is back, what
// was begun is done by itself.
func TestStripeGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	stripe, away := freeAddress(t), t.TempDir()
	box := start(t, settings(away, "TOLLGATE_SANDBOX_ADDR", stripe), "serve", "sandbox")
	r := start(t, settings(t.TempDir(), "TOLLGATE_STRIPE_API_BASE", "http://"+stripe), "serve", "portal", "worker")
	r.soldOnce()
	must(t, box.stop())

	admin, publisher, subscriber := r.signIn("admin", true), r.signIn("publisher", true), r.signIn("subscriber", true)
	admin.Open(r.portal + "/admin/plans/new")
	admin.Fill("Name", "Gold")
	admin.Choose("Billing plan", "Fixed rate")
	admin.Fill("Price", "49.00")
	admin.Fill("Currency", "USD")
	admin.Click("Create plan")
	admin.See("Gold is created. Stripe is being told; this goes on by itself.")
	admin.See("On its way to Stripe")

	publisher.Open(r.portal + "/publisher/apis")
	publisher.Click("City Weather v1")
	publisher.Click("Monetization")
	publisher.Fill("Connected account ConnectedAccountKey", "acct_another123")
	publisher.Click("Save")
	publisher.See("Stripe does not answer, so the account could not be checked. Nothing was changed")
	if got := publisher.Value("Connected account ConnectedAccountKey"); got != "acct_another123" {
		t.Errorf("what was typed came back as %q", got)
	}

	subscriber.Open(r.portal + "/devportal/subscriptions")
	subscriber.Click("City Weather v1")
	subscriber.Click("View Invoice")
	subscriber.See("9.00 USD")
	subscriber.See("Stripe does not answer right now, so the next invoice cannot be shown")
	subscriber.Open(r.portal + "/devportal?q=travel")
	subscriber.Click("Travel bundle v1")
	subscriber.Choose("Application", "Forecast widget")
	subscriber.Within("9.00 USD a month").Click("Subscribe")
	subscriber.See("Preparing payment")
	subscriber.See("Stripe does not answer right now. We go on asking, and nothing is lost")
	admin.Open(r.portal + "/admin")
	admin.See("waiting for Stripe, and tried again until done")

	start(t, settings(away, "TOLLGATE_SANDBOX_ADDR", stripe), "serve", "sandbox")
	r.eventually(subscriber, "Complete Payment")
	admin.Click("Business plans")
	admin.Click("Gold")
	r.eventually(admin, "price_")
	admin.Click("Overview")
	r.eventually(admin, "Everything works.")
}

// A checkout that nobody pays in time is over and says so; started again on the same
// subscription, it is paid by a card that needs the bank's approval.
func TestAnExpiredCheckoutIsStartedAgain(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t.TempDir()))
	p := r.signIn("subscriber", true)
	p.Open(r.portal + "/devportal?q=city")
	p.Click("City Weather v1")
	p.Choose("Application", "Forecast widget")
	p.Within("9.00 USD a month No cap").Click("Subscribe")
	p.See("Complete Payment")
	subscription := p.URL()
	r.move("25h")
	r.eventually(p, "not paid in time")
	p.See("Nothing was charged.")
	p.Click("Start again")
	p.See("Complete Payment")
	if p.URL() != subscription {
		t.Errorf("it goes on at %s, not at %s", p.URL(), subscription)
	}
	p.Click("Complete Payment")
	card := func(number string) {
		p.Fill("Card number", number)
		p.Fill("Expires", "04 / 35")
		p.Fill("CVC", "123")
		p.Fill("Name on card", "Ada Byron")
		p.Click("Pay 9.00 USD in the sandbox")
	}
	card("4000 0000 0000 9995")
	p.See("insufficient funds")
	card("4000 0025 0000 3155")
	p.See("Approve this payment?")
	p.Click("Approve")
	r.eventually(p, "View Invoice")
	p.See("Active")
	if p.URL() != subscription {
		t.Errorf("after paying the browser is at %s, not at %s", p.URL(), subscription)
	}
}

// A new price is for new subscribers: whoever is subscribed goes on paying theirs,
// and who would delete a plan that somebody has sees first what ends.
func TestANewPriceIsForNewSubscribers(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t.TempDir()))
	r.soldOnce()
	admin := r.signIn("admin", true)
	admin.Open(r.portal + "/admin/plans")
	admin.Click("Basic")
	admin.See("1 subscription has this plan")
	admin.Fill("Price", "12.00")
	admin.Click("Save")
	admin.See("It costs 12.00 USD a month. A new price is for new subscribers")
	admin.Within("City Weather v1 acct_").See("For sale")
	admin.Click("Delete plan")
	admin.See("You see first which subscriptions end with it.")
	admin.Click("Show what ends")
	admin.See("1 subscription")
	admin.See("Forecast widget")

	r.move("1mo")
	r.move("2h")
	p := r.signIn("subscriber", true)
	p.Open(r.portal + "/devportal/subscriptions")
	p.Click("City Weather v1")
	p.Click("View Invoice")
	r.eventually(p, "-0002")
	p.See("9.00 USD for City Weather v1, Basic, paid on")
	p.NotSee("12.00 USD")
	p.Open(r.portal + "/devportal?q=city")
	p.Click("City Weather v1")
	p.See("12.00 USD")
}
