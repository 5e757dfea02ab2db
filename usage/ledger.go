package usage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"tollgate/internal/clock"
	"tollgate/models"
)

// The kinds of process that write to the ledger.
const (
	KindGateway = "gateway"
	KindPortal  = "portal" // takes in what other gateways report
)

// LedgerOptions are what a Ledger needs.
type LedgerOptions struct {
	DB       *bun.DB
	Wall     clock.Wall
	Business clock.Business
	Kind     string // KindGateway or KindPortal
	Name     string // of the machine
	Address  string // where it listens
	Log      *slog.Logger

	Patience time.Duration // how long a commit may be under way, and how long its outcome is asked for; 0: 3 s
	Beat     time.Duration // between two signs of life; 0: 2 s
}

// A Ledger writes the calls of one process into the database, many in one commit. A
// call waits for the commit of its group, and a group is what arrived while the one
// before was committed; so one call at a time takes one commit, and many at a time
// share it.
//
// Run must be running. While the database takes nothing, calls are refused at once,
// and Ready says why.
type Ledger struct {
	o       LedgerOptions
	writer  string
	started models.Instant
	counts  tally
	tell    atomic.Pointer[func() Figures]
	wake    chan struct{} // something is queued
	stop    chan struct{} // closed by Close
	closing sync.Once
	running atomic.Bool
	ended   chan struct{} // closed when Run returns

	mu      sync.Mutex
	queue   []*group       // oldest first; the last may take more calls
	spare   []entry        // the memory of a group that is done
	last    models.Instant // when the newest call happened
	refusal error          // why calls are refused at once; nil: they are taken

	// What follows belongs to Run.
	rows   store
	hurt   *wound          // why nothing can be written; nil: it can
	seqs   map[int64]int64 // the last sequence number of each subscription
	index  map[rowKey]int  // while rows are built
	ahead  map[int64]int64 // likewise
	beats  int
	ending bool
}

// A store is where the ledger is kept: a models.LedgerWriter.
type store interface {
	Insert(ctx context.Context, rows []models.LedgerRow) error
	InTx(ctx context.Context, fn func(ctx context.Context, tx bun.Tx) error) error
	Do(ctx context.Context, fn func(ctx context.Context, db bun.IDB) error) error
	Close()
}

// A group is the calls that are committed together. Its fields but done are read
// after done is closed.
type group struct {
	calls   []entry
	events  *eventBatch // instead of calls
	done    chan struct{}
	err     error
	refused map[int64]error // of single subscriptions, when err is nil
}

// An entry is a call and when it happened.
type entry struct {
	Call
	at models.Instant
}

const mostInGroup = 512

// Why calls are refused at once.
var (
	errNotRunning = errors.New("usage: the ledger has not started")
	errClosed     = errors.New("usage: the ledger is closed")
)

// NewLedger returns a ledger under a new writer's name.
func NewLedger(o LedgerOptions) *Ledger {
	if o.Patience == 0 {
		o.Patience = 3 * time.Second
	}
	if o.Beat == 0 {
		o.Beat = 2 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Ledger{
		o: o, writer: models.NewID(), started: models.At(o.Wall.Now()), rows: models.NewLedgerWriter(o.DB),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{}),
		refusal: errNotRunning, counts: newTally(),
		seqs: map[int64]int64{}, index: map[rowKey]int{}, ahead: map[int64]int64{},
	}
}

// Writer returns the name under which this process writes. No other start of any
// process has the same.
func (l *Ledger) Writer() string { return l.writer }

// Ready returns nil while calls can be recorded, and otherwise why they cannot. A
// gateway asks it before it passes a call on.
func (l *Ledger) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refusal
}

// Record implements Recorder. It does not heed the end of ctx: what the upstream has
// answered is recorded even when the client is gone, so nobody gets a call for
// nothing by hanging up. It waits for a few seconds at most.
func (l *Ledger) Record(_ context.Context, c Call) error {
	if c.Units < 0 || c.Units > MostUnits || c.Status < 0 || c.Status > mostStatus {
		return fmt.Errorf("%w: %d units, status %d", ErrNotRecorded, c.Units, c.Status)
	}
	g, at, err := l.join(c)
	if err != nil {
		return err
	}
	<-g.done
	if err = g.err; err == nil && g.refused != nil {
		err = g.refused[c.Subscription]
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	l.counts.call(c, at, l.o.Business)
	return nil
}

// join puts a call into the group that is being filled.
func (l *Ledger) join(c Call) (*group, models.Instant, error) {
	now := models.At(l.o.Business.Now())
	l.mu.Lock()
	if l.refusal != nil {
		err := l.refusal
		l.mu.Unlock()
		return nil, 0, fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	l.last = max(l.last, now)
	var g *group
	if n := len(l.queue); n > 0 && l.queue[n-1].events == nil && len(l.queue[n-1].calls) < mostInGroup {
		g = l.queue[n-1]
	}
	isNew := g == nil
	if isNew {
		g = &group{calls: l.spare[:0], done: make(chan struct{})}
		l.spare = nil
		l.queue = append(l.queue, g)
	}
	at := l.last
	g.calls = append(g.calls, entry{c, at})
	l.mu.Unlock()
	if isNew {
		l.ring()
	}
	return g, at, nil
}

// ring wakes Run.
func (l *Ledger) ring() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take returns the oldest group in the queue, nil when there is none, and whether
// there are more.
func (l *Ledger) take() (g *group, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return nil, false
	}
	g = l.queue[0]
	copy(l.queue, l.queue[1:])
	l.queue[len(l.queue)-1] = nil
	l.queue = l.queue[:len(l.queue)-1]
	return g, len(l.queue) > 0
}

// finish lets the calls of a group go.
func (l *Ledger) finish(g *group, err error) {
	g.err = err
	calls := g.calls
	g.calls = nil
	close(g.done)
	l.mu.Lock()
	if cap(calls) > cap(l.spare) {
		l.spare = calls
	}
	l.mu.Unlock()
}

// refuse makes calls be refused from now on, or taken again when why is nil.
func (l *Ledger) refuse(why error) {
	l.mu.Lock()
	l.refusal = why
	l.mu.Unlock()
}

// budget limits what is asked of the database. SQLite is a file: it is not asked to
// give up in the middle, because it never does anything else.
func (l *Ledger) budget(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithoutCancel(ctx)
	if l.o.DB.Dialect().Name() == dialect.SQLite {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, l.o.Patience)
}

// Close commits what is queued, says that this process has stopped, and waits for
// Run. Calls that come later are refused.
func (l *Ledger) Close() {
	l.closing.Do(func() { close(l.stop) })
	if l.running.Load() {
		<-l.ended
	}
}
