package entitle_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/gateway"
	"tollgate/gateway/entitle"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// stops makes the plan's quota so many units an hour, and no more.
func stops(units int64) func(*models.Policy) {
	return func(p *models.Policy) { p.Quota, p.TimeUnit, p.StopOnQuotaReach = units, "hour", true }
}

// ledger returns the units of the running hour.
func (w *world) ledger(t testing.TB) int64 {
	t.Helper()
	n, err := models.UsedUnits(context.Background(), w.db, w.sub.ID, models.HourOf(models.At(w.business.Now())), 0)
	must(t, err)
	return n
}

// call makes a call that comes to so many units, and returns "" or the refusal's type.
func (w *world) call(t testing.TB, g *entitle.Gate, units int64) *gateway.Refusal {
	t.Helper()
	pass, refusal := w.ask(g)
	if refusal == nil {
		w.record(t, units)
		g.Settle(pass, units)
	}
	return refusal
}

// A fleet is gateways on one database, some of which die.
type fleet struct {
	*world
	gates  []*entitle.Gate
	flying []flight
}

type flight struct {
	gate *entitle.Gate
	pass *gateway.Pass
}

func (f *fleet) tick(t testing.TB) {
	f.later(time.Second)
	for _, g := range f.gates {
		f.poll(t, g)
		g.Rest()
	}
}

func (f *fleet) begin(t testing.TB, g *entitle.Gate) {
	pass, refusal := f.ask(g)
	if refusal == nil {
		f.flying = append(f.flying, flight{g, pass})
	} else if refusal.Type != gateway.QuotaSpent {
		t.Fatalf("refused: %+v", refusal)
	}
}

func (f *fleet) end(t testing.TB, i int, units int64) {
	c := f.flying[i]
	f.flying = append(f.flying[:i], f.flying[i+1:]...)
	f.record(t, units)
	c.gate.Settle(c.pass, units)
}

// crash ends a gateway in the middle of its calls: of each nobody knows whether it
// was written down.
func (f *fleet) crash(t testing.TB, n int, r *rand.Rand) {
	dead := f.gates[n]
	left := f.flying[:0:0]
	for _, c := range f.flying {
		if c.gate != dead {
			left = append(left, c)
		} else if r.IntN(2) == 0 {
			f.record(t, 1)
		}
	}
	f.flying, f.gates[n] = left, f.newGate(t, f.db, entitle.Options{})
}

// However calls, deaths and time fall together, the ledger and what is under way are
// never more than the quota; and all of the quota can be used in the end.
func TestAQuotaIsNeitherExceededNorLost(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		f := &fleet{world: setup(t, db)}
		for range 3 {
			f.gates = append(f.gates, f.newGate(t, db, entitle.Options{}))
		}
		for seed := range uint64(6) {
			r := rand.New(rand.NewPCG(seed, 7))
			limit := int64(1 + r.IntN(120))
			f.adaptPlan(t, stops(limit))
			f.later(time.Hour) // another window
			f.tick(t)
			check := func(what string) {
				if used := f.ledger(t); used+int64(len(f.flying)) > limit {
					t.Fatalf("seed %d: %s: %d used and %d under way of %d", seed, what, used, len(f.flying), limit)
				}
			}
			for range 150 {
				switch n := r.IntN(40); {
				case n < 24:
					f.begin(t, f.gates[r.IntN(3)])
				case n < 36 && len(f.flying) > 0:
					f.end(t, r.IntN(len(f.flying)), int64(min(1, r.IntN(4))))
				case n < 39:
					f.tick(t)
				case n == 39:
					f.crash(t, r.IntN(3), r)
				}
				check("on the way")
			}
			for len(f.flying) > 0 {
				f.end(t, 0, 1)
			}
			f.useUp(t, f.gates[r.IntN(3)], limit)
		}
	})
}

// useUp uses the rest of a quota through one gateway, and sees what it says then.
func (f *fleet) useUp(t testing.TB, g *entitle.Gate, limit int64) {
	t.Helper()
	var last *gateway.Refusal
	for range 15 {
		for last = f.call(t, g, 1); last == nil; {
			last = f.call(t, g, 1)
		}
		f.tick(t)
	}
	_, end := gateway.Quota{Unit: "hour"}.Window(f.business.Now())
	if used := f.ledger(t); used != limit || last.Used != limit || last.Limit != limit || !last.ResetsAt.Equal(end) || last.RetryAfter <= 2*time.Second {
		t.Errorf("in the end %d of %d are used: %+v", used, limit, last)
	}
}

func TestManyAtOnceUseAQuotaUpAndNoMore(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		const limit = 250
		w.adaptPlan(t, stops(limit))
		var passed atomic.Int64
		var all sync.WaitGroup
		for range 3 {
			g := w.newGate(t, db, entitle.Options{})
			for range 4 {
				all.Go(func() {
					for refused := 0; refused < 3; {
						switch refusal := w.call(t, g, 1); {
						case refusal == nil:
							passed.Add(1)
						case refusal.Type == gateway.QuotaSpent:
							refused++
						case refusal.Type != gateway.NotCurrent: // a database may be slow
							t.Errorf("refused: %+v", refusal)
							return
						}
					}
				})
			}
		}
		all.Wait()
		// What one gateway has reserved and does not use is refused by the others for some seconds.
		if n := passed.Load(); n > limit || n < limit-3*entitle.LeaseSize(models.Policy{QuotaType: "requestCount", Quota: limit, StopOnQuotaReach: true}) || w.ledger(t) != n {
			t.Errorf("%d of %d passed, the ledger has %d", n, limit, w.ledger(t))
		}
	})
}

// On a database of its own a gate leases nothing, and asks about a quota seldom; what
// others put into the ledger counts all the same.
func TestAGateThatIsAloneOnlyReads(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	const limit = 500
	w.adaptPlan(t, stops(limit))
	h := &hook{}
	f := &fleet{world: w, gates: []*entitle.Gate{w.newGate(t, w.db.WithQueryHook(h), entitle.Options{Alone: true})}}
	for range 30 {
		f.begin(t, f.gates[0])
	}
	for i := range 300 {
		f.end(t, 0, 1)
		f.begin(t, f.gates[0])
		if i%50 == 0 {
			w.record(t, 5)
			f.tick(t)
		}
	}
	f.gates[0].Rest()
	if n := h.read("usage_ledger"); n > 20 || n == 0 {
		t.Errorf("the ledger was read %d times", n)
	}
	f.crash(t, 0, rand.New(rand.NewPCG(1, 1)))
	f.gates[0] = w.newGate(t, w.db, entitle.Options{Alone: true})
	f.useUp(t, f.gates[0], limit)
	if n := w.leases(t); n != 0 {
		t.Errorf("%d leases", n)
	}
}

func TestCallsOfManyUnitsExceedAQuotaByThoseUnderWay(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	const limit, units, flying, leased = 100, 7, 3, 2
	w.adaptPlan(t, stops(limit))
	f := &fleet{world: w, gates: []*entitle.Gate{w.newGate(t, w.db, entitle.Options{}), w.newGate(t, w.db, entitle.Options{})}}
	r := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		if len(f.flying) < flying {
			f.begin(t, f.gates[r.IntN(2)])
		}
		if len(f.flying) == flying || r.IntN(3) == 0 && len(f.flying) > 0 {
			f.end(t, r.IntN(len(f.flying)), units)
		}
		if r.IntN(20) == 0 {
			f.tick(t)
		}
	}
	for len(f.flying) > 0 {
		f.end(t, 0, units)
	}
	// Calls under way came to more than was known, when both gateways had places left.
	if used := w.ledger(t); used < limit-units || used > limit+flying*(units-1)+2*leased*units {
		t.Errorf("%d of %d are used", used, limit)
	}
}

func TestALongCallKeepsItsUnit(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		w.adaptPlan(t, stops(3))
		f := &fleet{world: w, gates: []*entitle.Gate{w.newGate(t, db, entitle.Options{}), w.newGate(t, db, entitle.Options{})}}
		f.begin(t, f.gates[0])
		for range 30 {
			f.tick(t)
		}
		for range 2 {
			if refusal := w.call(t, f.gates[1], 1); refusal != nil {
				t.Fatalf("refused: %+v", refusal)
			}
		}
		refusal := w.call(t, f.gates[1], 1)
		if refusal == nil || refusal.Used != 2 || refusal.RetryAfter != 2*time.Second {
			t.Errorf("the unit of a call that is under way is given to another: %+v", refusal)
		}
		f.end(t, 0, 0) // it counts nothing in the end
		for range 15 {
			f.tick(t)
		}
		if refusal := w.call(t, f.gates[1], 1); refusal != nil {
			t.Errorf("its unit is lost: %+v", refusal)
		}
	})
}

// While a gateway asks for more, calls pass by what it has. The answer must not give
// that to another, although little is left by then.
func TestWhatIsReservedStaysSoWhileMoreIsAskedFor(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	const limit = 1000
	w.adaptPlan(t, stops(limit))
	h := &hook{}
	first, second := w.newGate(t, w.db.WithQueryHook(h), entitle.Options{}), w.newGate(t, w.db, entitle.Options{})
	var passes []*gateway.Pass
	take := func(n int) {
		t.Helper()
		for range n {
			pass, refusal := w.ask(first)
			if refusal != nil {
				t.Fatalf("refused: %+v", refusal)
			}
			passes = append(passes, pass)
		}
	}
	take(9) // of 20
	first.Rest()
	w.record(t, limit-20)
	h.holdUp("usage_ledger")
	take(1)
	<-h.arrived
	take(10)
	close(h.leave)
	first.Rest()
	served := int64(0)
	for w.call(t, second, 1) == nil {
		served++
	}
	for _, pass := range passes {
		w.record(t, 1)
		first.Settle(pass, 1)
	}
	if served > 0 || w.ledger(t) != limit {
		t.Errorf("another served %d, and %d of %d are used", served, w.ledger(t), limit)
	}
}
