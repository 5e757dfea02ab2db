package billing

import (
	"context"

	"tollgate/accounts"
	"tollgate/models"
)

// references are what rows of ours refer to in an account.
type references struct {
	products, prices, meters map[string]bool
	versions                 map[string]bool // price versions whose price is being made
	events                   map[string]bool // event names of our meters
}

func (s shelf) known() references {
	out := newReferences()
	for _, r := range s.products {
		out.products[r.ProductID] = true
	}
	for _, r := range s.prices {
		out.prices[r.StripePlanID] = true
		if r.State == models.PushPushing || r.State == models.PushArchiving {
			out.versions[r.PriceVersionID] = true
		}
	}
	for _, r := range s.meters {
		out.meters[r.MeterID], out.events[r.EventName] = true, true
	}
	return out
}

func newReferences() references {
	return references{products: map[string]bool{}, prices: map[string]bool{}, meters: map[string]bool{}, versions: map[string]bool{}, events: map[string]bool{}}
}

// The marks on what we sell at Stripe.
const (
	markInstallation = "tollgate_installation"
	markVersion      = "tollgate_price_version"
)

// catalogueOrphans shows what carries our mark, is on sale, and is nothing that a
// row refers to. A meter carries no mark: one is ours if a marked price counts by it.
func (c *comparison) catalogueOrphans(ctx context.Context, theirs stock, ours references) error {
	inst, at := c.Subscriptions.Installation, c.at
	marked := map[string]bool{} // meters
	for _, p := range sorted(theirs.prices) {
		if p.Metadata[markInstallation] != inst {
			continue
		}
		marked[p.Meter] = true
		if !p.Active || ours.prices[p.ID] || ours.versions[p.Metadata[markVersion]] {
			continue
		}
		err := c.orphaned(ctx, orphan{
			kind: objectPrice, id: p.ID, name: p.Nickname, state: "On sale, for " + charges(p.Amount, p.Rate, p.Cycle) + ".", born: p.Created,
			remedy: "It is taken off sale at Stripe after it has been seen for a day.", action: "stripe.orphan_archived",
			remove: func(ctx context.Context) error {
				return c.engine().SetPriceActive(ctx, at, c.job.Key("orphan."+p.ID), p.ID, false)
			},
		})
		if err != nil {
			return err
		}
	}
	for _, p := range sorted(theirs.products) {
		if p.Archived || ours.products[p.ID] || p.Metadata[markInstallation] != inst {
			continue
		}
		if err := c.orphanProduct(ctx, at, p); err != nil {
			return err
		}
	}
	for _, m := range sorted(theirs.meters) {
		if !m.Active || ours.meters[m.ID] || ours.events[m.EventName] || !marked[m.ID] {
			continue
		}
		if err := c.orphanMeter(ctx, at, m); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) orphanProduct(ctx context.Context, at accounts.StripeAccount, p Product) error {
	return c.orphaned(ctx, orphan{
		kind: objectProduct, id: p.ID, name: p.Name, state: "On sale.", born: p.Created,
		remedy: "It is archived at Stripe after it has been seen for a day.", action: "stripe.orphan_archived",
		remove: func(ctx context.Context) error {
			return c.engine().ArchiveProduct(ctx, at, c.job.Key("orphan."+p.ID), p.ID)
		},
	})
}

func (c *comparison) orphanMeter(ctx context.Context, at accounts.StripeAccount, m Meter) error {
	return c.orphaned(ctx, orphan{
		kind: objectMeter, id: m.ID, name: m.Name, state: "Counting.", born: m.Created,
		remedy: "It is deactivated at Stripe after it has been seen for a day.", action: "stripe.orphan_deactivated",
		remove: func(ctx context.Context) error {
			return c.engine().DeactivateMeter(ctx, at, c.job.Key("orphan."+m.ID), m.ID)
		},
	})
}
