package sandbox_test

import (
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tollgate/internal/browser"
)

// payIn fills Checkout's form as a person would, and pays.
func payIn(p *browser.Page, number string) {
	p.Fill("Card number", number)
	p.Fill("Expires", "04 / 29")
	p.Fill("CVC", "123")
	p.Fill("Name on card", "Ada Byron")
	p.Choose("Country", "Denmark")
	p.Click("Pay 49.00 USD in the sandbox")
}

// TestAPersonSubscribes goes from Checkout over a typing mistake, a decline and
// the bank's question to the shop, then to the Customer Portal and back.
func TestAPersonSubscribes(t *testing.T) {
	t.Parallel()
	for _, scripts := range []bool{true, false} {
		t.Run("scripts "+strconv.FormatBool(scripts), func(t *testing.T) {
			t.Parallel()
			s, p := newShop(t), browser.New(t)
			if !scripts {
				p.DisableScripts()
			}
			session := s.must("POST /v1/checkout/sessions", "mode=subscription&customer="+s.customer+"&line_items[0][price]="+s.fixed+
				"&line_items[0][quantity]=1&subscription_data[billing_mode][type]=flexible&success_url="+s.url+"/?done={CHECKOUT_SESSION_ID}&cancel_url="+s.url+"/clock")
			p.Open(session.text("url"))
			p.See("Subscribe to Gold")
			p.See("Gold, 31 Jan 2026 to 28 Feb 2026")
			payIn(p, "5500 1234 5678 9012")
			p.See("not one of Stripe's test numbers")
			if p.Value("Name on card") != "Ada Byron" || p.Value("Expires") != "04 / 29" {
				t.Error("what was typed is lost")
			}
			payIn(p, "4000 0000 0000 9995")
			p.See("Your card has insufficient funds.")
			payIn(p, "4000 0025 0000 3155")
			p.See("Approve this payment?")
			p.Click("Fail")
			p.See("unable to authenticate")
			payIn(p, "4000 0025 0000 3155")
			p.Click("Approve")
			p.See("Platform accounts")
			if !strings.HasSuffix(p.URL(), "?done="+session.id()) {
				t.Errorf("the shop's page is %s", p.URL())
			}
			s.must("GET /v1/subscriptions", "").want("data.0.status", "active")
			s.manage(p)
		})
	}
}

// manage cancels in the Customer Portal, takes it back, and reads an invoice.
func (s shop) manage(p *browser.Page) {
	s.must("POST /v1/billing_portal/configurations", "features[invoice_history][enabled]=true&features[payment_method_update][enabled]=true&features[subscription_cancel][enabled]=true")
	p.Open(s.must("POST /v1/billing_portal/sessions", "customer="+s.customer+"&return_url="+s.url+"/").text("url"))
	p.See("Renews on 28 Feb 2026, 12:00 UTC.")
	p.Click("Cancel subscription")
	p.Within("It works until").Click("Cancel subscription")
	p.See("Ends on 28 Feb 2026, 12:00 UTC.")
	p.Click("Don't cancel subscription")
	p.See("The cancellation is taken back.")
	p.See("Visa ending in 3155, expires 04/2029")
	p.Click(s.must("GET /v1/invoices", "").text("data.0.number"))
	p.See("Paid")
	p.See("49.00 USD")
}

// TestPagesAreForEverybody looks at each page with axe, light and dark, and for
// anything wider than a phone.
func TestPagesAreForEverybody(t *testing.T) {
	t.Parallel()
	for _, dark := range []bool{false, true} {
		t.Run("dark "+strconv.FormatBool(dark), func(t *testing.T) {
			t.Parallel()
			s, platform, account := connectedShop(t)
			p := browser.New(t)
			look := func(what string) {
				t.Helper()
				p.Axe()
				fitsAPhone(t, p, what, dark)
				p.Dark(dark)
			}
			p.Dark(dark)
			for what, address := range s.everyPage(platform, account) {
				p.Open(address)
				look(what)
			}
			session := s.checkout(s.fixed, "1")
			p.Open(session.text("url"))
			payIn(p, "4000 0000 0000 0002")
			p.See("Your card was declined.")
			look("a declined card")
			p.Open(session.text("url"))
			payIn(p, "4000 0027 6000 3184")
			p.See("Approve this payment?")
			look("the bank's page")
		})
	}
}

// fitsAPhone fails the test where a page is wider than a phone.
func fitsAPhone(t *testing.T, p *browser.Page, what string, dark bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.png")
	p.Screenshot(path, 390, dark)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if picture, err := png.DecodeConfig(file); err != nil || picture.Width != 390 {
		t.Errorf("%s is %d wide, want 390 (%v)", what, picture.Width, err)
	}
}

// everyPage is an address of each kind of page, with something on it.
func (s shop) everyPage(platform caller, account string) map[string]string {
	s.t.Helper()
	in := newInbox(s.t)
	platform.listen(in, "enabled_events[]=*&connect=true")
	b := browse(s.t)
	sub := s.subscribed(s.fixed, "1", "pm_card_visa")
	bill := func() string {
		s.must("POST /v1/invoiceitems", "customer="+s.customer+"&amount=1500&currency=usd&description=Setup")
		id := s.must("POST /v1/invoices", "customer="+s.customer+"&pending_invoice_items_behavior=include").id()
		return s.must("POST /v1/invoices/"+id+"/finalize", "").text("hosted_invoice_url")
	}
	paid, open := bill(), bill()
	if status, _, _ := b.post(paid+"/pay", card("4242424242424242")); status != http.StatusSeeOther {
		s.t.Fatal("the invoice was not paid", status)
	}
	expired := s.checkout(s.fixed, "1")
	s.must("POST /v1/checkout/sessions/"+expired.id()+"/expire", "")
	s.must("POST /v1/billing_portal/configurations", "features[invoice_history][enabled]=true&features[payment_method_update][enabled]=true&features[subscription_cancel][enabled]=true")
	visit := s.must("POST /v1/billing_portal/sessions", "customer="+s.customer+"&return_url="+s.url+"/").text("url")
	other := platform.must("POST /v1/accounts", "type=standard&country=GB").id()
	setup := platform.must("POST /v1/account_links", "account="+other+"&type=account_onboarding&refresh_url="+s.url+"/&return_url="+s.url+"/").text("url")
	s.work()
	d := s.url + "/dashboard/" + account
	return map[string]string{
		"Checkout": s.checkout(s.fixed, "1").text("url"), "Checkout by use": s.checkout(s.metered, "").text("url"), "an expired checkout": expired.text("url"),
		"an open invoice": open, "a paid invoice": paid, "the portal": visit, "onboarding": setup, "accounts": s.url + "/",
		"the platform": s.url + "/dashboard/" + platform.must("GET /v1/account", "").id(), "an account": d, "subscriptions": d + "/subscription",
		"a subscription": d + "/subscription/" + sub, "a charge": d + "/charge/" + s.must("GET /v1/charges", "limit=1").text("data.0.id"), "events": d + "/event", "webhooks": s.url + "/dashboard/" + platform.must("GET /v1/account", "").id() + "/webhook_endpoint",
		"calls": d + "/logs", "the clock": s.url + "/clock", "nothing": s.url + "/i/nothing",
	}
}
