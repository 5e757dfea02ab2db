package usage

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tollgate/models"
)

// instant draws a whole second of two years, often near the end of a month or of an
// hour.
func instant(t *rapid.T, label string) models.Instant {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := begin.Add(time.Duration(rapid.Int64Range(0, 2*365*24*3600).Draw(t, label)) * time.Second)
	switch rapid.IntRange(0, 3).Draw(t, label+" kind") {
	case 0:
		at = time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC).Add(-time.Duration(rapid.IntRange(0, 5).Draw(t, label+" before")) * time.Second)
	case 1:
		at = at.Truncate(time.Hour)
	}
	return models.At(at)
}

// Whatever the periods, an hour is cut into stretches that follow each other without a
// gap, none of which has the end of a period inside, on that day or on any other.
func TestCutsCoverAnHourAndSpanNoPeriod(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := instant(t, "start")
		months := rapid.IntRange(1, 12).Draw(t, "months")
		c := calendar{start, models.At(start.Time().AddDate(0, months, 0))}
		hour := models.HourOf(rapid.SampledFrom([]models.Instant{instant(t, "hour"), c[0], c[1], c[1] - 3_600_000}).Draw(t, "which"))
		whole := span{hour, hour + models.Instant(rapid.Int64Range(1, 3600).Draw(t, "seconds")*1000)}
		step := rapid.SampledFrom([]time.Duration{0, shortWindow}).Draw(t, "step")
		cuts := c.cut(whole, step)
		at := whole.start
		for _, s := range cuts {
			if s.start != at || s.end <= s.start {
				t.Fatalf("%v does not follow %d in %v", s, at, cuts)
			}
			at = s.end
			for _, end := range c {
				for _, sameTime := range []models.Instant{end, s.start - s.start%86_400_000 + end%86_400_000} {
					if s.start < sameTime && sameTime < s.end {
						t.Fatalf("%v spans %s", s, sameTime.Time())
					}
				}
			}
			if step > 0 && s.end-s.start > models.Instant(step.Milliseconds()) {
				t.Fatalf("%v is longer than %s", s, step)
			}
		}
		if at != whole.end {
			t.Fatalf("%v ends before %v", cuts, whole)
		}
	})
}

// Around the end of a period what may be sealed only grows with time; it is never more than has passed, all of an
// hour a minute after it, and all of a period as soon as it is over.
func TestWhatMayBeSealed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		end := instant(t, "end")
		c := calendar{end}
		hour := models.HourOf(end + models.Instant(rapid.Int64Range(-2, 2).Draw(t, "hours")*3_600_000))
		last := hour
		for now := hour; now < hour+3*3_600_000; now += models.Instant(rapid.Int64Range(1, 400_000).Draw(t, "step")) {
			got := c.through(hour, now)
			if c.near(now) && got < last || got > now || got > hour+3_600_000 || got%1000 != 0 {
				t.Fatalf("at %s of hour %s: %s, after %s", now.Time(), hour.Time(), got.Time(), last.Time())
			}
			if now >= hour+3_660_000 && got != hour+3_600_000 {
				t.Fatalf("the hour is over, and only %s of it may be sealed", got.Time())
			}
			if now >= end && got < min(end, hour+3_600_000) && now-end <= 3_600_000 {
				t.Fatalf("the period is over, and only %s may be sealed", got.Time())
			}
			last = got
		}
	})
}

// A window has the same name whoever makes it, and no two have one name, however
// alike their parts are.
func TestIdentifiers(t *testing.T) {
	t.Parallel()
	w := models.UsageWindow{TenantID: 1, SubscriptionID: 23, PolicyID: 4, Start: 1796738400000, Revision: 0}
	if got := identifier("inst-1", w); got != "u1_"+got[3:43] || len(got) != 43 || got != identifier("inst-1", w) {
		t.Errorf("named %q", got)
	}
	seen := map[string]models.UsageWindow{identifier("inst-1", w): w}
	for _, other := range []models.UsageWindow{
		{TenantID: 12, SubscriptionID: 3, PolicyID: 4, Start: w.Start}, {TenantID: 1, SubscriptionID: 2, PolicyID: 34, Start: w.Start},
		{TenantID: 1, SubscriptionID: 23, PolicyID: 4, Start: w.Start, Revision: 1}, {TenantID: 1, SubscriptionID: 23, PolicyID: 4, Start: w.Start + 1000},
		{TenantID: -1, SubscriptionID: 23, PolicyID: 4, Start: w.Start},
	} {
		name := identifier("inst-1", other)
		if twin, taken := seen[name]; taken {
			t.Errorf("%+v and %+v have one name", other, twin)
		}
		seen[name] = other
	}
	if _, taken := seen[identifier("inst-2", w)]; taken {
		t.Error("two installations give one name")
	}
}

// Stripe's total decides only where there is one answer.
func TestWhatATotalSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		units   []int64
		missing int64
		there   []bool
		sure    bool
	}{
		{[]int64{40}, 40, []bool{true}, true},
		{[]int64{40}, 0, []bool{false}, true},
		{[]int64{40}, 7, nil, false},
		{[]int64{40, 3}, 3, []bool{false, true}, true},
		{[]int64{40, 3}, 43, []bool{true, true}, true},
		{[]int64{5, 5}, 5, nil, false},
		{[]int64{5, -5}, 0, nil, false},
		{[]int64{1, 2, 3}, 3, nil, false},
		{make([]int64, 13), 0, nil, false},
	} {
		var open []models.UsageWindow
		for _, n := range c.units {
			open = append(open, models.UsageWindow{Quantity: n})
		}
		there, sure := countedIn(open, c.missing)
		if sure != c.sure || sure && !equal(there, c.there) {
			t.Errorf("%v with %d missing: %v, %v", c.units, c.missing, there, sure)
		}
	}
}

func equal(a, b []bool) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}
