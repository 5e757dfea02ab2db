package models_test

import (
	"context"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

func tenant(t *testing.T, db *bun.DB, id models.TenantID, domain string) {
	t.Helper()
	ok, err := models.InsertTenant(context.Background(), db, models.Tenant{
		ID: id, Domain: domain, Name: domain, State: "active", CreatedAt: models.At(time.Unix(1, 0)),
	})
	if err != nil || !ok {
		t.Fatalf("insert tenant: %v, %v", ok, err)
	}
}

func TestRowsSurviveTheRoundTrip(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		ctx := context.Background()
		tenant(t, db, 7, "acme.example")
		got, err := models.TenantByDomain(ctx, db, "acme.example")
		if err != nil || got.ID != 7 || got.StripeAccount != "" || got.CataloguePublic {
			t.Fatalf("tenant = %+v, %v", got, err)
		}
		if again, err := models.InsertTenant(ctx, db, got); err != nil || again {
			t.Errorf("a tenant was inserted twice: %v, %v", again, err)
		}
		at := models.At(time.Date(2026, 12, 8, 14, 5, 6, 7e6, time.UTC))
		entry := models.Audit{TenantID: 7, At: at, Actor: "p", Action: "x", ObjectType: "o", ObjectID: "1", Details: map[string]string{"naïve": `"quoted" ☂ ' \ ?`}}
		if err := models.InsertAudit(ctx, db, entry); err != nil {
			t.Fatal(err)
		}
		page, err := models.AuditPage(ctx, db, 7, 0, "", 10)
		if err != nil || len(page) != 1 || page[0].At != at || page[0].Details["naïve"] != entry.Details["naïve"] {
			t.Errorf("audit = %+v, %v", page, err)
		}
	})
}

func TestAStaleWriteIsAConflict(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		ctx := context.Background()
		tenant(t, db, 7, "acme.example")
		first, _ := models.TenantByID(ctx, db, 7)
		second := first
		first.Name = "first"
		save := func(row models.Tenant) error {
			return models.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error { return models.SaveTenant(ctx, tx, row) })
		}
		if err := save(first); err != nil {
			t.Fatal(err)
		}
		second.Name = "second"
		if err := save(second); fault.KindOf(err) != fault.Conflict {
			t.Errorf("stale write: %v, want a conflict", err)
		}
	})
}

func TestIdentifiersCompareByteForByte(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		tenant(t, db, 7, "acme.example")
		tenant(t, db, 8, "ACME.example")
		for _, id := range []string{"evt_A", "evt_a"} {
			e := models.StripeEvent{TenantID: 7, ID: id, Type: "t", ObjectType: "o", ObjectID: "1", BodySHA256: "x", Source: "webhook", State: models.EventWaiting}
			if _, err := db.NewInsert().Model(&e).Exec(context.Background()); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	})
}

func TestOnlyOneLiveRow(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		ctx := context.Background()
		tenant(t, db, 7, "acme.example")
		one := int64(1)
		add := func(live *int64) error {
			p := models.Policy{Name: "Gold", TenantID: 7, QuotaType: "requestCount", UnitTime: 1, TimeUnit: "min", BillingPlan: models.PlanFree,
				UUID: models.NewID(), PermissionRoles: []string{"a", "b"}, CustomAttributes: map[string]string{}, Live: live}
			_, err := db.NewInsert().Model(&p).Exec(ctx)
			if err == nil && p.ID == 0 {
				t.Error("the engine gave no id")
			}
			return err
		}
		for i := range 3 {
			if err := add(nil); err != nil {
				t.Fatalf("ended row %d: %v", i, err)
			}
		}
		if err := add(&one); err != nil {
			t.Fatal(err)
		}
		if err := add(&one); !models.Taken(err) {
			t.Errorf("two live rows: %v, want a taken key", err)
		}
		var p models.Policy
		if err := db.NewSelect().Model(&p).Where("live = 1").Scan(ctx); err != nil || len(p.PermissionRoles) != 2 || p.Currency != "" {
			t.Errorf("policy = %+v, %v", p, err)
		}
	})
}
