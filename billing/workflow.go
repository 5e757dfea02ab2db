package billing

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/models"
)

// record notes that something was asked for a subscription, as WSO2's workflow
// executors do. Its external reference is what Stripe echoes.
func (s *Subscriptions) record(ctx context.Context, tx bun.Tx, who accounts.Actor, sub models.Subscription, kind, status string) error {
	now := models.At(s.Business.Now())
	return models.InsertWorkflow(ctx, tx, models.Workflow{
		Reference: reference(sub), Type: kind, Status: status, CreatedTime: now, UpdatedTime: now,
		TenantID: sub.TenantID, TenantDomain: who.Domain, ExternalReference: models.NewID(),
	})
}

// answer ends the newest workflow of a kind about sub, if it is still open.
func (s *Subscriptions) answer(ctx context.Context, tx bun.Tx, sub models.Subscription, kind, status, why string) error {
	w, ok, err := models.NewestWorkflow(ctx, tx, sub.TenantID, reference(sub), kind)
	if err != nil || !ok || w.Status != models.WorkflowCreated {
		return err
	}
	w.Status, w.StatusDesc, w.UpdatedTime = status, clip(why, 1000), models.At(s.Business.Now())
	return models.SaveWorkflow(ctx, tx, w)
}

// reference is how workflows name a subscription.
func reference(sub models.Subscription) string { return strconv.FormatInt(sub.ID, 10) }

// clip returns at most n runes of text.
func clip(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}
