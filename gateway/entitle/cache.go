package entitle

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/internal/clock"
)

const (
	keepFound   = 10 * time.Minute // even without a change: nothing should hang on having heard of all
	keepMissing = time.Second
	longestLoad = 3 * time.Second
	loadTries   = 3
)

// A cache remembers what was read from the database until it changes. It is bounded;
// what is not there is remembered apart from what is, so that made-up keys displace
// no real ones.
type cache[K comparable, V any] struct {
	feed *feed
	wall clock.Wall
	most int
	slow chan struct{} // room for what reads at the same time
	// load reads the value of a key, and tells what it hangs on; found is false when
	// there is none.
	load func(ctx context.Context, k K) (v V, deps []dep, found bool, err error)

	mu      sync.RWMutex
	slots   map[K]*slot[K, V]
	ring    []*slot[K, V] // all slots; the hand goes round and takes who was not used since it came by
	hand    int
	tags    map[dep]map[K]struct{}
	flights map[K]*flight[V]
	missing map[K]time.Time // until when
}

type slot[K comparable, V any] struct {
	key   K
	value V
	deps  []dep
	until time.Time
	at    int // in the ring
	used  atomic.Bool
}

// A flight is a value that is being read, for all who want it.
type flight[V any] struct {
	done  chan struct{}
	value V
	found bool
	err   error
}

func newCache[K comparable, V any](f *feed, wall clock.Wall, most, readers int, load func(context.Context, K) (V, []dep, bool, error)) *cache[K, V] {
	c := &cache[K, V]{
		feed: f, wall: wall, most: most, slow: make(chan struct{}, readers), load: load, slots: map[K]*slot[K, V]{},
		tags: map[dep]map[K]struct{}{}, flights: map[K]*flight[V]{}, missing: map[K]time.Time{},
	}
	f.forget = append(f.forget, c.forget)
	return c
}

// get returns the value of a key at a wall time, read if it is not remembered.
func (c *cache[K, V]) get(ctx context.Context, k K, now time.Time) (V, bool, error) {
	c.mu.RLock()
	s := c.slots[k]
	c.mu.RUnlock()
	if s != nil && now.Before(s.until) {
		if !s.used.Load() {
			s.used.Store(true)
		}
		return s.value, true, nil
	}
	return c.fetch(ctx, k, now)
}

// fetch reads a value, together with all who want it at the same time.
func (c *cache[K, V]) fetch(ctx context.Context, k K, now time.Time) (v V, found bool, err error) {
	c.mu.Lock()
	if until, known := c.missing[k]; known && now.Before(until) {
		c.mu.Unlock()
		return v, false, nil
	}
	f, under := c.flights[k]
	if !under {
		f = &flight[V]{done: make(chan struct{})}
		c.flights[k] = f
		// It goes on if this caller leaves: others may have come to wait for it.
		go c.fly(context.WithoutCancel(ctx), k, f)
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.value, f.found, f.err
	case <-ctx.Done():
		return v, false, ctx.Err()
	}
}

func (c *cache[K, V]) fly(ctx context.Context, k K, f *flight[V]) {
	ctx, cancel := context.WithTimeout(ctx, longestLoad)
	defer cancel()
	defer func() {
		c.mu.Lock()
		delete(c.flights, k)
		c.mu.Unlock()
		close(f.done)
	}()
	select {
	case c.slow <- struct{}{}:
		defer func() { <-c.slow }()
	case <-ctx.Done():
		f.err = ctx.Err()
		return
	}
	for range loadTries { // what changes all the time is used as read last, and not kept
		heard, now := c.feed.last.Load(), c.wall.Now()
		var deps []dep
		if f.value, deps, f.found, f.err = c.load(ctx, k); f.err != nil {
			return
		}
		if !f.found {
			c.miss(k, now)
			return
		}
		if c.feed.put(heard, deps, func() { c.keep(k, f.value, deps, now) }) {
			return
		}
	}
}

// miss remembers for a moment that there is nothing.
func (c *cache[K, V]) miss(k K, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.missing) >= c.most {
		for k, until := range c.missing {
			if !now.Before(until) {
				delete(c.missing, k)
			}
		}
		if len(c.missing) >= c.most {
			clear(c.missing)
		}
	}
	c.missing[k] = now.Add(keepMissing)
}

func (c *cache[K, V]) keep(k K, v V, deps []dep, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.missing, k)
	if old := c.slots[k]; old != nil {
		c.drop(old)
	}
	for len(c.slots) >= c.most {
		c.hand %= len(c.ring)
		if s := c.ring[c.hand]; s.used.Swap(false) {
			c.hand++
		} else {
			c.drop(s)
		}
	}
	s := &slot[K, V]{key: k, value: v, deps: deps, until: now.Add(keepFound), at: len(c.ring)}
	s.used.Store(true)
	c.slots[k] = s
	c.ring = append(c.ring, s)
	for _, d := range deps {
		if c.tags[d] == nil {
			c.tags[d] = map[K]struct{}{}
		}
		c.tags[d][k] = struct{}{}
	}
}

// drop forgets a slot. The lock is held.
func (c *cache[K, V]) drop(s *slot[K, V]) {
	delete(c.slots, s.key)
	last := len(c.ring) - 1
	c.ring[s.at] = c.ring[last]
	c.ring[s.at].at = s.at
	c.ring[last] = nil
	c.ring = c.ring[:last]
	for _, d := range s.deps {
		if delete(c.tags[d], s.key); len(c.tags[d]) == 0 {
			delete(c.tags, d)
		}
	}
}

// forget forgets all that hangs on d.
func (c *cache[K, V]) forget(d dep) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.tags[d] {
		c.drop(c.slots[k])
	}
}
