package sandbox_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// charged is a payment of the shop's fixed price by a card, and its charge.
func (s shop) charged(method string) (intent, charge string) {
	s.t.Helper()
	card := s.must("POST /v1/payment_methods/"+method+"/attach", "customer="+s.customer).id()
	s.must("POST /v1/subscriptions", "customer="+s.customer+"&items[0][price]="+s.fixed+"&default_payment_method="+card)
	paid := s.must("GET /v1/charges", "limit=1")
	return paid.text("data.0.payment_intent"), paid.text("data.0.id")
}

func TestMoneyIsGivenBackInPartsAndNeverTwice(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	intent, charge := s.charged("pm_card_visa")
	first := s.must("POST /v1/refunds", "payment_intent="+intent+"&amount=1000&reason=requested_by_customer&refund_application_fee=true&metadata[a]=b")
	first.want("amount", 1000)
	first.want("status", "succeeded")
	s.must("GET /v1/charges/"+charge, "").want("refunded", false)
	if r := s.do("POST /v1/refunds", "charge="+charge+"&amount=3901"); r.status != http.StatusBadRequest || r.text("error.param") != "amount" {
		t.Error(r.body)
	}
	rest := s.must("POST /v1/refunds", "charge="+charge)
	rest.want("amount", 3900)
	whole := s.must("GET /v1/charges/"+charge, "expand[]=refunds")
	whole.want("refunded", true)
	whole.want("amount_refunded", 4900)
	whole.want("refunds.data.1.id", rest.id())
	s.do("POST /v1/refunds", "charge="+charge).want("error.code", "charge_already_refunded")
	for _, form := range []string{"charge=" + charge, "payment_intent=" + intent} {
		s.must("GET /v1/refunds", form).want("data.1.id", first.id())
	}
	s.must("GET /v1/charges/"+charge+"/refunds", "limit=1").want("data.0.id", rest.id())
	s.must("POST /v1/refunds/"+rest.id(), "metadata[c]=d").want("metadata.c", "d")
	s.advance(12 * time.Hour)
	s.must("GET /v1/refunds/"+rest.id(), "").want("destination_details.card.reference_status", "available")
	counts := map[string]int{}
	for _, e := range s.types() {
		counts[e]++
	}
	if counts["charge.refunded"] != 2 || counts["refund.created"] != 2 || counts["refund.updated"] != 3 || counts["charge.refund.updated"] != 3 {
		t.Error(counts)
	}
}

func TestTheInvoiceOfAPaymentCanBeLookedUp(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	intent, _ := s.charged("pm_card_visa")
	s.charged("pm_card_visa")
	found := s.must("GET /v1/invoice_payments", "payment[type]=payment_intent&payment[payment_intent]="+intent+"&expand[]=data.invoice")
	found.want("data.0.payment.payment_intent", intent)
	found.want("data.0.invoice.status", "paid")
	found.want("data.1", nil)
}

func TestACardThatDisputesTakesThePaymentBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	intent, charge := s.charged("pm_card_createDispute")
	s.work()
	s.must("GET /v1/charges/"+charge, "").want("disputed", true)
	d := s.must("GET /v1/disputes", "payment_intent="+intent)
	d.want("data.0.charge", charge)
	d.want("data.0.status", "needs_response")
	d.want("data.0.reason", "fraudulent")
	d.want("data.0.balance_transactions.0.net", -6400)
	s.must("GET /v1/disputes", "charge="+charge+"&created[gte]=1&expand[]=data.charge").want("data.0.charge.id", charge)
	s.must("GET /v1/disputes", "charge=ch_other").want("data.0", nil)
	if r := s.do("POST /v1/refunds", "charge="+charge); r.text("error.code") != "charge_disputed" {
		t.Error(r.body)
	}
	closed := s.must("POST /v1/disputes/"+d.text("data.0.id")+"/close", "")
	closed.want("status", "lost")
	if r := s.do("POST /v1/disputes/"+closed.id()+"/close", ""); r.status != http.StatusBadRequest {
		t.Error(r.body)
	}
	types := s.types()
	for _, e := range []string{"charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"} {
		if !slices.Contains(types, e) {
			t.Errorf("no %s: %v", e, types)
		}
	}
}

func TestADisputeIsAnsweredAndDecided(t *testing.T) {
	t.Parallel()
	for name, decide := range map[string]func(s shop, id string){
		"won": func(s shop, id string) {
			s.must("POST /v1/disputes/"+id, "evidence[uncategorized_text]=winning_evidence").want("status", "won")
		},
		"lost": func(s shop, id string) {
			s.must("POST /v1/disputes/"+id, "evidence[uncategorized_text]=Well&metadata[a]=b").want("status", "under_review")
			if r := s.post("/_sandbox/disputes/"+id, `{"status":"lost"}`); r.status != http.StatusOK {
				s.t.Fatal(r.body)
			}
		},
		"lost ": func(s shop, _ string) { s.advance(10 * 24 * time.Hour) }, // nobody answered
	} {
		s := newShop(t)
		_, charge := s.charged("pm_card_visa")
		for _, wrong := range []string{`{"charge":"ch_none"}`, `{"charge":"` + charge + `","reason":"whim"}`, `{}`} {
			if r := s.post("/_sandbox/disputes", wrong); r.status < 400 || r.status > 404 {
				t.Errorf("%s: %d", wrong, r.status)
			}
		}
		made := s.post("/_sandbox/disputes", `{"charge":"`+charge+`","reason":"product_not_received"}`)
		if made.status != http.StatusOK {
			t.Fatal(made.body)
		}
		if again := s.post("/_sandbox/disputes", `{"charge":"`+charge+`"}`); again.status != http.StatusBadRequest {
			t.Error("a charge was disputed twice")
		}
		decide(s, made.id())
		end := s.must("GET /v1/disputes/"+made.id(), "")
		end.want("status", strings.TrimSpace(name))
		won := strings.TrimSpace(name) == "won"
		if types := s.types(); slices.Contains(types, "charge.dispute.funds_reinstated") != won || !slices.Contains(types, "charge.dispute.closed") {
			t.Errorf("%s: %v", name, types)
		}
		if r := s.do("POST /v1/refunds", "charge="+charge); (r.status == http.StatusOK) != won {
			t.Errorf("%s: refund %d", name, r.status)
		}
	}
}

func TestAnInquiryMovesNoMoney(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	_, charge := s.charged("pm_card_createDisputeInquiry")
	s.work()
	d := s.must("GET /v1/disputes", "charge="+charge)
	d.want("data.0.status", "warning_needs_response")
	d.want("data.0.balance_transactions.0", nil)
	s.must("POST /v1/refunds", "charge="+charge+"&amount=100")
	s.must("POST /v1/disputes/"+d.text("data.0.id"), "evidence[product_description]=Gold&submit=false").want("status", "warning_needs_response")
	s.must("POST /v1/disputes/"+d.text("data.0.id")+"/close", "").want("status", "warning_closed")
}

// disputes is what banks do in a life.
func (s shop) disputes() {
	s.t.Helper()
	for _, words := range []string{"winning_evidence", "losing_evidence"} {
		_, charge := s.charged("pm_card_createDispute")
		s.work()
		s.must("POST /v1/disputes/"+s.must("GET /v1/disputes", "charge="+charge).text("data.0.id"), "evidence[uncategorized_text]="+words)
	}
}
