package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A LedgerHour is an hour of a subscription under one plan in which ledger rows
// belong to no window yet.
type LedgerHour struct {
	Hour           Instant  `bun:"hour"`
	SubscriptionID int64    `bun:"subscription_id"`
	PolicyID       int64    `bun:"policy_id"`
	TenantID       TenantID `bun:"tenant_id"`
}

// UnsealedHours returns at most limit hours, up to the one that begins at through,
// with ledger rows in no window: those after an hour that was returned before, the
// oldest first.
func UnsealedHours(ctx context.Context, db bun.IDB, through Instant, after LedgerHour, limit int) ([]LedgerHour, error) {
	var hs []LedgerHour
	err := unsealed(db).Where("ul.hour <= ?", through).
		Where("ul.hour > ? OR (ul.hour = ? AND (ul.subscription_id > ? OR (ul.subscription_id = ? AND ul.policy_id > ?)))",
			after.Hour, after.Hour, after.SubscriptionID, after.SubscriptionID, after.PolicyID).
		Limit(int64(limit)).Scan(ctx, &hs)
	return hs, found(err, "Calls")
}

// UnsealedHoursOf returns the hours of a subscription from one on with ledger rows
// in no window, the oldest first.
func UnsealedHoursOf(ctx context.Context, db bun.IDB, subscription int64, from Instant) ([]LedgerHour, error) {
	var hs []LedgerHour
	err := unsealed(db).Where("ul.subscription_id = ? AND ul.hour >= ?", subscription, from).Scan(ctx, &hs)
	return hs, found(err, "Calls")
}

func unsealed(db bun.IDB) *bun.SelectQuery {
	return db.NewSelect().Model((*LedgerRow)(nil)).
		ColumnExpr("ul.hour, ul.subscription_id, ul.policy_id, MIN(ul.tenant_id) AS tenant_id").
		Where("ul.todo = ?", ToSend).
		GroupExpr("ul.hour, ul.subscription_id, ul.policy_id").OrderExpr("ul.hour, ul.subscription_id, ul.policy_id")
}

// FirstUnsealedHour returns the oldest hour with ledger rows in no window; zero when
// there is none.
func FirstUnsealedHour(ctx context.Context, db bun.IDB) (Instant, error) {
	var hours []Instant
	err := db.NewSelect().Model((*LedgerRow)(nil)).Column("hour").Where("ul.todo = ?", ToSend).
		OrderExpr("ul.todo, ul.hour").Limit(1).Scan(ctx, &hours)
	if err != nil || len(hours) == 0 {
		return 0, found(err, "Calls")
	}
	return hours[0], nil
}

// FirstUnsealed returns when the oldest call of an hour happened that belongs to no
// window, from one instant on and before another; zero when there is none.
func FirstUnsealed(ctx context.Context, db bun.IDB, h LedgerHour, from, to Instant) (Instant, error) {
	var at Instant
	err := db.NewSelect().Model((*LedgerRow)(nil)).ColumnExpr("COALESCE(MIN(ul.first_at), 0)").
		Where("ul.subscription_id = ? AND ul.hour = ? AND ul.policy_id = ? AND ul.todo = ?", h.SubscriptionID, h.Hour, h.PolicyID, ToSend).
		Where("ul.first_at >= ? AND ul.first_at < ?", from, to).Scan(ctx, &at)
	return at, found(err, "Calls")
}

// SealLedger puts the ledger rows of w's span that belong to no window into w, and
// returns what they add up to: how many rows, calls and units. A row that commits
// meanwhile stays for the next revision.
func SealLedger(ctx context.Context, tx bun.Tx, w UsageWindow) (rows, calls, units int64, err error) {
	hour := HourOf(w.Start)
	_, err = tx.NewUpdate().Model((*LedgerRow)(nil)).
		Set("window_id = ?", w.ID).Set("todo = CASE WHEN kind = ? THEN NULL ELSE ? END", LedgerCorrection, ToPack).
		Where("subscription_id = ? AND hour = ? AND policy_id = ? AND todo = ?", w.SubscriptionID, hour, w.PolicyID, ToSend).
		Where("first_at >= ? AND first_at < ?", w.Start, w.End).Exec(ctx)
	if err != nil {
		return 0, 0, 0, wrote(err, "Calls")
	}
	err = tx.NewSelect().Model((*LedgerRow)(nil)).
		ColumnExpr("COUNT(*), COALESCE(SUM(ul.calls), 0), COALESCE(SUM(ul.quantity), 0)").
		Where("ul.subscription_id = ? AND ul.hour = ? AND ul.window_id = ?", w.SubscriptionID, hour, w.ID).
		Scan(ctx, &rows, &calls, &units)
	return rows, calls, units, found(err, "Calls")
}

// HourOf returns the start of the UTC hour of an instant.
func HourOf(at Instant) Instant { return at - at%hourMs }

const hourMs = 3_600_000

// FirstUnsealedHourOf is FirstUnsealedHour of one tenant.
func FirstUnsealedHourOf(ctx context.Context, db bun.IDB, tenant TenantID) (Instant, error) {
	var at Instant
	err := db.NewSelect().Model((*LedgerRow)(nil)).ColumnExpr("COALESCE(MIN(ul.hour), 0)").
		Where("ul.todo = ? AND ul.tenant_id = ?", ToSend, tenant).Scan(ctx, &at)
	return at, found(err, "Calls")
}
