package catalog

import (
	"context"

	"tollgate/accounts"
	"tollgate/models"
)

// An OwnAPI is an API or API product as its publisher sees it.
type OwnAPI struct {
	API         models.API
	Attached    int   // plans
	Paid        int   // commercial ones among them
	Subscribers int64 // subscriptions that have not ended
}

// OwnAPIs returns what the actor publishes, by name: APIs or API products (kind).
func (s *Service) OwnAPIs(ctx context.Context, who accounts.Actor, kind string) ([]OwnAPI, error) {
	all, err := models.APIsOwnedBy(ctx, s.DB, who.Tenant, who.Person)
	if err != nil {
		return nil, err
	}
	var own []OwnAPI
	var ids []int64
	for _, a := range all {
		if a.Type == kind {
			own, ids = append(own, OwnAPI{API: a}), append(ids, a.ID)
		}
	}
	offers, err := models.OffersOf(ctx, s.DB, ids...)
	if err != nil {
		return nil, err
	}
	heads, err := models.Headcounts(ctx, s.DB, who.Tenant, "", 0)
	if err != nil {
		return nil, err
	}
	paid, err := s.commercial(ctx, who.Tenant)
	for i := range own {
		own[i].count(offers, heads, paid)
	}
	return own, err
}

// commercial returns the tenant's plans that cost something.
func (s *Service) commercial(ctx context.Context, tenant models.TenantID) (map[int64]bool, error) {
	all, err := models.Policies(ctx, s.DB, tenant)
	paid := map[int64]bool{}
	for _, p := range all {
		paid[p.ID] = p.BillingPlan == models.PlanCommercial
	}
	return paid, err
}

func (o *OwnAPI) count(offers []models.Offer, heads []models.Headcount, paid map[int64]bool) {
	for _, of := range offers {
		if of.APIID != o.API.ID {
			continue
		}
		o.Attached++
		if paid[of.PolicyID] {
			o.Paid++
		}
	}
	for _, h := range heads {
		if h.APIID == o.API.ID {
			o.Subscribers += h.Count
		}
	}
}

// An APIDetail is one API with what it is made of and what it can offer.
type APIDetail struct {
	OwnAPI
	Members []models.API // of an API product
	Plans   []PlanChoice // every plan of the tenant
}

// A PlanChoice is a plan that an API offers or could offer.
type PlanChoice struct {
	Plan        models.Policy
	Price       Price
	Attached    bool
	Subscribers int64 // to this API
}

// OwnAPI returns one of the actor's APIs or API products.
func (s *Service) OwnAPI(ctx context.Context, who accounts.Actor, uuid string) (APIDetail, error) {
	a, err := Own(ctx, s.DB, who, uuid)
	if err != nil {
		return APIDetail{}, err
	}
	d := APIDetail{OwnAPI: OwnAPI{API: a}}
	if d.Members, err = models.MembersOf(ctx, s.DB, a.ID); err != nil {
		return d, err
	}
	offers, err := models.OffersOf(ctx, s.DB, a.ID)
	if err != nil {
		return d, err
	}
	heads, err := models.Headcounts(ctx, s.DB, who.Tenant, "api_id", a.ID)
	if err != nil {
		return d, err
	}
	policies, err := models.Policies(ctx, s.DB, who.Tenant)
	if err != nil {
		return d, err
	}
	paid := map[int64]bool{}
	for _, p := range policies {
		paid[p.ID] = p.BillingPlan == models.PlanCommercial
	}
	d.count(offers, heads, paid)
	plans, err := planned(ctx, s.DB, who.Tenant, policies)
	for _, p := range plans {
		d.Plans = append(d.Plans, choice(p, offers, heads))
	}
	return d, err
}

func choice(p Plan, offers []models.Offer, heads []models.Headcount) PlanChoice {
	c := PlanChoice{Plan: p.Policy, Price: p.Price}
	for _, o := range offers {
		c.Attached = c.Attached || o.PolicyID == p.Policy.ID
	}
	for _, h := range heads {
		if h.PolicyID == p.Policy.ID {
			c.Subscribers += h.Count
		}
	}
	return c
}
