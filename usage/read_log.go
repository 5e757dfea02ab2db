package usage

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"iter"
	"slices"
	"time"

	"tollgate/internal/fault"
	"tollgate/models"
)

// A CallOutcome narrows a log of calls.
type CallOutcome string

// The outcomes of calls.
const (
	AnyOutcome CallOutcome = ""
	Counted    CallOutcome = "counted"
	Uncounted  CallOutcome = "uncounted" // it does not count: the upstream failed, or the answer was not delivered
)

// MostCallsPerPage is how many calls a page of a log has at most.
const MostCallsPerPage = 100

// A CallQuery asks for single calls of one subscription.
type CallQuery struct {
	Tenant       models.TenantID
	Subscription int64
	From, To     time.Time // business time, To excluded; zero: no limit
	Outcome      CallOutcome
	Cursor       string // Next of the page before; "": the newest calls
	Limit        int    // at most MostCallsPerPage; 0: that many
}

// A CallPage is a part of a log, newest calls first.
type CallPage struct {
	Calls     []LoggedCall
	Next      string // cursor of the next page; "": this is the last. A page may be short, or empty, and not the last
	Forgotten bool   // there are calls, older than the last one here, of which only sums are kept
}

// How much of the ledger is read for one page: enough to find a page of calls in most
// cases, little enough that a rare outcome does not make a page slow.
const (
	rowsAtFirst = 4
	rowsAtOnce  = 64
	rowsPerPage = 400
)

// Calls returns a page of the log.
func (r *Reports) Calls(ctx context.Context, q CallQuery) (CallPage, error) {
	limit := q.Limit
	if limit <= 0 || limit > MostCallsPerPage {
		limit = MostCallsPerPage
	}
	p, err := r.log(q)
	if err != nil {
		return CallPage{}, err
	}
	if err := p.around(ctx); err != nil {
		return CallPage{}, err
	}
	for len(p.page.Calls) <= limit && !p.over {
		if err := p.more(ctx, limit); err != nil {
			return CallPage{}, err
		}
	}
	if len(p.page.Calls) > limit {
		p.page.Calls = p.page.Calls[:limit]
		last := p.page.Calls[limit-1]
		p.page.Next = callPlace{models.At(last.At), last.ID}.cursor()
		p.page.Forgotten = false
	}
	return p.page, nil
}

// AllCalls returns all calls of the log, newest first, whatever q's Limit is.
func (r *Reports) AllCalls(ctx context.Context, q CallQuery) iter.Seq2[LoggedCall, error] {
	return func(yield func(LoggedCall, error) bool) {
		q.Limit = MostCallsPerPage
		for {
			page, err := r.Calls(ctx, q)
			if err != nil {
				yield(LoggedCall{}, err)
				return
			}
			for _, c := range page.Calls {
				if !yield(c, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			q.Cursor = page.Next
		}
	}
}

// A callPlace is a place in a log: before the call at that time with that id.
type callPlace struct {
	at models.Instant
	id CallID
}

var lastID = CallID(bytes.Repeat([]byte{0xff}, 16))

func (p callPlace) cursor() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(p.at)) //nolint:gosec // read back as it was
	return base64.RawURLEncoding.EncodeToString(append(b, p.id[:]...))
}

func placeOf(cursor string) (callPlace, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) != 24 {
		return callPlace{}, fault.New(fault.Malformed, "This page of the log cannot be found. Please start from the first page.")
	}
	return callPlace{models.Instant(binary.BigEndian.Uint64(b)), CallID(b[8:])}, nil //nolint:gosec // written by cursor
}

// A logReader collects a page. Calls are final once no unread row can have newer ones.
type logReader struct {
	r     *Reports
	q     CallQuery
	rows  models.LedgerLog
	place callPlace      // calls at or after it were on pages before
	end   models.Instant // rows that end before it are not read yet
	pool  []LoggedCall   // read and not final
	read  int            // rows
	over  bool
	page  CallPage
}

func (r *Reports) log(q CallQuery) (*logReader, error) {
	p := &logReader{r: r, q: q, rows: models.LedgerLog{
		Tenant: q.Tenant, Subscription: q.Subscription, Counted: q.Outcome == Counted, Uncounted: q.Outcome == Uncounted,
	}}
	to := r.Business.Now().Add(EventAhead + time.Hour)
	if !q.To.IsZero() {
		to = q.To
	}
	p.place = callPlace{models.At(to) - 1, lastID}
	if q.Cursor != "" {
		at, err := placeOf(q.Cursor)
		if err != nil {
			return nil, err
		}
		if at.at < p.place.at || at.at == p.place.at && bytes.Compare(at.id[:], p.place.id[:]) < 0 {
			p.place = at
		}
	}
	p.end = p.place.at + 1
	return p, nil
}

// around reads the rows that the place lies in.
func (p *logReader) around(ctx context.Context) error {
	packable := startOfHour(p.place.at)+models.Instant(hourLength) < models.At(p.r.Business.Now())
	rows, err := models.LedgerRowsAround(ctx, p.r.DB, p.rows, p.place.at, packable)
	if err != nil {
		return err
	}
	return p.put(rows)
}

// more reads on, and moves what is final to the page.
func (p *logReader) more(ctx context.Context, limit int) error {
	n := rowsAtOnce
	if p.read == 0 {
		n = rowsAtFirst
	}
	if err := p.fetch(ctx, n); err != nil {
		return err
	}
	p.read += n
	slices.SortFunc(p.pool, newestFirst)
	final := 0
	for final < len(p.pool) && (p.over || models.At(p.pool[final].At) >= p.end) {
		final++
	}
	p.page.Calls = append(p.page.Calls, p.pool[:final]...)
	p.pool = slices.Delete(p.pool, 0, final)
	if !p.over && p.read >= rowsPerPage && len(p.page.Calls) <= limit {
		p.over = true
		p.page.Next = callPlace{p.end - 1, lastID}.cursor()
	}
	return nil
}

// fetch reads the next rows, all of those that end at the same instant.
func (p *logReader) fetch(ctx context.Context, n int) error {
	rows, err := models.LedgerRowsBefore(ctx, p.r.DB, p.rows, p.end, n)
	if err != nil {
		return err
	}
	if p.over = len(rows) < n; !p.over {
		p.end = rows[n-1].LastAt
		rows = slices.DeleteFunc(rows, func(r models.LedgerRow) bool { return r.LastAt == p.end })
		last, err := models.LedgerRowsEndingAt(ctx, p.r.DB, p.rows, p.end)
		if err != nil {
			return err
		}
		rows = append(rows, last...)
		p.over = p.end <= models.At(p.q.From)
	}
	return p.put(rows)
}

// put adds those calls of rows to the pool that were asked for.
func (p *logReader) put(rows []models.LedgerRow) error {
	from := models.At(p.q.From)
	for _, row := range rows {
		if row.Detail == nil {
			p.page.Forgotten = p.page.Forgotten || row.LastAt >= from
			continue
		}
		calls, err := logged(row)
		if err != nil {
			return err
		}
		for _, c := range calls {
			at := models.At(c.At)
			counts := c.Counted
			switch {
			case at < from, at > p.place.at, at == p.place.at && bytes.Compare(c.ID[:], p.place.id[:]) >= 0:
			case p.q.Outcome == Counted && !counts, p.q.Outcome == Uncounted && counts:
			default:
				p.pool = append(p.pool, c)
			}
		}
	}
	return nil
}

func newestFirst(a, b LoggedCall) int {
	if c := b.At.Compare(a.At); c != 0 {
		return c
	}
	return bytes.Compare(b.ID[:], a.ID[:])
}
