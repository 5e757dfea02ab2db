package models

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/feature"
)

// A Gateway is a process that writes to the ledger, from its start to its stop.
type Gateway struct {
	bun.BaseModel `bun:"table:gateways,alias:gw"`

	Writer    string  `bun:"writer,pk"`
	Kind      string  `bun:"kind,notnull"` // gateway or portal
	Name      string  `bun:"name,notnull"` // of the machine
	Address   string  `bun:"address,notnull"`
	StartedAt Instant `bun:"started_at,notnull"` // wall time, as all here
	SeenAt    Instant `bun:"seen_at,notnull"`
	StoppedAt Instant `bun:"stopped_at,nullzero"`
	CaughtUp  int64   `bun:"caught_up,notnull"` // number of the last access change it has heard of
	Served    int64   `bun:"served,notnull"`    // calls since it started
	Refused   int64   `bun:"refused,notnull"`
	Failed    int64   `bun:"failed,notnull"` // upstream did not answer, or nothing could be recorded
	InFlight  int64   `bun:"in_flight,notnull"`
	Problem   string  `bun:"problem,notnull"`
}

// A GatewayCount is what a writer counted in its memory, beside the ledger, of a
// subscription's calls in one hour. It may lag by seconds, and loses the last of
// them when the process dies.
type GatewayCount struct {
	bun.BaseModel `bun:"table:gateway_counts,alias:gn"`

	Writer         string   `bun:"writer,pk"`
	SubscriptionID int64    `bun:"subscription_id,pk"`
	PolicyID       int64    `bun:"policy_id,pk"`
	Hour           Instant  `bun:"hour,pk"`
	TenantID       TenantID `bun:"tenant_id,notnull"`
	Calls          int64    `bun:"calls,notnull"`
	Quantity       int64    `bun:"quantity,notnull"`
	Refused        int64    `bun:"refused,notnull"` // turned away by the limits of the plan
}

// A QuotaLease lets a gateway serve some units of a subscription's quota without
// asking again.
type QuotaLease struct {
	bun.BaseModel `bun:"table:quota_leases,alias:ql"`

	SubscriptionID int64   `bun:"subscription_id,pk"`
	WindowStart    Instant `bun:"window_start,pk"`
	Writer         string  `bun:"writer,pk"`
	Units          int64   `bun:"units,notnull"`
	ExpiresAt      Instant `bun:"expires_at,notnull"` // wall time
}

// A UsageEvent is a CloudEvent that was taken in, so that it is counted once.
type UsageEvent struct {
	bun.BaseModel `bun:"table:usage_events,alias:ue"`

	TenantID       TenantID `bun:"tenant_id,pk"`
	Source         string   `bun:"source,pk"`
	EventID        string   `bun:"event_id,pk"`
	SubscriptionID int64    `bun:"subscription_id,notnull"`
	ReceivedAt     Instant  `bun:"received_at,notnull"` // wall time
}

// SaveGateway writes g, which only its own process does.
func SaveGateway(ctx context.Context, db bun.IDB, g Gateway) error {
	q := db.NewInsert().Model(&g)
	_, err := overwrite(q, "writer", "seen_at", "stopped_at", "caught_up", "served", "refused", "failed", "in_flight", "problem").Exec(ctx)
	return wrote(err, "Gateway")
}

// overwrite makes an insert replace the columns named of the row that is there
// already. key is the primary key.
func overwrite(q *bun.InsertQuery, key string, columns ...string) *bun.InsertQuery {
	value := "? = EXCLUDED.?"
	if q.DB().HasFeature(feature.InsertOnDuplicateKey) {
		value = "? = VALUES(?)"
		q = q.On("DUPLICATE KEY UPDATE")
	} else {
		q = q.On("CONFLICT (" + key + ") DO UPDATE")
	}
	for _, c := range columns {
		q = q.Set(value, bun.Ident(c), bun.Ident(c))
	}
	return q
}

// GatewaysSeenSince returns the gateways and portals that have said something since
// then, by name and start.
func GatewaysSeenSince(ctx context.Context, db bun.IDB, since Instant) ([]Gateway, error) {
	var gs []Gateway
	err := db.NewSelect().Model(&gs).Where("gw.seen_at >= ?", since).OrderExpr("gw.kind, gw.name, gw.started_at, gw.writer").Scan(ctx)
	return gs, found(err, "Gateways")
}

// SaveGatewayCounts writes counts. They are absolute, so that writing them again
// changes nothing.
func SaveGatewayCounts(ctx context.Context, db bun.IDB, counts []GatewayCount) error {
	if len(counts) == 0 {
		return nil
	}
	q := overwrite(db.NewInsert().Model(&counts), "subscription_id, policy_id, hour, writer", "calls", "quantity", "refused")
	_, err := q.Exec(ctx)
	return wrote(err, "Counts")
}

// GatewayCountOf returns what is stored under the key of c, which is c itself with
// nothing counted when nothing is.
func GatewayCountOf(ctx context.Context, db bun.IDB, c GatewayCount) (GatewayCount, error) {
	c.Calls, c.Quantity, c.Refused = 0, 0, 0
	stored := c
	err := db.NewSelect().Model(&stored).WherePK().Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	return stored, found(err, "Count")
}

// UsageEventsKnown returns which of the ids of a tenant's source were taken in before.
func UsageEventsKnown(ctx context.Context, db bun.IDB, tenant TenantID, source string, ids []string) ([]string, error) {
	var known []string
	for chunk := range slices.Chunk(ids, 500) {
		var some []string
		err := db.NewSelect().Model((*UsageEvent)(nil)).Column("event_id").
			Where("ue.tenant_id = ? AND ue.source = ? AND ue.event_id IN (?)", tenant, source, bun.In(chunk)).Scan(ctx, &some)
		if err != nil {
			return nil, found(err, "Events")
		}
		known = append(known, some...)
	}
	return known, nil
}

// InsertUsageEvents adds events. It fails when one of them is known already.
func InsertUsageEvents(ctx context.Context, db bun.IDB, events []UsageEvent) error {
	for chunk := range slices.Chunk(events, 500) {
		if _, err := db.NewInsert().Model(&chunk).Exec(ctx); err != nil {
			return wrote(err, "Events")
		}
	}
	return nil
}

// ForgetUsageEvents removes at most limit events that were received before then, and
// returns how many it removed.
func ForgetUsageEvents(ctx context.Context, db bun.IDB, before Instant, limit int) (int64, error) {
	var old []UsageEvent
	err := db.NewSelect().Model(&old).Where("ue.received_at < ?", before).OrderExpr("ue.received_at").Limit(int64(limit)).Scan(ctx)
	if err != nil || len(old) == 0 {
		return 0, found(err, "Events")
	}
	res, err := db.NewDelete().Model(&old).WherePK().Exec(ctx)
	if err != nil {
		return 0, wrote(err, "Events")
	}
	return res.RowsAffected()
}
