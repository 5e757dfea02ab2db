package billing

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// A happening is one thing to be written into a subscription's timeline.
type happening struct {
	Kind, Text         string
	At                 time.Time      // business time; zero: now
	By                 accounts.Actor // zero: Stripe
	EventID, EventType string         // the event that told us, if one did
	LinkType, LinkID   string
	Dedup              string // ASCII; what is noted again under the same name is not noted twice
}

// stripeItself is who did what Stripe tells us of.
func stripeItself(tenant models.TenantID) accounts.Actor {
	return accounts.Actor{Tenant: tenant, Person: "stripe", Name: "Stripe"}
}

// eventsKey is where a context keeps the events that the work at hand answers.
type eventsKey struct{}

// withEvents returns ctx with the events that wait for job: what is noted under it is
// noted with the event that told us.
func withEvents(ctx context.Context, db bun.IDB, job outbox.Job) (context.Context, error) {
	events, err := models.StripeEventsAwaiting(ctx, db, job.Tenant, job.ID)
	return context.WithValue(ctx, eventsKey{}, events), err
}

// tells is how the types of events end that tell of one kind of happening.
var tells = map[string]string{
	"invoice_issued": ".finalized", "invoice_paid": ".paid", "invoice_voided": ".voided", "invoice_given_up": ".marked_uncollectible",
	"payment_failed": "payment_failed", "payment_action": ".payment_action_required", "checkout_expired": ".expired", "checkout_paid": "session.completed",
	"ended": "subscription.deleted",
}

// toldBy returns id and type of the event that told us of a kind of happening about
// the object called id: the newest that says just that, else the newest about the
// object, else the newest of all; "" when none did.
func toldBy(ctx context.Context, id, kind string) (event, name string) {
	events, _ := ctx.Value(eventsKey{}).([]models.StripeEvent)
	best, rank := models.StripeEvent{}, 0
	for _, e := range events {
		r := 1
		if e.ObjectID == id {
			r++
		}
		if end := tells[kind]; end != "" && strings.HasSuffix(e.Type, end) {
			r += 2
		}
		if r > rank {
			best, rank = e, r
		}
	}
	return best.ID, best.Type
}

// note writes h into the timeline of sub, once.
func (s *Subscriptions) note(ctx context.Context, tx bun.Tx, sub models.Subscription, h happening) error {
	if h.By.Person == "" {
		h.By = stripeItself(sub.TenantID)
		if h.EventType == "" {
			h.EventID, h.EventType = toldBy(ctx, h.LinkID, h.Kind)
		}
	}
	at := models.At(h.At)
	if at.IsZero() {
		at = models.At(s.Business.Now())
	}
	_, err := models.InsertTimeline(ctx, tx, models.TimelineEntry{
		TenantID: sub.TenantID, AMSubscriptionID: sub.ID, At: at, RecordedAt: models.At(s.Wall.Now()),
		Kind: h.Kind, Text: clip(h.Text, 1000), Actor: h.By.Person, ActorName: clip(h.By.Name, 200),
		EventID: h.EventID, EventType: h.EventType, LinkType: h.LinkType, LinkID: h.LinkID, Dedup: h.Dedup,
	})
	return err
}

// told names what one version of a subscription's row tells.
func told(what string, sub models.Subscription) string {
	return what + "." + strconv.FormatInt(sub.ID, 10) + "." + strconv.FormatInt(sub.Version, 10)
}

// day writes an instant for people, as the pages do.
func day(at models.Instant) string { return at.Time().UTC().Format("2 Jan 2006, 15:04 MST") }

// A TimelineQuery says which part of a timeline.
type TimelineQuery struct {
	After string // where the page before ended; "" begins at the newest
	Limit int    // rows on a page; 25 when zero, at most 100
}

// A TimelinePage is a part of a timeline, newest first. Next is for TimelineQuery.After;
// "" when this is the last page.
type TimelinePage struct {
	Rows []models.TimelineEntry
	Next string
}

// timelineOf returns a subscription to whoever may read its timeline: its owner, the
// publisher of its API, and admins.
func (s *Subscriptions) timelineOf(ctx context.Context, who accounts.Actor, uuid string) (models.SubscriptionEntry, error) {
	e, err := models.SubscriptionEntryByUUID(ctx, s.DB, who.Tenant, uuid)
	if err == nil && (who.Person == "" || e.PersonID != who.Person && e.APIOwnerID != who.Person && !who.Runs()) {
		err = notHere()
	}
	return e, err
}

// Timeline returns what happened to a subscription, for its owner, the publisher of
// its API and admins.
func (s *Subscriptions) Timeline(ctx context.Context, who accounts.Actor, uuid string, q TimelineQuery) (TimelinePage, error) {
	e, err := s.timelineOf(ctx, who, uuid)
	if err != nil {
		return TimelinePage{}, err
	}
	before, id, err := readCursor(q.After)
	if err != nil {
		return TimelinePage{}, err
	}
	limit := pageSize(q.Limit)
	rows, err := models.TimelineOf(ctx, s.DB, e.ID, before, id, limit+1)
	if err != nil {
		return TimelinePage{}, err
	}
	p := TimelinePage{Rows: rows}
	if len(rows) > limit {
		p.Rows = rows[:limit]
		last := p.Rows[limit-1]
		p.Next = strconv.FormatInt(int64(last.At), 10) + "." + last.ID
	}
	return p, nil
}

// TimelineHead is the head of TimelineCSV's table.
var TimelineHead = []string{"when", "what", "text", "by", "event", "event_type", "object", "object_id"}

// TimelineCSV returns the whole timeline of a subscription as rows of a table, oldest
// first, without its head. Cells are as people wrote them: who makes a file of them
// keeps spreadsheets from calculating them.
func (s *Subscriptions) TimelineCSV(ctx context.Context, who accounts.Actor, uuid string) ([][]string, error) {
	var table [][]string
	for q := (TimelineQuery{Limit: 100}); ; {
		page, err := s.Timeline(ctx, who, uuid, q)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Rows {
			row := []string{e.At.Time().UTC().Format(time.RFC3339), e.Kind, e.Text, e.ActorName, e.EventID, e.EventType, e.LinkType, e.LinkID}
			table = append(table, row)
		}
		if q.After = page.Next; q.After == "" {
			slices.Reverse(table)
			return table, nil
		}
	}
}
