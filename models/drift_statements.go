package models

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// OpenDrift returns the differences with one account that are not healed, of
// objects of some types, the oldest first.
func OpenDrift(ctx context.Context, db bun.IDB, tenant TenantID, account string, types ...string) ([]Drift, error) {
	var ds []Drift
	err := db.NewSelect().Model(&ds).
		Where("dr.tenant_id = ? AND dr.account = ? AND dr.live = 1 AND dr.object_type IN (?)", tenant, account, bun.In(types)).
		OrderExpr("dr.first_seen, dr.id").Scan(ctx)
	return ds, found(err, "Differences")
}

// InsertDrift adds d as a difference that is open.
func InsertDrift(ctx context.Context, db bun.IDB, d Drift) error {
	d.ID, d.Live = NewID(), live()
	_, err := db.NewInsert().Model(&d).Exec(ctx)
	return wrote(err, "Difference")
}

// SaveDrift writes what is known of d today, and whether it is healed.
func SaveDrift(ctx context.Context, db bun.IDB, d Drift) error {
	_, err := db.NewUpdate().Model(&d).WherePK().Where("tenant_id = ?", d.TenantID).Exec(ctx)
	return wrote(err, "Difference")
}

// A DriftFilter narrows a list of differences.
type DriftFilter struct {
	Healed   bool // those that are healed, instead of those that are not
	Before   Instant
	BeforeID string // with Before: where the page before ended
}

// DriftPage returns at most limit of the tenant's differences, newest first.
func DriftPage(ctx context.Context, db bun.IDB, tenant TenantID, f DriftFilter, limit int) ([]Drift, error) {
	var ds []Drift
	q := db.NewSelect().Model(&ds).Where("dr.tenant_id = ?", tenant)
	if f.Healed {
		q = q.Where("dr.live IS NULL")
	} else {
		q = q.Where("dr.live = 1")
	}
	if !f.Before.IsZero() {
		q = q.Where("dr.first_seen < ? OR (dr.first_seen = ? AND dr.id < ?)", f.Before, f.Before, f.BeforeID)
	}
	err := q.OrderExpr("dr.first_seen DESC, dr.id DESC").Limit(int64(limit)).Scan(ctx)
	return ds, found(err, "Differences")
}

// A DriftCount is how many differences a tenant has that are not healed.
type DriftCount struct {
	TenantID   TenantID `bun:"tenant_id"`
	Domain     string   `bun:"domain"`
	ObjectType string   `bun:"object_type"`
	Count      int64    `bun:"n"`
	Oldest     Instant  `bun:"oldest"`
}

// DriftCounts counts open differences by tenant and type of object: those of
// one tenant, or of all when it is nil.
func DriftCounts(ctx context.Context, db bun.IDB, tenant *TenantID) ([]DriftCount, error) {
	var cs []DriftCount
	q := db.NewSelect().Model((*Drift)(nil)).
		ColumnExpr("dr.tenant_id, t.domain, dr.object_type, COUNT(*) AS n, MIN(dr.first_seen) AS oldest").
		Join("JOIN tenants AS t ON t.tenant_id = dr.tenant_id").Where("dr.live = 1")
	if tenant != nil {
		q = q.Where("dr.tenant_id = ?", *tenant)
	}
	err := q.GroupExpr("dr.tenant_id, t.domain, dr.object_type").OrderExpr("t.domain, dr.object_type").Scan(ctx, &cs)
	return cs, found(err, "Differences")
}

// EnsureReconciliation makes the row of a comparison, due at r.DueAt, unless it
// is there.
func EnsureReconciliation(ctx context.Context, db bun.IDB, r Reconciliation) error {
	_, err := once(db.NewInsert().Model(&r), "kind").Exec(ctx)
	return wrote(err, "Comparison")
}

// Reconciliations returns the comparisons of a tenant, by account and kind.
func Reconciliations(ctx context.Context, db bun.IDB, tenant TenantID) ([]Reconciliation, error) {
	var rs []Reconciliation
	err := db.NewSelect().Model(&rs).Where("rc.tenant_id = ?", tenant).OrderExpr("rc.account, rc.kind").Scan(ctx)
	return rs, found(err, "Comparisons")
}

// ReconciliationOf returns the comparison of one kind with one account.
func ReconciliationOf(ctx context.Context, db bun.IDB, tenant TenantID, account, kind string) (Reconciliation, error) {
	var r Reconciliation
	err := db.NewSelect().Model(&r).Where("rc.tenant_id = ? AND rc.account = ? AND rc.kind = ?", tenant, account, kind).Scan(ctx)
	return r, found(err, "Comparison")
}

// DueReconciliations returns at most limit comparisons of any tenant that are due
// at business time now, the longest due first.
func DueReconciliations(ctx context.Context, db bun.IDB, now Instant, limit int) ([]Reconciliation, error) {
	var rs []Reconciliation
	err := db.NewSelect().Model(&rs).Where("rc.due_at <= ?", now).
		OrderExpr("rc.due_at, rc.tenant_id, rc.account, rc.kind").Limit(int64(limit)).Scan(ctx)
	return rs, found(err, "Comparisons")
}

// NextReconciliationAt returns when the next comparison is due; zero when there are none.
func NextReconciliationAt(ctx context.Context, db bun.IDB) (Instant, error) {
	var at Instant
	err := db.NewSelect().Model((*Reconciliation)(nil)).ColumnExpr("COALESCE(MIN(rc.due_at), 0)").Scan(ctx, &at)
	if err != nil {
		return 0, fmt.Errorf("models: next comparison: %w", err)
	}
	return at, nil
}

// SaveReconciliation writes r back if nobody has written it since it was read.
func SaveReconciliation(ctx context.Context, db bun.IDB, r Reconciliation) error {
	read := r.Version
	r.Version++
	res, err := db.NewUpdate().Model(&r).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Comparison")
}

// HastenReconciliations makes comparisons due at now: all of a tenant's, or those
// of one kind, of every tenant when tenant is nil.
func HastenReconciliations(ctx context.Context, db bun.IDB, tenant *TenantID, kind string, now Instant) error {
	q := db.NewUpdate().Model((*Reconciliation)(nil)).Set("due_at = ?", now).Set("version = version + 1").Where("due_at > ?", now)
	if tenant != nil {
		q = q.Where("tenant_id = ?", *tenant)
	}
	if kind != "" {
		q = q.Where("kind = ?", kind)
	}
	_, err := q.Exec(ctx)
	return wrote(err, "Comparison")
}

// DropReconciliations forgets the comparisons of a tenant with an account that is
// not compared any more, and closes its differences.
func DropReconciliations(ctx context.Context, tx bun.Tx, tenant TenantID, account string, at Instant) error {
	mine := "tenant_id = ? AND account = ?"
	if _, err := tx.NewDelete().Model((*Reconciliation)(nil)).Where(mine, tenant, account).Exec(ctx); err != nil {
		return wrote(err, "Comparison")
	}
	_, err := tx.NewUpdate().Model((*Drift)(nil)).Set("healed_at = ?", at).Set("live = NULL").
		Where(mine+" AND live = 1", tenant, account).Exec(ctx)
	return wrote(err, "Difference")
}
