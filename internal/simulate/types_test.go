package simulate_test

import (
	"slices"
	"testing"

	"tollgate/billing"
)

// elsewhere says where the types are tried that no story of seven events has.
var elsewhere = map[string]string{
	"customer.subscription.paused":                 "the sandbox has no trial that ends without a card",
	"customer.subscription.resumed":                "the sandbox has no trial that ends without a card",
	"customer.subscription.trial_will_end":         "billing; we sell no trials",
	"customer.subscription.pending_update_applied": "the simulator: changes of plan whose payment fails",
	"customer.subscription.pending_update_expired": "the simulator: changes of plan whose payment fails",
	"subscription_schedule.canceled":               "by hand only; the same work as released",
	"subscription_schedule.completed":              "our schedules are released; the same work",
	"subscription_schedule.aborted":                "ends with its subscription; the same work",
	"refund.updated":                               "the same work as refund.created",
	"refund.failed":                                "the same work as refund.created",
	"charge.dispute.updated":                       "the same work as charge.dispute.created",
	"product.created":                              "the same work as product.updated",
	"product.deleted":                              "the same work as product.updated",
	"price.deleted":                                "the same work as price.updated",
	"account.updated":                              "billing; it is about an account, not a subscription",
	"account.application.deauthorized":             "billing; nothing can be read afterwards",
	"account.application.authorized":               "billing; it is about an account, not a subscription",
}

// Whatever type of event we ask Stripe for is in a story, or is said to be elsewhere.
func TestStoriesHaveEveryTypeOfEvent(t *testing.T) {
	t.Parallel()
	told := map[string]bool{}
	for _, s := range scenarios() {
		for _, kind := range s.events {
			told[kind] = true
			if !slices.Contains(billing.ConnectEvents, kind) {
				t.Errorf("%s has %s, which we do not ask for", s.name, kind)
			}
		}
		if len(s.events) != 7 {
			t.Errorf("%s has %d events", s.name, len(s.events))
		}
	}
	for _, kind := range billing.ConnectEvents {
		if told[kind] == (elsewhere[kind] != "") {
			t.Errorf("%s is in a story: %v; elsewhere: %q", kind, told[kind], elsewhere[kind])
		}
	}
	if len(scenarios()) != 12 {
		t.Errorf("%d stories", len(scenarios()))
	}
}
