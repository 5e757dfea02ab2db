package devportal

import (
	"net/url"

	"github.com/a-h/templ"

	"tollgate/views/ui"
)

// The values of when.
const (
	whenPeriodEnds = "period-end"
	whenNow        = "now"
)

func payURL(id string) templ.SafeURL {
	return templ.SafeURL("/api/am/stripe/checkout-url?subscriptionId=" + url.QueryEscape(id))
}

func portalURL(id, domain string) templ.SafeURL {
	q := url.Values{"subscriptionId": {id}, "tenantDomain": {domain}}
	return templ.SafeURL("/api/am/stripe/portal-url?" + q.Encode())
}

func invoiceURL(id string) templ.SafeURL { return at("subscriptions", id, "invoice") }

func (p SubscriptionsProps) lead() string {
	if len(p.Rows) == 0 && !p.Narrowed {
		return "You have none yet."
	}
	return "Each joins one of your applications, an API and a plan."
}

// name tells rows apart for who cannot see them side by side.
func (r SubscriptionRow) name() string { return r.API + ", " + r.Plan + ", " + r.Application }

// plan is the row's plan, and the one that follows it.
func (r SubscriptionRow) plan() string {
	if r.Changes == "" {
		return r.Plan
	}
	return r.Plan + " → " + r.Changes
}

func (p SubscriptionProps) name() string { return p.API + ", " + p.Plan }

// underWay says what Stripe still has to do; "" when nothing.
func (p SubscriptionProps) underWay() string {
	silent := "Stripe does not answer right now. We go on asking, and nothing is lost: you may leave this page."
	switch {
	case p.EndAsked && p.EndTold != "" && p.StripeSilent:
		return "It is being ended. " + silent
	case p.EndAsked && p.EndTold != "":
		return "It is being ended: Stripe is being told."
	case p.EndAsked && p.StripeSilent:
		return "You asked for the end of this subscription. " + silent
	case p.EndAsked:
		return "You asked for the end of this subscription. Stripe is being told."
	case p.StripeSilent:
		return silent
	}
	return ""
}

// polling makes the page look again while something is under way.
func (p SubscriptionProps) polling() templ.Attributes {
	if p.Next != Wait && p.underWay() == "" {
		return templ.Attributes{}
	}
	return templ.Attributes{
		"data-hx-get": string(subscriptionURL(p.ID)), "data-hx-trigger": "every 2s",
		"data-hx-select": "#subscription", "data-hx-swap": "outerHTML",
	}
}

// badgeSaysIt reports whether the sentence says no more than the badge does.
func (p SubscriptionProps) badgeSaysIt() bool {
	return p.Stage == Running && p.Sentence.At.IsZero() && p.Sentence.Before == p.State+"."
}

// beginning reports whether the first payment is still ahead or under way.
func (p SubscriptionProps) beginning() bool {
	return p.Stage == Opening || p.Stage == Payable || p.Stage == Confirming
}

// icon is the badge's, where the stage says more than the tone.
func (p SubscriptionProps) icon() string {
	switch {
	case p.Next == AskPublisher:
		return "block"
	case p.Stage == Confirming || p.Stage == Opening:
		return "loop"
	}
	return map[ui.Tone]string{ui.Good: "check", ui.Attention: "clock", ui.Bad: "alert", ui.Quiet: "minus"}[p.Tone]
}

// in is how long there is to pay: (in 23 h 33 min).
func (p SubscriptionProps) in() string {
	if p.PayIn == "" {
		return ""
	}
	return "(in " + p.PayIn + ")"
}

// manageClass makes Manage billing stand out where it is what has to be done.
func (p SubscriptionProps) manageClass() string {
	if p.Next == UpdateCard && p.OpenInvoice == "" {
		return "button button-primary"
	}
	return "button"
}

func (p SubscriptionProps) refreshHint() string {
	if p.Stage == Payable {
		return "Paid a moment ago?"
	}
	return "Changed something at Stripe?"
}

func (p SubscriptionProps) paymentStep() string {
	if p.Stage == Opening {
		return "Stripe's page is being prepared"
	}
	return "On Stripe's page, by card"
}

func (p SubscriptionProps) item() string {
	words := "For each call that is charged"
	switch {
	case p.Price.Free():
		words = "Free"
	case !p.Price.Metered():
		words = "One period, paid ahead"
	}
	if p.Limits == "" {
		return words
	}
	return words + " · " + p.Limits
}

func (p SubscriptionProps) costNote() string {
	switch {
	case p.Price.Free():
		return "nothing is ever charged"
	case p.Price.Metered():
		return p.Price.Per + ", billed when the period ends, before tax"
	}
	return p.Price.Per + ", paid ahead, before tax"
}

func (p SubscriptionProps) nextCharge() string {
	changes := p.Change.Pending != nil && !p.Change.Pending.At.IsZero()
	switch {
	case p.Price.Metered():
		return "for the calls of this period"
	case changes:
		return "for the period that begins then, on " + p.Change.Pending.Plan
	}
	return "for the period that begins then"
}

func (p SubscriptionProps) calls() string {
	switch {
	case p.Next == AskPublisher:
		return "The publisher has stopped calls. Only " + p.Publisher + " can let them go on; ask there for the reason."
	case p.Tone == ui.Bad || p.Next == UpdateCard && p.Sentence.At.IsZero():
		return "Calls of " + p.Application + " are refused until this is settled."
	}
	return p.Application + " can call " + p.API + "."
}

func (p SubscriptionProps) charges() string {
	last := p.turnsFree() || !p.EndsAt.IsZero()
	switch {
	case last && p.Price.Metered():
		return "The calls of this period are charged when it ends. Nothing after that."
	case last:
		return "This period is paid. Nothing is charged after it."
	case p.Price.Metered():
		return "At the end of each period, for the calls that were charged."
	}
	return "At the start of each period, until you cancel. The price is the one you subscribed at."
}

// endsLater reports whether it may be chosen that the subscription ends with its
// period. Once that is decided, it can still end at once.
func (p SubscriptionProps) endsLater() bool { return p.Cancel.AtPeriodEnd && p.EndsAt.IsZero() }

func (p SubscriptionProps) cancelHint() string {
	switch {
	case p.Stage == Confirming:
		return "Your payment is under way."
	case p.Price.Free() || p.Stage != Running:
		return "Nothing has been charged."
	case p.endsLater():
		return "When its period ends, or at once."
	}
	return "At once."
}

func (p SubscriptionProps) cancelConsequence() string {
	keeps := p.Application + " keeps its other subscriptions."
	switch {
	case p.Stage == Running && p.endsLater():
		return "Once it has ended, calls of " + p.Application + " to " + p.API + " are refused. You can take this back until then. " + keeps
	case p.Stage == Running && !p.Price.Free():
		return "Calls of " + p.Application + " to " + p.API + " are refused at once. " + p.billedNow() + " " + keeps
	case p.Stage == Running:
		return "Calls of " + p.Application + " to " + p.API + " are refused at once. " + keeps
	case p.Stage == Confirming:
		return "If the payment goes through all the same, the subscription is kept and you can cancel it then. " + keeps
	case p.Stage == Lapsed:
		return "It leaves your list, and can no longer be started again. " + keeps
	}
	return "The payment page stops working at once. If it has just been paid, the subscription is kept. " + keeps
}

func (p SubscriptionProps) cancelWhen() string {
	if p.Cancel.When == "" {
		return whenPeriodEnds
	}
	return p.Cancel.When
}

// billedNow says what a cancellation at once does to the bill.
func (p SubscriptionProps) billedNow() string {
	if p.Price.Metered() {
		return "The calls made so far are charged now."
	}
	return "What is not used of this period is credited to your balance with " + p.Publisher + ", not paid back to the card."
}

func (p SubscriptionProps) cancelChoices() []ui.Choice {
	end := "It works until then, and nothing is charged after it."
	if p.Price.Metered() {
		end = "It works until then; the calls of this period are charged as usual."
	}
	label := "When the period ends"
	if !p.PeriodEnd.IsZero() {
		label += ", " + ui.Instant(p.PeriodEnd)
	}
	return []ui.Choice{{Value: whenPeriodEnds, Label: label, Hint: end}, {Value: whenNow, Label: "Now", Hint: p.billedNow()}}
}

func (p ApplicationFormProps) action() templ.SafeURL {
	if p.ID == "" {
		return at("applications", newApplication)
	}
	return at("applications", p.ID, "edit")
}

func (p ApplicationProps) lead() string {
	if len(p.Subscriptions) == 0 {
		return "It is subscribed to nothing yet."
	}
	return "What it is subscribed to, and on which plans."
}

// keysLead says what keys are for.
func (p ApplicationProps) keysLead() string {
	if len(p.Keys) == 0 {
		return "A key makes the calls of this application. It has none yet."
	}
	return "Each makes calls to everything that this application is subscribed to."
}

// browse leaves the one button that stands out to making a key, while that is next.
func (p ApplicationProps) browse() ui.Kind {
	if len(p.Keys) == 0 {
		return ui.Plain
	}
	return ui.Primary
}

// generateClass makes the button stand out while there is no key and something to
// call with one.
func (p ApplicationProps) generateClass() string {
	if len(p.Keys) == 0 && len(p.Subscriptions) > 0 {
		return "button button-primary"
	}
	return "button"
}

func (p InvoiceProps) unpaid() bool { return p.Shown.PaidAt.IsZero() && !p.Shown.ToPay.IsZero() }

func (p InvoiceProps) hostedWord() string {
	if p.unpaid() {
		return "Pay at Stripe"
	}
	return "Open in Stripe"
}

func (p InvoiceProps) hostedClass() string {
	if p.unpaid() {
		return "button button-primary"
	}
	return "button"
}
