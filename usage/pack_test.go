package usage_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

// firstHour is the hour in which a ledgerWorld's clock begins.
var firstHour = models.At(noonOf) - models.At(noonOf)%3_600_000

// A scribe writes ledger rows as some gateway may have done.
type scribe struct {
	w    *ledgerWorld
	seqs map[string]int64
	rows []models.LedgerRow
	made int
}

// add writes a row of some calls into an hour, window and plan.
func (s *scribe) add(sub int, writer string, hour, second, calls, policy int, window bool) {
	key := fmt.Sprint(sub, writer)
	from := s.seqs[key]
	s.seqs[key] += int64(calls)
	todo := int64(models.ToPack)
	start := firstHour + models.Instant(hour)*3_600_000
	r := models.LedgerRow{
		SubscriptionID: s.w.subs[sub], Hour: start, Writer: writer, Epoch: 1, SeqFrom: from + 1, SeqTo: from + int64(calls), TenantID: s.w.tenant, APIID: s.w.api,
		PolicyID: s.w.policies[policy], FirstAt: start + models.Instant(second)*1000, RecordedAt: firstHour + models.Instant(s.made),
		Calls: int64(calls), Kind: models.LedgerCalls, Todo: &todo,
	}
	if window {
		r.WindowID = fmt.Sprintf("%d-%d-%d", s.w.subs[sub], hour, policy)
	}
	var detail []usage.DetailCall
	for i := range calls {
		s.made++
		c := usage.DetailCall{ID: usage.NewCallID(r.FirstAt.Time()), Offset: int64(i), Status: 200, Units: int64(s.made % 7), Flags: int64(s.made % 3)}
		if c.Flags&1 == 1 {
			r.Counted++
			r.Quantity += c.Units
		}
		detail = append(detail, c)
	}
	r.LastAt = r.FirstAt + models.Instant(calls-1)
	r.Detail = usage.WriteDetail(detail)
	s.rows = append(s.rows, r)
}

// correct writes a correction into an hour.
func (s *scribe) correct(sub int, writer string, hour int) {
	key := fmt.Sprint(sub, writer)
	s.seqs[key]++
	start := firstHour + models.Instant(hour)*3_600_000
	s.rows = append(s.rows, models.LedgerRow{
		SubscriptionID: s.w.subs[sub], Hour: start, Writer: writer, Epoch: 1, SeqFrom: s.seqs[key], SeqTo: s.seqs[key], TenantID: s.w.tenant, APIID: s.w.api,
		PolicyID: s.w.policies[0], FirstAt: start, LastAt: start, RecordedAt: start, Quantity: -1, Kind: models.LedgerCorrection, Reason: "why",
	})
}

// store writes the rows, and the windows that they are in.
func (s *scribe) store(t testing.TB) {
	t.Helper()
	windows := map[string]*models.UsageWindow{}
	for _, r := range s.rows {
		if r.WindowID == "" {
			continue
		}
		w := windows[r.WindowID]
		if w == nil {
			w = &models.UsageWindow{
				ID: r.WindowID, TenantID: r.TenantID, SubscriptionID: r.SubscriptionID, PolicyID: r.PolicyID, APIID: r.APIID, Account: "acct_1", CustomerID: "cus_1",
				EventName: "meter", StripeSubscriptionID: "sub_1", Start: r.Hour, End: r.Hour + 3_600_000, Identifier: r.WindowID, EventAt: r.Hour, State: models.WindowSent,
			}
			windows[r.WindowID] = w
		}
		w.Calls, w.Quantity = w.Calls+r.Calls, w.Quantity+r.Quantity
	}
	for _, w := range windows {
		if _, err := s.w.db.NewInsert().Model(w).Exec(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := models.InsertLedgerRows(context.Background(), s.w.db, s.rows); err != nil {
		t.Fatal(err)
	}
}

// A share is the calls that a packed row may hold together.
type shareKey struct {
	sub, hour, policy int64
	writer, window    string
	correction        bool
}

// shares adds up the ledger, and lists its single calls.
func (w *ledgerWorld) shares(t testing.TB) (map[shareKey][4]int64, map[string]bool) {
	t.Helper()
	sums, calls := map[shareKey][4]int64{}, map[string]bool{}
	for _, r := range w.rows(t) {
		k := shareKey{r.SubscriptionID, int64(r.Hour), r.PolicyID, r.Writer, r.WindowID, r.Kind == models.LedgerCorrection}
		s := sums[k]
		sums[k] = [4]int64{s[0] + r.Calls, s[1] + r.Counted, s[2] + r.Quantity, s[3] + r.SeqTo - r.SeqFrom + 1}
		logged, err := usage.Logged(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range logged {
			calls[fmt.Sprintf("%d %+v", r.SubscriptionID, c)] = true
		}
	}
	return sums, calls
}

// clear empties the ledger, as only a test may.
func (w *ledgerWorld) clear(t testing.TB) {
	t.Helper()
	var guard string
	if err := w.db.QueryRow("SELECT sql FROM sqlite_master WHERE name = 'usage_ledger_delete'").Scan(&guard); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"DROP TRIGGER usage_ledger_delete", "DELETE FROM usage_ledger", "DELETE FROM usage_windows", guard} {
		if _, err := w.db.ExecContext(context.Background(), "?", bun.Safe(sql)); err != nil {
			t.Fatal(err)
		}
	}
}

// An interrupter ends whatever runs after some statements.
type interrupter struct {
	left int
}

var errInterrupted = errors.New("interrupted")

func (i *interrupter) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context {
	i.left--
	if i.left < 0 {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(errInterrupted)
		return ctx
	}
	return ctx
}

func (*interrupter) AfterQuery(context.Context, *bun.QueryEvent) {}

func (w *ledgerWorld) packer() *usage.Packer {
	return &usage.Packer{DB: w.db, Wall: w.wall, Business: w.business}
}

// packAll packs until there is nothing to do.
func (w *ledgerWorld) packAll(t testing.TB) {
	t.Helper()
	for range 100 {
		next, err := w.packer().RunOnce(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if next.After(w.time()) {
			return
		}
	}
	t.Fatal("packing never ends")
}

func TestPackingKeepsEverySumWhereverItIsInterrupted(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 2)
	rapid.Check(t, func(rt *rapid.T) {
		w.clear(t)
		w.now = noonOf
		s := &scribe{w: w, seqs: map[string]int64{}}
		for _, sub := range []int{0, 1} {
			for _, writer := range []string{"a", "b"} {
				hour, second := 0, 0
				for range rapid.IntRange(0, 25).Draw(rt, "rows") {
					if second += rapid.IntRange(0, 3).Draw(rt, "seconds"); rapid.IntRange(0, 9).Draw(rt, "later") == 0 {
						hour, second = hour+1, 0
					}
					if rapid.IntRange(0, 12).Draw(rt, "correction") == 0 {
						s.correct(sub, writer, hour)
						continue
					}
					s.add(sub, writer, hour, second, rapid.IntRange(1, 5).Draw(rt, "calls"), rapid.IntRange(0, 1).Draw(rt, "policy"), rapid.Bool().Draw(rt, "window"))
				}
			}
		}
		if len(s.rows) == 0 {
			return
		}
		s.store(t)
		sums, calls := w.shares(t)
		check := func(when string, single bool) {
			now, all := w.shares(t)
			if !maps.Equal(now, sums) || single && !maps.Equal(all, calls) {
				rt.Fatalf("%s the sums are %v, they were %v", when, now, sums)
			}
			w.sound(t)
		}
		w.wait(30 * time.Hour)
		for _, keep := range []bool{true, false} {
			for range rapid.IntRange(0, 3).Draw(rt, "interruptions") {
				p := w.packer()
				p.DB = w.db.WithQueryHook(&interrupter{rapid.IntRange(0, 25).Draw(rt, "statements")})
				_, _ = p.RunOnce(context.Background())
				check("interrupted", keep)
			}
			w.packAll(t)
			check("packed", keep)
			if left := w.left(t); left != 0 && keep {
				rt.Fatalf("%d rows are not packed", left)
			}
			w.wait(36 * 24 * time.Hour)
		}
		if _, all := w.shares(t); len(all) != 0 {
			rt.Errorf("%d single calls are remembered for ever", len(all))
		}
		if n := len(w.rows(t)); n > len(s.rows) {
			rt.Errorf("%d rows became %d", len(s.rows), n)
		}
	})
}

// left returns how many rows are to be packed.
func (w *ledgerWorld) left(t testing.TB) int64 {
	t.Helper()
	n, err := w.db.NewSelect().Model((*models.LedgerRow)(nil)).Where("todo = ?", models.ToPack).Count(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAnHourBecomesFewRows(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 1)
		s := &scribe{w: w, seqs: map[string]int64{}}
		for i := range 900 {
			s.add(0, "a", 0, i, 3, 0, i < 450)
		}
		s.add(0, "a", 2, 0, 1, 0, false) // of an hour that is not over
		s.store(t)
		sums, calls := w.shares(t)
		w.packAll(t)
		if n := len(w.rows(t)); n != 901 {
			t.Errorf("%d rows while the hour is not over", n)
		}
		w.wait(76 * time.Minute)
		var all sync.WaitGroup
		for range 3 { // several processes at once
			all.Go(func() { w.packAll(t) })
		}
		all.Wait()
		w.packAll(t)
		now, same := w.shares(t)
		if !maps.Equal(now, sums) || !maps.Equal(same, calls) {
			t.Errorf("the sums are %v, they were %v", now, sums)
		}
		if n := len(w.rows(t)); n > 6 {
			t.Errorf("%d rows are left", n)
		}
		w.sound(t)
		w.wait(36 * 24 * time.Hour)
		w.packAll(t)
		if now, same = w.shares(t); !maps.Equal(now, sums) || len(same) != 0 {
			t.Errorf("the sums are %v, they were %v; %d single calls are left", now, sums, len(same))
		}
		if n := len(w.rows(t)); n != 3 {
			t.Errorf("%d rows are left of two windows and a lone call", n)
		}
		w.sound(t)
	})
}
