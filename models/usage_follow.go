package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A UsageCompareEntry is a comparison of units with the names that lists show.
type UsageCompareEntry struct {
	UsageCompare     `bun:",extend"`
	SubscriptionUUID string `bun:"subscription_uuid,scanonly"`
	PlanUUID         string `bun:"plan_uuid,scanonly"` // of the plan that is compared; the subscription may have another now
	PlanName         string `bun:"plan_name,scanonly"`
	CatalogueName
	SubscriberName
}

// A UsageComparePlace is where a page of comparisons ended.
type UsageComparePlace struct {
	PeriodStart          Instant
	Subscription, Policy int64
}

// UsageCompareEntries returns the tenant's comparisons with their names, the newest
// period first, after a place; the zero place is the beginning. Of q, Before is not
// looked at.
func UsageCompareEntries(ctx context.Context, db bun.IDB, tenant TenantID, q UsageCompareQuery, after UsageComparePlace) ([]UsageCompareEntry, error) {
	var es []UsageCompareEntry
	s := db.NewSelect().Model(&es).ColumnExpr("sub.uuid AS subscription_uuid, compared.uuid AS plan_uuid, compared.display_name AS plan_name").
		Join("JOIN am_subscription AS sub ON sub.subscription_id = uc.subscription_id").
		Join("JOIN am_policy_subscription AS compared ON compared.policy_id = uc.policy_id")
	s = withNames(s).Where("uc.tenant_id = ?", tenant)
	if q.Subscription != 0 {
		s = s.Where("uc.subscription_id = ?", q.Subscription)
	}
	if q.Disagree {
		s = s.Where("uc.agrees = ?", false)
	}
	if q.Publisher != "" {
		s = s.Where("api.owner_id = ?", q.Publisher)
	}
	if !after.PeriodStart.IsZero() {
		s = s.Where("uc.period_start < ? OR (uc.period_start = ? AND (uc.subscription_id < ? OR (uc.subscription_id = ? AND uc.policy_id < ?)))",
			after.PeriodStart, after.PeriodStart, after.Subscription, after.Subscription, after.Policy)
	}
	err := s.OrderExpr("uc.period_start DESC, uc.subscription_id DESC, uc.policy_id DESC").Limit(int64(q.Limit)).Scan(ctx)
	return es, found(err, "Comparisons of units")
}

// A WindowEntry is a window with the names that lists show.
type WindowEntry struct {
	UsageWindow      `bun:",extend"`
	SubscriptionUUID string `bun:"subscription_uuid,scanonly"`
	CatalogueName
	SubscriberName
}

// WindowEntries returns windows with their names, the newest first.
func WindowEntries(ctx context.Context, db bun.IDB, q WindowQuery) ([]WindowEntry, error) {
	var es []WindowEntry
	s := db.NewSelect().Model(&es).ColumnExpr("sub.uuid AS subscription_uuid").
		Join("JOIN am_subscription AS sub ON sub.subscription_id = uw.subscription_id")
	s = q.narrow(withNames(s))
	if q.After != "" {
		s = s.Where("uw.id < ?", q.After)
	}
	if q.Limit > 0 {
		s = s.Limit(int64(q.Limit))
	}
	return es, found(s.OrderExpr("uw.id DESC").Scan(ctx), "Windows")
}
