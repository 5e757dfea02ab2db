package money_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"tollgate/money"
)

func TestExactly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rate, currency string
		n              int64
		want           string
	}{
		{"0.002", "usd", 548, "1.096"}, {"0.002", "usd", 500, "1.00"}, {"0.002", "usd", 0, "0.00"}, {"0.0000001", "usd", 3, "0.0000003"},
		{"2", "jpy", 7, "14"}, {"0.5", "jpy", 3, "1.5"}, {"0.001", "kwd", 1, "0.001"}, {"0.002", "usd", -3, "-0.006"},
	} {
		r, err := money.ParseRate(tt.rate, money.MustCurrency(tt.currency))
		if got := r.Exactly(tt.n); err != nil || got != tt.want {
			t.Errorf("%d at %s %s are %s, %v; want %s", tt.n, tt.rate, tt.currency, got, err, tt.want)
		}
	}
	if got := (money.Rate{}).Exactly(5); got != "0" {
		t.Errorf("no rate: %s", got)
	}
}

// What parts are worth adds up to what the whole is worth, to the last decimal.
func TestPartsAreWorthTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t)
		r, err := money.RateOfMinor(anyRate(t), c)
		if err != nil {
			t.Fatal(err)
		}
		a, b := rapid.Int64Range(0, 1e12).Draw(t, "a"), rapid.Int64Range(0, 1e12).Draw(t, "b")
		worth := func(n int64) *big.Rat {
			v, ok := new(big.Rat).SetString(r.Exactly(n))
			if !ok {
				t.Fatalf("%q is no number", r.Exactly(n))
			}
			return v
		}
		if sum := new(big.Rat).Add(worth(a), worth(b)); sum.Cmp(worth(a+b)) != 0 {
			t.Fatalf("%s and %s are not %s", r.Exactly(a), r.Exactly(b), r.Exactly(a+b))
		}
	})
}
