package devportal

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// API is the screen of one API: what it is, what it costs, and subscribing to it.
type API struct {
	Catalog interface {
		Show(ctx context.Context, viewer accounts.Actor, uuid string) (catalog.Listed, error)
	}
	Tenants       Tenants
	Subscriptions interface {
		Mine(ctx context.Context, who accounts.Actor, q billing.ListQuery) (billing.Page, error)
		Subscribe(ctx context.Context, who accounts.Actor, in billing.SubscribeInput) (models.Subscription, error)
	}
	Applications interface {
		List(ctx context.Context, who accounts.Actor) ([]models.Application, error)
		Create(ctx context.Context, who accounts.Actor, in accounts.ApplicationInput) (models.Application, error)
	}
	Gateway string // how applications reach the gateway; "" when that is not known
}

// newApplication is chosen where a new application is to be made.
const newApplication = "new"

// form is what somebody entered to subscribe.
type form struct{ plan, application, name string }

// Show answers GET /devportal/apis/:id.
func (h API) Show(c *fiber.Ctx) error {
	return h.render(c, fiber.StatusOK, form{application: c.Query("application")}, nil)
}

// Subscribe answers POST /devportal/apis/:id/subscribe. A new application stays
// even when subscribing then fails, and is chosen on the page that says why.
func (h API) Subscribe(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	in := form{c.FormValue("plan"), c.FormValue("application"), c.FormValue("application_name")}
	if in.application == newApplication {
		made, err := h.Applications.Create(ctx, who, accounts.ApplicationInput{Name: in.name})
		if problems, ok := fault.FieldsOf(err); ok {
			return h.render(c, fiber.StatusUnprocessableEntity, in, fault.Fields{"application_name": problems["name"]})
		}
		if err != nil {
			return err
		}
		in.application, in.name = made.UUID, ""
	}
	sub, err := h.Subscriptions.Subscribe(ctx, who, billing.SubscribeInput{Application: in.application, API: c.Params("id"), Policy: in.plan})
	if have, ok := errors.AsType[*billing.AlreadySubscribed](err); ok {
		session.Notice(c, "attention", "This application is subscribed already: here is its subscription.")
		return respond.SeeOther(c, subscriptionPath(have.Subscription))
	}
	if problems, ok := fault.FieldsOf(err); ok {
		return h.render(c, fiber.StatusUnprocessableEntity, in, problems)
	}
	if err != nil {
		return err
	}
	if sub.NeedsPayment {
		return respond.SeeOther(c, subscriptionPath(sub.UUID))
	}
	return respond.SeeOther(c, subscriptionPath(sub.UUID), "Subscribed. The subscription is active.")
}

func (h API) render(c *fiber.Ctx, status int, in form, problems fault.Fields) error {
	who, closed, err := viewer(c, h.Tenants)
	if err != nil {
		return err
	}
	if closed {
		return signIn(c)
	}
	l, err := h.Catalog.Show(c.UserContext(), who, c.Params("id"))
	if err != nil {
		return err
	}
	p := shown(who, l)
	if h.Gateway != "" {
		p.Address = h.Gateway + p.Context
	}
	p.Application, p.ApplicationName, p.Problems = in.application, in.name, problems
	if err := h.yours(c.UserContext(), who, &p); err != nil {
		return err
	}
	p.Frame = respond.Frame(c, layout.Devportal, p.Name, "/devportal").With(ui.Link{Href: "/devportal", Label: "APIs"}, ui.Link{Label: p.Name})
	return respond.Page(c, status, page.API(p))
}

// shown puts an API into the page's terms.
func shown(who accounts.Actor, l catalog.Listed) page.APIProps {
	p := page.APIProps{
		ID: l.API.UUID, Name: apiTitle(l.API), Label: l.Label, About: l.API.Description, Publisher: l.Provider,
		Context: callPath(who, l.API), Counting: ruleOf(l.API).words(), Visitor: !who.SignedIn(),
	}
	for i, m := range l.Members {
		one := page.Member{Name: m}
		if i < len(l.Paths) && l.Paths[i] != "" {
			one.About = "Called below " + p.Context + "/" + l.Paths[i]
		}
		p.Members = append(p.Members, one)
	}
	for _, o := range l.Offers {
		p.Plans = append(p.Plans, plan(o, ruleOf(l.API)))
	}
	if who.SignedIn() && !who.Is(accounts.Subscriber) {
		p.Cannot = "You are not signed in as a subscriber, so you cannot subscribe. An admin can give you that role."
	}
	return p
}

// yours adds what the page says to a subscriber: their subscriptions to the API, and
// the applications that can subscribe.
func (h API) yours(ctx context.Context, who accounts.Actor, p *page.APIProps) error {
	if !who.Is(accounts.Subscriber) {
		return nil
	}
	mine, err := h.Subscriptions.Mine(ctx, who, billing.ListQuery{API: p.ID, Limit: 100})
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, o := range mine.Rows {
		p.Yours = append(p.Yours, row(o))
		taken[o.ApplicationUUID] = o.State.Next != access.StartAgain
	}
	apps, err := h.Applications.List(ctx, who)
	for _, a := range apps {
		choice := ui.Choice{Value: a.UUID, Label: a.Name, Disabled: taken[a.UUID]}
		if choice.Disabled {
			choice.Hint = "subscribed already"
		} else if p.Application == "" {
			p.Application = a.UUID
		}
		p.Applications = append(p.Applications, choice)
	}
	if p.Application == "" {
		p.Application = newApplication
	}
	return err
}
