package models

import (
	"context"

	"github.com/uptrace/bun"
)

// InsertStripeEvent adds e, and reports false when the tenant has had it before.
func InsertStripeEvent(ctx context.Context, db bun.IDB, e StripeEvent) (bool, error) {
	res, err := once(db.NewInsert().Model(&e), "event_id").Exec(ctx)
	return inserted(res, err, "Event")
}

// StripeEventByID returns the tenant's event called id.
func StripeEventByID(ctx context.Context, db bun.IDB, tenant TenantID, id string) (StripeEvent, error) {
	var e StripeEvent
	err := db.NewSelect().Model(&e).Where("ev.tenant_id = ? AND ev.event_id = ?", tenant, id).Scan(ctx)
	return e, found(err, "Event")
}

// AwaitStripeEvent says that an event waits for a job.
func AwaitStripeEvent(ctx context.Context, db bun.IDB, tenant TenantID, id, job string) error {
	_, err := db.NewUpdate().Model((*StripeEvent)(nil)).
		Set("job_id = ?", job).Set("state = ?", EventWaiting).Set("outcome = ''").Set("processed_at = NULL").
		Where("tenant_id = ? AND event_id = ?", tenant, id).Exec(ctx)
	return wrote(err, "Event")
}

// PassStripeEvents makes the events of an account that wait for job wait for next instead.
func PassStripeEvents(ctx context.Context, db bun.IDB, tenant TenantID, account, job, next string) error {
	_, err := waiting(db, tenant, account, job).Set("job_id = ?", next).Exec(ctx)
	return wrote(err, "Event")
}

// StripeEventsAwaiting returns the tenant's events that wait for job, newest first.
func StripeEventsAwaiting(ctx context.Context, db bun.IDB, tenant TenantID, job string) ([]StripeEvent, error) {
	var es []StripeEvent
	err := db.NewSelect().Model(&es).Where("ev.tenant_id = ? AND ev.job_id = ? AND ev.state = ?", tenant, job, EventWaiting).
		OrderExpr("ev.created_at DESC, ev.event_id DESC").Scan(ctx)
	return es, found(err, "Events")
}

// EndStripeEvents ends the events of an account that wait for job: state done,
// ignored or failed, and one sentence that says what came of them.
func EndStripeEvents(ctx context.Context, db bun.IDB, tenant TenantID, account, job, state, outcome string, at Instant) error {
	_, err := waiting(db, tenant, account, job).
		Set("state = ?", state).Set("outcome = ?", outcome).Set("processed_at = ?", at).Exec(ctx)
	return wrote(err, "Event")
}

func waiting(db bun.IDB, tenant TenantID, account, job string) *bun.UpdateQuery {
	return db.NewUpdate().Model((*StripeEvent)(nil)).
		Where("tenant_id = ? AND account = ? AND job_id = ? AND state = ?", tenant, account, job, EventWaiting)
}

// A StripeEventFilter narrows a list of events. Zero fields do not.
type StripeEventFilter struct {
	State    string
	Type     string
	Object   string // id of the object it is about
	Before   Instant
	BeforeID string // with Before: where the page before ended
}

// StripeEventPage returns at most limit of the tenant's events, newest first.
func StripeEventPage(ctx context.Context, db bun.IDB, tenant TenantID, f StripeEventFilter, limit int) ([]StripeEvent, error) {
	var es []StripeEvent
	q := db.NewSelect().Model(&es).Where("ev.tenant_id = ?", tenant)
	for column, value := range map[string]string{"ev.state": f.State, "ev.type": f.Type, "ev.object_id": f.Object} {
		if value != "" {
			q = q.Where("? = ?", bun.Ident(column), value)
		}
	}
	if !f.Before.IsZero() {
		q = q.Where("ev.received_at < ? OR (ev.received_at = ? AND ev.event_id < ?)", f.Before, f.Before, f.BeforeID)
	}
	err := q.OrderExpr("ev.received_at DESC, ev.event_id DESC").Limit(int64(limit)).Scan(ctx)
	return es, found(err, "Events")
}
