package stripe_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/billing/stripe"
	"tollgate/internal/clock"
	"tollgate/internal/stripetest"
	"tollgate/sandbox"
)

// A world is an engine on a sandbox of its own, with one connected account.
type world struct {
	*stripe.Engine
	box       *sandbox.Server
	sdk       *sdk.Client
	connected accounts.StripeAccount
}

func newWorld(t *testing.T) world {
	t.Helper()
	box, err := sandbox.Open(t.Context(), sandbox.Options{Path: ":memory:", Wall: clock.NewWall(func() time.Time { return now })})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(box.Handler())
	box.SetBaseURL(srv.URL)
	t.Cleanup(func() {
		srv.Close()
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	w := world{
		box:    box,
		Engine: stripe.New(keys{1: testKey}, srv.URL, slog.New(slog.DiscardHandler), stripetest.Checked(t, http.DefaultTransport)),
		sdk:    sdk.NewClient(testKey, sdk.WithBackends(sdk.NewBackendsWithConfig(&sdk.BackendConfig{URL: &srv.URL, LeveledLogger: &sdk.LeveledLogger{}}))),
	}
	made, err := w.sdk.V1Accounts.Create(t.Context(), &sdk.AccountCreateParams{Type: sdk.String("standard"), Country: sdk.String("US")})
	if err != nil {
		t.Fatal(err)
	}
	w.connected = accounts.StripeAccount{Tenant: 1, Connected: made.ID}
	return w
}

// must fails t on an error and returns the value otherwise.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// none fails t on an error.
func none(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSandboxAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := must[billing.Account](t)(w.Account(ctx, platform))
	if byKey := must[billing.Account](t)(w.CheckKey(ctx, testKey)); byKey.ID != own.ID || own.ID == w.connected.Connected {
		t.Errorf("own %q, by key %q", own.ID, byKey.ID)
	}
	theirs := must[billing.Account](t)(w.Account(ctx, w.connected))
	if theirs.ID != w.connected.Connected || theirs.Country != "US" || theirs.ChargesEnabled {
		t.Errorf("%+v", theirs)
	}
	_, err := w.Account(ctx, accounts.StripeAccount{Tenant: 1, Connected: "acct_1Nobody"})
	if kind(err) == "unknown" {
		t.Errorf("an account that is not there: %v", err)
	}
	if _, err := w.CheckKey(ctx, "sk_test_short"); kind(err) != "barred" {
		t.Errorf("a key that is none: %v", err)
	}
}

func TestSandboxProductsAndPrices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	product := billing.Product{ID: "tg_1", Name: "Gold", Description: "All of it", Metadata: map[string]string{"plan": "p-1"}}
	none(t, w.SaveProduct(ctx, w.connected, "op_1", product))
	product.Name, product.Description = "Gold 2", ""
	none(t, w.SaveProduct(ctx, w.connected, "op_2", product))

	fixed := must[string](t)(w.CreatePrice(ctx, w.connected, "op_3", gold()))
	if again := must[string](t)(w.CreatePrice(ctx, w.connected, "op_3b", gold())); again != fixed {
		t.Errorf("the same price twice: %s, %s", fixed, again)
	}
	none(t, w.SetPriceActive(ctx, w.connected, "op_4", fixed, false))
	if again := must[string](t)(w.CreatePrice(ctx, w.connected, "op_5", gold())); again != fixed {
		t.Errorf("a price off sale was made again: %s, %s", fixed, again)
	}
	at := &sdk.PriceRetrieveParams{}
	at.SetStripeAccount(w.connected.Connected)
	if p := must[*sdk.Price](t)(w.sdk.V1Prices.Retrieve(ctx, fixed, at)); !p.Active || p.UnitAmount != 4900 || p.Nickname != "Gold" {
		t.Errorf("%+v", p)
	}
	none(t, w.SetPriceActive(ctx, w.connected, "op_6", fixed, false))
	none(t, w.ArchiveProduct(ctx, w.connected, "op_7", "tg_1"))
	read := &sdk.ProductRetrieveParams{}
	read.SetStripeAccount(w.connected.Connected)
	if p := must[*sdk.Product](t)(w.sdk.V1Products.Retrieve(ctx, "tg_1", read)); p.Active || p.Name != "Gold 2" || p.Description != "" || p.Metadata["plan"] != "p-1" {
		t.Errorf("%+v", p)
	}
	if _, err := w.CreatePrice(ctx, platform, "op_8", gold()); kind(err) != "refused" {
		t.Errorf("a product of another account: %v", err)
	}
}

func TestSandboxMeteredPrices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	none(t, w.SaveProduct(ctx, w.connected, "op_1", billing.Product{ID: "tg_1", Name: "Calls"}))
	in := billing.MeterInput{Name: "Weather calls", EventName: "tg_calls"}
	meter := must[string](t)(w.EnsureMeter(ctx, w.connected, "op_2", in))
	if again := must[string](t)(w.EnsureMeter(ctx, w.connected, "op_3", in)); again != meter {
		t.Errorf("the same meter twice: %s, %s", meter, again)
	}
	for _, key := range []string{"op_4", "op_5"} {
		none(t, w.DeactivateMeter(ctx, w.connected, key, meter))
	}
	if again := must[string](t)(w.EnsureMeter(ctx, w.connected, "op_6", in)); again != meter {
		t.Errorf("an inactive meter was made again: %s, %s", meter, again)
	}
	price := calls(t, "0.050000000001")
	price.Meter = meter
	id := must[string](t)(w.CreatePrice(ctx, w.connected, "op_7", price))
	if again := must[string](t)(w.CreatePrice(ctx, w.connected, "op_8", price)); again != id {
		t.Errorf("the same price twice: %s, %s", id, again)
	}
	price.Rate = calls(t, "0.050000000002").Rate
	if other := must[string](t)(w.CreatePrice(ctx, w.connected, "op_9", price)); other == id {
		t.Error("a price that is a trillionth higher was taken for the same")
	}
	if _, err := w.EnsureMeter(ctx, w.connected, "op_10", billing.MeterInput{Name: "x"}); kind(err) != "refused" {
		t.Errorf("no event name: %v", err)
	}
}

func TestSandboxReplaysTheSameKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := billing.CustomerInput{Name: "App of Ada", Email: "ada@example.com"}
	one := must[string](t)(w.CreateCustomer(ctx, w.connected, "op_1", in))
	if two := must[string](t)(w.CreateCustomer(ctx, w.connected, "op_1", in)); two != one {
		t.Errorf("one intent made two customers: %s, %s", one, two)
	}
	if two := must[string](t)(w.CreateCustomer(ctx, w.connected, "op_2", in)); two == one {
		t.Error("two intents made one customer")
	}
	_, err := w.CreateCustomer(ctx, w.connected, "op_1", billing.CustomerInput{Name: "Somebody else"})
	if kind(err) != "unknown" {
		t.Errorf("one key for two intents: %v", err)
	}
}

func TestSandboxWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := hook()
	in.URL = "http://127.0.0.1:9/api/am/stripe/webhook"
	one := must[billing.Webhook](t)(w.EnsureWebhook(ctx, platform, "op_1", in))
	if again := must[billing.Webhook](t)(w.EnsureWebhook(ctx, platform, "op_1", in)); again != one {
		t.Errorf("the same key gives another endpoint: %+v, %+v", one, again)
	}
	two := must[billing.Webhook](t)(w.EnsureWebhook(ctx, platform, "op_2", in))
	if two.ID == one.ID || two.Secret == one.Secret {
		t.Errorf("the old endpoint lives on: %+v, %+v", one, two)
	}
	three := must[billing.Webhook](t)(w.EnsureWebhook(ctx, platform, "op_1", in))
	if three.ID == one.ID || three.ID == two.ID {
		t.Errorf("an endpoint removed since was believed in: %+v", three)
	}
	in.Connect = false
	must[billing.Webhook](t)(w.EnsureWebhook(ctx, platform, "op_3", in))
	left := 0
	for _, err := range w.sdk.V1WebhookEndpoints.List(ctx, nil) {
		none(t, err)
		left++
	}
	if left != 2 {
		t.Errorf("%d endpoints, want one for each scope", left)
	}
}

func TestSandboxEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer := must[string](t)(w.CreateCustomer(ctx, w.connected, "op_1", billing.CustomerInput{Name: "Ada"}))
	got := must[[]billing.Envelope](t)(w.Events(ctx, w.connected, now.Add(-time.Hour), false))
	if len(got) != 1 || got[0].Type != "customer.created" || got[0].ObjectID != customer || got[0].ObjectType != "customer" ||
		got[0].Account != w.connected.Connected || got[0].Created.Unix() != now.Unix() {
		t.Errorf("%+v", got)
	}
	if later := must[[]billing.Envelope](t)(w.Events(ctx, w.connected, now.Add(time.Hour), false)); len(later) != 0 {
		t.Errorf("events from the future: %+v", later)
	}
}

func TestSandboxTellsWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.Subscription(ctx, w.connected, "sub_1Nothing")
	if no, ok := errors.AsType[*billing.Refused](err); !ok || no.Status != http.StatusNotFound {
		t.Errorf("%v", err)
	}
}
