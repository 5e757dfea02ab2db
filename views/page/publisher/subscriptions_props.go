package publisher

import (
	"net/url"
	"time"

	"github.com/a-h/templ"

	"tollgate/views/layout"
	"tollgate/views/ui"
)

// SubscriptionsProps is what the page at /publisher/subscriptions shows: who is
// subscribed to one's APIs. The search is sent as q, an API to look at as api.
type SubscriptionsProps struct {
	layout.Frame
	API      string // uuid of the one API looked at; "" for all
	APIName  string
	Search   string
	Filters  []ui.Link // All, Active, Payment needed or blocked, Ended
	Rows     []SubscriptionRow
	Narrowed bool // a search, a filter or an API is set
	Pager    ui.Pager
}

// A SubscriptionRow is a subscription in a list.
type SubscriptionRow struct {
	ID          string // uuid
	Subscriber  string
	Application string
	API         string // with its version
	Plan        string
	Price       Price
	State       string // access.State's label
	Tone        ui.Tone
	Since       time.Time
	Invoices    bool // View Invoice has something to show
	Block       Block
}

// A Block is what a publisher can do about the calls of a subscription.
type Block string

// What can be done: it sends POST /publisher/subscriptions/{uuid}/block or …/unblock.
const (
	NoBlock    Block = ""
	CanBlock   Block = "block"
	CanUnblock Block = "unblock"
)

// InvoiceProps is what the page at /publisher/subscriptions/{uuid}/invoice shows:
// the issued invoice, what comes next, and what was before.
type InvoiceProps struct {
	layout.Frame
	ID           string // uuid of the subscription
	Name         string // Weather v1, Gold
	Who          string // Ada, with the application Widget
	Earlier      bool   // Shown is not the running period's
	Shown        *ui.Invoice
	ShownNote    string      // why there is none
	Upcoming     *ui.Invoice // Stripe's preview; nil: none to show
	UpcomingNote string      // why not
	Read         time.Time   // when the preview was read
	Past         []ui.InvoiceRow
}

// InvoicesProps is what the page at /publisher/invoices shows.
type InvoicesProps struct {
	layout.Frame
	Rows  []ui.InvoiceRow
	Pager ui.Pager
}

// subscriptionURL is where a part of a subscription is; "" is its own page.
func subscriptionURL(id, part string) templ.SafeURL {
	to := "/publisher/subscriptions/" + url.PathEscape(id)
	if part != "" {
		to += "/" + part
	}
	return templ.SafeURL(to)
}

// name tells rows apart for those who hear them.
func (r SubscriptionRow) name() string { return r.Subscriber + ", " + r.Application + ", " + r.API }

func (p SubscriptionsProps) lead() string {
	if p.API != "" {
		return "Who is subscribed to " + p.APIName + "."
	}
	return "Who is subscribed to your APIs and API products."
}

func (p SubscriptionsProps) caption() string {
	if p.API != "" {
		return "Subscriptions to " + p.APIName + ", newest first"
	}
	return "Subscriptions to your APIs, newest first"
}
