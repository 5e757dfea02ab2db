package billing

import (
	"context"
	"errors"
	"net/http"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// syncObject makes us agree with one object at Stripe. It says nothing of what
// happened to it: whoever performs it reads the object.
type syncObject struct {
	Account string `json:"account"` // "" for the platform's own
	Type    string `json:"type"`    // Stripe's "object", such as subscription
	ID      string `json:"id"`
}

// Kind implements outbox.Task.
func (syncObject) Kind() string { return "billing.sync_object" }

// Subject implements outbox.Task. The key is a hash: ids of Stripe's have no bound.
func (t syncObject) Subject() string { return named("object", t.Account, t.Type, t.ID) }

// compareCatalogue compares what an account sells with what we sell there: somebody
// may have changed a product or a price by hand. Events that ask for it wait for
// its job, so whoever performs it ends them (models.EndStripeEvents).
type compareCatalogue struct {
	Account string `json:"account"` // "" for the platform's own
}

// Kind implements outbox.Task.
func (compareCatalogue) Kind() string { return "billing.compare_catalogue" }

// Subject implements outbox.Task.
func (t compareCatalogue) Subject() string { return "catalogue/" + t.Account }

// askedBy returns the work that an event asks for.
func askedBy(e models.StripeEvent) outbox.Task {
	switch {
	case ofApplication(e.Type):
		return syncObject{e.Account, objectAccount, e.Account}
	case e.ObjectType == "product" || e.ObjectType == "price":
		return compareCatalogue{e.Account}
	}
	return syncObject{e.Account, e.ObjectType, e.ObjectID}
}

// What Stripe calls the objects that we follow.
const (
	objectAccount      = "account"
	objectCustomer     = "customer"
	objectCharge       = "charge"
	objectRefund       = "refund"
	objectDispute      = "dispute"
	objectSession      = "checkout.session"
	objectSubscription = "subscription"
	objectSchedule     = "subscription_schedule"
	objectInvoice      = "invoice"
)

// follow performs syncObject: it finds what of ours the object is about, and hands
// its events over to a sync of that.
func (s *Subscriptions) follow(ctx context.Context, job outbox.Job, t syncObject) error {
	at := accounts.StripeAccount{Tenant: job.Tenant, Connected: t.Account}
	var err error
	switch t.Type {
	case objectAccount:
		return s.followAccount(ctx, job, at, t)
	case objectCustomer:
		err = s.followCustomer(ctx, job, at, t)
	case objectCharge:
		err = s.followCharge(ctx, job, at, t)
	case objectRefund:
		err = s.followRefund(ctx, job, at, t)
	case objectDispute:
		err = s.followDispute(ctx, job, at, t)
	default:
		err = s.followPart(ctx, job, at, t)
	}
	if no, ok := errors.AsType[*Refused](err); ok && no.Status == http.StatusNotFound {
		return s.leave(ctx, job, t, "Stripe does not have this object any more.")
	}
	if fault.KindOf(err) == fault.NotFound {
		return s.leave(ctx, job, t, "It belongs to nothing here.")
	}
	return s.lostOr(ctx, at, final(err))
}

// followPart follows an object that is part of one subscription.
func (s *Subscriptions) followPart(ctx context.Context, job outbox.Job, at accounts.StripeAccount, t syncObject) error {
	sub, err := s.belongsTo(ctx, at, t)
	if err != nil {
		return err
	}
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error { return s.handOver(ctx, tx, job, t, syncSubscription{sub}) })
}

// handOver stages what comes next, which the events of job wait for from now on.
func (s *Subscriptions) handOver(ctx context.Context, tx bun.Tx, job outbox.Job, t syncObject, next outbox.Task) error {
	id, err := outbox.Stage(ctx, tx, job.Tenant, s.Wall.Now(), next)
	if err != nil {
		return err
	}
	return models.PassStripeEvents(ctx, tx, job.Tenant, t.Account, job.ID, id)
}

// leave ends the events of an object that means nothing to us.
func (s *Subscriptions) leave(ctx context.Context, job outbox.Job, t syncObject, why string) error {
	return models.EndStripeEvents(ctx, s.DB, job.Tenant, t.Account, job.ID, models.EventIgnored, why, models.At(s.Wall.Now()))
}

// belongsTo returns the number of our subscription that an object is part of.
func (s *Subscriptions) belongsTo(ctx context.Context, at accounts.StripeAccount, t syncObject) (int64, error) {
	switch t.Type {
	case objectSession:
		return s.ofSession(ctx, at, t.ID)
	case objectSubscription:
		return s.ofStripeSubscription(ctx, at, t.ID)
	case objectInvoice:
		return s.ofInvoice(ctx, at, t.ID)
	case objectSchedule:
		return s.ofSchedule(ctx, at, t.ID)
	}
	return 0, notHere()
}

func (s *Subscriptions) ofSession(ctx context.Context, at accounts.StripeAccount, id string) (int64, error) {
	ours, err := models.CheckoutSessionByID(ctx, s.DB, at.Tenant, id)
	if err == nil && ours.Account == at.Connected {
		return ours.AMSubscriptionID, nil
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return 0, err
	}
	theirs, err := s.Engine.Checkout(ctx, at, id)
	if err != nil {
		return 0, err
	}
	return s.hinted(ctx, at, theirs.Customer, theirs.Metadata)
}

func (s *Subscriptions) ofStripeSubscription(ctx context.Context, at accounts.StripeAccount, id string) (int64, error) {
	ours, err := models.StripeSubscriptionAt(ctx, s.DB, at.Tenant, at.Connected, id)
	if err == nil || fault.KindOf(err) != fault.NotFound {
		return ours.AMSubscriptionID, err
	}
	theirs, err := s.Engine.Subscription(ctx, at, id)
	if err != nil {
		return 0, err
	}
	return s.hinted(ctx, at, theirs.Customer, theirs.Metadata)
}

func (s *Subscriptions) ofInvoice(ctx context.Context, at accounts.StripeAccount, id string) (int64, error) {
	ours, err := models.InvoiceAt(ctx, s.DB, at.Tenant, at.Connected, id)
	if err == nil || fault.KindOf(err) != fault.NotFound {
		return ours.AMSubscriptionID, err
	}
	theirs, err := s.Engine.Invoice(ctx, at, id)
	if err != nil {
		return 0, err
	}
	if theirs.Subscription == "" {
		return 0, notHere() // a one-off invoice of the publisher's own
	}
	return s.ofStripeSubscription(ctx, at, theirs.Subscription)
}

func (s *Subscriptions) ofSchedule(ctx context.Context, at accounts.StripeAccount, id string) (int64, error) {
	ours, err := models.SubscriptionBySchedule(ctx, s.DB, at.Tenant, at.Connected, id)
	if err == nil || fault.KindOf(err) != fault.NotFound {
		return ours.ID, err
	}
	theirs, err := s.Engine.Schedule(ctx, at, id)
	if err != nil {
		return 0, err
	}
	if theirs.Subscription == "" {
		return 0, notHere() // it has let go of what it was for
	}
	return s.ofStripeSubscription(ctx, at, theirs.Subscription)
}

// hinted finds our subscription by what metadata says, if account and customer
// agree. Anybody with access to the account can write metadata, so alone it is
// worth nothing.
func (s *Subscriptions) hinted(ctx context.Context, at accounts.StripeAccount, customer string, metadata map[string]string) (int64, error) {
	uuid := metadata[metaSubscription]
	if uuid == "" || customer == "" || metadata[metaInstallation] != s.Installation {
		return 0, notHere()
	}
	sub, err := models.SubscriptionByUUID(ctx, s.DB, at.Tenant, uuid)
	if err != nil {
		return 0, err
	}
	ours, err := models.SharedCustomerOf(ctx, s.DB, sub.ApplicationID, at.Connected)
	if err == nil && ours.SharedCustomerID != customer {
		err = notHere()
	}
	return sub.ID, err
}

// eventsFailed ends the events that wait for a job that was clearly refused.
func (s *Subscriptions) eventsFailed(ctx context.Context, tx bun.Tx, job outbox.Job, account string, why error) error {
	return models.EndStripeEvents(ctx, tx, job.Tenant, account, job.ID, models.EventFailed, clip(reasonOf(why), 500), models.At(s.Wall.Now()))
}
