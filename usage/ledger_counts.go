package usage

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/models"
)

// A tally counts calls in memory, beside the ledger and without looking at it, so
// that the two can be compared.
type tally struct {
	mu sync.RWMutex
	of map[tallyKey]*tallied
}

type tallyKey struct {
	tenant               models.TenantID
	subscription, policy int64
	hour                 models.Instant
}

// A tallied is what was counted in one hour. What belongs to the flush is read and
// written by Run alone.
type tallied struct {
	calls, quantity, refused atomic.Int64

	// Of the flush:
	resumed bool                // another was stored before it was dropped from memory
	base    models.GatewayCount // what that one had
	stored  [3]int64            // what was stored last of calls, quantity and refused
}

func newTally() tally { return tally{of: map[tallyKey]*tallied{}} }

// at returns what counts under key.
func (t *tally) at(key tallyKey, business clock.Business) *tallied {
	t.mu.RLock()
	c := t.of[key]
	t.mu.RUnlock()
	if c != nil {
		return c
	}
	// Only hours that are over are ever dropped, so only those may have been here before.
	old := business.Now().UnixMilli() >= int64(key.hour)+hourLength
	t.mu.Lock()
	defer t.mu.Unlock()
	if c = t.of[key]; c == nil {
		c = &tallied{resumed: old}
		t.of[key] = c
	}
	return c
}

// call counts a call that was recorded.
func (t *tally) call(c Call, at models.Instant, business clock.Business) {
	n := t.at(tallyKey{c.Tenant, c.Subscription, c.Policy, startOfHour(at)}, business)
	n.calls.Add(1)
	if c.Counted {
		n.quantity.Add(c.Units)
	}
}

// row counts a row that was found to be written after all.
func (t *tally) row(r *models.LedgerRow, business clock.Business) {
	n := t.at(tallyKey{r.TenantID, r.SubscriptionID, r.PolicyID, r.Hour}, business)
	n.calls.Add(r.Calls)
	n.quantity.Add(r.Quantity)
}

// Refused counts a call that the limits of a plan turned away.
func (l *Ledger) Refused(tenant models.TenantID, subscription, policy int64) {
	hour := startOfHour(models.At(l.o.Business.Now()))
	l.counts.at(tallyKey{tenant, subscription, policy, hour}, l.o.Business).refused.Add(1)
}

// A changedCount is a count that is not stored as it is.
type changedCount struct {
	of  *tallied
	now [3]int64
	row models.GatewayCount
}

// changed returns the counts that are not stored as they are.
func (t *tally) changed(writer string) []changedCount {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var cs []changedCount
	for k, c := range t.of {
		now := [3]int64{c.calls.Load(), c.quantity.Load(), c.refused.Load()}
		if now == c.stored {
			continue
		}
		cs = append(cs, changedCount{c, now, models.GatewayCount{
			Writer: writer, SubscriptionID: k.subscription, PolicyID: k.policy, Hour: k.hour, TenantID: k.tenant,
		}})
	}
	return cs
}

// drop forgets the counts of hours that ended before then and are stored.
func (t *tally) drop(before time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, c := range t.of {
		now := [3]int64{c.calls.Load(), c.quantity.Load(), c.refused.Load()}
		if int64(k.hour)+hourLength < before.UnixMilli() && now == c.stored {
			delete(t.of, k)
		}
	}
}

// storeCounts stores what was counted since the last time.
func (l *Ledger) storeCounts(ctx context.Context) error {
	for chunk := range slices.Chunk(l.counts.changed(l.writer), 200) {
		err := l.do(ctx, func(ctx context.Context, db bun.IDB) error {
			rows := make([]models.GatewayCount, 0, len(chunk))
			for i := range chunk {
				c := &chunk[i]
				if c.of.resumed {
					base, err := models.GatewayCountOf(ctx, db, c.row)
					if err != nil {
						return err
					}
					c.of.base, c.of.resumed = base, false
				}
				c.row.Calls, c.row.Quantity, c.row.Refused = c.of.base.Calls+c.now[0], c.of.base.Quantity+c.now[1], c.of.base.Refused+c.now[2]
				rows = append(rows, c.row)
			}
			return models.SaveGatewayCounts(ctx, db, rows)
		})
		if err != nil {
			return err
		}
		for _, c := range chunk {
			c.of.stored = c.now
		}
	}
	l.counts.drop(l.o.Business.Now().Add(-time.Hour))
	return nil
}
