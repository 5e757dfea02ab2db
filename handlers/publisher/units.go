package publisher

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/handlers/sheet"
	"tollgate/usage"
	"tollgate/views/layout"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const (
	unitsPath  = "/publisher/units"
	unitsShown = 50
	// periodsDownloaded is how many periods a CSV has at most.
	periodsDownloaded = 20_000
)

// Units is the screens that follow the units of one's APIs from the gateways to the
// invoice.
type Units struct {
	Compares interface {
		Follow(ctx context.Context, who accounts.Actor, q usage.FollowQuery) (usage.FollowPage, error)
		FollowOne(ctx context.Context, who accounts.Actor, own bool, uuid, plan, start string) (usage.FollowedOne, error)
	}
	Stripe   sheet.Dashboard
	Business func() time.Time
}

// List answers GET /publisher/units.
func (h Units) List(c *fiber.Ctx) error {
	differs := c.Query("show") == "differs"
	got, err := h.Compares.Follow(c.UserContext(), session.Actor(c), usage.FollowQuery{Own: true, Disagree: differs, After: c.Query("after"), Limit: unitsShown})
	if err != nil {
		return err
	}
	show := map[bool]string{true: "differs"}[differs]
	p := page.UnitsProps{
		Frame: respond.Frame(c, layout.Publisher, "Follow the units", unitsPath), Narrowed: differs, CSV: respond.Link("/publisher/units.csv", "show", show),
		Filters: []ui.Link{
			{Href: unitsPath, Label: "All periods", Current: !differs}, {Href: respond.Link(unitsPath, "show", "differs"), Label: "Differences only", Current: differs},
		},
	}
	for _, f := range got.Rows {
		p.Rows = append(p.Rows, sheet.Units(f, sheet.UnitsPage(unitsPath, f), h.Business()))
	}
	p.Pager.Showing = ui.Plural(int64(len(p.Rows)), "period", "periods")
	if c.Query("after") != "" {
		p.Pager.Previous = respond.Link(unitsPath, "show", show)
	}
	if got.Next != "" {
		p.Pager.Next = respond.Link(unitsPath, "show", show, "after", got.Next)
	}
	return respond.Page(c, fiber.StatusOK, page.Units(p))
}

// CSV answers GET /publisher/units.csv.
func (h Units) CSV(c *fiber.Ctx) error {
	q := usage.FollowQuery{Own: true, Disagree: c.Query("show") == "differs", Limit: periodsDownloaded}
	got, err := h.Compares.Follow(c.UserContext(), session.Actor(c), q)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, f := range got.Rows {
		rows = append(rows, sheet.UnitsCells(f))
	}
	return respond.CSV(c, "units.csv", sheet.UnitsHead, rows)
}

// Show answers GET /publisher/units/:uuid: the newest period of a subscription, or the
// one of the parameters plan and from.
func (h Units) Show(c *fiber.Ctx) error {
	one, err := h.Compares.FollowOne(c.UserContext(), session.Actor(c), true, c.Params("uuid"), c.Query("plan"), c.Query("from"))
	if err != nil {
		return err
	}
	s := one.Subscription
	p := page.UnitsOfProps{Heading: "Units of " + s.Subscriber + ", " + s.Title() + " " + s.APIVersion}
	p.Frame = respond.Frame(c, layout.Publisher, p.Heading, unitsPath).With(ui.Link{Href: unitsPath, Label: "Follow the units"}, ui.Link{Label: p.Heading})
	p.Body = sheet.UnitsOf(one, sheet.UnitsAt{
		Path: unitsPath, Links: []ui.Link{{Href: subscriptionPath(s.UUID), Label: "Subscription"}}, Stripe: h.Stripe, Now: h.Business(),
		Invoice: func(id string) string { return invoicePath(s.UUID, id) },
	})
	return respond.Page(c, fiber.StatusOK, page.UnitsOf(p))
}

// Windows answers GET /publisher/units/:uuid/windows.csv: the windows of the period that Show
// would show.
func (h Units) Windows(c *fiber.Ctx) error {
	one, err := h.Compares.FollowOne(c.UserContext(), session.Actor(c), true, c.Params("uuid"), c.Query("plan"), c.Query("from"))
	if err != nil {
		return err
	}
	return respond.CSV(c, "windows.csv", sheet.WindowsHead, sheet.WindowsCells(one.Windows))
}
