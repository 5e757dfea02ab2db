package stripe

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
)

// scopeMark is the metadata that says an endpoint is ours and what it is for.
// Stripe does not tell of an endpoint whether it is for connected accounts.
const scopeMark = "tollgate_scope"

// EnsureWebhook makes a webhook endpoint and returns its id and signing secret.
// Others of ours at the same URL and scope are removed, since their secrets
// cannot be read again. It is made before they are removed: so no event finds
// none, and the same key gives the same endpoint.
func (e *Engine) EnsureWebhook(ctx context.Context, at accounts.StripeAccount, key string, in billing.WebhookInput) (billing.Webhook, error) {
	c, err := e.writing(ctx, at, key)
	if err != nil {
		return billing.Webhook{}, err
	}
	made, err := c.createWebhook(ctx, in, "")
	if err != nil {
		return billing.Webhook{}, err
	}
	ours, err := c.webhooksLike(ctx, in)
	if err != nil {
		return billing.Webhook{}, err
	}
	if !slices.Contains(ours, made.ID) { // the key's answer of old, about an endpoint removed since
		if made, err = c.createWebhook(ctx, in, ".again"); err != nil {
			return billing.Webhook{}, err
		}
	}
	for _, id := range ours {
		if id == made.ID {
			continue
		}
		if err := c.deleteWebhook(ctx, id); err != nil {
			return billing.Webhook{}, err
		}
	}
	return billing.Webhook{ID: made.ID, Secret: made.Secret, Version: made.APIVersion}, nil
}

func (c conn) createWebhook(ctx context.Context, in billing.WebhookInput, step string) (*stripe.WebhookEndpoint, error) {
	p := &stripe.WebhookEndpointCreateParams{
		URL: &in.URL, Connect: &in.Connect, EnabledEvents: stripe.StringSlice(in.Events), APIVersion: optional(in.Version),
		Metadata: map[string]string{scopeMark: scope(in)},
	}
	c.mark(&p.Params, step)
	made, err := c.V1WebhookEndpoints.Create(ctx, p)
	if err := answered("create webhook endpoint", made.ID, err); err != nil {
		return nil, err
	}
	if !usable(made.Secret) {
		return nil, fmt.Errorf("stripe: create webhook endpoint: %s came without a usable secret", made.ID)
	}
	return made, nil
}

func scope(in billing.WebhookInput) string {
	if in.Connect {
		return "connect"
	}
	return "account"
}

// webhooksLike lists our endpoints at in's URL and scope.
func (c conn) webhooksLike(ctx context.Context, in billing.WebhookInput) ([]string, error) {
	all, err := list(ctx, c, "list webhook endpoints", "/v1/webhook_endpoints", url.Values{},
		func(w *stripe.WebhookEndpoint) string { return w.ID })
	if err != nil {
		return nil, err
	}
	var ours []string
	for _, w := range all {
		if w.URL == in.URL && w.Metadata[scopeMark] == scope(in) {
			ours = append(ours, w.ID)
		}
	}
	return ours, nil
}

func (c conn) deleteWebhook(ctx context.Context, id string) error {
	p := &stripe.WebhookEndpointDeleteParams{}
	c.mark(&p.Params, ".delete."+id) // there may be several
	deleted, err := c.V1WebhookEndpoints.Delete(ctx, id, p)
	if err = answered("delete webhook endpoint", deleted.ID, err); gone(err) {
		return nil
	}
	return err
}

// event is the little of an event that we read.
type event struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Account    string `json:"account"`
	APIVersion string `json:"api_version"`
	Livemode   bool   `json:"livemode"`
	Created    int64  `json:"created"`
	Data       struct {
		Object struct {
			ID     string `json:"id"`
			Object string `json:"object"`
		} `json:"object"`
	} `json:"data"`
}

// Events lists events since a time, newest first, at most 30 days back; only
// those whose delivery failed when undelivered is set. Events of a connected
// account name it, as they do when they are delivered.
func (e *Engine) Events(ctx context.Context, from accounts.StripeAccount, since time.Time, undelivered bool) ([]billing.Envelope, error) {
	c, err := e.reading(ctx, from)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if !since.IsZero() {
		query.Set("created[gte]", strconv.FormatInt(since.Unix(), 10))
	}
	if undelivered {
		query.Set("delivery_success", "false")
	}
	found, err := list(ctx, c, "list events", "/v1/events", query, func(ev event) string { return ev.ID })
	if err != nil {
		return nil, err
	}
	out := make([]billing.Envelope, 0, len(found))
	for _, ev := range found {
		if ev.Account == "" {
			ev.Account = from.Connected
		}
		out = append(out, billing.Envelope{
			ID: ev.ID, Type: ev.Type, Account: ev.Account, APIVersion: ev.APIVersion, Livemode: ev.Livemode,
			Created: instant(ev.Created), ObjectType: ev.Data.Object.Object, ObjectID: ev.Data.Object.ID,
		})
	}
	return out, nil
}
