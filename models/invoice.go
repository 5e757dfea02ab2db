package models

import (
	"context"

	"github.com/uptrace/bun"
)

// InvoiceAt returns the tenant's mirrored invoice called id in an account.
func InvoiceAt(ctx context.Context, db bun.IDB, tenant TenantID, account, id string) (Invoice, error) {
	var i Invoice
	err := db.NewSelect().Model(&i).
		Where("inv.account = ? AND inv.invoice_id = ? AND inv.tenant_id = ?", account, id, tenant).Scan(ctx)
	return i, found(err, "Invoice")
}

// InvoicesOf returns the mirrored invoices of a subscription, newest first.
func InvoicesOf(ctx context.Context, db bun.IDB, subscription int64) ([]Invoice, error) {
	var is []Invoice
	err := db.NewSelect().Model(&is).Where("inv.am_subscription_id = ?", subscription).
		OrderExpr("inv.created_at DESC, inv.invoice_id DESC").Scan(ctx)
	return is, found(err, "Invoices")
}

// InsertInvoice adds i.
func InsertInvoice(ctx context.Context, db bun.IDB, i Invoice) error {
	_, err := db.NewInsert().Model(&i).Exec(ctx)
	return wrote(err, "Invoice")
}

// SaveInvoice writes i back if nobody has written it since it was read.
func SaveInvoice(ctx context.Context, db bun.IDB, i Invoice) error {
	read := i.Version
	i.Version++
	res, err := db.NewUpdate().Model(&i).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Invoice")
}

// An InvoiceEntry is a mirrored invoice with the names that lists show.
type InvoiceEntry struct {
	Invoice          `bun:",extend"`
	SubscriptionUUID string `bun:"subscription_uuid,scanonly"`
	CatalogueName
	SubscriberName
}

// An InvoiceFilter narrows a list of invoices. Zero fields do not.
type InvoiceFilter struct {
	Person    string // owner of the application
	Publisher string // owner of the API
	Before    Instant
	BeforeID  string // with Before: where the page before ended
}

// InvoiceEntries returns at most limit mirrored invoices, newest first. Drafts,
// which may still change, are left out.
func InvoiceEntries(ctx context.Context, db bun.IDB, tenant TenantID, f InvoiceFilter, limit int) ([]InvoiceEntry, error) {
	var es []InvoiceEntry
	q := db.NewSelect().Model(&es).ColumnExpr("sub.uuid AS subscription_uuid").
		Join("JOIN am_subscription AS sub ON sub.subscription_id = inv.am_subscription_id")
	q = withNames(q).Where("inv.tenant_id = ? AND inv.status <> 'draft'", tenant)
	if f.Person != "" {
		q = q.Where("sr.person_id = ?", f.Person)
	}
	if f.Publisher != "" {
		q = q.Where("api.owner_id = ?", f.Publisher)
	}
	if !f.Before.IsZero() {
		q = q.Where("inv.created_at < ? OR (inv.created_at = ? AND inv.invoice_id < ?)", f.Before, f.Before, f.BeforeID)
	}
	err := q.OrderExpr("inv.created_at DESC, inv.invoice_id DESC").Limit(int64(limit)).Scan(ctx)
	return es, found(err, "Invoices")
}
