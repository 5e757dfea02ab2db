package usage

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/models"
)

// Reports read the ledger for people. They ask only for what belongs to the tenant
// they are given; that the subscriptions and APIs belong to whoever asks is for their
// callers to have checked.
type Reports struct {
	DB       *bun.DB
	Business clock.Business
}

// A Scope is whose calls are read.
type Scope = models.LedgerScope

// Totals are what calls add up to.
type Totals struct {
	Calls    int64 // that were let through and answered
	Counted  int64 // those of them that count as the API says
	Quantity int64 // units of the counted ones, after corrections: what is billed
}

// Failed returns how many calls do not count.
func (t Totals) Failed() int64 { return t.Calls - t.Counted }

func (t *Totals) add(calls, counted, quantity int64) {
	t.Calls, t.Counted, t.Quantity = t.Calls+calls, t.Counted+counted, t.Quantity+quantity
}

// A Step is how long the buckets of a chart are.
type Step int

// The steps, in UTC.
const (
	ByHour Step = iota
	ByDay
	ByMonth
)

// start returns the beginning of the bucket that t is in.
func (s Step) start(t time.Time) time.Time {
	t = t.UTC()
	switch s {
	case ByHour:
		return t.Truncate(time.Hour)
	case ByDay:
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	default:
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
}

func (s Step) next(t time.Time) time.Time {
	switch s {
	case ByHour:
		return t.Add(time.Hour)
	case ByDay:
		return t.AddDate(0, 0, 1)
	default:
		return t.AddDate(0, 1, 0)
	}
}

// A Bucket is the calls of one hour, day or month.
type Bucket struct {
	Start time.Time // UTC; the first one may begin before what was asked for
	Totals
}

// mostBuckets keeps a mistaken span from taking all memory.
const mostBuckets = 20_000

// Buckets returns the totals of each hour, day or month from from (included) to to
// (excluded), oldest first and also those without calls.
func (r *Reports) Buckets(ctx context.Context, s Scope, step Step, from, to time.Time) ([]Bucket, error) {
	by := models.LedgerSumBy{Step: models.Instant(time.Hour.Milliseconds())}
	if step != ByHour {
		by.Step *= 24
	}
	sums, err := r.sums(ctx, s, by, from, to)
	if err != nil {
		return nil, err
	}
	var buckets []Bucket
	at := map[int64]int{}
	for t := step.start(from); t.Before(to) && len(buckets) < mostBuckets; t = step.next(t) {
		at[t.UnixMilli()] = len(buckets)
		buckets = append(buckets, Bucket{Start: t})
	}
	for _, sum := range sums {
		if i, ok := at[step.start(sum.At.Time()).UnixMilli()]; ok {
			buckets[i].add(sum.Calls, sum.Counted, sum.Quantity)
		}
	}
	return buckets, nil
}

// Total returns the totals from from (included) to to (excluded).
func (r *Reports) Total(ctx context.Context, s Scope, from, to time.Time) (Totals, error) {
	var t Totals
	sums, err := r.sums(ctx, s, models.LedgerSumBy{}, from, to)
	for _, sum := range sums {
		t.add(sum.Calls, sum.Counted, sum.Quantity)
	}
	return t, err
}

// A Share is the calls of one subscription, API or plan, or of a combination of them.
// What was not asked for is 0.
type Share struct {
	Subscription, API, Policy int64
	Totals
}

// Shares says what to share totals by.
type Shares struct{ Subscription, API, Policy bool }

// Share returns the totals from from (included) to to (excluded) of each subscription,
// API or plan that has calls, those with the most units first.
func (r *Reports) Share(ctx context.Context, s Scope, by Shares, from, to time.Time) ([]Share, error) {
	sums, err := r.sums(ctx, s, models.LedgerSumBy{Subscription: by.Subscription, API: by.API, Policy: by.Policy}, from, to)
	if err != nil {
		return nil, err
	}
	type key struct{ subscription, api, policy int64 }
	at := map[key]int{}
	var shares []Share
	for _, sum := range sums {
		k := key{sum.SubscriptionID, sum.APIID, sum.PolicyID}
		i, ok := at[k]
		if !ok {
			i = len(shares)
			at[k] = i
			shares = append(shares, Share{Subscription: k.subscription, API: k.api, Policy: k.policy})
		}
		shares[i].add(sum.Calls, sum.Counted, sum.Quantity)
	}
	slices.SortFunc(shares, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Quantity, a.Quantity), cmp.Compare(b.Calls, a.Calls),
			cmp.Compare(a.Subscription, b.Subscription), cmp.Compare(a.API, b.API), cmp.Compare(a.Policy, b.Policy))
	})
	return shares, nil
}

// UsedSince returns what a subscription used from from (included) on, under all its
// plans: for quotas.
func (r *Reports) UsedSince(ctx context.Context, tenant models.TenantID, subscription int64, from time.Time) (Totals, error) {
	end := r.Business.Now().Add(EventAhead + time.Hour).Truncate(time.Hour)
	return r.Total(ctx, Scope{Tenant: tenant, Subscriptions: []int64{subscription}}, from, end)
}

// Newest returns when the subscription's newest call was written down, by wall time;
// the zero time when there is none.
func (r *Reports) Newest(ctx context.Context, tenant models.TenantID, subscription int64) (time.Time, error) {
	row, _, err := models.NewestLedgerRow(ctx, r.DB, tenant, subscription)
	return row.RecordedAt.Time(), err
}

// sums adds up what lies from from to to. Rows across one of the two are read call by
// call. Where those are forgotten, a row counts from its first call on; that concerns
// hours in plans that are not sold by the call and that are older than a month only,
// because rows of others never reach beyond the billing period they are in.
func (r *Reports) sums(ctx context.Context, s Scope, by models.LedgerSumBy, from, to time.Time) ([]models.LedgerSum, error) {
	if s.Empty() || !from.Before(to) {
		return nil, nil
	}
	start, end := models.At(from), models.At(to)
	sums, err := models.SumLedger(ctx, r.DB, s, by, start, end)
	if err != nil {
		return nil, err
	}
	for _, at := range [...]models.Instant{start, end} {
		rows, err := models.LedgerRowsAcross(ctx, r.DB, s, at)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if at == end && row.FirstAt < start {
				continue // it was across start as well
			}
			sum, err := within(row, by, start, end)
			if err != nil {
				return nil, err
			}
			sums = append(sums, sum)
		}
	}
	return sums, nil
}

// within is what those calls of a row add up to that lie from start to end.
func within(row models.LedgerRow, by models.LedgerSumBy, start, end models.Instant) (models.LedgerSum, error) {
	var sum models.LedgerSum
	if by.Step != 0 {
		sum.At = row.Hour - row.Hour%by.Step
	}
	if by.Subscription {
		sum.SubscriptionID = row.SubscriptionID
	}
	if by.API {
		sum.APIID = row.APIID
	}
	if by.Policy {
		sum.PolicyID = row.PolicyID
	}
	if row.Detail == nil {
		if row.FirstAt >= start && row.FirstAt < end {
			sum.Calls, sum.Counted, sum.Quantity = row.Calls, row.Counted, row.Quantity
		}
		return sum, nil
	}
	err := readDetail(row.Detail, func(c detailCall) {
		if at := row.FirstAt + models.Instant(c.offset); at < start || at >= end {
			return
		}
		sum.Calls++
		if c.counts() {
			sum.Counted++
			sum.Quantity += c.units
		}
	})
	return sum, err
}
