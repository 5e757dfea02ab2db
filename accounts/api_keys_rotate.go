package accounts

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/models"
)

// Overlaps are how long a key may go on working after another was made to follow
// it. 0 is: it ends at once.
var Overlaps = []time.Duration{0, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// A RotateInput is what a subscriber enters about a key that follows another.
type RotateInput struct {
	Overlap time.Duration // one of Overlaps
	Expires string        // of the new key, as in KeyInput
}

// Rotate makes a key that takes the place and the name of another, which works for
// the overlap and not longer than it did anyway. It returns the new key with its
// text, which cannot be had again.
func (k *APIKeys) Rotate(ctx context.Context, who Actor, app, id string, in RotateInput) (Key, string, error) {
	var f fault.Fields
	f.Check(slices.Contains(Overlaps, in.Overlap), "overlap", "Choose how long the old key goes on working.")
	now := k.Business.Now()
	expires := expiry(&f, in.Expires, now)
	if err := firstOf(buys(who), f.Err()); err != nil {
		return Key{}, "", err
	}
	var (
		made models.APIKey
		text string
	)
	err := k.in(ctx, who, app, func(ctx context.Context, tx bun.Tx, owner models.Application) error {
		old, err := models.APIKeyByID(ctx, tx, who.Tenant, owner.ID, id)
		if err != nil {
			return err
		}
		if err := k.rotatable(ctx, tx, old); err != nil {
			return err
		}
		made, text = k.fresh(who, old.Name, old.KeyType, expires)
		made.ApplicationID, made.Replaces = owner.ID, old.ID
		if err := k.retire(ctx, tx, old, in.Overlap, now); err != nil {
			return err
		}
		if err := k.add(ctx, tx, made); err != nil {
			return err
		}
		return k.did(ctx, tx, who, "api-key.rotate", made, owner, map[string]string{"replaces": old.ID, "overlap": in.Overlap.String()})
	})
	if err != nil {
		return Key{}, "", err
	}
	return k.keyOf(made), text, nil
}

// rotatable refuses to rotate a key that is of no use any more or was rotated already.
func (k *APIKeys) rotatable(ctx context.Context, tx bun.Tx, old models.APIKey) error {
	switch k.keyOf(old).State {
	case KeyRevoked:
		return fault.New(fault.Conflict, "This key is revoked. Generate a new one instead.")
	case KeyExpired:
		return fault.New(fault.Conflict, "This key has expired. Generate a new one instead.")
	case KeyActive, KeyExpiresSoon:
	}
	follows, err := models.APIKeyFollows(ctx, tx, old.ApplicationID, old.ID)
	if err == nil && follows {
		return fault.New(fault.Conflict, "A key that replaces this one was made already.")
	}
	return err
}

// retire revokes a key, or has it end after an overlap under another name, so that
// its name is free for the key that follows.
func (k *APIKeys) retire(ctx context.Context, tx bun.Tx, old models.APIKey, overlap time.Duration, now time.Time) error {
	if overlap == 0 {
		old.Live, old.RevokedAt = nil, models.At(k.Wall.Now())
		return models.SaveAPIKey(ctx, tx, old)
	}
	rows, err := models.APIKeys(ctx, tx, old.TenantID, old.ApplicationID)
	if err != nil {
		return err
	}
	var taken []string
	for _, row := range rows {
		if row.Live != nil {
			taken = append(taken, row.Name)
		}
	}
	old.Name = replacedName(old.Name, taken)
	if end := models.At(now.Add(overlap)); old.ExpiresAt.IsZero() || end < old.ExpiresAt {
		old.ExpiresAt = end
	}
	return models.SaveAPIKey(ctx, tx, old)
}

// replacedName is what a key is called once another has its name.
func replacedName(name string, taken []string) string {
	for n := 1; ; n++ {
		end := " (replaced)"
		if n > 1 {
			end = fmt.Sprintf(" (replaced %d)", n)
		}
		if try := clip(name, 80-len(end)) + end; !slices.Contains(taken, try) {
			return try
		}
	}
}
