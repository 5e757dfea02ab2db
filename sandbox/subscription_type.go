package sandbox

import (
	"encoding/json"
	"time"
)

// A Subscription is a customer's standing order of one or more prices.
type Subscription struct {
	base
	Application                   *string             `json:"application"`
	ApplicationFeePercent         *json.Number        `json:"application_fee_percent"`
	AutomaticTax                  automaticTax        `json:"automatic_tax"`
	BillingCycleAnchor            int64               `json:"billing_cycle_anchor"`
	BillingCycleAnchorConfig      *struct{}           `json:"billing_cycle_anchor_config"`
	BillingMode                   billingMode         `json:"billing_mode"`
	BillingSchedules              []struct{}          `json:"billing_schedules"`
	BillingThresholds             *struct{}           `json:"billing_thresholds"`
	CancelAt                      *int64              `json:"cancel_at"`
	CancelAtPeriodEnd             bool                `json:"cancel_at_period_end"`
	CanceledAt                    *int64              `json:"canceled_at"`
	CancellationDetails           cancellation        `json:"cancellation_details"`
	CollectionMethod              string              `json:"collection_method"`
	Created                       int64               `json:"created"`
	Currency                      string              `json:"currency"`
	Customer                      string              `json:"customer"`
	DaysUntilDue                  *int64              `json:"days_until_due"`
	DefaultPaymentMethod          *string             `json:"default_payment_method"`
	DefaultSource                 *string             `json:"default_source"`
	DefaultTaxRates               []struct{}          `json:"default_tax_rates"`
	Description                   *string             `json:"description"`
	Discounts                     []string            `json:"discounts"`
	EndedAt                       *int64              `json:"ended_at"`
	InvoiceSettings               subscriptionInvoice `json:"invoice_settings"`
	Items                         itemList            `json:"items"`
	LatestInvoice                 *string             `json:"latest_invoice"`
	Livemode                      bool                `json:"livemode"`
	Metadata                      map[string]string   `json:"metadata"`
	NextPendingInvoiceItemInvoice *int64              `json:"next_pending_invoice_item_invoice"`
	OnBehalfOf                    *string             `json:"on_behalf_of"`
	PauseCollection               *pausedCollection   `json:"pause_collection"`
	PaymentSettings               paymentSettings     `json:"payment_settings"`
	PendingInvoiceItemInterval    *struct{}           `json:"pending_invoice_item_interval"`
	PendingSetupIntent            *string             `json:"pending_setup_intent"`
	PendingUpdate                 *pendingUpdate      `json:"pending_update"`
	Schedule                      *string             `json:"schedule"`
	StartDate                     int64               `json:"start_date"`
	Status                        string              `json:"status"`
	TestClock                     *string             `json:"test_clock"`
	TransferData                  *struct{}           `json:"transfer_data"`
	TrialEnd                      *int64              `json:"trial_end"`
	TrialSettings                 trialSettings       `json:"trial_settings"`
	TrialStart                    *int64              `json:"trial_start"`
	Coming                        *comingUpdate       `json:"_coming,omitempty"`
	Leaving                       []SubscriptionItem  `json:"_leaving,omitempty"` // metered items that went when the period ended, until it is billed
}

// A pausedCollection says what becomes of invoices while nobody is charged.
type pausedCollection struct {
	Behavior  string `json:"behavior"`
	ResumesAt *int64 `json:"resumes_at"`
}

type automaticTax struct {
	DisabledReason *string   `json:"disabled_reason"`
	Enabled        bool      `json:"enabled"`
	Liability      *struct{} `json:"liability"`
}

type billingMode struct {
	Flexible  *flexibleMode `json:"flexible"`
	Type      string        `json:"type"`
	UpdatedAt *int64        `json:"updated_at,omitempty"`
}

type flexibleMode struct {
	ProrationDiscounts string `json:"proration_discounts"`
}

type cancellation struct {
	Comment  *string `json:"comment"`
	Feedback *string `json:"feedback"`
	Reason   *string `json:"reason"`
}

type subscriptionInvoice struct {
	AccountTaxIDs []string  `json:"account_tax_ids"`
	Issuer        reference `json:"issuer"`
}

// A reference names an account as Stripe does in places where it may be another's.
type reference struct {
	Type string `json:"type"`
}

type paymentSettings struct {
	MethodOptions *struct{} `json:"payment_method_options"`
	MethodTypes   []string  `json:"payment_method_types"`
	SaveDefault   *string   `json:"save_default_payment_method,omitempty"`
	DefaultMandat *string   `json:"default_mandate,omitempty"`
}

type trialSettings struct {
	EndBehavior struct {
		MissingPaymentMethod string `json:"missing_payment_method"`
	} `json:"end_behavior"`
}

// An itemList is the list of a subscription's items, all of them.
type itemList struct {
	Object     string             `json:"object"`
	Data       []SubscriptionItem `json:"data"`
	HasMore    bool               `json:"has_more"`
	TotalCount int                `json:"total_count"`
	URL        string             `json:"url"`
}

// A SubscriptionItem is one price of a subscription, and its running period.
type SubscriptionItem struct {
	base
	BillingThresholds  *struct{}         `json:"billing_thresholds"`
	Created            int64             `json:"created"`
	CurrentPeriodEnd   int64             `json:"current_period_end"`
	CurrentPeriodStart int64             `json:"current_period_start"`
	Discounts          []string          `json:"discounts"`
	Metadata           map[string]string `json:"metadata"`
	Price              Price             `json:"price"`
	Quantity           *int64            `json:"quantity,omitempty"` // nil when metered
	Subscription       string            `json:"subscription"`
	TaxRates           []struct{}        `json:"tax_rates"`
	Since              int64             `json:"_since,omitempty"` // from when on use counts at this price; 0: from its subscription's beginning
}

// counted is the part of over in which use counts at the price of i.
func (i *SubscriptionItem) counted(over span) span {
	if since := time.Unix(i.Since, 0).UTC(); i.Since > 0 && since.After(over.start) {
		over.start = since
	}
	return over
}

func (*Subscription) kind() string     { return "subscription" }
func (*SubscriptionItem) kind() string { return "subscription_item" }

// The statuses of a subscription.
const (
	subActive            = "active"
	subTrialing          = "trialing"
	subIncomplete        = "incomplete"
	subIncompleteExpired = "incomplete_expired"
	subPastDue           = "past_due"
	subUnpaid            = "unpaid"
	subPaused            = "paused"
	subCanceled          = "canceled"
)

// ended reports whether nothing will happen to s any more.
func (s *Subscription) ended() bool {
	return s.Status == subCanceled || s.Status == subIncompleteExpired
}

func (s *Subscription) flexible() bool { return s.BillingMode.Type == "flexible" }

// clock is the test clock that s goes by, "" for none.
func (s *Subscription) clock() string {
	if s.TestClock == nil {
		return ""
	}
	return *s.TestClock
}

// period is the running period. All items of a subscription share it.
func (s *Subscription) period() span {
	i := s.Items.Data[0]
	return span{time.Unix(i.CurrentPeriodStart, 0).UTC(), time.Unix(i.CurrentPeriodEnd, 0).UTC()}
}

// setPeriod moves every item to p.
func (s *Subscription) setPeriod(p span) {
	for i := range s.Items.Data {
		s.Items.Data[i].CurrentPeriodStart, s.Items.Data[i].CurrentPeriodEnd = p.start.Unix(), p.end.Unix()
	}
}

// interval is how often s renews.
func (s *Subscription) interval() interval { return s.Items.Data[0].Price.interval() }

// item returns the item with that id, nil when there is none.
func (s *Subscription) item(id string) *SubscriptionItem {
	for i := range s.Items.Data {
		if s.Items.Data[i].ID == id {
			return &s.Items.Data[i]
		}
	}
	return nil
}

func (p *Price) interval() interval {
	return interval{p.Recurring.Interval, int(p.Recurring.IntervalCount)}
}

func (p *Price) metered() bool { return p.Recurring != nil && p.Recurring.UsageType == "metered" }

// metered reports whether any item of s is paid by use.
func (s *Subscription) metered() bool {
	for _, i := range s.Items.Data {
		if i.Price.metered() {
			return true
		}
	}
	return false
}

var subscriptionKinds = map[string]kind{
	"subscription": {
		prefix: "sub_1", random: 23,
		refs: map[string]string{
			"customer": "customer", "latest_invoice": "invoice", "default_payment_method": "payment_method",
			"test_clock": "test_helpers.test_clock", "pending_setup_intent": "setup_intent",
			"application": "application", "default_source": "payment_method", "discounts": "discount", "on_behalf_of": "account",
			"schedule": "subscription_schedule",
		},
		shape: shapeSubscription,
	},
	"subscription_item": {prefix: "si_", random: 14, shape: shapeItem},
}

// shapeSubscription takes out what older versions did not know, and adds what
// Stripe still sends although its specification does not name it.
func shapeSubscription(o tree, at version) {
	if at.before(dahlia) {
		delete(o, "billing_schedules")
	}
	items, _ := o["items"].(tree)
	data, _ := items["data"].([]any)
	if len(data) != 1 {
		return
	}
	if item, ok := data[0].(tree); ok {
		o["quantity"] = item["quantity"]
		if o["quantity"] == nil {
			o["quantity"] = json.Number("1")
		}
	}
}

// shapeItem leaves an item as it is: it has not changed since basil.
func shapeItem(tree, version) {}
