// Package ui is the small parts that pages are made of: words, marks, fields,
// money and time. They hold no layout of a page and no logic of the business.
package ui

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tollgate/money"
)

// A Tone says how a thing stands. It always comes with a word and an icon.
type Tone string

// The tones.
const (
	Good      Tone = "good"      // served, paid
	Attention Tone = "attention" // somebody must act soon
	Bad       Tone = "bad"       // stopped, failed
	Quiet     Tone = "quiet"     // over, or on its way
)

// toneIcons are the icons of the tones where nothing else is said.
var toneIcons = map[Tone]string{Good: "check", Attention: "clock", Bad: "alert", Quiet: "minus"}

var badgeClasses = map[Tone]string{
	Good: "badge badge-good", Attention: "badge badge-attention", Bad: "badge badge-bad", Quiet: "badge badge-quiet",
}

var noticeClasses = map[Tone]string{
	Good: "notice notice-good", Attention: "notice notice-attention", Bad: "notice notice-bad", Quiet: "notice",
}

var noticeIcons = map[Tone]string{Good: "check", Attention: "alert", Bad: "alert", Quiet: "info"}

// A Kind is how much a button weighs.
type Kind string

// The kinds of button. A page has one Primary at most.
const (
	Plain       Kind = "plain"
	Primary     Kind = "primary"
	Danger      Kind = "danger"
	DangerSolid Kind = "danger-solid" // inside an opened Confirm only
	Subdued     Kind = "subdued"
	Small       Kind = "small"
	SmallDanger Kind = "small-danger"
	SmallQuiet  Kind = "small-quiet"
	Wide        Kind = "wide"
	WidePrimary Kind = "wide-primary"
)

var buttonClasses = map[Kind]string{
	Plain: "button", Primary: "button button-primary", Danger: "button button-danger",
	DangerSolid: "button button-danger-solid", Subdued: "button button-quiet", Small: "button button-small",
	SmallDanger: "button button-small button-danger", SmallQuiet: "button button-small button-quiet", Wide: "button button-wide", WidePrimary: "button button-primary button-wide",
}

// A Choice is one option of a select or of radio buttons.
type Choice struct {
	Value, Label, Hint string
	Disabled           bool
}

// A Field is one thing to fill in. Name is what the form sends; the element's id
// is "f-" and Name.
type Field struct {
	Name, Label, Value string
	Hint, Problem      string // "" for none
	Note               string // said beside the label, such as a technical name
	Optional, ReadOnly bool
	Type               string // of an input: text when empty
	Affix              string // after the input, such as USD
	Number             bool   // right-aligned, with a keyboard of digits
	Autocomplete       string
	Placeholder        string
	Wide               bool // over both columns
	Short              bool // no wider than it needs
	Rows               int  // of a text area
}

func (f Field) id() string { return "f-" + f.Name }

func (f Field) class() string {
	switch {
	case f.Wide:
		return "field span-2"
	case f.Short:
		return "field field-short"
	}
	return "field"
}

func (f Field) kind() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

func (f Field) inputClass() string {
	if f.Number {
		return "input input-num"
	}
	return "input"
}

// attributes are what an input says beside its name and value.
func (f Field) attributes() templ.Attributes {
	a := templ.Attributes{}
	var described []string
	if f.Problem != "" {
		a["aria-invalid"] = "true"
		described = append(described, f.id()+"-problem")
	}
	if f.Hint != "" {
		described = append(described, f.id()+"-hint")
	}
	if len(described) > 0 {
		a["aria-describedby"] = strings.Join(described, " ")
	}
	if f.ReadOnly {
		a["readonly"] = true
	}
	if f.Autocomplete != "" {
		a["autocomplete"] = f.Autocomplete
	}
	if f.Placeholder != "" {
		a["placeholder"] = f.Placeholder
	}
	if f.Number {
		a["inputmode"] = "decimal"
	}
	return a
}

func (f Field) rows() string { return strconv.Itoa(max(f.Rows, 3)) }

// A Problem is one line of an error summary.
type Problem struct{ Field, Text string }

// Problems lists what is wrong with the fields of a form, in the order of the
// labels' names. labels maps a field's name to what the page calls it.
func Problems(fields map[string]string, labels map[string]string) []Problem {
	var out []Problem
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text := fields[name]
		if label := labels[name]; label != "" {
			text = label + ": " + text
		}
		out = append(out, Problem{name, text})
	}
	return out
}

func summaryTitle(n int) string {
	if n == 1 {
		return "One field needs another look; nothing is saved yet"
	}
	return strconv.Itoa(n) + " fields need another look; nothing is saved yet"
}

// A Link leads somewhere. An empty Href is where one is.
type Link struct {
	Href, Label string
	Count       string // "" for none
	Current     bool
}

// A Pager leads through a long list. An empty Href is the end of it.
type Pager struct{ Showing, Previous, Next string }

// A PlanCard is a business plan as subscribers see it.
type PlanCard struct {
	ID          string // unique on the page
	Name, About string
	Price       templ.Component // Money or Rate
	Per         string          // "a month", "per call"
	Ticks       []string
}

// When formats.
const (
	longTime = "2 Jan 2006, 15:04 MST"
	longDay  = "2 Jan 2006"
	machine  = "2006-01-02T15:04:05Z07:00"
)

// Instant returns t as pages write it: 8 Dec 2026, 14:05 UTC.
func Instant(t time.Time) string { return t.UTC().Format(longTime) }

// Date returns the day of t as pages write it: 8 Dec 2026.
func Date(t time.Time) string { return t.UTC().Format(longDay) }

// Count returns n with its thousands set apart: 1,000.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	digits := strings.TrimPrefix(s, "-")
	var b strings.Builder
	b.WriteString(s[:len(s)-len(digits)])
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Plural returns n and the word that goes with it: 1 call, 2 calls.
func Plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// Duration returns d in words, two units at most: 23 h 33 min.
func Duration(d time.Duration) string {
	d = d.Round(time.Minute)
	days, hours, minutes := int64(d/(24*time.Hour)), int64(d/time.Hour)%24, int64(d/time.Minute)%60
	switch {
	case d < time.Minute:
		return "less than a minute"
	case days > 0 && hours > 0:
		return Plural(days, "day", "days") + " " + strconv.FormatInt(hours, 10) + " h"
	case days > 0:
		return Plural(days, "day", "days")
	case hours > 0 && minutes > 0:
		return strconv.FormatInt(hours, 10) + " h " + strconv.FormatInt(minutes, 10) + " min"
	case hours > 0:
		return strconv.FormatInt(hours, 10) + " h"
	default:
		return strconv.FormatInt(minutes, 10) + " min"
	}
}

// digits sets the thousands of a decimal apart: 1,172.22.
func digits(decimal string) string {
	whole, fraction, cut := strings.Cut(decimal, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "−", whole[1:]
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return decimal
	}
	out := sign + Count(n)
	if cut {
		out += "." + fraction
	}
	return out
}

// Sum returns a with its currency in one line of text: 1,172.22 USD.
func Sum(a money.Amount) string { return digits(a.Decimal()) + " " + a.Currency().String() }

// Worth returns what n units cost, not rounded, with the currency: 1.096 USD.
func Worth(r money.Rate, n int64) string { return digits(r.Exactly(n)) + " " + r.Currency().String() }

func has(chosen []string, value string) bool { return slices.Contains(chosen, value) }

// noticeRole makes screen readers read a failure out at once, and anything else
// when they get to it.
func noticeRole(tone Tone) string {
	if tone == Bad {
		return "alert"
	}
	return "status"
}
