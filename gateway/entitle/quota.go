package entitle

import (
	"context"
	"sync"
	"time"

	"tollgate/gateway"
	"tollgate/models"
)

const (
	leaseLife  = 8 * time.Second // of wall time, in the database
	leaseTrust = 6 * time.Second // how long its holder trusts it: clocks of machines differ
	keepEvery  = 2 * time.Second // how often leases in use are extended
	sweepEvery = 10 * time.Minute
	lookEvery  = 30 * time.Second // how often it is looked how much of a quota is used that stops nothing
	idle       = time.Minute      // after which a quota is forgotten
	askAgain   = time.Second      // how long a refusal holds without asking the database again

	leaseShare = 50     // of a quota a gateway leases at most one in so many at a time
	leaseMost  = 10_000 // units
	freeShare  = 8      // and of what is left, one in so many
	waitRounds = 8      // how often a call asks for units that others take before it
	leasers    = 3      // at the same time
)

// LeaseSize returns how many units of a policy's quota one gateway reserves at most at
// a time: 0 when the quota stops nothing. Gateways never reserve more than there is,
// so no more than the quota is served while each call is one unit. Of calls that are
// worth more it is known only afterwards; they exceed a quota by what those under way
// and those for which gateways had reserved units come to. Near the end of a quota,
// what one gateway has reserved another refuses; it is free again after 8 seconds
// without calls. A gateway that is alone reserves nothing.
func LeaseSize(p models.Policy) int64 {
	if q := quotaOf(p); q.Holds() {
		return min(max(q.Units/leaseShare, 1), leaseMost)
	}
	return 0
}

// quotas are the quotas of subscriptions, as far as this gateway uses them.
type quotas struct {
	g     *Gate
	slots chan struct{}
	mu    sync.RWMutex
	all   map[int64]*quota // by subscription
}

func (qs *quotas) init(g *Gate) {
	qs.g, qs.slots, qs.all = g, make(chan struct{}, leasers), map[int64]*quota{}
}

// A quota is one subscription's use of its quota in the running window.
//
// Taken counts the units of this gateway in the window: held for calls that are under
// way, or settled. What is settled is in the ledger. A lease says that, beyond what
// was settled when it was asked for, so many units are reserved; taken must not pass
// the ceiling that follows. So at any time, what the ledger has, what is under way
// and what gateways have reserved is no more than the quota.
type quota struct {
	mu           sync.Mutex
	dead         bool // forgotten: look for it again
	subscription int64
	lease        int64
	gateway.Quota

	start, end             time.Time // of the window, in business time
	taken, settled, flying int64
	ceiling, room          int64     // room is what the ceiling left when it was set
	until                  time.Time // wall time until which the lease is trusted
	enough                 time.Time // wall time until which it is of no use to ask again

	unsure bool // about enough, until another call is settled

	base, baseSettled int64     // what the ledger had when last looked at, and what was settled then
	looked            time.Time // wall time; zero: not yet
	closed            closedHours

	asking  chan struct{} // closed when the database has answered; nil: it is not asked
	waiting int64
	err     error
	usedAt  time.Time // wall time
}

// closedHours is what the ledger has of a window before an hour in which nothing
// more is expected.
type closedHours struct {
	before models.Instant
	units  int64
	at     time.Time
}

// used returns the units that are used, as far as this gateway knows.
func (q *quota) used() int64 { return q.base + q.taken - q.baseSettled }

// spent is the answer to a call for which nothing is left.
func (q *quota) spent(c *call) *gateway.Refusal {
	r := gateway.Spent(q.Quota, q.used()-q.flying, q.start, q.end, c.now)
	return &r
}

// of returns a subscription's quota, locked.
func (qs *quotas) of(c *call) *quota {
	for {
		qs.mu.RLock()
		q := qs.all[c.sub.ID]
		qs.mu.RUnlock()
		if q == nil {
			qs.mu.Lock()
			if q = qs.all[c.sub.ID]; q == nil {
				q = &quota{subscription: c.sub.ID}
				qs.all[c.sub.ID] = q
			}
			qs.mu.Unlock()
		}
		if q.mu.Lock(); !q.dead {
			q.roll(c)
			return q
		}
		q.mu.Unlock()
	}
}

// roll makes q that of the call's plan and window. Windows only follow each other,
// also for calls that are decided about in another order than they came.
func (q *quota) roll(c *call) {
	q.usedAt = c.wall
	if q.Quota != c.plan.quota || q.lease != c.plan.lease {
		if q.Every != c.plan.quota.Every || q.Unit != c.plan.quota.Unit {
			q.start, q.end = time.Time{}, time.Time{}
		}
		q.Quota, q.lease = c.plan.quota, c.plan.lease
		q.until, q.enough, q.looked = time.Time{}, time.Time{}, time.Time{}
	}
	if c.now.Before(q.end) {
		return
	}
	q.start, q.end = q.Window(c.now)
	q.taken, q.settled, q.flying, q.ceiling, q.room, q.base, q.baseSettled = 0, 0, 0, 0, 0, 0, 0
	q.until, q.enough, q.looked, q.closed = time.Time{}, time.Time{}, time.Time{}, closedHours{}
}

// hold counts a call that passes.
func (q *quota) hold(c *call, t *ticket) {
	q.taken++
	q.flying++
	t.Held, t.Window = 1, q.start.UnixMilli()
	if !q.looked.IsZero() {
		t.Limits = append(t.Limits, q.Limit(q.used(), q.start, q.end, c.now))
	}
}

// take holds a unit of a quota for a call, or refuses it.
func (qs *quotas) take(ctx context.Context, c *call, t *ticket) (*gateway.Refusal, error) {
	for range waitRounds {
		q := qs.of(c)
		if !q.Stop {
			if c.wall.Sub(q.looked) >= lookEvery && !c.wall.Before(q.enough) {
				qs.ask(ctx, q)
			}
			q.hold(c, t)
			q.mu.Unlock()
			return nil, nil
		}
		if q.taken < q.ceiling && c.wall.Before(q.until) {
			q.hold(c, t)
			if 2*(q.ceiling-q.taken) <= q.room || q.until.Sub(c.wall) < keepEvery {
				qs.ask(ctx, q)
			}
			q.mu.Unlock()
			return nil, nil
		}
		if c.wall.Before(q.enough) {
			refusal := q.spent(c)
			q.mu.Unlock()
			return refusal, nil
		}
		if err := qs.wait(ctx, q); err != nil {
			return nil, err
		}
		c.wall = qs.g.o.Wall.Now()
	}
	q := qs.of(c)
	defer q.mu.Unlock()
	return q.spent(c), nil
}

// wait waits until the database was asked for more. It takes q locked and leaves it
// unlocked.
func (qs *quotas) wait(ctx context.Context, q *quota) error {
	q.waiting++
	qs.ask(ctx, q)
	asking := q.asking
	q.mu.Unlock()
	var gone error
	select {
	case <-asking:
	case <-ctx.Done():
		gone = ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting--
	if gone == nil {
		return q.err
	}
	return gone
}

// settle counts what the call of a pass came to. One of a window that is over counts
// in the running one, where the ledger has it.
func (qs *quotas) settle(p *gateway.Pass, units int64) {
	if p.Held == 0 {
		return
	}
	qs.mu.RLock()
	q := qs.all[p.Subscription]
	qs.mu.RUnlock()
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	held := p.Held
	if q.start.UnixMilli() == p.Window {
		q.flying--
	} else {
		held = 0
	}
	q.taken += units - held
	q.settled += units
	if units < held || q.unsure {
		q.enough, q.unsure = time.Time{}, false
	}
}

// resting reports whether no calls come any more.
func (q *quota) resting(now time.Time) bool { return now.Sub(q.usedAt) >= 2*keepEvery }

// extend keeps the leases of quotas in use, for calls that are long under way and
// those that come seldom.
func (qs *quotas) extend(ctx context.Context) error {
	now := qs.g.o.Wall.Now()
	defer qs.forget(now)
	if qs.g.o.Alone {
		return nil
	}
	var inUse []*quota
	var ids []int64
	for _, q := range qs.list() {
		q.mu.Lock()
		switch resting := q.resting(now); {
		case !q.Stop || !now.Before(q.until) || resting && q.flying <= 0:
		case resting && q.taken < q.ceiling:
			qs.ask(ctx, q)
		default:
			inUse, ids = append(inUse, q), append(ids, q.subscription)
		}
		q.mu.Unlock()
	}
	for len(ids) > 0 {
		n := min(len(ids), 500)
		err := models.ExtendQuotaLeases(ctx, qs.g.o.DB, qs.g.o.Writer, ids[:n], models.At(now), models.At(now.Add(leaseLife)))
		if err != nil {
			return err
		}
		for _, q := range inUse[:n] {
			q.mu.Lock()
			if now.Before(q.until) {
				q.until = later(q.until, now.Add(leaseTrust))
			}
			q.mu.Unlock()
		}
		inUse, ids = inUse[n:], ids[n:]
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (qs *quotas) list() []*quota {
	qs.mu.RLock()
	defer qs.mu.RUnlock()
	all := make([]*quota, 0, len(qs.all))
	for _, q := range qs.all {
		all = append(all, q)
	}
	return all
}

// forget forgets the quotas that nobody uses.
func (qs *quotas) forget(now time.Time) {
	for _, q := range qs.list() {
		qs.mu.Lock()
		q.mu.Lock()
		if q.flying <= 0 && q.asking == nil && q.waiting == 0 && now.Sub(q.usedAt) > idle {
			q.dead = true
			delete(qs.all, q.subscription)
		}
		q.mu.Unlock()
		qs.mu.Unlock()
	}
}

// sweep removes what was left behind in the database, by whoever died.
func (qs *quotas) sweep(ctx context.Context) error {
	return models.DeleteExpiredQuotaLeases(ctx, qs.g.o.DB, models.At(qs.g.o.Wall.Now().Add(-time.Hour)))
}
