package accounts

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/internal/vault"
	"tollgate/models"
)

// keyCache is how long a tenant's key is kept in memory. Another process learns
// of a new key within this time.
const keyCache = 10 * time.Second

// errNoKey is what whoever needs Stripe gets while a tenant has no key.
var errNoKey = fault.New(fault.Unavailable, "Stripe is not set up yet: an admin has to enter the Stripe key.")

var keyForm = regexp.MustCompile(`^(sk|rk)_(test|live)_[A-Za-z0-9_]{16,}$`)

// checkKeyForm reports what is wrong with a key as typed, in a mode.
func checkKeyForm(key, mode string) error {
	var f fault.Fields
	form := keyForm.FindStringSubmatch(key)
	if form == nil {
		form = make([]string, 3)
		f.Check(!strings.HasPrefix(key, "pk_"), "key", "This is a publishable key. Enter the secret key (sk_…) or a restricted key (rk_…).")
		f.Check(false, "key", "This is not a Stripe secret key: it begins with sk_test_, rk_test_, sk_live_ or rk_live_.")
	}
	f.Check(form[2] != "live" || mode == "live", "key", "This is a live key, but this installation runs in "+mode+" mode. Enter a test key.")
	f.Check(form[2] != "test" || mode != "live", "key", "This is a test key, but this installation moves real money. Enter a live key.")
	f.Check(form[1] != "rk" || mode != "sandbox", "key", "The sandbox knows no restricted keys. Enter one that begins with sk_test_.")
	return f.Err()
}

// SaveStripeKey keeps the key of the tenant's platform account, once Stripe has
// said which account it opens. A key of another account is refused while things
// of ours live in the one we have.
func (t *Tenants) SaveStripeKey(ctx context.Context, who Actor, key string) error {
	key = tidy(key)
	if err := firstOf(runs(who), checkKeyForm(key, t.Mode)); err != nil {
		return err
	}
	account, err := t.Stripe.CheckKey(ctx, key)
	if err != nil {
		return refusedKey(err)
	}
	err = models.InTx(ctx, t.DB, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.TenantByID(ctx, tx, who.Tenant)
		if err != nil {
			return err
		}
		if err := sameAccount(ctx, tx, row, account); err != nil {
			return err
		}
		if err := t.keep(ctx, tx, keyPlace(who.Tenant), key, t.Wall.Now()); err != nil {
			return err
		}
		moved := row.StripeAccount != account.ID
		row.StripeAccount, row.StripeName, row.StripeKeyHint, row.StripeProblem = account.ID, clip(account.Name, 255), hint(key), ""
		if err := models.SaveTenant(ctx, tx, row); err != nil {
			return err
		}
		if moved {
			if err := t.retireHooks(ctx, tx, who.Tenant); err != nil {
				return err
			}
		}
		return models.InsertAudit(ctx, tx, who.Did(t.Wall.Now(), "stripe.key", tenantObject(row), map[string]string{
			"account": account.ID, "key": row.StripeKeyHint,
		}))
	})
	t.forgetKey(who.Tenant)
	return err
}

// ConfigureStripeKey keeps a key that the environment gives, unless it is the
// tenant's already: then Stripe is not asked.
func (t *Tenants) ConfigureStripeKey(ctx context.Context, tenant models.Tenant, key string) error {
	if now, err := t.StripeKey(ctx, tenant.ID); err == nil && now == key {
		return nil
	}
	return t.SaveStripeKey(ctx, System(tenant.ID, tenant.Domain), key)
}

// refusedKey is what a person reads when Stripe did not take their key.
func refusedKey(err error) error {
	switch fault.KindOf(err) {
	case fault.Internal:
		return fault.From(fault.Unavailable, err, "Stripe could not be asked about this key, so it was not kept. Try again in a moment.")
	case fault.Unavailable:
		return fault.From(fault.Unavailable, err, fault.Message(err)+" The key was not kept; try again in a moment.")
	case fault.TooMany:
		return err
	}
	return fault.Fields{"key": "Stripe refuses this key: " + fault.Message(err)}.Err()
}

// sameAccount refuses to leave behind what lives in the tenant's account at Stripe.
func sameAccount(ctx context.Context, tx bun.Tx, row models.Tenant, next PlatformAccount) error {
	if row.StripeAccount == "" || row.StripeAccount == next.ID {
		return nil
	}
	used, err := models.HasStripeObjects(ctx, tx, row.ID)
	if err != nil || !used {
		return err
	}
	return fault.Fields{"key": "This key opens the account " + next.ID + ", but plans, customers or connected accounts of yours live in " +
		row.StripeAccount + ". Enter a key of that account."}.Err()
}

// StripeKey returns the tenant's key. While there is none it is an Unavailable fault.
func (t *Tenants) StripeKey(ctx context.Context, tenant models.TenantID) (string, error) {
	now := t.Wall.Now()
	t.mu.Lock()
	kept, ok := t.keys[tenant]
	t.mu.Unlock()
	if ok && now.Before(kept.until) {
		return kept.key, nil
	}
	keys, err := t.open(ctx, t.DB, keyPlace(tenant))
	if err != nil {
		return "", err
	}
	if len(keys) == 0 {
		return "", errNoKey
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys == nil {
		t.keys = map[models.TenantID]keptKey{}
	}
	t.keys[tenant] = keptKey{keys[0], now.Add(keyCache)}
	return keys[0], nil
}

func (t *Tenants) forgetKey(tenant models.TenantID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.keys, tenant)
}

// NoteStripe notes why Stripe refuses the tenant's key, "" when it works, for
// the admin's pages.
func (t *Tenants) NoteStripe(ctx context.Context, tenant models.TenantID, problem string) error {
	return models.NoteStripeProblem(ctx, t.DB, tenant, problem)
}

// hint is what people see of a secret.
func hint(secret string) string { return "…" + secret[len(secret)-4:] }

func keyPlace(tenant models.TenantID) vault.Place {
	return vault.Place{Tenant: int64(tenant), Table: "tenants", Column: "stripe_key", Row: strconv.FormatInt(int64(tenant), 10)}
}

// keep seals a secret in its place; the ones before it count until retire.
func (t *Tenants) keep(ctx context.Context, tx bun.Tx, at vault.Place, secret string, retire time.Time) error {
	sealed, err := t.Vault.Seal(at, []byte(secret))
	if err != nil {
		return err
	}
	row := models.Secret{
		ID: models.NewID(), TenantID: models.TenantID(at.Tenant), Table: at.Table, Column: at.Column, Row: at.Row,
		Sealed: sealed, CreatedAt: models.At(t.Wall.Now()),
	}
	if err := models.RetireSecrets(ctx, tx, row.TenantID, row.Table, row.Column, row.Row, row.ID, models.At(retire)); err != nil {
		return err
	}
	return models.InsertSecret(ctx, tx, row)
}

// open returns the secrets that count in a place, newest first.
func (t *Tenants) open(ctx context.Context, db bun.IDB, at vault.Place) ([]string, error) {
	rows, err := models.SecretsOf(ctx, db, models.TenantID(at.Tenant), at.Table, at.Column, at.Row, models.At(t.Wall.Now()))
	if err != nil {
		return nil, err
	}
	out := make([]string, len(rows))
	for i, row := range rows {
		plain, err := t.Vault.Open(at, row.Sealed)
		if err != nil {
			return nil, err
		}
		out[i] = string(plain)
	}
	return out, nil
}
