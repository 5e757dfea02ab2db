package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A ReportedSubscription is a subscription as calls are reported under it: by its
// UUID, with what says which of them count.
type ReportedSubscription struct {
	bun.BaseModel `bun:"table:am_subscription,alias:sub"`

	ID               int64  `bun:"subscription_id"`
	UUID             string `bun:"uuid"`
	APIID            int64  `bun:"api_id"`
	PolicyID         int64  `bun:"policy_id"`
	PriceModel       string `bun:"price_model,scanonly"` // DYNAMICRATE if its units are sold; "" when free
	Counting         string `bun:"counting,scanonly"`
	CountingStatuses string `bun:"counting_statuses,scanonly"`
}

// ReportedSubscriptions returns those of the subscriptions that are the tenant's,
// ended ones too: what was called before an end may be reported after it.
func ReportedSubscriptions(ctx context.Context, db bun.IDB, tenant TenantID, uuids []string) ([]ReportedSubscription, error) {
	if len(uuids) == 0 {
		return nil, nil
	}
	var all []ReportedSubscription
	err := db.NewSelect().Model(&all).Column("sub.subscription_id", "sub.uuid", "sub.api_id", "sub.policy_id").
		ColumnExpr("COALESCE(pv.model, '') AS price_model, api.counting AS counting, api.counting_statuses AS counting_statuses").
		Join("JOIN am_api AS api ON api.api_id = sub.api_id").
		Join("LEFT JOIN price_versions AS pv ON pv.id = sub.price_version_id").
		Where("sub.tenant_id = ? AND sub.uuid IN (?)", tenant, bun.In(uuids)).OrderExpr("sub.subscription_id").Scan(ctx)
	return all, found(err, "Subscriptions")
}
