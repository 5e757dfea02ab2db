package billing

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"tollgate/catalog"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// platformCatalogue compares the products, prices and meters of the platform
// account with what our rows say of the plans.
func (c *comparison) platformCatalogue(ctx context.Context) error {
	before, err := models.PlatformPlansAt(ctx, c.db(), c.tenant.StripeAccount)
	if err != nil {
		return err
	}
	theirs, err := c.inventory(ctx)
	if err != nil {
		return err
	}
	rows, err := models.PlatformPlansAt(ctx, c.db(), c.tenant.StripeAccount)
	if err != nil {
		return err
	}
	plans, versions, err := c.readPrices(ctx)
	if err != nil {
		return err
	}
	steady := map[rowVersion]bool{}
	for _, r := range before {
		steady[rowOf("", r.ID, r.Version)] = true
	}
	byPlan := map[string][]models.PlatformPlan{}
	for _, r := range rows {
		if r.TenantID == c.at.Tenant {
			byPlan[r.PolicyUUID] = append(byPlan[r.PolicyUUID], r)
		}
	}
	for _, p := range sorted(plans) {
		c.comparePlan(planSale{policy: p, rows: byPlan[p.UUID], versions: versions}, steady, theirs)
	}
	return c.catalogueOrphans(ctx, theirs, platformKnown(rows, byPlan, c.names()))
}

// names gives the names of things at Stripe.
func (c *comparison) names() *Sales { return &Sales{Installation: c.Subscriptions.Installation} }

func platformKnown(rows []models.PlatformPlan, byPlan map[string][]models.PlatformPlan, s *Sales) references {
	out := newReferences()
	for _, r := range rows {
		out.products[r.ProductID], out.prices[r.PlanID], out.meters[r.MeterID] = true, true, true
		if r.State == models.PushPushing || r.State == models.PushArchiving {
			out.versions[r.PriceVersionID] = true
		}
	}
	for uuid := range byPlan { // compared by comparePlan, not as orphans
		out.products[s.planProductID(uuid)], out.events[s.planEventName(uuid)] = true, true
	}
	return out
}

// comparePlan compares one plan's product, prices and meter.
func (c *comparison) comparePlan(s planSale, steady map[rowVersion]bool, theirs stock) {
	for _, r := range s.rows {
		if !steady[rowOf("", r.ID, r.Version)] {
			return
		}
	}
	if len(s.rows) == 0 {
		return
	}
	if slices.ContainsFunc(s.rows, func(r models.PlatformPlan) bool {
		return r.State == models.PushPushing || r.State == models.PushArchiving
	}) {
		c.stillPushed(c.names().planProductID(s.policy.UUID), PushPlan{s.policy.ID})
	} else {
		c.comparePlanProduct(s, theirs)
	}
	for _, r := range s.rows {
		if r.PlanID != "" {
			c.comparePlanPrice(s, r, theirs)
		}
		if r.MeterID != "" && r.State == models.PushLive {
			if m, there := theirs.meters[r.MeterID]; !there || !m.Active {
				r.State = models.PushPushing
				d := models.Drift{ObjectType: objectMeter, ObjectID: r.MeterID, Name: "Meter of the plan " + s.policy.DisplayName, Remedy: putBack}
				c.pushed(d, "active", "Counting.", map[bool]string{true: "Deactivated.", false: "Not there."}[there], c.plan(r))
			}
		}
	}
}

// comparePlanProduct compares a plan's product, whose push puts name and state back.
func (c *comparison) comparePlanProduct(s planSale, theirs stock) {
	id := c.names().planProductID(s.policy.UUID)
	live := slices.IndexFunc(s.rows, func(r models.PlatformPlan) bool { return r.State == models.PushLive })
	p, there := theirs.products[id]
	d := models.Drift{ObjectType: objectProduct, ObjectID: id, Name: "Product of the plan " + s.policy.DisplayName, Remedy: putBack}
	push := c.pushes(PushPlan{s.policy.ID})
	switch {
	case live >= 0 && s.alive() && (!there || p.Archived):
		c.pushed(d, "active", "On sale.", offSale(there), push)
	case live >= 0 && s.alive() && p.Name != s.policy.DisplayName:
		c.pushed(d, "name", s.policy.DisplayName, p.Name, push)
	case there && !p.Archived && s.idle():
		last := s.rows[len(s.rows)-1]
		last.ProductID = id // so that the push lets go of it once more
		c.pushed(d, "active", "Archived.", "On sale.", c.plan(last))
	}
}

// idle reports whether nothing of the plan is, or may be, on sale.
func (s planSale) idle() bool {
	for _, r := range s.rows {
		if r.State != models.PushArchived && r.State != models.PushRefused || r.ProductID != "" {
			return false
		}
	}
	return true
}

func (c *comparison) comparePlanPrice(s planSale, r models.PlatformPlan, theirs stock) {
	p, there := theirs.prices[r.PlanID]
	d := models.Drift{ObjectType: objectPrice, ObjectID: r.PlanID, Name: "Price of the plan " + s.policy.DisplayName, Remedy: putBack}
	switch r.State {
	case models.PushLive:
		want, err := catalog.PriceOf(s.versions[r.PriceVersionID])
		switch {
		case err != nil || !s.alive():
			return
		case !there || !p.Active:
			r.State = models.PushPushing
			c.pushed(d, "active", "On sale.", offSale(there), c.plan(r))
		case charges(want.Amount, want.Rate, want.Cycle) != charges(p.Amount, p.Rate, p.Cycle):
			r.State = models.PushPushing
			d.Remedy = "A new price is made in its place."
			c.pushed(d, "amount", charges(want.Amount, want.Rate, want.Cycle), charges(p.Amount, p.Rate, p.Cycle), c.plan(r))
		}
	case models.PushArchived:
		if there && p.Active {
			r.State, r.ProductID = models.PushArchiving, c.names().planProductID(s.policy.UUID)
			c.pushed(d, "active", "Archived.", "On sale.", c.plan(r))
		}
	case models.PushPushing, models.PushArchiving:
		c.stillPushed(r.PlanID, PushPlan{s.policy.ID})
	}
}

// plan writes a row that is uncertain now, and stages the plan's push.
func (c *comparison) plan(row models.PlatformPlan) func(context.Context, bun.Tx) error {
	return func(ctx context.Context, tx bun.Tx) error {
		policy, err := models.PolicyByUUID(ctx, tx, row.TenantID, row.PolicyUUID)
		if err != nil {
			return err
		}
		if row := row; c.once("plan", row.ID) {
			if err := models.SavePlatformPlan(ctx, tx, &row); err != nil {
				return err
			}
		}
		_, err = outbox.Stage(ctx, tx, row.TenantID, c.Subscriptions.Wall.Now(), PushPlan{policy.ID})
		return err
	}
}

// sorted are the values of m, by key.
func sorted[K cmp.Ordered, V any](m map[K]V) []V {
	out := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}
