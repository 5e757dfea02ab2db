package publisher

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/views/layout"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const usagePath = "/publisher/usage"

// linesShown is how many subscriptions the page of a month names.
const linesShown = 200

// A Bookkeeper tells what was called and billed.
type Bookkeeper interface {
	Month(ctx context.Context, who accounts.Actor, q billing.BooksQuery) (billing.Book, error)
}

// Usage is the screen of what was called and billed of one's APIs in a month.
type Usage struct {
	Books    Bookkeeper
	Business func() time.Time
}

// The ways to group what was called and billed.
const (
	byAPI          = "api"
	byPlan         = "plan"
	bySubscription = "subscription"
)

// Show answers GET /publisher/usage.
func (h Usage) Show(c *fiber.Ctx) error {
	now, by, api := h.Business(), c.Query("by"), c.Query("api")
	month := sheet.MonthAsked(c.Query("month"), now)
	if by != byPlan && by != bySubscription {
		by = byAPI
	}
	book, err := h.Books.Month(c.UserContext(), session.Actor(c), billing.BooksQuery{Own: true, Month: month, API: api, Lines: linesShown})
	if err != nil {
		return err
	}
	asked := month.Format("2006-01")
	p := page.UsageProps{
		Frame: respond.Frame(c, layout.Publisher, "Usage and revenue", usagePath), Lead: "What your subscribers called in " + month.Format("January 2006") + ", UTC, and what was invoiced to them.",
		Months: sheet.Months(usagePath, month, now, "api", api, "by", by), Figures: sheet.BookFigures(book), Chart: sheet.BookChart(book, now),
		CSV: respond.Link("/publisher/usage.csv", "month", asked, "api", api), NoAPI: book.OwnAPIs == 0,
	}
	if book.API.ID != 0 {
		p.Title = titled(book.API)
	}
	for _, g := range []struct{ name, label string }{{byAPI, "API"}, {byPlan, "Plan"}, {bySubscription, "Subscriber"}} {
		p.By = append(p.By, ui.Link{Href: respond.Link(usagePath, "month", asked, "api", api, "by", g.name), Label: g.label, Current: g.name == by})
	}
	group(&p, book, by, asked)
	return respond.Page(c, fiber.StatusOK, page.Usage(p))
}

// group puts the lines of a book into the page's rows, by API, plan or subscription.
func group(p *page.UsageProps, book billing.Book, by, month string) {
	switch by {
	case byPlan:
		p.Head, p.Caption = "Plan", "Calls and invoices by plan, the most units first"
		p.Note = "Calls belong to the plan that they were made under, invoices to the plan that their subscription has now."
		for _, l := range book.Plans {
			p.Rows = append(p.Rows, sheet.Sold(l, l.Plan, "", ""))
		}
	case bySubscription:
		p.Head, p.Caption = "Subscriber", "Calls and invoices by subscription, the most units first"
		for _, l := range book.Subscriptions {
			p.Rows = append(p.Rows, sheet.Sold(l, l.Subscriber, l.Application+": "+l.API+", "+l.Plan, subscriptionPath(l.UUID)))
		}
		if book.More > 0 {
			p.Note = ui.Plural(int64(book.More), "subscription with fewer units is", "subscriptions with fewer units are") + " in the CSV."
		}
	default:
		p.Head, p.Caption = "API", "Calls and invoices by API, the most units first"
		for _, l := range book.APIs {
			p.Rows = append(p.Rows, sheet.Sold(l, l.API, "", respond.Link(usagePath, "month", month, "api", l.APIUUID, "by", bySubscription)))
		}
	}
}

// CSV answers GET /publisher/usage.csv: every subscription of a month.
func (h Usage) CSV(c *fiber.Ctx) error {
	q := billing.BooksQuery{Own: true, Month: sheet.MonthAsked(c.Query("month"), h.Business()), API: c.Query("api")}
	book, err := h.Books.Month(c.UserContext(), session.Actor(c), q)
	if err != nil {
		return err
	}
	return respond.CSV(c, sheet.BookName(book), sheet.BookHead, sheet.BookCells(book))
}

// monthUse is what was called with a subscription in this month.
func monthUse(ctx context.Context, books Bookkeeper, who accounts.Actor, o billing.Overview, now time.Time) (page.MonthUse, error) {
	book, err := books.Month(ctx, who, billing.BooksQuery{Own: true, Month: now, Subscription: o.UUID, Lines: 1})
	m := page.MonthUse{Month: now.UTC().Format("January 2006") + ", UTC", Figures: sheet.MonthUse(book)}
	if o.Price.Metered() {
		m.Units = unitsPath + "/" + o.UUID
	}
	return m, err
}
