package models

import (
	"context"

	"github.com/uptrace/bun"
)

// StripeSubscriptionAt returns the link to a Stripe subscription in one account, if
// the tenant has it.
func StripeSubscriptionAt(ctx context.Context, db bun.IDB, tenant TenantID, account, id string) (StripeSubscription, error) {
	var s StripeSubscription
	err := db.NewSelect().Model(&s).
		Where("ms.account = ? AND ms.subscription_id = ? AND ms.tenant_id = ?", account, id, tenant).Scan(ctx)
	return s, found(err, "Subscription")
}

// StripeSubscriptionsOf returns every Stripe subscription that one of ours has had.
func StripeSubscriptionsOf(ctx context.Context, db bun.IDB, subscription int64) ([]StripeSubscription, error) {
	var ss []StripeSubscription
	err := db.NewSelect().Model(&ss).Where("ms.am_subscription_id = ?", subscription).OrderExpr("ms.id").Scan(ctx)
	return ss, found(err, "Subscription")
}

// InsertStripeSubscription adds s.
func InsertStripeSubscription(ctx context.Context, db bun.IDB, s StripeSubscription) error {
	_, err := db.NewInsert().Model(&s).Exec(ctx)
	return wrote(err, "Subscription")
}

// SaveStripeSubscription writes s back if nobody has written it since it was read.
func SaveStripeSubscription(ctx context.Context, db bun.IDB, s StripeSubscription) error {
	read := s.Version
	s.Version++
	res, err := db.NewUpdate().Model(&s).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Subscription")
}
