package models

import "github.com/uptrace/bun"

// The states of a window.
const (
	WindowSealed     = "sealed"     // to be sent
	WindowSending    = "sending"    // an attempt was begun; its outcome may be unknown
	WindowSent       = "sent"       // Stripe has it
	WindowUnknown    = "unknown"    // too old to be sent again unseen: Stripe's total decides
	WindowRefused    = "refused"    // Stripe said no; Try again, or write it off
	WindowUnbillable = "unbillable" // never billed, with a reason
)

// A UsageWindow is a sealed span of a subscription's ledger: what is sent to a
// Stripe meter as one event. Nothing but its way to Stripe changes after sealing.
type UsageWindow struct {
	bun.BaseModel `bun:"table:usage_windows,alias:uw"`

	ID                   string   `bun:"id,pk"`
	TenantID             TenantID `bun:"tenant_id,notnull"`
	SubscriptionID       int64    `bun:"subscription_id,notnull"`
	PolicyID             int64    `bun:"policy_id,notnull"`
	APIID                int64    `bun:"api_id,notnull"`
	Account              string   `bun:"account,notnull"`     // connected account
	CustomerID           string   `bun:"customer_id,notnull"` // cus_… on that account
	EventName            string   `bun:"event_name,notnull"`  // of the meter
	StripeSubscriptionID string   `bun:"stripe_subscription_id,notnull"`
	Start                Instant  `bun:"window_start,notnull"` // business time, whole seconds; within one UTC hour and one billing period
	End                  Instant  `bun:"window_end,notnull"`
	Revision             int      `bun:"revision,notnull"` // 0, 1, …: what came late is a revision of its own
	Calls                int64    `bun:"calls,notnull"`
	Quantity             int64    `bun:"quantity,notnull"` // units; a correction can make it negative
	Identifier           string   `bun:"identifier,notnull"`
	EventAt              Instant  `bun:"event_at,notnull"` // the meter event's timestamp, frozen
	State                string   `bun:"state,notnull"`
	Open                 *int64   `bun:"open"`            // nil once sent or unbillable
	Note                 string   `bun:"note,notnull"`    // for people: late, moved to the next invoice, why unbillable
	Problem              string   `bun:"problem,notnull"` // of the last attempt
	Attempts             int      `bun:"attempts,notnull"`
	SealedAt             Instant  `bun:"sealed_at,notnull"`       // business time
	FirstTriedAt         Instant  `bun:"first_tried_at,nullzero"` // business time: how long its identifier is safe
	NextTryAt            Instant  `bun:"next_try_at,notnull"`     // wall time
	SentAt               Instant  `bun:"sent_at,nullzero"`        // business time
	Version              int64    `bun:"version,notnull"`
}

// A UsageRun is the state of the job that publishes usage, in the columns of WSO2's
// table. There is one row, UsagePublisher.
type UsageRun struct {
	bun.BaseModel `bun:"table:am_monetization_usage,alias:ur"`

	ID            string  `bun:"id,pk"`
	State         string  `bun:"state,notnull"`          // INITIATED, RUNNING or COMPLETED
	Status        string  `bun:"status,notnull"`         // INPROGRESS, SUCCESSFULL or UNSUCCESSFULL
	StartedTime   Instant `bun:"started_time,notnull"`   // business time, of the last run
	PublishedTime Instant `bun:"published_time,notnull"` // business time of the last run that sent all it had
	FinishedTime  Instant `bun:"finished_time,nullzero"`
	AskedBy       string  `bun:"asked_by,nullzero"` // the person who asked for a run that is not over
	AskedAt       Instant `bun:"asked_at,nullzero"`
	Holder        string  `bun:"holder,nullzero"` // the process that runs it
	Term          int64   `bun:"term,notnull"`    // counts holders, so that an old one is recognised
	LeaseUntil    Instant `bun:"lease_until,notnull"`
	Windows       int64   `bun:"windows,notnull"` // of the last run
	Done          int64   `bun:"done,notnull"`
	Failed        int64   `bun:"failed,notnull"`
	Version       int64   `bun:"version,notnull"`
}

// UsagePublisher is the id of the one UsageRun, as WSO2 spells it.
const UsagePublisher = "USAGE_PUBLISHER"

// A UsageCompare follows the units of one subscription and plan through one billing
// period: from the gateway's own count to the line of the invoice.
type UsageCompare struct {
	bun.BaseModel `bun:"table:usage_compares,alias:uc"`

	SubscriptionID       int64    `bun:"subscription_id,pk"`
	PolicyID             int64    `bun:"policy_id,pk"`
	PeriodStart          Instant  `bun:"period_start,pk"`
	PeriodEnd            Instant  `bun:"period_end,notnull"`
	TenantID             TenantID `bun:"tenant_id,notnull"`
	Account              string   `bun:"account,notnull"`
	StripeSubscriptionID string   `bun:"stripe_subscription_id,notnull"`
	Gateway              int64    `bun:"gateway,notnull"` // as the gateways counted in memory
	Ledger               int64    `bun:"ledger,notnull"`
	Sent                 int64    `bun:"sent,notnull"`
	Waiting              int64    `bun:"waiting,notnull"` // in the ledger, not at Stripe yet
	Unbillable           int64    `bun:"unbillable,notnull"`
	Stripe               *int64   `bun:"stripe"`   // the meter's total; nil: not asked yet
	Invoiced             *int64   `bun:"invoiced"` // quantity of the invoice's line; nil: no invoice yet
	InvoiceID            string   `bun:"invoice_id,nullzero"`
	Agrees               bool     `bun:"agrees,notnull"`
	ComparedAt           Instant  `bun:"compared_at,notnull"`
	DueAt                Instant  `bun:"due_at,nullzero"` // when to compare again; zero: it is settled
	Version              int64    `bun:"version,notnull"`
}
