package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/gateway"
	"tollgate/gateway/ingest"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

var now = time.Date(2026, 12, 8, 12, 0, 0, 0, time.UTC)

// A world is two tenants with a subscription each, and a ledger.
type world struct {
	db      *bun.DB
	reports *ingest.Reports
	subs    [3]models.Subscription // ours, ours of a metered plan, theirs
}

const (
	us   models.TenantID = 7
	them models.TenantID = 8
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func setup(t *testing.T, db *bun.DB) *world {
	t.Helper()
	wall := clock.NewWall(func() time.Time { return now })
	w := &world{db: db}
	ledger := usage.NewLedger(usage.LedgerOptions{DB: db, Wall: wall, Business: clock.NewBusiness(wall), Kind: usage.KindPortal, Name: "test", Beat: 50 * time.Millisecond})
	w.reports = &ingest.Reports{DB: db, Ledger: ledger}
	for i, tenant := range []models.TenantID{us, us, them} {
		w.subs[i] = w.subscription(t, tenant, fmt.Sprint(i), i == 1)
	}
	go ledger.Run(context.Background()) //nolint:errcheck // Close waits for it
	t.Cleanup(ledger.Close)
	for end := time.Now().Add(20 * time.Second); ledger.Ready() != nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(ledger.Ready())
		}
	}
	return w
}

func (w *world) put(t *testing.T, row any) {
	t.Helper()
	if _, err := w.db.NewInsert().Model(row).Exec(context.Background()); err != nil {
		t.Fatalf("%T: %v", row, err)
	}
}

// subscription makes a subscription with all that it needs.
func (w *world) subscription(t *testing.T, tenant models.TenantID, name string, metered bool) models.Subscription {
	t.Helper()
	one, at := int64(1), models.At(now)
	if name != "1" {
		w.put(t, &models.Tenant{ID: tenant, Domain: "t" + name + ".example", Name: name, State: "active", CreatedAt: at})
	}
	person := &models.Person{ID: models.NewID(), TenantID: tenant, Username: name, Email: name + "@a.example", DisplayName: name, State: "active", Theme: "system", CreatedAt: at}
	w.put(t, person)
	buyer := &models.Subscriber{UserID: name, TenantID: tenant, DateSubscribed: at, PersonID: person.ID}
	w.put(t, buyer)
	api := &models.API{UUID: models.NewID(), Provider: "pub", Name: "API " + name, APIVersion: "v1", Context: "a" + name, Type: models.TypeAPI, Organization: "o", Status: models.APIPublished,
		TenantID: tenant, OwnerID: person.ID, Monetization: models.MonetizationOff, Counting: models.CountSuccess, Live: &one}
	if metered {
		api.Counting, api.CountingStatuses = models.CountListed, "404,2xx"
	}
	w.put(t, api)
	p := &models.Policy{Name: "Plan " + name, DisplayName: "Plan", TenantID: tenant, QuotaType: "requestCount", UnitTime: 1, TimeUnit: "min", CustomAttributes: map[string]string{}, BillingPlan: models.PlanFree,
		UUID: models.NewID(), PermissionRoles: []string{}, CreatedAt: at, UpdatedAt: at, Live: &one}
	w.put(t, p)
	app := &models.Application{Name: "App " + name, SubscriberID: buyer.ID, Tier: "Unlimited", Status: "APPROVED", UUID: models.NewID(), TenantID: tenant, Live: &one}
	w.put(t, app)
	sub := &models.Subscription{TierID: p.Name, APIID: api.ID, ApplicationID: app.ID, Status: "UNBLOCKED", CreateState: "SUBSCRIBE", CreatedTime: at, UpdatedTime: at, UUID: models.NewID(), TenantID: tenant,
		PolicyID: p.ID, Checkout: "none", Live: &one}
	if metered {
		v := &models.PriceVersion{ID: models.NewID(), TenantID: tenant, PolicyID: p.ID, Number: 1, Model: models.DynamicRate, Currency: "eur", UnitPrice: "0.01", BillingCycle: "month", CreatedAt: at, CreatedBy: person.ID}
		w.put(t, v)
		sub.PriceVersionID = v.ID
	}
	w.put(t, sub)
	return *sub
}

// rows returns what the ledger has of a subscription.
func (w *world) sums(t *testing.T, sub models.Subscription) (calls, counted, quantity int64, metered bool) {
	t.Helper()
	var rows []models.LedgerRow
	must(t, w.db.NewSelect().Model(&rows).Where("ul.subscription_id = ?", sub.ID).Scan(t.Context()))
	for _, r := range rows {
		calls, counted, quantity = calls+r.Calls, counted+r.Counted, quantity+r.Quantity
		metered = r.Todo != nil && *r.Todo == models.ToSend
		if r.TenantID != sub.TenantID || r.APIID != sub.APIID || r.PolicyID != sub.PolicyID {
			t.Errorf("%+v", r)
		}
	}
	return calls, counted, quantity, metered
}

func n(v int64) *int64 { return &v }

func TestReportsAreTakenOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		events := []ingest.Event{
			{Source: "nginx", ID: "1", Subscription: w.subs[0].UUID, Status: 200},
			{Source: "nginx", ID: "2", Subscription: w.subs[0].UUID, Status: 404, Units: n(5)},
			{Source: "nginx", ID: "3", Subscription: w.subs[1].UUID, Status: 404, Units: n(5), Time: now.Add(-time.Hour)},
			{Source: "nginx", ID: "4", Subscription: w.subs[1].UUID, Status: 204},
			{Source: "nginx", ID: "4", Subscription: w.subs[1].UUID, Status: 204},
			{Source: "other", ID: "4", Subscription: w.subs[1].UUID, Status: 204, Units: n(0)},
		}
		got, err := w.reports.Take(t.Context(), us, events)
		must(t, err)
		if got != (ingest.Taken{Accepted: 5, Duplicates: 1}) {
			t.Errorf("%+v", got)
		}
		again, err := w.reports.Take(t.Context(), us, events)
		must(t, err)
		if again != (ingest.Taken{Duplicates: 6}) {
			t.Errorf("again: %+v", again)
		}
		for i, want := range [][4]any{{int64(2), int64(1), int64(1), false}, {int64(3), int64(3), int64(6), true}, {int64(0), int64(0), int64(0), false}} {
			calls, counted, quantity, metered := w.sums(t, w.subs[i])
			if got := [4]any{calls, counted, quantity, metered}; got != want {
				t.Errorf("subscription %d: %v, want %v", i, got, want)
			}
		}
		// Another tenant's events have names of their own.
		got, err = w.reports.Take(t.Context(), them, []ingest.Event{{Source: "nginx", ID: "1", Subscription: w.subs[2].UUID, Status: 200}})
		must(t, err)
		if got.Accepted != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// When one event is wrong, none is recorded. Another tenant's subscription is as
// unknown as one that never was.
func TestWrongReports(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		good := ingest.Event{Source: "nginx", ID: "1", Subscription: w.subs[0].UUID, Status: 200}
		for says, change := range map[string]func(*ingest.Event){
			"no such subscription":   func(e *ingest.Event) { e.Subscription = w.subs[2].UUID },
			"no such subscription.":  func(e *ingest.Event) { e.Subscription = "none" },
			"status":                 func(e *ingest.Event) { e.Status = 99 },
			"units must be from":     func(e *ingest.Event) { e.Units = n(gateway.MostUnits + 1) },
			"units must be from 0":   func(e *ingest.Event) { e.Units = n(-1) },
			"in the future":          func(e *ingest.Event) { e.Time = now.Add(time.Hour) },
			"34 days":                func(e *ingest.Event) { e.Time = now.Add(-35 * 24 * time.Hour) },
			"The source must be":     func(e *ingest.Event) { e.Source = strings.Repeat("s", 256) },
			"The id must be 1 to 25": func(e *ingest.Event) { e.ID = " 1" },
		} {
			bad := good
			change(&bad)
			_, err := w.reports.Take(t.Context(), us, []ingest.Event{good, bad})
			fields, _ := fault.FieldsOf(err)
			if fault.KindOf(err) != fault.Malformed || len(fields) != 1 || !strings.Contains(fields["events[1]"], says) {
				t.Errorf("%s: %v", says, err)
			}
		}
		if calls, _, _, _ := w.sums(t, w.subs[0]); calls != 0 {
			t.Errorf("%d calls are recorded", calls)
		}
		if _, err := w.reports.Take(t.Context(), us, make([]ingest.Event, usage.MostEvents+1)); fault.KindOf(err) != fault.Malformed {
			t.Errorf("too many: %v", err)
		}
	})
}

type down struct{}

// RecordBatch records nothing.
func (down) RecordBatch(context.Context, []usage.Event) ([]bool, error) {
	return nil, fmt.Errorf("%w: the disk is full", usage.ErrNotRecorded)
}

func TestReportsWhileNothingCanBeRecorded(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	w.reports.Ledger = down{}
	_, err := w.reports.Take(t.Context(), us, []ingest.Event{{Source: "nginx", ID: "1", Subscription: w.subs[0].UUID, Status: 200}})
	if fault.KindOf(err) != fault.Unavailable || !errors.Is(err, usage.ErrNotRecorded) {
		t.Error(err)
	}
}
