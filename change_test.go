package main

import "testing"

// Another plan, by the page and by the clock: at period end and taken back, at once
// with proration, down to the free one, and from there by Checkout.
func TestChangingThePlan(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, settings(t.TempDir()))
			p := r.signIn("subscriber", scripts)
			p.Open(r.portal + "/devportal?q=city")
			p.Click("City Weather v1")
			p.Choose("Application", "Forecast widget")
			p.Within("9.00 USD a month No cap").Click("Subscribe")
			p.Click("Complete Payment")
			pay := func() {
				p.Fill("Card number", "4242 4242 4242 4242")
				p.Fill("Expires", "04 / 35")
				p.Fill("CVC", "123")
				p.Fill("Name on card", "Ada Byron")
				p.Click("Pay 9.00 USD in the sandbox")
				r.eventually(p, "Change plan")
			}
			look := func() {
				if scripts { // without them axe cannot run
					p.Axe()
				}
			}
			pay()
			subscription := p.URL()

			p.Click("Change plan")
			p.See("Your plan now. 9.00 USD a month")
			p.Choose("Plan", "Flex")
			p.Choose("When it changes", "When the period ends")
			p.Click("Preview")
			p.See("From Basic to Flex")
			p.See("Nothing is charged now, and you can take this back until then.")
			look()
			p.Click("Confirm change")
			p.See("Flex will follow when the period ends.")
			p.See("Changing plan")
			look()
			p.Open(r.portal + "/devportal/subscriptions")
			p.See("Basic → Flex on")
			p.Click("City Weather v1")
			p.Click("Undo change")
			p.See("The plan is Basic.")
			p.NotSee("Undo change")

			r.move("240h")
			p.Click("Change plan")
			p.Choose("Plan", "Flex")
			p.Choose("When it changes", "Now")
			p.Click("Preview")
			p.See("Unused time")
			p.See("To your balance")
			look()
			p.Click("Confirm change")
			p.See("The plan is Flex now.")

			p.Click("Change plan")
			p.Choose("Plan", "Free")
			p.Click("Preview")
			p.See("The last one, on")
			p.Click("Confirm change")
			p.See("Free will follow when the period ends.")
			p.See("Paid until")
			r.move("768h")
			r.eventually(p, "City Weather v1, Free")
			p.Open(subscription)
			p.See("Changed from Flex to Free.")

			p.Click("Change plan")
			p.Choose("Plan", "Basic")
			p.Click("Preview")
			p.See("You pay on Stripe's page next.")
			p.Click("Confirm change")
			p.See("Complete the payment to change to Basic.")
			p.See("Calls are served.")
			p.Click("Complete Payment")
			pay()
			p.See("City Weather v1, Basic")
			if p.URL() != subscription {
				t.Errorf("the browser is at %s, not at %s", p.URL(), subscription)
			}
		})
	}
}
