package usage_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

func TestEveryRecordedCallIsInTheLedgerOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 3)
		l := w.ledger(t)
		const callers, each = 64, 40
		var mu sync.Mutex
		recorded := map[string]int64{}
		var all sync.WaitGroup
		for caller := range callers {
			all.Go(func() {
				for i := range each {
					c := w.call(w.subs[(caller+i)%3])
					c.Policy = w.policies[i%2]
					c.Metered = i%2 == 0
					c.Counted = i%5 != 0
					c.Units = int64(i)
					if err := l.Record(t.Context(), c); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					recorded[c.ID.String()] = c.Subscription
					mu.Unlock()
					if i%10 == 0 {
						w.wait(170 * time.Millisecond)
					}
				}
			})
		}
		all.Wait()
		l.Close()
		for _, r := range w.rows(t) {
			calls, err := usage.Logged(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range calls {
				if sub, ok := recorded[c.ID.String()]; !ok || sub != r.SubscriptionID {
					t.Errorf("call %v of subscription %d is in the ledger of %d, or twice", c.ID, sub, r.SubscriptionID)
				}
				delete(recorded, c.ID.String())
				if c.At.UnixMilli() < int64(r.FirstAt) || c.At.UnixMilli() > int64(r.LastAt) {
					t.Errorf("a call at %v is in a row from %v to %v", c.At, r.FirstAt.Time(), r.LastAt.Time())
				}
			}
		}
		if len(recorded) != 0 {
			t.Errorf("%d calls that were acknowledged are not in the ledger", len(recorded))
		}
		w.sound(t)
		w.agrees(t, l.Writer())
	})
}

// agrees compares what a writer counted in memory with its ledger.
func (w *ledgerWorld) agrees(t testing.TB, writer string) {
	t.Helper()
	var counts []models.GatewayCount
	if err := w.db.NewSelect().Model(&counts).Where("writer = ?", writer).Scan(context.Background()); err != nil {
		t.Fatal(err)
	}
	type key struct{ sub, policy, hour int64 }
	type sum struct{ calls, quantity int64 }
	memory, ledger := map[key]sum{}, map[key]sum{}
	for _, c := range counts {
		if c.Calls > 0 {
			memory[key{c.SubscriptionID, c.PolicyID, int64(c.Hour)}] = sum{c.Calls, c.Quantity}
		}
	}
	for _, r := range w.rows(t) {
		if r.Writer == writer && r.Kind != models.LedgerCorrection && r.Reason == "" {
			k := key{r.SubscriptionID, r.PolicyID, int64(r.Hour)}
			ledger[k] = sum{ledger[k].calls + r.Calls, ledger[k].quantity + r.Quantity}
		}
	}
	if fmt.Sprint(memory) != fmt.Sprint(ledger) {
		t.Errorf("the gateway counted %v, the ledger has %v", memory, ledger)
	}
}

func TestRowsOfAnyCallsAreSound(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 4)
	rapid.Check(t, func(rt *rapid.T) {
		l := w.ledger(t)
		var want, got int64
		for range rapid.IntRange(1, 30).Draw(rt, "calls") {
			c := w.call(rapid.SampledFrom(w.subs).Draw(rt, "subscription"))
			c.Policy = rapid.SampledFrom(w.policies[:]).Draw(rt, "policy")
			c.Metered = rapid.Bool().Draw(rt, "metered")
			c.Counted = rapid.Bool().Draw(rt, "counted")
			c.Units = rapid.Int64Range(0, usage.MostUnits).Draw(rt, "units")
			if c.Counted {
				want += c.Units
			}
			if err := l.Record(t.Context(), c); err != nil {
				rt.Fatal(err)
			}
			w.wait(time.Duration(rapid.IntRange(0, 1200).Draw(rt, "pause")) * time.Millisecond)
		}
		l.Close()
		var last models.Instant
		for _, r := range w.rows(t) {
			if r.Writer == l.Writer() {
				got += r.Quantity
				last = max(last, r.LastAt)
			}
		}
		if got != want {
			rt.Errorf("%d units were recorded, %d are in the ledger", want, got)
		}
		if last > models.At(w.time()) {
			rt.Errorf("a call happened at %v, which is later than now", last.Time())
		}
		w.sound(t)
	})
}

func TestTimeNeverRunsBackInTheLedger(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 1)
	l := w.ledger(t)
	for _, step := range []time.Duration{0, 700 * time.Millisecond, -time.Hour, time.Second, -time.Minute, 2 * time.Second} {
		w.wait(step)
		if err := l.Record(t.Context(), w.call(w.subs[0])); err != nil {
			t.Fatal(err)
		}
	}
	var last models.Instant
	for _, r := range w.rows(t) {
		if r.FirstAt < last {
			t.Errorf("after %v comes %v", last.Time(), r.FirstAt.Time())
		}
		last = r.LastAt
	}
	w.sound(t)
}

func TestALedgerThatDoesNotRunTakesNothing(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 1)
	l := usage.NewLedger(usage.LedgerOptions{DB: w.db, Wall: w.wall, Business: w.business, Kind: usage.KindGateway})
	if err := l.Record(t.Context(), w.call(w.subs[0])); !errors.Is(err, usage.ErrNotRecorded) || l.Ready() == nil {
		t.Errorf("before it runs: %v, %v", err, l.Ready())
	}
	w.run(t, l)
	if err := l.Record(t.Context(), w.call(w.subs[0])); err != nil {
		t.Error(err)
	}
	l.Close()
	if err := l.Record(t.Context(), w.call(w.subs[0])); !errors.Is(err, usage.ErrNotRecorded) || l.Ready() == nil {
		t.Errorf("after it was closed: %v, %v", err, l.Ready())
	}
	if calls, _, _ := w.sums(t, w.subs[0]); calls != 1 {
		t.Errorf("%d calls", calls)
	}
	var g models.Gateway
	if err := w.db.NewSelect().Model(&g).Where("writer = ?", l.Writer()).Scan(t.Context()); err != nil || g.StoppedAt.IsZero() || g.Kind != usage.KindGateway {
		t.Errorf("gateway %+v, %v", g, err)
	}
}

func TestImpossibleCallsAreNotRecorded(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 1)
	l := w.ledger(t)
	for _, change := range []func(*usage.Call){
		func(c *usage.Call) { c.Units = -1 },
		func(c *usage.Call) { c.Units = usage.MostUnits + 1 },
		func(c *usage.Call) { c.Status = 1000 },
		func(c *usage.Call) { c.Status = -1 },
		func(c *usage.Call) { c.Subscription = 999_999 }, // the database knows no such subscription
	} {
		c := w.call(w.subs[0])
		change(&c)
		if err := l.Record(t.Context(), c); !errors.Is(err, usage.ErrNotRecorded) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := l.Ready(); err != nil {
		t.Errorf("such calls stop the others: %v", err)
	}
	if n := len(w.rows(t)); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestARefusedCallTakesNoOtherWithIt(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 2)
		l := w.ledger(t)
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				c := w.call(w.subs[i%2])
				bad := i%10 == 0
				if bad {
					c.Subscription = 999_999
				}
				if err := l.Record(t.Context(), c); (err != nil) != bad {
					t.Errorf("call %d: %v", i, err)
				}
			})
		}
		all.Wait()
		l.Close()
		a, _, _ := w.sums(t, w.subs[0])
		b, _, _ := w.sums(t, w.subs[1])
		if a+b != 180 {
			t.Errorf("%d calls are in the ledger, want 180", a+b)
		}
		w.sound(t)
	})
}

func TestAGatewayGivesSignsOfLife(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 1)
	l := w.ledger(t)
	l.Tell(func() usage.Figures {
		return usage.Figures{CaughtUp: 1, Served: 2, Refused: 3, Failed: 4, InFlight: 5, Problem: "It is late."}
	})
	l.Refused(w.tenant, w.subs[0], w.policies[0])
	w.wait(3 * time.Hour) // the count's hour is over, and it is dropped from memory
	soon(t, func() error {
		gs, err := models.GatewaysSeenSince(t.Context(), w.db, models.At(w.time()))
		if err != nil || len(gs) != 1 || gs[0].CaughtUp != 1 || gs[0].Served != 2 || gs[0].Refused != 3 || gs[0].Failed != 4 || gs[0].InFlight != 5 || gs[0].Problem != "It is late." || !gs[0].StoppedAt.IsZero() {
			return fmt.Errorf("gateways %+v, %w", gs, err)
		}
		return nil
	})
	soon(t, func() error {
		if n := l.Counted(); n != 0 {
			return fmt.Errorf("%d counts are in memory", n)
		}
		return nil
	})
	// What is reported of that hour now is added to what was counted of it.
	if _, err := l.RecordBatch(t.Context(), []usage.Event{w.event("late", 3*time.Hour)}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	var c models.GatewayCount
	if err := w.db.NewSelect().Model(&c).Scan(t.Context()); err != nil || c.Refused != 1 || c.Calls != 1 || c.Quantity != 1 {
		t.Errorf("count %+v, %v", c, err)
	}
}
