package web

// adminRoutes is the admin portal.
func adminRoutes(_ Deps) []Route {
	return []Route{}
}
