package billing

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// Hold blocks a subscription to an API that the actor publishes, all of it or its
// production calls, or lifts the block. Payment has no say in it, and it has none
// in what is owed.
func (s *Subscriptions) Hold(ctx context.Context, who accounts.Actor, uuid string, hold access.Hold) error {
	if hold != access.NoHold && hold != access.HoldAll && hold != access.HoldProduction {
		return fault.Fields{"hold": "Choose what to block."}.Err()
	}
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		e, err := models.SubscriptionEntryByUUID(ctx, tx, who.Tenant, uuid)
		if err != nil {
			return err
		}
		sub := e.Subscription
		switch {
		case who.Person == "" || e.APIOwnerID != who.Person:
			return notHere()
		case s.StateOf(sub).Ended:
			return fault.New(fault.Conflict, "This subscription has ended.")
		case sub.AdminHold == string(hold):
			return nil
		}
		before := sub.AdminHold
		sub.AdminHold, sub.UpdatedBy, sub.UpdatedTime = string(hold), who.Username, models.At(s.Business.Now())
		s.judge(&sub)
		if _, err := models.SaveSubscription(ctx, tx, sub); err != nil {
			return err
		}
		action := map[bool]string{true: "subscription.unblock", false: "subscription.block"}[hold == access.NoHold]
		what := accounts.Object{Type: "subscription", ID: sub.UUID, Name: e.Title() + " " + e.APIVersion}
		return models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), action, what, map[string]string{"from": before, "to": string(hold)}))
	})
}
