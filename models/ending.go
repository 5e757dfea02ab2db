package models

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// The kinds of things that subscriptions end with.
const (
	EndOfSubscription = "subscription"
	EndOfApplication  = "application"
	EndOfAPI          = "api" // or an API product
	EndOfPlan         = "plan"
	EndOfPerson       = "person"
	EndOfSale         = "sale"  // monetization of an API was turned off
	EndOfOffer        = "offer" // a plan was taken off an API
)

// How subscriptions are ended.
const (
	EndsNow         = "now"
	EndsWithPeriods = "period_end"
)

// An Ending is one decision to end subscriptions. Rows are only ever added.
type Ending struct {
	bun.BaseModel `bun:"table:endings,alias:en"`

	ID         string   `bun:"id,pk"`
	TenantID   TenantID `bun:"tenant_id,notnull"`
	Kind       string   `bun:"kind,notnull"`
	ObjectID   string   `bun:"object_id,notnull"`   // uuid of what they end with
	ObjectName string   `bun:"object_name,notnull"` // as people read it then
	Publisher  string   `bun:"publisher,notnull"`   // whose API it is about; "" when it is about several
	How        string   `bun:"how,notnull"`
	Refund     bool     `bun:"refund,notnull"` // the last payment is given back
	Reason     string   `bun:"reason,notnull"` // what subscribers read
	Actor      string   `bun:"actor,notnull"`
	ActorName  string   `bun:"actor_name,notnull"`
	ActorRole  string   `bun:"actor_role,notnull"` // as what they decided: subscriber, publisher or admin
	AskedAt    Instant  `bun:"asked_at,notnull"`   // business time
	Total      int      `bun:"total,notnull"`
}

// An EndingSubscription is one subscription that an Ending is about.
type EndingSubscription struct {
	bun.BaseModel `bun:"table:ending_subscriptions,alias:es"`

	EndingID         string   `bun:"ending_id,pk"`
	AMSubscriptionID int64    `bun:"am_subscription_id,pk"`
	TenantID         TenantID `bun:"tenant_id,notnull"`
	Job              string   `bun:"job,nullzero"`  // that ends it at Stripe; "" when nothing is there
	Asked            bool     `bun:"asked,notnull"` // its end is under way; a large ending comes to that bit by bit
	WasUnpaid        bool     `bun:"was_unpaid,notnull"`
	LastInvoice      string   `bun:"last_invoice,nullzero"` // the payment that is given back
	WithdrawnAt      Instant  `bun:"withdrawn_at,nullzero"` // when the decision was taken back
}

// InsertEnding adds e and what it is about.
func InsertEnding(ctx context.Context, tx bun.Tx, e Ending, about []EndingSubscription) error {
	if _, err := tx.NewInsert().Model(&e).Exec(ctx); err != nil {
		return wrote(err, "Ending")
	}
	for rows := range slices.Chunk(about, 100) {
		if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
			return wrote(err, "Ending")
		}
	}
	return nil
}

// EndingByID returns the tenant's ending called id.
func EndingByID(ctx context.Context, db bun.IDB, tenant TenantID, id string) (Ending, error) {
	var e Ending
	err := db.NewSelect().Model(&e).Where("en.tenant_id = ? AND en.id = ?", tenant, id).Scan(ctx)
	return e, found(err, "Ending")
}

// Endings returns at most limit of the tenant's endings, newest first: those that
// actor decided, or all when actor is "".
func Endings(ctx context.Context, db bun.IDB, tenant TenantID, actor, role string, limit int) ([]Ending, error) {
	var es []Ending
	q := db.NewSelect().Model(&es).Where("en.tenant_id = ?", tenant)
	if actor != "" {
		q = q.Where("en.actor = ? AND en.actor_role = ?", actor, role)
	}
	err := q.OrderExpr("en.asked_at DESC, en.id DESC").Limit(int64(limit)).Scan(ctx)
	return es, found(err, "Endings")
}

// StandingEnding returns the newest decision to end a subscription that was not
// taken back, if there is one. What its subscriber canceled by itself is none.
func StandingEnding(ctx context.Context, db bun.IDB, subscription int64) (Ending, bool, error) {
	var all []Ending
	err := db.NewSelect().Model(&all).
		Join("JOIN ending_subscriptions AS es ON es.ending_id = en.id").
		Where("es.am_subscription_id = ? AND es.withdrawn_at IS NULL", subscription).
		OrderExpr("en.asked_at DESC, en.id DESC").Limit(1).Scan(ctx)
	if err != nil || len(all) == 0 {
		return Ending{}, false, found(err, "Ending")
	}
	return all[0], true, nil
}

// StillEnds reports whether an ending was not taken back for a subscription.
func StillEnds(ctx context.Context, db bun.IDB, ending string, subscription int64) (bool, error) {
	n, err := db.NewSelect().Model((*EndingSubscription)(nil)).
		Where("es.ending_id = ? AND es.am_subscription_id = ? AND es.withdrawn_at IS NULL", ending, subscription).Count(ctx)
	if err != nil {
		return false, fmt.Errorf("models: ending: %w", err)
	}
	return n > 0, nil
}

// EndingJobs returns at most limit jobs that end the subscriptions of an ending.
func EndingJobs(ctx context.Context, db bun.IDB, ending string, limit int) ([]string, error) {
	var jobs []string
	err := db.NewSelect().Model((*EndingSubscription)(nil)).Column("job").Where("es.ending_id = ? AND es.job IS NOT NULL", ending).
		OrderExpr("es.am_subscription_id").Limit(int64(limit)).Scan(ctx, &jobs)
	return jobs, found(err, "Ending")
}

// UnaskedEnds returns at most limit subscriptions of an ending whose end is not under
// way yet.
func UnaskedEnds(ctx context.Context, db bun.IDB, ending string, limit int) ([]EndingSubscription, error) {
	var es []EndingSubscription
	err := db.NewSelect().Model(&es).Where("es.ending_id = ? AND es.asked = ?", ending, false).
		OrderExpr("es.am_subscription_id").Limit(int64(limit)).Scan(ctx)
	return es, found(err, "Ending")
}

// SetEndingJob writes that the end of a subscription is under way, and which job
// does it; "" when nothing is left to do.
func SetEndingJob(ctx context.Context, db bun.IDB, ending string, subscription int64, job string) error {
	q := db.NewUpdate().Model((*EndingSubscription)(nil)).Set("asked = ?", true)
	if job != "" {
		q = q.Set("job = ?", job)
	}
	_, err := q.Where("ending_id = ? AND am_subscription_id = ?", ending, subscription).Exec(ctx)
	return wrote(err, "Ending")
}

// WithdrawEndings notes that nothing ends a subscription any more.
func WithdrawEndings(ctx context.Context, db bun.IDB, subscription int64, at Instant) error {
	_, err := db.NewUpdate().Model((*EndingSubscription)(nil)).Set("withdrawn_at = ?", at).
		Where("am_subscription_id = ? AND withdrawn_at IS NULL", subscription).Exec(ctx)
	return wrote(err, "Ending")
}

// An EndScope says which live subscriptions of a tenant a decision is about. Zero
// fields narrow nothing.
type EndScope struct {
	Subscription int64
	API          int64
	Policies     []int64
	Applications []int64
	Paid         bool // only those that need payment
}

// among narrows q, a query on subscriptions that live, paid or not.
func (s EndScope) among(q *bun.SelectQuery, tenant TenantID) *bun.SelectQuery {
	q = q.Where("sub.tenant_id = ? AND sub.live = 1", tenant)
	if s.Subscription > 0 {
		q = q.Where("sub.subscription_id = ?", s.Subscription)
	}
	if s.API > 0 {
		q = q.Where("sub.api_id = ?", s.API)
	}
	if s.Policies != nil {
		q = q.Where("sub.policy_id IN (?)", bun.In(append([]int64{0}, s.Policies...)))
	}
	if s.Applications != nil {
		q = q.Where("sub.application_id IN (?)", bun.In(append([]int64{0}, s.Applications...)))
	}
	if s.Paid {
		q = q.Where("sub.needs_payment = ?", true)
	}
	return q
}

// SubscriptionsInScope returns all subscriptions in a scope, oldest first.
func SubscriptionsInScope(ctx context.Context, db bun.IDB, tenant TenantID, s EndScope) ([]Subscription, error) {
	var ss []Subscription
	err := s.among(db.NewSelect().Model(&ss), tenant).OrderExpr("sub.subscription_id").Scan(ctx)
	return ss, found(err, "Subscriptions")
}

// EntriesInScope returns at most limit subscriptions in a scope, numbered above
// after, with their names, oldest first.
func EntriesInScope(ctx context.Context, db bun.IDB, tenant TenantID, s EndScope, after int64, limit int) ([]SubscriptionEntry, error) {
	var es []SubscriptionEntry
	err := s.among(withNames(db.NewSelect().Model(&es)), tenant).Where("sub.subscription_id > ?", after).
		OrderExpr("sub.subscription_id").Limit(int64(limit)).Scan(ctx)
	return es, found(err, "Subscriptions")
}

// LastPayments returns, of each subscription in a scope, the newest invoice of its
// running Stripe subscription that something was paid for, by subscription.
func LastPayments(ctx context.Context, db bun.IDB, tenant TenantID, s EndScope) (map[int64]Invoice, error) {
	var all []Invoice
	q := db.NewSelect().Model(&all).ExcludeColumn("document").
		Join("JOIN am_subscription AS sub ON sub.subscription_id = inv.am_subscription_id AND sub.stripe_subscription_id = inv.stripe_subscription_id").
		Where("inv.status = 'paid' AND inv.amount_paid_minor > 0")
	if err := s.among(q, tenant).OrderExpr("inv.created_at, inv.invoice_id").Scan(ctx); err != nil {
		return nil, found(err, "Invoices")
	}
	last := map[int64]Invoice{}
	for _, i := range all {
		last[i.AMSubscriptionID] = i // the newest comes last
	}
	return last, nil
}

// RefundedOf returns how much was given back of each invoice of the subscriptions
// in a scope, in minor units, by invoice.
func RefundedOf(ctx context.Context, db bun.IDB, tenant TenantID, s EndScope) (map[string]int64, error) {
	var rows []struct {
		Invoice string `bun:"invoice_id"`
		Sum     int64  `bun:"n"`
	}
	q := db.NewSelect().Model((*PaymentIncident)(nil)).ColumnExpr("pi.invoice_id, SUM(pi.amount_minor) AS n").
		Join("JOIN am_subscription AS sub ON sub.subscription_id = pi.am_subscription_id").
		Where("pi.kind = ? AND pi.status NOT IN ('failed', 'canceled') AND pi.invoice_id IS NOT NULL", IncidentRefund)
	err := s.among(q, tenant).GroupExpr("pi.invoice_id").Scan(ctx, &rows)
	back := map[string]int64{}
	for _, r := range rows {
		back[r.Invoice] = r.Sum
	}
	return back, found(err, "Refunds")
}

// An EndingEntry is a subscription of an ending, and where its end stands.
type EndingEntry struct {
	Subscription `bun:",extend"`
	CatalogueName
	SubscriberName
	WithdrawnAt Instant `bun:"withdrawn_at,scanonly"`
	JobState    string  `bun:"job_state,scanonly"` // "" when there is no job, or it is long done
	JobProblem  string  `bun:"job_problem,scanonly"`
}

// Entry returns the subscription with its names.
func (e EndingEntry) Entry() SubscriptionEntry {
	return SubscriptionEntry{e.Subscription, e.CatalogueName, e.SubscriberName}
}

// EndingEntries returns at most limit subscriptions of an ending, numbered above after.
func EndingEntries(ctx context.Context, db bun.IDB, tenant TenantID, ending string, after int64, limit int) ([]EndingEntry, error) {
	var es []EndingEntry
	err := withNames(db.NewSelect().Model(&es)).
		ColumnExpr("es.withdrawn_at, COALESCE(j.state, '') AS job_state, COALESCE(j.problem, '') AS job_problem").
		Join("JOIN ending_subscriptions AS es ON es.am_subscription_id = sub.subscription_id").
		Join("LEFT JOIN outbox_jobs AS j ON j.id = es.job").
		Where("es.ending_id = ? AND es.tenant_id = ? AND sub.subscription_id > ?", ending, tenant, after).
		OrderExpr("sub.subscription_id").Limit(int64(limit)).Scan(ctx)
	return es, found(err, "Subscriptions")
}

// An EndingCount is how far an ending is. What is counted under one name is not
// counted under another.
type EndingCount struct{ Total, Withdrawn, Ended, Scheduled, Failed int64 }

// CountEnding counts how far an ending is.
func CountEnding(ctx context.Context, db bun.IDB, ending string) (EndingCount, error) {
	var c EndingCount
	var rows []struct {
		Withdrawn bool  `bun:"withdrawn"`
		Live      bool  `bun:"live"`
		Scheduled bool  `bun:"scheduled"`
		Failed    bool  `bun:"failed"`
		N         int64 `bun:"n"`
	}
	is := func(condition string) string { return "CASE WHEN " + condition + " THEN 1 ELSE 0 END" }
	err := db.NewSelect().Model((*EndingSubscription)(nil)).
		ColumnExpr(is("es.withdrawn_at IS NOT NULL")+" AS withdrawn, "+is("sub.live = 1")+" AS live, "+
			is("sub.cancel_at IS NOT NULL")+" AS scheduled, "+is("j.state = 'failed'")+" AS failed, COUNT(*) AS n").
		Join("JOIN am_subscription AS sub ON sub.subscription_id = es.am_subscription_id").
		Join("LEFT JOIN outbox_jobs AS j ON j.id = es.job").
		Where("es.ending_id = ?", ending).GroupExpr("1, 2, 3, 4").Scan(ctx, &rows)
	if err != nil {
		return c, fmt.Errorf("models: count ending: %w", err)
	}
	for _, r := range rows {
		c.Total += r.N
		switch {
		case r.Withdrawn: // even if something else has ended it since
			c.Withdrawn += r.N
		case !r.Live:
			c.Ended += r.N
		case r.Failed:
			c.Failed += r.N
		case r.Scheduled:
			c.Scheduled += r.N
		}
	}
	return c, nil
}

// A ChangeScope says which changes of plan that are on their way are meant.
type ChangeScope struct {
	Policy int64 // those to this policy; 0 for any
	API    int64 // those of this API's free subscriptions that wait for a checkout; 0 for any
}

// SubscriptionsChanging returns the live subscriptions with such a change.
func SubscriptionsChanging(ctx context.Context, db bun.IDB, tenant TenantID, s ChangeScope) ([]Subscription, error) {
	var ss []Subscription
	q := db.NewSelect().Model(&ss).Where("sub.tenant_id = ? AND sub.live = 1 AND sub.pending_policy_id IS NOT NULL", tenant)
	if s.Policy > 0 {
		q = q.Where("sub.pending_policy_id = ?", s.Policy)
	}
	if s.API > 0 {
		q = q.Where("sub.api_id = ? AND sub.change_kind = ?", s.API, ChangeByPaying)
	}
	err := q.OrderExpr("sub.subscription_id").Scan(ctx)
	return ss, found(err, "Subscriptions")
}
