package usage

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/models"
)

// What people read about windows that do not go the usual way.
const (
	noteNothing  = "There is nothing to bill in it."
	noteLate     = "It was counted after the invoice of its own period was final, so it goes onto the next one."
	noteOld      = "It is too old for Stripe, so it goes onto the next invoice."
	whyWaived    = "It was counted after its invoice was final, and your settings say that such use is not billed."
	whyEnded     = "The subscription had ended at Stripe before it was reported."
	whyMoved     = "The plan had been changed at Stripe before it was reported."
	whyNoPeriod  = "It was counted after the subscription had ended at Stripe."
	problemGone  = "There is no subscription at Stripe that it could be billed to."
	problemMeter = "The plan has no meter in this Stripe account."
	problemBuyer = "The application has no customer in this Stripe account."
)

// facts are what decides where the units of a subscription go.
type facts struct {
	sub       models.Subscription
	late      string // the tenant's LateUsage
	links     []models.StripeSubscription
	meters    []models.StripeMeter
	customers map[int64]models.SharedCustomer // by number
	invoices  []models.Invoice
}

func readFacts(ctx context.Context, db bun.IDB, tenant models.TenantID, subscription int64) (facts, error) {
	var f facts
	t, err := models.TenantByID(ctx, db, tenant)
	if err != nil {
		return f, err
	}
	f.late = t.LateUsage
	if f.sub, err = models.SubscriptionByNumber(ctx, db, tenant, subscription); err != nil {
		return f, err
	}
	if f.links, err = models.StripeSubscriptionsOf(ctx, db, subscription); err != nil {
		return f, err
	}
	if f.meters, err = models.StripeMetersOf(ctx, db, f.sub.APIID); err != nil {
		return f, err
	}
	f.customers = map[int64]models.SharedCustomer{}
	for _, l := range f.links {
		c, err := models.SharedCustomerByNumber(ctx, db, tenant, l.SharedCustomerID)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return f, err
		}
		f.customers[l.SharedCustomerID] = c
	}
	f.invoices, err = models.InvoicesOf(ctx, db, subscription)
	return f, err
}

// calendar is when the periods of the subscription begin and end.
func (f facts) calendar() calendar {
	var c calendar
	at := []models.Instant{f.sub.PeriodStart, f.sub.PeriodEnd, f.sub.CancelAt}
	for _, l := range f.links {
		at = append(at, l.EndedAt)
	}
	for _, t := range at {
		if !t.IsZero() {
			c = append(c, ceil(t, time.Second))
		}
	}
	return c
}

// link is the Stripe subscription that counts for what was used at an instant: the
// one of today if it had begun, else the newest that lived then, else any.
func (f facts) link(at models.Instant) (models.StripeSubscription, bool) {
	var best models.StripeSubscription
	rank := 0
	for _, l := range f.links {
		current := l.SubscriptionID == f.sub.StripeSubscriptionID && l.Account == f.sub.Account
		begun := floor(l.CreatedAt, time.Second) <= at
		lived := begun && (l.EndedAt.IsZero() || at < ceil(l.EndedAt, time.Second))
		worth := 1
		switch {
		case current && begun:
			worth = 5
		case lived:
			worth = 4
		case current:
			worth = 3
		case begun:
			worth = 2
		}
		if worth >= rank {
			best, rank = l, worth
		}
	}
	return best, rank > 0
}

// route gives w the account, the customer and the meter that its units go to, and
// says what is missing.
func (f facts) route(w *models.UsageWindow) (problem string) {
	l, ok := f.link(w.Start)
	if !ok {
		return problemGone
	}
	w.Account, w.StripeSubscriptionID, w.CustomerID = l.Account, l.SubscriptionID, f.customers[l.SharedCustomerID].SharedCustomerID
	meter, ok := f.meter(w.PolicyID, l.Account)
	switch w.EventName = meter.EventName; {
	case !ok:
		return problemMeter
	case w.CustomerID == "":
		return problemBuyer
	}
	return ""
}

func (f facts) meter(policy int64, account string) (models.StripeMeter, bool) {
	i := slices.IndexFunc(f.meters, func(m models.StripeMeter) bool { return m.PolicyID == policy && m.Account == account })
	if i < 0 {
		return models.StripeMeter{}, false
	}
	return f.meters[i], true
}

// A fate is what becomes of units: they are billed with their own period, moved to
// the running one, or not billed.
type fate struct {
	at   models.Instant // the meter event's timestamp
	note string
	no   string // why they are not billed
}

// judge decides about w at business time now. No meter event may be later than
// before, where that is set: what is to be billed by a change of plan counts up to
// the instant that the change was shown for.
func (f facts) judge(w models.UsageWindow, now, before models.Instant) fate {
	second := models.Instant(time.Second.Milliseconds())
	natural := fate{at: w.End - second}
	if b := floor(before, time.Second); b != 0 && b < w.End && w.Start >= f.sub.PeriodStart && b-second >= f.sub.PeriodStart {
		natural.at = b - second
	}
	l, ok := f.link(w.Start)
	if !ok {
		return natural
	}
	current := l.SubscriptionID == f.sub.StripeSubscriptionID && l.EndedAt.IsZero() && (f.sub.CancelAt.IsZero() || now < f.sub.CancelAt)
	switch moved := w.PolicyID != f.sub.PolicyID; {
	case !l.EndedAt.IsZero() && w.Start >= ceil(l.EndedAt, time.Second):
		return fate{at: natural.at, no: whyNoPeriod}
	case !f.final(l, w.Start, now):
		if moved && current && w.Start >= ceil(f.sub.PeriodStart, time.Second) {
			return fate{at: natural.at, no: whyMoved}
		}
		if natural.at >= now-models.Instant(oldestEvent.Milliseconds()) {
			return natural
		}
		natural.note = noteOld
	default:
		natural.note = noteLate
	}
	switch {
	case f.late == models.LateWaived && w.Quantity > 0:
		return fate{at: natural.at, no: whyWaived}
	case !current:
		return fate{at: natural.at, no: whyEnded}
	case w.PolicyID != f.sub.PolicyID:
		return fate{at: natural.at, no: whyMoved}
	}
	return fate{at: floor(now, time.Second), note: natural.note}
}

// stands reports whether a window can be billed with the timestamp that it has.
func (f facts) stands(w models.UsageWindow, now models.Instant) bool {
	l, ok := f.link(w.Start)
	if !ok {
		return true
	}
	moved := w.PolicyID != f.sub.PolicyID && l.SubscriptionID == f.sub.StripeSubscriptionID && w.EventAt >= ceil(f.sub.PeriodStart, time.Second)
	return !moved && !f.final(l, w.EventAt, now) && now-w.EventAt <= models.Instant(oldestEvent.Milliseconds())
}

// final reports whether the invoice for what was used at an instant takes no more.
func (f facts) final(l models.StripeSubscription, at, now models.Instant) bool {
	start, end := ceil(f.sub.PeriodStart, time.Second), ceil(f.sub.PeriodEnd, time.Second)
	if l.SubscriptionID != f.sub.StripeSubscriptionID {
		return !l.EndedAt.IsZero() && f.closed(l, ceil(l.EndedAt, time.Second), now)
	}
	if gone := ceil(l.EndedAt, time.Second); gone != 0 && gone < end {
		return true // it was ended at once, and billed at once
	}
	length := end - start
	switch {
	case end == 0, at >= end && length <= 0:
		return false
	case at >= end: // nobody has told us of its period: it is as long as the one before
		return f.closed(l, end+((at-end)/length+1)*length, now)
	case at >= start:
		return f.closed(l, end, now)
	}
	slack := min(models.Instant((3 * 24 * time.Hour).Milliseconds()), length/8)
	return at < start-length-slack || f.closed(l, start, now)
}

// closed reports whether the invoice of the period that ended at an instant takes
// no more use at now.
func (f facts) closed(l models.StripeSubscription, end, now models.Instant) bool {
	if now < end {
		return false
	}
	if now >= end+models.Instant(draftOpen.Milliseconds()) {
		return true
	}
	return slices.ContainsFunc(f.invoices, func(i models.Invoice) bool {
		return i.StripeSubscriptionID == l.SubscriptionID && ceil(i.PeriodEnd, time.Second) == end && i.Status != "draft" &&
			i.BillingReason == "subscription_cycle"
	})
}
