package billing_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

func TestAPlanIsProductAndPriceOnThePlatform(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		m := newMarket(t, db)
		goldPlan, paygPlan := m.plan(gold("49.00")), m.plan(payg("0.002"))
		m.settle()
		m.agree()
		if got, _ := m.books.on(1, ""); !slices.Equal(got, []string{"meter", "price", "price", "product", "product"}) {
			t.Errorf("on the platform: %v", got)
		}
		m.reprice(goldPlan, gold("59.00"))
		m.reprice(paygPlan, payg("0.0015"))
		m.settle()
		m.agree()
		if got, off := m.books.on(1, ""); len(got) != 5 || off != 2 {
			t.Errorf("after new prices: %v and %d off sale; want the same five and two old prices", got, off)
		}
		p, err := m.catalog.Plan(t.Context(), m.mara, goldPlan)
		m.must(err)
		if p.Price.String() != "59.00 USD a month" || len(p.Versions) != 2 {
			t.Errorf("plan = %v in %d versions", p.Price, len(p.Versions))
		}
		_, err = m.catalog.DeletePlan(t.Context(), m.mara, paygPlan, m.version(paygPlan), accounts.Consent{})
		m.must(err)
		m.settle()
		m.agree()
		if got, _ := m.books.on(1, ""); !slices.Equal(got, []string{"price", "product"}) {
			t.Errorf("after a plan was deleted: %v", got)
		}
	})
}

func (m *market) version(plan string) int64 {
	m.t.Helper()
	p, err := models.PolicyByUUID(m.t.Context(), m.db, m.tenantID, plan)
	m.must(err)
	return p.Version
}

func TestSavingAPlanWithoutANewPriceMakesNoVersion(t *testing.T) {
	t.Parallel()
	m := newMarket(t, testdb.New(t))
	plan := m.plan(gold("49.00"))
	same := gold("49")
	same.Name, same.Description, same.RateLimit = "Golden", "One price.", "2,000"
	m.reprice(plan, same)
	m.settle()
	m.agree()
	p, err := m.catalog.Plan(t.Context(), m.mara, plan)
	m.must(err)
	if len(p.Versions) != 1 || p.Policy.DisplayName != "Golden" || p.Policy.Name != "Gold" || p.Policy.RateLimitCount != 2000 {
		t.Errorf("plan = %+v in %d versions", p.Policy, len(p.Versions))
	}
	if m.books.find(accounts.Platform(1), "product", "Golden") == nil {
		t.Error("Stripe was not told the new name")
	}
}

func TestMonetizationPutsEveryPlanOnSale(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		m := newMarket(t, db)
		goldPlan, paygPlan := m.plan(gold("49.00")), m.plan(payg("0.002"))
		free := m.plan(catalog.PlanInput{Name: "Free", BillingPlan: models.PlanFree})
		api := m.weather(goldPlan, paygPlan, free)
		if got := m.label(api); got != "Free" {
			t.Errorf("before: %q", got)
		}
		m.monetize(api, on(northwind))
		if got := m.label(api); got != "Free" {
			t.Errorf("while it is being made: %q", got)
		}
		m.settle()
		m.agree()
		if got, _ := m.books.on(1, northwind); !slices.Equal(got, []string{"meter", "price", "price", "product"}) {
			t.Errorf("in the connected account: %v", got)
		}
		if a := m.api(api); a.Monetization != models.MonetizationOn || m.label(api) != "Freemium" {
			t.Errorf("api = %q, %q", a.Monetization, m.label(api))
		}
		if job := m.monetize(api, on(northwind)); job != "" {
			t.Error("turning on what is on is work")
		}
		m.reprice(goldPlan, gold("59.00"))
		m.settle()
		m.agree()
		if o := m.sold(api, goldPlan); o.Price.String() != "59.00 USD a month" {
			t.Errorf("sold at %s", o.Price)
		}
		if got, off := m.books.on(1, northwind); len(got) != 4 || off != 1 {
			t.Errorf("after a new price: %v, %d off", got, off)
		}
	})
}

func (m *market) label(api string) string {
	m.t.Helper()
	l, err := m.catalog.Show(m.t.Context(), accounts.Actor{Tenant: m.tenantID}, api)
	m.must(err)
	return l.Label
}

func (m *market) sold(api, plan string) catalog.Offer {
	m.t.Helper()
	o, err := catalog.OfferFor(m.t.Context(), m.db, m.nils, m.api(api), plan)
	m.must(err)
	return o
}

func TestTurningOffAndOnBringsTheSameThingsBack(t *testing.T) {
	t.Parallel()
	m := newMarket(t, testdb.New(t))
	goldPlan, paygPlan := m.plan(gold("49.00")), m.plan(payg("0.002"))
	api := m.weather(goldPlan, paygPlan)
	m.monetize(api, on(northwind))
	m.settle()
	before := len(m.books.things)
	m.subscribe(api, paygPlan)
	m.monetize(api, billing.MonetizeInput{})
	m.settle()
	m.agree()
	if got, _ := m.books.on(1, northwind); !slices.Equal(got, []string{"meter"}) {
		t.Errorf("off, with somebody who pays by the call: %v; want the meter alone", got)
	}
	if a := m.api(api); a.Monetization != models.MonetizationOff || m.label(api) != "" {
		t.Errorf("api = %q, %q", a.Monetization, m.label(api))
	}
	values, err := models.AttributesOf(t.Context(), m.db, m.api(api).ID)
	m.must(err)
	if values["StatementText"] != "NORTHWIND WX" {
		t.Errorf("what was entered is gone: %v", values)
	}
	m.monetize(api, on(northwind))
	m.settle()
	m.agree()
	if got, off := m.books.on(1, northwind); len(got) != 4 || off != 0 || len(m.books.things) != before {
		t.Errorf("on again: %v, %d off, %d things; want the same %d", got, off, len(m.books.things), before)
	}
	m.monetize(api, billing.MonetizeInput{})
	m.settle()
	m.endAll()
	m.must(models.InTx(t.Context(), m.db, func(ctx context.Context, tx bun.Tx) error { // as the end of a subscription does
		_, err := m.sales.APIChanged(ctx, tx, m.api(api))
		return err
	}))
	m.settle()
	m.agree()
	if got, _ := m.books.on(1, northwind); len(got) != 0 {
		t.Errorf("off, with nobody: %v", got)
	}
}

func TestARefusedPriceEditLeavesTheOldPriceOnSale(t *testing.T) {
	t.Parallel()
	m := newMarket(t, testdb.New(t))
	plan := m.plan(gold("49.00"))
	api := m.weather(plan)
	m.monetize(api, on(northwind))
	m.settle()
	m.refuse("create price", 2) // on the platform and in the connected account
	m.reprice(plan, gold("59.00"))
	m.settle()
	m.agree()
	if o := m.sold(api, plan); o.Price.String() != "49.00 USD a month" {
		t.Errorf("sold at %s", o.Price)
	}
	standing, err := m.sales.Standing(t.Context(), m.mara, plan)
	m.must(err)
	if len(standing) != 4 || standing[0].Problem != "No such luck." || standing[2].Problem != "No such luck." || standing[3].State != models.PushLive {
		t.Errorf("standing = %+v", standing)
	}
	m.reprice(plan, gold("59.00")) // saving once more tries again
	m.settle()
	m.agree()
	if o := m.sold(api, plan); o.Price.String() != "59.00 USD a month" {
		t.Errorf("sold at %s", o.Price)
	}
}

// refuse makes the next n calls of op be refused.
func (m *market) refuse(op string, n int) {
	m.books.happens = func(int) outcome {
		if m.books.calls[len(m.books.calls)-1] == op && n > 0 {
			n--
			return refuses
		}
		return fine
	}
}

func TestALaterPlanThatIsRefusedLeavesTheOthersOnSale(t *testing.T) {
	t.Parallel()
	m := newMarket(t, testdb.New(t))
	first, second := m.plan(gold("49.00")), m.plan(payg("0.002"))
	api := m.weather(first)
	m.monetize(api, on(northwind))
	m.settle()
	m.offer(api, first, second)
	m.settle()
	if got, _ := m.books.on(1, northwind); len(got) != 2 {
		t.Errorf("attached but not saved: %v", got)
	}
	m.refuse("create price", 1)
	m.monetize(api, on(northwind))
	m.settle()
	m.agree()
	a := m.api(api)
	if got, _ := m.books.on(1, northwind); a.Monetization != models.MonetizationOn || !slices.Equal(got, []string{"price", "product"}) {
		t.Errorf("%s, with %v", a.Monetization, got)
	}
	page, err := m.sales.Monetization(t.Context(), m.nils, api)
	m.must(err)
	if page.Plans[1].Problem != "No such luck." || page.Plans[0].State != models.PushLive {
		t.Errorf("plans = %+v", page.Plans)
	}
}

func TestWhoMayMonetizeWithWhat(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		m := newMarket(t, db)
		ctx := t.Context()
		api := m.weather(m.plan(gold("49.00")))
		m.books.accounts["acct_new"] = billing.Account{ID: "acct_new", DisabledReason: "requirements.past_due", Due: []string{"external_account"}}
		for account, want := range map[string]string{
			"":              "Enter Stripe account.",
			"northwind":     "Write the id of a Stripe account",
			"acct_nobody":   "Stripe does not know this account here: No such account.",
			"acct_new":      "cannot charge yet. Stripe's reason: requirements.past_due. Stripe asks its owner for external_account.",
			"acct_platform": "platform's own account",
		} {
			_, err := m.sales.Monetize(ctx, m.nils, api, on(account))
			if got := message(err, billing.ConnectedAccountKey); !strings.Contains(got, want) {
				t.Errorf("%q: %q, want %q", account, got, want)
			}
		}
		in := on(northwind)
		in.Properties["Other"] = "x"
		if _, err := m.sales.Monetize(ctx, m.nils, api, in); message(err, "Other") == "" {
			t.Errorf("an undeclared property: %v", err)
		}
		if _, err := m.sales.Monetize(ctx, m.olga, api, on(northwind)); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another publisher: %v", err)
		}
		if _, err := m.sales.Monetize(ctx, m.mara, api, on(northwind)); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("an admin: %v", err)
		}
		m.monetize(api, on(northwind))
		other, err := m.catalog.CreateAPI(ctx, m.olga, models.TypeAPI, catalog.APIInput{Name: "Maps", Version: "v1", Context: "maps", Upstream: "demo:maps"})
		m.must(err)
		if _, err := m.sales.Monetize(ctx, m.olga, other.UUID, on(northwind)); fault.KindOf(err) != fault.Conflict {
			t.Errorf("not published: %v", err)
		}
		m.must(m.catalog.PublishAPI(ctx, m.olga, other.UUID))
		if _, err := m.sales.Monetize(ctx, m.olga, other.UUID, on(northwind)); !strings.Contains(message(err, billing.ConnectedAccountKey), "somebody else") {
			t.Errorf("another publisher's account: %v", err)
		}
	})
}

func TestTheAccountChangesOnlyWhenNobodyPaysIntoIt(t *testing.T) {
	t.Parallel()
	m := newMarket(t, testdb.New(t))
	plan := m.plan(payg("0.002"))
	api := m.weather(plan)
	m.monetize(api, on(northwind))
	m.settle()
	m.subscribe(api, plan)
	_, err := m.sales.Monetize(t.Context(), m.nils, api, on("acct_second"))
	if got := message(err, billing.ConnectedAccountKey); !strings.Contains(got, "1 subscription pays into acct_northwind") {
		t.Errorf("with a subscriber: %v", err)
	}
	m.endAll()
	m.monetize(api, on("acct_second"))
	m.settle()
	m.agree()
	was, _ := m.books.on(1, northwind)
	is, _ := m.books.on(1, "acct_second")
	if len(was) != 0 || len(is) != 3 || m.sold(api, plan).Account != "acct_second" {
		t.Errorf("old %v, new %v", was, is)
	}
}

func TestDeletingTakesOutOfSaleEverywhere(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		m := newMarket(t, db)
		ctx := t.Context()
		plan, other := m.plan(payg("0.002")), m.plan(gold("49.00"))
		api := m.weather(plan, other)
		m.monetize(api, on(northwind))
		m.settle()
		m.subscribe(api, plan)
		if _, err := m.catalog.DeletePlan(ctx, m.mara, plan, m.version(plan), accounts.Consent{}); !strings.Contains(fault.Message(err), "1 subscription") {
			t.Errorf("a plan in use: %v", err)
		}
		if _, err := m.catalog.OfferPlans(ctx, m.nils, api, m.api(api).Version, []string{other}); !strings.Contains(message(err, "plans"), "Pay as you go has to stay") {
			t.Errorf("detaching a plan in use: %v", err)
		}
		if _, err := m.catalog.DeleteAPI(ctx, m.nils, api, accounts.Consent{}); !strings.Contains(fault.Message(err), "1 subscription") {
			t.Errorf("an API in use: %v", err)
		}
		m.endAll()
		_, err := m.catalog.DeletePlan(ctx, m.mara, plan, m.version(plan), accounts.Consent{})
		m.must(err)
		m.settle()
		m.agree()
		if got, _ := m.books.on(1, northwind); !slices.Equal(got, []string{"price", "product"}) {
			t.Errorf("after the plan: %v", got)
		}
		_, err = m.catalog.DeleteAPI(ctx, m.nils, api, accounts.Consent{})
		m.must(err)
		m.settle()
		m.agree()
		if got, _ := m.books.on(1, northwind); len(got) != 0 {
			t.Errorf("after the API: %v", got)
		}
	})
}
