package usage_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

// event is a call of the first subscription that is reported.
func (w *ledgerWorld) event(id string, ago time.Duration) usage.Event {
	c := w.call(w.subs[0])
	c.ID = usage.CallID{}
	return usage.Event{Call: c, Source: "gw-1", ID: id, Occurred: w.time().Add(-ago)}
}

func TestAnEventIsRecordedOnceHoweverOftenItIsReported(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 2)
		portals := []*usage.Ledger{w.ledger(t, portal), w.ledger(t, portal)}
		const events = 60
		var fresh atomic.Int64
		var all sync.WaitGroup
		for i := range 12 { // each reports all of them, a few at a time and in another order
			all.Go(func() {
				for from := 0; from < events; from += 10 {
					var report []usage.Event
					for k := range 10 {
						n := (from + k + i*7) % events
						report = append(report, w.event(fmt.Sprint("e", n), time.Duration(n)*time.Minute))
					}
					report = append(report, report[0])
					recorded, err := portals[i%2].RecordBatch(t.Context(), report)
					if err != nil || len(recorded) != len(report) {
						t.Errorf("%v, %v", recorded, err)
						return
					}
					for _, is := range recorded {
						if is {
							fresh.Add(1)
						}
					}
					if recorded[10] && recorded[0] {
						t.Error("an event was recorded twice in one report")
					}
				}
			})
		}
		all.Wait()
		if fresh.Load() != events {
			t.Errorf("%d events were said to be recorded, want %d", fresh.Load(), events)
		}
		if calls, _, units := w.sums(t, w.subs[0]); calls != events || units != events {
			t.Errorf("%d calls and %d units are in the ledger", calls, units)
		}
		for _, r := range w.rows(t) {
			logged, err := usage.Logged(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range logged {
				if c.ID == (usage.CallID{}) || models.At(c.At) < r.Hour || models.At(c.At) >= r.Hour+3_600_000 {
					t.Errorf("a call in the hour of %v: %+v", r.Hour.Time(), c)
				}
			}
		}
		w.sound(t)
		for _, l := range portals {
			l.Close()
			w.agrees(t, l.Writer())
		}
	})
}

func portal(o *usage.LedgerOptions) { o.Kind = usage.KindPortal }

func TestTheSameNameElsewhereIsAnotherEvent(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 1)
	l := w.ledger(t, portal)
	a, b, c := w.event("1", 0), w.event("1", 0), w.event("1 ", 0)
	b.Source, c.ID = "gw-2", "1.0"
	got, err := l.RecordBatch(t.Context(), []usage.Event{a, b, c, a})
	if err != nil || fmt.Sprint(got) != "[true true true false]" {
		t.Errorf("%v, %v", got, err)
	}
	got, err = l.RecordBatch(t.Context(), []usage.Event{a, b, c})
	if err != nil || fmt.Sprint(got) != "[false false false]" {
		t.Errorf("again: %v, %v", got, err)
	}
	if got, err := l.RecordBatch(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("nothing: %v, %v", got, err)
	}
}

func TestAReportIsRecordedAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 1)
	l := w.ledger(t, portal)
	for name, change := range map[string]func(*usage.Event){
		"future": func(e *usage.Event) { e.Occurred = w.time().Add(5*time.Minute + time.Second) },
		"old":    func(e *usage.Event) { e.Occurred = w.time().Add(-34*24*time.Hour - time.Second) },
		"no id":  func(e *usage.Event) { e.ID = "" }, "no source": func(e *usage.Event) { e.Source = "" },
		"long": func(e *usage.Event) { e.ID = strings.Repeat("ä", 256) }, "spaces": func(e *usage.Event) { e.ID = "x " },
		"control": func(e *usage.Event) { e.Source = "a\x00b" }, "no text": func(e *usage.Event) { e.ID = "\xff" },
		"negative": func(e *usage.Event) { e.Call.Units = -1 }, "huge": func(e *usage.Event) { e.Call.Units = usage.MostUnits + 1 },
		"status": func(e *usage.Event) { e.Call.Status = -1 },
	} {
		bad := w.event("bad", 0)
		change(&bad)
		_, err := l.RecordBatch(t.Context(), []usage.Event{w.event("good", 0), bad})
		if p, ok := errors.AsType[*usage.EventProblem](err); !ok || p.Index != 1 || p.Says == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	unknown := w.event("unknown", 0)
	unknown.Call.Subscription = 999_999
	if _, err := l.RecordBatch(t.Context(), []usage.Event{w.event("good", 0), unknown}); !errors.Is(err, usage.ErrNotRecorded) {
		t.Errorf("a subscription that does not exist: %v", err)
	}
	if _, err := l.RecordBatch(t.Context(), make([]usage.Event, usage.MostEvents+1)); err == nil {
		t.Error("it takes any number of events")
	}
	if n := len(w.rows(t)); n != 0 {
		t.Errorf("%d rows were written", n)
	}
	edge := []usage.Event{w.event("future", -5*time.Minute), w.event("old", 34*24*time.Hour), w.event(strings.Repeat("ä", 255), 0)}
	if got, err := l.RecordBatch(t.Context(), edge); err != nil || fmt.Sprint(got) != "[true true true]" {
		t.Errorf("at the edge: %v, %v", got, err)
	}
}

func TestAReportOfUnknownOutcomeCanBeSentAgain(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 1)
		for name, first := range map[string]usage.Fault{"not landed": {Before: errLost}, "landed": {After: errLost}} {
			for _, answers := range []bool{true, false} {
				var away atomic.Bool
				var p plan
				l := w.faulty(t, func(write string) usage.Fault {
					if write == "tx" {
						if f := p.fault(write); f != (usage.Fault{}) {
							return f
						}
						if away.Load() {
							return usage.Fault{Before: errLost}
						}
					}
					return usage.Fault{}
				}, portal, hasty)
				report := []usage.Event{w.event(fmt.Sprint(name, answers, 1), 0), w.event(fmt.Sprint(name, answers, 2), time.Hour)}
				p.begin(first)
				away.Store(!answers)
				got, err := l.RecordBatch(t.Context(), report)
				if answers && (err != nil || fmt.Sprint(got) != "[true true]") || !answers && !errors.Is(err, usage.ErrNotRecorded) {
					t.Errorf("%s, settled %v: %v, %v", name, answers, got, err)
				}
				away.Store(false)
				soon(t, l.Ready)
				if _, err := l.RecordBatch(t.Context(), report); err != nil {
					t.Errorf("%s, settled %v, again: %v", name, answers, err)
				}
				l.Close()
				w.billed(t, name, l.Writer(), 2)
			}
		}
		w.sound(t)
	})
}

func TestOldEventsAreForgotten(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 1)
		l := w.ledger(t, portal)
		if _, err := l.RecordBatch(t.Context(), []usage.Event{w.event("old", 0)}); err != nil {
			t.Fatal(err)
		}
		w.wait(34*24*time.Hour + 4*time.Minute)
		if _, err := l.RecordBatch(t.Context(), []usage.Event{w.event("new", 0)}); err != nil {
			t.Fatal(err)
		}
		count := func() int64 {
			n, err := db.NewSelect().Model((*models.UsageEvent)(nil)).Count(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		w.packAll(t)
		if n := count(); n != 2 {
			t.Errorf("%d events are known while both can be reported", n)
		}
		w.wait(3 * 24 * time.Hour)
		w.packAll(t)
		if n := count(); n != 1 {
			t.Errorf("%d events are known", n)
		}
	})
}
