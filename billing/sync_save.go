package billing

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// checkedEvery is how old the note of the last comparison may be before a comparison
// that changes nothing writes it anew.
const checkedEvery = 10 * time.Minute

// save writes what a sync found, all or nothing: the subscription if nobody changed
// it since it was read, its sessions, its Stripe subscriptions, its invoices, its
// workflows, the audit, and what came of the events that asked for it.
func (s *Subscriptions) save(ctx context.Context, job outbox.Job, before, after models.Subscription, v seen) error {
	if now := s.Business.Now(); after != before || now.Sub(before.CheckedAt.Time()) > checkedEvery {
		after.CheckedAt = models.At(now)
	}
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		ctx, err := withEvents(ctx, tx, job)
		if err != nil {
			return err
		}
		sub := after
		if after != before {
			if sub, err = models.SaveSubscription(ctx, tx, after); err != nil {
				return err
			}
		}
		for _, write := range []func(context.Context, bun.Tx, models.Subscription, seen) error{
			s.saveSessions, s.saveStripeSubscriptions, s.saveInvoices, s.saveDuplicates,
		} {
			if err := write(ctx, tx, sub, v); err != nil {
				return err
			}
		}
		if err := s.saveAnswers(ctx, tx, before, sub); err != nil {
			return err
		}
		if err := s.saveChange(ctx, tx, before, sub); err != nil {
			return err
		}
		if before.Live != nil && sub.Live == nil && sub.Account != "" { // its meter may be needed no longer
			if _, err := outbox.Stage(ctx, tx, sub.TenantID, s.Wall.Now(), PushSale{sub.APIID}); err != nil {
				return err
			}
		}
		return s.endEvents(ctx, tx, job, v, outcome(before, s.StateOf(sub).Label, sub))
	})
}

func outcome(before models.Subscription, label string, after models.Subscription) string {
	if before.Status == after.Status && before.StripeStatus == after.StripeStatus && before.CancelAt == after.CancelAt && (before.Live == nil) == (after.Live == nil) {
		return "Nothing to change. The subscription is: " + label + "."
	}
	return "The subscription is now: " + label + "."
}

func (s *Subscriptions) endEvents(ctx context.Context, tx bun.Tx, job outbox.Job, v seen, text string) error {
	for _, account := range v.accounts {
		if err := models.EndStripeEvents(ctx, tx, job.Tenant, account, job.ID, models.EventDone, text, models.At(s.Wall.Now())); err != nil {
			return err
		}
	}
	return nil
}

func (s *Subscriptions) saveSessions(ctx context.Context, tx bun.Tx, sub models.Subscription, v seen) error {
	for i, ours := range v.sessions {
		status := sessionStatus(v.theirs[i], !sub.EndedAt.IsZero())
		if v.declined && v.theirs[i].Subscription == v.kept.ID {
			status = models.SessionExpired // it came to nothing
		}
		if status == ours.Status {
			continue
		}
		ours.Status, ours.UpdatedAt = status, models.At(s.Business.Now())
		if err := models.SaveCheckoutSession(ctx, tx, ours); err != nil {
			return err
		}
	}
	return nil
}

func (s *Subscriptions) saveStripeSubscriptions(ctx context.Context, tx bun.Tx, sub models.Subscription, v seen) error {
	if v.kept != nil {
		if _, err := s.saveStripeSubscription(ctx, tx, sub, held{v.keptAt, *v.kept}); err != nil {
			return err
		}
	}
	for _, other := range v.others {
		isNew, err := s.saveStripeSubscription(ctx, tx, sub, other)
		if err != nil {
			return err
		}
		if isNew { // it was paid beside the one that counts, and has been ended
			if err := s.tell(ctx, tx, sub, "subscription.duplicate_canceled", map[string]string{"stripe_subscription": other.ID, "status": other.Status}); err != nil {
				return err
			}
		}
	}
	return nil
}

// saveStripeSubscription mirrors one Stripe subscription, and reports whether it
// was not known before.
func (s *Subscriptions) saveStripeSubscription(ctx context.Context, tx bun.Tx, sub models.Subscription, theirs held) (bool, error) {
	row, err := models.StripeSubscriptionAt(ctx, tx, sub.TenantID, theirs.at.Connected, theirs.ID)
	isNew := fault.KindOf(err) == fault.NotFound
	if err != nil && !isNew {
		return false, err
	}
	next := row
	next.Status, next.EndedAt = theirs.Status, models.At(theirs.EndedAt)
	if len(theirs.Items) > 0 {
		next.ItemID, next.PriceID = theirs.Items[0].ID, theirs.Items[0].Price
	}
	if !isNew && next == row {
		return false, nil
	}
	next.SyncedAt = models.At(s.Business.Now())
	if !isNew {
		return false, models.SaveStripeSubscription(ctx, tx, next)
	}
	customer, err := models.SharedCustomerOf(ctx, tx, sub.ApplicationID, theirs.at.Connected)
	if err != nil {
		return false, err
	}
	next.ApplicationID, next.APIID, next.TenantID = sub.ApplicationID, sub.APIID, sub.TenantID
	next.SubscriptionID, next.SharedCustomerID, next.AMSubscriptionID = theirs.ID, customer.ID, sub.ID
	next.Account, next.CreatedAt = theirs.at.Connected, models.At(theirs.Created)
	return true, models.InsertStripeSubscription(ctx, tx, next)
}

// saveAnswers answers the workflows that are decided now, and tells the audit what changed.
func (s *Subscriptions) saveAnswers(ctx context.Context, tx bun.Tx, before, after models.Subscription) error {
	state := s.StateOf(after)
	var kind, status string
	switch {
	case state.Ended:
		kind, status = models.WorkflowDeletion, models.WorkflowApproved
	case after.CancelAt.IsZero() && !before.CancelAt.IsZero():
		kind, status = models.WorkflowDeletion, models.WorkflowRejected
	}
	if kind != "" {
		if err := s.answer(ctx, tx, after, kind, status, state.Label); err != nil {
			return err
		}
	}
	switch {
	case !after.ActivatedAt.IsZero():
		status = models.WorkflowApproved
	case after.Status == "REJECTED":
		status = models.WorkflowRejected
	default:
		status = ""
	}
	if status != "" {
		if err := s.answer(ctx, tx, after, models.WorkflowCreation, status, state.Label); err != nil {
			return err
		}
	}
	if err := s.tellChange(ctx, tx, before, after); err != nil {
		return err
	}
	if err := s.tellNews(ctx, tx, before, after); err != nil {
		return err
	}
	return s.tellEnd(ctx, tx, before, after)
}

func (s *Subscriptions) tellChange(ctx context.Context, tx bun.Tx, before, after models.Subscription) error {
	if before.Status == after.Status && before.StripeStatus == after.StripeStatus && (before.Live == nil) == (after.Live == nil) {
		return nil
	}
	action := "subscription." + strings.ToLower(after.Status)
	switch {
	case after.Live == nil && before.Live != nil:
		action = "subscription.ended"
	case before.ActivatedAt.IsZero() && !after.ActivatedAt.IsZero():
		action = "subscription.activated"
	}
	return s.tell(ctx, tx, after, action, map[string]string{
		"from": before.Status, "to": after.Status, "stripe_from": before.StripeStatus, "stripe_to": after.StripeStatus,
	})
}
