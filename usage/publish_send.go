package usage

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/models"
)

// The sizes of sending.
const (
	mostCalls   = 32  // to one account at a time
	claimAtOnce = 100 // windows
	claimBelow  = 50  // windows that wait: then more are claimed
	writeAtOnce = 100 // outcomes
	tooManyBad  = 3   // answers in a row that say nothing: the account is left alone
)

// identifierLife is how long a window is sent again under the same identifier, by
// business time: Stripe knows it for 24 hours.
const identifierLife = 23 * time.Hour

// freshFor is how long after sealing nobody asks again where a window goes.
const freshFor = models.Instant(10 * 60_000)

// A sender sends the windows of one account that are due.
type sender struct {
	*Publisher
	at           accounts.StripeAccount
	subscription int64 // only of this one; 0: all
	tell         func(sent, failed int)

	ahead []attempt // claimed, and not begun
	busy  map[lane]bool
	under map[string]bool // ids of windows whose call is under way
	done  []outcome       // not written yet
	ended chan outcome
	dry   bool // nothing more is due
	stop  bool // nothing more is begun
	bad   int
	held  time.Time // claims were renewed then
	upset bool
}

// A lane is what takes one event at a time.
type lane struct{ customer, event string }

func laneOf(w models.UsageWindow) lane { return lane{w.CustomerID, w.EventName} }

// An attempt is a window that this sender has claimed.
type attempt struct {
	models.UsageWindow
	tried bool // before: nobody knows whether Stripe has it
}

// An outcome is how an attempt ended; err is nil when Stripe has the event.
type outcome struct {
	attempt
	err error
}

// errNotBegun is the outcome of a window that was claimed and not sent.
var errNotBegun = errors.New("usage: not begun")

// calm reports whether everything was sent, or cleanly refused.
func (s *sender) calm() bool { return !s.upset && !s.stop }

// run sends until nothing is due, or the account is to be left alone.
func (s *sender) run(ctx context.Context) error {
	s.busy, s.under, s.ended, s.held = map[lane]bool{}, map[string]bool{}, make(chan outcome), s.Wall.Now()
	if err := s.resolve(ctx); err != nil {
		s.upset = true
		return s.rest(ctx, err)
	}
	tick := time.NewTicker(runRenew)
	defer tick.Stop()
	var failure error
	for {
		if failure == nil {
			failure = s.fill(ctx)
		}
		wait := s.begin(ctx, failure != nil)
		if failure != nil || s.stop || len(s.done) >= writeAtOnce || len(s.under) == 0 {
			if err := s.write(context.WithoutCancel(ctx), failure != nil || s.stop || ctx.Err() != nil); err != nil && failure == nil {
				failure = err
			}
		}
		if len(s.under) == 0 && (failure != nil || s.stop || ctx.Err() != nil || s.dry && len(s.ahead) == 0) {
			return failure
		}
		if err := s.await(ctx, tick.C, wait); err != nil && failure == nil {
			failure = err
		}
	}
}

// fill claims more windows when few are left.
func (s *sender) fill(ctx context.Context) error {
	for !s.dry && !s.stop && len(s.ahead) < claimBelow && ctx.Err() == nil {
		states := []string{models.WindowSealed, models.WindowSending}
		q := models.WindowQuery{Tenant: &s.at.Tenant, Account: &s.at.Connected, Subscription: s.subscription, States: states,
			Due: models.At(s.Wall.Now()), Limit: claimAtOnce}
		due, err := models.Windows(ctx, s.DB, q)
		if err != nil {
			return err
		}
		s.dry = len(due) < claimAtOnce
		if len(due) == 0 {
			return nil
		}
		got, err := s.claim(ctx, due)
		if err != nil {
			return err
		}
		s.ahead = append(s.ahead, got...)
	}
	return nil
}

// claim marks windows as being sent before anything is. What is too late for its
// invoice, or too old to be sent again, goes another way.
func (s *sender) claim(ctx context.Context, due []models.UsageWindow) ([]attempt, error) {
	got, err := s.claimed(ctx, due, s.together)
	if errors.Is(err, errTaken) {
		return s.claimed(ctx, due, s.oneByOne)
	}
	return got, err
}

// errTaken says that somebody else has taken some of several windows.
var errTaken = errors.New("usage: some windows are taken")

// claimed is claim, all in one transaction, with a way to mark windows.
func (s *sender) claimed(ctx context.Context, due []models.UsageWindow, mark func(context.Context, bun.Tx, []attempt) ([]attempt, error)) (got []attempt, err error) {
	now := models.At(s.Business.Now())
	err = models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		var ready []attempt
		for _, w := range due {
			ok, err := s.divert(ctx, tx, &w, now)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			a := attempt{w, !w.FirstTriedAt.IsZero()}
			if !a.tried {
				a.FirstTriedAt = now
			}
			ready = append(ready, a)
		}
		got, err = mark(ctx, tx, ready)
		return err
	})
	for i := range got {
		got[i].Version++
		got[i].Attempts++
	}
	return got, err
}

// together marks windows by few statements, where nobody else has taken one.
func (s *sender) together(ctx context.Context, tx bun.Tx, wanted []attempt) (got []attempt, err error) {
	type alike struct {
		version int64
		first   models.Instant
	}
	groups := map[alike][]string{}
	for _, a := range wanted {
		k := alike{a.Version, a.FirstTriedAt}
		groups[k] = append(groups[k], a.ID)
	}
	for k, ids := range groups {
		n, err := models.ClaimWindows(ctx, tx, ids, k.version, k.first, models.At(s.Wall.Now().Add(runLease)))
		if err == nil && n != int64(len(ids)) {
			err = errTaken
		}
		if err != nil {
			return nil, err
		}
	}
	return wanted, nil
}

// oneByOne marks windows that nobody else has taken.
func (s *sender) oneByOne(ctx context.Context, tx bun.Tx, wanted []attempt) (got []attempt, err error) {
	for _, a := range wanted {
		n, err := models.ClaimWindows(ctx, tx, []string{a.ID}, a.Version, a.FirstTriedAt, models.At(s.Wall.Now().Add(runLease)))
		if err != nil {
			return nil, err
		}
		if n == 1 {
			got = append(got, a)
		}
	}
	return got, nil
}

// divert reports whether w is to be sent now. One that was tried a day ago becomes
// unknown; one that nobody has tried and whose invoice became final meanwhile is
// judged again.
func (s *sender) divert(ctx context.Context, tx bun.Tx, w *models.UsageWindow, now models.Instant) (bool, error) {
	if !w.FirstTriedAt.IsZero() {
		if now-w.FirstTriedAt <= models.Instant(identifierLife.Milliseconds()) {
			return true, nil
		}
		w.State, w.Problem = models.WindowUnknown, "Stripe did not answer for a day. Its total decides whether this was counted."
		return false, forgiving(models.SaveWindow(ctx, tx, *w))
	}
	if now-w.SealedAt <= freshFor {
		return true, nil
	}
	f, err := readFacts(ctx, tx, w.TenantID, w.SubscriptionID)
	if err != nil || f.stands(*w, now) {
		return err == nil, err
	}
	fate := f.judge(*w, now, 0)
	w.EventAt, w.Note = fate.at, fate.note
	if fate.no != "" {
		w.State, w.Note, w.Problem = models.WindowUnbillable, fate.no, ""
	}
	if err := models.SaveWindow(ctx, tx, *w); err != nil {
		return false, forgiving(err)
	}
	w.Version++
	return fate.no == "", nil
}

// begin starts calls while it may, and returns how long to wait for the next one; 0
// when that is not a matter of time.
func (s *sender) begin(ctx context.Context, over bool) time.Duration {
	if over || s.stop || ctx.Err() != nil {
		return 0
	}
	pace := s.paceOf(s.at)
	for i := 0; i < len(s.ahead) && len(s.under) < mostCalls; {
		w := s.ahead[i]
		if s.busy[laneOf(w.UsageWindow)] {
			i++
			continue
		}
		if wait := pace.take(s.Wall.Now()); wait > 0 {
			return wait
		}
		s.ahead = append(s.ahead[:i:i], s.ahead[i+1:]...)
		s.busy[laneOf(w.UsageWindow)], s.under[w.ID] = true, true
		go func() { s.ended <- outcome{w, s.send(ctx, w)} }()
	}
	return 0
}

// send sends one window. Its idempotency key is the same until Stripe has clearly
// said no, after which the same question deserves another answer.
func (s *sender) send(ctx context.Context, w attempt) error {
	return s.Sink.SendUsage(ctx, s.at, w.Identifier+"."+strconv.FormatInt(int64(w.FirstTriedAt), 36), MeterEvent{
		EventName: w.EventName, Customer: w.CustomerID, Units: w.Quantity, Identifier: w.Identifier, At: w.EventAt.Time(),
	})
}

// await waits until a call ends or the next may begin, and renews what is claimed.
func (s *sender) await(ctx context.Context, tick <-chan time.Time, wait time.Duration) error {
	var timer <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timer = t.C
	}
	done := ctx.Done()
	if len(s.under) > 0 && ctx.Err() != nil {
		done = nil // what is under way ends by itself: its context is over
	}
	select {
	case o := <-s.ended:
		s.note(o)
	case <-timer:
	case <-done:
	case <-tick:
	}
	if s.Wall.Now().Sub(s.held) < runRenew {
		return nil
	}
	s.held = s.Wall.Now()
	ids := make([]string, 0, len(s.under)+len(s.ahead))
	for id := range s.under {
		ids = append(ids, id)
	}
	for _, w := range s.ahead {
		ids = append(ids, w.ID)
	}
	return models.HoldWindows(context.WithoutCancel(ctx), s.DB, ids, models.At(s.held.Add(runLease)))
}

// note takes in how a call ended.
func (s *sender) note(o outcome) {
	delete(s.busy, laneOf(o.UsageWindow))
	delete(s.under, o.ID)
	s.done = append(s.done, o)
	pace := s.paceOf(s.at)
	busy, isBusy := errors.AsType[*Busy](o.err)
	_, isNo := errors.AsType[*Declined](o.err)
	switch {
	case o.err == nil, isNo:
		s.bad = 0
		pace.calm()
		return
	case isBusy:
		pace.tired(s.Wall.Now(), busy.Wait)
	default:
		if s.bad++; s.bad < tooManyBad {
			return
		}
		pace.tired(s.Wall.Now(), 0)
	}
	s.stop = true
}
