package admin

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const subscriptionsPath = "/admin/subscriptions"

// Subscriptions is the screens of every subscription of the organisation.
type Subscriptions struct {
	Subscriptions interface {
		OfTenant(ctx context.Context, who accounts.Actor, q billing.ListQuery) (billing.Page, error)
		SubscriptionOfTenant(ctx context.Context, who accounts.Actor, uuid string) (billing.Overview, error)
		Timeline(ctx context.Context, who accounts.Actor, uuid string, q billing.TimelineQuery) (billing.TimelinePage, error)
		TimelineCSV(ctx context.Context, who accounts.Actor, uuid string) ([][]string, error)
	}
}

func subscriptionPath(uuid string) string { return subscriptionsPath + "/" + url.PathEscape(uuid) }

// List answers GET /admin/subscriptions.
func (h Subscriptions) List(c *fiber.Ctx) error {
	search, now := c.Query("q"), sheet.ViewCalled(c.Query("show"))
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64) // what is no number is the first page
	got, err := h.Subscriptions.OfTenant(c.UserContext(), session.Actor(c), billing.ListQuery{
		Statuses: now.Statuses, Ended: now.Ended, Search: search, Before: before,
	})
	if err != nil {
		return err
	}
	p := page.SubscriptionsProps{
		Frame: respond.Frame(c, layout.Admin, "Subscriptions", subscriptionsPath), Search: search, Narrowed: search != "" || now.Name != "",
	}
	for _, v := range sheet.Views {
		p.Filters = append(p.Filters, ui.Link{Href: respond.Link(subscriptionsPath, "q", search, "show", v.Name), Label: v.Label, Current: v.Name == now.Name})
	}
	for _, o := range got.Rows {
		p.Rows = append(p.Rows, subscriptionRow(o))
	}
	p.Pager.Showing = ui.Plural(int64(len(got.Rows)), "subscription", "subscriptions")
	if got.Next > 0 {
		p.Pager.Next = respond.Link(subscriptionsPath, "q", search, "show", now.Name, "before", strconv.FormatInt(got.Next, 10))
	}
	return respond.Page(c, fiber.StatusOK, page.Subscriptions(p))
}

// subscriptionRow puts a subscription into a line of the list.
func subscriptionRow(o billing.Overview) page.SubscriptionRow {
	return page.SubscriptionRow{
		ID: o.UUID, API: strings.TrimSpace(o.Title() + " " + o.APIVersion), Plan: sheet.Plan(o), Subscriber: o.Subscriber, Application: o.ApplicationName,
		Publisher: o.Publisher, State: o.State.Label, Tone: ui.Tone(o.State.Tone), Since: o.CreatedTime.Time(),
	}
}

// Show answers GET /admin/subscriptions/:uuid.
func (h Subscriptions) Show(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	o, err := h.Subscriptions.SubscriptionOfTenant(ctx, who, c.Params("uuid"))
	if err != nil {
		return err
	}
	got, err := h.Subscriptions.Timeline(ctx, who, o.UUID, billing.TimelineQuery{After: c.Query("after")})
	if err != nil {
		return err
	}
	s := o.State.Sentence
	p := page.SubscriptionProps{
		SubscriptionRow: subscriptionRow(o), Sentence: s.Before, Until: s.At, After: s.After, Stripe: o.StripeSubscriptionID, Account: o.Account,
		CanEnd: !o.State.Ended, CSV: subscriptionPath(o.UUID) + "/history.csv", History: sheet.History(got, nil),
		NextPlan: sheet.Follows(o),
	}
	if o.Price.Metered() {
		p.Units = unitsPath + "/" + url.PathEscape(o.UUID)
	}
	p.Plan = o.PolicyName // the plan that follows has a line of its own
	p.Period[0], p.Period[1] = o.PeriodStart.Time(), o.PeriodEnd.Time()
	if got.Next != "" {
		p.Older = respond.Link(subscriptionPath(o.UUID), "after", got.Next)
	}
	p.Frame = respond.Frame(c, layout.Admin, p.Subscriber+", "+p.API, subscriptionsPath).
		With(ui.Link{Href: subscriptionsPath, Label: "Subscriptions"}, ui.Link{Label: p.Subscriber + ", " + p.API})
	return respond.Page(c, fiber.StatusOK, page.Subscription(p))
}

// CSV answers GET /admin/subscriptions/:uuid/history.csv.
func (h Subscriptions) CSV(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	o, err := h.Subscriptions.SubscriptionOfTenant(ctx, who, c.Params("uuid"))
	if err != nil {
		return err
	}
	rows, err := h.Subscriptions.TimelineCSV(ctx, who, o.UUID)
	if err != nil {
		return err
	}
	return respond.CSV(c, sheet.FileName(o.Title()+" "+o.ApplicationName, "history"), billing.TimelineHead, rows)
}
