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
)

// A Hold is an admin's or publisher's block. It has nothing to do with payment.
type Hold string

// The holds, as WSO2 spells them.
const (
	NoHold         Hold = ""
	HoldAll        Hold = "BLOCKED"
	HoldProduction Hold = "PROD_ONLY_BLOCKED"
)

// Facts are all that a state depends on. Stripe is the status of the Stripe
// subscription as Stripe spells it, and "" while there is none.
type Facts struct {
	NeedsPayment    bool // frozen when subscribed
	Checkout        Checkout
	Stripe          string
	Hold            Hold
	AwaitsApproval  bool          // a person has to agree first
	ChangePending   bool          // another plan from the next period on
	CheckoutEnds    time.Time     // until when an open checkout can be paid
	PastDueSince    time.Time     // when the oldest unpaid invoice was due
	Grace           time.Duration // how long calls are served after that
	CancelAt        time.Time     // when it will end; zero: it renews
	EndedAt         time.Time     // zero: it has not ended
	ServedOnce      bool          // calls were served at some time
	CheckoutProblem string        // why a checkout failed, for a person
	Now             time.Time
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
	PaymentUnderWay  Reason = "payment-processing"
	HeldByPublisher  Reason = "held"
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
	case PaymentExpired, PaymentRefused:
		return Rejected
	case HeldByPublisher, NeedsPaying:
		return Blocked
	case HeldInProduction:
		return ProdOnlyBlocked
	case NotRefused:
	}
	switch {
	case !f.CancelAt.IsZero():
		return DeletePending
	case f.ChangePending:
		return TierUpdatePending
	}
	return Unblocked
}
