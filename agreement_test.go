package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/models"
)

// Somebody renames a product in Stripe's dashboard, takes a price off sale and
// leaves an object behind: the page says so, what is ours is put back, and the
// orphan goes after a day.
func TestDifferencesWithStripeHeal(t *testing.T) {
	t.Parallel()
	s := house(t, "TOLLGATE_METRICS_ADDR", "127.0.0.1:0")
	r := &running{t: t, portal: s.portalURL, sandbox: s.sandboxURL}
	engine, ctx := s.parts.agree.Subscriptions.Engine, t.Context()
	account := first(saidAccount, s.out.(*printout).String())
	at := accounts.StripeAccount{Tenant: models.SuperTenant, Connected: account}

	admin := r.signIn("admin", true)
	admin.Open(r.portal + "/admin")
	admin.Click("In agreement with Stripe")
	admin.Click("Compare now")
	r.eventually(admin, "What Stripe has and what is here are the same.")

	products, err := engine.Products(ctx, at)
	must(t, err)
	prices, err := engine.Prices(ctx, at)
	must(t, err)
	if len(products) == 0 || len(prices) == 0 {
		t.Fatalf("%d products, %d prices", len(products), len(prices))
	}
	renamed := products[0]
	renamed.Name = "Renamed by hand"
	must(t, engine.SaveProduct(ctx, at, "by-hand-1", renamed))
	must(t, engine.SetPriceActive(ctx, at, "by-hand-2", prices[0].ID, false))
	must(t, engine.SaveProduct(ctx, at, "by-hand-3", billing.Product{
		ID: "tg_left_behind", Name: "Left behind", Metadata: map[string]string{"tollgate_installation": s.installation.InstallationID},
	}))
	admin.Click("Compare now")
	admin.See("Everything was compared.")
	admin.See("Left behind")
	admin.See("It is archived at Stripe after it has been seen for a day.")
	if dir := os.Getenv("TOLLGATE_TEST_SHOTS"); dir != "" {
		admin.Screenshot(dir+"/agreement-1280.png", 1280, false)
		admin.Screenshot(dir+"/agreement-390.png", 390, false)
		admin.Screenshot(dir+"/agreement-dark.png", 1280, true)
	}
	await(t, "what was changed by hand is put back", func() bool {
		products, err := engine.Products(ctx, at)
		must(t, err)
		prices, err := engine.Prices(ctx, at)
		must(t, err)
		for _, p := range products {
			if p.Name == "Renamed by hand" {
				return false
			}
		}
		for _, p := range prices {
			if !p.Active {
				return false
			}
		}
		return true
	})
	admin.Axe()

	said := s.metrics(t)
	if !strings.Contains(said, `tollgate_drift_open{kind="product",tenant="carbon.super"}`) || !strings.Contains(said, "tollgate_database_up 1") {
		t.Errorf("the metrics do not tell of it:\n%s", said)
	}

	for range 3 {
		r.move("24h")
	}
	products, err = engine.Products(ctx, at)
	must(t, err)
	for _, p := range products {
		if p.ID == "tg_left_behind" && !p.Archived {
			t.Error("the orphan is still on sale")
		}
	}
	admin.Open(r.portal + "/admin/agreement")
	admin.Click("Compare now")
	admin.See("What Stripe has and what is here are the same.")
	admin.See("Left behind")
	if dir := os.Getenv("TOLLGATE_TEST_SHOTS"); dir != "" {
		admin.Screenshot(dir+"/agreement-healed-1280.png", 1280, false)
		admin.Open(r.portal + "/admin")
		admin.Screenshot(dir+"/overview-1280.png", 1280, false)
	}
	admin.Open(r.portal + "/admin/audit")
	admin.See("Archived an orphan at Stripe")
}

func (s *server) metrics(t *testing.T) string {
	t.Helper()
	answer, err := http.Get(s.metricsURL)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return string(text)
}
