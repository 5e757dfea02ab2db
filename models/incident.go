package models

import (
	"context"

	"github.com/uptrace/bun"
)

// The kinds of a payment incident.
const (
	IncidentRefund    = "refund"
	IncidentDispute   = "dispute"
	IncidentDuplicate = "duplicate" // paid twice for one wish; the second payment waits to be given back
)

// A PaymentIncident is money of a subscription that went another way than planned.
type PaymentIncident struct {
	bun.BaseModel `bun:"table:payment_incidents,alias:pi"`

	Account          string   `bun:"account,pk"`
	ID               string   `bun:"id,pk"` // Stripe's: re_…, dp_…, or sub_… of a duplicate
	TenantID         TenantID `bun:"tenant_id,notnull"`
	AMSubscriptionID int64    `bun:"am_subscription_id,notnull"`
	Kind             string   `bun:"kind,notnull"`
	Status           string   `bun:"status,notnull"`  // as Stripe spells it
	Settled          bool     `bun:"settled,notnull"` // nothing more is to be done about it
	AmountMinor      int64    `bun:"amount_minor,notnull"`
	Currency         string   `bun:"currency,notnull"`
	Reason           string   `bun:"reason,notnull"`
	Charge           string   `bun:"charge,nullzero"`
	InvoiceID        string   `bun:"invoice_id,nullzero"`
	DueBy            Instant  `bun:"due_by,nullzero"` // when evidence is due
	CreatedAt        Instant  `bun:"created_at,notnull"`
	UpdatedAt        Instant  `bun:"updated_at,notnull"`
	Version          int64    `bun:"version,notnull"`
}

// IncidentAt returns the tenant's incident with an id of Stripe's in an account.
func IncidentAt(ctx context.Context, db bun.IDB, tenant TenantID, account, id string) (PaymentIncident, error) {
	var p PaymentIncident
	err := db.NewSelect().Model(&p).Where("pi.account = ? AND pi.id = ? AND pi.tenant_id = ?", account, id, tenant).Scan(ctx)
	return p, found(err, "Incident")
}

// IncidentsOf returns the incidents of a subscription, newest first.
func IncidentsOf(ctx context.Context, db bun.IDB, subscription int64) ([]PaymentIncident, error) {
	var ps []PaymentIncident
	err := db.NewSelect().Model(&ps).Where("pi.am_subscription_id = ?", subscription).
		OrderExpr("pi.created_at DESC, pi.id DESC").Scan(ctx)
	return ps, found(err, "Incidents")
}

// InsertIncident adds p, and reports false when it is there already.
func InsertIncident(ctx context.Context, db bun.IDB, p PaymentIncident) (bool, error) {
	res, err := once(db.NewInsert().Model(&p), "id").Exec(ctx)
	return inserted(res, err, "Incident")
}

// SaveIncident writes p back if nobody has written it since it was read.
func SaveIncident(ctx context.Context, db bun.IDB, p PaymentIncident) error {
	read := p.Version
	p.Version++
	res, err := db.NewUpdate().Model(&p).WherePK().Where("tenant_id = ? AND version = ?", p.TenantID, read).Exec(ctx)
	return stale(res, err, "Incident")
}
