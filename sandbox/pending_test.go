package sandbox_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// switching is a subscription to the fixed price whose card is one that attaches
// but does not simply pay, and the form that doubles its price at once.
func (s shop) switching(card string) (id, form string) {
	s.t.Helper()
	id = s.starting("flexible", "items[0][price]="+s.fixed)
	double := s.another("unit_amount=9800")
	s.advance(14 * 24 * time.Hour)
	pm := s.must("POST /v1/payment_methods/"+card+"/attach", "customer="+s.customer).id()
	r := s.must("POST /v1/subscriptions/"+id, "default_payment_method="+pm)
	return id, "items[0][id]=" + r.text("items.data.0.id") + "&items[0][price]=" + double + "&proration_behavior=always_invoice"
}

func TestAChangeThatIsNotPaidWaitsAndHappensWhenItIs(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"card", "out of band", "bank", "intent", "hosted page"} {
		s := newShop(t)
		method := "pm_card_chargeCustomerFail"
		if way == "bank" {
			method = "pm_card_authenticationRequired"
		}
		id, form := s.switching(method)
		pending := s.must("POST /v1/subscriptions/"+id, form+"&payment_behavior=pending_if_incomplete&expand[]=latest_invoice")
		pending.want("status", "active")
		pending.want("items.data.0.price.id", s.fixed)
		pending.want("pending_update.subscription_items.0.price.unit_amount", 9800)
		pending.want("pending_update.expires_at", int(s.server.Now().Add(23*time.Hour).Unix()))
		pending.want("latest_invoice.status", "open")
		pending.want("latest_invoice.total", 2450)
		pending.want("latest_invoice.billing_reason", "subscription_update")
		invoice := pending.text("latest_invoice.id")
		good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
		payment := s.must("GET /v1/invoice_payments", "invoice="+invoice).text("data.0.payment.payment_intent")
		switch way {
		case "card":
			s.must("POST /v1/invoices/"+invoice+"/pay", "payment_method="+good)
		case "out of band":
			s.must("POST /v1/invoices/"+invoice+"/pay", "paid_out_of_band=true")
		case "intent":
			s.must("POST /v1/payment_intents/"+payment+"/confirm", "payment_method="+good)
		case "hosted page":
			s.must("POST /v1/subscriptions/"+id, "default_payment_method="+good).want("items.data.0.price.id", s.fixed) // a new card alone pays nothing
			b := browse(t)
			if status, _, page := b.post(s.must("GET /v1/invoices/"+invoice, "").text("hosted_invoice_url")+"/pay", card("4242424242424242")); status != http.StatusSeeOther {
				t.Fatal(status, page)
			}
		case "bank":
			b := browse(t)
			if status, _, _ := b.post(s.url+"/3ds/"+payment, url.Values{"answer": {"approve"}}); status != http.StatusOK {
				t.Fatalf("the bank answers %d", status)
			}
		}
		done := s.must("GET /v1/subscriptions/"+id, "")
		done.want("pending_update", nil)
		done.want("items.data.0.price.unit_amount", 9800)
		done.want("status", "active")
		types := s.types()
		if !slices.Contains(types, "customer.subscription.pending_update_applied") {
			t.Errorf("%s: %v", way, types)
		}
		s.must("GET /v1/events", "limit=1&type=customer.subscription.updated").want("data.0.data.previous_attributes.items.data.0.price.id", s.fixed)
		s.must("POST /v1/subscriptions/"+id, "default_payment_method="+good)
		s.advance(14*24*time.Hour + 2*time.Hour)
		s.must("GET /v1/invoices", "limit=1&subscription="+id).want("data.0.total", 9800)
	}
}

func TestAChangeThatNobodyPaysExpires(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"time", "void", "another change", "cancel"} {
		s := newShop(t)
		id, form := s.switching("pm_card_chargeCustomerFail")
		pending := s.must("POST /v1/subscriptions/"+id, form+"&payment_behavior=pending_if_incomplete")
		invoice := pending.text("latest_invoice")
		switch end {
		case "time":
			s.advance(23 * time.Hour)
		case "void":
			s.must("POST /v1/invoices/"+invoice+"/void", "")
		case "another change":
			s.must("POST /v1/subscriptions/"+id, "items[0][id]="+pending.text("items.data.0.id")+"&items[0][quantity]=3&proration_behavior=none").want("items.data.0.quantity", 3)
		case "cancel":
			s.must("DELETE /v1/subscriptions/"+id, "")
		}
		after := s.must("GET /v1/subscriptions/"+id, "")
		after.want("pending_update", nil)
		after.want("items.data.0.price.id", s.fixed)
		s.must("GET /v1/invoices/"+invoice, "").want("status", "void")
		if types := s.types(); !slices.Contains(types, "customer.subscription.pending_update_expired") || slices.Contains(types, "customer.subscription.pending_update_applied") {
			t.Errorf("%s: %v", end, types)
		}
		if end == "time" {
			after.want("status", "active")
			s.must("GET /v1/customers/"+s.customer, "").want("delinquent", false)
		}
	}
}

func TestAChangeThatIsPaidAtOnceDoesNotWait(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id, form := s.switching("pm_card_visa")
	r := s.must("POST /v1/subscriptions/"+id, form+"&payment_behavior=pending_if_incomplete&expand[]=latest_invoice")
	r.want("pending_update", nil)
	r.want("items.data.0.price.unit_amount", 9800)
	r.want("latest_invoice.status", "paid")
	if types := s.types(); slices.Contains(types, "customer.subscription.pending_update_applied") {
		t.Error(types)
	}
	s.must("GET /v1/events", "limit=1&type=customer.subscription.updated").want("data.0.data.previous_attributes.items.data.0.price.id", s.fixed)
	// Without a payment there is nothing to wait for.
	s.must("POST /v1/subscriptions/"+id, "items[0][id]="+r.text("items.data.0.id")+"&items[0][quantity]=2&payment_behavior=pending_if_incomplete").want("items.data.0.quantity", 2)
	item := s.must("POST /v1/subscription_items", "subscription="+id+"&price="+s.metered+"&payment_behavior=pending_if_incomplete")
	item.want("price.id", s.metered)
}

func TestOnlySomeThingsCanWaitForAPayment(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id, form := s.switching("pm_card_visa")
	item := s.must("GET /v1/subscriptions/"+id, "").text("items.data.0.id")
	for form, param := range map[string]string{
		form + "&metadata[a]=b":                            "metadata",
		form + "&default_payment_method=pm_1":              "default_payment_method",
		form + "&cancel_at_period_end=true":                "cancel_at_period_end",
		"items[0][id]=" + item + "&items[0][deleted]=true": "items[0][deleted]",
	} {
		if r := s.do("POST /v1/subscriptions/"+id, form+"&payment_behavior=pending_if_incomplete"); r.status != http.StatusBadRequest ||
			!strings.HasPrefix(r.text("error.message"), "When `payment_behavior` is set to `pending_if_incomplete`, you can only pass supported params. `"+param+"` is not supported.") {
			t.Errorf("%s: %d %s", form, r.status, r.body)
		}
	}
	s.with("Stripe-Version", "2026-08-26.dahlia").must("POST /v1/subscriptions/"+id, form+"&metadata[a]=b&payment_behavior=pending_if_incomplete").want("metadata.a", "b")
}

func TestAChangeMayBeRefusedWithoutATrace(t *testing.T) {
	t.Parallel()
	for _, card := range []string{"pm_card_chargeCustomerFail", "pm_card_authenticationRequired"} {
		s := newShop(t)
		id, form := s.switching(card)
		before, seen := s.must("GET /v1/subscriptions/"+id, "").body, len(s.types())
		if r := s.do("POST /v1/subscriptions/"+id, form+"&payment_behavior=error_if_incomplete"); r.status != http.StatusPaymentRequired {
			t.Errorf("%s: %d %s", card, r.status, r.body)
		}
		if after := s.must("GET /v1/subscriptions/"+id, "").body; after != before || len(s.types()) != seen {
			t.Errorf("%s: something changed: %s", card, after)
		}
		// Without it the change happens, and is owed.
		behavior := map[bool]string{true: "", false: "&payment_behavior=default_incomplete"}[card == "pm_card_chargeCustomerFail"]
		r := s.must("POST /v1/subscriptions/"+id, form+behavior)
		r.want("status", "past_due")
		r.want("items.data.0.price.unit_amount", 9800)
	}
}

func TestAPreviewIsWhatTheChangeThenCosts(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"classic", "flexible"} {
		for _, behavior := range []string{"always_invoice", "create_prorations", "none"} {
			s := newShop(t)
			id := s.starting(mode, "items[0][price]="+s.fixed+"&items[1][price]="+s.metered)
			dear := s.another("unit_amount=7777")
			sub := s.must("GET /v1/subscriptions/"+id, "")
			s.use(12345, start.Add(time.Minute))
			s.must("POST /v1/invoiceitems", "customer="+s.customer+"&amount=111&currency=usd")
			s.advance(9*24*time.Hour + 3*time.Hour + 7*time.Second)
			date := s.server.Now().Add(-time.Hour)
			form := func(prefix string) string {
				v := url.Values{}
				for name, value := range map[string]string{
					"items][0][id": sub.text("items.data.0.id"), "items][0][price": dear, "items][0][quantity": "3",
					"items][1][id": sub.text("items.data.1.id"), "items][1][deleted": "true",
					"proration_behavior": behavior, "proration_date": strconv.FormatInt(date.Unix(), 10),
				} {
					if prefix == "" {
						name = strings.Replace(name, "]", "", 1)
						if strings.Contains(name, "[") {
							name += "]"
						}
						v.Set(name, value)
						continue
					}
					v.Set(prefix+"["+name+"]", value)
				}
				return v.Encode()
			}
			preview := s.must("POST /v1/invoices/create_preview", "subscription="+id+"&"+form("subscription_details"))
			s.must("POST /v1/subscriptions/"+id, form(""))
			made := s.must("GET /v1/invoices", "limit=1&subscription="+id)
			if behavior != "always_invoice" {
				s.advance(start.AddDate(0, 0, 28).Add(time.Hour).Sub(s.server.Now()))
				made = s.must("GET /v1/invoices", "limit=1&subscription="+id)
			}
			for _, field := range []string{"total", "amount_due", "lines.total_count"} {
				if field != "lines.total_count" || made.at("data.0."+field) != nil {
					made.want("data.0."+field, preview.at(field))
				}
			}
			if made.at("data.0.total") == 0.0 {
				t.Errorf("%s %s: a preview of nothing", mode, behavior)
			}
		}
	}
}

// waits is what changes that wait for their payment do in a life.
func (s shop) waits() {
	s.t.Helper()
	for _, end := range []string{"paid", "expired"} {
		id, form := s.switching("pm_card_chargeCustomerFail")
		invoice := s.must("POST /v1/subscriptions/"+id, form+"&payment_behavior=pending_if_incomplete").text("latest_invoice")
		if end == "paid" {
			good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
			s.must("POST /v1/invoices/"+invoice+"/pay", "payment_method="+good)
		}
		s.advance(24 * time.Hour)
		s.must("DELETE /v1/subscriptions/"+id, "")
	}
}
