package usage

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// A LedgerProblem is a place where the ledger breaks one of its rules.
type LedgerProblem struct {
	Rule         string // what should hold
	Subscription int64
	Where        string // writer or window, and number
}

// String says where what is broken.
func (p LedgerProblem) String() string {
	return fmt.Sprintf("%s: subscription %d, %s", p.Rule, p.Subscription, p.Where)
}

// mostProblems is how many places are named of each rule.
const mostProblems = 20

// CheckLedger reads the whole ledger and returns where it breaks its rules: nothing is
// missing or twice, every row lies within its hour, windows add up.
func CheckLedger(ctx context.Context, db bun.IDB) ([]LedgerProblem, error) {
	flaws, err := models.LedgerFlaws(ctx, db, mostProblems)
	if err != nil {
		return nil, err
	}
	problems := make([]LedgerProblem, 0, len(flaws))
	for _, f := range flaws {
		problems = append(problems, LedgerProblem{f.Rule, f.SubscriptionID, fmt.Sprintf("%s at %d", f.Writer, f.Number)})
	}
	return problems, nil
}
