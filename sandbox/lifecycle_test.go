package sandbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A shop sells one fixed and one metered price.
type shop struct {
	caller
	fixed, metered, customer string
}

func newShop(t *testing.T) shop {
	t.Helper()
	return stock(newSite(t).as(oneKey, "Stripe-Version", "2025-08-27.basil"))
}

func stock(c caller) shop {
	c.t.Helper()
	c.must("POST /v1/products", "id=gold&name=Gold")
	fixed := c.must("POST /v1/prices", "product=gold&currency=usd&unit_amount=4900&recurring[interval]=month").text("id")
	meter := c.must("POST /v1/billing/meters", "display_name=Calls&event_name=calls&default_aggregation[formula]=sum").text("id")
	metered := c.must("POST /v1/prices", "product=gold&currency=usd&unit_amount_decimal=0.2&recurring[interval]=month&recurring[usage_type]=metered&recurring[meter]="+meter).text("id")
	customer := c.must("POST /v1/customers", "email=ada@example.com&name=Ada").text("id")
	return shop{c, fixed, metered, customer}
}

// checkout opens a session for a price; pays tells whether the card pays it.
func (s shop) checkout(price, quantity string) reply {
	s.t.Helper()
	form := "mode=subscription&customer=" + s.customer + "&line_items[0][price]=" + price +
		"&success_url=http://127.0.0.1/done?s={CHECKOUT_SESSION_ID}&subscription_data[metadata][ours]=1&subscription_data[billing_mode][type]=flexible"
	if quantity != "" {
		form += "&line_items[0][quantity]=" + quantity
	}
	return s.must("POST /v1/checkout/sessions", form)
}

func (s shop) pay(session, method string) reply {
	s.t.Helper()
	return s.do("POST /v1/payment_pages/"+session+"/confirm", "payment_method="+method)
}

// subscribed is a paid session's subscription.
func (s shop) subscribed(price, quantity, method string) string {
	s.t.Helper()
	session := s.checkout(price, quantity).text("id")
	if r := s.pay(session, method); r.status != 200 {
		s.t.Fatalf("pay: %d %s", r.status, r.body)
	}
	return s.must("GET /v1/checkout/sessions/"+session, "").text("subscription")
}

// types are the types of all events, oldest first.
func (s shop) types() []string {
	s.t.Helper()
	r := s.must("GET /v1/events", "limit=100")
	var out []string
	for _, e := range r.json["data"].([]any) {
		out = append(out, e.(map[string]any)["type"].(string))
	}
	slices.Reverse(out)
	return out
}

func (s shop) advance(d time.Duration) {
	s.t.Helper()
	if err := s.server.Advance(s.t.Context(), s.server.Now().Add(d)); err != nil {
		s.t.Fatal(err)
	}
}

func TestCheckoutMakesAnActiveSubscription(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	opened := s.checkout(s.fixed, "1")
	if opened.text("status") != "open" || opened.at("subscription") != nil || opened.text("ui_mode") != "hosted" || opened.at("amount_total") != 4900.0 {
		t.Fatal(opened.body)
	}
	if r := s.pay(opened.text("id"), "pm_card_visa"); r.status != 200 {
		t.Fatal(r.body)
	}
	done := s.must("GET /v1/checkout/sessions/"+opened.text("id"), "expand[]=subscription&expand[]=invoice&expand[]=line_items")
	if done.text("status") != "complete" || done.text("payment_status") != "paid" || done.at("url") != nil {
		t.Error(done.body)
	}
	if done.text("subscription.status") != "active" || done.text("subscription.metadata.ours") != "1" || done.text("subscription.billing_mode.type") != "flexible" {
		t.Error(done.at("subscription"))
	}
	if done.text("invoice.status") != "paid" || done.at("invoice.amount_paid") != 4900.0 || !strings.HasSuffix(done.text("invoice.number"), "-0001") ||
		done.text("invoice.parent.subscription_details.metadata.ours") != "1" || done.text("invoice.lines.data.0.description") != "1 × Gold (at $49.00 / month)" {
		t.Error(done.at("invoice"))
	}
	if again := s.pay(opened.text("id"), "pm_card_visa"); again.status == 200 {
		t.Error("a session was paid twice")
	}
	want := []string{"payment_method.attached", "invoice.created", "invoice.finalized", "charge.succeeded", "payment_intent.succeeded",
		"customer.subscription.created", "invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid", "checkout.session.completed"}
	var got []string
	for _, e := range s.types() {
		if slices.Contains(want, e) {
			got = append(got, e)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestADeclineLeavesTheSessionOpenAndMakesNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	opened := s.checkout(s.fixed, "1")
	before := len(s.types())
	r := s.pay(opened.text("id"), "pm_card_chargeDeclinedInsufficientFunds")
	if r.status != 402 || r.text("error.decline_code") != "insufficient_funds" {
		t.Fatal(r.body)
	}
	if after := s.types(); len(after) != before {
		t.Errorf("events of a decline: %v", after[before:])
	}
	if s.must("GET /v1/checkout/sessions/"+opened.text("id"), "").text("status") != "open" {
		t.Error("the session is not open any more")
	}
	if n := len(s.must("GET /v1/subscriptions", "status=all").json["data"].([]any)); n != 0 {
		t.Errorf("%d subscriptions", n)
	}
}

func TestCheckoutRefusesWhatDoesNotGoTogether(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	base := "mode=subscription&success_url=http://127.0.0.1/&customer=" + s.customer
	for form, param := range map[string]string{
		"mode=subscription&success_url=http://127.0.0.1/":                                                           "line_items",
		base + "&line_items[0][price]=" + s.fixed:                                                                   "line_items[0][quantity]",
		base + "&line_items[0][price]=" + s.metered + "&line_items[0][quantity]=1":                                  "line_items[0][quantity]",
		base + "&line_items[0][price]=price_none&line_items[0][quantity]=1":                                         "line_items[0][price]",
		base + "&line_items[0][price]=" + s.fixed + "&line_items[0][quantity]=1&expires_at=1":                       "expires_at",
		"mode=payment&success_url=http://127.0.0.1/&line_items[0][price]=" + s.fixed + "&line_items[0][quantity]=1": "line_items[0][price]",
		"mode=subscription&success_url=nowhere&line_items[0][price]=" + s.metered:                                   "success_url",
	} {
		if r := s.do("POST /v1/checkout/sessions", form); r.status != 400 || r.text("error.param") != param {
			t.Errorf("%s: %d %s, want param %s", form, r.status, r.body, param)
		}
	}
}

func TestAnUnpaidCheckoutExpiresAfterADay(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.checkout(s.fixed, "1").text("id")
	s.advance(24*time.Hour - time.Second)
	if s.must("GET /v1/checkout/sessions/"+id, "").text("status") != "open" {
		t.Fatal("expired too early")
	}
	s.advance(time.Second)
	if r := s.must("GET /v1/checkout/sessions/"+id, ""); r.text("status") != "expired" || r.at("url") != nil {
		t.Error(r.body)
	}
	if types := s.types(); types[len(types)-1] != "checkout.session.expired" {
		t.Error(types)
	}
	if r := s.pay(id, "pm_card_visa"); r.status != 400 {
		t.Error("an expired session was paid")
	}
}

func TestRenewalsFollowTheCalendar(t *testing.T) {
	t.Parallel()
	s := newShop(t) // on 31 January
	id := s.subscribed(s.fixed, "2", "pm_card_visa")
	for _, end := range []string{"2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"} {
		r := s.must("GET /v1/subscriptions/"+id, "")
		at := time.Unix(int64(r.at("items.data.0.current_period_end").(float64)), 0).UTC()
		if at.Format(time.DateOnly) != end || at.Hour() != start.Hour() {
			t.Fatalf("the period ends at %s, want %s", at, end)
		}
		s.advance(at.Sub(s.server.Now()))
		draft := s.must("GET /v1/invoices", "limit=1&subscription="+id)
		if draft.text("data.0.status") != "draft" || draft.text("data.0.billing_reason") != "subscription_cycle" {
			t.Fatal(draft.body)
		}
		s.advance(time.Hour)
		paid := s.must("GET /v1/invoices", "limit=1&subscription="+id)
		if paid.text("data.0.status") != "paid" || paid.at("data.0.amount_paid") != 9800.0 {
			t.Fatal(paid.body)
		}
	}
}

func TestUseIsBilledInArrearsToTheUnit(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.metered, "", "pm_card_visa")
	if r := s.must("GET /v1/subscriptions/"+id, ""); r.at("latest_invoice") != nil || r.text("status") != "active" {
		t.Errorf("a metered subscription begins with an invoice: %s", r.body)
	}
	s.advance(time.Hour)
	s.must("POST /v1/billing/meter_events", "event_name=calls&payload[stripe_customer_id]="+s.customer+"&payload[value]=21430")
	s.advance(time.Minute)
	preview := s.must("POST /v1/invoices/create_preview", "subscription="+id)
	if preview.at("total") != 4286.0 || preview.text("billing_reason") != "upcoming" || !strings.HasPrefix(preview.text("id"), "upcoming_in_") {
		t.Error(preview.body)
	}
	s.advance(28*24*time.Hour - time.Hour) // one minute into the next period
	// What comes while the invoice is a draft still counts.
	late := fmt.Sprint(start.Add(27 * 24 * time.Hour).Unix())
	s.must("POST /v1/billing/meter_events", "event_name=calls&payload[stripe_customer_id]="+s.customer+"&payload[value]=5&timestamp="+late)
	s.advance(time.Hour)
	r := s.must("GET /v1/invoices", "limit=1&subscription="+id)
	if r.at("data.0.lines.data.0.quantity") != 21435.0 || r.at("data.0.total") != 4287.0 || r.text("data.0.status") != "paid" {
		t.Error(r.body)
	}
}

func TestTooLittleToChargeGoesOntoTheBalance(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.metered, "", "pm_card_visa")
	s.must("POST /v1/billing/meter_events", "event_name=calls&payload[stripe_customer_id]="+s.customer+"&payload[value]=100")
	s.advance(28*24*time.Hour + 2*time.Hour)
	r := s.must("GET /v1/invoices", "limit=1&subscription="+id)
	if r.text("data.0.status") != "paid" || r.at("data.0.total") != 20.0 || r.at("data.0.amount_due") != 0.0 || r.at("data.0.ending_balance") != 20.0 {
		t.Error(r.body)
	}
	if s.must("GET /v1/customers/"+s.customer, "").at("balance") != 20.0 {
		t.Error("the balance does not hold what was too little")
	}
}

func TestAFailingCardIsTriedAgainThenTheSubscriptionEnds(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	bad := s.must("POST /v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+s.customer).text("id")
	s.must("POST /v1/subscriptions/"+id, "default_payment_method="+bad)
	s.advance(28*24*time.Hour + 2*time.Hour)
	r := s.must("GET /v1/subscriptions/"+id, "expand[]=latest_invoice")
	if r.text("status") != "past_due" || r.at("latest_invoice.attempt_count") != 1.0 || r.at("latest_invoice.next_payment_attempt") == nil {
		t.Fatal(r.body)
	}
	s.advance(3 * 24 * time.Hour)
	if r := s.must("GET /v1/subscriptions/"+id, "expand[]=latest_invoice"); r.at("latest_invoice.attempt_count") != 2.0 {
		t.Error(r.body)
	}
	s.advance(12 * 24 * time.Hour)
	r = s.must("GET /v1/subscriptions/"+id, "expand[]=latest_invoice")
	if r.text("status") != "canceled" || r.text("cancellation_details.reason") != "payment_failed" || r.at("latest_invoice.next_payment_attempt") != nil {
		t.Error(r.body)
	}
	if types := s.types(); !slices.Contains(types, "invoice.payment_failed") || !slices.Contains(types, "customer.subscription.deleted") {
		t.Error(types)
	}
}

func TestANewCardPaysWhatIsOpen(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	bad := s.must("POST /v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+s.customer).text("id")
	s.must("POST /v1/subscriptions/"+id, "default_payment_method="+bad)
	s.advance(28*24*time.Hour + 2*time.Hour)
	good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).text("id")
	r := s.must("POST /v1/subscriptions/"+id, "default_payment_method="+good+"&expand[]=latest_invoice")
	r = s.must("GET /v1/subscriptions/"+id, "expand[]=latest_invoice")
	if r.text("status") != "active" || r.text("latest_invoice.status") != "paid" {
		t.Error(r.body)
	}
}

func TestCancellationAtPeriodEnd(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	r := s.must("POST /v1/subscriptions/"+id, "cancel_at_period_end=true")
	if r.at("cancel_at") != r.at("items.data.0.current_period_end") || r.at("canceled_at") == nil || r.text("status") != "active" {
		t.Fatal(r.body)
	}
	back := s.must("POST /v1/subscriptions/"+id, "cancel_at_period_end=false")
	if back.at("cancel_at") != nil || back.at("canceled_at") != nil || back.at("cancellation_details.reason") != nil {
		t.Fatal(back.body)
	}
	s.must("POST /v1/subscriptions/"+id, "cancel_at_period_end=true")
	s.advance(29 * 24 * time.Hour)
	end := s.must("GET /v1/subscriptions/"+id, "")
	if end.text("status") != "canceled" || end.at("ended_at") == nil {
		t.Error(end.body)
	}
	if n := len(s.must("GET /v1/invoices", "subscription="+id).json["data"].([]any)); n != 1 {
		t.Errorf("%d invoices after the end, want the first one only", n)
	}
}

func TestAChangeOfPriceIsProratedToTheSecond(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	dear := s.must("POST /v1/prices", "product=gold&currency=usd&unit_amount=9800&recurring[interval]=month").text("id")
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	item := s.must("GET /v1/subscriptions/"+id, "").text("items.data.0.id")
	s.advance(14 * 24 * time.Hour) // half of 28 days
	r := s.must("POST /v1/subscriptions/"+id, "items[0][id]="+item+"&items[0][price]="+dear+"&proration_behavior=always_invoice&expand[]=latest_invoice")
	if r.at("latest_invoice.total") != 2450.0 || r.text("latest_invoice.status") != "paid" || r.at("latest_invoice.lines.data.0.amount") != -2450.0 ||
		r.at("latest_invoice.lines.data.1.amount") != 4900.0 {
		t.Error(r.body)
	}
}

func TestAnAPISubscriptionWaitsForItsFirstPayment(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	form := "customer=" + s.customer + "&items[0][price]=" + s.fixed
	if r := s.do("POST /v1/subscriptions", form); r.status != 400 || r.text("error.code") != "resource_missing" {
		t.Fatal(r.body)
	}
	r := s.must("POST /v1/subscriptions", form+"&payment_behavior=default_incomplete&expand[]=latest_invoice.payments&expand[]=latest_invoice.confirmation_secret")
	if r.text("status") != "incomplete" || r.text("latest_invoice.status") != "open" || r.text("latest_invoice.confirmation_secret.client_secret") == "" {
		t.Fatal(r.body)
	}
	intent := r.text("latest_invoice.payments.data.0.payment.payment_intent")
	s.must("POST /v1/payment_intents/"+intent+"/confirm", "payment_method=pm_card_visa")
	if s.must("GET /v1/subscriptions/"+r.text("id"), "").text("status") != "active" {
		t.Error("a paid subscription is not active")
	}
	other := s.must("POST /v1/subscriptions", form+"&payment_behavior=default_incomplete").text("id")
	s.advance(23 * time.Hour)
	end := s.must("GET /v1/subscriptions/"+other, "expand[]=latest_invoice")
	if end.text("status") != "incomplete_expired" || end.text("latest_invoice.status") != "void" {
		t.Error(end.body)
	}
}

func TestPortalNeedsAConfiguration(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if r := s.do("POST /v1/billing_portal/sessions", "customer="+s.customer); r.status != 400 {
		t.Fatal(r.body)
	}
	c := s.must("POST /v1/billing_portal/configurations", "features[invoice_history][enabled]=true&features[subscription_cancel][enabled]=true&business_profile[headline]=Hello")
	if c.at("is_default") != true || c.text("features.subscription_cancel.mode") != "at_period_end" {
		t.Error(c.body)
	}
	if r := s.must("POST /v1/billing_portal/sessions", "customer="+s.customer+"&return_url=http://127.0.0.1/back"); r.text("url") == "" || r.text("configuration") != c.text("id") {
		t.Error(r.body)
	}
}

func TestInvoicesAndPaymentsByHand(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.must("POST /v1/invoiceitems", "customer="+s.customer+"&amount=1500&currency=usd&description=Setup")
	i := s.must("POST /v1/invoices", "customer="+s.customer+"&pending_invoice_items_behavior=include").text("id")
	open := s.must("POST /v1/invoices/"+i+"/finalize", "expand[]=payments")
	if open.text("status") != "open" || open.at("amount_due") != 1500.0 || open.text("hosted_invoice_url") == "" {
		t.Fatal(open.body)
	}
	if r := s.do("POST /v1/invoices/"+i+"/pay", "payment_method=pm_card_chargeCustomerFail"); r.status != 402 {
		t.Fatal(r.body)
	}
	if r := s.must("GET /v1/invoices/"+i, ""); r.at("attempt_count") != 1.0 {
		t.Error("a declined attempt was forgotten")
	}
	paid := s.must("POST /v1/invoices/"+i+"/pay", "payment_method=pm_card_visa&expand[]=payments")
	if paid.text("status") != "paid" || paid.text("payments.data.0.status") != "paid" {
		t.Fatal(paid.body)
	}
	charge := s.must("GET /v1/charges", "limit=1").text("data.0.id")
	refund := s.must("POST /v1/refunds", "charge="+charge+"&amount=500")
	if refund.at("amount") != 500.0 {
		t.Error(refund.body)
	}
	if r := s.do("POST /v1/refunds", "charge="+charge+"&amount=1001"); r.status != 400 {
		t.Error("more was refunded than was charged")
	}
	if r := s.must("GET /v1/charges/"+charge, ""); r.at("amount_refunded") != 500.0 || r.at("refunded") != false {
		t.Error(r.body)
	}
}
