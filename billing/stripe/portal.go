package stripe

import (
	"context"
	"fmt"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
)

// EnsurePortalConfiguration makes or updates how the Customer Portal works:
// cards, invoices and cancelling at period end, but no switching of plans, which
// would pass by our own rules, and no change of the customer's details.
func (e *Engine) EnsurePortalConfiguration(ctx context.Context, at accounts.StripeAccount, key, have string, in billing.PortalConfiguration) (string, error) {
	c, err := e.writing(ctx, at, key)
	if err != nil {
		return "", err
	}
	if have != "" {
		id, err := c.updatePortal(ctx, have, in)
		if !gone(err) {
			return id, err
		}
	}
	p := &stripe.BillingPortalConfigurationCreateParams{
		BusinessProfile:  &stripe.BillingPortalConfigurationCreateBusinessProfileParams{Headline: optional(in.Headline)},
		DefaultReturnURL: optional(in.ReturnURL),
		Features: &stripe.BillingPortalConfigurationCreateFeaturesParams{
			InvoiceHistory:      &stripe.BillingPortalConfigurationCreateFeaturesInvoiceHistoryParams{Enabled: stripe.Bool(true)},
			PaymentMethodUpdate: &stripe.BillingPortalConfigurationCreateFeaturesPaymentMethodUpdateParams{Enabled: stripe.Bool(true)},
			SubscriptionCancel: &stripe.BillingPortalConfigurationCreateFeaturesSubscriptionCancelParams{
				Enabled: stripe.Bool(true), Mode: stripe.String("at_period_end"),
			},
			CustomerUpdate: &stripe.BillingPortalConfigurationCreateFeaturesCustomerUpdateParams{Enabled: stripe.Bool(false)},
		},
	}
	c.mark(&p.Params, "")
	made, err := c.V1BillingPortalConfigurations.Create(ctx, p)
	return made.ID, answered("create portal configuration", made.ID, err)
}

func (c conn) updatePortal(ctx context.Context, id string, in billing.PortalConfiguration) (string, error) {
	if !wellFormed.MatchString(id) {
		return "", refuse("An id is missing or malformed.")
	}
	p := &stripe.BillingPortalConfigurationUpdateParams{
		Active:           stripe.Bool(true),
		BusinessProfile:  &stripe.BillingPortalConfigurationUpdateBusinessProfileParams{Headline: &in.Headline},
		DefaultReturnURL: &in.ReturnURL,
		Features: &stripe.BillingPortalConfigurationUpdateFeaturesParams{
			InvoiceHistory:      &stripe.BillingPortalConfigurationUpdateFeaturesInvoiceHistoryParams{Enabled: stripe.Bool(true)},
			PaymentMethodUpdate: &stripe.BillingPortalConfigurationUpdateFeaturesPaymentMethodUpdateParams{Enabled: stripe.Bool(true)},
			SubscriptionCancel: &stripe.BillingPortalConfigurationUpdateFeaturesSubscriptionCancelParams{
				Enabled: stripe.Bool(true), Mode: stripe.String("at_period_end"),
			},
			SubscriptionUpdate: &stripe.BillingPortalConfigurationUpdateFeaturesSubscriptionUpdateParams{Enabled: stripe.Bool(false)},
			CustomerUpdate:     &stripe.BillingPortalConfigurationUpdateFeaturesCustomerUpdateParams{Enabled: stripe.Bool(false)},
		},
	}
	c.mark(&p.Params, ".update")
	made, err := c.V1BillingPortalConfigurations.Update(ctx, id, p)
	return made.ID, answered("update portal configuration", made.ID, err)
}

// OpenPortal opens a Customer Portal session and returns its URL, good for minutes.
func (e *Engine) OpenPortal(ctx context.Context, at accounts.StripeAccount, key string, in billing.PortalInput) (string, error) {
	c, err := e.writing(ctx, at, key, in.Customer, in.Configuration)
	if err != nil {
		return "", err
	}
	p := &stripe.BillingPortalSessionCreateParams{
		Customer: &in.Customer, Configuration: &in.Configuration, ReturnURL: optional(in.ReturnURL),
	}
	c.mark(&p.Params, "")
	s, err := c.V1BillingPortalSessions.Create(ctx, p)
	if err := answered("open customer portal", s.ID, err); err != nil {
		return "", err
	}
	if s.URL == "" {
		return "", fmt.Errorf("stripe: open customer portal: %s has no URL", s.ID)
	}
	return s.URL, nil
}
