package billing

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
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

// note writes h into the timeline of sub, once.
func (s *Subscriptions) note(ctx context.Context, tx bun.Tx, sub models.Subscription, h happening) error {
	if h.By.Person == "" {
		h.By = stripeItself(sub.TenantID)
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
