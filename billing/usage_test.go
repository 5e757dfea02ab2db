package billing_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/billing"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

// A tally answers in turn whether everything is at Stripe, the last answer for ever.
type tally struct {
	till    *till
	answers []usage.Flushed
	fails   error
	wishes  []usage.Flush
	early   bool // something was ended or changed at Stripe before it said yes
}

// Settled implements billing.Usage.
func (y *tally) Settled(_ context.Context, _ models.Subscription, wish usage.Flush) (usage.Flushed, error) {
	y.early = y.early || slices.ContainsFunc(y.till.ops, func(op string) bool {
		return strings.HasPrefix(op, "cancel") || strings.HasPrefix(op, "change")
	})
	y.wishes = append(y.wishes, wish)
	a := y.answers[0]
	if len(y.answers) > 1 {
		y.answers = y.answers[1:]
	}
	return a, y.fails
}

// An end at once waits until what was used is at Stripe, for as long as it is said to,
// counted from when it was asked for. An end with the period does not ask, and neither
// does one that nothing is billed with.
func TestAnEndWaitsForWhatWasUsed(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		y := &tally{till: s.stripe, answers: []usage.Flushed{{Why: "Stripe counts."}, {Why: "Stripe counts."}, {Done: true}}}
		s.sell.Usage = y
		sub, _ := s.paid(t)
		s.cancel(t, sub, billing.CancelAtPeriodEnd)
		if len(y.wishes) != 0 {
			t.Errorf("an end with the period asked %d times", len(y.wishes))
		}
		if err := s.sell.Resume(bg, s.a.buyer, sub.UUID); err != nil {
			t.Fatal(err)
		}
		s.work(t)
		s.stripe.ops = nil
		asked := s.now()
		s.cancel(t, sub, billing.CancelNow)
		s.want(t, sub.UUID, "BLOCKED", false)
		if len(y.wishes) != 3 || y.early || !y.wishes[2].Since.Equal(asked) || !y.wishes[0].Before.IsZero() {
			t.Errorf("asked %+v, and ended before it was settled: %v", y.wishes, y.early)
		}
		if waited := s.now().Sub(asked); waited < 4*time.Second || waited > 10*time.Second {
			t.Errorf("it waited %s", waited)
		}
	})
}

// A change at once waits likewise, for what was used up to the instant that it was
// shown for. When more than that was reported already, nothing is changed and the
// subscriber looks at the price again.
func TestAChangeWaitsForWhatWasUsed(t *testing.T) {
	t.Parallel()
	s := openCounter(t, testdb.New(t))
	y := &tally{till: s.stripe, answers: []usage.Flushed{{Why: "Stripe counts."}, {Done: true}}}
	s.sell.Usage = y
	sub, _ := s.on(t, s.a.gold)
	s.stripe.ops = nil
	p := s.changing(t, sub, s.silver, billing.MomentNow)
	s.plan(t, sub.UUID, "Silver", "", "UNBLOCKED")
	if len(y.wishes) != 2 || y.early || !y.wishes[0].Before.Equal(p.At) {
		t.Errorf("asked %+v, shown for %s, changed before it was settled: %v", y.wishes, p.At, y.early)
	}
	y.answers = []usage.Flushed{{Done: true, Last: s.now().Add(time.Hour)}}
	s.changing(t, sub, s.a.gold, billing.MomentNow)
	after := s.plan(t, sub.UUID, "Silver", "", "UNBLOCKED")
	if !strings.Contains(after.ChangeProblem, "look at the price again") {
		t.Errorf("problem %q", after.ChangeProblem)
	}
	y.wishes = nil
	s.changing(t, sub, s.a.gold, billing.MomentAtPeriodEnd)
	if len(y.wishes) != 0 {
		t.Errorf("a change with the period asked %d times", len(y.wishes))
	}
	y.answers, y.fails = []usage.Flushed{{}}, errors.New("the database is away")
	if err := s.sell.Cancel(bg, s.a.buyer, sub.UUID, billing.CancelNow); err != nil {
		t.Fatal(err)
	}
	if _, err := s.jobs.RunOnce(bg); err != nil {
		t.Fatal(err)
	}
	if s.row(t, sub.UUID).Live == nil {
		t.Error("it ended although nobody could say what was used")
	}
}
