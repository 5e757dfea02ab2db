package money_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"tollgate/money"
)

var (
	usd = money.MustCurrency("usd")
	eur = money.MustCurrency("eur")
	jpy = money.MustCurrency("jpy")
	kwd = money.MustCurrency("kwd")
)

func TestParseAmount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in    string
		c     money.Currency
		minor int64
		err   error
	}{
		{in: "49.00", c: usd, minor: 4900},
		{in: "49", c: usd, minor: 4900},
		{in: " 49.5 ", c: usd, minor: 4950},
		{in: "0.53", c: usd, minor: 53}, // 52 when computed in floats
		{in: "1.05", c: usd, minor: 105},
		{in: "0.29", c: usd, minor: 29},
		{in: "0", c: usd, minor: 0},
		{in: "007", c: usd, minor: 700},
		{in: "1.0500000", c: usd, minor: 105},
		{in: "500", c: jpy, minor: 500},
		{in: "500.0", c: jpy, minor: 500},
		{in: "1.234", c: kwd, minor: 1234},
		{in: "999999999999999", c: usd, minor: 99999999999999900},
		{in: "1.005", c: usd, err: money.ErrTooFine},
		{in: "500.5", c: jpy, err: money.ErrTooFine},
		{in: "1.2345", c: kwd, err: money.ErrTooFine},
		{in: "", c: usd, err: money.ErrSyntax},
		{in: "-1", c: usd, err: money.ErrSyntax},
		{in: "+1", c: usd, err: money.ErrSyntax},
		{in: "1,50", c: usd, err: money.ErrSyntax},
		{in: "1.", c: usd, err: money.ErrSyntax},
		{in: ".5", c: usd, err: money.ErrSyntax},
		{in: "1e3", c: usd, err: money.ErrSyntax},
		{in: "1/2", c: usd, err: money.ErrSyntax},
		{in: "0x10", c: usd, err: money.ErrSyntax},
		{in: "1_000", c: usd, err: money.ErrSyntax},
		{in: "١", c: usd, err: money.ErrSyntax}, // a digit, but not of ours
		{in: "NaN", c: usd, err: money.ErrSyntax},
		{in: "1\n2", c: usd, err: money.ErrSyntax},
		{in: "1000000000000000", c: usd, err: money.ErrSyntax}, // 16 digits
	} {
		got, err := money.ParseAmount(tt.in, tt.c)
		if !errors.Is(err, tt.err) {
			t.Errorf("ParseAmount(%q, %v): error %v, want %v", tt.in, tt.c, err, tt.err)
		}
		if err == nil && got != money.New(tt.minor, tt.c) {
			t.Errorf("ParseAmount(%q, %v) = %v, want %d minor", tt.in, tt.c, got, tt.minor)
		}
	}
}

func TestAmountString(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]money.Amount{
		"49.00 USD":                 money.New(4900, usd),
		"-0.05 USD":                 money.New(-5, usd),
		"500 JPY":                   money.New(500, jpy),
		"0.001 KWD":                 money.New(1, kwd),
		"92233720368547758.07 USD":  money.New(math.MaxInt64, usd),
		"-92233720368547758.08 USD": money.New(math.MinInt64, usd),
	} {
		if got := a.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAddRefusesToMixOrWrap(t *testing.T) {
	t.Parallel()
	for name, pair := range map[string][2]money.Amount{
		"two currencies": {money.New(1, usd), money.New(1, eur)},
		"no currency":    {money.New(1, money.Currency{}), money.New(1, money.Currency{})},
		"too large":      {money.New(math.MaxInt64, usd), money.New(1, usd)},
		"too small":      {money.New(math.MinInt64, usd), money.New(-1, usd)},
	} {
		if sum, err := pair[0].Add(pair[1]); err == nil {
			t.Errorf("%s: %v", name, sum)
		}
	}
	if _, err := money.New(1, usd).Cmp(money.New(1, jpy)); err == nil {
		t.Error("two currencies were compared")
	}
}

func TestAddAgreesWithBigInt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		exact := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		sum, err := money.New(a, usd).Add(money.New(b, usd))
		if (err == nil) != exact.IsInt64() {
			t.Fatalf("%d + %d: error %v", a, b, err)
		}
		if err == nil && sum.Minor() != exact.Int64() {
			t.Fatalf("%d + %d = %d", a, b, sum.Minor())
		}
	})
}

func TestNegAndCmp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, math.MaxInt64).Draw(t, "n")
		a := money.New(n, usd)
		sum, err := a.Add(a.Neg())
		if err != nil || !sum.IsZero() {
			t.Fatalf("%v + its negation = %v, %v", a, sum, err)
		}
		order, err := a.Neg().Cmp(a)
		if err != nil || order != -1 {
			t.Fatalf("-%v against %v: %d, %v", a, a, order, err)
		}
	})
}

func anyCurrency(t *rapid.T) money.Currency {
	return rapid.SampledFrom([]money.Currency{usd, eur, jpy, kwd}).Draw(t, "currency")
}

func TestAmountTextReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t)
		a := money.New(rapid.Int64Range(0, 999_999_999_999_999).Draw(t, "minor"), c)
		back, err := money.ParseAmount(a.Decimal(), c)
		if err != nil || back != a {
			t.Fatalf("%v reads back as %v, %v", a, back, err)
		}
	})
}

func TestShare(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ minor, part, whole, want int64 }{
		{1000, 1, 2, 500},
		{1000, 1, 3, 333},
		{1000, 2, 3, 667},
		{5, 1, 2, 3},   // half goes away from zero
		{-5, 1, 2, -3}, // also below it
		{4900, 0, 30, 0},
		{4900, 30, 30, 4900},
	} {
		got, err := money.New(tt.minor, usd).Share(tt.part, tt.whole)
		if err != nil || got.Minor() != tt.want {
			t.Errorf("%d × %d/%d = %v, %v; want %d", tt.minor, tt.part, tt.whole, got, err, tt.want)
		}
	}
	for _, bad := range [][2]int64{{1, 0}, {1, -1}, {-1, 2}} {
		if got, err := money.New(1, usd).Share(bad[0], bad[1]); err == nil {
			t.Errorf("share %v = %v", bad, got)
		}
	}
	if got, err := money.New(math.MaxInt64, usd).Share(2, 1); err == nil {
		t.Errorf("twice the largest amount = %v", got)
	}
}

// The two shares of a cut period differ from the whole by at most one minor
// unit, and by none when only one of them is rounded.
func TestSharesSumUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.Int64Range(-1_000_000_000_000, 1_000_000_000_000).Draw(t, "minor")
		whole := rapid.Int64Range(1, 31*24*3600).Draw(t, "whole")
		part := rapid.Int64Range(0, whole).Draw(t, "part")
		a := money.New(minor, usd)
		used, err := a.Share(part, whole)
		if err != nil {
			t.Fatal(err)
		}
		left, err := a.Share(whole-part, whole)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := used.Add(left)
		if err != nil {
			t.Fatal(err)
		}
		half := new(big.Int).Mul(big.NewInt(2*minor), big.NewInt(part))
		ties := half.Rem(half, big.NewInt(whole)).Sign() == 0
		switch diff := sum.Minor() - minor; {
		case diff == 0:
		case ties && (diff == 1 || diff == -1): // both halves were rounded away from zero
		default:
			t.Fatalf("%v cut at %d/%d: %v + %v is off by %d", a, part, whole, used, left, diff)
		}
	})
}
