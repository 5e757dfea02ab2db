package billing

import (
	"context"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// applySettings makes a setting about failed, disputed or returned payments count at
// once, for whoever it concerns, page by page.
type applySettings struct {
	Tenant      models.TenantID `json:"tenant"`
	Policy      int64           `json:"policy,omitempty"`      // only who has this plan
	Application int64           `json:"application,omitempty"` // only this customer
	After       int64           `json:"after,omitempty"`       // subscription that the page before ended with
}

// Kind implements outbox.Task.
func (applySettings) Kind() string { return "billing.apply_settings" }

// Subject implements outbox.Task.
func (t applySettings) Subject() string {
	return "settings/" + strconv.FormatInt(int64(t.Tenant), 10)
}

// applySettings performs applySettings.
func (s *Subscriptions) applySettings(ctx context.Context, job outbox.Job, t applySettings) error {
	reach := models.Reach{Policy: t.Policy, Application: t.Application, Hours: true}
	subs, err := models.SubscriptionsInReach(ctx, s.DB, job.Tenant, reach, t.After, reachAtOnce)
	if err != nil {
		return err
	}
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		for _, sub := range subs {
			if _, err := outbox.Stage(ctx, tx, job.Tenant, s.Wall.Now(), syncSubscription{sub.ID}); err != nil {
				return err
			}
			t.After = sub.ID
		}
		if len(subs) < reachAtOnce {
			return nil
		}
		_, err := outbox.Stage(ctx, tx, job.Tenant, s.Wall.Now(), t)
		return err
	})
}

// SettingsSaved promises that the tenant's settings count at once. Call it in the
// transaction that saves them.
func (s *Subscriptions) SettingsSaved(ctx context.Context, tx bun.Tx, tenant models.TenantID) error {
	_, err := outbox.Stage(ctx, tx, tenant, s.Wall.Now(), applySettings{Tenant: tenant})
	return err
}

// stageGrace promises that the grace of a plan counts at once, for who is late with it.
func stageGrace(ctx context.Context, tx bun.Tx, now time.Time, p models.Policy) error {
	late, err := models.SubscriptionsInReach(ctx, tx, p.TenantID, models.Reach{Policy: p.ID, Hours: true}, 0, 1)
	if err != nil || len(late) == 0 {
		return err
	}
	_, err = outbox.Stage(ctx, tx, p.TenantID, now, applySettings{Tenant: p.TenantID, Policy: p.ID})
	return err
}

// GraceOf returns for how many hours after a failed payment the calls of a
// subscription's customer are served, as set for that customer; nil: as the plan or
// the tenant says. Only the publisher of the API may ask.
func (s *Subscriptions) GraceOf(ctx context.Context, who accounts.Actor, uuid string) (*int, error) {
	e, err := models.SubscriptionEntryByUUID(ctx, s.DB, who.Tenant, uuid)
	if err != nil {
		return nil, err
	}
	if who.Person == "" || e.APIOwnerID != who.Person {
		return nil, notHere()
	}
	customer, err := models.SharedCustomerOf(ctx, s.DB, e.ApplicationID, e.Account)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return customer.GraceHours, err
}

// SetGrace sets for how many hours after a failed payment the calls of a customer are
// served, of a subscription to an API that the actor publishes; nil: as the plan or
// the tenant says. It holds for every subscription that the application pays through
// the same account, and counts at once.
func (s *Subscriptions) SetGrace(ctx context.Context, who accounts.Actor, uuid string, hours *int) error {
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		e, err := models.SubscriptionEntryByUUID(ctx, tx, who.Tenant, uuid)
		if err != nil {
			return err
		}
		if who.Person == "" || e.APIOwnerID != who.Person {
			return notHere()
		}
		if hours != nil && (*hours < 0 || *hours > accounts.MaxGraceHours) {
			return fault.Fields{"grace_hours": accounts.GraceProblem}.Err()
		}
		customer, err := models.SharedCustomerOf(ctx, tx, e.ApplicationID, e.Account)
		if fault.KindOf(err) == fault.NotFound {
			return fault.New(fault.Conflict, "Nothing was ever paid for this subscription, so there is no customer to set this for.")
		}
		if err != nil {
			return err
		}
		if hoursSaid(customer.GraceHours) == hoursSaid(hours) {
			return nil
		}
		if err := models.SetCustomerGrace(ctx, tx, customer.ID, hours); err != nil {
			return err
		}
		return s.noteGrace(ctx, tx, who, e, customer.GraceHours, hours)
	})
	s.Jobs.Wake()
	return err
}

// noteGrace writes down who gave a customer how long, and has it count.
func (s *Subscriptions) noteGrace(ctx context.Context, tx bun.Tx, who accounts.Actor, e models.SubscriptionEntry, from, to *int) error {
	text := "The time that calls are served after a failed payment is now " + hoursSaid(to) + "; it was " + hoursSaid(from) + "."
	if err := s.note(ctx, tx, e.Subscription, happening{Kind: "grace_set", Text: text, By: who}); err != nil {
		return err
	}
	what := accounts.Object{Type: "subscription", ID: e.UUID, Name: titleOf(e)}
	if err := models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), "subscription.grace", what, map[string]string{"from": hoursSaid(from), "to": hoursSaid(to)})); err != nil {
		return err
	}
	_, err := outbox.Stage(ctx, tx, who.Tenant, s.Wall.Now(), applySettings{Tenant: who.Tenant, Application: e.ApplicationID})
	return err
}

// hoursSaid says a number of hours that may not be set.
func hoursSaid(hours *int) string {
	switch {
	case hours == nil:
		return "as the plan says"
	case *hours == 1:
		return "1 hour"
	}
	return strconv.Itoa(*hours) + " hours"
}
