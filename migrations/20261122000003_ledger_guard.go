package migrations

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/migrate"
)

// guardLedger makes the database itself refuse to rewrite the ledger of calls:
// a row is added once, put into a window once, and removed only when a packed row
// of the same sums covers it.
func guardLedger(ctx context.Context, m *migrate.Migrator, _ *migrate.Migration) error {
	db := m.DB()
	if err := addIndex(ctx, db, "usage_ledger", "usage_ledger_todo", "todo, hour, subscription_id, policy_id"); err != nil {
		return err
	}
	// It holds all that reports add up, so that they need not read the rows, which are
	// large because of their detail.
	if err := addIndex(ctx, db, "usage_ledger", "usage_ledger_time",
		"subscription_id, last_at, first_at, policy_id, tenant_id, api_id, calls, counted, quantity"); err != nil {
		return err
	}
	if err := addIndex(ctx, db, "usage_windows", "usage_windows_sent", "tenant_id, sent_at"); err != nil {
		return err
	}
	for _, g := range ledgerGuards {
		for _, statement := range g.statements(db.Dialect().Name()) {
			if _, err := db.ExecContext(ctx, "?", bun.Safe(statement)); err != nil {
				return fmt.Errorf("migrations: guard the ledger (%s): %w", g.name, err)
			}
		}
	}
	return nil
}

// A guard is a trigger that refuses a change of a row unless a condition holds.
type guard struct {
	name, when, says string
	unless           string // SQL; NEW and OLD are the row after and before. same(x) compares, also nothing with nothing
}

// ofRange compares the rows p of the writer and hour of a row.
func ofRange(row string) string {
	return strings.ReplaceAll(`p.subscription_id = ROW.subscription_id AND p.hour = ROW.hour AND p.writer = ROW.writer AND p.epoch = ROW.epoch`, "ROW", row)
}

// ledgerGuards are the guards of usage_ledger. Where they look for a neighbour they
// go down the primary key from the row's own place, so that what they cost does not
// grow with the hour.
var ledgerGuards = []guard{
	// A row is put into a window, found to need no packing, or forgets its detail.
	{"usage_ledger_update", "UPDATE", "the ledger is append-only", `
		same(subscription_id) AND same(hour) AND same(writer) AND same(epoch) AND same(seq_from) AND same(seq_to)
		AND same(tenant_id) AND same(api_id) AND same(policy_id) AND same(first_at) AND same(last_at) AND same(recorded_at)
		AND same(calls) AND same(counted) AND same(quantity) AND same(kind) AND same(reason)
		AND (
			(OLD.todo = 1 AND OLD.window_id IS NULL AND NEW.window_id IS NOT NULL AND (NEW.todo IS NULL OR NEW.todo = 2)
				AND same(detail))
			OR (OLD.todo = 2 AND NEW.todo = 3 AND same(window_id) AND same(detail))
			OR (OLD.todo = 3 AND NEW.todo IS NULL AND same(window_id) AND NEW.detail IS NULL)
		)`},
	// A row goes only when a packed one covers it.
	{"usage_ledger_delete", "DELETE", "the ledger is append-only", `
		OLD.kind <> 'correction' AND (SELECT 1 FROM usage_ledger p
			WHERE ` + ofRange("OLD") + `
			AND p.kind = 'packed' AND p.seq_from <= OLD.seq_from AND p.seq_to >= OLD.seq_to
			AND (p.seq_from < OLD.seq_from OR p.seq_to > OLD.seq_to)
			ORDER BY p.seq_from DESC LIMIT 1) = 1`},
	// A packed row holds exactly what it covers, and all others overlap with none.
	{"usage_ledger_insert", "INSERT", "a ledger row must not overlap with another, nor a packed one differ from what it covers", `
		(NEW.kind <> 'packed' AND COALESCE((SELECT p.seq_to FROM usage_ledger p
			WHERE ` + ofRange("NEW") + ` AND p.seq_from <= NEW.seq_to
			ORDER BY p.seq_from DESC LIMIT 1), 0) < NEW.seq_from)
		OR (NEW.kind = 'packed' AND NEW.reason = '' AND EXISTS (SELECT COUNT(*) FROM usage_ledger p
			WHERE ` + ofRange("NEW") + `
			AND p.kind <> 'correction' AND p.seq_from BETWEEN NEW.seq_from AND NEW.seq_to AND p.seq_to <= NEW.seq_to
			HAVING SUM(p.calls) = NEW.calls AND SUM(p.counted) = NEW.counted AND SUM(p.quantity) = NEW.quantity
			AND SUM(p.seq_to - p.seq_from + 1) = NEW.seq_to - NEW.seq_from + 1
			AND MIN(p.tenant_id) = NEW.tenant_id AND MAX(p.tenant_id) = NEW.tenant_id
			AND MIN(p.api_id) = NEW.api_id AND MAX(p.api_id) = NEW.api_id
			AND MIN(p.policy_id) = NEW.policy_id AND MAX(p.policy_id) = NEW.policy_id
			AND MIN(p.first_at) = NEW.first_at AND MAX(p.last_at) = NEW.last_at AND MAX(p.recorded_at) = NEW.recorded_at
			AND COUNT(p.window_id) IN (0, COUNT(*))
			AND COALESCE(MIN(p.window_id), '') = COALESCE(NEW.window_id, '') AND COALESCE(MAX(p.window_id), '') = COALESCE(NEW.window_id, '')
			AND ((NEW.todo = 3 AND NEW.detail IS NOT NULL AND COUNT(p.todo) = COUNT(*) AND MIN(p.todo) >= 2)
				OR (NEW.todo IS NULL AND NEW.detail IS NULL AND MIN(COALESCE(p.todo, 3)) = 3))))`},
}

// statements spells g for one engine. Each can be run again. What is neither true
// nor false, because a column holds nothing, is refused too.
func (g guard) statements(engine dialect.Name) []string {
	drop := "DROP TRIGGER IF EXISTS " + g.name
	before := "CREATE TRIGGER " + g.name + " BEFORE " + g.when + " ON usage_ledger FOR EACH ROW "
	switch engine {
	case dialect.PG:
		row := "NEW"
		if g.when == "DELETE" {
			row = "OLD"
		}
		return []string{
			drop + " ON usage_ledger",
			"CREATE OR REPLACE FUNCTION " + g.name + "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (" +
				g.condition(" IS NOT DISTINCT FROM ") + ") IS NOT TRUE THEN RAISE EXCEPTION '" + g.says + "'; END IF; RETURN " + row + "; END $$",
			before + "EXECUTE FUNCTION " + g.name + "()",
		}
	case dialect.MySQL:
		return []string{drop, before + "BEGIN IF (" + g.condition(" <=> ") +
			") IS NOT TRUE THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '" + g.says + "'; END IF; END"}
	default:
		return []string{drop, before + "WHEN (" + g.condition(" IS ") + ") IS NOT TRUE BEGIN SELECT RAISE(ABORT, '" + g.says + "'); END"}
	}
}

// condition writes g's condition with an engine's comparison that takes nothing for
// equal to nothing.
func (g guard) condition(is string) string {
	parts := strings.Split(g.unless, "same(")
	var b strings.Builder
	b.WriteString(parts[0])
	for _, p := range parts[1:] {
		column, rest, _ := strings.Cut(p, ")")
		b.WriteString("(NEW." + column + is + "OLD." + column + ")" + rest)
	}
	return b.String()
}

// addIndex adds an index unless it is there: MySQL knows no IF NOT EXISTS for one.
func addIndex(ctx context.Context, db *bun.DB, table, name, columns string) error {
	if db.Dialect().Name() == dialect.MySQL {
		var n int
		err := db.NewSelect().TableExpr("information_schema.statistics").ColumnExpr("COUNT(*)").
			Where("table_schema = DATABASE() AND table_name = ? AND index_name = ?", table, name).Scan(ctx, &n)
		if err != nil || n > 0 {
			return err
		}
		_, err = db.ExecContext(ctx, "CREATE INDEX ? ON ? (?)", bun.Ident(name), bun.Ident(table), bun.Safe(columns))
		return err
	}
	_, err := db.ExecContext(ctx, "CREATE INDEX IF NOT EXISTS ? ON ? (?)", bun.Ident(name), bun.Ident(table), bun.Safe(columns))
	return err
}
