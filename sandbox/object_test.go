package sandbox_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stripe/stripe-go/v82"

	"tollgate/sandbox"
)

func TestStripesOwnClientMakesTheCatalogue(t *testing.T) {
	t.Parallel()
	ctx, sc := t.Context(), newSite(t).client(oneKey)
	product, err := sc.V1Products.Create(ctx, &stripe.ProductCreateParams{Name: stripe.String("Weather"), UnitLabel: stripe.String("call")})
	if err != nil {
		t.Fatal(err)
	}
	meter, err := sc.V1BillingMeters.Create(ctx, &stripe.BillingMeterCreateParams{
		DisplayName: stripe.String("Calls"), EventName: stripe.String("calls"),
		DefaultAggregation: &stripe.BillingMeterCreateDefaultAggregationParams{Formula: stripe.String("sum")},
	})
	if err != nil {
		t.Fatal(err)
	}
	price, err := sc.V1Prices.Create(ctx, &stripe.PriceCreateParams{
		Currency: stripe.String("usd"), Product: stripe.String(product.ID), UnitAmountDecimal: stripe.Float64(0.2),
		Recurring: &stripe.PriceCreateRecurringParams{Interval: stripe.String("month"), UsageType: stripe.String("metered"), Meter: stripe.String(meter.ID)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if price.UnitAmountDecimal != 0.2 || price.Recurring.Meter != meter.ID || price.Product.ID != product.ID {
		t.Errorf("the price is %+v", price)
	}
	if _, err := sc.V1BillingMeters.Deactivate(ctx, meter.ID, nil); err != nil {
		t.Fatal(err)
	}
	_, err = sc.V1Prices.Create(ctx, &stripe.PriceCreateParams{
		Currency: stripe.String("usd"), Product: stripe.String(product.ID), UnitAmount: stripe.Int64(1),
		Recurring: &stripe.PriceCreateRecurringParams{Interval: stripe.String("month"), UsageType: stripe.String("metered"), Meter: stripe.String(meter.ID)},
	})
	if err == nil || !strings.Contains(err.Error(), "is inactive") {
		t.Errorf("a price on an inactive meter: %v", err)
	}
	var names []string
	for p, err := range sc.V1Prices.List(ctx, &stripe.PriceListParams{Product: stripe.String(product.ID)}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, p.ID)
	}
	if len(names) != 1 {
		t.Errorf("the list has %v", names)
	}
}

func TestPricesShowTiersOnlyWhenExpanded(t *testing.T) {
	t.Parallel()
	c := newSite(t).as(oneKey)
	price := c.must("POST /v1/prices", "currency=JPY&billing_scheme=tiered&tiers_mode=graduated&recurring[interval]=month"+
		"&product_data[name]=Gold&tiers[0][up_to]=1000&tiers[0][flat_amount]=500&tiers[1][up_to]=inf&tiers[1][unit_amount_decimal]=0.5")
	price.want("tiers", nil)
	price.want("currency", "jpy")
	price.want("unit_amount", nil)
	shown := c.must("GET /v1/prices/"+price.id(), "expand[]=tiers&expand[]=product&expand[]=product.default_price")
	shown.want("tiers.0.up_to", 1000)
	shown.want("tiers.1.up_to", nil)
	shown.want("tiers.1.unit_amount", nil)
	shown.want("tiers.1.unit_amount_decimal", "0.5")
	shown.want("product.name", "Gold")
	listed := c.must("GET /v1/prices", "expand[]=data.product")
	listed.want("data.0.product.name", "Gold")
	if strings.Contains(listed.body, "_tiers") {
		t.Errorf("private fields are shown: %s", listed.body)
	}
}

func TestLookupKeysBelongToOnePrice(t *testing.T) {
	t.Parallel()
	c := newSite(t).as(oneKey)
	first := c.must("POST /v1/prices", "currency=usd&unit_amount=100&product_data[name]=Gold&lookup_key=gold")
	product := first.text("product")
	if r := c.do("POST /v1/prices", "currency=usd&unit_amount=200&lookup_key=gold&product="+product); r.status != 400 {
		t.Errorf("a second price took the key: %s", r.body)
	}
	second := c.must("POST /v1/prices", "currency=usd&unit_amount=200&lookup_key=gold&transfer_lookup_key=true&product="+product)
	found := c.must("GET /v1/prices", "lookup_keys[]=gold")
	found.want("data.0.id", second.id())
	found.want("data.1", nil)
}

func TestProductsWithPricesStay(t *testing.T) {
	t.Parallel()
	c := newSite(t).as(oneKey)
	sold := c.must("POST /v1/products", "name=Gold&default_price_data[currency]=usd&default_price_data[unit_amount]=4900&default_price_data[recurring][interval]=month&expand[]=default_price")
	sold.want("default_price.unit_amount", 4900)
	if r := c.do("DELETE /v1/products/"+sold.id(), ""); r.status != 400 {
		t.Errorf("a product with prices was deleted: %s", r.body)
	}
	c.must("POST /v1/products/"+sold.id(), "active=false").want("active", false)
	unsold := c.must("POST /v1/products", "name=Silver&id=silver")
	unsold.want("id", "silver")
	c.must("DELETE /v1/products/silver", "").want("deleted", true)
	if r := c.do("GET /v1/products/silver", ""); r.status != 404 {
		t.Errorf("a deleted product is still there: %s", r.body)
	}
}

func TestMetadataMergesAndClears(t *testing.T) {
	t.Parallel()
	c := newSite(t).as(oneKey)
	var fifty strings.Builder
	for i := range 50 {
		fmt.Fprintf(&fifty, "&metadata[key%d]=v", i)
	}
	p := c.must("POST /v1/products", "name=G&metadata[a]=1&metadata[object]=price&metadata[_b]=2")
	p.want("metadata.object", "price")
	p.want("metadata._b", "2")
	path := "POST /v1/products/" + p.id()
	c.must(path, "metadata[a]=&metadata[c]=3").want("metadata.c", "3")
	c.must("GET /v1/products/"+p.id(), "").want("metadata.a", nil)
	if r := c.do(path, fifty.String()[1:]); r.status != 400 {
		t.Errorf("53 keys were taken: %s", r.body)
	}
	c.must(path, "metadata=")
	c.must(path, fifty.String()[1:]).want("metadata.key49", "v")
}

func TestListsPage(t *testing.T) {
	t.Parallel()
	c := newSite(t).as(oneKey)
	var ids []string
	for i := range 12 {
		ids = append(ids, c.must("POST /v1/products", fmt.Sprintf("name=P%d", i)).id())
	}
	page := c.must("GET /v1/products", "")
	page.want("has_more", true)
	page.want("url", "/v1/products")
	page.want("data.0.id", ids[11])
	if n := len(page.at("data").([]any)); n != 10 {
		t.Errorf("a page has %d by default", n)
	}
	rest := c.must("GET /v1/products", "starting_after="+ids[2])
	rest.want("has_more", false)
	rest.want("data.0.id", ids[1])
	rest.want("data.1.id", ids[0])
	before := c.must("GET /v1/products", "limit=2&ending_before="+ids[1])
	before.want("has_more", true)
	before.want("data.0.id", ids[3])
	before.want("data.1.id", ids[2])
	some := c.must("GET /v1/products", "ids[]="+ids[4]+"&ids[]="+ids[7])
	some.want("data.0.id", ids[7])
	some.want("data.2", nil)
	c.must("GET /v1/products", "created[gt]="+fmt.Sprint(start.Unix())).want("data.0", nil)
	c.must("GET /v1/products", "created[gte]="+fmt.Sprint(start.Unix())+"&limit=1").want("data.0.id", ids[11])
}

func TestCustomersKeepTheirCards(t *testing.T) {
	t.Parallel()
	c := newSite(t).as(oneKey)
	customer := c.must("POST /v1/customers", "email=a@example.com&name=Ann&payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa")
	method := customer.text("invoice_settings.default_payment_method")
	if !strings.HasPrefix(method, "pm_1") {
		t.Fatalf("the default payment method is %q", method)
	}
	shown := c.must("GET /v1/customers/"+customer.id(), "expand[]=invoice_settings.default_payment_method")
	shown.want("invoice_settings.default_payment_method.card.last4", "4242")
	refused := c.do("POST /v1/payment_methods/pm_card_chargeDeclined/attach", "customer="+customer.id())
	refused.want("error.code", "card_declined")
	refused.want("error.decline_code", "generic_decline")
	if refused.status != 402 {
		t.Errorf("attaching a declining card: %d", refused.status)
	}
	typed := c.must("POST /v1/payment_methods", "type=card&card[number]=5555555555554444&card[exp_month]=12&card[exp_year]=30&card[cvc]=123")
	typed.want("card.exp_year", 2030)
	c.must("POST /v1/payment_methods/"+typed.id()+"/attach", "customer="+customer.id()).want("customer", customer.id())
	c.must("GET /v1/customers/"+customer.id()+"/payment_methods", "").want("data.0.card.brand", "mastercard")
	c.must("POST /v1/payment_methods/"+method+"/detach", "").want("customer", nil)
	c.must("GET /v1/customers/"+customer.id(), "").want("invoice_settings.default_payment_method", nil)
	if r := c.do("POST /v1/payment_methods/"+method+"/attach", "customer="+customer.id()); r.status != 400 {
		t.Errorf("a detached card was attached again: %s", r.body)
	}
	c.must("GET /v1/customers", "email=a@example.com").want("data.0.id", customer.id())
	c.must("POST /v1/customers/"+customer.id()+"/balance_transactions", "amount=-500&currency=eur").want("ending_balance", -500)
	c.must("GET /v1/customers/"+customer.id(), "").want("balance", -500)
	c.must("DELETE /v1/customers/"+customer.id(), "").want("deleted", true)
	c.must("GET /v1/customers/"+customer.id(), "").want("deleted", true)
	c.must("GET /v1/payment_methods/"+typed.id(), "").want("customer", nil)
}

func TestFailedCustomersLeaveNothing(t *testing.T) {
	t.Parallel()
	c := newSite(t).as(oneKey)
	if r := c.do("POST /v1/customers", "payment_method=pm_card_chargeDeclined"); r.status != 402 {
		t.Errorf("a customer with a declining card: %d", r.status)
	}
	c.must("GET /v1/customers", "").want("data.0", nil)
	c.must("GET /v1/events", "").want("data.0", nil)
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := openSite(t, t.TempDir()+"/sandbox.db", &wall{now: start})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			c := s.as(oneKey)
			for j := range 5 {
				c.must("POST /v1/products", fmt.Sprintf("name=P%d-%d", i, j))
				c.must("GET /v1/products", "limit=1")
			}
		})
	}
	all.Wait()
	if r := s.as(oneKey).must("GET /v1/products", "limit=100"); len(r.at("data").([]any)) != 40 {
		t.Errorf("%d products", len(r.at("data").([]any)))
	}
}

func TestAStoreThatCannotBeOpenedIsRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{t.TempDir() + "/missing/sandbox.db", t.TempDir() + "/a?b"} {
		if s, err := sandbox.Open(t.Context(), sandbox.Options{Path: path}); err == nil {
			t.Errorf("%s was opened (%v)", path, s.Close())
		}
	}
	path := t.TempDir() + "/sandbox.db"
	s, err := sandbox.Open(t.Context(), sandbox.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the store: %v (%v)", info.Mode(), err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestEverythingOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	path, w := t.TempDir()+"/sandbox.db", &wall{now: start}
	var product string
	t.Run("before", func(t *testing.T) {
		s := openSite(t, path, w)
		product = s.as(oneKey).must("POST /v1/products", "name=Gold").id()
		if err := s.server.Advance(t.Context(), start.AddDate(0, 1, 0)); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("after", func(t *testing.T) {
		s := openSite(t, path, w)
		s.as(oneKey).must("GET /v1/products/"+product, "").want("name", "Gold")
		if now := s.server.Now(); !now.Equal(start.AddDate(0, 1, 0)) {
			t.Errorf("it is %s", now)
		}
	})
}

// The validator behind newSite compares each answer with the description of the
// version that was asked for.
func TestAnswersFitEveryVersion(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, version := range []string{"2025-03-31.basil", "2025-08-27.basil", "2025-09-30.clover", "2026-04-22.dahlia"} {
		c := s.as(oneKey).with("Stripe-Version", version)
		account := c.must("POST /v1/accounts", "type=express&email=a@example.com").id()
		c.must("POST /v1/account_links", "account="+account+"&type=account_onboarding&refresh_url=http://a.test/&return_url=http://a.test/")
		c.must("POST /v1/webhook_endpoints", "url=http://127.0.0.1:1/&enabled_events[]=charge.failed&description=d")
		on := c.with("Stripe-Account", account)
		on.must("POST /v1/customers", "payment_method=pm_card_mastercard&address[city]=Rome&shipping[name]=A&shipping[address][line1]=x&expand[]=sources&expand[]=tax_ids&expand[]=tax")
		on.must("POST /v1/billing/meters", "display_name=Calls&event_name=calls&default_aggregation[formula]=last&event_time_window=day")
		on.must("POST /v1/prices", "currency=eur&unit_amount_decimal=0.5&product_data[name]=X&transform_quantity[divide_by]=10&transform_quantity[round]=up&expand[]=currency_options")
		on.must("POST /v1/test_helpers/test_clocks", "frozen_time=1700000000")
		for _, list := range []string{"accounts", "webhook_endpoints"} {
			c.must("GET /v1/"+list, "")
		}
		for _, list := range []string{"customers", "payment_methods", "billing/meters", "prices", "products", "events", "test_helpers/test_clocks"} {
			if r := on.must("GET /v1/"+list, ""); r.header.Get("Stripe-Version") != version {
				t.Errorf("%s: %v", list, r.header)
			}
		}
	}
}
