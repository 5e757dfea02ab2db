package stripe

import (
	"context"
	"fmt"
	"net/url"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/money"
)

// Customer reads a customer; one that was deleted says so.
func (e *Engine) Customer(ctx context.Context, at accounts.StripeAccount, id string) (billing.Customer, error) {
	c, err := e.reading(ctx, at, id)
	if err != nil {
		return billing.Customer{}, err
	}
	p := &stripe.CustomerRetrieveParams{}
	c.aim(&p.Params)
	got, err := c.V1Customers.Retrieve(ctx, id, p)
	if err := answered("read customer", got.ID, err); err != nil {
		return billing.Customer{}, err
	}
	return customer(got)
}

// DeleteCustomer deletes a customer. One that is gone is no error.
func (e *Engine) DeleteCustomer(ctx context.Context, at accounts.StripeAccount, key, id string) error {
	c, err := e.writing(ctx, at, key, id)
	if err != nil {
		return err
	}
	p := &stripe.CustomerDeleteParams{}
	c.mark(&p.Params, "")
	got, err := c.V1Customers.Delete(ctx, id, p)
	if err = answered("delete customer", got.ID, err); gone(err) {
		return nil
	}
	return err
}

// Customers lists every customer that was not deleted.
func (e *Engine) Customers(ctx context.Context, at accounts.StripeAccount) ([]billing.Customer, error) {
	return inventory(ctx, e, at, "/v1/customers", nil, func(c *stripe.Customer) string { return c.ID }, customer)
}

// Products lists every product, archived ones too.
func (e *Engine) Products(ctx context.Context, at accounts.StripeAccount) ([]billing.Product, error) {
	return inventory(ctx, e, at, "/v1/products", nil, func(p *stripe.Product) string { return p.ID }, product)
}

// Prices lists every price, those off sale too. Prices of forms that we do not
// make (one-off, tiered, in packages) have neither an Amount nor a Rate.
func (e *Engine) Prices(ctx context.Context, at accounts.StripeAccount) ([]billing.Price, error) {
	return inventory(ctx, e, at, "/v1/prices", nil, func(p price) string { return p.ID }, price.billing)
}

// Meters lists every meter. Each status is asked for by itself, as only that is
// certain to bring the inactive ones.
func (e *Engine) Meters(ctx context.Context, at accounts.StripeAccount) ([]billing.Meter, error) {
	var all []billing.Meter
	for _, status := range []stripe.BillingMeterStatus{stripe.BillingMeterStatusActive, stripe.BillingMeterStatusInactive} {
		some, err := inventory(ctx, e, at, "/v1/billing/meters", url.Values{"status": {string(status)}}, func(m *stripe.BillingMeter) string { return m.ID }, meter)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// Subscriptions lists every subscription, ended ones too.
func (e *Engine) Subscriptions(ctx context.Context, at accounts.StripeAccount) ([]billing.Subscription, error) {
	c, err := e.reading(ctx, at)
	if err != nil {
		return nil, err
	}
	return c.subscriptions(ctx, url.Values{"status": {"all"}, "expand[]": {"data.discounts"}})
}

// OpenCheckouts lists the checkout sessions that can still be paid.
func (e *Engine) OpenCheckouts(ctx context.Context, at accounts.StripeAccount) ([]billing.CheckoutSession, error) {
	return inventory(ctx, e, at, "/v1/checkout/sessions", url.Values{"status": {"open"}},
		func(s *stripe.CheckoutSession) string { return s.ID },
		func(s *stripe.CheckoutSession) (billing.CheckoutSession, error) {
			return checkout("list checkouts", s, nil)
		})
}

// inventory reads the whole listing at path and says it in our terms.
func inventory[S, T any](ctx context.Context, e *Engine, at accounts.StripeAccount, path string, query url.Values, id func(S) string, say func(S) (T, error)) ([]T, error) {
	c, err := e.reading(ctx, at)
	if err != nil {
		return nil, err
	}
	if query == nil {
		query = url.Values{}
	}
	found, err := list(ctx, c, "list "+path, path, query, id)
	if err != nil {
		return nil, err
	}
	return each(found, say)
}

// each says all of them in our terms.
func each[S, T any](all []S, say func(S) (T, error)) ([]T, error) {
	out := make([]T, 0, len(all))
	for _, one := range all {
		said, err := say(one)
		if err != nil {
			return nil, err
		}
		out = append(out, said)
	}
	return out, nil
}

// unreadable is an answer of Stripe's that makes no sense to us.
func unreadable(what, id string, err error) error {
	return fmt.Errorf("stripe: %s %s: %w", what, id, err)
}

func customer(c *stripe.Customer) (billing.Customer, error) {
	return billing.Customer{
		ID: c.ID, Name: c.Name, Email: c.Email, Deleted: c.Deleted, Metadata: c.Metadata, Created: instant(c.Created),
	}, nil
}

func product(p *stripe.Product) (billing.Product, error) {
	return billing.Product{
		ID: p.ID, Name: p.Name, Description: p.Description, Metadata: p.Metadata, Archived: !p.Active, Created: instant(p.Created),
	}, nil
}

func meter(m *stripe.BillingMeter) (billing.Meter, error) {
	return billing.Meter{
		ID: m.ID, EventName: m.EventName, Name: m.DisplayName, Active: m.Status == stripe.BillingMeterStatusActive, Created: instant(m.Created),
	}, nil
}

// billing says p in our terms. Others may sell in forms, or even currencies,
// that we do not know; their prices are listed all the same, without a sum.
func (p price) billing() (billing.Price, error) {
	out := billing.Price{
		ID: p.ID, Product: string(p.Product), LookupKey: p.LookupKey, Nickname: p.Nickname, Active: p.Active,
		Metadata: p.Metadata, Created: instant(p.Created),
	}
	r := p.Recurring
	if r == nil {
		return out, nil
	}
	out.Meter, out.Cycle = r.Meter, r.Interval
	if r.IntervalCount > 1 {
		out.Cycle = fmt.Sprintf("%d %ss", r.IntervalCount, r.Interval)
	}
	currency, err := money.ParseCurrency(p.Currency)
	if err != nil || p.UnitAmount == "" || p.Transform != nil {
		return out, nil // it is not ours then
	}
	if p.Minor != nil && r.Meter == "" {
		out.Amount = money.New(*p.Minor, currency)
		return out, nil
	}
	if rate, err := money.RateOfMinor(p.UnitAmount, currency); err == nil {
		out.Rate = rate
	}
	return out, nil
}
