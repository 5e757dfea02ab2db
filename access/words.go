package access

import "time"

// A Tone is how good a state is, for colours and icons that stand beside words.
type Tone string

// The tones.
const (
	Good      Tone = "good"
	Attention Tone = "attention"
	Bad       Tone = "bad"
	Quiet     Tone = "quiet"
)

// An Action is what the subscriber can do next.
type Action string

// The actions, named by what they lead to.
const (
	NoAction       Action = ""
	Pay            Action = "pay"             // open the checkout
	Wait           Action = "wait"            // look again in a moment
	StartAgain     Action = "start-again"     // a new checkout on the same subscription
	UpdateCard     Action = "update-card"     // in the Customer Portal
	Authenticate   Action = "authenticate"    // pay or confirm the open invoice on Stripe's page
	AskPublisher   Action = "ask-publisher"   // only they can lift it
	Resume         Action = "resume"          // take the cancellation back
	UndoChange     Action = "undo-change"     // keep the present plan
	SubscribeAgain Action = "subscribe-again" // the old one is over
)

// A Sentence tells a person the state. At, when set, stands between Before and
// After as a date in the reader's way.
type Sentence struct {
	Before string
	At     time.Time
	After  string
}

// Words are how people read a state.
type Words struct {
	Label    string
	Tone     Tone
	Sentence Sentence
	Next     Action
}

func say(label string, tone Tone, next Action, text string) Words {
	return Words{label, tone, Sentence{Before: text}, next}
}

// until puts a date between two texts; without a date it says plain.
func until(label string, tone Tone, next Action, before string, at time.Time, after, plain string) Words {
	if at.IsZero() {
		return say(label, tone, next, plain)
	}
	return Words{label, tone, Sentence{before, at, after}, next}
}

// wordsFor puts a state into words.
func wordsFor(f Facts, s State) Words {
	switch s.Reason {
	case IsOver:
		return ended(f)
	case NeedsApproval:
		return say("Waiting for approval", Attention, NoAction, "Somebody has to approve this subscription before it can be used.")
	case NeedsFirstPaying, PaymentUnderWay, PaymentExpired, PaymentRefused, PaymentDeclined:
		return unstarted(f, s.Reason)
	case HeldByPublisher:
		return held(f)
	case HeldByDispute:
		return say("Payment disputed", Bad, AskPublisher, "A payment for this subscription is disputed with the bank, so calls are refused. The publisher can say what is needed.")
	case HeldByRefund:
		return say("Payment given back", Bad, AskPublisher, "The payment for this period was given back, so calls are refused. Ask the publisher how to go on.")
	case NeedsAgreeing:
		return say("Confirm the payment", Bad, Authenticate, "The bank asks you to confirm the last payment. Calls are refused until that is done.")
	case NeedsPaying:
		return owed(f)
	case HeldInProduction:
		return say("Blocked in production", Bad, AskPublisher, "The publisher has blocked production calls. Sandbox keys still work.")
	case NotRefused:
	}
	return served(f, s)
}

func ended(f Facts) Words {
	if !f.ServedOnce {
		return say("Canceled", Quiet, SubscribeAgain, "This subscription was canceled before it began. Nothing was charged for it.")
	}
	return until("Ended", Quiet, SubscribeAgain, "This subscription ended on ", f.EndedAt, ".", "This subscription has ended.")
}

func unstarted(f Facts, r Reason) Words {
	switch {
	case r == PaymentUnderWay:
		return say("Payment processing", Attention, Wait, "Your payment is on its way. The subscription starts as soon as Stripe confirms it.")
	case r == PaymentExpired:
		return say("Canceled: not paid in time", Bad, StartAgain, "The payment was not completed in time. Nothing was charged.")
	case r == PaymentDeclined:
		return say("Payment failed", Bad, StartAgain, "The bank did not make the payment. Nothing was charged.")
	case r == PaymentRefused:
		return say("Payment could not be opened", Bad, StartAgain, refusedBecause(f.CheckoutProblem))
	case f.Stripe != "" && f.ActionNeeded:
		return say("Confirm the payment", Attention, Authenticate, "The bank asks you to confirm the first payment. The subscription starts when that is done.")
	case f.Stripe != "":
		return say("Payment needed", Attention, UpdateCard, "The first payment did not go through. Update the card or pay the open invoice.")
	case f.Checkout == Open:
		return until("Payment needed", Attention, Pay, "Complete the payment by ", f.CheckoutEnds, " to start using this subscription.", "Complete the payment to start using this subscription.")
	}
	return say("Preparing payment", Attention, Wait, "We are preparing the payment page. This takes a few seconds.")
}

func refusedBecause(problem string) string {
	if problem == "" {
		return "Stripe did not open the payment page. Nothing was charged."
	}
	return "Stripe did not open the payment page. Nothing was charged. Its reason: " + problem
}

func held(f Facts) Words {
	w := say("Blocked", Bad, AskPublisher, "The publisher has blocked this subscription.")
	if owes, _ := owing(f); owes {
		w.Next, w.Sentence.Before = UpdateCard, "The publisher has blocked this subscription, and a payment is open as well."
		if f.ActionNeeded {
			w.Next = Authenticate
		}
	}
	return w
}

func owed(f Facts) Words {
	if f.Stripe == "paused" {
		return say("Paused", Attention, UpdateCard, "The subscription is paused until a payment method is added.")
	}
	return until("Payment needed", Bad, UpdateCard,
		"The last payment failed, so calls are refused. Stripe tries it again on ", f.RetryAt, "; update the card to go on sooner.",
		"The last payment failed, so calls are refused. Update the card to go on.")
}

func served(f Facts, s State) Words {
	switch {
	case f.NeedsPayment && f.Stripe == "past_due":
		return inGrace(f, s.Until)
	case f.Change.Kind != ChangeToFree && !f.CancelAt.IsZero():
		return ending(f)
	case f.Change.Kind != NoChange:
		return changing(f)
	case f.NeedsPayment && f.CollectionPaused:
		return say("Active, not charged", Good, NoAction, "Calls are served. Payments are paused at Stripe, so nothing is charged for now.")
	case f.NeedsPayment && f.Stripe == "trialing":
		return until("Trial", Good, NoAction, "The trial runs until ", f.TrialEnds, ", and calls are served.", "The trial is running, and calls are served.")
	}
	return say("Active", Good, NoAction, "Calls are served.")
}

// inGrace is what somebody reads whose payment failed while calls are still served.
func inGrace(f Facts, ends time.Time) Words {
	if f.ActionNeeded {
		return Words{"Confirm the payment", Attention, Sentence{"The bank asks you to confirm the last payment. Do that by ", ends, " or calls will be refused."}, Authenticate}
	}
	after := " or calls will be refused."
	if !f.RetryAt.IsZero() && f.RetryAt.Before(ends) {
		after += " Stripe tries the payment again before then."
	}
	return Words{"Payment needed", Attention, Sentence{"The last payment failed. Update the card by ", ends, after}, UpdateCard}
}

func ending(f Facts) Words {
	next := Resume
	if !f.NeedsPayment {
		next = NoAction
	}
	return Words{"Ending", Attention, Sentence{"Ends on ", f.CancelAt, ". Until then everything works as before."}, next}
}

func changeToFree(f Facts) Words {
	at := f.Change.At
	if at.IsZero() {
		at = f.CancelAt
	}
	return until("Changing plan", Good, UndoChange, "Calls are served. "+f.Change.Plan+" from ", at, " on, at no cost.", "Calls are served. "+f.Change.Plan+", at no cost, follows when the period ends.")
}

// changing is what somebody reads who gets another plan.
func changing(f Facts) Words {
	const label = "Changing plan"
	plan := f.Change.Plan
	switch f.Change.Kind {
	case ChangeToFree:
		return changeToFree(f)
	case ChangeAtEnd:
		return until(label, Good, UndoChange, "Calls are served. "+plan+" from ", f.Change.At, " on.", "Calls are served. "+plan+" follows when the period ends.")
	case ChangeByPaying:
		return changingByPaying(f)
	case ChangeNow, NoChange:
	}
	switch {
	case f.Change.Waits && f.ActionNeeded:
		return until(label, Attention, Authenticate, "The bank asks you to confirm the payment for "+plan+". Do that by ", f.CheckoutEnds, " or the present plan stays.",
			"The bank asks you to confirm the payment for "+plan+". The present plan holds until then.")
	case f.Change.Waits:
		return until(label, Attention, Authenticate, "The payment for "+plan+" is open. Pay it by ", f.CheckoutEnds, " or the present plan stays.",
			"The payment for "+plan+" is open. The present plan holds until it is paid.")
	}
	return say(label, Good, Wait, "The change to "+plan+" is on its way. Calls are served.")
}

// changingByPaying is what somebody reads who leaves a free plan.
func changingByPaying(f Facts) Words {
	const label = "Changing plan"
	plan := f.Change.Plan
	switch f.Checkout {
	case Open:
		return until(label, Attention, Pay, "Calls are served. Complete the payment by ", f.CheckoutEnds, " to change to "+plan+".", "Calls are served. Complete the payment to change to "+plan+".")
	case Processing:
		return say(label, Good, Wait, "Your payment for "+plan+" is on its way. Calls are served on the present plan until Stripe confirms it.")
	case Expired, Failed, Declined:
		return say(label, Attention, UndoChange, "The payment for "+plan+" was not completed. Nothing was charged, and calls are served on the present plan.")
	case NoCheckout, Opening:
	}
	return say(label, Good, Wait, "We are preparing the payment page for "+plan+". Calls are served.")
}
