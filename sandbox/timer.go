package sandbox

import (
	"context"
	"fmt"
	"time"
)

// A timer is an instant at which something is to happen to an object.
type timer struct {
	Account, Kind, ID string
	Clock             string // the test clock it goes by, "" for business time
	Due               time.Time
	tries             int
}

// schedule makes the timer of that kind on the object id go off at due, by the
// test clock ("" for business time). An earlier plan for the same is replaced.
func (t *tx) schedule(kind, id, clock string, due time.Time) error {
	*t.planned = true
	return t.exec(`INSERT INTO timers (account, kind, id, clock, due) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account, kind, id) DO UPDATE SET clock = excluded.clock, due = excluded.due, tries = 0, wall_after = 0`,
		t.account, kind, id, clock, due.UnixMilli())
}

// unschedule takes a timer back.
func (t *tx) unschedule(kind, id string) error {
	return t.exec(`DELETE FROM timers WHERE account = ? AND kind = ? AND id = ?`, t.account, kind, id)
}

// nextTimer returns the timer that goes off first by clock, if any is ready to.
func (t *tx) nextTimer(clock string) (one timer, found bool, err error) {
	var due int64
	found, err = t.scan(`SELECT account, kind, id, clock, due, tries FROM timers
		WHERE clock = ? AND wall_after <= ? ORDER BY due, account, kind, id LIMIT 1`,
		[]any{clock, t.s.wall.Now().UnixMilli()}, &one.Account, &one.Kind, &one.ID, &one.Clock, &due, &one.tries)
	one.Due = time.UnixMilli(due).UTC()
	return one, found, err
}

// fire runs the timers of clock that are due at now, each in a transaction of
// its own and at the instant it was planned for, earliest first.
func (s *Server) fire(ctx context.Context, clock string, now time.Time) error {
	for {
		var due timer
		var found bool
		err := s.read(ctx, "", func(t *tx) (err error) {
			due, found, err = t.nextTimer(clock)
			return err
		})
		if err != nil || !found || due.Due.After(now) {
			return err
		}
		if err := s.fireOne(ctx, due); err != nil {
			s.log.ErrorContext(ctx, "sandbox: a timer failed", "kind", due.Kind, "id", due.ID, "error", err)
			if err := s.postpone(ctx, due); err != nil {
				return err
			}
		}
	}
}

func (s *Server) fireOne(ctx context.Context, due timer) error {
	act, ok := s.timers[due.Kind]
	if !ok {
		return fmt.Errorf("sandbox: nothing is known about timers of kind %q", due.Kind)
	}
	return s.write(ctx, due.Account, func(t *tx) error {
		// Somebody may have moved it since it was read.
		taken, err := t.db.ExecContext(ctx, `DELETE FROM timers WHERE account = ? AND kind = ? AND id = ? AND clock = ? AND due = ?`,
			due.Account, due.Kind, due.ID, due.Clock, due.Due.UnixMilli())
		if err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
		if n, err := taken.RowsAffected(); err != nil || n == 0 {
			return err
		}
		t.now = due.Due
		return act(t, due.ID)
	})
}

// postpone keeps a timer that failed from blocking the others: it is tried
// again after a while of wall time.
func (s *Server) postpone(ctx context.Context, failed timer) error {
	wait := min(time.Second<<min(failed.tries, 10), 5*time.Minute)
	return s.write(ctx, failed.Account, func(t *tx) error {
		return t.exec(`UPDATE timers SET tries = tries + 1, wall_after = ? WHERE account = ? AND kind = ? AND id = ?`,
			s.wall.Now().Add(wait).UnixMilli(), failed.Account, failed.Kind, failed.ID)
	})
}
