package gateway

import "time"

// A Quota is how many units a plan includes in each window of so many units of
// time. The zero Quota is none. What counts is what is billed: the units of the
// calls that the API's rule counts, whatever plan the subscription had at the time.
type Quota struct {
	Units int64
	Every int    // units of time; below 1 it is 1
	Unit  string // sec, min, hour, day, week, month or year
	Stop  bool   // calls above it are refused, instead of let through
}

// Holds reports whether q stops calls.
func (q Quota) Holds() bool { return q.Units > 0 && q.Stop }

// monday is when windows of weeks begin to be counted: they begin on Mondays.
var monday = time.Date(1970, time.January, 5, 0, 0, 0, 0, time.UTC)

// Window returns the window that a business time is in: from start, until just
// before end, both UTC. Windows of several units are counted from 1970 on, those of
// weeks from the first Monday in it, those of months and years by the calendar.
func (q Quota) Window(now time.Time) (start, end time.Time) {
	every := max(q.Every, 1)
	now = now.UTC()
	switch q.Unit {
	case "sec":
		return spans(time.Unix(0, 0).UTC(), now, every, time.Second)
	case "min":
		return spans(time.Unix(0, 0).UTC(), now, every, time.Minute)
	case "hour":
		return spans(time.Unix(0, 0).UTC(), now, every, time.Hour)
	case "day":
		return spans(time.Unix(0, 0).UTC(), now, every, 24*time.Hour)
	case "week":
		return spans(monday, now, every, 7*24*time.Hour)
	case "year":
		every *= 12
	}
	month := (now.Year()-1970)*12 + int(now.Month()) - 1
	month -= month % every
	start = time.Date(1970, time.January+time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	return start, start.AddDate(0, every, 0)
}

// spans returns the span of so many units that now is in, counted from origin. It
// works in seconds, because a duration ends after 292 years.
func spans(origin, now time.Time, every int, unit time.Duration) (start, end time.Time) {
	span := int64(every) * int64(unit/time.Second)
	since := now.Unix() - origin.Unix()
	if since < 0 {
		since -= span - 1
	}
	from := origin.Unix() + since/span*span
	return time.Unix(from, 0).UTC(), time.Unix(from+span, 0).UTC()
}

// Limit returns a quota for a caller to read, at a business time in its window, when
// used units of it are used.
func (q Quota) Limit(used int64, start, end, now time.Time) Limit {
	return Limit{Name: "quota", Limit: q.Units, Remaining: max(q.Units-used, 0), Window: end.Sub(start), Resets: end.Sub(now)}
}
