package stripe

import (
	"context"
	"net/http"
	"regexp"
	"strconv"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
)

// percent is a share of at most a hundred percent, with at most two decimals.
var percent = regexp.MustCompile(`^(100(\.0{1,2})?|\d{1,2}(\.\d{1,2})?)$`)

// OpenCheckout opens a hosted Checkout for one price. No deadline is sent: the
// one that holds is Stripe's, in ExpiresAt.
func (e *Engine) OpenCheckout(ctx context.Context, at accounts.StripeAccount, key string, in billing.CheckoutInput) (billing.CheckoutSession, error) {
	c, err := e.writing(ctx, at, key, in.Customer, in.Price)
	if err != nil {
		return billing.CheckoutSession{}, err
	}
	sold, err := subscriptionData(in)
	if err != nil {
		return billing.CheckoutSession{}, err
	}
	item := &stripe.CheckoutSessionCreateLineItemParams{Price: &in.Price}
	if !in.Metered {
		item.Quantity = stripe.Int64(1)
	}
	p := &stripe.CheckoutSessionCreateParams{
		Mode: stripe.String("subscription"), Customer: &in.Customer, ClientReferenceID: optional(in.ClientReference),
		LineItems:           []*stripe.CheckoutSessionCreateLineItemParams{item},
		SuccessURL:          &in.SuccessURL,
		CancelURL:           optional(in.CancelURL),
		AllowPromotionCodes: stripe.Bool(true),
		Metadata:            in.Metadata,
		SubscriptionData:    sold,
	}
	c.mark(&p.Params, "")
	s, err := c.V1CheckoutSessions.Create(ctx, p)
	return checkout("open checkout", s, err)
}

// subscriptionData is what the subscription will have. Flexible billing is
// asked for by name: by default it depends on the API version, and the classic
// one loses usage when a price is changed.
func subscriptionData(in billing.CheckoutInput) (*stripe.CheckoutSessionCreateSubscriptionDataParams, error) {
	out := &stripe.CheckoutSessionCreateSubscriptionDataParams{
		Metadata:    in.Metadata,
		BillingMode: &stripe.CheckoutSessionCreateSubscriptionDataBillingModeParams{Type: stripe.String("flexible")},
	}
	if in.FeePercent == "" {
		return out, nil
	}
	fee, err := strconv.ParseFloat(in.FeePercent, 64)
	if err != nil || !percent.MatchString(in.FeePercent) {
		return nil, refuse("The platform's share must be a percentage with at most two decimals.")
	}
	if fee > 0 {
		out.ApplicationFeePercent = &fee
	}
	return out, nil
}

// Checkout reads a checkout session.
func (e *Engine) Checkout(ctx context.Context, at accounts.StripeAccount, id string) (billing.CheckoutSession, error) {
	c, err := e.reading(ctx, at, id)
	if err != nil {
		return billing.CheckoutSession{}, err
	}
	return c.checkout(ctx, id)
}

func (c conn) checkout(ctx context.Context, id string) (billing.CheckoutSession, error) {
	p := &stripe.CheckoutSessionRetrieveParams{}
	c.aim(&p.Params)
	s, err := c.V1CheckoutSessions.Retrieve(ctx, id, p)
	return checkout("read checkout", s, err)
}

// ExpireCheckout closes an open checkout session. One that is over already is
// left as it is; the session as it then stands is returned.
func (e *Engine) ExpireCheckout(ctx context.Context, at accounts.StripeAccount, key, id string) (billing.CheckoutSession, error) {
	c, err := e.writing(ctx, at, key, id)
	if err != nil {
		return billing.CheckoutSession{}, err
	}
	p := &stripe.CheckoutSessionExpireParams{}
	c.mark(&p.Params, "")
	s, err := c.V1CheckoutSessions.Expire(ctx, id, p)
	expired, err := checkout("expire checkout", s, err)
	if !refusedWith(err, http.StatusBadRequest) {
		return expired, err
	}
	now, readErr := c.checkout(ctx, id)
	if readErr != nil || now.Status == billing.CheckoutOpen {
		return billing.CheckoutSession{}, err
	}
	return now, nil
}

func checkout(op string, s *stripe.CheckoutSession, err error) (billing.CheckoutSession, error) {
	if err := answered(op, s.ID, err); err != nil {
		return billing.CheckoutSession{}, err
	}
	out := billing.CheckoutSession{
		ID: s.ID, URL: s.URL, Status: string(s.Status), PaymentStatus: string(s.PaymentStatus), Mode: string(s.Mode),
		ClientReference: s.ClientReferenceID, Metadata: s.Metadata, Created: instant(s.Created), ExpiresAt: instant(s.ExpiresAt),
	}
	if s.Customer != nil {
		out.Customer = s.Customer.ID
	}
	if s.Subscription != nil {
		out.Subscription = s.Subscription.ID
	}
	if s.Invoice != nil {
		out.Invoice = s.Invoice.ID
	}
	return out, nil
}
