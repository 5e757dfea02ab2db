package usage_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

// fill writes a month of packed calls for each subscription of w.
func (w *ledgerWorld) fill(t testing.TB, calls int) {
	t.Helper()
	ctx := context.Background()
	if _, err := w.db.Exec("DROP TRIGGER usage_ledger_insert"); err != nil {
		t.Fatal(err)
	}
	const hours = 720
	perHour := calls / len(w.subs) / hours
	var rows []models.LedgerRow
	for _, sub := range w.subs {
		seq := int64(0)
		for hour := range hours {
			start := firstHour - models.Instant(hours-hour)*3_600_000
			for left := perHour; left > 0; left -= 2000 {
				n := min(left, 2000)
				rows = append(rows, w.packed(sub, start, seq, n, (perHour-left)*3_600_000/perHour, 3_600_000/perHour))
				seq += int64(n)
			}
			if len(rows) > 100 {
				if err := models.InsertLedgerRows(ctx, w.db, rows); err != nil {
					t.Fatal(err)
				}
				rows = rows[:0]
			}
		}
	}
	if err := models.InsertLedgerRows(ctx, w.db, rows); err != nil {
		t.Fatal(err)
	}
}

// packed is a packed row of n calls.
func (w *ledgerWorld) packed(sub int64, hour models.Instant, seq int64, n, after, every int) models.LedgerRow {
	todo := int64(models.ToForget)
	detail := make([]usage.DetailCall, n)
	id := usage.NewCallID(hour.Time())
	for i := range detail {
		id[15], id[14], id[13] = byte(i), byte(i>>8), byte(seq)
		detail[i] = usage.DetailCall{ID: id, Offset: int64(i * every), Status: 200, Units: 1, Flags: 1, Took: 12}
	}
	first := hour + models.Instant(after)
	return models.LedgerRow{
		SubscriptionID: sub, Hour: hour, Writer: "0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", Epoch: 1, SeqFrom: seq + 1, SeqTo: seq + int64(n), TenantID: w.tenant, APIID: w.api,
		PolicyID: w.policies[0], FirstAt: first, LastAt: first + models.Instant((n-1)*every), RecordedAt: first, Calls: int64(n), Counted: int64(n), Quantity: int64(n),
		Kind: models.LedgerPacked, Todo: &todo, Detail: usage.WriteDetail(detail),
	}
}

// BenchmarkReports is what the pages about usage read, with ten million calls behind them.
func BenchmarkReports(b *testing.B) {
	for _, subscriptions := range []int{1, 100} {
		w := newLedgerWorld(b, testdb.New(b), subscriptions)
		w.fill(b, 10_000_000)
		r := w.reports()
		from, to := firstHour.Time().Add(-720*time.Hour+90*time.Second), firstHour.Time()
		one := usage.Scope{Tenant: w.tenant, Subscriptions: w.subs[:1]}
		api := usage.Scope{Tenant: w.tenant, APIs: []int64{w.api}}
		for name, read := range map[string]func() error{
			"days of a subscription": func() error { _, err := r.Buckets(b.Context(), one, usage.ByDay, from, to); return err },
			"days of an API":         func() error { _, err := r.Buckets(b.Context(), api, usage.ByDay, from, to); return err },
			"subscribers of an API": func() error {
				_, err := r.Share(b.Context(), api, usage.Shares{Subscription: true, Policy: true}, from, to)
				return err
			},
			"log": func() error {
				page, err := r.Calls(b.Context(), usage.CallQuery{Tenant: w.tenant, Subscription: w.subs[0]})
				if err == nil && len(page.Calls) != usage.MostCallsPerPage {
					err = fmt.Errorf("%d calls", len(page.Calls))
				}
				return err
			},
			"quota": func() error { _, err := r.UsedSince(b.Context(), w.tenant, w.subs[0], from); return err },
		} {
			b.Run(fmt.Sprintf("subscriptions=%d/%s", subscriptions, name), func(b *testing.B) {
				for b.Loop() {
					if err := read(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// A listener notes the statements that are run.
type listener struct{ said []string }

func (*listener) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (l *listener) AfterQuery(_ context.Context, e *bun.QueryEvent) { l.said = append(l.said, e.Query) }

// No report, and no step of packing, goes through the whole ledger.
func TestReportsUseIndexes(t *testing.T) {
	t.Parallel()
	w := newLedgerWorld(t, testdb.New(t), 4)
	w.scribble(t)
	w.wait(50 * time.Hour)
	var l listener
	db := w.db.WithQueryHook(&l)
	r := &usage.Reports{DB: db, Business: w.business}
	from, to := firstHour.Time().Add(time.Minute), firstHour.Time().Add(40*time.Hour+time.Minute)
	for _, s := range []usage.Scope{
		{Tenant: w.tenant, All: true}, {Tenant: w.tenant, APIs: []int64{w.api}}, {Tenant: w.tenant, Subscriptions: w.subs[:2]},
	} {
		if _, err := r.Buckets(t.Context(), s, usage.ByDay, from, to); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Share(t.Context(), s, usage.Shares{Subscription: true}, from, to); err != nil {
			t.Fatal(err)
		}
	}
	for range r.AllCalls(t.Context(), usage.CallQuery{Tenant: w.tenant, Subscription: w.subs[0], Outcome: usage.Uncounted, To: to}) {
	}
	if _, err := r.Newest(t.Context(), w.tenant, w.subs[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := (&usage.Packer{DB: db, Wall: w.wall, Business: w.business}).RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, query := range l.said {
		if !strings.Contains(query, "usage_ledger") || strings.HasPrefix(query, "INSERT") {
			continue
		}
		var steps []struct {
			ID, Parent, Notused int64
			Detail              string
		}
		if err := w.db.NewRaw("EXPLAIN QUERY PLAN ?", bun.Safe(query)).Scan(t.Context(), &steps); err != nil {
			t.Fatal(err)
		}
		asked++
		for _, s := range steps {
			if strings.HasPrefix(s.Detail, "SCAN ul") || strings.HasPrefix(s.Detail, "SCAN usage_ledger") {
				t.Errorf("%s\nof %.200s", s.Detail, query)
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d statements were looked at", asked)
	}
}
