package models

import (
	"context"

	"github.com/uptrace/bun"
)

// NextRevision returns which revision comes next of the windows of a subscription
// and plan that begin at an instant.
func NextRevision(ctx context.Context, db bun.IDB, subscription, policy int64, start Instant) (int, error) {
	var n int
	err := db.NewSelect().Model((*UsageWindow)(nil)).ColumnExpr("COALESCE(MAX(uw.revision) + 1, 0)").
		Where("uw.subscription_id = ? AND uw.policy_id = ? AND uw.window_start = ?", subscription, policy, start).Scan(ctx, &n)
	return n, found(err, "Window")
}

// InsertWindow adds w.
func InsertWindow(ctx context.Context, db bun.IDB, w UsageWindow) error {
	_, err := db.NewInsert().Model(&w).Exec(ctx)
	return wrote(err, "Window")
}

// SaveWindow writes w back if nobody has written it since it was read.
func SaveWindow(ctx context.Context, db bun.IDB, w UsageWindow) error {
	read := w.Version
	w.Version++
	w.Open = nil
	if w.State != WindowSent && w.State != WindowUnbillable {
		w.Open = live()
	}
	res, err := db.NewUpdate().Model(&w).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Window")
}

// DropWindow removes a window that was made in the same transaction and holds nothing.
func DropWindow(ctx context.Context, tx bun.Tx, id string) error {
	_, err := tx.NewDelete().Model((*UsageWindow)(nil)).Where("id = ?", id).Exec(ctx)
	return wrote(err, "Window")
}

// WindowOf returns a window of the tenant.
func WindowOf(ctx context.Context, db bun.IDB, tenant TenantID, id string) (UsageWindow, error) {
	var w UsageWindow
	err := db.NewSelect().Model(&w).Where("uw.id = ? AND uw.tenant_id = ?", id, tenant).Scan(ctx)
	return w, found(err, "Window")
}

// A WindowQuery narrows a list of windows. Zero fields do not.
type WindowQuery struct {
	Tenant       *TenantID
	Account      *string
	Subscription int64
	Policy       int64
	States       []string
	Due          Instant // open, and to be tried by then
	From, To     Instant // the meter event's timestamp lies there
	Customer     string
	EventName    string
	After        string // id, for pages by id
	NewestFirst  bool   // by id, else by when they are due
	Limit        int    // 0: all
}

// Windows returns windows.
func Windows(ctx context.Context, db bun.IDB, q WindowQuery) ([]UsageWindow, error) {
	var ws []UsageWindow
	s := q.narrow(db.NewSelect().Model(&ws))
	if q.NewestFirst {
		if q.After != "" {
			s = s.Where("uw.id < ?", q.After)
		}
		s = s.OrderExpr("uw.id DESC")
	} else {
		s = s.OrderExpr("uw.next_try_at, uw.id")
	}
	if q.Limit > 0 {
		s = s.Limit(int64(q.Limit))
	}
	return ws, found(s.Scan(ctx), "Windows")
}

func (q WindowQuery) narrow(s *bun.SelectQuery) *bun.SelectQuery {
	add := func(set bool, where string, args ...any) {
		if set {
			s = s.Where(where, args...)
		}
	}
	if q.Tenant != nil {
		s = s.Where("uw.tenant_id = ?", *q.Tenant)
	}
	if q.Account != nil {
		s = s.Where("uw.account = ?", *q.Account)
	}
	add(q.Subscription != 0, "uw.subscription_id = ?", q.Subscription)
	add(q.Policy != 0, "uw.policy_id = ?", q.Policy)
	add(len(q.States) > 0, "uw.state IN (?)", bun.In(q.States))
	add(!q.Due.IsZero(), "uw.open = 1 AND uw.next_try_at <= ?", q.Due)
	add(!q.From.IsZero(), "uw.event_at >= ?", q.From)
	add(!q.To.IsZero(), "uw.event_at < ?", q.To)
	add(q.Customer != "", "uw.customer_id = ?", q.Customer)
	add(q.EventName != "", "uw.event_name = ?", q.EventName)
	return s
}

// A WindowSum is what windows of one state add up to.
type WindowSum struct {
	State      string  `bun:"state"`
	Windows    int64   `bun:"windows"`
	Units      int64   `bun:"units"`
	Calls      int64   `bun:"calls"`
	Oldest     Instant `bun:"oldest"`      // start of the oldest
	LastEvent  Instant `bun:"last_event"`  // timestamp of the last meter event
	SentAt     Instant `bun:"sent"`        // when the last one was sent, business time
	FirstTried Instant `bun:"first_tried"` // when the first one was tried, business time; zero: none was
	SealedAt   Instant `bun:"first_sealed"`
}

// WindowSums adds up windows by their state.
func WindowSums(ctx context.Context, db bun.IDB, q WindowQuery) (map[string]WindowSum, error) {
	var sums []WindowSum
	err := q.narrow(db.NewSelect().Model((*UsageWindow)(nil))).
		ColumnExpr("uw.state, COUNT(*) AS windows, COALESCE(SUM(uw.quantity), 0) AS units, COALESCE(SUM(uw.calls), 0) AS calls").
		ColumnExpr("MIN(uw.window_start) AS oldest, MAX(uw.event_at) AS last_event, COALESCE(MAX(uw.sent_at), 0) AS sent").
		ColumnExpr("COALESCE(MIN(uw.first_tried_at), 0) AS first_tried, MIN(uw.sealed_at) AS first_sealed").
		GroupExpr("uw.state").Scan(ctx, &sums)
	out := map[string]WindowSum{}
	for _, s := range sums {
		out[s.State] = s
	}
	return out, found(err, "Windows")
}

// A WindowAccount is an account with windows, and what they add up to.
type WindowAccount struct {
	TenantID TenantID `bun:"tenant_id"`
	Account  string   `bun:"account"`
	State    string   `bun:"state"`
	Windows  int64    `bun:"windows"`
	Units    int64    `bun:"units"`
	Problem  string   `bun:"problem"` // one of theirs
	Oldest   Instant  `bun:"oldest"`
	NextTry  Instant  `bun:"next_try"` // wall time
}

// WindowAccounts adds up windows by tenant, account and state.
func WindowAccounts(ctx context.Context, db bun.IDB, q WindowQuery) ([]WindowAccount, error) {
	var as []WindowAccount
	err := q.narrow(db.NewSelect().Model((*UsageWindow)(nil))).
		ColumnExpr("uw.tenant_id, uw.account, uw.state, COUNT(*) AS windows, COALESCE(SUM(uw.quantity), 0) AS units").
		ColumnExpr("MAX(uw.problem) AS problem, MIN(uw.window_start) AS oldest, MIN(uw.next_try_at) AS next_try").
		GroupExpr("uw.tenant_id, uw.account, uw.state").OrderExpr("uw.tenant_id, uw.account, uw.state").Scan(ctx, &as)
	return as, found(err, "Windows")
}

// ClaimWindows marks windows as being sent, until a wall time, that have the version
// that was read, and notes when they were first tried. It returns how many it marked.
func ClaimWindows(ctx context.Context, tx bun.Tx, ids []string, version int64, first, until Instant) (int64, error) {
	res, err := tx.NewUpdate().Model((*UsageWindow)(nil)).
		Set("state = ?", WindowSending).Set("first_tried_at = ?", first).Set("next_try_at = ?", until).
		Set("attempts = attempts + 1").Set("version = version + 1").
		Where("id IN (?) AND version = ?", bun.In(ids), version).Exec(ctx)
	if err != nil {
		return 0, wrote(err, "Window")
	}
	return res.RowsAffected()
}

// WindowsSent notes that Stripe has windows that are being sent and have one version;
// those that somebody has written since stay as they are.
func WindowsSent(ctx context.Context, tx bun.Tx, ids []string, version int64, at Instant) error {
	_, err := tx.NewUpdate().Model((*UsageWindow)(nil)).
		Set("state = ?", WindowSent).Set("open = NULL").Set("problem = ''").Set("sent_at = ?", at).Set("version = version + 1").
		Where("id IN (?) AND version = ? AND state = ?", bun.In(ids), version, WindowSending).Exec(ctx)
	return wrote(err, "Window")
}

// HoldWindows keeps windows that are being sent from others until a wall time.
func HoldWindows(ctx context.Context, db bun.IDB, ids []string, until Instant) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := db.NewUpdate().Model((*UsageWindow)(nil)).Set("next_try_at = ?", until).
		Where("id IN (?) AND state = ?", bun.In(ids), WindowSending).Exec(ctx)
	return wrote(err, "Window")
}

// PutOffWindows puts off, to a wall time, what is due earlier of an account.
func PutOffWindows(ctx context.Context, db bun.IDB, tenant TenantID, account string, until Instant) error {
	_, err := db.NewUpdate().Model((*UsageWindow)(nil)).Set("next_try_at = ?", until).
		Where("open = 1 AND next_try_at < ? AND tenant_id = ? AND account = ? AND state <> ?", until, tenant, account, WindowRefused).Exec(ctx)
	return wrote(err, "Window")
}

// HastenWindows makes windows due that are to be sent later, but those that are
// being sent right now: it moves what is due between two wall times to the first.
func HastenWindows(ctx context.Context, db bun.IDB, now, claimed Instant) error {
	_, err := db.NewUpdate().Model((*UsageWindow)(nil)).Set("next_try_at = ?", now).
		Where("open = 1 AND next_try_at > ? AND state IN (?)", now, bun.In([]string{WindowSealed, WindowUnknown})).
		Exec(ctx)
	if err != nil {
		return wrote(err, "Window")
	}
	_, err = db.NewUpdate().Model((*UsageWindow)(nil)).Set("next_try_at = ?", now).
		Where("open = 1 AND next_try_at > ? AND state = ?", claimed, WindowSending).Exec(ctx)
	return wrote(err, "Window")
}

// NextWindowAt returns the wall time at which the next window is to be tried; zero
// when none is.
func NextWindowAt(ctx context.Context, db bun.IDB) (Instant, error) {
	var at Instant
	err := db.NewSelect().Model((*UsageWindow)(nil)).ColumnExpr("COALESCE(MIN(uw.next_try_at), 0)").
		Where("uw.open = 1 AND uw.state <> ?", WindowRefused).Scan(ctx, &at)
	return at, found(err, "Window")
}

// SharedCustomerByNumber returns an application's Stripe customer on an account.
func SharedCustomerByNumber(ctx context.Context, db bun.IDB, tenant TenantID, id int64) (SharedCustomer, error) {
	var c SharedCustomer
	err := db.NewSelect().Model(&c).Where("sc.id = ? AND sc.tenant_id = ?", id, tenant).Scan(ctx)
	return c, found(err, "Customer")
}

// SubscriptionsEnding returns the subscriptions with a period that begins or ends
// between two instants, the first included, or that ended at Stripe then.
func SubscriptionsEnding(ctx context.Context, db bun.IDB, from, to Instant) ([]Subscription, error) {
	var ss []Subscription
	err := db.NewSelect().Model(&ss).
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("sub.period_end >= ? AND sub.period_end < ?", from, to).
				WhereOr("sub.period_start >= ? AND sub.period_start < ?", from, to).
				WhereOr("sub.cancel_at >= ? AND sub.cancel_at < ?", from, to).
				WhereOr(`EXISTS (SELECT 1 FROM am_monetization_subscriptions AS ms
					WHERE ms.am_subscription_id = sub.subscription_id AND ms.ended_at >= ? AND ms.ended_at < ?)`, from, to)
		}).
		OrderExpr("sub.subscription_id").Scan(ctx)
	return ss, found(err, "Subscriptions")
}

// NextPeriodEnd returns the first end of a period after an instant, past ones
// included, of subscriptions whose plan is sold by the call; zero when there is none.
func NextPeriodEnd(ctx context.Context, db bun.IDB, after Instant) (Instant, error) {
	var all [4]Instant
	q := db.NewSelect().Model((*Subscription)(nil)).
		Join("JOIN price_versions AS pv ON pv.id = sub.price_version_id").Where("pv.model = ?", DynamicRate)
	for _, name := range []string{"sub.period_start", "sub.period_end", "sub.cancel_at", "sub.ended_at"} {
		column := bun.Ident(name)
		q = q.ColumnExpr("COALESCE(MIN(CASE WHEN ? > ? THEN ? END), 0)", column, after, column)
	}
	if err := q.Scan(ctx, &all[0], &all[1], &all[2], &all[3]); err != nil {
		return 0, found(err, "Subscriptions")
	}
	var first Instant
	for _, at := range all {
		if first.IsZero() || !at.IsZero() && at < first {
			first = at
		}
	}
	return first, nil
}

// WindowsSentSince counts the tenant's windows that were sent since a business instant.
func WindowsSentSince(ctx context.Context, db bun.IDB, tenant TenantID, since Instant) (int64, error) {
	n, err := db.NewSelect().Model((*UsageWindow)(nil)).
		Where("uw.tenant_id = ? AND uw.sent_at >= ?", tenant, since).Count(ctx) // only what was sent has such a time
	return int64(n), found(err, "Windows")
}
