package admin_test

import (
	"testing"
	"time"

	"tollgate/internal/golden"
	"tollgate/views/page/admin"
	"tollgate/views/ui"
)

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	f := inside("Subscriptions", "/admin/subscriptions")
	filters := []ui.Link{{Href: "/admin/subscriptions", Label: "All", Current: true}, {Href: "/admin/subscriptions?show=ended", Label: "Ended"}}
	row := admin.SubscriptionRow{ID: "s1", API: "Weather v1", Plan: "Gold", Subscriber: "Ada Byron", Application: "Harvest planner", Publisher: "Northwind Weather", State: "Active", Tone: ui.Good, Since: morn}
	odd := admin.SubscriptionRow{ID: hostile, API: hostile, Plan: hostile, Subscriber: hostile, Application: hostile, Publisher: hostile, State: hostile, Since: now}
	for name, p := range map[string]admin.SubscriptionsProps{
		"subscriptions":        {Frame: f, Filters: filters, Rows: []admin.SubscriptionRow{row}, Pager: ui.Pager{Showing: "1 subscription", Next: "/admin/subscriptions?before=1"}},
		"subscriptions_none":   {Frame: f, Filters: filters},
		"subscriptions_nobody": {Frame: f, Filters: filters, Narrowed: true, Search: "zz"},
		"subscriptions_evil":   {Frame: evil(), Filters: filters, Search: hostile, Narrowed: true, Rows: []admin.SubscriptionRow{odd}, Pager: ui.Pager{Showing: hostile}},
	} {
		t.Run(name, func(t *testing.T) { golden.HTML(t, name, admin.Subscriptions(p)) })
	}
	for name, p := range map[string]admin.SubscriptionProps{
		"subscription": {Frame: f, SubscriptionRow: row, Sentence: "The last payment failed. Update the card by ", Until: now, After: " or calls will be refused.", NextPlan: "Silver on 1 Jan 2027",
			Period: [2]time.Time{morn, now}, Stripe: "sub_1", Account: "acct_1", CanEnd: true, Units: "/admin/units/s1", CSV: "/admin/subscriptions/s1/history.csv", Older: "/admin/subscriptions/s1?before=1",
			History: []ui.Happening{{At: now, Text: "The payment of 49.00 USD failed.", Note: "told by invoice.payment_failed", Tone: ui.Bad}, {At: morn, Text: "Subscribed to Gold.", Note: "by Ada Byron"}}},
		"subscription_ended": {Frame: f, SubscriptionRow: row, Sentence: "This subscription has ended.", CSV: "/admin/subscriptions/s1/history.csv"},
		"subscription_evil": {Frame: evil(), SubscriptionRow: odd, Sentence: hostile, Until: now, After: hostile, NextPlan: hostile, Stripe: hostile, Account: hostile, CSV: hostile, Older: hostile, CanEnd: true,
			History: []ui.Happening{{At: now, Text: hostile, Note: hostile, Link: hostile, Word: hostile}}},
	} {
		t.Run(name, func(t *testing.T) { golden.HTML(t, name, admin.Subscription(p)) })
	}
}
