package outbox

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// A Desk shows people the work that is open, and lets them have failed work
// tried again.
type Desk struct{ Runner *Runner }

// Open returns at most limit of the tenant's jobs that are not done, oldest
// first: those that failed, or those still under way.
func (d Desk) Open(ctx context.Context, tenant models.TenantID, failed bool, limit int) ([]models.Job, error) {
	return models.OpenJobs(ctx, d.Runner.DB, tenant, failed, limit)
}

// TryAgain makes a failed job of the tenant ready again, with new idempotency
// keys: under the old ones Stripe would only repeat its no. did is the audit row of
// whoever asks for it; the job's id and kind are added. A job that is not there,
// or has not failed, is a NotFound or a Conflict fault.
func (d Desk) TryAgain(ctx context.Context, tenant models.TenantID, id string, did models.Audit) error {
	err := models.InTx(ctx, d.Runner.DB, func(ctx context.Context, tx bun.Tx) error {
		j, err := models.TenantJob(ctx, tx, tenant, id)
		if err != nil {
			return err
		}
		if err := models.RetryJob(ctx, tx, tenant, id, models.At(d.Runner.Wall.Now()), keyLife); err != nil {
			return err
		}
		did.ObjectType, did.ObjectID, did.ObjectName = "work", j.ID, j.Kind
		return models.InsertAudit(ctx, tx, did)
	})
	if err == nil {
		d.Runner.Wake()
	}
	return err
}
