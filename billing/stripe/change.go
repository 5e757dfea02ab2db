package stripe

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
)

// alwaysInvoice settles a change at once, so that what was previewed is what is charged.
const alwaysInvoice = "always_invoice"

// quantity of the item that in changes: we sell one of each, and Stripe takes
// none with a metered price. It is always sent, since an item that was metered
// has none of its own.
func quantity(in billing.Change) *int64 {
	if in.Metered {
		return nil
	}
	return stripe.Int64(1)
}

// prorated is the moment from which prorations count; nil leaves it to Stripe.
func prorated(at time.Time) *int64 {
	if at.IsZero() {
		return nil
	}
	return stripe.Int64(at.Unix())
}

// PreviewChange returns the invoice that ChangeSubscription would make at once
// with the same values. It has no number.
func (e *Engine) PreviewChange(ctx context.Context, at accounts.StripeAccount, in billing.Change) (billing.Invoice, error) {
	c, err := e.reading(ctx, at, in.Subscription, in.Item, in.Price)
	if err != nil {
		return billing.Invoice{}, err
	}
	return c.preview(ctx, &stripe.InvoiceCreatePreviewParams{
		Subscription: &in.Subscription,
		SubscriptionDetails: &stripe.InvoiceCreatePreviewSubscriptionDetailsParams{
			Items:             []*stripe.InvoiceCreatePreviewSubscriptionDetailsItemParams{{ID: &in.Item, Price: &in.Price, Quantity: quantity(in)}},
			ProrationBehavior: stripe.String(alwaysInvoice), ProrationDate: prorated(in.At),
		},
	})
}

// ChangeSubscription moves a subscription to another price at once. When the
// charge fails, the returned subscription has a Pending change.
func (e *Engine) ChangeSubscription(ctx context.Context, at accounts.StripeAccount, key string, in billing.Change) (billing.Subscription, error) {
	c, err := e.writing(ctx, at, key, in.Subscription, in.Item, in.Price)
	if err != nil {
		return billing.Subscription{}, err
	}
	p := &stripe.SubscriptionUpdateParams{
		// Without the item's id, Stripe would add the price beside the old one.
		Items:             []*stripe.SubscriptionUpdateItemParams{{ID: &in.Item, Price: &in.Price, Quantity: quantity(in)}},
		ProrationBehavior: stripe.String(alwaysInvoice), ProrationDate: prorated(in.At),
		PaymentBehavior: stripe.String("pending_if_incomplete"),
	}
	c.mark(&p.Params, "")
	s, err := c.V1Subscriptions.Update(ctx, in.Subscription, p)
	if err := answered("change subscription", s.ID, err); err != nil {
		return billing.Subscription{}, err
	}
	return c.whole(ctx, s)
}

// ScheduleChange moves a subscription to another price when its period ends.
// Making a schedule takes two calls: one takes the subscription as it is, the
// other says what comes. The second repeats harmlessly, so a crash between them
// is finished by the next try.
func (e *Engine) ScheduleChange(ctx context.Context, at accounts.StripeAccount, key string, in billing.Change) (billing.Schedule, error) {
	c, err := e.writing(ctx, at, key, in.Subscription, in.Item, in.Price)
	if err != nil {
		return billing.Schedule{}, err
	}
	s, err := c.subscription(ctx, in.Subscription)
	if err != nil {
		return billing.Schedule{}, err
	}
	have, err := c.adopted(ctx, s)
	if err != nil {
		return billing.Schedule{}, err
	}
	p, err := twoPhases(s, have, in)
	if err != nil {
		return billing.Schedule{}, err
	}
	c.mark(&p.Params, ".phases")
	made, err := c.V1SubscriptionSchedules.Update(ctx, have.ID, p)
	if err := answered("plan subscription schedule", made.ID, err); err != nil {
		return billing.Schedule{}, err
	}
	return schedule(made), nil
}

// adopted is the schedule that s is under, made if there is none. A no may mean
// that somebody was faster; then theirs is taken.
func (c conn) adopted(ctx context.Context, s *stripe.Subscription) (*stripe.SubscriptionSchedule, error) {
	if s.Schedule != nil {
		return c.schedule(ctx, s.Schedule.ID)
	}
	p := &stripe.SubscriptionScheduleCreateParams{FromSubscription: &s.ID}
	c.mark(&p.Params, "")
	made, err := c.V1SubscriptionSchedules.Create(ctx, p)
	err = answered("make subscription schedule", made.ID, err)
	if refusedWith(err, http.StatusBadRequest) {
		if now, readErr := c.subscription(ctx, s.ID); readErr == nil && now.Schedule != nil {
			return c.schedule(ctx, now.Schedule.ID)
		}
	}
	return made, err
}

// twoPhases plans s under have: as it is to the end of the period, then at the
// new price for one cycle, after which the schedule lets go. Nothing is prorated,
// and what hangs on the subscription (metadata, the platform's share, discounts)
// is said in both phases, because a phase that is silent about it may drop it.
func twoPhases(s *stripe.Subscription, have *stripe.SubscriptionSchedule, in billing.Change) (*stripe.SubscriptionScheduleUpdateParams, error) {
	if have.CurrentPhase == nil || s.Items == nil || s.Items.HasMore {
		return nil, fmt.Errorf("stripe: schedule %s of %s cannot be read", have.ID, s.ID)
	}
	now, next := phaseOf(s), phaseOf(s)
	found := false
	for _, i := range s.Items.Data {
		item, then := phaseItem(i), phaseItem(i)
		if i.ID == in.Item {
			found = true
			then.Price, then.Quantity = &in.Price, quantity(in)
			now.StartDate, now.EndDate, next.Duration = &have.CurrentPhase.StartDate, stripe.Int64(i.CurrentPeriodEnd), oneCycle(i)
		}
		now.Items, next.Items = append(now.Items, item), append(next.Items, then)
	}
	if !found {
		return nil, refuse("The subscription has no item of that id.")
	}
	if s.Status == stripe.SubscriptionStatusTrialing {
		now.TrialEnd = &s.TrialEnd
	}
	return &stripe.SubscriptionScheduleUpdateParams{
		EndBehavior: stripe.String("release"), ProrationBehavior: stripe.String("none"),
		Phases: []*stripe.SubscriptionScheduleUpdatePhaseParams{now, next},
	}, nil
}

// phaseOf is a phase with all of s but its items.
func phaseOf(s *stripe.Subscription) *stripe.SubscriptionScheduleUpdatePhaseParams {
	p := &stripe.SubscriptionScheduleUpdatePhaseParams{Metadata: s.Metadata, ProrationBehavior: stripe.String("none")}
	if s.ApplicationFeePercent != 0 {
		p.ApplicationFeePercent = &s.ApplicationFeePercent
	}
	for _, d := range s.Discounts {
		p.Discounts = append(p.Discounts, &stripe.SubscriptionScheduleUpdatePhaseDiscountParams{Discount: &d.ID})
	}
	return p
}

func phaseItem(i *stripe.SubscriptionItem) *stripe.SubscriptionScheduleUpdatePhaseItemParams {
	out := &stripe.SubscriptionScheduleUpdatePhaseItemParams{}
	if i.Price != nil {
		out.Price = &i.Price.ID
	}
	if i.Price == nil || i.Price.Recurring == nil || i.Price.Recurring.UsageType != stripe.PriceRecurringUsageTypeMetered {
		out.Quantity = &i.Quantity
	}
	return out
}

// oneCycle is how long i's price lasts.
func oneCycle(i *stripe.SubscriptionItem) *stripe.SubscriptionScheduleUpdatePhaseDurationParams {
	every, count := "month", int64(1)
	if i.Price != nil && i.Price.Recurring != nil {
		every, count = string(i.Price.Recurring.Interval), i.Price.Recurring.IntervalCount
	}
	return &stripe.SubscriptionScheduleUpdatePhaseDurationParams{Interval: &every, IntervalCount: &count}
}

// ReleaseSchedule takes a scheduled change back. A schedule that is over or gone
// is no error.
func (e *Engine) ReleaseSchedule(ctx context.Context, at accounts.StripeAccount, key, id string) error {
	c, err := e.writing(ctx, at, key, id)
	if err != nil {
		return err
	}
	p := &stripe.SubscriptionScheduleReleaseParams{}
	c.mark(&p.Params, "")
	s, err := c.V1SubscriptionSchedules.Release(ctx, id, p)
	err = answered("release subscription schedule", s.ID, err)
	if refusedWith(err, http.StatusBadRequest) {
		if now, readErr := c.schedule(ctx, id); readErr == nil && scheduleOver(now) {
			return nil
		}
	}
	if gone(err) {
		return nil
	}
	return err
}

func scheduleOver(s *stripe.SubscriptionSchedule) bool {
	return s.Status != billing.ScheduleActive && s.Status != billing.ScheduleNotStarted
}

// Schedule reads a subscription schedule.
func (e *Engine) Schedule(ctx context.Context, at accounts.StripeAccount, id string) (billing.Schedule, error) {
	c, err := e.reading(ctx, at, id)
	if err != nil {
		return billing.Schedule{}, err
	}
	s, err := c.schedule(ctx, id)
	if err != nil {
		return billing.Schedule{}, err
	}
	return schedule(s), nil
}

func (c conn) schedule(ctx context.Context, id string) (*stripe.SubscriptionSchedule, error) {
	p := &stripe.SubscriptionScheduleRetrieveParams{}
	c.aim(&p.Params)
	s, err := c.V1SubscriptionSchedules.Retrieve(ctx, id, p)
	return s, answered("read subscription schedule", s.ID, err)
}

// schedule says s in our terms. What comes next is the first phase that begins
// after the one that runs.
func schedule(s *stripe.SubscriptionSchedule) billing.Schedule {
	out := billing.Schedule{ID: s.ID, Status: string(s.Status)}
	switch {
	case s.Subscription != nil:
		out.Subscription = s.Subscription.ID
	case s.ReleasedSubscription != nil:
		out.Subscription = s.ReleasedSubscription.ID
	}
	if scheduleOver(s) {
		return out
	}
	for _, p := range s.Phases {
		if s.CurrentPhase != nil && p.StartDate <= s.CurrentPhase.StartDate {
			continue
		}
		out.NextAt = instant(p.StartDate)
		if len(p.Items) > 0 && p.Items[0].Price != nil {
			out.NextPrice = p.Items[0].Price.ID
		}
		break
	}
	return out
}
