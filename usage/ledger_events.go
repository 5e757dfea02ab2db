package usage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// An Event is a call that another gateway reports: a CloudEvent. Source and ID
// together name it within its tenant, so that it is recorded once however often it is
// reported. The call's own id may be left out; the ledger makes one.
type Event struct {
	Call     Call
	Source   string
	ID       string
	Occurred time.Time // business time; zero: now
}

// How far from now an event may have happened. Older ones could not be sent to
// Stripe, which takes 35 days.
const (
	EventAhead = 5 * time.Minute
	EventAge   = 34 * 24 * time.Hour
)

// MostEvents is how many events one call of RecordBatch takes.
const MostEvents = 1000

// An EventProblem says which event of several cannot be recorded, and why in words
// for whoever sent it. None of them was.
type EventProblem struct {
	Index int
	Says  string
}

// Error returns what is wrong, and with which event.
func (e *EventProblem) Error() string { return fmt.Sprintf("Event %d: %s", e.Index+1, e.Says) }

// An eventBatch is a group that is one report.
type eventBatch struct {
	events   []Event
	at       []models.Instant // of each event
	recorded []bool           // each event was recorded, and not known before
}

// RecordBatch records what another gateway reports, all of it or nothing. It returns
// for each event whether it was recorded now; one that was not is known already. The
// error is an *EventProblem when the events are to blame, and else one that wraps
// ErrNotRecorded: then the report should be sent again as it is.
func (l *Ledger) RecordBatch(_ context.Context, events []Event) ([]bool, error) {
	if len(events) == 0 {
		return nil, nil
	}
	b, err := l.admit(events)
	if err != nil {
		return nil, err
	}
	g := &group{events: b, done: make(chan struct{})}
	l.mu.Lock()
	if err := l.refusal; err != nil {
		l.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	l.queue = append(l.queue, g)
	l.mu.Unlock()
	l.ring()
	<-g.done
	if g.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotRecorded, g.err)
	}
	for i, is := range b.recorded {
		if is {
			l.counts.call(b.events[i].Call, b.at[i], l.o.Business)
		}
	}
	return b.recorded, nil
}

// admit checks events and gives each its time and id.
func (l *Ledger) admit(events []Event) (*eventBatch, error) {
	if len(events) > MostEvents {
		return nil, &EventProblem{MostEvents, fmt.Sprintf("At most %d events are taken at a time.", MostEvents)}
	}
	now := l.o.Business.Now()
	b := &eventBatch{events: slices.Clone(events), at: make([]models.Instant, len(events)), recorded: make([]bool, len(events))}
	for i := range b.events {
		e := &b.events[i]
		if e.Occurred.IsZero() {
			e.Occurred = now
		}
		if says := e.problem(now); says != "" {
			return nil, &EventProblem{i, says}
		}
		if e.Call.ID == (CallID{}) {
			e.Call.ID = NewCallID(e.Occurred)
		}
		e.Source, e.ID = strings.Clone(e.Source), strings.Clone(e.ID)
		b.at[i] = models.At(e.Occurred)
	}
	return b, nil
}

// problem says what is wrong with e, "" when nothing is.
func (e *Event) problem(now time.Time) string {
	switch {
	case !named(e.ID):
		return "The id must be 1 to 255 characters, without spaces around it."
	case !named(e.Source):
		return "The source must be 1 to 255 characters, without spaces around it."
	case e.Call.Units < 0 || e.Call.Units > MostUnits:
		return fmt.Sprintf("The units must be a whole number from 0 to %d.", MostUnits)
	case e.Call.Status < 0 || e.Call.Status > mostStatus:
		return "The status must be a number from 0 to 999."
	case e.Occurred.After(now.Add(EventAhead)):
		return "The time is in the future."
	case e.Occurred.Before(now.Add(-EventAge)):
		return "The time is more than 34 days ago."
	}
	return ""
}

// named reports whether all engines keep s as it is and tell it from others.
func named(s string) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n >= 1 && n <= 255 && strings.TrimSpace(s) == s && strings.IndexFunc(s, unicode.IsControl) < 0
}

// commitEvents writes those events of b that are not known. It looks again when
// somebody else has written one of them meanwhile.
func (l *Ledger) commitEvents(ctx context.Context, b *eventBatch) error {
	var err error
	for range tries {
		var fresh []int
		if fresh, err = l.fresh(ctx, b); err != nil || len(fresh) == 0 {
			return err
		}
		if err = l.put(ctx, l.report(b, fresh)); err == nil {
			for _, i := range fresh {
				b.recorded[i] = true
			}
			return nil
		}
		if models.OutcomeOf(err) != models.Refused || !models.Taken(err) {
			return err
		}
	}
	return err
}

type eventName struct {
	tenant models.TenantID
	source string
}

// fresh returns which events of b are not known, each name once.
func (l *Ledger) fresh(ctx context.Context, b *eventBatch) ([]int, error) {
	ids := map[eventName][]string{}
	for i := range b.events {
		name := eventName{b.events[i].Call.Tenant, b.events[i].Source}
		ids[name] = append(ids[name], b.events[i].ID)
	}
	type key struct {
		eventName
		id string
	}
	known := map[key]bool{}
	err := l.do(ctx, func(ctx context.Context, db bun.IDB) error {
		for name, of := range ids {
			some, err := models.UsageEventsKnown(ctx, db, name.tenant, name.source, of)
			if err != nil {
				return err
			}
			for _, id := range some {
				known[key{name, id}] = true
			}
		}
		return nil
	})
	if err != nil {
		l.wounded(ctx, wound{why: err})
		return nil, err
	}
	var fresh []int
	for i := range b.events {
		k := key{eventName{b.events[i].Call.Tenant, b.events[i].Source}, b.events[i].ID}
		if !known[k] {
			known[k] = true
			fresh = append(fresh, i)
		}
	}
	return fresh, nil
}

// report is what has to be written for some events of b.
func (l *Ledger) report(b *eventBatch, which []int) work {
	received := models.At(l.o.Wall.Now())
	calls := make([]entry, 0, len(which))
	events := make([]models.UsageEvent, 0, len(which))
	for _, i := range which {
		e := &b.events[i]
		calls = append(calls, entry{e.Call, b.at[i]})
		events = append(events, models.UsageEvent{
			TenantID: e.Call.Tenant, Source: e.Source, EventID: e.ID, SubscriptionID: e.Call.Subscription, ReceivedAt: received,
		})
	}
	slices.SortStableFunc(calls, func(a, b entry) int { return int(a.at - b.at) })
	return work{rows: l.build(calls), events: events}
}
