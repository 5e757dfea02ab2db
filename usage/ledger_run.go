package usage

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// Figures are what a gateway tells of itself with its signs of life.
type Figures struct {
	CaughtUp int64 // number of the last access change it has heard of
	Served   int64 // calls since it started
	Refused  int64
	Failed   int64 // upstream did not answer, or nothing could be recorded
	InFlight int64
	Problem  string // for people; "" when all is well
}

// Tell makes f be asked before each sign of life.
func (l *Ledger) Tell(f func() Figures) { l.tell.Store(&f) }

// mendEvery is how long to wait between two attempts to write again.
const mendEvery = 200 * time.Millisecond

// tries is how often a commit that others were in the way of is tried.
const tries = 6

// A wound is why nothing can be written for now.
type wound struct {
	why  error
	left *work // a commit that may have happened; nil: nothing is in doubt
	last error // of the last attempt to mend it
}

// Run commits what is recorded until Close is called or ctx is done, and then what is
// queued. It returns an error when it could not leave everything in order: when the
// database did not answer at the end.
func (l *Ledger) Run(ctx context.Context) error {
	l.running.Store(true)
	defer close(l.ended)
	defer l.rows.Close()
	l.hurt = &wound{why: errNotRunning}
	beat := time.NewTicker(l.o.Beat)
	defer beat.Stop()
	l.mend(ctx)
	var again <-chan time.Time // nothing wakes it while all is well
	for {
		if l.hurt != nil && again == nil {
			again = time.After(mendEvery) // which a beat between does not put off
		}
		select {
		case <-l.wake:
			l.next(ctx)
		case <-beat.C:
			if l.hurt == nil {
				l.beat(ctx)
			}
		case <-again:
			if again = nil; l.hurt != nil {
				l.mend(ctx)
			}
		case <-ctx.Done():
			return l.end(ctx)
		case <-l.stop:
			return l.end(ctx)
		}
	}
}

// next commits the oldest group in the queue.
func (l *Ledger) next(ctx context.Context) {
	runtime.Gosched() // those whom the last commit let go may have calls for this one
	g, more := l.take()
	if more {
		l.ring()
	}
	if g != nil {
		l.serve(ctx, g)
	}
}

// serve commits g and lets its calls go.
func (l *Ledger) serve(ctx context.Context, g *group) {
	switch {
	case l.hurt != nil:
		l.finish(g, l.hurt.why)
	case g.events != nil:
		l.finish(g, l.commitEvents(ctx, g.events))
	default:
		l.finish(g, l.commit(ctx, g))
	}
}

// commit writes the calls of a group. When the database refuses one subscription's,
// the others are written without them.
func (l *Ledger) commit(ctx context.Context, g *group) error {
	w := work{rows: l.build(g.calls)}
	err := l.put(ctx, w)
	if models.OutcomeOf(err) != models.Refused {
		return err
	}
	l.o.Log.ErrorContext(ctx, "the database refuses ledger rows", "error", err)
	parts := w.apart()
	if len(parts) == 1 {
		return err
	}
	g.refused = map[int64]error{}
	for subscription, part := range parts {
		if l.hurt != nil {
			g.refused[subscription] = l.hurt.why
		} else if err := l.put(ctx, part); err != nil {
			g.refused[subscription] = err
		}
	}
	return nil
}

// put writes w, and returns nil only when it is known to be in the database. When
// that cannot be known, or the database does not answer, the ledger is hurt.
func (l *Ledger) put(ctx context.Context, w work) error {
	err := l.insist(ctx, w)
	switch models.OutcomeOf(err) {
	case models.Written:
	case models.Refused:
		return err
	case models.Unknown:
		if known := l.settle(ctx, w); known != nil {
			l.wounded(ctx, wound{why: errors.Join(err, known), left: &w})
			return err
		}
	default:
		l.wounded(ctx, wound{why: err})
		return err
	}
	l.advance(w.rows)
	return nil
}

// insist writes w, again and again while others are in the way.
func (l *Ledger) insist(ctx context.Context, w work) error {
	var err error
	enough := time.NewTimer(l.o.Patience)
	defer enough.Stop()
	for try := range tries {
		err = l.write(ctx, w)
		if models.OutcomeOf(err) != models.Again {
			return err
		}
		select {
		case <-enough.C:
			return err
		case <-time.After(time.Millisecond << try):
		}
	}
	return err
}

func (l *Ledger) write(ctx context.Context, w work) error {
	ctx, cancel := l.budget(ctx)
	defer cancel()
	if len(w.events) == 0 {
		return l.rows.Insert(ctx, w.rows)
	}
	return l.rows.InTx(ctx, w.insert)
}

// advance notes the sequence numbers that are used.
func (l *Ledger) advance(rows []models.LedgerRow) {
	for i := range rows {
		l.seqs[rows[i].SubscriptionID] = rows[i].SeqTo
	}
}

// wounded refuses calls until mend succeeds.
func (l *Ledger) wounded(ctx context.Context, w wound) {
	l.hurt = &w
	if !l.ending {
		l.refuse(w.why)
	}
	l.o.Log.ErrorContext(ctx, "calls cannot be recorded", "error", w.why, "in_doubt", w.left != nil)
}

// mend finds out whether the ledger can be written again: what is in doubt is put in
// order, and a sign of life gets through.
func (l *Ledger) mend(ctx context.Context) {
	if l.hurt.left != nil {
		if err := l.disown(ctx, *l.hurt.left); err != nil {
			l.still(ctx, err)
			return
		}
		l.hurt.left = nil
	}
	if err := l.live(ctx, 0); err != nil {
		l.still(ctx, err)
		return
	}
	if l.hurt.why != errNotRunning { //nolint:errorlint // it is never wrapped
		l.o.Log.InfoContext(ctx, "calls can be recorded again")
	}
	l.hurt = nil
	if !l.ending {
		l.refuse(nil)
	}
}

// still notes why the ledger cannot be written now, and logs it when that is new.
func (l *Ledger) still(ctx context.Context, err error) {
	if l.hurt.last == nil || l.hurt.last.Error() != err.Error() {
		l.o.Log.WarnContext(ctx, "calls can still not be recorded", "error", err)
	}
	l.hurt.last = err
	if !l.ending {
		l.refuse(fmt.Errorf("%w: %w", l.hurt.why, err))
	}
}

// beat gives a sign of life, and every other time stores what was counted.
func (l *Ledger) beat(ctx context.Context) {
	l.beats++
	err := l.live(ctx, 0)
	if err == nil && l.beats%2 == 0 {
		err = l.storeCounts(ctx)
	}
	if err != nil {
		l.o.Log.WarnContext(ctx, "the gateway's sign of life was not stored", "error", err)
	}
}

// live gives a sign of life. stopped is when this process has stopped, 0 while it has not.
func (l *Ledger) live(ctx context.Context, stopped models.Instant) error {
	g := models.Gateway{
		Writer: l.writer, Kind: l.o.Kind, Name: l.o.Name, Address: l.o.Address,
		StartedAt: l.started, SeenAt: models.At(l.o.Wall.Now()), StoppedAt: stopped,
	}
	if f := l.tell.Load(); f != nil {
		s := (*f)()
		g.CaughtUp, g.Served, g.Refused, g.Failed, g.InFlight = s.CaughtUp, s.Served, s.Refused, s.Failed, s.InFlight
		g.Problem = cut(s.Problem, 500)
	}
	return l.do(ctx, func(ctx context.Context, db bun.IDB) error { return models.SaveGateway(ctx, db, g) })
}

// do runs fn on the ledger's connection. All that fn does may be done again.
func (l *Ledger) do(ctx context.Context, fn func(ctx context.Context, db bun.IDB) error) error {
	var err error
	for range tries {
		err = func() error {
			ctx, cancel := l.budget(ctx)
			defer cancel()
			return l.rows.Do(ctx, fn)
		}()
		if models.OutcomeOf(err) != models.Again {
			break
		}
	}
	return err
}

// end commits what is queued and says that this process has stopped.
func (l *Ledger) end(ctx context.Context) error {
	l.ending = true
	l.refuse(errClosed)
	for g, _ := l.take(); g != nil; g, _ = l.take() {
		l.serve(ctx, g)
	}
	deadline := time.NewTimer(l.o.Patience)
	defer deadline.Stop()
	for l.hurt != nil {
		l.mend(ctx)
		if l.hurt == nil {
			break
		}
		select {
		case <-deadline.C:
			return fmt.Errorf("usage: the ledger was left as it is: %w", l.hurt.why)
		case <-time.After(mendEvery):
		}
	}
	if err := l.storeCounts(ctx); err != nil {
		return err
	}
	return l.live(ctx, models.At(l.o.Wall.Now()))
}

// cut returns at most n bytes of s, whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
