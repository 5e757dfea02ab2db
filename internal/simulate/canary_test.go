package simulate_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/models"
)

// A judge that sees nothing is worth nothing: each of these is wrong, and is seen.
func TestWhatIsWrongIsSeen(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	l.paid("Gold")
	for query, rule := range map[string]string{
		"UPDATE am_subscription SET sub_status = 'BLOCKED'":                            "I-S1",
		"UPDATE am_subscription SET live = NULL":                                       "I-S7",
		"UPDATE am_subscription SET stripe_status = 'past_due'":                        "I-S1",
		"UPDATE am_subscription SET stripe_subscription_id = 'sub_other'":              "I-S1",
		"UPDATE am_subscription SET period_end = period_end + 1000":                    "I-S1",
		"UPDATE am_subscription SET cancel_at = period_end":                            "I-S1",
		"UPDATE am_monetization_subscriptions SET status = 'trialing'":                 "I-S1",
		"DELETE FROM am_monetization_subscriptions":                                    "I-O2",
		"UPDATE am_monetization_subscriptions SET subscription_id = 'sub_other'":       "I-O2",
		"UPDATE am_monetization_shared_customers SET shared_customer_id = 'cus_other'": "I-O2",
		"UPDATE am_monetization SET state = 'archived'":                                "I-O2",
		"UPDATE am_monetization SET state = 'pushing'":                                 "I-O2",
		"UPDATE am_policy_plan_mapping SET plan_id = 'price_other'":                    "I-O2",
		"UPDATE stripe_events SET state = 'waiting'":                                   "I-S11",
		"UPDATE outbox_jobs SET state = 'ready'":                                       "work",
		"INSERT INTO subscription_timeline SELECT id || 'x', tenant_id, am_subscription_id, at, recorded_at, kind, text, actor, actor_name, event_id, event_type, link_type, link_id, dedup || 'x' FROM subscription_timeline WHERE actor = 'stripe'": "I-S6",
	} {
		back, forget, err := l.w.Store.Mark()
		l.must(err)
		_, err = l.p.DB.ExecContext(l.ctx, query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
		}
		wrong, err := l.w.Agree(l.ctx, l.p, l.s)
		l.must(err)
		if !strings.Contains(strings.Join(wrong, "\n"), rule+":") {
			t.Errorf("%s: %q, want %s", query, wrong, rule)
		}
		l.must(back())
		l.must(forget())
	}
	if wrong, err := l.w.Agree(l.ctx, l.p, l.s); err != nil || len(wrong) > 0 {
		t.Errorf("nothing is wrong: %q, %v", wrong, err)
	}
	l.ask("POST /v1/subscriptions", url.Values{"default_payment_method": {l.theirs().Text("default_payment_method")}, "customer": {l.theirs().Text("customer")}, "items[0][price]": {l.theirs().Text("items.data.0.price.id")},
		"metadata[subscription]": {l.uuid}, "metadata[installation]": {l.p.Installation}})
	if wrong, err := l.w.Agree(l.ctx, l.p, l.s); err != nil || !strings.Contains(strings.Join(wrong, "\n"), "I-S10:") {
		t.Errorf("two live: %q, %v", wrong, err)
	}
}

// Requests that break a rule for all requests are blamed.
func TestRequestsThatBreakARuleAreSeen(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	at := accounts.StripeAccount{Tenant: l.s.Tenant.ID, Connected: l.s.Account}
	customer := func(key, name string) {
		t.Helper()
		if _, err := l.p.Engine.CreateCustomer(l.ctx, at, key, billing.CustomerInput{Name: name}); err != nil && !strings.Contains(err.Error(), "idempoten") {
			t.Fatal(err)
		}
	}
	blamed := func(rule string, do func()) {
		t.Helper()
		before := len(l.w.Line.Wrong())
		do()
		if got := l.w.Line.Wrong()[before:]; rule == "" && len(got) > 0 || rule != "" && !strings.Contains(strings.Join(got, "\n"), rule) {
			t.Errorf("%q, want %q", got, rule)
		}
	}
	blamed("", func() { customer("one", "Ada") })
	blamed("", func() { customer("one", "Ada") })
	blamed("I-O3", func() { customer("one", "Bob") })
	blamed("I-O5", func() {
		l.must(models.InTx(l.ctx, l.p.DB, func(context.Context, bun.Tx) error { customer("two", "Ada"); return nil }))
	})
	blamed("I-O6", func() {
		if _, err := l.p.Engine.Subscription(l.ctx, accounts.StripeAccount{Tenant: l.w.B.Tenant.ID, Connected: l.s.Account}, "sub_1"); err == nil {
			t.Error("Stripe lets the twin in")
		}
	})
	l.now = l.now.AddDate(0, 0, 2)
	blamed("I-O4", func() { customer("one", "Ada") })
	blamed("I-O1", func() {
		r, err := http.NewRequestWithContext(l.ctx, http.MethodPost, "http://stripe.test/v1/customers", http.NoBody)
		l.must(err)
		r.Header.Set("Authorization", "Bearer "+l.s.Key)
		answer, err := l.w.Tap(l.p).RoundTrip(r)
		l.must(err)
		l.must(answer.Body.Close())
	})
}
