package publisher

import (
	"time"

	"tollgate/money"
	"tollgate/views/layout"
	"tollgate/views/ui"
)

// SubscriptionProps is what the page at /publisher/subscriptions/{uuid} shows: one
// subscription to one of the publisher's APIs.
type SubscriptionProps struct {
	layout.Frame
	ID          string // uuid
	API         string // with its version
	APIID       string // uuid; "" once the API is gone
	Plan        string
	Price       Price
	NextPlan    string // what it changes to, with the day; "" for nothing
	Subscriber  string
	Application string
	AccountLost bool   // Stripe does not let us use the account it is paid to
	State       string // access.State's label
	Tone        ui.Tone
	Sentence    string // how it stands, for the publisher
	Until       time.Time
	After       string // what follows Until in the sentence
	Since       time.Time
	PeriodStart time.Time // zero: no period
	PeriodEnd   time.Time
	Stripe      string // sub_…; "" without one
	Account     string // acct_… that is paid
	HasInvoices bool
	Ended       bool
	Hold        Hold
	Grace       Grace
	CanEnd      bool
	Use         MonthUse
	Incidents   []Incident
	History     []ui.Happening
	Older       string // the next page of the history; "" at its end
	CSV         string
}

// A Hold is the block on a subscription, and the form that sets it. It sends hold to
// POST /publisher/subscriptions/{uuid}/hold.
type Hold struct {
	Value   string // "", BLOCKED or PROD_ONLY_BLOCKED
	Problem string
}

// A Grace is how long calls are served after a failed payment, and the form that
// sets it for this customer. It sends hours to POST /publisher/subscriptions/{uuid}/grace.
type Grace struct {
	Offered bool   // it is a paid subscription
	Hours   string // as typed; "" for the plan's or the organisation's
	Now     string // what holds now, in words
	Problem string
}

// An Incident is money of a subscription that went another way than planned.
type Incident struct {
	ID       string
	What     string // Refund, Dispute, Paid twice
	Why      string // "" when nobody says
	Amount   money.Amount
	State    string
	Tone     ui.Tone
	Since    time.Time
	DueBy    time.Time // until when something has to be sent to Stripe; zero: no such day
	GiveBack bool      // POST /publisher/subscriptions/{uuid}/give-back with incident
	Stripe   string    // where it is answered; "" for nowhere
}

func (p SubscriptionProps) holdChoices() []ui.Choice {
	return []ui.Choice{
		{Value: "", Label: "Let calls through", Hint: "As far as payment allows."},
		{Value: "PROD_ONLY_BLOCKED", Label: "Block production calls", Hint: "Calls with sandbox keys go on."},
		{Value: "BLOCKED", Label: "Block all calls", Hint: "Billing goes on. A payment does not lift this block."},
	}
}

func (p SubscriptionProps) holdHint() string {
	switch p.Hold.Value {
	case "BLOCKED":
		return "You have blocked all calls."
	case "PROD_ONLY_BLOCKED":
		return "You have blocked production calls."
	}
	return "Nothing is blocked by you."
}
