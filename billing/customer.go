package billing

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// followCustomer follows a customer of ours. One that was deleted is replaced at the
// next checkout; its subscriptions, which Stripe has canceled, are read again.
func (s *Subscriptions) followCustomer(ctx context.Context, job outbox.Job, at accounts.StripeAccount, t syncObject) error {
	ours, err := models.SharedCustomerAt(ctx, s.DB, job.Tenant, at.Connected, t.ID)
	if err != nil {
		return err
	}
	theirs, err := s.Engine.Customer(ctx, at, t.ID)
	if err != nil {
		return err
	}
	text := "Nothing to change: the customer is there."
	if theirs.Deleted {
		text = "The customer was deleted at Stripe. The next checkout makes a new one."
		reach := models.Reach{Account: at.Connected, Application: ours.ApplicationID}
		if err := s.eachInReach(ctx, job.Tenant, reach, func(ctx context.Context, tx bun.Tx, sub models.Subscription) error {
			_, err := outbox.Stage(ctx, tx, job.Tenant, s.Wall.Now(), syncSubscription{sub.ID})
			return err
		}); err != nil {
			return err
		}
		if _, err := models.EndSharedCustomer(ctx, s.DB, ours.ID, models.At(s.Business.Now())); err != nil {
			return err
		}
	}
	return models.EndStripeEvents(ctx, s.DB, job.Tenant, t.Account, job.ID, models.EventDone, text, models.At(s.Wall.Now()))
}

// keepCustomer writes down the customer of an application if it was made just now, in
// the place of a deleted one if there was one.
func keepCustomer(ctx context.Context, tx bun.Tx, c models.SharedCustomer) error {
	switch {
	case c.ID == 0:
		return models.InsertSharedCustomer(ctx, tx, c)
	case !c.DeletedAt.IsZero():
		return models.ReplaceSharedCustomer(ctx, tx, c.ID, c.SharedCustomerID)
	}
	return nil
}
