package sandbox

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/internal/clock"
)

// Options is what a Server needs. Only Path is required.
type Options struct {
	Path    string       // the SQLite file; ":memory:" for one that is gone at Close
	BaseURL string       // how browsers reach the server: "http://127.0.0.1:12111"; see SetBaseURL
	Wall    clock.Wall   // the machine's clock
	Log     *slog.Logger // nil: nothing is logged
	Rand    io.Reader    // where ids and secrets come from; nil: crypto/rand

	// Client sends webhooks and tells followers; nil: one that follows no
	// redirects and waits ten seconds. Give one with a Transport of your own, and
	// no socket is opened.
	Client *http.Client
	// Senders is how many webhooks are sent at once; 0: eight. With one they are
	// sent in the order of their events.
	Senders int
	// Defaults are the settings of accounts that have none of their own; nil: DefaultSettings.
	Defaults *AccountSettings
	// HoldWebhooks leaves webhooks unsent, for a caller who delivers what Webhooks
	// returns.
	HoldWebhooks bool
}

// A Server is one simulated Stripe with all its accounts. Its methods may be
// called from many goroutines at once.
type Server struct {
	writer, reader *sql.DB
	wall           clock.Wall
	business       clock.Business
	log            *slog.Logger
	client         *http.Client
	rand           io.Reader
	senders        int
	hold           bool // webhooks are not sent
	defaults       AccountSettings
	baseURL        atomic.Pointer[string]
	wake           chan struct{}
	kinds          map[string]kind
	timers         map[string]func(*tx, string) error
	onCustomerGone []func(*tx, *Customer) error
	handler        http.Handler

	running    turn       // one RunOnce at a time
	moving     turn       // one Advance at a time
	keysLock   sync.Mutex // guards keysBusy and keysOpened
	keysBusy   map[string]bool
	keysOpened map[string]home // by the hash of the key
	paceLock   sync.Mutex      // guards paces, paceRound and meterKeys
	paces      map[string]*pace
	paceRound  int // grows when settings change
	meterKeys  map[string]string
	randLock   sync.Mutex // guards rand
	logLock    sync.Mutex // guards unlogged
	faultLock  sync.Mutex // guards faults, delayed and held
	listenLock sync.Mutex // guards sessions and pokes
	sessions   map[string]*listenSession
	pokes      map[chan struct{}]bool
	unlogged   []loggedCall
	faults     []*injected
	delayed    map[int64]bool   // deliveries that a fault has delayed
	held       map[string]int64 // by endpoint, the delivery that waits for the next
	pruned     time.Time        // when prune last did something; guarded by running
}

// Open opens the file at o.Path, or makes it. The caller closes the Server.
func Open(ctx context.Context, o Options) (*Server, error) {
	writer, reader, err := openStore(ctx, o.Path)
	if err != nil {
		return nil, err
	}
	s := &Server{
		writer: writer, reader: reader, wall: o.Wall, business: clock.NewBusiness(o.Wall),
		log: o.Log, client: o.Client, rand: o.Rand, wake: make(chan struct{}, 1),
		senders: o.Senders, hold: o.HoldWebhooks, running: make(turn, 1), moving: make(turn, 1),
		kinds: kinds(), timers: timers(), onCustomerGone: customerGone(),
		paces: map[string]*pace{}, meterKeys: map[string]string{}, defaults: DefaultSettings(),
		keysBusy: map[string]bool{}, keysOpened: map[string]home{}, delayed: map[int64]bool{}, held: map[string]int64{},
		sessions: map[string]*listenSession{}, pokes: map[chan struct{}]bool{},
	}
	if s.fillIn(); o.Defaults != nil {
		s.defaults = *o.Defaults
	}
	s.SetBaseURL(o.BaseURL)
	s.handler = s.site()
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) fillIn() {
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.client == nil {
		s.client = defaultClient()
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	if s.senders <= 0 {
		s.senders = senders
	}
}

// prepare makes the tables and takes the clock up where it was left.
func (s *Server) prepare(ctx context.Context) error {
	if err := s.defaults.check(); err != nil {
		return fmt.Errorf("sandbox: the default settings: %w", err)
	}
	if err := s.upgrade(ctx); err != nil {
		return err
	}
	if _, err := s.writer.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("sandbox: make the tables: %w", err)
	}
	return s.takeUpClock(ctx)
}

// takeUpClock makes business time what the store says it is.
func (s *Server) takeUpClock(ctx context.Context) error {
	var text string
	err := s.read(ctx, "", func(t *tx) error {
		_, err := t.scan(`SELECT value FROM settings WHERE name = 'offset_ns'`, nil, &text)
		return err
	})
	if err != nil || text == "" {
		return err
	}
	offset, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("sandbox: the stored clock: %w", err)
	}
	s.business.SetOffset(time.Duration(offset))
	return nil
}

// Close ends the Server. Calls that are still running fail.
func (s *Server) Close() error {
	logged := s.flushLog(context.Background())
	if s.reader == s.writer {
		return errors.Join(logged, s.writer.Close())
	}
	return errors.Join(logged, s.reader.Close(), s.writer.Close())
}

// Handler serves the whole site: the API under /v1, and the pages.
func (s *Server) Handler() http.Handler { return s.handler }

// SetBaseURL says how browsers reach the server, for the URLs in answers. It is
// for servers that learn their port late.
func (s *Server) SetBaseURL(base string) {
	base = strings.TrimSuffix(base, "/")
	s.baseURL.Store(&base)
}

// url is the absolute address of a path on this server.
func (s *Server) url(path string) string { return *s.baseURL.Load() + path }

// Wake delivers a value whenever work may have become due before the instant
// that RunOnce named.
func (s *Server) Wake() <-chan struct{} { return s.wake }

func (s *Server) wakeUp() {
	s.poke()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// RunOnce does everything that is due by now: timers, then webhooks. It returns
// the wall time at which there is something to do again, zero when nothing is
// planned.
func (s *Server) RunOnce(ctx context.Context) (next time.Time, err error) {
	if err := s.running.take(ctx); err != nil {
		return time.Time{}, err
	}
	defer s.running.give()
	if err := s.fire(ctx, "", s.Now()); err != nil {
		return time.Time{}, err
	}
	if err := s.moveTestClocks(ctx); err != nil {
		return time.Time{}, err
	}
	if !s.hold {
		if err := s.deliver(ctx); err != nil {
			return time.Time{}, err
		}
	}
	if err := s.flushLog(ctx); err != nil {
		return time.Time{}, err
	}
	if err := s.prune(ctx); err != nil {
		return time.Time{}, err
	}
	return s.nextWork(ctx)
}

// nextWork is the wall time of the next timer or delivery.
func (s *Server) nextWork(ctx context.Context) (time.Time, error) {
	var due sql.NullInt64
	offset := s.Offset().Milliseconds()
	err := s.read(ctx, "", func(t *tx) error {
		_, err := t.scan(`SELECT MIN(at) FROM (
			SELECT MAX(due - ?, wall_after) AS at FROM timers WHERE clock = ''
			UNION ALL SELECT MAX(due - ?, wall_due) FROM deliveries WHERE state = 'owed' AND NOT ?)`,
			[]any{offset, offset, s.hold}, &due)
		return err
	})
	if err != nil || !due.Valid {
		return time.Time{}, err
	}
	return time.UnixMilli(due.Int64).UTC(), nil
}

// prune forgets what Stripe forgets: saved answers after a day, events after thirty.
func (s *Server) prune(ctx context.Context) error {
	now := s.Now()
	if now.Sub(s.pruned) < time.Hour {
		return nil
	}
	s.pruned = now
	return s.write(ctx, "", func(t *tx) error {
		old := now.Add(-eventLife).UnixMilli()
		return errors.Join(
			t.exec(`DELETE FROM idempotency WHERE created < ?`, now.Add(-idempotencyLife).UnixMilli()),
			t.exec(`DELETE FROM deliveries WHERE event IN (SELECT id FROM objects WHERE type IN ('event', 'v2.core.event') AND kept < ?)`, old),
			t.exec(`DELETE FROM objects WHERE type IN ('event', 'v2.core.event') AND kept < ?`, old),
			t.exec(`DELETE FROM requests WHERE at < ?`, old),
		)
	})
}
