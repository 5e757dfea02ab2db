package billing_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// A bookWorld is two publishers with an API each, and a subscription to each.
type bookWorld struct {
	t       *testing.T
	db      *bun.DB
	sellers []accounts.Actor
	apis    []models.API
	subs    []models.Subscription
	plan    int64
}

func (w *bookWorld) put(row any) {
	w.t.Helper()
	if _, err := w.db.NewInsert().Model(row).Exec(context.Background()); err != nil {
		w.t.Fatalf("%T: %v", row, err)
	}
}

func newBookWorld(t *testing.T, db *bun.DB) *bookWorld {
	w := &bookWorld{t: t, db: db}
	one := int64(1)
	w.put(&models.Tenant{ID: 7, Domain: "acme.example", Name: "Acme", State: "active", LateUsage: "bill", CreatedAt: 1})
	plan := models.Policy{Name: "Flex", DisplayName: "Flex", TenantID: 7, QuotaType: "requestCount", UnitTime: 1, TimeUnit: "min", CustomAttributes: map[string]string{},
		BillingPlan: models.PlanFree, UUID: models.NewID(), PermissionRoles: []string{}, CreatedAt: 1, UpdatedAt: 1, Live: &one}
	w.put(&plan)
	w.plan = plan.ID
	for i := range 2 {
		name := fmt.Sprint("seller", i)
		p := models.Person{ID: models.NewID(), TenantID: 7, Username: name, DisplayName: name, State: "active", Theme: "system", CreatedAt: 1}
		w.put(&p)
		w.sellers = append(w.sellers, accounts.Actor{Tenant: 7, Domain: "acme.example", Person: p.ID, Roles: []accounts.Role{accounts.Publisher}})
		buyer := models.Subscriber{UserID: name, TenantID: 7, DateSubscribed: 1, PersonID: p.ID}
		w.put(&buyer)
		a := models.API{UUID: models.NewID(), Provider: name, Name: fmt.Sprint("API ", i), APIVersion: "v1", Context: name, Type: models.TypeAPI, Organization: "acme.example",
			Status: models.APIPublished, TenantID: 7, OwnerID: p.ID, Monetization: models.MonetizationOff, Counting: "success", Live: &one}
		w.put(&a)
		app := models.Application{Name: "App", SubscriberID: buyer.ID, Tier: "Unlimited", Status: "APPROVED", UUID: models.NewID(), TenantID: 7, Live: &one}
		w.put(&app)
		s := models.Subscription{TierID: "Flex", APIID: a.ID, ApplicationID: app.ID, Status: "UNBLOCKED", CreateState: "SUBSCRIBE", CreatedTime: 1, UpdatedTime: 1, UUID: models.NewID(), TenantID: 7, PolicyID: plan.ID, Checkout: "none", Live: &one}
		w.put(&s)
		w.apis, w.subs = append(w.apis, a), append(w.subs, s)
	}
	return w
}

func (w *bookWorld) called(sub int, at time.Time, calls, counted int64) {
	w.t.Helper()
	s, first := w.subs[sub], models.At(at)
	w.put(&models.LedgerRow{SubscriptionID: s.ID, Hour: models.HourOf(first), Writer: "w", Epoch: int64(first), SeqFrom: 1, SeqTo: calls, TenantID: 7, APIID: s.APIID, PolicyID: w.plan,
		FirstAt: first, LastAt: first, RecordedAt: first, Calls: calls, Counted: counted, Quantity: 2 * counted, Kind: models.LedgerCalls})
}

func (w *bookWorld) billed(sub int, id string, at time.Time, currency, status string, total, due, paid int64) {
	w.t.Helper()
	w.put(&models.Invoice{Account: "acct_1", ID: id, TenantID: 7, AMSubscriptionID: w.subs[sub].ID, CustomerID: "cus_1", Status: status, BillingReason: "subscription_cycle", Currency: currency,
		TotalMinor: total, AmountDueMinor: due, AmountPaidMinor: paid, PeriodStart: 1, PeriodEnd: 2, CreatedAt: models.At(at), Document: "{}", SyncedAt: 1})
}

func TestBooksOfAMonth(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newBookWorld(t, db)
		dec := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
		w.called(0, dec, 10, 8)
		w.called(0, dec.Add(-time.Millisecond), 1000, 1000) // the month before
		w.called(0, dec.AddDate(0, 1, 0).Add(-time.Second), 5, 5)
		w.called(1, dec.AddDate(0, 0, 9), 100, 100)
		w.billed(0, "in_1", dec, "usd", "paid", 1000, 1000, 1000)
		w.billed(0, "in_2", dec.AddDate(0, 0, 1), "usd", "open", 700, 600, 100)
		w.billed(0, "in_3", dec.AddDate(0, 0, 1), "jpy", "uncollectible", 900, 900, 0)
		w.billed(0, "in_4", dec, "usd", "void", 5000, 5000, 0)
		w.billed(0, "in_5", dec, "usd", "draft", 5000, 5000, 0)
		w.billed(0, "in_6", dec.AddDate(0, 1, 0), "usd", "paid", 300, 300, 300) // the month after
		w.billed(1, "in_7", dec, "usd", "paid", 50_000, 50_000, 50_000)
		books := billing.Books{DB: db, Business: clock.NewBusiness(clock.Wall{})}
		q := billing.BooksQuery{Own: true, Month: dec.AddDate(0, 0, 20)}

		book, err := books.Month(t.Context(), w.sellers[0], q)
		if err != nil {
			t.Fatal(err)
		}
		said := func(l billing.BookLine) string {
			text := fmt.Sprintf("%d/%d/%d", l.Calls, l.Counted, l.Units)
			for _, m := range l.Takings {
				text += fmt.Sprintf(" %d:%v,%v,%v,%v", m.Invoices, m.Invoiced, m.Paid, m.Open, m.Lost)
			}
			return text
		}
		const want = "15/13/26 1:900 JPY,0 JPY,0 JPY,900 JPY 2:17.00 USD,11.00 USD,5.00 USD,0.00 USD"
		if got := said(book.Total); got != want {
			t.Errorf("together %s, want %s", got, want)
		}
		if len(book.APIs) != 1 || said(book.APIs[0]) != want || book.APIs[0].API != "API 0 v1" || len(book.Plans) != 1 || book.Plans[0].Plan != "Flex" ||
			len(book.Subscriptions) != 1 || book.Subscriptions[0].UUID != w.subs[0].UUID || book.Subscriptions[0].Application != "App" || book.OwnAPIs != 1 {
			t.Errorf("the lines are %+v", book)
		}
		if len(book.Days) != 31 || book.Days[0].Calls != 10 || book.Days[30].Calls != 5 {
			t.Errorf("the days are %+v", book.Days)
		}
		whole, err := books.Month(t.Context(), accounts.Actor{Tenant: 7, Person: "x", Roles: []accounts.Role{accounts.Admin}}, billing.BooksQuery{Month: dec, Lines: 1})
		if err != nil || whole.Total.Calls != 115 || len(whole.APIs) != 2 || whole.APIs[0].API != "API 1 v1" || len(whole.Subscriptions) != 1 || whole.More != 1 {
			t.Errorf("of the tenant: %+v, %v", whole, err)
		}
		months, err := books.Takings(t.Context(), w.sellers[0], q, 3)
		if err != nil || len(months) != 3 || len(months[0].Takings) != 2 || months[0].Takings[1].Invoiced.String() != "17.00 USD" || len(months[1].Takings) != 0 || !months[2].Month.Equal(dec.AddDate(0, -2, 0)) {
			t.Errorf("the months are %+v, %v", months, err)
		}
	})
}

func TestBooksAreNobodyElses(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newBookWorld(t, db)
		dec := time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC)
		w.called(1, dec, 100, 100)
		w.billed(1, "in_1", dec, "usd", "paid", 50_000, 50_000, 50_000)
		books := billing.Books{DB: db, Business: clock.NewBusiness(clock.Wall{})}
		mine, err := books.Month(t.Context(), w.sellers[1], billing.BooksQuery{Own: true, Month: dec, Subscription: w.subs[1].UUID})
		if err != nil || mine.Total.Calls != 100 {
			t.Errorf("the owner's: %+v, %v", mine, err)
		}
		for name, c := range map[string]struct {
			who accounts.Actor
			q   billing.BooksQuery
		}{
			"another's API":          {w.sellers[0], billing.BooksQuery{Own: true, API: w.apis[1].UUID}},
			"another's subscription": {w.sellers[0], billing.BooksQuery{Own: true, Subscription: w.subs[1].UUID}},
			"no API":                 {w.sellers[0], billing.BooksQuery{Own: true, API: models.NewID()}},
			"the tenant's":           {w.sellers[0], billing.BooksQuery{}},
			"an admin as publisher":  {accounts.Actor{Tenant: 7, Person: "x", Roles: []accounts.Role{accounts.Admin}}, billing.BooksQuery{Own: true}},
			"another tenant's API":   {accounts.Actor{Tenant: 8, Person: "x", Roles: []accounts.Role{accounts.Admin}}, billing.BooksQuery{API: w.apis[1].UUID}},
		} {
			c.q.Month = dec
			if _, err := books.Month(t.Context(), c.who, c.q); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, who := range map[string]accounts.Actor{"another publisher": w.sellers[0]} {
			if b, err := books.Month(t.Context(), who, billing.BooksQuery{Own: true, Month: dec}); err != nil || b.Total.Calls != 0 || len(b.Total.Takings) != 0 {
				t.Errorf("%s sees %+v, %v", name, b, err)
			}
		}
	})
}
