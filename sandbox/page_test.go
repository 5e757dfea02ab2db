package sandbox_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/internal/golden"
)

// A visitor is somebody at the hosted pages. It stops at redirects.
type visitor struct {
	t *testing.T
	http.Client
}

func browse(t *testing.T) visitor {
	return visitor{t, http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// post sends a form; the answer is the status, where it leads, and the page.
func (b visitor) post(address string, form url.Values) (status int, to, page string) {
	b.t.Helper()
	r, err := b.PostForm(address, form)
	return b.read(r, err)
}

func (b visitor) open(address string) (status int, page string) {
	b.t.Helper()
	r, err := b.Get(address)
	status, _, page = b.read(r, err)
	return status, page
}

func (b visitor) read(r *http.Response, err error) (int, string, string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if r.StatusCode != http.StatusSeeOther && strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
		golden.CheckPage(b.t, string(body))
		if !strings.Contains(string(body), "no money moves") {
			b.t.Error("a page does not say that it is the sandbox")
		}
		if r.Header.Get("Content-Security-Policy") == "" {
			b.t.Error("a page has no Content-Security-Policy")
		}
	}
	return r.StatusCode, r.Header.Get("Location"), string(body)
}

func card(number string) url.Values {
	return url.Values{"email": {"ada@example.com"}, "number": {number}, "expires": {"04 / 29"}, "cvc": {"123"}, "name": {"Ada Byron"}, "country": {"GB"}}
}

func TestCheckoutPage(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	b := browse(t)
	session := s.checkout(s.fixed, "1")
	page := session.text("url")
	if status, text := b.open(page); status != http.StatusOK || !strings.Contains(text, "Pay 49.00 USD in the sandbox") {
		t.Fatalf("%d %s", status, text)
	}
	for number, says := range map[string]string{
		"5500 1234 5678 9012": "not one of Stripe&#39;s test numbers",
		"4000 0000 0000 0002": "Your card was declined.",
		"4000 0000 0000 9995": "insufficient funds",
		"4000 0000 0000 0069": "Your card has expired.",
		"4242 4242 4242 4241": "Your card number is incorrect.",
		"":                    "Type the number of a test card",
	} {
		status, _, text := b.post(page, card(number))
		if status < 400 || status > 422 || !strings.Contains(text, says) {
			t.Errorf("%s: %d, want %q\n%s", number, status, says, text)
		}
		if number != "" && strings.Contains(text, `value="`+number) || strings.Contains(text, `value="123"`) {
			t.Errorf("%s: what was typed as number or code came back", number)
		}
		if !strings.Contains(text, `value="Ada Byron"`) || !strings.Contains(text, `value="04 / 29"`) {
			t.Errorf("%s: what was typed is lost", number)
		}
	}
	status, to, _ := b.post(page, card("4242 4242 4242 4242"))
	if want := "http://127.0.0.1/done?s=" + session.text("id"); status != http.StatusSeeOther || to != want {
		t.Fatalf("%d to %q, want %q", status, to, want)
	}
	if status, text := b.open(page); status != http.StatusGone || !strings.Contains(text, "paid already") {
		t.Errorf("%d %s", status, text)
	}
}

func TestApprovingAPayment(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]int{"approve": http.StatusSeeOther, "fail": http.StatusPaymentRequired} {
		s := newShop(t)
		b := browse(t)
		session := s.checkout(s.fixed, "1")
		status, _, text := b.post(session.text("url"), card("4000 0025 0000 3155"))
		if status != http.StatusOK || !strings.Contains(text, "Approve this payment?") {
			t.Fatalf("%d %s", status, text)
		}
		form := card("")
		form.Set("card", "tok_authenticationRequiredOnSetup")
		form.Set("answer", answer)
		if status, _, text := b.post(session.text("url")+"/approve", form); status != want {
			t.Errorf("%s: %d %s", answer, status, text)
		}
		open := s.must("GET /v1/checkout/sessions/"+session.text("id"), "").text("status") == "open"
		if open != (answer == "fail") {
			t.Errorf("%s: session open %t", answer, open)
		}
		if answer == "approve" { // the card was set up, so renewals need nobody
			s.advance(28*24*time.Hour + 2*time.Hour)
			if r := s.must("GET /v1/subscriptions", ""); r.text("data.0.status") != "active" {
				t.Error(r.body)
			}
		}
	}
}

func TestTheBankAsksAboutAPaymentByAPI(t *testing.T) {
	t.Parallel()
	for answer, status := range map[string]string{"approve": "succeeded", "fail": "requires_payment_method"} {
		s := newShop(t)
		b := browse(t)
		intent := s.must("POST /v1/payment_intents", "amount=900&currency=usd&confirm=true&payment_method=pm_card_authenticationRequired&return_url=http://127.0.0.1/back?a=b")
		intent.want("status", "requires_action")
		bank := intent.text("next_action.redirect_to_url.url")
		if status, text := b.open(bank); status != http.StatusOK || !strings.Contains(text, "9.00 USD") || !strings.Contains(text, "3184") {
			t.Fatalf("%d %s", status, text)
		}
		code, to, _ := b.post(bank, url.Values{"answer": {answer}})
		if code != http.StatusSeeOther || !strings.HasPrefix(to, "http://127.0.0.1/back?a=b&payment_intent="+intent.id()) {
			t.Errorf("%d to %s", code, to)
		}
		s.must("GET /v1/payment_intents/"+intent.id(), "").want("status", status)
		if code, _ := b.open(bank); code != http.StatusGone {
			t.Errorf("the bank asks again: %d", code)
		}
	}
	s := newShop(t)
	if r := s.do("POST /v1/payment_intents", "amount=900&currency=usd&confirm=true&payment_method=pm_card_authenticationRequired&error_on_requires_action=true"); r.status != http.StatusPaymentRequired || r.text("error.code") != "authentication_required" {
		t.Error(r.body)
	}
}

func TestInvoicePage(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	b := browse(t)
	s.must("POST /v1/invoiceitems", "customer="+s.customer+"&amount=1500&currency=usd&description=Setup")
	id := s.must("POST /v1/invoices", "customer="+s.customer+"&pending_invoice_items_behavior=include").text("id")
	open := s.must("POST /v1/invoices/"+id+"/finalize", "")
	if status, text := b.open(open.text("hosted_invoice_url")); status != http.StatusOK || !strings.Contains(text, "Setup") {
		t.Fatalf("%d %s", status, text)
	}
	if status, pdf := b.open(open.text("invoice_pdf")); status != http.StatusOK || !strings.HasPrefix(pdf, "%PDF-") {
		t.Errorf("%d, no PDF", status)
	}
	if status, _, text := b.post(open.text("hosted_invoice_url")+"/pay", card("4000 0000 0000 0341")); status != http.StatusPaymentRequired || !strings.Contains(text, "declined") {
		t.Errorf("%d %s", status, text)
	}
	if status, _, text := b.post(open.text("hosted_invoice_url")+"/pay", card("4242424242424242")); status != http.StatusSeeOther {
		t.Errorf("%d %s", status, text)
	}
	if r := s.must("GET /v1/invoices/"+id, ""); r.text("status") != "paid" || r.at("attempt_count") != 1.0 {
		t.Error(r.body)
	}
	if status, _ := b.open(s.url + "/i/nothing"); status != http.StatusNotFound {
		t.Error(status)
	}
}

func TestPortalPage(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	b := browse(t)
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	s.must("POST /v1/billing_portal/configurations", "features[invoice_history][enabled]=true&features[payment_method_update][enabled]=true&features[subscription_cancel][enabled]=true")
	visit := s.must("POST /v1/billing_portal/sessions", "customer="+s.customer+"&return_url=http://127.0.0.1/back").text("url")
	if status, text := b.open(visit); status != http.StatusOK || !strings.Contains(text, "Visa ending in 4242") || !strings.Contains(text, "Cancel subscription") {
		t.Fatalf("%d %s", status, text)
	}
	form := url.Values{"subscription": {id}}
	if status, to, _ := b.post(visit+"/cancel", form); status != http.StatusSeeOther {
		t.Fatal(status)
	} else if _, text := b.open(s.url + to); !strings.Contains(text, "Ends on 28 Feb 2026") {
		t.Error(text)
	}
	// Flexible billing mode sets cancel_at alone.
	if r := s.must("GET /v1/subscriptions/"+id, ""); r.at("cancel_at") == nil || r.at("cancel_at_period_end") != false {
		t.Error(r.body)
	}
	if status, _, _ := b.post(visit+"/resume", form); status != http.StatusSeeOther {
		t.Error(status)
	}
	if r := s.must("GET /v1/subscriptions/"+id, ""); r.at("cancel_at") != nil {
		t.Error(r.body)
	}
	if status, _, _ := b.post(visit+"/card", card("5555 5555 5555 4444")); status != http.StatusSeeOther {
		t.Error(status)
	}
	if _, text := b.open(visit); !strings.Contains(text, "Mastercard ending in 4444") {
		t.Error(text)
	}
	s.advance(2 * time.Hour)
	if status, _ := b.open(visit); status != http.StatusGone {
		t.Errorf("an old link answers %d", status)
	}
	if status, _, _ := b.post(visit+"/cancel", form); status != http.StatusGone {
		t.Error("an old link still cancels")
	}
}

func TestSetupPage(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	b := browse(t)
	account := s.must("POST /v1/accounts", "type=standard&country=GB").text("id")
	link := s.must("POST /v1/account_links", "account="+account+"&type=account_onboarding&refresh_url=http://127.0.0.1/again&return_url=http://127.0.0.1/back").text("url")
	if status, text := b.open(link); status != http.StatusOK || !strings.Contains(text, account) {
		t.Fatalf("%d %s", status, text)
	}
	if status, to, _ := b.post(link, url.Values{"name": {"Northwind"}}); status != http.StatusSeeOther || to != "http://127.0.0.1/back" {
		t.Fatal(status, to)
	}
	if r := s.must("GET /v1/accounts/"+account, ""); r.at("charges_enabled") != true {
		t.Error(r.body)
	}
	r, err := b.Get(link)
	if status, to, _ := b.read(r, err); status != http.StatusSeeOther || to != "http://127.0.0.1/again" {
		t.Error("a used link opens again", status, to)
	}
}

func TestDashboardShowsWhatThereIs(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	b := browse(t)
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	account := s.must("GET /v1/account", "").text("id")
	seen := map[string]bool{}
	todo := []string{"/"}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		status, text := b.open(s.url + path)
		if status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		for part := range strings.SplitSeq(text, `href="`) {
			link, _, _ := strings.Cut(part, `"`)
			if strings.HasPrefix(link, "/dashboard") || link == "/clock" {
				todo = append(todo, link)
			}
		}
	}
	for _, want := range []string{"/dashboard/" + account + "/subscription/" + id, "/dashboard/" + account + "/logs", "/clock"} {
		if !seen[want] {
			t.Errorf("no page links to %s", want)
		}
	}
	for _, path := range []string{"/dashboard/acct_none", "/dashboard/" + account + "/nothing", "/dashboard/" + account + "/invoice/in_none"} {
		if status, _ := b.open(s.url + path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestTheClockPageMovesTheClock(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	b := browse(t)
	s.subscribed(s.fixed, "1", "pm_card_visa")
	before := s.server.Now()
	status, to, _ := b.post(s.url+"/clock", url.Values{"by": {"1mo"}})
	if status != http.StatusSeeOther {
		t.Fatal(status)
	}
	if got := s.server.Now().Format(time.DateOnly); got != "2026-02-28" {
		t.Errorf("a month after %s is %s", before, got)
	}
	if _, text := b.open(s.url + to); !strings.Contains(text, "invoice.created") || !strings.Contains(text, "Finalize the invoice and charge it") {
		t.Error(text)
	}
	for _, day := range []string{"", "2026-01-01", "2999-01-01"} {
		if status, _, _ := b.post(s.url+"/clock", url.Values{"to": {day}}); status != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d", day, status)
		}
	}
	if status, _, _ := b.post(s.url+"/clock", url.Values{"to": {"2026-03-15"}}); status != http.StatusSeeOther || s.server.Now().Format(time.DateOnly) != "2026-03-15" {
		t.Error(status, s.server.Now())
	}
}
