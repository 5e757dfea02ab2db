package devportal

import (
	"context"
	"strconv"

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

// Subscriptions is the screen with the list of one's subscriptions.
type Subscriptions struct {
	Subscriptions interface {
		Mine(ctx context.Context, who accounts.Actor, q billing.ListQuery) (billing.Page, error)
	}
}

// Show answers GET /devportal/subscriptions.
func (h Subscriptions) Show(c *fiber.Ctx) error {
	search, now := c.Query("q"), sheet.ViewCalled(c.Query("show"))
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64) // what is no number is the first page
	got, err := h.Subscriptions.Mine(c.UserContext(), session.Actor(c), billing.ListQuery{
		Statuses: now.Statuses, Ended: now.Ended, Search: search, Before: before,
	})
	if err != nil {
		return err
	}
	p := page.SubscriptionsProps{
		Frame: respond.Frame(c, layout.Devportal, "My subscriptions", subscriptionsPath), Search: search, Narrowed: search != "" || now.Name != "",
	}
	for _, v := range sheet.Views {
		p.Filters = append(p.Filters, ui.Link{Href: respond.Link(subscriptionsPath, "q", search, "show", v.Name), Label: v.Label, Current: v.Name == now.Name})
	}
	for _, o := range got.Rows {
		p.Rows = append(p.Rows, row(o))
	}
	p.Pager.Showing = ui.Plural(int64(len(got.Rows)), "subscription", "subscriptions")
	if got.Next > 0 {
		p.Pager.Next = respond.Link(subscriptionsPath, "q", search, "show", now.Name, "before", strconv.FormatInt(got.Next, 10))
	}
	return respond.Page(c, fiber.StatusOK, page.Subscriptions(p))
}
