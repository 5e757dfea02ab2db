package web

// publisherRoutes is the publisher portal.
func publisherRoutes(_ Deps) []Route {
	return []Route{}
}
