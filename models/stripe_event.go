package models

import (
	"context"

	"github.com/uptrace/bun"
)

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

// WebhookEndpoints returns the tenant's endpoints, by scope.
func WebhookEndpoints(ctx context.Context, db bun.IDB, tenant TenantID) ([]WebhookEndpoint, error) {
	var es []WebhookEndpoint
	err := db.NewSelect().Model(&es).Where("we.tenant_id = ?", tenant).OrderExpr("we.scope").Scan(ctx)
	return es, found(err, "Webhook endpoints")
}

// HoldWebhookEndpoint returns the endpoint of e's tenant and scope, made like e
// when there is none, and keeps others from changing it until the transaction ends.
func HoldWebhookEndpoint(ctx context.Context, tx bun.Tx, e WebhookEndpoint) (WebhookEndpoint, error) {
	if _, err := once(tx.NewInsert().Model(&e), "id").Exec(ctx); err != nil {
		return e, wrote(err, "Webhook endpoint")
	}
	mine := "tenant_id = ? AND scope = ?"
	if _, err := tx.NewUpdate().Model((*WebhookEndpoint)(nil)).Set("version = version + 1").
		Where(mine, e.TenantID, e.Scope).Exec(ctx); err != nil {
		return e, wrote(err, "Webhook endpoint")
	}
	var held WebhookEndpoint
	err := tx.NewSelect().Model(&held).Where(mine, e.TenantID, e.Scope).Scan(ctx)
	return held, found(err, "Webhook endpoint")
}

// SaveWebhookEndpoint writes e back if nobody has written it since it was read.
func SaveWebhookEndpoint(ctx context.Context, db bun.IDB, e WebhookEndpoint) error {
	read := e.Version
	e.Version++
	res, err := db.NewUpdate().Model(&e).WherePK().Where("tenant_id = ? AND version = ?", e.TenantID, read).Exec(ctx)
	return stale(res, err, "Webhook endpoint")
}
