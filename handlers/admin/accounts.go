package admin

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Accounts is the screen of the tenant's connected accounts.
type Accounts struct {
	Accounts interface {
		OfTenant(ctx context.Context, who accounts.Actor) ([]models.ConnectedAccount, error)
		Release(ctx context.Context, who accounts.Actor, id string) error
	}
	Stripe interface {
		RefreshAccount(ctx context.Context, who accounts.Actor, id string) error
	}
}

// List answers GET /admin/accounts.
func (h Accounts) List(c *fiber.Ctx) error {
	all, err := h.Accounts.OfTenant(c.UserContext(), session.Actor(c))
	if err != nil {
		return err
	}
	props := page.AccountsProps{Frame: respond.Frame(c, layout.Admin, "Connected accounts", "/admin/accounts")}
	for _, a := range all {
		props.Rows = append(props.Rows, accountRow(a))
	}
	return respond.Page(c, fiber.StatusOK, page.Accounts(props))
}

func accountRow(a models.ConnectedAccount) page.AccountRow {
	row := page.AccountRow{
		ID: a.ID, StripeID: a.StripeAccount, Name: a.Name, Country: a.Country, Currency: strings.ToUpper(a.DefaultCurrency), Owner: a.OwnerName,
		Tone: ui.Good, Word: "Can charge", Due: a.Due, DueBy: a.DueBy.Time(), Checked: a.CheckedAt.Time(),
	}
	switch {
	case !a.ChargesEnabled:
		row.Tone, row.Word = ui.Bad, "Cannot charge"
		if a.DisabledReason != "" {
			row.Due = append([]string{a.DisabledReason}, a.Due...)
		}
	case len(a.Due) > 0:
		row.Tone, row.Word = ui.Attention, "Something is due"
	}
	return row
}

// Refresh answers POST /admin/accounts/:id/refresh: Stripe is asked now.
func (h Accounts) Refresh(c *fiber.Ctx) error {
	return back(c, h.Stripe.RefreshAccount(c.UserContext(), session.Actor(c), c.Params("id")), "/admin/accounts", "This is what Stripe says now.")
}

// Release answers POST /admin/accounts/:id/release.
func (h Accounts) Release(c *fiber.Ctx) error {
	return back(c, h.Accounts.Release(c.UserContext(), session.Actor(c), c.Params("id")), "/admin/accounts", "The account is given up here. At Stripe nothing has changed.")
}

// back leads to a page that tells how something went: told, or why it could not
// be done. Other errors are the caller's.
func back(c *fiber.Ctx, err error, to, told string) error {
	switch fault.KindOf(err) {
	case fault.Conflict, fault.Unavailable, fault.TooMany:
		session.Notice(c, "bad", fault.Message(err))
		return respond.SeeOther(c, to)
	default:
		if err != nil {
			return err
		}
	}
	return respond.SeeOther(c, to, told)
}
