package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A LedgerFlaw is a rule of the ledger that rows break.
type LedgerFlaw struct {
	Rule           string `bun:"-"`
	SubscriptionID int64  `bun:"subscription_id"`
	Writer         string `bun:"writer"` // of the rows, or the window's id
	Number         int64  `bun:"n"`      // sequence number, or units, where the rule is broken
}

// A ledgerRule is a query that finds nothing while the rule holds.
type ledgerRule struct{ says, query string }

var ledgerRules = []ledgerRule{
	{"the calls of a writer and subscription are numbered from 1 on without gap or overlap", `
		SELECT x.subscription_id, x.writer, x.seq_from AS n FROM (
			SELECT subscription_id, writer, epoch, seq_from,
				COALESCE(LAG(seq_to) OVER (PARTITION BY writer, epoch, subscription_id ORDER BY seq_from, seq_to), 0) AS prior
			FROM usage_ledger) AS x
		WHERE x.seq_from <> x.prior + 1`},
	{"a row lies within its hour, and one of single calls within a second", `
		SELECT subscription_id, writer, seq_from AS n FROM usage_ledger
		WHERE hour % 3600000 <> 0 OR first_at < hour OR last_at < first_at OR last_at >= hour + 3600000
		OR (kind = 'calls' AND first_at - first_at % 1000 <> last_at - last_at % 1000)`},
	{"a row has as many calls as numbers, and no more units than they can be worth", `
		SELECT subscription_id, writer, seq_from AS n FROM usage_ledger
		WHERE (kind <> 'correction' AND (calls <> seq_to - seq_from + 1 OR counted > calls OR quantity < 0 OR quantity > counted * 1000000000))
		OR (kind = 'correction' AND (calls <> 0 OR counted <> 0))`},
	{"a window has the calls and units of its rows", `
		SELECT w.subscription_id, w.id AS writer, w.quantity AS n FROM usage_windows AS w
		LEFT JOIN (SELECT window_id, SUM(calls) AS calls, SUM(quantity) AS quantity FROM usage_ledger
			WHERE window_id IS NOT NULL GROUP BY window_id) AS x ON x.window_id = w.id
		WHERE w.calls <> COALESCE(x.calls, 0) OR w.quantity <> COALESCE(x.quantity, 0)`},
	{"a row is in a window of its own subscription, plan and time", `
		SELECT l.subscription_id, l.writer, l.seq_from AS n FROM usage_ledger AS l JOIN usage_windows AS w ON w.id = l.window_id
		WHERE l.subscription_id <> w.subscription_id OR l.policy_id <> w.policy_id OR l.tenant_id <> w.tenant_id
		OR l.first_at < w.window_start OR l.last_at >= w.window_end`},
}

// LedgerFlaws returns at most limit places where the ledger breaks each of its rules.
// It reads the whole ledger. Sums that overflow are an error of the database.
func LedgerFlaws(ctx context.Context, db bun.IDB, limit int) ([]LedgerFlaw, error) {
	var all []LedgerFlaw
	for _, rule := range ledgerRules {
		var flaws []LedgerFlaw
		err := db.NewRaw("? LIMIT ?", bun.Safe(rule.query), limit).Scan(ctx, &flaws)
		if err != nil {
			return nil, found(err, "Calls")
		}
		for _, f := range flaws {
			f.Rule = rule.says
			all = append(all, f)
		}
	}
	return all, nil
}
