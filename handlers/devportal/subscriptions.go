package devportal

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
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

// A view is one way to narrow the list.
type view struct {
	name, label string
	statuses    []string
	ended       bool
}

var views = []view{
	{"", "All", nil, false},
	{"active", "Active", []string{"UNBLOCKED", "DELETE_PENDING", "TIER_UPDATE_PENDING", "PROD_ONLY_BLOCKED"}, false},
	{"stopped", "Payment needed or blocked", []string{"ON_HOLD", "REJECTED", "BLOCKED"}, false},
	{"ended", "Ended", nil, true},
}

// Show answers GET /devportal/subscriptions.
func (h Subscriptions) Show(c *fiber.Ctx) error {
	search, now := c.Query("q"), views[0]
	for _, v := range views {
		if v.name == c.Query("show") {
			now = v
		}
	}
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64) // what is no number is the first page
	got, err := h.Subscriptions.Mine(c.UserContext(), session.Actor(c), billing.ListQuery{
		Statuses: now.statuses, Ended: now.ended, Search: search, Before: before,
	})
	if err != nil {
		return err
	}
	p := page.SubscriptionsProps{
		Frame: respond.Frame(c, layout.Devportal, "My subscriptions", subscriptionsPath), Search: search, Narrowed: search != "" || now.name != "",
	}
	for _, v := range views {
		p.Filters = append(p.Filters, ui.Link{Href: link(subscriptionsPath, "q", search, "show", v.name), Label: v.label, Current: v.name == now.name})
	}
	for _, o := range got.Rows {
		p.Rows = append(p.Rows, row(o))
	}
	p.Pager.Showing = ui.Plural(int64(len(got.Rows)), "subscription", "subscriptions")
	if got.Next > 0 {
		p.Pager.Next = link(subscriptionsPath, "q", search, "show", now.name, "before", strconv.FormatInt(got.Next, 10))
	}
	return respond.Page(c, fiber.StatusOK, page.Subscriptions(p))
}
