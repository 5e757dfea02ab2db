package sandbox

import (
	"time"

	"tollgate/money"
)

// A Refund gives a charge back, whole or in part.
type Refund struct {
	base
	Amount             int64             `json:"amount"`
	BalanceTransaction *string           `json:"balance_transaction"`
	Charge             string            `json:"charge"`
	Created            int64             `json:"created"`
	Currency           string            `json:"currency"`
	DestinationDetails tree              `json:"destination_details"`
	Metadata           map[string]string `json:"metadata"`
	PaymentIntent      *string           `json:"payment_intent"`
	Reason             *string           `json:"reason"`
	ReceiptNumber      *string           `json:"receipt_number"`
	SourceReversal     *string           `json:"source_transfer_reversal"`
	Status             string            `json:"status"`
	TransferReversal   *string           `json:"transfer_reversal"`
}

func (*Refund) kind() string { return "refund" }

var refundRoutes = []route{
	{"POST", "/v1/refunds", createRefund},
	{"GET", "/v1/refunds", listRefunds},
	{"GET", "/v1/refunds/{refund}", show[Refund]("refund")},
	{"POST", "/v1/refunds/{refund}", updateRefund},
	{"GET", "/v1/charges/{charge}/refunds", listChargeRefunds},
}

// refundCreate is what is given back.
type refundCreate struct {
	Charge    string        `p:"charge"`
	Intent    string        `p:"payment_intent"`
	Amount    *int64        `p:"amount,min=1"`
	Reason    *string       `p:"reason,enum=duplicate|fraudulent|requested_by_customer"`
	RefundFee bool          `p:"refund_application_fee"` // fees are not objects here: there is nothing to give back
	Metadata  metadataParam `p:"metadata"`
	Others    unsimulated   `p:"customer currency instructions_email origin reverse_transfer"`
}

func createRefund(r *request) (any, error) {
	in, err := read[refundCreate](r)
	if err != nil {
		return nil, err
	}
	c, err := r.refundable(in.Charge, in.Intent)
	if err != nil {
		return nil, err
	}
	t, err := r.atCharge(c)
	if err != nil {
		return nil, err
	}
	metadata, err := in.Metadata.apply(nil)
	if err != nil {
		return nil, err
	}
	return t.refund(c, in.Amount, in.Reason, metadata)
}

// atCharge is t at the time that the customer of c goes by.
func (t *tx) atCharge(c *Charge) (*tx, error) {
	if c.Customer == nil {
		return t, nil
	}
	customer, err := find[Customer](t, *c.Customer)
	if err != nil || customer == nil {
		return t, err
	}
	return t.onClock(customer.clock())
}

// refund gives amount of c back, nil for all that is left of it.
func (t *tx) refund(c *Charge, amount *int64, reason *string, metadata map[string]string) (*Refund, error) {
	left := c.Amount - c.AmountRefunded
	if amount == nil {
		amount = &left
	}
	dispute, err := first[Dispute](t, eq("charge", c.ID))
	if err != nil {
		return nil, err
	}
	currency := money.MustCurrency(c.Currency)
	switch {
	case dispute != nil && !dispute.Refundable:
		return nil, invalidCode("charge_disputed", "", "Charge %s has been charged back; cannot issue a refund.", c.ID)
	case left == 0:
		return nil, invalidCode("charge_already_refunded", "", "Charge %s has already been refunded.", c.ID)
	case *amount > left:
		return nil, invalid("amount", "Refund amount (%s) is greater than unrefunded amount on charge (%s)", money.New(*amount, currency), money.New(left, currency))
	}
	refund := &Refund{Amount: *amount, Charge: c.ID, Created: t.unix(), Currency: c.Currency, PaymentIntent: c.PaymentIntent, Reason: reason, Metadata: metadata,
		Status: "succeeded", DestinationDetails: tree{"type": "card", "card": tree{"type": "refund", "reference_status": "pending", "reference_type": "acquirer_reference_number"}}}
	if err := t.insert(refund); err != nil {
		return nil, err
	}
	c.AmountRefunded += *amount
	c.Refunded = c.AmountRefunded == c.Amount
	if err := t.save(c); err != nil {
		return nil, err
	}
	if err := t.emit("charge.refunded", c); err != nil {
		return nil, err
	}
	if err := t.emit("refund.created", refund); err != nil {
		return nil, err
	}
	return refund, t.schedule(refundArrives, refund.ID, "", t.s.Now().Add(refundTime))
}

// refundArrives is the timer of the bank's reference of a refund, refundTime
// after it was made (Stripe: one to eight hours and more).
const (
	refundArrives = "refund.arrive"
	refundTime    = 6 * time.Hour
)

var refundTimers = map[string]func(*tx, string) error{refundArrives: arriveRefund}

// arriveRefund notes that the holder's bank has a refund, as refund.updated tells.
func arriveRefund(t *tx, id string) error {
	refund, err := find[Refund](t, id)
	if err != nil || refund == nil {
		return err
	}
	refund.DestinationDetails = tree{"type": "card", "card": tree{"type": "refund", "reference": t.s.random(23), "reference_status": "available", "reference_type": "acquirer_reference_number"}}
	return t.changeRefund(refund)
}

// changeRefund keeps a changed refund and tells of it under both of its names.
func (t *tx) changeRefund(refund *Refund) error {
	if err := t.save(refund); err != nil {
		return err
	}
	before := refund.was
	if err := t.emit("refund.updated", refund); err != nil {
		return err
	}
	refund.was = before
	return t.emit("charge.refund.updated", refund)
}

func updateRefund(r *request) (any, error) {
	in, err := read[struct {
		Metadata metadataParam `p:"metadata"`
	}](r)
	if err != nil {
		return nil, err
	}
	refund, err := fromPath[Refund](r, "refund")
	if err != nil {
		return nil, err
	}
	if refund.Metadata, err = in.Metadata.apply(refund.Metadata); err != nil {
		return nil, err
	}
	return refund, r.changeRefund(refund)
}

func listChargeRefunds(r *request) (any, error) {
	in, err := read[struct{ listParams }](r)
	if err != nil {
		return nil, err
	}
	c, err := fromPath[Charge](r, "charge")
	if err != nil {
		return nil, err
	}
	return list[Refund](r, in.listParams, eq("charge", c.ID))
}

// refundable finds the successful charge that a refund is of.
func (t *tx) refundable(charge, intent string) (*Charge, error) {
	if charge == "" && intent == "" {
		return nil, invalidCode("parameter_missing", "", "One of the following params should be provided for this request: payment_intent or charge.")
	}
	if charge == "" {
		p, err := get[PaymentIntent](t, intent, "payment_intent")
		if err != nil {
			return nil, err
		}
		if p.LatestCharge == nil {
			return nil, invalid("payment_intent", "This PaymentIntent (%s) does not have a successful charge to refund.", p.ID)
		}
		charge = *p.LatestCharge
	}
	c, err := get[Charge](t, charge, "charge")
	if err == nil && !c.Paid {
		err = invalid("charge", "This charge (%s) did not succeed, so it cannot be refunded.", c.ID)
	}
	return c, err
}

func listRefunds(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Charge string `p:"charge"`
		Intent string `p:"payment_intent"`
	}](r)
	if err != nil {
		return nil, err
	}
	return list[Refund](r, in.listParams, append(where(map[string]string{"charge": in.Charge, "payment_intent": in.Intent}), in.Created.within("created")...)...)
}
