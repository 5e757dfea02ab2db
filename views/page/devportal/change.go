package devportal

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tollgate/money"
	"tollgate/views/layout"
	"tollgate/views/ui"
)

// ChangeProps is what the page at /devportal/subscriptions/{uuid}/change shows: the
// plans there are, the chosen one, and what it would cost. The choice is sent as
// plan and when.
type ChangeProps struct {
	layout.Frame
	ID          string // uuid of the subscription
	API         string // with its version
	Application string
	Publisher   string
	Now         PlanChoice
	Refused     string // why nothing can be changed as it stands; "" when it can
	Others      []PlanChoice
	Chosen      string    // uuid of a plan; "" for none
	When        string    // now or period-end; "" for not chosen
	PeriodEnd   time.Time // zero for a free plan
	Problem     string    // of the whole, such as that the amount has changed
	Problems    map[string]string
	Preview     *ChangePreview // nil while nothing is chosen that can be
}

// A PlanChoice is a plan that a subscription has or could have.
type PlanChoice struct {
	ID, Name string
	Price    Price
	Limits   string   // "1,000 calls a minute"; "" for none
	Moments  []string // when it could begin: now, period-end; none: see Why
	Why      string   // why it cannot be chosen
}

// A ChangePreview is what a change means before it is confirmed.
type ChangePreview struct {
	To       PlanChoice
	Checkout bool         // it is paid on Stripe's page first
	Charged  *ui.Invoice  // Stripe's preview of what is charged at once; nil: nothing is
	Due      money.Amount // of Charged
	Back     money.Amount // goes to the balance instead, positive; zero: nothing does
	Takes    time.Time    // when the plan begins; zero: at once, or when it is paid
	Next     time.Time    // when the next invoice comes; zero: none comes
	Version  string       // sent back with the confirmation: price version, instant, amount
	At, Sum  int64
}

// whenChoices are the moments that any of the plans can begin at.
func (p ChangeProps) whenChoices() []ui.Choice {
	end := "When the period ends"
	if !p.PeriodEnd.IsZero() {
		end += ", " + ui.Instant(p.PeriodEnd)
	}
	return []ui.Choice{
		{Value: whenNow, Label: "Now", Hint: "The rest of the period is settled at once: what is unused is credited, what is new is charged."},
		{Value: whenPeriodEnds, Label: end, Hint: "Nothing is charged before then. You can take it back until it happens."},
	}
}

// asksWhen reports whether there is a moment to choose for any plan.
func (p ChangeProps) asksWhen() bool {
	return slices.ContainsFunc(p.Others, func(c PlanChoice) bool { return len(c.Moments) > 1 })
}

func (p ChangeProps) problems() []ui.Problem {
	return ui.Problems(p.Problems, map[string]string{"plan": "Plan", "when": "When it changes"})
}

// plans are the present plan, which cannot be chosen, and the others.
func (p ChangeProps) plans() []ui.Choice {
	all := []ui.Choice{{Value: p.Now.ID, Label: p.Now.Name, Hint: sentences("Your plan now", p.Now.about()), Disabled: true}}
	for _, c := range p.Others {
		all = append(all, ui.Choice{Value: c.ID, Label: c.Name, Hint: sentences(c.about(), c.moments()), Disabled: len(c.Moments) == 0 || p.Refused != ""})
	}
	return all
}

// about is what a plan costs and holds.
func (c PlanChoice) about() string {
	text := "Free"
	switch {
	case c.Price.Metered():
		text = c.Price.Rate.String() + " " + c.Price.Per
	case !c.Price.Free():
		text = c.Price.Amount.String() + " " + c.Price.Per
	}
	if c.Limits != "" {
		text += ", " + c.Limits
	}
	return text
}

// sentences ends each of its texts with one full stop.
func sentences(all ...string) string {
	var out []string
	for _, text := range all {
		if text != "" {
			out = append(out, strings.TrimSuffix(text, ".")+".")
		}
	}
	return strings.Join(out, " ")
}

// possible reports whether any plan can be chosen.
func (p ChangeProps) possible() bool {
	return p.Refused == "" && slices.ContainsFunc(p.Others, func(c PlanChoice) bool { return len(c.Moments) > 0 })
}

// moments says in a few words when a plan could begin, where that is not to choose.
func (c PlanChoice) moments() string {
	switch {
	case len(c.Moments) == 0:
		return c.Why
	case len(c.Moments) > 1:
		return ""
	case c.Moments[0] == whenPeriodEnds:
		return "Begins when your paid period ends."
	case c.Price.Free():
		return "Begins at once."
	}
	return "Begins when it is paid."
}

// takes says when the plan begins, without a date where there is none.
func (v ChangePreview) takes() string {
	switch {
	case v.Checkout:
		return "As soon as you have paid on Stripe's page. Until then the present plan goes on."
	case v.Takes.IsZero():
		return "At once."
	}
	return ""
}

// consequence is told before the button.
func (v ChangePreview) consequence() string {
	switch {
	case v.Checkout:
		return "You pay on Stripe's page next. Nothing changes until that is done."
	case v.Charged != nil && v.Due.Minor() > 0:
		return "Your card is charged at once. If it is declined, or your bank asks you first, the present plan goes on until the payment is settled."
	case v.Charged != nil:
		return "Nothing is charged now."
	case v.Takes.IsZero():
		return "Nothing is charged."
	}
	return "Nothing is charged now, and you can take this back until then."
}

func (v ChangePreview) at() string  { return strconv.FormatInt(v.At, 10) }
func (v ChangePreview) sum() string { return strconv.FormatInt(v.Sum, 10) }

func changeURL(id string) templ.SafeURL { return at("subscriptions", id, "change") }

// A PendingChange is a change of plan that is on its way, as the page of its
// subscription shows it.
type PendingChange struct {
	Plan     string
	Price    Price
	At       time.Time // when it begins; zero: once it is paid, or as soon as it can
	Paying   bool      // it begins when it is paid
	Undoable bool
}

// from says when the change comes where that is no date.
func (c PendingChange) from() string {
	if c.Paying {
		return "once paid"
	}
	return "as soon as Stripe has answered"
}

// when is the moment that is marked before anybody chose one.
func (p ChangeProps) when() string {
	if p.When == "" {
		return whenNow
	}
	return p.When
}

// turnsFree reports whether what is paid now is the last that is.
func (p SubscriptionProps) turnsFree() bool {
	return p.Change.Pending != nil && p.Change.Pending.Price.Free() && !p.Change.Pending.At.IsZero()
}

// paidOut reports whether nothing is charged when the period ends: what follows is
// free, or billed by the call later on.
func (p SubscriptionProps) paidOut() bool {
	c := p.Change.Pending
	return p.turnsFree() || c != nil && !c.At.IsZero() && c.Price.Metered() && !p.Price.Metered()
}

// then says what follows what is paid.
func (p SubscriptionProps) then() string {
	if p.Change.Pending.Price.Free() {
		return "then " + p.Change.Pending.Plan + ", at no cost"
	}
	return "then " + p.Change.Pending.Plan + ", billed at the end of each period"
}

func (p SubscriptionProps) undoable() bool {
	return p.Change.Pending != nil && p.Change.Pending.Undoable
}

// previewClass makes Preview stand out until there is something to confirm.
func previewClass(stands bool) string {
	if stands {
		return "button button-primary"
	}
	return "button"
}

// again says when a plan that begins with its payment is charged after that.
func (v ChangePreview) again() string {
	if v.To.Price.Metered() {
		return ", at the end of each period."
	}
	return ", on the same day again, until you cancel."
}

// metersLater reports whether nothing is invoiced when the period ends, because what
// comes then is billed by the call, and what was before is paid.
func (v ChangePreview) metersLater(now PlanChoice) bool {
	return !v.Takes.IsZero() && v.To.Price.Metered() && !now.Price.Metered()
}

// before says what the next invoice holds.
func (v ChangePreview) before(now PlanChoice) string {
	switch {
	case !v.Takes.IsZero() && v.To.Price.Metered():
		return ", and the calls until then at the present price."
	case !v.Takes.IsZero() && now.Price.Metered():
		return ", and the calls until then."
	case v.To.Price.Metered():
		return ", for the calls until then."
	}
	return "."
}

// Changing is what the page of a subscription says about changing its plan.
type Changing struct {
	Offered bool           // Change plan can be chosen
	Pending *PendingChange // nil: none is on its way
	Problem string         // why the last change came to nothing; "" for none
}
