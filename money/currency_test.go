package money_test

import (
	"testing"

	"tollgate/money"
)

func TestParseCurrency(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"usd": "usd", "USD": "usd", " Eur ": "eur", "jPy": "jpy", "kwd": "kwd"} {
		c, err := money.ParseCurrency(in)
		if err != nil || c.Code() != want {
			t.Errorf("ParseCurrency(%q) = %q, %v; want %q", in, c.Code(), err, want)
		}
	}
	for _, in := range []string{"", "us", "usdd", "xxx", "btc", "$", "u sd"} {
		if c, err := money.ParseCurrency(in); err == nil || !c.IsZero() {
			t.Errorf("ParseCurrency(%q) = %v, %v; want an error", in, c, err)
		}
	}
}

func TestCurrencyExponent(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{
		"usd": 2, "eur": 2, "huf": 2, "twd": 2,
		"isk": 2, "ugx": 2, // no cents in the world, hundredths at Stripe
		"jpy": 0, "krw": 0, "clp": 0, "vnd": 0, "xaf": 0,
		"kwd": 3, "bhd": 3, "jod": 3, "omr": 3, "tnd": 3,
	} {
		if got := money.MustCurrency(code).Exponent(); got != want {
			t.Errorf("%s: exponent %d, want %d", code, got, want)
		}
	}
}

func TestMustCurrencyPanicsOnUnknown(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	money.MustCurrency("nope")
}

func TestZeroCurrency(t *testing.T) {
	t.Parallel()
	var c money.Currency
	if !c.IsZero() || c.String() != "" || c.Code() != "" {
		t.Errorf("zero currency is %q", c)
	}
	if money.MustCurrency("usd").IsZero() || money.MustCurrency("usd").String() != "USD" {
		t.Error("USD is not itself")
	}
}
