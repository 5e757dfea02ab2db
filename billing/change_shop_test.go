package billing_test

import (
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/billing"
	"tollgate/models"
)

// A counter is a shop that sells more than one plan: Gold 49.00, Silver 19.00 and
// Pay as you go, and Free and Hobby for nothing.
type counter struct {
	*shop
	silver, payg, hobby string // uuids
}

func openCounter(t testing.TB, db *bun.DB) *counter {
	t.Helper()
	c := &counter{shop: openShop(t, db)}
	c.silver = c.addPlan(t, "Silver", "19.00", "price_silver", "usd", "month")
	c.payg = c.addPlan(t, "Payg", "0.002", "price_payg", "usd", "month")
	c.hobby = c.addPlan(t, "Hobby", "", "", "", "")
	return c
}

// addPlan puts a plan on the API of tenant a: free without a price, by the call
// when its price has three decimals, else fixed.
func (c *counter) addPlan(t testing.TB, name, price, stripe, currency, cycle string) string {
	t.Helper()
	one, at := int64(1), models.At(c.now())
	p := &models.Policy{Name: name, DisplayName: name, TenantID: c.a.tenant, QuotaType: "requestCount", UnitTime: 1, TimeUnit: "min", CustomAttributes: map[string]string{}, BillingPlan: models.PlanFree, UUID: models.NewID(), PermissionRoles: []string{}, CreatedAt: at, UpdatedAt: at, Live: &one}
	v := &models.PriceVersion{ID: models.NewID(), TenantID: c.a.tenant, Number: 1, Currency: currency, BillingCycle: cycle, CreatedBy: "x", CreatedAt: at}
	m := &models.MonetizedPlan{APIID: c.a.apiID, TierName: name, StripeProductID: "prod_1", StripePlanID: stripe, TenantID: c.a.tenant, PriceVersionID: v.ID, Component: "fixed", Currency: currency, Account: c.a.account, State: models.PushLive}
	cents := map[string]int64{"19.00": 1900, "59.00": 5900}[price]
	switch {
	case price == "0.002":
		p.BillingPlan, p.MonetizationPlan, p.PricePerRequest, p.BillingCycle, p.Currency = models.PlanCommercial, models.DynamicRate, price, cycle, currency
		v.Model, v.UnitPrice, m.Component = models.DynamicRate, price, "usage"
	case price != "":
		p.BillingPlan, p.MonetizationPlan, p.FixedRate, p.BillingCycle, p.Currency = models.PlanCommercial, models.FixedRate, price, cycle, currency
		v.Model, v.AmountMinor = models.FixedRate, &cents
	}
	stockUp(t, c.db, p)
	stockUp(t, c.db, &models.Offer{APIID: c.a.apiID, PolicyID: p.ID, AttachedAt: at})
	if price != "" {
		v.PolicyID, m.PolicyID = p.ID, p.ID
		stockUp(t, c.db, v, m)
	}
	return p.UUID
}

// on returns a subscription to a plan, paid if it costs anything.
func (c *counter) on(t testing.TB, plan string) (models.Subscription, string) {
	t.Helper()
	sub := c.subscribe(t, plan)
	if !sub.NeedsPayment {
		return sub, ""
	}
	id, _ := c.stripe.pay(sub.CheckoutSessionID)
	c.tell(t, "checkout.session.completed", sub.CheckoutSessionID)
	return c.want(t, sub.UUID, "UNBLOCKED", true), id
}

// change previews a change and confirms what was shown.
func (c *counter) change(sub models.Subscription, plan string, when billing.Moment) (billing.ChangePreview, error) {
	p, err := c.sell.PreviewChange(bg, c.a.buyer, sub.UUID, plan, when)
	if err != nil {
		return p, err
	}
	return p, c.sell.Change(bg, c.a.buyer, sub.UUID, p.Shown())
}

// changing is change that has to go well, and the work that it makes.
func (c *counter) changing(t testing.TB, sub models.Subscription, plan string, when billing.Moment) billing.ChangePreview {
	t.Helper()
	p, err := c.change(sub, plan, when)
	if err != nil {
		t.Fatal(err)
	}
	c.work(t)
	return p
}

// plan checks which plan counts, and whether a change is on its way.
func (c *counter) plan(t testing.TB, uuid, tier, pending, status string) models.Subscription {
	t.Helper()
	sub := c.want(t, uuid, status, true)
	if sub.TierID != tier || sub.TierIDPending != pending || (pending == "") != (sub.ChangeKind == models.NoChange) {
		t.Fatalf("plan %s, pending %q (%s, at %s), problem %q; want %s, pending %q", sub.TierID, sub.TierIDPending, sub.ChangeKind, sub.ChangeAt.Time(), sub.ChangeProblem, tier, pending)
	}
	return sub
}

// told returns the kinds of a subscription's timeline, oldest first.
func (c *counter) told(t testing.TB, sub models.Subscription) (kinds []string) {
	t.Helper()
	all, err := models.TimelineOf(bg, c.db, sub.ID, 0, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if strings.HasPrefix(e.Kind, "plan_") {
			kinds = append([]string{e.Kind}, kinds...)
		}
	}
	return kinds
}
