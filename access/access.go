// Package access decides what a subscription may do. One pure function turns what
// is known of it (checkout, Stripe's status, holds, changes under way) into one
// state: the status that WSO2's tables keep, the words a person reads, the next
// thing to do, and the gateway's answer. Pages, mails and gateway all ask it.
package access

import "time"

// A Checkout is where paying for a subscription stands.
type Checkout string

// The states of a checkout. None also means settled, or never needed.
const (
	NoCheckout Checkout = "none"
	Opening    Checkout = "opening"    // asked of Stripe, no answer yet
	Open       Checkout = "open"       // can be paid
	Processing Checkout = "processing" // completed, the money is on its way
	Expired    Checkout = "expired"    // not paid in time
	Failed     Checkout = "failed"     // Stripe refused to open it
	Declined   Checkout = "declined"   // completed, but the money never came
)

// A Hold is an admin's or publisher's block. It has nothing to do with payment.
type Hold string

// The holds, as WSO2 spells them.
const (
	NoHold         Hold = ""
	HoldAll        Hold = "BLOCKED"
	HoldProduction Hold = "PROD_ONLY_BLOCKED"
)

// A MoneyHold is a block because money went back, where the tenant wants that. No
// payment lifts it.
type MoneyHold string

// The money holds.
const (
	NoMoneyHold MoneyHold = ""
	Refunded    MoneyHold = "refund"  // what was paid for the running period was given back
	Disputed    MoneyHold = "dispute" // a payment is taken back through the bank
)

// A ChangeKind is how a subscription moves to another plan.
type ChangeKind string

// The kinds of a change.
const (
	NoChange       ChangeKind = ""
	ChangeNow      ChangeKind = "now"        // as soon as Stripe has done it
	ChangeAtEnd    ChangeKind = "period_end" // when the period ends
	ChangeByPaying ChangeKind = "checkout"   // from a free plan, once its checkout is paid
	ChangeToFree   ChangeKind = "to_free"    // when the paid one ends with its period
)

// A Change is another plan that is on its way.
type Change struct {
	Kind  ChangeKind
	Plan  string    // its name, for people
	At    time.Time // when it takes effect; zero: as soon as it can
	Waits bool      // its payment is open, and nothing changes before that is paid
}

// Facts are all that a state depends on. Stripe is the status of the Stripe
// subscription as Stripe spells it, and "" while there is none.
type Facts struct {
	NeedsPayment     bool // frozen when subscribed
	Checkout         Checkout
	Stripe           string
	Hold             Hold
	MoneyHold        MoneyHold // of no account while the plan is free
	AwaitsApproval   bool      // a person has to agree first
	Change           Change
	CheckoutEnds     time.Time     // until when an open checkout can be paid
	PastDueSince     time.Time     // when the oldest unpaid invoice was due
	Grace            time.Duration // how long calls are served after that
	ActionNeeded     bool          // the bank asks the cardholder to agree to the open payment
	RetryAt          time.Time     // when Stripe tries the open payment again; zero: it does not
	CollectionPaused bool          // nothing is charged until somebody lifts that at Stripe
	TrialEnds        time.Time
	CancelAt         time.Time // when it will end; zero: it renews
	EndedAt          time.Time // zero: it has not ended
	ServedOnce       bool      // calls were served at some time
	CheckoutProblem  string    // why a checkout failed, for a person
	Now              time.Time
}

// A Status is the state of a subscription as WSO2 spells it.
type Status string

// The statuses, strongest first.
const (
	OnHold            Status = "ON_HOLD"
	Rejected          Status = "REJECTED"
	Blocked           Status = "BLOCKED"
	ProdOnlyBlocked   Status = "PROD_ONLY_BLOCKED"
	DeletePending     Status = "DELETE_PENDING"
	TierUpdatePending Status = "TIER_UPDATE_PENDING"
	Unblocked         Status = "UNBLOCKED"
)

// State is what follows from facts.
type State struct {
	Status Status // for an ended subscription: REJECTED if it never served, else BLOCKED
	Ended  bool
	Reason Reason // why not every call is served
	Words
	// Until is when the state will change by time alone; zero: it will not.
	Until time.Time
}

// A Reason says why calls are refused. The zero Reason refuses none.
type Reason string

// The reasons, strongest first.
const (
	NotRefused       Reason = ""
	IsOver           Reason = "ended"
	NeedsApproval    Reason = "approval"
	NeedsFirstPaying Reason = "checkout"
	PaymentExpired   Reason = "not-paid-in-time"
	PaymentRefused   Reason = "checkout-refused"
	PaymentDeclined  Reason = "payment-declined"
	PaymentUnderWay  Reason = "payment-processing"
	HeldByPublisher  Reason = "held"
	HeldByDispute    Reason = "held-disputed"
	HeldByRefund     Reason = "held-refunded"
	NeedsAgreeing    Reason = "authentication" // paying is due, and the bank asks the cardholder
	NeedsPaying      Reason = "payment"
	HeldInProduction Reason = "held-in-production"
)

// Of returns the state that f amounts to. What ends wins over what waits, that
// over what blocks, and that over what is merely under way.
func Of(f Facts) State {
	reason, until := refusal(f)
	s := State{Reason: reason, Until: until, Ended: reason == IsOver, Status: status(f, reason)}
	s.Words = wordsFor(f, s)
	return s
}

// refusal returns the strongest reason not to serve, and when that changes by itself.
func refusal(f Facts) (Reason, time.Time) {
	if over(f) {
		return IsOver, time.Time{}
	}
	if f.AwaitsApproval {
		return NeedsApproval, time.Time{}
	}
	if f.NeedsPayment {
		if r := unpaid(f); r != NotRefused {
			return r, time.Time{}
		}
	}
	owes, until := owing(f)
	switch {
	case f.Hold == HoldAll:
		return HeldByPublisher, time.Time{}
	case f.NeedsPayment && f.MoneyHold == Disputed:
		return HeldByDispute, time.Time{}
	case f.NeedsPayment && f.MoneyHold != NoMoneyHold:
		return HeldByRefund, time.Time{}
	case owes && f.ActionNeeded:
		return NeedsAgreeing, time.Time{}
	case owes:
		return NeedsPaying, time.Time{}
	case f.Hold != NoHold:
		return HeldInProduction, until
	}
	return NotRefused, until
}

// over reports whether the subscription has ended, here or at Stripe.
func over(f Facts) bool {
	return !f.EndedAt.IsZero() || f.NeedsPayment && (f.Stripe == "canceled" || f.Stripe == "incomplete_expired")
}

// unpaid returns why a subscription that needs payment has not begun, if so.
func unpaid(f Facts) Reason {
	switch f.Stripe {
	case "":
		switch f.Checkout {
		case Expired:
			return PaymentExpired
		case Failed:
			return PaymentRefused
		case Declined:
			return PaymentDeclined
		case Processing:
			return PaymentUnderWay
		case NoCheckout, Opening, Open:
		}
		return NeedsFirstPaying
	case "trialing", "active":
		if f.Checkout == Processing {
			return PaymentUnderWay
		}
		return NotRefused
	case "past_due", "unpaid", "paused":
		return NotRefused
	}
	if f.Checkout == Processing { // incomplete, or a status that Stripe adds one day
		return PaymentUnderWay
	}
	return NeedsFirstPaying
}

// owing reports whether an unpaid renewal blocks, and until when it does not yet.
func owing(f Facts) (bool, time.Time) {
	if !f.NeedsPayment {
		return false, time.Time{}
	}
	switch f.Stripe {
	case "unpaid", "paused":
		return true, time.Time{}
	case "past_due":
		if end := f.PastDueSince.Add(f.Grace); f.Grace > 0 && f.Now.Before(end) {
			return false, end
		}
		return true, time.Time{}
	}
	return false, time.Time{}
}

// status spells a reason the way WSO2 does.
func status(f Facts, r Reason) Status {
	switch r {
	case IsOver:
		if f.ServedOnce {
			return Blocked
		}
		return Rejected
	case NeedsApproval, NeedsFirstPaying, PaymentUnderWay:
		return OnHold
	case PaymentExpired, PaymentRefused, PaymentDeclined:
		return Rejected
	case HeldByPublisher, HeldByDispute, HeldByRefund, NeedsAgreeing, NeedsPaying:
		return Blocked
	case HeldInProduction:
		return ProdOnlyBlocked
	case NotRefused:
	}
	switch {
	case f.Change.Kind != ChangeToFree && !f.CancelAt.IsZero(): // else only the paid plan ends, and a free one follows
		return DeletePending
	case f.Change.Kind != NoChange:
		return TierUpdatePending
	}
	return Unblocked
}
