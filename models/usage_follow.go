package models

import (
	"cmp"
	"context"
	"slices"

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

// windowStates are all states of a window.
var windowStates = []string{WindowSealed, WindowSending, WindowSent, WindowUnknown, WindowRefused, WindowUnbillable}

// A WindowPlace is where a page of windows ended.
type WindowPlace struct {
	SealedAt Instant
	ID       string
}

// WindowEntries returns at most limit of a tenant's windows with their names, those
// that were sealed last first, after a place; the zero place is the beginning. states
// may be empty for all, account "" for all. However many windows there are, it reads
// few: each state is read down its index.
func WindowEntries(ctx context.Context, db bun.IDB, tenant TenantID, states []string, account string, after WindowPlace, limit int) ([]WindowEntry, error) {
	if len(states) == 0 {
		states = windowStates
	}
	var all []WindowEntry
	for _, state := range states {
		var es []WindowEntry
		s := db.NewSelect().Model(&es).ColumnExpr("sub.uuid AS subscription_uuid").
			Join("JOIN am_subscription AS sub ON sub.subscription_id = uw.subscription_id")
		s = withNames(s).Where("uw.tenant_id = ? AND uw.state = ?", tenant, state)
		if account != "" {
			s = s.Where("uw.account = ?", account)
		}
		if after.ID != "" {
			s = s.Where("uw.sealed_at <= ? AND (uw.sealed_at < ? OR uw.id < ?)", after.SealedAt, after.SealedAt, after.ID)
		}
		if err := s.OrderExpr("uw.sealed_at DESC, uw.id DESC").Limit(int64(limit)).Scan(ctx); err != nil {
			return nil, found(err, "Windows")
		}
		all = append(all, es...)
	}
	slices.SortFunc(all, func(a, b WindowEntry) int {
		return cmp.Or(cmp.Compare(b.SealedAt, a.SealedAt), cmp.Compare(b.ID, a.ID))
	})
	return all[:min(limit, len(all))], nil
}
