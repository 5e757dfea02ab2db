package usage

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/clock"
	"tollgate/models"
)

// The times of the lease of the one run that publishes usage, by wall time.
const (
	runLease = 8 * time.Second
	runRenew = 2 * time.Second
)

// publishEvery is how often everything that is due is sealed and sent unless the
// Publisher says otherwise.
const publishEvery = 5 * time.Minute

// A Publisher seals the ledger into windows and sends them to the Sink. Any number of
// processes may have one; one at a time runs.
type Publisher struct {
	DB           *bun.DB
	Sink         Sink
	Wall         clock.Wall
	Business     clock.Business
	Log          *slog.Logger  // may be nil
	Installation string        // id of this installation, part of what names a window
	Rate         float64       // calls a second to one account; 0 for any number
	Every        time.Duration // between two runs, business time; 0: 5 minutes

	once   sync.Once
	holder string
	wake   chan struct{}
	turn   chan struct{} // of one: whose run it is in this process
	paces  sync.Map      // by accounts.StripeAccount: *pace
}

// A runner is one run of the publisher: it holds the lease.
type runner struct {
	*Publisher
	mu     sync.Mutex
	row    models.UsageRun
	served models.Instant // the wish that is being fulfilled was made then

	done, failed atomic.Int64
	under        map[accounts.StripeAccount]bool
	ended        chan accountEnd
	troubled     bool // something could not be sent
}

// accountEnd tells that an account's windows have been gone through.
type accountEnd struct {
	at    accounts.StripeAccount
	calm  bool // everything was sent, or cleanly refused
	error error
}

func (p *Publisher) init() {
	p.once.Do(func() { p.holder, p.wake, p.turn = models.NewID(), make(chan struct{}, 1), make(chan struct{}, 1) })
}

// Wake makes whoever sleeps on Woken look for work now. It never blocks.
func (p *Publisher) Wake() {
	p.init()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Woken is readable after Wake.
func (p *Publisher) Woken() <-chan struct{} {
	p.init()
	return p.wake
}

// RunOnce seals and sends what is due, if nobody else does so already: every five
// minutes of business time, around the ends of periods, when windows wait, and when
// a person has asked. It returns when nothing that can be sent now is left, and at
// which wall time to look again.
func (p *Publisher) RunOnce(ctx context.Context) (next time.Time, err error) {
	p.init()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	row, err := models.EnsureUsageRun(ctx, p.DB)
	if err != nil {
		return time.Time{}, err
	}
	now := models.At(p.Wall.Now())
	if row.Holder != "" && row.LeaseUntil > now && row.Holder != p.holder {
		return row.LeaseUntil.Time(), nil
	}
	due, err := p.dueAt(ctx, row)
	if err != nil || due > now {
		return due.Time(), err
	}
	started := models.At(p.Business.Now())
	took, err := models.TakeUsageRun(ctx, p.DB, row, p.holder, started, now, models.At(p.Wall.Now().Add(runLease)))
	if err != nil || !took {
		return p.Wall.Now().Add(runRenew), err
	}
	row.Term++
	row.Holder, row.StartedTime, row.Windows, row.Done, row.Failed = p.holder, started, 0, 0, 0
	r := &runner{Publisher: p, row: row, under: map[accounts.StripeAccount]bool{}, ended: make(chan accountEnd)}
	failure := r.run(ctx)
	if err := r.end(context.WithoutCancel(ctx), failure); err != nil {
		return time.Time{}, errors.Join(failure, err)
	}
	if failure != nil {
		return time.Time{}, failure
	}
	if row, err = models.EnsureUsageRun(ctx, p.DB); err != nil {
		return time.Time{}, err
	}
	due, err = p.dueAt(ctx, row)
	return max(due, models.At(p.Wall.Now().Add(100*time.Millisecond))).Time(), err
}

// dueAt returns the wall time at which there is something to do.
func (p *Publisher) dueAt(ctx context.Context, row models.UsageRun) (models.Instant, error) {
	now := models.At(p.Wall.Now())
	if !row.AskedAt.IsZero() || row.Holder != "" {
		return now, nil // asked for, or left behind by a process that died
	}
	next := p.wall(row.StartedTime + models.Instant(p.every().Milliseconds()))
	window, err := models.NextWindowAt(ctx, p.DB)
	if err != nil {
		return 0, err
	}
	next = earlier(next, window)
	at, err := p.nextSeal(ctx, row.StartedTime)
	if at != 0 {
		next = earlier(next, p.wall(at))
	}
	if err != nil {
		return 0, err
	}
	hour, err := models.FirstUnsealedHour(ctx, p.DB)
	if hour != 0 {
		over := hour + models.Instant((time.Hour + settleWait).Milliseconds())
		if over <= row.StartedTime { // it was due in the last run already, so what is there came since
			over = row.StartedTime + models.Instant(settleWait.Milliseconds())
		}
		next = min(next, p.wall(over))
	}
	return next, err
}

// every is how often everything that is due is sealed and sent.
func (p *Publisher) every() time.Duration { return cmp.Or(p.Every, publishEvery) }

// wall is the wall time of a business instant, if business time goes on as it does.
func (p *Publisher) wall(business models.Instant) models.Instant {
	return business - models.Instant(p.Business.Offset().Milliseconds())
}

// nextSeal returns the first business instant after another at which something is to
// be sealed before its time: a minute before a period ends, and a minute after.
func (p *Publisher) nextSeal(ctx context.Context, after models.Instant) (models.Instant, error) {
	wait := models.Instant(lastSeal.Milliseconds())
	end, err := models.NextPeriodEnd(ctx, p.DB, after-wait)
	switch {
	case err != nil || end == 0:
		return 0, err
	case after < end-wait:
		return end - wait, nil
	}
	return end + wait, nil
}

// NextDue returns the next business instant at which calls in the ledger are to be
// sealed, or a window must not be sent again unseen; zero when there is none. Whoever
// moves business time stops there and has RunOnce done.
func (p *Publisher) NextDue(ctx context.Context) (time.Time, error) {
	now := models.At(p.Business.Now())
	hour, err := models.FirstUnsealedHour(ctx, p.DB)
	if err != nil {
		return time.Time{}, err
	}
	var next models.Instant
	if hour != 0 {
		next = hour + models.Instant((time.Hour + settleWait).Milliseconds())
		seal, err := p.nextSeal(ctx, now)
		if err != nil {
			return time.Time{}, err
		}
		if seal != 0 {
			next = min(next, seal)
		}
	}
	sending, err := models.WindowSums(ctx, p.DB, models.WindowQuery{States: []string{models.WindowSending}})
	if err != nil {
		return time.Time{}, err
	}
	if first := sending[models.WindowSending].FirstTried; first != 0 {
		next = earlier(next, first+models.Instant(identifierLife.Milliseconds())+1)
	}
	if next != 0 && next <= now {
		next = 0 // it is due already: time has nothing to add
	}
	return next.Time(), nil
}

// earlier is the earlier of two instants that may be zero.
func earlier(a, b models.Instant) models.Instant {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// run does what is due until nothing is left that can be done now. Sealing and the
// accounts go on beside each other.
func (r *runner) run(ctx context.Context) error {
	held, stop := r.hold(ctx)
	defer stop()
	var first error
	sealedAt, sealing, sealed := models.Instant(0), false, make(chan error, 1)
	for {
		note := func(err error) {
			if first == nil {
				first = err
			}
		}
		note(r.asked(held))
		if now := models.At(r.Business.Now()); first == nil && !sealing && (sealedAt == 0 || r.served > sealedAt || now >= sealedAt+sealPause) {
			sealedAt, sealing = max(now, r.served), true
			s := r.sealing()
			s.all = r.served != 0
			go func() { sealed <- s.due(held) }()
		}
		if first == nil && held.Err() == nil {
			note(r.start(held))
		}
		if len(r.under) == 0 && !sealing {
			return cmp.Or(first, held.Err())
		}
		t := time.NewTimer(runGlance)
		select {
		case e := <-r.ended:
			delete(r.under, e.at)
			r.troubled = r.troubled || !e.calm
			note(e.error)
		case err := <-sealed:
			sealing = false
			note(err)
		case <-t.C:
		}
		t.Stop()
	}
}

// runGlance is how often a run looks for accounts with something to send, and for
// people who ask.
const runGlance = time.Second

// sealPause is how long a long run goes on before it looks for more to seal.
const sealPause = models.Instant(10_000)

// asked notes a wish that came in meanwhile: everything is due then.
func (r *runner) asked(ctx context.Context) error {
	row, err := models.EnsureUsageRun(ctx, r.DB)
	if err != nil || row.AskedAt <= r.served {
		return err
	}
	r.served = row.AskedAt
	r.paces.Range(func(_, v any) bool { v.(*pace).calm(); return true })
	now := r.Wall.Now()
	return models.HastenWindows(ctx, r.DB, models.At(now), models.At(now.Add(runLease)))
}

// start begins with every account that has windows due and is not being gone
// through. None waits for another.
func (r *runner) start(ctx context.Context) error {
	now := models.At(r.Wall.Now())
	states := []string{models.WindowSealed, models.WindowSending, models.WindowUnknown}
	all, err := models.WindowAccounts(ctx, r.DB, models.WindowQuery{States: states, Due: now})
	if err != nil {
		return err
	}
	var windows int64
	for _, a := range all {
		at := accounts.StripeAccount{Tenant: a.TenantID, Connected: a.Account}
		windows += a.Windows
		if r.under[at] {
			continue
		}
		if until := r.paceOf(at).wakes(); until.After(r.Wall.Now()) {
			if err := models.PutOffWindows(ctx, r.DB, a.TenantID, a.Account, models.At(until)); err != nil {
				return err
			}
			continue
		}
		r.under[at] = true
		go func() {
			s := &sender{Publisher: r.Publisher, at: at, tell: r.count}
			err := s.run(ctx)
			r.ended <- accountEnd{at, s.calm(), err}
		}()
	}
	r.mu.Lock()
	r.row.Windows = max(r.row.Windows, r.done.Load()+r.failed.Load()+windows)
	r.mu.Unlock()
	return nil
}

func (r *runner) count(sent, failed int) {
	r.done.Add(int64(sent))
	r.failed.Add(int64(failed))
}

// hold renews the lease until stop is called. The context it returns ends when the
// lease is lost.
func (r *runner) hold(ctx context.Context) (held context.Context, stop func()) {
	held, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(runRenew)
		defer tick.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-tick.C:
			}
			row := r.state()
			row.LeaseUntil = models.At(r.Wall.Now().Add(runLease))
			if ok, err := models.HoldUsageRun(held, r.DB, row); err == nil && !ok {
				cancel()
				return
			}
		}
	}()
	return held, func() { cancel(); <-over }
}

// state is the row as it is now.
func (r *runner) state() models.UsageRun {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.row.Done, r.row.Failed = r.done.Load(), r.failed.Load()
	r.row.Windows = max(r.row.Windows, r.row.Done+r.row.Failed)
	return r.row
}

// end writes how the run ended.
func (r *runner) end(ctx context.Context, failure error) error {
	row := r.state()
	row.State, row.Status, row.FinishedTime = models.RunCompleted, models.RunSuccessful, models.At(r.Business.Now())
	if failure != nil || r.troubled || row.Failed > 0 {
		row.Status = models.RunFailed
	} else {
		row.PublishedTime = row.StartedTime
	}
	served := r.served
	if failure != nil {
		served = 0 // whoever takes over does it
	}
	return models.EndUsageRun(ctx, r.DB, row, served)
}
