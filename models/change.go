package models

import (
	"context"

	"github.com/uptrace/bun"
)

// SoldFor returns what a price in a connected account is or was sold as by one of
// the tenant's APIs, on sale or not.
func SoldFor(ctx context.Context, db bun.IDB, tenant TenantID, api int64, account, price string) (MonetizedPlan, error) {
	var m MonetizedPlan
	err := db.NewSelect().Model(&m).
		Where("mo.tenant_id = ? AND mo.api_id = ? AND mo.account = ? AND mo.stripe_plan_id = ?", tenant, api, account, price).
		OrderExpr("mo.id").Limit(1).Scan(ctx)
	return m, found(err, "Price")
}

// ChangingTo counts the subscriptions that are to change to another policy, by API,
// that policy and account. The row called column ("api_id" or "pending_policy_id")
// has to be id.
func ChangingTo(ctx context.Context, db bun.IDB, tenant TenantID, column string, id int64) ([]Headcount, error) {
	var hs []Headcount
	err := db.NewSelect().Model((*Subscription)(nil)).
		ColumnExpr("sub.api_id, sub.pending_policy_id AS policy_id, COALESCE(sub.account, '') AS account, COUNT(*) AS n").
		Where("sub.tenant_id = ? AND sub.live = 1 AND sub.pending_policy_id IS NOT NULL", tenant).
		Where("? = ?", bun.Ident("sub."+column), id).
		GroupExpr("sub.api_id, sub.pending_policy_id, COALESCE(sub.account, '')").Scan(ctx, &hs)
	return hs, found(err, "Subscriptions")
}
