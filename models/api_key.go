package models

import (
	"context"

	"github.com/uptrace/bun"
)

// An APIKey lets an application call the APIs it is subscribed to. The key itself
// is shown once and never stored.
type APIKey struct {
	bun.BaseModel `bun:"table:api_keys,alias:ak"`

	ID            string   `bun:"id,pk"`
	TenantID      TenantID `bun:"tenant_id,notnull"`
	ApplicationID int64    `bun:"application_id,notnull"`
	Name          string   `bun:"name,notnull"`
	KeyType       string   `bun:"key_type,notnull"` // PRODUCTION or SANDBOX
	Prefix        string   `bun:"prefix,notnull"`   // how the key begins, to tell it from others
	Hash          string   `bun:"hash,notnull"`
	Replaces      string   `bun:"replaces,nullzero"` // the key that this one was made to follow
	CreatedBy     string   `bun:"created_by,notnull"`
	CreatedAt     Instant  `bun:"created_at,notnull"`    // wall time
	ExpiresAt     Instant  `bun:"expires_at,nullzero"`   // business time; zero: never
	RevokedAt     Instant  `bun:"revoked_at,nullzero"`   // wall time
	LastUsedAt    Instant  `bun:"last_used_at,nullzero"` // business time, to about a minute
	Live          *int64   `bun:"live"`                  // nil once revoked
	Version       int64    `bun:"version,notnull"`
}

// A GatewayCredential lets a tenant's own gateway ask about calls and report them.
type GatewayCredential struct {
	bun.BaseModel `bun:"table:gateway_credentials,alias:gc"`

	ID         string   `bun:"id,pk"`
	TenantID   TenantID `bun:"tenant_id,notnull"`
	Name       string   `bun:"name,notnull"`
	Prefix     string   `bun:"prefix,notnull"`
	Hash       string   `bun:"hash,notnull"`
	CreatedBy  string   `bun:"created_by,notnull"`
	CreatedAt  Instant  `bun:"created_at,notnull"`
	RevokedAt  Instant  `bun:"revoked_at,nullzero"`
	LastUsedAt Instant  `bun:"last_used_at,nullzero"`
	Live       *int64   `bun:"live"`
	Version    int64    `bun:"version,notnull"`
}

// InsertAPIKey adds k, and reports false when its application has a key of that
// name that is not revoked.
func InsertAPIKey(ctx context.Context, db bun.IDB, k APIKey) (bool, error) {
	k.Live = live()
	res, err := once(db.NewInsert().Model(&k), "id").Exec(ctx)
	added, err := inserted(res, err, "Key")
	if err != nil || !added {
		return false, err
	}
	return true, changedNamed(ctx, ChangedKey, k.Hash) // what was remembered is that there is none
}

// SaveAPIKey writes k back if nobody has written it since it was read. When it was
// last used is left as it is.
func SaveAPIKey(ctx context.Context, db bun.IDB, k APIKey) error {
	read := k.Version
	k.Version++
	res, err := db.NewUpdate().Model(&k).ExcludeColumn("last_used_at").WherePK().Where("version = ?", read).Exec(ctx)
	if err := stale(res, err, "This key"); err != nil {
		return err
	}
	return changedNamed(ctx, ChangedKey, k.Hash)
}

// RevokeAPIKeys revokes every key of an application at wall time now.
func RevokeAPIKeys(ctx context.Context, db bun.IDB, application int64, now Instant) error {
	_, err := db.NewUpdate().Model((*APIKey)(nil)).Set("live = NULL").Set("revoked_at = ?", now).Set("version = version + 1").
		Where("application_id = ? AND live = 1", application).Exec(ctx)
	if err != nil {
		return wrote(err, "Keys")
	}
	return changed(ctx, ChangedApplication, application)
}

// TouchAPIKeys notes when keys, named by their ids, were last used, in business time.
func TouchAPIKeys(ctx context.Context, db bun.IDB, ids []string, at Instant) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := db.NewUpdate().Model((*APIKey)(nil)).Set("last_used_at = ?", at).
		Where("id IN (?) AND (last_used_at IS NULL OR last_used_at < ?)", bun.In(ids), at).Exec(ctx)
	return wrote(err, "Keys")
}

// APIKeys returns the keys of an application, the newest first, revoked ones last.
func APIKeys(ctx context.Context, db bun.IDB, tenant TenantID, application int64) ([]APIKey, error) {
	var ks []APIKey
	err := db.NewSelect().Model(&ks).Where("ak.tenant_id = ? AND ak.application_id = ?", tenant, application).
		OrderExpr("CASE WHEN ak.live = 1 THEN 0 ELSE 1 END, ak.created_at DESC, ak.id DESC").Scan(ctx)
	return ks, found(err, "Keys")
}

// APIKeyByID returns a key of an application.
func APIKeyByID(ctx context.Context, db bun.IDB, tenant TenantID, application int64, id string) (APIKey, error) {
	var k APIKey
	err := db.NewSelect().Model(&k).Where("ak.tenant_id = ? AND ak.application_id = ? AND ak.id = ?", tenant, application, id).Scan(ctx)
	return k, found(err, "Key")
}

// APIKeyByHash returns the key of that hash, whichever tenant it is of.
func APIKeyByHash(ctx context.Context, db bun.IDB, hash string) (APIKey, error) {
	var k APIKey
	err := db.NewSelect().Model(&k).Where("ak.hash = ?", hash).Scan(ctx)
	return k, found(err, "Key")
}

// CountAPIKeys counts the keys of an application that work at business time now.
func CountAPIKeys(ctx context.Context, db bun.IDB, application int64, now Instant) (int64, error) {
	n, err := db.NewSelect().Model((*APIKey)(nil)).
		Where("ak.application_id = ? AND ak.live = 1 AND (ak.expires_at IS NULL OR ak.expires_at > ?)", application, now).Count(ctx)
	return n, found(err, "Keys")
}

// APIKeyFollows reports whether a key that is not revoked was made to follow the
// key id.
func APIKeyFollows(ctx context.Context, db bun.IDB, application int64, id string) (bool, error) {
	n, err := db.NewSelect().Model((*APIKey)(nil)).
		Where("ak.application_id = ? AND ak.replaces = ? AND ak.live = 1", application, id).Count(ctx)
	return n > 0, found(err, "Keys")
}
