package usage_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/testdb"
	"tollgate/migrations"
	"tollgate/models"
	"tollgate/usage"
)

// errLost is what a driver says when a connection is lost.
var errLost = &models.LedgerError{Outcome: models.Unknown, Err: errors.New("connection lost")}

// faulty runs a ledger whose writes have faults.
func (w *ledgerWorld) faulty(t testing.TB, faults func(write string) usage.Fault, change ...func(*usage.LedgerOptions)) *usage.Ledger {
	t.Helper()
	o := usage.LedgerOptions{DB: w.db, Wall: w.wall, Business: w.business, Kind: usage.KindGateway, Beat: time.Hour, Patience: 10 * time.Second}
	for _, c := range change {
		c(&o)
	}
	l := usage.NewLedger(o)
	l.Wrap(faults)
	w.run(t, l)
	return l
}

// hasty gives up soon, for tests in which nothing else happens for so long.
func hasty(o *usage.LedgerOptions) { o.Patience = 800 * time.Millisecond }

// A plan of faults for the writes to come; nothing happens to those after them.
type plan struct {
	mu   sync.Mutex
	then []usage.Fault
	on   bool
}

func (p *plan) begin(faults ...usage.Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.then, p.on = faults, true
}

func (p *plan) fault(string) usage.Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.on || len(p.then) == 0 {
		return usage.Fault{}
	}
	f := p.then[0]
	p.then = p.then[1:]
	return f
}

func TestACommitOfUnknownOutcomeIsSettled(t *testing.T) {
	t.Parallel()
	lost := usage.Fault{Before: errLost} // it did not happen
	deaf := usage.Fault{After: errLost}  // it happened, and nobody was told
	fail := usage.Fault{Before: &models.LedgerError{Outcome: models.Failed, Err: errors.New("no connection")}}
	busy := usage.Fault{Before: &models.LedgerError{Outcome: models.Again, Err: errors.New("deadlock")}}
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 2)
		for name, faults := range map[string][]usage.Fault{
			"lost": {lost}, "deaf": {deaf}, "lost, then lost": {lost, lost}, "lost, then deaf": {lost, deaf}, "deaf, then deaf": {deaf, deaf},
			"deaf, then lost, then no connection": {deaf, lost, fail}, "busy": {busy, busy, busy}, "busy, then deaf": {busy, deaf},
		} {
			var p plan
			l := w.faulty(t, p.fault)
			p.begin(faults...)
			c := w.call(w.subs[0])
			if err := l.Record(t.Context(), c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := l.Record(t.Context(), w.call(w.subs[0])); err != nil {
				t.Errorf("%s, afterwards: %v", name, err)
			}
			l.Close()
			w.holds(t, name, l.Writer(), 2, 2)
		}
		w.sound(t)
	})
}

// holds fails the test when a writer's rows do not add up to so many calls and units.
func (w *ledgerWorld) holds(t testing.TB, name, writer string, calls, units int64) {
	t.Helper()
	var c, q int64
	for _, r := range w.rows(t) {
		if r.Writer == writer {
			c, q = c+r.Calls, q+r.Quantity
		}
	}
	if c != calls || q != units {
		t.Errorf("%s: %d calls and %d units are in the ledger, want %d and %d", name, c, q, calls, units)
	}
}

func TestACommitThatCannotBeSettledIsNotBilled(t *testing.T) {
	t.Parallel()
	lost, deaf := usage.Fault{Before: errLost}, usage.Fault{After: errLost}
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 2)
		for name, first := range map[string]usage.Fault{"not landed": lost, "landed": deaf} {
			for again, second := range map[string]usage.Fault{"at once": {}, "after a lost void": lost, "after a deaf void": deaf} {
				var away atomic.Bool
				var p plan
				l := w.faulty(t, func(write string) usage.Fault {
					if f := p.fault(write); f != (usage.Fault{}) {
						return f
					}
					if away.Load() {
						return lost
					}
					return usage.Fault{}
				}, hasty)
				if err := l.Record(t.Context(), w.call(w.subs[0])); err != nil {
					t.Fatal(err)
				}
				p.begin(first)
				away.Store(true)
				var all sync.WaitGroup
				for i := range 10 {
					all.Go(func() {
						c := w.call(w.subs[i%2])
						c.Metered = i%4 < 2
						if err := l.Record(t.Context(), c); !errors.Is(err, usage.ErrNotRecorded) {
							t.Errorf("%s, %s: %v", name, again, err)
						}
					})
				}
				all.Wait()
				if l.Ready() == nil {
					t.Errorf("%s, %s: it takes calls although a commit is in doubt", name, again)
				}
				if err := l.Record(t.Context(), w.call(w.subs[0])); !errors.Is(err, usage.ErrNotRecorded) {
					t.Errorf("%s, %s: while in doubt: %v", name, again, err)
				}
				p.begin(second)
				away.Store(false)
				soon(t, l.Ready)
				if err := l.Record(t.Context(), w.call(w.subs[0])); err != nil {
					t.Errorf("%s, %s, afterwards: %v", name, again, err)
				}
				l.Close()
				w.billed(t, name+", "+again, l.Writer(), 2)
				w.agreesWithin(t, l.Writer())
			}
		}
		w.sound(t)
	})
}

// billed fails the test when a writer's units are not so many.
func (w *ledgerWorld) billed(t testing.TB, name, writer string, units int64) {
	t.Helper()
	var q int64
	for _, r := range w.rows(t) {
		if r.Writer == writer {
			q += r.Quantity
		}
		if r.Writer == writer && r.Reason != "" && r.Kind == models.LedgerCalls {
			calls, err := usage.Logged(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range calls {
				if c.Counted || !c.Undelivered {
					t.Errorf("%s: a row worth nothing has the call %+v", name, c)
				}
			}
		}
	}
	if q != units {
		t.Errorf("%s: %d units are in the ledger, want %d", name, q, units)
	}
}

// agreesWithin is agrees by the units of a writer as a whole.
func (w *ledgerWorld) agreesWithin(t testing.TB, writer string) {
	t.Helper()
	var memory, ledger int64
	err := w.db.NewSelect().Model((*models.GatewayCount)(nil)).ColumnExpr("COALESCE(SUM(quantity), 0)").Where("writer = ?", writer).Scan(context.Background(), &memory)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range w.rows(t) {
		if r.Writer == writer && r.Kind != models.LedgerCorrection {
			ledger += r.Quantity
		}
	}
	if memory != ledger {
		t.Errorf("the gateway counted %d units, the ledger's rows of calls have %d", memory, ledger)
	}
}

func TestACommitThatLandsLateIsRefused(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 1)
		var p plan
		l := w.faulty(t, p.fault)
		if err := l.Record(t.Context(), w.call(w.subs[0])); err != nil {
			t.Fatal(err)
		}
		late := w.rows(t)[0]
		l.Close()
		// The same row again, and one that overlaps: as a commit that was under way for long.
		if err := models.InsertLedgerRows(t.Context(), db, []models.LedgerRow{late}); err == nil {
			t.Error("a row was written twice")
		}
		w.sound(t)
	})
}

// A wire lies between a program and its database, and can be cut.
type wire struct {
	t       testing.TB
	target  string
	listen  net.Listener
	mu      sync.Mutex
	conns   []net.Conn
	down    atomic.Bool
	mute    atomic.Bool // what the database says is lost, and with it the connection
	refused atomic.Int64
}

func newWire(t testing.TB, target string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, target: target, listen: l}
	t.Cleanup(func() { l.Close(); w.cut() })
	go w.serve()
	return w
}

func (w *wire) serve() {
	for {
		c, err := w.listen.Accept()
		if err != nil {
			return
		}
		if w.down.Load() {
			w.refused.Add(1)
			c.Close()
			continue
		}
		d, err := net.Dial("tcp", w.target)
		if err != nil {
			c.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, c, d)
		w.mu.Unlock()
		go func() { _, _ = io.Copy(d, c); d.Close() }()
		go w.back(c, d)
	}
}

// back carries what the database says.
func (w *wire) back(c, d net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := d.Read(b)
		if err != nil || w.mute.Load() {
			c.Close()
			d.Close()
			return
		}
		if _, err := c.Write(b[:n]); err != nil {
			d.Close()
			return
		}
	}
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

// A database behind a wire is cut off under load, again and again: what was
// acknowledged is there, what was refused is not billed, and nothing is twice.
func TestADatabaseThatGoesAndComesBack(t *testing.T) {
	t.Parallel()
	for name, address := range testdb.URLs(t) {
		if name == "sqlite" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct, w := throughWire(t, address)
			world := newLedgerWorld(t, direct, 3)
			far := world.behind(t, w, address)
			l := usage.NewLedger(usage.LedgerOptions{DB: far, Wall: world.wall, Business: world.business, Kind: usage.KindGateway, Patience: time.Second, Beat: 100 * time.Millisecond})
			world.run(t, l)
			var stop atomic.Bool
			var recorded, refused atomic.Int64
			var all sync.WaitGroup
			for i := range 16 {
				all.Go(func() {
					for !stop.Load() {
						err := l.Record(context.Background(), world.call(world.subs[i%3]))
						switch {
						case err == nil:
							recorded.Add(1)
						case errors.Is(err, usage.ErrNotRecorded):
							refused.Add(1)
							time.Sleep(2 * time.Millisecond)
						default:
							t.Error(err)
						}
					}
				})
			}
			for round := range 12 {
				time.Sleep(150 * time.Millisecond)
				w.mute.Store(round%3 != 0)
				time.Sleep(5 * time.Millisecond)
				w.down.Store(round%2 == 0)
				w.cut()
				w.mute.Store(false)
				time.Sleep(time.Duration(round%4) * 600 * time.Millisecond)
				w.down.Store(false)
				soon(t, l.Ready)
			}
			stop.Store(true)
			all.Wait()
			l.Close()
			var units int64
			for _, s := range world.subs {
				_, _, q := world.sums(t, s)
				units += q
			}
			if units != recorded.Load() || recorded.Load() == 0 || refused.Load() == 0 {
				t.Errorf("%d calls were acknowledged and %d refused; the ledger bills %d", recorded.Load(), refused.Load(), units)
			}
			world.sound(t)
			world.agreesWithin(t, l.Writer())
			t.Logf("%d acknowledged, %d refused", recorded.Load(), refused.Load())
		})
	}
}

// throughWire opens the database at address, with its tables, and a wire to it.
func throughWire(t *testing.T, address string) (*bun.DB, *wire) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := models.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { direct.Close() })
	if err := migrations.Up(t.Context(), direct); err != nil {
		t.Fatal(err)
	}
	return direct, newWire(t, u.Host)
}

// behind opens the same database through a wire.
func (w *ledgerWorld) behind(t *testing.T, through *wire, address string) *bun.DB {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	far, err := models.Open(strings.Replace(address, u.Host, through.listen.Addr().String(), 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return far
}
