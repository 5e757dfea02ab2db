package stripe_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"tollgate/billing"
	"tollgate/money"
)

// replace is strings.Replace that must find something.
func replace(t *testing.T, s, old, new string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("%q is not in %s", old, s)
	}
	return strings.Replace(s, old, new, 1)
}

func day(month time.Month, d int) time.Time { return time.Date(2026, month, d, 0, 0, 0, 0, time.UTC) }

const openCheckout = `{"id":"cs_1","object":"checkout.session","url":"https://checkout.example/cs_1","status":"open","payment_status":"unpaid",
	"mode":"subscription","customer":"cus_1","subscription":null,"invoice":null,"client_reference_id":"s-1","metadata":{"subscription":"s-1"},
	"created":1767225600,"expires_at":1767312000}`

const paidCheckout = `{"id":"cs_1","object":"checkout.session","url":null,"status":"complete","payment_status":"no_payment_required",
	"mode":"subscription","customer":{"id":"cus_1"},"subscription":{"id":"sub_1"},"invoice":"in_1","client_reference_id":null,"metadata":{},
	"created":1767225600,"expires_at":1767312000}`

func checkoutInput() billing.CheckoutInput {
	return billing.CheckoutInput{
		Customer: "cus_1", Price: "price_1", ClientReference: "s-1", Metadata: map[string]string{"subscription": "s-1"},
		SuccessURL: "https://portal.example/done?session_id={CHECKOUT_SESSION_ID}", CancelURL: "https://portal.example/back",
	}
}

func TestOpenCheckout(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/checkout/sessions", ok(openCheckout))
	in := checkoutInput()
	in.FeePercent = "12.5"
	got, err := e.OpenCheckout(ctx, connected, "op_1", in)
	if want := (billing.CheckoutSession{
		ID: "cs_1", URL: "https://checkout.example/cs_1", Status: billing.CheckoutOpen, PaymentStatus: "unpaid", Mode: "subscription",
		Customer: "cus_1", ClientReference: "s-1", Metadata: map[string]string{"subscription": "s-1"}, Created: day(1, 1), ExpiresAt: day(1, 2),
	}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	s.form(t, 0, "mode", "subscription", "customer", "cus_1", "client_reference_id", "s-1",
		"line_items[0][price]", "price_1", "line_items[0][quantity]", "1", "allow_promotion_codes", "true",
		"success_url", "https://portal.example/done?session_id={CHECKOUT_SESSION_ID}", "cancel_url", "https://portal.example/back",
		"metadata[subscription]", "s-1", "subscription_data[metadata][subscription]", "s-1",
		"subscription_data[billing_mode][type]", "flexible", "subscription_data[application_fee_percent]", "12.5000")
}

func TestMeteredCheckoutHasNoQuantity(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/checkout/sessions", ok(openCheckout))
	in := checkoutInput()
	in.Metered = true
	if _, err := e.OpenCheckout(ctx, connected, "op_1", in); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"line_items[0][quantity]", "expires_at", "subscription_data[application_fee_percent]"} {
		if s.calls[0].Form.Has(name) {
			t.Errorf("%s was sent", name)
		}
	}
}

func TestFeePercent(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/checkout/sessions", ok(openCheckout))
	for _, bad := range []string{"101", "-1", "1.234", "1e1", "NaN", "0x1", "ten", "100.01", " 5"} {
		in := checkoutInput()
		in.FeePercent = bad
		if _, err := e.OpenCheckout(ctx, connected, "op_1", in); kind(err) != "refused" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	s.expect(t)
	for text, want := range map[string]string{"100": "100.0000", "0.25": "0.2500", "0": "", "0.00": ""} {
		in := checkoutInput()
		in.FeePercent = text
		if _, err := e.OpenCheckout(ctx, connected, "op_1", in); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := s.calls[len(s.calls)-1].Form.Get("subscription_data[application_fee_percent]"); got != want {
			t.Errorf("%q was sent as %q", text, got)
		}
	}
}

func TestCheckoutThatIsPaid(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/checkout/sessions/cs_1", ok(paidCheckout))
	got, err := e.Checkout(ctx, connected, "cs_1")
	if err != nil || got.Customer != "cus_1" || got.Subscription != "sub_1" || got.Invoice != "in_1" || !got.Settled() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestExpireCheckout(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/checkout/sessions/cs_1/expire", ok(replace(t, openCheckout, `"open"`, `"expired"`)))
	if got, err := e.ExpireCheckout(ctx, connected, "op_1", "cs_1"); err != nil || got.Status != billing.CheckoutExpired {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestExpireCheckoutThatIsOver(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/checkout/sessions/cs_1/expire", no(400, "", "Only open sessions can be expired."))
	s.say("GET /v1/checkout/sessions/cs_1", ok(paidCheckout), ok(openCheckout))
	if got, err := e.ExpireCheckout(ctx, connected, "op_1", "cs_1"); err != nil || got.Status != billing.CheckoutComplete {
		t.Errorf("complete: %+v, %v", got, err)
	}
	if _, err := e.ExpireCheckout(ctx, connected, "op_1", "cs_1"); kind(err) != "refused" {
		t.Errorf("refused for another reason: %v", err)
	}
}

var portalForm = []string{
	"business_profile[headline]", "Weather", "default_return_url", "https://portal.example",
	"features[invoice_history][enabled]", "true", "features[payment_method_update][enabled]", "true",
	"features[subscription_cancel][enabled]", "true", "features[subscription_cancel][mode]", "at_period_end",
	"features[customer_update][enabled]", "false",
}

func TestPortalConfiguration(t *testing.T) {
	t.Parallel()
	in := billing.PortalConfiguration{Headline: "Weather", ReturnURL: "https://portal.example"}
	updateForm := append([]string{"active", "true", "features[subscription_update][enabled]", "false"}, portalForm...)

	e, s := engine(t)
	s.say("POST /v1/billing_portal/configurations", ok(`{"id":"bpc_1"}`))
	s.say("POST /v1/billing_portal/configurations/bpc_1", ok(`{"id":"bpc_1"}`))
	for _, have := range []string{"", "bpc_1", "bpc_gone"} {
		if id, err := e.EnsurePortalConfiguration(ctx, connected, "op_1", have, in); err != nil || id != "bpc_1" {
			t.Errorf("have %q: %q, %v", have, id, err)
		}
	}
	s.expect(t, "POST /v1/billing_portal/configurations", "POST /v1/billing_portal/configurations/bpc_1",
		"POST /v1/billing_portal/configurations/bpc_gone", "POST /v1/billing_portal/configurations")
	s.form(t, 0, portalForm...)
	s.form(t, 1, updateForm...)
}

func TestOpenPortal(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/billing_portal/sessions", ok(`{"id":"bps_1","url":"https://billing.example/p/1"}`), ok(`{"id":"bps_1","url":""}`))
	in := billing.PortalInput{Customer: "cus_1", Configuration: "bpc_1", ReturnURL: "https://portal.example"}
	if url, err := e.OpenPortal(ctx, connected, "op_1", in); err != nil || url != "https://billing.example/p/1" {
		t.Errorf("%q, %v", url, err)
	}
	s.form(t, 0, "customer", "cus_1", "configuration", "bpc_1", "return_url", "https://portal.example")
	if _, err := e.OpenPortal(ctx, connected, "op_2", in); kind(err) != "unknown" {
		t.Errorf("no URL: %v", err)
	}
}

func TestSubscriptionIsRead(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]billing.Subscription{
		"subscription.json": {
			ID: "sub_1Gold", Status: "active", Customer: "cus_Ada", Created: day(1, 1), LatestInvoice: "in_1Renewal",
			Metadata: map[string]string{"subscription": "s-1"},
			Items:    []billing.Item{{ID: "si_Gold", Price: "price_Gold", Product: "prod_Weather", Quantity: 1, PeriodStart: day(2, 1), PeriodEnd: day(3, 1)}},
		},
		"subscription_portal_cancel.json": {
			ID: "sub_1Gold", Status: "active", Customer: "cus_Ada", Created: day(1, 1), LatestInvoice: "in_1Renewal", Metadata: map[string]string{},
			CancelAt: day(3, 1), CanceledAt: time.Unix(1770000000, 0).UTC(), CancelReason: "cancellation_requested", TrialEnd: day(1, 15),
			Items: []billing.Item{{ID: "si_Calls", Price: "price_Calls", Product: "prod_Weather", PeriodStart: day(2, 1), PeriodEnd: day(3, 1)}},
		},
		"subscription_ended.json": {
			ID: "sub_1Gold", Status: "canceled", Customer: "cus_Ada", Created: day(1, 1), Metadata: map[string]string{},
			CanceledAt: time.Unix(1770000000, 0).UTC(), EndedAt: day(3, 1), CancelReason: "payment_failed",
		},
	} {
		e, s := engine(t)
		s.say("GET /v1/subscriptions/sub_1Gold", ok(file(t, name)))
		got, err := e.Subscription(ctx, connected, "sub_1Gold")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", name, got, err, want)
		}
	}
}

func TestSubscriptionItemsAreAllRead(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/subscriptions/sub_1Gold", ok(replace(t, file(t, "subscription.json"), `"has_more":false`, `"has_more":true`)))
	s.say("GET /v1/subscription_items", listing(true, `{"id":"si_1"}`), listing(false, `{"id":"si_2"}`))
	got, err := e.Subscription(ctx, connected, "sub_1Gold")
	if err != nil || len(got.Items) != 2 || got.Items[1].ID != "si_2" {
		t.Errorf("%+v, %v", got.Items, err)
	}
	s.form(t, 2, "subscription", "sub_1Gold", "limit", "100", "starting_after", "si_1")
}

func TestSubscriptionsOfACustomer(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/subscriptions", listing(true, file(t, "subscription.json")), listing(false, file(t, "subscription_ended.json")))
	got, err := e.SubscriptionsOf(ctx, connected, "cus_Ada")
	if err != nil || len(got) != 2 || got[0].Status != "active" || got[1].Status != "canceled" {
		t.Errorf("%+v, %v", got, err)
	}
	s.form(t, 0, "customer", "cus_Ada", "status", "all", "limit", "100")
	s.form(t, 1, "customer", "cus_Ada", "status", "all", "limit", "100", "starting_after", "sub_1Gold")
}

func TestCancelAtPeriodEnd(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/subscriptions/sub_1Gold", ok(file(t, "subscription_classic_cancel.json")))
	got, err := e.CancelSubscription(ctx, connected, "op_1", "sub_1Gold", billing.CancelAtPeriodEnd)
	if err != nil || !got.CancelAt.Equal(day(3, 1)) {
		t.Errorf("%+v, %v", got, err)
	}
	s.form(t, 0, "cancel_at_period_end", "true")
}

func TestCancelNowBillsWhatIsUnbilled(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("DELETE /v1/subscriptions/sub_1Gold", ok(file(t, "subscription_ended.json")))
	got, err := e.CancelSubscription(ctx, connected, "op_1", "sub_1Gold", billing.CancelNow)
	if err != nil || got.Status != "canceled" || s.calls[0].Key != "op_1" {
		t.Errorf("%+v, %v", got, err)
	}
	s.form(t, 0, "invoice_now", "true", "prorate", "true")
}

func TestCancelOfWhatIsOver(t *testing.T) {
	t.Parallel()
	for _, when := range []billing.CancelWhen{billing.CancelNow, billing.CancelAtPeriodEnd} {
		e, s := engine(t)
		s.say("POST /v1/subscriptions/sub_1Gold", no(400, "", "A canceled subscription cannot be updated."))
		s.say("GET /v1/subscriptions/sub_1Gold", ok(file(t, "subscription_ended.json")), ok(file(t, "subscription.json")))
		if got, err := e.CancelSubscription(ctx, connected, "op_1", "sub_1Gold", when); err != nil || got.Status != "canceled" {
			t.Errorf("over: %+v, %v", got, err)
		}
		if _, err := e.CancelSubscription(ctx, connected, "op_1", "sub_1Gold", when); kind(err) != "refused" {
			t.Errorf("refused for another reason: %v", err)
		}
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	read, write := "GET /v1/subscriptions/sub_1Gold", "POST /v1/subscriptions/sub_1Gold"

	e, s := engine(t)
	s.say(read, ok(file(t, "subscription_classic_cancel.json")))
	s.say(write, ok(file(t, "subscription.json")))
	if got, err := e.ResumeSubscription(ctx, connected, "op_1", "sub_1Gold"); err != nil || !got.CancelAt.IsZero() {
		t.Errorf("canceled by us: %+v, %v", got, err)
	}
	s.expect(t, read, write)
	s.form(t, 1, "cancel_at_period_end", "false")

	e, s = engine(t)
	s.say(read, ok(file(t, "subscription_portal_cancel.json")))
	s.say(write, ok(file(t, "subscription.json")))
	if got, err := e.ResumeSubscription(ctx, connected, "op_1", "sub_1Gold"); err != nil || !got.CancelAt.IsZero() {
		t.Errorf("canceled in the Customer Portal: %+v, %v", got, err)
	}
	s.expect(t, read, write)
	s.form(t, 1, "cancel_at", "")

	e, s = engine(t)
	s.say(read, ok(file(t, "subscription.json")))
	if _, err := e.ResumeSubscription(ctx, connected, "op_1", "sub_1Gold"); err != nil {
		t.Errorf("not canceled: %v", err)
	}
	s.expect(t, read)
}

func TestInvoiceIsRead(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/invoices/in_1Renewal", ok(file(t, "invoice.json")))
	got, err := e.Invoice(ctx, connected, "in_1Renewal")
	if err != nil {
		t.Fatal(err)
	}
	unit, _ := money.RateOfMinor("0.050000000001", usd)
	sum := func(minor int64) money.Amount { return money.New(minor, usd) }
	want := billing.Invoice{
		ID: "in_1Renewal", Number: "ADA1-0002", Status: "open", BillingReason: "subscription_cycle",
		Subscription: "sub_1Gold", Customer: "cus_Ada", CustomerName: "Ada", CustomerEmail: "ada@example.com",
		AccountName: "Weather Inc", AccountCountry: "US", Currency: usd,
		Subtotal: sum(5517), Tax: sum(551), Total: sum(6068), AmountDue: sum(6068), AmountPaid: sum(68), AmountRemaining: sum(6000),
		StartingBalance: sum(-10), EndingBalance: sum(0), PeriodStart: day(1, 1), PeriodEnd: day(2, 1), Created: day(2, 1),
		FinalizedAt: day(2, 1).Add(time.Hour), NextAttempt: day(2, 4), AttemptCount: 1,
		HostedURL: "https://invoice.example/i/1", PDFURL: "https://pay.example/1/pdf",
		Lines: []billing.InvoiceLine{
			{ID: "il_Calls", Description: "12345 calls", Price: "price_Calls", Quantity: 12345, Unit: unit, Amount: sum(617), PeriodStart: day(1, 1), PeriodEnd: day(2, 1)},
			{ID: "il_Unused", Description: "Unused time on Silver", Quantity: 1, Amount: sum(-1000), PeriodStart: time.Unix(1769000000, 0).UTC(), PeriodEnd: day(2, 1), Proration: true},
			{ID: "il_Gold", Description: "1 × Gold (at $49.00 / month)", Price: "price_Gold", Amount: sum(5900), PeriodStart: day(2, 1), PeriodEnd: day(3, 1), Proration: true},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestInvoiceInUnknownCurrencyIsAnError(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/invoices/in_1Renewal", ok(replace(t, file(t, "invoice.json"), `"currency":"usd"`, `"currency":"zzz"`)))
	if got, err := e.Invoice(ctx, connected, "in_1Renewal"); err == nil {
		t.Errorf("%+v", got)
	}
}

func TestInvoiceLinesAreAllRead(t *testing.T) {
	t.Parallel()
	long := replace(t, file(t, "invoice.json"), `"has_more":false`, `"has_more":true`)
	e, s := engine(t)
	s.say("GET /v1/invoices/in_1Renewal", ok(long))
	s.say("GET /v1/invoices", listing(false, long))
	s.say("POST /v1/invoices/create_preview", ok(replace(t, long, `"id":"in_1Renewal"`, `"id":"upcoming_in_1"`)))
	for _, id := range []string{"in_1Renewal", "upcoming_in_1"} {
		s.say("GET /v1/invoices/"+id+"/lines", listing(true, `{"id":"il_1","amount":1}`), listing(false, `{"id":"il_2","amount":2}`), listing(false, `{"id":"il_3","amount":3}`))
	}
	one, err := e.Invoice(ctx, connected, "in_1Renewal")
	if err != nil || len(one.Lines) != 2 || one.Lines[1].Amount != money.New(2, usd) {
		t.Errorf("one: %+v, %v", one.Lines, err)
	}
	s.form(t, 2, "limit", "100", "starting_after", "il_1")
	all, err := e.InvoicesOf(ctx, connected, "sub_1Gold")
	if err != nil || len(all) != 1 || len(all[0].Lines) != 1 || all[0].Lines[0].ID != "il_3" {
		t.Errorf("all: %+v, %v", all, err)
	}
	s.form(t, 3, "subscription", "sub_1Gold", "limit", "100")
	next, err := e.Preview(ctx, connected, "sub_1Gold")
	if err != nil || len(next.Lines) != 2 {
		t.Errorf("preview: %+v, %v", next.Lines, err)
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	preview := replace(t, replace(t, file(t, "invoice.json"), `"id":"in_1Renewal",`, ""), `"ADA1-0002"`, "null")
	s.say("POST /v1/invoices/create_preview", ok(preview), answer{200, "{}"})
	got, err := e.Preview(ctx, connected, "sub_1Gold")
	if err != nil || got.Number != "" || got.ID != "" || got.Total != money.New(6068, usd) || len(got.Lines) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	s.form(t, 0, "subscription", "sub_1Gold")
	if _, err := e.Preview(ctx, connected, "sub_1Gold"); kind(err) != "unknown" {
		t.Errorf("no invoice: %v", err)
	}
}
