package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A LedgerScope is whose calls are read: those of a tenant's subscriptions that are
// listed, or that are to APIs listed, or all. A scope that lists none has none.
type LedgerScope struct {
	Tenant        TenantID
	All           bool    // of the tenant
	Subscriptions []int64 // else these
	APIs          []int64 // else those to these APIs
	Policy        int64   // under this plan only; 0: under any
}

// Empty reports whether s has no calls by its own words.
func (s LedgerScope) Empty() bool { return !s.All && len(s.Subscriptions) == 0 && len(s.APIs) == 0 }

func (s LedgerScope) of(q *bun.SelectQuery) *bun.SelectQuery {
	q = q.Where("ul.tenant_id = ?", s.Tenant)
	switch {
	case s.All:
		q = q.Where("ul.subscription_id IN (SELECT subscription_id FROM am_subscription WHERE tenant_id = ?)", s.Tenant)
	case len(s.Subscriptions) > 0:
		q = q.Where("ul.subscription_id IN (?)", bun.In(s.Subscriptions))
	default:
		q = q.Where("ul.subscription_id IN (SELECT subscription_id FROM am_subscription WHERE tenant_id = ? AND api_id IN (?))", s.Tenant, bun.In(s.APIs))
	}
	if s.Policy != 0 {
		q = q.Where("ul.policy_id = ?", s.Policy)
	}
	return q
}

// A LedgerSum is what ledger rows add up to. Fields that are not summed by are 0.
type LedgerSum struct {
	At             Instant `bun:"at"` // start of the UTC hour or day
	SubscriptionID int64   `bun:"subscription_id"`
	APIID          int64   `bun:"api_id"`
	PolicyID       int64   `bun:"policy_id"`
	Calls          int64   `bun:"calls"`
	Counted        int64   `bun:"counted"`
	Quantity       int64   `bun:"quantity"`
}

// LedgerSumBy says what sums are made for. Its zero value makes one sum of all.
type LedgerSumBy struct {
	Step                      Instant // an hour or a day, in milliseconds; 0: not by time
	Subscription, API, Policy bool
}

func (by LedgerSumBy) columns(q *bun.SelectQuery) *bun.SelectQuery {
	if by.Step != 0 {
		q = q.ColumnExpr("ul.last_at - ul.last_at % ? AS at", by.Step).GroupExpr("ul.last_at - ul.last_at % ?", by.Step)
	}
	for column, is := range map[string]bool{"subscription_id": by.Subscription, "api_id": by.API, "policy_id": by.Policy} {
		if is {
			q = q.ColumnExpr("ul.?", bun.Ident(column)).GroupExpr("ul.?", bun.Ident(column))
		}
	}
	return q
}

// SumLedger adds up the rows that lie from from (included) to to (excluded) as a
// whole. It reads nothing but the index usage_ledger_time.
func SumLedger(ctx context.Context, db bun.IDB, s LedgerScope, by LedgerSumBy, from, to Instant) ([]LedgerSum, error) {
	var sums []LedgerSum
	q := db.NewSelect().Model((*LedgerRow)(nil)).
		ColumnExpr("COALESCE(SUM(ul.calls), 0) AS calls, COALESCE(SUM(ul.counted), 0) AS counted, COALESCE(SUM(ul.quantity), 0) AS quantity").
		Where("ul.last_at >= ? AND ul.last_at < ? AND ul.first_at >= ?", from, to, from)
	err := by.columns(s.of(q)).Scan(ctx, &sums)
	return sums, found(err, "Calls")
}

const anHour Instant = 3_600_000 // milliseconds

// LedgerRowsAcross returns the rows that begin before an instant and end at or after it.
func LedgerRowsAcross(ctx context.Context, db bun.IDB, s LedgerScope, at Instant) ([]LedgerRow, error) {
	if at%anHour == 0 {
		return nil, nil
	}
	var rows []LedgerRow
	err := s.of(db.NewSelect().Model(&rows)).
		Where("ul.last_at >= ? AND ul.last_at < ? AND ul.first_at < ?", at, at-at%anHour+anHour, at).Scan(ctx)
	return rows, found(err, "Calls")
}

// NewestLedgerRow returns the row with the subscription's newest call without its
// detail, and false when there is none.
func NewestLedgerRow(ctx context.Context, db bun.IDB, tenant TenantID, subscription int64) (LedgerRow, bool, error) {
	var rows []LedgerRow
	err := db.NewSelect().Model(&rows).ExcludeColumn("detail").
		Where("ul.subscription_id = ? AND ul.tenant_id = ?", subscription, tenant).
		OrderExpr("ul.last_at DESC").Limit(1).Scan(ctx)
	if err != nil || len(rows) == 0 {
		return LedgerRow{}, false, found(err, "Calls")
	}
	return rows[0], true, nil
}

// A LedgerLog asks for rows of single calls of a subscription.
type LedgerLog struct {
	Tenant       TenantID
	Subscription int64
	Counted      bool // only rows with calls that count
	Uncounted    bool // only rows with calls that do not
}

func (l LedgerLog) of(q *bun.SelectQuery) *bun.SelectQuery {
	q = q.Where("ul.subscription_id = ? AND ul.tenant_id = ? AND ul.kind <> ?", l.Subscription, l.Tenant, LedgerCorrection)
	if l.Counted {
		q = q.Where("ul.counted > 0")
	}
	if l.Uncounted {
		q = q.Where("ul.counted < ul.calls")
	}
	return q
}

// LedgerRowsBefore returns at most limit rows that end before an instant, those that
// end last first.
func LedgerRowsBefore(ctx context.Context, db bun.IDB, l LedgerLog, at Instant, limit int) ([]LedgerRow, error) {
	var rows []LedgerRow
	err := l.of(db.NewSelect().Model(&rows)).Where("ul.last_at < ?", at).OrderExpr("ul.last_at DESC").Limit(int64(limit)).Scan(ctx)
	return rows, found(err, "Calls")
}

// LedgerRowsEndingAt returns the rows that end at an instant.
func LedgerRowsEndingAt(ctx context.Context, db bun.IDB, l LedgerLog, at Instant) ([]LedgerRow, error) {
	var rows []LedgerRow
	err := l.of(db.NewSelect().Model(&rows)).Where("ul.last_at = ?", at).Scan(ctx)
	return rows, found(err, "Calls")
}

// LedgerRowsAround returns the rows that begin at or before an instant and end after
// it. Where packed is false, only rows of single calls are looked for, which are no
// longer than a second.
func LedgerRowsAround(ctx context.Context, db bun.IDB, l LedgerLog, at Instant, packed bool) ([]LedgerRow, error) {
	var rows []LedgerRow
	end := at - at%anHour + anHour
	if !packed {
		end = at - at%1000 + 1000
	}
	err := l.of(db.NewSelect().Model(&rows)).Where("ul.last_at > ? AND ul.last_at < ? AND ul.first_at <= ?", at, end, at).Scan(ctx)
	return rows, found(err, "Calls")
}
