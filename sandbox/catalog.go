package sandbox

import (
	"maps"
	"net/http"
	"slices"
)

// A route is one endpoint of the API. Parts of the path in braces are read with
// request.path; their names are the "param" of the 404 they may lead to.
type route struct {
	method, path string
	handle       func(*request) (any, error)
}

// A pageRoute is one address for browsers: a pattern of http.ServeMux.
type pageRoute struct {
	pattern string
	handle  func(*Server, http.ResponseWriter, *http.Request)
}

// routes is the API, one group per file.
func routes() []route {
	return slices.Concat(
		accountRoutes, accountLinkRoutes, productRoutes, priceRoutes, meterRoutes, customerRoutes, methodRoutes,
		balanceRoutes, endpointRoutes, eventRoutes, testClockRoutes, listenRoutes,
		subscriptionRoutes, itemRoutes, invoiceRoutes, invoiceItemRoutes, paymentRoutes, checkoutRoutes, portalRoutes,
		scheduleRoutes, refundRoutes, disputeRoutes, destinationRoutes, notificationRoutes,
	)
}

// pages is what browsers see.
func pages() []pageRoute {
	return slices.Concat(clockRoutes, faultRoutes, settingRoutes, settingPages, secretRoutes, faultPages, listenPages, hostedPages, dashboardPages, clockPages, disputePages, accessPages)
}

// kinds is every type of object, by what its "object" says.
func kinds() map[string]kind {
	all := map[string]kind{}
	for _, group := range []map[string]kind{
		accountKinds, accountLinkKinds, productKinds, priceKinds, meterKinds, customerKinds, methodKinds,
		balanceKinds, endpointKinds, eventKinds, testClockKinds,
		subscriptionKinds, invoiceKinds, invoiceItemKinds, paymentKinds, checkoutKinds, portalKinds,
		scheduleKinds, disputeKinds, destinationKinds,
	} {
		maps.Copy(all, group)
	}
	return all
}

// timers is what happens when an instant comes that was scheduled, by kind.
func timers() map[string]func(t *tx, id string) error {
	all := map[string]func(*tx, string) error{}
	for _, group := range []map[string]func(*tx, string) error{
		testClockTimers, subscriptionTimers, invoiceTimers, checkoutTimers, scheduleTimers, refundTimers, disputeTimers, meterTimers,
	} {
		maps.Copy(all, group)
	}
	return all
}

// customerGone is what happens to other objects when a customer is deleted.
func customerGone() []func(*tx, *Customer) error {
	return []func(*tx, *Customer) error{cancelAll, detachAll}
}
