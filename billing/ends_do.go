package billing

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/outbox"
	"tollgate/models"
)

// endSubscription ends a subscription that a checkout was or will be paid for.
type endSubscription struct {
	Subscription int64      `json:"subscription"`
	When         CancelWhen `json:"when"`
	Asked        string     `json:"asked"` // workflow reference: each wish is work of its own

	// Of an ending, which also ends what is paid for at the last moment.
	Ending  string         `json:"ending,omitempty"`
	Unpaid  bool           `json:"unpaid,omitempty"`  // nothing was paid for it when its end was decided
	Refund  bool           `json:"refund,omitempty"`  // the last payment is given back
	Invoice string         `json:"invoice,omitempty"` // that one
	At      models.Instant `json:"at,omitempty"`      // when it was decided, business time
}

// Kind implements outbox.Task.
func (endSubscription) Kind() string { return "billing.end_subscription" }

// Subject implements outbox.Task.
func (t endSubscription) Subject() string { return subjectOf(t.Subscription) }

// finish performs endSubscription. It may run any number of times: what has ended
// is not ended again, and what was given back is not given back again.
func (s *Subscriptions) finish(ctx context.Context, job outbox.Job, t endSubscription) error {
	sub, err := models.SubscriptionByNumber(ctx, s.DB, job.Tenant, t.Subscription)
	if err != nil {
		return err
	}
	if over, err := s.settled(ctx, sub, t); over || err != nil {
		return err
	}
	seen, err := s.look(ctx, sub)
	if err != nil {
		return err
	}
	if sub, err = s.beforeEnd(ctx, job, t, sub, seen); err != nil {
		return err
	}
	if seen.kept == nil {
		if seen, err = s.finishUnpaid(ctx, job, t, sub, seen); err != nil || seen.kept == nil {
			return err
		}
	}
	if alive(*seen.kept) {
		if err := s.cancelAtStripe(ctx, job, t, seen); err != nil {
			return err
		}
	}
	if err := s.giveBack(ctx, job, t, sub, seen); err != nil {
		return err
	}
	return s.sync(ctx, job, syncSubscription{sub.ID})
}

// settled reports whether nothing is left to do for t: it has happened, was taken
// back, or a newer wish has replaced it.
func (s *Subscriptions) settled(ctx context.Context, sub models.Subscription, t endSubscription) (bool, error) {
	if sub.Live == nil && !t.givesBack() {
		return true, nil
	}
	if t.Ending != "" {
		stands, err := models.StillEnds(ctx, s.DB, t.Ending, sub.ID)
		return !stands, err
	}
	flow, ok, err := models.NewestWorkflow(ctx, s.DB, sub.TenantID, reference(sub), models.WorkflowDeletion)
	return ok && (flow.ExternalReference != t.Asked || flow.Status != models.WorkflowCreated), err
}

// givesBack reports whether money may have to go back with the end.
func (t endSubscription) givesBack() bool {
	return t.Ending != "" && t.When == CancelNow && (t.Refund || t.Unpaid)
}

// beforeEnd does what has to be done before Stripe ends a subscription, and returns
// sub as it then is: what was used is brought to Stripe where it is billed by the end
// itself, and a change of plan that is on its way is taken back. Every end that we
// start passes here.
func (s *Subscriptions) beforeEnd(ctx context.Context, job outbox.Job, t endSubscription, sub models.Subscription, v seen) (models.Subscription, error) {
	if v.kept != nil && alive(*v.kept) && t.When == CancelNow && !t.givesBack() {
		if _, err := s.flush(ctx, job, sub, time.Time{}); err != nil {
			return sub, err
		}
	}
	sub, err := s.releaseChange(ctx, job, sub)
	if err != nil || v.kept == nil || v.kept.Schedule == "" || !alive(*v.kept) {
		return sub, err
	}
	return sub, final(s.Engine.ReleaseSchedule(ctx, v.keptAt, job.Key("release."+v.kept.Schedule), v.kept.Schedule))
}

// cancelAtStripe makes Stripe end the subscription that counts. That it has ended
// meanwhile is fine.
func (s *Subscriptions) cancelAtStripe(ctx context.Context, job outbox.Job, t endSubscription, v seen) error {
	when := t.When
	if t.givesBack() {
		when = CancelUnbilled // or the unused part would be given back twice
	}
	_, err := s.Engine.CancelSubscription(ctx, v.keptAt, job.Key("cancel."+v.kept.ID), v.kept.ID, when)
	if _, no := errors.AsType[*Refused](err); no {
		now, readErr := s.Engine.Subscription(ctx, v.keptAt, v.kept.ID)
		if readErr == nil && !alive(now) {
			return nil
		}
	}
	return final(err)
}

// finishUnpaid closes the checkout first, and ends the subscription only if nobody
// can pay for it any more. If it was paid at that very moment, a subscriber's own
// wish is dropped, and an ending goes on with what is there now.
func (s *Subscriptions) finishUnpaid(ctx context.Context, job outbox.Job, t endSubscription, sub models.Subscription, v seen) (seen, error) {
	if sub.Live == nil {
		return v, nil
	}
	paid, err := s.closeSessions(ctx, job, v)
	if err != nil {
		return v, err
	}
	if paid && t.Ending != "" && sub.NeedsPayment {
		if v, err = s.look(ctx, sub); err == nil && v.kept == nil {
			err = errors.New("billing: a checkout was paid, and its subscription is not there yet") // the next attempt sees it
		}
		return v, err
	}
	if paid && t.Ending == "" {
		return seen{}, s.keepPaid(ctx, job, sub)
	}
	after := sub
	s.end(&after, "canceled_before_payment")
	if !sub.NeedsPayment {
		after.EndReason = "canceled"
	}
	if err := s.save(ctx, job, sub, after, v); err != nil || !paid {
		return seen{}, err
	}
	return seen{}, s.sync(ctx, job, syncSubscription{sub.ID}) // ends what was just paid beside it
}

// keepPaid drops a subscriber's wish because a payment was faster.
func (s *Subscriptions) keepPaid(ctx context.Context, job outbox.Job, sub models.Subscription) error {
	if err := s.sync(ctx, job, syncSubscription{sub.ID}); err != nil {
		return err
	}
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		const why = "It was paid in the meantime and is kept."
		if err := s.answer(ctx, tx, sub, models.WorkflowDeletion, models.WorkflowRejected, why); err != nil {
			return err
		}
		return s.note(ctx, tx, sub, happening{Kind: "end_taken_back", Text: why, Dedup: "kept." + job.ID})
	})
}

// giveBack refunds what an ending gives back: the payment that was shown, and any
// that was made for a period since. A refusal does not stop the end; it is written
// into the timeline.
func (s *Subscriptions) giveBack(ctx context.Context, job outbox.Job, t endSubscription, sub models.Subscription, v seen) error {
	if !t.givesBack() {
		return nil
	}
	for _, i := range v.invoices {
		if i.Subscription != v.kept.ID || i.Status != "paid" || i.AmountPaid.IsZero() || !t.due(i) {
			continue
		}
		r, err := s.Engine.Refund(ctx, v.keptAt, job.Key("refund."+i.ID), i.ID)
		no, refused := errors.AsType[*Refused](err)
		if err != nil && !refused {
			return err
		}
		h := happening{ // the same that the event about it tells, see tellIncident
			Kind: models.IncidentRefund, Text: refundText(r.Amount.String()+" of invoice "+i.Number, r.Status), LinkType: models.IncidentRefund, LinkID: r.ID, Dedup: r.ID + "." + r.Status,
		}
		if refused {
			h = happening{Kind: "not_refunded", Text: "Invoice " + i.Number + " could not be given back: " + no.Message, LinkType: "invoice", LinkID: i.ID, Dedup: "norefund." + i.ID + "." + job.ID}
		}
		if err := s.noteLater(ctx, sub, h); err != nil {
			return err
		}
	}
	return nil
}

// due reports whether an ending gives back what was paid for i: what was shown, and
// what was charged for a period between then and the end at Stripe.
func (t endSubscription) due(i Invoice) bool {
	if t.Unpaid {
		return true
	}
	renewal := i.BillingReason == "subscription_cycle" || i.BillingReason == "subscription_create"
	return i.ID == t.Invoice || renewal && models.At(i.Created) > t.At
}

// noteLater writes h into the timeline in a transaction of its own.
func (s *Subscriptions) noteLater(ctx context.Context, sub models.Subscription, h happening) error {
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error { return s.note(ctx, tx, sub, h) })
}

// unfinished runs when Stripe clearly refused an end: the wish is answered, and the
// timeline says why it goes on.
func (s *Subscriptions) unfinished(ctx context.Context, tx bun.Tx, job outbox.Job, t endSubscription, why error) error {
	sub, err := models.SubscriptionByNumber(ctx, tx, job.Tenant, t.Subscription)
	if err != nil {
		return err
	}
	if err := s.note(ctx, tx, sub, happening{Kind: "end_refused", Text: "Stripe refused to end it: " + reasonOf(why), Dedup: "refused." + job.ID}); err != nil {
		return err
	}
	if t.Ending != "" {
		return nil // it stands, and is open work until it has happened
	}
	return s.answer(ctx, tx, sub, models.WorkflowDeletion, models.WorkflowRejected, reasonOf(why))
}
