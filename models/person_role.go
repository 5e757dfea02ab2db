package models

import (
	"context"

	"github.com/uptrace/bun"
)

// PeopleWithRole returns the ids of the tenant's active people who have a role.
func PeopleWithRole(ctx context.Context, db bun.IDB, tenant TenantID, role string) ([]string, error) {
	var ids []string
	err := db.NewSelect().Model((*Person)(nil)).ColumnExpr("p.person_id").
		Join("JOIN person_roles AS pr ON pr.person_id = p.person_id").
		Where("p.tenant_id = ? AND p.state = ? AND pr.role = ?", tenant, StateActive, role).
		OrderExpr("p.person_id").Scan(ctx, &ids)
	return ids, found(err, "People")
}
