package outbox_test

import (
	"context"
	"errors"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/internal/testdb"
	"tollgate/models"
)

func TestFailedWorkIsTriedAgainByItsOwnTenantOnly(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		f, ctx := setup(t, db), context.Background()
		if _, err := models.InsertTenant(ctx, db, models.Tenant{ID: 2, Domain: "twin", State: "active"}); err != nil {
			t.Fatal(err)
		}
		desk := outbox.Desk{Runner: f.runner}
		f.answer = outbox.Refuse(errors.New("no"))
		id := f.stage(t, "ada")
		waiting, err := desk.Open(ctx, 1, false, 10)
		if err != nil || len(waiting) != 1 {
			t.Fatalf("under way: %d, %v", len(waiting), err)
		}
		did := models.Audit{TenantID: 1, Actor: "ada", ActorName: "Ada", Action: "work.again", At: 1}
		if err := desk.TryAgain(ctx, 1, id, did); fault.KindOf(err) != fault.Conflict {
			t.Errorf("work that has not failed: %v", err)
		}
		if _, err := f.runner.RunOnce(ctx); err != nil {
			t.Fatal(err)
		}
		failed, err := desk.Open(ctx, 1, true, 10)
		if err != nil || len(failed) != 1 || failed[0].Problem != "no" {
			t.Fatalf("failed: %+v, %v", failed, err)
		}
		if theirs, err := desk.Open(ctx, 2, true, 10); err != nil || len(theirs) != 0 {
			t.Errorf("another tenant sees %d, %v", len(theirs), err)
		}
		if err := desk.TryAgain(ctx, 2, id, did); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another tenant's work: %v", err)
		}
		f.answer = nil
		if err := desk.TryAgain(ctx, 1, id, did); err != nil {
			t.Fatal(err)
		}
		if _, err := f.runner.RunOnce(ctx); err != nil {
			t.Fatal(err)
		}
		if len(f.keys) != 2 || f.keys[0] == f.keys[1] {
			t.Errorf("the keys are %v, want a new one: Stripe repeats its no under the old one", f.keys)
		}
		if left, err := desk.Open(ctx, 1, true, 10); err != nil || len(left) != 0 {
			t.Errorf("still failed: %d, %v", len(left), err)
		}
		trail, err := models.AuditPage(ctx, db, 1, 0, "", 10)
		if err != nil || len(trail) != 1 || trail[0].ObjectID != id || trail[0].ObjectName != "test.greet" {
			t.Errorf("the audit has %+v, %v", trail, err)
		}
	})
}
