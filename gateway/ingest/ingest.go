// Package ingest takes in the calls that tenants' own gateways report, which
// Tollgate let through but did not carry.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/gateway"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/usage"
)

// An Event is one call that is reported. Source and ID together name it within its
// tenant, so it is recorded once however often it is reported.
type Event struct {
	Source, ID   string
	Subscription string // its UUID, as /gateway/authorize gave it
	Status       int    // that the API answered with
	Units        *int64 // that it is worth if it counts; nil: one
	Time         time.Time
}

// A Taken says what became of a report.
type Taken struct {
	Accepted   int // recorded now
	Duplicates int // known already
}

// A Ledger records what is reported, all of it or nothing, as usage.Ledger does.
type Ledger interface {
	RecordBatch(ctx context.Context, events []usage.Event) ([]bool, error)
}

// Reports takes in what is reported.
type Reports struct {
	DB     *bun.DB
	Ledger Ledger
}

// Take records the calls that a tenant's gateway reports: all of them, or none if
// something is wrong with one. What is wrong is a Malformed fault that says it by
// events[i]; while nothing can be recorded it is Unavailable, and the same report may
// be sent again.
func (r *Reports) Take(ctx context.Context, tenant models.TenantID, events []Event) (Taken, error) {
	if len(events) > usage.MostEvents {
		return Taken{}, fault.New(fault.Malformed, fmt.Sprintf("At most %d events are taken at a time.", usage.MostEvents))
	}
	known, err := r.subscriptions(ctx, tenant, events)
	if err != nil {
		return Taken{}, err
	}
	all, problems := make([]usage.Event, len(events)), fault.Fields{}
	for i, e := range events {
		says := ""
		if all[i], says = known.event(tenant, e); says != "" {
			problems[Name(i)] = says
		}
	}
	if len(problems) > 0 {
		return Taken{}, Problems(problems)
	}
	return r.record(ctx, all)
}

// Name is what the event at i is called where something is wrong with it.
func Name(i int) string { return fmt.Sprintf("events[%d]", i) }

// Problems is the fault that says what is wrong with single events.
func Problems(f fault.Fields) error {
	return &fault.Error{Kind: fault.Malformed, Message: "Something is wrong with these events, so none was recorded.", Fields: f}
}

func (r *Reports) record(ctx context.Context, all []usage.Event) (Taken, error) {
	recorded, err := r.Ledger.RecordBatch(ctx, all)
	if problem, ok := errors.AsType[*usage.EventProblem](err); ok {
		return Taken{}, Problems(fault.Fields{Name(problem.Index): problem.Says})
	}
	if errors.Is(err, usage.ErrNotRecorded) {
		return Taken{}, fault.From(fault.Unavailable, err, "Nothing can be recorded at the moment. Send the same report again in a while.")
	}
	if err != nil {
		return Taken{}, err
	}
	t := Taken{}
	for _, now := range recorded {
		if now {
			t.Accepted++
		} else {
			t.Duplicates++
		}
	}
	return t, nil
}

// subscriptions are those that events are about, by UUID.
type subscriptions map[string]subscription

type subscription struct {
	models.ReportedSubscription
	counting *gateway.Counting
}

func (r *Reports) subscriptions(ctx context.Context, tenant models.TenantID, events []Event) (subscriptions, error) {
	uuids := make([]string, len(events))
	for i, e := range events {
		uuids[i] = e.Subscription
	}
	slices.Sort(uuids)
	rows, err := models.ReportedSubscriptions(ctx, r.DB, tenant, slices.Compact(uuids))
	if err != nil {
		return nil, err
	}
	all := subscriptions{}
	for _, row := range rows {
		counting, err := countingOf(row)
		if err != nil {
			return nil, err
		}
		all[row.UUID] = subscription{row, counting}
	}
	return all, nil
}

func countingOf(row models.ReportedSubscription) (*gateway.Counting, error) {
	switch row.Counting {
	case models.CountAll:
		return gateway.CountAll(""), nil
	case models.CountListed:
		return gateway.CountListed(row.CountingStatuses, "")
	}
	return gateway.CountSuccess(""), nil
}

// event returns an event as the ledger takes it, or what is wrong with it.
func (s subscriptions) event(tenant models.TenantID, e Event) (usage.Event, string) {
	sub, known := s[e.Subscription]
	switch {
	case !known:
		return usage.Event{}, "There is no such subscription."
	case e.Status < 100 || e.Status > 599:
		return usage.Event{}, "The status must be from 100 to 599."
	case e.Units != nil && (*e.Units < 0 || *e.Units > gateway.MostUnits):
		return usage.Event{}, fmt.Sprintf("The units must be from 0 to %d.", gateway.MostUnits)
	}
	out := usage.Event{Source: e.Source, ID: e.ID, Occurred: e.Time, Call: usage.Call{
		Tenant: tenant, Subscription: sub.ID, API: sub.APIID, Policy: sub.PolicyID,
		Metered: sub.PriceModel == models.DynamicRate, Status: e.Status, Counted: sub.counting.Counts(e.Status),
	}}
	if out.Call.Counted {
		out.Call.Units = 1
		if e.Units != nil {
			out.Call.Units = *e.Units
		}
	}
	return out, ""
}
