package web

import "tollgate/handlers/admin"

// mailRoutes is what admins see of mails.
func mailRoutes(d Deps) []Route {
	mails := admin.Mails{Desk: d.Notices, Wall: d.Wall.Now}
	return []Route{
		{"GET", "/admin/mails", Admin, mails.List},
		{"POST", "/admin/mails/test", Admin, mails.Test},
		{"POST", "/admin/mails/send-kept", Admin, mails.SendKept},
		{"GET", "/admin/mails/:id", Admin, mails.Show},
		{"GET", "/admin/mails/:id/html", Admin, mails.HTML},
		{"POST", "/admin/mails/:id/again", Admin, mails.SendAgain},
	}
}
