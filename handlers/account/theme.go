package account

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Theme is the switch of colours in every frame.
type Theme struct {
	People interface {
		SetTheme(ctx context.Context, who accounts.Actor, theme string) error
	}
}

// Choose answers POST /account/theme and leads back to where the switch was.
func (h Theme) Choose(c *fiber.Ctx) error {
	if err := h.People.SetTheme(c.UserContext(), session.Actor(c), c.FormValue("theme")); err != nil {
		return err
	}
	if back := respond.Local(c.FormValue("back")); back != "" {
		return respond.SeeOther(c, back)
	}
	return respond.SeeOther(c, "/account")
}
