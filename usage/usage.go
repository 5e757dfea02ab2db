// Package usage counts what is sold by the call: the ledger of calls, the windows
// in which its units are sent to Stripe, and what people are shown of both.
package usage

import (
	"context"
	"errors"
	"time"

	"tollgate/accounts"
	"tollgate/models"
)

// A CallID names one call. It is a UUID of version 7 that the writer makes itself:
// nothing that a client sends has a part in what is billed.
type CallID [16]byte

// A Call is one call that was let through and answered.
type Call struct {
	ID           CallID
	Tenant       models.TenantID
	Subscription int64
	API          int64 // the API subscribed to
	Policy       int64
	Metered      bool // its units go to Stripe
	Sandbox      bool // made with a sandbox key
	Status       int  // as the upstream answered
	Counted      bool // whether it counts, by the API's rule
	Units        int64
	Took         time.Duration // until the upstream's answer began
}

// A Recorder writes calls down for good.
type Recorder interface {
	// Record returns once c is durable, and ErrNotRecorded when it is not and will
	// never be billed. When a call happened is when Record is entered, by business
	// time.
	Record(ctx context.Context, c Call) error
}

// ErrNotRecorded says that a call was not written down. Nothing of its answer may
// reach the client.
var ErrNotRecorded = errors.New("usage: the call could not be recorded")

// A Sink takes windows: the meters of Stripe.
//
// Errors are *Declined when the sink clearly said no, *Busy when it wants to be
// asked later and nothing happened, and anything else when nobody knows whether the
// event was taken. An event that the sink has already is no error.
type Sink interface {
	// SendUsage sends one meter event.
	SendUsage(ctx context.Context, at accounts.StripeAccount, key string, e MeterEvent) error
	// UsageTotal returns the units that a meter has of a customer from start
	// (included) to end (excluded), both on whole minutes. It lags by minutes.
	UsageTotal(ctx context.Context, at accounts.StripeAccount, meter, customer string, start, end time.Time) (int64, error)
}

// A MeterEvent is units used by a customer.
type MeterEvent struct {
	EventName  string // of the meter
	Customer   string
	Units      int64 // negative in a correction
	Identifier string
	At         time.Time
}

// A Declined error is a clear no: the event was not taken, and will not be if it is
// sent again as it is.
type Declined struct{ Code, Message string }

// Error returns the sink's words.
func (e *Declined) Error() string { return e.Message }

// A Busy error says that nothing happened, and how long to wait: a limit of the
// account or of the customer's meter was reached.
type Busy struct {
	Wait    time.Duration // 0: the caller decides
	Message string
}

// Error returns the sink's words.
func (e *Busy) Error() string { return e.Message }
