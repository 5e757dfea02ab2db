package sandbox_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// hand does something on the page of an object, and is back on it.
func (s shop) hand(b visitor, kind, id, action string, form url.Values) {
	s.t.Helper()
	account := s.must("GET /v1/account", "").id()
	at := "/dashboard/" + account + "/" + kind + "/" + id
	_, page := b.open(s.url + at)
	if !strings.Contains(page, `action="`+at+"/"+action+`"`) {
		s.t.Fatalf("the page of %s offers no %s", id, action)
	}
	status, to, page := b.post(s.url+at+"/"+action, form)
	if status != http.StatusSeeOther {
		s.t.Fatalf("%s of %s: %d\n%s", action, id, status, page)
	}
	if status, _ := b.open(s.url + to); status != http.StatusOK {
		s.t.Errorf("%s leads to %s: %d", action, to, status)
	}
}

func TestPeopleChangeThingsByHandAndEverybodyHears(t *testing.T) {
	t.Parallel()
	s, b := newShop(t), browse(t)
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	charge := s.must("GET /v1/charges", "").text("data.0.id")
	for _, step := range []struct {
		kind, id, action string
		form             url.Values
		event            string
		path, field      string
		want             any
	}{
		{"price", s.metered, "archive", nil, "price.updated", "/v1/prices/" + s.metered, "active", false},
		{"price", s.metered, "activate", nil, "price.updated", "/v1/prices/" + s.metered, "active", true},
		{"product", "gold", "rename", url.Values{"name": {"Gold & more"}}, "product.updated", "/v1/products/gold", "name", "Gold & more"},
		{"product", "gold", "archive", nil, "product.updated", "/v1/products/gold", "active", false},
		{"product", "gold", "activate", nil, "product.updated", "/v1/products/gold", "active", true},
		{"subscription", id, "pause", url.Values{"behavior": {"void"}}, "customer.subscription.updated", "/v1/subscriptions/" + id, "pause_collection.behavior", "void"},
		{"subscription", id, "collect", nil, "customer.subscription.updated", "/v1/subscriptions/" + id, "pause_collection", nil},
		{"subscription", id, "cancel-later", nil, "customer.subscription.updated", "/v1/subscriptions/" + id, "cancel_at", int(start.AddDate(0, 0, 28).Unix())},
		{"subscription", id, "keep", nil, "customer.subscription.updated", "/v1/subscriptions/" + id, "cancel_at", nil},
		{"subscription", id, "price", url.Values{"price": {s.metered}, "proration": {"none"}}, "customer.subscription.updated", "/v1/subscriptions/" + id, "items.data.0.price.id", s.metered},
		{"charge", charge, "refund", url.Values{"amount": {"12.50"}}, "refund.created", "/v1/charges/" + charge, "amount_refunded", 1250},
		{"charge", charge, "dispute", url.Values{"reason": {"fraudulent"}}, "charge.dispute.funds_withdrawn", "/v1/charges/" + charge, "disputed", true},
		{"subscription", id, "cancel", url.Values{"money": {"nothing"}}, "customer.subscription.deleted", "/v1/subscriptions/" + id, "status", "canceled"},
	} {
		s.hand(b, step.kind, step.id, step.action, step.form)
		s.must("GET "+step.path, "").want(step.field, step.want)
		if last := s.types(); last[len(last)-1] != step.event {
			t.Errorf("%s: the last event is %s, want %s", step.action, last[len(last)-1], step.event)
		}
	}
	dispute := s.must("GET /v1/disputes", "").text("data.0.id")
	s.hand(b, "dispute", dispute, "win", nil)
	s.must("GET /v1/disputes/"+dispute, "").want("status", "won")
	s.hand(b, "customer", s.customer, "delete", nil)
	s.must("GET /v1/customers/"+s.customer, "").want("deleted", true)
	if types := s.types(); !slices.Contains(types, "customer.deleted") {
		t.Error(types)
	}
}

func TestAScheduleAndAnInvoiceAreEndedByHand(t *testing.T) {
	t.Parallel()
	s, b := newShop(t), browse(t)
	id := s.starting("flexible", "items[0][price]="+s.fixed)
	schedule := s.change(id, "phases[1][items][0][price]="+s.metered).id()
	s.hand(b, "subscription_schedule", schedule, "release", nil)
	s.must("GET /v1/subscriptions/"+id, "").want("schedule", nil)
	bad := s.must("POST /v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+s.customer).id()
	s.must("POST /v1/subscriptions/"+id, "default_payment_method="+bad)
	s.advance(28*24*time.Hour + 2*time.Hour)
	open := s.must("GET /v1/invoices", "limit=1&subscription="+id)
	open.want("data.0.status", "open")
	s.hand(b, "invoice", open.text("data.0.id"), "give-up", nil)
	s.hand(b, "invoice", open.text("data.0.id"), "void", nil)
	s.must("GET /v1/invoices/"+open.text("data.0.id"), "").want("status", "void")
}

func TestWhatIsTypedWrongByHandIsSaidAtItsField(t *testing.T) {
	t.Parallel()
	s, b := newShop(t), browse(t)
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	charge := s.must("GET /v1/charges", "").text("data.0.id")
	at := s.url + "/dashboard/" + s.must("GET /v1/account", "").id()
	for _, c := range []struct {
		path   string
		form   url.Values
		status int
		says   string
	}{
		{"/charge/" + charge + "/refund", url.Values{"amount": {"12,x"}}, http.StatusUnprocessableEntity, "Type an amount such as 12.50."},
		{"/charge/" + charge + "/refund", url.Values{"amount": {"50"}}, http.StatusUnprocessableEntity, "is greater than unrefunded amount"},
		{"/charge/" + charge + "/dispute", url.Values{"reason": {"whim"}}, http.StatusUnprocessableEntity, "Choose one of these."},
		{"/subscription/" + id + "/price", url.Values{"price": {"price_none"}, "proration": {"none"}}, http.StatusUnprocessableEntity, "No such price: &#39;price_none&#39;"},
		{"/subscription/" + id + "/price", url.Values{"price": {" "}, "proration": {"none"}}, http.StatusUnprocessableEntity, "Type the id of a price"},
		{"/product/gold/rename", url.Values{"name": {"  "}}, http.StatusUnprocessableEntity, "Type a name"},
		{"/price/" + s.fixed + "/activate", nil, http.StatusConflict, "it has changed meanwhile"},
		{"/price/price_none/archive", nil, http.StatusNotFound, "There is no such object"},
		{"/price/" + s.fixed + "/burn", nil, http.StatusNotFound, "There is no such page"},
	} {
		status, _, page := b.post(at+c.path, c.form)
		if status != c.status || !strings.Contains(page, c.says) {
			t.Errorf("%s: %d, want %d and %q", c.path, status, c.status, c.says)
		}
		if typed := c.form.Get("amount"); typed != "" && !strings.Contains(page, `value="`+typed+`"`) {
			t.Errorf("%s is lost", typed)
		}
	}
	s.must("GET /v1/charges/"+charge, "").want("amount_refunded", 0)
}
