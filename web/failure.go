package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/views/layout"
	page "tollgate/views/page/account"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// statuses maps every kind of failure to its HTTP status. It is the only such map.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Malformed:       http.StatusBadRequest,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.PaymentRequired: http.StatusPaymentRequired,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.TooMany:         http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
}

// troubleOf returns what a caller is told about err.
func troubleOf(err error) respond.Trouble {
	if fe, ok := errors.AsType[*fiber.Error](err); ok {
		return ofServer(fe.Code)
	}
	if errors.Is(err, context.DeadlineExceeded) && fault.KindOf(err) == fault.Internal {
		err = fault.From(fault.Unavailable, err, "This took too long. Whatever was begun goes on; look again in a moment.")
	}
	t := respond.Trouble{Status: statuses[fault.KindOf(err)], Detail: fault.Message(err)}
	t.Errors, _ = fault.FieldsOf(err)
	if t.Detail == "" {
		t.Detail = "Something went wrong on our side. Nothing you typed was the reason; try again in a moment."
	}
	return t
}

// ofServer returns what a caller is told when no handler was reached.
func ofServer(status int) respond.Trouble {
	detail := map[int]string{
		http.StatusNotFound:                    "This page does not exist, or is not yours.",
		http.StatusMethodNotAllowed:            "This address does not take such a request.",
		http.StatusRequestEntityTooLarge:       "This is more than one request may hold (1 MB).",
		http.StatusRequestHeaderFieldsTooLarge: "The request's headers are too large. Clearing this site's cookies may help.",
		http.StatusRequestTimeout:              "The request took too long to arrive. Try again.",
	}[status]
	if detail == "" {
		status, detail = http.StatusBadRequest, "This request cannot be read."
	}
	return respond.Trouble{Status: status, Detail: detail}
}

// answer turns an error into the response: a page for people, JSON for programs.
func (p *portal) answer(c *fiber.Ctx, err error) error {
	t := troubleOf(err)
	t.Title, t.RequestID = http.StatusText(t.Status), session.Actor(c).RequestID
	c.Response().ResetBody()
	if t.Status == http.StatusTooManyRequests {
		c.Set(fiber.HeaderRetryAfter, "60")
	}
	if t.Status == http.StatusBadRequest {
		c.Response().SetConnectionClose()
	}
	if wantsPage(c) {
		return p.page(c, t)
	}
	return respond.Problem(c, t)
}

// page answers with the page of a failure, within the portal it happened in.
func (p *portal) page(c *fiber.Ctx, t respond.Trouble) error {
	if !session.Opened(c) {
		_ = p.keeper.Open(c) // without its session the page is a stranger's
	}
	return respond.Page(c, t.Status, page.Trouble(page.TroubleProps{
		Frame: respond.Bare(c, within(c), http.StatusText(t.Status)), Status: t.Status, Sentence: t.Detail,
		Problems: slices.Sorted(maps.Values(t.Errors)), Address: c.Path(), RequestID: t.RequestID,
	}))
}

// within returns the portal that a request is in, if its person may be there,
// and otherwise where they begin.
func within(c *fiber.Ctx) layout.Portal {
	who := session.Actor(c)
	for portal, role := range map[layout.Portal]accounts.Role{layout.Admin: accounts.Admin, layout.Publisher: accounts.Publisher} {
		if strings.HasPrefix(c.Path(), portal.Home()) && who.Is(role) {
			return portal
		}
	}
	if strings.HasPrefix(c.Path(), layout.Devportal.Home()) {
		return layout.Devportal
	}
	return respond.Start(who)
}

// answerUnread answers for requests that never reached the middleware, because
// they could not be read.
func (p *portal) answerUnread(c *fiber.Ctx, err error) error {
	p.secure(&c.Response().Header)
	c.Response().SetConnectionClose()
	respond.SetSite(c, &p.Site)
	return p.answer(c, err)
}
