package models

import (
	"context"

	"github.com/uptrace/bun"
)

// What our rows know of one Stripe account, whatever the tenant: two tenants may
// share an account, and neither may take the other's objects for orphans.

// TradingAccounts returns the connected accounts that a tenant has, and those it
// has given up but still has subscribers in.
func TradingAccounts(ctx context.Context, db bun.IDB, tenant TenantID) ([]string, error) {
	var ids []string
	err := db.NewSelect().Model((*ConnectedAccount)(nil)).ColumnExpr("DISTINCT ca.stripe_account").Where("ca.tenant_id = ?", tenant).
		Where("ca.live = 1 OR EXISTS (SELECT 1 FROM am_subscription AS sub WHERE sub.tenant_id = ca.tenant_id"+
			" AND sub.account = ca.stripe_account AND sub.live = 1)").
		OrderExpr("ca.stripe_account").Scan(ctx, &ids)
	return ids, found(err, "Connected accounts")
}

// SubscriptionsAt returns at most limit of the tenant's subscriptions, numbered
// above after, that are or were at Stripe in an account.
func SubscriptionsAt(ctx context.Context, db bun.IDB, tenant TenantID, account string, after int64, limit int) ([]Subscription, error) {
	var ss []Subscription
	err := db.NewSelect().Model(&ss).
		Where("sub.tenant_id = ? AND sub.account = ? AND sub.stripe_subscription_id IS NOT NULL AND sub.subscription_id > ?", tenant, account, after).
		OrderExpr("sub.subscription_id").Limit(int64(limit)).Scan(ctx)
	return ss, found(err, "Subscriptions")
}

// StripeProductsAt returns the products of all APIs in an account.
func StripeProductsAt(ctx context.Context, db bun.IDB, account string) ([]StripeProduct, error) {
	var ps []StripeProduct
	err := db.NewSelect().Model(&ps).Where("sp.account = ?", account).OrderExpr("sp.api_id").Scan(ctx)
	return ps, found(err, "Stripe products")
}

// StripeMetersAt returns the meters of all APIs in an account.
func StripeMetersAt(ctx context.Context, db bun.IDB, account string) ([]StripeMeter, error) {
	var ms []StripeMeter
	err := db.NewSelect().Model(&ms).Where("sm.account = ?", account).OrderExpr("sm.api_id, sm.policy_id").Scan(ctx)
	return ms, found(err, "Stripe meters")
}

// MonetizedPlansAt returns the prices of all APIs in an account.
func MonetizedPlansAt(ctx context.Context, db bun.IDB, account string) ([]MonetizedPlan, error) {
	var ms []MonetizedPlan
	err := db.NewSelect().Model(&ms).Where("mo.account = ?", account).OrderExpr("mo.id").Scan(ctx)
	return ms, found(err, "Monetized plans")
}

// PlatformPlansAt returns the plans of every tenant whose platform account is account.
func PlatformPlansAt(ctx context.Context, db bun.IDB, account string) ([]PlatformPlan, error) {
	var ps []PlatformPlan
	err := db.NewSelect().Model(&ps).Join("JOIN tenants AS t ON t.tenant_id = ppm.tenant_id").
		Where("t.stripe_account = ?", account).OrderExpr("ppm.id").Scan(ctx)
	return ps, found(err, "Platform plans")
}

// SharedCustomersAt returns the customers of all applications in an account.
func SharedCustomersAt(ctx context.Context, db bun.IDB, account string) ([]SharedCustomer, error) {
	var cs []SharedCustomer
	err := db.NewSelect().Model(&cs).Where("sc.account = ?", account).OrderExpr("sc.id").Scan(ctx)
	return cs, found(err, "Customers")
}

// AllAPIs returns the tenant's APIs, deleted ones too.
func AllAPIs(ctx context.Context, db bun.IDB, tenant TenantID) ([]API, error) {
	var as []API
	err := db.NewSelect().Model(&as).Where("api.tenant_id = ?", tenant).OrderExpr("api.api_id").Scan(ctx)
	return as, found(err, "APIs")
}

// AllPolicies returns the tenant's plans, deleted ones too.
func AllPolicies(ctx context.Context, db bun.IDB, tenant TenantID) ([]Policy, error) {
	var ps []Policy
	err := db.NewSelect().Model(&ps).Where("pol.tenant_id = ?", tenant).OrderExpr("pol.policy_id").Scan(ctx)
	return ps, found(err, "Plans")
}

// OthersApplication reports whether another tenant has, or ever had, an application.
func OthersApplication(ctx context.Context, db bun.IDB, tenant TenantID, uuid string) (bool, error) {
	ok, err := db.NewSelect().Model((*Application)(nil)).Where("app.tenant_id <> ? AND app.uuid = ?", tenant, uuid).Exists(ctx)
	return ok, found(err, "Application")
}

// SubscriptionUUIDs returns the ids of some of the tenant's subscriptions by number.
func SubscriptionUUIDs(ctx context.Context, db bun.IDB, tenant TenantID, numbers []int64) (map[int64]string, error) {
	out := map[int64]string{}
	if len(numbers) == 0 {
		return out, nil
	}
	var ss []Subscription
	err := db.NewSelect().Model(&ss).Column("subscription_id", "uuid").
		Where("sub.tenant_id = ? AND sub.subscription_id IN (?)", tenant, bun.In(numbers)).Scan(ctx)
	for _, s := range ss {
		out[s.ID] = s.UUID
	}
	return out, found(err, "Subscriptions")
}
