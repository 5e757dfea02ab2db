package usage

import (
	"context"
	"strconv"
	"strings"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// A WindowList is a page of windows with the names of what they are of. Next is where
// the following page begins; "" when this is the last one.
type WindowList struct {
	Rows []models.WindowEntry
	Next string
}

// ListWindows lists the tenant's windows for an admin, newest first: those in some
// states (none: in any), and of one account ("" for all).
func (p *Publisher) ListWindows(ctx context.Context, who accounts.Actor, states []string, account, after string, limit int) (WindowList, error) {
	if !who.Runs() {
		return WindowList{}, fault.New(fault.NotFound, "Not found.")
	}
	var place models.WindowPlace
	if after != "" {
		sealed, id, ok := strings.Cut(after, ".")
		ms, err := strconv.ParseInt(sealed, 10, 64)
		if !ok || err != nil || ms <= 0 || id == "" {
			return WindowList{}, fault.New(fault.Malformed, "This page does not exist. Begin at the first one.")
		}
		place = models.WindowPlace{SealedAt: models.Instant(ms), ID: id}
	}
	rows, err := models.WindowEntries(ctx, p.DB, who.Tenant, states, account, place, limit+1)
	list := WindowList{Rows: rows}
	if len(rows) > limit {
		last := rows[limit-1]
		list.Rows, list.Next = rows[:limit], strconv.FormatInt(int64(last.SealedAt), 10)+"."+last.ID
	}
	return list, err
}
