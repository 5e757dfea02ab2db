package models

import (
	"github.com/uptrace/bun"
)

// A Person is a human who can sign in to one tenant.
type Person struct {
	bun.BaseModel `bun:"table:people,alias:p"`

	ID           string   `bun:"person_id,pk"`
	TenantID     TenantID `bun:"tenant_id,notnull"`
	Username     string   `bun:"username,notnull"`
	Email        string   `bun:"email,notnull"`
	DisplayName  string   `bun:"display_name,notnull"`
	Organization string   `bun:"organization,notnull"`  // the company shown to others, such as a publisher's
	PasswordHash string   `bun:"password_hash,notnull"` // argon2id; "" when none is set
	State        string   `bun:"state,notnull"`         // active or disabled
	Theme        string   `bun:"theme,notnull"`         // system, light or dark
	CreatedAt    Instant  `bun:"created_at,notnull"`
	Version      int64    `bun:"version,notnull"`
}

// A PersonRole gives a person a role: admin, publisher or subscriber.
type PersonRole struct {
	bun.BaseModel `bun:"table:person_roles,alias:pr"`

	PersonID string `bun:"person_id,pk"`
	Role     string `bun:"role,pk"`
}

// A SignInSession is one browser that is (or was) signed in, or a visitor's.
type SignInSession struct {
	bun.BaseModel `bun:"table:sign_in_sessions,alias:ss"`

	IDHash    string            `bun:"id_hash,pk"` // SHA-256 of the id in the cookie
	PublicID  string            `bun:"public_id,notnull"`
	TenantID  TenantID          `bun:"tenant_id,notnull"`
	PersonID  string            `bun:"person_id,nullzero"`
	Data      map[string]string `bun:"data,type:text,notnull"`
	UserAgent string            `bun:"user_agent,notnull"`
	Address   string            `bun:"address,notnull"`
	CreatedAt Instant           `bun:"created_at,notnull"`
	SeenAt    Instant           `bun:"seen_at,notnull"`
	ExpiresAt Instant           `bun:"expires_at,notnull"`
}

// A SignInFailure counts wrong passwords for one subject (a hash of what was tried).
type SignInFailure struct {
	bun.BaseModel `bun:"table:sign_in_failures,alias:sf"`

	Subject  string  `bun:"subject,pk"`
	Failures int     `bun:"failures,notnull"`
	LastAt   Instant `bun:"last_at,notnull"`
	LockedTo Instant `bun:"locked_to,notnull"`
}

// A OneTimeLink lets a person set a password once.
type OneTimeLink struct {
	bun.BaseModel `bun:"table:one_time_links,alias:l"`

	TokenHash string   `bun:"token_hash,pk"`
	TenantID  TenantID `bun:"tenant_id,notnull"`
	PersonID  string   `bun:"person_id,notnull"`
	CreatedAt Instant  `bun:"created_at,notnull"`
	ExpiresAt Instant  `bun:"expires_at,notnull"`
	UsedAt    Instant  `bun:"used_at,nullzero"`
}
