package sandbox

import (
	"fmt"
	"time"

	"tollgate/money"
)

// finalize makes a draft an open invoice: its lines are counted a last time, the
// customer's balance is applied, and it gets a number. What needs no payment is
// paid at once.
func (t *tx) finalize(i *Invoice, c *Customer) error {
	if err := t.recount(i); err != nil {
		return err
	}
	if err := t.applyBalance(i, c); err != nil {
		return err
	}
	now := t.unix()
	number := c.InvoicePrefix + "-" + fmt.Sprintf("%04d", c.NextInvoiceSequence)
	c.NextInvoiceSequence++
	if err := t.save(c); err != nil {
		return err
	}
	url := t.s.url("/i/" + i.Token)
	pdf := url + "/pdf"
	i.Number, i.HostedInvoiceURL, i.InvoicePDF = &number, &url, &pdf
	i.Status, i.EffectiveAt, i.StatusTransitions.FinalizedAt, i.AutomaticallyFinalizesAt = invoiceOpen, &now, &now, nil
	if i.AmountDue > 0 {
		if err := t.openPayment(i); err != nil {
			return err
		}
	}
	if err := t.save(i); err != nil {
		return err
	}
	if err := t.unschedule(invoiceFinalizes, i.ID); err != nil {
		return err
	}
	if err := t.emit("invoice.finalized", i); err != nil {
		return err
	}
	if i.AmountDue == 0 {
		return t.settle(i, nil)
	}
	return nil
}

// recount reads the use of metered lines anew: events may have come late.
func (t *tx) recount(i *Invoice) error {
	for n, l := range i.Lines.Data {
		if l.Meter == "" {
			continue
		}
		fresh, err := t.meteredAgain(i, l)
		if err != nil {
			return err
		}
		i.Lines.Data[n] = fresh
	}
	return i.sum()
}

func (t *tx) meteredAgain(i *Invoice, l InvoiceLine) (InvoiceLine, error) {
	meter, err := find[Meter](t, l.Meter)
	if err != nil || meter == nil {
		return l, err
	}
	price, err := find[Price](t, l.MeteredPrice)
	if err != nil || price == nil {
		return l, err
	}
	product, err := find[Product](t, price.Product)
	if err != nil {
		return l, err
	}
	p := span{time.Unix(l.Period.Start, 0).UTC(), time.Unix(l.Period.End, 0).UTC()}
	used, err := t.quantity(meter, i.Customer, p)
	if err != nil {
		return l, err
	}
	amount, err := price.amount(used)
	l.Quantity, l.QuantityDecimal, l.Amount, l.Subtotal = &used, decimalOf(used), amount.Minor(), amount.Minor()
	l.Description = describe(*price, product, used)
	return l, err
}

// applyBalance takes from the customer's balance what it has to give, and puts
// onto it what is too little to charge (Stripe, "Customer credit balance" and
// "Minimum and maximum charge amounts").
func (t *tx) applyBalance(i *Invoice, c *Customer) error {
	due, ending := i.due(c)
	i.StartingBalance = c.Balance
	i.AmountDue, i.AmountRemaining, i.EndingBalance = due, due, &ending
	if c.Currency == nil {
		c.Currency = &i.Currency
		if err := t.saveCustomer(c); err != nil {
			return err
		}
	}
	if ending == c.Balance {
		return nil
	}
	change := BalanceTransaction{Amount: ending - c.Balance, Invoice: &i.ID, Type: "applied_to_invoice"}
	if ending > 0 {
		change.Type = "invoice_too_small"
	}
	_, err := t.adjustBalance(c, change)
	return err
}

// due is what c has to pay for i, and what c's balance is afterwards.
func (i *Invoice) due(c *Customer) (due, ending int64) {
	due = i.Total + c.Balance
	if due < smallestCharge(i.currency()) {
		return 0, due
	}
	return due, 0
}

// smallestCharge is the least that Stripe charges, in minor units.
func smallestCharge(c money.Currency) int64 {
	least := map[string]int64{
		"gbp": 30, "jpy": 50, "aed": 200, "pln": 200, "ron": 200, "myr": 200, "bgn": 100, "czk": 1500, "dkk": 250,
		"hkd": 400, "huf": 17500, "mxn": 1000, "nok": 300, "sek": 300, "thb": 1000,
	}
	if n, ok := least[c.Code()]; ok {
		return n
	}
	return 50
}

// openPayment gives an invoice the payment intent that it is paid with.
func (t *tx) openPayment(i *Invoice) error {
	text := map[string]string{"subscription_create": "Subscription creation", "subscription_update": "Subscription update"}[i.BillingReason]
	if text == "" {
		text = "Payment for Invoice"
	}
	p := t.newIntent(money.New(i.AmountDue, i.currency()), &i.Customer, text)
	p.Invoice = i.ID
	var err error
	if p.ApplicationFee, err = i.share(); err != nil {
		return err
	}
	if err := t.insert(p); err != nil {
		return err
	}
	i.PaymentIntent = p.ID
	payment := &InvoicePayment{AmountRequested: i.AmountDue, Created: t.unix(), Currency: i.Currency, Invoice: i.ID, IsDefault: true,
		Payment: invoicePaymentOf{PaymentIntent: p.ID, Type: "payment_intent"}, Status: "open"}
	if err := t.insert(payment); err != nil {
		return err
	}
	return t.emit("payment_intent.created", p)
}

// share is the platform's share of what is due, nil for none.
func (i *Invoice) share() (*int64, error) {
	if i.FeePercent == nil {
		return nil, nil
	}
	part, err := money.RateOfMinor(i.FeePercent.String(), i.currency())
	if err != nil {
		return nil, err
	}
	hundredths, err := part.Times(100) // 12.5 percent is 1250 of 10000
	if err != nil {
		return nil, err
	}
	fee, err := money.New(i.AmountDue, i.currency()).Share(hundredths.Minor(), 10000)
	amount := fee.Minor()
	return &amount, err
}

// methodFor is the card that pays for i unless another is named: the
// subscription's, else the customer's default; nil when there is none.
func (t *tx) methodFor(i *Invoice, s *Subscription, c *Customer) (*PaymentMethod, error) {
	for _, id := range []*string{i.DefaultPaymentMethod, defaultOf(s), c.InvoiceSettings.DefaultPaymentMethod} {
		if id == nil {
			continue
		}
		m, err := find[PaymentMethod](t, *id)
		if err != nil || m != nil && !m.Detached {
			return m, err
		}
	}
	return nil, nil
}

func defaultOf(s *Subscription) *string {
	if s == nil {
		return nil
	}
	return s.DefaultPaymentMethod
}

// collect tries to have an open invoice paid by m (nil: there is no card).
func (t *tx) collect(i *Invoice, m *PaymentMethod, how attempt) (verdict, error) {
	v, err := t.attempt(i, m, how)
	if err != nil {
		return v, err
	}
	if v.paid() {
		return v, t.settle(i, v.charge)
	}
	if v.pending { // settleDebit goes on
		i.NextPaymentAttempt = nil
		return v, orElse(t.save(i), t.whileDebited(i))
	}
	if i.Refused = ""; m != nil && v.decline != nil && v.decline.hard() {
		i.Refused = m.ID
	}
	return v, t.unpaid(i, v, how)
}

// attempt charges m for i and does nothing about the answer. Any attempt counts
// as the first; after that only automatic ones do.
func (t *tx) attempt(i *Invoice, m *PaymentMethod, how attempt) (verdict, error) {
	i.Attempted = true
	if i.AttemptCount == 0 || how.automatic {
		i.AttemptCount++
	}
	if m == nil {
		return verdict{decline: noCard}, nil
	}
	p, err := get[PaymentIntent](t, i.PaymentIntent, "payment_intent")
	if err != nil || p.Status == intentProcessing {
		return verdict{pending: true}, err
	}
	return t.charge(p, m, how)
}

// noCard is what an invoice without a card to charge meets.
var noCard = &cardDecline{"resource_missing", "", "This customer has no attached payment source or default payment method."}

// settle marks i paid, by charge or because nothing was due, and tells the
// subscription behind it.
func (t *tx) settle(i *Invoice, by *Charge) error {
	if err := t.paid(i); err != nil {
		return err
	}
	if err := t.emit("invoice.payment_succeeded", i); err != nil || by == nil {
		return err
	}
	return t.closePayment(i, "paid")
}

// settleOutside marks i paid by money that Stripe has not seen.
func (t *tx) settleOutside(i *Invoice) error {
	i.AmountPaidOffStripe = i.AmountDue
	if err := t.paid(i); err != nil {
		return err
	}
	if err := t.cancelIntent(i.PaymentIntent, "void_invoice"); err != nil {
		return err
	}
	return t.closePayment(i, "canceled")
}

func (t *tx) paid(i *Invoice) error {
	now := t.unix()
	i.Status, i.StatusTransitions.PaidAt, i.NextPaymentAttempt = invoicePaid, &now, nil
	i.AmountPaid, i.AmountRemaining, i.AutoAdvance, i.Attempted = i.AmountDue, 0, false, true
	if err := t.save(i); err != nil {
		return err
	}
	if err := t.unschedule(invoiceRetries, i.ID); err != nil {
		return err
	}
	if err := t.paidSubscription(i); err != nil {
		return err
	}
	if err := t.setDelinquent(i.Customer, false); err != nil {
		return err
	}
	return t.emit("invoice.paid", i)
}

// setDelinquent notes on a customer how the last invoice went.
func (t *tx) setDelinquent(id string, is bool) error {
	c, err := find[Customer](t, id)
	if err != nil || c == nil || c.Delinquent == is {
		return err
	}
	c.Delinquent = is
	return t.saveCustomer(c)
}

// closePayment ends the invoice's payment with that status.
func (t *tx) closePayment(i *Invoice, status string) error {
	p, err := first[InvoicePayment](t, eq("invoice", i.ID))
	if err != nil || p == nil || p.Status != "open" {
		return err
	}
	now := t.unix()
	p.Status = status
	if status == "paid" {
		p.AmountPaid, p.StatusTransitions.PaidAt = &i.AmountPaid, &now
	} else {
		p.StatusTransitions.CanceledAt = &now
	}
	if err := t.save(p); err != nil || status != "paid" {
		return err
	}
	return t.emit("invoice_payment.paid", p)
}

// cancelIntent gives up an intent that has not succeeded.
func (t *tx) cancelIntent(id, reason string) error {
	p, err := find[PaymentIntent](t, id)
	if err != nil || p == nil || p.Status == intentSucceeded || p.Status == intentCanceled {
		return err
	}
	now := t.unix()
	p.Status, p.CanceledAt, p.CancellationReason, p.NextAction = intentCanceled, &now, &reason, nil
	if err := t.save(p); err != nil {
		return err
	}
	return t.emit("payment_intent.canceled", p)
}

// invoicePayments is the list of payments of an invoice, when asked for.
func invoicePayments(t *tx, o tree) (any, error) {
	id, _ := o["id"].(string)
	payments, err := all[InvoicePayment](t, eq("invoice", id))
	return sublist("/v1/invoice_payments?invoice="+id, payments), err
}

// confirmationSecret is what a page needs to confirm an invoice's payment.
func confirmationSecret(t *tx, o tree) (any, error) {
	payment, err := first[InvoicePayment](t, eq("invoice", o["id"]))
	if err != nil || payment == nil || payment.Status != "open" {
		return nil, err
	}
	p, err := find[PaymentIntent](t, payment.Payment.PaymentIntent)
	if err != nil || p == nil {
		return nil, err
	}
	return tree{"client_secret": p.ClientSecret, "type": "payment_intent"}, nil
}
