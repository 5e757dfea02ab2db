package models

import "github.com/uptrace/bun"

// A WebhookEndpoint is where Stripe sends a tenant's events: one for its connected
// accounts, one for its own objects. Secrets are in the secrets table.
type WebhookEndpoint struct {
	bun.BaseModel `bun:"table:webhook_endpoints,alias:we"`

	ID         string   `bun:"id,pk"`
	TenantID   TenantID `bun:"tenant_id,notnull"`
	Scope      string   `bun:"scope,notnull"`      // connect or platform
	StripeID   string   `bun:"stripe_id,nullzero"` // we_…; "" when the secret was typed in
	URL        string   `bun:"url,notnull"`
	APIVersion string   `bun:"api_version,notnull"` // "" when not known
	CreatedAt  Instant  `bun:"created_at,notnull"`
	Version    int64    `bun:"version,notnull"`
}

// The states of a received event.
const (
	EventWaiting = "waiting" // stored, work is staged
	EventDone    = "done"
	EventIgnored = "ignored" // outcome says why
	EventFailed  = "failed"
)

// A StripeEvent is one event received from Stripe, once. Its payload is not kept:
// state is read from Stripe, never from payloads.
type StripeEvent struct {
	bun.BaseModel `bun:"table:stripe_events,alias:ev"`

	TenantID    TenantID `bun:"tenant_id,pk"`
	ID          string   `bun:"event_id,pk"`
	Account     string   `bun:"account,notnull"` // "" for the platform's own
	Type        string   `bun:"type,notnull"`
	ObjectType  string   `bun:"object_type,notnull"`
	ObjectID    string   `bun:"object_id,notnull"`
	APIVersion  string   `bun:"api_version,notnull"`
	Livemode    bool     `bun:"livemode,notnull"`
	BodySHA256  string   `bun:"body_sha256,notnull"`
	Source      string   `bun:"source,notnull"` // webhook or fetched
	State       string   `bun:"state,notnull"`
	Outcome     string   `bun:"outcome,notnull"` // one sentence for the admin
	JobID       string   `bun:"job_id,nullzero"`
	CreatedAt   Instant  `bun:"created_at,notnull"`  // when it happened at Stripe
	ReceivedAt  Instant  `bun:"received_at,notnull"` // wall time
	ProcessedAt Instant  `bun:"processed_at,nullzero"`
}
