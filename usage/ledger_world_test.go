package usage_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/models"
	"tollgate/usage"
)

// A ledgerWorld is a database with a tenant, an API, two plans and some subscriptions,
// and a clock that stands still until it is moved.
type ledgerWorld struct {
	db       *bun.DB
	tenant   models.TenantID
	api      int64
	policies [2]int64
	subs     []int64
	wall     clock.Wall
	business clock.Business

	mu  sync.Mutex
	now time.Time
}

// noonOf is where a ledgerWorld's clock begins.
var noonOf = time.Date(2026, 12, 8, 12, 0, 0, 250e6, time.UTC)

func (w *ledgerWorld) time() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

func (w *ledgerWorld) wait(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.now = w.now.Add(d) }

func newLedgerWorld(t testing.TB, db *bun.DB, subscriptions int) *ledgerWorld {
	t.Helper()
	w := &ledgerWorld{db: db, tenant: 7, now: noonOf}
	w.wall = clock.NewWall(w.time)
	w.business = clock.NewBusiness(w.wall)
	one, at := int64(1), models.At(noonOf)
	put := func(row any) {
		t.Helper()
		if _, err := db.NewInsert().Model(row).Exec(context.Background()); err != nil {
			t.Fatalf("%T: %v", row, err)
		}
	}
	put(&models.Tenant{ID: w.tenant, Domain: "acme.example", Name: "Acme", State: "active", CreatedAt: at})
	person := &models.Person{ID: models.NewID(), TenantID: w.tenant, Username: "ada", Email: "ada@acme.example", DisplayName: "Ada", State: "active", Theme: "system", CreatedAt: at}
	put(person)
	buyer := &models.Subscriber{UserID: "ada", TenantID: w.tenant, DateSubscribed: at, PersonID: person.ID}
	put(buyer)
	api := &models.API{UUID: models.NewID(), Provider: "pub", Name: "Weather", APIVersion: "v1", Context: "weather", Type: models.TypeAPI, Organization: "acme.example", Status: models.APIPublished, TenantID: w.tenant, OwnerID: person.ID, Monetization: models.MonetizationOff, Live: &one}
	put(api)
	w.api = api.ID
	for i := range w.policies {
		p := &models.Policy{Name: fmt.Sprint("Plan ", i), DisplayName: "Plan", TenantID: w.tenant, QuotaType: "requestCount", UnitTime: 1, TimeUnit: "min", CustomAttributes: map[string]string{}, BillingPlan: models.PlanFree, UUID: models.NewID(), PermissionRoles: []string{}, CreatedAt: at, UpdatedAt: at, Live: &one}
		put(p)
		w.policies[i] = p.ID
	}
	for i := range subscriptions {
		app := &models.Application{Name: fmt.Sprint("App ", i), SubscriberID: buyer.ID, Tier: "Unlimited", Status: "APPROVED", UUID: models.NewID(), TenantID: w.tenant, Live: &one}
		put(app)
		sub := &models.Subscription{TierID: "Plan 0", APIID: api.ID, ApplicationID: app.ID, Status: "UNBLOCKED", CreateState: "SUBSCRIBE", CreatedTime: at, UpdatedTime: at, UUID: models.NewID(), TenantID: w.tenant, PolicyID: w.policies[0], Checkout: "none", Live: &one}
		put(sub)
		w.subs = append(w.subs, sub.ID)
	}
	return w
}

// call is a call of a subscription that counts as one unit.
func (w *ledgerWorld) call(subscription int64) usage.Call {
	return usage.Call{
		ID: usage.NewCallID(w.time()), Tenant: w.tenant, Subscription: subscription, API: w.api, Policy: w.policies[0],
		Status: 200, Counted: true, Units: 1, Took: 3 * time.Millisecond,
	}
}

// ledger runs a ledger until the test ends.
func (w *ledgerWorld) ledger(t testing.TB, change ...func(*usage.LedgerOptions)) *usage.Ledger {
	t.Helper()
	o := usage.LedgerOptions{DB: w.db, Wall: w.wall, Business: w.business, Kind: usage.KindGateway, Name: "test", Address: "127.0.0.1:8243", Beat: 50 * time.Millisecond}
	for _, c := range change {
		c(&o)
	}
	l := usage.NewLedger(o)
	w.run(t, l)
	return l
}

func (w *ledgerWorld) run(t testing.TB, l *usage.Ledger) {
	t.Helper()
	go l.Run(context.Background()) //nolint:errcheck // Close waits for it
	t.Cleanup(l.Close)
	soon(t, func() error { return l.Ready() })
}

// soon waits until check returns nil.
func soon(t testing.TB, check func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("it never came to be: %v", err)
}

// sound fails the test when the ledger breaks one of its rules.
func (w *ledgerWorld) sound(t testing.TB) {
	t.Helper()
	problems, err := usage.CheckLedger(context.Background(), w.db)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("the ledger is not sound: %v", p)
	}
}

// rowsOf returns the ledger's rows in the order of their keys.
func (w *ledgerWorld) rows(t testing.TB) []models.LedgerRow {
	t.Helper()
	var rows []models.LedgerRow
	err := w.db.NewSelect().Model(&rows).OrderExpr("ul.subscription_id, ul.writer, ul.seq_from").Scan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// sums adds up a subscription's rows.
func (w *ledgerWorld) sums(t testing.TB, subscription int64) (calls, counted, quantity int64) {
	t.Helper()
	for _, r := range w.rows(t) {
		if r.SubscriptionID == subscription {
			calls, counted, quantity = calls+r.Calls, counted+r.Counted, quantity+r.Quantity
		}
	}
	return calls, counted, quantity
}
