package sandbox

import (
	"strconv"
	"strings"
	"time"

	"tollgate/money"
)

// dashed is an error code as the documentation's addresses write it.
func dashed(code string) string { return strings.ReplaceAll(code, "_", "-") }

// termsOf is how p turns a quantity into money.
func (p *Price) terms() (terms, error) {
	c := money.MustCurrency(p.Currency)
	var out terms
	var err error
	if p.UnitAmountDecimal != nil {
		if out.unit, err = money.RateOfMinor(*p.UnitAmountDecimal, c); err != nil {
			return out, err
		}
	}
	if q := p.TransformQuantity; q != nil {
		out.divideBy, out.roundUp = q.DivideBy, q.Round == "up"
	}
	out.graduated = p.TiersMode != nil && *p.TiersMode == "graduated"
	for _, step := range p.Tiers {
		made := tier{}
		if step.UpTo != nil {
			made.upTo = *step.UpTo
		}
		if made.unit, err = rateOr0(step.UnitAmountDecimal, c); err != nil {
			return out, err
		}
		if made.flat, err = rateOr0(step.FlatAmountDecimal, c); err != nil {
			return out, err
		}
		out.tiers = append(out.tiers, made)
	}
	return out, nil
}

func rateOr0(minor *string, c money.Currency) (money.Rate, error) {
	if minor == nil {
		return money.RateOfMinor("0", c)
	}
	return money.RateOfMinor(*minor, c)
}

// amount is the price of quantity units of p.
func (p *Price) amount(quantity int64) (money.Amount, error) {
	terms, err := p.terms()
	if err != nil {
		return money.Amount{}, err
	}
	return terms.amount(quantity)
}

// lineFor is a line over quantity units of an item's price, for the time of p.
func (t *tx) lineFor(s *Subscription, item SubscriptionItem, quantity int64, p span) (InvoiceLine, error) {
	amount, err := item.Price.amount(quantity)
	if err != nil {
		return InvoiceLine{}, err
	}
	product, err := find[Product](t, item.Price.Product)
	if err != nil {
		return InvoiceLine{}, err
	}
	l := newLine(amount, describe(item.Price, product, quantity), p)
	l.Quantity, l.QuantityDecimal = &quantity, decimalOf(quantity)
	l.Metadata = s.Metadata
	l.Pricing = &linePricing{PriceDetails: priceDetails{item.Price.ID, item.Price.Product}, Type: "price_details", UnitAmountDecimal: item.Price.UnitAmountDecimal}
	l.Parent = &lineParent{Type: "subscription_item_details", SubscriptionItem: &lineSubParent{
		Subscription: s.ID, SubscriptionItem: item.ID, ProrationDetails: &prorationDetails{}}}
	l.Subscription = &s.ID
	if item.Price.metered() {
		l.Meter, l.MeteredPrice = *item.Price.Recurring.Meter, item.Price.ID
	}
	return l, nil
}

func newLine(amount money.Amount, text string, p span) InvoiceLine {
	l := InvoiceLine{
		Amount: amount.Minor(), Subtotal: amount.Minor(), Currency: amount.Currency().Code(), Description: text,
		DiscountAmounts: []struct{}{}, Discountable: true, Discounts: []string{}, Metadata: map[string]string{},
		Period: linePeriod{Start: p.start.Unix(), End: p.end.Unix()}, PretaxCreditAmounts: []struct{}{}, Taxes: []struct{}{},
	}
	l.Object = l.kind()
	return l
}

func decimalOf(n int64) *string {
	s := strconv.FormatInt(n, 10)
	return &s
}

// describe is a line's text as Stripe writes it: "1 × Gold (at $49.00 / month)".
func describe(p Price, product *Product, quantity int64) string {
	name, unit := "Unknown product", ""
	if product != nil {
		name = product.Name
		if product.UnitLabel != nil {
			unit = *product.UnitLabel + " "
		}
	}
	text := strconv.FormatInt(quantity, 10) + " " + unit + "× " + name
	if p.UnitAmountDecimal == nil {
		return text
	}
	rate, err := money.RateOfMinor(*p.UnitAmountDecimal, money.MustCurrency(p.Currency))
	if err != nil {
		return text
	}
	every := p.Recurring.Interval
	if n := p.Recurring.IntervalCount; n > 1 {
		every = "every " + strconv.FormatInt(n, 10) + " " + every + "s"
	} else {
		every = "/ " + every
	}
	return text + " (at " + priced(rate) + " " + every + ")"
}

// priced is a unit price the way Stripe's invoices write it.
func priced(r money.Rate) string {
	signs := map[string]string{"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
	if sign := signs[r.Currency().Code()]; sign != "" {
		return sign + r.Decimal()
	}
	return r.String()
}

// newInvoice is a draft for c with these lines, not kept yet.
func (t *tx) newInvoice(c *Customer, currency, reason string, lines []InvoiceLine) (*Invoice, error) {
	home, err := t.ownAccount()
	if err != nil {
		return nil, err
	}
	i := &Invoice{
		AutoAdvance: true, BillingReason: reason, CollectionMethod: "charge_automatically", Created: t.unix(), Currency: currency,
		Customer: c.ID, CustomerAddress: c.Address, CustomerEmail: c.Email, CustomerName: c.Name, CustomerPhone: c.Phone,
		CustomerShipping: c.Shipping, CustomerTaxExempt: c.TaxExempt, CustomerTaxIDs: []struct{}{}, DefaultTaxRates: []struct{}{},
		Discounts: []string{}, Issuer: reference{"self"}, Metadata: map[string]string{}, Status: invoiceDraft,
		PeriodStart: t.unix(), PeriodEnd: t.unix(), TestClock: c.TestClock, TotalDiscountAmounts: []struct{}{},
		TotalPretaxCreditAmounts: []struct{}{}, TotalTaxes: []struct{}{}, Token: t.s.random(32),
	}
	i.ID = t.s.newID("invoice")
	if home != nil {
		i.AccountCountry, i.AccountName = &home.Country, home.displayName()
	}
	i.setLines(t, lines)
	return i, i.sum()
}

// setLines gives the lines their ids and their invoice.
func (i *Invoice) setLines(t *tx, lines []InvoiceLine) {
	for n := range lines {
		if lines[n].ID == "" {
			lines[n].ID = t.s.newID("line_item")
		}
		lines[n].Invoice = i.ID
	}
	if lines == nil {
		lines = []InvoiceLine{}
	}
	i.Lines = lineList{Object: "list", Data: lines, TotalCount: len(lines), URL: "/v1/invoices/" + i.ID + "/lines"}
}

// sum adds the lines up. What a customer's balance does to the total is decided
// when the invoice is finalized.
func (i *Invoice) sum() error {
	total := money.New(0, i.currency())
	for _, l := range i.Lines.Data {
		var err error
		if total, err = total.Add(money.New(l.Amount, i.currency())); err != nil {
			return err
		}
	}
	i.Subtotal, i.SubtotalExcludingTax = total.Minor(), total.Minor()
	i.Total, i.TotalExcludingTax = total.Minor(), total.Minor()
	i.AmountDue = max(total.Minor(), 0)
	i.AmountRemaining = i.AmountDue - i.AmountPaid
	return nil
}

// forSubscription makes i an invoice of s.
func (i *Invoice) forSubscription(s *Subscription) {
	i.Parent = &invoiceParent{Type: "subscription_details", SubscriptionDetails: &invoiceSubDetails{Metadata: s.Metadata, Subscription: s.ID}}
	i.DefaultPaymentMethod, i.FeePercent = nil, s.ApplicationFeePercent
}

// keepDraft keeps a new invoice and tells of it. With auto it is finalized when
// the time for corrections is over.
func (t *tx) keepDraft(i *Invoice, auto bool) error {
	if auto {
		at := t.now.Add(draftTime)
		unix := at.Unix()
		i.AutomaticallyFinalizesAt = &unix
		if err := t.schedule(invoiceFinalizes, i.ID, i.clock(), at); err != nil {
			return err
		}
	}
	if err := t.insert(i); err != nil {
		return err
	}
	return t.emit("invoice.created", i)
}

// draftTime is how long an invoice of a renewal stays a draft (Stripe,
// "Automatic advancement").
const draftTime = time.Hour

// The timers of invoices.
const (
	invoiceFinalizes = "invoice.finalize"
	invoiceRetries   = "invoice.retry"
)

var invoiceTimers = map[string]func(*tx, string) error{
	invoiceFinalizes: finalizeDraft,
	invoiceRetries:   retryInvoice,
	invoiceComes:     announceInvoice,
	debitSettles:     settleDebit,
}
