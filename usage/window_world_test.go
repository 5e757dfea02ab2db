package usage_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"encoding/json"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/billing/stripe"
	"tollgate/internal/clock"
	"tollgate/models"
	"tollgate/money"
	"tollgate/sandbox"
	"tollgate/usage"
)

// A meterWorld is a tenant that sells calls through Stripe's sandbox, with the real
// engine between them. The wall stands still until it is moved.
type meterWorld struct {
	db       *bun.DB
	box      *sandbox.Server
	http     *http.Client
	engine   *stripe.Engine
	pub      *usage.Publisher
	flush    *usage.Flusher
	compare  *usage.Comparer
	wall     clock.Wall
	business clock.Business
	admin    accounts.Actor
	accounts []*meterAccount
	seq      map[string]int64 // rows written, by subscription and writer

	mu  sync.Mutex
	now time.Time
}

// A meterAccount is a connected account and what it sells: Payg and Plus, each by the
// call, and Gold at a fixed price.
type meterAccount struct {
	id     string
	api    int64
	prices map[string]string // at Stripe, by plan
	meters map[string]string // ids
	subs   []*meterSub
}

// A meterSub is a subscription of an application of its own.
type meterSub struct {
	*meterAccount
	id       int64
	customer string
}

const meterTenant = models.TenantID(7)

var meterPlans = []string{"Payg", "Plus", "Gold"}

// policyNumber is the number of a plan in a new database.
func policyNumber(plan string) int64 {
	for i, p := range meterPlans {
		if p == plan {
			return int64(i + 1)
		}
	}
	return 0
}

type meterKey struct{}

// StripeKey implements stripe.Keys.
func (meterKey) StripeKey(context.Context, models.TenantID) (string, error) {
	return "sk_test_0123456789abcdefghij", nil
}

func (w *meterWorld) time() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

// passes moves the wall, and business time with it.
func (w *meterWorld) passes(d time.Duration) { w.mu.Lock(); w.now = w.now.Add(d); w.mu.Unlock() }

// openMeters makes a world of as many accounts, each with as many subscriptions to Payg.
func openMeters(t testing.TB, db *bun.DB, accountsWanted, subscriptions int) *meterWorld {
	t.Helper()
	w := &meterWorld{db: db, now: time.Date(2026, 12, 8, 12, 34, 56, 250e6, time.UTC), seq: map[string]int64{}}
	w.wall = clock.NewWall(w.time)
	w.business = clock.NewBusiness(w.wall)
	var err error
	if w.box, err = sandbox.Open(t.Context(), sandbox.Options{Path: ":memory:", BaseURL: "http://stripe.test", Wall: w.wall, HoldWebhooks: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.box.Close(); err != nil {
			t.Error(err)
		}
	})
	w.http = &http.Client{Transport: w.box.Transport()}
	w.engine = stripe.New(meterKey{}, "http://stripe.test", slog.New(slog.DiscardHandler), w.box.Transport())
	w.pub = w.publisher(w.engine)
	w.flush = &usage.Flusher{Publisher: w.pub}
	w.compare = &usage.Comparer{Publisher: w.pub, Invoices: w}
	w.admin = accounts.Actor{Tenant: meterTenant, Domain: "acme.example", Person: "mara", Name: "Mara", Roles: []accounts.Role{accounts.Admin}}
	w.settle(t)
	for range accountsWanted {
		a := w.account(t)
		for range subscriptions {
			w.subscribe(t, a, "Payg")
		}
	}
	return w
}

// publisher is another process.
func (w *meterWorld) publisher(sink usage.Sink) *usage.Publisher {
	return &usage.Publisher{DB: w.db, Sink: sink, Wall: w.wall, Business: w.business, Installation: "inst-1"}
}

func (w *meterWorld) put(t testing.TB, rows ...any) {
	t.Helper()
	for _, row := range rows {
		if _, err := w.db.NewInsert().Model(row).Exec(context.Background()); err != nil {
			t.Fatalf("%T: %v", row, err)
		}
	}
}

func (w *meterWorld) settle(t testing.TB) {
	t.Helper()
	at := models.At(w.now)
	person := &models.Person{ID: "p-ada", TenantID: meterTenant, Username: "ada", Email: "ada@acme.example", DisplayName: "Ada", State: "active", Theme: "system", CreatedAt: at}
	w.put(t, &models.Tenant{ID: meterTenant, Domain: "acme.example", Name: "Acme", State: "active", CreatedAt: at, LateUsage: models.LateBilled}, person,
		&models.Subscriber{UserID: "ada", TenantID: meterTenant, DateSubscribed: at, PersonID: person.ID})
	one := int64(1)
	for _, plan := range meterPlans {
		p := &models.Policy{Name: plan, DisplayName: plan, TenantID: meterTenant, QuotaType: "requestCount", UnitTime: 1, TimeUnit: "min", CustomAttributes: map[string]string{}, BillingPlan: models.PlanCommercial, MonetizationPlan: models.DynamicRate, UUID: models.NewID(), PermissionRoles: []string{}, CreatedAt: at, UpdatedAt: at, Live: &one}
		v := &models.PriceVersion{ID: "pv-" + plan, TenantID: meterTenant, Number: 1, Model: models.DynamicRate, UnitPrice: "0.002", Currency: "usd", BillingCycle: "month", CreatedBy: "x", CreatedAt: at}
		if cents := int64(4900); plan == "Gold" {
			p.MonetizationPlan, v.Model, v.UnitPrice, v.AmountMinor = models.FixedRate, models.FixedRate, "", &cents
		}
		w.put(t, p)
		v.PolicyID = p.ID
		w.put(t, v)
		if p.ID != policyNumber(plan) {
			t.Fatalf("plan %s has number %d", plan, p.ID)
		}
	}
}

// post calls the sandbox as Stripe's own tools do.
func (w *meterWorld) post(t testing.TB, account, path string, pairs ...string) map[string]any {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return w.do(t, http.MethodPost, account, path, form)
}

func (w *meterWorld) do(t testing.TB, method, account, path string, form url.Values) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, "http://stripe.test"+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer sk_test_0123456789abcdefghij")
	if account != "" {
		r.Header.Set("Stripe-Account", account)
	}
	answer, err := w.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", path, answer.StatusCode, body)
	}
	return out
}

// account links an account and puts an API on sale in it.
func (w *meterWorld) account(t testing.TB) *meterAccount {
	t.Helper()
	made := w.post(t, "", "/v1/accounts", "type", "standard", "country", "US")
	a := &meterAccount{id: made["id"].(string), prices: map[string]string{}, meters: map[string]string{}}
	one, n := int64(1), len(w.accounts)
	api := &models.API{UUID: models.NewID(), Provider: "pub", Name: fmt.Sprint("Weather ", n), APIVersion: "v1", Context: fmt.Sprint("weather", n), Type: models.TypeAPI, Organization: "acme.example", Status: models.APIPublished, TenantID: meterTenant, OwnerID: "p-ada", Monetization: models.MonetizationOff, Live: &one}
	w.put(t, api)
	a.api = api.ID
	w.accounts = append(w.accounts, a)
	at := accounts.StripeAccount{Tenant: meterTenant, Connected: a.id}
	usd, _ := money.ParseCurrency("usd")
	if err := w.engine.SaveProduct(t.Context(), at, "p", billing.Product{ID: "tg_1", Name: "Weather"}); err != nil {
		t.Fatal(err)
	}
	for _, plan := range meterPlans {
		in := billing.PriceInput{Product: "tg_1", LookupKey: plan, Nickname: plan, Cycle: "month", Amount: money.New(4900, usd)}
		m := &models.MonetizedPlan{APIID: a.api, TierName: plan, StripeProductID: "tg_1", TenantID: meterTenant, PolicyID: policyNumber(plan), PriceVersionID: "pv-" + plan, Component: "fixed", Currency: "usd", Account: a.id, State: models.PushLive}
		var err error
		if plan != "Gold" {
			name := fmt.Sprintf("tg_%s_%d", strings.ToLower(plan), n)
			if a.meters[plan], err = w.engine.EnsureMeter(t.Context(), at, "m"+plan, billing.MeterInput{Name: plan, EventName: name}); err != nil {
				t.Fatal(err)
			}
			in.Amount, in.Meter, m.Component = money.Amount{}, a.meters[plan], "usage"
			if in.Rate, err = money.ParseRate("0.002", usd); err != nil {
				t.Fatal(err)
			}
			w.put(t, &models.StripeMeter{APIID: a.api, PolicyID: policyNumber(plan), Account: a.id, TenantID: meterTenant, EventName: name, MeterID: a.meters[plan], State: models.PushLive})
		}
		if a.prices[plan], err = w.engine.CreatePrice(t.Context(), at, "c"+plan, in); err != nil {
			t.Fatal(err)
		}
		m.StripePlanID = a.prices[plan]
		w.put(t, m)
	}
	return a
}
