package web

import "tollgate/handlers/stripeservice"

// serviceRoutes is what machines ask for, and WSO2's Stripe service.
func serviceRoutes(d Deps) []Route {
	webhook := stripeservice.Webhook{Inbox: d.Inbox}
	checkout := stripeservice.Checkout{Subscriptions: d.Subscriptions}
	routes := []Route{
		{"GET", "/healthz", Machine, alive},
		{"GET", "/readyz", Machine, ready(d.Ready)},
		{"GET", "/static/*", Machine, asset},

		{"POST", "/api/am/stripe/webhook", Machine, webhook.Receive},
		{"GET", "/api/am/stripe/checkout-url", SignedIn, checkout.Pay},
		{"GET", "/api/am/stripe/portal-url", SignedIn, checkout.Portal},
		{"GET", "/api/am/stripe/complete-session", SignedIn, checkout.Complete},
	}
	if d.Events != nil {
		routes = append(routes, Route{"POST", "/api/am/usage/v1/events", Machine, d.Events.Receive})
	}
	if d.Clock != nil {
		routes = append(routes, Route{"POST", "/api/am/sandbox/clock", Machine, d.Clock.Told})
	}
	return routes
}
