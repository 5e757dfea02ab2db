package web

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"

	"github.com/gofiber/fiber/v2"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/handlers/rest"
	"tollgate/handlers/stripeservice"
	"tollgate/internal/clock"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/notices"
	"tollgate/usage"
	"tollgate/web/respond"
)

// A Door is what a request must pass before it reaches a handler.
type Door int

// The doors, from the street inwards.
const (
	Machine    Door = iota // no session; the handler checks a signature or a token, or nothing
	Visitor                // a session, signed in or not
	SignedIn               // signed in, in any role
	Subscriber             // signed in as one who buys
	Publisher              // signed in as one who sells
	Admin                  // signed in as one who runs the tenant
)

// String returns the door's name, for logs.
func (d Door) String() string {
	return [...]string{"machine", "visitor", "signed in", "subscriber", "publisher", "admin"}[d]
}

// role returns the role that d asks for, "" when any will do.
func (d Door) role() accounts.Role {
	switch d {
	case Subscriber:
		return accounts.Subscriber
	case Publisher:
		return accounts.Publisher
	case Admin:
		return accounts.Admin
	case Machine, Visitor, SignedIn:
	}
	return ""
}

// A Route is one line of the site map.
type Route struct {
	Method, Path string
	Door         Door
	Handle       fiber.Handler
}

// Deps is everything the portal's pages stand on.
type Deps struct {
	Log      *slog.Logger
	Wall     clock.Wall
	Business clock.Business
	Site     respond.Site
	Proxies  []netip.Prefix              // whose X-Forwarded-For is believed
	Ready    func(context.Context) error // nil when the portal can work
	Demo     bool                        // whether the demo's people are here

	Sessions     *accounts.Sessions
	People       *accounts.People
	Tenants      *accounts.Tenants
	Applications *accounts.Applications
	Keys         *accounts.APIKeys
	Accounts     *accounts.ConnectedAccounts
	Audit        *accounts.AuditTrail

	Catalog       *catalog.Service
	Subscriptions *billing.Subscriptions
	Ends          *billing.Ends
	Inbox         *billing.Inbox
	Registrar     *billing.Registrar
	Sales         *billing.Sales
	Reconciler    *billing.Reconciler
	Notices       *notices.Desk
	Jobs          *outbox.Runner

	Publishing  *usage.Publisher
	Compares    *usage.Comparer
	Credentials *accounts.GatewayCredentials
	LeaseSize   func(models.Policy) int64 // how many units of a quota one gateway reserves at most; nil: not known

	Usage       *usage.Reports
	CallLogDays int    // how long calls are kept one by one
	GatewayURL  string // how applications reach the gateway; "" when that is not known

	Problems []access.Problem // that the gateway can answer

	Clock  *stripeservice.Clock // in sandbox mode, else nil
	Events *rest.Events         // where tenants' own gateways report calls; nil: nowhere
}

// Routes is the site map.
func Routes(d Deps) []Route {
	return slices.Concat(serviceRoutes(d), accountRoutes(d), adminRoutes(d), adminEndRoutes(d), mailRoutes(d), subscriptionRoutes(d), agreementRoutes(d), callRoutes(d), publisherRoutes(d), devportalRoutes(d))
}
