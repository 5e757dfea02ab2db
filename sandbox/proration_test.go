package sandbox

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tollgate/money"
)

var usd = money.MustCurrency("usd")

func TestAnUpgradeAtMidMonthOwesHalfTheDifference(t *testing.T) {
	t.Parallel()
	june := span{time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}
	got, err := prorate(money.New(1000, usd), money.New(2000, usd), june, june.start.Add(15*24*time.Hour))
	if err != nil || got.credit.Minor() != -500 || got.debit.Minor() != 1000 {
		t.Errorf("10 → 20 at mid-month: %v and %v (%v), want -5.00 and 10.00", got.credit, got.debit, err)
	}
}

func TestProrationCountsSeconds(t *testing.T) {
	t.Parallel()
	p := span{time.Unix(0, 0), time.Unix(3, 0)}
	for at, want := range map[int64]int64{-5: 100, 0: 100, 1: 67, 2: 33, 3: 0, 9: 0} {
		if got, err := unused(money.New(100, usd), p, time.Unix(at, 0)); err != nil || got.Minor() != want {
			t.Errorf("second %d of 3: %v (%v), want %d cents", at, got, err, want)
		}
	}
}

func TestProrationNeverGivesBackMoreThanWasPaid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price := money.New(rapid.Int64Range(0, 99999999).Draw(t, "price"), usd)
		start := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "start"), 0)
		p := span{start, start.Add(time.Duration(rapid.Int64Range(1, 366*86400).Draw(t, "length")) * time.Second)}
		at := start.Add(time.Duration(rapid.Int64Range(-100, 400*86400).Draw(t, "at")) * time.Second)
		rest, err := unused(price, p, at)
		if err != nil || rest.Minor() < 0 || rest.Minor() > price.Minor() {
			t.Fatalf("%v of %v is left (%v)", rest, price, err)
		}
		same, err := prorate(price, price, p, at)
		if err != nil || same.credit.Minor()+same.debit.Minor() != 0 {
			t.Fatalf("changing nothing costs %v and %v (%v)", same.credit, same.debit, err)
		}
	})
}
