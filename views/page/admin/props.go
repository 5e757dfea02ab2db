// Package admin is the pages of the admin portal. Every page takes finished words.
package admin

import (
	"time"

	"tollgate/views/layout"
	"tollgate/views/ui"
)

// OverviewProps is what the page at /admin shows: how things stand, and what to
// do next.
type OverviewProps struct {
	layout.Frame
	Tone    ui.Tone // of the sentence
	Lead    string  // one sentence of state
	Next    ui.Link // what to do next; an empty Href when there is nothing
	Stats   []Stat
	Webhook Health
	Work    Health
	Stripe  Health

	Agreement Health // with Stripe
	Usage     Health // what was used, on its way to Stripe
	Gateways  Health
}

// A Stat is one number at the head of a page.
type Stat struct{ Label, Value, Detail, Href string }

// A Health is how it stands with one part.
type Health struct {
	Tone     ui.Tone
	Word     string // on its badge
	Sentence string
	Facts    []Fact
	More     ui.Link
}

// A Fact is a name with its value.
type Fact struct{ Name, Value string }

// PeopleProps is what the page at /admin/people shows. The search is sent as q.
type PeopleProps struct {
	layout.Frame
	Search   string
	Filters  []ui.Link // all, and each role
	Rows     []PersonRow
	Narrowed bool // a search or a filter is set
	Pager    ui.Pager
}

// A PersonRow is somebody in a list.
type PersonRow struct {
	ID, Username, Name, Email string
	Organization              string
	Roles                     []string // in words
	Active                    bool     // may sign in
}

// PersonFormProps is what the pages at /admin/people/new and /admin/people/{id}
// show. The form sends username (of a new person only), display_name, email,
// organization and roles to POST /admin/people/new, or to /admin/people/{id}.
// Beside it are POST …/{id}/link, …/{id}/disable and …/{id}/enable.
type PersonFormProps struct {
	layout.Frame
	ID                           string // "" for a new one
	Username, DisplayName, Email string // as typed
	Organization                 string
	Roles                        []string // chosen
	Choices                      []ui.Choice
	Active                       bool
	Yourself                     bool      // it is the person who reads this
	Since                        time.Time // when they were added
	Problems                     map[string]string
}

// PersonLinkProps is what is shown, once, after a one-time link was made.
type PersonLinkProps struct {
	layout.Frame
	ID, Username string
	Link         string // the whole address, to be copied and sent
	Until        time.Time
}

// AccountsProps is what the page at /admin/accounts shows. Each row has
// POST /admin/accounts/{id}/refresh and …/{id}/release.
type AccountsProps struct {
	layout.Frame
	Rows []AccountRow
}

// An AccountRow is a connected account.
type AccountRow struct {
	ID            string // ours, for addresses
	StripeID      string // acct_…
	Name, Country string
	Currency      string // USD
	Owner         string // the publisher's name
	Tone          ui.Tone
	Word          string   // Can charge, Cannot charge, Something is due
	Due           []string // what Stripe asks of its owner, in Stripe's words
	DueBy         time.Time
	Checked       time.Time
}

// StripeProps is what the page at /admin/stripe shows. key is sent to
// POST /admin/stripe/key; secret to POST /admin/stripe/webhooks/{scope}; nothing
// to POST /admin/stripe/webhooks/register; late_usage to POST /admin/stripe/late-usage.
type StripeProps struct {
	layout.Frame
	Mode           string // sandbox, test or live
	Account        string // acct_… that the key opens; "" without a key
	AccountName    string
	KeyHint        string            // …4242; "" without a key
	Trouble        string            // why Stripe refuses the key; "" when it works
	Problems       map[string]string // by field: key, connect, platform
	Hooks          []HookRow         // of connected accounts, of the platform
	Version        string            // the API version to choose for endpoints made by hand
	CannotRegister string            // why endpoints cannot be registered from here; "" when they can
	LateUsage      string            // bill or waive
}

// A HookRow is one webhook endpoint, there or still to be made.
type HookRow struct {
	Scope    string // connect or platform
	Title    string // Events of connected accounts, Events of your account
	URL      string // to enter at Stripe
	Events   []string
	Known    bool   // its secret is here
	Hint     string // …AbCd
	StripeID string // we_…; "" when made by hand
	Version  string // "" when not known
	Since    time.Time
}

// WebhooksProps is what the page at /admin/webhooks shows: what Stripe told us.
// Each row has POST /admin/webhooks/{id}/again.
type WebhooksProps struct {
	layout.Frame
	Lead     string // one sentence: when the last one came
	Filters  []ui.Link
	Rows     []EventRow
	Narrowed bool
	Pager    ui.Pager
}

// An EventRow is an event received.
type EventRow struct {
	ID, Type  string
	Account   string // acct_…; "" for the platform's own
	Object    string // id of what it is about
	Tone      ui.Tone
	Word      string // Under way, Processed, Ignored, Failed
	Outcome   string // one sentence
	Happened  time.Time
	Received  time.Time
	Processed time.Time // zero: not yet
	Again     bool      // processing it again makes sense
}

// WorkProps is what the page at /admin/work shows: what failed, and what is under
// way. A failed row has POST /admin/work/{id}/again.
type WorkProps struct {
	layout.Frame
	Lead     string
	Failed   []WorkRow
	UnderWay []WorkRow
}

// A WorkRow is work that is not done.
type WorkRow struct {
	ID       string
	What     string // in words: Bring a business plan to Stripe
	Subject  string // what it is about, as the program names it
	Reason   string // why it failed, or what its last attempt met; "" for nothing
	Attempts int
	Since    time.Time
	Next     time.Time // when it is tried again; zero: not by itself
}

// AuditProps is what the page at /admin/audit shows.
type AuditProps struct {
	layout.Frame
	Rows  []AuditRow
	Pager ui.Pager
}

// An AuditRow is something somebody did.
type AuditRow struct {
	At      time.Time
	Who     string
	Did     string // in words: Changed a business plan
	What    string // the name of what it was done to
	Kind    string // what that is: person, plan
	Details string // "" for none
}

// SettingsProps is what the page at /admin/settings shows. The form sends name,
// catalogue_public (on), fee_percent, grace_hours, hold_on_dispute (on) and
// hold_on_refund (on) to POST /admin/settings.
type SettingsProps struct {
	layout.Frame
	Domain          string
	Name            string
	CataloguePublic bool
	FeePercent      string
	GraceHours      string
	HoldOnDispute   bool
	HoldOnRefund    bool
	Problems        map[string]string
}
