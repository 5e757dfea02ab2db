package web

// accountRoutes is signing in and one's own account.
func accountRoutes(_ Deps) []Route {
	return []Route{}
}
