package ui

import (
	"strconv"
	"time"

	"tollgate/money"
)

// A Figure is one number that a page begins with, and what it is.
type Figure struct {
	Name  string
	Text  string       // "" when it is Money
	Money money.Amount // with its currency; shown when Text is ""
	Note  string       // how it came about; "" for nothing
}

// A SpanChooser is a choice of the time that numbers are about: links to the usual
// spans, and a form for any other, which sends from and to as dates.
type SpanChooser struct {
	Action   string // path of the page
	Links    []Link
	Hidden   []Hidden // what the form keeps of the page's address
	From, To string   // as typed: 2026-12-08
	Open     bool     // the form is shown
	Problems map[string]string
}

// spanNames are what the form calls its fields.
var spanNames = map[string]string{"from": "First day", "to": "Last day"}

// A CallRow is one call in a log.
type CallRow struct {
	At      time.Time
	ID      string // of the request, as the gateway told its caller
	Status  int
	Tone    Tone
	Counted bool
	Why     string // why it counts, or why not
	Units   string
	Took    string
	Key     string // production or sandbox
	Whose   string // of which subscription, where a log holds several
	Href    string // where that is shown
}

// status is the row's, with its meaning.
func (r CallRow) status() string { return strconv.Itoa(r.Status) }

func (r CallRow) icon() string {
	if r.Tone == Attention {
		return "alert"
	}
	return toneIcons[r.Tone]
}

func (r CallRow) counted() string {
	if r.Counted {
		return "Counted"
	}
	return "Not counted"
}

func whoseCalls(rows []CallRow) bool {
	for _, r := range rows {
		if r.Whose != "" {
			return true
		}
	}
	return false
}

// Ago says how long ago t was, at now: 2 minutes ago.
func Ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < 5*time.Second:
		return "just now"
	case d < time.Minute:
		return Plural(int64(d/time.Second), "second", "seconds") + " ago"
	case d < time.Hour:
		return Plural(int64(d/time.Minute), "minute", "minutes") + " ago"
	}
	return Duration(d) + " ago"
}
