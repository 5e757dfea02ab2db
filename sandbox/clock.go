package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// errBackwards is refused: business time only moves forward.
var errBackwards = errors.New("the clock only moves forward")

// Now is the business time.
func (s *Server) Now() time.Time { return s.business.Now() }

// Offset is how far business time is ahead of wall time.
func (s *Server) Offset() time.Duration { return s.business.Offset() }

// Advance moves business time to an instant, from one due moment to the next.
// At each it runs what falls due, delivers what is owed and waits for the
// answers, then tells the followers and waits for theirs; a follower may name
// the moment it has something to do, which is then a step of its own. Webhooks
// that fail are tried again later, by RunOnce. Advance stops where ctx ends or a
// follower fails; what was done stays, and it can be called again.
func (s *Server) Advance(ctx context.Context, to time.Time) error {
	if err := s.moving.take(ctx); err != nil {
		return err
	}
	defer s.moving.give()
	if to.Before(s.Now()) {
		return errBackwards
	}
	for {
		if err := s.step(ctx); err != nil {
			return err
		}
		if !s.Now().Before(to) {
			return nil
		}
		next, err := s.nextMoment(ctx)
		if err != nil {
			return err
		}
		if next.IsZero() || next.After(to) {
			next = to
		}
		if err := s.moveTo(ctx, next); err != nil {
			return err
		}
	}
}

// maxRounds is how often one moment is gone through before the clock goes on.
// Programs that answer each event with a call that makes another never settle.
const maxRounds = 50

// step does what one moment asks for, followers included, until it is quiet:
// what followers do makes events, and what these do makes work for followers.
func (s *Server) step(ctx context.Context) error {
	for range maxRounds {
		if _, err := s.RunOnce(ctx); err != nil {
			return err
		}
		busy, err := s.tellFollowers(ctx)
		if err != nil {
			return err
		}
		next, err := s.nextWork(ctx)
		if err != nil {
			return err
		}
		if !busy && (next.IsZero() || next.After(s.wall.Now())) {
			return nil
		}
	}
	return nil
}

// nextMoment is the next instant after now at which a timer goes off or a
// follower has something to do; zero when there is none.
func (s *Server) nextMoment(ctx context.Context) (time.Time, error) {
	var due sql.NullInt64
	now := s.Now().UnixMilli()
	err := s.read(ctx, "", func(t *tx) error {
		_, err := t.scan(`SELECT MIN(at) FROM (
			SELECT due AS at FROM timers WHERE clock = '' AND due > ?
			UNION ALL SELECT next_due FROM followers WHERE next_due > ?)`, []any{now, now}, &due)
		return err
	})
	if err != nil || !due.Valid {
		return time.Time{}, err
	}
	return time.UnixMilli(due.Int64).UTC(), nil
}

// moveTo raises the offset so that it is at, and remembers it.
func (s *Server) moveTo(ctx context.Context, at time.Time) error {
	offset := at.Sub(s.wall.Now())
	if offset <= s.Offset() {
		return nil // wall time got there by itself
	}
	err := s.write(ctx, "", func(t *tx) error {
		return t.exec(`INSERT OR REPLACE INTO settings (name, value) VALUES ('offset_ns', ?)`, strconv.FormatInt(int64(offset), 10))
	})
	if err != nil {
		return fmt.Errorf("sandbox: keep the clock: %w", err)
	}
	s.business.SetOffset(offset)
	s.wakeUp()
	return nil
}
