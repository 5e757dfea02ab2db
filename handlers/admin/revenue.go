package admin

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const revenuePath = "/admin/revenue"

// monthsShown is how many months of revenue are listed.
const monthsShown = 12

// Revenue is the screen of what was called and billed.
type Revenue struct {
	Books interface {
		Month(ctx context.Context, who accounts.Actor, q billing.BooksQuery) (billing.Book, error)
		Takings(ctx context.Context, who accounts.Actor, q billing.BooksQuery, n int) ([]billing.MonthTakings, error)
	}
	Business func() time.Time
}

// Show answers GET /admin/revenue.
func (h Revenue) Show(c *fiber.Ctx) error {
	ctx, who, now := c.UserContext(), session.Actor(c), h.Business()
	month := sheet.MonthAsked(c.Query("month"), now)
	book, err := h.Books.Month(ctx, who, billing.BooksQuery{Month: month, Lines: 1})
	if err != nil {
		return err
	}
	months, err := h.Books.Takings(ctx, who, billing.BooksQuery{Month: month}, monthsShown)
	if err != nil {
		return err
	}
	to := func(month string) string { return respond.Link(revenuePath, "month", month) }
	p := page.RevenueProps{
		Frame: respond.Frame(c, layout.Admin, "Calls and revenue", revenuePath), Lead: "What was called and invoiced in " + month.Format("January 2006") + ", UTC, of all publishers.",
		Months: sheet.Months(revenuePath, month, now), Figures: sheet.BookFigures(book), Chart: sheet.BookChart(book, now),
		ByMonth: sheet.Takings(months, to), CSV: respond.Link("/admin/revenue.csv", "month", month.Format("2006-01")),
		Empty: len(book.APIs) == 0,
	}
	for _, l := range book.APIs {
		p.APIs = append(p.APIs, sheet.Sold(l, l.API, "", ""))
	}
	for _, l := range book.Plans {
		p.Plans = append(p.Plans, sheet.Sold(l, l.Plan, "", ""))
	}
	return respond.Page(c, fiber.StatusOK, page.Revenue(p))
}

// CSV answers GET /admin/revenue.csv: every subscription of a month.
func (h Revenue) CSV(c *fiber.Ctx) error {
	month := sheet.MonthAsked(c.Query("month"), h.Business())
	book, err := h.Books.Month(c.UserContext(), session.Actor(c), billing.BooksQuery{Month: month})
	if err != nil {
		return err
	}
	return respond.CSV(c, sheet.BookName(book), sheet.BookHead, sheet.BookCells(book))
}
