package billing

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/catalog"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/money"
)

const putBack = "Put back: it is kept here. To change it, change it here."

// A stock is what an account has of products, prices and meters.
type stock struct {
	products map[string]Product
	prices   map[string]Price
	meters   map[string]Meter
}

// inventory reads all products, prices and meters of the account.
func (c *comparison) inventory(ctx context.Context) (stock, error) {
	out := stock{products: map[string]Product{}, prices: map[string]Price{}, meters: map[string]Meter{}}
	products, err := calmly(ctx, c, c.engine().Products)
	if err != nil {
		return out, err
	}
	prices, err := calmly(ctx, c, c.engine().Prices)
	if err != nil {
		return out, err
	}
	meters, err := calmly(ctx, c, c.engine().Meters)
	for _, p := range products {
		out.products[p.ID] = p
	}
	for _, p := range prices {
		out.prices[p.ID] = p
	}
	for _, m := range meters {
		out.meters[m.ID] = m
	}
	c.compared = len(products) + len(prices) + len(meters)
	return out, err
}

// shelf is what our rows say is in a connected account. Rows of other tenants that
// use the same account stand in it too, so that theirs are no orphans.
type shelf struct {
	products []models.StripeProduct
	meters   []models.StripeMeter
	prices   []models.MonetizedPlan
	apis     map[int64]models.API
	plans    map[int64]models.Policy
	versions map[string]models.PriceVersion
}

func (c *comparison) readShelf(ctx context.Context) (out shelf, err error) {
	account := c.at.Connected
	if out.products, err = models.StripeProductsAt(ctx, c.db(), account); err != nil {
		return out, err
	}
	if out.meters, err = models.StripeMetersAt(ctx, c.db(), account); err != nil {
		return out, err
	}
	if out.prices, err = models.MonetizedPlansAt(ctx, c.db(), account); err != nil {
		return out, err
	}
	apis, err := models.AllAPIs(ctx, c.db(), c.at.Tenant)
	if err != nil {
		return out, err
	}
	out.apis = map[int64]models.API{}
	for _, a := range apis {
		out.apis[a.ID] = a
	}
	out.plans, out.versions, err = c.readPrices(ctx)
	return out, err
}

// readPrices reads the tenant's plans and all their price versions.
func (c *comparison) readPrices(ctx context.Context) (map[int64]models.Policy, map[string]models.PriceVersion, error) {
	plans, versions := map[int64]models.Policy{}, map[string]models.PriceVersion{}
	all, err := models.AllPolicies(ctx, c.db(), c.at.Tenant)
	if err != nil {
		return nil, nil, err
	}
	var ids []int64
	for _, p := range all {
		plans[p.ID], ids = p, append(ids, p.ID)
	}
	found, err := models.PriceVersionsOf(ctx, c.db(), ids...)
	for _, v := range found {
		versions[v.ID] = v
	}
	return plans, versions, err
}

// catalogue compares the products, prices and meters of a connected account with
// what our rows say is sold there. Only rows that nobody changed while Stripe was
// asked are compared.
func (c *comparison) catalogue(ctx context.Context) error {
	before, err := c.readShelf(ctx)
	if err != nil {
		return err
	}
	theirs, err := c.inventory(ctx)
	if err != nil {
		return err
	}
	ours, err := c.readShelf(ctx)
	if err != nil {
		return err
	}
	still := before.steady()
	for _, row := range ours.products {
		if row.TenantID == c.at.Tenant && still[rowOf(objectProduct, row.APIID, row.Version)] {
			c.compareProduct(ours, row, theirs)
		}
	}
	for _, row := range ours.prices {
		if row.TenantID == c.at.Tenant && still[rowOf(objectPrice, row.ID, row.Version)] {
			c.comparePrice(ours, row, theirs)
		}
	}
	for _, row := range ours.meters {
		if row.TenantID == c.at.Tenant && still[rowOf(row.EventName, row.APIID, row.Version)] {
			c.compareMeter(ours, row, theirs)
		}
	}
	return c.catalogueOrphans(ctx, theirs, ours.known())
}

// A rowVersion names a row of ours as it stands.
type rowVersion struct {
	kind        string
	id, version int64
}

func rowOf(kind string, id, version int64) rowVersion { return rowVersion{kind, id, version} }

// steady are the rows as they stand.
func (s shelf) steady() map[rowVersion]bool {
	out := map[rowVersion]bool{}
	for _, r := range s.products {
		out[rowOf(objectProduct, r.APIID, r.Version)] = true
	}
	for _, r := range s.prices {
		out[rowOf(objectPrice, r.ID, r.Version)] = true
	}
	for _, r := range s.meters {
		out[rowOf(r.EventName, r.APIID, r.Version)] = true
	}
	return out
}

// compareProduct compares an API's product. Its push puts name and state back.
func (c *comparison) compareProduct(s shelf, row models.StripeProduct, theirs stock) {
	api := s.apis[row.APIID]
	p, there := theirs.products[row.ProductID]
	d := models.Drift{ObjectType: objectProduct, ObjectID: row.ProductID, Name: "Product of " + api.Name + " " + api.APIVersion, Remedy: putBack}
	push := PushSale{row.APIID}
	switch row.State {
	case models.PushLive:
		if !there || p.Archived {
			c.pushed(d, "active", "On sale.", offSale(there), c.pushes(push))
			return
		}
		if name := api.Name + " " + api.APIVersion; p.Name != name && c.sells(api, row.Account, s) {
			c.pushed(d, "name", name, p.Name, c.pushes(push))
		}
	case models.PushArchived:
		if there && !p.Archived {
			row.State = models.PushPushing
			c.pushed(d, "active", "Archived.", "On sale.", c.product(row, push))
		}
	default:
		c.stillPushed(row.ProductID, push)
	}
}

// stillPushed keeps the differences of an object open whose push is not done yet.
func (c *comparison) stillPushed(id string, t outbox.Task) {
	for _, field := range []string{"active", "amount", "name"} {
		if d, known := c.open[mark{id, field}]; known {
			c.differs(difference{Drift: d, heal: c.pushes(t)})
		}
	}
}

// sells reports whether an API is sold through an account now: the names of what
// is not are left as they are.
func (c *comparison) sells(api models.API, account string, s shelf) bool {
	if api.Live == nil || api.Monetization != models.MonetizationOn {
		return false
	}
	for _, r := range s.prices {
		if r.APIID == api.ID && r.Account == account && r.State == models.PushLive {
			return true
		}
	}
	return false
}

func offSale(there bool) string {
	if there {
		return "Archived."
	}
	return "Not there."
}

// pushed notes a difference that a push ends.
func (c *comparison) pushed(d models.Drift, field, ours, theirs string, heal func(context.Context, bun.Tx) error) {
	d.Field, d.Ours, d.Theirs = field, ours, theirs
	c.differs(difference{Drift: d, heal: heal})
}

// pushes stages an ordinary push.
func (c *comparison) pushes(t outbox.Task) func(context.Context, bun.Tx) error {
	return func(ctx context.Context, tx bun.Tx) error {
		_, err := outbox.Stage(ctx, tx, c.at.Tenant, c.Subscriptions.Wall.Now(), t)
		return err
	}
}

// product, price and meter say of a row that it is uncertain what Stripe has, which
// is what a push works on, and stage the push.

func (c *comparison) product(row models.StripeProduct, t outbox.Task) func(context.Context, bun.Tx) error {
	return func(ctx context.Context, tx bun.Tx) error {
		if row := row; c.once(objectProduct, row.APIID) {
			if err := models.SaveStripeProduct(ctx, tx, &row); err != nil {
				return err
			}
		}
		return c.pushes(t)(ctx, tx)
	}
}

func (c *comparison) price(row models.MonetizedPlan, t outbox.Task) func(context.Context, bun.Tx) error {
	return func(ctx context.Context, tx bun.Tx) error {
		if row := row; c.once(objectPrice, row.ID) {
			if err := models.SaveMonetizedPlan(ctx, tx, &row); err != nil {
				return err
			}
		}
		return c.pushes(t)(ctx, tx)
	}
}

// comparePrice compares what a plan costs on an API. What a price charges cannot be
// changed at Stripe, but another one may stand where ours stood.
func (c *comparison) comparePrice(s shelf, row models.MonetizedPlan, theirs stock) {
	if row.StripePlanID == "" {
		return
	}
	p, there := theirs.prices[row.StripePlanID]
	d := models.Drift{
		ObjectType: objectPrice, ObjectID: row.StripePlanID, Remedy: putBack,
		Name: "Price of " + s.plans[row.PolicyID].DisplayName + " for " + s.apis[row.APIID].Name,
	}
	push := PushSale{row.APIID}
	switch row.State {
	case models.PushLive:
		want, err := catalog.PriceOf(s.versions[row.PriceVersionID])
		switch {
		case err != nil:
			return
		case !there || !p.Active:
			row.State = models.PushPushing
			c.pushed(d, "active", "On sale.", offSale(there), c.price(row, push))
		case charges(want.Amount, want.Rate, want.Cycle) != charges(p.Amount, p.Rate, p.Cycle):
			row.State = models.PushPushing
			d.Remedy = "A new price is made and sold from now on. Whoever has subscribed to the old one keeps it."
			c.pushed(d, "amount", charges(want.Amount, want.Rate, want.Cycle), charges(p.Amount, p.Rate, p.Cycle), c.price(row, push))
		}
	case models.PushArchived:
		if there && p.Active && row.StripeProductID != "" {
			row.State = models.PushArchiving
			c.pushed(d, "active", "Archived.", "On sale.", c.price(row, push))
		}
	case models.PushPushing, models.PushArchiving:
		c.stillPushed(row.StripePlanID, push)
	}
}

// charges says what a price charges.
func charges(amount money.Amount, rate money.Rate, cycle string) string {
	switch {
	case !amount.Currency().IsZero():
		return amount.String() + " a " + cycle
	case !rate.Currency().IsZero():
		return rate.String() + " per call, each " + cycle
	}
	return "In another way."
}

// compareMeter compares the meter of a plan of an API. One that stands still while
// the plan is sold loses calls.
func (c *comparison) compareMeter(s shelf, row models.StripeMeter, theirs stock) {
	if row.MeterID == "" {
		return
	}
	m, there := theirs.meters[row.MeterID]
	d := models.Drift{
		ObjectType: objectMeter, ObjectID: row.MeterID, Remedy: putBack,
		Name: "Meter of " + s.plans[row.PolicyID].DisplayName + " for " + s.apis[row.APIID].Name,
	}
	switch {
	case row.State == models.PushLive && (!there || !m.Active):
		c.pushed(d, "active", "Counting.", map[bool]string{true: "Deactivated.", false: "Not there."}[there], c.restart(s, row))
	case row.State == meterInactive && there && m.Active:
		row.State = models.PushPushing
		c.pushed(d, "active", "Deactivated.", "Counting.", c.meter(row))
	case row.State == models.PushPushing:
		c.stillPushed(row.MeterID, PushSale{row.APIID})
	}
}

const meterInactive = "inactive"

func (c *comparison) meter(row models.StripeMeter) func(context.Context, bun.Tx) error {
	return func(ctx context.Context, tx bun.Tx) error {
		if row := row; c.once(objectMeter, row.MeterID) {
			if err := models.SaveStripeMeter(ctx, tx, &row); err != nil {
				return err
			}
		}
		return c.pushes(PushSale{row.APIID})(ctx, tx)
	}
}

// restart makes a meter uncertain, and with it the prices that need it: a push
// brings back a meter for the price it is making.
func (c *comparison) restart(s shelf, row models.StripeMeter) func(context.Context, bun.Tx) error {
	return func(ctx context.Context, tx bun.Tx) error {
		for _, r := range s.prices {
			if r.APIID != row.APIID || r.PolicyID != row.PolicyID || r.Component != componentUsage || r.State != models.PushLive {
				continue
			}
			r.State = models.PushPushing
			if err := c.price(r, PushSale{row.APIID})(ctx, tx); err != nil {
				return err
			}
		}
		row := row
		row.State = models.PushPushing
		return c.meter(row)(ctx, tx)
	}
}
