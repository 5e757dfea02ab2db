package billing

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/notices"
)

// When somebody is reminded of a payment page that is open.
const (
	remindAfter  = time.Hour     // once it was opened
	remindBefore = 2 * time.Hour // before it closes
)

// NextDue returns the next business instant at which something changes by time alone:
// a time to pay ends, or somebody is to be reminded of an open payment page. It is
// zero when nothing does. Sweep does what is due.
func (s *Subscriptions) NextDue(ctx context.Context) (time.Time, error) {
	now := models.At(s.Business.Now())
	ends, err := models.NextGraceEnd(ctx, s.DB, now)
	if err != nil {
		return time.Time{}, err
	}
	remind, err := models.NextReminder(ctx, s.DB, now, remindAfter.Milliseconds(), remindBefore.Milliseconds())
	if ends.IsZero() || !remind.IsZero() && remind < ends {
		ends = remind
	}
	return ends.Time(), err
}

// lapse rewrites what time alone has changed.
func (s *Subscriptions) lapse(ctx context.Context) error {
	for after := int64(0); ; {
		subs, err := models.LapsedSubscriptions(ctx, s.DB, models.At(s.Business.Now()), after, reachAtOnce)
		if err != nil {
			return err
		}
		for _, sub := range subs {
			after = sub.ID
			if err := s.lapseOne(ctx, sub); err != nil && fault.KindOf(err) != fault.Conflict { // whoever wrote it meanwhile judged it too
				return err
			}
		}
		if len(subs) < reachAtOnce {
			return nil
		}
	}
}

func (s *Subscriptions) lapseOne(ctx context.Context, before models.Subscription) error {
	after := before
	s.judge(&after)
	if after.Status == before.Status {
		return nil
	}
	after.UpdatedTime = models.At(s.Business.Now())
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		saved, err := models.SaveSubscription(ctx, tx, after)
		if err != nil {
			return err
		}
		details := map[string]string{"from": before.Status, "to": saved.Status}
		what := accounts.Object{Type: "subscription", ID: saved.UUID, Name: saved.TierID}
		system := accounts.System(saved.TenantID, "")
		if err := models.InsertAudit(ctx, tx, system.Did(s.Wall.Now(), "subscription.blocked", what, details)); err != nil {
			return err
		}
		return s.tellNewsBy(ctx, tx, system, before, saved)
	})
}

// remind tells subscribers that a payment page is open: once when nobody has paid for
// an hour, once more before it closes.
func (s *Subscriptions) remind(ctx context.Context) error {
	now := s.Business.Now()
	for after := ""; ; {
		opened, ends := models.At(now.Add(-remindAfter)), models.At(now.Add(remindBefore))
		sessions, err := models.CheckoutsToRemind(ctx, s.DB, opened, ends, after, reachAtOnce)
		if err != nil {
			return err
		}
		for _, session := range sessions {
			after = session.SessionID
			if err := s.remindOf(ctx, session, now); err != nil {
				return err
			}
		}
		if len(sessions) < reachAtOnce {
			return nil
		}
	}
}

func (s *Subscriptions) remindOf(ctx context.Context, session models.CheckoutSession, now time.Time) error {
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		sub, err := models.SubscriptionByNumber(ctx, tx, session.TenantID, session.AMSubscriptionID)
		if err != nil {
			return err
		}
		e, err := models.SubscriptionEntryByUUID(ctx, tx, session.TenantID, sub.UUID)
		if err != nil {
			return err
		}
		n := notices.Notice{
			Person: e.PersonID, Kind: notices.PaymentNeeded, Subscription: sub.ID, Dedup: "pay." + session.SessionID,
			Subject:  "Complete the payment for " + titleOf(e),
			Body:     spoken(s.StateOf(sub).Sentence) + "\n\nThis is about the subscription of " + e.ApplicationName + " to " + titleOf(e) + ".",
			LinkText: "Complete the payment", Link: subscriberPage(sub),
		}
		if !now.Add(remindBefore).Before(session.ExpiresAt.Time()) {
			n.Dedup, n.Urgent, n.Subject = "pay-last."+session.SessionID, true, "The payment page for "+titleOf(e)+" closes soon"
		}
		return s.Notices.Tell(ctx, tx, session.TenantID, n)
	})
}
