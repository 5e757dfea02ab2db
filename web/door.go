package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// What people read at a door.
var (
	errStranger  = fault.New(fault.Unauthenticated, "Sign in first.")
	errNoPage    = fault.New(fault.NotFound, "This page does not exist, or is not yours.")
	errForeign   = fault.New(fault.Forbidden, "This request came from another site, so nothing was done.")
	errFormToken = fault.New(fault.Forbidden, "This form is from an earlier sign-in. Go back, load the page again and send it once more.")
)

// originCheck refuses unsafe requests that another site made a browser send.
type originCheck struct{ *http.CrossOriginProtection }

func newOriginCheck() originCheck { return originCheck{http.NewCrossOriginProtection()} }

// pass returns the handler of r behind its door.
func (p *portal) pass(r Route) fiber.Handler {
	if r.Door == Machine {
		return func(c *fiber.Ctx) error {
			c.Locals(routeKey{}, r)
			return r.Handle(c)
		}
	}
	return func(c *fiber.Ctx) error {
		c.Locals(routeKey{}, r)
		if err := p.keeper.Open(c); err != nil {
			return err
		}
		if err := p.admit(c, r.Door); err != nil {
			return p.meet(c, err)
		}
		clean(c)
		err := r.Handle(c)
		if closed := p.keeper.Close(c); err == nil {
			err = closed
		}
		return err
	}
}

// admit decides whether the request may pass. A visitor's form carries no token:
// there is no session it could be bound to.
func (p *portal) admit(c *fiber.Ctx, door Door) error {
	if err := p.origin.Check(session.Request(c)); err != nil {
		return errForeign
	}
	if door == Visitor {
		return nil
	}
	who := session.Actor(c)
	if !who.SignedIn() {
		return errStranger
	}
	if !may(who, door) {
		return errNoPage
	}
	if unsafe(c.Method()) && !session.FormTokenFits(c) {
		return errFormToken
	}
	return nil
}

// may reports whether who has the role that a door asks for.
func may(who accounts.Actor, door Door) bool {
	return door.role() == "" || who.Is(door.role())
}

func unsafe(method string) bool { return method != fiber.MethodGet && method != fiber.MethodHead }

// meet sends a stranger who asked for a page to sign in and back; everybody
// else who may not pass gets the error.
func (p *portal) meet(c *fiber.Ctx, err error) error {
	if fault.KindOf(err) != fault.Unauthenticated || unsafe(c.Method()) || !wantsPage(c) {
		return err
	}
	to := "/sign-in"
	if back := respond.Local(string(c.Request().RequestURI())); back != "" && back != "/" {
		to += "?next=" + url.QueryEscape(back)
	}
	if c.Get("HX-Request") == "true" { // a redirect would be followed out of sight
		c.Set("HX-Redirect", "/sign-in")
		return err
	}
	return respond.SeeOther(c, to)
}

// wantsPage reports whether the request comes from somebody who reads pages.
func wantsPage(c *fiber.Ctx) bool {
	return strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML)
}
