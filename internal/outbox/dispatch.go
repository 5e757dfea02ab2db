package outbox

import (
	"context"
	"slices"
	"time"

	"tollgate/models"
)

// lookout is how often free slots look for work that nobody told of, and for work
// that others held, while something is still under way.
const lookout = time.Second

// RunOnce performs what is due, and what becomes due while it does so: a slow job
// takes one slot, and the others go on. It returns when nothing that it began is
// under way and nothing is due that it can take, and says when the next job may be
// taken: the zero time when nothing waits. When ctx ends it begins nothing more,
// and returns once what is under way has ended. After a failure of the database it
// returns the first one, and what is under way and due is still done.
func (r *Runner) RunOnce(ctx context.Context) (time.Time, error) {
	workers := r.Workers
	if workers == 0 {
		workers = 4
	}
	d := dispatch{
		r: r, workers: workers, look: true,
		busy: map[string]string{}, passed: map[string]bool{}, ended: make(chan attempted),
	}
	if err := d.run(ctx); err != nil {
		return time.Time{}, err
	}
	next, err := models.NextJobAt(ctx, r.DB)
	return r.notBeforeSoon(next.Time()), err
}

// notBeforeSoon keeps a loop from spinning on a job it could not claim.
func (r *Runner) notBeforeSoon(next time.Time) time.Time {
	if soon := r.Wall.Now().Add(250 * time.Millisecond); !next.IsZero() && next.Before(soon) {
		return soon
	}
	return next
}

// A dispatch is what one RunOnce knows. Only its goroutine touches it; attempts
// report to it through ended. With one worker jobs are tried in the order of
// models.DueJobs, sixteen from one look, and nothing depends on time.
type dispatch struct {
	r       *Runner
	workers int
	queue   []models.Job      // due at the last look, not tried since
	busy    map[string]string // the subjects under way here, and the job of each
	passed  map[string]bool   // jobs that somebody else held when they were tried
	ended   chan attempted

	look  bool  // there may be due jobs that it has not seen
	again bool  // jobs that were passed over may be free by now
	sick  bool  // the database failed: it looks again at the next tick
	first error // the first failure of the database
}

// attempted is how an attempt ended.
type attempted struct {
	job models.Job
	got bool
	err error
}

// run begins due jobs as slots become free, until there is nothing to wait for.
func (d *dispatch) run(ctx context.Context) error {
	tick := time.NewTicker(lookout)
	defer tick.Stop()
	for {
		d.fill(ctx)
		if len(d.busy) == 0 {
			return d.first
		}
		d.wait(tick.C)
	}
}

// fill begins due jobs while a slot is free.
func (d *dispatch) fill(ctx context.Context) {
	for len(d.busy) < d.workers && ctx.Err() == nil {
		if j, ok := d.next(); ok {
			d.begin(ctx, j)
			continue
		}
		if !d.look || d.sick {
			return
		}
		d.search(ctx)
	}
}

// next takes the first job off the queue whose subject is not under way here.
func (d *dispatch) next() (models.Job, bool) {
	i := slices.IndexFunc(d.queue, func(j models.Job) bool { return d.busy[j.Subject] == "" })
	if i < 0 {
		return models.Job{}, false
	}
	j := d.queue[i]
	d.queue = slices.Delete(d.queue, i, i+1)
	return j, true
}

// search fills the queue with what is due now. What it knows but cannot begin does
// not crowd out what stands behind it: it looks that much further.
func (d *dispatch) search(ctx context.Context) {
	if d.again {
		d.again = false
		clear(d.passed)
	}
	limit := 16*d.workers + len(d.passed) + len(d.queue) + len(d.busy)
	due, err := models.DueJobs(ctx, d.r.DB, models.At(d.r.Wall.Now()), limit)
	if err != nil {
		d.fail(err)
		return
	}
	d.look = len(due) == limit
	d.queue = slices.DeleteFunc(due, func(j models.Job) bool { return d.passed[j.ID] || d.busy[j.Subject] == j.ID })
}

// begin tries j in a slot of its own.
func (d *dispatch) begin(ctx context.Context, j models.Job) {
	d.busy[j.Subject] = j.ID
	go func() {
		e := attempted{job: j}
		defer func() { d.ended <- e }()
		e.got, e.err = d.r.attempt(ctx, j)
	}()
}

// wait waits until something ends. While a slot is free it also returns when
// somebody says that there is work, and now and then for what nobody says.
func (d *dispatch) wait(tick <-chan time.Time) {
	woken := d.r.Woken()
	if len(d.busy) == d.workers {
		woken, tick = nil, nil
	}
	select {
	case e := <-d.ended:
		d.note(e)
	case <-woken:
		d.look = true
	case <-tick:
		d.look, d.again, d.sick = true, true, false
	}
}

// note takes in how an attempt ended. A job that was not got is passed over until
// something else has ended, so that nobody spins on it.
func (d *dispatch) note(e attempted) {
	delete(d.busy, e.job.Subject)
	switch {
	case e.got:
		d.look, d.again = true, true
	case e.err == nil:
		d.passed[e.job.ID] = true
	}
	if e.err != nil {
		d.fail(e.err)
	}
}

// fail notes a failure of the database: what is queued is still tried, and nothing
// new is looked for until the next tick.
func (d *dispatch) fail(err error) {
	d.sick = true
	if d.first == nil {
		d.first = err
	}
}
