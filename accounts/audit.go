package accounts

import (
	"context"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// AuditTrail reads who did what. Whoever makes a privileged change writes its row.
type AuditTrail struct{ DB *bun.DB }

// An AuditPage is one page of the trail, newest first. After is where the next
// one goes on, "" when this is the last.
type AuditPage struct {
	Rows  []models.Audit
	After string
}

// Page returns at most limit rows of the tenant's trail from after on, "" for
// the newest. A place that is none begins at the newest.
func (a *AuditTrail) Page(ctx context.Context, who Actor, after string, limit int) (AuditPage, error) {
	if err := runs(who); err != nil {
		return AuditPage{}, err
	}
	at, id := placeOf(after)
	rows, err := models.AuditPage(ctx, a.DB, who.Tenant, at, id, limit+1)
	if err != nil {
		return AuditPage{}, err
	}
	page := AuditPage{Rows: rows}
	if len(rows) > limit {
		last := rows[limit-1]
		page = AuditPage{rows[:limit], strconv.FormatInt(int64(last.At), 10) + "." + last.ID}
	}
	return page, nil
}

// placeOf reads where a page ended: an instant and an id.
func placeOf(text string) (models.Instant, string) {
	at, id, _ := strings.Cut(text, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil || ms <= 0 || id == "" {
		return 0, ""
	}
	return models.Instant(ms), clip(id, 64)
}
