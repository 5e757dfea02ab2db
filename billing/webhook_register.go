package billing

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// ConnectEvents is what we ask to be told of connected accounts: WSO2's seven, and
// what they miss. docs/webhooks.md says what each of them does here.
var ConnectEvents = []string{
	"checkout.session.completed", "checkout.session.expired",
	"checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed",
	"customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
	"customer.subscription.paused", "customer.subscription.resumed", "customer.subscription.trial_will_end",
	"customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired",
	"subscription_schedule.updated", "subscription_schedule.released", "subscription_schedule.canceled",
	"subscription_schedule.completed", "subscription_schedule.aborted",
	"invoice.finalized", "invoice.paid", "invoice.payment_succeeded", "invoice.payment_failed",
	"invoice.payment_action_required", "invoice.voided", "invoice.marked_uncollectible",
	"charge.refunded", "refund.created", "refund.updated", "refund.failed",
	"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
	"charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated",
	"customer.updated", "customer.deleted",
	"product.created", "product.updated", "product.deleted", "price.created", "price.updated", "price.deleted",
	"account.updated", appAuthorized, appDeauthorized,
}

// PlatformEvents is what we ask to be told of the platform account itself: its
// objects are made by us alone, so what changes otherwise was changed by hand.
var PlatformEvents = []string{
	"account.updated", "product.created", "product.updated", "product.deleted", "price.created", "price.updated", "price.deleted",
}

// HookKeeper keeps webhook endpoints with their secrets; package accounts does.
type HookKeeper interface {
	SaveHook(ctx context.Context, who accounts.Actor, scope accounts.Scope, in accounts.RegisteredHook) error
}

// Registrar registers our webhook endpoints at Stripe.
type Registrar struct {
	DB     *bun.DB
	Engine Engine
	Jobs   *outbox.Runner
	Keep   HookKeeper
	Wall   clock.Wall
}

// registerWebhooks makes both endpoints of a tenant.
type registerWebhooks struct {
	Tenant models.TenantID `json:"tenant"`
	URL    string          `json:"url"`
}

// Kind implements outbox.Task.
func (registerWebhooks) Kind() string { return "billing.register_webhooks" }

// Subject implements outbox.Task.
func (t registerWebhooks) Subject() string { return fmt.Sprintf("webhooks/%d", t.Tenant) }

// RegisterWebhooks makes the webhook endpoints of the actor's tenant at Stripe, one
// for connected accounts and one for the platform account, at the portal's public
// URL, and keeps their secrets. Endpoints of ours that are there are replaced. It
// waits at most patience.
func (r *Registrar) RegisterWebhooks(ctx context.Context, who accounts.Actor, publicURL string, patience time.Duration) error {
	if !who.Runs() {
		return fault.New(fault.Forbidden, "Only an admin can do that.")
	}
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fault.Fields{"url": "Enter the address at which Stripe reaches this portal, such as https://apis.example.com."}.Err()
	}
	to := strings.TrimSuffix(publicURL, "/") + "/api/am/stripe/webhook"
	if who.Domain != models.SuperDomain {
		to += "?" + url.Values{"tenantDomain": {who.Domain}}.Encode()
	}
	var job string
	err = models.InTx(ctx, r.DB, func(ctx context.Context, tx bun.Tx) error {
		if job, err = outbox.Stage(ctx, tx, who.Tenant, r.Wall.Now(), registerWebhooks{who.Tenant, to}); err != nil {
			return err
		}
		what := accounts.Object{Type: "webhook_endpoint", ID: to, Name: to}
		return models.InsertAudit(ctx, tx, who.Did(r.Wall.Now(), "webhook.ask", what, nil))
	})
	if err != nil {
		return err
	}
	return r.Jobs.Wait(ctx, job, patience)
}

// register performs registerWebhooks. Each attempt has keys of its own: an endpoint
// tells its secret only once, so what an attempt before made is replaced, and an
// answer from before would be of an endpoint that is gone.
func (r *Registrar) register(ctx context.Context, job outbox.Job, t registerWebhooks) error {
	tenant, err := models.TenantByID(ctx, r.DB, job.Tenant)
	if err != nil {
		return err
	}
	for scope, events := range map[accounts.Scope][]string{accounts.ScopeConnect: ConnectEvents, accounts.ScopePlatform: PlatformEvents} {
		in := WebhookInput{URL: t.URL, Connect: scope == accounts.ScopeConnect, Events: events}
		key := job.Key(fmt.Sprintf("webhook.%s.%d", scope, job.Attempts))
		made, err := r.Engine.EnsureWebhook(ctx, accounts.Platform(job.Tenant), key, in)
		if err != nil {
			return final(err)
		}
		kept := accounts.RegisteredHook{StripeID: made.ID, URL: t.URL, APIVersion: made.Version, Secret: made.Secret}
		if err := r.Keep.SaveHook(ctx, accounts.System(tenant.ID, tenant.Domain), scope, kept); err != nil {
			return err
		}
	}
	return nil
}

// Register registers what performs the registrar's tasks.
func (r *Registrar) Register(jobs *outbox.Runner) { outbox.Handle(jobs, r.register, nil) }
