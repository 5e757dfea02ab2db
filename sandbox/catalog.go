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
		accountRoutes, productRoutes, priceRoutes, meterRoutes, customerRoutes, methodRoutes,
		endpointRoutes, eventRoutes, testClockRoutes,
	)
}

// pages is what browsers see.
func pages() []pageRoute {
	return slices.Concat(clockRoutes)
}

// kinds is every type of object, by what its "object" says.
func kinds() map[string]kind {
	all := map[string]kind{}
	for _, group := range []map[string]kind{
		accountKinds, productKinds, priceKinds, meterKinds, customerKinds, methodKinds,
		endpointKinds, eventKinds, testClockKinds,
	} {
		maps.Copy(all, group)
	}
	return all
}

// timers is what happens when an instant comes that was scheduled, by kind.
func timers() map[string]func(t *tx, id string) error {
	all := map[string]func(*tx, string) error{}
	for _, group := range []map[string]func(*tx, string) error{
		testClockTimers,
	} {
		maps.Copy(all, group)
	}
	return all
}
