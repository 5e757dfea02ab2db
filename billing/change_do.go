package billing

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// registerChanges registers what performs the tasks of changes of plan.
func (s *Subscriptions) registerChanges(jobs *outbox.Runner) {
	outbox.Handle(jobs, s.carryChange, s.changeRefused)
	outbox.Handle(jobs, s.takeBack, nil)
	outbox.Handle(jobs, s.letGo, nil)
}

// usageSettled brings what was used under the plan of sub to Stripe, before a change
// that takes effect at once: Stripe bills it up to the instant that the change was
// shown for, and never what is reported with a later one. A change at the end of a
// period needs none of this: the invoice of the period takes use for an hour more.
func (s *Subscriptions) usageSettled(ctx context.Context, job outbox.Job, t changePlan, sub models.Subscription, v seen) error {
	if t.How != models.ChangeNow || v.kept.Pending != nil || v.kept.Items[0].Price == t.Change.Price {
		return nil
	}
	last, err := s.flush(ctx, job, sub, t.Change.At)
	if err == nil && !last.Before(t.Change.At) {
		return outbox.Refuse(fault.New(fault.Conflict, "More was used and reported since this price was shown. Nothing was changed; please look at the price again."))
	}
	return err
}

// awaitsChange reports whether sub still waits for the wish that is called asked.
func (s *Subscriptions) awaitsChange(ctx context.Context, sub models.Subscription, asked string) (bool, error) {
	if sub.Live == nil || sub.ChangeKind == models.NoChange {
		return false, nil
	}
	flow, ok, err := models.NewestWorkflow(ctx, s.DB, sub.TenantID, reference(sub), models.WorkflowUpdate)
	return ok && flow.ExternalReference == asked && flow.Status == models.WorkflowCreated, err
}

// carryChange performs changePlan. What an attempt that was cut off did is found by
// looking: the price that the item has, a pending change, the schedule.
func (s *Subscriptions) carryChange(ctx context.Context, job outbox.Job, t changePlan) error {
	sub, err := models.SubscriptionByNumber(ctx, s.DB, job.Tenant, t.Subscription)
	if err != nil {
		return err
	}
	if waits, err := s.awaitsChange(ctx, sub, t.Asked); err != nil || !waits {
		return err
	}
	seen, err := s.look(ctx, sub)
	if err != nil {
		return err
	}
	if seen.kept == nil || !alive(*seen.kept) {
		return s.sync(ctx, job, syncSubscription{sub.ID})
	}
	if len(seen.kept.Items) != 1 {
		return outbox.Refuse(fault.New(fault.Conflict, "Somebody has changed at Stripe what this subscription is made of, so its plan cannot be changed here. Ask the publisher."))
	}
	if err := s.usageSettled(ctx, job, t, sub, seen); err != nil {
		return err
	}
	before := sub
	if err := s.carry(ctx, job, t, &sub, seen); err != nil {
		return err
	}
	return s.saveSeen(ctx, job, before, sub)
}

// saveSeen reads sub from Stripe again and writes it down, with what a step has
// changed in it since before was read.
func (s *Subscriptions) saveSeen(ctx context.Context, job outbox.Job, before, sub models.Subscription) error {
	seen, err := s.look(ctx, sub)
	if err != nil {
		return err
	}
	return s.save(ctx, job, before, s.settle(sub, seen), seen)
}

// carry tells Stripe of the change, and notes in sub that it has answered.
func (s *Subscriptions) carry(ctx context.Context, job outbox.Job, t changePlan, sub *models.Subscription, v seen) error {
	theirs := *v.kept
	if theirs.Items[0].Price == t.Change.Price {
		return nil // an earlier attempt did it
	}
	if !theirs.CancelAt.IsZero() && t.How != models.ChangeToFree {
		return outbox.Refuse(fault.New(fault.Conflict, "The subscription is ending, so its plan stays. Resume it first."))
	}
	if err := s.releaseOld(ctx, job, t, v); err != nil {
		return err
	}
	switch t.How {
	case models.ChangeNow:
		sub.ChangeAt = models.At(t.Change.At)
		if theirs.Pending != nil {
			return nil // an earlier attempt did it
		}
		if !job.Fresh() {
			return outbox.Refuse(fault.New(fault.Conflict, "Stripe did not answer for a day. Nothing was changed; please look at the price again."))
		}
		_, err := s.Engine.ChangeSubscription(ctx, v.keptAt, job.Key("change"), t.Change)
		return final(err)
	case models.ChangeAtEnd:
		schedule, err := s.Engine.ScheduleChange(ctx, v.keptAt, job.Key("schedule"), t.Change)
		if err != nil {
			return final(err)
		}
		sub.StripeScheduleID, sub.ChangeAt = schedule.ID, models.At(schedule.NextAt)
	case models.ChangeToFree:
		gone, err := s.Engine.CancelSubscription(ctx, v.keptAt, job.Key("to_free."+theirs.ID), theirs.ID, CancelAtPeriodEnd)
		if err != nil {
			return final(err)
		}
		sub.ChangeAt = models.At(gone.CancelAt)
	}
	return nil
}

// releaseOld lets go of a schedule that is there for anything but this change:
// Stripe takes no other change beside it.
func (s *Subscriptions) releaseOld(ctx context.Context, job outbox.Job, t changePlan, v seen) error {
	old := v.change.schedule
	if old == nil || t.How == models.ChangeAtEnd && old.NextPrice == t.Change.Price {
		return nil
	}
	return final(s.Engine.ReleaseSchedule(ctx, v.keptAt, job.Key("release."+old.ID), old.ID))
}

// changeRefused runs when Stripe clearly refused a change: everything stays as it
// was, and the page says why.
func (s *Subscriptions) changeRefused(ctx context.Context, tx bun.Tx, job outbox.Job, t changePlan, why error) error {
	sub, err := models.SubscriptionByNumber(ctx, tx, job.Tenant, t.Subscription)
	if err != nil || sub.Live == nil || sub.ChangeKind == models.NoChange {
		return err
	}
	if _, err := outbox.Stage(ctx, tx, job.Tenant, s.Wall.Now(), releaseSchedule{sub.ID}); err != nil { // it may have been half made
		return err
	}
	_, err = s.abandon(ctx, tx, sub, reasonOf(why))
	return err
}

// abandon takes the change off sub and writes that down.
func (s *Subscriptions) abandon(ctx context.Context, tx bun.Tx, sub models.Subscription, problem string) (models.Subscription, error) {
	before := sub
	dropChange(&sub, problem)
	sub.UpdatedTime = models.At(s.Business.Now())
	s.judge(&sub)
	sub, err := models.SaveSubscription(ctx, tx, sub)
	if err != nil {
		return sub, err
	}
	return sub, s.saveChange(ctx, tx, before, sub)
}

// takeBack performs undoChange. If the change has happened meanwhile, it stays.
func (s *Subscriptions) takeBack(ctx context.Context, job outbox.Job, t undoChange) error {
	sub, err := models.SubscriptionByNumber(ctx, s.DB, job.Tenant, t.Subscription)
	if err != nil {
		return err
	}
	if waits, err := s.awaitsChange(ctx, sub, t.Asked); err != nil || !waits {
		return err
	}
	seen, err := s.look(ctx, sub)
	if err != nil {
		return err
	}
	if next := s.settle(sub, seen); next.ChangeKind != sub.ChangeKind {
		return s.sync(ctx, job, syncSubscription{sub.ID}) // it has happened, or is gone
	}
	if err := s.undo(ctx, job, sub, seen); err != nil {
		return err
	}
	if seen, err = s.look(ctx, sub); err != nil {
		return err
	}
	before := sub
	sub.ChangeAt = 0 // so that what is gone counts as taken back, and not as lost
	after := s.settle(sub, seen)
	if after.ChangeKind != models.NoChange && !stillComing(after, seen) {
		dropChange(&after, "")
		s.judge(&after)
	}
	return s.save(ctx, job, before, after, seen)
}

// stillComing reports whether Stripe goes on with the change of sub.
func stillComing(sub models.Subscription, v seen) bool {
	switch sub.ChangeKind {
	case models.ChangeByPaying:
		return v.kept != nil
	case models.ChangeNow:
		return v.kept != nil && v.kept.Pending != nil
	}
	return !sub.ChangeAt.IsZero()
}

// undo tells Stripe that the change of sub is not wanted any more.
func (s *Subscriptions) undo(ctx context.Context, job outbox.Job, sub models.Subscription, v seen) error {
	switch sub.ChangeKind {
	case models.ChangeAtEnd:
		if v.change.schedule == nil {
			return nil
		}
		id := v.change.schedule.ID
		return final(s.Engine.ReleaseSchedule(ctx, v.keptAt, job.Key("release."+id), id))
	case models.ChangeToFree:
		if v.kept == nil || !alive(*v.kept) || sub.ChangeAt.IsZero() && v.kept.CancelAt.IsZero() {
			return nil
		}
		_, err := s.Engine.ResumeSubscription(ctx, v.keptAt, job.Key("resume."+v.kept.ID), v.kept.ID)
		return final(err)
	case models.ChangeByPaying:
		_, err := s.closeSessions(ctx, job, v)
		return err
	}
	return nil
}

// letGo performs releaseSchedule.
func (s *Subscriptions) letGo(ctx context.Context, job outbox.Job, t releaseSchedule) error {
	sub, err := models.SubscriptionByNumber(ctx, s.DB, job.Tenant, t.Subscription)
	if err != nil || sub.StripeSubscriptionID == "" || sub.ChangeKind != models.NoChange {
		return err
	}
	at := accounts.StripeAccount{Tenant: job.Tenant, Connected: sub.Account}
	theirs, err := s.Engine.Subscription(ctx, at, sub.StripeSubscriptionID)
	if err != nil {
		return final(err)
	}
	if theirs.Schedule != "" && alive(theirs) {
		if err := s.Engine.ReleaseSchedule(ctx, at, job.Key("release."+theirs.Schedule), theirs.Schedule); err != nil {
			return final(err)
		}
	}
	return s.sync(ctx, job, syncSubscription{sub.ID})
}

// releaseChange clears the way for an end of sub, as part of the job that ends it:
// a change of plan that is on its way is taken back, and a schedule let go, since
// Stripe cancels nothing that goes by a schedule. It returns sub as it then is.
func (s *Subscriptions) releaseChange(ctx context.Context, job outbox.Job, sub models.Subscription) (models.Subscription, error) {
	if sub.Live == nil || sub.ChangeKind == models.NoChange && sub.StripeScheduleID == "" {
		return sub, nil
	}
	if sub.StripeSubscriptionID != "" {
		at := accounts.StripeAccount{Tenant: job.Tenant, Connected: sub.Account}
		theirs, err := s.Engine.Subscription(ctx, at, sub.StripeSubscriptionID)
		if err != nil {
			return sub, final(err)
		}
		if theirs.Schedule != "" && alive(theirs) {
			if err := s.Engine.ReleaseSchedule(ctx, at, job.Key("release."+theirs.Schedule), theirs.Schedule); err != nil {
				return sub, final(err)
			}
		}
	}
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		before := sub
		sub.StripeScheduleID = ""
		switch {
		case sub.ChangeKind == models.ChangeByPaying && sub.StripeSubscriptionID == "":
			return nil // ending the subscription closes its checkout
		case sub.ChangeKind == models.ChangeByPaying:
			buy(&sub, sold{}) // it was bought: what ends now is the paid plan
		default:
			dropChange(&sub, "")
		}
		s.judge(&sub)
		var err error
		if sub, err = models.SaveSubscription(ctx, tx, sub); err != nil {
			return err
		}
		return s.saveChange(ctx, tx, before, sub)
	})
	return sub, err
}
