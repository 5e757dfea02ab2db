package web

import (
	"context"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/models"
)

// A sale is a subscription to an API of a publisher's that is charged by the call,
// with what its calls left behind.
type sale struct {
	sub                            models.Subscription
	api                            models.API
	plan                           models.Policy
	refused, sent                  models.UsageWindow
	publisher, subscriber, account string // persons, and acct_…
}

// sold makes a sale between two people of a world's default tenant.
func (w *world) sold(t *testing.T, publisher, subscriber, name string) sale {
	t.Helper()
	s, db, one, at := sale{account: "acct_" + name}, w.deps.People.DB, int64(1), models.At(w.now)
	put := func(row any) {
		t.Helper()
		if _, err := db.NewInsert().Model(row).Exec(t.Context()); err != nil {
			t.Fatalf("%T: %v", row, err)
		}
	}
	people := map[string]string{}
	for _, username := range []string{publisher, subscriber} {
		p, err := models.PersonByUsername(t.Context(), db, models.SuperTenant, username)
		must(t, err)
		people[username] = p.ID
	}
	s.publisher, s.subscriber = people[publisher], people[subscriber]
	s.api = models.API{UUID: models.NewID(), Provider: publisher, Name: name, APIVersion: "v1", Context: name, Type: models.TypeAPI, Organization: models.SuperDomain,
		Status: models.APIPublished, TenantID: models.SuperTenant, OwnerID: s.publisher, Monetization: models.MonetizationOff, Counting: models.CountSuccess, Live: &one}
	put(&s.api)
	s.plan = models.Policy{Name: "Flex " + name, DisplayName: "Flex " + name, TenantID: models.SuperTenant, QuotaType: "requestCount", Quota: 10_000, StopOnQuotaReach: true, UnitTime: 1, TimeUnit: "month",
		CustomAttributes: map[string]string{}, BillingPlan: models.PlanFree, UUID: models.NewID(), PermissionRoles: []string{}, CreatedAt: at, UpdatedAt: at, Live: &one}
	put(&s.plan)
	var buyer models.Subscriber
	if err := db.NewSelect().Model(&buyer).Where("person_id = ?", s.subscriber).Scan(t.Context()); err != nil {
		buyer = models.Subscriber{UserID: subscriber, TenantID: models.SuperTenant, DateSubscribed: at, PersonID: s.subscriber}
		put(&buyer)
	}
	app := models.Application{Name: name + " widget", SubscriberID: buyer.ID, Tier: "Unlimited", Status: "APPROVED", UUID: models.NewID(), TenantID: models.SuperTenant, Live: &one}
	put(&app)
	begin := models.At(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	s.sub = models.Subscription{TierID: s.plan.Name, APIID: s.api.ID, ApplicationID: app.ID, Status: "UNBLOCKED", CreateState: "SUBSCRIBE", CreatedTime: begin, UpdatedTime: begin, UUID: models.NewID(),
		TenantID: models.SuperTenant, PolicyID: s.plan.ID, Checkout: "none", Account: s.account, StripeSubscriptionID: "sub_" + name, StripeStatus: "active",
		PeriodStart: begin, PeriodEnd: models.At(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)), Live: &one}
	put(&s.sub)
	w.used(t, db, &s, name)
	return s
}

// used adds to a sale 100 calls of which 90 count, two windows, a comparison that
// differs by 5, and two invoices.
func (w *world) used(t *testing.T, db *bun.DB, s *sale, name string) {
	t.Helper()
	at := models.At(w.now)
	hour := models.HourOf(at) - 3*3_600_000
	window := func(id string, start models.Instant, units int64, state string) models.UsageWindow {
		return models.UsageWindow{ID: models.NewID(), TenantID: s.sub.TenantID, SubscriptionID: s.sub.ID, PolicyID: s.plan.ID, APIID: s.api.ID, Account: s.account, CustomerID: "cus_" + name,
			EventName: "ev_" + name, StripeSubscriptionID: s.sub.StripeSubscriptionID, Start: start, End: start + 3_600_000, Calls: units, Quantity: units, Identifier: "u1_" + id + name,
			EventAt: start + 3_599_000, State: state, SealedAt: at, NextTryAt: at}
	}
	one := int64(1)
	s.sent, s.refused = window("sent", hour, 80, models.WindowSent), window("refused", hour+3_600_000, 10, models.WindowRefused)
	s.sent.SentAt, s.refused.Open, s.refused.Problem = at, &one, "No such customer: cus_"+name
	rows := []any{&s.sent, &s.refused,
		&models.LedgerRow{SubscriptionID: s.sub.ID, Hour: hour, Writer: "w", Epoch: 1, SeqFrom: 1, SeqTo: 100, TenantID: s.sub.TenantID, APIID: s.api.ID, PolicyID: s.plan.ID,
			FirstAt: hour, LastAt: hour + 500, RecordedAt: at, Calls: 100, Counted: 90, Quantity: 90, Kind: models.LedgerCalls, WindowID: s.sent.ID},
		&models.UsageCompare{SubscriptionID: s.sub.ID, PolicyID: s.plan.ID, PeriodStart: s.sub.PeriodStart, PeriodEnd: s.sub.PeriodEnd, TenantID: s.sub.TenantID, Account: s.account,
			StripeSubscriptionID: s.sub.StripeSubscriptionID, Gateway: 90, Ledger: 90, Sent: 80, Waiting: 10, Stripe: new(int64(75)), ComparedAt: at, DueAt: at},
	}
	for i, c := range []string{"usd", "jpy"} {
		rows = append(rows, &models.Invoice{Account: s.account, ID: "in_" + c + name, TenantID: s.sub.TenantID, AMSubscriptionID: s.sub.ID, StripeSubscriptionID: s.sub.StripeSubscriptionID, CustomerID: "cus_" + name,
			Status: []string{"paid", "open"}[i], BillingReason: "subscription_cycle", Currency: c, TotalMinor: 12_345, AmountDueMinor: 12_345, AmountPaidMinor: []int64{12_345, 0}[i],
			PeriodStart: s.sub.PeriodStart, PeriodEnd: at, CreatedAt: at, Document: "{}", SyncedAt: at})
	}
	for _, row := range rows {
		if _, err := db.NewInsert().Model(row).Exec(context.Background()); err != nil {
			t.Fatalf("%T: %v", row, err)
		}
	}
}

// window reads a window as it is now.
func (w *world) window(t *testing.T, id string) models.UsageWindow {
	t.Helper()
	row, err := models.WindowOf(t.Context(), w.deps.People.DB, models.SuperTenant, id)
	must(t, err)
	return row
}

// other adds somebody with a role to the default tenant and signs them in.
func (w *world) other(t *testing.T, username string, role accounts.Role) *browser {
	t.Helper()
	w.person(t, accounts.System(models.SuperTenant, models.SuperDomain), username, role)
	return w.session(t, username)
}
