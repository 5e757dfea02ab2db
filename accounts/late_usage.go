package accounts

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/models"
)

// SaveLateUsage chooses what becomes of use that is found after its invoice was
// final: models.LateBilled or models.LateWaived. It holds for what is found from now
// on.
func (t *Tenants) SaveLateUsage(ctx context.Context, who Actor, choice string) error {
	var f fault.Fields
	f.Check(choice == models.LateBilled || choice == models.LateWaived, "late_usage", "Choose what becomes of it.")
	if err := firstOf(runs(who), f.Err()); err != nil {
		return err
	}
	return t.edit(ctx, who, "tenant.late_usage", func(_ context.Context, _ bun.Tx, row *models.Tenant) (map[string]string, error) {
		from := row.LateUsage
		row.LateUsage = choice
		return map[string]string{"from": from, "to": choice}, nil
	})
}
