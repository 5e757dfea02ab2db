package respond

import (
	"context"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/clock"
	"tollgate/views/layout"
	"tollgate/views/ui"
	"tollgate/web/session"
)

// A Site is what every page knows of the installation it belongs to.
type Site struct {
	Mode       string   // sandbox, test or live
	PublicURL  *url.URL // how browsers reach the portal
	SandboxURL string   // the sandbox's own pages; "" when they are elsewhere
	Away       []string // origins we may send browsers to, such as https://checkout.stripe.com
	Business   clock.Business

	// Organization names the tenant whose catalogue visitors see.
	Organization func(context.Context) string
	// Unread counts what somebody was told and has not read. It may be nil.
	Unread func(context.Context, accounts.Actor) int64
}

type siteKey struct{}

// SetSite says which site c belongs to.
func SetSite(c *fiber.Ctx, s *Site) { c.Locals(siteKey{}, s) }

func site(c *fiber.Ctx) *Site {
	if s, ok := c.Locals(siteKey{}).(*Site); ok {
		return s
	}
	return &Site{}
}

// Frame returns what a page says around its content: who is signed in, where
// they may go, what they are to be told. portal is "" outside the portals;
// current is the navigation's entry one is in, such as /admin/people. Notices
// are told by the page that is rendered with it, so it is asked for once.
func Frame(c *fiber.Ctx, portal layout.Portal, title, current string) layout.Frame {
	f := Bare(c, portal, title)
	f.Current = current
	for _, n := range session.Notices(c) {
		f.Notices = append(f.Notices, layout.Notice{Tone: ui.Tone(n.Tone), Text: n.Text})
	}
	return f
}

// Bare returns a frame that tells no notices: they wait for the next page.
func Bare(c *fiber.Ctx, portal layout.Portal, title string) layout.Frame {
	now, s := session.Current(c), site(c)
	f := layout.Frame{
		Title: title, Portal: portal, Tenant: now.Organization, Theme: now.Theme, FormToken: session.FormToken(c), Path: Local(c.OriginalURL()),
	}
	if f.Tenant == "" && s.Organization != nil {
		f.Tenant = s.Organization(c.UserContext())
	}
	if s.Mode == "sandbox" {
		f.Tape = &layout.Tape{Now: s.Business.Now(), URL: s.SandboxURL}
	}
	if who := now.Actor; who.SignedIn() {
		f.Person = &layout.Person{Name: who.Name, Detail: Roles(who), OnlyLooks: !who.Is(accounts.Subscriber)}
		f.Portals = portals(who, portal)
		if s.Unread != nil {
			f.Unread = s.Unread(c.UserContext(), who)
		}
	}
	return f
}

// doors are the portals in the order people read them, and whose they are.
var doors = []struct {
	portal layout.Portal
	role   accounts.Role
}{{layout.Admin, accounts.Admin}, {layout.Publisher, accounts.Publisher}, {layout.Devportal, ""}}

// portals returns where else who may go. The developer portal is everybody's.
func portals(who accounts.Actor, but layout.Portal) []layout.Portal {
	var out []layout.Portal
	for _, d := range doors {
		if d.portal != but && (d.role == "" || who.Is(d.role)) {
			out = append(out, d.portal)
		}
	}
	return out
}

// Roles says a person's roles in words.
func Roles(who accounts.Actor) string {
	words := make([]string, len(who.Roles))
	for i, r := range who.Roles {
		words[i] = strings.ToUpper(string(r[:1])) + string(r[1:])
	}
	return strings.Join(words, ", ")
}

// Start is the portal where who begins after signing in.
func Start(who accounts.Actor) layout.Portal {
	switch {
	case who.Is(accounts.Admin):
		return layout.Admin
	case who.Is(accounts.Publisher):
		return layout.Publisher
	}
	return layout.Devportal
}
