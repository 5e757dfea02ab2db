package entitle_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/gateway"
	"tollgate/gateway/entitle"
	"tollgate/internal/clock"
	"tollgate/internal/vault"
	"tollgate/models"
)

// A world is a tenant with a published API, somebody who is subscribed to it with a
// key, and a clock that tests move.
type world struct {
	db       *bun.DB
	wall     clock.Wall
	business clock.Business
	now      atomic.Int64
	vault    *vault.Vault
	gate     *entitle.Gate
	tenants  *accounts.Tenants
	people   *accounts.People
	apps     *accounts.Applications
	keys     *accounts.APIKeys
	us       accounts.Actor // the default tenant
	ada      accounts.Actor
	app      models.Application
	api      models.API
	plan     models.Policy
	sub      models.Subscription
	key      accounts.Key
	text     string // of the key
	seq      atomic.Int64
	names    atomic.Int64
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2026, 12, 8, 12, 0, 0, 0, time.UTC)

func setup(t testing.TB, db *bun.DB) *world {
	t.Helper()
	w := &world{db: db}
	w.now.Store(noon.UnixNano())
	w.wall = clock.NewWall(func() time.Time { return time.Unix(0, w.now.Load()) })
	w.business = clock.NewBusiness(w.wall)
	var err error
	w.vault, err = vault.Open([]byte("0123456789abcdef0123456789abcdef"))
	must(t, err)
	w.tenants = &accounts.Tenants{DB: db, Wall: w.wall, Vault: w.vault, Mode: "test"}
	w.people = &accounts.People{DB: db, Wall: w.wall}
	w.apps = &accounts.Applications{DB: db, Wall: w.wall}
	w.keys = &accounts.APIKeys{DB: db, Wall: w.wall, Business: w.business, Vault: w.vault}
	_, err = w.tenants.Bootstrap(t.Context(), "Acme APIs")
	must(t, err)
	w.us = accounts.System(models.SuperTenant, models.SuperDomain)
	w.ada = w.person(t, w.us, "ada")
	w.app, err = w.apps.Create(t.Context(), w.ada, accounts.ApplicationInput{Name: "Shop"})
	must(t, err)
	w.api = w.published(t, w.ada, "weather", "v1")
	w.plan = w.policy(t, func(*models.Policy) {})
	w.sub = w.subscribe(t, w.app, w.api, w.plan, func(*models.Subscription) {})
	w.key, w.text = w.newKey(t, accounts.ProductionKey)
	w.gate = w.newGate(t, db, entitle.Options{})
	return w
}

// newGate returns another gate on the database, which has polled once.
func (w *world) newGate(t testing.TB, db *bun.DB, o entitle.Options) *entitle.Gate {
	t.Helper()
	o.DB, o.Wall, o.Business, o.Vault, o.Writer = db, w.wall, w.business, w.vault, models.NewID()
	g := entitle.New(o)
	w.poll(t, g)
	t.Cleanup(func() {
		if err := g.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return g
}

func (w *world) poll(t testing.TB, g *entitle.Gate) {
	t.Helper()
	_, err := g.RunOnce(t.Context())
	must(t, err)
}

func (w *world) later(d time.Duration) { w.now.Add(int64(d)) }

func (w *world) name(what string) string { return fmt.Sprint(what, " ", w.names.Add(1)) }

func (w *world) person(t testing.TB, tenant accounts.Actor, username string) accounts.Actor {
	t.Helper()
	roles := []accounts.Role{accounts.Publisher, accounts.Subscriber}
	p, err := w.people.Create(t.Context(), tenant, accounts.PersonInput{Username: username, DisplayName: username, Roles: roles})
	must(t, err)
	return accounts.Actor{Tenant: tenant.Tenant, Domain: tenant.Domain, Person: p.ID, Username: username, Name: username, Roles: roles}
}

func (w *world) newKey(t testing.TB, kind string) (accounts.Key, string) {
	t.Helper()
	k, text, err := w.keys.Create(t.Context(), w.ada, w.app.UUID, accounts.KeyInput{Name: w.name("key"), Type: kind})
	must(t, err)
	return k, text
}

// published makes an API of who's.
func (w *world) published(t testing.TB, who accounts.Actor, apiContext, version string) models.API {
	t.Helper()
	return w.make(t, models.API{
		Provider: who.Username, Organization: who.Domain, TenantID: who.Tenant, OwnerID: who.Person,
		Type: models.TypeAPI, Context: apiContext, APIVersion: version, Upstream: "https://" + apiContext + ".example/" + version,
	})
}

func (w *world) make(t testing.TB, a models.API) models.API {
	t.Helper()
	a.UUID, a.Name, a.Status, a.Monetization = models.NewID(), w.name("API"), models.APIPublished, models.MonetizationOff
	w.change(t, func(ctx context.Context, tx bun.Tx) error {
		if err := models.InsertAPI(ctx, tx, &a); err != nil {
			return err
		}
		return models.SaveAPI(ctx, tx, &a) // as publishing does
	})
	return a
}

func (w *world) policy(t testing.TB, adapt func(*models.Policy)) models.Policy {
	t.Helper()
	p := models.Policy{
		Name: w.name("Plan"), DisplayName: "Plan", TenantID: w.us.Tenant, QuotaType: "requestCount", UnitTime: 1, TimeUnit: "month", RateLimitTimeUnit: "min",
		CustomAttributes: map[string]string{}, BillingPlan: models.PlanFree, UUID: models.NewID(), PermissionRoles: []string{}, CreatedAt: 1, UpdatedAt: 1,
	}
	adapt(&p)
	must(t, models.InsertPolicy(t.Context(), w.db, &p))
	return p
}

func (w *world) subscribe(t testing.TB, app models.Application, api models.API, plan models.Policy, adapt func(*models.Subscription)) models.Subscription {
	t.Helper()
	one := int64(1)
	s := models.Subscription{
		TierID: plan.Name, APIID: api.ID, ApplicationID: app.ID, Status: "UNBLOCKED", CreateState: "SUBSCRIBE", CreatedTime: 1, UpdatedTime: 1,
		UUID: models.NewID(), TenantID: app.TenantID, PolicyID: plan.ID, Checkout: "none", Live: &one, ActivatedAt: 1,
	}
	adapt(&s)
	w.change(t, func(ctx context.Context, tx bun.Tx) error { return models.InsertSubscription(ctx, tx, &s) })
	return s
}

// metered makes a price by use for a plan.
func (w *world) metered(t testing.TB, plan models.Policy) string {
	t.Helper()
	v := models.PriceVersion{ID: models.NewID(), TenantID: plan.TenantID, PolicyID: plan.ID, Number: 1, Model: models.DynamicRate, Currency: "eur", UnitPrice: "0.01", BillingCycle: "month", CreatedBy: "x", CreatedAt: 1}
	must(t, models.InsertPriceVersion(t.Context(), w.db, v))
	return v.ID
}

func (w *world) change(t testing.TB, fn func(ctx context.Context, tx bun.Tx) error) {
	t.Helper()
	must(t, models.InTx(t.Context(), w.db, fn))
}

// adapt changes the subscription.
func (w *world) adapt(t testing.TB, fn func(*models.Subscription)) {
	t.Helper()
	w.change(t, func(ctx context.Context, tx bun.Tx) error {
		s, err := models.SubscriptionByNumber(ctx, tx, w.sub.TenantID, w.sub.ID)
		if err != nil {
			return err
		}
		fn(&s)
		_, err = models.SaveSubscription(ctx, tx, s)
		return err
	})
}

// adaptPlan changes the plan.
func (w *world) adaptPlan(t testing.TB, fn func(*models.Policy)) {
	t.Helper()
	w.change(t, func(ctx context.Context, tx bun.Tx) error {
		p, err := models.PolicyByID(ctx, tx, w.plan.TenantID, w.plan.ID)
		if err != nil {
			return err
		}
		fn(&p)
		return models.SavePolicy(ctx, tx, &p)
	})
}

// ask asks a gate about a call of the subscription.
func (w *world) ask(g *entitle.Gate) (*gateway.Pass, *gateway.Refusal) {
	return g.Admit(context.Background(), gateway.Ask{Path: "/weather/v1/cities", Key: w.text})
}

// got makes a call that counts nothing, and returns "" when it passes, else the type of the problem.
func (w *world) got(g *entitle.Gate, path, key string) string {
	pass, refusal := g.Admit(context.Background(), gateway.Ask{Path: path, Key: key})
	if refusal != nil {
		return refusal.Type
	}
	g.Settle(pass, 0)
	return ""
}

// want fails the test unless a call ends so.
func (w *world) want(t testing.TB, what, path, key, want string) {
	t.Helper()
	if got := w.got(w.gate, path, key); got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// record writes a call that came to so many units into the ledger.
func (w *world) record(t testing.TB, units int64) {
	t.Helper()
	at := models.At(w.business.Now())
	seq := w.seq.Add(1)
	row := models.LedgerRow{
		SubscriptionID: w.sub.ID, Hour: models.HourOf(at), Writer: "test", Epoch: 1, SeqFrom: seq, SeqTo: seq, TenantID: w.sub.TenantID, APIID: w.api.ID, PolicyID: w.plan.ID,
		FirstAt: at, LastAt: at, RecordedAt: at, Calls: 1, Counted: 1, Quantity: units, Kind: models.LedgerCalls,
	}
	must(t, models.InTx(context.Background(), w.db, func(ctx context.Context, tx bun.Tx) error {
		return models.InsertLedgerRows(ctx, tx, []models.LedgerRow{row})
	}))
}

// madeUp returns a text that has the form of a key and is none.
func madeUp(n int) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	base62 := func(n *big.Int, length int) string {
		out := make([]byte, length)
		for i := length - 1; i >= 0; i-- {
			d := new(big.Int)
			n.DivMod(n, big.NewInt(62), d)
			out[i] = digits[d.Int64()]
		}
		return string(out)
	}
	body := "tgp_" + base62(new(big.Int).Add(big.NewInt(int64(n)), new(big.Int).Lsh(big.NewInt(1), 200)), 43)
	return body + base62(big.NewInt(int64(crc32.ChecksumIEEE([]byte(body)))), 6)
}

// A hook watches the queries of a gate, and can hold one up.
type hook struct {
	mu      sync.Mutex
	reads   map[string]int // of a table
	table   string
	arrived chan struct{}
	leave   chan struct{}
}

// holdUp lets the next read of a table wait, once it has read, until leave is closed.
func (h *hook) holdUp(table string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.table, h.arrived, h.leave = table, make(chan struct{}), make(chan struct{})
}

func (h *hook) read(table string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reads[table]
}

// BeforeQuery makes a hook a bun.QueryHook.
func (h *hook) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

// AfterQuery counts, and holds up what is to be.
func (h *hook) AfterQuery(_ context.Context, e *bun.QueryEvent) {
	if e.Operation() != "SELECT" {
		return
	}
	_, from, _ := strings.Cut(e.Query, " FROM ")
	table := strings.Trim(strings.Fields(from)[0], "\"`")
	h.mu.Lock()
	if h.reads == nil {
		h.reads = map[string]int{}
	}
	h.reads[table]++
	held := h.table == table
	if held {
		h.table = ""
	}
	h.mu.Unlock()
	if held {
		close(h.arrived)
		<-h.leave
	}
}
