package billing

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// dropComing promises that changes of plan which are on their way are taken back,
// because the plan that they lead to, or its sale, is taken away. Where a payment
// was faster, the change has happened.
func (e *Ends) dropComing(ctx context.Context, tx bun.Tx, who accounts.Actor, tenant models.TenantID, to models.ChangeScope, why string) error {
	subs, err := models.SubscriptionsChanging(ctx, tx, tenant, to)
	if err != nil {
		return err
	}
	for _, sub := range subs {
		flow, open, err := models.NewestWorkflow(ctx, tx, tenant, reference(sub), models.WorkflowUpdate)
		if err != nil {
			return err
		}
		if !open || flow.Status != models.WorkflowCreated {
			continue
		}
		if err := e.note(ctx, tx, sub, happening{Kind: "plan_change_asked", Text: why, By: who}); err != nil {
			return err
		}
		if _, err := outbox.Stage(ctx, tx, tenant, e.Wall.Now(), undoChange{sub.ID, flow.ExternalReference}); err != nil {
			return err
		}
	}
	return nil
}
