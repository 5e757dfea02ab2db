package devportal_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/billing/stripe"
	"tollgate/catalog"
	"tollgate/internal/browser"
	"tollgate/internal/clock"
	"tollgate/internal/outbox"
	"tollgate/internal/testdb"
	"tollgate/internal/vault"
	"tollgate/models"
	"tollgate/sandbox"
	"tollgate/usage"
	"tollgate/web"
	"tollgate/web/respond"
)

func TestMain(m *testing.M) { os.Exit(browser.Main(m)) }

const (
	stripeKey = "sk_test_0123456789abcdefghij"
	password  = "correct horse battery"
)

// asked is how accounts asks Stripe about a key.
type asked struct{ *stripe.Engine }

// CheckKey implements what accounts.Tenants needs.
func (a asked) CheckKey(ctx context.Context, key string) (accounts.PlatformAccount, error) {
	got, err := a.Engine.CheckKey(ctx, key)
	return accounts.PlatformAccount{ID: got.ID, Name: got.Name}, err
}

// A market is a whole portal on a sandbox of its own, with a worker, a publisher's
// API on sale, and one person in each role.
type market struct {
	base, stripe string
	box          *sandbox.Server
	deps         web.Deps
	sales        *billing.Sales
	jobs         *outbox.Runner
	us           accounts.Actor
	ledger       *usage.Ledger
}

func ok[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openMarket(t *testing.T) *market {
	t.Helper()
	db, wall := testdb.New(t), clock.Wall{}
	business := clock.NewBusiness(wall)
	box := ok[*sandbox.Server](t)(sandbox.Open(t.Context(), sandbox.Options{Path: ":memory:", Wall: wall}))
	boxSrv := httptest.NewServer(box.Handler())
	box.SetBaseURL(boxSrv.URL)
	listener := ok[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	m := &market{base: "http://" + listener.Addr().String(), stripe: boxSrv.URL, box: box, us: accounts.System(models.SuperTenant, models.SuperDomain)}
	public := ok[*url.URL](t)(url.Parse(m.base))

	tenants := &accounts.Tenants{DB: db, Wall: wall, Vault: ok[*vault.Vault](t)(vault.Open([]byte("0123456789abcdef0123456789abcdef"))), Mode: "sandbox"}
	engine := stripe.New(tenants, boxSrv.URL, slog.New(slog.DiscardHandler), nil)
	tenants.Stripe = asked{engine}
	m.jobs = &outbox.Runner{DB: db, Wall: wall, Business: business}
	connected := &accounts.ConnectedAccounts{DB: db, Wall: wall}
	m.sales = &billing.Sales{DB: db, Engine: engine, Accounts: connected, Wall: wall, Jobs: m.jobs, Patience: 10 * time.Second, Installation: "inst-1",
		Attributes: []billing.Attribute{{Name: billing.ConnectedAccountKey, DisplayName: "Connected account", Required: true}}}
	subs := &billing.Subscriptions{DB: db, Engine: engine, Jobs: m.jobs, Wall: wall, Business: business, Installation: "inst-1",
		PublicURL: m.base, StripePages: boxSrv.URL, Patience: 10 * time.Second}
	registrar := &billing.Registrar{DB: db, Engine: engine, Jobs: m.jobs, Keep: tenants, Wall: wall}
	m.sales.Register(m.jobs)
	subs.Register(m.jobs)
	registrar.Register(m.jobs)
	m.deps = web.Deps{
		Log: slog.New(slog.DiscardHandler), Wall: wall, Business: business,
		Site:     respond.Site{Mode: "sandbox", PublicURL: public, SandboxURL: boxSrv.URL, Away: []string{boxSrv.URL}},
		Ready:    func(context.Context) error { return nil },
		Sessions: &accounts.Sessions{DB: db, Wall: wall}, People: &accounts.People{DB: db, Wall: wall}, Tenants: tenants,
		Applications: &accounts.Applications{DB: db, Wall: wall}, Keys: &accounts.APIKeys{DB: db, Wall: wall, Business: business, Vault: tenants.Vault},
		Usage: &usage.Reports{DB: db, Business: business}, CallLogDays: 35, GatewayURL: "https://api.acme.example", Accounts: connected, Audit: &accounts.AuditTrail{DB: db},
		Catalog:       &catalog.Service{DB: db, Wall: wall, Follow: m.sales, Demo: true},
		Subscriptions: subs, Sales: m.sales,
		Inbox: &billing.Inbox{DB: db, Engine: engine, Jobs: m.jobs, Secrets: tenants, Wall: wall},
	}
	m.ledger = usage.NewLedger(usage.LedgerOptions{DB: db, Wall: wall, Business: business, Kind: usage.KindGateway, Name: "here", Address: "here", Log: m.deps.Log})
	app := web.New(m.deps)
	go app.Listener(listener) //nolint:errcheck // it ends with the test
	m.run(t)
	t.Cleanup(func() {
		must(t, app.Shutdown())
		boxSrv.Close()
		must(t, box.Close())
	})

	ok[models.Tenant](t)(tenants.Bootstrap(t.Context(), "Acme APIs"))
	must(t, tenants.SaveStripeKey(t.Context(), m.us, stripeKey))
	must(t, registrar.RegisterWebhooks(t.Context(), m.us, m.base, 10*time.Second))
	m.stock(t)
	return m
}

// run keeps worker and sandbox going until the test ends.
func (m *market) run(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 3)
	loop := func(wake <-chan struct{}, once func(context.Context) (time.Time, error)) {
		defer func() { done <- struct{}{} }()
		for ctx.Err() == nil {
			if _, err := once(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			select {
			case <-ctx.Done():
			case <-wake:
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
	go loop(m.jobs.Woken(), m.jobs.RunOnce)
	go loop(m.box.Wake(), m.box.RunOnce)
	go func() {
		if err := m.ledger.Run(ctx); err != nil {
			t.Error(err)
		}
		done <- struct{}{}
	}()
	t.Cleanup(func() { cancel(); <-done; <-done; <-done })
}

// call calls the sandbox as Stripe's own tools do.
func (m *market) call(t *testing.T, path string, form url.Values) map[string]any {
	t.Helper()
	r := ok[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, m.stripe+path, strings.NewReader(form.Encode())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+stripeKey)
	answer := ok[*http.Response](t)(http.DefaultClient.Do(r))
	defer answer.Body.Close()
	body := ok[[]byte](t)(io.ReadAll(answer.Body))
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", path, answer.StatusCode, body)
	}
	return out
}

// stock makes the people, the plans, and an API that sells them.
func (m *market) stock(t *testing.T) {
	t.Helper()
	people := map[string]accounts.Actor{}
	for _, role := range []accounts.Role{accounts.Admin, accounts.Publisher, accounts.Subscriber} {
		name := string(role)
		p := ok[accounts.Person](t)(m.deps.People.Create(t.Context(), m.us, accounts.PersonInput{Username: name, Email: name + "@acme.example", DisplayName: "The " + name, Organization: "Northwind Weather", Roles: []accounts.Role{role}}))
		must(t, m.deps.People.SetPassword(t.Context(), m.us, p.ID, password))
		people[name] = ok[accounts.Actor](t)(m.deps.People.SignIn(t.Context(), accounts.Attempt{Username: name, Password: password, Address: "192.0.2.1"}))
	}
	admin, seller := people["admin"], people["publisher"]
	plans := []string{}
	for _, in := range []catalog.PlanInput{
		{Name: "Free", Description: "Try every endpoint.", BillingPlan: models.PlanFree, Quota: "1000", TimeUnit: "month", RateLimit: "10", StopOnQuota: true},
		{Name: "Gold", Description: "One price, however much you call.", BillingPlan: models.PlanCommercial, Model: models.FixedRate, Price: "49.00", Currency: "usd", Cycle: "month", Quota: "1000", TimeUnit: "min", StopOnQuota: true},
		{Name: "Pay as you go", Description: "Pay for answered calls.", BillingPlan: models.PlanCommercial, Model: models.DynamicRate, Price: "0.002", Currency: "usd", Cycle: "month", RateLimit: "600"},
	} {
		plans = append(plans, ok[catalog.Saved](t)(m.deps.Catalog.CreatePlan(t.Context(), admin, in)).UUID)
	}
	account, _ := m.call(t, "/v1/accounts", url.Values{"type": {"standard"}, "country": {"US"}})["id"].(string)
	link, _ := m.call(t, "/v1/account_links", url.Values{"account": {account}, "type": {"account_onboarding"}, "refresh_url": {m.base}, "return_url": {m.base}})["url"].(string)
	answer := ok[*http.Response](t)((&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).PostForm(link, url.Values{"name": {"Northwind"}}))
	answer.Body.Close()
	made := ok[catalog.Saved](t)(m.deps.Catalog.CreateAPI(t.Context(), seller, models.TypeAPI, catalog.APIInput{Name: "Weather", Version: "v1", Context: "weather", Description: "Forecasts for any place on land.", Upstream: "demo:weather"}))
	offered := ok[catalog.Saved](t)(m.deps.Catalog.OfferPlans(t.Context(), seller, made.UUID, made.Version, plans))
	must(t, m.deps.Catalog.PublishAPI(t.Context(), seller, offered.UUID))
	job := ok[string](t)(m.sales.Monetize(t.Context(), seller, made.UUID, billing.MonetizeInput{Enabled: true, Properties: map[string]string{billing.ConnectedAccountKey: account}}))
	must(t, m.jobs.Wait(t.Context(), job, 20*time.Second))
}

// The publisher sees who is subscribed, blocks and unblocks, and views the invoice.
func (m *market) publisherLooks(t *testing.T, name string) {
	t.Helper()
	p := browser.New(t)
	p.Open(m.base + "/sign-in?next=/publisher/subscriptions")
	p.Fill("Name or e-mail", "publisher")
	p.Fill("Password", password)
	p.Click("Sign in")
	p.See(name)
	shoot(p, "publisher-subscriptions")
	p.Within(name).Click("Block")
	p.See("The subscription is blocked")
	p.See("Blocked")
	p.Within(name).Click("Unblock")
	p.See("The block is lifted.")
	p.Within(name).Click("View Invoice")
	p.See("49.00")
	p.See("Not final")
	shoot(p, "publisher-invoice")
	p.Open(m.base + "/publisher/invoices")
	p.See(name)
	shoot(p, "publisher-invoices")
	p.Open(m.base + "/publisher/subscriptions?show=ended")
	p.See("No subscription matches")
}

// shoot keeps a picture of the page where TOLLGATE_TEST_SHOTS says, if it says so.
func shoot(p *browser.Page, name string) {
	dir := os.Getenv("TOLLGATE_TEST_SHOTS")
	if dir == "" {
		return
	}
	p.Screenshot(filepath.Join(dir, name+"-1280.png"), 1280, false)
	p.Screenshot(filepath.Join(dir, name+"-390.png"), 390, false)
	p.Screenshot(filepath.Join(dir, name+"-dark.png"), 1280, true)
	p.Dark(false)
	p.Resize(1280)
}

// The subscriber's part of the job: find an API, subscribe, pay at Stripe, see the
// invoice, cancel, take that back; with scripts and without.
func TestASubscribersJourney(t *testing.T) {
	m := openMarket(t)
	for _, scripts := range []bool{true, false} {
		p := browser.New(t)
		name := "Widget"
		if !scripts {
			p.DisableScripts()
			name = "Widget without scripts"
		}
		p.Open(m.base + "/devportal")
		p.See("Weather v1")
		shoot(p, "catalogue")
		p.Click("Weather v1")
		p.See("Gold")
		shoot(p, "api-visitor")
		p.Open(m.base + "/sign-in?next=/devportal/applications/new")
		p.Fill("Name or e-mail", "subscriber")
		p.Fill("Password", password)
		p.Click("Sign in")
		p.Fill("Name", name)
		shoot(p, "application-new")
		p.Click("Create application")
		p.See(name)
		p.Open(m.base + "/devportal")
		p.Click("Weather v1")
		p.Choose("Application", name)
		shoot(p, "api")
		p.Within("One price, however much you call.").Click("Subscribe")
		p.See("Complete Payment")
		p.See("Payment needed")
		shoot(p, "pending")
		p.Click("Complete Payment")
		p.See("Pay by test card")
		p.Fill("Card number", "4242 4242 4242 4242")
		p.Fill("Expires", "12 / 34")
		p.Fill("CVC", "123")
		p.Fill("Name on card", "Ada Lovelace")
		p.Click("Pay 49.00 USD in the sandbox")
		p.See("Payment received. The subscription is active.")
		shoot(p, "active")
		m.calls(t, p, name, scripts)
		p.Click("View Invoice")
		p.See("49.00")
		p.See("Paid")
		shoot(p, "invoice")
		p.Open(m.base + "/devportal/subscriptions")
		p.See(name)
		shoot(p, "subscriptions")
		p.Within(name).Click("Weather v1")
		p.Click("Cancel subscription")
		shoot(p, "cancel")
		p.Within("You can take this back until then.").Click("Cancel subscription")
		p.See("Ends on")
		shoot(p, "ending")
		p.Click("Resume")
		p.See("The subscription goes on.")
		m.publisherLooks(t, name)
		p.Click("Manage billing")
		p.See("Your billing with")
		p.Open(m.base + "/devportal/invoices")
		shoot(p, "invoices")
		p.Open(m.base + "/devportal/applications")
		shoot(p, "applications")
	}
}
