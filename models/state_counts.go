package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A StateCount is how many rows are in a state, and when the oldest of them came.
type StateCount struct {
	State  string  `bun:"state"`
	Count  int64   `bun:"n"`
	Oldest Instant `bun:"oldest"`
}

// JobStates counts the jobs of all tenants by state, with when the oldest was staged.
func JobStates(ctx context.Context, db bun.IDB) ([]StateCount, error) {
	var cs []StateCount
	err := db.NewSelect().Model((*Job)(nil)).ColumnExpr("j.state, COUNT(*) AS n, MIN(j.created_at) AS oldest").
		GroupExpr("j.state").OrderExpr("j.state").Scan(ctx, &cs)
	return cs, found(err, "Work")
}

// WindowStates counts the windows of usage of all tenants by state, with when the
// oldest was sealed, by business time.
func WindowStates(ctx context.Context, db bun.IDB) ([]StateCount, error) {
	var cs []StateCount
	err := db.NewSelect().Model((*UsageWindow)(nil)).ColumnExpr("uw.state, COUNT(*) AS n, MIN(uw.sealed_at) AS oldest").
		GroupExpr("uw.state").OrderExpr("uw.state").Scan(ctx, &cs)
	return cs, found(err, "Windows")
}

// EventStates counts the events of all tenants by state, with when the oldest came.
func EventStates(ctx context.Context, db bun.IDB) ([]StateCount, error) {
	var cs []StateCount
	err := db.NewSelect().Model((*StripeEvent)(nil)).ColumnExpr("ev.state, COUNT(*) AS n, MIN(ev.received_at) AS oldest").
		GroupExpr("ev.state").OrderExpr("ev.state").Scan(ctx, &cs)
	return cs, found(err, "Events")
}
