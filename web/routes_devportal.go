package web

import "tollgate/handlers/devportal"

// devportalRoutes is the developer portal.
func devportalRoutes(d Deps) []Route {
	catalogue := devportal.Catalogue{Catalog: d.Catalog, Tenants: d.Tenants}
	api := devportal.API{Catalog: d.Catalog, Tenants: d.Tenants, Subscriptions: d.Subscriptions, Applications: d.Applications, Gateway: d.GatewayURL}
	ends := devportal.Ends{Ends: d.Ends, Applications: d.Applications}
	applications := devportal.Applications{Applications: d.Applications, Subscriptions: d.Subscriptions, Keys: d.Keys}
	keys := devportal.Keys{Applications: applications, Business: d.Business, Gateway: d.GatewayURL}
	subscriptions := devportal.Subscriptions{Subscriptions: d.Subscriptions}
	subscription := devportal.Subscription{Business: d.Business, Subscriptions: d.Subscriptions}
	change := devportal.Change{Subscriptions: d.Subscriptions}
	invoices := devportal.Invoices{Business: d.Business, Subscriptions: d.Subscriptions}
	return []Route{
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

		{"GET", "/devportal/invoices", Subscriber, invoices.List},
	}
}
