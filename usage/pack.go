package usage

import (
	"context"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/models"
)

// A Packer keeps the ledger small. Rows of hours that are over are packed together,
// and once they are old only their sums are kept. It can be stopped at any instant
// and any number of processes may pack at once: each step is one transaction, in
// which the database itself compares the sums.
type Packer struct {
	DB       *bun.DB
	Wall     clock.Wall
	Business clock.Business
	Log      *slog.Logger // nil: nothing is logged

	After time.Duration // how long after its end an hour is packed, business time; 0: 15 minutes
	Keep  time.Duration // how long single calls are kept, business time; 0: 35 days
}

const (
	packAfter   = 15 * time.Minute
	packKeep    = 35 * 24 * time.Hour
	mostPacked  = 2000 // calls in one row, as long as they are kept one by one
	packAtOnce  = 512  // rows in one transaction, for which other writers wait
	spansAtOnce = 100  // hours of subscriptions in one run
	packPause   = time.Minute
	eventsKept  = EventAge + 2*24*time.Hour // longer than any event may be reported
	eventsGone  = 1000                      // in one statement
)

// RunOnce packs and forgets what is due, and says at which wall time to look again.
func (p *Packer) RunOnce(ctx context.Context) (next time.Time, err error) {
	now := p.Business.Now()
	more := false
	for _, step := range []struct {
		todo   int
		before time.Time
		make   func(run) (models.LedgerRow, bool)
	}{
		{models.ToPack, now.Add(-orElse(p.After, packAfter)), p.pack},
		{models.ToForget, now.Add(-orElse(p.Keep, packKeep)), forget},
	} {
		full, err := p.spans(ctx, step.todo, step.before.Add(-time.Hour), step.make)
		if err != nil {
			return time.Time{}, err
		}
		more = more || full
	}
	full, err := p.events(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if more || full {
		return p.Wall.Now(), nil
	}
	return p.Wall.Now().Add(packPause), nil
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// spans goes through the hours that began at or before through, and reports whether
// there are more than it went through.
func (p *Packer) spans(ctx context.Context, todo int, through time.Time, pack func(run) (models.LedgerRow, bool)) (more bool, err error) {
	var at models.LedgerSpan
	for range spansAtOnce {
		span, is, err := models.NextLedgerSpan(ctx, p.DB, todo, at, models.At(through)+1)
		if err != nil || !is {
			return false, err
		}
		if err := p.span(ctx, span, todo, pack); err != nil {
			return false, err
		}
		at = span
	}
	return true, nil
}

// span goes through the rows of an hour of a subscription.
func (p *Packer) span(ctx context.Context, span models.LedgerSpan, todo int, pack func(run) (models.LedgerRow, bool)) error {
	var after models.LedgerRow
	for {
		rows, err := models.LedgerRowsToDo(ctx, p.DB, span, todo, after, todo == models.ToPack, packAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1]
		err = models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
			for _, r := range runs(rows, todo == models.ToPack) {
				if err := r.replace(ctx, tx, todo, pack); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// A run is rows that one packed row can cover.
type run []models.LedgerRow

// runs cuts rows, which are in the order of their numbers, where one packed row
// cannot cover two neighbours, or would have too many single calls.
func runs(rows []models.LedgerRow, single bool) []run {
	var all []run
	from, calls := 0, int64(0)
	for i := range rows {
		if i > from {
			a, b := &rows[i-1], &rows[i]
			if !adjoin(a, b) || (single && calls+b.Calls > mostPacked) {
				all = append(all, rows[from:i])
				from, calls = i, 0
			}
		}
		calls += rows[i].Calls
	}
	return append(all, rows[from:])
}

func adjoin(a, b *models.LedgerRow) bool {
	return a.Writer == b.Writer && a.Epoch == b.Epoch && b.SeqFrom == a.SeqTo+1 &&
		a.TenantID == b.TenantID && a.APIID == b.APIID && a.PolicyID == b.PolicyID && a.WindowID == b.WindowID &&
		a.Kind != models.LedgerCorrection && b.Kind != models.LedgerCorrection
}

// replace does what there is to do with the rows of r.
func (r run) replace(ctx context.Context, tx bun.Tx, todo int, pack func(run) (models.LedgerRow, bool)) error {
	if len(r) > 1 {
		if packed, ok := pack(r); ok {
			_, err := models.PackLedgerRows(ctx, tx, r[0], packed, int64(len(r)))
			return err
		}
	}
	for _, row := range r {
		var err error
		if todo == models.ToPack {
			_, err = models.KeepLedgerRow(ctx, tx, row)
		} else {
			_, err = models.ForgetLedgerRow(ctx, tx, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sum returns one row that covers those of r, without their detail.
func (r run) sum() models.LedgerRow {
	s := r[0]
	s.Kind, s.Reason, s.Todo, s.Detail = models.LedgerPacked, "", nil, nil
	for _, row := range r[1:] {
		s.SeqTo = row.SeqTo
		s.FirstAt, s.LastAt, s.RecordedAt = min(s.FirstAt, row.FirstAt), max(s.LastAt, row.LastAt), max(s.RecordedAt, row.RecordedAt)
		s.Calls, s.Counted, s.Quantity = s.Calls+row.Calls, s.Counted+row.Counted, s.Quantity+row.Quantity
	}
	return s
}

// pack makes the row that covers r and has all its calls. It reports false when it
// cannot read them; then they stay as they are.
func (p *Packer) pack(r run) (models.LedgerRow, bool) {
	s := r.sum()
	todo := int64(models.ToForget)
	s.Todo = &todo
	size := 0
	for _, row := range r {
		size += len(row.Detail) + int(row.Calls)
	}
	s.Detail = make([]byte, 0, size)
	for _, row := range r {
		err := readDetail(row.Detail, func(c detailCall) {
			c.offset += int64(row.FirstAt - s.FirstAt)
			s.Detail = appendDetail(s.Detail, c)
		})
		if err != nil {
			if p.Log != nil {
				p.Log.Error("a ledger row is not packed", "subscription", row.SubscriptionID, "writer", row.Writer, "from", row.SeqFrom, "error", err)
			}
			return s, false
		}
	}
	return s, true
}

// forget makes the row that covers r and has its sums only.
func forget(r run) (models.LedgerRow, bool) { return r.sum(), true }

// events forgets those events that are too old to be reported again, and reports
// whether there may be more.
func (p *Packer) events(ctx context.Context) (more bool, err error) {
	var n int64
	err = models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		var err error
		n, err = models.ForgetUsageEvents(ctx, tx, models.At(p.Wall.Now().Add(-eventsKept)), eventsGone)
		return err
	})
	return n == eventsGone, err
}
