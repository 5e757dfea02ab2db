package devportal

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// historyShown is how much of what happened the page of a subscription tells.
const historyShown = 5

// A Historian knows what happened to subscriptions.
type Historian interface {
	Timeline(ctx context.Context, who accounts.Actor, uuid string, q billing.TimelineQuery) (billing.TimelinePage, error)
	TimelineCSV(ctx context.Context, who accounts.Actor, uuid string) ([][]string, error)
}

// History is the screen of all that happened to one subscription.
type History struct {
	Subscriptions interface {
		Historian
		Overview(ctx context.Context, who accounts.Actor, uuid string) (billing.Overview, error)
	}
}

// invoiceOf returns where an invoice of a subscription is shown.
func invoiceOf(subscription string) func(string) string {
	return func(id string) string { return invoicePath(subscription, id) }
}

// Show answers GET /devportal/subscriptions/:id/history.
func (h History) Show(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	o, err := h.Subscriptions.Overview(ctx, who, c.Params("id"))
	if err != nil {
		return err
	}
	got, err := h.Subscriptions.Timeline(ctx, who, o.UUID, billing.TimelineQuery{After: c.Query("after")})
	if err != nil {
		return err
	}
	name := sheet.About(o.Title(), o.APIVersion, o.PolicyName)
	p := page.HistoryProps{ID: o.UUID, Name: name, Items: sheet.History(got, invoiceOf(o.UUID))}
	if got.Next != "" {
		p.Older = respond.Link(subscriptionPath(o.UUID)+"/history", "after", got.Next)
	}
	p.Frame = respond.Frame(c, layout.Devportal, "What happened", subscriptionsPath).
		With(ui.Link{Href: subscriptionsPath, Label: "My subscriptions"}, ui.Link{Href: subscriptionPath(o.UUID), Label: name}, ui.Link{Label: "What happened"})
	return respond.Page(c, fiber.StatusOK, page.History(p))
}

// CSV answers GET /devportal/subscriptions/:id/history.csv.
func (h History) CSV(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	o, err := h.Subscriptions.Overview(ctx, who, c.Params("id"))
	if err != nil {
		return err
	}
	rows, err := h.Subscriptions.TimelineCSV(ctx, who, o.UUID)
	if err != nil {
		return err
	}
	return respond.CSV(c, sheet.FileName(o.Title()+" "+o.ApplicationName, "history"), billing.TimelineHead, rows)
}
