package usage_test

import (
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/billing"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/sandbox"
	"tollgate/usage"
)

// lags makes Stripe count an account's events only after some seconds.
func (w *meterWorld) lags(t testing.TB, a *meterAccount, seconds int) {
	t.Helper()
	settings := sandbox.DefaultSettings()
	settings.UsageDelay = seconds
	if err := w.box.SetSettings(t.Context(), a.id, settings); err != nil {
		t.Fatal(err)
	}
}

// settled asks once whether everything of a subscription is at Stripe.
func (w *meterWorld) settled(t testing.TB, s *meterSub, since, before time.Time) usage.Flushed {
	t.Helper()
	got, err := w.flush.Settled(t.Context(), w.row(t, s), usage.Flush{Since: since, Before: before})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Before an end everything is sent, to the last call, and Stripe has counted it; then
// the end itself bills it.
func TestAnEndBillsEverything(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := openMeters(t, db, 1, 2)
		s, other := w.accounts[0].subs[0], w.accounts[0].subs[1]
		w.lags(t, w.accounts[0], 60)
		w.advance(t, w.business.Now().Add(time.Hour))
		began := w.time()
		now := w.business.Now()
		w.calls(t, s, "Payg", now.Add(-30*time.Second), 40)
		w.calls(t, s, "Payg", now, 2) // in the very second
		w.calls(t, other, "Payg", now.Add(-time.Second), 9)
		if got := w.settled(t, s, began, time.Time{}); got.Done || !strings.Contains(got.Why, "0 of 42") {
			t.Fatalf("before Stripe has counted: %+v", got)
		}
		if len(w.windows(t, other)) != 0 {
			t.Error("another subscription was sealed")
		}
		w.advance(t, w.business.Now().Add(61*time.Second))
		w.calls(t, s, "Payg", w.business.Now(), 5) // goes on being called
		if got := w.settled(t, s, began, time.Time{}); got.Done {
			t.Fatalf("with calls since: %+v", got)
		}
		w.advance(t, w.business.Now().Add(61*time.Second))
		if got := w.settled(t, s, began, time.Time{}); !got.Done || len(w.drift(t)) != 0 {
			t.Fatalf("counted: %+v, %v", got, w.drift(t))
		}
		w.cancel(t, s, billing.CancelNow)
		if billed := w.invoiced(t, s, "Payg"); len(billed) != 1 || billed[0] != 47 {
			t.Errorf("billed %v, want 47", billed)
		}
		w.sound(t)
	})
}

// An end is not put off for ever: after a quarter of an hour it goes on, and people
// are shown what was missing.
func TestAnEndIsNotPutOffForEver(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := openMeters(t, db, 1, 1)
		s, sink := w.accounts[0].subs[0], w.tamper()
		sink.blocks = closed
		began := w.time()
		w.calls(t, s, "Payg", w.business.Now(), 40)
		for range 5 {
			if got := w.settled(t, s, began, time.Time{}); got.Done || !strings.Contains(got.Why, "40 units") {
				t.Fatalf("%+v", got)
			}
			w.passes(2 * time.Minute)
		}
		w.passes(5 * time.Minute)
		if got := w.settled(t, s, began, time.Time{}); !got.Done {
			t.Fatalf("%+v", got)
		}
		if d := w.drift(t); len(d) != 1 || !strings.Contains(d[0], "before change: 40 units were not sent") {
			t.Errorf("differences %q", d)
		}
		w.cancel(t, s, billing.CancelNow)
		sink.blocks = nil
		w.passes(15 * time.Minute)
		w.publish(t)
		if got := w.windows(t, s); got[0].State != models.WindowUnbillable || w.everything(t, s, "Payg") != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// A change of plan bills use up to the instant that it was shown for. What was used
// since is reported just before that, so that none of it is lost.
func TestAChangeBillsWhatWasUsedUntilIt(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := openMeters(t, db, 1, 1)
		s := w.accounts[0].subs[0]
		w.advance(t, w.business.Now().Add(30*time.Hour))
		w.calls(t, s, "Payg", w.business.Now().Add(-20*time.Second), 30)
		shown := w.business.Now().Truncate(time.Second)
		w.passes(3 * time.Minute)
		w.calls(t, s, "Payg", w.business.Now(), 12)
		got := w.settled(t, s, w.time(), shown)
		if !got.Done || !got.Last.Before(shown) || got.Last.Before(shown.Add(-time.Minute)) {
			t.Fatalf("%+v, shown for %s", got, shown)
		}
		theirs, err := w.engine.Subscription(t.Context(), s.at(), w.row(t, s).StripeSubscriptionID)
		if err != nil {
			t.Fatal(err)
		}
		in := billing.Change{Subscription: theirs.ID, Item: theirs.Items[0].ID, Price: s.prices["Gold"], At: shown}
		if _, err := w.engine.ChangeSubscription(t.Context(), s.at(), "change", in); err != nil {
			t.Fatal(err)
		}
		w.sync(t, s)
		if billed := w.invoiced(t, s, "Payg"); len(billed) != 1 || billed[0] != 42 {
			t.Errorf("billed %v, want 42", billed)
		}
		// A call that slipped through since is shown, not billed.
		w.calls(t, s, "Payg", w.business.Now(), 1)
		w.passes(time.Second)
		w.publishNow(t)
		ws := w.windows(t, s)
		if last := ws[len(ws)-1]; last.State != models.WindowUnbillable || !strings.Contains(last.Note, "plan had been changed") {
			t.Errorf("%+v", last)
		}
	})
}
