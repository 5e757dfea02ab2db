package web

import "tollgate/handlers/account"

// accountRoutes is signing in and one's own account.
func accountRoutes(d Deps) []Route {
	door := account.SignIn{People: d.People, Demo: d.Demo}
	link := account.Link{People: d.People}
	theme := account.Theme{People: d.People}
	profile := account.Profile{People: d.People, Sessions: d.Sessions}
	told := account.Notices{Business: d.Business, Desk: d.Notices}
	return []Route{
		{"GET", "/", Visitor, door.Home},
		{"GET", "/sign-in", Visitor, door.Show},
		{"POST", "/sign-in", Visitor, door.Submit},
		{"POST", "/sign-out", SignedIn, door.SignOut},
		{"GET", "/account/link/:token", Visitor, link.Show},
		{"POST", "/account/link/:token", Visitor, link.Use},
		{"POST", "/account/theme", SignedIn, theme.Choose},
		{"GET", "/account", SignedIn, profile.Show},
		{"POST", "/account", SignedIn, profile.Save},
		{"POST", "/account/password", SignedIn, profile.Password},
		{"GET", "/account/notices", SignedIn, told.List},
		{"POST", "/account/notices/read", SignedIn, told.ReadAll},
		{"POST", "/account/notices/:id/read", SignedIn, told.Read},
		{"POST", "/account/sessions/end-others", SignedIn, profile.EndOthers},
		{"POST", "/account/sessions/:id/end", SignedIn, profile.EndOne},
	}
}
