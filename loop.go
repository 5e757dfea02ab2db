package main

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// A job is work in the background: RunOnce does what is due and says at which
// wall time to look again, the zero time for "when woken".
type job struct {
	name    string
	runOnce func(ctx context.Context) (next time.Time, err error)
	woken   <-chan struct{} // nil for jobs that nobody wakes
}

// A loop sleeps at least calm between two runs, and after a failure pause.
const (
	calm      = 5 * time.Millisecond
	pause     = 2 * time.Second
	longSleep = 5 * time.Second // at most, for work that other processes may stage unheard
)

// loop runs j until ctx is done.
func loop(ctx context.Context, j job, now func() time.Time, log *slog.Logger) {
	for ctx.Err() == nil {
		next, err := j.runOnce(ctx)
		sleep := longSleep
		switch {
		case err != nil && !errors.Is(err, context.Canceled):
			log.ErrorContext(ctx, "background work failed", "job", j.name, "error", err)
			sleep = pause
		case !next.IsZero():
			sleep = max(next.Sub(now()), calm)
		}
		if j.woken != nil {
			sleep = min(sleep, longSleep)
		}
		t := time.NewTimer(sleep)
		select {
		case <-ctx.Done():
		case <-j.woken:
		case <-t.C:
		}
		t.Stop()
	}
}
