package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/vault"
	"tollgate/models"
)

// The types of a key, as WSO2 spells them.
const (
	ProductionKey = "PRODUCTION"
	SandboxKey    = "SANDBOX"
)

const (
	mostKeys       = 20                 // keys of one application that work at the same time
	soon           = 7 * 24 * time.Hour // how long before its end a key is said to expire soon
	longestKeyLife = 10                 // years that a key may be made for
)

// APIKeys keeps the keys that applications call with. Of each only a keyed hash is
// stored: the key itself is returned once, by Create or Rotate.
type APIKeys struct {
	DB       *bun.DB
	Wall     clock.Wall
	Business clock.Business
	Vault    *vault.Vault
}

// A KeyState says whether a key works.
type KeyState string

// The states of a key.
const (
	KeyActive      KeyState = "active"
	KeyExpiresSoon KeyState = "expires-soon" // it works, for 7 days at most
	KeyExpired     KeyState = "expired"
	KeyRevoked     KeyState = "revoked"
)

// Works reports whether calls with the key are let in.
func (s KeyState) Works() bool { return s == KeyActive || s == KeyExpiresSoon }

// A Key is a key as its owner sees it.
type Key struct {
	models.APIKey
	State KeyState
}

func (k *APIKeys) keyOf(row models.APIKey) Key {
	now, state := k.Business.Now(), KeyActive
	switch ends := row.ExpiresAt.Time(); {
	case row.Live == nil:
		state = KeyRevoked
	case ends.IsZero():
	case !now.Before(ends):
		state = KeyExpired
	case ends.Sub(now) <= soon:
		state = KeyExpiresSoon
	}
	return Key{row, state}
}

// A KeyInput is what a subscriber enters about a key.
type KeyInput struct {
	Name    string
	Type    string // ProductionKey or SandboxKey
	Expires string // the last day on which it works, in UTC, such as 2026-12-31; "" for no end
}

// dateForm is how dates are entered.
const dateForm = "2006-01-02"

// validate reports what is wrong with the form alone, at a business time, and
// returns when the key expires.
func (in KeyInput) validate(now time.Time) (models.Instant, error) {
	var f fault.Fields
	checkKeyName(&f, in.Name)
	f.Check(in.Type == ProductionKey || in.Type == SandboxKey, "type", "Choose production or sandbox.")
	expires := expiry(&f, in.Expires, now)
	return expires, f.Err()
}

func checkKeyName(f *fault.Fields, name string) {
	f.Check(name != "", "name", "Enter a name.")
	f.Check(len([]rune(name)) <= 80, "name", "Use at most 80 characters.")
}

// expiry returns the end of a day that was entered.
func expiry(f *fault.Fields, day string, now time.Time) models.Instant {
	if day == "" {
		return 0
	}
	date, err := time.Parse(dateForm, day)
	f.Check(err == nil, "expires", "Enter a date such as 2026-12-31, or nothing.")
	end := date.AddDate(0, 0, 1)
	f.Check(err != nil || end.After(now), "expires", "Choose today or a later day.")
	f.Check(err != nil || !end.After(now.AddDate(longestKeyLife, 0, 1)), "expires", "Choose a day within ten years, or none.")
	return models.At(end)
}

var errKeyName = fault.Fields{"name": "This application has a key of this name already."}.Err()

// in runs fn in a transaction that holds an application of who's, which is not
// deleted meanwhile, nor are keys of it made at the same time.
func (k *APIKeys) in(ctx context.Context, who Actor, app string, fn func(context.Context, bun.Tx, models.Application) error) error {
	if err := buys(who); err != nil {
		return err
	}
	return models.InTx(ctx, k.DB, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.ApplicationByUUID(ctx, tx, who.Tenant, who.Person, app)
		if err != nil {
			return err
		}
		if err := models.HoldApplication(ctx, tx, who.Tenant, row.ID); err != nil {
			return err
		}
		return fn(ctx, tx, row)
	})
}

// Create makes a key for an application of who's, and returns it with the text of
// the key, which cannot be had again.
func (k *APIKeys) Create(ctx context.Context, who Actor, app string, in KeyInput) (Key, string, error) {
	in.Name = tidy(in.Name)
	expires, err := in.validate(k.Business.Now())
	if err := firstOf(buys(who), err); err != nil {
		return Key{}, "", err
	}
	row, text := k.fresh(who, in.Name, in.Type, expires)
	err = k.in(ctx, who, app, func(ctx context.Context, tx bun.Tx, owner models.Application) error {
		row.ApplicationID = owner.ID
		if err := k.add(ctx, tx, row); err != nil {
			return err
		}
		return k.did(ctx, tx, who, "api-key.create", row, owner, nil)
	})
	if err != nil {
		return Key{}, "", err
	}
	return k.keyOf(row), text, nil
}

// fresh makes a key, without an application yet.
func (k *APIKeys) fresh(who Actor, name, keyType string, expires models.Instant) (models.APIKey, string) {
	prefix := prefixProduction
	if keyType == SandboxKey {
		prefix = prefixSandbox
	}
	text, one := newSecret(prefix), int64(1)
	return models.APIKey{
		ID: models.NewID(), TenantID: who.Tenant, Name: name, KeyType: keyType, Prefix: text[:keyShownLength],
		Hash: KeyHash(KeyTags(k.Vault)(text)), CreatedBy: who.Person, CreatedAt: models.At(k.Wall.Now()), ExpiresAt: expires, Live: &one,
	}, text
}

// add stores a key unless its application has too many.
func (k *APIKeys) add(ctx context.Context, tx bun.Tx, row models.APIKey) error {
	n, err := models.CountAPIKeys(ctx, tx, row.ApplicationID, models.At(k.Business.Now()))
	if err != nil {
		return err
	}
	if n >= mostKeys {
		return fault.New(fault.Conflict, fmt.Sprintf("This application has %d keys that work, the most there can be. Revoke one that is not needed, then try again.", n))
	}
	added, err := models.InsertAPIKey(ctx, tx, row)
	if err == nil && !added {
		return errKeyName
	}
	return err
}

func (k *APIKeys) did(ctx context.Context, tx bun.Tx, who Actor, action string, row models.APIKey, owner models.Application, more map[string]string) error {
	details := map[string]string{"application": owner.Name, "type": row.KeyType, "prefix": row.Prefix}
	if !row.ExpiresAt.IsZero() {
		details["expires"] = row.ExpiresAt.Time().Format(time.RFC3339)
	}
	for name, value := range more {
		details[name] = value
	}
	return models.InsertAudit(ctx, tx, who.Did(k.Wall.Now(), action, Object{"api-key", row.ID, row.Name}, details))
}

// List returns the keys of an application of who's: those not revoked, the newest
// first, then the revoked ones.
func (k *APIKeys) List(ctx context.Context, who Actor, app string) ([]Key, error) {
	if err := buys(who); err != nil {
		return nil, err
	}
	owner, err := models.ApplicationByUUID(ctx, k.DB, who.Tenant, who.Person, app)
	if err != nil {
		return nil, err
	}
	rows, err := models.APIKeys(ctx, k.DB, who.Tenant, owner.ID)
	keys := make([]Key, len(rows))
	for i, row := range rows {
		keys[i] = k.keyOf(row)
	}
	return keys, err
}

// ByID returns a key of an application of who's.
func (k *APIKeys) ByID(ctx context.Context, who Actor, app, id string) (Key, error) {
	if err := buys(who); err != nil {
		return Key{}, err
	}
	owner, err := models.ApplicationByUUID(ctx, k.DB, who.Tenant, who.Person, app)
	if err != nil {
		return Key{}, err
	}
	row, err := models.APIKeyByID(ctx, k.DB, who.Tenant, owner.ID, id)
	return k.keyOf(row), err
}

// Rename gives a key another name.
func (k *APIKeys) Rename(ctx context.Context, who Actor, app, id, name string) error {
	name = tidy(name)
	var f fault.Fields
	checkKeyName(&f, name)
	if err := firstOf(buys(who), f.Err()); err != nil {
		return err
	}
	err := k.in(ctx, who, app, func(ctx context.Context, tx bun.Tx, owner models.Application) error {
		row, err := models.APIKeyByID(ctx, tx, who.Tenant, owner.ID, id)
		if err != nil || row.Name == name {
			return err
		}
		was := row.Name
		row.Name = name
		if err := models.SaveAPIKey(ctx, tx, row); err != nil {
			return err
		}
		return k.did(ctx, tx, who, "api-key.rename", row, owner, map[string]string{"name_before": was})
	})
	if models.Taken(err) {
		return errKeyName
	}
	return err
}

// Revoke ends a key at once and for good. Gateways refuse it within a second. One
// that is revoked already stays so.
func (k *APIKeys) Revoke(ctx context.Context, who Actor, app, id string) error {
	return k.in(ctx, who, app, func(ctx context.Context, tx bun.Tx, owner models.Application) error {
		row, err := models.APIKeyByID(ctx, tx, who.Tenant, owner.ID, id)
		if err != nil || row.Live == nil {
			return err
		}
		row.Live, row.RevokedAt = nil, models.At(k.Wall.Now())
		if err := models.SaveAPIKey(ctx, tx, row); err != nil {
			return err
		}
		return k.did(ctx, tx, who, "api-key.revoke", row, owner, nil)
	})
}
