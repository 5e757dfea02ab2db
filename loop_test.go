package main

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// Work that nobody wakes runs when it said it would; work that other processes may
// stage is looked for all the time.
func TestTheLoopSleepsAsLongAsItIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		others      bool
		least, most int
	}{"nobody wakes it": {false, 3, 3}, "somebody may": {true, 200, 400}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
				defer cancel()
				var woken chan struct{}
				if c.others {
					woken = make(chan struct{})
				}
				runs := 0
				loop(ctx, job{name: "sweep", woken: woken, runOnce: func(context.Context) (time.Time, error) {
					runs++
					return time.Now().Add(10 * time.Minute), nil
				}}, time.Now, slog.New(slog.DiscardHandler))
				if runs < c.least || runs > c.most {
					t.Errorf("in 25 minutes it ran %d times, want %d to %d", runs, c.least, c.most)
				}
			})
		})
	}
}
