package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A Secret is a sealed value that belongs to a column of a row. A column may have
// several at once, while one replaces another.
type Secret struct {
	bun.BaseModel `bun:"table:secrets,alias:s"`

	ID        string   `bun:"id,pk"`
	TenantID  TenantID `bun:"tenant_id,notnull"`
	Table     string   `bun:"owner_table,notnull"`
	Column    string   `bun:"owner_column,notnull"`
	Row       string   `bun:"owner_row,notnull"`
	Sealed    string   `bun:"sealed,notnull"`
	CreatedAt Instant  `bun:"created_at,notnull"`
	RetiresAt Instant  `bun:"retires_at,nullzero"` // when it stops counting
}

// SecretsOf returns the secrets of one column of one row that still count at now, newest first.
func SecretsOf(ctx context.Context, db bun.IDB, tenant TenantID, table, column, row string, now Instant) ([]Secret, error) {
	var ss []Secret
	err := db.NewSelect().Model(&ss).
		Where("s.tenant_id = ? AND s.owner_table = ? AND s.owner_column = ? AND s.owner_row = ?", tenant, table, column, row).
		Where("s.retires_at IS NULL OR s.retires_at > ?", now).
		OrderExpr("s.created_at DESC, s.id DESC").Scan(ctx)
	return ss, found(err, "Secrets")
}

// InsertSecret adds s.
func InsertSecret(ctx context.Context, db bun.IDB, s Secret) error {
	_, err := db.NewInsert().Model(&s).Exec(ctx)
	return wrote(err, "Secret")
}

// RetireSecrets makes every secret of a column but keep stop counting at when.
func RetireSecrets(ctx context.Context, db bun.IDB, tenant TenantID, table, column, row, keep string, when Instant) error {
	_, err := db.NewUpdate().Model((*Secret)(nil)).Set("retires_at = ?", when).
		Where("tenant_id = ? AND owner_table = ? AND owner_column = ? AND owner_row = ? AND id <> ?", tenant, table, column, row, keep).
		Where("retires_at IS NULL OR retires_at > ?", when).Exec(ctx)
	return wrote(err, "Secret")
}
