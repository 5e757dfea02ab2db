package models

import "github.com/uptrace/bun"

// A Subscription is one application's use of one API under one policy. What it
// may do follows from its parts by package access; sub_status is that answer,
// kept for whoever reads the table.
type Subscription struct {
	bun.BaseModel `bun:"table:am_subscription,alias:sub"`

	ID                   int64    `bun:"subscription_id,pk,autoincrement"`
	TierID               string   `bun:"tier_id,notnull"` // the policy's name
	TierIDPending        string   `bun:"tier_id_pending,nullzero"`
	APIID                int64    `bun:"api_id,notnull"`
	LastAccessed         Instant  `bun:"last_accessed,nullzero"`
	ApplicationID        int64    `bun:"application_id,notnull"`
	Status               string   `bun:"sub_status,notnull"`        // as WSO2 spells it
	CreateState          string   `bun:"subs_create_state,notnull"` // SUBSCRIBE or UN_SUBSCRIBE
	CreatedBy            string   `bun:"created_by,nullzero"`
	CreatedTime          Instant  `bun:"created_time,notnull"`
	UpdatedBy            string   `bun:"updated_by,nullzero"`
	UpdatedTime          Instant  `bun:"updated_time,notnull"`
	UUID                 string   `bun:"uuid,notnull"`
	TenantID             TenantID `bun:"tenant_id,notnull"`
	PolicyID             int64    `bun:"policy_id,notnull"`
	PriceVersionID       string   `bun:"price_version_id,nullzero"` // "" when free
	NeedsPayment         bool     `bun:"needs_payment,notnull"`     // frozen when subscribed
	Checkout             string   `bun:"checkout,notnull"`          // none, opening, open, processing, expired, failed
	CheckoutAttempt      int      `bun:"checkout_attempt,notnull"`
	CheckoutSessionID    string   `bun:"checkout_session_id,nullzero"`
	CheckoutExpiresAt    Instant  `bun:"checkout_expires_at,nullzero"`
	CheckoutProblem      string   `bun:"checkout_problem,notnull"`
	Account              string   `bun:"account,nullzero"` // connected account it is sold through
	StripeSubscriptionID string   `bun:"stripe_subscription_id,nullzero"`
	StripeStatus         string   `bun:"stripe_status,notnull"` // "" without a Stripe subscription
	PastDueSince         Instant  `bun:"past_due_since,nullzero"`
	AdminHold            string   `bun:"admin_hold,notnull"` // "", BLOCKED or PROD_ONLY_BLOCKED
	PeriodStart          Instant  `bun:"period_start,nullzero"`
	PeriodEnd            Instant  `bun:"period_end,nullzero"`
	CancelAt             Instant  `bun:"cancel_at,nullzero"` // when it will end; zero: it renews
	EndedAt              Instant  `bun:"ended_at,nullzero"`
	EndReason            string   `bun:"end_reason,notnull"`
	ActivatedAt          Instant  `bun:"activated_at,nullzero"` // first time calls were served
	Live                 *int64   `bun:"live"`                  // nil once ended
	Version              int64    `bun:"version,notnull"`

	// A change of plan that is on its way; TierIDPending is its plan's name.
	PendingPolicyID       int64   `bun:"pending_policy_id,nullzero"`
	PendingPriceVersionID string  `bun:"pending_price_version_id,nullzero"` // "" for a free plan
	ChangeKind            string  `bun:"change_kind,notnull"`               // one of the Change constants
	ChangeAt              Instant `bun:"change_at,nullzero"`                // when it takes effect, business time; zero: as soon as it can
	ChangeAskedAt         Instant `bun:"change_asked_at,nullzero"`
	ChangeProblem         string  `bun:"change_problem,notnull"` // why the last change came to nothing, for a person
	StripeScheduleID      string  `bun:"stripe_schedule_id,nullzero"`

	// What Stripe says about paying.
	GraceHours       int     `bun:"grace_hours,notnull"`   // how long calls are served after a failed payment, as settings say
	ActionNeeded     bool    `bun:"action_needed,notnull"` // the bank asks the cardholder to agree
	RetryAt          Instant `bun:"retry_at,nullzero"`     // when Stripe tries the open invoice again; zero: it does not
	OpenInvoice      string  `bun:"open_invoice,nullzero"` // the oldest invoice that is open
	TrialEnds        Instant `bun:"trial_ends,nullzero"`
	CollectionPaused bool    `bun:"collection_paused,notnull"` // somebody paused it in Stripe's dashboard
	MoneyHold        string  `bun:"money_hold,notnull"`        // "", refund or dispute: held because of one, if the tenant wants that
	CheckedAt        Instant `bun:"checked_at,notnull"`        // last compared with Stripe, business time
}

// The kinds of a change of plan that is on its way.
const (
	NoChange       = ""
	ChangeNow      = "now"        // asked of Stripe, no answer yet, or its payment is open
	ChangeAtEnd    = "period_end" // scheduled at Stripe
	ChangeByPaying = "checkout"   // from a free plan, once its checkout is paid
	ChangeToFree   = "to_free"    // the paid one ends with its period, the free one goes on
)

// The reasons of a MoneyHold.
const (
	HoldRefund  = "refund"
	HoldDispute = "dispute"
)

// A Workflow records that something was asked for and how it was answered, as
// WSO2's workflow executors do. ExternalReference is what the provider echoes.
type Workflow struct {
	bun.BaseModel `bun:"table:am_workflows,alias:wf"`

	ID                int64    `bun:"wf_id,pk,autoincrement"`
	Reference         string   `bun:"wf_reference,notnull"` // subscription_id as text
	Type              string   `bun:"wf_type,notnull"`
	Status            string   `bun:"wf_status,notnull"`
	CreatedTime       Instant  `bun:"wf_created_time,notnull"`
	UpdatedTime       Instant  `bun:"wf_updated_time,notnull"`
	StatusDesc        string   `bun:"wf_status_desc,nullzero"`
	TenantID          TenantID `bun:"tenant_id,notnull"`
	TenantDomain      string   `bun:"tenant_domain,notnull"`
	ExternalReference string   `bun:"wf_external_reference,notnull"`
	Metadata          string   `bun:"wf_metadata,nullzero"`
	Properties        string   `bun:"wf_properties,nullzero"`
	Version           int64    `bun:"version,notnull"`
}

// A PlatformCustomer is a subscriber's Stripe customer on the platform account.
type PlatformCustomer struct {
	bun.BaseModel `bun:"table:am_monetization_platform_customers,alias:pc"`

	ID           int64    `bun:"id,pk,autoincrement"`
	SubscriberID int64    `bun:"subscriber_id,notnull"`
	TenantID     TenantID `bun:"tenant_id,notnull"`
	CustomerID   string   `bun:"customer_id,notnull"`
}

// A SharedCustomer is an application's Stripe customer on a connected account.
type SharedCustomer struct {
	bun.BaseModel `bun:"table:am_monetization_shared_customers,alias:sc"`

	ID               int64    `bun:"id,pk,autoincrement"`
	ApplicationID    int64    `bun:"application_id,notnull"`
	APIProvider      string   `bun:"api_provider,notnull"`
	TenantID         TenantID `bun:"tenant_id,notnull"`
	SharedCustomerID string   `bun:"shared_customer_id,notnull"`
	ParentCustomerID int64    `bun:"parent_customer_id,nullzero"`
	Account          string   `bun:"account,notnull"`
	GraceHours       *int     `bun:"grace_hours"` // nil: as the plan or the tenant says
	DeletedAt        Instant  `bun:"deleted_at,nullzero"`
}

// A StripeSubscription links a subscription of ours to one at Stripe. Ended ones stay.
type StripeSubscription struct {
	bun.BaseModel `bun:"table:am_monetization_subscriptions,alias:ms"`

	ID               int64    `bun:"id,pk,autoincrement"`
	ApplicationID    int64    `bun:"subscribed_application_id,notnull"`
	APIID            int64    `bun:"subscribed_api_id,notnull"`
	TenantID         TenantID `bun:"tenant_id,notnull"`
	SubscriptionID   string   `bun:"subscription_id,notnull"` // sub_…, Stripe's
	SharedCustomerID int64    `bun:"shared_customer_id,notnull"`
	AMSubscriptionID int64    `bun:"am_subscription_id,notnull"` // ours
	Account          string   `bun:"account,notnull"`
	ItemID           string   `bun:"item_id,nullzero"`
	PriceID          string   `bun:"price_id,nullzero"`
	Status           string   `bun:"status,notnull"`
	CreatedAt        Instant  `bun:"created_at,notnull"`
	EndedAt          Instant  `bun:"ended_at,nullzero"`
	SyncedAt         Instant  `bun:"synced_at,notnull"`
	Version          int64    `bun:"version,notnull"`
}

// A CheckoutSession is one Stripe Checkout that was opened for a subscription.
type CheckoutSession struct {
	bun.BaseModel `bun:"table:am_stripe_checkout_sessions,alias:cs"`

	SessionID         string   `bun:"session_id,pk"`
	WorkflowReference string   `bun:"workflow_reference,notnull"` // am_workflows.wf_external_reference
	SubscriberID      int64    `bun:"subscriber_id,notnull"`
	TenantID          TenantID `bun:"tenant_id,notnull"`
	APIUUID           string   `bun:"api_uuid,notnull"`
	CheckoutURL       string   `bun:"checkout_url,notnull"`
	Status            string   `bun:"status,notnull"` // PENDING, COMPLETED or EXPIRED
	CreatedAt         Instant  `bun:"created_at,notnull"`
	UpdatedAt         Instant  `bun:"updated_at,notnull"`
	AMSubscriptionID  int64    `bun:"am_subscription_id,notnull"`
	Account           string   `bun:"account,notnull"`
	PriceID           string   `bun:"price_id,notnull"`
	Attempt           int      `bun:"attempt,notnull"`
	ExpiresAt         Instant  `bun:"expires_at,notnull"`
	Version           int64    `bun:"version,notnull"`
}

// An Invoice mirrors one at Stripe. Document is the whole invoice as last read,
// as JSON of billing.Invoice; the columns repeat what lists need.
type Invoice struct {
	bun.BaseModel `bun:"table:invoices,alias:inv"`

	Account              string   `bun:"account,pk"`
	ID                   string   `bun:"invoice_id,pk"`
	TenantID             TenantID `bun:"tenant_id,notnull"`
	AMSubscriptionID     int64    `bun:"am_subscription_id,notnull"`
	StripeSubscriptionID string   `bun:"stripe_subscription_id,nullzero"`
	CustomerID           string   `bun:"customer_id,notnull"`
	Number               string   `bun:"number,notnull"`
	Status               string   `bun:"status,notnull"`
	BillingReason        string   `bun:"billing_reason,notnull"`
	Currency             string   `bun:"currency,notnull"`
	TotalMinor           int64    `bun:"total_minor,notnull"`
	AmountDueMinor       int64    `bun:"amount_due_minor,notnull"`
	AmountPaidMinor      int64    `bun:"amount_paid_minor,notnull"`
	PeriodStart          Instant  `bun:"period_start,notnull"`
	PeriodEnd            Instant  `bun:"period_end,notnull"`
	CreatedAt            Instant  `bun:"created_at,notnull"`
	FinalizedAt          Instant  `bun:"finalized_at,nullzero"`
	PaidAt               Instant  `bun:"paid_at,nullzero"`
	NextAttempt          Instant  `bun:"next_attempt,nullzero"`
	AttemptCount         int      `bun:"attempt_count,notnull"`
	HostedURL            string   `bun:"hosted_url,notnull"`
	PDFURL               string   `bun:"pdf_url,notnull"`
	Document             string   `bun:"document,notnull"`
	SyncedAt             Instant  `bun:"synced_at,notnull"`
	Version              int64    `bun:"version,notnull"`
}
