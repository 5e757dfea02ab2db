package billing

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/notices"
)

// Hold blocks a subscription to an API that the actor publishes, all of it or its
// production calls, or lifts the block. Payment has no say in it, and it has none
// in what is owed.
func (s *Subscriptions) Hold(ctx context.Context, who accounts.Actor, uuid string, hold access.Hold) error {
	if hold != access.NoHold && hold != access.HoldAll && hold != access.HoldProduction {
		return fault.Fields{"hold": "Choose what to block."}.Err()
	}
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		e, err := models.SubscriptionEntryByUUID(ctx, tx, who.Tenant, uuid)
		if err != nil {
			return err
		}
		sub := e.Subscription
		switch {
		case who.Person == "" || e.APIOwnerID != who.Person:
			return notHere()
		case s.StateOf(sub).Ended:
			return fault.New(fault.Conflict, "This subscription has ended.")
		case sub.AdminHold == string(hold):
			return nil
		}
		before := sub
		sub.AdminHold, sub.UpdatedBy, sub.UpdatedTime = string(hold), who.Username, models.At(s.Business.Now())
		s.judge(&sub)
		if sub, err = models.SaveSubscription(ctx, tx, sub); err != nil {
			return err
		}
		if err := s.tellHold(ctx, tx, who, before, sub); err != nil {
			return err
		}
		action := map[bool]string{true: "subscription.unblock", false: "subscription.block"}[hold == access.NoHold]
		what := accounts.Object{Type: "subscription", ID: sub.UUID, Name: e.Title() + " " + e.APIVersion}
		return models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), action, what, map[string]string{"from": before.AdminHold, "to": string(hold)}))
	})
}

// holdWords says what a publisher has done, by the hold that there is then.
var holdWords = map[access.Hold]struct{ kind, text, subject string }{
	access.NoHold:         {"unblocked", "The publisher's block was lifted.", " is no longer blocked by its publisher"},
	access.HoldAll:        {"blocked", "The publisher blocked the subscription: its calls are refused.", " was blocked by its publisher"},
	access.HoldProduction: {"blocked_production", "The publisher blocked production calls. Sandbox keys still work.", " was blocked in production by its publisher"},
}

// tellHold writes a block into the timeline and tells the subscriber.
func (s *Subscriptions) tellHold(ctx context.Context, tx bun.Tx, who accounts.Actor, before, after models.Subscription) error {
	n := news{s: s, before: before, after: after, state: s.StateOf(after), by: who}
	var err error
	if n.entry, err = models.SubscriptionEntryByUUID(ctx, tx, after.TenantID, after.UUID); err != nil {
		return err
	}
	words := holdWords[access.Hold(after.AdminHold)]
	if err := n.note(ctx, tx, words.kind, words.text); err != nil {
		return err
	}
	what := notices.Notice{Kind: notices.AccessBlocked, Urgent: true, Subject: "Your subscription to " + titleOf(n.entry) + words.subject}
	if after.AdminHold == "" {
		what.Kind, what.Urgent = notices.AccessRestored, false
	}
	what.Body = words.text + "\n\nIts state now: " + n.state.Label + ". " + spoken(n.state.Sentence) + "\n\n" + n.about()
	return n.tell(ctx, tx, what)
}
