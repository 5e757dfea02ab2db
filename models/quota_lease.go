package models

import (
	"context"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/feature"
)

// UsedUnits returns the units that the ledger has of a subscription from one
// business time on and, unless that is zero, before the start of another hour. A row
// that packs an hour in which from lies does not count, because nobody can tell how
// much of it came later; windows that begin with an hour have none.
func UsedUnits(ctx context.Context, db bun.IDB, subscription int64, from, before Instant) (int64, error) {
	var units int64
	q := db.NewSelect().Model((*LedgerRow)(nil)).ColumnExpr("COALESCE(SUM(ul.quantity), 0)").
		Where("ul.subscription_id = ? AND ul.hour >= ? AND ul.first_at >= ?", subscription, HourOf(from), from)
	if !before.IsZero() {
		q = q.Where("ul.hour < ?", before)
	}
	err := q.Scan(ctx, &units)
	return units, found(err, "Calls")
}

// quotaTerm is the writer of the row by whose lock the leases of a quota's window
// follow each other. Its units count them.
const quotaTerm = ""

// HoldQuota locks the leases of a quota's window until the transaction ends. The
// wall time now is when the lock was last used.
func HoldQuota(ctx context.Context, tx bun.Tx, subscription int64, window, now Instant) error {
	term := QuotaLease{SubscriptionID: subscription, WindowStart: window, Writer: quotaTerm, ExpiresAt: now}
	for {
		res, err := tx.NewUpdate().Model(&term).Set("units = units + 1").Set("expires_at = ?", now).WherePK().Exec(ctx)
		if held, err := inserted(res, err, "Quota"); err != nil || held {
			return err
		}
		if _, err := once(tx.NewInsert().Model(&term), "writer").Exec(ctx); err != nil {
			return wrote(err, "Quota")
		}
	}
}

// LeasedUnits returns the units that writers other than one have leased at wall time
// now. The caller holds the quota.
func LeasedUnits(ctx context.Context, tx bun.Tx, l QuotaLease, now Instant) (int64, error) {
	var units int64
	err := tx.NewSelect().Model((*QuotaLease)(nil)).ColumnExpr("COALESCE(SUM(ql.units), 0)").
		Where("ql.subscription_id = ? AND ql.window_start = ? AND ql.writer NOT IN (?, ?) AND ql.expires_at > ?",
			l.SubscriptionID, l.WindowStart, quotaTerm, l.Writer, now).Scan(ctx, &units)
	return units, found(err, "Leases")
}

// SaveQuotaLease makes l its writer's lease in its window. The caller holds the quota.
func SaveQuotaLease(ctx context.Context, tx bun.Tx, l QuotaLease) error {
	q := tx.NewInsert().Model(&l).Returning("NULL")
	if q.DB().HasFeature(feature.InsertOnDuplicateKey) {
		q = q.On("DUPLICATE KEY UPDATE").Set("units = VALUES(units), expires_at = VALUES(expires_at)")
	} else {
		q = q.On("CONFLICT (subscription_id, window_start, writer) DO UPDATE").Set("units = EXCLUDED.units, expires_at = EXCLUDED.expires_at")
	}
	_, err := q.Exec(ctx)
	return wrote(err, "Lease")
}

// ExtendQuotaLeases makes leases of a writer, in use by these subscriptions and not
// expired at wall time now, expire at another time.
func ExtendQuotaLeases(ctx context.Context, db bun.IDB, writer string, subscriptions []int64, now, until Instant) error {
	if len(subscriptions) == 0 {
		return nil
	}
	_, err := db.NewUpdate().Model((*QuotaLease)(nil)).Set("expires_at = ?", until).
		Where("subscription_id IN (?) AND writer = ? AND expires_at > ?", bun.In(subscriptions), writer, now).Exec(ctx)
	return wrote(err, "Leases")
}

// DeleteQuotaLeases gives back what a writer has leased.
func DeleteQuotaLeases(ctx context.Context, db bun.IDB, writer string) error {
	_, err := db.NewDelete().Model((*QuotaLease)(nil)).Where("writer = ?", writer).Exec(ctx)
	return wrote(err, "Leases")
}

// DeleteExpiredQuotaLeases removes leases that expired, and locks that were not used,
// since a wall time.
func DeleteExpiredQuotaLeases(ctx context.Context, db bun.IDB, since Instant) error {
	_, err := db.NewDelete().Model((*QuotaLease)(nil)).Where("expires_at < ?", since).Exec(ctx)
	return wrote(err, "Leases")
}
