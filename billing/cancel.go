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

// resumeSubscription takes a cancellation back that has not happened yet.
type resumeSubscription struct {
	Subscription int64  `json:"subscription"`
	Asked        string `json:"asked"` // workflow reference of the wish that is taken back; "" for none of ours
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
		case when == CancelAtPeriodEnd && !sub.CancelAt.IsZero() && sub.ChangeKind != models.ChangeToFree:
			return nil // as wished already
		}
		if _, stands, err := models.StandingEnding(ctx, tx, sub.ID); err != nil || stands && when == CancelAtPeriodEnd {
			return err // it is ended already, and no later than that
		}
		wish, err := s.noteCancel(ctx, tx, who, sub, when)
		if err != nil {
			return err
		}
		if err := s.noteOwnEnd(ctx, tx, who, sub, when); err != nil {
			return err
		}
		if !atStripe(sub) {
			return s.endFree(ctx, tx, sub)
		}
		job, err = outbox.Stage(ctx, tx, who.Tenant, s.Wall.Now(), endSubscription{Subscription: sub.ID, When: when, Asked: wish})
		return err
	})
	return s.done(ctx, job, err)
}

// noteOwnEnd writes into the timeline of sub that its subscriber ends it.
func (s *Subscriptions) noteOwnEnd(ctx context.Context, tx bun.Tx, who accounts.Actor, sub models.Subscription, when CancelWhen) error {
	text := "Canceled, to end when the period is over."
	if when == CancelNow || sub.StripeSubscriptionID == "" {
		text = "Canceled, to end now."
	}
	return s.note(ctx, tx, sub, happening{Kind: "end_asked", Text: text, By: who})
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

// noteCancel records the wish to end sub, and returns what names it: a wish that a
// newer one has replaced, or that was taken back, is not fulfilled any more.
func (s *Subscriptions) noteCancel(ctx context.Context, tx bun.Tx, who accounts.Actor, sub models.Subscription, when CancelWhen) (wish string, err error) {
	if err := s.answer(ctx, tx, sub, models.WorkflowDeletion, models.WorkflowRejected, "Asked for anew."); err != nil {
		return "", err
	}
	if err := s.record(ctx, tx, who, sub, models.WorkflowDeletion, models.WorkflowCreated); err != nil {
		return "", err
	}
	flow, _, err := models.NewestWorkflow(ctx, tx, sub.TenantID, reference(sub), models.WorkflowDeletion)
	if err != nil {
		return "", err
	}
	how := map[CancelWhen]string{CancelAtPeriodEnd: "at period end", CancelNow: "now"}[when]
	what := accounts.Object{Type: "subscription", ID: sub.UUID, Name: sub.TierID}
	return flow.ExternalReference, models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), "subscription.cancel", what, map[string]string{"when": how}))
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

// Resume takes back that one of the actor's subscriptions ends with its period, or
// that its end was asked for and Stripe has not confirmed it. What the publisher or
// an admin has ended, its subscriber cannot take back.
func (s *Subscriptions) Resume(ctx context.Context, who accounts.Actor, uuid string) error {
	var job string
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		sub, err := s.ownIn(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		if en, stands, err := models.StandingEnding(ctx, tx, sub.ID); err != nil || stands {
			return errors.Join(err, takenAway(en))
		}
		job, err = s.resume(ctx, tx, who, sub)
		return err
	})
	return s.done(ctx, job, err)
}

// takenAway says why a subscriber cannot take an end back.
func takenAway(en models.Ending) error {
	switch en.ActorRole {
	case string(accounts.Publisher):
		return fault.New(fault.Conflict, "The publisher has ended this subscription, so it cannot go on. Ask the publisher.")
	case string(accounts.Admin):
		return fault.New(fault.Conflict, "An admin has ended this subscription, so it cannot go on.")
	}
	return fault.New(fault.Conflict, en.ObjectName+" is deleted, so this subscription cannot go on.")
}

// resume takes back that sub ends, and returns the job that makes Stripe follow.
func (s *Subscriptions) resume(ctx context.Context, tx bun.Tx, who accounts.Actor, sub models.Subscription) (string, error) {
	flow, open, err := models.NewestWorkflow(ctx, tx, sub.TenantID, reference(sub), models.WorkflowDeletion)
	if err != nil {
		return "", err
	}
	open = open && flow.Status == models.WorkflowCreated
	switch {
	case s.StateOf(sub).Ended:
		return "", fault.New(fault.Conflict, "This subscription has ended already. Subscribe again instead.")
	case sub.CancelAt.IsZero() && !open, sub.ChangeKind == models.ChangeToFree:
		return "", nil // it goes on anyway
	}
	if err := s.answer(ctx, tx, sub, models.WorkflowDeletion, models.WorkflowRejected, "Taken back."); err != nil {
		return "", err
	}
	what := accounts.Object{Type: "subscription", ID: sub.UUID, Name: sub.TierID}
	if err := models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), "subscription.resume", what, nil)); err != nil {
		return "", err
	}
	if err := s.note(ctx, tx, sub, happening{Kind: "end_taken_back", Text: "The cancellation was taken back: the subscription goes on.", By: who}); err != nil {
		return "", err
	}
	return outbox.Stage(ctx, tx, who.Tenant, s.Wall.Now(), resumeSubscription{sub.ID, flow.ExternalReference})
}

// carryOn performs resumeSubscription, unless the end was asked for once more.
func (s *Subscriptions) carryOn(ctx context.Context, job outbox.Job, t resumeSubscription) error {
	sub, err := models.SubscriptionByNumber(ctx, s.DB, job.Tenant, t.Subscription)
	if err != nil {
		return err
	}
	again, err := s.wantsEnd(ctx, sub)
	if err != nil || again {
		return err
	}
	if sub.Live != nil && sub.StripeSubscriptionID != "" {
		at := accounts.StripeAccount{Tenant: job.Tenant, Connected: sub.Account}
		theirs, err := s.Engine.Subscription(ctx, at, sub.StripeSubscriptionID)
		if err != nil {
			return final(err)
		}
		if alive(theirs) && !theirs.CancelAt.IsZero() {
			if _, err := s.Engine.ResumeSubscription(ctx, at, job.Key("resume."+sub.StripeSubscriptionID), sub.StripeSubscriptionID); err != nil {
				return final(err)
			}
		}
	}
	return s.sync(ctx, job, syncSubscription{sub.ID})
}

// wantsEnd reports whether a wish to end sub is open.
func (s *Subscriptions) wantsEnd(ctx context.Context, sub models.Subscription) (bool, error) {
	flow, ok, err := models.NewestWorkflow(ctx, s.DB, sub.TenantID, reference(sub), models.WorkflowDeletion)
	return ok && flow.Status == models.WorkflowCreated, err
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
