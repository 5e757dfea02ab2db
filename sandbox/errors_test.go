package sandbox_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestErrorsAreStripes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	product := c.must("POST /v1/products", "name=Gold").id()
	long := strings.Repeat("x", 501)
	for _, test := range []struct {
		line, form  string
		status      int
		code, param string
		message     string
	}{
		{"POST /v1/products", "", 400, "parameter_missing", "name", "Missing required param: name."},
		{"POST /v1/products", "name=", 400, "parameter_invalid_empty", "name", "You passed an empty string for 'name'."},
		{"POST /v1/products", "name=G&colour=red", 400, "parameter_unknown", "colour", "Received unknown parameter: colour"},
		{"POST /v1/products", "name=G&colour=red&size=1", 400, "parameter_unknown", "colour", "Received unknown parameters: colour, size"},
		{"POST /v1/products", "name=G&active=maybe", 400, "", "active", "Invalid boolean: maybe"},
		{"POST /v1/products", "name[x]=G", 400, "", "name", "Invalid string: {}"},
		{"POST /v1/products", "name=G&images=x", 400, "", "images", "Invalid array"},
		{"POST /v1/products", "name=G&metadata=x", 400, "", "metadata", "Invalid hash"},
		{"POST /v1/products", "name=G&metadata[k]=" + long, 400, "", "metadata[k]", "Metadata values can have up to 500 characters"},
		{"POST /v1/products", "name=G&metadata[" + long[:41] + "]=v", 400, "", "metadata[" + long[:41] + "]", "Metadata keys may have up to 40 characters"},
		{"POST /v1/products", "name=G&statement_descriptor=12345678901234567890123", 400, "", "statement_descriptor", "must be at most 22 characters"},
		{"POST /v1/products", "name=G&id=" + product, 400, "resource_already_exists", "id", "Product already exists."},
		{"POST /v1/prices", "currency=usd&unit_amount=1", 400, "parameter_missing", "product", "You must specify either"},
		{"POST /v1/prices", "currency=usd&unit_amount=1&product=prod_x", 400, "resource_missing", "product", "No such product: 'prod_x'"},
		{"POST /v1/prices", "currency=zzz&unit_amount=1&product=" + product, 400, "", "currency", "Invalid currency: zzz"},
		{"POST /v1/prices", "currency=usd&product=" + product, 400, "parameter_missing", "unit_amount", "Prices require an `unit_amount`"},
		{"POST /v1/prices", "currency=usd&unit_amount=1.5&product=" + product, 400, "parameter_invalid_integer", "unit_amount", "Invalid integer: 1.5"},
		{"POST /v1/prices", "currency=usd&unit_amount=-1&product=" + product, 400, "parameter_invalid_integer", "unit_amount", "non-negative"},
		{"POST /v1/prices", "currency=usd&unit_amount=1&unit_amount_decimal=1&product=" + product, 400, "", "unit_amount", "You may only specify one"},
		{"POST /v1/prices", "currency=usd&unit_amount_decimal=0.1234567890123&product=" + product, 400, "parameter_invalid_integer", "unit_amount_decimal", "at most 12 decimal places"},
		{"POST /v1/prices", "currency=usd&unit_amount_decimal=abc&product=" + product, 400, "parameter_invalid_decimal", "unit_amount_decimal", "Invalid decimal: abc"},
		{"POST /v1/prices", "currency=usd&unit_amount=100000000&product=" + product, 400, "amount_too_large", "unit_amount", "999999.99 USD"},
		{"POST /v1/prices", "currency=usd&unit_amount=1&recurring[interval]=fortnight&product=" + product, 400, "", "recurring[interval]", "must be one of day, week, month, or year"},
		{"POST /v1/prices", "currency=usd&unit_amount=1&recurring[interval]=month&recurring[interval_count]=0&product=" + product, 400, "parameter_invalid_integer", "recurring[interval_count]", "This value must be greater than or equal to 1."},
		{"POST /v1/prices", "currency=usd&unit_amount=1&recurring[interval]=month&recurring[interval_count]=37&product=" + product, 400, "", "recurring[interval_count]", "three years"},
		{"POST /v1/prices", "currency=usd&unit_amount=1&recurring[interval]=month&recurring[aggregate_usage]=sum&product=" + product, 400, "parameter_unknown", "recurring[aggregate_usage]", "Received unknown parameter: recurring[aggregate_usage]"},
		{"POST /v1/prices", "currency=usd&unit_amount=1&recurring[interval]=month&recurring[usage_type]=metered&product=" + product, 400, "parameter_missing", "recurring[meter]", "backed by a meter"},
		{"POST /v1/prices", "currency=usd&billing_scheme=tiered&tiers_mode=volume&tiers[0][up_to]=5&tiers[0][unit_amount]=1&product=" + product, 400, "", "tiers[0][up_to]", "The last tier must have up_to=inf."},
		{"POST /v1/prices", "currency=usd&billing_scheme=tiered&tiers_mode=volume&tiers[0][up_to]=5&tiers[0][unit_amount]=1&tiers[1][up_to]=5&tiers[1][unit_amount]=1&tiers[2][up_to]=inf&tiers[2][unit_amount]=1&product=" + product, 400, "", "tiers[1][up_to]", "sorted"},
		{"POST /v1/prices", "currency=usd&billing_scheme=tiered&tiers_mode=volume&tiers[0][up_to]=inf&product=" + product, 400, "parameter_missing", "tiers[0][unit_amount]", "Missing required param: tiers[0][unit_amount]."},
		{"GET /v1/products/prod_x", "", 404, "resource_missing", "id", "No such product: 'prod_x'"},
		{"GET /v1/prices/price_x", "", 404, "resource_missing", "price", "No such price: 'price_x'"},
		{"GET /v1/products", "limit=0", 400, "parameter_invalid_integer", "limit", "This value must be greater than or equal to 1."},
		{"GET /v1/products", "limit=101", 400, "parameter_invalid_integer", "limit", "This value must be less than or equal to 100."},
		{"GET /v1/products", "starting_after=prod_x", 400, "resource_missing", "starting_after", "No such product: 'prod_x'"},
		{"GET /v1/products/" + product, "expand[]=nothing", 400, "", "expand", "This property cannot be expanded (nothing)."},
		{"GET /v1/products/" + product, "expand[]=a.b.c.d.e", 400, "", "expand", "You cannot expand more than 4 levels"},
		{"POST /v1/customers", "email=nobody", 400, "email_invalid", "email", "Invalid email address: nobody"},
		{"POST /v1/customers", "invoice_settings[default_payment_method]=pm_x", 400, "resource_missing", "invoice_settings[default_payment_method]", "No such PaymentMethod: 'pm_x'"},
		{"POST /v1/webhook_endpoints", "url=ftp://x&enabled_events[]=*", 400, "url_invalid", "url", "Invalid URL"},
		{"POST /v1/webhook_endpoints", "url=http://127.0.0.1/&enabled_events[]=sun.rise", 400, "", "enabled_events", "sun.rise"},
		{"POST /v1/webhook_endpoints", "url=http://127.0.0.1/&enabled_events[]=*&api_version=2019-01-01", 400, "", "api_version", "Invalid Stripe API version"},
		{"POST /v1/payment_methods", "type=card&card[number]=4111111111111111&card[exp_month]=1&card[exp_year]=2030", 402, "card_declined", "card[number]", "This is not one of Stripe's test numbers. Real cards are refused here."},
		{"POST /v1/payment_methods", "type=card&card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2025", 402, "invalid_expiry_year", "card[exp_year]", "expiration year"},
		{"POST /v1/payment_methods", "type=sepa_debit", 400, "", "type", "only simulates cards"},
	} {
		r := c.do(test.line, test.form)
		if r.status != test.status || r.text("error.code") != test.code || r.text("error.param") != test.param ||
			!strings.Contains(r.text("error.message"), test.message) {
			t.Errorf("%s %s:\n got %d %s", test.line, test.form, r.status, r.body)
		}
		if r.text("error.code") != "" && r.text("error.doc_url") == "" {
			t.Errorf("%s: no doc_url", test.line)
		}
	}
}

func TestOnlyTestKeysOpenTheDoor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for key, want := range map[string]struct {
		status  int
		message string
	}{
		"":                                {401, "You did not provide an API key"},
		"sk_test_short":                   {401, "Invalid API Key provided: sk_test_*hort"},
		"sk_test_0123456789abcde!":        {401, "Invalid API Key provided"},
		"sk_live_0123456789abcdef":        {401, "no live mode"},
		"pk_test_0123456789abcdef":        {403, "publishable API key"},
		"rk_test_0123456789abcdef":        {200, ""},
		"sk_test_0123456789_abcdef_ABCDE": {200, ""},
	} {
		r := s.as(key).do("GET /v1/account", "")
		if r.status != want.status || !strings.Contains(r.text("error.message"), want.message) {
			t.Errorf("key %q: got %d %s", key, r.status, r.body)
		}
		if strings.Contains(r.body, "0123456789") {
			t.Errorf("the answer shows the key %q: %s", key, r.body)
		}
	}
}

func TestBasicAuthenticationIsAsGoodAsBearer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	bearer := s.as(oneKey).must("GET /v1/account", "")
	request, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v1/account", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(oneKey, "")
	if basic := s.send(request); basic.id() != bearer.id() {
		t.Errorf("Basic reaches %s, Bearer %s", basic.id(), bearer.id())
	}
}

func TestVersionsOutsideTheRangeAreRefused(t *testing.T) {
	t.Parallel()
	c := newSite(t).as(oneKey)
	for version, status := range map[string]int{
		"2025-08-27.basil": 200, "2026-08-26.dahlia": 200, "2026-10-28.endive": 200, "2025-08-27.basil; feature=v1": 200,
		"2025-08-28.basil": 400, "2024-06-20": 400, "2025-02-24.acacia": 400, "latest": 400,
	} {
		r := c.with("Stripe-Version", version).do("GET /v1/account", "")
		if r.status != status {
			t.Errorf("%s: %d %s", version, r.status, r.body)
		}
	}
}

func TestKeysNeverSeeEachOther(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	one, another := s.as(oneKey), s.as(anotherKey)
	product := one.must("POST /v1/products", "name=Mine").id()
	connected := one.must("POST /v1/accounts", "type=standard").id()
	if r := another.do("GET /v1/products/"+product, ""); r.status != 404 {
		t.Errorf("another key reads the product: %d", r.status)
	}
	if r := another.must("GET /v1/products", ""); len(r.at("data").([]any)) != 0 {
		t.Errorf("another key lists the product: %s", r.body)
	}
	for _, account := range []string{connected, one.must("GET /v1/account", "").id(), "acct_unknown"} {
		r := another.with("Stripe-Account", account).do("GET /v1/products", "")
		if r.status != 403 || r.text("error.code") != "account_invalid" {
			t.Errorf("another key acts on %s: %d %s", account, r.status, r.body)
		}
		if r := another.do("GET /v1/accounts/"+account, ""); r.status != 403 {
			t.Errorf("another key reads %s: %d", account, r.status)
		}
	}
	on := one.with("Stripe-Account", connected)
	if r := on.do("GET /v1/products/"+product, ""); r.status != 404 {
		t.Errorf("the connected account sees the platform's product: %d", r.status)
	}
	theirs := on.must("POST /v1/products", "name=Theirs")
	if theirs.header.Get("Stripe-Account") != connected {
		t.Errorf("Stripe-Account is not echoed: %v", theirs.header)
	}
	if r := one.do("GET /v1/products/"+theirs.id(), ""); r.status != 404 {
		t.Errorf("the platform sees the connected account's product without the header: %d", r.status)
	}
}
