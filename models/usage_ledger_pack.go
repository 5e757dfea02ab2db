package models

import (
	"context"
	"errors"

	"github.com/uptrace/bun"
)

// A LedgerSpan is an hour of one subscription.
type LedgerSpan struct {
	Hour           Instant `bun:"hour"`
	SubscriptionID int64   `bun:"subscription_id"`
}

// NextLedgerSpan returns the oldest hour after another, and before an instant, with
// rows that have something to be done, and false when there is none.
func NextLedgerSpan(ctx context.Context, db bun.IDB, todo int, after LedgerSpan, before Instant) (LedgerSpan, bool, error) {
	var spans []LedgerSpan
	err := db.NewSelect().Model((*LedgerRow)(nil)).Column("hour", "subscription_id").
		Where("ul.todo = ? AND ul.hour >= ? AND ul.hour < ?", todo, after.Hour, before).
		Where("(ul.hour, ul.subscription_id) > (?, ?)", after.Hour, after.SubscriptionID).
		OrderExpr("ul.todo, ul.hour, ul.subscription_id").Limit(1).Scan(ctx, &spans)
	if err != nil || len(spans) == 0 {
		return LedgerSpan{}, false, found(err, "Calls")
	}
	return spans[0], true, nil
}

// LedgerRowsToDo returns at most limit rows of an hour that have something to be done
// and follow another, in the order of their numbers, with their details or without.
func LedgerRowsToDo(ctx context.Context, db bun.IDB, s LedgerSpan, todo int, after LedgerRow, details bool, limit int) ([]LedgerRow, error) {
	var rows []LedgerRow
	q := db.NewSelect().Model(&rows).
		Where("ul.subscription_id = ? AND ul.hour = ? AND ul.todo = ?", s.SubscriptionID, s.Hour, todo).
		Where("(ul.writer, ul.epoch, ul.seq_from) > (?, ?, ?)", after.Writer, after.Epoch, after.SeqFrom).
		OrderExpr("ul.subscription_id, ul.hour, ul.writer, ul.epoch, ul.seq_from").Limit(int64(limit))
	if !details {
		q = q.ExcludeColumn("detail")
	}
	return rows, found(q.Scan(ctx), "Calls")
}

// errLedgerCover says that a packed row would not have covered what it was made of.
var errLedgerCover = errors.New("models: a packed row covers other rows than it was made of")

// PackLedgerRows puts packed in the place of the n rows that it covers, first the
// first of them. It reports false when somebody else is doing so.
func PackLedgerRows(ctx context.Context, tx bun.Tx, first, packed LedgerRow, n int64) (bool, error) {
	claim := KeepLedgerRow
	if packed.Detail == nil {
		claim = ForgetLedgerRow
	}
	if mine, err := claim(ctx, tx, first); err != nil || !mine {
		return false, err
	}
	if _, err := tx.NewInsert().Model(&packed).Exec(ctx); err != nil {
		return false, wrote(err, "Calls")
	}
	res, err := tx.NewDelete().Model((*LedgerRow)(nil)).
		Where("subscription_id = ? AND hour = ? AND writer = ? AND epoch = ?", packed.SubscriptionID, packed.Hour, packed.Writer, packed.Epoch).
		Where("seq_from BETWEEN ? AND ? AND seq_to <= ?", packed.SeqFrom, packed.SeqTo, packed.SeqTo).
		Where("NOT (seq_from = ? AND seq_to = ?)", packed.SeqFrom, packed.SeqTo).Exec(ctx)
	if err != nil {
		return false, wrote(err, "Calls")
	}
	if gone, err := res.RowsAffected(); err != nil || gone != n {
		return false, errors.Join(errLedgerCover, err)
	}
	return true, nil
}

// KeepLedgerRow says that a row is packed as it is. It reports false when that, or
// something else, has been done already.
func KeepLedgerRow(ctx context.Context, db bun.IDB, r LedgerRow) (bool, error) {
	res, err := db.NewUpdate().Model(&r).Set("todo = ?", ToForget).WherePK().Where("todo = ?", ToPack).Exec(ctx)
	return inserted(res, err, "Calls")
}

// ForgetLedgerRow forgets the single calls of a row. It reports false when that has
// been done already.
func ForgetLedgerRow(ctx context.Context, db bun.IDB, r LedgerRow) (bool, error) {
	res, err := db.NewUpdate().Model(&r).Set("todo = NULL").Set("detail = NULL").WherePK().Where("todo = ?", ToForget).Exec(ctx)
	return inserted(res, err, "Calls")
}
