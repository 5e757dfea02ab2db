package usage_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

func (w *ledgerWorld) reports() *usage.Reports {
	return &usage.Reports{DB: w.db, Business: w.business}
}

// A known call is what a test knows of one call, or of a correction.
type knownCall struct {
	usage.LoggedCall
	sub, policy int64
	correction  int64
}

// known lists all calls of the ledger.
func (w *ledgerWorld) known(t testing.TB) []knownCall {
	t.Helper()
	var all []knownCall
	for _, r := range w.rows(t) {
		if r.Kind == models.LedgerCorrection {
			all = append(all, knownCall{usage.LoggedCall{At: r.FirstAt.Time()}, r.SubscriptionID, r.PolicyID, r.Quantity})
			continue
		}
		calls, err := usage.Logged(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range calls {
			all = append(all, knownCall{c, r.SubscriptionID, r.PolicyID, 0})
		}
	}
	return all
}

// totals adds up those calls that which chooses.
func totals(all []knownCall, which func(knownCall) bool) usage.Totals {
	var sum usage.Totals
	for _, c := range all {
		if !which(c) {
			continue
		}
		if c.correction != 0 {
			sum.Quantity += c.correction
			continue
		}
		sum.Calls++
		if c.Counted {
			sum.Counted++
			sum.Quantity += c.Units
		}
	}
	return sum
}

// scribble fills the ledger with some days of calls, as several gateways write them.
func (w *ledgerWorld) scribble(t testing.TB) {
	t.Helper()
	s := &scribe{w: w, seqs: map[string]int64{}}
	for i := range 900 {
		hour, second := (i/7)%60, (i*37)%3600
		s.add(i%2, string(rune('a'+i%3)), hour, second, 1+i%4, (i/3)%2, false)
		if i%50 == 0 {
			s.correct(i%2, "a", hour)
		}
	}
	s.store(t)
}

func TestReportsAddUpExactly(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 3)
		w.scribble(t)
		all := w.known(t)
		for _, packed := range []bool{false, true} {
			if packed {
				w.wait(40 * time.Hour) // some hours are packed, some are not
				w.packAll(t)
			}
			for i := range 25 {
				w.compare(t, all, time.Duration(i*3571)*time.Second, time.Duration(i*i*977+i)*time.Second)
			}
		}
	})
}

func TestReportsAddUpBetweenAnyTwoInstants(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 3)
	w.scribble(t)
	all := w.known(t)
	w.wait(40 * time.Hour)
	w.packAll(t)
	rapid.Check(t, func(rt *rapid.T) {
		w.compare(t, all, time.Duration(rapid.Int64Range(-7_200_000, 230_000_000).Draw(rt, "from"))*time.Millisecond,
			time.Duration(rapid.Int64Range(1, 200_000_000).Draw(rt, "length"))*time.Millisecond)
	})
}

// compare reads every report of a span and compares it with what is known.
func (w *ledgerWorld) compare(t testing.TB, all []knownCall, after, length time.Duration) {
	t.Helper()
	ctx, r := context.Background(), w.reports()
	from := firstHour.Time().Add(after)
	to := from.Add(length)
	inside := func(c knownCall) bool { return !c.At.Before(from) && c.At.Before(to) }
	scopes := map[string]struct {
		scope usage.Scope
		has   func(knownCall) bool
	}{
		"all": {usage.Scope{Tenant: w.tenant, All: true}, inside},
		"api": {usage.Scope{Tenant: w.tenant, APIs: []int64{w.api}, Policy: w.policies[1]}, func(c knownCall) bool { return inside(c) && c.policy == w.policies[1] }},
		"one": {usage.Scope{Tenant: w.tenant, Subscriptions: w.subs[:1]}, func(c knownCall) bool { return inside(c) && c.sub == w.subs[0] }},
	}
	for name, s := range scopes {
		want := totals(all, s.has)
		if got, err := r.Total(ctx, s.scope, from, to); err != nil || got != want {
			t.Errorf("%s from %v to %v: %+v, %v, want %+v", name, from, to, got, err, want)
		}
		for _, step := range []usage.Step{usage.ByHour, usage.ByDay, usage.ByMonth} {
			buckets, err := r.Buckets(ctx, s.scope, step, from, to)
			var sum usage.Totals
			for i, b := range buckets {
				end := to
				if i+1 < len(buckets) {
					end = buckets[i+1].Start
				}
				want := totals(all, func(c knownCall) bool { return s.has(c) && !c.At.Before(b.Start) && c.At.Before(end) })
				if b.Totals != want {
					t.Errorf("%s, step %d, bucket %v: %+v, want %+v", name, step, b.Start, b.Totals, want)
				}
				sum = usage.Totals{Calls: sum.Calls + b.Calls, Counted: sum.Counted + b.Counted, Quantity: sum.Quantity + b.Quantity}
			}
			if err != nil || sum != want {
				t.Errorf("%s from %v to %v in steps of %d: %+v, %v, want %+v", name, from, to, step, sum, err, want)
			}
		}
		shares, err := r.Share(ctx, s.scope, usage.Shares{Subscription: true, Policy: true}, from, to)
		var sum usage.Totals
		for _, share := range shares {
			want := totals(all, func(c knownCall) bool { return s.has(c) && c.sub == share.Subscription && c.policy == share.Policy })
			if share.Totals != want || share.API != 0 {
				t.Errorf("%s: %+v, want %+v", name, share, want)
			}
			sum = usage.Totals{Calls: sum.Calls + share.Calls, Counted: sum.Counted + share.Counted, Quantity: sum.Quantity + share.Quantity}
		}
		if err != nil || sum != want {
			t.Errorf("%s: the shares add up to %+v, %v, want %+v", name, sum, err, want)
		}
	}
}

func TestReportsShowNothingOfOthers(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 2)
	w.scribble(t)
	from, to := firstHour.Time(), firstHour.Time().Add(90*time.Hour)
	for name, s := range map[string]usage.Scope{
		"nothing": {Tenant: w.tenant}, "another tenant": {Tenant: 8, All: true}, "another tenant's subscriptions": {Tenant: 8, Subscriptions: w.subs},
		"another tenant's API": {Tenant: 8, APIs: []int64{w.api}}, "another API": {Tenant: w.tenant, APIs: []int64{w.api + 1}},
		"another subscription": {Tenant: w.tenant, Subscriptions: []int64{w.subs[1] + 1}}, "another plan": {Tenant: w.tenant, All: true, Policy: 999},
		"an empty list": {Tenant: w.tenant, Subscriptions: []int64{}},
	} {
		if got, err := w.reports().Total(t.Context(), s, from, to); err != nil || got != (usage.Totals{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if got, err := w.reports().Share(t.Context(), s, usage.Shares{API: true}, from, to); err != nil || len(got) != 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if page, err := w.reports().Calls(t.Context(), usage.CallQuery{Tenant: 8, Subscription: w.subs[0]}); err != nil || len(page.Calls) != 0 || page.Next != "" {
		t.Errorf("another tenant reads the log: %+v, %v", page, err)
	}
	if at, err := w.reports().Newest(t.Context(), 8, w.subs[0]); err != nil || !at.IsZero() {
		t.Errorf("another tenant sees when the newest call was: %v, %v", at, err)
	}
}

func TestTheLogHasEveryCallOnceNewestFirst(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 2)
		w.scribble(t)
		w.wait(90 * time.Hour)
		all := w.known(t)
		for range 2 {
			for _, q := range []usage.CallQuery{
				{}, {Limit: 7}, {Limit: 3, Outcome: usage.Counted}, {Outcome: usage.Uncounted},
				{Limit: 13, From: firstHour.Time().Add(20*time.Hour + 1234*time.Second), To: firstHour.Time().Add(30*time.Hour + 777*time.Millisecond)},
				{From: firstHour.Time().Add(1000 * time.Hour)},
			} {
				q.Tenant, q.Subscription = w.tenant, w.subs[0]
				w.leaf(t, q, all)
			}
			w.packAll(t)
		}
	})
}

// leaf goes through all pages of a log and compares them with what is known.
func (w *ledgerWorld) leaf(t testing.TB, q usage.CallQuery, all []knownCall) {
	t.Helper()
	var want []usage.LoggedCall
	for _, c := range all {
		if c.sub != q.Subscription || c.ID == (usage.CallID{}) || c.At.Before(q.From) || !q.To.IsZero() && !c.At.Before(q.To) ||
			q.Outcome == usage.Counted && !c.Counted || q.Outcome == usage.Uncounted && c.Counted {
			continue
		}
		want = append(want, c.LoggedCall)
	}
	slices.SortFunc(want, func(a, b usage.LoggedCall) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return bytes.Compare(b.ID[:], a.ID[:])
	})
	var got []usage.LoggedCall
	for paged := q; ; {
		page, err := w.reports().Calls(context.Background(), paged)
		if err != nil {
			t.Fatal(err)
		}
		if q.Limit > 0 && len(page.Calls) > q.Limit || len(page.Calls) > usage.MostCallsPerPage {
			t.Errorf("a page has %d calls", len(page.Calls))
		}
		got = append(got, page.Calls...)
		if paged.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v: the log has %d calls, want %d, or they are in another order", q, len(got), len(want))
	}
	n := 0
	for c, err := range w.reports().AllCalls(context.Background(), q) {
		if err != nil || n >= len(want) || c != want[n] {
			t.Fatalf("%+v: call %d of all is %+v, %v", q, n, c, err)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%+v: %d calls of %d", q, n, len(want))
	}
}

func TestTheLogSaysWhenCallsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 2)
	w.scribble(t)
	w.wait(70 * time.Hour)
	before, err := w.reports().UsedSince(t.Context(), w.tenant, w.subs[0], firstHour.Time())
	if err != nil || before.Quantity == 0 {
		t.Fatal(before, err)
	}
	w.wait(36*24*time.Hour - 40*time.Hour) // some of the hours are older than 35 days
	w.packAll(t)
	q := usage.CallQuery{Tenant: w.tenant, Subscription: w.subs[0]}
	calls, forgotten := 0, false
	for {
		page, err := w.reports().Calls(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if calls, forgotten = calls+len(page.Calls), page.Forgotten; page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	if calls == 0 || !forgotten {
		t.Errorf("%d calls, forgotten: %v", calls, forgotten)
	}
	if after, err := w.reports().UsedSince(t.Context(), w.tenant, w.subs[0], firstHour.Time()); err != nil || after != before {
		t.Errorf("%+v were used, now %+v, %v", before, after, err)
	}
}

func TestPagesThatDoNotExistAreMalformed(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 1)
	for _, cursor := range []string{"x", "AAAA", "////", fmt.Sprint(bytes.Repeat([]byte("A"), 32))} {
		_, err := w.reports().Calls(t.Context(), usage.CallQuery{Tenant: w.tenant, Subscription: w.subs[0], Cursor: cursor})
		if fault.KindOf(err) != fault.Malformed {
			t.Errorf("%q: %v", cursor, err)
		}
	}
}

func TestWhatWasUsedIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 1)
	l := w.ledger(t)
	if at, err := w.reports().Newest(t.Context(), w.tenant, w.subs[0]); err != nil || !at.IsZero() {
		t.Errorf("before the first call: %v, %v", at, err)
	}
	for range 5 {
		if err := l.Record(t.Context(), w.call(w.subs[0])); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := w.reports().UsedSince(t.Context(), w.tenant, w.subs[0], w.time().Add(-time.Minute)); err != nil || got.Quantity != 5 || got.Failed() != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if at, err := w.reports().Newest(t.Context(), w.tenant, w.subs[0]); err != nil || !at.Equal(w.time().Truncate(time.Millisecond)) {
		t.Errorf("the newest call was at %v, %v", at, err)
	}
	page, err := w.reports().Calls(t.Context(), usage.CallQuery{Tenant: w.tenant, Subscription: w.subs[0]})
	if err != nil || len(page.Calls) != 5 || page.Calls[0].Took != 3*time.Millisecond || page.Calls[0].Status != 200 {
		t.Errorf("%+v, %v", page, err)
	}
}
