package publisher

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/access"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/models"
	"tollgate/money"
	"tollgate/views/layout"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
	"tollgate/web/respond"
)

func apiPath(uuid string) string { return apisPath + "/" + url.PathEscape(uuid) }

// titled is the name of an API with its version.
func titled(a models.API) string { return strings.TrimSpace(a.Name + " " + a.APIVersion) }

// home is the list that a thing of a kind is in.
func home(kind string) ui.Link {
	if kind == models.TypeProduct {
		return ui.Link{Href: productsPath, Label: "API products"}
	}
	return ui.Link{Href: apisPath, Label: "APIs"}
}

// callPath is the path of an API's calls at the gateway.
func callPath(domain, context, version string) string {
	path := "/" + context + "/" + version
	if domain != models.SuperDomain {
		path = "/t/" + domain + path
	}
	return path
}

// frameOf is the frame of a page of one API; part is "" for its first page.
func frameOf(c *fiber.Ctx, a models.API, part string) layout.Frame {
	where, title := home(a.Type), titled(a)
	if part == "" {
		return respond.Frame(c, layout.Publisher, title, where.Href).With(where, ui.Link{Label: title})
	}
	return respond.Frame(c, layout.Publisher, part+" of "+title, where.Href).With(where, ui.Link{Href: apiPath(a.UUID), Label: title}, ui.Link{Label: part})
}

// headOf is what every page of one API begins with.
func headOf(a models.API, part, lead string) page.Head {
	h := page.Head{UUID: a.UUID, Title: titled(a), Product: a.Type == models.TypeProduct, Lead: lead}
	h.Tone, h.Word = apiState(a)
	for _, t := range []struct{ label, path string }{{"Definition", ""}, {"Plans", "/plans"}, {"Monetization", "/monetization"}} {
		h.Tabs = append(h.Tabs, ui.Link{Href: apiPath(a.UUID) + t.path, Label: t.label, Current: t.label == part})
	}
	h.Tabs = append(h.Tabs, ui.Link{Href: "/publisher/subscriptions?api=" + url.QueryEscape(a.UUID), Label: "Subscriptions"},
		ui.Link{Href: respond.Link(usagePath, "api", a.UUID), Label: "Usage"})
	return h
}

func apiState(a models.API) (ui.Tone, string) {
	if a.Status == models.APIPublished {
		return ui.Good, "Published"
	}
	return ui.Quiet, "Created"
}

// saleState says how it stands with an API's monetization.
func saleState(a models.API) (ui.Tone, string) {
	switch {
	case a.Monetization == models.MonetizationOn:
		return ui.Good, "On sale"
	case a.Monetization == models.MonetizationEnabling:
		return ui.Attention, "Being turned on"
	case a.MonetizationProblem != "":
		return ui.Bad, "Refused by Stripe"
	case a.Monetization == models.MonetizationDisabling:
		return ui.Quiet, "Being turned off"
	}
	return ui.Quiet, "Not monetized"
}

func apiRow(o catalog.OwnAPI) page.APIRow {
	r := page.APIRow{
		UUID: o.API.UUID, Name: titled(o.API), Path: callPath(o.API.Organization, o.API.Context, o.API.APIVersion), About: o.API.Description,
		Plans: int64(o.Attached), Subscribers: o.Subscribers,
	}
	r.Tone, r.Word = apiState(o.API)
	r.SaleTone, r.SaleWord = saleState(o.API)
	if o.Attached > 0 && o.Paid == 0 && o.API.Monetization == models.MonetizationOff {
		r.SaleWord = "Free"
	}
	return r
}

func apiProps(f layout.Frame, d catalog.APIDetail) page.APIProps {
	a := d.API
	lead := "Only you see it. Publish it when it is ready."
	if a.Status == models.APIPublished {
		lead = "Everybody can see it in the developer portal. "
		if d.Subscribers == 0 {
			lead += "Nobody is subscribed yet."
		} else {
			lead += ui.Plural(d.Subscribers, "subscription uses", "subscriptions use") + " it."
		}
	}
	p := page.APIProps{
		Frame: f, Head: headOf(a, "Definition", lead), Published: a.Status == models.APIPublished, About: a.Description,
		Path: callPath(a.Organization, a.Context, a.APIVersion), Upstream: a.Upstream, Created: a.CreatedTime.Time(),
		Subscribers: d.Subscribers, Plans: int64(d.Attached),
	}
	p.Counting = countingWords(a)
	for _, m := range d.Members {
		p.Members = append(p.Members, ui.Link{Href: apiPath(m.UUID), Label: titled(m)})
	}
	return p
}

// filled is the form as the saved API would have been typed.
func filled(d catalog.APIDetail) catalog.APIInput {
	a := d.API
	in := catalog.APIInput{
		Name: a.Name, Version: a.APIVersion, Context: a.Context, Upstream: a.Upstream, Description: a.Description,
		Counting: a.Counting, Statuses: strings.ReplaceAll(a.CountingStatuses, ",", ", "), UnitsHeader: a.UnitsHeader, Upgrades: a.Upgrades,
	}
	for _, m := range d.Members {
		in.Members = append(in.Members, m.UUID)
	}
	return in
}

func plansProps(f layout.Frame, d catalog.APIDetail) page.PlansProps {
	p := page.PlansProps{Frame: f, Row: d.API.Version}
	attached := 0
	for _, c := range d.Plans {
		if c.Attached {
			attached++
		}
		p.Choices = append(p.Choices, planChoice(c))
	}
	lead := ui.Plural(int64(attached), "plan is", "plans are") + " attached. Subscribers choose one of them."
	if attached == 0 {
		lead = "No plan is attached yet, so nobody can subscribe."
	}
	p.Head = headOf(d.API, "Plans", lead)
	return p
}

// choose sets the boxes as they were sent.
func choose(choices []page.PlanChoice, chosen []string) {
	for i, c := range choices {
		choices[i].Attached = slices.Contains(chosen, c.UUID)
	}
}

func planChoice(c catalog.PlanChoice) page.PlanChoice {
	out := page.PlanChoice{
		UUID: c.Plan.UUID, Name: c.Plan.DisplayName, About: c.Plan.Description, Price: price(c.Price), Limits: limits(c.Plan), Attached: c.Attached,
	}
	if c.Attached && c.Subscribers > 0 {
		out.InUse = ui.Plural(c.Subscribers, "subscription has it. If you take it off, you decide on the next page what becomes of that subscription.",
			"subscriptions have it. If you take it off, you decide on the next page what becomes of them.")
	}
	return out
}

func price(p catalog.Price) page.Price {
	switch {
	case p.IsFree():
		return page.Price{}
	case p.Metered():
		return page.Price{Rate: p.Rate, Per: "per call"}
	}
	return page.Price{Amount: p.Amount, Per: "a " + p.Cycle}
}

// limits are the limits of a plan in words.
func limits(p models.Policy) string {
	out := "No cap on calls"
	if p.Quota > 0 {
		out = strings.TrimSpace(ui.Count(p.Quota)+" "+counted[p.QuotaType]+p.QuotaUnit) + " " + per(p.UnitTime, p.TimeUnit)
	}
	if p.RateLimitCount > 0 {
		out += ", " + ui.Count(p.RateLimitCount) + " calls " + per(1, p.RateLimitTimeUnit)
	}
	return out
}

var counted = map[string]string{"requestCount": "calls", "eventCount": "events", "aiApiQuota": "calls"}

var longUnits = map[string]string{"sec": "second", "min": "minute"}

func per(n int, unit string) string {
	if long := longUnits[unit]; long != "" {
		unit = long
	}
	switch {
	case n > 1:
		return "every " + strconv.Itoa(n) + " " + unit + "s"
	case unit == "hour":
		return "an hour"
	}
	return "a " + unit
}

// stands says how it stands with a subscription, for the publisher; until, when set,
// stands between sentence and after.
func stands(o billing.Overview) (sentence string, until time.Time, after string) {
	s := o.State.Sentence
	switch o.State.Reason {
	case access.HeldByPublisher:
		return "You have blocked all its calls. A payment does not lift that.", time.Time{}, ""
	case access.HeldInProduction:
		return "You have blocked its production calls. Sandbox keys still work.", time.Time{}, ""
	case access.NeedsFirstPaying, access.PaymentExpired:
		return "The first payment is not made, so no calls are served.", time.Time{}, ""
	case access.PaymentUnderWay:
		return "The first payment is on its way.", time.Time{}, ""
	case access.PaymentRefused:
		return "Stripe did not open the payment page. " + o.CheckoutProblem, time.Time{}, ""
	case access.PaymentDeclined:
		return "The bank did not make the first payment.", time.Time{}, ""
	case access.HeldByDispute:
		return "A payment is disputed, so calls are refused. Answer the dispute at Stripe.", time.Time{}, ""
	case access.HeldByRefund:
		return "The payment for this period was given back, so calls are refused.", time.Time{}, ""
	case access.NeedsAgreeing:
		return "The bank asks the subscriber to confirm the last payment. Calls are refused until then.", time.Time{}, ""
	case access.NeedsPaying:
		return "The last payment failed, so calls are refused until the subscriber pays.", time.Time{}, ""
	case access.NotRefused, access.IsOver, access.NeedsApproval:
	}
	if o.State.Tone == access.Attention && !o.State.Until.IsZero() {
		return "The last payment failed. Calls are served until ", o.State.Until, "."
	}
	return s.Before, s.At, s.After
}

// incidents says what kinds of incidents are.
var incidentKinds = map[string]string{models.IncidentRefund: "Refund", models.IncidentDispute: "Dispute", models.IncidentDuplicate: "Paid twice"}

// incidentStates says how it stands with an incident, as Stripe spells its status.
var incidentStates = map[string]struct {
	word string
	tone ui.Tone
}{
	"succeeded": {"Given back", ui.Quiet}, "pending": {"On its way", ui.Attention}, "requires_action": {"Needs the customer", ui.Attention},
	"failed": {"Failed", ui.Bad}, "canceled": {"Canceled", ui.Quiet},
	"needs_response": {"Answer needed", ui.Bad}, "warning_needs_response": {"Answer needed", ui.Attention},
	"under_review": {"The bank decides", ui.Attention}, "warning_under_review": {"The bank decides", ui.Attention},
	"won": {"Won", ui.Good}, "lost": {"Lost", ui.Bad}, "warning_closed": {"Closed", ui.Quiet}, "prevented": {"Prevented", ui.Quiet},
}

// incident puts money that went another way into a line.
func incident(i models.PaymentIncident) page.Incident {
	out := page.Incident{ID: i.ID, What: incidentKinds[i.Kind], Why: strings.ReplaceAll(i.Reason, "_", " "), Since: i.CreatedAt.Time(), Tone: ui.Attention, State: i.Status}
	if state, known := incidentStates[i.Status]; known {
		out.State, out.Tone = state.word, state.tone
	}
	switch {
	case i.Kind == models.IncidentDuplicate && i.Settled:
		out.State, out.Tone = "Given back", ui.Quiet
	case i.Kind == models.IncidentDuplicate:
		out.State, out.Tone, out.GiveBack = "Waits to be given back", ui.Bad, true
	case !i.Settled:
		out.DueBy = i.DueBy.Time()
	}
	if c, err := money.ParseCurrency(i.Currency); err == nil {
		out.Amount = money.New(i.AmountMinor, c)
	}
	return out
}
