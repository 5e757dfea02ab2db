package stripe_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tollgate/billing"
	"tollgate/money"
)

var (
	usd = money.MustCurrency("usd")
	ctx = context.Background()
)

func TestAccount(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/account", ok(`{"id":"acct_1P","object":"account","charges_enabled":true,"details_submitted":true,"payouts_enabled":true,
		"email":"owner@example.com","country":"US","default_currency":"usd","settings":{"dashboard":{"display_name":"Portal"}}}`))
	s.say("GET /v1/accounts/acct_1Weather", ok(`{"id":"acct_1Weather","object":"account","business_profile":{"name":"Weather Inc"},
		"requirements":{"currently_due":["external_account"],"current_deadline":1772323200,"disabled_reason":"requirements.past_due"}}`))

	own, err := e.Account(ctx, platform)
	if want := (billing.Account{
		ID: "acct_1P", Name: "Portal", Email: "owner@example.com", Country: "US", DefaultCurrency: "usd",
		ChargesEnabled: true, PayoutsEnabled: true, DetailsSubmitted: true,
	}); err != nil || !reflect.DeepEqual(own, want) {
		t.Errorf("own: %+v, %v", own, err)
	}
	theirs, err := e.Account(ctx, connected)
	if want := (billing.Account{
		ID: "acct_1Weather", Name: "Weather Inc", Due: []string{"external_account"},
		DueBy: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), DisabledReason: "requirements.past_due",
	}); err != nil || !reflect.DeepEqual(theirs, want) {
		t.Errorf("theirs: %+v, %v", theirs, err)
	}
}

func TestCheckKeyUsesTheKeyItIsGiven(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/account", ok(`{"id":"acct_1N","object":"account"}`))
	a, err := e.CheckKey(ctx, " sk_test_a_new_key_of_theirs\n")
	if err != nil || a.ID != "acct_1N" || s.calls[0].Auth != "Bearer sk_test_a_new_key_of_theirs" {
		t.Errorf("%+v, %v, %s", a, err, s.calls[0].Auth)
	}
	if _, err := e.CheckKey(ctx, " "); kind(err) != "refused" {
		t.Errorf("no key: %v", err)
	}
}

func TestSaveProductMakesIt(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/products", ok(`{"id":"tg_gold"}`))
	in := billing.Product{ID: "tg_gold", Name: "Gold", Metadata: map[string]string{"plan": "p-1"}}
	if err := e.SaveProduct(ctx, connected, "op_1", in); err != nil {
		t.Fatal(err)
	}
	s.form(t, 0, "id", "tg_gold", "name", "Gold", "active", "true", "metadata[plan]", "p-1")
	if c := s.calls[0]; c.Key != "op_1" || c.Account != "acct_1Weather" || c.Version != "2025-08-27.basil" {
		t.Errorf("%+v", c)
	}
}

func TestSaveProductMakesTheExistingOneEqual(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/products", no(400, "resource_already_exists", "Product already exists."))
	s.say("POST /v1/products/tg_gold", ok(`{"id":"tg_gold"}`))
	in := billing.Product{ID: "tg_gold", Name: "Gold", Metadata: map[string]string{"plan": "p-1"}}
	if err := e.SaveProduct(ctx, platform, "op_1", in); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "POST /v1/products", "POST /v1/products/tg_gold")
	s.form(t, 1, "name", "Gold", "description", "", "active", "true", "metadata[plan]", "p-1")
	if s.calls[1].Key != "op_1.update" || s.calls[1].Account != "" {
		t.Errorf("%+v", s.calls[1])
	}
}

func TestSaveProductPassesOtherRefusalsOn(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/products", no(400, "parameter_invalid_empty", "Name is empty."))
	if err := e.SaveProduct(ctx, platform, "op_1", billing.Product{ID: "tg_gold", Name: "x"}); kind(err) != "refused" {
		t.Error(err)
	}
	s.expect(t, "POST /v1/products")
}

func TestWhatIsGoneCountsAsOff(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	if err := e.ArchiveProduct(ctx, connected, "op_1", "tg_gold"); err != nil {
		t.Errorf("product: %v", err)
	}
	if err := e.SetPriceActive(ctx, connected, "op_2", "price_1", false); err != nil {
		t.Errorf("price: %v", err)
	}
	if err := e.DeactivateMeter(ctx, connected, "op_3", "mtr_1"); err != nil {
		t.Errorf("meter: %v", err)
	}
	s.form(t, 0, "active", "false")
	s.form(t, 1, "active", "false")
	s.expect(t, "POST /v1/products/tg_gold", "POST /v1/prices/price_1", "POST /v1/billing/meters/mtr_1/deactivate")
	if err := e.SetPriceActive(ctx, connected, "op_2", "price_1", true); kind(err) != "refused" {
		t.Errorf("a price that is gone was put on sale: %v", err)
	}
}

func TestCreateCustomer(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/customers", ok(`{"id":"cus_1"}`))
	id, err := e.CreateCustomer(ctx, connected, "op_1", billing.CustomerInput{Name: "App of Ada", Email: "ada@example.com", Metadata: map[string]string{"application": "a-1"}})
	if err != nil || id != "cus_1" {
		t.Errorf("%q, %v", id, err)
	}
	s.form(t, 0, "name", "App of Ada", "email", "ada@example.com", "metadata[application]", "a-1")
}

// An address that Stripe does not know is a 404 as well: a wrong base URL must
// not look as if everything were archived.
func TestUnknownAddressIsNotGone(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/products/tg_1", no(404, "", "Unrecognized request URL."))
	if err := e.ArchiveProduct(ctx, connected, "op_1", "tg_1"); kind(err) != "refused" {
		t.Error(err)
	}
}

// gold is a fixed price, calls a price per unit.
func gold() billing.PriceInput {
	return billing.PriceInput{Product: "tg_1", LookupKey: "tg_v1", Nickname: "Gold", Amount: money.New(4900, usd), Cycle: "month", Metadata: map[string]string{"version": "1"}}
}

func calls(t interface{ Fatal(...any) }, minor string) billing.PriceInput {
	r, err := money.RateOfMinor(minor, usd)
	if err != nil {
		t.Fatal(err)
	}
	return billing.PriceInput{Product: "tg_1", LookupKey: "tg_v1", Rate: r, Meter: "mtr_1", Cycle: "month"}
}

func TestCreateFixedPrice(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/prices", listing(false))
	s.say("POST /v1/prices", ok(`{"id":"price_1"}`))
	id, err := e.CreatePrice(ctx, connected, "op_1", gold())
	if err != nil || id != "price_1" {
		t.Fatalf("%q, %v", id, err)
	}
	s.form(t, 0, "lookup_keys[]", "tg_v1", "limit", "100")
	s.form(t, 1, "product", "tg_1", "currency", "usd", "unit_amount", "4900", "recurring[interval]", "month", "nickname", "Gold",
		"lookup_key", "tg_v1", "transfer_lookup_key", "true", "metadata[version]", "1")
	if s.calls[0].Key != "" || s.calls[0].Account != "acct_1Weather" || s.calls[1].Key != "op_1" {
		t.Errorf("%+v", s.calls)
	}
}

func TestCreateMeteredPrice(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/prices", listing(false))
	s.say("POST /v1/prices", ok(`{"id":"price_1"}`))
	if _, err := e.CreatePrice(ctx, connected, "op_1", calls(t, "0.2")); err != nil {
		t.Fatal(err)
	}
	s.form(t, 1, "product", "tg_1", "currency", "usd", "unit_amount_decimal", "0.2", "recurring[interval]", "month",
		"recurring[meter]", "mtr_1", "recurring[usage_type]", "metered", "lookup_key", "tg_v1", "transfer_lookup_key", "true")
}

// Every unit price that money keeps reaches Stripe digit by digit, and is known
// again when Stripe tells it.
func TestUnitPricesAreSentExactly(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	rapid.Check(t, func(rt *rapid.T) {
		digits := rapid.Int64Range(0, 999_999_999_999_999).Draw(rt, "digits")
		places := rapid.IntRange(0, 12).Draw(rt, "places")
		text := fmt.Sprintf("%0*d", places+1, digits)
		if places > 0 {
			text = text[:len(text)-places] + "." + text[len(text)-places:]
		}
		in := calls(rt, text)
		s.say("GET /v1/prices", listing(false))
		s.say("POST /v1/prices", ok(`{"id":"price_1"}`))
		if _, err := e.CreatePrice(ctx, platform, "op", in); err != nil {
			rt.Fatal(err)
		}
		sent := s.calls[len(s.calls)-1].Form.Get("unit_amount_decimal")
		if sent != in.Rate.MinorDecimal() {
			rt.Fatalf("%s was sent as %s", in.Rate.MinorDecimal(), sent)
		}
		s.say("GET /v1/prices", listing(false, theirPrice("price_2", sent, true)))
		if id, err := e.CreatePrice(ctx, platform, "op", in); err != nil || id != "price_2" {
			rt.Fatalf("%s is not known again: %q, %v", sent, id, err)
		}
	})
}

// theirPrice is a price as Stripe lists it.
func theirPrice(id, decimal string, active bool) string {
	return fmt.Sprintf(`{"id":%q,"object":"price","active":%t,"product":"tg_1","currency":"usd","unit_amount":null,"unit_amount_decimal":%q,
		"lookup_key":"tg_v1","recurring":{"interval":"month","interval_count":1,"meter":"mtr_1","usage_type":"metered"}}`, id, active, decimal)
}

func TestPriceThatIsThereIsAdopted(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/prices", listing(false, theirPrice("price_there", "0.20", true)))
	id, err := e.CreatePrice(ctx, connected, "op_1", calls(t, "0.2"))
	if err != nil || id != "price_there" {
		t.Errorf("%q, %v", id, err)
	}
	s.expect(t, "GET /v1/prices")
}

func TestPriceOffSaleIsPutBack(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/prices", listing(false, theirPrice("price_there", "0.2", false)))
	s.say("POST /v1/prices/price_there", ok(`{"id":"price_there"}`))
	id, err := e.CreatePrice(ctx, connected, "op_1", calls(t, "0.2"))
	if err != nil || id != "price_there" {
		t.Errorf("%q, %v", id, err)
	}
	s.form(t, 1, "active", "true")
	if s.calls[1].Key != "op_1.reactivate" {
		t.Errorf("key %q", s.calls[1].Key)
	}
}

func TestDifferentPriceIsNotAdopted(t *testing.T) {
	t.Parallel()
	same := theirPrice("price_there", "0.2", true)
	for name, there := range map[string]string{
		"amount":      theirPrice("price_there", "0.200000000001", true),
		"17 digits":   theirPrice("price_there", "0.20000000000000001", true), // 0.2 as a float64
		"no decimal":  replace(t, same, `"0.2"`, `null`),
		"product":     replace(t, same, `"tg_1"`, `"tg_2"`),
		"currency":    replace(t, same, `"usd"`, `"eur"`),
		"interval":    replace(t, same, `"month"`, `"year"`),
		"every other": replace(t, same, `"interval_count":1`, `"interval_count":2`),
		"meter":       replace(t, same, `"mtr_1"`, `"mtr_2"`),
		"one-time":    replace(t, same, `"recurring":`, `"recurring":null,"other":`),
	} {
		e, s := engine(t)
		s.say("GET /v1/prices", listing(false, there))
		s.say("POST /v1/prices", ok(`{"id":"price_new"}`))
		if id, err := e.CreatePrice(ctx, connected, "op_1", calls(t, "0.2")); err != nil || id != "price_new" {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
}

func TestPriceIsNotMadeWhenTheLookUpFails(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/prices", answer{http.StatusInternalServerError, "{}"})
	if _, err := e.CreatePrice(ctx, connected, "op_1", gold()); kind(err) != "unknown" {
		t.Error(err)
	}
	s.expect(t, "GET /v1/prices")
}

func TestHalfPricesAreRefused(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	both := calls(t, "0.2")
	both.Amount = money.New(1, usd)
	unmetered := calls(t, "0.2")
	unmetered.Meter = ""
	negative := gold()
	negative.Amount = money.New(-1, usd)
	for name, in := range map[string]billing.PriceInput{
		"neither": {Product: "tg_1", Cycle: "month"}, "both": both, "no meter": unmetered, "negative": negative,
		"meter for a fixed price": {Product: "tg_1", Cycle: "month", Amount: money.New(1, usd), Meter: "mtr_1"},
		"no cycle":                {Product: "tg_1", Amount: money.New(1, usd)},
	} {
		if _, err := e.CreatePrice(ctx, platform, "op", in); kind(err) != "refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.expect(t)
}

func meter(i int, status string) string {
	return fmt.Sprintf(`{"id":"mtr_%d","object":"billing.meter","event_name":"tg_%d","status":%q}`, i, i, status)
}

func TestEnsureMeterMakesIt(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/billing/meters", ok(meter(1, "active")))
	id, err := e.EnsureMeter(ctx, connected, "op_1", billing.MeterInput{Name: "Weather calls", EventName: "tg_1"})
	if err != nil || id != "mtr_1" {
		t.Fatalf("%q, %v", id, err)
	}
	s.form(t, 0, "display_name", "Weather calls", "event_name", "tg_1", "default_aggregation[formula]", "sum",
		"customer_mapping[type]", "by_id", "customer_mapping[event_payload_key]", "stripe_customer_id", "value_settings[event_payload_key]", "value")
}

func TestEnsureMeterFindsTheOneThatHasTheName(t *testing.T) {
	t.Parallel()
	taken := no(400, "", "A meter with this event name exists.")
	in := billing.MeterInput{Name: "Weather calls", EventName: "tg_3"}

	e, s := engine(t)
	s.say("POST /v1/billing/meters", taken)
	s.say("GET /v1/billing/meters", listing(true, meter(1, "active"), meter(2, "active")), listing(false, meter(3, "active")))
	if id, err := e.EnsureMeter(ctx, connected, "op_1", in); err != nil || id != "mtr_3" {
		t.Errorf("active, on the second page: %q, %v", id, err)
	}
	s.form(t, 1, "status", "active", "limit", "100")
	s.form(t, 2, "status", "active", "limit", "100", "starting_after", "mtr_2")

	e, s = engine(t)
	s.say("POST /v1/billing/meters", taken)
	s.say("GET /v1/billing/meters", listing(false, meter(1, "active")), listing(false, meter(3, "inactive")))
	s.say("POST /v1/billing/meters/mtr_3/reactivate", ok(meter(3, "active")))
	if id, err := e.EnsureMeter(ctx, connected, "op_1", in); err != nil || id != "mtr_3" {
		t.Errorf("inactive: %q, %v", id, err)
	}
	s.form(t, 2, "status", "inactive", "limit", "100")

	e, s = engine(t)
	s.say("POST /v1/billing/meters", taken)
	s.say("GET /v1/billing/meters", listing(false))
	if id, err := e.EnsureMeter(ctx, connected, "op_1", in); kind(err) != "refused" || id != "" {
		t.Errorf("refused for another reason: %q, %v", id, err)
	}
}

func TestDeactivateMeterThatIsInactive(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/billing/meters/mtr_1/deactivate", no(400, "", "Already inactive."))
	s.say("GET /v1/billing/meters/mtr_1", ok(meter(1, "inactive")), ok(meter(1, "active")))
	if err := e.DeactivateMeter(ctx, connected, "op_1", "mtr_1"); err != nil {
		t.Errorf("inactive already: %v", err)
	}
	if err := e.DeactivateMeter(ctx, connected, "op_1", "mtr_1"); kind(err) != "refused" {
		t.Errorf("refused for another reason: %v", err)
	}
}

func TestListingsWithoutEndAreGivenUp(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/billing/meters", no(400, "", "Taken."))
	s.say("GET /v1/billing/meters", listing(true))
	if _, err := e.EnsureMeter(ctx, connected, "op_1", billing.MeterInput{Name: "x", EventName: "y"}); kind(err) != "unknown" {
		t.Error(err)
	}
	if got := strconv.Itoa(len(s.calls)); got != "2" {
		t.Errorf("%s calls", got)
	}
}
