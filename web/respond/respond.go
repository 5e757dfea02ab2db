// Package respond turns a result into an HTTP response.
package respond

import (
	"encoding/json"
	"errors"
	"mime"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tollgate/internal/fault"
	"tollgate/web/session"
)

// Page answers with a page. Nothing is sent when it fails to render.
func Page(c *fiber.Ctx, status int, page templ.Component) error {
	c.Status(status)
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	if err := page.Render(c.UserContext(), c.Response().BodyWriter()); err != nil {
		c.Response().ResetBody()
		return err
	}
	return nil
}

// SeeOther answers that the next page is at to, a path of ours, which greets the
// person with notice.
func SeeOther(c *fiber.Ctx, to string, notice ...string) error {
	path := Local(to)
	if path == "" {
		return errors.New("respond: not a path of ours: " + to)
	}
	for _, text := range notice {
		session.Notice(c, "good", text)
	}
	return c.Redirect(path, fiber.StatusSeeOther)
}

// Away sends the browser to a page of somebody else's: one of the origins that
// the site allows, such as Stripe's Checkout.
func Away(c *fiber.Ctx, to string) error {
	u, err := url.Parse(to)
	if err != nil || u.User != nil || !slices.Contains(site(c).Away, u.Scheme+"://"+u.Host) {
		return errors.New("respond: not an address we send people to")
	}
	return c.Redirect(u.String(), fiber.StatusSeeOther)
}

// Local returns to when it is a path of ours that a browser cannot take for
// another host, and "" otherwise.
func Local(to string) string {
	if !strings.HasPrefix(to, "/") || len(to) > 2000 || strings.ContainsFunc(to, unsafeInPath) {
		return ""
	}
	if len(to) > 1 && to[1] == '/' {
		return ""
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil {
		return ""
	}
	decoded := strings.ReplaceAll(u.Path, " ", "")
	if strings.HasPrefix(u.Path, "//") || strings.ContainsFunc(decoded, control) || strings.Contains(u.Path, "/../") {
		return ""
	}
	return to
}

// unsafeInPath reports signs that must be encoded in a path, among them those
// that some browsers read as / or leave out.
func unsafeInPath(r rune) bool { return r >= 0x7f || control(r) || r == ' ' }

func control(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }

// JSON answers with v as JSON.
func JSON(c *fiber.Ctx, status int, v any) error {
	return as(c, status, fiber.MIMEApplicationJSONCharsetUTF8, v)
}

func as(c *fiber.Ctx, status int, kind string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, kind)
	return c.Status(status).Send(text)
}

// A Trouble is a problem as RFC 9457 writes it.
type Trouble struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail,omitempty"`
	RequestID string       `json:"request_id,omitempty"`
	Errors    fault.Fields `json:"errors,omitempty"` // by form field
}

// Problem answers with a problem, as JSON.
func Problem(c *fiber.Ctx, t Trouble) error {
	t.Type = "about:blank"
	return as(c, t.Status, "application/problem+json", t)
}

// Download answers with a file to be kept.
func Download(c *fiber.Ctx, name, kind string, content []byte) error {
	c.Set(fiber.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	c.Set(fiber.HeaderContentType, kind)
	return c.Send(content)
}
