package billing_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/billing/stripe"
	"tollgate/internal/clock"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/money"
	"tollgate/sandbox"
)

const platformKey = "sk_test_0123456789abcdefghij"

// oneKey is the platform key of every tenant.
type oneKey struct{}

// StripeKey implements stripe.Keys.
func (oneKey) StripeKey(context.Context, models.TenantID) (string, error) { return platformKey, nil }

// A town is a shop whose Stripe is the sandbox, spoken to by the real engine, with
// webhooks that really arrive.
type town struct {
	*shop
	box    *sandbox.Server
	engine *stripe.Engine
	base   string
}

// openTown opens a town. What stocked does happens before there are webhooks, which
// ask for comparisons that nobody makes here.
func openTown(t *testing.T, stocked ...func(*town)) *town {
	t.Helper()
	s := openShop(t, testdb.New(t))
	box, err := sandbox.Open(t.Context(), sandbox.Options{Path: ":memory:", Wall: clock.NewWall(s.now)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(box.Handler())
	box.SetBaseURL(srv.URL)
	w := &town{shop: s, box: box, base: srv.URL, engine: stripe.New(oneKey{}, srv.URL, slog.New(slog.DiscardHandler), nil)}
	s.sell.Engine, s.inbox.Engine, s.sell.StripePages = w.engine, w.engine, srv.URL
	kept := &hookKeeper{}
	s.inbox.Secrets = kept
	door := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := s.inbox.Receive(r.Context(), r.URL.Query().Get("tenantDomain"), body, r.Header.Get("Stripe-Signature")); err != nil {
			t.Errorf("a delivery was refused: %v", err)
			out.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(func() {
		door.Close()
		srv.Close()
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	w.stock(t)
	for _, more := range stocked {
		more(w)
	}
	r := &billing.Registrar{DB: s.db, Engine: w.engine, Jobs: s.jobs, Keep: kept, Wall: s.inbox.Wall}
	r.Register(s.jobs)
	if err := r.RegisterWebhooks(bg, accounts.System(s.a.tenant, s.a.domain), door.URL, 0); err == nil {
		t.Fatal("registering did not wait for the worker")
	}
	s.work(t)
	return w
}

// HookSecrets implements billing.HookSecrets.
func (k *hookKeeper) HookSecrets(context.Context, models.TenantID) (map[accounts.Scope][]string, error) {
	out := map[accounts.Scope][]string{}
	for scope, hook := range k.last {
		out[scope] = []string{hook.Secret}
	}
	return out, nil
}

// post calls the sandbox as Stripe's own tools do.
func (w *town) post(t *testing.T, path, account string, form url.Values) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(bg, http.MethodPost, w.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+platformKey)
	if account != "" {
		r.Header.Set("Stripe-Account", account)
	}
	answer, err := http.DefaultClient.Do(r)
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

// stock makes at the sandbox what tenant a sells.
func (w *town) stock(t *testing.T) {
	t.Helper()
	made := w.post(t, "/v1/accounts", "", url.Values{"type": {"standard"}, "country": {"US"}})
	w.a.account, _ = made["id"].(string)
	at := accounts.StripeAccount{Tenant: w.a.tenant, Connected: w.a.account}
	if err := w.engine.SaveProduct(bg, at, "p1", billing.Product{ID: "tg_1", Name: "Weather"}); err != nil {
		t.Fatal(err)
	}
	price, err := w.engine.CreatePrice(bg, at, "p2", billing.PriceInput{Product: "tg_1", LookupKey: "gold", Nickname: "Gold", Amount: money.New(4900, usd), Cycle: "month"})
	if err != nil {
		t.Fatal(err)
	}
	w.exec(t, "UPDATE connected_accounts SET stripe_account = ? WHERE tenant_id = ?", w.a.account, w.a.tenant)
	w.exec(t, "UPDATE am_monetization SET account = ?, stripe_plan_id = ? WHERE tenant_id = ?", w.a.account, price, w.a.tenant)
}

// pay pays a checkout with Visa's test card.
func (w *town) pay(t *testing.T, session string) {
	t.Helper()
	card := w.post(t, "/v1/payment_methods", w.a.account, url.Values{"type": {"card"}, "card[token]": {"tok_visa"}})
	id, _ := card["id"].(string)
	w.post(t, "/v1/payment_pages/"+session+"/confirm", w.a.account, url.Values{"payment_method": {id}, "expected_amount": {"4900"}})
}

// settle delivers what the sandbox owes and does what it asks for.
func (w *town) settle(t *testing.T) {
	t.Helper()
	if _, err := w.box.RunOnce(bg); err != nil {
		t.Fatal(err)
	}
	w.work(t)
}

// advance moves business time, there and here.
func (w *town) advance(t *testing.T, d time.Duration) {
	t.Helper()
	if err := w.box.Advance(bg, w.box.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
	w.jobs.Business.SetOffset(w.box.Offset())
	w.settle(t)
}

// The whole life of a subscription on the sandbox: opened, expired, started again,
// paid, renewed, canceled, ended. Every change arrives by a signed webhook.
func TestALifeOnTheSandbox(t *testing.T) {
	t.Parallel()
	w := openTown(t)
	sub := w.subscribe(t, w.a.gold)
	first := w.want(t, sub.UUID, "ON_HOLD", true)
	if first.Checkout != "open" || first.CheckoutExpiresAt.Time().Sub(w.box.Now()) != 24*time.Hour {
		t.Fatalf("opened: %+v", first)
	}
	w.advance(t, 25*time.Hour)
	w.want(t, sub.UUID, "REJECTED", true)

	again, err := w.sell.StartAgain(bg, w.a.buyer, sub.UUID)
	if err != nil {
		t.Fatal(err)
	}
	w.work(t)
	again = w.want(t, again.UUID, "ON_HOLD", true)
	if again.UUID != sub.UUID || again.CheckoutSessionID == first.CheckoutSessionID {
		t.Fatalf("again: %+v", again)
	}
	if to, err := w.sell.CheckoutURL(bg, w.a.buyer, sub.UUID); err != nil || !strings.HasPrefix(to, w.base) {
		t.Errorf("checkout at %q, %v", to, err)
	}
	w.pay(t, again.CheckoutSessionID)
	w.settle(t)
	paid := w.want(t, sub.UUID, "UNBLOCKED", true)

	sheet, err := w.sell.Invoices(bg, w.a.publisher, sub.UUID)
	if err != nil || sheet.Current == nil || sheet.Current.Status != "paid" || sheet.Current.Total != money.New(4900, usd) || sheet.Current.Number == "" || sheet.Upcoming == nil || sheet.Upcoming.Total != money.New(4900, usd) {
		t.Fatalf("invoices: %+v, %v", sheet, err)
	}
	w.advance(t, 32*24*time.Hour)
	renewed := w.want(t, sub.UUID, "UNBLOCKED", true)
	if renewed.PeriodStart != paid.PeriodEnd {
		t.Errorf("the period went from %s to %s", paid.PeriodEnd.Time(), renewed.PeriodStart.Time())
	}
	if sheet, err = w.sell.Invoices(bg, w.a.buyer, sub.UUID); err != nil || sheet.Current == nil || sheet.Current.BillingReason != "subscription_cycle" || len(sheet.Past) != 1 {
		t.Errorf("invoices: %+v, %v", sheet, err)
	}

	w.cancel(t, sub, billing.CancelAtPeriodEnd)
	w.settle(t)
	w.want(t, sub.UUID, "DELETE_PENDING", true)
	w.advance(t, 32*24*time.Hour)
	over := w.want(t, sub.UUID, "BLOCKED", false)
	if over.EndedAt != renewed.PeriodEnd {
		t.Errorf("ended %s, want %s", over.EndedAt.Time(), renewed.PeriodEnd.Time())
	}
	for _, e := range w.events(t, w.a.tenant) {
		if e.State != models.EventDone && e.State != models.EventIgnored {
			t.Errorf("event left over: %+v", e)
		}
	}
}

// The Customer Portal opens at the sandbox, and canceling at once ends everything.
func TestThePortalAndTheEndOnTheSandbox(t *testing.T) {
	t.Parallel()
	w := openTown(t)
	sub := w.subscribe(t, w.a.gold)
	w.pay(t, sub.CheckoutSessionID)
	w.settle(t)
	w.working(t)
	if to, err := w.sell.PortalURL(bg, w.a.buyer, sub.UUID, w.a.domain); err != nil || !strings.HasPrefix(to, w.base) {
		t.Errorf("portal at %q, %v", to, err)
	}
	if err := w.sell.Cancel(bg, w.a.buyer, sub.UUID, billing.CancelNow); err != nil {
		t.Fatal(err)
	}
	w.want(t, sub.UUID, "BLOCKED", false)
}
