package accounts

import (
	"context"

	"tollgate/models"
)

// HookSecrets returns the tenant's signing secrets that count now, by whose
// events their endpoint gets. Which secret signed a delivery decides which
// accounts it may speak of.
func (t *Tenants) HookSecrets(ctx context.Context, tenant models.TenantID) (map[Scope][]string, error) {
	rows, err := models.WebhookEndpoints(ctx, t.DB, tenant)
	if err != nil {
		return nil, err
	}
	out := map[Scope][]string{}
	for _, row := range rows {
		have, err := t.open(ctx, t.DB, hookPlace(row))
		if err != nil {
			return nil, err
		}
		out[Scope(row.Scope)] = append(out[Scope(row.Scope)], have...)
	}
	return out, nil
}
