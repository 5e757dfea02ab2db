package sandbox

import (
	"fmt"

	"tollgate/money"
)

// A tier is one step of a tiered price. upTo is inclusive; 0 means no end.
type tier struct {
	upTo       int64
	unit, flat money.Rate
}

// terms are how a price turns a quantity into money.
type terms struct {
	unit      money.Rate
	divideBy  int64 // 0 unless units are sold in packages of this size
	roundUp   bool  // whether a package begun is a package sold
	tiers     []tier
	graduated bool // each tier prices its own units; else the reached tier prices all
}

// amount returns the price of quantity units. It is rounded once, at the end of
// each product of units and price.
func (t terms) amount(quantity int64) (money.Amount, error) {
	switch {
	case quantity < 0:
		return money.Amount{}, fmt.Errorf("sandbox: a quantity of %d cannot be priced", quantity)
	case len(t.tiers) == 0:
		return t.unit.Times(t.packages(quantity))
	case t.graduated:
		return t.stepwise(quantity)
	default:
		return t.reached(quantity).amount(quantity)
	}
}

func (t terms) packages(quantity int64) int64 {
	if t.divideBy == 0 {
		return quantity
	}
	n := quantity / t.divideBy
	if t.roundUp && quantity%t.divideBy > 0 {
		n++
	}
	return n
}

// reached is the tier that quantity falls into.
func (t terms) reached(quantity int64) tier {
	for _, step := range t.tiers {
		if step.upTo == 0 || quantity <= step.upTo {
			return step
		}
	}
	return t.tiers[len(t.tiers)-1]
}

func (t terms) stepwise(quantity int64) (money.Amount, error) {
	var below int64
	var sum money.Amount
	for n, step := range t.tiers {
		if n > 0 && quantity <= below {
			break
		}
		units := quantity - below
		if step.upTo > 0 {
			units = min(units, step.upTo-below)
		}
		part, err := step.amount(units)
		if err != nil {
			return money.Amount{}, err
		}
		if sum, err = plus(sum, part); err != nil {
			return money.Amount{}, err
		}
		below = step.upTo
	}
	return sum, nil
}

func (s tier) amount(units int64) (money.Amount, error) {
	per, err := s.unit.Times(units)
	if err != nil {
		return money.Amount{}, err
	}
	flat, err := s.flat.Times(1)
	if err != nil {
		return money.Amount{}, err
	}
	return per.Add(flat)
}

// plus adds b to a, where the zero Amount is an empty sum.
func plus(a, b money.Amount) (money.Amount, error) {
	if a.Currency().IsZero() {
		return b, nil
	}
	return a.Add(b)
}
