package money

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

var (
	errMismatch = errors.New("money: amounts of different currencies")
	errRange    = errors.New("money: amount out of range")
	// ErrSyntax is returned for text that is not a plain decimal number.
	ErrSyntax = errors.New("money: not a decimal number")
	// ErrTooFine is returned for a number with more decimals than can be kept.
	ErrTooFine = errors.New("money: too many decimals")
)

// decimal is what people may type: no sign, no grouping, a point.
var decimal = regexp.MustCompile(`^\d{1,15}(\.\d{1,15})?$`)

// An Amount is a sum of money in minor units. The zero Amount has no currency
// and is only useful as "nothing was set"; arithmetic on it fails.
type Amount struct {
	minor    int64
	currency Currency
}

// New returns minor units of c.
func New(minor int64, c Currency) Amount { return Amount{minor, c} }

// ParseAmount reads a sum in major units, such as "49.00". It fails with
// ErrSyntax, or with ErrTooFine when the currency has no such decimals.
func ParseAmount(s string, c Currency) (Amount, error) {
	r, err := parse(s)
	if err != nil {
		return Amount{}, err
	}
	r.Mul(r, scale(c))
	if !r.IsInt() {
		return Amount{}, ErrTooFine
	}
	if !r.Num().IsInt64() {
		return Amount{}, errRange
	}
	return Amount{r.Num().Int64(), c}, nil
}

// Minor returns the amount in minor units.
func (a Amount) Minor() int64 { return a.minor }

// Currency returns the currency of a.
func (a Amount) Currency() Currency { return a.currency }

// IsZero reports whether a is nothing, in any currency.
func (a Amount) IsZero() bool { return a.minor == 0 }

// Add returns a+b. It fails rather than mix currencies or wrap around.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.currency != b.currency || a.currency.IsZero() {
		return Amount{}, errMismatch
	}
	sum := a.minor + b.minor
	if (sum > a.minor) != (b.minor > 0) && b.minor != 0 {
		return Amount{}, errRange
	}
	return Amount{sum, a.currency}, nil
}

// Neg returns -a.
func (a Amount) Neg() Amount { return Amount{-a.minor, a.currency} }

// Cmp compares a and b, which must have one currency.
func (a Amount) Cmp(b Amount) (int, error) {
	if a.currency != b.currency {
		return 0, errMismatch
	}
	return cmp.Compare(a.minor, b.minor), nil
}

// Decimal returns the amount in major units with all its decimals: "49.00", "500" for JPY.
func (a Amount) Decimal() string {
	return new(big.Rat).Quo(new(big.Rat).SetInt64(a.minor), scale(a.currency)).FloatString(a.currency.Exponent())
}

// String returns the amount with its currency: "49.00 USD".
func (a Amount) String() string { return strings.TrimSpace(a.Decimal() + " " + a.currency.String()) }

// A Rate is a price per unit: an exact decimal. Stripe keeps at most twelve
// decimals of the minor unit (Stripe, Price.unit_amount_decimal), and stripe-go
// carries them in a float64, so no more than fifteen significant digits.
type Rate struct {
	minor    *big.Rat
	currency Currency
}

// ParseRate reads a unit price in major units, such as "0.002". It fails with
// ErrSyntax, or with ErrTooFine when Stripe could not keep it exactly.
func ParseRate(s string, c Currency) (Rate, error) {
	r, err := parse(s)
	if err != nil {
		return Rate{}, err
	}
	return rate(r.Mul(r, scale(c)), c)
}

// RateOfMinor reads a unit price in minor units, as Stripe writes
// unit_amount_decimal: "0.2" is 0.002 USD.
func RateOfMinor(s string, c Currency) (Rate, error) {
	r, err := parse(s)
	if err != nil {
		return Rate{}, err
	}
	return rate(r, c)
}

func rate(minor *big.Rat, c Currency) (Rate, error) {
	text := trim(minor.FloatString(12))
	back, _ := new(big.Rat).SetString(text)
	digits := strings.TrimLeft(strings.Replace(text, ".", "", 1), "0")
	if back.Cmp(minor) != 0 || len(digits) > 15 {
		return Rate{}, ErrTooFine
	}
	return Rate{minor, c}, nil
}

// Currency returns the currency of r.
func (r Rate) Currency() Currency { return r.currency }

// IsZero reports whether a unit costs nothing.
func (r Rate) IsZero() bool { return r.minor == nil || r.minor.Sign() == 0 }

// MinorDecimal returns the price of a unit in minor units, as Stripe's
// unit_amount_decimal wants it: "0.2".
func (r Rate) MinorDecimal() string {
	if r.minor == nil {
		return "0"
	}
	return trim(r.minor.FloatString(12))
}

// Decimal returns the price of a unit in major units, with at least the
// currency's decimals: "0.002", "1.50".
func (r Rate) Decimal() string {
	if r.minor == nil {
		return "0"
	}
	return major(r.minor, r.currency)
}

// Exactly returns the price of n units in major units, not rounded, with at least the
// currency's decimals: what a part of an invoice line is worth before the line is
// rounded. The sum of the parts is the whole: "1.096".
func (r Rate) Exactly(n int64) string {
	if r.minor == nil {
		return "0"
	}
	return major(new(big.Rat).Mul(r.minor, new(big.Rat).SetInt64(n)), r.currency)
}

// major writes minor units of c in major ones, exactly: rates have at most twelve
// decimals of the minor unit.
func major(minor *big.Rat, c Currency) string {
	text := trim(new(big.Rat).Quo(minor, scale(c)).FloatString(15))
	whole, frac, _ := strings.Cut(text, ".")
	for len(frac) < c.Exponent() {
		frac += "0"
	}
	if frac == "" {
		return whole
	}
	return whole + "." + frac
}

// String returns the price of a unit with its currency: "0.002 USD".
func (r Rate) String() string { return strings.TrimSpace(r.Decimal() + " " + r.currency.String()) }

// Times returns the price of n units, rounded half up once, at the end, the way
// Stripe rounds an invoice line.
func (r Rate) Times(n int64) (Amount, error) {
	if n < 0 || r.minor == nil {
		return Amount{}, errRange
	}
	exact := new(big.Rat).Mul(r.minor, new(big.Rat).SetInt64(n))
	return round(exact, r.currency)
}

// Share returns part/whole of a, rounded half away from zero: what is left of a
// price when part of a period of length whole remains.
func (a Amount) Share(part, whole int64) (Amount, error) {
	if whole <= 0 || part < 0 {
		return Amount{}, errRange
	}
	exact := new(big.Rat).Mul(new(big.Rat).SetInt64(a.minor), big.NewRat(part, whole))
	return round(exact, a.currency)
}

func round(exact *big.Rat, c Currency) (Amount, error) {
	negative := exact.Sign() < 0
	abs := new(big.Rat).Abs(exact)
	num := new(big.Int).Lsh(abs.Num(), 1)
	num.Add(num, abs.Denom())
	den := new(big.Int).Lsh(abs.Denom(), 1)
	num.Quo(num, den)
	if !num.IsInt64() {
		return Amount{}, errRange
	}
	if n := num.Int64(); !negative {
		return Amount{n, c}, nil
	} else {
		return Amount{-n, c}, nil
	}
}

func parse(s string) (*big.Rat, error) {
	s = strings.TrimSpace(s)
	if !decimal.MatchString(s) {
		return nil, fmt.Errorf("%w: %q", ErrSyntax, s)
	}
	r, _ := new(big.Rat).SetString(s)
	return r, nil
}

// scale is 10 to the power of c's exponent.
func scale(c Currency) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(c.Exponent())), nil))
}

// trim takes the zeros off the end of a decimal.
func trim(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
