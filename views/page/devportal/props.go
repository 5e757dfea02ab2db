// Package devportal is the pages of the developer portal: the catalogue, one's
// applications, subscriptions and invoices. Every page takes finished words.
package devportal

import (
	"time"

	"tollgate/money"
	"tollgate/views/layout"
	"tollgate/views/ui"
)

// A Price is what a plan costs: Amount for a fixed price, Rate for a price per
// unit, nothing for a free plan.
type Price struct {
	Amount money.Amount
	Rate   money.Rate
	Per    string // "a month", "per call", "per unit"; "" when free
}

// Free reports whether p is no price at all.
func (p Price) Free() bool { return p.Per == "" }

// Metered reports whether p depends on what is used.
func (p Price) Metered() bool { return !p.Rate.IsZero() }

// CatalogueProps is what the page at /devportal shows: what is on offer. The
// search is sent as q.
type CatalogueProps struct {
	layout.Frame
	Search   string
	Filters  []ui.Link // All, Free, Freemium, Paid with their counts
	Entries  []Entry
	Narrowed bool // a search or a filter is set
	Pager    ui.Pager
}

// An Entry is an API or API product in the catalogue.
type Entry struct {
	ID        string // uuid
	Name      string // with its version: Weather v1
	About     string
	Label     string // Free, Paid, Freemium
	Publisher string
	From      Price // the lowest price; zero when it costs nothing
}

// APIProps is what the page at /devportal/apis/{uuid} shows. Subscribe sends
// plan, application (a uuid, or "new") and application_name to
// POST /devportal/apis/{uuid}/subscribe.
type APIProps struct {
	layout.Frame
	ID        string // uuid
	Name      string // with its version
	Label     string // Free, Paid, Freemium
	About     string
	Publisher string
	Context   string   // the path of its calls: /weather/v1
	Address   string   // the same with the gateway's address; "" when that is not known
	Counting  string   // which calls count, and how much
	Members   []Member // of an API product
	Plans     []Plan
	Yours     []SubscriptionRow // the person's subscriptions to it

	Visitor         bool        // Subscribe leads to signing in
	Cannot          string      // why this person cannot subscribe; "" when they can
	Applications    []ui.Choice // the person's; subscribed ones are disabled
	Application     string      // chosen: a uuid, or "new"
	ApplicationName string      // of the new one, as typed
	Problems        map[string]string
}

// A Member is an API within an API product.
type Member struct{ ID, Name, About string }

// A Plan is a business plan that an API offers.
type Plan struct {
	ID      string // uuid of the policy
	Name    string
	About   string
	Price   Price
	Charged string   // when: "On the day you pay, then monthly"
	Quota   string   // "1,000 a month", "No cap"
	Burst   string   // "10 a minute", "No limit"
	AtLimit string   // what happens to calls above them
	Ticks   []string // what it holds, for the card
	Pending string   // why it cannot be bought just now; "" when it can
}

// ApplicationsProps is what the page at /devportal/applications shows.
type ApplicationsProps struct {
	layout.Frame
	Rows []ApplicationRow
}

// An ApplicationRow is an application in a list.
type ApplicationRow struct {
	ID, Name, About string
	Subscriptions   int64 // that have not ended
	Created         time.Time
}

// ApplicationFormProps is what the pages at /devportal/applications/new and
// /devportal/applications/{uuid}/edit show. The form sends name and description to
// POST /devportal/applications/new, or to …/{uuid}/edit.
type ApplicationFormProps struct {
	layout.Frame
	ID                string // uuid; "" for a new one
	Name, Description string // as typed
	Problems          map[string]string
}

// ApplicationProps is what the page at /devportal/applications/{uuid} shows.
// Deleting is POST …/{uuid}/delete.
type ApplicationProps struct {
	layout.Frame
	ID, Name, Description string
	Created               time.Time
	Subscriptions         []SubscriptionRow
	Keys                  []KeyRow
	MoreRevoked           int64 // keys that are revoked and not listed
	KeyForm               KeyForm
}

// SubscriptionsProps is what the page at /devportal/subscriptions shows. The
// search is sent as q.
type SubscriptionsProps struct {
	layout.Frame
	Search   string
	Filters  []ui.Link // such as Active, Payment needed, Ended
	Rows     []SubscriptionRow
	Narrowed bool // a search or a filter is set
	Pager    ui.Pager
}

// A SubscriptionRow is a subscription in a list.
type SubscriptionRow struct {
	ID          string // uuid
	API         string // with its version
	Plan        string
	Application string
	State       string // access.State's label
	Tone        ui.Tone
	Price       Price
	Since       time.Time
	Next        Next
	Invoices    bool   // View Invoice has something to show
	Changes     string // "Silver on 1 Feb 2027"; "" while no change is on its way
}

// A Next is what the subscriber can do next: the values of access.Action.
type Next string

// What can be done next.
const (
	Nothing        Next = ""
	Pay            Next = "pay"
	Wait           Next = "wait"
	StartAgain     Next = "start-again"
	UpdateCard     Next = "update-card"
	Authenticate   Next = "authenticate"
	AskPublisher   Next = "ask-publisher"
	Resume         Next = "resume"
	UndoChange     Next = "undo-change"
	SubscribeAgain Next = "subscribe-again"
)

// A Stage is how far a subscription has come.
type Stage string

// The stages.
const (
	Approval   Stage = "approval"   // a person has to agree first
	Opening    Stage = "opening"    // the payment page is being made
	Payable    Stage = "payable"    // it waits for the payment
	Confirming Stage = "confirming" // paid, and not yet confirmed
	Lapsed     Stage = "lapsed"     // not paid in time, or refused
	Running    Stage = "running"    // begun; served or blocked, its state says it
	Over       Stage = "over"       // ended
)

// A Sentence tells the state, as access.Sentence does: At, when set, stands
// between Before and After.
type Sentence struct {
	Before string
	At     time.Time
	After  string
}

// SubscriptionProps is what the page at /devportal/subscriptions/{uuid} shows.
// Its forms send nothing to POST …/{uuid}/refresh, /start-again and /resume, and
// when (period-end or now) to …/{uuid}/cancel.
type SubscriptionProps struct {
	layout.Frame
	ID        string // uuid
	APIID     string // uuid; "" when the API is gone
	API       string // with its version
	Plan      string
	Price     Price
	Limits    string // "1,000 calls a minute"; "" for none
	AtLimit   string // what happens to calls above them
	Publisher string

	ApplicationID, Application string
	TenantDomain               string // for the address of Manage billing

	Stage    Stage
	State    string // access.State's label
	Tone     ui.Tone
	Sentence Sentence
	Next     Next

	EndAsked     bool   // it is being ended, and Stripe has not confirmed that
	StripeSilent bool   // Stripe did not answer when it was last asked
	AccountLost  bool   // Stripe does not let us use the publisher's account any more
	EndTold      string // who else ends it, when and why; "" when nobody does
	TakeBack     bool   // what was asked of Stripe and not confirmed can be taken back

	Since                  time.Time // when subscribed
	PayBy                  time.Time // while Payable; zero: not known
	PayIn                  string    // how long that is from now: "23 h 33 min"
	PeriodStart, PeriodEnd time.Time // of billing; zero: none
	EndsAt                 time.Time // when a cancellation takes effect; zero: none
	EndedAt                time.Time

	Manages     bool   // Manage billing has something to manage
	HasInvoices bool   // View Invoice has something to show
	OpenInvoice string // Stripe's page of an unpaid invoice; "" for none
	Invoices    []ui.InvoiceRow
	Cancel      Cancel
	History     []ui.Happening // the newest of what happened
	Change      Changing
	CallIt      *CallIt    // nil: there is nothing to call
	Use         *PeriodUse // nil: it has not begun
}

// A Cancel is whether and how a subscription can be canceled.
type Cancel struct {
	Offered     bool
	AtPeriodEnd bool   // it can end with its period, besides at once
	When        string // as chosen: period-end or now
	Problem     string // at the choice
}

// InvoiceProps is what the page at /devportal/subscriptions/{uuid}/invoice shows:
// the issued invoice, what comes next, and what was before.
type InvoiceProps struct {
	layout.Frame
	ID           string // uuid of the subscription
	Name         string // Weather v1, Gold
	TenantDomain string
	Manages      bool
	Earlier      bool        // Shown is not the running period's
	Shown        *ui.Invoice // nil: none is issued yet
	ShownNote    string      // why not
	Upcoming     *ui.Invoice // Stripe's preview; nil: none to show
	UpcomingNote string      // why not
	Read         time.Time   // when the preview was read
	Past         []ui.InvoiceRow
}

// InvoicesProps is what the page at /devportal/invoices shows.
type InvoicesProps struct {
	layout.Frame
	Rows  []ui.InvoiceRow
	Pager ui.Pager
}

// HistoryProps is what the page at /devportal/subscriptions/{uuid}/history shows.
type HistoryProps struct {
	layout.Frame
	ID    string // uuid of the subscription
	Name  string // Weather v1, Gold
	Items []ui.Happening
	Older string // "" at its end
}
