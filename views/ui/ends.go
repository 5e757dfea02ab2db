package ui

import (
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tollgate/internal/fault"
	"tollgate/money"
)

// Ends is the page body on which somebody sees which subscriptions end with what
// they take away, and agrees to that. The form sends how, reason, agree, seen and
// what is hidden.
type Ends struct {
	Title, Lead string
	Caption     string
	Facts       []string // what it means, each a sentence
	Rows        []EndRow
	Money       bool // rows say what a refund would give back
	Whose       bool // rows say whose they are
	Pager       Pager

	Action, Token string
	Seen          string
	Hidden        []Hidden
	How           string   // chosen
	Choices       []Choice // when they end; none: there is nothing to choose
	HowLabel      string
	AskReason     bool
	Reason        string
	ReasonHint    string
	Agree         string // what is ticked
	Button        string // the outcome
	Back          Link
	Problem       string // over the form
	Problems      map[string]string

	Standing string // what is decided already; "" when nothing is
	TakeBack string // address that takes it back; "" when the reader cannot
	Blocked  bool   // nothing can be ended as it stands; Standing says why

	HandOver string   // address that hands over what stands in the way
	Heirs    []Choice // who could get it, sent as to
	Heir     string   // chosen
}

// Hidden is a value that a form sends along.
type Hidden struct{ Name, Value string }

// An EndRow is a subscription that would end, or that is ending.
type EndRow struct {
	Href        string // "" when there is no page for the reader
	Name, Plan  string // of the API with its version
	Application string
	Who         string
	Tone        Tone
	State       string
	Until       time.Time // until when it is paid; zero: it is not
	Ends        time.Time // when it ended or will end; zero: not known yet
	Last        string    // what is billed at the end
	Back        money.Amount
	Problem     string // what Stripe said
}

// refunds reports whether something can be given back for r.
func (r EndRow) refunds() bool { return !r.Back.IsZero() }

func (e Ends) labels() map[string]string {
	return map[string]string{"how": e.HowLabel, "reason": "Reason", "agree": "Confirmation"}
}

// EndProgress is the page body that shows how far an ending is.
type EndProgress struct {
	Title, Lead string
	Tone        Tone
	Word        string
	Done, All   int64
	Facts       []Fact
	Caption     string
	Rows        []EndRow
	Whose       bool
	Pager       Pager
	Self        string // address of the page, to look again at; "" once nothing changes by itself
	Back        Link
	Refused     string // how many Stripe refused, and what to do; "" for none
}

// far says how far it is.
func (p EndProgress) far() string {
	return Count(p.Done) + " of " + Plural(p.All, "subscription", "subscriptions")
}

// width is how much of the bar is full, of 100.
func (p EndProgress) width() string {
	if p.All == 0 {
		return "100"
	}
	return strconv.FormatInt(p.Done*100/p.All, 10)
}

// A Fact is one line of a list of facts.
type Fact struct{ Name, Text string }

// EndingRow is a decision to end subscriptions, in a list.
type EndingRow struct {
	Href, Name string
	Who, When  string
	At         time.Time
	Tone       Tone
	Word       string
	Progress   string
}

// watching makes a page look again while something is under way.
func (p EndProgress) watching() templ.Attributes {
	if p.Self == "" {
		return templ.Attributes{}
	}
	return templ.Attributes{"data-hx-get": p.Self, "data-hx-trigger": "every 2s", "data-hx-select": "#ending", "data-hx-swap": "outerHTML"}
}

// Refusal shows why the form was not accepted: what is wrong at its fields, or
// over it.
func (e *Ends) Refusal(why error) {
	if why == nil {
		return
	}
	if problems, ok := fault.FieldsOf(why); ok {
		e.Problems = problems
		return
	}
	e.Problem = fault.Message(why)
}

// Listed writes names as part of a sentence: A, B and C.
func Listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
