package ingest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/gateway/entitle"
	"tollgate/gateway/ingest"
	"tollgate/gateway/proxy"
	"tollgate/gateway/upstream"
	"tollgate/internal/clock"
	"tollgate/internal/testdb"
	"tollgate/internal/vault"
	"tollgate/models"
	"tollgate/usage"
)

// A whole is a gateway as main wires it: gate, ledger, credentials, client.
type whole struct {
	db         *bun.DB
	ledger     *usage.Ledger
	handler    *proxy.Handler
	address    string
	served     atomic.Int64 // by the upstream
	sub        models.Subscription
	keys       *accounts.APIKeys
	ada        accounts.Actor
	app        models.Application
	key        accounts.Key
	text       string
	credential string
}

func newWhole(t *testing.T, db *bun.DB) *whole {
	t.Helper()
	w := &whole{db: db}
	wall := clock.Wall{}
	business := clock.NewBusiness(wall)
	v, err := vault.Open([]byte("0123456789abcdef0123456789abcdef"))
	must(t, err)
	us := w.furnish(t, wall, business, v)
	credentials := accounts.NewGatewayCredentials(db, wall, business, v)
	_, w.credential, err = credentials.Create(t.Context(), us, "nginx")
	must(t, err)
	w.ledger = usage.NewLedger(usage.LedgerOptions{DB: db, Wall: wall, Business: business, Kind: usage.KindGateway, Name: "test", Beat: 50 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	gate := entitle.New(entitle.Options{DB: db, Wall: wall, Business: business, Vault: v, Writer: w.ledger.Writer()})
	var running sync.WaitGroup
	running.Go(func() { _ = w.ledger.Run(context.Background()) })
	running.Go(func() {
		for ctx.Err() == nil {
			_, _ = gate.RunOnce(ctx)
			time.Sleep(20 * time.Millisecond)
		}
	})
	client := upstream.New(upstream.Options{Rule: upstream.Rule{AllowPrivate: true}})
	w.handler = proxy.New(proxy.Options{
		Gate: gate, Carrier: client, Recorder: w.ledger, CanRecord: w.ledger.Ready, Refused: w.ledger.Refused, Credentials: credentials,
		TenantPath: func(context.Context, models.TenantID) (string, error) { return "", nil },
		Ready: func(context.Context) error {
			if err := gate.Ready(); err != nil {
				return err
			}
			return w.ledger.Ready()
		},
	})
	server := proxy.NewServer(w.handler, proxy.ServerOptions{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w.address = l.Addr().String()
	running.Go(func() {
		if err := server.Serve(l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		client.Close()
		w.ledger.Close()
		cancel()
		running.Wait()
		if err := gate.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for w.status(t, "/readyz", "") != 200 {
		time.Sleep(10 * time.Millisecond)
	}
	return w
}

// furnish makes a tenant, an API with an upstream, and somebody with a key for it.
func (w *whole) furnish(t *testing.T, wall clock.Wall, business clock.Business, v *vault.Vault) accounts.Actor {
	t.Helper()
	ctx, one := t.Context(), int64(1)
	behind := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.served.Add(1)
		if strings.HasSuffix(r.URL.Path, "/missing") {
			rw.WriteHeader(404)
		}
		_, _ = io.WriteString(rw, "sunny")
	}))
	t.Cleanup(behind.Close)
	_, err := (&accounts.Tenants{DB: w.db, Wall: wall, Vault: v, Mode: "test"}).Bootstrap(ctx, "Acme")
	must(t, err)
	us := accounts.System(models.SuperTenant, models.SuperDomain)
	p, err := (&accounts.People{DB: w.db, Wall: wall}).Create(ctx, us, accounts.PersonInput{Username: "ada", DisplayName: "Ada", Roles: []accounts.Role{accounts.Subscriber, accounts.Publisher}})
	must(t, err)
	w.ada = accounts.Actor{Tenant: us.Tenant, Domain: us.Domain, Person: p.ID, Username: "ada", Name: "Ada", Roles: []accounts.Role{accounts.Subscriber, accounts.Publisher}}
	w.app, err = (&accounts.Applications{DB: w.db, Wall: wall}).Create(ctx, w.ada, accounts.ApplicationInput{Name: "Shop"})
	must(t, err)
	w.keys = &accounts.APIKeys{DB: w.db, Wall: wall, Business: business, Vault: v}
	w.key, w.text, err = w.keys.Create(ctx, w.ada, w.app.UUID, accounts.KeyInput{Name: "Key", Type: accounts.ProductionKey})
	must(t, err)
	api := models.API{UUID: models.NewID(), Name: "Weather", Provider: "ada", Organization: us.Domain, TenantID: us.Tenant, OwnerID: p.ID, Type: models.TypeAPI, Context: "weather", APIVersion: "1.0",
		Upstream: behind.URL, Status: models.APIPublished, Monetization: models.MonetizationOff, Live: &one}
	plan := models.Policy{Name: "Free", DisplayName: "Free", TenantID: us.Tenant, QuotaType: "requestCount", UnitTime: 1, TimeUnit: "month", RateLimitTimeUnit: "min", CustomAttributes: map[string]string{},
		BillingPlan: models.PlanFree, UUID: models.NewID(), PermissionRoles: []string{}, CreatedAt: 1, UpdatedAt: 1}
	must(t, models.InsertPolicy(ctx, w.db, &plan))
	must(t, models.InTx(ctx, w.db, func(ctx context.Context, tx bun.Tx) error {
		if err := models.InsertAPI(ctx, tx, &api); err != nil {
			return err
		}
		if err := models.SaveAPI(ctx, tx, &api); err != nil { // as publishing does
			return err
		}
		w.sub = models.Subscription{TierID: plan.Name, APIID: api.ID, ApplicationID: w.app.ID, Status: "UNBLOCKED", CreateState: "SUBSCRIBE", CreatedTime: 1, UpdatedTime: 1, UUID: models.NewID(),
			TenantID: us.Tenant, PolicyID: plan.ID, Checkout: "none", Live: &one, ActivatedAt: 1}
		return models.InsertSubscription(ctx, tx, &w.sub)
	}))
	return us
}

// get asks for a path with a key, and returns the answer's header.
func (w *whole) get(t *testing.T, path, key string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), "GET", "http://"+w.address+path, nil)
	must(t, err)
	r.Header.Set("apikey", key)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	must(t, err)
	must(t, resp.Body.Close())
	return resp
}

func (w *whole) status(t *testing.T, path, key string) int {
	t.Helper()
	return w.get(t, path, key).StatusCode
}

// sums adds up what the ledger has.
func (w *whole) sums(t *testing.T) (calls, counted, quantity int64) {
	t.Helper()
	var rows []models.LedgerRow
	must(t, w.db.NewSelect().Model(&rows).Where("ul.subscription_id = ?", w.sub.ID).Scan(context.Background()))
	for _, r := range rows {
		calls, counted, quantity = calls+r.Calls, counted+r.Counted, quantity+r.Quantity
	}
	return calls, counted, quantity
}

// With the real gate and ledger: what clients saw, what the upstream served and what
// the ledger has are the same (I-U3); a revoked key is refused within a second (I-U16);
// a call that another gateway reports is recorded once.
func TestTheWholeGateway(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) { newWhole(t, db).check(t) })
}

func (w *whole) check(t *testing.T) {
	t.Helper()
	var fine, missing atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 40 {
				path := "/weather/1.0/today"
				if (i+j)%4 == 0 {
					path = "/weather/1.0/missing"
				}
				switch s := w.status(t, path, w.text); s {
				case 200:
					fine.Add(1)
				case 404:
					missing.Add(1)
				default:
					t.Errorf("answered %d", s)
				}
			}
		})
	}
	all.Wait()
	calls, counted, quantity := w.sums(t)
	if fine.Load() != 240 || missing.Load() != 80 || w.served.Load() != 320 || calls != 320 || counted != 240 || quantity != 240 {
		t.Errorf("clients saw %d and %d, the upstream served %d, the ledger has %d, %d, %d", fine.Load(), missing.Load(), w.served.Load(), calls, counted, quantity)
	}
	if s := w.status(t, "/weather/1.0/today", strings.Replace(w.text, "tgp_", "tgs_", 1)); s != 401 {
		t.Errorf("a wrong key: %d", s)
	}
	w.report(t)
	must(t, w.keys.Revoke(t.Context(), w.ada, w.app.UUID, w.key.ID))
	time.Sleep(time.Second)
	if s := w.status(t, "/weather/1.0/today", w.text); s != 401 {
		t.Errorf("a revoked key: %d", s)
	}
	if calls, counted, _ := w.sums(t); calls != 321 || counted != 241 {
		t.Errorf("the ledger has %d calls, %d count", calls, counted)
	}
}

// report asks as another gateway about a call, and reports it twice.
func (w *whole) report(t *testing.T) {
	t.Helper()
	yes := w.get(t, "/gateway/authorize", w.text, "X-Gateway-Credential", w.credential, "X-Forwarded-Uri", "/weather/1.0/today").Header
	if yes.Get("X-Subscription") != w.sub.UUID {
		t.Errorf("%v", yes)
	}
	reports := &ingest.Reports{DB: w.db, Ledger: w.ledger}
	for i := range 2 {
		done, err := reports.Take(t.Context(), models.SuperTenant, []ingest.Event{{Source: "nginx", ID: yes.Get("X-Call-Id"), Subscription: yes.Get("X-Subscription"), Status: 200}})
		must(t, err)
		if done.Accepted != 1-i || done.Duplicates != i {
			t.Errorf("%+v", done)
		}
	}
	if s := w.get(t, "/gateway/authorize", w.text, "X-Gateway-Credential", w.credential+"x", "X-Forwarded-Uri", "/weather/1.0/today").StatusCode; s != 401 {
		t.Errorf("a wrong credential: %d", s)
	}
	if s := fmt.Sprint(w.handler.Stats().Authorized); s != "1" {
		t.Errorf("authorized %s", s)
	}
}
