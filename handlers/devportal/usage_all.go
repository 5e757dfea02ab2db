package devportal

import (
	"context"
	"slices"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/models"
	"tollgate/usage"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// mostSubscriptions is how many subscriptions are added up, the newest of them.
const mostSubscriptions = 1000

// all returns the actor's subscriptions with an application ("" for any), those that
// have ended too.
func (h Usage) all(ctx context.Context, who accounts.Actor, application string) ([]billing.Overview, error) {
	var out []billing.Overview
	for _, ended := range []bool{false, true} {
		q := billing.ListQuery{Application: application, Ended: ended, Limit: 100}
		for {
			got, err := h.Subscriptions.Mine(ctx, who, q)
			if err != nil {
				return nil, err
			}
			out = append(out, got.Rows...)
			if q.Before = got.Next; got.Next == 0 || len(out) >= mostSubscriptions {
				break
			}
		}
	}
	return out[:min(len(out), mostSubscriptions)], nil
}

func scopeOfAll(who accounts.Actor, all []billing.Overview) usage.Scope {
	s := usage.Scope{Tenant: who.Tenant}
	for _, o := range all {
		s.Subscriptions = append(s.Subscriptions, o.ID)
	}
	return s
}

// All answers GET /devportal/usage.
func (h Usage) All(c *fiber.Ctx) error { return h.several(c, models.Application{}, usagePath) }

// Application answers GET /devportal/applications/:id/usage.
func (h Usage) Application(c *fiber.Ctx) error {
	a, err := h.Applications.Applications.ByUUID(c.UserContext(), session.Actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return h.several(c, a, applicationPath(a.UUID)+"/usage")
}

// several shows what was called with several subscriptions: those of an application,
// or all when it is none.
func (h Usage) several(c *fiber.Ctx, app models.Application, path string) error {
	ctx, who := c.UserContext(), session.Actor(c)
	all, err := h.all(ctx, who, app.UUID)
	if err != nil {
		return err
	}
	a, spans := h.asks(c, path, sheet.Month(h.Business.Now()))
	p := page.UsageProps{Title: "Usage", Period: a.span.Words(), Span: a.chooser(spans), Updated: page.Freshness{At: h.Business.Now()}}
	current := usagePath
	if app.UUID != "" {
		p.Title, p.Back, current = "Usage of "+app.Name, ui.Link{Href: applicationPath(app.UUID), Label: "Application"}, applicationsPath
	}
	if p.Scope, err = h.scopes(ctx, who, app.UUID); err != nil {
		return err
	}
	if err := h.add(ctx, who, all, app, a, &p); err != nil {
		return err
	}
	p.Frame = respond.Frame(c, layout.Devportal, p.Title, current)
	if app.UUID != "" {
		p.Frame = p.With(crumb, ui.Link{Href: applicationPath(app.UUID), Label: app.Name}, ui.Link{Label: "Usage"})
	}
	return respond.Page(c, status(a), page.Usage(p))
}

// scopes is the choice of one application.
func (h Usage) scopes(ctx context.Context, who accounts.Actor, current string) ([]ui.Link, error) {
	apps, err := h.Applications.Applications.List(ctx, who)
	if len(apps) < 2 && current == "" || err != nil {
		return nil, err
	}
	out := []ui.Link{{Href: usagePath, Label: "All applications", Current: current == ""}}
	for _, a := range apps {
		out = append(out, ui.Link{Href: applicationPath(a.UUID) + "/usage", Label: a.Name, Current: a.UUID == current})
	}
	return out, nil
}

// add adds what was called with several subscriptions.
func (h Usage) add(ctx context.Context, who accounts.Actor, all []billing.Overview, app models.Application, a asked, p *page.UsageProps) error {
	scope := scopeOfAll(who, all)
	shares, err := h.Ledger.Share(ctx, scope, usage.Shares{Subscription: true, Policy: true}, a.span.From, a.span.To)
	if err != nil {
		return err
	}
	var together usage.Totals
	byID := map[int64]sum{}
	for _, one := range shares {
		together.Calls, together.Counted, together.Quantity = together.Calls+one.Calls, together.Counted+one.Counted, together.Quantity+one.Quantity
		s := byID[one.Subscription]
		s.Calls, s.Counted, s.Quantity = s.Calls+one.Calls, s.Counted+one.Counted, s.Quantity+one.Quantity
		if i := slices.IndexFunc(all, func(o billing.Overview) bool { return o.ID == one.Subscription }); i >= 0 && all[i].PolicyID == one.Policy {
			s.ours += one.Quantity
		} else {
			s.others += one.Quantity
		}
		byID[one.Subscription] = s
	}
	p.Lead = lead(together)
	u, err := h.use(ctx, scope, a, false)
	if err != nil {
		return err
	}
	if together.Calls == 0 && sheet.Sum(u.Before).Calls == 0 {
		p.Empty = nothingAtAll(all, app)
		return nil
	}
	chart := u.Chart()
	p.Chart = &chart
	p.Figures = []ui.Figure{
		{Name: "Calls", Text: ui.Count(together.Calls), Note: "let through and answered"}, {Name: "Counted", Text: ui.Count(together.Counted)},
		{Name: "Not counted", Text: ui.Count(together.Failed()), Note: "free of charge"},
	}
	p.Notes = []string{"Costs are at the price of the present plan, before tax. Billing periods differ, so an invoice adds up other days: the usage of each subscription shows its own period."}
	p.Parts, err = parts(all, byID)
	return err
}

// parts are the subscriptions that calls were made with, most calls first.
func parts(all []billing.Overview, byID map[int64]sum) ([]page.UsagePart, error) {
	called := slices.DeleteFunc(slices.Clone(all), func(o billing.Overview) bool { return byID[o.ID].Calls == 0 && byID[o.ID].Quantity == 0 })
	slices.SortStableFunc(called, func(a, b billing.Overview) int { return int(min(max(byID[b.ID].Calls-byID[a.ID].Calls, -1), 1)) })
	var out []page.UsagePart
	for _, o := range called {
		s := byID[o.ID]
		part := page.UsagePart{
			ID: o.UUID, API: titled(o.Title(), o.APIVersion), Plan: o.PolicyName, Application: o.ApplicationName,
			Calls: ui.Count(s.Calls), Counted: ui.Count(s.Counted), Units: ui.Count(s.Quantity), Cost: "Free",
		}
		switch {
		case o.Price.Metered():
			a, err := worth(o.Price, s.ours)
			if err != nil {
				return nil, err
			}
			part.Cost = ui.Sum(a)
		case !o.Price.IsFree():
			part.Cost = ui.Sum(o.Price.Amount) + " a " + o.Price.Cycle
		}
		if s.others != 0 && o.Price.Metered() {
			part.Cost += " and what was used under another plan"
		}
		out = append(out, part)
	}
	return out, nil
}

// nothingAtAll says what to do where none of several subscriptions was used.
func nothingAtAll(all []billing.Overview, app models.Application) *page.EmptyUse {
	apps := ui.Link{Href: applicationsPath, Label: "Applications and keys"}
	if app.UUID != "" {
		apps = ui.Link{Href: applicationPath(app.UUID), Label: "Keys of " + app.Name}
	}
	if !slices.ContainsFunc(all, func(o billing.Overview) bool { return o.State.ServesSome() }) {
		return &page.EmptyUse{Title: "Nothing was called", Text: "Subscribe to an API first. Then calls appear here within seconds.",
			Actions: []ui.Link{{Href: "/devportal", Label: "Browse APIs"}, {Href: subscriptionsPath, Label: "My subscriptions"}}}
	}
	return &page.EmptyUse{Title: "Nothing was called in this time", Text: "Make a call with the key of an application: it appears here within seconds.",
		Actions: []ui.Link{apps, {Href: subscriptionsPath, Label: "How to call each API"}}}
}

// AllCSV answers GET /devportal/usage.csv.
func (h Usage) AllCSV(c *fiber.Ctx) error { return h.severalCSV(c, models.Application{}) }

// ApplicationCSV answers GET /devportal/applications/:id/usage.csv.
func (h Usage) ApplicationCSV(c *fiber.Ctx) error {
	a, err := h.Applications.Applications.ByUUID(c.UserContext(), session.Actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return h.severalCSV(c, a)
}

func (h Usage) severalCSV(c *fiber.Ctx, app models.Application) error {
	who := session.Actor(c)
	all, err := h.all(c.UserContext(), who, app.UUID)
	if err != nil {
		return err
	}
	a, _ := h.asks(c, "", sheet.Month(h.Business.Now()))
	return h.csv(c, scopeOfAll(who, all), a, app.Name)
}
