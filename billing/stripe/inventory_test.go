package stripe_test

import (
	"reflect"
	"testing"

	"tollgate/billing"
	"tollgate/money"
)

func TestCustomerThatWasDeleted(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/customers/cus_1", ok(`{"id":"cus_1","object":"customer","name":"Ada","email":"ada@example.com","created":1767225600,"metadata":{"k":"v"}}`),
		ok(`{"id":"cus_1","object":"customer","deleted":true}`))
	want := billing.Customer{ID: "cus_1", Name: "Ada", Email: "ada@example.com", Created: day(1, 1), Metadata: map[string]string{"k": "v"}}
	if got, err := e.Customer(ctx, connected, "cus_1"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := e.Customer(ctx, connected, "cus_1"); err != nil || !got.Deleted {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDeleteCustomerThatIsGone(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("DELETE /v1/customers/cus_1", ok(`{"id":"cus_1","object":"customer","deleted":true}`), no(404, "resource_missing", "No such customer."), no(400, "", "No."))
	for _, key := range []string{"op_1", "op_2"} {
		if err := e.DeleteCustomer(ctx, connected, key, "cus_1"); err != nil {
			t.Error(err)
		}
	}
	if err := e.DeleteCustomer(ctx, connected, "op_3", "cus_1"); kind(err) != "refused" || s.calls[0].Key != "op_1" {
		t.Error(err)
	}
}

func TestInventoryIsComplete(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/customers", listing(true, `{"id":"cus_1"}`), listing(false, `{"id":"cus_2"}`))
	s.say("GET /v1/products", listing(true, `{"id":"prod_1","name":"Gold","active":true,"created":1767225600,"metadata":{"k":"v"}}`), listing(false, `{"id":"prod_2","name":"Old","active":false}`))
	s.say("GET /v1/billing/meters", listing(false, `{"id":"mtr_1","event_name":"e1","display_name":"Calls","status":"active","created":1767225600}`), listing(false, `{"id":"mtr_2","event_name":"e2","status":"inactive"}`))
	s.say("GET /v1/subscriptions", listing(true, file(t, "subscription.json")), listing(false, file(t, "subscription_ended.json")))

	if got, err := e.Customers(ctx, connected); err != nil || len(got) != 2 {
		t.Errorf("customers %+v, %v", got, err)
	}
	products, err := e.Products(ctx, connected)
	if want := []billing.Product{{ID: "prod_1", Name: "Gold", Created: day(1, 1), Metadata: map[string]string{"k": "v"}}, {ID: "prod_2", Name: "Old", Archived: true}}; err != nil || !reflect.DeepEqual(products, want) {
		t.Errorf("products %+v, %v", products, err)
	}
	meters, err := e.Meters(ctx, connected)
	if want := []billing.Meter{{ID: "mtr_1", EventName: "e1", Name: "Calls", Active: true, Created: day(1, 1)}, {ID: "mtr_2", EventName: "e2"}}; err != nil || !reflect.DeepEqual(meters, want) {
		t.Errorf("meters %+v, %v", meters, err)
	}
	if got, err := e.Subscriptions(ctx, connected); err != nil || len(got) != 2 || got[1].Status != "canceled" {
		t.Errorf("subscriptions %+v, %v", got, err)
	}
	s.form(t, 3, "limit", "100", "starting_after", "prod_1")
	s.form(t, 4, "status", "active", "limit", "100")
	s.form(t, 5, "status", "inactive", "limit", "100")
	s.form(t, 6, "status", "all", "expand[]", "data.discounts", "limit", "100")
}

func TestPricesAreReadExactly(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/prices", listing(false,
		`{"id":"price_1","active":true,"product":"prod_1","currency":"usd","unit_amount":4900,"unit_amount_decimal":"4900","lookup_key":"l","nickname":"Gold","metadata":{"k":"v"},"created":1767225600,"recurring":{"interval":"month","interval_count":1}}`,
		`{"id":"price_2","active":false,"product":{"id":"prod_1"},"currency":"usd","unit_amount":null,"unit_amount_decimal":"0.050000000001","recurring":{"interval":"year","interval_count":3,"meter":"mtr_1"}}`,
		`{"id":"price_3","active":true,"product":"prod_1","currency":"usd","unit_amount":5,"unit_amount_decimal":"5","recurring":{"interval":"day","interval_count":1,"meter":"mtr_1"}}`,
		`{"id":"price_4","active":true,"product":"prod_1","currency":"usd","unit_amount":500,"unit_amount_decimal":"500","recurring":null}`,
		`{"id":"price_5","active":true,"product":"prod_1","currency":"zzz","unit_amount":500,"unit_amount_decimal":"500","recurring":{"interval":"month","interval_count":1}}`,
		`{"id":"price_6","active":true,"product":"prod_1","currency":"usd","unit_amount":500,"unit_amount_decimal":"500","transform_quantity":{"divide_by":10,"round":"up"},"recurring":{"interval":"month","interval_count":1}}`,
		`{"id":"price_7","active":true,"product":"prod_1","currency":"usd","unit_amount":null,"unit_amount_decimal":null,"recurring":{"interval":"month","interval_count":1}}`))
	got, err := e.Prices(ctx, connected)
	if err != nil {
		t.Fatal(err)
	}
	fine, _ := money.RateOfMinor("0.050000000001", usd)
	five, _ := money.RateOfMinor("5", usd)
	want := []billing.Price{
		{ID: "price_1", Active: true, Product: "prod_1", LookupKey: "l", Nickname: "Gold", Amount: money.New(4900, usd), Cycle: "month", Metadata: map[string]string{"k": "v"}, Created: day(1, 1)},
		{ID: "price_2", Product: "prod_1", Rate: fine, Meter: "mtr_1", Cycle: "3 years"},
		{ID: "price_3", Active: true, Product: "prod_1", Rate: five, Meter: "mtr_1", Cycle: "day"},
		{ID: "price_4", Active: true, Product: "prod_1"},
		{ID: "price_5", Active: true, Product: "prod_1", Cycle: "month"},
		{ID: "price_6", Active: true, Product: "prod_1", Cycle: "month"},
		{ID: "price_7", Active: true, Product: "prod_1", Cycle: "month"},
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("got  %+v\nwant %+v", got[i], want[i])
		}
	}
}

// An empty id would turn a read into a listing, and a change of one thing into
// one of another.
func TestNewCallsRefuseEmptyIds(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	for name, err := range map[string]error{
		"preview":  second(e.PreviewChange(ctx, connected, billing.Change{Subscription: "sub_1", Item: "", Price: "p"})),
		"change":   second(e.ChangeSubscription(ctx, connected, "op", billing.Change{Subscription: "", Item: "si", Price: "p"})),
		"schedule": second(e.ScheduleChange(ctx, connected, "op", billing.Change{Subscription: "sub_1", Item: "si"})),
		"no key":   second(e.ScheduleChange(ctx, connected, "", toSilver)),
		"release":  e.ReleaseSchedule(ctx, connected, "op", ""),
		"read":     second(e.Schedule(ctx, connected, "")),
		"refund":   second(e.Refund(ctx, connected, "op", "")),
		"charge":   second(e.Charge(ctx, connected, "")),
		"one":      second(e.RefundByID(ctx, connected, "")),
		"dispute":  second(e.Dispute(ctx, connected, "")),
		"customer": second(e.Customer(ctx, connected, "")),
		"delete":   e.DeleteCustomer(ctx, connected, "op", ""),
	} {
		if kind(err) != "refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.expect(t)
}

func second[T any](_ T, err error) error { return err }

func TestOpenCheckoutsAreListed(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/checkout/sessions", listing(false, openCheckout))
	if got, err := e.OpenCheckouts(ctx, connected); err != nil || len(got) != 1 || got[0].ID != "cs_1" || got[0].Metadata["subscription"] != "s-1" {
		t.Errorf("%+v, %v", got, err)
	}
	s.form(t, 0, "status", "open", "limit", "100")
}

func TestSubscriptionsTellSinceWhenTheyAreDiscounted(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/subscriptions", listing(false, replace(t, file(t, "subscription.json"), `"status":"active"`,
		`"status":"active","discounts":[{"id":"di_1","start":1767225600},{"id":"di_2","start":1770681600},{"id":"di_3","start":1767225600}]`)))
	if got, err := e.Subscriptions(ctx, connected); err != nil || len(got) != 1 || !got[0].DiscountedAt.Equal(day(2, 10)) {
		t.Errorf("%+v, %v", got, err)
	}
}
