package sandbox_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/stripetest"
)

// debited completes a Checkout by bank debit on its page, and returns the
// session and its subscription.
func (s shop) debited(answer string) (session reply, subscription string) {
	s.t.Helper()
	opened := s.checkout(s.fixed, "1")
	form := url.Values{"email": {"ada@example.com"}, "name": {"Ada"}, "country": {"DE"}, "debit": {answer}}
	if status, to, page := browse(s.t).post(opened.text("url"), form); status != http.StatusSeeOther || !strings.HasPrefix(to, "http://127.0.0.1/done") {
		s.t.Fatalf("%d %s %s", status, to, page)
	}
	session = s.must("GET /v1/checkout/sessions/"+opened.id(), "")
	return session, session.text("subscription")
}

func TestABankDebitIsAnsweredDaysLater(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]struct{ session, subscription, invoice, event string }{
		"pays":  {"paid", "active", "paid", "checkout.session.async_payment_succeeded"},
		"fails": {"unpaid", "past_due", "open", "checkout.session.async_payment_failed"},
	} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			s, in := newShop(t), newInbox(t)
			s.listen(in, "enabled_events[]=*&api_version=2025-08-27.basil")
			session, id := s.debited(answer)
			session.want("status", "complete")
			session.want("payment_status", "unpaid")
			session.want("payment_method_types.1", "us_bank_account")
			sub := s.must("GET /v1/subscriptions/"+id, "expand[]=latest_invoice&expand[]=default_payment_method")
			sub.want("status", "active")
			sub.want("latest_invoice.status", "open")
			s.must("GET /v1/payment_intents", "").want("data.0.status", "processing")
			sub.want("default_payment_method.us_bank_account.last4", "6789")
			if _, page := browse(t).open(sub.text("latest_invoice.hosted_invoice_url")); !strings.Contains(page, "The bank is working on it") {
				t.Errorf("the invoice's page: %s", page)
			}
			s.advance(3*aDay - time.Minute)
			s.must("GET /v1/checkout/sessions/"+session.id(), "").want("payment_status", "unpaid")
			if s.count(want.event) != 0 {
				t.Error("too early")
			}
			s.advance(time.Minute)
			s.must("GET /v1/checkout/sessions/"+session.id(), "").want("payment_status", want.session)
			s.must("GET /v1/subscriptions/"+id, "").want("status", want.subscription)
			s.must("GET /v1/invoices", "subscription="+id).want("data.0.status", want.invoice)
			if s.count(want.event) != 1 {
				t.Error(s.types())
			}
			if order := s.about("checkout.session."); !slices.Equal(order, []string{"checkout.session.completed", want.event}) {
				t.Error(order)
			}
			for _, d := range in.take() {
				stripetest.Responses(t).ValidateEvent(d.body)
			}
		})
	}
}

func TestHowDebitsGoIsASetting(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.set(`{"debit_hours":48,"while_debited":"incomplete"}`)
	_, id := s.debited("pays")
	s.must("GET /v1/subscriptions/"+id, "").want("status", "incomplete")
	s.advance(47 * time.Hour) // it does not expire while the bank thinks
	s.must("GET /v1/subscriptions/"+id, "").want("status", "incomplete")
	s.advance(time.Hour)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "active")

	_, id = s.debited("fails")
	s.advance(48 * time.Hour)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "incomplete_expired")

	s.set(`{"offer_debits":false}`)
	opened := s.checkout(s.fixed, "1")
	opened.want("payment_method_types.1", nil)
	form := url.Values{"email": {"ada@example.com"}, "debit": {"pays"}}
	if status, _, _ := browse(t).post(opened.text("url"), form); status != http.StatusConflict {
		t.Errorf("a debit that is not offered: %d", status)
	}
	s.must("GET /v1/checkout/sessions/"+opened.id(), "").want("status", "open")
}

func TestARenewalByDebitIsProcessedWithoutLapsing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	_, id := s.debited("pays")
	s.advance(month + 2*time.Hour)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "active")
	renewal := s.must("GET /v1/invoices", "subscription="+id)
	renewal.want("data.0.status", "open")
	s.must("POST /v1/invoices/"+renewal.text("data.0.id")+"/pay", "payment_method=pm_card_visa").want("status", "open") // nobody pays twice
	s.advance(3 * aDay)
	s.must("GET /v1/invoices", "subscription="+id).want("data.0.status", "paid")
	s.must("GET /v1/subscriptions/"+id, "").want("status", "active")
	if n := len(s.must("GET /v1/charges", "").json["data"].([]any)); n != 2 {
		t.Errorf("%d charges", n)
	}
}

func TestDebitsByTheAPI(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	account := s.must("POST /v1/payment_methods/pm_usBankAccount_success/attach", "customer="+s.customer)
	account.want("type", "us_bank_account")
	account.want("card", nil)
	s.must("GET /v1/customers/"+s.customer+"/payment_methods", "type=us_bank_account").want("data.0.id", account.id())
	s.must("POST /v1/subscriptions", "customer="+s.customer+"&items[0][price]="+s.fixed+"&default_payment_method="+account.id()).want("status", "active")
	if r := s.do("POST /v1/payment_intents", "amount=1000&currency=eur&confirm=true&payment_method="+account.id()+"&return_url=http://127.0.0.1/"); r.status != http.StatusBadRequest {
		t.Errorf("dollars from a bank for euros: %s", r.body)
	}
	paid := s.must("POST /v1/payment_intents", "amount=1000&currency=usd&confirm=true&customer="+s.customer+"&payment_method="+account.id()+"&return_url=http://127.0.0.1/")
	paid.want("status", "processing")
	s.advance(3 * aDay)
	s.must("GET /v1/payment_intents/"+paid.id(), "expand[]=latest_charge").want("latest_charge.payment_method_details.us_bank_account.last4", "6789")
	s.must("GET /v1/payment_intents/"+paid.id(), "").want("status", "succeeded")
}

// A debit that fails is tried again as any payment is, and each try takes its days.
func TestAFailingDebitIsDunned(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.set(`{"retry_days":[1],"after_retries":"unpaid"}`)
	_, id := s.debited("fails")
	s.advance(3 * aDay)
	i := s.must("GET /v1/invoices", "subscription="+id)
	i.want("data.0.attempt_count", 1)
	i.want("data.0.next_payment_attempt", int(start.Add(4*aDay).Unix()))
	s.advance(aDay)
	i = s.must("GET /v1/invoices", "subscription="+id)
	i.want("data.0.attempt_count", 2)
	i.want("data.0.next_payment_attempt", nil)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "past_due")
	s.advance(3 * aDay)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "unpaid")
	if n := s.count("checkout.session.async_payment_failed"); n != 1 {
		t.Errorf("the Checkout failed %d times", n)
	}
}

func TestAPurchaseByDebit(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	once := s.must("POST /v1/prices", "product=gold&currency=eur&unit_amount=900").id()
	session := s.must("POST /v1/checkout/sessions", "mode=payment&line_items[0][price]="+once+"&line_items[0][quantity]=1&success_url=http://127.0.0.1/done")
	session.want("payment_method_types.1", "sepa_debit")
	form := url.Values{"email": {"ada@example.com"}, "debit": {"pays"}}
	if status, _, page := browse(t).post(session.text("url"), form); status != http.StatusSeeOther {
		t.Fatal(page)
	}
	s.must("GET /v1/checkout/sessions/"+session.id(), "").want("payment_status", "unpaid")
	s.advance(3 * aDay)
	s.must("GET /v1/checkout/sessions/"+session.id(), "expand[]=payment_intent.latest_charge").want("payment_intent.latest_charge.payment_method_details.type", "sepa_debit")
	s.must("GET /v1/checkout/sessions/"+session.id(), "").want("payment_status", "paid")
}
