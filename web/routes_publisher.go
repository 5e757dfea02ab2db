package web

import "tollgate/handlers/publisher"

// publisherRoutes is the publisher portal.
func publisherRoutes(d Deps) []Route {
	overview := publisher.Overview{Catalog: d.Catalog, Accounts: d.Accounts}
	apis := publisher.APIs{Catalog: d.Catalog, Demo: d.Demo}
	sale := publisher.Monetization{Sales: d.Sales, Ends: d.Ends}
	ends := publisher.Ends{Ends: d.Ends, Catalog: d.Catalog}
	paid := publisher.Accounts{Accounts: d.Accounts, Catalog: d.Catalog, Sales: d.Sales}
	subscriptions := publisher.Subscriptions{Subscriptions: d.Subscriptions}
	invoices := publisher.Invoices{Business: d.Business, Subscriptions: d.Subscriptions}
	return []Route{
		{"GET", "/publisher", Publisher, overview.Show},

		{"GET", "/publisher/apis", Publisher, apis.List},
		{"GET", "/publisher/apis/new", Publisher, apis.New},
		{"POST", "/publisher/apis/new", Publisher, apis.Create},
		{"GET", "/publisher/products", Publisher, apis.Products},
		{"GET", "/publisher/products/new", Publisher, apis.NewProduct},
		{"POST", "/publisher/products/new", Publisher, apis.CreateProduct},

		{"GET", "/publisher/apis/:uuid", Publisher, apis.Show},
		{"GET", "/publisher/apis/:uuid/edit", Publisher, apis.Edit},
		{"POST", "/publisher/apis/:uuid/edit", Publisher, apis.Save},
		{"POST", "/publisher/apis/:uuid/publish", Publisher, apis.Publish},
		{"GET", "/publisher/apis/:uuid/delete", Publisher, ends.ShowAPI},
		{"POST", "/publisher/apis/:uuid/delete", Publisher, ends.DeleteAPI},
		{"GET", "/publisher/apis/:uuid/plans", Publisher, apis.Plans},
		{"POST", "/publisher/apis/:uuid/plans", Publisher, apis.SavePlans},
		{"GET", "/publisher/apis/:uuid/plans/detach", Publisher, ends.ShowOffer},
		{"POST", "/publisher/apis/:uuid/plans/detach", Publisher, ends.Detach},
		{"GET", "/publisher/apis/:uuid/monetization", Publisher, sale.Show},
		{"POST", "/publisher/apis/:uuid/monetization", Publisher, sale.Save},
		{"GET", "/publisher/apis/:uuid/monetization/end", Publisher, ends.ShowSale},
		{"POST", "/publisher/apis/:uuid/monetization/end", Publisher, ends.EndSale},

		{"GET", "/publisher/subscriptions", Publisher, subscriptions.Show},
		{"POST", "/publisher/subscriptions/:uuid/block", Publisher, subscriptions.Block},
		{"POST", "/publisher/subscriptions/:uuid/unblock", Publisher, subscriptions.Unblock},
		{"GET", "/publisher/subscriptions/:uuid/invoice", Publisher, invoices.Show},
		{"GET", "/publisher/subscriptions/:uuid/end", Publisher, ends.ShowOne},
		{"POST", "/publisher/subscriptions/:uuid/end", Publisher, ends.EndOne},
		{"POST", "/publisher/subscriptions/:uuid/keep", Publisher, ends.TakeBack},
		{"GET", "/publisher/endings", Publisher, ends.List},
		{"GET", "/publisher/endings/:id", Publisher, ends.Ending},
		{"GET", "/publisher/invoices", Publisher, invoices.List},

		{"GET", "/publisher/accounts", Publisher, paid.List},
		{"POST", "/publisher/accounts/:id/refresh", Publisher, paid.Refresh},
	}
}
