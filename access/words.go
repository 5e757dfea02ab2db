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
	AskPublisher   Action = "ask-publisher"   // only they can lift it
	Resume         Action = "resume"          // take the cancellation back
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

// wordsFor puts a state into words.
func wordsFor(f Facts, s State) Words {
	switch s.Reason {
	case IsOver:
		return ended(f)
	case NeedsApproval:
		return say("Waiting for approval", Attention, NoAction, "Somebody has to approve this subscription before it can be used.")
	case NeedsFirstPaying, PaymentUnderWay, PaymentExpired, PaymentRefused:
		return unstarted(f, s.Reason)
	case HeldByPublisher:
		return held(f)
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
	w := say("Ended", Quiet, SubscribeAgain, "This subscription has ended.")
	if !f.EndedAt.IsZero() {
		w.Sentence = Sentence{"This subscription ended on ", f.EndedAt, "."}
	}
	return w
}

func unstarted(f Facts, r Reason) Words {
	switch {
	case r == PaymentUnderWay:
		return say("Payment processing", Attention, Wait, "Your payment is on its way. The subscription starts as soon as Stripe confirms it.")
	case r == PaymentExpired:
		return say("Canceled: not paid in time", Bad, StartAgain, "The payment was not completed in time. Nothing was charged.")
	case r == PaymentRefused:
		return say("Payment could not be opened", Bad, StartAgain, refusedBecause(f.CheckoutProblem))
	case f.Stripe != "":
		return say("Payment needed", Attention, UpdateCard, "The first payment did not go through. Update the card or pay the open invoice.")
	case f.Checkout == Open && f.CheckoutEnds.IsZero():
		return say("Payment needed", Attention, Pay, "Complete the payment to start using this subscription.")
	case f.Checkout == Open:
		return Words{"Payment needed", Attention, Sentence{"Complete the payment by ", f.CheckoutEnds, " to start using this subscription."}, Pay}
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
	}
	return w
}

func owed(f Facts) Words {
	if f.Stripe == "paused" {
		return say("Paused", Attention, UpdateCard, "The subscription is paused until a payment method is added.")
	}
	return say("Payment needed", Bad, UpdateCard, "The last payment failed, so calls are refused. Update the card to go on.")
}

func served(f Facts, s State) Words {
	switch {
	case f.NeedsPayment && f.Stripe == "past_due":
		return Words{"Payment needed", Attention, Sentence{"The last payment failed. Update the card by ", s.Until, " or calls will be refused."}, UpdateCard}
	case !f.CancelAt.IsZero():
		next := Resume
		if !f.NeedsPayment {
			next = NoAction
		}
		return Words{"Ending", Attention, Sentence{"Ends on ", f.CancelAt, ". Until then everything works as before."}, next}
	case f.ChangePending:
		return say("Active", Good, NoAction, "Calls are served. Another plan starts with the next period.")
	case f.Stripe == "trialing":
		return say("Trial", Good, NoAction, "The trial is running, and calls are served.")
	}
	return say("Active", Good, NoAction, "Calls are served.")
}
