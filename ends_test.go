package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"tollgate/internal/browser"
)

// What is taken away ends what is subscribed to it: the person who does it sees
// that before, and sees it done; the subscriber reads why.
func TestSubscriptionsEndWithWhatTheyHangOn(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t.TempDir()))
	r.soldOnce()
	seller := r.signIn("publisher", true)
	r.endOne(seller)
	r.endSale(seller)
	r.detach(seller)
	r.deleteApplication()
	r.deletePerson()
}

// endOne ends the subscription when its period is over, as its publisher, and takes
// that back.
func (r *running) endOne(p *browser.Page) {
	p.Open(r.portal + "/publisher/subscriptions")
	p.Open(r.portal + "/publisher/subscriptions/" + r.only(p) + "/end")
	p.Choose("When it ends", "When its period ends")
	p.Click("End subscription")
	p.See("Tick this to confirm.")
	r.shot(p, "ends-one-wrong")
	p.Fill("Reason", "We retire <b>this</b> plan.")
	p.Tick("I have read this, and the subscription is to end.")
	p.Click("End subscription")
	p.See("Ends with its period")
	r.shot(p, "ends-one-done")
	s := r.signIn("subscriber", true)
	s.Open(r.portal + "/devportal/subscriptions")
	s.Click("City Weather v1")
	s.See("We retire <b>this</b> plan.")
	r.shot(s, "ends-subscriber")
	p.Open(r.portal + "/publisher/subscriptions")
	p.Open(r.portal + "/publisher/subscriptions/" + r.only(p) + "/end")
	p.See("It is being ended already.")
	r.shot(p, "ends-one-stands")
	p.Click("Take it back")
	p.See("It is taken back: the subscription goes on.")
	p.See("Active")
}

// only is the uuid of the one subscription in the publisher's list.
func (r *running) only(p *browser.Page) string {
	r.t.Helper()
	m := theSubscription.FindStringSubmatch(p.HTML())
	if m == nil {
		r.t.Fatal("the list is empty")
	}
	return m[1]
}

var theSubscription = regexp.MustCompile(`/publisher/subscriptions/([0-9a-f-]{36})/`)

// endSale ends all that pays for an API, and gives the last payment back.
func (r *running) endSale(p *browser.Page) {
	p.Open(r.portal + "/publisher/apis")
	p.Click("City Weather v1")
	p.Click("Monetization")
	p.Untick("Enable monetization")
	p.Choose("What happens to current subscriptions if you turn it off", "Now, and give the last payment back")
	r.shot(p, "ends-monetization")
	p.Click("Save")
	p.See("1 payment is given back: 9.00 USD")
	r.shot(p, "ends-sale")
	p.Fill("Reason", "The data is no longer bought.")
	p.Tick("I have read this, and 1 subscription is to end.")
	p.Click("End the sale")
	p.See("1 of 1 subscription has ended.")
	r.shot(p, "ends-sale-done")
	p.Click("All endings")
	p.See("1 of 1 ended")
	r.shot(p, "ends-list")
}

// detach takes a plan off an API that somebody has.
func (r *running) detach(p *browser.Page) {
	s := r.signIn("subscriber", true)
	s.Open(r.portal + "/devportal?q=city")
	s.Click("City Weather v1")
	s.Choose("Application", "Forecast widget")
	s.Within("Free").Click("Subscribe")
	s.See("Active")
	p.Open(r.portal + "/publisher/apis")
	p.Click("City Weather v1")
	p.Click("Plans")
	p.Untick("Offer Free")
	p.Click("Save")
	p.See("Decide what becomes of the subscription that has it.")
	r.shot(p, "ends-detach")
	p.Choose("What becomes of it", "It goes on")
	p.Tick("I have read this.")
	p.Click("Take off")
	p.See("The plans are saved.")
}

// deleteApplication deletes the application with what it is subscribed to.
func (r *running) deleteApplication() {
	s := r.signIn("subscriber", true)
	s.Open(r.portal + "/devportal/applications")
	s.Click("Forecast widget")
	s.Click("Delete application")
	s.Click("Show what ends")
	s.See("1 subscription is free: it ends at once.")
	r.shot(s, "ends-application")
	s.Tick("I have read this, and 1 subscription is to end.")
	s.Click("Delete application")
	s.See("1 of 1 subscription has ended.")
	r.shot(s, "ends-application-done")
}

// deletePerson deletes who publishes something once that is handed over, and who
// does not.
func (r *running) deletePerson() {
	a := r.signIn("admin", true)
	a.Open(r.portal + "/admin/people")
	a.Click("publisher")
	a.Click("Delete this person")
	a.Click("Show what ends")
	a.See("must be handed over")
	a.Open(r.portal + "/admin/people/new")
	a.Fill("Username", "olga")
	a.Fill("Name", "Olga Berg")
	a.Tick("Publisher")
	a.Click("Add person")
	a.Open(r.portal + "/admin/people")
	a.Click("publisher")
	a.Click("Delete this person")
	a.Click("Show what ends")
	r.shot(a, "ends-publisher")
	a.Choose("Hand over to", "Olga Berg (olga)")
	a.Click("Hand over")
	a.See("It is handed over.")
	a.Tick("I have read this.")
	a.Click("Delete ")
	a.See("The person is deleted.")
	a.Open(r.portal + "/admin/people")
	a.Click("subscriber")
	a.Click("Delete this person")
	a.Click("Show what ends")
	a.See("Nothing is subscribed, so no subscription ends.")
	r.shot(a, "ends-person")
	a.Tick("I have read this.")
	a.Click("Delete ")
	a.See("The person is deleted.")
}

// shot keeps pictures of a page where TOLLGATE_TEST_SHOTS says, if it says so.
func (r *running) shot(p *browser.Page, name string) {
	dir := os.Getenv("TOLLGATE_TEST_SHOTS")
	if dir == "" {
		return
	}
	p.Screenshot(filepath.Join(dir, name+"-1280.png"), 1280, false)
	p.Screenshot(filepath.Join(dir, name+"-390.png"), 390, false)
	p.Screenshot(filepath.Join(dir, name+"-dark.png"), 1280, true)
	p.Dark(false)
	p.Resize(1280)
}
