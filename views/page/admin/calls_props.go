package admin

import (
	"time"

	"tollgate/views/layout"
	"tollgate/views/ui"
)

// PublishingProps is what the page at /admin/usage shows: how what was used gets to
// Stripe. Its forms send nothing to POST /admin/usage/publish, window or account to
// POST /admin/usage/again, and the same with reason to POST /admin/usage/write-off.
type PublishingProps struct {
	layout.Frame
	Tone     ui.Tone
	Word     string
	Lead     string // one sentence of state
	Running  bool
	Progress *ui.Gauge // nil while nothing runs
	Progsays string    // 312 of 1,200 windows, 40 a second
	Figures  []ui.Figure
	Troubles []TroubleRow
	Decide   []DecisionRow
	Problem  string // of a form that was refused
	Filters  []ui.Link
	Account  string // only its windows are listed; "" for all
	Narrowed bool
	Rows     []ui.WindowRow
	Pager    ui.Pager
	CSV      string
}

// A TroubleRow is windows of one account that do not reach Stripe.
type TroubleRow struct {
	Account, Name  string // acct_…, and what it is called
	Tone           ui.Tone
	Word           string
	Windows, Units string
	Reason         string
	Oldest         time.Time
	Next           string // when it is tried again; "" when a person decides
	List           string // address of its windows
}

// A DecisionRow is an account some of whose windows wait for a person to decide.
type DecisionRow struct {
	Account, Name string
	About         string // 3 windows, 120 units
	Lost          string // what writing off gives up
	Typed         string // the reason as typed, after it was refused
	Open          bool   // it was refused
}

// UnitsProps is what the page at /admin/units shows.
type UnitsProps struct {
	layout.Frame
	Lead     string
	Filters  []ui.Link
	Narrowed bool
	Rows     []ui.UnitsRow
	Pager    ui.Pager
	CSV      string
}

// UnitsOfProps is what the page at /admin/units/{uuid} shows.
type UnitsOfProps struct {
	layout.Frame
	Heading string // whose, of what
	Body    ui.UnitsOf
}

// GatewaysProps is what the page at /admin/gateways shows. Its forms send name to
// POST /admin/gateways/credentials, and nothing to
// POST /admin/gateways/credentials/{id}/revoke.
type GatewaysProps struct {
	layout.Frame
	Tone        ui.Tone
	Word        string
	Lead        string
	Rows        []GatewayRow
	Numbers     bool // the rows have addresses and numbers
	Leases      []LeaseRow
	LeaseLead   string
	Credentials []CredentialRow
	Name        string // as typed
	Problems    map[string]string
}

// A GatewayRow is a process that writes calls down.
type GatewayRow struct {
	Name, Address, Kind, Writer       string
	Tone                              ui.Tone
	Word, Why                         string
	Since, Seen                       time.Time
	Served, Refused, Failed, InFlight string
	Caught                            string // Caught up, 12 changes behind
}

// A LeaseRow is a plan that stops at its quota, and what one gateway reserves of it.
type LeaseRow struct{ Plan, Quota, Lease, Together string }

// A CredentialRow is what another gateway signs in with.
type CredentialRow struct {
	ID, Name, Prefix string
	Made             time.Time
	Used             time.Time // zero: never
	Revoked          time.Time // zero: it works
}

// CredentialMadeProps is what is shown, once, after a credential was made.
type CredentialMadeProps struct {
	layout.Frame
	Name, Secret string
}

// RevenueProps is what the page at /admin/revenue shows.
type RevenueProps struct {
	layout.Frame
	Lead    string
	Months  ui.Months
	Figures []ui.Figure
	Chart   *ui.Chart // nil when there was no call
	APIs    []ui.SoldRow
	Plans   []ui.SoldRow
	ByMonth []ui.TakingsRow
	CSV     string
	Empty   bool // nothing was called or billed in the month
}
