package billing

import (
	"context"
	"time"

	"tollgate/accounts"
	"tollgate/money"
)

// Changing is how a subscription moves to another price.
type Changing interface {
	// PreviewChange returns the invoice that ChangeSubscription would make at once
	// with the same values: prorations, and what is charged now. It has no number.
	PreviewChange(ctx context.Context, at accounts.StripeAccount, in Change) (Invoice, error)
	// ChangeSubscription moves a subscription to another price at once, prorated to
	// in.At and charged at once (proration_behavior=always_invoice,
	// payment_behavior=pending_if_incomplete): when the charge fails or the bank
	// asks for authentication, the old price stays and the returned subscription has
	// a Pending change until its invoice is paid or Stripe drops it.
	ChangeSubscription(ctx context.Context, at accounts.StripeAccount, key string, in Change) (Subscription, error)
	// ScheduleChange moves a subscription to another price when its period ends: a
	// subscription schedule of two phases that is released afterwards. A schedule
	// of the subscription that is there already is made equal to in.
	ScheduleChange(ctx context.Context, at accounts.StripeAccount, key string, in Change) (Schedule, error)
	// ReleaseSchedule takes a scheduled change back and leaves the subscription as
	// it is. A schedule that is over or gone is no error.
	ReleaseSchedule(ctx context.Context, at accounts.StripeAccount, key, id string) error
	// Schedule reads a subscription schedule.
	Schedule(ctx context.Context, at accounts.StripeAccount, id string) (Schedule, error)
}

// Returned is money that comes back, and payments that are disputed.
type Returned interface {
	// Refund gives back what was paid for an invoice and was not given back yet,
	// with the platform's share. An invoice that nothing was paid for is a Refused.
	Refund(ctx context.Context, at accounts.StripeAccount, key, invoice string) (Refund, error)
	// Charge reads a charge; InvoiceID tells which invoice it paid, "" for none.
	Charge(ctx context.Context, at accounts.StripeAccount, id string) (Charge, error)
	// RefundByID reads a refund.
	RefundByID(ctx context.Context, at accounts.StripeAccount, id string) (Refund, error)
	// Dispute reads a dispute.
	Dispute(ctx context.Context, at accounts.StripeAccount, id string) (Dispute, error)
	// RefundsSince and DisputesSince list what was made since a time, newest first.
	RefundsSince(ctx context.Context, at accounts.StripeAccount, since time.Time) ([]Refund, error)
	DisputesSince(ctx context.Context, at accounts.StripeAccount, since time.Time) ([]Dispute, error)
}

// Inventory is everything that an account has, to compare it with ours. Each list
// is complete; which objects are ours follows from their metadata.
type Inventory interface {
	// Customer reads a customer; one that was deleted says so.
	Customer(ctx context.Context, at accounts.StripeAccount, id string) (Customer, error)
	// DeleteCustomer deletes a customer that nothing hangs on.
	DeleteCustomer(ctx context.Context, at accounts.StripeAccount, key, id string) error
	// Products, Prices, Meters, Customers and Subscriptions list all there are,
	// archived, inactive and ended ones too (deleted ones are gone).
	Products(ctx context.Context, at accounts.StripeAccount) ([]Product, error)
	Prices(ctx context.Context, at accounts.StripeAccount) ([]Price, error)
	Meters(ctx context.Context, at accounts.StripeAccount) ([]Meter, error)
	Customers(ctx context.Context, at accounts.StripeAccount) ([]Customer, error)
	Subscriptions(ctx context.Context, at accounts.StripeAccount) ([]Subscription, error)
	// OpenCheckouts lists the checkout sessions that can still be paid.
	OpenCheckouts(ctx context.Context, at accounts.StripeAccount) ([]CheckoutSession, error)
}

// A Change is another price for a subscription.
type Change struct {
	Subscription string
	Item         string // the item that gets the price
	Price        string
	Metered      bool      // a metered price takes no quantity
	At           time.Time // prorations count from here; the same in preview and change; unused by ScheduleChange
}

// A Pending change waits for its payment.
type Pending struct {
	Price   string
	Expires time.Time // Stripe drops it then
}

// The statuses of a schedule that still does something.
const (
	ScheduleActive     = "active"
	ScheduleNotStarted = "not_started"
)

// A Schedule is a subscription schedule.
type Schedule struct {
	ID, Status, Subscription string
	NextPrice                string    // of the phase that comes; "" when none comes
	NextAt                   time.Time // when that phase begins
}

// A Charge is a payment that was tried or made.
type Charge struct {
	ID, Customer, InvoiceID string
	Amount, Refunded        money.Amount
	Paid, Disputed          bool
	Created                 time.Time
}

// A Refund is money that was given back.
type Refund struct {
	ID, Charge, Status, Reason string // succeeded, pending, failed, canceled, requires_action
	Amount                     money.Amount
	Created                    time.Time
}

// A Dispute is a payment that the cardholder takes back through their bank.
type Dispute struct {
	ID, Charge, Status, Reason string // as Stripe spells them: needs_response, under_review, won, lost, …
	Amount                     money.Amount
	Created                    time.Time
	EvidenceBy                 time.Time // zero: none is asked for
}

// Over reports whether a dispute is decided.
func (d Dispute) Over() bool {
	return d.Status == "won" || d.Status == "lost" || d.Status == "warning_closed" || d.Status == "prevented"
}

// A Customer is a customer as the provider has it.
type Customer struct {
	ID, Name, Email string
	Deleted         bool
	Metadata        map[string]string
	Created         time.Time
}

// A Price is a price as the provider has it. Exactly one of Amount and Rate is set.
type Price struct {
	ID, Product, LookupKey, Nickname string
	Active                           bool
	Amount                           money.Amount
	Rate                             money.Rate
	Meter, Cycle                     string
	Metadata                         map[string]string
	Created                          time.Time
}

// A Meter is a meter as the provider has it.
type Meter struct {
	ID, EventName, Name string
	Active              bool
	Created             time.Time
}
