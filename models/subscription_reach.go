package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A Reach is which live subscriptions of a tenant something concerns. Zero fields
// do not narrow it.
type Reach struct {
	Account     string // connected account
	Application int64
	Policy      int64
	Hours       bool // only those that a setting about failed, disputed or returned payments may change
}

// SubscriptionsInReach returns at most limit of the tenant's live subscriptions in
// reach, numbered above after.
func SubscriptionsInReach(ctx context.Context, db bun.IDB, tenant TenantID, r Reach, after int64, limit int) ([]Subscription, error) {
	var ss []Subscription
	q := db.NewSelect().Model(&ss).Where("sub.tenant_id = ? AND sub.live = 1 AND sub.subscription_id > ?", tenant, after)
	if r.Account != "" {
		q = q.Where("sub.account = ?", r.Account)
	}
	if r.Application != 0 {
		q = q.Where("sub.application_id = ?", r.Application)
	}
	if r.Policy != 0 {
		q = q.Where("sub.policy_id = ?", r.Policy)
	}
	if r.Hours {
		q = q.Where("sub.stripe_status IN ('past_due', 'unpaid') OR sub.money_hold <> '' OR EXISTS " +
			"(SELECT 1 FROM payment_incidents AS pi WHERE pi.am_subscription_id = sub.subscription_id)")
	}
	err := q.OrderExpr("sub.subscription_id").Limit(int64(limit)).Scan(ctx)
	return ss, found(err, "Subscriptions")
}

// SubscriptionBySchedule returns the tenant's live subscription whose change a
// Stripe schedule of an account is.
func SubscriptionBySchedule(ctx context.Context, db bun.IDB, tenant TenantID, account, schedule string) (Subscription, error) {
	var s Subscription
	err := db.NewSelect().Model(&s).
		Where("sub.tenant_id = ? AND sub.account = ? AND sub.stripe_schedule_id = ? AND sub.live = 1", tenant, account, schedule).
		OrderExpr("sub.subscription_id").Limit(1).Scan(ctx)
	return s, found(err, "Subscription")
}

// inGrace is live subscriptions that are served although a payment failed, and
// graceEnds when that is over. The factor has a bigint in it, because PostgreSQL
// would compute the product of two integers as an integer, which ends at 24 days.
const (
	inGrace   = "sub.live = 1 AND sub.stripe_status = 'past_due' AND sub.grace_hours > 0 AND sub.sub_status <> 'BLOCKED'"
	graceEnds = "sub.past_due_since + sub.grace_hours * (3600000 + 0 * sub.past_due_since)"
)

// LapsedSubscriptions returns at most limit subscriptions of any tenant, numbered
// above after, whose time to pay was over at now although their row does not say so.
func LapsedSubscriptions(ctx context.Context, db bun.IDB, now Instant, after int64, limit int) ([]Subscription, error) {
	var ss []Subscription
	err := db.NewSelect().Model(&ss).Where(inGrace).Where(graceEnds+" <= ? AND sub.subscription_id > ?", now, after).
		OrderExpr("sub.subscription_id").Limit(int64(limit)).Scan(ctx)
	return ss, found(err, "Subscriptions")
}

// NextGraceEnd returns when somebody's time to pay is over next after now; zero: never.
func NextGraceEnd(ctx context.Context, db bun.IDB, now Instant) (Instant, error) {
	var at Instant
	err := db.NewSelect().Model((*Subscription)(nil)).ColumnExpr("COALESCE(MIN("+graceEnds+"), 0)").
		Where(inGrace).Where(graceEnds+" > ?", now).Scan(ctx, &at)
	return at, found(err, "Subscriptions")
}
