package models

import (
	"context"
	"slices"

	"github.com/uptrace/bun"
)

// An InvoiceScope narrows totals of invoices to those whose date lies from From
// (included) to To (excluded). Its other fields do not narrow when they are zero.
type InvoiceScope struct {
	Publisher    string // person id of the API's owner
	API          int64
	Subscription int64
	From, To     Instant
}

// An InvoiceSum is what issued invoices of one currency and status add up to, in
// minor units. Drafts and void invoices are in none.
type InvoiceSum struct {
	SubscriptionID int64   `bun:"subscription_id"` // 0 in sums by day
	APIID          int64   `bun:"api_id"`
	PolicyID       int64   `bun:"policy_id"` // the plan that the subscription has now
	Day            Instant `bun:"day"`       // start of the UTC day of their date; 0 in sums by subscription
	Currency       string  `bun:"currency"`
	Status         string  `bun:"status"` // as Stripe spells it
	Invoices       int64   `bun:"invoices"`
	TotalMinor     int64   `bun:"total_minor"`
	DueMinor       int64   `bun:"due_minor"`
	PaidMinor      int64   `bun:"paid_minor"`
}

// sums adds the invoices in the scope up.
func (s InvoiceScope) sums(db bun.IDB, tenant TenantID) *bun.SelectQuery {
	q := db.NewSelect().TableExpr("invoices AS inv").
		ColumnExpr("inv.currency, inv.status, COUNT(*) AS invoices, SUM(inv.total_minor) AS total_minor").
		ColumnExpr("SUM(inv.amount_due_minor) AS due_minor, SUM(inv.amount_paid_minor) AS paid_minor").
		Join("JOIN am_subscription AS sub ON sub.subscription_id = inv.am_subscription_id").
		Where("inv.tenant_id = ? AND inv.created_at >= ? AND inv.created_at < ?", tenant, s.From, s.To).
		Where("inv.status NOT IN ('draft', 'void')")
	if s.Publisher != "" {
		q = q.Join("JOIN am_api AS api ON api.api_id = sub.api_id").Where("api.owner_id = ?", s.Publisher)
	}
	if s.API != 0 {
		q = q.Where("sub.api_id = ?", s.API)
	}
	if s.Subscription != 0 {
		q = q.Where("sub.subscription_id = ?", s.Subscription)
	}
	return q
}

// InvoiceSums adds up invoices by subscription, currency and status.
func InvoiceSums(ctx context.Context, db bun.IDB, tenant TenantID, s InvoiceScope) ([]InvoiceSum, error) {
	var sums []InvoiceSum
	err := s.sums(db, tenant).ColumnExpr("sub.subscription_id, MIN(sub.api_id) AS api_id, MIN(sub.policy_id) AS policy_id").
		GroupExpr("sub.subscription_id, inv.currency, inv.status").OrderExpr("sub.subscription_id, inv.currency, inv.status").Scan(ctx, &sums)
	return sums, found(err, "Invoices")
}

// InvoiceDays adds up invoices by day, currency and status, the oldest day first.
func InvoiceDays(ctx context.Context, db bun.IDB, tenant TenantID, s InvoiceScope) ([]InvoiceSum, error) {
	var sums []InvoiceSum
	err := s.sums(db, tenant).ColumnExpr("inv.created_at - inv.created_at % 86400000 AS day").
		GroupExpr("inv.created_at - inv.created_at % 86400000, inv.currency, inv.status").OrderExpr("day, inv.currency, inv.status").Scan(ctx, &sums)
	return sums, found(err, "Invoices")
}

// SubscriptionEntriesNumbered returns some of the tenant's subscriptions with their
// names, by number.
func SubscriptionEntriesNumbered(ctx context.Context, db bun.IDB, tenant TenantID, numbers []int64) (map[int64]SubscriptionEntry, error) {
	out := make(map[int64]SubscriptionEntry, len(numbers))
	for chunk := range slices.Chunk(numbers, 500) {
		var es []SubscriptionEntry
		if err := entries(db.NewSelect().Model(&es), tenant).Where("sub.subscription_id IN (?)", bun.In(chunk)).Scan(ctx); err != nil {
			return nil, found(err, "Subscriptions")
		}
		for _, e := range es {
			out[e.ID] = e
		}
	}
	return out, nil
}
