package sandbox_test

import (
	"fmt"
	"testing"
	"time"
)

// Every field of an update is taken, "" unsets, and what was not sent stays.
func TestUpdatesChangeOnlyWhatWasSent(t *testing.T) {
	t.Parallel()
	c := newSite(t).as(oneKey)
	customer := c.must("POST /v1/customers", "name=Ann&email=a@example.com&phone=1&address[city]=Rome&shipping[name]=Ann&shipping[address][line1]=x")
	path := "/v1/customers/" + customer.id()
	updated := c.must("POST "+path, "name=&address=&description=d&balance=-100&invoice_prefix=ABC&next_invoice_sequence=7&tax_exempt=exempt"+
		"&preferred_locales[]=de&invoice_settings[footer]=f&invoice_settings[custom_fields][0][name]=PO&invoice_settings[custom_fields][0][value]=1")
	for field, want := range map[string]any{
		"name": nil, "address": nil, "email": "a@example.com", "description": "d", "balance": -100, "invoice_prefix": "ABC",
		"next_invoice_sequence": 7, "tax_exempt": "exempt", "preferred_locales.0": "de", "invoice_settings.footer": "f",
		"invoice_settings.custom_fields.0.name": "PO", "shipping.address.line1": "x",
	} {
		updated.want(field, want)
	}
	event := c.must("GET /v1/events", "type=customer.updated")
	event.want("data.0.data.previous_attributes.name", "Ann")
	event.want("data.0.data.previous_attributes.email", nil)
	c.must("POST "+path, "name=") // changes nothing, so nothing is told
	c.must("GET /v1/events", "type=customer.updated").want("data.1", nil)

	meter := c.must("POST /v1/billing/meters", "display_name=Calls&event_name=calls&default_aggregation[formula]=sum").id()
	c.must("POST /v1/billing/meters/"+meter, "display_name=API+calls").want("display_name", "API calls")
	c.do("POST /v1/billing/meters/"+meter, "display_name=").want("error.code", "parameter_invalid_empty")
	c.must("GET /v1/billing/meters", "status=inactive").want("data.0", nil)

	method := c.must("POST /v1/payment_methods", "type=card&card[token]=tok_visa").id()
	if r := c.do("POST /v1/payment_methods/"+method, "card[exp_month]=3"); r.status != 400 {
		t.Errorf("a method of nobody was changed: %s", r.body)
	}
	c.must("POST /v1/payment_methods/"+method+"/attach", "customer="+customer.id())
	changed := c.must("POST /v1/payment_methods/"+method, "card[exp_month]=3&card[exp_year]=2040&billing_details[name]=Ann&metadata[a]=b&allow_redisplay=always&expand[]=customer")
	changed.want("card.exp_month", 3)
	changed.want("customer.id", customer.id())
	c.must("GET "+path+"/payment_methods/"+method, "").want("billing_details.name", "Ann")
	c.must("GET /v1/payment_methods/pm_card_amex", "").want("card.brand", "amex")
	c.must("GET /v1/payment_methods", "").want("data.0", nil)

	endpoint := c.must("POST /v1/webhook_endpoints", "url=http://a.test/&enabled_events[]=*").id()
	c.must("POST /v1/webhook_endpoints/"+endpoint, "url=http://b.test/&description=d&enabled_events[]=invoice.paid").want("enabled_events.0", "invoice.paid")

	price := c.must("POST /v1/prices", "currency=usd&unit_amount=1&product_data[name]=X")
	c.must("POST /v1/prices/"+price.id(), "active=false&nickname=n&tax_behavior=exclusive&lookup_key=k").want("lookup_key", "k")
	if r := c.do("POST /v1/prices/"+price.id(), "tax_behavior=inclusive"); r.status != 400 {
		t.Errorf("the tax behavior changed again: %s", r.body)
	}
	if r := c.do("POST /v1/prices/"+price.id(), "unit_amount=2"); r.text("error.code") != "parameter_unknown" {
		t.Errorf("a price's amount changed: %s", r.body)
	}
	other := c.must("POST /v1/products", "name=Other").id()
	if r := c.do("POST /v1/products/"+other, "default_price="+price.id()); r.status != 400 {
		t.Errorf("another product's price became the default: %s", r.body)
	}
	c.must("POST /v1/products/"+price.text("product"), "default_price="+price.id()+"&name=Y").want("default_price", price.id())
}

func TestBalancesAreKeptInOneCurrency(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	path := "/v1/customers/" + c.must("POST /v1/customers", "").id() + "/balance_transactions"
	c.must("POST "+path, "amount=-500&currency=EUR&description=gift&metadata[a]=b").want("currency", "eur")
	if r := c.do("POST "+path, "amount=1&currency=usd"); r.status != 400 || r.text("error.param") != "currency" {
		t.Errorf("a second currency was taken: %s", r.body)
	}
	s.wall.pass(time.Second)
	last := c.must("POST "+path, "amount=200&currency=eur")
	last.want("ending_balance", -300)
	c.must("GET "+path, fmt.Sprintf("created=%d", start.Add(time.Second).Unix())).want("data.0.id", last.id())
	c.must("GET "+path, fmt.Sprintf("created=%d", start.Add(time.Second).Unix())).want("data.1", nil)
	c.must("GET "+path+"/"+last.id(), "").want("type", "adjustment")
}
