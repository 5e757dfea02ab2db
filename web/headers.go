package web

import (
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

// methods are the methods that any route has.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

// policy returns the Content-Security-Policy of every page: nothing from other
// hosts, no script or style in the page itself; forms may lead on to away.
func policy(away []string) string {
	forms := strings.Join(append([]string{"'self'"}, away...), " ")
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
		"connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action " + forms
}

// guard puts the security headers on every answer, before anything else has a
// say, and refuses methods that no route has.
func (p *portal) guard(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		p.secure(&ctx.Response.Header)
		if slices.Contains(methods, string(ctx.Method())) {
			next(ctx)
			return
		}
		ctx.Response.Header.Set("Allow", strings.Join(methods, ", "))
		ctx.Response.Header.SetContentType("application/problem+json")
		ctx.Response.SetConnectionClose()
		ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
		ctx.SetBodyString(`{"type":"about:blank","title":"Method Not Allowed","status":405}`)
	}
}

// secure sets the security headers. What may be kept by a cache says so later.
func (p *portal) secure(h *fasthttp.ResponseHeader) {
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would blank the Origin of our own forms
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
	h.Set("Cache-Control", "no-store")
	if p.https {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}
