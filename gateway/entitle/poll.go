package entitle

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/gateway"
	"tollgate/models"
)

const (
	pollEvery   = 250 * time.Millisecond
	longestPoll = 2 * time.Second
	changesRead = 1000
)

// RunOnce hears of what changed, and returns when to do so again. What else is to be
// done from time to time goes on beside it.
func (g *Gate) RunOnce(ctx context.Context) (time.Time, error) {
	began := g.o.Wall.Now()
	err := g.poll(ctx, began)
	if err == nil {
		g.lastGood.Store(began.UnixNano())
	}
	g.tend(ctx, began)
	return g.o.Wall.Now().Add(pollEvery), err
}

func (g *Gate) poll(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, longestPoll)
	defer cancel()
	if g.lastGood.Load() == 0 {
		last, err := models.LastAccessChange(ctx, g.o.DB)
		if err == nil {
			g.feed.begin(last)
		}
		return err
	}
	for {
		changes, err := models.AccessChangesSince(ctx, g.o.DB, g.feed.last.Load(), changesRead)
		if err != nil {
			return err
		}
		var apis []int64
		for _, c := range changes {
			if id, err := strconv.ParseInt(c.ObjectID, 10, 64); c.Kind == models.ChangedAPI && err == nil {
				apis = append(apis, id)
			}
		}
		tenants, err := models.TenantsOfAPIs(ctx, g.o.DB, apis)
		if err != nil {
			return err
		}
		g.feed.hear(changes, tenants, now)
		if len(changes) < changesRead {
			return nil
		}
	}
}

// behind returns how long ago it was last heard whether anything changed.
func (g *Gate) behind(now time.Time) time.Duration {
	last := g.lastGood.Load()
	if last == 0 {
		return gateway.TrustFixed + time.Hour
	}
	return time.Duration(now.UnixNano() - last)
}

// CaughtUp returns the number of the last change that the gate has heard of.
func (g *Gate) CaughtUp() int64 { return g.feed.last.Load() }

// Ready returns why calls cannot be decided about, nil when they can.
func (g *Gate) Ready() error {
	switch behind := g.behind(g.o.Wall.Now()); {
	case g.lastGood.Load() == 0:
		return errors.New("entitle: nothing was heard of the database yet")
	case behind > gateway.TrustMetered:
		return fmt.Errorf("entitle: nothing was heard of the database for %v", behind.Round(time.Second))
	}
	return nil
}

// Stop gives back what the gate has leased and notes which keys were used last. No
// calls may be under way.
func (g *Gate) Stop(ctx context.Context) error {
	g.background.Wait()
	return errors.Join(g.used.flush(ctx, g), models.DeleteQuotaLeases(ctx, g.o.DB, g.o.Writer))
}

// chores are what is done beside polling, each by itself.
type chores struct {
	leases, keys, sweep chore
}

// A chore is done every so often, and never twice at once.
type chore struct {
	due  time.Time // of RunOnce's caller alone
	busy atomic.Bool
}

// tend starts the chores that are due.
func (g *Gate) tend(ctx context.Context, now time.Time) {
	g.start(ctx, &g.chores.leases, now, keepEvery, "leases of quotas cannot be extended", g.quotas.extend)
	g.start(ctx, &g.chores.keys, now, touchEvery, "it cannot be noted when keys were used", func(ctx context.Context) error { return g.used.flush(ctx, g) })
	g.start(ctx, &g.chores.sweep, now, sweepEvery, "old leases of quotas cannot be removed", g.quotas.sweep)
}

func (g *Gate) start(ctx context.Context, c *chore, now time.Time, every time.Duration, failed string, do func(context.Context) error) {
	if now.Before(c.due) || !c.busy.CompareAndSwap(false, true) {
		return
	}
	c.due = now.Add(every)
	g.background.Go(func() {
		defer c.busy.Store(false)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestLoad)
		defer cancel()
		if err := do(ctx); err != nil {
			g.complain(failed, err)
		}
	})
}

const (
	touchEvery  = 10 * time.Second
	touchedFor  = time.Minute // how exactly it is known when a key was last used
	touchedRows = 500         // in one statement
	mostTouches = 100_000
)

// touches are the keys that were used and are not noted as such yet.
type touches struct {
	mu   sync.Mutex
	keys map[string]struct{}
	at   models.Instant // the last of them
}

// note takes down that a key is used, once a minute.
func (t *touches) note(k *caller, now time.Time) {
	at, last := now.UnixMilli(), k.touched.Load()
	if at-last < touchedFor.Milliseconds() || !k.touched.CompareAndSwap(last, at) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys == nil {
		t.keys = map[string]struct{}{}
	}
	if len(t.keys) < mostTouches {
		t.keys[k.id] = struct{}{}
	}
	t.at = max(t.at, models.At(now))
}

// flush writes down which keys were used. What cannot be written is lost: the next
// use notes it again.
func (t *touches) flush(ctx context.Context, g *Gate) error {
	t.mu.Lock()
	keys, at := t.keys, t.at
	t.keys = nil
	t.mu.Unlock()
	var ids []string
	var errs error
	for id := range keys {
		if ids = append(ids, id); len(ids) == touchedRows {
			errs = errors.Join(errs, models.TouchAPIKeys(ctx, g.o.DB, ids, at))
			ids = ids[:0]
		}
	}
	return errors.Join(errs, models.TouchAPIKeys(ctx, g.o.DB, ids, at))
}
