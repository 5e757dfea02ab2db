package usage

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// write writes how calls ended, all in one transaction. When release is set, windows
// that were claimed and not begun are let go.
func (s *sender) write(ctx context.Context, release bool) error {
	all := s.done
	if release {
		for _, w := range s.ahead {
			all = append(all, outcome{w, errNotBegun})
		}
		s.ahead = nil
	}
	if len(all) == 0 {
		return nil
	}
	for _, o := range all {
		s.upset = s.upset || o.err != nil
	}
	sent, failed := 0, 0
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		sent, failed = 0, 0
		there := map[int64][]string{} // by version
		for _, o := range all {
			if o.err == nil {
				there[o.Version] = append(there[o.Version], o.ID)
				sent++
				continue
			}
			w, refused := s.after(o)
			if err := models.SaveWindow(ctx, tx, w); forgiving(err) != nil {
				return err
			}
			if refused {
				failed++
			}
		}
		for version, ids := range there {
			if err := models.WindowsSent(ctx, tx, ids, version, models.At(s.Business.Now())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err // what was sent is sent again under the same names
	}
	s.done = nil
	if s.tell != nil {
		s.tell(sent, failed)
	}
	return nil
}

// after returns a window as it is after an attempt that did not bring it to Stripe, and
// whether Stripe said no.
func (s *sender) after(o outcome) (models.UsageWindow, bool) {
	w, now := o.UsageWindow, s.Wall.Now()
	wakes := s.paceOf(s.at).wakes()
	busy, isBusy := errors.AsType[*Busy](o.err)
	no, isNo := errors.AsType[*Declined](o.err)
	switch {
	case isNo:
		w.State, w.Problem = models.WindowRefused, clip(cmp.Or(no.Message, no.Code), 500)
		return w, true
	case isBusy, errors.Is(o.err, errNotBegun):
		w.State, w.NextTryAt = models.WindowSealed, models.At(now)
		if o.tried {
			w.State = models.WindowSending
		} else {
			w.FirstTriedAt = 0
		}
		if isBusy {
			w.Problem, w.NextTryAt = clip(busy.Message, 500), models.At(now.Add(busy.Wait))
		} else {
			w.Attempts--
		}
	default:
		w.State, w.Problem, w.NextTryAt = models.WindowSending, told(o.err), models.At(now.Add(pauseAfter(w.Attempts)))
	}
	w.NextTryAt = max(w.NextTryAt, models.At(wakes))
	return w, false
}

// pauseAfter is how long to wait after the nth attempt of which nobody knows how it
// ended.
func pauseAfter(n int) time.Duration {
	if n > 8 {
		return longestRest
	}
	return min(time.Second<<max(n-1, 0), longestRest)
}

// told is what an admin reads about an attempt of which nobody knows how it ended.
func told(err error) string { return clip("Stripe did not answer: "+err.Error(), 500) }

// clip cuts text to at most n letters.
func clip(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}

// rest leaves the account alone after it could not be read, and says what went wrong
// unless that is the account's own affair.
func (s *sender) rest(ctx context.Context, err error) error {
	busy, isBusy := errors.AsType[*Busy](err)
	wait := time.Duration(0)
	if isBusy {
		wait = busy.Wait
	}
	until := s.Wall.Now().Add(s.paceOf(s.at).tired(s.Wall.Now(), wait))
	return models.PutOffWindows(context.WithoutCancel(ctx), s.DB, s.at.Tenant, s.at.Connected, models.At(until))
}
