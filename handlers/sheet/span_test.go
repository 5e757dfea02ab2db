package sheet_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/handlers/sheet"
	"tollgate/internal/fault"
)

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err) // the tests say only instants
	}
	return t
}

func TestPeriodsFollowEachOther(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		period               sheet.Period
		before, beforeBefore string
	}{
		"a month":          {sheet.Period{Start: at("2026-11-14 10:14"), End: at("2026-12-14 10:14"), Cycle: "month", Billed: true}, "2026-10-14 10:14", "2026-09-14 10:14"},
		"after a short":    {sheet.Period{Start: at("2026-03-31 08:00"), End: at("2026-04-30 08:00"), Cycle: "month", Billed: true}, "2026-02-28 08:00", "2026-01-28 08:00"},
		"a leap day":       {sheet.Period{Start: at("2028-02-29 08:00"), End: at("2029-02-28 08:00"), Cycle: "year", Billed: true}, "2027-02-28 08:00", "2026-02-28 08:00"},
		"a day":            {sheet.Period{Start: at("2026-03-01 23:59"), End: at("2026-03-02 23:59"), Cycle: "day", Billed: true}, "2026-02-28 23:59", "2026-02-27 23:59"},
		"a week":           {sheet.Period{Start: at("2026-03-01 00:00"), End: at("2026-03-08 00:00"), Cycle: "week", Billed: true}, "2026-02-22 00:00", "2026-02-15 00:00"},
		"a calendar month": {sheet.Month(at("2026-03-31 12:00")), "2026-02-01 00:00", "2026-01-01 00:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spans := sheet.Spans(tt.period, tt.period.Start.Add(time.Hour))
			this, last := spans[0], spans[1]
			if !this.From.Equal(tt.period.Start) || !this.To.Equal(tt.period.End) || !this.Before.Equal(at(tt.before)) {
				t.Errorf("this one: %+v", this)
			}
			if !last.From.Equal(at(tt.before)) || !last.To.Equal(tt.period.Start) || !last.Before.Equal(at(tt.beforeBefore)) {
				t.Errorf("the one before: %+v", last)
			}
		})
	}
}

func TestRecentSpansEndNow(t *testing.T) {
	t.Parallel()
	want := map[string][4]string{
		"24h": {"2026-12-07 15:00", "2026-12-08 15:00", "2026-12-06 15:00", "hour"},
		"7d":  {"2026-12-02 00:00", "2026-12-09 00:00", "2026-11-25 00:00", "day"},
		"30d": {"2026-11-09 00:00", "2026-12-09 00:00", "2026-10-10 00:00", "day"},
	}
	for _, s := range sheet.Spans(sheet.Month(at("2026-12-08 14:32")), at("2026-12-08 14:32")) {
		if w, ok := want[s.Name]; ok && (!s.From.Equal(at(w[0])) || !s.To.Equal(at(w[1])) || !s.Before.Equal(at(w[2])) || string(s.Grain("")) != w[3]) {
			t.Errorf("%s is %+v, by %s", s.Name, s, s.Grain(""))
		}
	}
}

func TestSpansSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]sheet.Span{
		"1 Dec 2026 to 31 Dec 2026, UTC":                   {From: at("2026-12-01 00:00"), To: at("2027-01-01 00:00")},
		"8 Dec 2026, UTC":                                  {From: at("2026-12-08 00:00"), To: at("2026-12-09 00:00")},
		"14 Nov 2026, 10:14 UTC to 14 Dec 2026, 10:14 UTC": {From: at("2026-11-14 10:14"), To: at("2026-12-14 10:14")},
	} {
		if got := s.Words(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestDaysAsEntered(t *testing.T) {
	t.Parallel()
	s, err := sheet.DaysFrom("2026-12-01", "2026-12-03")
	if err != nil || !s.From.Equal(at("2026-12-01 00:00")) || !s.To.Equal(at("2026-12-04 00:00")) || !s.Before.Equal(at("2026-11-28 00:00")) {
		t.Errorf("%+v, %v", s, err)
	}
	if first, last := sheet.Days(s); first != "2026-12-01" || last != "2026-12-03" {
		t.Errorf("they are entered again as %s and %s", first, last)
	}
	for pair, field := range map[string]string{
		"2026-12-03 2026-12-01": "to", " 2026-12-01": "from", "2026-12-01 ": "to", "x y": "from", "2026-02-30 2026-03-01": "from",
		"2024-01-01 2026-12-31": "to", "0001-01-01 0001-01-02": "from",
	} {
		first, last, _ := strings.Cut(pair, " ")
		_, err := sheet.DaysFrom(first, last)
		if problems, _ := fault.FieldsOf(err); problems[field] == "" {
			t.Errorf("%q: %v", pair, err)
		}
	}
}

// Whatever is asked for, a drawing has at least one and not too many parts, nothing of
// the span is left out, and no call is lost or counted twice.
func TestNoCallIsLostBetweenParts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		from := at("2026-01-01 00:00").Add(time.Duration(r.Int64N(int64(365 * 24 * time.Hour)))).Truncate(time.Second)
		to := from.Add(time.Minute + time.Duration(r.Int64N(int64(700*24*time.Hour))>>r.IntN(12)))
		s := sheet.Span{From: from, To: to, Before: from.Add(from.Sub(to))}
		g := s.Grain([]string{"", "hour", "day", "month", "x"}[r.IntN(5)])
		var buckets []sheet.Bucket
		for range r.IntN(40) {
			n := r.Int64N(100)
			when := from.Add(time.Duration(r.Int64N(int64(to.Sub(from))))).Truncate(time.Hour)
			buckets = append(buckets, sheet.Bucket{Start: when, Calls: n + 3, Counted: n, Units: 2 * n})
		}
		u := sheet.Use{Span: s, Grain: g, Now: to, Buckets: buckets}
		slots := u.Slots()
		if len(slots) < 1 || len(slots) > 201 {
			t.Fatalf("%v to %v by %s: %d parts", from, to, g, len(slots))
		}
		got, want := sheet.Sum(slots), sheet.Sum(buckets)
		if got.Calls != want.Calls || got.Counted != want.Counted || got.Units != want.Units {
			t.Fatalf("%v to %v by %s: %+v, not %+v", from, to, g, got, want)
		}
		rows := u.Rows()
		if rows[0][0] != from.UTC().Format(time.RFC3339) || rows[len(rows)-1][1] != to.UTC().Format(time.RFC3339) {
			t.Fatalf("the file is about %v to %v, not %v to %v", rows[0][0], rows[len(rows)-1][1], from, to)
		}
	}
}

func TestEstimates(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, tt := range []struct {
		used, lately int64
		late, left   time.Duration
		want         int64
		ok           bool
	}{
		{835, 835, 7 * day, 5*day + 19*time.Hour + 42*time.Minute, 1529, true}, // 835 × 8,382 / 10,080 = 694 more
		{100, 0, 7 * day, 20 * day, 100, true},
		{0, 0, day, 29 * day, 0, true},
		{5, 5, day - 1, 29 * day, 0, false}, // too early to say
		{5, 5, 2 * day, -1, 0, false},
		{math.MaxInt64 - 1, 1 << 40, day, 29 * day, math.MaxInt64, true},
	} {
		if got, ok := sheet.Likely(tt.used, tt.lately, tt.late, tt.left); got != tt.want || ok != tt.ok {
			t.Errorf("%+v: %d %t", tt, got, ok)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		used, lately := r.Int64N(1e15), r.Int64N(1e15)
		late, left := day+time.Duration(r.Int64N(int64(7*day))), time.Duration(r.Int64N(int64(365*day)))
		got, _ := sheet.Likely(used, lately, late, left)
		exact := new(big.Rat).Mul(big.NewRat(lately, int64(late)), big.NewRat(int64(left), 1))
		exact.Add(exact, big.NewRat(used, 1)).Sub(exact, big.NewRat(got, 1))
		if exact.Sign() < 0 || exact.Cmp(big.NewRat(1, 1)) >= 0 {
			t.Fatalf("%d %d %v %v: %d is wrong by %v", used, lately, late, left, got, exact)
		}
	}
}

func TestADrawingSaysWhatOneSees(t *testing.T) {
	t.Parallel()
	now := at("2026-12-08 14:32")
	span := sheet.Spans(sheet.Period{Start: at("2026-11-14 10:14"), End: at("2026-12-14 10:14"), Cycle: "month", Billed: true}, now)[0]
	u := sheet.Use{ID: "c", Span: span, Grain: sheet.ByDay, Now: now, Compared: true, Units: true,
		Buckets: []sheet.Bucket{{at("2026-11-14 00:00"), 10, 9, 90}, {at("2026-12-03 00:00"), 1304, 1300, 13000}},
		Before:  []sheet.Bucket{{at("2026-10-14 00:00"), 7, 7, 7}, {at("2026-11-14 00:00"), 5, 5, 5}}}
	c := u.Chart()
	if c.Strong+c.Says != "1,314 calls, most on 3 Dec 2026 (1,304). The period before: 12." {
		t.Errorf("it says %q", c.Strong+c.Says)
	}
	if len(c.Slots) != 31 || c.Begun != 25 || c.Slots[19].Main != 1300 || c.Slots[19].Extra != 4 || c.Slots[0].Before != 7 {
		t.Errorf("%d slots, %d begun, %+v", len(c.Slots), c.Begun, c.Slots[19])
	}
	if got := strings.Join(c.Foot, "|"); got != "Together|1,314|1,309|13,090|12" || len(c.Columns)+1 != len(c.Foot) {
		t.Errorf("together: %s under %v", got, c.Columns)
	}
	u.Units, u.Compared, u.Cost = false, false, func(n int64) string { return strconv.FormatInt(2*n, 10) + " USD" }
	if c = u.Chart(); strings.Join(c.Slots[19].Cells, "|") != "1,304|1,300|26000 USD" || strings.Join(c.Columns, "|") != "Calls|Counted|Cost" || !strings.HasSuffix(c.Slots[19].Says, ", 26000 USD") {
		t.Errorf("%v: %v, %s", c.Columns, c.Slots[19].Cells, c.Slots[19].Says)
	}
	u.Buckets, u.Compared = nil, true
	if c = u.Chart(); c.Strong+c.Says != "No call in this time. The period before: 12." {
		t.Errorf("it says %q", c.Strong+c.Says)
	}
}
