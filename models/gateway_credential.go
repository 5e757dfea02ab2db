package models

import (
	"context"

	"github.com/uptrace/bun"
)

// InsertGatewayCredential adds c, and reports false when its tenant has one of that
// name that is not revoked.
func InsertGatewayCredential(ctx context.Context, db bun.IDB, c GatewayCredential) (bool, error) {
	c.Live = live()
	res, err := once(db.NewInsert().Model(&c), "id").Exec(ctx)
	return inserted(res, err, "Credential")
}

// SaveGatewayCredential writes c back if nobody has written it since it was read.
// When it was last used is left as it is.
func SaveGatewayCredential(ctx context.Context, db bun.IDB, c GatewayCredential) error {
	read := c.Version
	c.Version++
	res, err := db.NewUpdate().Model(&c).ExcludeColumn("last_used_at").WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "This credential")
}

// TouchGatewayCredential notes when a credential was last used, in business time.
func TouchGatewayCredential(ctx context.Context, db bun.IDB, id string, at Instant) error {
	_, err := db.NewUpdate().Model((*GatewayCredential)(nil)).Set("last_used_at = ?", at).
		Where("id = ? AND (last_used_at IS NULL OR last_used_at < ?)", id, at).Exec(ctx)
	return wrote(err, "Credential")
}

// GatewayCredentials returns the credentials of a tenant, the newest first, revoked
// ones last.
func GatewayCredentials(ctx context.Context, db bun.IDB, tenant TenantID) ([]GatewayCredential, error) {
	var cs []GatewayCredential
	err := db.NewSelect().Model(&cs).Where("gc.tenant_id = ?", tenant).
		OrderExpr("CASE WHEN gc.live = 1 THEN 0 ELSE 1 END, gc.created_at DESC, gc.id DESC").Scan(ctx)
	return cs, found(err, "Credentials")
}

// GatewayCredentialByID returns a credential of a tenant.
func GatewayCredentialByID(ctx context.Context, db bun.IDB, tenant TenantID, id string) (GatewayCredential, error) {
	var c GatewayCredential
	err := db.NewSelect().Model(&c).Where("gc.tenant_id = ? AND gc.id = ?", tenant, id).Scan(ctx)
	return c, found(err, "Credential")
}

// GatewayCredentialByHash returns the credential of that hash, unless it is revoked.
func GatewayCredentialByHash(ctx context.Context, db bun.IDB, hash string) (GatewayCredential, error) {
	var c GatewayCredential
	err := db.NewSelect().Model(&c).Where("gc.hash = ? AND gc.live = 1", hash).Scan(ctx)
	return c, found(err, "Credential")
}
