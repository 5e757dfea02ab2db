package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/gofiber/fiber/v2"

	"tollgate/web/respond"
	"tollgate/web/session"
)

// identify gives the request its id and says which site it is on.
func (p *portal) identify(c *fiber.Ctx) error {
	id := rand.Text()
	session.SetRequestID(c, id)
	session.SetAddress(c, address(c, p.Proxies))
	c.Set("X-Request-Id", id)
	respond.SetSite(c, &p.Site)
	return c.Next()
}

type routeKey struct{}

// record answers for errors, and writes one line about the request at its end.
// It names the route, never the path: paths hold what people must keep secret.
func (p *portal) record(c *fiber.Ctx) error {
	begin := p.Wall.Now()
	failure := c.Next()
	if failure != nil {
		if err := p.answer(c, failure); err != nil {
			return err
		}
	}
	route, known := c.Locals(routeKey{}).(Route)
	if !known {
		route.Path = "other"
	}
	who := session.Actor(c)
	attrs := []slog.Attr{
		slog.String("request_id", who.RequestID), slog.String("method", c.Method()), slog.String("route", route.Path),
		slog.String("door", route.Door.String()), slog.Int("status", c.Response().StatusCode()),
		slog.Int64("duration_ms", p.Wall.Now().Sub(begin).Milliseconds()),
	}
	if who.SignedIn() {
		attrs = append(attrs, slog.Int64("tenant", int64(who.Tenant)), slog.String("person", who.Person))
	}
	level := slog.LevelInfo
	if failure != nil {
		attrs = append(attrs, slog.String("error", failure.Error()))
		if c.Response().StatusCode() >= fiber.StatusInternalServerError {
			level = slog.LevelError
		}
	}
	p.Log.LogAttrs(c.UserContext(), level, "request", attrs...)
	return nil
}

// errPanic is what a handler's panic becomes; its stack is in the log.
var errPanic = errors.New("web: a handler panicked")

// catch turns a panic into an error.
func (p *portal) catch(c *fiber.Ctx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			p.Log.ErrorContext(c.UserContext(), "panic", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return c.Next()
}

// deadline ends the request's context in time: Fiber itself never would.
func (p *portal) deadline(c *fiber.Ctx) error {
	whole := c.UserContext()
	ctx, cancel := context.WithTimeout(whole, workTime)
	defer cancel()
	defer c.SetUserContext(whole) // an error page is rendered after the deadline too
	c.SetUserContext(ctx)
	return c.Next()
}
