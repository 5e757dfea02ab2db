package web

import (
	"tollgate/billing"
	"tollgate/handlers/admin"
	"tollgate/handlers/devportal"
	"tollgate/handlers/publisher"
)

// subscriptionRoutes is what each side sees of one subscription, beside its page in
// the developer portal.
func subscriptionRoutes(d Deps) []Route {
	history := devportal.History{Subscriptions: d.Subscriptions}
	sold := publisher.Subscription{Subscriptions: d.Subscriptions, Books: billing.Books{DB: d.People.DB, Business: d.Business}, Business: d.Business.Now}
	all := admin.Subscriptions{Subscriptions: d.Subscriptions}
	return []Route{
		{"GET", "/devportal/subscriptions/:id/history", Subscriber, history.Show},
		{"GET", "/devportal/subscriptions/:id/history.csv", Subscriber, history.CSV},

		{"GET", "/publisher/subscriptions/:uuid", Publisher, sold.Show},
		{"GET", "/publisher/subscriptions/:uuid/history.csv", Publisher, sold.CSV},
		{"POST", "/publisher/subscriptions/:uuid/hold", Publisher, sold.Hold},
		{"POST", "/publisher/subscriptions/:uuid/grace", Publisher, sold.Grace},
		{"POST", "/publisher/subscriptions/:uuid/give-back", Publisher, sold.GiveBack},

		{"GET", "/admin/subscriptions", Admin, all.List},
		{"GET", "/admin/subscriptions/:uuid", Admin, all.Show},
		{"GET", "/admin/subscriptions/:uuid/history.csv", Admin, all.CSV},
	}
}
