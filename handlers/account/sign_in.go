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

// SignIn is the screen where somebody says who they are, and the ways out.
type SignIn struct {
	People interface {
		SignIn(context.Context, accounts.Attempt) (accounts.Actor, error)
	}
	Demo bool // whether the demo's people are here, so that the page names them
}

// Home answers GET /: it leads to where the person begins.
func (h SignIn) Home(c *fiber.Ctx) error {
	return respond.SeeOther(c, respond.Start(session.Actor(c)).Home())
}

// Show answers GET /sign-in. Whoever is signed in goes on.
func (h SignIn) Show(c *fiber.Ctx) error {
	if who := session.Actor(c); who.SignedIn() {
		return respond.SeeOther(c, onward(who, c.Query("next")))
	}
	return h.render(c, fiber.StatusOK, c.Query("next"), "")
}

// Submit answers POST /sign-in.
func (h SignIn) Submit(c *fiber.Ctx) error {
	next := c.FormValue("next")
	who, err := h.People.SignIn(c.UserContext(), accounts.Attempt{
		Username: c.FormValue("username"), Password: c.FormValue("password"), Address: session.Address(c),
	})
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		return h.render(c, fiber.StatusUnprocessableEntity, next, fault.Message(err))
	case fault.TooMany:
		return h.render(c, fiber.StatusTooManyRequests, next, fault.Message(err))
	default:
		if err != nil {
			return err
		}
	}
	if err := session.SignIn(c, who); err != nil {
		return err
	}
	return respond.SeeOther(c, onward(who, next))
}

// SignOut answers POST /sign-out.
func (h SignIn) SignOut(c *fiber.Ctx) error {
	if err := session.SignOut(c); err != nil {
		return err
	}
	return respond.SeeOther(c, "/sign-in", "You are signed out.")
}

func (h SignIn) render(c *fiber.Ctx, status int, next, problem string) error {
	return respond.Page(c, status, page.SignIn(page.SignInProps{
		Frame: respond.Frame(c, "", "Sign in", ""), Username: c.FormValue("username"), Next: respond.Local(next),
		Problem: problem, Demo: h.Demo,
	}))
}

// onward returns where who goes next: where they wanted, if that is here.
func onward(who accounts.Actor, next string) string {
	if to := respond.Local(next); to != "" {
		return to
	}
	return respond.Start(who).Home()
}
