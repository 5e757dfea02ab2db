package stripe

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/money"
)

// invoicePayment is one payment of an invoice. Since basil it is the only way
// from an invoice to what was charged for it, and back.
type invoicePayment struct {
	ID      string `json:"id"`
	Status  string `json:"status"` // open, paid or canceled
	Invoice ref    `json:"invoice"`
	Payment struct {
		Intent intent `json:"payment_intent"`
		Charge ref    `json:"charge"`
	} `json:"payment"`
}

// intent is a payment intent, by its id or whole.
type intent struct {
	ID     ref    `json:"id"`
	Status string `json:"status"` // "" when only its id was given
	Charge ref    `json:"latest_charge"`
}

// UnmarshalJSON takes an id, a payment intent, or null.
func (i *intent) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '{' {
		return json.Unmarshal(b, &i.ID)
	}
	type whole intent
	return json.Unmarshal(b, (*whole)(i))
}

func (c conn) invoicePayments(ctx context.Context, query url.Values) ([]invoicePayment, error) {
	return list(ctx, c, "list invoice payments", "/v1/invoice_payments", query, func(p invoicePayment) string { return p.ID })
}

// Refund gives back what was paid for an invoice and was not given back yet,
// with the platform's share where one was taken. When all was given back
// already, the refund that did it is returned.
func (e *Engine) Refund(ctx context.Context, at accounts.StripeAccount, key, invoice string) (billing.Refund, error) {
	c, err := e.writing(ctx, at, key, invoice)
	if err != nil {
		return billing.Refund{}, err
	}
	paid, err := c.chargesFor(ctx, invoice)
	if err != nil {
		return billing.Refund{}, err
	}
	if len(paid) == 0 {
		return billing.Refund{}, refuse("Nothing was paid for this invoice, so nothing can be given back.")
	}
	var sum *billing.Refund
	for n, ch := range paid {
		if ch.AmountRefunded >= ch.Amount {
			continue
		}
		one, err := c.giveBack(ctx, ch, n)
		if err != nil {
			return billing.Refund{}, err
		}
		if sum == nil {
			sum = &one
		} else if sum.Amount, err = sum.Amount.Add(one.Amount); err != nil {
			return billing.Refund{}, err
		}
	}
	if sum != nil {
		return *sum, nil
	}
	return c.lastRefund(ctx, paid[0].ID)
}

// chargesFor are the charges that paid an invoice. One that was paid out of band
// or with credit has none.
func (c conn) chargesFor(ctx context.Context, invoice string) ([]*stripe.Charge, error) {
	payments, err := c.invoicePayments(ctx, url.Values{
		"invoice": {invoice}, "status": {"paid"}, "expand[]": {"data.payment.payment_intent"},
	})
	if err != nil {
		return nil, err
	}
	var out []*stripe.Charge
	for _, p := range payments {
		id := string(p.Payment.Charge)
		if id == "" {
			id = string(p.Payment.Intent.Charge)
		}
		if id == "" {
			continue
		}
		ch, err := c.charge(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, ch)
	}
	return out, nil
}

// giveBack refunds what is left of ch, the nth charge of its invoice. The share
// of the platform can only be given back where one was taken.
func (c conn) giveBack(ctx context.Context, ch *stripe.Charge, n int) (billing.Refund, error) {
	p := &stripe.RefundCreateParams{Charge: &ch.ID}
	if ch.ApplicationFee != nil {
		p.RefundApplicationFee = stripe.Bool(true)
	}
	step := ""
	if n > 0 {
		step = "." + strconv.Itoa(n)
	}
	c.mark(&p.Params, step)
	made, err := c.V1Refunds.Create(ctx, p)
	if err := answered("refund", made.ID, err); err != nil {
		return billing.Refund{}, err
	}
	return refund(made)
}

func (c conn) lastRefund(ctx context.Context, charge string) (billing.Refund, error) {
	found, err := list(ctx, c, "list refunds", "/v1/refunds", url.Values{"charge": {charge}}, func(r *stripe.Refund) string { return r.ID })
	if err != nil {
		return billing.Refund{}, err
	}
	for _, r := range found {
		if r.Status != stripe.RefundStatusFailed && r.Status != stripe.RefundStatusCanceled {
			return refund(r)
		}
	}
	return billing.Refund{}, refuse("All of it was given back already.")
}

// Charge reads a charge; InvoiceID tells which invoice it paid, "" for none.
func (e *Engine) Charge(ctx context.Context, at accounts.StripeAccount, id string) (billing.Charge, error) {
	c, err := e.reading(ctx, at, id)
	if err != nil {
		return billing.Charge{}, err
	}
	got, err := c.charge(ctx, id)
	if err != nil {
		return billing.Charge{}, err
	}
	currency, err := money.ParseCurrency(string(got.Currency))
	if err != nil {
		return billing.Charge{}, unreadable("charge", got.ID, err)
	}
	out := billing.Charge{
		ID: got.ID, Amount: money.New(got.Amount, currency), Refunded: money.New(got.AmountRefunded, currency),
		Paid: got.Paid, Disputed: got.Disputed, Created: instant(got.Created),
	}
	if got.Customer != nil {
		out.Customer = got.Customer.ID
	}
	if got.PaymentIntent != nil && got.PaymentIntent.ID != "" {
		out.InvoiceID, err = c.invoiceOf(ctx, got.PaymentIntent.ID)
	}
	return out, err
}

func (c conn) charge(ctx context.Context, id string) (*stripe.Charge, error) {
	p := &stripe.ChargeRetrieveParams{}
	c.aim(&p.Params)
	ch, err := c.V1Charges.Retrieve(ctx, id, p)
	return ch, answered("read charge", ch.ID, err)
}

// invoiceOf is the invoice that a payment intent pays; "" when it pays none.
func (c conn) invoiceOf(ctx context.Context, intent string) (string, error) {
	found, err := c.invoicePayments(ctx, url.Values{"payment[type]": {"payment_intent"}, "payment[payment_intent]": {intent}})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return string(found[0].Invoice), nil
}

// RefundByID reads a refund.
func (e *Engine) RefundByID(ctx context.Context, at accounts.StripeAccount, id string) (billing.Refund, error) {
	c, err := e.reading(ctx, at, id)
	if err != nil {
		return billing.Refund{}, err
	}
	p := &stripe.RefundRetrieveParams{}
	c.aim(&p.Params)
	r, err := c.V1Refunds.Retrieve(ctx, id, p)
	if err := answered("read refund", r.ID, err); err != nil {
		return billing.Refund{}, err
	}
	return refund(r)
}

// Dispute reads a dispute.
func (e *Engine) Dispute(ctx context.Context, at accounts.StripeAccount, id string) (billing.Dispute, error) {
	c, err := e.reading(ctx, at, id)
	if err != nil {
		return billing.Dispute{}, err
	}
	p := &stripe.DisputeRetrieveParams{}
	c.aim(&p.Params)
	d, err := c.V1Disputes.Retrieve(ctx, id, p)
	if err := answered("read dispute", d.ID, err); err != nil {
		return billing.Dispute{}, err
	}
	return dispute(d)
}

// RefundsSince lists the refunds made since a time, newest first.
func (e *Engine) RefundsSince(ctx context.Context, at accounts.StripeAccount, since time.Time) ([]billing.Refund, error) {
	c, err := e.reading(ctx, at)
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, c, "list refunds", "/v1/refunds", madeSince(since), func(r *stripe.Refund) string { return r.ID })
	if err != nil {
		return nil, err
	}
	return each(found, refund)
}

// DisputesSince lists the disputes opened since a time, newest first.
func (e *Engine) DisputesSince(ctx context.Context, at accounts.StripeAccount, since time.Time) ([]billing.Dispute, error) {
	c, err := e.reading(ctx, at)
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, c, "list disputes", "/v1/disputes", madeSince(since), func(d *stripe.Dispute) string { return d.ID })
	if err != nil {
		return nil, err
	}
	return each(found, dispute)
}

func madeSince(t time.Time) url.Values {
	return url.Values{"created[gte]": {strconv.FormatInt(t.Unix(), 10)}}
}

func refund(r *stripe.Refund) (billing.Refund, error) {
	currency, err := money.ParseCurrency(string(r.Currency))
	if err != nil {
		return billing.Refund{}, unreadable("refund", r.ID, err)
	}
	out := billing.Refund{
		ID: r.ID, Status: string(r.Status), Reason: string(r.Reason), Amount: money.New(r.Amount, currency), Created: instant(r.Created),
	}
	if r.Charge != nil {
		out.Charge = r.Charge.ID
	}
	return out, nil
}

func dispute(d *stripe.Dispute) (billing.Dispute, error) {
	currency, err := money.ParseCurrency(string(d.Currency))
	if err != nil {
		return billing.Dispute{}, unreadable("dispute", d.ID, err)
	}
	out := billing.Dispute{
		ID: d.ID, Status: string(d.Status), Reason: string(d.Reason), Amount: money.New(d.Amount, currency), Created: instant(d.Created),
	}
	if d.Charge != nil {
		out.Charge = d.Charge.ID
	}
	if d.EvidenceDetails != nil {
		out.EvidenceBy = instant(d.EvidenceDetails.DueBy)
	}
	return out, nil
}
