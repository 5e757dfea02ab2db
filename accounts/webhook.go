package accounts

import (
	"context"
	"regexp"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/internal/vault"
	"tollgate/models"
)

// A Scope says whose events a webhook endpoint gets.
type Scope string

// The scopes. A tenant has one endpoint each.
const (
	ScopeConnect  Scope = "connect"  // of its connected accounts
	ScopePlatform Scope = "platform" // of its own account
)

// Valid reports whether s is one of the scopes.
func (s Scope) Valid() bool { return s == ScopeConnect || s == ScopePlatform }

// hookRetirement is how long a signing secret still counts after another took
// its place: Stripe signs with both while one is rolled.
const hookRetirement = 24 * time.Hour

var hookForm = regexp.MustCompile(`^whsec_[A-Za-z0-9+/=_-]{24,}$`)

// A Hook is a webhook endpoint of the tenant's at Stripe.
type Hook struct {
	Scope      Scope
	StripeID   string // we_…; "" when its secret was typed in
	URL        string
	APIVersion string // "" when not known
	Hint       string // the end of its signing secret
	Since      time.Time
}

// RegisteredHook is an endpoint that was made by the API.
type RegisteredHook struct{ StripeID, URL, APIVersion, Secret string }

// SaveHook keeps an endpoint that was made by the API, with its secret. The
// secret before it counts for another day.
func (t *Tenants) SaveHook(ctx context.Context, who Actor, scope Scope, in RegisteredHook) error {
	return t.saveHook(ctx, who, scope, in, "webhook.register")
}

// EnterHookSecret keeps the signing secret of an endpoint that somebody made at
// Stripe by hand, for url. The secret before it counts for another day.
func (t *Tenants) EnterHookSecret(ctx context.Context, who Actor, scope Scope, url, secret string) error {
	return t.saveHook(ctx, who, scope, RegisteredHook{URL: url, Secret: tidy(secret)}, "webhook.secret")
}

func (t *Tenants) saveHook(ctx context.Context, who Actor, scope Scope, in RegisteredHook, action string) error {
	var f fault.Fields
	f.Check(scope.Valid(), "scope", "Choose connected accounts or your own account.")
	f.Check(hookForm.MatchString(in.Secret), "secret", "This is not a signing secret: it begins with whsec_ and 24 or more characters follow.")
	if err := firstOf(runs(who), f.Err()); err != nil {
		return err
	}
	return models.InTx(ctx, t.DB, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.HoldWebhookEndpoint(ctx, tx, models.WebhookEndpoint{
			ID: models.NewID(), TenantID: who.Tenant, Scope: string(scope), CreatedAt: models.At(t.Wall.Now()),
		})
		if err != nil {
			return err
		}
		row.StripeID, row.URL, row.APIVersion = in.StripeID, in.URL, in.APIVersion
		if err := models.SaveWebhookEndpoint(ctx, tx, row); err != nil {
			return err
		}
		if err := t.addHookSecret(ctx, tx, row, in.Secret); err != nil {
			return err
		}
		return models.InsertAudit(ctx, tx, who.Did(t.Wall.Now(), action, Object{"webhook_endpoint", row.ID, string(scope)}, map[string]string{
			"endpoint": in.StripeID, "secret": hint(in.Secret),
		}))
	})
}

// addHookSecret keeps a secret beside those that count, unless it is the newest already.
func (t *Tenants) addHookSecret(ctx context.Context, tx bun.Tx, row models.WebhookEndpoint, secret string) error {
	have, err := t.open(ctx, tx, hookPlace(row))
	if err != nil || len(have) > 0 && have[0] == secret {
		return err
	}
	return t.keep(ctx, tx, hookPlace(row), secret, t.Wall.Now().Add(hookRetirement))
}

// Hooks returns the tenant's endpoints.
func (t *Tenants) Hooks(ctx context.Context, who Actor) ([]Hook, error) {
	if err := runs(who); err != nil {
		return nil, err
	}
	rows, err := models.WebhookEndpoints(ctx, t.DB, who.Tenant)
	if err != nil {
		return nil, err
	}
	var out []Hook
	for _, row := range rows {
		have, err := t.open(ctx, t.DB, hookPlace(row))
		if err != nil {
			return nil, err
		}
		if len(have) == 0 {
			continue // retired with the account it belonged to
		}
		out = append(out, Hook{
			Scope: Scope(row.Scope), StripeID: row.StripeID, URL: row.URL, APIVersion: row.APIVersion,
			Hint: hint(have[0]), Since: row.CreatedAt.Time(),
		})
	}
	return out, nil
}

// HookSecrets returns every signing secret of the tenant's that counts now, by
// the endpoint it belongs to. Those that the environment gives to the default
// tenant count for either.
func (t *Tenants) HookSecrets(ctx context.Context, tenant models.TenantID) (map[Scope][]string, error) {
	rows, err := models.WebhookEndpoints(ctx, t.DB, tenant)
	if err != nil {
		return nil, err
	}
	out := map[Scope][]string{}
	for _, row := range rows {
		if out[Scope(row.Scope)], err = t.open(ctx, t.DB, hookPlace(row)); err != nil {
			return nil, err
		}
	}
	if tenant == models.SuperTenant && len(t.GivenHookSecrets) > 0 {
		for _, scope := range []Scope{ScopeConnect, ScopePlatform} {
			out[scope] = append(out[scope], t.GivenHookSecrets...)
		}
	}
	return out, nil
}

// retireHooks makes the secrets of the tenant's endpoints stop counting: they
// belong to an account that is no longer its own.
func (t *Tenants) retireHooks(ctx context.Context, tx bun.Tx, tenant models.TenantID) error {
	rows, err := models.WebhookEndpoints(ctx, tx, tenant)
	if err != nil {
		return err
	}
	for _, row := range rows {
		at := hookPlace(row)
		if err := models.RetireSecrets(ctx, tx, tenant, at.Table, at.Column, at.Row, "", models.At(t.Wall.Now())); err != nil {
			return err
		}
	}
	return nil
}

func hookPlace(row models.WebhookEndpoint) vault.Place {
	return vault.Place{Tenant: int64(row.TenantID), Table: "webhook_endpoints", Column: "secret", Row: row.ID}
}
