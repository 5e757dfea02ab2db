//go:build unix

package main

// A shop is an API that is sold by the call, and somebody who has bought it.
type shop struct{ key string }

// openShop has an admin make a plan without limits, a publisher sell an API by it
// whose upstream is at url, and the demo's subscriber subscribe, pay and generate a
// key.
func (f *fleet) openShop(upstream string) shop {
	f.t.Helper()
	account := f.account() // from then on the demo's people are there
	r := &running{t: f.t, portal: f.portal, sandbox: f.sandbox}
	p := r.signIn("admin", false)
	p.Click("Business plans")
	p.Click("Create a plan")
	p.Fill("Name", "By the call")
	p.Choose("Billing plan", "Dynamic rate")
	p.Fill("Price", "0.002")
	p.Fill("Currency", "USD")
	p.Click("Create plan")
	p.See("mtr_")

	p = r.signIn("publisher", false)
	p.Open(f.portal + "/publisher/apis")
	p.Click("Create an API")
	p.Fill("Name", "Chaos")
	p.Fill("Version", "v1")
	p.Fill("Context", "chaos")
	p.Fill("Upstream endpoint", upstream)
	p.Fill("Description", "Numbers.")
	p.Click("Create API")
	p.See("Chaos v1")
	p.Click("Publish")
	p.See("Published")
	p.Click("Plans")
	p.Tick("Offer By the call")
	p.Click("Save")
	p.Click("Monetization")
	p.Tick("Enable monetization")
	p.Fill("Connected account ConnectedAccountKey", account)
	p.Click("Save")
	p.See("On sale")

	p = r.signIn("subscriber", false)
	p.Open(f.portal + "/devportal?q=chaos")
	p.Click("Chaos v1")
	p.Choose("Application", "Forecast widget")
	p.Click("Subscribe")
	p.Click("Complete Payment")
	p.See("This is the sandbox.")
	enter(p, "4242 4242 4242 4242")
	p.Click("Subscribe in the sandbox")
	p.See("Active")
	return shop{key: r.generate(p)}
}
