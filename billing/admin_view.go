package billing

import (
	"context"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// OfTenant lists every subscription of the actor's tenant, newest first. Only its
// admins may see them.
func (s *Subscriptions) OfTenant(ctx context.Context, who accounts.Actor, q ListQuery) (Page, error) {
	if !who.Runs() {
		return Page{}, fault.New(fault.Forbidden, "Only an admin can see this.")
	}
	return s.list(ctx, who, q, models.SubscriptionFilter{})
}

// SubscriptionOfTenant returns a subscription of the actor's tenant. Only its admins
// may see it.
func (s *Subscriptions) SubscriptionOfTenant(ctx context.Context, who accounts.Actor, uuid string) (Overview, error) {
	if !who.Runs() {
		return Overview{}, fault.New(fault.Forbidden, "Only an admin can see this.")
	}
	e, err := models.SubscriptionEntryByUUID(ctx, s.DB, who.Tenant, uuid)
	if err != nil {
		return Overview{}, err
	}
	return s.overview(ctx, e)
}
