// Package billing sells plans: it keeps our subscriptions and Stripe's the same.
package billing

import (
	"context"
	"time"

	"tollgate/accounts"
	"tollgate/money"
)

// An Engine is the billing provider: single remote effects and reads. Account,
// idempotency key and values go in; ids and values come out. It knows no
// database, and it never retries: whoever calls it does, with the same key.
//
// Errors are *Refused when the provider clearly said no, *Barred when the
// account or its key may not be used, and anything else when nobody knows
// whether the effect happened.
//
// Every id that a caller passes must be non-empty; an engine refuses empty ones
// itself, because in Stripe's API an empty id turns a read into a listing.
type Engine interface {
	Objects
	Selling
	Billed
	Hooks
	Changing
	Returned
	Inventory
}

// Objects are the things that are sold: accounts, products, prices, meters, customers.
type Objects interface {
	// Account reads the account itself: the platform's own, or the connected one.
	Account(ctx context.Context, at accounts.StripeAccount) (Account, error)
	// CheckKey reads the platform account that an API key opens, before the key is kept.
	CheckKey(ctx context.Context, key string) (Account, error)

	// SaveProduct makes the product with in.ID, or makes the one that is there
	// equal to in (name, description, active, metadata).
	SaveProduct(ctx context.Context, at accounts.StripeAccount, key string, in Product) error
	// ArchiveProduct takes a product out of sale. One that is gone counts as archived.
	ArchiveProduct(ctx context.Context, at accounts.StripeAccount, key, id string) error

	// CreatePrice makes a price and returns its id. A price with in.LookupKey
	// that is there already is returned instead, reactivated if need be.
	CreatePrice(ctx context.Context, at accounts.StripeAccount, key string, in PriceInput) (id string, err error)
	// SetPriceActive puts a price on sale or takes it off. A price that is gone counts as off.
	SetPriceActive(ctx context.Context, at accounts.StripeAccount, key, id string, active bool) error

	// EnsureMeter returns the meter called in.EventName, made or reactivated if need be.
	EnsureMeter(ctx context.Context, at accounts.StripeAccount, key string, in MeterInput) (id string, err error)
	// DeactivateMeter stops a meter. One that is inactive or gone is no error.
	DeactivateMeter(ctx context.Context, at accounts.StripeAccount, key, id string) error

	// CreateCustomer makes a customer and returns its id.
	CreateCustomer(ctx context.Context, at accounts.StripeAccount, key string, in CustomerInput) (id string, err error)
}

// Selling is how a subscription comes to be, is managed and ends.
type Selling interface {
	// OpenCheckout opens a hosted Checkout for one price.
	OpenCheckout(ctx context.Context, at accounts.StripeAccount, key string, in CheckoutInput) (CheckoutSession, error)
	// Checkout reads a checkout session.
	Checkout(ctx context.Context, at accounts.StripeAccount, id string) (CheckoutSession, error)
	// ExpireCheckout closes an open checkout session. One that is complete or
	// expired already is left as it is; the session as it then stands is returned.
	ExpireCheckout(ctx context.Context, at accounts.StripeAccount, key, id string) (CheckoutSession, error)

	// EnsurePortalConfiguration makes or updates how the Customer Portal of the
	// account works (cards, invoices, cancel at period end, no plan switching)
	// and returns its id. have is the id known so far, or "".
	EnsurePortalConfiguration(ctx context.Context, at accounts.StripeAccount, key, have string, in PortalConfiguration) (id string, err error)
	// OpenPortal opens a Customer Portal session and returns its URL, good for minutes.
	OpenPortal(ctx context.Context, at accounts.StripeAccount, key string, in PortalInput) (url string, err error)

	// Subscription reads a subscription.
	Subscription(ctx context.Context, at accounts.StripeAccount, id string) (Subscription, error)
	// SubscriptionsOf lists every subscription of a customer, ended ones too, newest first.
	SubscriptionsOf(ctx context.Context, at accounts.StripeAccount, customer string) ([]Subscription, error)
	// CancelSubscription ends a subscription: at once, billing what is unbilled
	// (invoice_now and prorate) or not, or when its period ends.
	CancelSubscription(ctx context.Context, at accounts.StripeAccount, key, id string, when CancelWhen) (Subscription, error)
	// ResumeSubscription takes back a cancellation that has not happened yet.
	ResumeSubscription(ctx context.Context, at accounts.StripeAccount, key, id string) (Subscription, error)
}

// Billed is what was or will be charged.
type Billed interface {
	// Invoice reads an invoice with its lines.
	Invoice(ctx context.Context, at accounts.StripeAccount, id string) (Invoice, error)
	// InvoicesOf lists every invoice of a subscription with its lines, newest first.
	InvoicesOf(ctx context.Context, at accounts.StripeAccount, subscription string) ([]Invoice, error)
	// Preview returns the invoice a live subscription would get next. It has no
	// number and is not final.
	Preview(ctx context.Context, at accounts.StripeAccount, subscription string) (Invoice, error)
}

// Hooks is how the provider tells us that something changed.
type Hooks interface {
	// EnsureWebhook makes a webhook endpoint and returns its id and signing
	// secret. Others of ours at the same URL and scope are removed then, since a
	// secret is told only once.
	EnsureWebhook(ctx context.Context, at accounts.StripeAccount, key string, in WebhookInput) (Webhook, error)
	// Verify checks a delivery's signature over its raw bytes under any of
	// secrets, at wall time now. Short or empty secrets never match.
	Verify(payload []byte, signature string, secrets []string, now time.Time) error
	// Events lists events since a time, newest first, at most 30 days back; only
	// those whose delivery failed when undelivered is set.
	Events(ctx context.Context, at accounts.StripeAccount, since time.Time, undelivered bool) ([]Envelope, error)
}

// A Refused error is a clear no (HTTP 400, 402 or 404): nothing happened.
type Refused struct {
	Status                        int
	Code, Decline, Param, Message string
	RequestID                     string
}

// Error returns the provider's words.
func (e *Refused) Error() string { return e.Message }

// A Barred error says that a key or an account may not be used (HTTP 401 or 403).
type Barred struct {
	Status  int
	Message string
}

// Error returns the provider's words.
func (e *Barred) Error() string { return e.Message }

// An Account is what the provider knows of an account.
type Account struct {
	ID, Name, Email, Country, DefaultCurrency        string
	ChargesEnabled, PayoutsEnabled, DetailsSubmitted bool
	Due                                              []string  // what is asked of its owner now
	DueBy                                            time.Time // zero: no date set
	DisabledReason                                   string
}

// A Product is a thing on a price list. ID is ours, so that a look-up is exact.
type Product struct {
	ID, Name, Description string
	Metadata              map[string]string
	Archived              bool      // only read; SaveProduct always puts it on sale
	Created               time.Time // only read
}

// A PriceInput is a price to be made. Exactly one of Amount and Rate is set:
// Amount for a fixed price a cycle, Rate with Meter for a price per unit.
type PriceInput struct {
	Product, LookupKey, Nickname string
	Amount                       money.Amount
	Rate                         money.Rate
	Meter                        string // id of the meter, with Rate
	Cycle                        string // day, week, month or year
	Metadata                     map[string]string
}

// A MeterInput is a meter to be made. EventName is unique in the account.
type MeterInput struct{ Name, EventName string }

// A CustomerInput is a customer to be made.
type CustomerInput struct {
	Name, Email string
	Metadata    map[string]string
}

// A CheckoutInput is a Checkout to be opened for one subscription.
type CheckoutInput struct {
	Customer, Price       string
	Metered               bool   // a metered price takes no quantity
	ClientReference       string // our reference, echoed by the provider
	SuccessURL, CancelURL string
	Metadata              map[string]string // put on the session and on the subscription
	FeePercent            string            // platform's share, decimal with at most 2 places; "" for none
}

// The statuses of a checkout session.
const (
	CheckoutOpen     = "open"
	CheckoutComplete = "complete"
	CheckoutExpired  = "expired"
)

// A CheckoutSession is one hosted Checkout.
type CheckoutSession struct {
	ID, URL               string
	Status, PaymentStatus string
	Mode                  string
	Customer              string
	Subscription, Invoice string // "" until it is paid
	ClientReference       string
	Metadata              map[string]string
	Created, ExpiresAt    time.Time
}

// Settled reports whether the session is over and nothing is owed: paid, or
// nothing was due (a trial, a metered price, a full discount).
func (s CheckoutSession) Settled() bool {
	return s.Status == CheckoutComplete && (s.PaymentStatus == "paid" || s.PaymentStatus == "no_payment_required")
}

// A PortalConfiguration is how the Customer Portal looks and what it allows.
type PortalConfiguration struct{ Headline, ReturnURL string }

// A PortalInput is a Customer Portal session to be opened.
type PortalInput struct{ Customer, Configuration, ReturnURL string }

// CancelWhen says when a cancellation takes effect.
type CancelWhen int

// The ways in which a subscription can be ended.
const (
	CancelAtPeriodEnd CancelWhen = iota
	CancelNow
	CancelUnbilled // at once, and nothing is billed or credited: what should never have begun
)

// A Subscription is a subscription as the provider has it.
type Subscription struct {
	ID, Status, Customer string
	Items                []Item
	CancelAt             time.Time // zero: not scheduled to end
	CanceledAt, EndedAt  time.Time // zero: not so
	CancelReason         string
	TrialEnd             time.Time
	LatestInvoice        string
	Metadata             map[string]string
	Created              time.Time
	Pending              *Pending // a change that waits for its payment; nil: none
	Schedule             string   // its schedule, while it has one
	CollectionPaused     bool     // by somebody in the provider's dashboard

	DiscountedAt time.Time // since when the newest discount counts; only Subscriptions tells it
}

// An Item is one price of a subscription and the period it is billed for now.
type Item struct {
	ID, Price, Product     string
	Quantity               int64
	PeriodStart, PeriodEnd time.Time
}

// An Invoice is an invoice as the provider has it, or a preview of one.
type Invoice struct {
	ID, Number, Status, BillingReason         string
	Subscription, Customer                    string
	CustomerName, CustomerEmail               string
	AccountName, AccountCountry               string
	Currency                                  money.Currency
	Subtotal, Tax, Total                      money.Amount
	AmountDue, AmountPaid, AmountRemaining    money.Amount
	StartingBalance, EndingBalance            money.Amount
	PeriodStart, PeriodEnd, Created           time.Time
	DueDate, FinalizedAt, PaidAt, NextAttempt time.Time // zero: none
	AttemptCount                              int64
	ActionNeeded                              bool // the bank asks the cardholder to agree to the payment
	HostedURL, PDFURL                         string
	Description                               string
	Lines                                     []InvoiceLine
}

// An InvoiceLine is one line of an invoice.
type InvoiceLine struct {
	ID, Description        string
	Price                  string // "" on prorations
	Quantity               int64
	Unit                   money.Rate // price per unit; zero when the line has none
	Amount                 money.Amount
	PeriodStart, PeriodEnd time.Time
	Proration              bool
}

// A WebhookInput is a webhook endpoint to be made.
type WebhookInput struct {
	URL     string
	Connect bool // events of connected accounts, instead of the platform's own
	Events  []string
	Version string // "" for the provider's default
}

// A Webhook is a webhook endpoint.
type Webhook struct{ ID, Secret, Version string }

// An Envelope is the little of an event that we read. Objects are read from the
// provider itself, so any API version will do.
type Envelope struct {
	ID, Type, Account, APIVersion string
	Livemode                      bool
	Created                       time.Time
	ObjectType, ObjectID          string
}
