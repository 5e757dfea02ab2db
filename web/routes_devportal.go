package web

// devportalRoutes is the developer portal.
func devportalRoutes(_ Deps) []Route {
	return []Route{}
}
