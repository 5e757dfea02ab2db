package web

import "tollgate/handlers/devportal"

// devportalRoutes is the developer portal.
func devportalRoutes(d Deps) []Route {
	catalogue := devportal.Catalogue{Catalog: d.Catalog, Tenants: d.Tenants}
	api := devportal.API{Catalog: d.Catalog, Tenants: d.Tenants, Subscriptions: d.Subscriptions, Applications: d.Applications, Gateway: d.GatewayURL}
	ends := devportal.Ends{Ends: d.Ends, Applications: d.Applications}
	applications := devportal.Applications{Applications: d.Applications, Subscriptions: d.Subscriptions, Keys: d.Keys}
	way := devportal.Way{Gateway: d.GatewayURL, Catalog: d.Catalog}
	meter := devportal.Meter{Wall: d.Wall, Business: d.Business, Ledger: d.Usage}
	keys := devportal.Keys{Applications: applications, Way: way, Business: d.Business}
	usage := devportal.Usage{Applications: applications, Meter: meter, Subscriptions: d.Subscriptions}
	calls := devportal.Calls{Meter: meter, Kept: d.CallLogDays, Subscriptions: d.Subscriptions, Log: d.Usage}
	subscriptions := devportal.Subscriptions{Subscriptions: d.Subscriptions}
	subscription := devportal.Subscription{Meter: meter, Way: way, Keys: d.Keys, Subscriptions: d.Subscriptions}
	change := devportal.Change{Subscriptions: d.Subscriptions}
	invoices := devportal.Invoices{Business: d.Business, Subscriptions: d.Subscriptions}
	problems := devportal.Problems{All: d.Problems}
	return []Route{
		{"GET", "/problems", Visitor, problems.List},
		{"GET", "/problems/:type", Visitor, problems.Show},

		{"GET", "/devportal", Visitor, catalogue.Show},
		{"GET", "/devportal/apis/:id", Visitor, api.Show},
		{"POST", "/devportal/apis/:id/subscribe", Subscriber, api.Subscribe},

		{"GET", "/devportal/applications", Subscriber, applications.List},
		{"GET", "/devportal/applications/new", Subscriber, applications.New},
		{"POST", "/devportal/applications/new", Subscriber, applications.Create},
		{"GET", "/devportal/applications/:id", Subscriber, applications.Show},
		{"GET", "/devportal/applications/:id/edit", Subscriber, applications.Edit},
		{"POST", "/devportal/applications/:id/edit", Subscriber, applications.Save},
		{"GET", "/devportal/applications/:id/delete", Subscriber, ends.Show},
		{"POST", "/devportal/applications/:id/delete", Subscriber, ends.Delete},
		{"GET", "/devportal/endings/:id", Subscriber, ends.Ending},
		{"POST", "/devportal/applications/:id/keys", Subscriber, keys.Generate},
		{"GET", "/devportal/applications/:id/keys/:key", Subscriber, keys.Show},
		{"POST", "/devportal/applications/:id/keys/:key/rotate", Subscriber, keys.Rotate},
		{"POST", "/devportal/applications/:id/keys/:key/revoke", Subscriber, keys.Revoke},

		{"GET", "/devportal/subscriptions", Subscriber, subscriptions.Show},
		{"GET", "/devportal/subscriptions/:id", Subscriber, subscription.Show},
		{"GET", "/devportal/subscriptions/:id/invoice", Subscriber, invoices.Show},
		{"POST", "/devportal/subscriptions/:id/refresh", Subscriber, subscription.Refresh},
		{"POST", "/devportal/subscriptions/:id/start-again", Subscriber, subscription.StartAgain},
		{"POST", "/devportal/subscriptions/:id/resume", Subscriber, subscription.Resume},
		{"POST", "/devportal/subscriptions/:id/cancel", Subscriber, subscription.Cancel},
		{"GET", "/devportal/subscriptions/:id/change", Subscriber, change.Show},
		{"POST", "/devportal/subscriptions/:id/change", Subscriber, change.Confirm},
		{"POST", "/devportal/subscriptions/:id/change/undo", Subscriber, change.Undo},

		{"GET", "/devportal/subscriptions/:id/usage", Subscriber, usage.Subscription},
		{"GET", "/devportal/subscriptions/:id/usage.csv", Subscriber, usage.SubscriptionCSV},
		{"GET", "/devportal/subscriptions/:id/calls", Subscriber, calls.Show},
		{"GET", "/devportal/subscriptions/:id/calls.csv", Subscriber, calls.CSV},
		{"GET", "/devportal/applications/:id/usage", Subscriber, usage.Application},
		{"GET", "/devportal/applications/:id/usage.csv", Subscriber, usage.ApplicationCSV},
		{"GET", "/devportal/usage", Subscriber, usage.All},
		{"GET", "/devportal/usage.csv", Subscriber, usage.AllCSV},

		{"GET", "/devportal/invoices", Subscriber, invoices.List},
	}
}
