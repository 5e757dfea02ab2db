package publisher

import (
	"context"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/internal/fault"
	"tollgate/views/layout"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const subscriptionsPath = "/publisher/subscriptions"

// Subscriptions is the screen of who is subscribed to one's APIs.
type Subscriptions struct {
	Subscriptions interface {
		ToMyAPIs(ctx context.Context, who accounts.Actor, q billing.ListQuery) (billing.Page, error)
		Hold(ctx context.Context, who accounts.Actor, uuid string, hold access.Hold) error
	}
}

// Show answers GET /publisher/subscriptions.
func (h Subscriptions) Show(c *fiber.Ctx) error {
	search, api, now := c.Query("q"), c.Query("api"), sheet.ViewCalled(c.Query("show"))
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64) // what is no number is the first page
	got, err := h.Subscriptions.ToMyAPIs(c.UserContext(), session.Actor(c), billing.ListQuery{
		API: api, Statuses: now.Statuses, Ended: now.Ended, Search: search, Before: before,
	})
	if err != nil {
		return err
	}
	at := func(show, before string) string {
		return respond.Link(subscriptionsPath, "q", search, "api", api, "show", show, "before", before)
	}
	p := page.SubscriptionsProps{
		Frame: respond.Frame(c, layout.Publisher, "Subscriptions", subscriptionsPath), Search: search, API: api, APIName: "this API",
		Narrowed: search != "" || now.Name != "" || api != "",
	}
	for _, v := range sheet.Views {
		p.Filters = append(p.Filters, ui.Link{Href: at(v.Name, ""), Label: v.Label, Current: v.Name == now.Name})
	}
	for _, o := range got.Rows {
		p.Rows = append(p.Rows, subscriptionRow(o))
		p.APIName = p.Rows[0].API
	}
	p.Pager.Showing = ui.Plural(int64(len(got.Rows)), "subscription", "subscriptions")
	if got.Next > 0 {
		p.Pager.Next = at(now.Name, strconv.FormatInt(got.Next, 10))
	}
	return respond.Page(c, fiber.StatusOK, page.Subscriptions(p))
}

// subscriptionRow puts a subscription into a line of the list.
func subscriptionRow(o billing.Overview) page.SubscriptionRow {
	r := page.SubscriptionRow{
		ID: o.UUID, Subscriber: o.Subscriber, Application: o.ApplicationName, API: strings.TrimSpace(o.Title() + " " + o.APIVersion), Plan: sheet.Plan(o),
		Price: price(o.Price), State: o.State.Label, Tone: ui.Tone(o.State.Tone), Since: o.CreatedTime.Time(), Invoices: o.StripeSubscriptionID != "",
	}
	switch {
	case o.State.Ended:
	case o.AdminHold != "":
		r.Block = page.CanUnblock
	default:
		r.Block = page.CanBlock
	}
	return r
}

// Block answers POST /publisher/subscriptions/:uuid/block.
func (h Subscriptions) Block(c *fiber.Ctx) error {
	return h.hold(c, access.HoldAll, "The subscription is blocked: its calls are refused.")
}

// Unblock answers POST /publisher/subscriptions/:uuid/unblock.
func (h Subscriptions) Unblock(c *fiber.Ctx) error {
	return h.hold(c, access.NoHold, "The block is lifted.")
}

func (h Subscriptions) hold(c *fiber.Ctx, hold access.Hold, good string) error {
	err := h.Subscriptions.Hold(c.UserContext(), session.Actor(c), c.Params("uuid"), hold)
	if fault.KindOf(err) == fault.Conflict {
		session.Notice(c, "bad", fault.Message(err))
		return respond.SeeOther(c, subscriptionsPath)
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, subscriptionsPath, good)
}
