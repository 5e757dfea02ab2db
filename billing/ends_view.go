package billing

import (
	"context"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// An EndingCount is how far an ending is.
type EndingCount = models.EndingCount

// A Stage is where the end of one subscription stands.
type Stage string

// The stages.
const (
	EndWaiting   Stage = "waiting"   // Stripe is being told
	EndFailed    Stage = "failed"    // Stripe refused; it is open work
	EndScheduled Stage = "scheduled" // it ends with its period
	EndTakenBack Stage = "taken_back"
	EndDone      Stage = "ended"
)

// An EndingPage is how far one decision to end subscriptions is.
type EndingPage struct {
	models.Ending
	Count EndingCount
	Rows  []EndingRow
	Next  int64 // where the next rows begin; 0 when these are the last
}

// Settled reports whether nothing more happens until periods end.
func (p EndingPage) Settled() bool {
	return p.Count.Ended+p.Count.Withdrawn+p.Count.Scheduled >= p.Count.Total
}

// An EndingRow is one subscription of an ending.
type EndingRow struct {
	Overview
	Stage   Stage
	Problem string // what Stripe said last, while it is waiting or failed
}

// Ending returns how far an ending is, to who decided it, to the publisher whose API
// it is about, and to admins. Its rows are those after the subscription numbered after.
func (e *Ends) Ending(ctx context.Context, who accounts.Actor, id string, after int64) (EndingPage, error) {
	en, err := models.EndingByID(ctx, e.DB, who.Tenant, id)
	if err != nil {
		return EndingPage{}, err
	}
	if who.Person == "" || en.Actor != who.Person && en.Publisher != who.Person && !who.Runs() {
		return EndingPage{}, fault.New(fault.NotFound, "Ending not found.")
	}
	p := EndingPage{Ending: en}
	if p.Count, err = models.CountEnding(ctx, e.DB, id); err != nil {
		return p, err
	}
	entries, err := models.EndingEntries(ctx, e.DB, who.Tenant, id, after, endPageSize+1)
	if err != nil {
		return p, err
	}
	if len(entries) > endPageSize {
		entries = entries[:endPageSize]
		p.Next = entries[endPageSize-1].ID
	}
	var es []models.SubscriptionEntry
	for _, one := range entries {
		es = append(es, one.Entry())
	}
	overviews, err := e.overviews(ctx, who.Tenant, es)
	for i, o := range overviews {
		row := EndingRow{Overview: o, Stage: stageOf(entries[i])}
		if row.Stage == EndFailed || row.Stage == EndWaiting {
			row.Problem = entries[i].JobProblem
		}
		p.Rows = append(p.Rows, row)
	}
	return p, err
}

func stageOf(one models.EndingEntry) Stage {
	switch {
	case !one.WithdrawnAt.IsZero():
		return EndTakenBack
	case one.Live == nil:
		return EndDone
	case one.JobState == models.JobFailed:
		return EndFailed
	case !one.CancelAt.IsZero():
		return EndScheduled
	}
	return EndWaiting
}

// A Decided is an ending in a list.
type Decided struct {
	models.Ending
	Count EndingCount
}

// Endings lists the newest decisions: the actor's own in a role, or all of the
// tenant for an admin.
func (e *Ends) Endings(ctx context.Context, who accounts.Actor, as accounts.Role) ([]Decided, error) {
	const limit = 50
	actor := who.Person
	if as == accounts.Admin {
		if !who.Runs() {
			return nil, fault.New(fault.Forbidden, "Only an admin can see this.")
		}
		actor = ""
	}
	all, err := models.Endings(ctx, e.DB, who.Tenant, actor, string(as), limit)
	var out []Decided
	for _, en := range all {
		count, err := models.CountEnding(ctx, e.DB, en.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, Decided{en, count})
	}
	return out, err
}

// A Standing is what is decided about the end of a subscription.
type Standing struct {
	Ending  string        // its id
	By      accounts.Role // who decided it; "" when nobody but its subscriber did
	Text    string        // who, when, and why
	Refunds bool
	Now     bool
}

// Stands returns what somebody decided about the end of a subscription, to its
// subscriber, to the publisher of its API and to admins.
func (e *Ends) Stands(ctx context.Context, who accounts.Actor, uuid string) (Standing, error) {
	entry, err := models.SubscriptionEntryByUUID(ctx, e.DB, who.Tenant, uuid)
	if err != nil {
		return Standing{}, err
	}
	if who.Person == "" || entry.PersonID != who.Person && entry.APIOwnerID != who.Person && !who.Runs() {
		return Standing{}, notHere()
	}
	en, stands, err := models.StandingEnding(ctx, e.DB, entry.ID)
	if err != nil || !stands {
		return Standing{}, err
	}
	return Standing{Ending: en.ID, By: accounts.Role(en.ActorRole), Text: endingWords(en), Refunds: en.Refund, Now: en.How == models.EndsNow}, nil
}
