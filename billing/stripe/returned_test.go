package stripe_test

import (
	"fmt"
	"testing"
	"time"

	"tollgate/billing"
	"tollgate/money"
)

// payment is a payment of an invoice, with its payment intent whole.
func payment(status, intent, charge string) string {
	return fmt.Sprintf(`{"id":"inpay_%s","object":"invoice_payment","status":%q,"invoice":"in_1","payment":{"type":"payment_intent",
		"payment_intent":{"id":"pi_1","object":"payment_intent","status":%q,"latest_charge":%q}}}`, charge, status, intent, charge)
}

// charge is a charge of 49.00, of which refunded was given back.
func charge(id string, refunded int, fee string) string {
	return fmt.Sprintf(`{"id":%q,"object":"charge","amount":4900,"amount_refunded":%d,"currency":"usd","customer":"cus_1","payment_intent":"pi_1",
		"paid":true,"disputed":false,"created":1767225600,"application_fee":%s}`, id, refunded, fee)
}

const refunded = `{"id":"re_1","object":"refund","amount":4900,"currency":"usd","charge":"ch_1","status":"succeeded","reason":"requested_by_customer","created":1767225600}`

var theRefund = billing.Refund{ID: "re_1", Charge: "ch_1", Status: "succeeded", Reason: "requested_by_customer", Amount: money.New(4900, usd), Created: day(1, 1)}

func TestRefundGivesBackWhatWasPaidWithTheShareThatWasTaken(t *testing.T) {
	t.Parallel()
	for fee, share := range map[string]string{"null": "", `"fee_1"`: "true"} {
		e, s := engine(t)
		s.say("GET /v1/invoice_payments", listing(false, payment("paid", "succeeded", "ch_1")))
		s.say("GET /v1/charges/ch_1", ok(charge("ch_1", 0, fee)))
		s.say("POST /v1/refunds", ok(refunded))
		got, err := e.Refund(ctx, connected, "op_1", "in_1")
		if err != nil || got != theRefund {
			t.Errorf("%+v, %v", got, err)
		}
		s.expect(t, "GET /v1/invoice_payments", "GET /v1/charges/ch_1", "POST /v1/refunds")
		s.form(t, 0, "invoice", "in_1", "status", "paid", "expand[]", "data.payment.payment_intent", "limit", "100")
		if f := s.calls[2].Form; f.Get("charge") != "ch_1" || f.Get("refund_application_fee") != share || f.Has("amount") || s.calls[2].Key != "op_1" {
			t.Errorf("fee %s: %v under %q", fee, f, s.calls[2].Key)
		}
	}
}

func TestRefundOfSeveralPayments(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/invoice_payments", listing(false, payment("paid", "succeeded", "ch_0"), payment("paid", "succeeded", "ch_1"), payment("paid", "succeeded", "ch_2")))
	s.say("GET /v1/charges/ch_0", ok(charge("ch_0", 4900, "null")))
	s.say("GET /v1/charges/ch_1", ok(charge("ch_1", 0, "null")))
	s.say("GET /v1/charges/ch_2", ok(charge("ch_2", 100, "null")))
	s.say("POST /v1/refunds", ok(refunded), ok(replace(t, refunded, "4900", "4800")))
	got, err := e.Refund(ctx, connected, "op_1", "in_1")
	if err != nil || got.ID != "re_1" || got.Amount != money.New(9700, usd) {
		t.Errorf("%+v, %v", got, err)
	}
	if one, two := s.calls[4], s.calls[5]; one.Form.Get("charge") != "ch_1" || two.Form.Get("charge") != "ch_2" || one.Key == two.Key {
		t.Errorf("%+v\n%+v", one, two)
	}
}

func TestRefundIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/invoice_payments", listing(false, payment("paid", "succeeded", "ch_1")))
	s.say("GET /v1/charges/ch_1", ok(charge("ch_1", 4900, "null")))
	s.say("GET /v1/refunds", listing(false, replace(t, replace(t, refunded, "re_1", "re_0"), "succeeded", "failed"), refunded))
	if got, err := e.Refund(ctx, connected, "op_1", "in_1"); err != nil || got != theRefund {
		t.Errorf("%+v, %v", got, err)
	}
	s.expect(t, "GET /v1/invoice_payments", "GET /v1/charges/ch_1", "GET /v1/refunds")
}

func TestRefundOfWhatWasNotPaid(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/invoice_payments", listing(false), listing(false, `{"id":"inpay_1","status":"paid","payment":{"type":"payment_record","payment_record":"pr_1"}}`))
	for _, key := range []string{"op_1", "op_2"} {
		if _, err := e.Refund(ctx, connected, key, "in_1"); kind(err) != "refused" {
			t.Error(err)
		}
	}
	s.expect(t, "GET /v1/invoice_payments", "GET /v1/invoice_payments")
}

func TestChargeTellsItsInvoice(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/charges/ch_1", ok(charge("ch_1", 100, "null")))
	s.say("GET /v1/invoice_payments", listing(false, payment("paid", "succeeded", "ch_1")), listing(false))
	want := billing.Charge{ID: "ch_1", Customer: "cus_1", InvoiceID: "in_1", Amount: money.New(4900, usd), Refunded: money.New(100, usd), Paid: true, Created: day(1, 1)}
	if got, err := e.Charge(ctx, connected, "ch_1"); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	s.form(t, 1, "payment[type]", "payment_intent", "payment[payment_intent]", "pi_1", "limit", "100")
	if got, err := e.Charge(ctx, connected, "ch_1"); err != nil || got.InvoiceID != "" {
		t.Errorf("a charge for no invoice: %+v, %v", got, err)
	}
}

const disputed = `{"id":"dp_1","object":"dispute","amount":4900,"currency":"usd","charge":"ch_1","status":"needs_response","reason":"fraudulent",
	"created":1767225600,"evidence_details":{"due_by":1767312000}}`

func TestRefundsAndDisputesAreRead(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/refunds/re_1", ok(refunded))
	s.say("GET /v1/disputes/dp_1", ok(disputed), ok(replace(t, disputed, `"usd"`, `"zzz"`)))
	s.say("GET /v1/refunds", listing(false, refunded))
	s.say("GET /v1/disputes", listing(false, disputed))
	want := billing.Dispute{
		ID: "dp_1", Charge: "ch_1", Status: "needs_response", Reason: "fraudulent", Amount: money.New(4900, usd), Created: day(1, 1), EvidenceBy: day(1, 2),
	}
	if got, err := e.RefundByID(ctx, connected, "re_1"); err != nil || got != theRefund {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := e.Dispute(ctx, connected, "dp_1"); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := e.Dispute(ctx, connected, "dp_1"); err == nil {
		t.Error("a currency that nobody knows was believed")
	}
	if got, err := e.RefundsSince(ctx, connected, day(1, 1).Add(time.Millisecond)); err != nil || len(got) != 1 || got[0] != theRefund {
		t.Errorf("%+v, %v", got, err)
	}
	s.form(t, 3, "created[gte]", "1767225600", "limit", "100")
	if got, err := e.DisputesSince(ctx, connected, day(1, 1)); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%+v, %v", got, err)
	}
}

// The bank's question is found through the payment, four levels down, which a
// listing does not show: open invoices are read singly.
func TestInvoiceTellsThatTheBankAsks(t *testing.T) {
	t.Parallel()
	with := func(status string, payments ...string) string {
		list := listing(false, payments...).body
		return replace(t, replace(t, file(t, "invoice.json"), `"status":"open"`, `"status":"`+status+`"`), `"parent":{"type":"subscription_details"`, `"payments":`+list+`,"parent":{"type":"subscription_details"`)
	}
	for name, c := range map[string]struct {
		body string
		want bool
	}{
		"asked":              {with("open", payment("canceled", "canceled", "ch_1"), payment("open", "requires_action", "ch_2")), true},
		"a card is needed":   {with("open", payment("open", "requires_payment_method", "ch_1")), false},
		"an earlier payment": {with("open", payment("canceled", "requires_action", "ch_1")), false},
		"paid":               {with("paid", payment("open", "requires_action", "ch_1")), false},
		"not expanded":       {with("open", `{"id":"inpay_1","status":"open","payment":{"type":"payment_intent","payment_intent":"pi_1"}}`), false},
		"no payments shown":  {file(t, "invoice.json"), false},
	} {
		e, s := engine(t)
		s.say("GET /v1/invoices/in_1Renewal", ok(c.body))
		got, err := e.Invoice(ctx, connected, "in_1Renewal")
		if err != nil || got.ActionNeeded != c.want {
			t.Errorf("%s: %t, %v", name, got.ActionNeeded, err)
		}
		s.form(t, 0, "expand[0]", "payments.data.payment.payment_intent")
	}
	e, s := engine(t)
	s.say("GET /v1/invoices", listing(false, file(t, "invoice.json")))
	s.say("GET /v1/invoices/in_1Renewal", ok(with("open", payment("open", "requires_action", "ch_1"))))
	if got, err := e.InvoicesOf(ctx, connected, "sub_1Gold"); err != nil || len(got) != 1 || !got[0].ActionNeeded {
		t.Errorf("listed: %+v, %v", got, err)
	}
}
