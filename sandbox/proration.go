package sandbox

import (
	"time"

	"tollgate/money"
)

// unused returns what is left of price, paid for the whole of p, at the second
// at. Before p that is everything, after p nothing.
func unused(price money.Amount, p span, at time.Time) (money.Amount, error) {
	remaining := min(max(p.end.Unix()-at.Unix(), 0), p.seconds())
	return price.Share(remaining, p.seconds())
}

// A proration is the pair of lines that a change in the middle of a period
// makes: the old price's rest is given back, the new one's is owed.
type proration struct{ credit, debit money.Amount }

// prorate splits a change from one price to another at the second at, each line
// rounded by itself.
func prorate(before, after money.Amount, p span, at time.Time) (proration, error) {
	credit, err := unused(before, p, at)
	if err != nil {
		return proration{}, err
	}
	debit, err := unused(after, p, at)
	return proration{credit.Neg(), debit}, err
}
