package web

import "tollgate/handlers/admin"

// agreementRoutes is what admins see of where we and Stripe differ.
func agreementRoutes(d Deps) []Route {
	agreement := admin.Agreement{Reconciler: d.Reconciler, Business: d.Business.Now}
	return []Route{
		{"GET", "/admin/agreement", Admin, agreement.Show},
		{"GET", "/admin/agreement.csv", Admin, agreement.CSV},
		{"POST", "/admin/agreement/compare", Admin, agreement.Compare},
	}
}
