// Package publisher is the pages of the publisher portal: APIs and API products,
// what they offer, and how they are sold. Every page takes finished words.
package publisher

import (
	"time"

	"tollgate/money"
	"tollgate/views/layout"
	"tollgate/views/ui"
)

// A Price is what a plan costs: Amount for a fixed price, Rate for a price a call,
// nothing for a free plan.
type Price struct {
	Amount money.Amount
	Rate   money.Rate
	Per    string // "a month", "per call"; "" when free
}

// OverviewProps is what the page at /publisher shows: how things stand, and what
// to do next.
type OverviewProps struct {
	layout.Frame
	Tone  ui.Tone // of the sentence
	Word  string  // on its badge; "" for none
	Lead  string  // one sentence of state
	Next  ui.Link // what to do next; an empty Href when there is nothing
	Stats []Stat
	Rows  []APIRow // APIs and API products
}

// A Stat is one number at the head of a page.
type Stat struct{ Label, Value, Detail, Href string }

// APIsProps is what the pages at /publisher/apis and /publisher/products show.
type APIsProps struct {
	layout.Frame
	Product bool // API products
	Rows    []APIRow
}

// An APIRow is an API or API product in a list.
type APIRow struct {
	UUID, Name, Path string // name with its version
	About            string
	Tone             ui.Tone
	Word             string // Created, Published
	SaleTone         ui.Tone
	SaleWord         string // On sale, Not monetized, …
	Plans            int64
	Subscribers      int64
}

// A Head is what every page of one API begins with.
type Head struct {
	UUID, Title string // name with its version
	Product     bool
	Tone        ui.Tone
	Word        string
	Lead        string
	Tabs        []ui.Link
}

// APIProps is what the page at /publisher/apis/{uuid} shows. Beside it are POST
// …/publish and POST …/delete.
type APIProps struct {
	layout.Frame
	Head
	Published   bool
	About       string
	Path        string // of its calls: /weather/v1
	Upstream    string
	Members     []ui.Link // of an API product
	Counting    Counting
	Created     time.Time
	Subscribers int64
	Plans       int64
}

// A Counting says how the calls of an API are counted, in words.
type Counting struct {
	Which      string // which calls count, one sentence
	Units      string // what each of them is worth, one sentence
	Websockets string // "" for an API product
}

// APIFormProps is what the pages at /publisher/apis/new, /publisher/products/new
// and /publisher/apis/{uuid}/edit show. The form sends name, version, context,
// upstream, description, members, counting (success, all or statuses), statuses,
// units_header, upgrades (on) and row to the same address.
type APIFormProps struct {
	layout.Frame
	UUID                   string // "" for a new one
	Product                bool
	Title                  string // the saved name with its version
	Name, Version          string // as typed
	Context, Upstream      string
	Description            string
	Members                []string    // chosen
	Choices                []ui.Choice // the person's APIs
	Fixed                  bool        // it is published: path and version stay
	Row                    int64       // version of the row that the form is about
	Demo                   bool        // demo upstreams exist
	Problem                string      // over the form
	Problems               map[string]string
	UpstreamHint, PathHint string

	Counting, Statuses, UnitsHeader string // as typed
	Upgrades                        bool
}

// PlansProps is what the page at /publisher/apis/{uuid}/plans shows. The form sends
// plans and row.
type PlansProps struct {
	layout.Frame
	Head
	Row     int64
	Choices []PlanChoice
	Problem string // over the form
	Field   string // at the plans
}

// A PlanChoice is a plan that an API offers or could offer.
type PlanChoice struct {
	UUID, Name, About string
	Price             Price
	Limits            string
	Attached          bool
	InUse             string // who has it, and what taking it off means; "" when nobody has it
}

// MonetizationProps is what the page at /publisher/apis/{uuid}/monetization shows.
// The form sends enabled (on) and each property under its name.
type MonetizationProps struct {
	layout.Frame
	Head
	Published  bool
	Enabled    bool // the box, as saved or as typed
	On         bool // as saved
	Busy       bool // Stripe is being told
	Trouble    string
	Properties []ui.Field
	Account    *Account // nil when none is known yet
	Shares     []Share
	Plans      []PlanOnSale
	OffTold    []string    // what turning it off does
	Ends       []ui.Choice // what then becomes of who pays; none: nobody pays
	How        string      // chosen among them
	StillPaid  int64       // subscriptions that are paid for although it is off sale
	Names      []string    // of who pays
	More       int64       // who pays beside them
	WhenOn     string      // what Save does while the box is ticked
	WhenOff    string
	Problem    string // over the form
	Problems   map[string]string
	Labels     map[string]string // of the properties, for the summary
}

// An Account is a connected account as Stripe knows it.
type Account struct {
	ID            string // ours, for addresses
	StripeID      string // acct_…
	Name, Country string
	Currency      string // USD; "" when not known
	Tone          ui.Tone
	Word          string // Can charge, Cannot charge, Something is due
	Charges       bool
	Payouts       bool
	Due           []string // what Stripe asks of its owner, in Stripe's words
	DueBy         time.Time
	Reason        string // why it is disabled
	Checked       time.Time
	UsedBy        []ui.Link // APIs that sell through it

}

// A Share says who gets what of a plan's price.
type Share struct {
	Plan       string
	Price, Fee money.Amount
	Rest       money.Amount
	FeeWords   string // Acme APIs, 5 %
}

// A PlanOnSale is a plan that the API offers and where it stands.
type PlanOnSale struct {
	Name        string
	Detail      string // monthly, version 2
	Price       Price
	Tone        ui.Tone
	Word        string // Monetized, Not monetized, Free, …
	Problem     string // why Stripe refused it
	Subscribers int64
	IDs         []string // at Stripe
	Note        string   // instead of ids
}

// AccountsProps is what the page at /publisher/accounts shows. Each row has
// POST /publisher/accounts/{id}/refresh.
type AccountsProps struct {
	layout.Frame
	Lead string
	Rows []Account
}
