package usage

import (
	"context"

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
	q := models.WindowQuery{Tenant: &who.Tenant, States: states, After: after, Limit: limit + 1}
	if account != "" {
		q.Account = &account
	}
	rows, err := models.WindowEntries(ctx, p.DB, q)
	list := WindowList{Rows: rows}
	if len(rows) > limit {
		list.Rows, list.Next = rows[:limit], rows[limit-1].ID
	}
	return list, err
}
