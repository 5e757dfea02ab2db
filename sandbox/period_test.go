package sandbox

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMonthEndsClampAndComeBack(t *testing.T) {
	t.Parallel()
	monthly := interval{"month", 1}
	anchor := time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC)
	for n, want := range []string{"2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"} {
		if got := monthly.boundary(anchor, n).Format(time.DateOnly); got != want {
			t.Errorf("period %d begins %s, want %s", n, got, want)
		}
	}
	leap := time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC)
	for n, want := range map[int]string{1: "2029-02-28", 4: "2032-02-29", -1: "2027-02-28"} {
		if got := (interval{"year", 1}).boundary(leap, n).Format(time.DateOnly); got != want {
			t.Errorf("year %d begins %s, want %s", n, got, want)
		}
	}
}

func TestDaylightSavingDoesNotMovePeriods(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("somewhere", -7*3600)
	p := interval{"week", 2}.period(time.Date(2026, 3, 1, 17, 30, 0, 0, zone), time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC))
	if p.start.Format(time.RFC3339) != "2026-03-16T00:30:00Z" || p.seconds() != 14*86400 {
		t.Errorf("two weeks are %v to %v", p.start, p.end)
	}
}

func TestPeriodsTileTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		every := interval{
			rapid.SampledFrom([]string{"day", "week", "month", "year"}).Draw(t, "unit"),
			rapid.IntRange(1, 12).Draw(t, "count"),
		}
		anchor := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "anchor"), 0).UTC()
		at := anchor.Add(time.Duration(rapid.Int64Range(-1e8, 1e9).Draw(t, "offset")) * time.Second)
		p := every.period(anchor, at)
		if !p.holds(at) {
			t.Fatalf("%v is not in its own period %v", at, p)
		}
		if next := every.period(anchor, p.end); !next.start.Equal(p.end) {
			t.Fatalf("a gap or an overlap after %v: the next begins %v", p, next.start)
		}
		if before := every.period(anchor, p.start.Add(-time.Second)); !before.end.Equal(p.start) {
			t.Fatalf("a gap or an overlap before %v", p)
		}
		if own := every.period(anchor, anchor); !own.start.Equal(anchor) {
			t.Fatalf("no period begins at the anchor %v", anchor)
		}
	})
}
