package stripe

import (
	"context"
	"net/url"
	"strconv"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/money"
)

// price is what we compare of a price. stripe-go would read the decimal as a
// float64; here every digit counts.
type price struct {
	ID         string            `json:"id"`
	Active     bool              `json:"active"`
	Product    ref               `json:"product"`
	LookupKey  string            `json:"lookup_key"`
	Nickname   string            `json:"nickname"`
	Currency   string            `json:"currency"`
	Minor      *int64            `json:"unit_amount"` // nil when it is no whole number
	UnitAmount string            `json:"unit_amount_decimal"`
	Transform  *struct{}         `json:"transform_quantity"`
	Metadata   map[string]string `json:"metadata"`
	Created    int64             `json:"created"`
	Recurring  *struct {
		Interval      string `json:"interval"`
		IntervalCount int64  `json:"interval_count"`
		Meter         string `json:"meter"`
	} `json:"recurring"`
}

// CreatePrice makes a price and returns its id. A price with in.LookupKey that
// is there already is returned instead, when it is the same, and reactivated if
// need be; a different one loses the lookup key to the new price.
func (e *Engine) CreatePrice(ctx context.Context, at accounts.StripeAccount, key string, in billing.PriceInput) (string, error) {
	ids := []string{in.Product}
	if in.Meter != "" {
		ids = append(ids, in.Meter)
	}
	c, err := e.writing(ctx, at, key, ids...)
	if err != nil {
		return "", err
	}
	p, err := priceParams(in)
	if err != nil {
		return "", err
	}
	if in.LookupKey != "" {
		if id, err := c.adoptPrice(ctx, in); id != "" || err != nil {
			return id, err
		}
	}
	c.mark(&p.Params, "")
	made, err := c.V1Prices.Create(ctx, p)
	return made.ID, answered("create price", made.ID, err)
}

// priceParams says in as Stripe wants it. This is the one place where a unit
// price becomes a float64; a Rate has at most 15 digits, which survive that.
func priceParams(in billing.PriceInput) (*stripe.PriceCreateParams, error) {
	fixed, metered := !in.Amount.Currency().IsZero(), !in.Rate.Currency().IsZero()
	if fixed == metered || metered == (in.Meter == "") || in.Cycle == "" || in.Amount.Minor() < 0 {
		return nil, refuse("A price needs a cycle and either an amount, or a rate with a meter.")
	}
	p := &stripe.PriceCreateParams{
		Product: &in.Product, Nickname: optional(in.Nickname), Metadata: in.Metadata,
		Recurring: &stripe.PriceCreateRecurringParams{Interval: &in.Cycle},
	}
	if in.LookupKey != "" {
		p.LookupKey, p.TransferLookupKey = &in.LookupKey, stripe.Bool(true)
	}
	if fixed {
		p.Currency, p.UnitAmount = stripe.String(in.Amount.Currency().Code()), stripe.Int64(in.Amount.Minor())
		return p, nil
	}
	unit, err := strconv.ParseFloat(in.Rate.MinorDecimal(), 64)
	if err != nil || strconv.FormatFloat(unit, 'f', -1, 64) != in.Rate.MinorDecimal() {
		return nil, refuse("Stripe cannot keep this unit price exactly.")
	}
	p.Currency, p.UnitAmountDecimal = stripe.String(in.Rate.Currency().Code()), &unit
	p.Recurring.Meter, p.Recurring.UsageType = &in.Meter, stripe.String("metered")
	return p, nil
}

// adoptPrice returns the price that has in's lookup key and is the same; "" when
// there is none. A listing without "active" has those off sale too.
func (c conn) adoptPrice(ctx context.Context, in billing.PriceInput) (string, error) {
	found, err := list(ctx, c, "look up price", "/v1/prices",
		url.Values{"lookup_keys[]": {in.LookupKey}}, func(p price) string { return p.ID })
	if err != nil {
		return "", err
	}
	for _, p := range found {
		switch {
		case !p.is(in):
			continue
		case p.Active:
			return p.ID, nil
		default:
			return p.ID, c.setPriceActive(ctx, p.ID, true, ".reactivate")
		}
	}
	return "", nil
}

// is reports whether p charges what in says, for the same product.
func (p price) is(in billing.PriceInput) bool {
	r := p.Recurring
	if r == nil || string(p.Product) != in.Product || r.Interval != in.Cycle || r.IntervalCount != 1 || r.Meter != in.Meter {
		return false
	}
	currency, want := in.Rate.Currency(), in.Rate.MinorDecimal()
	if !in.Amount.Currency().IsZero() {
		currency, want = in.Amount.Currency(), strconv.FormatInt(in.Amount.Minor(), 10)
	}
	theirs, err := money.RateOfMinor(p.UnitAmount, currency)
	return err == nil && p.Currency == currency.Code() && theirs.MinorDecimal() == want
}

// SetPriceActive puts a price on sale or takes it off. A price that is gone counts as off.
func (e *Engine) SetPriceActive(ctx context.Context, at accounts.StripeAccount, key, id string, active bool) error {
	c, err := e.writing(ctx, at, key, id)
	if err != nil {
		return err
	}
	err = c.setPriceActive(ctx, id, active, "")
	if !active && gone(err) {
		return nil
	}
	return err
}

func (c conn) setPriceActive(ctx context.Context, id string, active bool, step string) error {
	p := &stripe.PriceUpdateParams{Active: &active}
	c.mark(&p.Params, step)
	made, err := c.V1Prices.Update(ctx, id, p)
	return answered("update price", made.ID, err)
}
