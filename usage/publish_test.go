package usage_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

// Calls of an hour go to Stripe as one event when the hour is a minute over, what
// commits late follows as a revision, and the invoice bills each once, in its own
// period.
func TestUsageIsSentByTheHourAndBilledOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := openMeters(t, db, 1, 1)
		s := w.accounts[0].subs[0]
		hour := w.business.Now().Truncate(24 * time.Hour).Add(38 * time.Hour) // two in the afternoon, a day later
		w.advance(t, hour)
		w.calls(t, s, "Payg", hour.Add(10*time.Minute), 5)
		w.calls(t, s, "Payg", hour.Add(59*time.Minute+59*time.Second), 7)
		w.advance(t, hour.Add(59*time.Minute+59*time.Second))
		w.publish(t)
		if got := w.windows(t, s); len(got) != 0 {
			t.Fatalf("sealed before the hour was over: %+v", got)
		}
		w.advance(t, hour.Add(time.Hour+59*time.Second))
		w.publish(t)
		if got := w.windows(t, s); len(got) != 0 {
			t.Fatalf("sealed within a minute: %+v", got)
		}
		next, err := w.pub.NextDue(t.Context())
		if err != nil || !next.Equal(hour.Add(time.Hour+time.Minute)) {
			t.Errorf("due at %s, %v", next, err)
		}
		w.advance(t, hour.Add(time.Hour+time.Minute))
		w.publish(t)
		got := w.windows(t, s)
		if len(got) != 1 || got[0].Quantity != 12 || got[0].State != models.WindowSent || got[0].EventAt.Time() != hour.Add(time.Hour-time.Second) || got[0].Calls != 12 || got[0].Revision != 0 {
			t.Fatalf("windows: %+v", got)
		}
		if total := w.total(t, s, "Payg", hour, hour.Add(time.Hour)); total != 12 {
			t.Errorf("Stripe has %d in the hour", total)
		}
		w.calls(t, s, "Payg", hour.Add(11*time.Minute), 3) // committed late
		w.passes(6 * time.Minute)
		w.publish(t)
		got = w.windows(t, s)
		if len(got) != 2 || got[1].Quantity != 3 || got[1].Revision != 1 || got[1].Identifier == got[0].Identifier || got[1].State != models.WindowSent {
			t.Fatalf("after a late row: %+v", got)
		}
		end := w.row(t, s).PeriodEnd.Time()
		w.advance(t, end.Add(-2*time.Minute))
		w.calls(t, s, "Payg", end.Add(-150*time.Second), 100)
		w.calls(t, s, "Payg", end.Add(-time.Second), 20) // in the last second of the period
		w.calls(t, s, "Payg", end, 1000)                 // in the first of the next
		w.advance(t, end.Add(time.Minute))
		w.publish(t)
		w.sound(t)
		w.advance(t, end.Add(2*time.Hour))
		w.publish(t)
		if billed := w.invoiced(t, s, "Payg"); !slices.Equal(billed, []int64{135}) {
			t.Errorf("the first invoice bills %v, want 135", billed)
		}
		w.advance(t, w.row(t, s).PeriodEnd.Time().Add(2*time.Hour))
		if billed := w.invoiced(t, s, "Payg"); !slices.Equal(billed, []int64{1000, 135}) {
			t.Errorf("the invoices bill %v, want 1000 in the second", billed)
		}
		w.sound(t)
	})
}

// Everything up to the second goes out when an admin says so. Many who say so at once,
// to several processes, get one run, and nothing is sent twice.
func TestManyWhoPublishAtOnceGetOneRun(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := openMeters(t, db, 2, 2)
		now := w.business.Now()
		for _, a := range w.accounts {
			for i, s := range a.subs {
				w.calls(t, s, "Payg", now.Add(-time.Minute), int64(10+i))
				w.calls(t, s, "Payg", now.Add(-2*time.Second), 1)
			}
		}
		nobody := accounts.Actor{Tenant: meterTenant, Person: "p-ada", Roles: []accounts.Role{accounts.Publisher}}
		if err := w.pub.PublishNow(t.Context(), nobody); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("a publisher publishes: %v", err)
		}
		processes := []*usage.Publisher{w.pub, w.publisher(w.engine), w.publisher(w.engine)}
		var wait sync.WaitGroup
		var mu sync.Mutex
		asked := 0
		for i := range 32 {
			wait.Go(func() {
				p := processes[i%len(processes)]
				err := p.PublishNow(context.Background(), w.admin)
				if fault.KindOf(err) != fault.Conflict && err != nil {
					t.Errorf("asking: %v", err)
				}
				mu.Lock()
				if err == nil {
					asked++
				} else if fault.Message(err) != "A job is already running" {
					t.Errorf("it says %q", fault.Message(err))
				}
				mu.Unlock()
				if _, err := p.RunOnce(context.Background()); err != nil {
					t.Errorf("running: %v", err)
				}
			})
		}
		wait.Wait()
		for range 3 {
			w.passes(10 * time.Second)
			w.publish(t)
		}
		for _, a := range w.accounts {
			for i, s := range a.subs {
				if got := w.everything(t, s, "Payg"); got != int64(11+i) {
					t.Errorf("Stripe has %d, want %d", got, 11+i)
				}
			}
		}
		trail, err := models.AuditPage(t.Context(), db, meterTenant, 0, "", 100)
		if err != nil || asked == 0 || len(trail) != asked {
			t.Errorf("%d asked, %d in the audit, %v", asked, len(trail), err)
		}
		status, err := w.pub.Status(t.Context(), w.admin)
		if err != nil || status.State != models.RunCompleted || status.Status != models.RunSuccessful || status.Asked || status.Waiting != 0 || len(status.Troubles) != 0 || !status.Published.Equal(status.Started) {
			t.Errorf("status %+v, %v", status, err)
		}
		w.sound(t)
	})
}

// What nobody knows the outcome of is sent again under the same names, and an event
// that Stripe has already counts once.
func TestAnUnknownOutcomeIsSentAgainUnderTheSameName(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := openMeters(t, db, 1, 3)
		sink := w.tamper()
		for i, s := range w.accounts[0].subs {
			w.calls(t, s, "Payg", w.business.Now().Add(-time.Minute), int64(100+i))
		}
		sink.fails = func(_ usage.MeterEvent, n int) (bool, error) { return n%2 == 0, errors.New("no answer") }
		w.publishNow(t)
		for _, s := range w.accounts[0].subs {
			if got := w.windows(t, s); len(got) != 1 || got[0].State != models.WindowSending || !strings.Contains(got[0].Problem, "no answer") {
				t.Fatalf("windows: %+v", got)
			}
		}
		sink.fails = nil
		w.passes(10 * time.Second)
		w.publish(t)
		for i, s := range w.accounts[0].subs {
			if got := w.windows(t, s); got[0].State != models.WindowSent || got[0].Attempts != 2 {
				t.Errorf("windows: %+v", got)
			}
			if got := w.everything(t, s, "Payg"); got != int64(100+i) {
				t.Errorf("Stripe has %d, want %d", got, 100+i)
			}
		}
		for name, keys := range sink.keys {
			if len(keys) != 1 {
				t.Errorf("event %s was sent under the keys %v", name, keys)
			}
		}
		w.sound(t)
	})
}

// What was tried a day ago is not sent again unseen: Stripe's total says whether it
// has it. If it has, it counts as sent; if it has not, it is sent under another name;
// if nobody can tell, people are shown that, and decide.
func TestAfterADayTheTotalDecides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arrives    bool  // before the answer was lost
		other      int64 // units that somebody else reported in the same minute
		state      string
		total      int64
		revision   int
		differs    int
		identifier int // how many names it was sent under
	}{
		"it is there":     {true, 0, models.WindowSent, 40, 0, 0, 1},
		"it is not there": {false, 0, models.WindowSent, 40, 1, 0, 2},
		"nobody can tell": {false, 7, models.WindowUnknown, 7, 0, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.Each(t, func(t *testing.T, db *bun.DB) {
				w := openMeters(t, db, 1, 1)
				s, sink := w.accounts[0].subs[0], w.tamper()
				at := w.business.Now().Add(-time.Minute)
				w.calls(t, s, "Payg", at, 40)
				sink.fails = func(usage.MeterEvent, int) (bool, error) { return c.arrives, errors.New("no answer") }
				w.publishNow(t)
				if c.other != 0 {
					other := usage.MeterEvent{EventName: "tg_payg_0", Customer: s.customer, Units: c.other, Identifier: "theirs", At: w.windows(t, s)[0].EventAt.Time()}
					if err := w.engine.SendUsage(t.Context(), s.at(), "theirs", other); err != nil {
						t.Fatal(err)
					}
				}
				w.advance(t, w.business.Now().Add(30*time.Hour)) // nothing got through in between
				sink.fails = nil
				w.passes(time.Hour)
				w.publish(t)
				w.passes(time.Minute)
				w.publish(t)
				got := w.windows(t, s)
				if len(got) != 1 || got[0].State != c.state || got[0].Revision != c.revision || w.everything(t, s, "Payg") != c.total || len(w.drift(t)) != c.differs || len(sink.keys) != c.identifier {
					t.Fatalf("%+v; Stripe has %d; %v; sent as %v", got, w.everything(t, s, "Payg"), w.drift(t), sink.keys)
				}
				if c.state == models.WindowSent {
					return
				}
				if n, err := w.pub.WriteOff(t.Context(), w.admin, usage.Choice{Window: got[0].ID}, "counted by hand"); n != 1 || err != nil {
					t.Fatalf("writing off: %d, %v", n, err)
				}
				if got = w.windows(t, s); got[0].State != models.WindowUnbillable || !strings.Contains(got[0].Note, "counted by hand") {
					t.Errorf("written off: %+v", got)
				}
			})
		})
	}
}
