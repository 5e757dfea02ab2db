package account

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/fault"
	page "tollgate/views/page/account"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Link is the screen that a one-time link opens: somebody sets their password.
type Link struct {
	People interface {
		LinkOwner(ctx context.Context, token string) (accounts.Actor, error)
		UseLink(ctx context.Context, token string, in accounts.PasswordInput) (accounts.Actor, error)
	}
}

// Show answers GET /account/link/:token.
func (h Link) Show(c *fiber.Ctx) error { return h.render(c, fiber.StatusOK, nil) }

// Use answers POST /account/link/:token and signs the person in.
func (h Link) Use(c *fiber.Ctx) error {
	who, err := h.People.UseLink(c.UserContext(), c.Params("token"), accounts.PasswordInput{
		New: c.FormValue("new"), Again: c.FormValue("again"),
	})
	if problems, ok := fault.FieldsOf(err); ok {
		return h.render(c, fiber.StatusUnprocessableEntity, problems)
	}
	if err != nil {
		return err
	}
	if err := session.SignIn(c, who); err != nil {
		return err
	}
	return respond.SeeOther(c, respond.Start(who).Home(), "Your password is set.")
}

func (h Link) render(c *fiber.Ctx, status int, problems fault.Fields) error {
	who, err := h.People.LinkOwner(c.UserContext(), c.Params("token"))
	if err != nil {
		return err
	}
	return respond.Page(c, status, page.SetPassword(page.SetPasswordProps{
		Frame: respond.Frame(c, "", "Set your password", ""), Username: who.Username, Action: "/account/link/" + c.Params("token"), Problems: problems,
	}))
}
