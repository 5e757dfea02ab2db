package catalog

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/models"
)

// A Plan is a business plan as its admin sees it.
type Plan struct {
	Policy      models.Policy
	Price       Price     // the newest one; the zero Price when it is free
	Versions    []Version // newest first
	Subscribers int64     // subscriptions that have not ended
	APIs        []models.API
}

// A Version is a price that a plan has or had for sale.
type Version struct {
	Price
	Since time.Time
}

// Plans returns the tenant's business plans, by name.
func (s *Service) Plans(ctx context.Context, who accounts.Actor) ([]Plan, error) {
	if err := runs(who); err != nil {
		return nil, err
	}
	all, err := models.Policies(ctx, s.DB, who.Tenant)
	if err != nil {
		return nil, err
	}
	plans, err := planned(ctx, s.DB, who.Tenant, all)
	if err != nil {
		return nil, err
	}
	heads, err := models.Headcounts(ctx, s.DB, who.Tenant, "", 0)
	for i := range plans {
		for _, h := range heads {
			if h.PolicyID == plans[i].Policy.ID {
				plans[i].Subscribers += h.Count
			}
		}
	}
	return plans, err
}

// Plan returns the tenant's business plan called uuid.
func (s *Service) Plan(ctx context.Context, who accounts.Actor, uuid string) (Plan, error) {
	if err := runs(who); err != nil {
		return Plan{}, err
	}
	p, err := models.PolicyByUUID(ctx, s.DB, who.Tenant, uuid)
	if err != nil {
		return Plan{}, err
	}
	plans, err := planned(ctx, s.DB, who.Tenant, []models.Policy{p})
	if err != nil {
		return Plan{}, err
	}
	plan := plans[0]
	heads, err := models.Headcounts(ctx, s.DB, who.Tenant, "policy_id", p.ID)
	if err != nil {
		return Plan{}, err
	}
	plan.Subscribers = total(heads)
	offers, err := models.OffersOfPolicy(ctx, s.DB, p.ID)
	if err != nil {
		return Plan{}, err
	}
	var ids []int64
	for _, o := range offers {
		ids = append(ids, o.APIID)
	}
	all, err := models.APIsByID(ctx, s.DB, who.Tenant, ids)
	for _, a := range all {
		if a.Live != nil {
			plan.APIs = append(plan.APIs, a)
		}
	}
	return plan, err
}

// planned adds their prices to policies.
func planned(ctx context.Context, db bun.IDB, tenant models.TenantID, policies []models.Policy) ([]Plan, error) {
	ids := make([]int64, len(policies))
	for i, p := range policies {
		ids[i] = p.ID
	}
	rows, err := models.PriceVersionsOf(ctx, db, ids...)
	if err != nil {
		return nil, err
	}
	versions := map[int64][]Version{}
	for _, v := range rows {
		price, err := PriceOf(v)
		if err != nil {
			return nil, err
		}
		versions[v.PolicyID] = append(versions[v.PolicyID], Version{price, v.CreatedAt.Time()})
	}
	plans := make([]Plan, len(policies))
	for i, p := range policies {
		plans[i] = Plan{Policy: p, Versions: versions[p.ID]}
		if p.BillingPlan == models.PlanCommercial && len(versions[p.ID]) > 0 {
			plans[i].Price = versions[p.ID][0].Price
		}
	}
	return plans, nil
}
