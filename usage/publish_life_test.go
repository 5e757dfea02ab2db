package usage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

// A life is one process: once it has crashed, nothing that it does reaches the
// database.
type life struct {
	mu   sync.Mutex
	left int // statements until it crashes; negative: never
	dead bool
}

type lifeKey struct{}

// mortal kills lives: it is a bun.QueryHook.
type mortal struct{}

// BeforeQuery lets no statement of a dead process through.
func (mortal) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context {
	l, ok := ctx.Value(lifeKey{}).(*life)
	if !ok {
		return ctx
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left--; l.left == -1 {
		l.dead = true
	}
	if l.dead {
		over, cancel := context.WithCancel(ctx)
		cancel()
		return over
	}
	return ctx
}

// AfterQuery makes a mortal a bun.QueryHook.
func (mortal) AfterQuery(context.Context, *bun.QueryEvent) {}

// A walk is a random life of a meterWorld.
type walk struct {
	*meterWorld
	t    *testing.T
	r    *rand.Rand
	sink *tampering
	log  []string
}

func (w *walk) say(format string, args ...any) {
	w.log = append(w.log, w.business.Now().Format("01-02 15:04:05 ")+fmt.Sprintf(format, args...))
}

func (w *walk) sub() *meterSub {
	a := w.accounts[w.r.IntN(len(w.accounts))]
	return a.subs[w.r.IntN(len(a.subs))]
}

// call records units, now or a little late, in the running period.
func (w *walk) call() {
	s := w.sub()
	at, begun := w.business.Now(), w.row(w.t, s).PeriodStart.Time()
	if w.r.IntN(4) == 0 {
		if back := at.Add(-time.Duration(w.r.IntN(4000)) * time.Second); !back.Before(begun) {
			at = back
		}
	}
	units := int64(w.r.IntN(50))
	w.say("%d units of %d at %s", units, s.id, at.Format("15:04:05.000"))
	w.calls(w.t, s, "Payg", at, units)
}

// goes moves business time as the sandbox does: from one thing that is due to the next.
func (w *walk) goes(d time.Duration) {
	w.say("%s pass", d)
	for to := w.business.Now().Add(d); w.business.Now().Before(to); {
		next, err := w.pub.NextDue(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		if next.IsZero() || next.After(to) {
			next = to
		}
		w.advance(w.t, next)
		w.runs(-1)
	}
}

// runs has a process publish that dies after some statements.
func (w *walk) runs(statements int) {
	l := &life{left: statements}
	p := w.publisher(w.sink)
	if statements < 0 {
		l.left, p = -2, w.pub
	}
	_, err := p.RunOnce(context.WithValue(context.Background(), lifeKey{}, l))
	if err != nil && !l.dead {
		w.t.Fatalf("publishing: %v", err)
	}
	if l.dead {
		w.say("a process died")
		w.passes(9 * time.Second)
	}
}

func (w *walk) step() {
	switch n := w.r.IntN(20); {
	case n < 9:
		w.call()
	case n < 11:
		w.goes(time.Duration(w.r.IntN(7200)) * time.Second)
	case n < 12:
		w.goes(time.Duration(w.r.IntN(6*24)) * time.Hour)
	case n < 13:
		_ = w.pub.PublishNow(context.Background(), w.admin)
		w.passes(time.Second)
		w.runs(-1)
	case n < 16:
		w.passes(6 * time.Minute)
		w.runs(w.r.IntN(60))
	case n < 17:
		w.say("Stripe is back")
		w.sink.fails = nil
	case n < 18:
		seed := w.r.IntN(8) // of each event, whether it arrives and whether that is heard
		w.say("Stripe is hard to reach (%d)", seed)
		w.sink.fails = func(_ usage.MeterEvent, n int) (bool, error) {
			switch (n + seed) % 4 {
			case 0:
				return true, errors.New("no answer")
			case 1:
				return false, errors.New("no connection")
			case 2:
				return false, &usage.Busy{Message: "too many"}
			}
			return true, nil
		}
	default:
		s := w.sub()
		if _, err := w.flush.Settled(context.Background(), w.row(w.t, s), usage.Flush{Since: w.time()}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// ends lets everything come to rest and compares Stripe's books with ours.
func (w *walk) ends() {
	w.sink.fails = nil
	for range 40 {
		w.passes(7 * time.Hour)
		w.runs(-1)
		w.advance(w.t, w.business.Now().Add(7*time.Hour))
		if n, err := w.db.NewSelect().Model((*models.UsageWindow)(nil)).Where("open = 1 AND state <> 'unknown'").Count(context.Background()); err == nil && n == 0 {
			break
		}
	}
	w.sound(w.t)
	for _, a := range w.accounts {
		for _, s := range a.subs {
			w.check(s)
		}
	}
}

func (w *walk) check(s *meterSub) {
	var ledger, lost, unsure int64
	if err := w.db.NewSelect().Model((*models.LedgerRow)(nil)).ColumnExpr("COALESCE(SUM(quantity), 0)").Where("subscription_id = ?", s.id).Scan(context.Background(), &ledger); err != nil {
		w.t.Fatal(err)
	}
	for _, one := range w.windows(w.t, s) {
		switch one.State {
		case models.WindowUnbillable:
			lost += one.Quantity
		case models.WindowUnknown:
			unsure += one.Quantity
		case models.WindowSent:
		default:
			w.t.Errorf("left behind: %+v", one)
		}
	}
	theirs := w.everything(w.t, s, "Payg")
	if theirs > ledger-lost || theirs < ledger-lost-unsure {
		w.t.Errorf("subscription %d: Stripe has %d, the ledger %d, of which %d are not billed and %d unsure", s.id, theirs, ledger, lost, unsure)
	}
	billed := w.total(w.t, s, "Payg", w.row(w.t, s).PeriodStart.Time().Add(time.Minute), w.business.Now())
	for _, n := range w.invoiced(w.t, s, "Payg") {
		billed += n
	}
	if edge := w.row(w.t, s).PeriodStart.Time(); billed != theirs && w.total(w.t, s, "Payg", edge, edge.Add(time.Second)) == 0 {
		w.t.Errorf("subscription %d: invoices and the running period bill %d of %d", s.id, billed, theirs)
	}
	if lost > 0 {
		w.t.Errorf("subscription %d: %d units are not billed, and there was time for all", s.id, lost)
	}
}

// Whatever is recorded, sealed, sent, lost, repeated and cut off in whatever order, in
// the end Stripe has what the ledger has, and bills each unit in one period.
func TestWhateverHappensEachUnitIsBilledOnce(t *testing.T) {
	t.Parallel()
	seeds := 12
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			strolled(t, testdb.New(t), uint64(seed))
		})
	}
	testdb.Each(t, func(t *testing.T, db *bun.DB) { strolled(t, db, 99) })
}

func strolled(t *testing.T, db *bun.DB, seed uint64) {
	db.AddQueryHook(mortal{})
	w := &walk{meterWorld: openMeters(t, db, 2, 2), t: t, r: rand.New(rand.NewPCG(seed, 1))}
	w.sink = w.tamper()
	for range 120 {
		w.step()
	}
	w.ends()
	if t.Failed() {
		for _, line := range w.log {
			t.Log(line)
		}
	}
}
