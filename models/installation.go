package models

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// An Installation is the one row that says what this database belongs to.
type Installation struct {
	bun.BaseModel `bun:"table:installation,alias:i"`

	ID               int64   `bun:"id,pk"` // always 1
	InstallationID   string  `bun:"installation_id,notnull"`
	Mode             string  `bun:"mode,notnull"` // sandbox, test or live; fixed at first start
	SecretCheck      string  `bun:"secret_check,notnull"`
	BusinessOffsetMs int64   `bun:"business_offset_ms,notnull"` // business time minus wall time
	CreatedAt        Instant `bun:"created_at,notnull"`
}

// InstallationRow returns the installation, or a NotFound fault before the first start.
func InstallationRow(ctx context.Context, db bun.IDB) (Installation, error) {
	var i Installation
	err := db.NewSelect().Model(&i).Where("i.id = 1").Scan(ctx)
	return i, found(err, "Installation")
}

// InsertInstallation writes the row unless another process was faster.
func InsertInstallation(ctx context.Context, db bun.IDB, i Installation) error {
	i.ID = 1
	_, err := once(db.NewInsert().Model(&i), "id").Exec(ctx)
	return wrote(err, "Installation")
}

// RaiseBusinessOffset moves business time forward; a smaller offset changes nothing.
func RaiseBusinessOffset(ctx context.Context, db bun.IDB, ms int64) error {
	_, err := db.NewUpdate().Model((*Installation)(nil)).Set("business_offset_ms = ?", ms).
		Where("id = 1 AND business_offset_ms < ?", ms).Exec(ctx)
	return wrote(err, "Installation")
}

// BusinessOffset returns how far business time is ahead, in milliseconds.
func BusinessOffset(ctx context.Context, db bun.IDB) (int64, error) {
	var ms int64
	err := db.NewSelect().Model((*Installation)(nil)).Column("business_offset_ms").Where("i.id = 1").Scan(ctx, &ms)
	if err != nil {
		return 0, fmt.Errorf("models: read Installation: %w", err)
	}
	return ms, nil
}
