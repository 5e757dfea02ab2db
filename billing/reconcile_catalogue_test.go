package billing_test

import (
	"context"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/money"
)

// ofA are the things of tenant a in one of its accounts.
func ofA[T any](o *office, connected bool, all map[string]*T, one func(id string, thing *T)) {
	at := accounts.Platform(o.a.tenant)
	if connected {
		at = connectedA(o)
	}
	for id, thing := range all {
		if o.ledger.at[id] == at {
			one(id, thing)
		}
	}
}

func TestWhatWeOwnIsPutBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(o *office, connected bool)
		fields []string
	}{
		"renamed products": {func(o *office, connected bool) {
			ofA(o, connected, o.ledger.products, func(_ string, p *billing.Product) { p.Name = "Renamed" })
		}, []string{"product name"}},
		"archived products": {func(o *office, connected bool) {
			ofA(o, connected, o.ledger.products, func(_ string, p *billing.Product) { p.Archived = true })
		}, []string{"product active"}},
		"archived prices": {func(o *office, connected bool) {
			ofA(o, connected, o.ledger.prices, func(_ string, p *billing.Price) { p.Active = false })
		}, []string{"price active"}},
		"deactivated meters": {func(o *office, connected bool) {
			ofA(o, connected, o.ledger.meters, func(_ string, m *billing.Meter) { m.Active = false })
		}, []string{"billing.meter active"}},
		"everything": {func(o *office, connected bool) {
			ofA(o, connected, o.ledger.products, func(_ string, p *billing.Product) { p.Archived = true })
			ofA(o, connected, o.ledger.prices, func(_ string, p *billing.Price) { p.Active = false })
			ofA(o, connected, o.ledger.meters, func(_ string, m *billing.Meter) { m.Active = false })
		}, []string{"billing.meter active", "price active", "product active"}},
		"other amounts": {func(o *office, connected bool) {
			ofA(o, connected, o.ledger.prices, func(_ string, p *billing.Price) {
				if !p.Amount.Currency().IsZero() {
					p.Amount = money.New(100, usd)
				}
			})
		}, []string{"price amount"}},
	} {
		for _, connected := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", connected", false: ", platform"}[connected], func(t *testing.T) {
				t.Parallel()
				o := openOffice(t, testdb.New(t))
				o.look(t)
				o.sees(t)
				c.change(o, connected)
				o.after(t, 24*time.Hour)
				seen := map[string]bool{}
				for _, d := range o.agreement(t).Open {
					seen[d.ObjectType+" "+d.Field] = true
				}
				for _, f := range c.fields {
					if !seen[f] {
						t.Errorf("%q is not among the differences %v", f, seen)
					}
				}
				for _, d := range []time.Duration{21 * time.Minute, 42 * time.Minute, 25 * time.Hour, 25 * time.Hour} {
					o.after(t, d) // a price that was changed by hand is an orphan once there is a new one
				}
				o.sees(t)
				ofA(o, connected, o.ledger.products, func(id string, p *billing.Product) {
					if p.Archived || p.Name == "Renamed" {
						t.Errorf("product %+v", p)
					}
				})
				ofA(o, connected, o.ledger.meters, func(id string, m *billing.Meter) {
					if !m.Active {
						t.Errorf("meter %+v", m)
					}
				})
				for _, r := range o.monetized(t) {
					if p := o.ledger.prices[r.StripePlanID]; r.State != models.PushLive || p == nil || !p.Active || r.TierName == "Gold" && p.Amount != money.New(4900, usd) {
						t.Errorf("%+v is sold at %+v", r, p)
					}
				}
			})
		}
	}
}

func TestWhatIsOffSaleHereAndOnSaleThereIsArchivedAgain(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	api, err := models.APIByID(t.Context(), o.db, o.a.tenant, o.a.apiID)
	if err != nil {
		t.Fatal(err)
	}
	api.Monetization = models.MonetizationDisabling
	if err := models.InTx(t.Context(), o.db, func(ctx context.Context, tx bun.Tx) error { return models.SaveAPI(ctx, tx, &api) }); err != nil {
		t.Fatal(err)
	}
	o.promise(t, o.a.tenant, billing.PushSale{API: o.a.apiID})
	o.work(t)
	o.look(t)
	o.sees(t)
	ofA(o, true, o.ledger.products, func(_ string, p *billing.Product) { p.Archived = false })
	ofA(o, true, o.ledger.prices, func(_ string, p *billing.Price) { p.Active = true })
	ofA(o, true, o.ledger.meters, func(_ string, m *billing.Meter) { m.Active = true })
	o.after(t, 24*time.Hour)
	for range 3 {
		o.after(t, 21*time.Minute)
	}
	o.sees(t)
	ofA(o, true, o.ledger.products, func(_ string, p *billing.Product) {
		if !p.Archived {
			t.Errorf("product %+v", p)
		}
	})
	ofA(o, true, o.ledger.prices, func(_ string, p *billing.Price) {
		if p.Active {
			t.Errorf("price %+v", p)
		}
	})
	ofA(o, true, o.ledger.meters, func(_ string, m *billing.Meter) {
		if m.Active {
			t.Errorf("meter %+v", m)
		}
	})
}

// A plan that is not sold any more still has subscribers, and their calls are
// counted: its meter is brought back.
func TestTheMeterOfAPlanThatIsOffSaleButUsedIsBroughtBack(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	var payg models.MonetizedPlan
	for _, r := range o.monetized(t) {
		if r.TierName == "Payg" {
			payg = r
		}
	}
	one := int64(1)
	stockUp(t, o.db, &models.Subscription{
		TierID: "Payg", APIID: o.a.apiID, ApplicationID: 1, Status: "UNBLOCKED", CreateState: "SUBSCRIBE", UUID: models.NewID(), TenantID: o.a.tenant,
		PolicyID: payg.PolicyID, PriceVersionID: payg.PriceVersionID, NeedsPayment: true, Checkout: "none", Account: o.a.account, Live: &one,
		CreatedTime: models.At(o.now()), UpdatedTime: models.At(o.now()),
	})
	if err := models.DeleteOffers(t.Context(), o.db, o.a.apiID, payg.PolicyID); err != nil {
		t.Fatal(err)
	}
	o.promise(t, o.a.tenant, billing.PushSale{API: o.a.apiID})
	o.work(t)
	ofA(o, true, o.ledger.meters, func(_ string, m *billing.Meter) {
		if !m.Active {
			t.Fatalf("%+v was stopped although somebody is subscribed", m)
		}
		m.Active = false
	})
	o.after(t, day24)
	o.after(t, 21*time.Minute)
	o.sees(t)
	ofA(o, true, o.ledger.meters, func(_ string, m *billing.Meter) {
		if !m.Active {
			t.Errorf("%+v is still stopped", m)
		}
	})
}

// A change by hand is heard of at once where its event comes.
func TestAProductEventComparesTheCatalogue(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	o.look(t)
	var id string
	ofA(o, true, o.ledger.products, func(one string, p *billing.Product) { id, p.Name = one, "Renamed" })
	e := o.about("customer.subscription.updated", id)
	e.Type, e.Object = "product.updated", "product"
	o.send(t, e)
	o.work(t)
	if p := o.ledger.products[id]; p.Name == "Renamed" {
		t.Error("the name was not put back")
	}
	if got := o.outcome(t, e); got.State != models.EventDone {
		t.Errorf("%+v", got)
	}
}

const day24 = 24 * time.Hour

func TestOrphansAreRemovedAfterADay(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) { orphans(t, openOffice(t, db)) })
}

func orphans(t *testing.T, o *office) {
	t.Helper()
	o.look(t)
	at, l := connectedA(o), o.ledger
	ours := map[string]string{"tollgate_installation": "inst-1"}
	selling := map[string]string{"installation": "inst-1", "tenantDomain": o.a.domain, "subscription": models.NewID()}
	l.mu.Lock()
	product, price, meter := l.id("prod", at), l.id("price", at), l.id("mtr", at)
	l.products[product] = &billing.Product{ID: product, Name: "Old", Metadata: ours, Created: o.now()}
	l.prices[price] = &billing.Price{ID: price, Product: product, Active: true, Amount: money.New(100, usd), Cycle: "month", Metadata: ours, Meter: meter, Created: o.now()}
	l.meters[meter] = &billing.Meter{ID: meter, EventName: "tg_old", Name: "Old", Active: true, Created: o.now()}
	idle, busy := l.id("cus", at), l.id("cus", at)
	for _, id := range []string{idle, busy} {
		l.customers[id] = billing.CustomerInput{Name: "Nobody", Metadata: map[string]string{"installation": "inst-1", "application": models.NewID()}}
	}
	l.mu.Unlock()
	unpaid, paid, counted := o.byHand(at, busy, "incomplete", selling, price), o.byHand(at, busy, "active", selling, price), o.byHand(at, busy, "active", selling, price)
	counted.Items[0].Quantity = 0
	l.mu.Lock()
	l.bill(paid, "paid", "subscription_create")
	l.mu.Unlock()

	o.after(t, day24)
	all := []string{"billing.meter orphan", "customer orphan", "customer orphan", "price orphan", "product orphan", "subscription orphan", "subscription orphan", "subscription orphan"}
	o.sees(t, all...)
	o.after(t, 23*time.Hour)
	o.sees(t, all...)
	if p := l.products[product]; p.Archived || !l.prices[price].Active || !l.meters[meter].Active || l.deleted[idle] || unpaid.Status != "incomplete" {
		t.Fatal("something was removed before a day was over")
	}
	o.after(t, 2*time.Hour)
	o.sees(t, "customer orphan", "subscription orphan", "subscription orphan")
	if p := l.products[product]; !p.Archived || l.prices[price].Active || l.meters[meter].Active || !l.deleted[idle] || unpaid.Status != "canceled" {
		t.Errorf("left: product %+v, price %+v, meter %+v, customer deleted %t, subscription %s", p, l.prices[price], l.meters[meter], l.deleted[idle], unpaid.Status)
	}
	for action, n := range map[string]int{"stripe.orphan_archived": 2, "stripe.orphan_deactivated": 1, "stripe.orphan_deleted": 1, "stripe.orphan_canceled": 1} {
		if got := o.audited(t, action); got != n {
			t.Errorf("the audit has %d of %s, want %d", got, action, n)
		}
	}
	for range 5 {
		o.after(t, day24)
	}
	if paid.Status != "active" || counted.Status != "active" || l.deleted[busy] {
		t.Error("what somebody pays for, or may have to, was ended, or its customer deleted")
	}
	for _, d := range o.agreement(t).Open {
		if d.ObjectID == paid.ID && billing.CareOf(d) != billing.CarePerson {
			t.Errorf("%+v", d)
		}
	}
}

func TestAnOrphanCheckoutIsClosed(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	at, l := connectedA(o), o.ledger
	l.mu.Lock()
	id := l.id("cs", at)
	l.sessions[id] = &billing.CheckoutSession{
		ID: id, Status: billing.CheckoutOpen, Created: o.now(), ExpiresAt: o.now().Add(72 * time.Hour),
		Metadata: map[string]string{"installation": "inst-1", "tenantDomain": o.a.domain, "subscription": models.NewID()},
	}
	l.mu.Unlock()
	o.look(t)
	o.sees(t, "checkout.session orphan")
	o.after(t, 25*time.Hour)
	o.sees(t)
	if l.sessions[id].Status != billing.CheckoutExpired {
		t.Errorf("%+v", l.sessions[id])
	}
}

// Without our mark, or with another tenant's, nothing is ever shown or touched.
func TestForeignObjectsAreNeverTouched(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	at, l := connectedA(o), o.ledger
	marks := []map[string]string{nil, {"installation": "inst-2", "tollgate_installation": "inst-2", "tenantDomain": o.a.domain}, {"installation": "inst-1", "tenantDomain": o.b.domain, "application": o.b.app}}
	for _, m := range marks {
		l.mu.Lock()
		product, price, meter, customer := l.id("prod", at), l.id("price", at), l.id("mtr", at), l.id("cus", at)
		l.products[product] = &billing.Product{ID: product, Name: "Theirs", Metadata: m, Created: o.now()}
		l.prices[price] = &billing.Price{ID: price, Product: product, Active: true, Cycle: "month", Metadata: m, Meter: meter, Created: o.now()}
		l.meters[meter] = &billing.Meter{ID: meter, EventName: "theirs", Active: true, Created: o.now()}
		l.customers[customer] = billing.CustomerInput{Name: "Theirs", Metadata: m}
		l.mu.Unlock()
		o.byHand(at, customer, "incomplete", m, price)
	}
	for range 4 {
		o.after(t, day24)
		o.sees(t)
	}
	for _, op := range l.ops {
		switch op {
		case "cancel", "delete customer", "archive product", "price active", "stop meter", "expire":
			t.Errorf("somebody else's was touched: %s", op)
		}
	}
}

// Both tenants work on one platform account: what belongs to the other one is no
// orphan.
func TestTenantsThatShareAnAccountLeaveEachOtherAlone(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	for _, id := range []models.TenantID{o.a.tenant, o.b.tenant} {
		tenant, err := models.TenantByID(t.Context(), o.db, id)
		if err != nil {
			t.Fatal(err)
		}
		tenant.StripeAccount = "acct_shared"
		if err := models.InTx(t.Context(), o.db, func(ctx context.Context, tx bun.Tx) error { return models.SaveTenant(ctx, tx, tenant) }); err != nil {
			t.Fatal(err)
		}
	}
	for id, at := range o.ledger.at {
		if at.IsPlatform() {
			o.ledger.at[id] = accounts.Platform(o.a.tenant)
		}
	}
	for range 3 {
		o.after(t, day24)
	}
	o.sees(t)
	for id, p := range o.ledger.products {
		if p.Archived {
			t.Errorf("%s was archived", id)
		}
	}
}
