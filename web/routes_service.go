package web

// serviceRoutes is what machines ask for.
func serviceRoutes(d Deps) []Route {
	return []Route{
		{"GET", "/healthz", Machine, alive},
		{"GET", "/readyz", Machine, ready(d.Ready)},
		{"GET", "/static/*", Machine, asset},
	}
}
