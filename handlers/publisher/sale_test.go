package publisher_test

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"tollgate/billing"
	"tollgate/models"
)

func goldForm(price string) url.Values {
	return url.Values{
		"name": {"Gold"}, "rate": {"fixed"}, "price": {price}, "currency": {"usd"}, "cycle": {"month"}, "time_unit": {"month"}, "unit_time": {"1"},
		"quota_type": {"requestCount"}, "rate_limit": {"1,000"}, "rate_limit_unit": {"min"}, "at_limit": {"stop"},
	}
}

func paygForm() url.Values {
	f := goldForm("0.002")
	f.Set("name", "Pay as you go")
	f.Set("rate", "dynamic")
	return f
}

// An admin makes plans, a publisher sells an API with them: on the sandbox, by its
// wire API, with every request checked against Stripe's own description of it.
func TestAPublisherSellsAnAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin, nils := h.browser("admin"), h.browser("publisher")

	wrong := goldForm("59,0.0")
	p := admin.post("/admin/plans/new", wrong)
	admin.has(p, http.StatusUnprocessableEntity, "Write the amount as 59.00, with a point and at most two decimals.", `value="59,0.0"`)
	gold := admin.to(admin.post("/admin/plans/new", goldForm("49.00")), "/admin/plans/")
	admin.has(gold, http.StatusOK, "Gold is created.", "In Stripe", "49.00 USD a month", "1,000 calls a minute", "price_")
	payg := admin.to(admin.post("/admin/plans/new", paygForm()), "/admin/plans/")
	admin.has(payg, http.StatusOK, "0.002 USD", "mtr_")
	if h.active("products", "") != 2 || h.active("prices", "") != 2 || h.active("billing/meters", "") != 1 {
		t.Errorf("on the platform: %d products, %d prices, %d meters", h.active("products", ""), h.active("prices", ""), h.active("billing/meters", ""))
	}
	free := goldForm("")
	free.Set("name", "Free")
	free.Set("rate", "free")
	admin.to(admin.post("/admin/plans/new", free), "/admin/plans/")
	admin.has(admin.get("/admin/plans"), http.StatusOK, "3 plans, 2 of them paid.")

	api := url.Values{"name": {"Weather"}, "version": {"v1"}, "context": {"healthz"}, "upstream": {"demo:weather"}, "description": {"Rain & sun"}}
	nils.has(nils.post("/publisher/apis/new", api), http.StatusUnprocessableEntity, "The gateway needs /healthz for itself.", `value="demo:weather"`)
	api.Set("context", "weather")
	made := nils.post("/publisher/apis/new", api)
	nils.has(nils.to(made, "/publisher/apis/"), http.StatusOK, "Weather is created.", "/weather/v1", "Rain & sun")
	at := made.location
	nils.has(nils.get(at+"/monetization"), http.StatusOK, "Publish it first")
	nils.to(nils.post(at+"/publish", nil), at)

	plans := nils.get(at + "/plans")
	chosen := url.Values{"row": {hidden(plans, "row")}, "plans": ids(plans)}
	nils.has(nils.to(nils.post(at+"/plans", chosen), at+"/plans"), http.StatusOK, "3 plans are attached.")
	nils.has(nils.post(at+"/plans", chosen), http.StatusConflict, "Somebody else saved these plans")

	sale := url.Values{"enabled": {"on"}, billing.ConnectedAccountKey: {"acct_nobody"}, "StatementText": {"NORTHWIND WX"}}
	nils.has(nils.post(at+"/monetization", sale), http.StatusUnprocessableEntity, "Stripe account: Stripe does not", `value="NORTHWIND WX"`, `value="acct_nobody"`)
	sale.Set(billing.ConnectedAccountKey, h.connected)
	on := nils.to(nils.post(at+"/monetization", sale), at+"/monetization")
	nils.has(on, http.StatusOK, "every plan is on sale", "2 plans are sold through your connected account.", "Can charge", "mtr_", "If you turn it off")
	if h.active("products", h.connected) != 1 || h.active("prices", h.connected) != 2 || h.active("billing/meters", h.connected) != 1 {
		t.Errorf("in the connected account: %d products, %d prices, %d meters",
			h.active("products", h.connected), h.active("prices", h.connected), h.active("billing/meters", h.connected))
	}
	nils.has(h.browser("subscriber").get("/devportal"), http.StatusOK, "Freemium", "Weather v1")

	again := goldForm("59.00")
	again.Set("version", hidden(admin.get(planPath(gold)), "version"))
	admin.has(admin.to(admin.post(planPath(gold), again), "/admin/plans/"), http.StatusOK, "59.00 USD a month", "2, since", "1, since")
	stale := goldForm("69.00")
	stale.Set("version", again.Get("version"))
	admin.has(admin.post(planPath(gold), stale), http.StatusConflict, "Somebody else saved this plan while you were editing.", `value="69.00"`)

	h.offByHand(at)
	nils.has(nils.get(at+"/monetization"), http.StatusOK, "Under way", "Still on sale at Stripe")
	sale.Del("enabled")
	nils.has(nils.to(nils.post(at+"/monetization", sale), at+"/monetization"), http.StatusOK, "It is off sale.", "Not monetized")
	h.settled(t, at, nils)
	if h.active("products", h.connected)+h.active("prices", h.connected)+h.active("billing/meters", h.connected) != 0 {
		t.Error("something is still on sale in the connected account")
	}
	nils.has(nils.get("/publisher"), http.StatusOK, "Weather v1 is not sold yet.", "Monetize it")
	nils.has(nils.get("/publisher/accounts"), http.StatusOK, h.connected, "Can charge")
	nils.to(nils.post(at+"/delete", nil), "/publisher/apis")
	nils.has(nils.get(at), http.StatusNotFound, "not found")
	admin.to(admin.post(planPath(payg)+"/delete", url.Values{"version": {hidden(payg, "version")}}), "/admin/plans")
}

// offByHand leaves an API as a cut does right after it was asked to leave sale.
func (h *house) offByHand(at string) {
	h.t.Helper()
	_, err := h.deps.Jobs.DB.NewUpdate().Model((*models.API)(nil)).Set("monetization = ?", models.MonetizationDisabling).
		Where("api_uuid = ?", path.Base(at)).Exec(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
}

// settled waits until nothing is under way for an API.
func (h *house) settled(t *testing.T, at string, b *browser) {
	t.Helper()
	for range 100 {
		if !strings.Contains(b.get(at+"/monetization").text, "This goes on by itself") {
			return
		}
		_, _ = h.deps.Jobs.RunOnce(t.Context())
	}
	t.Fatal("the work does not come to an end")
}

// ids are the plans that a page offers to choose.
func ids(p page) []string {
	var all []string
	for _, part := range strings.Split(p.text, `name="plans" value="`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		all = append(all, id)
	}
	return all
}

// planPath is the address of the plan that a page shows.
func planPath(p page) string {
	_, rest, _ := strings.Cut(p.text, `action="/admin/plans/`)
	id, _, _ := strings.Cut(rest, `"`)
	return "/admin/plans/" + strings.TrimSuffix(id, "/delete")
}

func TestProductsAndForeignPublishers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	nils := h.browser("publisher")
	nils.has(nils.get("/publisher/products/new"), http.StatusOK, "You have no API yet.")
	made := nils.post("/publisher/apis/new", url.Values{"name": {"Rain"}, "version": {"v1"}, "context": {"rain"}, "upstream": {"demo:rain"}})
	rain := strings.TrimPrefix(made.location, "/publisher/apis/")
	product := url.Values{"name": {"Sky"}, "version": {"v1"}, "context": {"sky"}}
	nils.has(nils.post("/publisher/products/new", product), http.StatusUnprocessableEntity, "Choose at least one API.", `value="Sky"`)
	product.Set("members", rain)
	sky := nils.post("/publisher/products/new", product)
	nils.has(nils.to(sky, "/publisher/apis/"), http.StatusOK, "Sky is created.", "Rain v1")
	nils.has(nils.get("/publisher/products"), http.StatusOK, "Sky v1", "/sky/v1")
	nils.has(nils.to(nils.post("/publisher/apis/"+rain+"/delete", nil), "/publisher/apis/"+rain), http.StatusOK, "part of the API product Sky")

	edit := nils.get(sky.location + "/edit")
	product.Set("row", hidden(edit, "row"))
	product.Set("description", "All of it")
	nils.has(nils.to(nils.post(sky.location+"/edit", product), sky.location), http.StatusOK, "All of it")
	nils.has(nils.post(sky.location+"/edit", product), http.StatusConflict, "Somebody else saved this API product")

	for _, path := range []string{"/publisher/apis/no-such", "/publisher/apis/no-such/plans", "/publisher/apis/no-such/monetization", "/publisher/apis/no-such/edit"} {
		nils.has(nils.get(path), http.StatusNotFound, "not found")
	}
	if p := h.browser("subscriber").get("/publisher"); p.status == http.StatusOK {
		t.Error("a subscriber is in the publisher portal")
	}
}
