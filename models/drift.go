package models

import "github.com/uptrace/bun"

// A Drift is one difference between us and Stripe, from when it was first seen
// until it is healed.
type Drift struct {
	bun.BaseModel `bun:"table:drift,alias:dr"`

	ID               string   `bun:"id,pk"`
	TenantID         TenantID `bun:"tenant_id,notnull"`
	Account          string   `bun:"account,notnull"`     // "" for the platform's own
	ObjectType       string   `bun:"object_type,notnull"` // as Stripe spells it
	ObjectID         string   `bun:"object_id,notnull"`
	Field            string   `bun:"field,notnull"`
	AMSubscriptionID int64    `bun:"am_subscription_id,nullzero"`
	Name             string   `bun:"name,notnull"` // of the object, for people
	Ours             string   `bun:"ours,notnull"`
	Theirs           string   `bun:"theirs,notnull"`
	Remedy           string   `bun:"remedy,notnull"` // what is done about it, one sentence
	FirstSeen        Instant  `bun:"first_seen,notnull"`
	LastSeen         Instant  `bun:"last_seen,notnull"`
	HealedAt         Instant  `bun:"healed_at,nullzero"`
	Live             *int64   `bun:"live"` // nil once healed
}

// A Reconciliation is how the last comparison of one kind with one account went.
type Reconciliation struct {
	bun.BaseModel `bun:"table:reconciliations,alias:rc"`

	TenantID   TenantID `bun:"tenant_id,pk"`
	Account    string   `bun:"account,pk"`
	Kind       string   `bun:"kind,pk"` // events, subscriptions, catalogue or payments
	StartedAt  Instant  `bun:"started_at,nullzero"`
	FinishedAt Instant  `bun:"finished_at,nullzero"`
	DueAt      Instant  `bun:"due_at,notnull"`
	Compared   int      `bun:"compared,notnull"`
	Found      int      `bun:"found,notnull"`
	Healed     int      `bun:"healed,notnull"`
	Problem    string   `bun:"problem,notnull"`
	Version    int64    `bun:"version,notnull"`
}
