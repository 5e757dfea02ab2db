package models

import (
	"context"

	"github.com/uptrace/bun"
)

// EnsureUsageCompare makes the row that follows the units of a period unless it is there.
func EnsureUsageCompare(ctx context.Context, db bun.IDB, c UsageCompare) error {
	_, err := once(db.NewInsert().Model(&c), "policy_id").Exec(ctx)
	return wrote(err, "Comparison of units")
}

// DueUsageCompares returns at most limit rows that are to be compared at business
// time now, the longest due first.
func DueUsageCompares(ctx context.Context, db bun.IDB, now Instant, limit int) ([]UsageCompare, error) {
	var cs []UsageCompare
	err := db.NewSelect().Model(&cs).Where("uc.due_at <= ?", now).
		OrderExpr("uc.due_at, uc.subscription_id, uc.policy_id, uc.period_start").Limit(int64(limit)).Scan(ctx)
	return cs, found(err, "Comparisons of units")
}

// NextUsageCompareAt returns when the next row is to be compared; zero when none is.
func NextUsageCompareAt(ctx context.Context, db bun.IDB) (Instant, error) {
	var at Instant
	err := db.NewSelect().Model((*UsageCompare)(nil)).ColumnExpr("COALESCE(MIN(uc.due_at), 0)").Scan(ctx, &at)
	return at, found(err, "Comparison of units")
}

// SaveUsageCompare writes c back if nobody has written it since it was read.
func SaveUsageCompare(ctx context.Context, db bun.IDB, c UsageCompare) error {
	read := c.Version
	c.Version++
	res, err := db.NewUpdate().Model(&c).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Comparison of units")
}

// HastenUsageCompare makes the rows of a subscription that begin at or before an
// instant and end after it due at business time now.
func HastenUsageCompare(ctx context.Context, db bun.IDB, subscription int64, at, now Instant) error {
	_, err := db.NewUpdate().Model((*UsageCompare)(nil)).Set("due_at = ?", now).Set("version = version + 1").
		Where("subscription_id = ? AND period_start <= ? AND period_end > ?", subscription, at, at).
		Where("due_at IS NULL OR due_at > ?", now).Exec(ctx)
	return wrote(err, "Comparison of units")
}

// A UsageCompareQuery narrows a list of comparisons. Zero fields do not.
type UsageCompareQuery struct {
	Subscription int64
	Publisher    string // person id of the API's owner
	Person       string // person id of the application's owner
	Disagree     bool   // only those that do not agree
	Before       Instant
	Limit        int
}

// UsageCompares returns the tenant's comparisons, the newest period first.
func UsageCompares(ctx context.Context, db bun.IDB, tenant TenantID, q UsageCompareQuery) ([]UsageCompare, error) {
	var cs []UsageCompare
	s := db.NewSelect().Model(&cs).Where("uc.tenant_id = ?", tenant)
	if q.Subscription != 0 {
		s = s.Where("uc.subscription_id = ?", q.Subscription)
	}
	if q.Disagree {
		s = s.Where("uc.agrees = ?", false)
	}
	if !q.Before.IsZero() {
		s = s.Where("uc.period_start < ?", q.Before)
	}
	if q.Publisher != "" || q.Person != "" {
		s = s.Join("JOIN am_subscription AS sub ON sub.subscription_id = uc.subscription_id").
			Join("JOIN am_api AS api ON api.api_id = sub.api_id").
			Join("JOIN am_application AS app ON app.application_id = sub.application_id").
			Join("JOIN am_subscriber AS sr ON sr.subscriber_id = app.subscriber_id")
		if q.Publisher != "" {
			s = s.Where("api.owner_id = ?", q.Publisher)
		}
		if q.Person != "" {
			s = s.Where("sr.person_id = ?", q.Person)
		}
	}
	err := s.OrderExpr("uc.period_start DESC, uc.subscription_id, uc.policy_id").Limit(int64(q.Limit)).Scan(ctx)
	return cs, found(err, "Comparisons of units")
}

// Unfollowed returns at most limit subscriptions at Stripe whose plan is sold by the
// call and whose running period no row follows yet.
func Unfollowed(ctx context.Context, db bun.IDB, limit int) ([]Subscription, error) {
	var ss []Subscription
	err := db.NewSelect().Model(&ss).
		Join("JOIN price_versions AS pv ON pv.id = sub.price_version_id").
		Where("sub.live = 1 AND pv.model = ? AND sub.stripe_subscription_id IS NOT NULL AND sub.period_end IS NOT NULL", DynamicRate).
		Where(`NOT EXISTS (SELECT 1 FROM usage_compares AS uc WHERE uc.subscription_id = sub.subscription_id
			AND uc.policy_id = sub.policy_id AND uc.period_start = sub.period_start)`).
		OrderExpr("sub.subscription_id").Limit(int64(limit)).Scan(ctx)
	return ss, found(err, "Subscriptions")
}

// A PeriodUnits is what the ledger and the gateways counted of a subscription and plan.
type PeriodUnits struct{ Ledger, Unsealed, Gateway int64 }

// UnitsOfPeriod adds up the units that are billed in a period: those in windows whose
// meter event lies in it, and those in no window that were used in it. From hour on
// there are such windows.
func UnitsOfPeriod(ctx context.Context, db bun.IDB, c UsageCompare, hour Instant) (PeriodUnits, error) {
	var u PeriodUnits
	mine := func() *bun.SelectQuery {
		return db.NewSelect().Model((*LedgerRow)(nil)).ColumnExpr("COALESCE(SUM(ul.quantity), 0)").
			Where("ul.subscription_id = ? AND ul.policy_id = ?", c.SubscriptionID, c.PolicyID)
	}
	var sealed int64
	err := mine().Join("JOIN usage_windows AS uw ON uw.id = ul.window_id").Where("ul.hour >= ?", hour).
		Where("uw.event_at >= ? AND uw.event_at < ?", c.PeriodStart, c.PeriodEnd).Scan(ctx, &sealed)
	if err != nil {
		return u, found(err, "Calls")
	}
	err = mine().Where("ul.hour >= ? AND ul.todo = ?", HourOf(c.PeriodStart), ToSend).
		Where("ul.first_at >= ? AND ul.first_at < ?", c.PeriodStart, c.PeriodEnd).Scan(ctx, &u.Unsealed)
	u.Ledger = sealed + u.Unsealed
	return u, found(err, "Calls")
}

// GatewayUnits returns how many units the gateways counted in the hours of a
// period, and how many the ledger has of the same hours. An hour in which a period
// begins or ends counts as a whole in both.
func GatewayUnits(ctx context.Context, db bun.IDB, c UsageCompare) (gateway, ledger int64, err error) {
	where := "subscription_id = ? AND policy_id = ? AND hour >= ? AND hour < ?"
	args := []any{c.SubscriptionID, c.PolicyID, HourOf(c.PeriodStart), c.PeriodEnd}
	err = db.NewSelect().TableExpr("gateway_counts").ColumnExpr("COALESCE(SUM(quantity), 0)").Where(where, args...).Scan(ctx, &gateway)
	if err != nil {
		return 0, 0, found(err, "Counts")
	}
	err = db.NewSelect().TableExpr("usage_ledger").ColumnExpr("COALESCE(SUM(quantity), 0)").Where(where, args...).
		Where("kind <> ?", LedgerCorrection).Scan(ctx, &ledger)
	return gateway, ledger, found(err, "Calls")
}

// OpenDriftOf returns the open difference of the same object and field as d; nil when
// there is none.
func OpenDriftOf(ctx context.Context, db bun.IDB, d Drift) (*Drift, error) {
	var ds []Drift
	err := db.NewSelect().Model(&ds).
		Where("dr.tenant_id = ? AND dr.account = ? AND dr.object_id = ? AND dr.field = ? AND dr.live = 1", d.TenantID, d.Account, d.ObjectID, d.Field).
		Limit(1).Scan(ctx)
	if err != nil || len(ds) == 0 {
		return nil, found(err, "Difference")
	}
	return &ds[0], nil
}
