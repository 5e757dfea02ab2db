package usage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// work is what one commit writes.
type work struct {
	rows   []models.LedgerRow
	events []models.UsageEvent
}

// insert writes w in a transaction of its own.
func (w work) insert(ctx context.Context, tx bun.Tx) error {
	if err := models.InsertUsageEvents(ctx, tx, w.events); err != nil {
		return err
	}
	return models.InsertLedgerRows(ctx, tx, w.rows)
}

// apart is w for each subscription alone.
func (w work) apart() map[int64]work {
	parts := map[int64]work{}
	for _, r := range w.rows {
		p := parts[r.SubscriptionID]
		p.rows = append(p.rows, r)
		parts[r.SubscriptionID] = p
	}
	return parts
}

// epoch is the first epoch of a writer. As each start of a process is a new writer,
// none has had another yet.
const epoch = 1

// A rowKey is what calls have to share to be in one row.
type rowKey struct {
	subscription, policy, api int64
	tenant                    models.TenantID
	second                    models.Instant
	metered                   bool
}

// startOfHour returns the start of the UTC hour of an instant.
func startOfHour(at models.Instant) models.Instant { return at - at%models.Instant(hourLength) }

func (e *entry) key() rowKey {
	return rowKey{e.Subscription, e.Policy, e.API, e.Tenant, e.at - e.at%1000, e.Metered}
}

// detail is the call as details hold it, in a row that begins at from.
func (e *entry) detail(from models.Instant) detailCall {
	var flags int64
	if e.Counted {
		flags |= flagCounted
	}
	if e.Sandbox {
		flags |= flagSandbox
	}
	took := min(max(e.Took, 0), mostTook)
	return detailCall{e.ID, int64(e.at - from), int64(e.Status), e.Units, took.Milliseconds(), flags}
}

// build makes the rows of calls that are in the order of time, numbered as the next
// of their subscriptions.
func (l *Ledger) build(calls []entry) []models.LedgerRow {
	clear(l.index)
	clear(l.ahead)
	rows := make([]models.LedgerRow, 0, 4)
	recorded := models.At(l.o.Wall.Now())
	var lastKey rowKey
	at := -1 // the row of the call before
	for i := range calls {
		c := &calls[i]
		if key := c.key(); at < 0 || key != lastKey {
			known := false
			if at, known = l.index[key]; !known {
				at = len(rows)
				l.index[key] = at
				rows = append(rows, l.begin(c, recorded, len(calls)-i))
			}
			lastKey = key
		}
		r := &rows[at]
		r.LastAt = c.at
		r.Calls++
		if c.Counted {
			r.Counted++
			r.Quantity += c.Units
		}
		r.Detail = appendDetail(r.Detail, c.detail(r.FirstAt))
	}
	for i := range rows {
		r := &rows[i]
		from := l.seqs[r.SubscriptionID] + l.ahead[r.SubscriptionID]
		r.SeqFrom, r.SeqTo = from+1, from+r.Calls
		l.ahead[r.SubscriptionID] += r.Calls
	}
	return rows
}

// begin returns the row that c is the first call of.
func (l *Ledger) begin(c *entry, recorded models.Instant, expect int) models.LedgerRow {
	todo := int64(models.ToPack)
	if c.Metered {
		todo = models.ToSend
	}
	return models.LedgerRow{
		SubscriptionID: c.Subscription, Hour: startOfHour(c.at), Writer: l.writer, Epoch: epoch,
		TenantID: c.Tenant, APIID: c.API, PolicyID: c.Policy, FirstAt: c.at, RecordedAt: recorded,
		Kind: models.LedgerCalls, Todo: &todo, Detail: make([]byte, 0, min(expect, 64)*28),
	}
}

// undelivered is the reason of rows whose calls were answered with 503 because
// nobody knew whether they were written down.
const undelivered = "answered with 503, never delivered"

// errTorn says that the database did what databases do not do.
var errTorn = errors.New("usage: a commit was found to have happened in part")

// settle finds out whether w, whose commit may have happened, is in the database, and
// puts it there if it is not: the same keys are inserted again, so that a commit that
// comes late fails. It returns nil once w is there.
func (l *Ledger) settle(ctx context.Context, w work) error {
	var err error
	enough := time.NewTimer(l.o.Patience)
	defer enough.Stop()
	for {
		ctx, cancel := l.budget(ctx)
		err = l.rows.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
			landed, err := w.landed(ctx, tx)
			if err != nil || landed {
				return err
			}
			return w.insert(ctx, tx)
		})
		cancel()
		if err == nil || errors.Is(err, errTorn) {
			return err
		}
		select {
		case <-enough.C:
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// landed reports whether w is in the database, row for row.
func (w work) landed(ctx context.Context, tx bun.Tx) (bool, error) {
	n := 0
	for _, r := range w.rows {
		old, err := models.LedgerRowsCovering(ctx, tx, r)
		switch {
		case err != nil:
			return false, err
		case len(old) == 0:
		case len(old) == 1 && same(old[0], r):
			n++
		default:
			return false, fmt.Errorf("%w: subscription %d from %d to %d", errTorn, r.SubscriptionID, r.SeqFrom, r.SeqTo)
		}
	}
	if n != 0 && n != len(w.rows) {
		return false, fmt.Errorf("%w: %d of %d rows", errTorn, n, len(w.rows))
	}
	return n > 0, nil
}

// same reports whether two rows are the same but for what became of them since.
func same(a, b models.LedgerRow) bool {
	return a.SubscriptionID == b.SubscriptionID && a.Hour == b.Hour && a.Writer == b.Writer && a.Epoch == b.Epoch &&
		a.SeqFrom == b.SeqFrom && a.SeqTo == b.SeqTo && a.TenantID == b.TenantID && a.APIID == b.APIID && a.PolicyID == b.PolicyID &&
		a.FirstAt == b.FirstAt && a.LastAt == b.LastAt && a.RecordedAt == b.RecordedAt && a.Calls == b.Calls &&
		a.Counted == b.Counted && a.Quantity == b.Quantity && a.Kind == b.Kind && a.Reason == b.Reason && bytes.Equal(a.Detail, b.Detail)
}

// disown puts w in order, whose callers were told that it was not recorded although
// it may have been. Rows that are not there are put there as worth nothing, under the
// same keys, so that a commit that comes late fails. What is there is taken back by a
// correction, unless it is events: who reported them reports them again and is told
// that they are known.
func (l *Ledger) disown(ctx context.Context, w work) error {
	ctx, cancel := l.budget(ctx)
	defer cancel()
	var void, fixes []models.LedgerRow
	var counted []models.LedgerRow // that turned out to be written
	err := l.rows.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		void, fixes, counted = nil, nil, nil
		for _, r := range w.rows {
			old, err := models.LedgerRowsCovering(ctx, tx, r)
			if err != nil {
				return err
			}
			if len(old) == 0 {
				void = append(void, worthless(r))
				continue
			}
			units, err := unitsWithin(old[0], r)
			if err != nil {
				return err
			}
			if units == 0 {
				continue
			}
			counted = append(counted, r)
			if len(w.events) == 0 {
				fixes = append(fixes, correction(r, -units))
			}
		}
		number(fixes, w.rows)
		if err := models.InsertLedgerRows(ctx, tx, void); err != nil || len(fixes) == 0 {
			return err
		}
		done, err := models.LedgerRowExists(ctx, tx, fixes[0]) // by an attempt before this one
		if err != nil || done {
			return err
		}
		return models.InsertLedgerRows(ctx, tx, fixes)
	})
	if err != nil {
		return err
	}
	l.advance(w.rows)
	l.advance(fixes)
	for i := range counted {
		l.counts.row(&counted[i], l.o.Business)
	}
	return nil
}

// worthless returns r with the same keys and calls, none of which counts.
func worthless(r models.LedgerRow) models.LedgerRow {
	var detail []byte
	err := readDetail(r.Detail, func(c detailCall) {
		c.flags = c.flags&^flagCounted | flagUndelivered
		detail = appendDetail(detail, c)
	})
	if err != nil { // it is a detail that this process wrote a moment ago
		panic(err)
	}
	todo := int64(models.ToPack)
	r.Counted, r.Quantity, r.Reason, r.Todo, r.Detail = 0, 0, undelivered, &todo, detail
	return r
}

// unitsWithin returns how many units the calls of r are worth in the row old, which
// is r itself, r worth nothing, or a packed row with the calls of r.
func unitsWithin(old, r models.LedgerRow) (int64, error) {
	if old.Kind == models.LedgerCalls || old.Detail == nil {
		return min(old.Quantity, r.Quantity), nil
	}
	mine := make(map[CallID]bool, r.Calls)
	if err := readDetail(r.Detail, func(c detailCall) { mine[c.id] = true }); err != nil {
		return 0, err
	}
	var units int64
	err := readDetail(old.Detail, func(c detailCall) {
		if mine[c.id] && c.counts() {
			units += c.units
		}
	})
	return units, err
}

// correction takes units from the hour and plan of r.
func correction(r models.LedgerRow, units int64) models.LedgerRow {
	r.Kind, r.Reason, r.LastAt, r.Detail = models.LedgerCorrection, undelivered, r.FirstAt, nil
	r.Calls, r.Counted, r.Quantity = 0, 0, units
	if r.Todo != nil && *r.Todo != models.ToSend {
		r.Todo = nil
	}
	return r
}

// number gives corrections the sequence numbers that follow those of rows.
func number(fixes, rows []models.LedgerRow) {
	last := map[int64]int64{}
	for i := range rows {
		last[rows[i].SubscriptionID] = rows[i].SeqTo
	}
	for i := range fixes {
		f := &fixes[i]
		last[f.SubscriptionID]++
		f.SeqFrom, f.SeqTo = last[f.SubscriptionID], last[f.SubscriptionID]
	}
}
