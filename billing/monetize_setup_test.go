package billing_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

const northwind = "acct_northwind" // the publisher's account

// A market is a tenant with an admin, two publishers and a subscriber, on books
// instead of Stripe.
type market struct {
	t        *testing.T
	db       *bun.DB
	books    *pricebook
	catalog  *catalog.Service
	sales    *billing.Sales
	runner   *outbox.Runner
	mara     accounts.Actor // admin
	nils     accounts.Actor // publisher
	olga     accounts.Actor // another publisher
	mu       sync.Mutex
	now      time.Time
	tenantID models.TenantID
	domain   string
}

func newMarket(t *testing.T, db *bun.DB) *market {
	t.Helper()
	m := openMarket(t, db, 1, "acme.example", newPricebook(t))
	m.books.accounts[northwind] = billing.Account{ID: northwind, Name: "Northwind", ChargesEnabled: true}
	m.books.accounts["acct_second"] = billing.Account{ID: "acct_second", Name: "Second", ChargesEnabled: true}
	return m
}

// openMarket adds a tenant with its people.
func openMarket(t *testing.T, db *bun.DB, id models.TenantID, domain string, b *pricebook) *market {
	t.Helper()
	m := &market{t: t, db: db, books: b, now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), tenantID: id, domain: domain}
	wall := clock.NewWall(func() time.Time { m.mu.Lock(); defer m.mu.Unlock(); return m.now })
	m.sales = &billing.Sales{
		DB: db, Engine: b, Wall: wall, Installation: "here", Accounts: &accounts.ConnectedAccounts{DB: db, Wall: wall},
		Attributes: []billing.Attribute{
			{Name: billing.ConnectedAccountKey, DisplayName: "Stripe account", Required: true},
			{Name: "StatementText", DisplayName: "Statement text"},
		},
	}
	m.catalog = &catalog.Service{DB: db, Wall: wall, Follow: m.sales, Demo: true}
	m.runner = &outbox.Runner{DB: db, Wall: wall, Business: clock.NewBusiness(wall)}
	m.sales.Register(m.runner)
	_, err := models.InsertTenant(t.Context(), db, models.Tenant{
		ID: id, Domain: domain, Name: domain, State: "active", StripeAccount: "acct_platform", CreatedAt: models.At(m.now),
	})
	m.must(err)
	m.mara, m.nils, m.olga = m.person("mara", accounts.Admin), m.person("nils", accounts.Publisher), m.person("olga", accounts.Publisher)
	return m
}

func (m *market) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *market) person(name string, role accounts.Role) accounts.Actor {
	m.t.Helper()
	p := models.Person{
		ID: models.NewID(), TenantID: m.tenantID, Username: name, Email: name + "@example.com", DisplayName: strings.ToUpper(name),
		State: "active", Theme: "system", CreatedAt: models.At(m.now),
	}
	_, err := m.db.NewInsert().Model(&p).Exec(m.t.Context())
	m.must(err)
	return accounts.Actor{Tenant: m.tenantID, Domain: m.domain, Person: p.ID, Username: name, Name: name, Roles: []accounts.Role{role}}
}

func gold(price string) catalog.PlanInput {
	return catalog.PlanInput{Name: "Gold", BillingPlan: models.PlanCommercial, Model: models.FixedRate, Price: price, Currency: "usd", Cycle: "month", RateLimit: "1000"}
}

func payg(price string) catalog.PlanInput {
	return catalog.PlanInput{Name: "Pay as you go", BillingPlan: models.PlanCommercial, Model: models.DynamicRate, Price: price, Currency: "usd", Cycle: "month"}
}

func (m *market) plan(in catalog.PlanInput) string {
	m.t.Helper()
	saved, err := m.catalog.CreatePlan(m.t.Context(), m.mara, in)
	m.must(err)
	return saved.UUID
}

// reprice saves a plan as it is but for its price.
func (m *market) reprice(uuid string, in catalog.PlanInput) {
	m.t.Helper()
	p, err := m.catalog.Plan(m.t.Context(), m.mara, uuid)
	m.must(err)
	_, err = m.catalog.EditPlan(m.t.Context(), m.mara, uuid, p.Policy.Version, in)
	m.must(err)
}

// weather is a published API that offers plans.
func (m *market) weather(plans ...string) string {
	m.t.Helper()
	saved, err := m.catalog.CreateAPI(m.t.Context(), m.nils, models.TypeAPI, catalog.APIInput{
		Name: "Weather", Version: "v1", Context: "weather", Upstream: "demo:weather",
	})
	m.must(err)
	m.must(m.catalog.PublishAPI(m.t.Context(), m.nils, saved.UUID))
	m.offer(saved.UUID, plans...)
	return saved.UUID
}

func (m *market) api(uuid string) models.API {
	m.t.Helper()
	a, err := models.APIByUUID(m.t.Context(), m.db, m.tenantID, uuid)
	m.must(err)
	return a
}

func (m *market) offer(api string, plans ...string) {
	m.t.Helper()
	_, err := m.catalog.OfferPlans(m.t.Context(), m.nils, api, m.api(api).Version, plans)
	m.must(err)
}

func on(account string) billing.MonetizeInput {
	return billing.MonetizeInput{Enabled: true, Properties: map[string]string{billing.ConnectedAccountKey: account, "StatementText": "NORTHWIND WX"}}
}

func (m *market) monetize(api string, in billing.MonetizeInput) string {
	m.t.Helper()
	job, err := m.sales.Monetize(m.t.Context(), m.nils, api, in)
	m.must(err)
	return job
}

// settle performs everything that is owed, however often it has to be tried.
func (m *market) settle() {
	m.t.Helper()
	for range 60 {
		next, err := m.runner.RunOnce(context.Background())
		m.must(err)
		if next.IsZero() {
			return
		}
		m.mu.Lock()
		m.now = m.now.Add(20 * time.Minute)
		m.mu.Unlock()
	}
	m.t.Fatal("the work does not come to an end")
}

// subscribe adds a paid subscription to a plan of an API.
func (m *market) subscribe(api, plan string) {
	m.t.Helper()
	ctx := m.t.Context()
	buyer := m.person("ada"+models.NewID()[20:], accounts.Subscriber)
	owner := models.Subscriber{UserID: buyer.Username, TenantID: m.tenantID, DateSubscribed: 1, PersonID: buyer.Person}
	_, err := m.db.NewInsert().Model(&owner).Exec(ctx)
	m.must(err)
	one := int64(1)
	app := models.Application{Name: "Phone app", SubscriberID: owner.ID, Tier: "Unlimited", Status: "APPROVED", UUID: models.NewID(), TenantID: m.tenantID, Live: &one}
	_, err = m.db.NewInsert().Model(&app).Exec(ctx)
	m.must(err)
	a := m.api(api)
	sold, err := catalog.OfferFor(ctx, m.db, buyer, a, plan)
	m.must(err)
	sub := models.Subscription{
		TierID: sold.Plan.Name, APIID: a.ID, ApplicationID: app.ID, Status: "UNBLOCKED", CreateState: "SUBSCRIBE", CreatedTime: 1, UpdatedTime: 1,
		UUID: models.NewID(), TenantID: m.tenantID, PolicyID: sold.Plan.ID, PriceVersionID: sold.Price.Version, NeedsPayment: sold.Account != "",
		Checkout: "none", Account: sold.Account, Live: &one,
	}
	_, err = m.db.NewInsert().Model(&sub).Exec(ctx)
	m.must(err)
}

func (m *market) endAll() {
	m.t.Helper()
	_, err := m.db.NewUpdate().Model((*models.Subscription)(nil)).Set("live = NULL").Where("tenant_id = ?", m.tenantID).Exec(m.t.Context())
	m.must(err)
}

// agree checks that the books and our rows say the same: what is live here is
// active there, and nothing else is.
func (m *market) agree() {
	m.t.Helper()
	ctx := m.t.Context()
	want := map[string]bool{}
	var platform []models.PlatformPlan
	m.must(m.db.NewSelect().Model(&platform).Where("tenant_id = ?", m.tenantID).Scan(ctx))
	for _, r := range platform {
		live := r.State == models.PushLive
		m.final(r.State, "platform plan")
		mark(want, m.books.place(accounts.Platform(m.tenantID)), live, r.ProductID, r.PlanID, r.MeterID)
	}
	var rows []models.MonetizedPlan
	m.must(m.db.NewSelect().Model(&rows).Where("tenant_id = ?", m.tenantID).Scan(ctx))
	for _, r := range rows {
		m.final(r.State, "monetized plan")
		mark(want, m.books.place(accounts.StripeAccount{Tenant: m.tenantID, Connected: r.Account}), r.State == models.PushLive, r.StripePlanID)
	}
	var products []models.StripeProduct
	m.must(m.db.NewSelect().Model(&products).Where("tenant_id = ?", m.tenantID).Scan(ctx))
	for _, r := range products {
		m.final(r.State, "product")
		mark(want, m.books.place(accounts.StripeAccount{Tenant: m.tenantID, Connected: r.Account}), r.State == models.PushLive, r.ProductID)
	}
	var meters []models.StripeMeter
	m.must(m.db.NewSelect().Model(&meters).Where("tenant_id = ?", m.tenantID).Scan(ctx))
	for _, r := range meters {
		m.final(r.State, "meter")
		mark(want, m.books.place(accounts.StripeAccount{Tenant: m.tenantID, Connected: r.Account}), r.State == models.PushLive, r.MeterID)
	}
	for key, th := range m.books.things {
		if !strings.HasPrefix(key, strconv.FormatInt(int64(m.tenantID), 10)+"/") {
			continue // another tenant's
		}
		if th.active != want[key] {
			m.t.Errorf("%s %s is active: %v, want %v", th.kind, th.id, th.active, want[key])
		}
		delete(want, key)
	}
	for key, live := range want {
		if live {
			m.t.Errorf("%s is live here and not in the books", key)
		}
	}
	if m.books.happens == nil && len(m.books.misfits) > 0 {
		m.t.Errorf("prices without their product or meter: %q", m.books.misfits)
	}
	if m.t.Failed() {
		m.t.Fatalf("books:\n%s\ncalls: %v", m.books.dump(), m.books.calls)
	}
}

func (m *market) final(state, what string) {
	m.t.Helper()
	if state == models.PushPushing || state == models.PushArchiving {
		m.t.Errorf("a %s is still %s", what, state)
	}
}

// mark notes what should be active; a thing that several rows name is when one of them is live.
func mark(want map[string]bool, place string, live bool, ids ...string) {
	for _, id := range ids {
		if id != "" {
			want[place+id] = want[place+id] || live
		}
	}
}

// message is what a person reads at a field, or on the page.
func message(err error, field string) string {
	if f, ok := fault.FieldsOf(err); ok {
		return f[field]
	}
	return fault.Message(err)
}
