package models

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
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
	GraceHours      int      `bun:"grace_hours,notnull"`     // how long calls are served after a failed payment
	HoldOnDispute   bool     `bun:"hold_on_dispute,notnull"` // whether a dispute holds access
	HoldOnRefund    bool     `bun:"hold_on_refund,notnull"`  // whether a full refund holds access
	LateUsage       string   `bun:"late_usage,notnull"`      // LateBilled or LateWaived: use that was found after its invoice was final
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

// What becomes of use that is found after its invoice was final.
const (
	LateBilled = "bill"  // it goes onto the next invoice
	LateWaived = "waive" // it is not billed, and listed as such
)

// InsertTenant adds t, and reports false when its id or domain is taken.
func InsertTenant(ctx context.Context, db bun.IDB, t Tenant) (bool, error) {
	if t.LateUsage == "" {
		t.LateUsage = LateBilled
	}
	res, err := once(db.NewInsert().Model(&t), "tenant_id").Exec(ctx)
	return inserted(res, err, "Tenant")
}

// SaveTenant writes t back if nobody has written it since it was read.
func SaveTenant(ctx context.Context, db bun.IDB, t Tenant) error {
	read := t.Version
	t.Version++
	res, err := db.NewUpdate().Model(&t).WherePK().Where("version = ?", read).Exec(ctx)
	if err := stale(res, err, "Tenant"); err != nil {
		return err
	}
	return changed(ctx, ChangedTenant, int64(t.ID))
}

// LockTenant keeps others from changing a tenant and its people until the
// transaction ends.
func LockTenant(ctx context.Context, tx bun.Tx, id TenantID) error {
	res, err := tx.NewUpdate().Model((*Tenant)(nil)).Set("version = version + 1").Where("tenant_id = ?", id).Exec(ctx)
	if err := stale(res, err, "Tenant"); fault.KindOf(err) == fault.Conflict {
		return fault.New(fault.NotFound, "Tenant not found.")
	} else if err != nil {
		return err
	}
	return nil
}

// NextTenantID returns a number that no tenant has yet. Two callers may get the
// same one; InsertTenant then tells the later one.
func NextTenantID(ctx context.Context, db bun.IDB) (TenantID, error) {
	var id int64
	err := db.NewSelect().Model((*Tenant)(nil)).ColumnExpr("COALESCE(MAX(t.tenant_id), 0)").Where("t.tenant_id > 0").Scan(ctx, &id)
	return TenantID(id + 1), found(err, "Tenant")
}

// HasStripeObjects reports whether anything of the tenant's exists in its
// platform account at Stripe or in accounts connected to it.
func HasStripeObjects(ctx context.Context, db bun.IDB, id TenantID) (bool, error) {
	for _, model := range []any{(*ConnectedAccount)(nil), (*PlatformPlan)(nil), (*PlatformCustomer)(nil), (*SharedCustomer)(nil)} {
		n, err := db.NewSelect().Model(model).Where("tenant_id = ?", id).Count(ctx)
		if err != nil || n > 0 {
			return n > 0, wrote(err, "Tenant")
		}
	}
	return false, nil
}

// NoteStripeProblem notes why Stripe refuses the tenant's key; "" when it works.
func NoteStripeProblem(ctx context.Context, db bun.IDB, id TenantID, problem string) error {
	_, err := db.NewUpdate().Model((*Tenant)(nil)).Set("stripe_problem = ?", problem).Set("version = version + 1").
		Where("tenant_id = ? AND stripe_problem <> ?", id, problem).Exec(ctx)
	return wrote(err, "Tenant")
}
