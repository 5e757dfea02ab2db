package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A TimelineEntry is one thing that happened to a subscription, as people read it.
// Rows are only ever added.
type TimelineEntry struct {
	bun.BaseModel `bun:"table:subscription_timeline,alias:tl"`

	ID               string   `bun:"id,pk"`
	TenantID         TenantID `bun:"tenant_id,notnull"`
	AMSubscriptionID int64    `bun:"am_subscription_id,notnull"`
	At               Instant  `bun:"at,notnull"`          // when it happened, business time
	RecordedAt       Instant  `bun:"recorded_at,notnull"` // when we wrote it down, wall time
	Kind             string   `bun:"kind,notnull"`        // such as payment_failed
	Text             string   `bun:"text,notnull"`        // one sentence
	Actor            string   `bun:"actor,notnull"`       // person id, "system" or "stripe"
	ActorName        string   `bun:"actor_name,notnull"`
	EventID          string   `bun:"event_id,nullzero"` // the event that told us, if one did
	EventType        string   `bun:"event_type,notnull"`
	LinkType         string   `bun:"link_type,notnull"` // "", invoice, refund, dispute or notice
	LinkID           string   `bun:"link_id,nullzero"`
	Dedup            string   `bun:"dedup,notnull"` // ASCII; the same thing is told once
}

// InsertTimeline adds e, and reports false when the subscription's timeline has it
// already. It gives e an id when it has none.
func InsertTimeline(ctx context.Context, db bun.IDB, e TimelineEntry) (bool, error) {
	if e.ID == "" {
		e.ID = NewID()
	}
	if e.Dedup == "" {
		e.Dedup = e.ID
	}
	res, err := once(db.NewInsert().Model(&e), "id").Exec(ctx)
	return inserted(res, err, "Timeline")
}

// TimelineOf returns at most limit entries of a subscription older than (before,
// beforeID), newest first; the zero instant starts at the newest.
func TimelineOf(ctx context.Context, db bun.IDB, subscription int64, before Instant, beforeID string, limit int) ([]TimelineEntry, error) {
	var es []TimelineEntry
	q := db.NewSelect().Model(&es).Where("tl.am_subscription_id = ?", subscription)
	if !before.IsZero() {
		q = q.Where("tl.at < ? OR (tl.at = ? AND tl.id < ?)", before, before, beforeID)
	}
	err := q.OrderExpr("tl.at DESC, tl.id DESC").Limit(int64(limit)).Scan(ctx)
	return es, found(err, "Timeline")
}
