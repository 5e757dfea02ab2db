package billing

import (
	"context"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
)

// A MonetizationPage is what the publisher of an API sees of its sale.
type MonetizationPage struct {
	API     models.API
	Account *models.ConnectedAccount // nil when none was entered yet
	Values  map[string]string        // of the declared attributes, as kept or as by default
	Plans   []PlanOnSale             // every plan the API offers, the first attached first
	Paying  int64                    // subscriptions that are paid for
	Names   []string                 // of the applications that pay, at most 5
	Fee     string                   // the platform's share in per cent, decimal; "" for none
}

// A PlanOnSale is a plan that an API offers and where it stands.
type PlanOnSale struct {
	Plan        models.Policy
	Price       catalog.Price // the newest one; the zero Price when it is free
	State       string        // of the newest price: a models.Push…, "" when it was never asked for
	Problem     string        // why Stripe refused the newest price
	Sold        catalog.Price // what new subscribers pay now; zero when the plan is not sold
	Subscribers int64
	ProductID   string // at Stripe, as of the newest price
	PriceID     string
	MeterID     string
}

// Monetized reports whether new subscribers can buy the plan's newest price.
func (p PlanOnSale) Monetized() bool {
	return p.State == models.PushLive && p.Sold.Number == p.Price.Number
}

// namedPaying is how many names of who pays a page shows.
const namedPaying = 5

// Monetization returns the monetization page of one of the actor's APIs. Who would
// be affected by turning it off is on it.
func (s *Sales) Monetization(ctx context.Context, who accounts.Actor, api string) (MonetizationPage, error) {
	d, err := s.catalogue().OwnAPI(ctx, who, api)
	if err != nil {
		return MonetizationPage{}, err
	}
	page := MonetizationPage{API: d.API}
	tenant, err := models.TenantByID(ctx, s.DB, who.Tenant)
	if err != nil {
		return page, err
	}
	page.Fee = tenant.FeePercent
	now, err := s.readSale(ctx, who.Tenant, d.API.ID)
	if err != nil {
		return page, err
	}
	for _, c := range d.Plans {
		if c.Attached {
			page.Plans = append(page.Plans, now.standing(c))
		}
	}
	if page.Values, err = s.values(ctx, d.API); err != nil {
		return page, err
	}
	if page.Account, err = s.accountOf(ctx, d.API); err != nil {
		return page, err
	}
	return page, s.whoPays(ctx, &page)
}

func (s *Sales) catalogue() *catalog.Service {
	return &catalog.Service{DB: s.DB, Wall: s.Wall, Follow: s}
}

// standing says where a plan of the API stands in the account that sells it.
func (s sale) standing(c catalog.PlanChoice) PlanOnSale {
	p := PlanOnSale{Plan: c.Plan, Price: c.Price, Subscribers: c.Subscribers}
	for _, r := range s.rows {
		if r.PolicyID != c.Plan.ID || r.Account != s.account {
			continue
		}
		if r.PriceVersionID == c.Price.Version {
			p.State, p.Problem, p.ProductID, p.PriceID, p.MeterID = r.State, r.Problem, r.StripeProductID, r.StripePlanID, r.MeterID
		}
		if price, err := catalog.PriceOf(s.versions[r.PriceVersionID]); err == nil &&
			r.State == models.PushLive && s.api.Monetization == models.MonetizationOn && price.Number > p.Sold.Number {
			p.Sold = price
		}
	}
	return p
}

// values returns what was entered for the declared attributes, or their defaults.
func (s *Sales) values(ctx context.Context, a models.API) (map[string]string, error) {
	values, err := models.AttributesOf(ctx, s.DB, a.ID)
	if err != nil {
		return nil, err
	}
	for _, at := range s.Attributes {
		if _, entered := values[at.Name]; !entered && a.ConnectedAccountID == "" {
			values[at.Name] = at.Default
		}
	}
	return values, nil
}

func (s *Sales) accountOf(ctx context.Context, a models.API) (*models.ConnectedAccount, error) {
	if a.ConnectedAccountID == "" {
		return nil, nil
	}
	row, err := models.ConnectedAccountByID(ctx, s.DB, a.TenantID, a.ConnectedAccountID)
	return &row, err
}

func (s *Sales) whoPays(ctx context.Context, page *MonetizationPage) error {
	heads, err := models.Headcounts(ctx, s.DB, page.API.TenantID, "api_id", page.API.ID)
	if err != nil {
		return err
	}
	for _, h := range heads {
		if h.Account != "" {
			page.Paying += h.Count
		}
	}
	page.Names, err = models.SubscriberNames(ctx, s.DB, page.API.ID, namedPaying)
	return err
}

// A PlanStanding is where one price version of a plan stands in one account.
type PlanStanding struct {
	Number     int    // of the price version
	API        string // name and version; "" on the platform account
	Account    string // acct_…; "" for the platform
	State      string // a models.Push…
	Problem    string // why Stripe refused it
	ProductID  string
	PriceID    string
	MeterID    string
	Subscribed bool // whether anybody is subscribed to the plan there
}

// Standing returns where the price versions of a business plan stand at Stripe:
// first on the platform, then by API; the newest version first. Only an admin sees it.
func (s *Sales) Standing(ctx context.Context, who accounts.Actor, plan string) ([]PlanStanding, error) {
	if !who.Runs() {
		return nil, fault.New(fault.Forbidden, "Only an admin can do that.")
	}
	p, err := models.PolicyByUUID(ctx, s.DB, who.Tenant, plan)
	if err != nil {
		return nil, err
	}
	now, err := s.readPlanSale(ctx, who.Tenant, p.ID)
	if err != nil {
		return nil, err
	}
	var all []PlanStanding
	for i := len(now.rows) - 1; i >= 0; i-- {
		r := now.rows[i]
		all = append(all, PlanStanding{Number: now.number(r), State: r.State, Problem: r.Problem, ProductID: r.ProductID, PriceID: r.PlanID, MeterID: r.MeterID})
	}
	sold, err := s.standingOfSellers(ctx, p, now.versions)
	return append(all, sold...), err
}

func (s *Sales) standingOfSellers(ctx context.Context, p models.Policy, versions map[string]models.PriceVersion) ([]PlanStanding, error) {
	sellers, err := s.sellers(ctx, s.DB, p)
	if err != nil {
		return nil, err
	}
	rows, err := models.MonetizedPlansOfPolicy(ctx, s.DB, p.ID)
	if err != nil {
		return nil, err
	}
	heads, err := models.Headcounts(ctx, s.DB, p.TenantID, "policy_id", p.ID)
	if err != nil {
		return nil, err
	}
	var all []PlanStanding
	for _, a := range sellers {
		for i := len(rows) - 1; i >= 0; i-- {
			r := rows[i]
			if r.APIID != a.ID {
				continue
			}
			st := PlanStanding{
				Number: versions[r.PriceVersionID].Number, API: a.Name + " " + a.APIVersion, Account: r.Account, State: r.State,
				Problem: r.Problem, ProductID: r.StripeProductID, PriceID: r.StripePlanID, MeterID: r.MeterID,
			}
			for _, h := range heads {
				st.Subscribed = st.Subscribed || h.APIID == r.APIID && h.Account == r.Account && h.Count > 0
			}
			all = append(all, st)
		}
	}
	return all, nil
}
