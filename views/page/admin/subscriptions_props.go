package admin

import (
	"net/url"
	"time"

	"github.com/a-h/templ"

	"tollgate/views/layout"
	"tollgate/views/ui"
)

// SubscriptionsProps is what the page at /admin/subscriptions shows: every
// subscription of the organisation. The search is sent as q.
type SubscriptionsProps struct {
	layout.Frame
	Search   string
	Filters  []ui.Link
	Rows     []SubscriptionRow
	Narrowed bool
	Pager    ui.Pager
}

// A SubscriptionRow is a subscription in a list.
type SubscriptionRow struct {
	ID          string // uuid
	API, Plan   string
	Subscriber  string
	Application string
	Publisher   string
	State       string
	Tone        ui.Tone
	Since       time.Time
}

// SubscriptionProps is what the page at /admin/subscriptions/{uuid} shows.
type SubscriptionProps struct {
	layout.Frame
	SubscriptionRow
	Sentence string // how it stands, as its subscriber reads it
	Until    time.Time
	After    string
	NextPlan string
	Period   [2]time.Time // zero: none
	Stripe   string       // sub_…; "" without one
	Account  string
	CanEnd   bool
	History  []ui.Happening
	Older    string
	CSV      string
	Units    string // address of its units, followed to the invoice; "" when it is not charged by the call
}

func subscriptionURL(id string) templ.SafeURL {
	return templ.SafeURL("/admin/subscriptions/" + url.PathEscape(id))
}
