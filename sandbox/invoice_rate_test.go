package sandbox

import (
	"testing"

	"pgregory.net/rapid"

	"tollgate/money"
)

func cents(t *testing.T, decimal string) money.Rate {
	t.Helper()
	r, err := money.RateOfMinor(decimal, usd)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestQuantitiesArePriced(t *testing.T) {
	t.Parallel()
	tiers := []tier{{100, cents(t, "10"), cents(t, "0")}, {200, cents(t, "5"), cents(t, "300")}, {0, cents(t, "1"), cents(t, "0")}}
	for name, c := range map[string]struct {
		terms    terms
		quantity int64
		want     int64
	}{
		"whole cents":                {terms{unit: cents(t, "4900")}, 2, 9800},
		"parts of a cent, half up":   {terms{unit: cents(t, "0.05")}, 30, 2},
		"12345 calls":                {terms{unit: cents(t, "0.05")}, 12345, 617},
		"nothing used":               {terms{unit: cents(t, "0.05")}, 0, 0},
		"packages begun":             {terms{unit: cents(t, "100"), divideBy: 10, roundUp: true}, 21, 300},
		"packages full":              {terms{unit: cents(t, "100"), divideBy: 10}, 29, 200},
		"volume, end of tier":        {terms{tiers: tiers}, 100, 1000},
		"volume, next tier":          {terms{tiers: tiers}, 101, 505 + 300},
		"volume, last tier":          {terms{tiers: tiers}, 1000, 1000},
		"graduated, first tier":      {terms{tiers: tiers, graduated: true}, 100, 1000},
		"graduated, into second":     {terms{tiers: tiers, graduated: true}, 101, 1000 + 5 + 300},
		"graduated, into last":       {terms{tiers: tiers, graduated: true}, 250, 1000 + 500 + 300 + 50},
		"graduated, nothing is used": {terms{tiers: []tier{{10, cents(t, "1"), cents(t, "700")}, {0, cents(t, "1"), cents(t, "5")}}, graduated: true}, 0, 700},
	} {
		if got, err := c.terms.amount(c.quantity); err != nil || got.Minor() != c.want {
			t.Errorf("%s: %d units cost %v (%v), want %d cents", name, c.quantity, got, err, c.want)
		}
	}
}

func TestOneTierIsAPlainPrice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		unit := cents(t, rapid.SampledFrom([]string{"0.05", "0.2", "1", "12.5", "4900"}).Draw(rt, "unit"))
		n := rapid.Int64Range(0, 1e9).Draw(rt, "n")
		plain, _ := terms{unit: unit}.amount(n)
		step := []tier{{0, unit, cents(t, "0")}}
		volume, _ := terms{tiers: step}.amount(n)
		graduated, err := terms{tiers: step, graduated: true}.amount(n)
		if err != nil || plain != volume || plain != graduated {
			rt.Fatalf("%d units: %v plain, %v volume, %v graduated (%v)", n, plain, volume, graduated, err)
		}
	})
}
