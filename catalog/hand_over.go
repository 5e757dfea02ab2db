package catalog

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// HandOver gives all that one of the tenant's people publishes to another publisher:
// APIs, API products, and the connected accounts that are paid for them. Prices and
// subscriptions stay as they are. What is wrong with the choice is said at the field
// "to".
func (s *Service) HandOver(ctx context.Context, who accounts.Actor, from, to string) error {
	if !who.Runs() {
		return fault.New(fault.NotFound, "Person not found.")
	}
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		giver, err := models.PersonByID(ctx, tx, who.Tenant, from)
		if err != nil {
			return err
		}
		heir, err := heirOf(ctx, tx, giver, to)
		if err != nil {
			return err
		}
		apis, err := models.APIsOwnedBy(ctx, tx, who.Tenant, giver.ID)
		if err != nil {
			return err
		}
		if err := noneTwice(ctx, tx, heir, apis); err != nil {
			return err
		}
		for _, a := range apis {
			if err := s.handOver(ctx, tx, who, a, heir); err != nil {
				return err
			}
		}
		return s.handOverAccounts(ctx, tx, who, giver, heir)
	})
}

// heirOf returns who is to get what giver publishes.
func heirOf(ctx context.Context, tx bun.Tx, giver models.Person, id string) (models.Person, error) {
	wrong := fault.Fields{"to": "Choose a publisher who can sign in."}.Err()
	heir, err := models.PersonByID(ctx, tx, giver.TenantID, id)
	if fault.KindOf(err) == fault.NotFound {
		return heir, wrong
	}
	if err != nil {
		return heir, err
	}
	roles, err := models.RolesOf(ctx, tx, heir.ID)
	if err == nil && (heir.ID == giver.ID || heir.State != models.StateActive || !slices.Contains(roles[heir.ID], string(accounts.Publisher))) {
		err = wrong
	}
	return heir, err
}

// noneTwice refuses when heir has something of the same name and version already.
func noneTwice(ctx context.Context, tx bun.Tx, heir models.Person, apis []models.API) error {
	theirs, err := models.APIsOwnedBy(ctx, tx, heir.TenantID, heir.ID)
	if err != nil {
		return err
	}
	var f fault.Fields
	for _, a := range apis {
		same := slices.ContainsFunc(theirs, func(b models.API) bool { return b.Name == a.Name && b.APIVersion == a.APIVersion })
		f.Check(!same, "to", heir.DisplayName+" has "+a.Name+" "+a.APIVersion+" already. Rename one of the two first.")
	}
	return f.Err()
}

func (s *Service) handOver(ctx context.Context, tx bun.Tx, who accounts.Actor, a models.API, heir models.Person) error {
	before := a.Provider
	a.OwnerID, a.Provider, a.UpdatedBy, a.UpdatedTime = heir.ID, heir.Username, who.Username, models.At(s.Wall.Now())
	if err := models.SaveAPI(ctx, tx, &a); err != nil {
		return err
	}
	return s.did(ctx, tx, who, "api.hand_over", apiObject(a), map[string]string{"from": before, "to": heir.Username})
}

// handOverAccounts gives the connected accounts of giver to heir, so that heir can
// go on selling through them.
func (s *Service) handOverAccounts(ctx context.Context, tx bun.Tx, who accounts.Actor, giver, heir models.Person) error {
	all, err := models.ConnectedAccounts(ctx, tx, giver.TenantID, giver.ID)
	if err != nil {
		return err
	}
	for _, a := range all {
		a.OwnerID = heir.ID
		if err := models.SaveConnectedAccount(ctx, tx, a); err != nil {
			return err
		}
		what := accounts.Object{Type: "account", ID: a.ID, Name: a.StripeAccount}
		if err := s.did(ctx, tx, who, "account.hand_over", what, map[string]string{"from": giver.Username, "to": heir.Username}); err != nil {
			return err
		}
	}
	return nil
}
