package billing

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// openingPortal is how long a person waits for Stripe before being told to try again.
const openingPortal = 10 * time.Second

// ensurePortal configures the Customer Portal of a connected account.
type ensurePortal struct {
	Account string              `json:"account"`
	Input   PortalConfiguration `json:"input"`
}

// Kind implements outbox.Task.
func (ensurePortal) Kind() string { return "billing.ensure_portal" }

// Subject implements outbox.Task.
func (t ensurePortal) Subject() string { return "portal/" + t.Account }

// PortalURL opens the Customer Portal for one of the actor's subscriptions and
// returns where it is. domain must be the actor's own tenant's.
func (s *Subscriptions) PortalURL(ctx context.Context, who accounts.Actor, uuid, domain string) (string, error) {
	if domain != who.Domain {
		return "", notHere()
	}
	sub, err := s.own(ctx, who, uuid)
	if err != nil {
		return "", err
	}
	if sub.StripeSubscriptionID == "" {
		return "", fault.New(fault.NotFound, "Nothing was paid for this subscription yet, so there is nothing to manage.")
	}
	customer, err := models.SharedCustomerOf(ctx, s.DB, sub.ApplicationID, sub.Account)
	if err != nil {
		return "", err
	}
	configuration, err := s.portalConfiguration(ctx, sub)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, openingPortal)
	defer cancel()
	at := accounts.StripeAccount{Tenant: sub.TenantID, Connected: sub.Account}
	to, err := s.Engine.OpenPortal(ctx, at, "op_"+models.NewID()+".portal", PortalInput{
		Customer: customer.SharedCustomerID, Configuration: configuration, ReturnURL: s.PublicURL + "/devportal/subscriptions/" + sub.UUID,
	})
	if err != nil {
		return "", fault.From(fault.Unavailable, err, "Stripe does not open the billing pages right now. Please try again in a moment.")
	}
	return s.trusted(to)
}

// portalConfiguration returns the configuration of the account that sells sub, and
// makes it at its first use.
func (s *Subscriptions) portalConfiguration(ctx context.Context, sub models.Subscription) (string, error) {
	have, err := models.PortalConfigurationOf(ctx, s.DB, sub.TenantID, sub.Account)
	if err != nil || have != "" {
		return have, err
	}
	tenant, err := models.TenantByID(ctx, s.DB, sub.TenantID)
	if err != nil {
		return "", err
	}
	task := ensurePortal{sub.Account, PortalConfiguration{Headline: clip(tenant.Name, 60), ReturnURL: s.PublicURL + "/devportal"}}
	var job string
	err = models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) (err error) {
		job, err = outbox.Stage(ctx, tx, sub.TenantID, s.Wall.Now(), task)
		return err
	})
	if err != nil {
		return "", err
	}
	if err := s.Jobs.Wait(ctx, job, s.Patience); errors.Is(err, outbox.ErrPending) {
		return "", fault.New(fault.Unavailable, "Stripe is still preparing the billing pages. Please try again in a moment.")
	} else if err != nil {
		return "", err
	}
	return models.PortalConfigurationOf(ctx, s.DB, sub.TenantID, sub.Account)
}

// configurePortal performs ensurePortal.
func (s *Subscriptions) configurePortal(ctx context.Context, job outbox.Job, t ensurePortal) error {
	have, err := models.PortalConfigurationOf(ctx, s.DB, job.Tenant, t.Account)
	if err != nil || have != "" {
		return err
	}
	at := accounts.StripeAccount{Tenant: job.Tenant, Connected: t.Account}
	id, err := s.Engine.EnsurePortalConfiguration(ctx, at, job.Key("portal"), "", t.Input)
	if err != nil {
		return final(err)
	}
	return models.SetPortalConfiguration(ctx, s.DB, job.Tenant, t.Account, id)
}
