package catalog

import (
	"errors"
	"fmt"
	"strings"

	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/money"
)

// A Price is what a plan costs: Amount a cycle, or Rate a call, counted a cycle.
// The zero Price is free.
type Price struct {
	Version string // id of the price version
	Number  int    // 1, 2, … of its plan
	Model   string // FIXEDRATE or DYNAMICRATE
	Amount  money.Amount
	Rate    money.Rate
	Cycle   string // day, week, month or year
}

// IsFree reports whether p is no price at all.
func (p Price) IsFree() bool { return p.Model == "" }

// Metered reports whether p depends on the number of calls.
func (p Price) Metered() bool { return p.Model == models.DynamicRate }

// Currency returns the currency of p.
func (p Price) Currency() money.Currency {
	if p.Metered() {
		return p.Rate.Currency()
	}
	return p.Amount.Currency()
}

// String returns p in words, such as "49.00 USD a month" or "0.002 USD a call".
func (p Price) String() string {
	switch {
	case p.IsFree():
		return "Free"
	case p.Metered():
		return p.Rate.String() + " a call"
	default:
		return p.Amount.String() + " a " + p.Cycle
	}
}

// PriceOf returns what a price version says.
func PriceOf(v models.PriceVersion) (Price, error) {
	c, err := money.ParseCurrency(v.Currency)
	if err != nil {
		return Price{}, fmt.Errorf("catalog: price version %s: %w", v.ID, err)
	}
	p := Price{Version: v.ID, Number: v.Number, Model: v.Model, Cycle: v.BillingCycle}
	if v.Model == models.DynamicRate {
		p.Rate, err = money.ParseRate(v.UnitPrice, c)
	} else if v.AmountMinor != nil {
		p.Amount = money.New(*v.AmountMinor, c)
	}
	if err != nil {
		return Price{}, fmt.Errorf("catalog: price version %s: %w", v.ID, err)
	}
	return p, nil
}

// same reports whether p and q cost the same.
func (p Price) same(q Price) bool {
	return p.Model == q.Model && p.Cycle == q.Cycle && p.Currency() == q.Currency() &&
		p.Amount.Minor() == q.Amount.Minor() && p.Rate.MinorDecimal() == q.Rate.MinorDecimal()
}

// row returns p as the price version numbered number of a policy.
func (p Price) row(policy models.Policy, number int) models.PriceVersion {
	v := models.PriceVersion{
		ID: models.NewID(), TenantID: policy.TenantID, PolicyID: policy.ID, Number: number, Model: p.Model,
		Currency: p.Currency().Code(), BillingCycle: p.Cycle,
	}
	if p.Metered() {
		v.UnitPrice = p.Rate.Decimal()
	} else {
		minor := p.Amount.Minor()
		v.AmountMinor = &minor
	}
	return v
}

// readPrice reads the price that a person typed, and notes in f what is wrong with it.
func readPrice(in PlanInput, f *fault.Fields) Price {
	p := Price{Model: in.Model, Cycle: in.Cycle}
	f.Check(in.Model == models.FixedRate || in.Model == models.DynamicRate, "model", "Choose a fixed rate or a dynamic rate.")
	f.Check(in.Cycle == "day" || in.Cycle == "week" || in.Cycle == "month" || in.Cycle == "year", "cycle", "Choose a billing cycle.")
	c, err := money.ParseCurrency(in.Currency)
	if err != nil {
		f.Check(false, "currency", "Write a currency that Stripe charges in, such as USD.")
		return p
	}
	if in.Model == models.DynamicRate {
		p.Rate = readRate(in.Price, c, f)
	} else {
		p.Amount = readAmount(in.Price, c, f)
	}
	return p
}

func readAmount(text string, c money.Currency, f *fault.Fields) money.Amount {
	a, err := money.ParseAmount(text, c)
	if err != nil {
		f.Check(false, "price", amountHint(c))
		return a
	}
	f.Check(!a.IsZero(), "price", "Write an amount above zero, or make the plan free.")
	f.Check(a.Minor() <= largest(c), "price", "Stripe charges at most "+money.New(largest(c), c).String()+" at once.")
	step := smallestStep(c)
	f.Check(a.Minor()%step == 0, "price", "Stripe charges "+c.String()+" in steps of "+money.New(step, c).Decimal()+".")
	return a
}

func readRate(text string, c money.Currency, f *fault.Fields) money.Rate {
	r, err := money.ParseRate(text, c)
	switch {
	case errors.Is(err, money.ErrTooFine):
		f.Check(false, "price", "This price has more digits than Stripe can keep: at most 15 digits, and 12 decimals of the smallest unit.")
		return r
	case err != nil:
		f.Check(false, "price", "Write the price of a call as 0.002, with a point.")
		return r
	}
	f.Check(!r.IsZero(), "price", "Write a price above zero, or make the plan free.")
	call, err := r.Times(1)
	f.Check(err == nil && call.Minor() <= largest(c), "price", "Stripe charges at most "+money.New(largest(c), c).String()+" at once.")
	return r
}

// amountHint says how an amount in c is written.
func amountHint(c money.Currency) string {
	switch c.Exponent() {
	case 0:
		return "Write the amount as 59: " + c.String() + " has no decimals."
	case 3:
		return "Write the amount as 59.000, with a point and at most three decimals."
	default:
		return "Write the amount as 59.00, with a point and at most two decimals."
	}
}

// largest is the largest charge in minor units (Stripe, "Minimum and maximum charge amounts").
func largest(c money.Currency) int64 {
	switch c.Code() {
	case "inr":
		return 999_999_999
	case "cop", "huf", "jpy":
		return 9_999_999_999
	case "idr", "lbp":
		return 999_999_999_999
	}
	return 99_999_999
}

// smallestStep is what charges in c are multiples of, in minor units (Stripe, "Special cases").
func smallestStep(c money.Currency) int64 {
	switch {
	case c.Exponent() == 3:
		return 10
	case strings.Contains("isk ugx", c.Code()):
		return 100
	}
	return 1
}
