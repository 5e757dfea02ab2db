package sheet

import (
	"math"
	"math/big"
	"time"

	"tollgate/internal/fault"
	"tollgate/views/ui"
)

// A Grain is how fine use is told: by the hour, day or month, in UTC.
type Grain string

// The grains, as addresses name them.
const (
	ByHour  Grain = "hour"
	ByDay   Grain = "day"
	ByMonth Grain = "month"
)

// Grains are all of them, with their words.
var Grains = []struct {
	Grain Grain
	Label string
}{{ByHour, "Hour"}, {ByDay, "Day"}, {ByMonth, "Month"}}

const (
	oneDay    = 24 * time.Hour
	mostSlots = 200                // of one drawing
	hourly    = 2                  // up to so many days are told by the hour unless asked otherwise
	daily     = 93                 // and up to so many by the day
	mostDays  = 2 * 366            // that may be asked for at once
	soonest   = oneDay             // a period that has run for less says nothing about its end
	Recent    = 7 * 24 * time.Hour // the time whose pace an estimate takes
)

// begin is where the part of time that t is in begins.
func (g Grain) begin(t time.Time) time.Time {
	t = t.UTC()
	switch g {
	case ByHour:
		return t.Truncate(time.Hour)
	case ByMonth:
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	case ByDay:
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// after is where the part of time that follows the one from t on begins.
func (g Grain) after(t time.Time) time.Time {
	switch g {
	case ByHour:
		return t.Add(time.Hour)
	case ByMonth:
		return t.AddDate(0, 1, 0)
	case ByDay:
	}
	return t.AddDate(0, 0, 1)
}

// A Span is a stretch of time that numbers are about, until just before To.
type Span struct {
	Name     string // in the address
	Label    string
	From, To time.Time
	Before   time.Time // where the time begins that it is compared with, which ends at From
	Than     string    // what that is called
}

// parts are the parts of time that a span touches, by where they begin.
func (g Grain) parts(from, to time.Time) []time.Time {
	var out []time.Time
	for at := g.begin(from); at.Before(to) && len(out) <= mostSlots; at = g.after(at) {
		out = append(out, at)
	}
	return out
}

// Fits reports whether use of s can be told by g: in more than one part, unless it
// is no longer than that, and not in too many.
func (s Span) Fits(g Grain) bool {
	n := len(g.parts(s.From, s.To))
	return n <= mostSlots && (n > 1 || g == ByHour)
}

// Grain returns how fine s is told: as asked if that fits, else as its length suggests.
func (s Span) Grain(asked string) Grain {
	if g := Grain(asked); (g == ByHour || g == ByDay || g == ByMonth) && s.Fits(g) {
		return g
	}
	switch length := s.To.Sub(s.From); {
	case length <= hourly*oneDay:
		return ByHour
	case length <= daily*oneDay:
		return ByDay
	}
	return ByMonth
}

// Words say which time s is.
func (s Span) Words() string {
	to := s.To
	if from, till := ByDay.begin(s.From), ByDay.begin(s.To); from.Equal(s.From) && till.Equal(s.To) {
		last := to.AddDate(0, 0, -1)
		if last.Equal(s.From) {
			return ui.Date(s.From) + ", UTC"
		}
		return ui.Date(s.From) + " to " + ui.Date(last) + ", UTC"
	}
	return ui.Instant(s.From) + " to " + ui.Instant(to)
}

// A Period is what somebody is billed for at once; for who is not billed, a month.
type Period struct {
	Start, End time.Time
	Cycle      string    // day, week, month or year
	Since      time.Time // when there was something to call first; zero: not known
	Billed     bool
}

// Month returns the calendar month that now is in, for who is not billed.
func Month(now time.Time) Period {
	start := ByMonth.begin(now)
	return Period{Start: start, End: ByMonth.after(start), Cycle: "month"}
}

// back returns the instant one cycle before t. A day that the month before does not
// have is its last, as Stripe's anchors are.
func (p Period) back(t time.Time) time.Time {
	switch p.Cycle {
	case "day":
		return t.AddDate(0, 0, -1)
	case "week":
		return t.AddDate(0, 0, -7)
	case "year":
		return clipped(t, -12)
	}
	return clipped(t, -1)
}

// clipped moves t by months, to the last day of a month that is too short.
func clipped(t time.Time, months int) time.Time {
	out := t.AddDate(0, months, 0)
	if out.Day() != t.Day() {
		out = out.AddDate(0, 0, -out.Day())
	}
	return out
}

// The spans of addresses.
const (
	SpanPeriod   = "period"
	SpanPrevious = "previous"
	SpanCustom   = "days"
)

// recent are spans that end now, in whole hours or days.
var recent = []struct {
	name, label, than string
	grain             Grain
	many              int
}{
	{"24h", "24 hours", "The 24 hours before", ByHour, 24}, {"7d", "7 days", "The 7 days before", ByDay, 7}, {"30d", "30 days", "The 30 days before", ByDay, 30},
}

// Spans are what can be asked for about a period, at business time now.
func Spans(p Period, now time.Time) []Span {
	this, last, than := "This month", "Last month", "The month before"
	if p.Billed {
		this, last, than = "This period", "Previous period", "The period before"
	}
	before := p.back(p.Start)
	out := []Span{
		{Name: SpanPeriod, Label: this, From: p.Start, To: p.End, Before: before, Than: than},
		{Name: SpanPrevious, Label: last, From: before, To: p.Start, Before: p.back(before), Than: than},
	}
	for _, r := range recent {
		to := r.grain.after(r.grain.begin(now))
		from, ago := to.Add(-time.Duration(r.many)*time.Hour), 2*time.Duration(r.many)*time.Hour
		if r.grain == ByDay {
			from, ago = to.AddDate(0, 0, -r.many), 2*time.Duration(r.many)*oneDay
		}
		out = append(out, Span{Name: r.name, Label: r.label, From: from, To: to, Before: to.Add(-ago), Than: r.than})
	}
	return out
}

// DaysFrom reads a span of whole days that somebody entered, the last one included.
func DaysFrom(first, last string) (Span, error) {
	var f fault.Fields
	from, err := time.Parse(time.DateOnly, first)
	f.Check(err == nil, "from", "Enter a date such as 2026-12-01.")
	to, err2 := time.Parse(time.DateOnly, last)
	f.Check(err2 == nil, "to", "Enter a date such as 2026-12-31.")
	if err == nil && err2 == nil {
		f.Check(!to.Before(from), "to", "Choose the first day or a later one.")
		f.Check(to.Sub(from) < mostDays*oneDay, "to", "Choose at most two years.")
		year := from.Year()
		f.Check(year >= 2000 && to.Year() < 3000, "from", "Choose a day after 2000.")
	}
	if err := f.Err(); err != nil {
		return Span{}, err
	}
	to = to.AddDate(0, 0, 1)
	return Span{Name: SpanCustom, Label: "Other days", From: from, To: to, Before: from.Add(-to.Sub(from)), Than: "As many days before"}, nil
}

// Days are the first and the last day of s, as they are entered.
func Days(s Span) (first, last string) {
	return s.From.UTC().Format(time.DateOnly), s.To.Add(-time.Millisecond).UTC().Format(time.DateOnly)
}

// Likely returns how many units a period comes to if it goes on as it did of late:
// so far there were used units, within the time of late as many as lately, and some
// time is left. It is false while too little time has passed to say anything.
func Likely(used, lately int64, late, left time.Duration) (int64, bool) {
	if late < soonest || left < 0 || used < 0 || lately < 0 {
		return 0, false
	}
	more := new(big.Int).Mul(big.NewInt(lately), big.NewInt(int64(left)))
	more.Quo(more, big.NewInt(int64(late)))
	if more.Add(more, big.NewInt(used)); !more.IsInt64() {
		return math.MaxInt64, true
	}
	return more.Int64(), true
}
