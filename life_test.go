package main

import (
	"testing"

	"tollgate/internal/browser"
)

// enter fills in a test card on one of the sandbox's pages.
func enter(p *browser.Page, number string) {
	p.Fill("Card number", number)
	p.Fill("Expires", "04 / 35")
	p.Fill("CVC", "123")
	p.Fill("Name on card", "Ada Byron")
}

// sold is the page of the demo's subscription, opened by its subscriber.
func (r *running) sold() *browser.Page {
	r.t.Helper()
	r.soldOnce()
	p := r.signIn("subscriber", true)
	p.Open(r.portal + "/devportal/subscriptions")
	p.Click("City Weather v1")
	p.See("Active")
	return p
}

// card changes the card in the Customer Portal, and comes back.
func (r *running) card(p *browser.Page, number string) {
	r.t.Helper()
	page := p.URL()
	p.Click("Manage billing")
	p.See("Payment method")
	enter(p, number)
	p.Click("Update card")
	p.See("ending in " + number[len(number)-4:])
	p.Open(page)
}

// renew moves the clock past the end of the month and the hour after it, in which
// Stripe still counts.
func (r *running) renew() {
	r.t.Helper()
	r.move("1mo")
	r.move("2h")
}

// A month later the subscription is renewed, and its history says so.
func TestARenewal(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t.TempDir()))
	p := r.sold()
	r.renew()
	r.eventually(p, "-0002")
	p.See("Active")
	p.Click("All of it")
	p.See("was subscribed to City Weather v1 with the plan Basic.")
	p.See("-0002")
	p.See("CSV")
}

// A renewal fails: within the grace calls go on, after it they are refused, and a
// new card settles everything. Whom it concerns is told.
func TestAFailedCardItsGraceAndItsEnd(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t.TempDir()))
	admin := r.signIn("admin", true)
	admin.Open(r.portal + "/admin/settings")
	admin.Fill("Hours of grace after a failed payment", "a day")
	admin.Click("Save")
	admin.See("Enter a whole number of hours")
	admin.Fill("Hours of grace after a failed payment", "48")
	admin.Click("Save")

	p := r.sold()
	r.card(p, "4000 0000 0000 0341")
	r.renew()
	r.eventually(p, "Update the card by")
	p.See("Payment needed")
	r.move("2d")
	r.eventually(p, "calls are refused")
	p.See("Stripe tries it again on")

	page := p.URL()
	p.Open(r.portal + "/account/notices")
	p.See("City Weather v1")
	admin.Open(r.portal + "/admin/mails")
	admin.See("City Weather v1")

	p.Open(page)
	r.card(p, "4242 4242 4242 4242")
	r.eventually(p, "can call City Weather v1.")
	p.See("Active")
	p.NotSee("Payment needed")
}

// The bank asks for authentication at a renewal: the subscriber is led there.
func TestTheBankAsksAtARenewal(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t.TempDir()))
	p := r.sold()
	r.card(p, "4000 0027 6000 3184")
	r.renew()
	r.eventually(p, "Confirm the payment")
	page := p.URL()
	p.Click("Confirm the payment at Stripe")
	p.See("The bank wants this payment approved.")
	p.Click("Approve it at the bank")
	p.See("Approve this payment?")
	p.Click("Approve")
	p.See("The payment is approved")
	p.Open(page)
	r.eventually(p, "can call City Weather v1.")
	p.See("Active")
}

// The publisher blocks a subscription; its payments go on and do not lift the block.
func TestAPaymentLiftsNoBlockOfThePublisher(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t.TempDir()))
	p := r.sold()
	publisher := r.signIn("publisher", true)
	publisher.Open(r.portal + "/publisher/subscriptions")
	publisher.Click("Ada Byron")
	publisher.Click("Access")
	publisher.Choose("Calls of Forecast widget", "Block production calls")
	publisher.Click("Save access")
	publisher.See("You have blocked its production calls.")
	r.eventually(p, "Blocked in production")
	publisher.Click("Access")
	publisher.Choose("Calls of Forecast widget", "Block all calls")
	publisher.Click("Save access")
	publisher.See("You have blocked all its calls.")
	r.eventually(p, "The publisher has blocked this subscription.")

	r.card(p, "4000 0000 0000 0341")
	r.renew()
	r.eventually(p, "a payment is open as well")
	r.card(p, "4242 4242 4242 4242")
	r.eventually(p, "-0002")
	r.eventually(p, "The publisher has blocked this subscription.")
	p.NotSee("a payment is open as well")

	publisher.Click("Access")
	publisher.Choose("Calls of Forecast widget", "Let calls through")
	publisher.Click("Save access")
	publisher.See("Calls are let through")
	r.eventually(p, "can call City Weather v1.")
}

// offerGold puts a second paid plan on sale for the demo's API.
func (r *running) offerGold() {
	admin := r.signIn("admin", true)
	admin.Open(r.portal + "/admin/plans/new")
	admin.Fill("Name", "Gold")
	admin.Choose("Billing plan", "Fixed rate")
	admin.Fill("Price", "49.00")
	admin.Fill("Currency", "USD")
	admin.Click("Create plan")
	admin.See("price_")
	publisher := r.signIn("publisher", true)
	publisher.Open(r.portal + "/publisher/apis")
	publisher.Click("City Weather v1")
	publisher.Click("Plans")
	publisher.Tick("Offer Gold")
	publisher.Click("Save")
	publisher.Click("Monetization")
	r.eventually(publisher, "Gold")
	publisher.Click("Save")
	publisher.See("every plan is on sale")
}

// Up at once, charged to the second; down when the period ends, taken back, asked for
// again, and then so.
func TestAPlanGoesUpAtOnceAndDownLater(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t.TempDir()))
	p := r.sold()
	r.offerGold()
	page := p.URL()
	p.Click("Change plan")
	p.Choose("Plan", "Gold")
	p.Choose("When it changes", "Now")
	p.Click("Preview")
	p.See("From Basic to Gold")
	p.See("Due now")
	p.Click("Confirm change")
	r.eventually(p, "City Weather v1, Gold")
	p.See("Active")
	if p.URL() != page {
		t.Errorf("after the change the browser is at %s", p.URL())
	}
	r.eventually(p, "-0002")

	down := func() {
		p.Click("Change plan")
		p.Choose("Plan", "Basic")
		p.Choose("When it changes", "When the period ends")
		p.Click("Preview")
		p.See("From Gold to Basic")
		p.Click("Confirm change")
		r.eventually(p, "Changing plan")
	}
	down()
	p.Click("Undo change")
	p.See("City Weather v1, Gold")
	p.NotSee("Changing plan")
	down()
	r.renew()
	r.eventually(p, "City Weather v1, Basic")
	p.See("Active")
	p.Click("View Invoice")
	p.See("9.00 USD")
}
