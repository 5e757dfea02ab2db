package sandbox

import "time"

// An interval is how often a price recurs.
type interval struct {
	unit  string // day, week, month or year
	count int
}

// A span is a stretch of time: start belongs to it, end does not.
type span struct{ start, end time.Time }

// seconds is the length of s, the finest that Stripe bills by.
func (s span) seconds() int64 { return s.end.Unix() - s.start.Unix() }

// holds reports whether t lies in s.
func (s span) holds(t time.Time) bool { return !t.Before(s.start) && t.Before(s.end) }

// boundary returns where the n-th period after anchor begins, in UTC. Months
// that are too short end on their last day, and the next long month is back on
// the anchor's day: 31 January, 28 February, 31 March.
func (i interval) boundary(anchor time.Time, n int) time.Time {
	anchor = anchor.UTC()
	switch i.unit {
	case "day":
		return anchor.AddDate(0, 0, n*i.count)
	case "week":
		return anchor.AddDate(0, 0, 7*n*i.count)
	case "year":
		return addMonths(anchor, 12*n*i.count)
	default:
		return addMonths(anchor, n*i.count)
	}
}

// period returns the period around t when billing is anchored at anchor.
func (i interval) period(anchor, t time.Time) span {
	n := i.guess(anchor, t)
	for i.boundary(anchor, n).After(t) {
		n--
	}
	for !i.boundary(anchor, n+1).After(t) {
		n++
	}
	return span{i.boundary(anchor, n), i.boundary(anchor, n+1)}
}

// guess is near the number of the period that holds t.
func (i interval) guess(anchor, t time.Time) int {
	days := int(t.Sub(anchor).Hours() / 24)
	return days / (i.days() * i.count)
}

// days is about how long one unit lasts.
func (i interval) days() int {
	switch i.unit {
	case "day":
		return 1
	case "week":
		return 7
	case "year":
		return 365
	default:
		return 30
	}
}

// addMonths is time.AddDate for months, but stays in the month it reaches.
func addMonths(t time.Time, months int) time.Time {
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).AddDate(0, months, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}
