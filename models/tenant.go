package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A Tenant is an organisation with its own people, Stripe account and settings.
type Tenant struct {
	bun.BaseModel `bun:"table:tenants,alias:t"`

	ID              TenantID `bun:"tenant_id,pk"`
	Domain          string   `bun:"domain,notnull"`
	Name            string   `bun:"name,notnull"`
	State           string   `bun:"state,notnull"` // active or disabled
	CataloguePublic bool     `bun:"catalogue_public,notnull"`
	StripeAccount   string   `bun:"stripe_account,nullzero"` // the platform account the key opens
	StripeName      string   `bun:"stripe_name,notnull"`
	StripeKeyHint   string   `bun:"stripe_key_hint,notnull"` // last characters, for people
	StripeProblem   string   `bun:"stripe_problem,notnull"`  // why Stripe refuses the key; "" when it works
	FeePercent      string   `bun:"fee_percent,notnull"`     // platform's share, decimal; "" for none
	CreatedAt       Instant  `bun:"created_at,notnull"`
	Version         int64    `bun:"version,notnull"`
}

// TenantByID returns the tenant numbered id.
func TenantByID(ctx context.Context, db bun.IDB, id TenantID) (Tenant, error) {
	var t Tenant
	err := db.NewSelect().Model(&t).Where("t.tenant_id = ?", id).Scan(ctx)
	return t, found(err, "Tenant")
}

// TenantByDomain returns the tenant of a domain, such as carbon.super.
func TenantByDomain(ctx context.Context, db bun.IDB, domain string) (Tenant, error) {
	var t Tenant
	err := db.NewSelect().Model(&t).Where("t.domain = ?", domain).Scan(ctx)
	return t, found(err, "Tenant")
}

// Tenants returns every tenant, by domain.
func Tenants(ctx context.Context, db bun.IDB) ([]Tenant, error) {
	var ts []Tenant
	err := db.NewSelect().Model(&ts).Order("domain").Scan(ctx)
	return ts, found(err, "Tenants")
}

// InsertTenant adds t, and reports false when its id or domain is taken.
func InsertTenant(ctx context.Context, db bun.IDB, t Tenant) (bool, error) {
	res, err := once(db.NewInsert().Model(&t), "tenant_id").Exec(ctx)
	return inserted(res, err, "Tenant")
}

// SaveTenant writes t back if nobody has written it since it was read.
func SaveTenant(ctx context.Context, db bun.IDB, t Tenant) error {
	read := t.Version
	t.Version++
	res, err := db.NewUpdate().Model(&t).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Tenant")
}
