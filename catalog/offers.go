package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// OfferPlans makes one of the actor's APIs, read as version, offer exactly the
// plans called so. A commercial plan that is attached is sold once its publisher
// saves the monetization page. A plan that somebody is subscribed with is taken off
// by OfferPlansEnding only.
func (s *Service) OfferPlans(ctx context.Context, who accounts.Actor, uuid string, version int64, plans []string) (Saved, error) {
	return s.OfferPlansEnding(ctx, who, uuid, version, plans, accounts.Consent{})
}

// OfferPlansEnding is OfferPlans for who has been shown which subscriptions have the
// plans that are taken off: they end or go on, as c says.
func (s *Service) OfferPlansEnding(ctx context.Context, who accounts.Actor, uuid string, version int64, plans []string, c accounts.Consent) (Saved, error) {
	if err := publishes(who); err != nil {
		return Saved{}, err
	}
	saved := Saved{UUID: uuid}
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		a, err := Own(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		if err := firstOf(models.HoldAPI(ctx, tx, a.ID), edited(version, a.Version, "these plans")); err != nil {
			return err
		}
		attach, detach, err := difference(ctx, tx, a, plans)
		if err != nil || len(attach)+len(detach) == 0 {
			saved.Version = a.Version
			return err
		}
		if saved.Ending, err = s.endOffers(ctx, tx, who, a, detach, c); err != nil {
			return err
		}
		if err := s.reoffer(ctx, tx, a, attach, detach); err != nil {
			return err
		}
		a.UpdatedBy, a.UpdatedTime = who.Username, models.At(s.Wall.Now())
		if err := models.SaveAPI(ctx, tx, &a); err != nil {
			return err
		}
		saved.Version = a.Version
		if saved.Job, err = s.followAPI(ctx, tx, a); err != nil {
			return err
		}
		details := map[string]string{"attached": names(attach), "detached": names(detach)}
		return s.did(ctx, tx, who, "api.offer", apiObject(a), details)
	})
	return saved, err
}

// difference says which plans a has to offer from now on, and which no longer.
func difference(ctx context.Context, tx bun.Tx, a models.API, want []string) (attach, detach []models.Policy, err error) {
	all, err := models.Policies(ctx, tx, a.TenantID)
	if err != nil {
		return nil, nil, err
	}
	offers, err := models.OffersOf(ctx, tx, a.ID)
	if err != nil {
		return nil, nil, err
	}
	known := 0
	for _, p := range all {
		offered := slices.ContainsFunc(offers, func(o models.Offer) bool { return o.PolicyID == p.ID })
		wanted := slices.Contains(want, p.UUID)
		switch {
		case wanted && !offered:
			attach = append(attach, p)
		case offered && !wanted:
			detach = append(detach, p)
		}
		if wanted {
			known++
		}
	}
	want = slices.Clone(want)
	slices.Sort(want)
	if known != len(slices.Compact(want)) {
		return nil, nil, fault.Fields{"plans": "One of these plans has just been deleted. Choose again."}.Err()
	}
	return attach, detach, nil
}

// endOffers ends the subscriptions to a with plans that leave it, or lets them go
// on; nobody decided yet, it refuses while there are any.
func (s *Service) endOffers(ctx context.Context, tx bun.Tx, who accounts.Actor, a models.API, detach []models.Policy, c accounts.Consent) (string, error) {
	if len(detach) == 0 {
		return "", nil
	}
	if s.Ends != nil {
		return s.Ends.EndOffers(ctx, tx, who, a, detach, c)
	}
	heads, err := models.Headcounts(ctx, tx, a.TenantID, "api_id", a.ID)
	if err != nil {
		return "", err
	}
	var f fault.Fields
	for _, p := range detach {
		n := total(slices.DeleteFunc(slices.Clone(heads), func(h models.Headcount) bool { return h.PolicyID != p.ID }))
		f.Check(n == 0, "plans", fmt.Sprintf("%s has to stay: %s.", p.DisplayName, subscriptions(n)))
	}
	return "", f.Err()
}

// reoffer attaches and detaches plans.
func (s *Service) reoffer(ctx context.Context, tx bun.Tx, a models.API, attach, detach []models.Policy) error {
	for _, p := range detach {
		if err := models.DeleteOffers(ctx, tx, a.ID, p.ID); err != nil {
			return err
		}
	}
	for _, p := range attach {
		if err := models.HoldPolicy(ctx, tx, p.ID); err != nil {
			return err
		}
		if _, err := models.PolicyByUUID(ctx, tx, a.TenantID, p.UUID); err != nil { // deleted a moment ago
			return err
		}
		if err := models.InsertOffer(ctx, tx, models.Offer{APIID: a.ID, PolicyID: p.ID, AttachedAt: models.At(s.Wall.Now())}); err != nil {
			return err
		}
	}
	return nil
}

func names(plans []models.Policy) string {
	var all []string
	for _, p := range plans {
		all = append(all, p.DisplayName)
	}
	return strings.Join(all, ", ")
}
