package simulate

import (
	"context"

	"tollgate/models"
)

// goods holds what is on sale here against what is on sale at Stripe: one each.
func (j *judge) goods(ctx context.Context) error {
	want, err := j.sold(ctx)
	if err != nil {
		return err
	}
	for _, account := range []string{"", j.s.Account} {
		for _, path := range []string{"/v1/products", "/v1/prices", "/v1/billing/meters"} {
			all, err := j.w.every(ctx, j.s, account, path, nil)
			if err != nil {
				return err
			}
			for _, d := range all {
				on, _ := d.At("active").(bool)
				on = on || d.Text("status") == "active"
				id := account + " " + d.Text("id")
				if on != want[id] {
					j.blame("I-O2", "%s %s is on sale: %v at Stripe, %v here", path, id, on, want[id])
				}
				delete(want, id)
			}
		}
	}
	for id, on := range want {
		if on {
			j.blame("I-O2", "%s is on sale here and not at Stripe", id)
		}
	}
	return j.customers(ctx)
}

// customers holds the customers that are ours against their rows: one each.
func (j *judge) customers(ctx context.Context) error {
	var rows []models.SharedCustomer
	if err := j.p.DB.NewSelect().Model(&rows).Where("sc.tenant_id = ?", j.s.Tenant.ID).Scan(ctx); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, r := range rows {
		known[r.SharedCustomerID] = r.DeletedAt.IsZero()
	}
	all, err := j.w.every(ctx, j.s, j.s.Account, "/v1/customers", nil)
	for _, d := range all {
		if id := d.Text("id"); d.Text("metadata.installation") == j.p.Installation && !known[id] {
			j.blame("I-O2", "customer %s is not here", id)
		} else if known[id] {
			known[id] = false
		}
	}
	for id, missing := range known {
		if missing {
			j.blame("I-O2", "customer %s is here and not at Stripe", id)
		}
	}
	return err
}

// sold are the objects at Stripe that rows name, and whether one of them is live.
func (j *judge) sold(ctx context.Context) (map[string]bool, error) {
	want := map[string]bool{}
	mark := func(account, state string, ids ...string) {
		if state == models.PushPushing || state == models.PushArchiving {
			j.blame("I-O2", "%v is still %s", ids, state)
		}
		for _, id := range ids {
			if id != "" {
				want[account+" "+id] = want[account+" "+id] || state == models.PushLive
			}
		}
	}
	var platform []models.PlatformPlan
	var prices []models.MonetizedPlan
	var products []models.StripeProduct
	var meters []models.StripeMeter
	for _, rows := range []any{&platform, &prices, &products, &meters} {
		if err := j.p.DB.NewSelect().Model(rows).Where("tenant_id = ?", j.s.Tenant.ID).Scan(ctx); err != nil {
			return nil, err
		}
	}
	for _, r := range platform {
		mark("", r.State, r.ProductID, r.PlanID, r.MeterID)
	}
	for _, r := range prices {
		mark(r.Account, r.State, r.StripePlanID)
	}
	for _, r := range products {
		mark(r.Account, r.State, r.ProductID)
	}
	for _, r := range meters {
		mark(r.Account, r.State, r.MeterID)
	}
	return want, nil
}
