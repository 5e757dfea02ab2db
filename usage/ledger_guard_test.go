package usage_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/internal/testdb"
	"tollgate/models"
)

// guarded is a ledger with three rows of one second each, in which the first two can
// be packed, and a correction.
func guarded(t *testing.T, db *bun.DB) (*ledgerWorld, []models.LedgerRow) {
	t.Helper()
	w := newLedgerWorld(t, db, 1)
	hour := models.At(noonOf) - models.At(noonOf)%3_600_000
	todo := int64(models.ToPack)
	var rows []models.LedgerRow
	for i := range int64(3) {
		rows = append(rows, models.LedgerRow{
			SubscriptionID: w.subs[0], Hour: hour, Writer: "writer", Epoch: 1, SeqFrom: 2*i + 1, SeqTo: 2*i + 2,
			TenantID: w.tenant, APIID: w.api, PolicyID: w.policies[0],
			FirstAt: hour + models.Instant(1000*i), LastAt: hour + models.Instant(1000*i+500), RecordedAt: hour + models.Instant(i),
			Calls: 2, Counted: 1, Quantity: 5, Kind: models.LedgerCalls, Todo: &todo, Detail: []byte{1, byte(i)},
		})
	}
	fix := rows[0]
	fix.SeqFrom, fix.SeqTo, fix.Kind, fix.Calls, fix.Counted, fix.Quantity, fix.Todo, fix.Detail, fix.Reason = 7, 7, models.LedgerCorrection, 0, 0, -3, nil, nil, "why"
	fix.LastAt = fix.FirstAt
	rows = append(rows, fix)
	if err := models.InsertLedgerRows(context.Background(), db, rows); err != nil {
		t.Fatal(err)
	}
	return w, rows
}

// cover is the true packed row of the first two.
func cover(rows []models.LedgerRow) models.LedgerRow {
	p := rows[0]
	forget := int64(models.ToForget)
	p.SeqTo, p.LastAt, p.RecordedAt = rows[1].SeqTo, rows[1].LastAt, rows[1].RecordedAt
	p.Calls, p.Counted, p.Quantity, p.Kind, p.Todo, p.Detail = 4, 2, 10, models.LedgerPacked, &forget, []byte{1}
	return p
}

func TestTheDatabaseRefusesToRewriteTheLedger(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w, _ := guarded(t, db)
		before := w.text(t)
		for _, change := range []string{
			"UPDATE usage_ledger SET subscription_id = subscription_id + 1", "UPDATE usage_ledger SET hour = hour + 3600000, first_at = first_at + 3600000, last_at = last_at + 3600000",
			"UPDATE usage_ledger SET writer = 'other'", "UPDATE usage_ledger SET epoch = 2", "UPDATE usage_ledger SET seq_from = seq_from + 10, seq_to = seq_to + 10",
			"UPDATE usage_ledger SET seq_to = seq_to + 1 WHERE kind = 'correction'",
			"UPDATE usage_ledger SET tenant_id = 8", "UPDATE usage_ledger SET api_id = api_id + 1", "UPDATE usage_ledger SET policy_id = policy_id + 1",
			"UPDATE usage_ledger SET first_at = first_at + 1 WHERE kind = 'calls'", "UPDATE usage_ledger SET last_at = last_at + 1", "UPDATE usage_ledger SET recorded_at = 0",
			"UPDATE usage_ledger SET calls = 0 WHERE kind = 'correction' OR calls = 2", "UPDATE usage_ledger SET counted = 2 WHERE kind = 'calls'",
			"UPDATE usage_ledger SET quantity = quantity + 1", "UPDATE usage_ledger SET kind = 'packed' WHERE kind = 'calls'",
			"UPDATE usage_ledger SET reason = 'because'", "UPDATE usage_ledger SET todo = NULL WHERE todo = 2", "UPDATE usage_ledger SET todo = 1",
			"UPDATE usage_ledger SET todo = 2 WHERE kind = 'correction'", "UPDATE usage_ledger SET todo = 3 WHERE kind = 'correction'",
			"UPDATE usage_ledger SET detail = NULL WHERE kind = 'calls'", "UPDATE usage_ledger SET detail = 'x'",
			"UPDATE usage_ledger SET todo = 3, detail = NULL WHERE kind = 'calls'",
			"DELETE FROM usage_ledger", "DELETE FROM usage_ledger WHERE kind = 'correction'", "DELETE FROM usage_ledger WHERE seq_from = 5",
		} {
			if _, err := db.ExecContext(t.Context(), "?", bun.Safe(change)); err == nil {
				t.Errorf("the database lets one do this: %s", change)
			}
		}
		if after := w.text(t); after != before {
			t.Errorf("the ledger was\n%s\nand is\n%s", before, after)
		}
	})
}

// text is the whole ledger as text.
func (w *ledgerWorld) text(t testing.TB) string {
	t.Helper()
	b, err := json.Marshal(w.rows(t))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheDatabaseRefusesAWindowTwice(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 1)
		send := int64(models.ToSend)
		hour := models.At(noonOf) - models.At(noonOf)%3_600_000
		row := models.LedgerRow{
			SubscriptionID: w.subs[0], Hour: hour, Writer: "writer", Epoch: 1, SeqFrom: 1, SeqTo: 1, TenantID: w.tenant, APIID: w.api, PolicyID: w.policies[0],
			FirstAt: hour, LastAt: hour, RecordedAt: hour, Calls: 1, Counted: 1, Quantity: 1, Kind: models.LedgerCalls, Todo: &send, Detail: []byte{1},
		}
		if err := models.InsertLedgerRows(t.Context(), db, []models.LedgerRow{row}); err != nil {
			t.Fatal(err)
		}
		w.window(t, "one", 1, 1)
		w.window(t, "two", 1, 1)
		set := func(sql string) error { _, err := db.ExecContext(t.Context(), "?", bun.Safe(sql)); return err }
		for _, step := range []struct {
			sql string
			ok  bool
		}{
			{"UPDATE usage_ledger SET window_id = 'one', todo = 3", false},
			{"UPDATE usage_ledger SET window_id = 'one', todo = 1", false},
			{"UPDATE usage_ledger SET todo = 2", false},
			{"UPDATE usage_ledger SET window_id = 'one', todo = 2, quantity = 2", false},
			{"UPDATE usage_ledger SET window_id = 'one', todo = 2, detail = NULL", false},
			{"UPDATE usage_ledger SET window_id = 'one', todo = 2", true},
			{"UPDATE usage_ledger SET window_id = 'two', todo = 2", false},
			{"UPDATE usage_ledger SET window_id = NULL, todo = 1", false},
			{"UPDATE usage_ledger SET window_id = NULL", false},
			{"UPDATE usage_ledger SET window_id = 'two', todo = 3", false},
			{"UPDATE usage_ledger SET todo = 3", true},
			{"UPDATE usage_ledger SET todo = 2", false},
			{"UPDATE usage_ledger SET todo = NULL", false},
			{"UPDATE usage_ledger SET todo = NULL, detail = NULL, window_id = NULL", false},
			{"UPDATE usage_ledger SET todo = NULL, detail = NULL", true},
			{"UPDATE usage_ledger SET todo = 1", false},
			{"UPDATE usage_ledger SET detail = 'x'", false},
		} {
			if err := set(step.sql); (err == nil) != step.ok {
				t.Errorf("%s: %v", step.sql, err)
			}
		}
		if got := w.rows(t)[0]; got.WindowID != "one" || got.Quantity != 1 {
			t.Errorf("the row is %+v", got)
		}
	})
}

// window adds a window of the world's first subscription that spans its hour.
func (w *ledgerWorld) window(t testing.TB, id string, calls, quantity int64) {
	t.Helper()
	hour, one := models.At(noonOf)-models.At(noonOf)%3_600_000, int64(1)
	var n int
	if err := w.db.NewSelect().Model((*models.UsageWindow)(nil)).ColumnExpr("COUNT(*)").Scan(context.Background(), &n); err != nil {
		t.Fatal(err)
	}
	_, err := w.db.NewInsert().Model(&models.UsageWindow{
		ID: id, TenantID: w.tenant, SubscriptionID: w.subs[0], PolicyID: w.policies[0], APIID: w.api, Account: "acct_1", CustomerID: "cus_1", EventName: "meter",
		StripeSubscriptionID: "sub_1", Start: hour, End: hour + 3_600_000, Revision: n, Calls: calls, Quantity: quantity, Identifier: "u_" + id,
		EventAt: hour, State: models.WindowSealed, Open: &one,
	}).Exec(context.Background())
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheDatabaseRefusesEveryFalsePackedRow(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w, rows := guarded(t, db)
		w.window(t, "one", 0, 0)
		send, pack := int64(models.ToSend), int64(models.ToPack)
		for name, change := range map[string]func(*models.LedgerRow){
			"subscription": func(r *models.LedgerRow) { r.SubscriptionID++ }, "writer": func(r *models.LedgerRow) { r.Writer = "other" },
			"hour":  func(r *models.LedgerRow) { r.Hour += 3_600_000; r.FirstAt += 3_600_000; r.LastAt += 3_600_000 },
			"epoch": func(r *models.LedgerRow) { r.Epoch = 2 }, "from": func(r *models.LedgerRow) { r.SeqFrom, r.Calls = 2, 3 },
			"to":     func(r *models.LedgerRow) { r.SeqTo, r.Calls = 5, 5 },
			"beyond": func(r *models.LedgerRow) { r.SeqTo, r.Calls, r.Counted, r.Quantity = 7, 7, 3, 15 },
			"tenant": func(r *models.LedgerRow) { r.TenantID++ }, "api": func(r *models.LedgerRow) { r.APIID++ }, "policy": func(r *models.LedgerRow) { r.PolicyID++ },
			"first": func(r *models.LedgerRow) { r.FirstAt++ }, "last": func(r *models.LedgerRow) { r.LastAt++ }, "recorded": func(r *models.LedgerRow) { r.RecordedAt++ },
			"counted": func(r *models.LedgerRow) { r.Counted++ }, "more": func(r *models.LedgerRow) { r.Quantity++ }, "less": func(r *models.LedgerRow) { r.Quantity-- },
			"reason": func(r *models.LedgerRow) { r.Reason = "because" }, "unsent": func(r *models.LedgerRow) { r.Todo = &send },
			"unpacked": func(r *models.LedgerRow) { r.Todo = &pack }, "forgotten at once": func(r *models.LedgerRow) { r.Todo, r.Detail = nil, nil },
			"no detail": func(r *models.LedgerRow) { r.Detail = nil }, "window": func(r *models.LedgerRow) { r.WindowID = "one" },
			"as calls": func(r *models.LedgerRow) { r.Kind = models.LedgerCalls; r.LastAt = r.FirstAt },
		} {
			p := cover(rows)
			change(&p)
			if err := models.InsertLedgerRows(t.Context(), db, []models.LedgerRow{p}); err == nil {
				t.Errorf("%s: the database takes %+v", name, p)
			}
		}
		if err := models.InsertLedgerRows(t.Context(), db, []models.LedgerRow{cover(rows)}); err != nil {
			t.Errorf("a true packed row: %v", err)
		}
		remove := func(from int64) error {
			_, err := db.ExecContext(t.Context(), "DELETE FROM usage_ledger WHERE seq_from = ? AND kind <> 'packed'", from)
			return err
		}
		for from, ok := range map[int64]bool{1: true, 3: true, 5: false, 7: false} {
			if err := remove(from); (err == nil) != ok {
				t.Errorf("removing the row at %d: %v", from, err)
			}
		}
		if _, err := db.ExecContext(t.Context(), "DELETE FROM usage_ledger WHERE kind = 'packed'"); err == nil {
			t.Error("the database lets one delete a packed row")
		}
		w.sound(t)
	})
}

func TestTheDatabaseRefusesOverlaps(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		_, rows := guarded(t, db)
		for _, at := range [][2]int64{{1, 2}, {1, 1}, {2, 2}, {2, 3}, {4, 5}, {6, 8}, {1, 8}, {7, 7}, {7, 8}} {
			r := rows[0]
			r.SeqFrom, r.SeqTo, r.Calls = at[0], at[1], at[1]-at[0]+1
			if err := models.InsertLedgerRows(t.Context(), db, []models.LedgerRow{r}); err == nil {
				t.Errorf("the database takes calls %d to %d twice", at[0], at[1])
			}
		}
		r := rows[0]
		r.SeqFrom, r.SeqTo = 8, 9
		if err := models.InsertLedgerRows(t.Context(), db, []models.LedgerRow{r}); err != nil {
			t.Errorf("calls that follow: %v", err)
		}
	})
}
