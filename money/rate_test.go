package money_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tollgate/money"
)

func TestParseRate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in           string
		c            money.Currency
		minor, major string
		err          error
	}{
		{in: "0.002", c: usd, minor: "0.2", major: "0.002"},
		{in: "0.0005", c: eur, minor: "0.05", major: "0.0005"},
		{in: "0.53", c: usd, minor: "53", major: "0.53"},
		{in: "1.05", c: usd, minor: "105", major: "1.05"},
		{in: "1.5", c: usd, minor: "150", major: "1.50"},
		{in: "3", c: usd, minor: "300", major: "3.00"},
		{in: "0", c: usd, minor: "0", major: "0.00"},
		{in: "0.05", c: jpy, minor: "0.05", major: "0.05"},
		{in: "7", c: jpy, minor: "7", major: "7"},
		{in: "0.0015", c: kwd, minor: "1.5", major: "0.0015"},
		{in: "0.00000000000001", c: usd, minor: "0.000000000001", major: "0.00000000000001"},
		{in: "0.000000000000001", c: kwd, minor: "0.000000000001", major: "0.000000000000001"},
		{in: "123.456789012345", c: usd, minor: "12345.6789012345", major: "123.456789012345"}, // 15 digits
		{in: "1234.56789012345", c: jpy, minor: "1234.56789012345", major: "1234.56789012345"},
		{in: "1234.567890123456", c: usd, err: money.ErrTooFine}, // 16 digits
		{in: "0.000000000000001", c: usd, err: money.ErrTooFine}, // 13 decimals of a cent
		{in: "0.0000000000001", c: jpy, err: money.ErrTooFine},   // 13 decimals of a yen
		{in: "99999999999999", c: usd, err: money.ErrTooFine},    // 16 digits in cents
		{in: "0.0000000000000001", c: kwd, err: money.ErrSyntax}, // 16 decimals
		{in: "-0.1", c: usd, err: money.ErrSyntax},
		{in: "0,1", c: usd, err: money.ErrSyntax},
		{in: "", c: usd, err: money.ErrSyntax},
	} {
		got, err := money.ParseRate(tt.in, tt.c)
		if !errors.Is(err, tt.err) {
			t.Errorf("ParseRate(%q, %v): error %v, want %v", tt.in, tt.c, err, tt.err)
		}
		if err == nil && (got.MinorDecimal() != tt.minor || got.Decimal() != tt.major || got.Currency() != tt.c) {
			t.Errorf("ParseRate(%q, %v) = %s minor, %s major", tt.in, tt.c, got.MinorDecimal(), got.Decimal())
		}
	}
}

func TestZeroRate(t *testing.T) {
	t.Parallel()
	var none money.Rate
	if !none.IsZero() || none.MinorDecimal() != "0" || none.Decimal() != "0" || none.String() != "0" {
		t.Errorf("the zero rate is %q", none)
	}
	if a, err := none.Times(1); err == nil {
		t.Errorf("a rate that was never set charges %v", a)
	}
	free, err := money.ParseRate("0", usd)
	if err != nil || !free.IsZero() || free.String() != "0.00 USD" {
		t.Errorf("free is %v, %v", free, err)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		minor string
		n     int64
		want  int64
	}{
		{"0.05", 30, 2}, // 1.5 cents
		{"0.05", 29, 1}, // 1.45 cents
		{"0.05", 10, 1}, // half a cent
		{"0.05", 9, 0},
		{"0.2", 12_345, 2469},
		{"5", 12_345, 61_725},
		{"0.000000000001", 1_000_000_000_000, 1},
		{"0.000000000001", 499_999_999_999, 0},
		{"0.000000000001", 500_000_000_000, 1},
		{"105", 0, 0},
		{"53", 100, 5300},
	} {
		r, err := money.RateOfMinor(tt.minor, usd)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Times(tt.n); err != nil || got != money.New(tt.want, usd) {
			t.Errorf("%d × %s = %v, %v; want %d", tt.n, tt.minor, got, err, tt.want)
		}
	}
	r, _ := money.RateOfMinor("2", usd)
	if got, err := r.Times(math.MaxInt64); err == nil {
		t.Errorf("an overflow became %v", got)
	}
	if got, err := r.Times(-1); err == nil {
		t.Errorf("minus one call costs %v", got)
	}
}

// anyRate draws a decimal that Stripe can keep: at most 15 digits, at most 12 decimals.
func anyRate(t *rapid.T) string {
	digits := rapid.Int64Range(0, 999_999_999_999_999).Draw(t, "digits")
	decimals := rapid.IntRange(0, 12).Draw(t, "decimals")
	return new(big.Rat).SetFrac(big.NewInt(digits), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)).FloatString(decimals)
}

func TestRateTextReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, text := anyCurrency(t), anyRate(t)
		r, err := money.RateOfMinor(text, c)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		again, err := money.RateOfMinor(r.MinorDecimal(), c)
		if err != nil || again.MinorDecimal() != r.MinorDecimal() {
			t.Fatalf("%q became %q, then %q, %v", text, r.MinorDecimal(), again.MinorDecimal(), err)
		}
		major, err := money.ParseRate(r.Decimal(), c)
		if err != nil || major.MinorDecimal() != r.MinorDecimal() {
			t.Fatalf("%q is %q in major units, which reads as %q, %v", text, r.Decimal(), major.MinorDecimal(), err)
		}
	})
}

// What we accept survives the float64 in which stripe-go carries it.
func TestRateSurvivesFloat(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, err := money.RateOfMinor(anyRate(t), usd)
		if err != nil {
			t.Fatal(err)
		}
		f, err := strconv.ParseFloat(r.MinorDecimal(), 64)
		if err != nil {
			t.Fatal(err)
		}
		if sent := strconv.FormatFloat(f, 'f', -1, 64); sent != r.MinorDecimal() {
			t.Fatalf("%s would be sent as %s", r.MinorDecimal(), sent)
		}
	})
}

func TestTimesAgreesWithExactArithmetic(t *testing.T) {
	t.Parallel()
	half := big.NewRat(1, 2)
	rapid.Check(t, func(t *rapid.T) {
		text := anyRate(t)
		n := rapid.Int64Range(0, math.MaxInt64).Draw(t, "n")
		r, err := money.RateOfMinor(text, usd)
		if err != nil {
			t.Fatal(err)
		}
		exact, _ := new(big.Rat).SetString(text)
		exact.Mul(exact, new(big.Rat).SetInt64(n))
		got, err := r.Times(n)
		if err != nil {
			if exact.Cmp(new(big.Rat).SetInt64(math.MaxInt64)) < 0 {
				t.Fatalf("%d × %s: %v", n, text, err)
			}
			return
		}
		// Half up: the result lies in (exact-½, exact+½].
		diff := new(big.Rat).Sub(new(big.Rat).SetInt64(got.Minor()), exact)
		if diff.Cmp(half) > 0 || diff.Cmp(new(big.Rat).Neg(half)) <= 0 {
			t.Fatalf("%d × %s = %d, off by %s", n, text, got.Minor(), diff.FloatString(3))
		}
	})
}

// Whatever is typed, a parser either refuses it or keeps exactly that number.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "49.00", "0.002", "1.05", "123.456789012345", "1e9", "-1", "", " 7 ", "00.10"} {
		f.Add(s, "usd")
		f.Add(s, "jpy")
		f.Add(s, "kwd")
	}
	f.Fuzz(func(t *testing.T, s, code string) {
		c, err := money.ParseCurrency(code)
		if err != nil {
			return
		}
		if a, err := money.ParseAmount(s, c); err == nil {
			same(t, s, a.Decimal())
		}
		if r, err := money.ParseRate(s, c); err == nil {
			same(t, s, r.Decimal())
		}
		if r, err := money.RateOfMinor(s, c); err == nil {
			same(t, s, r.MinorDecimal())
		}
	})
}

func same(t *testing.T, in, out string) {
	t.Helper()
	want, ok := new(big.Rat).SetString(strings.TrimSpace(in))
	got, ok2 := new(big.Rat).SetString(out)
	if !ok || !ok2 || want.Cmp(got) != 0 {
		t.Errorf("%q was kept as %q", in, out)
	}
}

func ExampleRate_Times() {
	rate, _ := money.ParseRate("0.0005", money.MustCurrency("eur"))
	price, _ := rate.Times(12_345)
	fmt.Println(rate, price)
	// Output: 0.0005 EUR 6.17 EUR
}
