package web

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/models"
)

// differ puts a difference and the comparison that found it into a tenant's rows.
func (w *world) differ(t *testing.T, tenant models.TenantID, name string) {
	t.Helper()
	db := w.deps.Inbox.DB
	at := models.At(w.deps.Business.Now().Add(-2 * time.Hour))
	must(t, models.EnsureReconciliation(t.Context(), db, models.Reconciliation{TenantID: tenant, Kind: "catalogue", FinishedAt: at, DueAt: at, Compared: 7, Found: 1}))
	must(t, models.InsertDrift(t.Context(), db, models.Drift{
		TenantID: tenant, ObjectType: "product", ObjectID: "prod_" + name, Field: "name", Name: name, Ours: "=Ours", Theirs: "Theirs",
		Remedy: "Put back: it is kept here.", FirstSeen: at, LastSeen: at,
	}))
}

func TestDifferencesWithStripeAreShown(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	b := w.session(t, "admin")
	shows(t, b.get(t, "/admin/agreement"), 200, "There is nothing to compare with", "Enter the Stripe key")
	leads(t, b.post(t, "/admin/agreement/compare", nil), "/admin/agreement")
	shows(t, b.get(t, "/admin/agreement"), 200, "No Stripe account is set")

	w.differ(t, models.SuperTenant, "<b>Weather")
	shows(t, b.get(t, "/admin/agreement"), 200, "1 difference, the oldest for 2 h", "&lt;b&gt;Weather", "=Ours", "By itself", "Put back", "Products, prices, meters", "Your own account")
	shows(t, b.get(t, "/admin"), 200, "1 difference, the oldest for 2 h", `href="/admin/agreement"`)

	file := b.get(t, "/admin/agreement.csv")
	rows, err := csv.NewReader(strings.NewReader(file.text)).ReadAll()
	must(t, err)
	if len(rows) != 2 || rows[1][2] != "prod_<b>Weather" || rows[1][5] != "'=Ours" || !strings.HasPrefix(file.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("%q", rows)
	}
}

func TestDifferencesAreTheirTenantsOwn(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	w.person(t, w.them, "eve", accounts.Admin)
	w.differ(t, w.them.Tenant, "Their product")
	w.differ(t, models.SuperTenant, "Our product")
	for who, c := range map[string]struct{ own, other string }{
		"admin": {"Our product", "Their product"}, "eve@twin.example": {"Their product", "Our product"},
	} {
		b := w.session(t, who)
		for _, path := range []string{"/admin/agreement", "/admin/agreement.csv"} {
			got := b.get(t, path)
			shows(t, got, 200, c.own)
			if strings.Contains(got.text, c.other) {
				t.Errorf("%s sees %s at %s", who, c.other, path)
			}
		}
	}
	for _, who := range []string{"publisher", "subscriber"} {
		b := w.session(t, who)
		for _, path := range []string{"/admin/agreement", "/admin/agreement.csv"} {
			if got := b.get(t, path); got.StatusCode == 200 {
				t.Errorf("%s reads %s", who, path)
			}
		}
	}
}
