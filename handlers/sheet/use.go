package sheet

import (
	"strconv"
	"time"

	"tollgate/views/ui"
)

// A Bucket is the calls of an hour, a day or a month.
type Bucket struct {
	Start                 time.Time
	Calls, Counted, Units int64
}

// Sum adds buckets up.
func Sum(all []Bucket) Bucket {
	var s Bucket
	for _, b := range all {
		s.Calls, s.Counted, s.Units = s.Calls+b.Calls, s.Counted+b.Counted, s.Units+b.Units
	}
	return s
}

// Use is calls over time, to be drawn.
type Use struct {
	ID       string // unique on the page
	Span     Span
	Grain    Grain
	Now      time.Time // business time
	Buckets  []Bucket  // of the span, in any order
	Before   []Bucket  // of what it is compared with
	Compared bool
	Units    bool                     // calls are worth several units, so they are shown beside the calls
	Cost     func(units int64) string // what units cost, not rounded, with the currency; nil: nothing is said of it
	Grains   []ui.Link                // nil: it is not asked
	CSV      string
	Low      bool
}

// spread puts buckets into parts of time.
func (g Grain) spread(buckets []Bucket, parts []time.Time) []Bucket {
	out, at := make([]Bucket, len(parts)), map[int64]int{}
	for i, p := range parts {
		out[i].Start = p
		at[p.Unix()] = i
	}
	for _, b := range buckets {
		if i, ok := at[g.begin(b.Start).Unix()]; ok {
			out[i].Calls, out[i].Counted, out[i].Units = out[i].Calls+b.Calls, out[i].Counted+b.Counted, out[i].Units+b.Units
		}
	}
	return out
}

// Slots are the parts of u's span with their calls.
func (u Use) Slots() []Bucket {
	return u.Grain.spread(u.Buckets, u.Grain.parts(u.Span.From, u.Span.To))
}

// label is how the axis names a part of time; name is how everything else does.
func (g Grain) label(t time.Time) string {
	switch g {
	case ByHour:
		return t.Format("15:04")
	case ByMonth:
		return t.Format("Jan 2006")
	case ByDay:
	}
	return t.Format("2 Jan")
}

func (g Grain) name(t time.Time) string {
	switch g {
	case ByHour:
		return t.Format("2 Jan 2006, 15:04") + " to " + t.Add(time.Hour).Format("15:04")
	case ByMonth:
		return t.Format("January 2006")
	case ByDay:
	}
	return ui.Date(t)
}

// on is name within a sentence.
func (g Grain) on(t time.Time) string {
	switch g {
	case ByHour:
		return "on " + t.Format("2 Jan 2006 from 15:04")
	case ByMonth:
		return "in " + t.Format("January 2006")
	case ByDay:
	}
	return "on " + ui.Date(t)
}

// Chart draws u.
func (u Use) Chart() ui.Chart {
	slots := u.Slots()
	c := ui.Chart{
		ID: u.ID, Title: "Calls by " + string(u.Grain), Main: "Counted", Extra: "Not counted", Low: u.Low, Grains: u.Grains, CSV: u.CSV,
		Head: map[Grain]string{ByHour: "Hour", ByDay: "Day", ByMonth: "Month"}[u.Grain], Columns: []string{"Calls", "Counted"},
		Caption: "Calls by " + string(u.Grain) + ", " + u.Span.Words(),
	}
	var before []Bucket
	if u.Compared {
		before = u.Grain.spread(u.Before, u.Grain.parts(u.Span.Before, u.Span.From))
		c.Than = u.Span.Than
	}
	if u.Units {
		c.Columns = append(c.Columns, "Units")
	}
	if u.Cost != nil {
		c.Columns = append(c.Columns, "Cost")
	}
	if u.Compared {
		c.Columns = append(c.Columns, u.Span.Than+", calls")
	}
	for i, b := range slots {
		var was int64
		if i < len(before) {
			was = before[i].Calls
		}
		if !b.Start.After(u.Now) {
			c.Begun = i + 1
		}
		c.Slots = append(c.Slots, ui.Slot{
			Label: u.Grain.label(b.Start), Name: u.Grain.name(b.Start), Main: b.Counted, Extra: b.Calls - b.Counted, Before: was,
			Says: u.told(b, was), Cells: u.cells(b, was),
		})
	}
	c.Foot = append([]string{"Together"}, u.cells(Sum(slots), Sum(before).Calls)...)
	c.Strong, c.Says = u.sentence(slots, Sum(before).Calls)
	return c
}

// told is what is said of one slot.
func (u Use) told(b Bucket, before int64) string {
	text := ui.Plural(b.Calls, "call", "calls") + ", " + ui.Count(b.Counted) + " counted"
	if u.Units {
		text += " as " + ui.Plural(b.Units, "unit", "units")
	}
	if u.Cost != nil {
		text += ", " + u.Cost(b.Units)
	}
	if u.Compared {
		text += "; before " + ui.Count(before)
	}
	return text
}

func (u Use) cells(b Bucket, before int64) []string {
	out := []string{ui.Count(b.Calls), ui.Count(b.Counted)}
	if u.Units {
		out = append(out, ui.Count(b.Units))
	}
	if u.Cost != nil {
		out = append(out, u.Cost(b.Units))
	}
	if u.Compared {
		out = append(out, ui.Count(before))
	}
	return out
}

// sentence says what one sees in the drawing.
func (u Use) sentence(slots []Bucket, before int64) (strong, rest string) {
	all, most := Sum(slots), Bucket{}
	for _, b := range slots {
		if b.Calls > most.Calls {
			most = b
		}
	}
	strong = ui.Plural(all.Calls, "call", "calls")
	switch {
	case all.Calls == 0:
		strong = "No call in this time"
	case len(slots) > 1:
		rest = ", most " + u.Grain.on(most.Start) + " (" + ui.Count(most.Calls) + ")"
	}
	if u.Compared {
		rest += ". " + u.Span.Than + ": " + ui.Count(before)
	}
	return strong, rest + "."
}

// UseHead is the head of a CSV of use.
var UseHead = []string{"from", "to", "calls", "counted", "not_counted", "units"}

// Rows returns u as rows under UseHead, oldest first. Parts that have not begun are
// left out. Instants are as RFC 3339 writes them.
func (u Use) Rows() [][]string {
	var rows [][]string
	for _, b := range u.Slots() {
		if b.Start.After(u.Now) {
			break
		}
		from, to := b.Start, u.Grain.after(b.Start)
		if from.Before(u.Span.From) {
			from = u.Span.From
		}
		if to.After(u.Span.To) {
			to = u.Span.To
		}
		rows = append(rows, []string{from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), digits(b.Calls), digits(b.Counted), digits(b.Calls - b.Counted), digits(b.Units)})
	}
	return rows
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }
