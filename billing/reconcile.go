package billing

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// The kinds of comparison with an account.
const (
	CompareEvents        = "events"        // what Stripe could not deliver
	CompareSubscriptions = "subscriptions" // subscriptions, customers, open checkouts
	CompareCatalogue     = "catalogue"     // products, prices, meters
	ComparePayments      = "payments"      // refunds and disputes
)

// The times of reconciliation, all by business time.
const (
	eventsPause = 10 * time.Minute // between two looks for undelivered events, and before a healed difference is looked at again
	barredPause = time.Hour        // before an account that lets nobody in is asked again
	stagedFor   = 15 * time.Minute // after which a comparison that never came back is due again
	orphanAge   = 24 * time.Hour   // how long an orphan is shown before it is removed
	nightHour   = 3                // UTC, when everything is compared
	enrollPause = 30 * time.Second // at most, before accounts linked since are noticed
	dueBatch    = 50               // comparisons staged at a time
)

// A Reconciler finds where Stripe and we differ, whatever became of webhooks. It
// shows each difference and stages the ordinary work that ends it; it never
// writes the state of anything itself. What is due stands in rows.
type Reconciler struct {
	Subscriptions *Subscriptions
	Inbox         *Inbox
	Pause         time.Duration // between two calls of a long comparison, so that others find room at Stripe

	begun atomic.Bool
	turns sync.Map // by account: a channel of one, whose turn it is to wait
}

// reconcile compares one kind of thing with one account.
type reconcile struct {
	Account string `json:"account"` // "" for the platform's own
	What    string `json:"what"`    // one of the Compare constants
}

// Kind implements outbox.Task.
func (reconcile) Kind() string { return "billing.reconcile" }

// Subject implements outbox.Task.
func (t reconcile) Subject() string { return "reconcile/" + named(t.Account, t.What) }

// Register registers what performs comparisons.
func (r *Reconciler) Register(jobs *outbox.Runner) {
	outbox.Handle(jobs, func(ctx context.Context, job outbox.Job, t reconcile) error {
		_, err := r.run(ctx, job, t)
		return err
	}, nil)
	outbox.Handle(jobs, r.runForEvents, nil)
}

// runForEvents performs compareCatalogue, and ends the events that asked for it.
func (r *Reconciler) runForEvents(ctx context.Context, job outbox.Job, t compareCatalogue) error {
	s := r.Subscriptions
	row, err := r.run(ctx, job, reconcile{t.Account, CompareCatalogue})
	if err != nil {
		return err
	}
	state, text := models.EventDone, "Our products and prices are as they are to be."
	switch {
	case row.Problem != "" && row.DueAt.Time().Sub(s.Business.Now()) <= eventsPause:
		return errors.New(row.Problem) // nobody knows, so the events wait
	case row.Kind == "":
		state, text = models.EventIgnored, "Nothing is sold through this account."
	case row.Problem != "":
		state, text = models.EventFailed, row.Problem
	case row.Found > 0:
		text = "Something was changed at Stripe: see the differences under In agreement with Stripe."
	}
	return models.EndStripeEvents(ctx, s.DB, job.Tenant, t.Account, job.ID, state, clip(text, 500), models.At(s.Wall.Now()))
}

// task is the work that a comparison is.
func task(row models.Reconciliation) outbox.Task {
	if row.Kind == CompareCatalogue {
		return compareCatalogue{row.Account}
	}
	return reconcile{row.Account, row.Kind}
}

// RunOnce stages every comparison that is due: all of them once an account is
// new, undelivered events when the program starts and every ten minutes, the rest
// every night. Any number of processes may run it. next is wall time.
func (r *Reconciler) RunOnce(ctx context.Context) (next time.Time, err error) {
	s := r.Subscriptions
	if err := r.enroll(ctx); err != nil {
		return time.Time{}, err
	}
	now := models.At(s.Business.Now())
	if !r.begun.Load() {
		if err := models.HastenReconciliations(ctx, s.DB, nil, CompareEvents, now); err != nil {
			return time.Time{}, err
		}
		r.begun.Store(true)
	}
	due, err := models.DueReconciliations(ctx, s.DB, now, dueBatch)
	if err != nil {
		return time.Time{}, err
	}
	for _, row := range due {
		if err := r.stage(ctx, row, now); err != nil {
			return time.Time{}, err
		}
	}
	s.Jobs.Wake()
	at, err := models.NextReconciliationAt(ctx, s.DB)
	wait := enrollPause
	if !at.IsZero() {
		wait = min(wait, max(at.Time().Sub(s.Business.Now()), time.Second))
	}
	return s.Wall.Now().Add(wait), err
}

// stage promises one comparison and puts its row off, so that nobody stages it
// again meanwhile. Somebody who was faster has done it. While an earlier one is
// still tried, nothing is added to it: Stripe may be away for long.
func (r *Reconciler) stage(ctx context.Context, row models.Reconciliation, now models.Instant) error {
	s := r.Subscriptions
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		row := row
		row.DueAt = models.At(now.Time().Add(stagedFor))
		if err := models.SaveReconciliation(ctx, tx, row); err != nil {
			return err
		}
		open, err := models.OpenJobsAbout(ctx, tx, row.TenantID, task(row).Subject())
		if err != nil || len(open) > 0 {
			return err
		}
		_, err = outbox.Stage(ctx, tx, row.TenantID, s.Wall.Now(), task(row))
		return err
	})
	if fault.KindOf(err) == fault.Conflict {
		return nil
	}
	return err
}

// enroll gives each account of each tenant its rows, due at once, and forgets
// those of accounts that nothing is sold through any more.
func (r *Reconciler) enroll(ctx context.Context) error {
	tenants, err := models.Tenants(ctx, r.Subscriptions.DB)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		if t.StripeAccount == "" {
			continue
		}
		if err := r.enrollTenant(ctx, t.ID); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) enrollTenant(ctx context.Context, tenant models.TenantID) error {
	s := r.Subscriptions
	trading, err := models.TradingAccounts(ctx, s.DB, tenant)
	if err != nil {
		return err
	}
	rows, err := models.Reconciliations(ctx, s.DB, tenant)
	if err != nil {
		return err
	}
	have := map[reconcile]bool{}
	for _, row := range rows {
		have[reconcile{row.Account, row.Kind}] = true
	}
	want := map[string]bool{}
	for _, account := range append([]string{""}, trading...) {
		want[account] = true
		for _, kind := range kindsOf(account) {
			if have[reconcile{account, kind}] {
				continue
			}
			row := models.Reconciliation{TenantID: tenant, Account: account, Kind: kind, DueAt: models.At(s.Business.Now())}
			if err := models.EnsureReconciliation(ctx, s.DB, row); err != nil {
				return err
			}
		}
	}
	for _, row := range rows {
		if want[row.Account] {
			continue
		}
		want[row.Account] = true // once
		err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
			return models.DropReconciliations(ctx, tx, tenant, row.Account, models.At(s.Business.Now()))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// kindsOf are the comparisons of an account. Nobody subscribes on the platform's own.
func kindsOf(account string) []string {
	if account == "" {
		return []string{CompareEvents, CompareCatalogue}
	}
	return []string{CompareEvents, CompareSubscriptions, CompareCatalogue, ComparePayments}
}

// run performs reconcile. What goes wrong is written into the comparison's row,
// which is then due again soon: the row is what is repeated, not the job, so one
// account that does not answer holds up nothing else. It returns the row as it is
// now; the zero one when the account was given up meanwhile.
func (r *Reconciler) run(ctx context.Context, job outbox.Job, t reconcile) (models.Reconciliation, error) {
	s := r.Subscriptions
	row, err := models.ReconciliationOf(ctx, s.DB, job.Tenant, t.Account, t.What)
	if fault.KindOf(err) == fault.NotFound {
		return models.Reconciliation{}, nil
	}
	if err != nil {
		return row, err
	}
	c, err := r.begin(ctx, job, t)
	if err != nil {
		return row, err
	}
	row.StartedAt = models.At(s.Business.Now())
	why, err := r.closed(ctx, c.at)
	if err == nil && why == "" {
		err = c.compare(ctx)
	}
	if ctx.Err() != nil {
		return row, ctx.Err()
	}
	now := s.Business.Now()
	row.FinishedAt, row.Problem = models.At(now), why
	barred, isBarred := errors.AsType[*Barred](err)
	switch {
	case why != "":
		row.DueAt = models.At(nextNight(now, t.Account, t.What))
	case isBarred:
		row.Problem, row.DueAt = "Stripe does not let us into this account: "+barred.Message, models.At(now.Add(barredPause))
	case err != nil:
		row.Problem, row.DueAt = cmp.Or(fault.Message(err), err.Error()), models.At(now.Add(eventsPause))
	default:
		return r.conclude(ctx, c, row)
	}
	return row, models.SaveReconciliation(ctx, s.DB, row)
}

// closed says why an account is not to be asked at all; "" when it is.
func (r *Reconciler) closed(ctx context.Context, at accounts.StripeAccount) (string, error) {
	if at.IsPlatform() {
		return "", nil
	}
	a, err := models.TenantConnectedAccount(ctx, r.Subscriptions.DB, at.Tenant, at.Connected)
	if fault.KindOf(err) == fault.NotFound {
		return "", nil // given up, but people still pay there
	}
	if err == nil && !a.DeauthorizedAt.IsZero() {
		return "Its owner has taken our access away. Nothing can be compared until the account is linked again.", nil
	}
	return "", err
}

// nextNight is the next time that everything of a kind in an account is compared.
// Accounts and kinds are spread over an hour.
func nextNight(now time.Time, account, kind string) time.Time {
	h := fnv.New32a()
	h.Write([]byte(account + " " + kind)) //nolint:errcheck // a hash takes everything
	y, m, d := now.UTC().Date()
	at := time.Date(y, m, d, nightHour, int(h.Sum32()%60), 0, 0, time.UTC)
	if !at.After(now) {
		at = at.AddDate(0, 0, 1)
	}
	return at
}
