package entitle_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/gateway/entitle"
	"tollgate/internal/testdb"
	"tollgate/models"
)

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
