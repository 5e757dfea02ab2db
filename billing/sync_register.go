package billing

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/outbox"
	"tollgate/models"
)

// Register registers what performs the tasks of subscriptions.
func (s *Subscriptions) Register(jobs *outbox.Runner) {
	outbox.Handle(jobs, s.makeCustomer, func(ctx context.Context, tx bun.Tx, job outbox.Job, t ensureCustomer, why error) error {
		return s.unopened(ctx, tx, job.Tenant, t.Subscription, t.Attempt, why)
	})
	outbox.Handle(jobs, s.open, func(ctx context.Context, tx bun.Tx, job outbox.Job, t openCheckout, why error) error {
		return s.unopened(ctx, tx, job.Tenant, t.Subscription, t.Attempt, why)
	})
	outbox.Handle(jobs, s.follow, func(ctx context.Context, tx bun.Tx, job outbox.Job, t syncObject, why error) error {
		return s.eventsFailed(ctx, tx, job, t.Account, why)
	})
	outbox.Handle(jobs, s.sync, func(ctx context.Context, tx bun.Tx, job outbox.Job, t syncSubscription, why error) error {
		sub, err := models.SubscriptionByNumber(ctx, tx, job.Tenant, t.Subscription)
		if err != nil {
			return err
		}
		return s.eventsFailed(ctx, tx, job, sub.Account, why)
	})
	outbox.Handle(jobs, s.finish, s.unfinished)
	outbox.Handle(jobs, s.carryOn, nil)
	outbox.Handle(jobs, s.configurePortal, nil)
	outbox.Handle(jobs, s.comeBack, nil)
	outbox.Handle(jobs, s.returnDuplicate, nil)
	outbox.Handle(jobs, s.applySettings, nil)
	s.registerChanges(jobs)
}

// sweepPause is how often subscriptions whose state at Stripe may have changed
// unheard are looked at again.
const sweepPause = 10 * time.Minute

// A Sweep heals what lost webhooks left behind.
type Sweep struct{ Subscriptions *Subscriptions }

// RunOnce rewrites what time alone has changed, reminds whoever has not paid, and
// stages a sync of every subscription that looks unsettled: an open checkout, a due
// payment, a period or a cancellation whose time has come. It goes by state, never by
// what was looked at before. next is wall time.
func (w Sweep) RunOnce(ctx context.Context) (next time.Time, err error) {
	s := w.Subscriptions
	if err := errors.Join(s.lapse(ctx), s.remind(ctx)); err != nil {
		return time.Time{}, err
	}
	const batch = 200
	for after := int64(0); ; {
		subs, err := models.UnsettledSubscriptions(ctx, s.DB, models.At(s.Business.Now()), after, batch)
		if err != nil {
			return time.Time{}, err
		}
		for _, sub := range subs {
			if err := w.stage(ctx, sub); err != nil {
				return time.Time{}, err
			}
			after = sub.ID
		}
		if len(subs) < batch {
			break
		}
	}
	s.Jobs.Wake()
	pause := sweepPause
	due, err := s.NextDue(ctx)
	if ahead := due.Sub(s.Business.Now()); err == nil && !due.IsZero() && ahead < pause {
		pause = max(ahead, time.Second)
	}
	return s.Wall.Now().Add(pause), err
}

// stage stages a sync of sub, unless work on it is under way: while Stripe does not
// answer, every sweep would add to it.
func (w Sweep) stage(ctx context.Context, sub models.Subscription) error {
	open, err := models.OpenJobsAbout(ctx, w.Subscriptions.DB, sub.TenantID, subjectOf(sub.ID))
	if err != nil || len(open) > 0 {
		return err
	}
	return w.Subscriptions.stageSync(ctx, sub.TenantID, sub.ID)
}
