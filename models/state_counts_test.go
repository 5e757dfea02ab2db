package models_test

import (
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/internal/testdb"
	"tollgate/models"
)

func TestStatesAreCountedOverAllTenants(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		ctx := t.Context()
		for id := models.TenantID(1); id <= 2; id++ {
			domain := string(rune('a'+id)) + ".example"
			if _, err := models.InsertTenant(ctx, db, models.Tenant{ID: id, Domain: domain, Name: domain, State: "active"}); err != nil {
				t.Fatal(err)
			}
			for i, state := range []string{models.JobReady, models.JobReady, models.JobFailed} {
				at := models.Instant(int64(id)*100 + int64(i))
				if err := models.InsertJob(ctx, db, models.Job{ID: models.NewID(), TenantID: id, Kind: "k", Subject: "s", Task: "{}", State: state, RunAt: at, CreatedAt: at}); err != nil {
					t.Fatal(err)
				}
			}
			e := models.StripeEvent{TenantID: id, ID: "evt_1", Type: "invoice.paid", Source: "fetched", State: models.EventWaiting, CreatedAt: 1, ReceivedAt: models.Instant(id) * 7}
			if _, err := models.InsertStripeEvent(ctx, db, e); err != nil {
				t.Fatal(err)
			}
			d := models.Drift{TenantID: id, ObjectType: "price", ObjectID: "p", Field: "active", FirstSeen: models.Instant(id), LastSeen: 9}
			if err := models.InsertDrift(ctx, db, d); err != nil {
				t.Fatal(err)
			}
			if err := models.InsertDrift(ctx, db, d); err == nil {
				t.Error("one difference was opened twice")
			}
		}
		jobs, err := models.JobStates(ctx, db)
		if want := []models.StateCount{{State: models.JobFailed, Count: 2, Oldest: 102}, {State: models.JobReady, Count: 4, Oldest: 100}}; err != nil || !slices.Equal(jobs, want) {
			t.Errorf("jobs %+v, %v", jobs, err)
		}
		events, err := models.EventStates(ctx, db)
		if want := []models.StateCount{{State: models.EventWaiting, Count: 2, Oldest: 7}}; err != nil || !slices.Equal(events, want) {
			t.Errorf("events %+v, %v", events, err)
		}
		two := models.TenantID(2)
		drift, err := models.DriftCounts(ctx, db, &two)
		if want := []models.DriftCount{{TenantID: 2, Domain: "c.example", ObjectType: "price", Count: 1, Oldest: 2}}; err != nil || !slices.Equal(drift, want) {
			t.Errorf("drift %+v, %v", drift, err)
		}
	})
}
