package admin

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// hookVersion is the API version that we advise for endpoints made by hand.
// Payloads are not read for their contents, so every other one works too.
const hookVersion = "2026-04-22.dahlia"

// Stripe is the screen of the tenant's account at Stripe: its key, and where
// Stripe sends what happens.
type Stripe struct {
	Tenants interface {
		Settings(ctx context.Context, who accounts.Actor) (models.Tenant, error)
		SaveLateUsage(ctx context.Context, who accounts.Actor, choice string) error
		SaveStripeKey(ctx context.Context, who accounts.Actor, key string) error
		Hooks(ctx context.Context, who accounts.Actor) ([]accounts.Hook, error)
		EnterHookSecret(ctx context.Context, who accounts.Actor, scope accounts.Scope, url, secret string) error
	}
	Registrar interface {
		RegisterWebhooks(ctx context.Context, who accounts.Actor, publicURL string, patience time.Duration) error
	}
	Pending   error                       // what Registrar returns while it still works
	Events    map[accounts.Scope][]string // to be chosen at Stripe
	Mode      string
	PublicURL *url.URL
}

// Show answers GET /admin/stripe.
func (h Stripe) Show(c *fiber.Ctx) error { return h.render(c, fiber.StatusOK, nil) }

// SaveKey answers POST /admin/stripe/key. A key that was refused is not shown
// again: it is a secret.
func (h Stripe) SaveKey(c *fiber.Ctx) error {
	err := h.Tenants.SaveStripeKey(c.UserContext(), session.Actor(c), c.FormValue("key"))
	if fault.KindOf(err) == fault.Unavailable {
		err = fault.Fields{"key": fault.Message(err)}.Err()
	}
	if problems, ok := fault.FieldsOf(err); ok {
		return h.render(c, fiber.StatusUnprocessableEntity, problems)
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, "/admin/stripe", "Stripe knows the key, and it is kept.")
}

// SaveLateUsage answers POST /admin/stripe/late-usage.
func (h Stripe) SaveLateUsage(c *fiber.Ctx) error {
	err := h.Tenants.SaveLateUsage(c.UserContext(), session.Actor(c), c.FormValue("late_usage"))
	if problems, ok := fault.FieldsOf(err); ok {
		return h.render(c, fiber.StatusUnprocessableEntity, problems)
	}
	return back(c, err, "/admin/stripe", "It is saved. It holds for use that is found from now on.")
}

// SaveSecret answers POST /admin/stripe/webhooks/:scope.
func (h Stripe) SaveSecret(c *fiber.Ctx) error {
	who, scope := session.Actor(c), accounts.Scope(c.Params("scope"))
	if !scope.Valid() {
		return fault.New(fault.NotFound, "There is no such endpoint.")
	}
	err := h.Tenants.EnterHookSecret(c.UserContext(), who, scope, h.hookURL(who), c.FormValue("secret"))
	if problems, ok := fault.FieldsOf(err); ok {
		return h.render(c, fiber.StatusUnprocessableEntity, fault.Fields{string(scope): problems["secret"]})
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, "/admin/stripe", "The signing secret is kept. The one before it counts for another day.")
}

// Register answers POST /admin/stripe/webhooks/register.
func (h Stripe) Register(c *fiber.Ctx) error {
	if why := h.cannotRegister(); why != "" {
		return back(c, fault.New(fault.Conflict, why), "/admin/stripe", "")
	}
	err := h.Registrar.RegisterWebhooks(c.UserContext(), session.Actor(c), h.PublicURL.String(), patience)
	if h.Pending != nil && errors.Is(err, h.Pending) {
		return respond.SeeOther(c, "/admin/stripe", "The endpoints are being registered. Load this page again in a moment.")
	}
	return back(c, err, "/admin/stripe", "Both endpoints are registered at Stripe.")
}

// cannotRegister says why Stripe could not reach endpoints of this portal; ""
// when it can. The sandbox is on this machine and reaches everything.
func (h Stripe) cannotRegister() string {
	host := h.PublicURL.Hostname()
	ip, err := netip.ParseAddr(host)
	here := host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified())
	switch {
	case h.Mode == "sandbox":
		return ""
	case here:
		return "Stripe cannot reach " + h.PublicURL.Host + ". Set TOLLGATE_PUBLIC_URL to the address of this portal on the internet, or make the endpoints by hand with a forwarder."
	case h.PublicURL.Scheme != "https":
		return "Stripe sends to https addresses only. Set TOLLGATE_PUBLIC_URL to one."
	}
	return ""
}

// hookURL is where Stripe sends the events of who's tenant.
func (h Stripe) hookURL(who accounts.Actor) string {
	u := h.PublicURL.JoinPath("api", "am", "stripe", "webhook")
	if who.Domain != models.SuperDomain {
		u.RawQuery = url.Values{"tenantDomain": {who.Domain}}.Encode()
	}
	return u.String()
}

func (h Stripe) render(c *fiber.Ctx, status int, problems fault.Fields) error {
	who := session.Actor(c)
	t, err := h.Tenants.Settings(c.UserContext(), who)
	if err != nil {
		return err
	}
	hooks, err := h.Tenants.Hooks(c.UserContext(), who)
	if err != nil {
		return err
	}
	return respond.Page(c, status, page.Stripe(page.StripeProps{
		Frame: respond.Frame(c, layout.Admin, "Account and keys", "/admin/stripe"), Mode: h.Mode,
		Account: t.StripeAccount, AccountName: t.StripeName, KeyHint: t.StripeKeyHint, Trouble: t.StripeProblem, Problems: problems,
		Hooks:   []page.HookRow{h.hook(who, hooks, accounts.ScopeConnect), h.hook(who, hooks, accounts.ScopePlatform)},
		Version: hookVersion, CannotRegister: h.cannotRegister(), LateUsage: t.LateUsage,
	}))
}

// hookTitles say whose events an endpoint gets, in Stripe's words.
var hookTitles = map[accounts.Scope]string{
	accounts.ScopeConnect: "Events of connected accounts", accounts.ScopePlatform: "Events of your account",
}

func (h Stripe) hook(who accounts.Actor, all []accounts.Hook, scope accounts.Scope) page.HookRow {
	row := page.HookRow{Scope: string(scope), Title: hookTitles[scope], URL: h.hookURL(who), Events: h.Events[scope]}
	for _, have := range all {
		if have.Scope == scope {
			row.Known, row.Hint, row.StripeID, row.Version, row.Since = true, have.Hint, have.StripeID, have.APIVersion, have.Since
		}
	}
	return row
}
