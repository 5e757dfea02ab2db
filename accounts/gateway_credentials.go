package accounts

import (
	"context"
	"crypto/subtle"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/vault"
	"tollgate/models"
)

const (
	mostCredentials   = 20          // of one tenant that are not revoked
	credentialTrust   = time.Second // how long one is taken for good without a look
	credentialsKept   = 10_000      // answers kept that long
	credentialTouched = time.Minute // how exactly it is known when one was last used
)

// GatewayCredentials keeps what a tenant's own gateways sign in with to ask about
// calls and to report them. Of each only a keyed hash is stored.
type GatewayCredentials struct {
	db       *bun.DB
	wall     clock.Wall
	business clock.Business
	tags     func(text string) [32]byte

	mu   sync.Mutex
	kept map[[32]byte]keptCredential
}

// keptCredential is the answer to a credential, for a moment.
type keptCredential struct {
	tenant models.TenantID
	id     string // "" for one that is none
	until  time.Time
}

// NewGatewayCredentials returns the credentials in a database.
func NewGatewayCredentials(db *bun.DB, wall clock.Wall, business clock.Business, v *vault.Vault) *GatewayCredentials {
	return &GatewayCredentials{db: db, wall: wall, business: business, tags: v.Tags(credentialPurpose), kept: map[[32]byte]keptCredential{}}
}

// Create makes a credential of who's tenant, and returns it with its text, which
// cannot be had again.
func (g *GatewayCredentials) Create(ctx context.Context, who Actor, name string) (models.GatewayCredential, string, error) {
	name = tidy(name)
	var f fault.Fields
	checkKeyName(&f, name)
	if err := firstOf(runs(who), f.Err()); err != nil {
		return models.GatewayCredential{}, "", err
	}
	text, one := newSecret(prefixCredential), int64(1)
	row := models.GatewayCredential{
		ID: models.NewID(), TenantID: who.Tenant, Name: name, Prefix: text[:keyShownLength], Hash: KeyHash(g.tags(text)),
		CreatedBy: who.Person, CreatedAt: models.At(g.wall.Now()), Live: &one,
	}
	err := models.InTx(ctx, g.db, func(ctx context.Context, tx bun.Tx) error {
		if err := models.LockTenant(ctx, tx, who.Tenant); err != nil {
			return err
		}
		if err := g.room(ctx, tx, who.Tenant); err != nil {
			return err
		}
		added, err := models.InsertGatewayCredential(ctx, tx, row)
		if err != nil {
			return err
		}
		if !added {
			return fault.Fields{"name": "There is a credential of this name already."}.Err()
		}
		return g.did(ctx, tx, who, "gateway-credential.create", row)
	})
	if err != nil {
		return models.GatewayCredential{}, "", err
	}
	return row, text, nil
}

// room refuses another credential when there are enough.
func (g *GatewayCredentials) room(ctx context.Context, tx bun.Tx, tenant models.TenantID) error {
	rows, err := models.GatewayCredentials(ctx, tx, tenant)
	if err != nil {
		return err
	}
	live := 0
	for _, row := range rows {
		if row.Live != nil {
			live++
		}
	}
	if live >= mostCredentials {
		return fault.New(fault.Conflict, fmt.Sprintf("There are %d credentials, the most there can be. Revoke one that is not needed, then try again.", live))
	}
	return nil
}

func (g *GatewayCredentials) did(ctx context.Context, tx bun.Tx, who Actor, action string, row models.GatewayCredential) error {
	return models.InsertAudit(ctx, tx, who.Did(g.wall.Now(), action, Object{"gateway-credential", row.ID, row.Name}, map[string]string{"prefix": row.Prefix}))
}

// List returns the credentials of who's tenant, the newest first, revoked ones last.
func (g *GatewayCredentials) List(ctx context.Context, who Actor) ([]models.GatewayCredential, error) {
	if err := runs(who); err != nil {
		return nil, err
	}
	return models.GatewayCredentials(ctx, g.db, who.Tenant)
}

// Revoke ends a credential for good. It is refused everywhere within a second. One
// that is revoked already stays so.
func (g *GatewayCredentials) Revoke(ctx context.Context, who Actor, id string) error {
	if err := runs(who); err != nil {
		return err
	}
	return models.InTx(ctx, g.db, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.GatewayCredentialByID(ctx, tx, who.Tenant, id)
		if err != nil || row.Live == nil {
			return err
		}
		row.Live, row.RevokedAt = nil, models.At(g.wall.Now())
		if err := models.SaveGatewayCredential(ctx, tx, row); err != nil {
			return err
		}
		return g.did(ctx, tx, who, "gateway-credential.revoke", row)
	})
}

var errCredential = fault.New(fault.Unauthenticated, "This gateway credential is not known, or was revoked.")

// Authenticate returns whose credential text is, and the credential's id. One that
// is unknown or revoked is Unauthenticated. An answer is kept for a second.
func (g *GatewayCredentials) Authenticate(ctx context.Context, text string) (models.TenantID, string, error) {
	if !formed(text, prefixCredential) {
		return 0, "", errCredential
	}
	tag, now := g.tags(text), g.wall.Now()
	g.mu.Lock()
	kept, known := g.kept[tag]
	g.mu.Unlock()
	if !known || !now.Before(kept.until) {
		var err error
		if kept, err = g.look(ctx, tag); err != nil {
			return 0, "", err
		}
		kept.until = now.Add(credentialTrust) // from before the look, so that it is never trusted for longer
		g.keep(tag, kept)
	}
	if kept.id == "" {
		return 0, "", errCredential
	}
	return kept.tenant, kept.id, nil
}

func (g *GatewayCredentials) keep(tag [32]byte, kept keptCredential) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.kept) >= credentialsKept {
		clear(g.kept)
	}
	g.kept[tag] = kept
}

// look reads a credential, and notes that it is used.
func (g *GatewayCredentials) look(ctx context.Context, tag [32]byte) (keptCredential, error) {
	hash := KeyHash(tag)
	row, err := models.GatewayCredentialByHash(ctx, g.db, hash)
	if fault.KindOf(err) == fault.NotFound {
		return keptCredential{}, nil
	}
	if err != nil {
		return keptCredential{}, err
	}
	if subtle.ConstantTimeCompare([]byte(row.Hash), []byte(hash)) != 1 {
		return keptCredential{}, nil
	}
	if used := g.business.Now(); used.Sub(row.LastUsedAt.Time()) >= credentialTouched {
		// That a credential works does not hang on noting that it was used.
		_ = models.TouchGatewayCredential(ctx, g.db, row.ID, models.At(used))
	}
	return keptCredential{tenant: row.TenantID, id: row.ID}, nil
}
