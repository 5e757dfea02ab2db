package web

import (
	"tollgate/billing"
	"tollgate/handlers/admin"
	"tollgate/handlers/publisher"
	"tollgate/handlers/rest"
	"tollgate/handlers/sheet"
	"tollgate/usage"
)

// callRoutes is what admins and publishers see of calls: how they get to Stripe, what
// was billed, and the gateways.
func callRoutes(d Deps) []Route {
	stripe := sheet.Dashboard{Mode: d.Site.Mode, Sandbox: d.Site.SandboxURL}
	books := billing.Books{DB: d.People.DB, Business: d.Business}
	publishing := admin.Publishing{Usage: d.Publishing, Accounts: d.Accounts, Wall: d.Wall.Now, Business: d.Business.Now}
	units := admin.Units{Compares: d.Compares, Stripe: stripe, Business: d.Business.Now}
	gateways := admin.Gateways{Fleet: usage.Fleet{DB: d.People.DB, Wall: d.Wall}, Credentials: d.Credentials, Plans: d.Catalog, LeaseSize: d.LeaseSize}
	revenue := admin.Revenue{Books: books, Business: d.Business.Now}
	sold := publisher.Usage{Books: books, Business: d.Business.Now}
	own := publisher.Units{Compares: d.Compares, Stripe: stripe, Business: d.Business.Now}
	contract := rest.Publish{Usage: d.Publishing}
	return []Route{
		{"GET", "/admin/usage", Admin, publishing.Show},
		{"GET", "/admin/usage.csv", Admin, publishing.CSV},
		{"POST", "/admin/usage/publish", Admin, publishing.Publish},
		{"POST", "/admin/usage/again", Admin, publishing.Again},
		{"POST", "/admin/usage/write-off", Admin, publishing.WriteOff},
		{"GET", "/admin/units", Admin, units.List},
		{"GET", "/admin/units.csv", Admin, units.CSV},
		{"GET", "/admin/units/:uuid", Admin, units.Show},
		{"GET", "/admin/units/:uuid/windows.csv", Admin, units.Windows},
		{"GET", "/admin/gateways", Admin, gateways.Show},
		{"POST", "/admin/gateways/credentials", Admin, gateways.Create},
		{"POST", "/admin/gateways/credentials/:id/revoke", Admin, gateways.Revoke},
		{"GET", "/admin/revenue", Admin, revenue.Show},
		{"GET", "/admin/revenue.csv", Admin, revenue.CSV},

		{"GET", "/publisher/usage", Publisher, sold.Show},
		{"GET", "/publisher/usage.csv", Publisher, sold.CSV},
		{"GET", "/publisher/units", Publisher, own.List},
		{"GET", "/publisher/units.csv", Publisher, own.CSV},
		{"GET", "/publisher/units/:uuid", Publisher, own.Show},
		{"GET", "/publisher/units/:uuid/windows.csv", Publisher, own.Windows},

		{"POST", "/api/am/admin/v4/monetization/publish-usage", Admin, contract.Start},
		{"GET", "/api/am/admin/v4/monetization/publish-usage/status", Admin, contract.Status},
	}
}
