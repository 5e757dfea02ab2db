package entitle_test

import (
	"context"
	"fmt"
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

func TestAQuotaBeginsAnew(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	w.adaptPlan(t, stops(2))
	w.poll(t, w.gate)
	for range 2 {
		if refusal := w.call(t, w.gate, 1); refusal != nil {
			t.Fatalf("refused: %+v", refusal)
		}
	}
	refusal := w.call(t, w.gate, 1)
	if refusal == nil || refusal.Status != 429 || refusal.Subscription != w.sub.ID || refusal.Policy != w.plan.ID || refusal.Link != "/devportal/subscriptions/"+w.sub.UUID || len(refusal.Limits) != 1 {
		t.Fatalf("the third: %+v", refusal)
	}
	w.business.SetOffset(time.Hour - time.Millisecond)
	if refusal := w.call(t, w.gate, 1); refusal == nil || refusal.RetryAfter != time.Millisecond {
		t.Errorf("at the end of the hour: %+v", refusal)
	}
	w.business.SetOffset(time.Hour)
	long, refusal := w.ask(w.gate)
	if refusal != nil {
		t.Fatalf("in the next hour: %+v", refusal)
	}
	w.business.SetOffset(2 * time.Hour) // it ends in the hour after that, and counts there
	w.want(t, "a call that does not count", "/weather/v1", w.text, "")
	w.record(t, 1)
	w.gate.Settle(long, 1)
	if refusal := w.call(t, w.gate, 1); refusal != nil {
		t.Errorf("the second of that hour: %+v", refusal)
	}
	if refusal := w.call(t, w.gate, 1); refusal == nil {
		t.Error("three calls of two passed")
	}
}

// A day's quota also counts what was used hours ago, and not what was used yesterday.
func TestAQuotaCountsItsWholeWindow(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db) // it is noon
		w.record(t, 100)
		w.later(18 * time.Hour)
		w.record(t, 3)
		w.later(4*time.Hour + 10*time.Minute)
		w.record(t, 1)
		w.later(time.Hour)
		w.adaptPlan(t, func(p *models.Policy) { p.Quota, p.TimeUnit, p.StopOnQuotaReach = 6, "day", true })
		for _, g := range []*entitle.Gate{w.newGate(t, db, entitle.Options{}), w.newGate(t, db, entitle.Options{Alone: true})} {
			if refusal := w.call(t, g, 1); refusal != nil {
				t.Errorf("with something left: %+v", refusal)
			}
			must(t, g.Stop(t.Context()))
		}
		if refusal := w.call(t, w.newGate(t, db, entitle.Options{}), 1); refusal == nil || refusal.Used != 6 {
			t.Errorf("with all of it used: %+v", refusal)
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

func TestALargerPlanHelpsAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	w.adaptPlan(t, stops(1))
	w.poll(t, w.gate)
	if refusal := w.call(t, w.gate, 1); refusal != nil {
		t.Fatalf("refused: %+v", refusal)
	}
	if w.call(t, w.gate, 1) == nil {
		t.Error("two calls of one passed")
	}
	w.adaptPlan(t, stops(3))
	w.poll(t, w.gate)
	for range 2 { // what was used counts on
		if refusal := w.call(t, w.gate, 1); refusal != nil {
			t.Errorf("with the larger plan: %+v", refusal)
		}
	}
	if w.call(t, w.gate, 1) == nil {
		t.Error("four calls of three passed")
	}
	w.adaptPlan(t, func(p *models.Policy) { p.StopOnQuotaReach = false })
	w.poll(t, w.gate)
	if refusal := w.call(t, w.gate, 1); refusal != nil {
		t.Errorf("with a quota that stops nothing: %+v", refusal)
	}
}

func TestWhatCountsNothingUsesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	w.adaptPlan(t, stops(1))
	w.poll(t, w.gate)
	for range 5 {
		w.want(t, "a call that does not count", "/weather/v1", w.text, "")
	}
	if refusal := w.call(t, w.gate, 1); refusal != nil {
		t.Errorf("refused: %+v", refusal)
	}
}

func TestAQuotaThatStopsNothingIsTold(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		w.adaptPlan(t, func(p *models.Policy) { p.Quota, p.TimeUnit, p.RateLimitCount = 3, "hour", 100 })
		w.poll(t, w.gate)
		for range 2 {
			w.record(t, 1) // elsewhere
		}
		if refusal := w.call(t, w.gate, 1); refusal != nil {
			t.Fatalf("refused: %+v", refusal)
		}
		w.gate.Rest()
		for i, left := range []int64{0, 0} { // three are used, and this is the fourth
			pass, refusal := w.ask(w.gate)
			if refusal != nil || len(pass.Limits) != 2 || pass.Limits[0].Name != "burst" || pass.Limits[1].Name != "quota" {
				t.Fatalf("call %d: %+v %+v", i, pass, refusal)
			}
			if l := pass.Limits[1]; l.Limit != 3 || l.Remaining != left || l.Window != time.Hour || l.Resets != time.Hour {
				t.Errorf("call %d is told %+v", i, l)
			}
			w.record(t, 1)
			w.gate.Settle(pass, 1)
		}
		if rows := w.leases(t); rows != 0 {
			t.Errorf("%d leases of a quota that stops nothing", rows)
		}
	})
}

func (w *world) leases(t testing.TB) int64 {
	t.Helper()
	n, err := w.db.NewSelect().Model((*models.QuotaLease)(nil)).Where("writer <> ''").Count(context.Background())
	must(t, err)
	return n
}

func TestARefusedCallerDoesNotBusyTheDatabase(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	h := &hook{}
	g := w.newGate(t, w.db.WithQueryHook(h), entitle.Options{})
	w.adaptPlan(t, stops(1))
	w.poll(t, g)
	w.call(t, g, 1)
	for range 100 {
		if w.call(t, g, 1) == nil {
			t.Fatal("passed")
		}
	}
	g.Rest()
	if n := h.read("usage_ledger"); n > 3 {
		t.Errorf("the ledger was read %d times", n)
	}
	must(t, g.Stop(t.Context()))
	if n := w.leases(t); n != 0 {
		t.Errorf("%d leases are left", n)
	}
}

func TestQuotasNobodyUsesAreForgotten(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	w.adaptPlan(t, stops(100))
	w.poll(t, w.gate)
	w.call(t, w.gate, 1)
	pass, _ := w.ask(w.gate)
	f := &fleet{world: w, gates: []*entitle.Gate{w.gate}}
	for range 70 {
		f.tick(t)
	}
	if n := w.gate.Quotas(); n != 1 {
		t.Errorf("%d quotas with a call under way", n)
	}
	w.gate.Settle(pass, 0)
	for range 70 {
		f.tick(t)
	}
	if n := w.gate.Quotas(); n != 0 {
		t.Errorf("%d quotas nobody uses", n)
	}
	if refusal := w.call(t, w.gate, 1); refusal != nil || w.ledger(t) != 2 {
		t.Errorf("afterwards: %+v", refusal)
	}
}

func TestLeaseSizes(t *testing.T) {
	t.Parallel()
	for quota, want := range map[int64]int64{0: 0, 1: 1, 49: 1, 100: 2, 1000: 20, 1_000_000: 10_000, 1 << 40: 10_000} {
		p := models.Policy{QuotaType: "requestCount", Quota: quota, StopOnQuotaReach: true, UnitTime: 1, TimeUnit: "month"}
		if got := entitle.LeaseSize(p); got != want {
			t.Errorf("of %d, %d are leased", quota, got)
		}
		p.StopOnQuotaReach = false
		if got := entitle.LeaseSize(p); got != 0 {
			t.Errorf("of %d that stop nothing, %d are leased", quota, got)
		}
	}
	if entitle.LeaseSize(models.Policy{QuotaType: "bandwidthVolume", Quota: 100, StopOnQuotaReach: true}) != 0 {
		t.Error("bandwidth is leased")
	}
}

func BenchmarkAdmit(b *testing.B) {
	w := setup(b, testdb.New(b))
	for name, adapt := range map[string]func(*models.Policy){
		"free": func(*models.Policy) {},
		"burst and quota": func(p *models.Policy) {
			p.RateLimitCount, p.RateLimitTimeUnit, p.Quota, p.StopOnQuotaReach = 1_000_000_000, "sec", 1_000_000_000_000, true
		},
	} {
		w.adaptPlan(b, adapt)
		w.poll(b, w.gate)
		for _, parallel := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s, parallel %v", name, parallel), func(b *testing.B) {
				b.ReportAllocs()
				one := func() {
					pass, refusal := w.ask(w.gate)
					if refusal != nil {
						b.Errorf("refused: %+v", refusal)
						return
					}
					w.gate.Settle(pass, 0)
				}
				if parallel {
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							one()
						}
					})
					return
				}
				for b.Loop() {
					one()
				}
			})
		}
	}
}
