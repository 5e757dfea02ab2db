package usage_test

import (
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/billing"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// Use that is found after its period goes onto its own invoice while that is a draft;
// then onto the next one, or it is not billed, as the tenant wants it. What Stripe can
// bill no more is shown as such. Units that are given back are never kept.
func TestLateUse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule   string
		after  time.Duration // after the period's end it is found
		units  int64
		change func(t *testing.T, w *meterWorld, s *meterSub)
		state  string
		note   string
		first  int64 // units on the invoice of the period
		next   int64 // in the running period at Stripe
	}{
		"while the invoice is a draft": {models.LateBilled, 30 * time.Minute, 50, nil, models.WindowSent, "", 150, 0},
		"once it is final, billed":     {models.LateBilled, 3 * time.Hour, 50, nil, models.WindowSent, "next one", 100, 50},
		"once it is final, waived":     {models.LateWaived, 3 * time.Hour, 50, nil, models.WindowUnbillable, "settings", 100, 0},
		"units given back, waived":     {models.LateWaived, 3 * time.Hour, -30, nil, models.WindowSent, "next one", 100, -30},
		"once it has ended": {models.LateBilled, 3 * time.Hour, 50, func(t *testing.T, w *meterWorld, s *meterSub) {
			w.cancel(t, s, billing.CancelNow)
		}, models.WindowUnbillable, "ended at Stripe", 100, 0},
		"once the plan is another": {models.LateBilled, 3 * time.Hour, 50, func(t *testing.T, w *meterWorld, s *meterSub) {
			w.move(t, s, "Plus")
		}, models.WindowUnbillable, "plan had been changed", 100, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.Each(t, func(t *testing.T, db *bun.DB) {
				w := openMeters(t, db, 1, 1)
				s := w.accounts[0].subs[0]
				if _, err := db.NewRaw("UPDATE tenants SET late_usage = ?", c.rule).Exec(t.Context()); err != nil {
					t.Fatal(err)
				}
				end := w.row(t, s).PeriodEnd.Time()
				w.calls(t, s, "Payg", end.Add(-2*time.Hour), 100)
				w.advance(t, end.Add(-10*time.Minute))
				w.publish(t)
				w.advance(t, end.Add(c.after))
				if c.change != nil {
					c.change(t, w, s)
				}
				found := end.Add(-90 * time.Minute)
				if c.units > 0 {
					w.calls(t, s, "Payg", found, c.units)
				} else {
					w.correct(t, s, "Payg", found, c.units)
				}
				w.publish(t)
				ws := w.windows(t, s)
				late := ws[len(ws)-1]
				if len(ws) != 2 || late.State != c.state || late.Quantity != c.units || !strings.Contains(late.Note, c.note) || (c.note == "") != (late.Note == "") {
					t.Fatalf("%+v", ws)
				}
				w.advance(t, end.Add(c.after+2*time.Hour))
				if got := w.total(t, s, "Payg", end.Add(time.Minute), w.business.Now()); got != c.next {
					t.Errorf("the running period has %d, want %d", got, c.next)
				}
				billed := w.invoiced(t, s, "Payg")
				if got := billed[len(billed)-1]; got != c.first {
					t.Errorf("the invoice of the period bills %d of %v, want %d", got, billed, c.first)
				}
				w.sound(t)
			})
		})
	}
}

// A window that could not be sent while its invoice was open is billed with the next
// one, if Stripe certainly does not have it.
func TestAWindowThatWaitedTooLongMovesOn(t *testing.T) {
	t.Parallel()
	w := openMeters(t, testdb.New(t), 1, 1)
	s, sink := w.accounts[0].subs[0], w.tamper()
	end := w.row(t, s).PeriodEnd.Time()
	w.calls(t, s, "Payg", end.Add(-2*time.Hour), 100)
	sink.blocks = closed
	w.advance(t, end.Add(-10*time.Minute))
	w.publish(t)
	w.advance(t, end.Add(5*time.Hour))
	sink.blocks = nil
	w.passes(time.Hour)
	w.publish(t)
	got := w.windows(t, s)
	if len(got) != 1 || got[0].State != models.WindowSent || !strings.Contains(got[0].Note, "next one") || !got[0].EventAt.Time().After(end) {
		t.Fatalf("%+v", got)
	}
	w.advance(t, w.row(t, s).PeriodEnd.Time().Add(2*time.Hour))
	if billed := w.invoiced(t, s, "Payg"); len(billed) != 2 || billed[0] != 100 || billed[1] != 0 {
		t.Errorf("billed %v, want 100 with the second", billed)
	}
}

// Windows of nothing are closed without a call to Stripe, and use older than Stripe
// takes goes onto the next invoice.
func TestNothingAndTheVeryOld(t *testing.T) {
	t.Parallel()
	w := openMeters(t, testdb.New(t), 1, 1)
	s, sink := w.accounts[0].subs[0], w.tamper()
	w.calls(t, s, "Payg", w.business.Now().Add(-time.Minute), 0)
	began := w.business.Now().Add(time.Hour)
	w.publishNow(t)
	if got := w.windows(t, s); len(got) != 1 || got[0].State != models.WindowSent || got[0].Note == "" || len(sink.keys) != 0 {
		t.Fatalf("%+v, sent %v", got, sink.keys)
	}
	w.advance(t, began.Add(40*24*time.Hour))
	w.calls(t, s, "Payg", began, 8)
	w.publish(t)
	ws := w.windows(t, s)
	if old := ws[len(ws)-1]; old.State != models.WindowSent || w.business.Now().Sub(old.EventAt.Time()) > time.Minute || w.everything(t, s, "Payg") != 8 {
		t.Errorf("%+v", old)
	}
}

// Use after a subscription has ended is shown, and never billed.
func TestUseAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := openMeters(t, testdb.New(t), 1, 1)
	s := w.accounts[0].subs[0]
	w.advance(t, w.business.Now().Add(48*time.Hour))
	w.cancel(t, s, billing.CancelNow)
	w.calls(t, s, "Payg", w.business.Now().Add(time.Second), 3)
	w.advance(t, w.business.Now().Add(2*time.Hour))
	w.publish(t)
	if got := w.windows(t, s); len(got) != 1 || got[0].State != models.WindowUnbillable || !strings.Contains(got[0].Note, "after the subscription had ended") || w.everything(t, s, "Payg") != 0 {
		t.Errorf("%+v", got)
	}
}

// The end of a period at which a subscription ends for good bills everything too.
func TestThePeriodThatIsTheLast(t *testing.T) {
	t.Parallel()
	w := openMeters(t, testdb.New(t), 1, 1)
	s := w.accounts[0].subs[0]
	w.cancel(t, s, billing.CancelAtPeriodEnd)
	end := w.row(t, s).PeriodEnd.Time()
	w.calls(t, s, "Payg", end.Add(-90*time.Minute), 5)
	w.calls(t, s, "Payg", end.Add(-61*time.Second), 6)
	w.advance(t, end.Add(-time.Minute))
	w.publish(t)
	if got := w.everything(t, s, "Payg"); got != 11 {
		t.Errorf("before the end Stripe has %d, want 11", got)
	}
	w.calls(t, s, "Payg", end.Add(-time.Second), 7)
	w.advance(t, end.Add(2*time.Second))
	w.passes(time.Minute)
	w.publish(t)
	w.advance(t, end.Add(2*time.Hour))
	if billed := w.invoiced(t, s, "Payg"); len(billed) != 1 || billed[0] != 18 {
		t.Errorf("billed %v, want 18", billed)
	}
}
