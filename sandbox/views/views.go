// Package views is the sandbox's pages: Checkout, invoices, the Customer Portal,
// onboarding, and the dashboard. Props hold finished words and money.
package views

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"tollgate/money"
)

// A Field is what somebody typed, and what is wrong with it.
type Field struct{ Value, Problem string }

// A Card is a card as it is typed. Number and code are never shown again.
type Card struct {
	NumberProblem string
	Expires       Field // MM / YY
	CVCProblem    string
	Name          Field
	Problem       string // what the bank said
}

// A Sum is a line of a sum.
type Sum struct {
	Text   string
	Amount money.Amount
}

// CheckoutProps is what the hosted Checkout shows.
type CheckoutProps struct {
	Action    string // where the form goes
	Session   string
	Seller    string
	Title     string // what is bought
	Price     Price
	Lines     []Sum
	Due       money.Amount
	Then      string // what is charged later
	Expires   time.Time
	Back      string // where to go instead; "" for nowhere
	Email     Field
	FixEmail  bool // the customer is known
	Card      Card
	Countries []Country
	Debit     string // how long a bank debit takes: "3 days"; "" when none is offered
}

// A Price is a price as a page sets it: "49.00", "USD", "a month". Where there
// is no single number, Decimal is a word and Currency is empty.
type Price struct{ Decimal, Currency, Per string }

// A Country is one of those to choose from.
type Country struct {
	Code, Name string
	Chosen     bool
}

// ApproveProps is what the bank's page shows.
type ApproveProps struct {
	Action string // where the form goes
	Seller string
	Amount string
	Last4  string
	Hidden map[string]string
}

// ClosedProps is what is shown where there is nothing to do any more.
type ClosedProps struct {
	Title, Text string
	Back        string
	BackText    string
}

// InvoiceProps is the hosted page of an invoice.
type InvoiceProps struct {
	Number, Status, Tone string
	Seller               string
	Customer, Email      string
	Created              time.Time
	Paid                 time.Time // zero unless paid
	Lines                []InvoiceLine
	Balance              money.Amount // applied; zero for none
	Total, Had, Due      money.Amount // Had is what was paid
	PDF                  string
	Pay                  bool
	Approve              string // the bank's page, where this payment waits; "" for nowhere
	Processing           bool   // a bank debit is on its way
	Action               string
	Card                 Card
}

// An InvoiceLine is one line of an invoice.
type InvoiceLine struct {
	Text       string
	Start, End time.Time
	Quantity   string
	Amount     money.Amount
}

// PortalProps is the Customer Portal.
type PortalProps struct {
	Base          string // its own address
	Seller        string
	Headline      string
	Customer      string
	Return        string
	Subscriptions []PortalSubscription
	Method        string // "Visa ending in 4242, expires 04/2029"; "" for none
	MayUpdate     bool
	Invoices      []PortalInvoice
	ShowInvoices  bool
	Card          Card
	Said          string // what was just done
}

// A PortalSubscription is one of the customer's subscriptions.
type PortalSubscription struct {
	ID, Name     string
	Status, Tone string
	Price        string
	When         string // "Renews on …", "Ends on …"
	CanCancel    bool
	Consequence  string
	CanResume    bool
}

// A PortalInvoice is one line of the invoice history.
type PortalInvoice struct {
	Number, Status, Tone string
	Created              time.Time
	Total                money.Amount
	URL, PDF             string
}

// SetupProps is the onboarding page of a connected account.
type SetupProps struct {
	Account, Action string
	Name            Field
	Country         string
	Due             []string
}

// instant is a time as people read it.
func instant(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 MST") }

func day(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

// span is a stretch of days, or the one day.
func span(from, to time.Time) string {
	if day(from) == day(to) {
		return day(from)
	}
	return day(from) + " to " + day(to)
}

func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z07:00") }

// digits sets the thousands of a decimal apart.
func digits(text string) string {
	whole, rest, cut := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "−", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if cut {
		return sign + whole + "." + rest
	}
	return sign + whole
}

var badges = map[string]string{"good": "badge badge-good", "attention": "badge badge-attention", "bad": "badge badge-bad", "quiet": "badge"}

var marks = map[string]string{
	"good":      `<circle cx="8" cy="8" r="6.25"/><path d="m5.25 8.25 2 2 3.5-4"/>`,
	"attention": `<circle cx="8" cy="8" r="6.25"/><path d="M8 4.75V8l2.25 1.5"/>`,
	"bad":       `<path d="M8 2.25 14.25 13.25H1.75Z"/><path d="M8 6.5v3M8 11.35v.05"/>`,
	"more":      `<path d="m6 3.75 4.25 4.25L6 12.25"/>`,
	"quiet":     `<circle cx="8" cy="8" r="6.25"/><path d="M5.25 8h5.5"/>`,
}

// testCards are the ones that the pages name; there are more.
var testCards = [][2]string{
	{"4242 4242 4242 4242", "Pays"},
	{"4000 0025 0000 3155", "Asks for approval, then pays"},
	{"4000 0027 6000 3184", "Asks for approval every time"},
	{"4000 0000 0000 0002", "Declines"},
	{"4000 0000 0000 9995", "Declines: too little money"},
	{"4000 0000 0000 0341", "Is kept, then every charge fails"},
}

// A Link leads to another page of the dashboard.
type Link struct {
	Href, Text string
	Count      string // "" for none
	Current    bool
}

// A Cell is one cell of a table.
type Cell struct {
	Text, Href string
	Tone       string // makes it a badge
	ID         bool   // an identifier
	Number     bool
}

// A Table is a list of things on the dashboard. The first cell of a row names it.
type Table struct {
	Caption string
	Heads   []string
	Rows    [][]Cell
	Empty   string // what is said when there are no rows
}

// aligned sets the column n of numbers to the right.
func (t Table) aligned(n int) templ.Attributes {
	if len(t.Rows) > 0 && n < len(t.Rows[0]) && t.Rows[0][n].Number {
		return templ.Attributes{"class": "num"}
	}
	return nil
}

// A Fact is a term and its value.
type Fact struct{ Term, Text, Href, Tone string }

// A DashboardProps is a page of the dashboard: facts, tables, a document.
type DashboardProps struct {
	Title, Lead string
	Crumbs      []Link
	Tabs        []Link
	Facts       []Fact
	Tables      []Table
	Document    string
	DocTitle    string // what Document is
	Actions     []Action
	Action      string // of the form with one button; "" for none
	ActionText  string
	Said        string
	Problem     string
}

// A ClockProps is the page that moves the clock.
type ClockProps struct {
	Now       time.Time
	Offset    string // "" when business time is wall time
	Strides   []Link // Href is the value sent
	To        Field
	Due       Table
	Followers Table
	Happened  Table
	Said      string
	Problem   string
}
