package models

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Figures is how many things of a tenant there are.
type Figures struct {
	Plans, PaidPlans         int64 // on sale
	APIs, PublishedAPIs      int64
	Active, ActivePaid       int64 // subscriptions that calls are served for
	OnHold, Blocked          int64 // subscriptions waiting for payment, and stopped
	FailedWork, WaitingWork  int64
	RetriedWork              int64 // of the waiting work: what was tried in vain so far
	FailedEvents, PeopleHere int64
}

// FiguresOf counts the tenant's things.
func FiguresOf(ctx context.Context, db bun.IDB, tenant TenantID) (Figures, error) {
	var f Figures
	for _, c := range []struct {
		into  *int64
		model any
		where string
		args  []any
	}{
		{&f.Plans, (*Policy)(nil), "live = 1", nil},
		{&f.PaidPlans, (*Policy)(nil), "live = 1 AND billing_plan = ?", []any{PlanCommercial}},
		{&f.APIs, (*API)(nil), "live = 1", nil},
		{&f.PublishedAPIs, (*API)(nil), "live = 1 AND status = ?", []any{APIPublished}},
		{&f.Active, (*Subscription)(nil), "live = 1 AND sub_status IN ('UNBLOCKED', 'TIER_UPDATE_PENDING', 'DELETE_PENDING')", nil},
		{&f.ActivePaid, (*Subscription)(nil), "live = 1 AND sub_status IN ('UNBLOCKED', 'TIER_UPDATE_PENDING', 'DELETE_PENDING') AND needs_payment = ?", []any{true}},
		{&f.OnHold, (*Subscription)(nil), "live = 1 AND sub_status = 'ON_HOLD'", nil},
		{&f.Blocked, (*Subscription)(nil), "live = 1 AND sub_status IN ('BLOCKED', 'PROD_ONLY_BLOCKED')", nil},
		{&f.FailedWork, (*Job)(nil), "state = ?", []any{JobFailed}},
		{&f.WaitingWork, (*Job)(nil), "state IN (?, ?)", []any{JobReady, JobRunning}},
		{&f.RetriedWork, (*Job)(nil), "state = ? AND problem <> ''", []any{JobReady}},
		{&f.FailedEvents, (*StripeEvent)(nil), "state = ?", []any{EventFailed}},
		{&f.PeopleHere, (*Person)(nil), "state = ?", []any{StateActive}},
	} {
		n, err := db.NewSelect().Model(c.model).Where("tenant_id = ?", tenant).Where(c.where, c.args...).Count(ctx)
		if err != nil {
			return f, fmt.Errorf("models: count: %w", err)
		}
		*c.into = n
	}
	return f, nil
}
