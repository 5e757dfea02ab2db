package models

import "github.com/uptrace/bun"

// A Gateway is a process that writes to the ledger, from its start to its stop.
type Gateway struct {
	bun.BaseModel `bun:"table:gateways,alias:gw"`

	Writer    string  `bun:"writer,pk"`
	Kind      string  `bun:"kind,notnull"` // gateway or portal
	Name      string  `bun:"name,notnull"` // of the machine
	Address   string  `bun:"address,notnull"`
	StartedAt Instant `bun:"started_at,notnull"` // wall time, as all here
	SeenAt    Instant `bun:"seen_at,notnull"`
	StoppedAt Instant `bun:"stopped_at,nullzero"`
	CaughtUp  int64   `bun:"caught_up,notnull"` // number of the last access change it has heard of
	Served    int64   `bun:"served,notnull"`    // calls since it started
	Refused   int64   `bun:"refused,notnull"`
	Failed    int64   `bun:"failed,notnull"` // upstream did not answer, or nothing could be recorded
	InFlight  int64   `bun:"in_flight,notnull"`
	Problem   string  `bun:"problem,notnull"`
}

// A GatewayCount is what a writer counted in its memory, beside the ledger, of a
// subscription's calls in one hour. It may lag by seconds, and loses the last of
// them when the process dies.
type GatewayCount struct {
	bun.BaseModel `bun:"table:gateway_counts,alias:gn"`

	Writer         string   `bun:"writer,pk"`
	SubscriptionID int64    `bun:"subscription_id,pk"`
	PolicyID       int64    `bun:"policy_id,pk"`
	Hour           Instant  `bun:"hour,pk"`
	TenantID       TenantID `bun:"tenant_id,notnull"`
	Calls          int64    `bun:"calls,notnull"`
	Quantity       int64    `bun:"quantity,notnull"`
	Refused        int64    `bun:"refused,notnull"` // turned away by the limits of the plan
}

// A QuotaLease lets a gateway serve some units of a subscription's quota without
// asking again.
type QuotaLease struct {
	bun.BaseModel `bun:"table:quota_leases,alias:ql"`

	SubscriptionID int64   `bun:"subscription_id,pk"`
	WindowStart    Instant `bun:"window_start,pk"`
	Writer         string  `bun:"writer,pk"`
	Units          int64   `bun:"units,notnull"`
	ExpiresAt      Instant `bun:"expires_at,notnull"` // wall time
}

// A UsageEvent is a CloudEvent that was taken in, so that it is counted once.
type UsageEvent struct {
	bun.BaseModel `bun:"table:usage_events,alias:ue"`

	TenantID       TenantID `bun:"tenant_id,pk"`
	Source         string   `bun:"source,pk"`
	EventID        string   `bun:"event_id,pk"`
	SubscriptionID int64    `bun:"subscription_id,notnull"`
	ReceivedAt     Instant  `bun:"received_at,notnull"` // wall time
}
