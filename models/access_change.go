package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/feature"
)

// The kinds of object that a gateway's answer to a call depends on.
const (
	ChangedKey          = "key"
	ChangedApplication  = "application"
	ChangedSubscription = "subscription"
	ChangedAPI          = "api"
	ChangedPolicy       = "policy"
	ChangedTenant       = "tenant"
)

// changeCounter is the row whose lock puts access changes in the order in which
// they are committed.
const changeCounter = "counter"

// An AccessChange says that what a gateway may remember of an object is out of
// date. Numbers are given out under a lock that is held until the commit, so
// whoever has read up to a number misses nothing below it.
type AccessChange struct {
	bun.BaseModel `bun:"table:access_changes,alias:ac"`

	Kind     string `bun:"kind,pk"`
	ObjectID string `bun:"object_id,pk"`
	Number   int64  `bun:"number,notnull"`
}

// ErrOutsideTx is returned by writes that gateways have to hear of when they are
// made outside InTx.
var ErrOutsideTx = errors.New("models: access was changed outside a transaction")

// notesKey is where a transaction's context keeps its notes.
type notesKey struct{}

// notes are the objects that a transaction has changed.
type notes struct{ objects []AccessChange }

// noting makes a transaction tell the gateways what it changed, as its last
// statement, so that the counter's row is locked for as short as can be.
func noting(fn func(ctx context.Context, tx bun.Tx) error) func(ctx context.Context, tx bun.Tx) error {
	return func(ctx context.Context, tx bun.Tx) error {
		var n notes
		if err := fn(context.WithValue(ctx, notesKey{}, &n), tx); err != nil || len(n.objects) == 0 {
			return err
		}
		return n.write(ctx, tx)
	}
}

// changed notes that gateways have to forget an object. It must be called within InTx.
func changed(ctx context.Context, kind string, id int64) error {
	return changedNamed(ctx, kind, strconv.FormatInt(id, 10))
}

// changedNamed is changed for objects whose ids are texts.
func changedNamed(ctx context.Context, kind, id string) error {
	n, ok := ctx.Value(notesKey{}).(*notes)
	if !ok {
		return fmt.Errorf("%w: %s %s", ErrOutsideTx, kind, id)
	}
	c := AccessChange{Kind: kind, ObjectID: id}
	if !slices.Contains(n.objects, c) {
		n.objects = append(n.objects, c)
	}
	return nil
}

func (n *notes) write(ctx context.Context, tx bun.Tx) error {
	last, err := n.count(ctx, tx)
	if err != nil {
		return fmt.Errorf("models: count access changes: %w", err)
	}
	for i := range n.objects {
		n.objects[i].Number = last - int64(i)
	}
	q := tx.NewInsert().Model(&n.objects)
	if q.DB().HasFeature(feature.InsertOnDuplicateKey) {
		q = q.On("DUPLICATE KEY UPDATE").Set("number = VALUES(number)")
	} else {
		q = q.On("CONFLICT (kind, object_id) DO UPDATE").Set("number = EXCLUDED.number")
	}
	if _, err = q.Exec(ctx); err != nil {
		return fmt.Errorf("models: note access changes: %w", err)
	}
	return nil
}

// count gives out a number to each note, and returns the last of them.
func (n *notes) count(ctx context.Context, tx bun.Tx) (int64, error) {
	counter := AccessChange{Kind: changeCounter, ObjectID: changeCounter}
	for {
		res, err := tx.NewUpdate().Model(&counter).Set("number = number + ?", len(n.objects)).WherePK().Exec(ctx)
		if err != nil {
			return 0, err
		}
		if rows, err := res.RowsAffected(); err != nil {
			return 0, err
		} else if rows > 0 {
			err = tx.NewSelect().Model(&counter).WherePK().Scan(ctx)
			return counter.Number, err
		}
		if _, err := once(tx.NewInsert().Model(&counter), "kind").Exec(ctx); err != nil {
			return 0, err
		}
	}
}

// AccessChangesSince returns at most limit changes numbered above after, in order.
func AccessChangesSince(ctx context.Context, db bun.IDB, after int64, limit int) ([]AccessChange, error) {
	var cs []AccessChange
	err := db.NewSelect().Model(&cs).Where("ac.number > ? AND ac.kind <> ?", after, changeCounter).
		OrderExpr("ac.number").Limit(int64(limit)).Scan(ctx)
	return cs, found(err, "Changes")
}

// LastAccessChange returns the number of the newest change, 0 when there is none.
func LastAccessChange(ctx context.Context, db bun.IDB) (int64, error) {
	var number int64
	err := db.NewSelect().Model((*AccessChange)(nil)).ColumnExpr("COALESCE(MAX(ac.number), 0)").Scan(ctx, &number)
	if err != nil {
		return 0, fmt.Errorf("models: read access changes: %w", err)
	}
	return number, nil
}
