package sandbox_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const month = 28 * 24 * time.Hour // from 31 January to 28 February

// count is how often an event has happened.
func (s shop) count(event string) (n int) {
	s.t.Helper()
	for _, e := range s.types() {
		if e == event {
			n++
		}
	}
	return n
}

func TestTwoBrowsersPayOneSessionOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	session := s.checkout(s.fixed, "1")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 4 {
		wg.Go(func() {
			status, _, _ := browse(t).post(session.text("url"), card("4242 4242 4242 4242"))
			mu.Lock()
			defer mu.Unlock()
			got[status]++
		})
	}
	wg.Wait()
	if got[http.StatusSeeOther] != 1 || got[http.StatusSeeOther]+got[http.StatusGone] != 4 {
		t.Errorf("answers: %v", got)
	}
	if n := len(s.must("GET /v1/subscriptions", "status=all").json["data"].([]any)); n != 1 {
		t.Errorf("%d subscriptions", n)
	}
	if n := len(s.must("GET /v1/charges", "").json["data"].([]any)); n != 1 {
		t.Errorf("%d charges", n)
	}
}

// failing is a subscription that is past due: its customer's only card fails.
func (s shop) failing() string {
	s.t.Helper()
	good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
	s.must("POST /v1/customers/"+s.customer, "invoice_settings[default_payment_method]="+good)
	id := s.must("POST /v1/subscriptions", "customer="+s.customer+"&items[0][price]="+s.fixed).id()
	bad := s.must("POST /v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+s.customer).id()
	s.must("POST /v1/customers/"+s.customer, "invoice_settings[default_payment_method]="+bad)
	s.advance(month + 2*time.Hour)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "past_due")
	s.must("GET /v1/customers/"+s.customer, "").want("delinquent", true)
	return id
}

func TestANewDefaultCardOfTheCustomerPaysWhatIsOpen(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.failing()
	good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
	s.must("POST /v1/customers/"+s.customer, "invoice_settings[default_payment_method]="+good).want("delinquent", false)
	r := s.must("GET /v1/subscriptions/"+id, "expand[]=latest_invoice")
	r.want("status", "active")
	r.want("latest_invoice.status", "paid")
	r.want("latest_invoice.attempt_count", 1)
}

func TestAttemptsByHandLeaveThePlanOfRetriesAlone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.failing()
	before := s.must("GET /v1/subscriptions/"+id, "expand[]=latest_invoice")
	invoice := before.text("latest_invoice.id")
	s.advance(24 * time.Hour)
	if r := s.do("POST /v1/invoices/"+invoice+"/pay", ""); r.status != http.StatusPaymentRequired {
		t.Fatal(r.body)
	}
	after := s.must("GET /v1/invoices/"+invoice, "")
	after.want("next_payment_attempt", before.at("latest_invoice.next_payment_attempt"))
	after.want("attempt_count", 1)
	s.advance(2 * 24 * time.Hour)
	s.must("GET /v1/invoices/"+invoice, "").want("attempt_count", 2)
}

func TestUncollectibleEndsTheDebtAndCanStillBePaid(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.failing()
	invoice := s.must("GET /v1/subscriptions/"+id, "").text("latest_invoice")
	s.must("POST /v1/invoices/"+invoice+"/mark_uncollectible", "").want("next_payment_attempt", nil)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "active")
	s.must("GET /v1/customers/"+s.customer, "").want("delinquent", false)
	s.must("POST /v1/invoices/"+invoice+"/pay", "payment_method=pm_card_visa").want("status", "paid")
}

func TestMoneyFromOutsideIsPaidWithoutACharge(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.failing()
	invoice := s.must("GET /v1/subscriptions/"+id, "").text("latest_invoice")
	succeeded, paid := s.count("invoice.payment_succeeded"), s.count("invoice.paid")
	r := s.must("POST /v1/invoices/"+invoice+"/pay", "paid_out_of_band=true&expand[]=payments")
	r.want("status", "paid")
	r.want("payments.data.0.status", "canceled")
	s.must("GET /v1/subscriptions/"+id, "").want("status", "active")
	if s.count("invoice.paid") != paid+1 || s.count("invoice.payment_succeeded") != succeeded {
		t.Error("invoice.payment_succeeded was told without a payment")
	}
}

func TestVoidingGivesBackTheBalanceAndEndsTheWait(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.must("POST /v1/customers/"+s.customer+"/balance_transactions", "amount=-1000&currency=usd")
	r := s.must("POST /v1/subscriptions", "customer="+s.customer+"&items[0][price]="+s.fixed+"&payment_behavior=default_incomplete&expand[]=latest_invoice")
	r.want("latest_invoice.amount_due", 3900)
	s.must("GET /v1/customers/"+s.customer, "").want("balance", 0)
	s.must("POST /v1/invoices/"+r.text("latest_invoice.id")+"/void", "")
	s.must("GET /v1/customers/"+s.customer, "").want("balance", -1000)
	s.must("GET /v1/subscriptions/"+r.id(), "").want("status", "incomplete_expired")
	s.must("GET /v1/customers/"+s.customer+"/balance_transactions", "").want("data.0.type", "unapplied_from_invoice")
}

func TestABalanceThatCoversAllNeedsNoCard(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.must("POST /v1/customers/"+s.customer+"/balance_transactions", "amount=-4860&currency=usd") // 40 cents are too little to charge
	r := s.must("POST /v1/subscriptions", "customer="+s.customer+"&items[0][price]="+s.fixed+"&expand[]=latest_invoice")
	r.want("status", "active")
	r.want("latest_invoice.amount_due", 0)
	r.want("latest_invoice.ending_balance", 40)
}

func TestATrialEndsAtOnceWhenAsked(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
	r := s.must("POST /v1/subscriptions", "customer="+s.customer+"&items[0][price]="+s.fixed+"&trial_period_days=14&default_payment_method="+good)
	r.want("status", "trialing")
	s.advance(time.Hour)
	r = s.must("POST /v1/subscriptions/"+r.id(), "trial_end=now&expand[]=latest_invoice")
	r.want("status", "active")
	r.want("latest_invoice.status", "paid")
	r.want("latest_invoice.amount_paid", 4900)
	r.want("items.data.0.current_period_start", int(start.Add(time.Hour).Unix()))
}

func TestUseDuringATrialIsFree(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
	id := s.must("POST /v1/subscriptions", "customer="+s.customer+"&items[0][price]="+s.metered+"&trial_period_days=7&billing_mode[type]=flexible&default_payment_method="+good).id()
	s.must("POST /v1/billing/meter_events", "event_name=calls&payload[stripe_customer_id]="+s.customer+"&payload[value]=5000")
	s.advance(8 * 24 * time.Hour)
	r := s.must("GET /v1/subscriptions/"+id, "")
	r.want("status", "active")
	if n := len(s.must("GET /v1/invoices", "subscription="+id).json["data"].([]any)); n != 0 {
		t.Errorf("%d invoices after a trial of a metered price", n)
	}
	s.must("POST /v1/billing/meter_events", "event_name=calls&payload[stripe_customer_id]="+s.customer+"&payload[value]=1000")
	s.advance(31*24*time.Hour + 2*time.Hour)
	s.must("GET /v1/invoices", "subscription="+id).want("data.0.total", 200)
}

func TestAPausedSubscriptionGoesOnWithACard(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.must("POST /v1/subscriptions", "customer="+s.customer+"&items[0][price]="+s.fixed+
		"&trial_period_days=7&trial_settings[end_behavior][missing_payment_method]=pause").id()
	s.advance(30 * 24 * time.Hour)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "paused")
	good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
	s.must("POST /v1/subscriptions/"+id, "default_payment_method="+good)
	r := s.must("POST /v1/subscriptions/"+id+"/resume", "expand[]=latest_invoice")
	r.want("status", "active")
	r.want("latest_invoice.status", "paid")
	if s.count("customer.subscription.resumed") != 1 {
		t.Error(s.types())
	}
}

func TestPausedCollection(t *testing.T) {
	t.Parallel()
	for behavior, want := range map[string]string{"keep_as_draft": "draft", "void": "void", "mark_uncollectible": "uncollectible"} {
		t.Run(behavior, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			id := s.subscribed(s.fixed, "1", "pm_card_visa")
			until := strconv.FormatInt(start.Add(month+48*time.Hour).Unix(), 10)
			s.must("POST /v1/subscriptions/"+id, "pause_collection[behavior]="+behavior+"&pause_collection[resumes_at]="+until).want("status", "active")
			s.advance(month + 3*time.Hour)
			s.must("GET /v1/invoices", "subscription="+id).want("data.0.status", want)
			s.must("GET /v1/subscriptions/"+id, "").want("status", "active")
			s.advance(48 * time.Hour)
			s.must("GET /v1/subscriptions/"+id, "").want("pause_collection", nil)
			s.must("POST /v1/subscriptions/"+id, "pause_collection[behavior]=void")
			s.must("POST /v1/subscriptions/"+id, "pause_collection=").want("pause_collection", nil)
		})
	}
}

func TestItemsOfASubscription(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	added := s.must("POST /v1/subscription_items", "subscription="+id+"&price="+s.metered)
	s.must("GET /v1/subscription_items", "limit=1&subscription="+id).want("has_more", true)
	first := s.must("GET /v1/subscriptions/"+id, "").text("items.data.0.id")
	s.must("GET /v1/subscription_items", "subscription="+id+"&starting_after="+first).want("data.0.id", added.id())
	s.must("POST /v1/subscription_items/"+first, "quantity=3&proration_behavior=none").want("quantity", 3)
	s.must("GET /v1/subscription_items/"+first, "").want("subscription", id)
	s.must("GET /v1/subscriptions", "price="+s.metered).want("data.0.id", id)
	s.must("DELETE /v1/subscription_items/"+added.id(), "").want("deleted", true)
	s.must("GET /v1/subscriptions/"+id, "").want("items.data.1", nil)
	if r := s.do("GET /v1/subscription_items/"+added.id(), ""); r.status != http.StatusNotFound {
		t.Error(r.body)
	}
}

func TestAnEndedSubscriptionKeepsOnlyWhatWasSaid(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	s.must("DELETE /v1/subscriptions/"+id, "cancellation_details[feedback]=unused").want("cancellation_details.feedback", "unused")
	s.must("POST /v1/subscriptions/"+id, "metadata[a]=1&cancellation_details[comment]=Sorry").want("cancellation_details.comment", "Sorry")
	if r := s.do("POST /v1/subscriptions/"+id, "cancel_at_period_end=true"); r.status != http.StatusBadRequest {
		t.Error(r.body)
	}
}

// What Stripe knows and the sandbox does not play is refused by name, unless it
// asks for nothing; what nobody knows is refused in Stripe's words.
func TestParametersAreNeverPassedOver(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	checkout := "mode=subscription&success_url=http://127.0.0.1/&line_items[0][quantity]=1&line_items[0][price]=" + s.fixed + "&"
	subscription := "payment_behavior=default_incomplete&customer=" + s.customer + "&items[0][price]=" + s.fixed + "&"
	for _, c := range []struct{ line, form, says string }{
		{"POST /v1/checkout/sessions", checkout + "discounts[0][coupon]=x", "does not simulate the parameter discounts"},
		{"POST /v1/checkout/sessions", checkout + "ui_mode=embedded", "hosted page only"},
		{"POST /v1/checkout/sessions", checkout + "payment_method_types[]=klarna", "cards only"},
		{"POST /v1/checkout/sessions", checkout + "automatic_tax[enabled]=true", "Stripe Tax"},
		{"POST /v1/checkout/sessions", checkout + "colour=red", "Received unknown parameter: colour"},
		{"POST /v1/checkout/sessions", checkout + "subscription_data[application_fee_percent]=10.123", "at most two decimals"},
		{"POST /v1/subscriptions", subscription + "transfer_data[destination]=acct_1", "does not simulate the parameter transfer_data"},
		{"POST /v1/subscriptions", subscription + "items[0][colour]=red", "Received unknown parameter: items[0][colour]"},
		{"POST /v1/subscriptions", subscription + "collection_method=send_invoice", "charges subscriptions automatically"},
		{"POST /v1/subscriptions", subscription + "application_fee_percent=100.5", "from 0 to 100"},
		{"POST /v1/invoices", "customer=" + s.customer + "&days_until_due=3", "collection_method=send_invoice"},
		{"POST /v1/invoices", "customer=" + s.customer + "&transfer_data[destination]=x", "does not simulate the parameter transfer_data"},
	} {
		if r := s.do(c.line, c.form); r.status != http.StatusBadRequest || !strings.Contains(r.text("error.message"), c.says) {
			t.Errorf("%s %s: %d %s, want %q", c.line, c.form, r.status, r.text("error.message"), c.says)
		}
	}
	s.must("POST /v1/checkout/sessions", checkout+"automatic_tax[enabled]=false&phone_number_collection[enabled]=false&submit_type=subscribe&currency=usd&payment_method_types[]=card&locale=auto")
	s.must("POST /v1/subscriptions", subscription+"application_fee_percent=12.5&discounts=&automatic_tax[enabled]=false&off_session=true&payment_settings[save_default_payment_method]=on_subscription")
	price := s.must("POST /v1/subscriptions", "payment_behavior=default_incomplete&customer="+s.customer+"&items[0][price_data][currency]=usd&items[0][price_data][product]=gold&items[0][price_data][unit_amount]=700&items[0][price_data][recurring][interval]=month")
	price.want("items.data.0.price.unit_amount", 700)
}

func TestExpansionsThatClientsAskFor(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	r := s.must("GET /v1/subscriptions/"+id, "expand[]=latest_invoice.payments&expand[]=items.data.price.product&expand[]=customer.invoice_settings.default_payment_method&expand[]=default_payment_method&expand[]=schedule&expand[]=latest_invoice.confirmation_secret")
	r.want("latest_invoice.payments.data.0.status", "paid")
	s.must("GET /v1/invoices/"+r.text("latest_invoice.id"), "expand[]=payments.data.payment.payment_intent").
		want("payments.data.0.payment.payment_intent.status", "succeeded")
	r.want("items.data.0.price.product.name", "Gold")
	r.want("default_payment_method.card.last4", "4242")
	s.must("GET /v1/customers/"+s.customer, "expand[]=subscriptions").want("subscriptions.data.0.id", id)
	s.must("GET /v1/invoices", "expand[]=data.customer&expand[]=data.parent.subscription_details.subscription").
		want("data.0.parent.subscription_details.subscription.status", "active")
	s.must("GET /v1/charges", "expand[]=data.balance_transaction&expand[]=data.payment_intent").want("data.0.payment_intent.status", "succeeded")
	if gone := s.do("GET /v1/invoices", "expand[]=data.payment_intent"); gone.status != http.StatusBadRequest || gone.text("error.message") != "This property cannot be expanded (data.payment_intent)." {
		t.Error(gone.body)
	}
}

func TestThePlatformGetsItsShare(t *testing.T) {
	t.Parallel()
	s, _, _ := connectedShop(t)
	session := s.must("POST /v1/checkout/sessions", "mode=subscription&customer="+s.customer+"&line_items[0][price]="+s.fixed+
		"&line_items[0][quantity]=1&success_url=http://127.0.0.1/&subscription_data[application_fee_percent]=12.25").id()
	if r := s.pay(session, "pm_card_visa"); r.status != http.StatusOK {
		t.Fatal(r.body)
	}
	s.must("GET /v1/payment_intents", "").want("data.0.application_fee_amount", 600) // 12.25 % of 49.00, rounded
	s.must("GET /v1/charges", "").want("data.0.application_fee_amount", 600)
	s.must("GET /v1/subscriptions", "").want("data.0.application_fee_percent", 12.25)
}

func TestPreviewOfATrialIsItsFirstPeriod(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.must("POST /v1/subscriptions", "customer="+s.customer+"&items[0][price]="+s.fixed+"&items[1][price]="+s.metered+"&trial_period_days=7&billing_mode[type]=flexible").id()
	s.must("POST /v1/billing/meter_events", "event_name=calls&payload[stripe_customer_id]="+s.customer+"&payload[value]=5000")
	r := s.must("POST /v1/invoices/create_preview", "subscription="+id)
	r.want("total", 4900)
	r.want("lines.data.1", nil)
	s.must("GET /v1/subscriptions/"+id, "").want("items.data.0.current_period_end", int(start.Add(7*24*time.Hour).Unix()))
}

func TestItemsThatWait(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.must("POST /v1/invoiceitems", "customer="+s.customer+"&amount=1500&currency=usd&period[start]=1769860800&period[end]=1769947200").want("period.end", 1769947200)
	s.must("GET /v1/invoiceitems", "pending=true").want("data.0.amount", 1500)
	s.must("GET /v1/invoiceitems", "pending=false").want("data.0", nil)
	s.must("POST /v1/invoices", "customer="+s.customer+"&pending_invoice_items_behavior=include").want("total", 1500)
	s.must("GET /v1/invoiceitems", "pending=false").want("data.0.amount", 1500)
}

func TestAClassicSubscriptionBillsAsItDid(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
	r := s.must("POST /v1/subscriptions", "customer="+s.customer+"&items[0][price]="+s.metered+"&default_payment_method="+good+"&expand[]=latest_invoice")
	r.want("billing_mode.type", "classic") // by the version of the call
	r.want("latest_invoice.total", 0)
	r.want("latest_invoice.lines.data.0.amount", 0)
	s.must("POST /v1/billing/meter_events", "event_name=calls&payload[stripe_customer_id]="+s.customer+"&payload[value]=10000")
	s.advance(month + 2*time.Hour)
	s.must("GET /v1/invoices", "subscription="+r.id()).want("data.0.total", 2000)
	later := s.must("POST /v1/subscriptions/"+r.id(), "cancel_at_period_end=true")
	later.want("cancel_at_period_end", true)
	if types := s.types(); !slices.Contains(types, "customer.subscription.updated") {
		t.Error(types)
	}
}
