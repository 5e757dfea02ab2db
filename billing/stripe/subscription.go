package stripe

import (
	"context"
	"net/http"
	"net/url"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
)

// Subscription reads a subscription.
func (e *Engine) Subscription(ctx context.Context, at accounts.StripeAccount, id string) (billing.Subscription, error) {
	c, err := e.reading(ctx, at, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	s, err := c.subscription(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	return c.whole(ctx, s)
}

func (c conn) subscription(ctx context.Context, id string) (*stripe.Subscription, error) {
	p := &stripe.SubscriptionRetrieveParams{}
	c.aim(&p.Params)
	s, err := c.V1Subscriptions.Retrieve(ctx, id, p)
	return s, answered("read subscription", s.ID, err)
}

// SubscriptionsOf lists every subscription of a customer, ended ones too, newest first.
func (e *Engine) SubscriptionsOf(ctx context.Context, at accounts.StripeAccount, customer string) ([]billing.Subscription, error) {
	c, err := e.reading(ctx, at, customer)
	if err != nil {
		return nil, err
	}
	return c.subscriptions(ctx, url.Values{"customer": {customer}, "status": {"all"}})
}

// subscriptions lists those that query asks for, with all their items.
func (c conn) subscriptions(ctx context.Context, query url.Values) ([]billing.Subscription, error) {
	found, err := list(ctx, c, "list subscriptions", "/v1/subscriptions", query, func(s *stripe.Subscription) string { return s.ID })
	if err != nil {
		return nil, err
	}
	out := make([]billing.Subscription, 0, len(found))
	for _, s := range found {
		one, err := c.whole(ctx, s)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// CancelSubscription ends a subscription: at once, billing what is unbilled, or
// when its period ends. One that is over already is returned as it is.
func (e *Engine) CancelSubscription(ctx context.Context, at accounts.StripeAccount, key, id string, when billing.CancelWhen) (billing.Subscription, error) {
	c, err := e.writing(ctx, at, key, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	s, err := c.cancel(ctx, id, when)
	if refusedWith(err, http.StatusBadRequest, http.StatusNotFound) {
		now, readErr := c.subscription(ctx, id)
		if readErr != nil || !ended(now) {
			return billing.Subscription{}, err
		}
		s, err = now, nil
	}
	if err != nil {
		return billing.Subscription{}, err
	}
	return c.whole(ctx, s)
}

func (c conn) cancel(ctx context.Context, id string, when billing.CancelWhen) (*stripe.Subscription, error) {
	if when == billing.CancelAtPeriodEnd {
		p := &stripe.SubscriptionUpdateParams{CancelAtPeriodEnd: stripe.Bool(true)}
		c.mark(&p.Params, "")
		s, err := c.V1Subscriptions.Update(ctx, id, p)
		return s, answered("cancel subscription at period end", s.ID, err)
	}
	// Without these two, usage that is not billed yet would be lost.
	billed := when != billing.CancelUnbilled
	p := &stripe.SubscriptionCancelParams{InvoiceNow: &billed, Prorate: &billed}
	c.mark(&p.Params, "")
	s, err := c.V1Subscriptions.Cancel(ctx, id, p)
	return s, answered("cancel subscription", s.ID, err)
}

// ended reports whether nothing can come of s any more.
func ended(s *stripe.Subscription) bool {
	return s.Status == stripe.SubscriptionStatusCanceled || s.Status == stripe.SubscriptionStatusIncompleteExpired
}

// ResumeSubscription takes back a cancellation that has not happened yet. What
// is set is cleared, and only that: a cancellation in the Customer Portal sets
// cancel_at alone, ours sets both.
func (e *Engine) ResumeSubscription(ctx context.Context, at accounts.StripeAccount, key, id string) (billing.Subscription, error) {
	c, err := e.writing(ctx, at, key, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	s, err := c.subscription(ctx, id)
	if err == nil && s.CancelAtPeriodEnd {
		p := &stripe.SubscriptionUpdateParams{CancelAtPeriodEnd: stripe.Bool(false)}
		c.mark(&p.Params, "")
		s, err = c.V1Subscriptions.Update(ctx, id, p)
		err = answered("resume subscription", s.ID, err)
	}
	if err == nil && s.CancelAt != 0 {
		p := &stripe.SubscriptionUpdateParams{}
		p.AddExtra("cancel_at", "") // the field is a number and cannot say "none"
		c.mark(&p.Params, ".date")
		s, err = c.V1Subscriptions.Update(ctx, id, p)
		err = answered("resume subscription", s.ID, err)
	}
	if err != nil {
		return billing.Subscription{}, err
	}
	return c.whole(ctx, s)
}

// whole reads the items that Stripe left out of s, and says s in our terms.
func (c conn) whole(ctx context.Context, s *stripe.Subscription) (billing.Subscription, error) {
	if s.Items != nil && s.Items.HasMore {
		all, err := list(ctx, c, "list subscription items", "/v1/subscription_items",
			url.Values{"subscription": {s.ID}}, func(i *stripe.SubscriptionItem) string { return i.ID })
		if err != nil {
			return billing.Subscription{}, err
		}
		s.Items.Data = all
	}
	return subscription(s), nil
}

func subscription(s *stripe.Subscription) billing.Subscription {
	out := billing.Subscription{
		ID: s.ID, Status: string(s.Status), Metadata: s.Metadata, Created: instant(s.Created),
		CancelAt: instant(s.CancelAt), CanceledAt: instant(s.CanceledAt), EndedAt: instant(s.EndedAt), TrialEnd: instant(s.TrialEnd),
	}
	if s.Customer != nil {
		out.Customer = s.Customer.ID
	}
	if s.LatestInvoice != nil {
		out.LatestInvoice = s.LatestInvoice.ID
	}
	if s.CancellationDetails != nil {
		out.CancelReason = string(s.CancellationDetails.Reason)
	}
	if s.Items != nil {
		for _, i := range s.Items.Data {
			out.Items = append(out.Items, item(i))
		}
	}
	if p := s.PendingUpdate; p != nil {
		out.Pending = &billing.Pending{Expires: instant(p.ExpiresAt)}
		if len(p.SubscriptionItems) > 0 && p.SubscriptionItems[0].Price != nil {
			out.Pending.Price = p.SubscriptionItems[0].Price.ID
		}
	}
	if s.Schedule != nil {
		out.Schedule = s.Schedule.ID
	}
	out.CollectionPaused = s.PauseCollection != nil
	for _, d := range s.Discounts {
		if at := instant(d.Start); at.After(out.DiscountedAt) {
			out.DiscountedAt = at
		}
	}
	if s.CancelAtPeriodEnd && out.CancelAt.IsZero() && len(out.Items) > 0 {
		out.CancelAt = out.Items[0].PeriodEnd
	}
	return out
}

func item(i *stripe.SubscriptionItem) billing.Item {
	out := billing.Item{
		ID: i.ID, Quantity: i.Quantity, PeriodStart: instant(i.CurrentPeriodStart), PeriodEnd: instant(i.CurrentPeriodEnd),
	}
	if i.Price != nil {
		out.Price = i.Price.ID
		if i.Price.Product != nil {
			out.Product = i.Price.Product.ID
		}
	}
	return out
}
