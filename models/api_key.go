package models

import "github.com/uptrace/bun"

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
	CreatedAt     Instant  `bun:"created_at,notnull"`
	ExpiresAt     Instant  `bun:"expires_at,nullzero"` // business time; zero: never
	RevokedAt     Instant  `bun:"revoked_at,nullzero"`
	LastUsedAt    Instant  `bun:"last_used_at,nullzero"` // to about a minute
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
