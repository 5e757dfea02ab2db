package sandbox_test

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82/webhook"

	"tollgate/internal/stripetest"
)

// connectedShop is a shop on a connected account, and the caller that owns the platform.
func connectedShop(t *testing.T) (s shop, platform caller, account string) {
	t.Helper()
	platform = newSite(t).as(oneKey, "Stripe-Version", "2025-08-27.basil")
	account = platform.must("POST /v1/accounts", "type=standard&country=GB").id()
	link := platform.must("POST /v1/account_links", "account="+account+"&type=account_onboarding&refresh_url=http://127.0.0.1/again&return_url=http://127.0.0.1/back").text("url")
	b := browse(t)
	b.open(link)
	if status, _, _ := b.post(link, url.Values{"name": {"Northwind"}}); status != 303 {
		t.Fatal("the account was not set up", status)
	}
	return stock(platform.with("Stripe-Account", account)), platform, account
}

// TestEveryWebhookOfALifeIsStripes takes subscriptions through all they can
// meet, heard by an endpoint of each version.
func TestEveryWebhookOfALifeIsStripes(t *testing.T) {
	t.Parallel()
	s, platform, account := connectedShop(t)
	type ear struct {
		*inbox
		version, secret string
	}
	var ears []ear
	for _, version := range []string{"2025-08-27.basil", "2026-04-22.dahlia"} {
		in := newInbox(t)
		_, secret := platform.listen(in, "enabled_events[]=*&connect=true&api_version="+version)
		ears = append(ears, ear{in, version, secret})
	}
	s.liveThroughEverything()
	s.work()
	for _, e := range ears {
		seen := map[string]bool{}
		for _, d := range e.take() {
			name, _ := d.event["type"].(string)
			seen[name] = true
			stripetest.Responses(t).ValidateEvent(d.body)
			if err := webhook.ValidatePayloadIgnoringTolerance(d.body, d.signature, e.secret); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if d.event["account"] != account || d.event["livemode"] != false || d.event["api_version"] != e.version || d.event["object"] != "event" {
				t.Errorf("%s: account %v, livemode %v, api_version %v", name, d.event["account"], d.event["livemode"], d.event["api_version"])
			}
			if n, _ := d.event["pending_webhooks"].(float64); n < 1 || n > 2 {
				t.Errorf("%s: pending_webhooks %v", name, d.event["pending_webhooks"])
			}
		}
		for _, name := range lifeEvents {
			if !seen[name] {
				t.Errorf("%s never came to the %s endpoint", name, e.version)
			}
		}
	}
}

// lifeEvents are what liveThroughEverything must lead to.
var lifeEvents = []string{
	"checkout.session.completed", "checkout.session.expired", "customer.subscription.created", "customer.subscription.updated",
	"customer.subscription.deleted", "customer.subscription.trial_will_end", "customer.subscription.paused", "invoice.created", "invoice.finalized", "invoice.paid",
	"invoice.payment_succeeded", "invoice.payment_failed", "invoice.payment_action_required", "invoice.voided", "invoice.marked_uncollectible",
	"invoice.updated", "invoice.sent", "invoice.deleted", "invoice_payment.paid", "invoiceitem.created", "invoiceitem.deleted",
	"payment_intent.created", "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.requires_action", "payment_intent.canceled",
	"charge.succeeded", "charge.failed", "charge.refunded", "refund.created", "payment_method.attached", "payment_method.detached",
	"customer.created", "customer.updated", "customer.deleted", "billing_portal.configuration.created", "billing_portal.session.created",
	"subscription_schedule.created", "subscription_schedule.updated", "subscription_schedule.released", "subscription_schedule.canceled",
	"subscription_schedule.aborted", "subscription_schedule.completed",
	"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated",
	"refund.updated", "charge.refund.updated",
	"customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired",
}

// liveThroughEverything is a good part of a year of a shop.
func (s shop) liveThroughEverything() {
	s.t.Helper()
	const month = 31 * 24 * time.Hour
	s.checkout(s.fixed, "1") // nobody pays this one
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	use := s.subscribed(s.metered, "", "pm_card_visa")
	s.must("POST /v1/billing/meter_events", "event_name=calls&payload[stripe_customer_id]="+s.customer+"&payload[value]=21430")
	s.advance(month)
	s.must("POST /v1/subscriptions/"+use, "cancel_at_period_end=true")

	bad := s.must("POST /v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+s.customer).id()
	s.must("POST /v1/subscriptions/"+id, "default_payment_method="+bad)
	s.advance(month)
	secure := s.must("POST /v1/payment_methods/pm_card_authenticationRequired/attach", "customer="+s.customer).id()
	s.must("POST /v1/subscriptions/"+id, "default_payment_method="+secure)
	good := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
	s.must("POST /v1/subscriptions/"+id, "default_payment_method="+good)
	s.must("POST /v1/payment_methods/"+bad+"/detach", "")
	dear := s.must("POST /v1/prices", "product=gold&currency=usd&unit_amount=9800&recurring[interval]=month").id()
	item := s.must("GET /v1/subscriptions/"+id, "").text("items.data.0.id")
	s.must("POST /v1/subscriptions/"+id, "items[0][id]="+item+"&items[0][price]="+dear+"&proration_behavior=always_invoice")

	s.byHand()
	s.others()
	s.plans()
	s.waits()
	s.disputes()
	s.must("DELETE /v1/subscriptions/"+id, "invoice_now=true&prorate=true")
	s.must("DELETE /v1/customers/"+s.customer, "")
}

// byHand is what somebody does with single invoices.
func (s shop) byHand() {
	s.t.Helper()
	bill := func() string {
		s.must("POST /v1/invoiceitems", "customer="+s.customer+"&amount=1500&currency=usd&description=Setup")
		return s.must("POST /v1/invoices", "customer="+s.customer+"&pending_invoice_items_behavior=include").id()
	}
	for _, end := range []string{"void", "mark_uncollectible", "pay"} {
		i := bill()
		s.must("POST /v1/invoices/"+i, "description=Second+thoughts")
		s.must("POST /v1/invoices/"+i+"/finalize", "")
		s.must("POST /v1/invoices/"+i+"/send", "")
		s.must("POST /v1/invoices/"+i+"/"+end, map[string]string{"pay": "payment_method=pm_card_visa"}[end])
	}
	s.must("POST /v1/refunds", "charge="+s.must("GET /v1/charges", "limit=1").text("data.0.id")+"&amount=500")
	s.must("DELETE /v1/invoices/"+s.must("POST /v1/invoices", "customer="+s.customer).id(), "")
	s.must("DELETE /v1/invoiceitems/"+s.must("POST /v1/invoiceitems", "customer="+s.customer+"&amount=1&currency=usd").id(), "")
	intent := s.must("POST /v1/payment_intents", "amount=900&currency=usd&confirm=true&payment_method=pm_card_authenticationRequired&customer="+s.customer)
	intent.want("status", "requires_action")
	s.must("POST /v1/billing_portal/configurations", "features[invoice_history][enabled]=true")
	s.must("POST /v1/billing_portal/sessions", "customer="+s.customer)
}

// others are subscriptions that never pay, by a trial or for want of a card.
func (s shop) others() {
	s.t.Helper()
	nobody := s.must("POST /v1/customers", "email=bob@example.com").id()
	form := "customer=" + nobody + "&items[0][price]=" + s.fixed
	s.must("POST /v1/subscriptions", form+"&payment_behavior=default_incomplete")
	s.must("POST /v1/subscriptions", form+"&trial_period_days=7&trial_settings[end_behavior][missing_payment_method]=pause")
	s.must("POST /v1/subscriptions", form+"&trial_period_days=7&trial_settings[end_behavior][missing_payment_method]=cancel")
	s.advance(10 * 24 * time.Hour)
	r := s.must("GET /v1/subscriptions", "status=all&customer="+nobody)
	got := []string{r.text("data.2.status"), r.text("data.1.status"), r.text("data.0.status")}
	if want := []string{"incomplete_expired", "paused", "canceled"}; !slices.Equal(got, want) {
		s.t.Errorf("%v, want %v", got, want)
	}
}
