// Package web is the portal's HTTP face: the table of routes as data, the doors
// that say who may pass, and the one place where an error becomes a response.
package web

import (
	"context"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// What one request may take. Its body is read before any handler runs.
const (
	largestBody   = 1 << 20
	largestHeader = 16 << 10
	readTime      = 15 * time.Second
	writeTime     = 60 * time.Second
	idleTime      = 60 * time.Second
	workTime      = 30 * time.Second // of a handler, on its context
)

// New returns the portal, ready to listen.
func New(d Deps) *fiber.App { return assemble(d, Routes(d)) }

// assemble returns a portal with the given routes.
func assemble(d Deps, routes []Route) *fiber.App {
	p := newPortal(d)
	app := fiber.New(fiber.Config{
		Immutable:             true, // what a handler reads is its own, not the server's next request
		CaseSensitive:         true,
		DisableStartupMessage: true,
		BodyLimit:             largestBody,
		ReadBufferSize:        largestHeader,
		ReadTimeout:           readTime,
		WriteTimeout:          writeTime,
		IdleTimeout:           idleTime,
		ErrorHandler:          p.answerUnread,
	})
	server := app.Server()
	server.Handler = p.guard(server.Handler)
	app.Use(p.identify, p.record, p.catch, p.strict, p.deadline)
	for _, r := range routes {
		handle := p.pass(r)
		app.Add(r.Method, r.Path, handle)
		if r.Method == fiber.MethodGet {
			app.Add(fiber.MethodHead, r.Path, handle)
		}
	}
	for path, parent := range formsOnly(routes) {
		app.Get(path, func(c *fiber.Ctx) error { return respond.SeeOther(c, above(c.Path(), parent)) })
	}
	return app
}

// formsOnly returns the paths that only take forms, and the nearest path above each
// that is a page: there a browser is led that loads such an address again.
func formsOnly(routes []Route) map[string]string {
	pages, out := map[string]bool{}, map[string]string{}
	for _, r := range routes {
		pages[r.Path] = pages[r.Path] || r.Method == fiber.MethodGet
	}
	for path, page := range pages {
		parent := path
		for parent != "" && !pages[parent] {
			parent = parent[:strings.LastIndexByte(parent, '/')]
		}
		if !page && parent != "" {
			out[path] = parent
		}
	}
	return out
}

// above is the beginning of path that has as many parts as pattern.
func above(path, pattern string) string {
	return strings.Join(strings.Split(path, "/")[:strings.Count(pattern, "/")+1], "/")
}

// portal is what the middleware shares.
type portal struct {
	Deps
	keeper *session.Keeper
	policy string // Content-Security-Policy
	https  bool
	origin originCheck
}

func newPortal(d Deps) *portal {
	d.Site.Business = d.Business
	d.Site.Organization = func(ctx context.Context) string {
		t, _ := d.Tenants.ByDomain(ctx, "") // a page without the name is better than none
		return t.Name
	}
	if d.Notices != nil {
		d.Site.Unread = func(ctx context.Context, who accounts.Actor) int64 {
			n, _ := d.Notices.Unread(ctx, who.Tenant, who.Person) // a page without the number is better than none
			return n
		}
	}
	https := d.Site.PublicURL != nil && d.Site.PublicURL.Scheme == "https"
	return &portal{
		Deps: d, https: https, policy: policy(d.Site.Away),
		keeper: session.NewKeeper(d.Sessions, https), origin: newOriginCheck(),
	}
}
