package billing

import (
	"context"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/models"
)

// A Monetization is what WSO2 API Manager asks of a billing provider (its interface
// org.wso2.carbon.apimgt.api.Monetization), in this program's words. Plans and
// APIs are named by their UUIDs. Face implements it over any Engine, so that
// whoever brings another provider writes single effects and no sagas.
//
// Where WSO2's methods return once the provider has answered, these return once
// the change is ours: the provider follows by the jobs that are returned ("" when
// there is nothing to do), and outbox.Runner.Wait waits for one.
type Monetization interface {
	// CreateBillingPlan makes a business plan and its price.
	CreateBillingPlan(ctx context.Context, who accounts.Actor, in catalog.PlanInput) (plan, job string, err error)
	// UpdateBillingPlan changes a business plan; another price is a new price version.
	UpdateBillingPlan(ctx context.Context, who accounts.Actor, plan string, in catalog.PlanInput) (job string, err error)
	// DeleteBillingPlan takes a business plan out of sale and removes it.
	DeleteBillingPlan(ctx context.Context, who accounts.Actor, plan string) (job string, err error)

	// EnableMonetization sells an API or API product with the properties that the
	// installation declares, ConnectedAccountKey among them.
	EnableMonetization(ctx context.Context, who accounts.Actor, api string, properties map[string]string) (job string, err error)
	// DisableMonetization stops new sales of an API or API product.
	DisableMonetization(ctx context.Context, who accounts.Actor, api string) (job string, err error)

	// MonetizedPoliciesToPlanMapping returns the provider's price of each plan of an
	// API that is on sale, by the plan's key.
	MonetizedPoliciesToPlanMapping(ctx context.Context, who accounts.Actor, api string) (map[string]string, error)
}

// Face is Monetization over the catalogue and its sales.
type Face struct {
	Catalog *catalog.Service
	Sales   *Sales
}

var _ Monetization = Face{}

// CreateBillingPlan makes a business plan and its price.
func (f Face) CreateBillingPlan(ctx context.Context, who accounts.Actor, in catalog.PlanInput) (plan, job string, err error) {
	saved, err := f.Catalog.CreatePlan(ctx, who, in)
	return saved.UUID, saved.Job, err
}

// UpdateBillingPlan changes a business plan as it stands now.
func (f Face) UpdateBillingPlan(ctx context.Context, who accounts.Actor, plan string, in catalog.PlanInput) (string, error) {
	p, err := models.PolicyByUUID(ctx, f.Catalog.DB, who.Tenant, plan)
	if err != nil {
		return "", err
	}
	saved, err := f.Catalog.EditPlan(ctx, who, plan, p.Version, in)
	return saved.Job, err
}

// DeleteBillingPlan takes a business plan out of sale and removes it.
func (f Face) DeleteBillingPlan(ctx context.Context, who accounts.Actor, plan string) (string, error) {
	p, err := models.PolicyByUUID(ctx, f.Catalog.DB, who.Tenant, plan)
	if err != nil {
		return "", err
	}
	saved, err := f.Catalog.DeletePlan(ctx, who, plan, p.Version, accounts.Consent{})
	return saved.Job, err
}

// EnableMonetization sells an API or API product.
func (f Face) EnableMonetization(ctx context.Context, who accounts.Actor, api string, properties map[string]string) (string, error) {
	return f.Sales.Monetize(ctx, who, api, MonetizeInput{Enabled: true, Properties: properties})
}

// DisableMonetization stops new sales of an API or API product.
func (f Face) DisableMonetization(ctx context.Context, who accounts.Actor, api string) (string, error) {
	return f.Sales.Monetize(ctx, who, api, MonetizeInput{})
}

// MonetizedPoliciesToPlanMapping returns the price of each plan that is on sale.
func (f Face) MonetizedPoliciesToPlanMapping(ctx context.Context, who accounts.Actor, api string) (map[string]string, error) {
	page, err := f.Sales.Monetization(ctx, who, api)
	if err != nil {
		return nil, err
	}
	prices := map[string]string{}
	for _, p := range page.Plans {
		if p.Monetized() {
			prices[p.Plan.Name] = p.PriceID
		}
	}
	return prices, nil
}
