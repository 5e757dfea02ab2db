package sandbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/stripetest"
)

const aDay = 24 * time.Hour

// account is the id of the caller's account.
func (c caller) account() string { return c.must("GET /v1/account", "").id() }

// set changes settings of the caller's account.
func (c caller) set(settings string) {
	c.t.Helper()
	if r := c.post("/_sandbox/accounts/"+c.account()+"/settings", settings); r.status != http.StatusOK {
		c.t.Fatalf("%s: %d %s", settings, r.status, r.body)
	}
}

// renewsWith is an active subscription whose next charges go to that card.
func (s shop) renewsWith(method string) string {
	s.t.Helper()
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	card := s.must("POST /v1/payment_methods/"+method+"/attach", "customer="+s.customer).id()
	s.must("POST /v1/subscriptions/"+id, "default_payment_method="+card)
	return id
}

// about are the types of the events that begin with one of the prefixes.
func (s shop) about(prefixes ...string) []string {
	s.t.Helper()
	var out []string
	for _, name := range s.types() {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			out = append(out, name)
		}
	}
	return out
}

func TestDunningEndsAsTheAccountHasSet(t *testing.T) {
	t.Parallel()
	for after, want := range map[string]string{"cancel": "canceled", "unpaid": "unpaid", "past_due": "past_due"} {
		t.Run(after, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.set(`{"retry_days":[1,2],"after_retries":"` + after + `"}`)
			id := s.renewsWith("pm_card_chargeCustomerFail")
			renewal := start.AddDate(0, 0, 28).Add(time.Hour)
			s.advance(renewal.Sub(s.server.Now()))
			i := s.must("GET /v1/invoices", "subscription="+id)
			i.want("data.0.attempt_count", 1)
			i.want("data.0.next_payment_attempt", int(renewal.AddDate(0, 0, 1).Unix()))
			s.must("GET /v1/subscriptions/"+id, "").want("status", "past_due")
			s.advance(aDay)
			s.must("GET /v1/invoices", "subscription="+id).want("data.0.next_payment_attempt", int(renewal.AddDate(0, 0, 3).Unix()))
			s.advance(2 * aDay)
			done := s.must("GET /v1/subscriptions/"+id, "")
			done.want("status", want)
			i = s.must("GET /v1/invoices", "subscription="+id)
			i.want("data.0.attempt_count", 3)
			i.want("data.0.next_payment_attempt", nil)
			if after == "cancel" {
				done.want("cancellation_details.reason", "payment_failed")
			}
		})
	}
}

// What is unpaid goes on making drafts that nobody charges, until one of them is paid.
func TestAnUnpaidSubscriptionMakesDraftsUntilItIsPaid(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.set(`{"retry_days":[],"after_retries":"unpaid"}`)
	id := s.renewsWith("pm_card_chargeCustomerFail")
	s.advance(month + 2*time.Hour)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "unpaid")
	s.advance(31*aDay + 2*time.Hour)
	newest := s.must("GET /v1/invoices", "subscription="+id)
	newest.want("data.0.status", "draft")
	newest.want("data.0.auto_advance", false)
	newest.want("data.1.status", "open")
	s.must("POST /v1/invoices/"+newest.text("data.0.id")+"/pay", "payment_method=pm_card_visa").want("status", "paid")
	s.must("GET /v1/subscriptions/"+id, "").want("status", "active")
}

func TestPastDueIsPaidWithANewCardLongAfterTheLastRetry(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.set(`{"retry_days":[1],"after_retries":"past_due"}`)
	id := s.renewsWith("pm_card_chargeCustomerFail")
	s.advance(month + 10*aDay)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "past_due")
	good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
	s.must("POST /v1/subscriptions/"+id, "default_payment_method="+good)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "active")
}

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	path := "/_sandbox/accounts/" + c.account() + "/settings"
	for _, wrong := range []string{`{"retry_days":[0]}`, `{"retry_days":[1,2,3,4,5,6,7,8,9]}`, `{"retry_days":[61]}`, `{"after_retries":"shrug"}`,
		`{"upcoming_days":-1}`, `{"upcoming_days":91}`, `{"usage_delay_seconds":121}`, `{"usage_checks":"never"}`, `{"calls_per_second":-1}`, `{"colour":"red"}`, `nonsense`} {
		if r := s.post(path, wrong); r.status != http.StatusBadRequest || r.text("error") == "" {
			t.Errorf("%s: %d %s", wrong, r.status, r.body)
		}
	}
	if r := s.post(path, `{"upcoming_days":3}`); r.at("after_retries") != "cancel" || r.at("upcoming_days") != 3.0 {
		t.Errorf("what was not sent changed: %s", r.body)
	}
	if r := s.post("/_sandbox/accounts/acct_1nobody/settings", `{}`); r.status != http.StatusNotFound {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// A renewal that the bank wants approved is not charged again by itself: its
// holder approves it, or brings another card.
func TestARenewalThatNeedsApproval(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"the bank's page", "the invoice's page", "another card", "nobody"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			id := s.renewsWith("pm_card_authenticationRequired")
			s.advance(month + 2*time.Hour)
			s.must("GET /v1/subscriptions/"+id, "").want("status", "past_due")
			i := s.must("GET /v1/invoices", "subscription="+id+"&expand[]=data.payments.data.payment.payment_intent")
			i.want("data.0.status", "open")
			i.want("data.0.attempt_count", 1)
			i.want("data.0.payments.data.0.payment.payment_intent.status", "requires_action")
			if got := s.about("invoice.payment_", "payment_intent.requires"); !slices.Equal(got[len(got)-3:],
				[]string{"payment_intent.requires_action", "invoice.payment_action_required", "invoice.payment_failed"}) {
				t.Errorf("told %v", got)
			}
			s.advance(4 * aDay)
			again := s.must("GET /v1/invoices/"+i.text("data.0.id"), "")
			again.want("attempt_count", 1) // nobody asked the bank again
			if again.at("next_payment_attempt") == nil {
				t.Error("the retries are over")
			}
			s.settleRenewal(way, id, again)
		})
	}
}

// settleRenewal has an invoice that waits for approval paid that way.
func (s shop) settleRenewal(way, id string, i reply) {
	s.t.Helper()
	b := browse(s.t)
	intent := s.must("GET /v1/invoice_payments", "invoice="+i.id()).text("data.0.payment.payment_intent")
	switch way {
	case "the bank's page":
		_, page := b.open(i.text("hosted_invoice_url"))
		if !strings.Contains(page, `href="/3ds/`+intent+`"`) {
			s.t.Error("the invoice does not lead to the bank")
		}
		if status, _, page := b.post(s.url+"/3ds/"+intent, url.Values{"answer": {"approve"}}); status != http.StatusOK {
			s.t.Fatalf("%d %s", status, page)
		}
	case "the invoice's page":
		b.post(i.text("hosted_invoice_url")+"/pay", card("4000 0027 6000 3184"))
		if status, _, page := b.post(i.text("hosted_invoice_url")+"/approve", url.Values{"answer": {"approve"}}); status != http.StatusSeeOther {
			s.t.Fatalf("%d %s", status, page)
		}
	case "another card":
		good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
		s.must("POST /v1/subscriptions/"+id, "default_payment_method="+good)
	case "nobody":
		s.advance(20 * aDay)
		s.must("GET /v1/subscriptions/"+id, "").want("cancellation_details.reason", "payment_failed")
		s.must("GET /v1/invoices/"+i.id(), "").want("attempt_count", 1)
		return
	}
	s.must("GET /v1/invoices/"+i.id(), "").want("status", "paid")
	s.must("GET /v1/subscriptions/"+id, "").want("status", "active")
}

func TestTheNextInvoiceIsAnnounced(t *testing.T) {
	t.Parallel()
	s, in := newShop(t), newInbox(t)
	s.listen(in, "enabled_events[]=invoice.upcoming&api_version=2025-08-27.basil")
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	s.must("POST /v1/subscriptions/"+id, "metadata[a]=1") // replanning changes nothing
	s.advance(21*aDay - time.Second)
	if got := in.take(); len(got) != 0 {
		t.Fatalf("too early: %s", got[0].body)
	}
	s.advance(time.Second)
	got := in.take()
	if len(got) != 1 {
		t.Fatalf("%d announcements", len(got))
	}
	stripetest.Responses(t).ValidateEvent(got[0].body)
	event := reply{t: t, json: got[0].event, body: string(got[0].body)}
	event.want("data.object.total", 4900)
	event.want("data.object.parent.subscription_details.subscription", id)
	event.want("data.object.next_payment_attempt", int(start.AddDate(0, 0, 28).Unix()))
	s.must("POST /v1/subscriptions/"+id, "metadata[a]=2")
	s.advance(7 * aDay)
	if got := in.take(); len(got) != 0 {
		t.Errorf("told again: %s", got[0].body)
	}
	s.advance(month)
	if got := in.take(); len(got) != 1 {
		t.Errorf("%d announcements of the third period", len(got))
	}
}

func TestNoInvoiceIsAnnouncedThatWillNotCome(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(shop, string){
		"canceled at its end": func(s shop, id string) { s.must("POST /v1/subscriptions/"+id, "cancel_at_period_end=true") },
		"canceled now":        func(s shop, id string) { s.must("DELETE /v1/subscriptions/"+id, "") },
		"collection paused":   func(s shop, id string) { s.must("POST /v1/subscriptions/"+id, "pause_collection[behavior]=void") },
		"switched off": func(s shop, id string) {
			s.set(`{"upcoming_days":0}`)
			s.must("POST /v1/subscriptions/"+id, "metadata[a]=1")
		},
		"too short a period": func(s shop, id string) {
			s.set(`{"upcoming_days":28}`)
			s.must("POST /v1/subscriptions/"+id, "metadata[a]=1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			id := s.subscribed(s.fixed, "1", "pm_card_visa")
			change(s, id)
			s.advance(27 * aDay)
			if n := s.count("invoice.upcoming"); n != 0 {
				t.Errorf("%d announcements", n)
			}
		})
	}
}

func TestATrialIsToldOfBeforeItEnds(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
	s.must("POST /v1/subscriptions", "customer="+s.customer+"&items[0][price]="+s.fixed+"&trial_period_days=14&default_payment_method="+good)
	s.advance(7 * aDay)
	if got := fmt.Sprint(s.count("invoice.upcoming"), s.count("customer.subscription.trial_will_end")); got != "1 0" {
		t.Errorf("after a week: %s", got)
	}
	s.advance(4 * aDay)
	if n := s.count("customer.subscription.trial_will_end"); n != 1 {
		t.Errorf("three days before: %d", n)
	}
}
