package models

import (
	"context"

	"github.com/uptrace/bun"
)

// An Audit row says who did what to which object. Whoever opens the transaction
// of a privileged change writes it there.
type Audit struct {
	bun.BaseModel `bun:"table:audit,alias:a"`

	ID         string            `bun:"id,pk"`
	TenantID   TenantID          `bun:"tenant_id,notnull"`
	At         Instant           `bun:"at,notnull"`         // wall time
	Actor      string            `bun:"actor,notnull"`      // person id, "system" or "stripe"
	ActorName  string            `bun:"actor_name,notnull"` // as shown at the time
	Action     string            `bun:"action,notnull"`     // such as plan.create
	ObjectType string            `bun:"object_type,notnull"`
	ObjectID   string            `bun:"object_id,notnull"`
	ObjectName string            `bun:"object_name,notnull"`
	Details    map[string]string `bun:"details,type:text,notnull"` // never a secret
	RequestID  string            `bun:"request_id,notnull"`
}

// InsertAudit adds a. It gives it an id when it has none.
func InsertAudit(ctx context.Context, db bun.IDB, a Audit) error {
	if a.ID == "" {
		a.ID = NewID()
	}
	if a.Details == nil {
		a.Details = map[string]string{}
	}
	_, err := db.NewInsert().Model(&a).Exec(ctx)
	return wrote(err, "Audit")
}

// AuditPage returns at most limit rows older than (before, beforeID), newest
// first; the zero instant starts at the newest.
func AuditPage(ctx context.Context, db bun.IDB, tenant TenantID, before Instant, beforeID string, limit int) ([]Audit, error) {
	var as []Audit
	q := db.NewSelect().Model(&as).Where("a.tenant_id = ?", tenant)
	if !before.IsZero() {
		q = q.Where("a.at < ? OR (a.at = ? AND a.id < ?)", before, before, beforeID)
	}
	err := q.OrderExpr("a.at DESC, a.id DESC").Limit(int64(limit)).Scan(ctx)
	return as, found(err, "Audit")
}
