package web

import (
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/admin"
	"tollgate/internal/outbox"
	"tollgate/usage"
)

// adminRoutes is the admin portal.
func adminRoutes(d Deps) []Route {
	overview := admin.Overview{Tenants: d.Tenants, Events: d.Inbox, Agreement: d.Reconciler, Usage: d.Publishing, Fleet: usage.Fleet{DB: d.People.DB, Wall: d.Wall}, Wall: d.Wall.Now, Business: d.Business.Now}
	plans := admin.Plans{Catalog: d.Catalog, Sales: d.Sales}
	people := admin.People{People: d.People, PublicURL: d.Site.PublicURL, Wall: d.Wall.Now}
	linked := admin.Accounts{Accounts: d.Accounts, Stripe: d.Sales}
	stripe := admin.Stripe{
		Tenants: d.Tenants, Registrar: d.Registrar, Pending: outbox.ErrPending, Mode: d.Site.Mode, PublicURL: d.Site.PublicURL,
		Events: map[accounts.Scope][]string{accounts.ScopeConnect: billing.ConnectEvents, accounts.ScopePlatform: billing.PlatformEvents},
	}
	webhooks := admin.Webhooks{Inbox: d.Inbox, Wall: d.Wall.Now}
	work := admin.Work{Desk: outbox.Desk{Runner: d.Jobs}, Wall: d.Wall.Now}
	audit := admin.Audit{Trail: d.Audit}
	settings := admin.Settings{Tenants: d.Tenants}
	return []Route{
		{"GET", "/admin", Admin, overview.Show},

		{"GET", "/admin/plans", Admin, plans.List},
		{"GET", "/admin/plans/new", Admin, plans.New},
		{"POST", "/admin/plans/new", Admin, plans.Create},
		{"GET", "/admin/plans/:uuid", Admin, plans.Show},
		{"POST", "/admin/plans/:uuid", Admin, plans.Save},

		{"GET", "/admin/people", Admin, people.List},
		{"GET", "/admin/people/new", Admin, people.New},
		{"POST", "/admin/people/new", Admin, people.Create},
		{"GET", "/admin/people/:id", Admin, people.Show},
		{"POST", "/admin/people/:id", Admin, people.Save},
		{"POST", "/admin/people/:id/link", Admin, people.Link},
		{"POST", "/admin/people/:id/disable", Admin, people.Disable},
		{"POST", "/admin/people/:id/enable", Admin, people.Enable},

		{"GET", "/admin/accounts", Admin, linked.List},
		{"POST", "/admin/accounts/:id/refresh", Admin, linked.Refresh},
		{"POST", "/admin/accounts/:id/release", Admin, linked.Release},

		{"GET", "/admin/stripe", Admin, stripe.Show},
		{"POST", "/admin/stripe/key", Admin, stripe.SaveKey},
		{"POST", "/admin/stripe/late-usage", Admin, stripe.SaveLateUsage},
		{"POST", "/admin/stripe/webhooks/register", Admin, stripe.Register},
		{"POST", "/admin/stripe/webhooks/:scope", Admin, stripe.SaveSecret},

		{"GET", "/admin/webhooks", Admin, webhooks.List},
		{"POST", "/admin/webhooks/:id/again", Admin, webhooks.Again},

		{"GET", "/admin/work", Admin, work.List},
		{"POST", "/admin/work/:id/again", Admin, work.Again},

		{"GET", "/admin/audit", Admin, audit.List},

		{"GET", "/admin/settings", Admin, settings.Show},
		{"POST", "/admin/settings", Admin, settings.Save},
	}
}

// adminEndRoutes is where an admin ends subscriptions.
func adminEndRoutes(d Deps) []Route {
	ends := admin.Ends{Ends: d.Ends, Catalog: d.Catalog, People: d.People}
	return []Route{
		{"GET", "/admin/plans/:uuid/delete", Admin, ends.ShowPlan},
		{"POST", "/admin/plans/:uuid/delete", Admin, ends.DeletePlan},
		{"GET", "/admin/people/:id/delete", Admin, ends.ShowPerson},
		{"POST", "/admin/people/:id/delete", Admin, ends.DeletePerson},
		{"POST", "/admin/people/:id/hand-over", Admin, ends.HandOver},
		{"GET", "/admin/subscriptions/:uuid/end", Admin, ends.ShowOne},
		{"POST", "/admin/subscriptions/:uuid/end", Admin, ends.EndOne},
		{"POST", "/admin/subscriptions/:uuid/keep", Admin, ends.TakeBack},
		{"GET", "/admin/endings", Admin, ends.List},
		{"GET", "/admin/endings/:id", Admin, ends.Ending},
	}
}
