package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A PriceVersion is what a policy costs from a moment on. It never changes.
type PriceVersion struct {
	bun.BaseModel `bun:"table:price_versions,alias:pv"`

	ID           string   `bun:"id,pk"`
	TenantID     TenantID `bun:"tenant_id,notnull"`
	PolicyID     int64    `bun:"policy_id,notnull"`
	Number       int      `bun:"number,notnull"` // 1, 2, …
	Model        string   `bun:"model,notnull"`  // FIXEDRATE or DYNAMICRATE
	Currency     string   `bun:"currency,notnull"`
	AmountMinor  *int64   `bun:"amount_minor"`        // FIXEDRATE: minor units a cycle
	UnitPrice    string   `bun:"unit_price,nullzero"` // DYNAMICRATE: decimal, major units a call
	BillingCycle string   `bun:"billing_cycle,notnull"`
	CreatedBy    string   `bun:"created_by,notnull"`
	CreatedAt    Instant  `bun:"created_at,notnull"`
}

// InsertPriceVersion adds v.
func InsertPriceVersion(ctx context.Context, db bun.IDB, v PriceVersion) error {
	_, err := db.NewInsert().Model(&v).Exec(ctx)
	return wrote(err, "Price version")
}

// PriceVersionsOf returns the price versions of some policies, newest first.
func PriceVersionsOf(ctx context.Context, db bun.IDB, policies ...int64) ([]PriceVersion, error) {
	if len(policies) == 0 {
		return nil, nil
	}
	var vs []PriceVersion
	err := db.NewSelect().Model(&vs).Where("pv.policy_id IN (?)", bun.In(policies)).
		OrderExpr("pv.policy_id, pv.number DESC").Scan(ctx)
	return vs, found(err, "Price versions")
}
