package stripe

import (
	"context"
	"net/http"
	"net/url"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
)

// The keys of a meter event's payload.
const (
	payloadCustomer = "stripe_customer_id"
	payloadValue    = "value"
)

// EnsureMeter returns the meter called in.EventName, made or reactivated if
// need be. A meter cannot be looked up by its name, and keeps the name when it
// is deactivated, so a taken name is searched for among all of them.
func (e *Engine) EnsureMeter(ctx context.Context, at accounts.StripeAccount, key string, in billing.MeterInput) (string, error) {
	c, err := e.writing(ctx, at, key)
	if err != nil {
		return "", err
	}
	if in.EventName == "" || in.Name == "" {
		return "", refuse("A meter needs a name and an event name.")
	}
	p := &stripe.BillingMeterCreateParams{
		DisplayName: &in.Name, EventName: &in.EventName,
		DefaultAggregation: &stripe.BillingMeterCreateDefaultAggregationParams{Formula: stripe.String("sum")},
		CustomerMapping: &stripe.BillingMeterCreateCustomerMappingParams{
			Type: stripe.String("by_id"), EventPayloadKey: stripe.String(payloadCustomer),
		},
		ValueSettings: &stripe.BillingMeterCreateValueSettingsParams{EventPayloadKey: stripe.String(payloadValue)},
	}
	c.mark(&p.Params, "")
	made, err := c.V1BillingMeters.Create(ctx, p)
	err = answered("create meter", made.ID, err)
	if !refusedWith(err, http.StatusBadRequest) {
		return made.ID, err
	}
	id, findErr := c.findMeter(ctx, in.EventName)
	if findErr != nil || id != "" {
		return id, findErr
	}
	return "", err // it was not the name that Stripe refused
}

// findMeter returns the meter called name, reactivated if need be; "" when there is none.
func (c conn) findMeter(ctx context.Context, name string) (string, error) {
	for _, status := range []stripe.BillingMeterStatus{stripe.BillingMeterStatusActive, stripe.BillingMeterStatusInactive} {
		all, err := list(ctx, c, "list meters", "/v1/billing/meters",
			url.Values{"status": {string(status)}}, func(m *stripe.BillingMeter) string { return m.ID })
		if err != nil {
			return "", err
		}
		for _, m := range all {
			if m.EventName != name {
				continue
			}
			if m.Status == stripe.BillingMeterStatusInactive {
				return m.ID, c.reactivateMeter(ctx, m.ID)
			}
			return m.ID, nil
		}
	}
	return "", nil
}

func (c conn) reactivateMeter(ctx context.Context, id string) error {
	p := &stripe.BillingMeterReactivateParams{}
	c.mark(&p.Params, ".reactivate")
	m, err := c.V1BillingMeters.Reactivate(ctx, id, p)
	return answered("reactivate meter", m.ID, err)
}

// DeactivateMeter stops a meter. One that is inactive or gone is no error.
func (e *Engine) DeactivateMeter(ctx context.Context, at accounts.StripeAccount, key, id string) error {
	c, err := e.writing(ctx, at, key, id)
	if err != nil {
		return err
	}
	p := &stripe.BillingMeterDeactivateParams{}
	c.mark(&p.Params, "")
	m, err := c.V1BillingMeters.Deactivate(ctx, id, p)
	err = answered("deactivate meter", m.ID, err)
	switch {
	case gone(err):
		return nil
	case refusedWith(err, http.StatusBadRequest) && c.meterInactive(ctx, id):
		return nil
	}
	return err
}

// meterInactive reports whether the meter is known to be inactive.
func (c conn) meterInactive(ctx context.Context, id string) bool {
	p := &stripe.BillingMeterRetrieveParams{}
	c.aim(&p.Params)
	m, err := c.V1BillingMeters.Retrieve(ctx, id, p)
	return err == nil && m.Status == stripe.BillingMeterStatusInactive
}
