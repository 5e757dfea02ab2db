package billing

import (
	"context"
	"time"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/money"
)

// quoteLife is how long an amount that was shown may be confirmed.
const quoteLife = 30 * time.Minute

// A ChangePreview is a change of plan before it is asked for: what is charged,
// and when.
type ChangePreview struct {
	Overview
	To       Choice
	When     Moment
	Checkout bool      // it is paid on Stripe's page first
	At       time.Time // prorations count from here, whole seconds; zero: nothing is prorated
	Takes    time.Time // when the new plan begins; zero: at once, or when it is paid
	Invoice  *Invoice  // Stripe's preview of what is charged at once; nil: nothing is
	Due      money.Amount
	Next     time.Time // the invoice after that; zero: none comes
}

// Shown returns what has to be sent back to confirm p unchanged.
func (p ChangePreview) Shown() ChangeInput {
	in := ChangeInput{Plan: p.To.Plan.UUID, When: p.When, Version: p.To.Price.Version}
	if p.Invoice != nil {
		in.At, in.Due = p.At.Unix(), p.Due.Minor()
	}
	return in
}

// PreviewChange says what a change of one of the actor's subscriptions would cost.
// What is charged at once is Stripe's own preview, counted to this very second.
func (s *Subscriptions) PreviewChange(ctx context.Context, who accounts.Actor, uuid, plan string, when Moment) (ChangePreview, error) {
	return s.quote(ctx, who, uuid, plan, when, s.Business.Now().Truncate(time.Second))
}

// quote is PreviewChange with prorations up to at.
func (s *Subscriptions) quote(ctx context.Context, who accounts.Actor, uuid, plan string, when Moment, at time.Time) (ChangePreview, error) {
	all, err := s.ChangeChoices(ctx, who, uuid)
	if err != nil {
		return ChangePreview{}, err
	}
	if all.Refused != "" {
		return ChangePreview{}, fault.New(fault.Conflict, all.Refused)
	}
	to, err := choose(all.Plans, plan, when)
	if err != nil {
		return ChangePreview{}, err
	}
	p := ChangePreview{Overview: all.Overview, To: to, When: when}
	switch to.kind(all.Subscription, when) {
	case models.ChangeByPaying:
		p.Checkout = true
	case models.ChangeAtEnd:
		p.Takes, p.Next = p.PeriodEnd.Time(), p.PeriodEnd.Time()
	case models.ChangeToFree:
		p.Takes = p.PeriodEnd.Time()
		if all.Price.Metered() {
			p.Next = p.PeriodEnd.Time() // the calls of the last period
		}
	case models.ChangeNow:
		p.At, p.Next = at, p.PeriodEnd.Time()
		err = s.quoteNow(ctx, &p)
	}
	return p, err
}

// quoteNow adds Stripe's preview to p.
func (s *Subscriptions) quoteNow(ctx context.Context, p *ChangePreview) error {
	change, at, err := s.changeOf(ctx, p.Subscription, p.To, p.At)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, previewPatience)
	defer cancel()
	i, err := s.Engine.PreviewChange(ctx, at, change)
	if err != nil {
		if err = final(err); fault.KindOf(err) != fault.Conflict {
			err = fault.From(fault.Unavailable, err, "Stripe does not say right now what this change costs. Nothing was changed; please try again in a moment.")
		}
		return err
	}
	p.Invoice, p.Due = &i, i.AmountDue
	return nil
}

// changeOf returns what Stripe is to be told for a change of sub to to.
func (s *Subscriptions) changeOf(ctx context.Context, sub models.Subscription, to Choice, at time.Time) (Change, accounts.StripeAccount, error) {
	account := accounts.StripeAccount{Tenant: sub.TenantID, Connected: sub.Account}
	row, err := models.StripeSubscriptionAt(ctx, s.DB, sub.TenantID, sub.Account, sub.StripeSubscriptionID)
	return Change{Subscription: sub.StripeSubscriptionID, Item: row.ItemID, Price: to.priceID, Metered: to.Price.Metered(), At: at}, account, err
}

// A QuoteChanged says that a change would not cost any more what was shown.
type QuoteChanged struct{ Why string }

// Error returns what a person may read.
func (e *QuoteChanged) Error() string { return e.Why }

// Unwrap makes e a Conflict fault.
func (e *QuoteChanged) Unwrap() error { return fault.New(fault.Conflict, e.Why) }

// holds reports by its error whether in still is what a preview would show. Stripe
// is asked again, with the same instant, so that what was shown is what is charged.
func (s *Subscriptions) holds(ctx context.Context, who accounts.Actor, uuid string, in ChangeInput) (ChangePreview, error) {
	p, err := s.quote(ctx, who, uuid, in.Plan, in.When, time.Unix(in.At, 0).UTC())
	if err != nil {
		return p, err
	}
	if p.To.Price.Version != in.Version {
		return p, &QuoteChanged{"The price of this plan has changed since it was shown. Look at it again before you confirm."}
	}
	if p.Invoice == nil {
		return p, nil
	}
	age := s.Business.Now().Sub(p.At)
	switch {
	case age < 0 || age >= quoteLife:
		return p, &QuoteChanged{"This preview is more than 30 minutes old, so the amount has changed. Look at it again before you confirm."}
	case p.Due.Minor() != in.Due:
		return p, &QuoteChanged{"The amount has changed since it was shown. Look at it again before you confirm."}
	}
	return p, nil
}
