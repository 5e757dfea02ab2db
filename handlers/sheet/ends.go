package sheet

import (
	"strconv"
	"strings"
	"time"

	"tollgate/billing"
	"tollgate/money"
	"tollgate/views/ui"
)

// An EndPage is who reads a page of subscriptions that end, and where it is.
type EndPage struct {
	Path  string              // of the page
	Href  func(string) string // of a subscription by its uuid; nil: none for the reader
	Whose bool                // the reader sees other people's subscriptions
	Money bool                // a refund can be chosen
}

// Ends puts what would end into words: the sentences, the list, and who reads it.
func Ends(p billing.EndPreview, at EndPage) ui.Ends {
	e := ui.Ends{
		Caption: "Subscriptions that end, oldest first", Whose: at.Whose, Money: at.Money, Seen: p.Seen, Action: at.Path, Facts: facts(p, at),
		Agree: agreed(p.Total), HowLabel: "When they end", ReasonHint: "The subscribers read it, on their page and in a mail.",
	}
	if p.Total == 1 {
		e.Caption, e.HowLabel, e.ReasonHint = "The subscription that ends", "When it ends", "The subscriber reads it, on their page and in a mail."
	}
	for _, r := range p.Rows {
		row := endRow(r.Overview, at)
		row.Last, row.Back = last(r.Overview), r.Refund
		e.Rows = append(e.Rows, row)
	}
	e.Pager = pager(at.Path, int64(len(p.Rows)), p.Total, p.Next)
	return e
}

// agreed is what is ticked.
func agreed(total int64) string {
	switch total {
	case 0:
		return "I have read this."
	case 1:
		return "I have read this, and 1 subscription is to end."
	}
	return "I have read this, and " + ui.Count(total) + " subscriptions are to end."
}

// pager says what of a list is shown, when it is not all of it.
func pager(path string, shown, total, next int64) ui.Pager {
	p := ui.Pager{}
	if shown < total {
		p.Showing = ui.Count(shown) + " of " + ui.Plural(total, "subscription", "subscriptions")
	}
	if next > 0 {
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		p.Next = path + sign + "after=" + strconv.FormatInt(next, 10)
	}
	return p
}

// Having says how many have the plans that are taken off, where that need not end
// them.
func Having(p billing.EndPreview) []string {
	var parts []string
	plans := "them"
	if len(p.Target.Plans) == 1 {
		plans = "it"
	}
	for _, one := range []struct {
		n    int64
		what string
	}{{p.Paid, "paid for"}, {p.Waiting, "waiting for a payment"}, {p.Free, "free"}} {
		if one.n > 0 {
			parts = append(parts, ui.Count(one.n)+" "+one.what)
		}
	}
	if len(parts) == 0 {
		return []string{"Nobody has " + plans + "."}
	}
	return []string{
		ui.Plural(p.Total, "subscription has ", "subscriptions have ") + plans + ": " + strings.Join(parts, ", ") + ".",
		"Whatever you choose, nobody new can subscribe to " + plans + ".",
	}
}

// facts says what ends, by what that means for money.
func facts(p billing.EndPreview, at EndPage) []string {
	var out []string
	say := func(n int64, one, many string) {
		if n > 0 {
			out = append(out, ui.Plural(n, one, many))
		}
	}
	say(p.Paid, "subscription that is paid for ends at Stripe, so that nothing is charged for another period.", "subscriptions that are paid for end at Stripe, so that nothing is charged for another period.")
	say(p.Waiting, "subscription waits for its first payment: its payment page is closed.", "subscriptions wait for their first payment: their payment pages are closed.")
	say(p.Free, "subscription is free: it ends at once.", "subscriptions are free: they end at once.")
	say(p.Coming, "subscription was to change to it: it keeps the plan that it has.", "subscriptions were to change to it: they keep the plans that they have.")
	if p.Total == 0 {
		return append(out, "Nothing is subscribed, so no subscription ends.")
	}
	if billed := p.Paid + p.Waiting; billed > 0 {
		each := map[bool]string{true: "the", false: "each"}[billed == 1]
		out = append(out, "A payment that is made at the very last moment is ended, too. Until Stripe has confirmed "+each+" end, you see it on the page that comes next.")
	}
	if !at.Money && p.Paid > 0 {
		out = append(out, "Nothing is paid back to the card. What is not used of a period becomes credit at Stripe; calls that are charged by use are billed now.")
	}
	return out
}

func endRow(o billing.Overview, at EndPage) ui.EndRow {
	r := ui.EndRow{
		Name: strings.TrimSpace(o.Title() + " " + o.APIVersion), Plan: o.PolicyName, Application: o.ApplicationName, Who: o.Subscriber,
		Tone: ui.Tone(o.State.Tone), State: o.State.Label, Until: paidUntil(o),
	}
	if at.Href != nil {
		r.Href = at.Href(o.UUID)
	}
	return r
}

// paidUntil is when the running period ends, zero when it is not paid for.
func paidUntil(o billing.Overview) time.Time {
	paid := o.StripeStatus == "active" || o.StripeStatus == "trialing"
	if !o.NeedsPayment || o.StripeSubscriptionID == "" || !paid {
		return time.Time{}
	}
	return o.PeriodEnd.Time()
}

// last says what is billed when a subscription ends.
func last(o billing.Overview) string {
	switch {
	case !o.NeedsPayment, o.StripeSubscriptionID == "":
		return "Nothing"
	case o.Price.Metered():
		return "The calls so far"
	}
	return "Nothing more"
}

// Sums writes sums of several currencies side by side; they are never added up.
func Sums(all []money.Amount) string {
	var parts []string
	for _, a := range all {
		parts = append(parts, a.String())
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " and ")
}

// The ways to end subscriptions, as forms send them.
const (
	EndKeep   = "keep"
	EndLater  = "period-end"
	EndNow    = "now"
	EndRefund = "refund"
)

// EndChoices are the ways in which somebody who sells can end what is in p.
func EndChoices(p billing.EndPreview, hows ...string) []ui.Choice {
	words := manyChoices
	switch {
	case p.Total == 1 && p.Free == 1:
		words = freeChoices
	case p.Total == 1:
		words = oneChoices
	}
	var out []ui.Choice
	for _, how := range hows {
		if how == EndRefund && p.Payers == 0 {
			continue
		}
		c := words[how]
		if how == EndRefund {
			c = ui.Choice{Label: "Now, and give the last payment back", Hint: "Calls are refused at once. " + ui.Plural(p.Payers, "payment is", "payments are") + " given back: " + Sums(p.Refunds) +
				", with the platform's share. Calls that are charged by use and not billed yet are not charged."}
		}
		c.Value = how
		out = append(out, c)
	}
	return out
}

// The words of the choices for several subscriptions, for one that somebody pays
// for, and for one that is free.
var (
	stay        = "Whoever is subscribed stays so, at their price. Only nobody new can subscribe."
	manyChoices = map[string]ui.Choice{
		EndKeep:  {Label: "They go on", Hint: stay},
		EndLater: {Label: "When their periods end", Hint: "They work until what is paid is used up, and nothing is charged after that. Free ones, and those that are not paid yet, end now."},
		EndNow:   {Label: "Now", Hint: "Calls are refused at once. What is not used of a period becomes credit at Stripe and is not paid back; calls that are charged by use are billed now."},
	}
	oneChoices = map[string]ui.Choice{
		EndKeep:  {Label: "It goes on", Hint: stay},
		EndLater: {Label: "When its period ends", Hint: "It works until what is paid is used up, and nothing is charged after that. If it is not paid yet, it ends now."},
		EndNow:   {Label: "Now", Hint: "Calls are refused at once. What is not used of the period becomes credit at Stripe and is not paid back; calls that are charged by use are billed now."},
	}
	freeChoices = map[string]ui.Choice{
		EndKeep:  {Label: "It goes on", Hint: stay},
		EndLater: {Label: "When its period ends", Hint: "It is free, so it has no period and ends now."},
		EndNow:   {Label: "Now", Hint: "Calls are refused at once."},
	}
)

// stages says where the end of one subscription stands.
var stages = map[billing.Stage]struct {
	tone ui.Tone
	word string
}{
	billing.EndWaiting: {ui.Attention, "Stripe is being told"}, billing.EndFailed: {ui.Bad, "Stripe refused"},
	billing.EndScheduled: {ui.Good, "Ends with its period"}, billing.EndTakenBack: {ui.Quiet, "Taken back"}, billing.EndDone: {ui.Good, "Ended"},
}

// Ending puts how far an ending is into words.
func Ending(p billing.EndingPage, at EndPage) ui.EndProgress {
	out := ui.EndProgress{
		Title: "End of subscriptions: " + p.ObjectName, Lead: lead(p), Done: p.Count.Ended + p.Count.Scheduled + p.Count.Withdrawn, All: p.Count.Total,
		Caption: "Subscriptions of this ending, oldest first", Whose: at.Whose,
	}
	out.Tone, out.Word = progress(p.Count, p.Settled())
	if !p.Settled() {
		out.Self = at.Path
	}
	when := "When they end"
	if p.Count.Total == 1 {
		out.Title, out.Caption, when = "End of a subscription: "+p.ObjectName, "The subscription of this ending", "When it ends"
	}
	out.Facts = []ui.Fact{{Name: "Decided by", Text: p.ActorName + ", " + ui.Instant(p.AskedAt.Time())}, {Name: when, Text: how(p.How, p.Refund, p.Count.Total)}}
	if p.Reason != "" {
		out.Facts = append(out.Facts, ui.Fact{Name: "Reason", Text: p.Reason})
	}
	if p.Count.Failed > 0 {
		out.Refused = "Stripe refused to end " + ui.Plural(p.Count.Failed,
			"subscription, so it may still be billed. An admin finds it in Open work and can have it tried again.",
			"subscriptions, so they may still be billed. An admin finds them in Open work and can have them tried again.")
	}
	for _, r := range p.Rows {
		row := endRow(r.Overview, at)
		s := stages[r.Stage]
		row.Tone, row.State, row.Problem, row.Ends = s.tone, s.word, r.Problem, r.EndedAt.Time()
		if row.Ends.IsZero() {
			row.Ends = r.CancelAt.Time()
		}
		out.Rows = append(out.Rows, row)
	}
	out.Pager = pager(at.Path, int64(len(p.Rows)), p.Count.Total, p.Next)
	return out
}

func progress(c billing.EndingCount, settled bool) (ui.Tone, string) {
	switch {
	case c.Failed > 0:
		return ui.Bad, "Stripe refused"
	case !settled:
		return ui.Attention, "Under way"
	case c.Ended == c.Total && c.Total == 1:
		return ui.Good, "Ended"
	case c.Ended == c.Total:
		return ui.Good, "All ended"
	}
	return ui.Good, "Settled"
}

func lead(p billing.EndingPage) string {
	c := p.Count
	text := ui.Count(c.Ended) + " of " + ui.Plural(c.Total, "subscription", "subscriptions") + " " + map[bool]string{true: "has", false: "have"}[c.Total == 1] + " ended."
	if c.Scheduled > 0 {
		text += " " + ui.Plural(c.Scheduled, "ends with its period.", "end with their periods.")
	}
	if c.Withdrawn > 0 {
		text += " " + ui.Plural(c.Withdrawn, "was", "were") + " taken back."
	}
	if !p.Settled() {
		text += " This goes on by itself; you may leave this page."
	}
	return text
}

func how(how string, refund bool, total int64) string {
	switch {
	case how != EndNow && total == 1:
		return "With its period"
	case how != EndNow:
		return "With their periods"
	case refund:
		return "Now, and the last payment is given back"
	}
	return "Now"
}

// EndingRow puts an ending into a line of a list.
func EndingRow(d billing.Decided, href string) ui.EndingRow {
	settled := d.Count.Ended+d.Count.Withdrawn+d.Count.Scheduled >= d.Count.Total
	r := ui.EndingRow{Href: href, Name: d.ObjectName, Who: d.ActorName, When: how(d.How, d.Refund, d.Count.Total), At: d.AskedAt.Time()}
	r.Tone, r.Word = progress(d.Count, settled)
	r.Progress = ui.Count(d.Count.Ended) + " of " + ui.Count(d.Count.Total) + " ended"
	return r
}

// One fills in the page on which one subscription is ended; at leads back to it.
func One(e *ui.Ends, p billing.EndPreview, stands billing.Standing, at string) {
	e.Title, e.Lead = "End a subscription", p.Name
	e.Agree = "I have read this, and the subscription is to end."
	e.Button, e.Back = "End subscription", ui.Link{Href: at, Label: "Keep it"}
	if stands.By != "" {
		e.Standing = "It is being ended already. " + stands.Text
	}
	if p.Free == p.Total { // nothing is billed, so there is nothing to wait for or to give back
		e.Choices, e.Money, e.How = nil, false, EndNow
		e.Hidden = append(e.Hidden, ui.Hidden{Name: "how", Value: EndNow})
	}
}
