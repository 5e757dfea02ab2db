package ui

import (
	"time"

	"tollgate/money"
)

// A UnitsRow is the units of one subscription, plan and period, from the gateways'
// own count to the line of the invoice. A number that is not known yet is "".
type UnitsRow struct {
	Href              string // of the page with what it is made of
	Subscriber        string
	Application       string
	API, Plan         string
	From, To          time.Time // the period
	Gateway, Ledger   string
	Sent, Stripe      string
	Invoiced          string
	Tone              Tone
	Word              string
	Differs           []string // what does not agree, one sentence each
	Waiting, Unbilled string   // "40 units wait"; "" for none
}

// A UnitsStep is one place that the units of a period pass.
type UnitsStep struct {
	Name, About string
	Units       string // "" while it is not known
	Change      string // against the place that it is compared with: −3; "" for nothing
	Tone        Tone
	Word        string // Agrees, 3 fewer
	Href, Link  string // to what it is; "" for nothing
}

// A WindowRow is a sealed span of calls that is sent as one event.
type WindowRow struct {
	ID, Identifier  string
	From, To        time.Time
	Revision        string // "" for the first one
	Subscriber, API string // "" where all are of one subscription
	Href            string // of the subscription's units
	Calls, Units    string
	Tone            Tone
	Word            string
	Why             string    // a note, or what the last attempt met
	Sent            time.Time // zero: not yet
	Decide          bool      // Try again, or write off
}

func named(rows []WindowRow) bool {
	for _, r := range rows {
		if r.Subscriber != "" {
			return true
		}
	}
	return false
}

// known is a number, or a dash with words for who cannot see it.
func known(number string) bool { return number != "" }

// clock is the time of day of a window: 14:00 to 15:00 UTC.
func (r WindowRow) clock() string {
	form := "15:04:05"
	if r.From.Second() == 0 && r.To.Second() == 0 {
		form = "15:04"
	}
	return r.From.UTC().Format(form) + " to " + r.To.UTC().Format(form+" MST")
}

// Months is a choice of a month.
type Months struct {
	Action        string // path of the page
	Value         string // the month that is shown: 2026-12
	Keep          []Hidden
	Before, After Link // an empty Href: there is none
}

// UnitsOf is one period of one subscription, and what its units are made of.
type UnitsOf struct {
	Empty    string // why there is nothing to show; "" when there is
	Period   string // 1 Dec 2026 to 1 Jan 2027
	Tone     Tone
	Word     string
	Lead     string // one sentence of state
	Steps    []UnitsStep
	Drifts   []UnitsDrift
	Periods  []Link
	Rows     []WindowRow
	Note     string // about the windows
	CSV      string // of all of them
	Links    []Link // to the subscription, the meter
	Compared time.Time
}

// A UnitsDrift is a difference that is open.
type UnitsDrift struct {
	Name, Ours, Theirs, Remedy string
	Since                      time.Time
}

// A SoldRow is what was called and billed of an API, a plan or a subscription.
type SoldRow struct {
	Name, About, Href     string
	Calls, Counted, Units string
	Money                 []SoldMoney // by currency
}

// SoldMoney is money of one currency.
type SoldMoney struct {
	Invoiced money.Amount
	Open     money.Amount // zero: nothing is open
}

// A TakingsRow is what was billed of one currency in a month.
type TakingsRow struct {
	Month                      string
	First                      bool // of its month
	Invoices                   string
	Invoiced, Paid, Open, Lost money.Amount
	Nothing                    bool // nothing was billed in this month
	Href                       string
}
