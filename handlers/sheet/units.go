package sheet

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/models"
	"tollgate/usage"
	"tollgate/views/ui"
)

// Dashboard leads to what Stripe shows of its objects.
type Dashboard struct {
	Mode    string // sandbox, test or live
	Sandbox string // where the sandbox's pages are; "" when that is not known
}

// The kinds of objects that a Dashboard leads to.
const (
	StripeSubscription = "subscription"
	StripeInvoice      = "invoice"
	StripeMeter        = "billing.meter"
)

// stripePaths are where Stripe's dashboard has the objects of a kind.
var stripePaths = map[string]string{StripeSubscription: "subscriptions", StripeInvoice: "invoices", StripeMeter: "meters"}

// Object returns the address of an object of an account; "" when there is none.
func (d Dashboard) Object(account, kind, id string) string {
	switch {
	case id == "" || d.Mode == "sandbox" && d.Sandbox == "":
		return ""
	case d.Mode == "sandbox":
		return strings.TrimSuffix(d.Sandbox, "/") + "/dashboard/" + url.PathEscape(account) + "/" + kind + "/" + url.PathEscape(id)
	}
	to := "https://dashboard.stripe.com/" + url.PathEscape(account)
	if d.Mode == "test" {
		to += "/test"
	}
	return to + "/" + stripePaths[kind] + "/" + url.PathEscape(id)
}

// windowStates say how it stands with a window.
var windowStates = map[string]struct {
	tone ui.Tone
	word string
}{
	models.WindowSealed: {ui.Quiet, "To be sent"}, models.WindowSending: {ui.Quiet, "Being sent"}, models.WindowSent: {ui.Good, "Sent"},
	models.WindowUnknown: {ui.Attention, "Being checked"}, models.WindowRefused: {ui.Bad, "Refused"}, models.WindowUnbillable: {ui.Quiet, "Not billed"},
}

// WindowWord says how it stands with windows in a state.
func WindowWord(state string) (ui.Tone, string) {
	s := windowStates[state]
	return s.tone, s.word
}

// Window puts a window into a line.
func Window(w models.UsageWindow) ui.WindowRow {
	r := ui.WindowRow{
		ID: w.ID, Identifier: w.Identifier, From: w.Start.Time(), To: w.End.Time(), Calls: ui.Count(w.Calls), Units: ui.Count(w.Quantity),
		Sent: w.SentAt.Time(), Why: w.Problem, Decide: w.State == models.WindowRefused || w.State == models.WindowUnknown,
	}
	r.Tone, r.Word = WindowWord(w.State)
	if w.State == models.WindowSending && w.Problem != "" {
		r.Tone, r.Word = ui.Attention, "Tried again"
	}
	if r.Why == "" {
		r.Why = w.Note
	}
	if w.Revision > 0 {
		r.Revision = "Revision " + strconv.Itoa(w.Revision) + ", of what came late"
	}
	return r
}

// unitsState says how it stands with a comparison, at business time now.
func unitsState(c models.UsageCompare, now time.Time) (ui.Tone, string) {
	switch {
	case c.ComparedAt.IsZero():
		return ui.Quiet, "Not compared yet"
	case !c.Agrees:
		return ui.Bad, "Differs"
	case c.DueAt.IsZero():
		return ui.Good, "Settled"
	case c.PeriodEnd.Time().After(now):
		return ui.Good, "Agrees so far"
	case c.Invoiced == nil:
		return ui.Quiet, "Waits for the invoice"
	}
	return ui.Good, "Agrees"
}

func some(n *int64) string {
	if n == nil {
		return ""
	}
	return ui.Count(*n)
}

// Units puts a comparison into a line; href is its page.
func Units(f usage.Followed, href string, now time.Time) ui.UnitsRow {
	r := ui.UnitsRow{
		Href: href, Subscriber: f.Subscriber, Application: f.ApplicationName, API: f.Title() + " " + f.APIVersion, Plan: f.PlanName,
		From: f.PeriodStart.Time(), To: f.PeriodEnd.Time(), Stripe: some(f.Stripe), Invoiced: some(f.Invoiced), Differs: f.Differs,
	}
	r.Tone, r.Word = unitsState(f.UsageCompare, now)
	if !f.ComparedAt.IsZero() {
		r.Gateway, r.Ledger, r.Sent = ui.Count(f.Gateway), ui.Count(f.Ledger), ui.Count(f.Sent)
	}
	if f.Waiting != 0 {
		r.Waiting = ui.Plural(f.Waiting, "unit is", "units are") + " on the way"
	}
	if f.Unbillable != 0 {
		r.Unbilled = ui.Plural(f.Unbillable, "unit is", "units are") + " not billed"
	}
	return r
}

// UnitsPage is the address of the page of a comparison, below a path.
func UnitsPage(path string, f usage.Followed) string {
	return path + "/" + url.PathEscape(f.SubscriptionUUID) + "?" +
		url.Values{"plan": {f.PlanUUID}, "from": {strconv.FormatInt(int64(f.PeriodStart), 10)}}.Encode()
}

// UnitsHead is the head of a CSV of comparisons.
var UnitsHead = []string{
	"subscription", "subscriber", "application", "api", "version", "plan", "period_start", "period_end",
	"gateway", "ledger", "sent", "waiting", "not_billed", "stripe", "invoiced", "invoice", "agrees", "differs", "compared_at",
}

// UnitsCells are a comparison under UnitsHead. Instants are as RFC 3339 writes them.
func UnitsCells(f usage.Followed) []string {
	plain := func(n *int64) string {
		if n == nil {
			return ""
		}
		return digits(*n)
	}
	agrees := map[bool]string{true: "yes", false: "no"}[f.Agrees]
	return []string{
		f.SubscriptionUUID, f.Subscriber, f.ApplicationName, f.Title(), f.APIVersion, f.PlanName, instant(f.PeriodStart), instant(f.PeriodEnd),
		digits(f.Gateway), digits(f.Ledger), digits(f.Sent), digits(f.Waiting), digits(f.Unbillable), plain(f.Stripe), plain(f.Invoiced), f.InvoiceID,
		agrees, strings.Join(f.Differs, " "), instant(f.ComparedAt),
	}
}

func instant(at models.Instant) string {
	if at.IsZero() {
		return ""
	}
	return at.Time().UTC().Format(time.RFC3339)
}

// A UnitsAt says where a page about units is.
type UnitsAt struct {
	Path    string                 // of the list
	Links   []ui.Link              // to the subscription and beyond
	Invoice func(id string) string // address of an invoice; nil: Stripe's own
	Stripe  Dashboard
	Now     time.Time // business time
}

// UnitsOf puts one period of a subscription into the terms of its page.
func UnitsOf(one usage.FollowedOne, at UnitsAt) ui.UnitsOf {
	if one.Now == nil {
		return ui.UnitsOf{
			Empty: "This subscription is not charged by the call, or its first period has only just begun. Periods of plans that are charged by the call are followed here.",
			Lead:  "From the gateways' own count to the line of the invoice.",
		}
	}
	f := *one.Now
	u := ui.UnitsOf{Period: ui.Date(f.PeriodStart.Time()) + " to " + ui.Date(f.PeriodEnd.Time()), Compared: f.ComparedAt.Time(), Steps: steps(f, at), Links: at.Links}
	u.Tone, u.Word = unitsState(f.UsageCompare, at.Now)
	u.Lead = f.PlanName + ", " + u.Period + ". " + unitsLead(f)
	for name, to := range map[string]string{"Subscription in Stripe": at.Stripe.Object(f.Account, StripeSubscription, f.StripeSubscriptionID), "Meter in Stripe": at.Stripe.Object(f.Account, StripeMeter, one.Meter)} {
		if to != "" {
			u.Links = append(u.Links, ui.Link{Href: to, Label: name})
		}
	}
	slices.SortStableFunc(u.Links[len(at.Links):], func(a, b ui.Link) int { return strings.Compare(b.Label, a.Label) })
	for _, d := range one.Drifts {
		u.Drifts = append(u.Drifts, ui.UnitsDrift{Name: d.Name, Ours: d.Ours, Theirs: d.Theirs, Remedy: d.Remedy, Since: d.FirstSeen.Time()})
	}
	for _, p := range one.Periods {
		u.Periods = append(u.Periods, ui.Link{
			Href: UnitsPage(at.Path, p), Label: ui.Date(p.PeriodStart.Time()) + ", " + p.PlanName, Current: p.PeriodStart == f.PeriodStart && p.PolicyID == f.PolicyID,
		})
	}
	u.CSV = strings.Replace(UnitsPage(at.Path, f), "?", "/windows.csv?", 1)
	for _, w := range one.Windows[:min(windowsShown, len(one.Windows))] {
		u.Rows = append(u.Rows, Window(w))
	}
	u.Note = windowsNote(one.Windows)
	return u
}

// windowsShown is how many windows the page of a period lists.
const windowsShown = 100

// windowsNote says how many windows a period has, and what they add up to.
func windowsNote(all []models.UsageWindow) string {
	text := "Calls in no window yet are sealed within minutes after their hour."
	var units int64
	for _, w := range all {
		units += w.Quantity
	}
	if len(all) > 0 {
		text = ui.Plural(int64(len(all)), "window", "windows") + " with " + ui.Plural(units, "unit", "units") + ". " + text
	}
	if len(all) > windowsShown {
		text = "The newest " + ui.Count(windowsShown) + " are shown, the CSV has all: " + text
	}
	return text
}

// WindowsHead is the head of a CSV of the windows of a period.
var WindowsHead = []string{"identifier", "state", "from", "to", "revision", "calls", "units", "event_at", "sealed_at", "sent_at", "attempts", "note", "problem"}

// WindowsCells are windows under WindowsHead.
func WindowsCells(all []models.UsageWindow) [][]string {
	var rows [][]string
	for _, w := range all {
		rows = append(rows, []string{
			w.Identifier, w.State, instant(w.Start), instant(w.End), strconv.Itoa(w.Revision), digits(w.Calls), digits(w.Quantity),
			instant(w.EventAt), instant(w.SealedAt), instant(w.SentAt), strconv.Itoa(w.Attempts), w.Note, w.Problem,
		})
	}
	return rows
}

// unitsLead says in one sentence how far a period agrees.
func unitsLead(f usage.Followed) string {
	switch {
	case f.ComparedAt.IsZero():
		return "It has not been compared yet."
	case len(f.Differs) > 0:
		return strings.Join(f.Differs, " ")
	case !f.Agrees:
		return "It differed when it was compared last."
	case f.Invoiced != nil:
		return "Every unit is on the invoice."
	}
	return "So far every unit is where it has to be."
}

// steps are the places that the units of a period pass.
func steps(f usage.Followed, at UnitsAt) []ui.UnitsStep {
	c, known := f.UsageCompare, !f.ComparedAt.IsZero()
	number := func(n int64) string {
		if !known {
			return ""
		}
		return ui.Count(n)
	}
	way := "What was put into windows and sent as events of the meter."
	for _, more := range []struct {
		n    int64
		says string
	}{{c.Waiting, " on the way."}, {c.Unbillable, " not billed, for a reason that its windows tell."}} {
		if more.n != 0 {
			way += " Beside it " + ui.Plural(more.n, "unit is", "units are") + more.says
		}
	}
	all := []ui.UnitsStep{
		{Name: "Counted by the gateways", About: "In their memory, beside the ledger. Hours in which a period begins or ends count as a whole.", Units: number(c.Gateway)},
		{Name: "In the ledger", About: "Written down before each call was answered. This is what is billed.", Units: number(c.Ledger)},
		{Name: "Sent to Stripe", About: way, Units: number(c.Sent)},
		{Name: "Counted by Stripe", About: "The meter's total of the period, as Stripe tells it.", Units: some(c.Stripe)},
		{Name: "On the invoice", About: "The quantity of the invoice's line, once the invoice is final.", Units: some(c.Invoiced)},
	}
	if !known {
		return all
	}
	against(&all[1], c.Ledger, c.Gateway, c.Ledger >= c.Gateway || c.Agrees)
	against(&all[2], c.Sent+c.Waiting+c.Unbillable, c.Ledger, c.Agrees)
	if c.Stripe != nil {
		against(&all[3], *c.Stripe, c.Sent, c.Agrees)
	}
	if c.Invoiced != nil {
		against(&all[4], *c.Invoiced, max(c.Sent, 0), c.Agrees)
	}
	all[4].Link = "Invoice"
	if all[4].Href = at.Stripe.Object(c.Account, StripeInvoice, c.InvoiceID); at.Invoice != nil && c.InvoiceID != "" {
		all[4].Href = at.Invoice(c.InvoiceID)
	}
	return all
}

// against compares a step with the one before it. fine says that a difference means
// nothing: something is still on its way.
func against(s *ui.UnitsStep, n, before int64, fine bool) {
	switch d := n - before; {
	case d == 0:
		s.Change, s.Tone, s.Word = "0", ui.Good, "Agrees"
		return
	case d > 0:
		s.Change, s.Word = "+"+ui.Count(d), ui.Count(d)+" more"
	default:
		s.Change, s.Word = "−"+ui.Count(-d), ui.Count(-d)+" fewer"
	}
	s.Tone = ui.Bad
	if fine {
		s.Tone, s.Word = ui.Quiet, "Being counted"
	}
}
