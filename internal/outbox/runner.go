package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
)

// The times of a lease: a crashed worker's work is taken up within lease.
const (
	lease = 8 * time.Second
	renew = 2 * time.Second
)

// The times between attempts.
const (
	firstPause = time.Second
	longPause  = 2 * time.Minute
)

// A performer does one kind of task.
type performer struct {
	perform func(ctx context.Context, job Job, task string) error
	refused func(ctx context.Context, tx bun.Tx, job Job, task string, why error) error
}

// A Runner performs staged tasks. Any number of runners may work on one database.
type Runner struct {
	DB       *bun.DB
	Log      *slog.Logger
	Wall     clock.Wall
	Business clock.Business
	Workers  int            // tasks at once; 4 when zero
	Chance   func() float64 // from 0 to 1, for pauses that differ a little; nil: the usual

	kinds map[string]performer
	once  sync.Once
	wake  chan struct{}
	ended ended
}

// Handle registers how tasks of type T are performed. perform may be run again
// after a crash, so it must find what it has done already. When it returns an
// error marked by Refuse, the task has failed for good: refused (which may be nil)
// then runs in the transaction that ends the job, to undo what the task was to do.
func Handle[T Task](r *Runner,
	perform func(ctx context.Context, job Job, task T) error,
	refused func(ctx context.Context, tx bun.Tx, job Job, task T, why error) error,
) {
	var zero T
	p := performer{perform: func(ctx context.Context, job Job, text string) error {
		task, err := decode[T](text)
		if err != nil {
			return Refuse(err)
		}
		return perform(ctx, job, task)
	}}
	if refused != nil {
		p.refused = func(ctx context.Context, tx bun.Tx, job Job, text string, why error) error {
			task, err := decode[T](text)
			if err != nil {
				return nil //nolint:nilerr // a task nobody can read has nothing to undo
			}
			return refused(ctx, tx, job, task, why)
		}
	}
	if r.kinds == nil {
		r.kinds = map[string]performer{}
	}
	if _, twice := r.kinds[zero.Kind()]; twice {
		panic("outbox: two performers for " + zero.Kind())
	}
	r.kinds[zero.Kind()] = p
}

func decode[T Task](text string) (T, error) {
	var task T
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		return task, fmt.Errorf("outbox: %s: %w", task.Kind(), err)
	}
	return task, nil
}

// Wake makes the loop look for work now. It never blocks.
func (r *Runner) Wake() {
	select {
	case r.woken() <- struct{}{}:
	default:
	}
}

// Woken is readable after Wake.
func (r *Runner) Woken() <-chan struct{} { return r.woken() }

func (r *Runner) woken() chan struct{} {
	r.once.Do(func() { r.wake = make(chan struct{}, 1) })
	return r.wake
}

// attempt claims j and performs it once. It reports whether it got the job.
func (r *Runner) attempt(ctx context.Context, j models.Job) (bool, error) {
	now, business := r.Wall.Now(), models.At(r.Business.Now())
	got, err := models.ClaimJob(ctx, r.DB, j, models.At(now.Add(lease)), business)
	if err != nil || !got {
		return false, err
	}
	j.Attempts++
	if j.FirstTriedAt.IsZero() {
		j.FirstTriedAt = business
	}
	job := Job{ID: j.ID, Tenant: j.TenantID, Attempts: j.Attempts, era: int64(r.Business.Now().Sub(j.FirstTriedAt.Time()) / keyLife)}

	held, stop := r.hold(ctx, j)
	failure := r.call(held, job, j)
	stop()
	return true, r.finish(context.WithoutCancel(ctx), job, j, failure)
}

// call performs j, and turns a panic into an error: one broken task must not
// stop the others.
func (r *Runner) call(ctx context.Context, job Job, j models.Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("outbox: %s panicked: %v", j.Kind, p)
		}
	}()
	p, known := r.kinds[j.Kind]
	if !known {
		return fmt.Errorf("outbox: nobody performs %q here", j.Kind)
	}
	return p.perform(ctx, job, j.Task)
}

// hold renews the lease of j until stop is called. The context it returns ends
// when the lease is lost.
func (r *Runner) hold(ctx context.Context, j models.Job) (held context.Context, stop func()) {
	held, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(renew)
		defer tick.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-tick.C:
			}
			if ok, err := models.RenewJob(held, r.DB, j, models.At(r.Wall.Now().Add(lease))); err == nil && !ok {
				cancel()
				return
			}
		}
	}()
	return held, func() { cancel(); <-done }
}

// finish writes how an attempt ended.
func (r *Runner) finish(ctx context.Context, job Job, j models.Job, failure error) error {
	now := r.Wall.Now()
	var err error
	switch {
	case failure == nil:
		err = r.write(ctx, j, models.JobDone, "", now, models.At(now))
		r.ended.tell(j.ID)
		if err == nil && j.Attempts > 1 {
			err = r.hasten(ctx, j.TenantID)
		}
	case Refused(failure):
		err = r.refuse(ctx, job, j, failure)
		r.ended.tell(j.ID)
	default:
		pause := r.pauseAfter(j.Attempts)
		if p, ok := errors.AsType[postponement](failure); ok {
			pause = p.pause
		}
		err = r.write(ctx, j, models.JobReady, told(failure), now.Add(pause), 0)
	}
	r.report(j, failure)
	if fault.KindOf(err) == fault.Conflict {
		return nil // the lease was lost; whoever has the job now will write its end
	}
	return err
}

// hasten has a tenant's other work tried again now: what did not work a moment ago
// works again.
func (r *Runner) hasten(ctx context.Context, tenant models.TenantID) error {
	err := models.HastenJobs(ctx, r.DB, tenant, models.At(r.Wall.Now()))
	r.Wake()
	return err
}

func (r *Runner) write(ctx context.Context, j models.Job, state, problem string, runAt time.Time, doneAt models.Instant) error {
	return models.InTx(ctx, r.DB, func(ctx context.Context, tx bun.Tx) error {
		return models.FinishJob(ctx, tx, j, state, problem, models.At(runAt), doneAt)
	})
}

func (r *Runner) refuse(ctx context.Context, job Job, j models.Job, why error) error {
	return models.InTx(ctx, r.DB, func(ctx context.Context, tx bun.Tx) error {
		now := models.At(r.Wall.Now())
		if err := models.FinishJob(ctx, tx, j, models.JobFailed, told(why), now, now); err != nil {
			return err
		}
		if p := r.kinds[j.Kind]; p.refused != nil {
			return p.refused(ctx, tx, job, j.Task, why)
		}
		return nil
	})
}

func (r *Runner) report(j models.Job, failure error) {
	if r.Log == nil {
		return
	}
	attrs := []any{"job", j.ID, "kind", j.Kind, "subject", j.Subject, "tenant", j.TenantID, "attempt", j.Attempts}
	switch {
	case failure == nil:
		r.Log.Info("job done", attrs...)
	case Refused(failure):
		r.Log.Error("job refused", append(attrs, "error", failure)...)
	default:
		r.Log.Warn("job will be tried again", append(attrs, "error", failure)...)
	}
}

// told is what an admin reads about a failure.
func told(err error) string {
	var text string
	if text = fault.Message(err); text == "" {
		text = err.Error()
	}
	const most = 2000
	if len(text) > most {
		text = text[:most]
	}
	return text
}

// pauseAfter returns how long to wait after the nth attempt: a second, doubled
// each time up to two minutes, a fifth more or less so that many do
// not come back at once.
func (r *Runner) pauseAfter(n int) time.Duration {
	chance := r.Chance
	if chance == nil {
		chance = rand.Float64 //nolint:gosec // jitter, no secret
	}
	pause := longPause
	if n < 11 {
		pause = min(firstPause<<(n-1), longPause)
	}
	return pause + time.Duration((chance()-0.5)*0.4*float64(pause))
}

// ErrPending is returned by Wait when the job has not ended in time. It goes on
// all the same.
var ErrPending = errors.New("outbox: still under way")

// Wait waits until the job called id has ended, at most patience, so that a page
// can show the outcome. It returns nil when it was done, ErrPending when it goes
// on, and otherwise what a person may read about why it failed.
func (r *Runner) Wait(ctx context.Context, id string, patience time.Duration) error {
	r.Wake()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		told := r.ended.watch(id)
		j, err := models.JobByID(ctx, r.DB, id)
		switch {
		case ctx.Err() != nil:
			return ErrPending
		case err != nil:
			return err
		case j.State == models.JobDone:
			return nil
		case j.State == models.JobFailed:
			return fault.New(fault.Conflict, j.Problem)
		}
		t := time.NewTimer(500 * time.Millisecond) // another process may end it
		select {
		case <-ctx.Done():
			t.Stop()
			return ErrPending
		case <-told:
			t.Stop()
		case <-t.C:
		}
	}
}

// ended tells waiters in this process that a job has ended.
type ended struct {
	mu      sync.Mutex
	waiters map[string]chan struct{}
}

func (e *ended) watch(id string) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiters == nil {
		e.waiters = map[string]chan struct{}{}
	}
	if e.waiters[id] == nil {
		e.waiters[id] = make(chan struct{})
	}
	return e.waiters[id]
}

func (e *ended) tell(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.waiters[id]; c != nil {
		close(c)
		delete(e.waiters, id)
	}
}
