package billing_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/clock"
	"tollgate/internal/outbox"
	"tollgate/models"
)

const (
	secretConnect  = "whsec_connectConnectConnectConnect01"
	secretPlatform = "whsec_platformPlatformPlatformPlat01"
)

// A shop is two tenants that sell the same things under the same names, with
// books for their Stripe.
type shop struct {
	db     *bun.DB
	stripe *till
	sell   *billing.Subscriptions
	inbox  *billing.Inbox
	jobs   *outbox.Runner
	a, b   seller

	mu   sync.Mutex
	time time.Time
	evt  int
}

// A seller is one tenant with an API, two plans, and a buyer with an application.
type seller struct {
	tenant           models.TenantID
	domain, account  string
	publisher, buyer accounts.Actor
	other            accounts.Actor // another subscriber of the tenant
	api, gold, free  string
	app, app2        string // of buyer
	apiID            int64
	version          string
}

// HookSecrets implements billing.HookSecrets.
func (s *shop) HookSecrets(_ context.Context, tenant models.TenantID) (map[accounts.Scope][]string, error) {
	switch tenant {
	case s.a.tenant:
		return map[accounts.Scope][]string{accounts.ScopeConnect: {"", secretConnect}, accounts.ScopePlatform: {secretPlatform}}, nil
	case s.b.tenant:
		return map[accounts.Scope][]string{accounts.ScopeConnect: {secretConnect + "b"}, accounts.ScopePlatform: {""}}, nil
	}
	return nil, nil
}

func (s *shop) now() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.time }

func (s *shop) wait(d time.Duration) { s.mu.Lock(); defer s.mu.Unlock(); s.time = s.time.Add(d) }

func openShop(t testing.TB, db *bun.DB) *shop {
	t.Helper()
	s := &shop{db: db, time: time.Date(2026, 12, 8, 14, 0, 0, 0, time.UTC)}
	wall := clock.NewWall(s.now)
	s.stripe = newTill(s.now)
	s.jobs = &outbox.Runner{DB: db, Wall: wall, Business: clock.NewBusiness(wall), Workers: 1}
	s.sell = &billing.Subscriptions{
		DB: db, Engine: s.stripe, Jobs: s.jobs, Wall: wall, Business: s.jobs.Business,
		Installation: "inst-1", PublicURL: "https://portal.example",
	}
	s.sell.Register(s.jobs)
	(&billing.Sales{DB: db, Engine: s.stripe, Wall: wall, Installation: "inst-1"}).Register(s.jobs)
	s.inbox = &billing.Inbox{DB: db, Engine: s.stripe, Jobs: s.jobs, Secrets: s, Wall: wall}
	s.a = stock(t, db, 1, "acme.example", "acct_AAAA", s.time)
	s.b = stock(t, db, 2, "twin.example", "acct_BBBB", s.time)
	return s
}

// put inserts rows, and fails the test when the database does not take one.
func stockUp(t testing.TB, db *bun.DB, rows ...any) {
	t.Helper()
	for _, row := range rows {
		if _, err := db.NewInsert().Model(row).Exec(context.Background()); err != nil {
			t.Fatalf("%T: %v", row, err)
		}
	}
}

func stock(t testing.TB, db *bun.DB, id models.TenantID, domain, account string, now time.Time) seller {
	t.Helper()
	one, at := int64(1), models.At(now)
	s := seller{tenant: id, domain: domain, account: account, version: models.NewID(), gold: models.NewID(), free: models.NewID(), api: models.NewID(), app: models.NewID(), app2: models.NewID()}
	stockUp(t, db, &models.Tenant{ID: id, Domain: domain, Name: domain, State: "active", StripeAccount: "acct_platform_" + domain, CreatedAt: at})
	person := func(name string, role accounts.Role) (accounts.Actor, *models.Subscriber) {
		p := models.Person{ID: models.NewID(), TenantID: id, Username: name, Email: name + "@" + domain, DisplayName: name, State: "active", Theme: "system", CreatedAt: at}
		sr := &models.Subscriber{UserID: name, TenantID: id, DateSubscribed: at, PersonID: p.ID}
		stockUp(t, db, &p, sr)
		return accounts.Actor{Tenant: id, Domain: domain, Person: p.ID, Username: name, Name: name, Roles: []accounts.Role{role}}, sr
	}
	var buyer *models.Subscriber
	s.publisher, _ = person("pub", accounts.Publisher)
	s.buyer, buyer = person("ada", accounts.Subscriber)
	s.other, _ = person("eve", accounts.Subscriber)
	ca := &models.ConnectedAccount{ID: models.NewID(), TenantID: id, PlatformAccount: "acct_platform_" + domain, StripeAccount: account, OwnerID: s.publisher.Person, Name: "Old name", Country: "US", DefaultCurrency: "usd", ChargesEnabled: true, Due: []string{}, Live: &one, CheckedAt: at, CreatedAt: at}
	api := &models.API{UUID: s.api, Provider: "pub", Name: "Weather", APIVersion: "v1", Context: "weather", Type: models.TypeAPI, Organization: domain, Status: models.APIPublished, TenantID: id, OwnerID: s.publisher.Person, ConnectedAccountID: ca.ID, Monetization: models.MonetizationOn, Live: &one}
	stockUp(t, db, ca, api)
	s.apiID = api.ID
	plan := func(uuid, name, billing string) *models.Policy {
		p := &models.Policy{Name: name, DisplayName: name, TenantID: id, QuotaType: "requestCount", UnitTime: 1, TimeUnit: "min", CustomAttributes: map[string]string{}, BillingPlan: billing, UUID: uuid, PermissionRoles: []string{}, CreatedAt: at, UpdatedAt: at, Live: &one}
		if billing == models.PlanCommercial {
			p.MonetizationPlan, p.FixedRate, p.BillingCycle, p.Currency = models.FixedRate, "49.00", "month", "usd"
		}
		stockUp(t, db, p)
		stockUp(t, db, &models.Offer{APIID: api.ID, PolicyID: p.ID, AttachedAt: at})
		return p
	}
	gold, amount := plan(s.gold, "Gold", models.PlanCommercial), int64(4900)
	plan(s.free, "Free", models.PlanFree)
	stockUp(t, db,
		&models.PriceVersion{ID: s.version, TenantID: id, PolicyID: gold.ID, Number: 1, Model: models.FixedRate, Currency: "usd", AmountMinor: &amount, BillingCycle: "month", CreatedBy: "x", CreatedAt: at},
		&models.MonetizedPlan{APIID: api.ID, TierName: "Gold", StripeProductID: "prod_1", StripePlanID: "price_gold", TenantID: id, PolicyID: gold.ID, PriceVersionID: s.version, Component: "fixed", Currency: "usd", Account: account, State: models.PushLive})
	for _, uuid := range []string{s.app, s.app2} {
		stockUp(t, db, &models.Application{Name: "App " + uuid, SubscriberID: buyer.ID, Tier: "Unlimited", Status: "APPROVED", UUID: uuid, TenantID: id, Live: &one})
	}
	return s
}

// work runs what is due, and what becomes due while it fails, until nothing waits.
func (s *shop) work(t testing.TB) {
	t.Helper()
	for range 60 {
		if _, err := s.jobs.RunOnce(context.Background()); err != nil {
			t.Fatal(err)
		}
		next, err := models.NextJobAt(context.Background(), s.db)
		if err != nil {
			t.Fatal(err)
		}
		if next.IsZero() {
			return
		}
		if ahead := next.Time().Sub(s.now()); ahead > 0 {
			s.wait(ahead)
		}
	}
	t.Fatal("work never ends")
}

// working keeps the runner going beside the test, for calls that wait for it.
func (s *shop) working(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.jobs.Woken():
			}
			if _, err := s.jobs.RunOnce(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	}()
	s.sell.Patience = 20 * time.Second
	t.Cleanup(func() { cancel(); <-done })
}

// subscribe subscribes the buyer of tenant a and lets the checkout be opened.
func (s *shop) subscribe(t testing.TB, plan string) models.Subscription {
	t.Helper()
	sub, err := s.sell.Subscribe(context.Background(), s.a.buyer, billing.SubscribeInput{Application: s.a.app, API: s.a.api, Policy: plan})
	if err != nil {
		t.Fatal(err)
	}
	s.work(t)
	return s.row(t, sub.UUID)
}

func (s *shop) row(t testing.TB, uuid string) models.Subscription {
	t.Helper()
	sub, err := models.SubscriptionByUUID(context.Background(), s.db, s.a.tenant, uuid)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// want checks the status, and whether the row counts.
func (s *shop) want(t testing.TB, uuid, status string, live bool) models.Subscription {
	t.Helper()
	sub := s.row(t, uuid)
	if sub.Status != status || (sub.Live != nil) != live {
		t.Fatalf("subscription is %s (checkout %s, Stripe %q, live %v), want %s (live %v)", sub.Status, sub.Checkout, sub.StripeStatus, sub.Live != nil, status, live)
	}
	return sub
}

// An event is a delivery before it is signed.
type event struct {
	ID, Type, Account, Object, ObjectID string
	Livemode                            bool
}

func (e event) body() []byte {
	body, _ := json.Marshal(map[string]any{
		"id": e.ID, "object": "event", "type": e.Type, "account": e.Account, "livemode": e.Livemode, "created": 1796738400,
		"api_version": "2026-04-22.dahlia", "data": map[string]any{"object": map[string]any{"id": e.ObjectID, "object": e.Object, "status": "lies"}},
	})
	return body
}

func sign(secret string, body []byte, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// about returns an event of tenant a's account. Its type decides the kind of object.
func (s *shop) about(kind, id string) event {
	s.mu.Lock()
	s.evt++
	n := s.evt
	s.mu.Unlock()
	e := event{ID: fmt.Sprintf("evt_%06d", n), Type: kind, Account: s.a.account, ObjectID: id, Object: "invoice"}
	switch kind[:8] {
	case "checkout":
		e.Object = "checkout.session"
	case "customer":
		e.Object = "subscription"
	case "account.":
		e.Object = "account"
	}
	return e
}

// send delivers an event, signed properly, to tenant a.
func (s *shop) send(t testing.TB, e event) {
	t.Helper()
	body := e.body()
	secret := secretConnect
	if e.Account == "" {
		secret = secretPlatform
	}
	if err := s.inbox.Receive(context.Background(), s.a.domain, body, sign(secret, body, s.now())); err != nil {
		t.Fatal(err)
	}
}

// tell delivers an event and does what it asks for.
func (s *shop) tell(t testing.TB, kind, id string) event {
	t.Helper()
	e := s.about(kind, id)
	s.send(t, e)
	s.work(t)
	return e
}

func (s *shop) outcome(t testing.TB, e event) models.StripeEvent {
	t.Helper()
	got, err := models.StripeEventByID(context.Background(), s.db, s.a.tenant, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (s *shop) flow(t testing.TB, sub models.Subscription, kind string) string {
	t.Helper()
	w, ok, err := models.NewestWorkflow(context.Background(), s.db, sub.TenantID, fmt.Sprint(sub.ID), kind)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return ""
	}
	return w.Status
}

func (s *shop) audited(t testing.TB, action string) (n int) {
	t.Helper()
	all, err := models.AuditPage(context.Background(), s.db, s.a.tenant, 0, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.Action == action {
			n++
		}
	}
	return n
}
