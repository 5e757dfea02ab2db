package publisher

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const accountsPath = "/publisher/accounts"

// Accounts is the screen of the Stripe accounts that a publisher is paid into.
type Accounts struct {
	Accounts interface {
		Mine(ctx context.Context, who accounts.Actor) ([]models.ConnectedAccount, error)
	}
	Catalog interface {
		OwnAPIs(ctx context.Context, who accounts.Actor, kind string) ([]catalog.OwnAPI, error)
	}
	Sales interface {
		RefreshAccount(ctx context.Context, who accounts.Actor, id string) error
	}
}

// List answers GET /publisher/accounts.
func (h Accounts) List(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	mine, err := h.Accounts.Mine(ctx, who)
	if err != nil {
		return err
	}
	p := page.AccountsProps{Frame: respond.Frame(c, layout.Publisher, "Connected accounts", accountsPath), Lead: accountsLead(mine)}
	for _, a := range mine {
		p.Rows = append(p.Rows, accountOf(a))
	}
	for _, kind := range []string{models.TypeAPI, models.TypeProduct} {
		own, err := h.Catalog.OwnAPIs(ctx, who, kind)
		if err != nil {
			return err
		}
		for _, o := range own {
			usedBy(p.Rows, o.API)
		}
	}
	return respond.Page(c, fiber.StatusOK, page.Accounts(p))
}

// usedBy notes at its account that an API is sold through it.
func usedBy(rows []page.Account, a models.API) {
	for i, r := range rows {
		if r.ID == a.ConnectedAccountID && a.Monetization != models.MonetizationOff {
			rows[i].UsedBy = append(rows[i].UsedBy, ui.Link{Href: apiPath(a.UUID) + "/monetization", Label: titled(a)})
		}
	}
}

func accountsLead(mine []models.ConnectedAccount) string {
	can := int64(0)
	for _, a := range mine {
		can += one(a.ChargesEnabled)
	}
	switch {
	case len(mine) == 0:
		return "The Stripe accounts that you are paid into."
	case int(can) == len(mine):
		return "Stripe can charge for you. Money goes straight to these accounts."
	}
	return "Stripe cannot charge for you everywhere yet."
}

// Refresh answers POST /publisher/accounts/:id/refresh.
func (h Accounts) Refresh(c *fiber.Ctx) error {
	err := h.Sales.RefreshAccount(c.UserContext(), session.Actor(c), c.Params("id"))
	if fault.KindOf(err) == fault.Unavailable {
		session.Notice(c, string(ui.Bad), fault.Message(err))
		return respond.SeeOther(c, accountsPath)
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, accountsPath, "That is what Stripe says now.")
}
