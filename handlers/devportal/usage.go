package devportal

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/internal/fault"
	"tollgate/usage"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const usagePath = "/devportal/usage"

// Usage is the screens of what was called: with one subscription, one application,
// or all of one's own.
type Usage struct {
	Applications
	Meter
	Subscriptions interface {
		Overview(ctx context.Context, who accounts.Actor, uuid string) (billing.Overview, error)
		Mine(ctx context.Context, who accounts.Actor, q billing.ListQuery) (billing.Page, error)
	}
}

// An asked is what an address asks for: which time, and how fine it is told.
type asked struct {
	path     string // of the page
	span     sheet.Span
	grain    sheet.Grain
	from, to string // as entered, for a span of days
	days     bool   // days of one's own choice are asked for
	problems fault.Fields
}

// asks reads what is asked for of a period. What is wrong with entered days is kept
// to be told; the period is shown then.
func (m Meter) asks(c *fiber.Ctx, path string, p sheet.Period) (asked, []sheet.Span) {
	spans := sheet.Spans(p, m.Business.Now())
	a := asked{path: path, span: spans[0]}
	name := c.Query("span")
	if i := slices.IndexFunc(spans, func(s sheet.Span) bool { return s.Name == name }); i >= 0 {
		a.span = spans[i]
	}
	if name == sheet.SpanCustom {
		a.days, a.from, a.to = true, c.Query("from"), c.Query("to")
		if a.from == "" && a.to == "" {
			a.from, a.to = sheet.Days(a.span)
		}
		s, err := sheet.DaysFrom(a.from, a.to)
		if problems, wrong := fault.FieldsOf(err); wrong {
			a.problems = problems
		} else {
			a.span = s
		}
	}
	a.grain = a.span.Grain(c.Query("by"))
	return a, spans
}

// link leads to the same page with another span or grain.
func (a asked) link(suffix, span string, g sheet.Grain) string {
	from, to := "", ""
	if span == sheet.SpanCustom && a.days {
		from, to = a.from, a.to
	}
	if span == sheet.SpanPeriod {
		span = ""
	}
	return respond.Link(a.path+suffix, "span", span, "from", from, "to", to, "by", string(g))
}

// chooser is the choice of other spans.
func (a asked) chooser(spans []sheet.Span) ui.SpanChooser {
	out := ui.SpanChooser{Action: a.path, Open: a.days, From: a.from, To: a.to, Problems: a.problems, Hidden: []ui.Hidden{{Name: "span", Value: sheet.SpanCustom}}}
	for _, s := range spans {
		out.Links = append(out.Links, ui.Link{Href: a.link("", s.Name, ""), Label: s.Label, Current: !a.days && s.Name == a.span.Name})
	}
	out.Links = append(out.Links, ui.Link{Href: respond.Link(a.path, "span", sheet.SpanCustom), Label: "Other days", Current: a.days})
	return out
}

// grains is the choice of how fine it is told.
func (a asked) grains() []ui.Link {
	var out []ui.Link
	for _, g := range sheet.Grains {
		if a.span.Fits(g.Grain) {
			out = append(out, ui.Link{Href: a.link("", a.span.Name, g.Grain), Label: g.Label, Current: g.Grain == a.grain})
		}
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// use reads what was called in the span that is asked for, and before it.
func (m Meter) use(ctx context.Context, s usage.Scope, a asked, units bool) (sheet.Use, error) {
	u := sheet.Use{ID: "calls", Span: a.span, Grain: a.grain, Now: m.Business.Now(), Compared: true, Units: units, Grains: a.grains(), CSV: a.link(".csv", a.span.Name, a.grain)}
	var err error
	if u.Buckets, err = m.buckets(ctx, s, a.grain, a.span.From, a.span.To); err != nil {
		return u, err
	}
	u.Before, err = m.buckets(ctx, s, a.grain, a.span.Before, a.span.From)
	return u, err
}

// Subscription answers GET /devportal/subscriptions/:id/usage.
func (h Usage) Subscription(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	o, err := h.Subscriptions.Overview(ctx, who, c.Params("id"))
	if err != nil {
		return err
	}
	a, spans := h.asks(c, subscriptionPath(o.UUID)+"/usage", periodOf(o, h.Business.Now()))
	name := sheet.About(o.Title(), o.APIVersion, o.PolicyName)
	p := page.UsageProps{
		Title: "Usage of " + name, Period: a.span.Words(), Span: a.chooser(spans), Calls: subscriptionPath(o.UUID) + "/calls",
		Back: ui.Link{Href: subscriptionPath(o.UUID), Label: "Subscription"}, Notes: []string{ruleFor(o).words()},
	}
	if err := h.fill(ctx, who, o, a, &p); err != nil {
		return err
	}
	p.Frame = respond.Frame(c, layout.Devportal, p.Title, subscriptionsPath).
		With(ui.Link{Href: subscriptionsPath, Label: "My subscriptions"}, ui.Link{Href: subscriptionPath(o.UUID), Label: name}, ui.Link{Label: "Usage"})
	return respond.Page(c, status(a), page.Usage(p))
}

func status(a asked) int {
	if len(a.problems) > 0 {
		return fiber.StatusUnprocessableEntity
	}
	return fiber.StatusOK
}

// fill adds what was used with one subscription.
func (h Usage) fill(ctx context.Context, who accounts.Actor, o billing.Overview, a asked, p *page.UsageProps) error {
	s, err := h.sums(ctx, o, a.span.From, a.span.To)
	if err != nil {
		return err
	}
	p.Lead = lead(s.Totals)
	if p.Updated, err = h.fresh(ctx, o); err != nil {
		return err
	}
	if a.span.Name == sheet.SpanPeriod {
		if p.Quota, err = h.quota(ctx, o); err != nil {
			return err
		}
	}
	u, err := h.use(ctx, scopeOf(o), a, o.APIUnitsHeader != "")
	if err != nil {
		return err
	}
	if s.Calls == 0 && s.Quantity == 0 && sheet.Sum(u.Before).Calls == 0 {
		p.Empty, err = h.nothing(ctx, who, o, p.Updated.Ago != "", a)
		return err
	}
	u.Cost = exact(o, s)
	chart := u.Chart()
	p.Chart = &chart
	p.Figures, err = h.totals(ctx, o, a, s)
	if s.others != 0 {
		one, many := ruleFor(o).unit()
		p.Notes = append(p.Notes, ui.Plural(s.others, one, many)+" of this time were used under another plan, before the change to "+o.PolicyName+". They are charged at that plan's price and are not in the cost above.")
	}
	return err
}

// lead says in one sentence what was called.
func lead(t usage.Totals) string {
	switch {
	case t.Calls == 0:
		return "No call in this time."
	case t.Counted == t.Calls:
		return ui.Plural(t.Calls, "call counts.", "calls, and all of them count.")
	case t.Counted == 1:
		return ui.Plural(t.Calls, "call", "calls") + ", of which 1 counts."
	}
	return ui.Plural(t.Calls, "call", "calls") + ", of which " + ui.Count(t.Counted) + " count."
}

// totals are the numbers of the span that is asked for.
func (h Usage) totals(ctx context.Context, o billing.Overview, a asked, s sum) ([]ui.Figure, error) {
	out := []ui.Figure{
		{Name: "Calls", Text: ui.Count(s.Calls), Note: "let through and answered"}, {Name: "Counted", Text: ui.Count(s.Counted)},
		{Name: "Not counted", Text: ui.Count(s.Failed()), Note: "free of charge"},
	}
	if o.APIUnitsHeader != "" {
		out = append(out, ui.Figure{Name: "Units", Text: ui.Count(s.Quantity)})
	}
	if !o.Price.Metered() {
		return out, nil
	}
	name := "Cost at your price"
	switch a.span.Name {
	case sheet.SpanPeriod:
		name = "Cost so far"
	case sheet.SpanPrevious:
		name = "Cost"
	}
	figure, err := cost(o, s, name)
	if err != nil {
		return out, err
	}
	out = append(out, figure)
	if a.span.Name != sheet.SpanPeriod {
		return out, nil
	}
	end, err := h.likely(ctx, o, periodOf(o, h.Business.Now()), s)
	if end != nil {
		out = append(out, *end)
	}
	return out, err
}

// nothing says what to do where nothing was called.
func (h Usage) nothing(ctx context.Context, who accounts.Actor, o billing.Overview, ever bool, a asked) (*page.EmptyUse, error) {
	how := ui.Link{Href: subscriptionPath(o.UUID), Label: "How to call it"}
	switch {
	case ever && a.span.Name != "30d":
		return &page.EmptyUse{Title: "No call in this time", Text: "There were calls at other times.",
			Actions: []ui.Link{{Href: a.link("", "30d", ""), Label: "Show the last 30 days"}}}, nil
	case ever:
		return &page.EmptyUse{Title: "No call in this time", Text: "There were calls before. Choose earlier days.",
			Actions: []ui.Link{{Href: respond.Link(a.path, "span", sheet.SpanCustom), Label: "Choose days"}}}, nil
	case !o.State.ServesSome():
		return &page.EmptyUse{Title: "Nothing was called", Text: "Calls are not served: " + strings.TrimSuffix(o.State.Label, ".") + ".", Actions: []ui.Link{{Href: how.Href, Label: "To the subscription"}}}, nil
	}
	n, err := h.working(ctx, who, o)
	if n == 0 {
		return &page.EmptyUse{Title: "Generate a key to make calls", Text: o.ApplicationName + " has no key yet. With one it can call " + titled(o.Title(), o.APIVersion) + " at once.",
			Actions: []ui.Link{{Href: applicationPath(o.ApplicationUUID) + "#new-key", Label: "Generate key"}, how}}, err
	}
	return &page.EmptyUse{Title: "Make the first call", Text: "It appears here within seconds.", Actions: []ui.Link{how}}, err
}

// working counts the keys that o's application can make calls with.
func (h Applications) working(ctx context.Context, who accounts.Actor, o billing.Overview) (int64, error) {
	if o.ApplicationLive == nil {
		return 0, nil
	}
	keys, err := h.Keys.List(ctx, who, o.ApplicationUUID)
	var n int64
	for _, k := range keys {
		if k.State.Works() {
			n++
		}
	}
	return n, err
}

// SubscriptionCSV answers GET /devportal/subscriptions/:id/usage.csv.
func (h Usage) SubscriptionCSV(c *fiber.Ctx) error {
	ctx := c.UserContext()
	o, err := h.Subscriptions.Overview(ctx, session.Actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	a, _ := h.asks(c, "", periodOf(o, h.Business.Now()))
	return h.csv(c, scopeOf(o), a, o.Title()+" "+o.ApplicationName)
}

func (h Usage) csv(c *fiber.Ctx, s usage.Scope, a asked, about string) error {
	if err := a.problems.Err(); err != nil {
		return err
	}
	u, err := h.use(c.UserContext(), s, a, true)
	if err != nil {
		return err
	}
	return respond.CSV(c, sheet.FileName(about+" "+a.span.From.Format(time.DateOnly), "usage"), sheet.UseHead, u.Rows())
}
