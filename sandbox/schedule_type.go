package sandbox

import (
	"encoding/json"
	"slices"
)

// A Schedule is a plan of phases that a subscription goes through by itself.
type Schedule struct {
	base
	Application          *string           `json:"application"`
	BillingMode          billingMode       `json:"billing_mode"`
	CanceledAt           *int64            `json:"canceled_at"`
	CompletedAt          *int64            `json:"completed_at"`
	Created              int64             `json:"created"`
	CurrentPhase         *phaseSpan        `json:"current_phase"`
	Customer             string            `json:"customer"`
	CustomerAccount      *string           `json:"customer_account"`
	DefaultSettings      scheduleDefaults  `json:"default_settings"`
	EndBehavior          string            `json:"end_behavior"`
	Livemode             bool              `json:"livemode"`
	Metadata             map[string]string `json:"metadata"`
	Phases               []Phase           `json:"phases"`
	ReleasedAt           *int64            `json:"released_at"`
	ReleasedSubscription *string           `json:"released_subscription"`
	Status               string            `json:"status"`
	Subscription         *string           `json:"subscription"`
	TestClock            *string           `json:"test_clock"`
}

type phaseSpan struct {
	EndDate   int64 `json:"end_date"`
	StartDate int64 `json:"start_date"`
}

// scheduleDefaults are the settings of phases that name none of their own.
type scheduleDefaults struct {
	FeePercent           *json.Number    `json:"application_fee_percent"`
	AutomaticTax         automaticTax    `json:"automatic_tax"`
	BillingCycleAnchor   string          `json:"billing_cycle_anchor"`
	BillingThresholds    *struct{}       `json:"billing_thresholds"`
	CollectionMethod     string          `json:"collection_method"`
	DefaultPaymentMethod *string         `json:"default_payment_method"`
	Description          *string         `json:"description"`
	InvoiceSettings      scheduleInvoice `json:"invoice_settings"`
	OnBehalfOf           *string         `json:"on_behalf_of"`
	TransferData         *struct{}       `json:"transfer_data"`
}

type scheduleInvoice struct {
	AccountTaxIDs []string  `json:"account_tax_ids"`
	DaysUntilDue  *int64    `json:"days_until_due"`
	Issuer        reference `json:"issuer"`
}

// A Phase is a stretch of time with prices of its own. One begins where the one
// before ends.
type Phase struct {
	AddInvoiceItems      []struct{}        `json:"add_invoice_items"`
	FeePercent           *json.Number      `json:"application_fee_percent"`
	BillingCycleAnchor   *string           `json:"billing_cycle_anchor"`
	BillingThresholds    *struct{}         `json:"billing_thresholds"`
	CollectionMethod     *string           `json:"collection_method"`
	Currency             string            `json:"currency"`
	DefaultPaymentMethod *string           `json:"default_payment_method"`
	DefaultTaxRates      []struct{}        `json:"default_tax_rates"`
	Description          *string           `json:"description"`
	Discounts            []struct{}        `json:"discounts"`
	EndDate              int64             `json:"end_date"`
	InvoiceSettings      *struct{}         `json:"invoice_settings"`
	Items                []PhaseItem       `json:"items"`
	Metadata             map[string]string `json:"metadata"`
	OnBehalfOf           *string           `json:"on_behalf_of"`
	ProrationBehavior    string            `json:"proration_behavior"`
	StartDate            int64             `json:"start_date"`
	TransferData         *struct{}         `json:"transfer_data"`
	TrialEnd             *int64            `json:"trial_end"`
}

// A PhaseItem is one price of a phase.
type PhaseItem struct {
	BillingThresholds *struct{}         `json:"billing_thresholds"`
	Discounts         []struct{}        `json:"discounts"`
	Metadata          map[string]string `json:"metadata"`
	Price             string            `json:"price"`
	Quantity          *int64            `json:"quantity,omitempty"` // nil when metered
	TaxRates          []struct{}        `json:"tax_rates"`
}

func (*Schedule) kind() string { return "subscription_schedule" }

// The statuses of a schedule.
const (
	scheduleWaits     = "not_started"
	scheduleActive    = "active"
	scheduleCompleted = "completed"
	scheduleReleased  = "released"
	scheduleCanceled  = "canceled"
)

// over reports whether nothing will happen to c any more.
func (c *Schedule) over() bool { return c.Status != scheduleWaits && c.Status != scheduleActive }

func (c *Schedule) clock() string {
	if c.TestClock == nil {
		return ""
	}
	return *c.TestClock
}

// end is when the last phase is over.
func (c *Schedule) end() int64 { return c.Phases[len(c.Phases)-1].EndDate }

// phaseAt is the place of the phase that holds the second at, -1 for none.
func (c *Schedule) phaseAt(at int64) int {
	return slices.IndexFunc(c.Phases, func(p Phase) bool { return p.StartDate <= at && at < p.EndDate })
}

// holds reports whether p asks for exactly the items of s.
func (p *Phase) holds(s *Subscription) bool {
	if len(p.Items) != len(s.Items.Data) {
		return false
	}
	for _, want := range p.Items {
		if !slices.ContainsFunc(s.Items.Data, func(i SubscriptionItem) bool {
			return i.Price.ID == want.Price && sameCount(i.Quantity, want.Quantity)
		}) {
			return false
		}
	}
	return true
}

func sameCount(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

// phaseItems are the items of s as a phase has them.
func phaseItems(s *Subscription) []PhaseItem {
	var out []PhaseItem
	for _, i := range s.Items.Data {
		out = append(out, PhaseItem{Discounts: []struct{}{}, Metadata: i.Metadata, Price: i.Price.ID, Quantity: i.Quantity, TaxRates: []struct{}{}})
	}
	return out
}

var scheduleKinds = map[string]kind{"subscription_schedule": {
	prefix: "sub_sched_1", random: 23,
	refs: map[string]string{"customer": "customer", "subscription": "subscription", "test_clock": "test_helpers.test_clock", "application": "application",
		"phases.items.price": "price", "phases.default_payment_method": "payment_method",
		"default_settings.default_payment_method": "payment_method"},
}}
