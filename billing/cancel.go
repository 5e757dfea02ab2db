package billing

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// endSubscription ends a subscription that a checkout was or will be paid for.
type endSubscription struct {
	Subscription int64      `json:"subscription"`
	When         CancelWhen `json:"when"`
	Asked        string     `json:"asked"` // workflow reference: each wish is work of its own
}

// Kind implements outbox.Task.
func (endSubscription) Kind() string { return "billing.end_subscription" }

// Subject implements outbox.Task.
func (t endSubscription) Subject() string { return subjectOf(t.Subscription) }

// resumeSubscription takes a cancellation back that has not happened yet.
type resumeSubscription struct {
	Subscription int64 `json:"subscription"`
}

// Kind implements outbox.Task.
func (resumeSubscription) Kind() string { return "billing.resume_subscription" }

// Subject implements outbox.Task.
func (t resumeSubscription) Subject() string { return subjectOf(t.Subscription) }

// Cancel ends one of the actor's subscriptions: a free one at once, an unpaid one
// by closing its checkout (if that was paid meanwhile, it is kept), a paid one now
// or when its period ends. It waits a little for Stripe.
func (s *Subscriptions) Cancel(ctx context.Context, who accounts.Actor, uuid string, when CancelWhen) error {
	if when != CancelAtPeriodEnd && when != CancelNow {
		return fault.Fields{"when": "Choose when it ends."}.Err()
	}
	var job string
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		sub, err := s.ownIn(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		switch state := s.StateOf(sub); {
		case state.Ended:
			return fault.New(fault.Conflict, "This subscription has ended already.")
		case when == CancelAtPeriodEnd && !sub.CancelAt.IsZero():
			return nil // as wished already
		}
		if err := s.noteCancel(ctx, tx, who, sub, when); err != nil {
			return err
		}
		if !sub.NeedsPayment {
			return s.endFree(ctx, tx, sub)
		}
		job, err = outbox.Stage(ctx, tx, who.Tenant, s.Wall.Now(), endSubscription{sub.ID, when, models.NewID()})
		return err
	})
	return s.done(ctx, job, err)
}

// done waits for a job, if there is one.
func (s *Subscriptions) done(ctx context.Context, job string, err error) error {
	if err != nil || job == "" {
		return err
	}
	return s.await(ctx, job, "Stripe has not answered yet. What you asked for is kept and goes on by itself; this page shows when it is done.")
}

// await waits for a job. It is Unavailable, and says late, when Stripe takes longer
// than a request waits: the job goes on all the same. Who has no patience at all is
// told nothing.
func (s *Subscriptions) await(ctx context.Context, job, late string) error {
	err := s.Jobs.Wait(ctx, job, s.Patience)
	switch {
	case !errors.Is(err, outbox.ErrPending):
		return err
	case s.Patience <= 0:
		return nil
	}
	return fault.From(fault.Unavailable, err, late)
}

// ownIn is own inside a transaction.
func (s *Subscriptions) ownIn(ctx context.Context, tx bun.Tx, who accounts.Actor, uuid string) (models.Subscription, error) {
	e, err := models.SubscriptionEntryByUUID(ctx, tx, who.Tenant, uuid)
	if err == nil && e.PersonID != who.Person {
		err = notHere()
	}
	return e.Subscription, err
}

func (s *Subscriptions) noteCancel(ctx context.Context, tx bun.Tx, who accounts.Actor, sub models.Subscription, when CancelWhen) error {
	if err := s.answer(ctx, tx, sub, models.WorkflowDeletion, models.WorkflowRejected, "Asked for anew."); err != nil {
		return err
	}
	if err := s.record(ctx, tx, who, sub, models.WorkflowDeletion, models.WorkflowCreated); err != nil {
		return err
	}
	how := map[CancelWhen]string{CancelAtPeriodEnd: "at period end", CancelNow: "now"}[when]
	what := accounts.Object{Type: "subscription", ID: sub.UUID, Name: sub.TierID}
	return models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), "subscription.cancel", what, map[string]string{"when": how}))
}

// endFree ends a subscription that Stripe knows nothing of.
func (s *Subscriptions) endFree(ctx context.Context, tx bun.Tx, sub models.Subscription) error {
	before := sub
	s.end(&sub, "canceled")
	sub, err := models.SaveSubscription(ctx, tx, sub)
	if err != nil {
		return err
	}
	return s.saveAnswers(ctx, tx, before, sub)
}

func (s *Subscriptions) end(sub *models.Subscription, why string) {
	sub.EndedAt, sub.EndReason = models.At(s.Business.Now()), why
	sub.UpdatedTime = sub.EndedAt
	s.judge(sub)
}

// finish performs endSubscription.
func (s *Subscriptions) finish(ctx context.Context, job outbox.Job, t endSubscription) error {
	sub, err := models.SubscriptionByNumber(ctx, s.DB, job.Tenant, t.Subscription)
	if err != nil || sub.Live == nil {
		return err
	}
	seen, err := s.look(ctx, sub)
	if err != nil {
		return err
	}
	if seen.kept == nil {
		return s.finishUnpaid(ctx, job, sub, seen)
	}
	if alive(*seen.kept) {
		_, err := s.Engine.CancelSubscription(ctx, seen.keptAt, job.Key("cancel"), seen.kept.ID, t.When)
		if err != nil {
			return final(err)
		}
	}
	return s.sync(ctx, job, syncSubscription{sub.ID})
}

// finishUnpaid closes the checkout first, and ends the subscription only if nobody
// can pay for it any more.
func (s *Subscriptions) finishUnpaid(ctx context.Context, job outbox.Job, sub models.Subscription, v seen) error {
	paid, err := s.closeSessions(ctx, job, v)
	if err != nil {
		return err
	}
	if paid {
		if err := s.sync(ctx, job, syncSubscription{sub.ID}); err != nil {
			return err
		}
		return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
			return s.answer(ctx, tx, sub, models.WorkflowDeletion, models.WorkflowRejected, "It was paid in the meantime and is kept.")
		})
	}
	after := sub
	s.end(&after, "canceled_before_payment")
	return s.save(ctx, job, sub, after, v)
}

// Resume takes back that one of the actor's subscriptions ends with its period.
func (s *Subscriptions) Resume(ctx context.Context, who accounts.Actor, uuid string) error {
	var job string
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		sub, err := s.ownIn(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		switch {
		case s.StateOf(sub).Ended:
			return fault.New(fault.Conflict, "This subscription has ended already. Subscribe again instead.")
		case sub.CancelAt.IsZero():
			return nil // it goes on anyway
		}
		what := accounts.Object{Type: "subscription", ID: sub.UUID, Name: sub.TierID}
		if err := models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), "subscription.resume", what, nil)); err != nil {
			return err
		}
		job, err = outbox.Stage(ctx, tx, who.Tenant, s.Wall.Now(), resumeSubscription{sub.ID})
		return err
	})
	return s.done(ctx, job, err)
}

// carryOn performs resumeSubscription.
func (s *Subscriptions) carryOn(ctx context.Context, job outbox.Job, t resumeSubscription) error {
	sub, err := models.SubscriptionByNumber(ctx, s.DB, job.Tenant, t.Subscription)
	if err != nil {
		return err
	}
	if sub.Live != nil && sub.StripeSubscriptionID != "" && !sub.CancelAt.IsZero() {
		at := accounts.StripeAccount{Tenant: job.Tenant, Connected: sub.Account}
		if _, err := s.Engine.ResumeSubscription(ctx, at, job.Key("resume"), sub.StripeSubscriptionID); err != nil {
			return final(err)
		}
	}
	return s.sync(ctx, job, syncSubscription{sub.ID})
}

// Refresh reads one of the actor's subscriptions, as subscriber or as publisher,
// from Stripe, and waits a little for the result.
func (s *Subscriptions) Refresh(ctx context.Context, who accounts.Actor, uuid string) error {
	e, err := models.SubscriptionEntryByUUID(ctx, s.DB, who.Tenant, uuid)
	if err != nil {
		return err
	}
	if who.Person == "" || e.PersonID != who.Person && e.APIOwnerID != who.Person {
		return notHere()
	}
	return s.refresh(ctx, e.Subscription)
}

// refresh reads sub from Stripe, and waits a little for it.
func (s *Subscriptions) refresh(ctx context.Context, sub models.Subscription) error {
	var job string
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) (err error) {
		job, err = outbox.Stage(ctx, tx, sub.TenantID, s.Wall.Now(), syncSubscription{sub.ID})
		return err
	})
	if err != nil {
		return err
	}
	return s.await(ctx, job, "Stripe does not answer right now. This page shows what it said last, and the rest as soon as it answers.")
}

// StartAgain opens a new checkout for one of the actor's subscriptions whose last
// one expired or failed, at the price that holds now.
func (s *Subscriptions) StartAgain(ctx context.Context, who accounts.Actor, uuid string) (models.Subscription, error) {
	o, err := s.Overview(ctx, who, uuid)
	if err != nil {
		return models.Subscription{}, err
	}
	switch o.State.Next {
	case access.StartAgain:
		sub, err := s.Subscribe(ctx, who, SubscribeInput{Application: o.ApplicationUUID, API: o.APIUUID, Policy: o.PolicyUUID})
		if k := fault.KindOf(err); k == fault.NotFound || k == fault.Invalid {
			err = fault.From(fault.Conflict, err, "This API or this plan is not on sale any more, so the subscription cannot be started again.")
		}
		return sub, err
	case access.Pay, access.Wait:
		return o.Subscription, nil // under way already
	case access.NoAction, access.UpdateCard, access.Authenticate, access.AskPublisher, access.Resume, access.UndoChange, access.SubscribeAgain:
	}
	return models.Subscription{}, fault.New(fault.Conflict, "This subscription cannot be started again as it stands.")
}
