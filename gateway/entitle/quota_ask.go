package entitle

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/models"
)

const (
	hour        = models.Instant(3_600_000)
	closedTrust = time.Minute // how long what the ledger has of closed hours is not read again
)

var errTooLong = fault.New(fault.Unavailable, "The database took too long over a quota.")

// A question is what the database is asked about a quota.
type question struct {
	subscription  int64
	start         models.Instant // of the window
	now           models.Instant // business time
	stop          bool
	resting       bool  // no calls come: what is reserved for more is given back
	units, lease  int64 // of the quota; of one lease
	settled, want int64 // when it was asked: settled, and calls that wait
	flying, keep  int64 // calls under way; units reserved already and not settled
	closed        closedHours
}

// An answer is what the ledger has of a quota, and how much is leased.
type answer struct {
	used, leased int64
	closed       closedHours
}

// ask starts asking the database about q, which is locked, unless that is under way.
func (qs *quotas) ask(ctx context.Context, q *quota) {
	if q.asking != nil {
		return
	}
	q.asking = make(chan struct{})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestLoad)
	qs.g.background.Go(func() {
		defer cancel()
		qs.answer(ctx, q)
	})
}

// answer asks about q and puts the answer into it.
func (qs *quotas) answer(ctx context.Context, q *quota) {
	var (
		a     answer
		err   error
		began time.Time
		about question
	)
	select {
	case qs.slots <- struct{}{}:
		about, began = qs.question(q), qs.g.o.Wall.Now()
		a, err = qs.g.answer(ctx, about, began)
		<-qs.slots
	case <-ctx.Done():
		err = errTooLong
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.asking)
	q.asking, q.err = nil, err
	if err != nil {
		if qs.g.complain("a quota cannot be read", err); !q.Stop {
			q.enough = qs.g.o.Wall.Now().Add(askAgain)
		}
		return
	}
	if models.At(q.start) != about.start { // another window has begun
		return
	}
	q.looked, q.base, q.baseSettled, q.closed = began, a.used, about.settled, a.closed
	if !about.stop || !q.Stop {
		return
	}
	q.ceiling, q.until = about.settled+a.leased, began.Add(leaseTrust)
	// A call that was under way may be in the ledger already and counted twice: once
	// it is settled, it is known better.
	if q.room = q.ceiling - q.taken; q.room <= 0 && !about.resting && q.settled == about.settled {
		q.enough, q.unsure = began.Add(askAgain), about.flying > 0
	}
}

// question is what there is to ask about q now.
func (qs *quotas) question(q *quota) question {
	q.mu.Lock()
	defer q.mu.Unlock()
	about := question{
		subscription: q.subscription, start: models.At(q.start), now: models.At(qs.g.o.Business.Now()), stop: q.Stop, units: q.Units, lease: q.lease,
		settled: q.settled, want: q.waiting, flying: q.flying, keep: q.flying, closed: q.closed,
	}
	switch now := qs.g.o.Wall.Now(); {
	case qs.g.o.Alone:
	case q.waiting == 0 && q.resting(now):
		about.resting, q.ceiling = true, q.taken
	case now.Before(q.until):
		about.keep = max(q.ceiling-q.settled, q.flying)
	}
	return about
}

// answer asks the database about a quota, at a wall time. If it stops calls, units
// are leased as well; who is alone has all that are left.
func (g *Gate) answer(ctx context.Context, about question, now time.Time) (answer, error) {
	closed, err := g.closedHours(ctx, about, now)
	if err != nil {
		return answer{}, err
	}
	a := answer{closed: closed}
	if !about.stop || g.o.Alone {
		open, err := models.UsedUnits(ctx, g.o.DB, about.subscription, max(about.start, closed.before), 0)
		a.used = about.floor(closed.units + open)
		a.leased = about.units - a.used
		return a, err
	}
	err = models.InTx(ctx, g.o.DB, func(ctx context.Context, tx bun.Tx) error {
		at := models.At(now)
		if err := models.HoldQuota(ctx, tx, about.subscription, about.start, at); err != nil {
			return err
		}
		lease := models.QuotaLease{SubscriptionID: about.subscription, WindowStart: about.start, Writer: g.o.Writer, ExpiresAt: models.At(now.Add(leaseLife))}
		others, err := models.LeasedUnits(ctx, tx, lease, at)
		if err != nil {
			return err
		}
		open, err := models.UsedUnits(ctx, tx, about.subscription, max(about.start, closed.before), 0)
		if err != nil {
			return err
		}
		a.used = about.floor(closed.units + open)
		a.leased = about.share(about.units - a.used - others)
		lease.Units = max(a.leased, about.flying)
		return models.SaveQuotaLease(ctx, tx, lease)
	})
	return a, err
}

// floor returns what is used if the ledger has so many units. In a window that begins
// within an hour the ledger may not tell all: what was settled here is more certain.
func (about question) floor(units int64) int64 {
	if about.start%hour == 0 {
		return units
	}
	return max(units, about.settled)
}

// share returns how many units to reserve of those that nobody has. What is reserved
// already stays so: calls may have taken of it since.
func (about question) share(free int64) int64 {
	if about.resting {
		return about.keep
	}
	size := max(min((free-about.flying)/freeShare, about.lease), 1)
	return max(about.keep, min(free, about.flying+max(size, about.want)))
}

// closedHours returns what the ledger has of a window up to the hour before the
// present one. That changes seldom, and there may be much of it.
func (g *Gate) closedHours(ctx context.Context, about question, now time.Time) (closedHours, error) {
	before := models.HourOf(about.now) - hour
	if before <= about.start {
		return closedHours{}, nil
	}
	c := about.closed
	if c.before == before && now.Sub(c.at) < closedTrust {
		return c, nil
	}
	units, err := models.UsedUnits(ctx, g.o.DB, about.subscription, about.start, before)
	return closedHours{before, units, now}, err
}
