package accounts

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
)

// ConnectedAccounts keeps which publisher is paid into which account at Stripe.
// It never asks Stripe itself: callers bring what Stripe said.
type ConnectedAccounts struct {
	DB   *bun.DB
	Wall clock.Wall
}

// AccountValues is what Stripe said of a connected account.
type AccountValues struct {
	StripeAccount                                    string // acct_…
	Name, Country, DefaultCurrency                   string
	ChargesEnabled, PayoutsEnabled, DetailsSubmitted bool
	Due                                              []string  // what Stripe asks of its owner
	DueBy                                            time.Time // zero: no date set
	DisabledReason                                   string
	Lost                                             bool // its owner took this platform's access away
}

// put writes v into a row.
func (v AccountValues) put(row *models.ConnectedAccount, now time.Time) {
	row.Name, row.Country, row.DefaultCurrency = clip(v.Name, 255), v.Country, v.DefaultCurrency
	row.ChargesEnabled, row.PayoutsEnabled, row.DetailsSubmitted = v.ChargesEnabled, v.PayoutsEnabled, v.DetailsSubmitted
	row.Due, row.DueBy, row.DisabledReason = v.Due, models.At(v.DueBy), clip(v.DisabledReason, 255)
	if row.Due == nil {
		row.Due = []string{}
	}
	row.CheckedAt = models.At(now)
	switch {
	case !v.Lost:
		row.DeauthorizedAt = 0
	case row.DeauthorizedAt.IsZero():
		row.DeauthorizedAt = models.At(now)
	}
}

// same reports whether v says nothing new of a row.
func (v AccountValues) same(row models.ConnectedAccount) bool {
	next := row
	v.put(&next, row.CheckedAt.Time())
	due := slices.Equal(next.Due, row.Due)
	return due && next.Name == row.Name && next.Country == row.Country && next.DefaultCurrency == row.DefaultCurrency &&
		next.ChargesEnabled == row.ChargesEnabled && next.PayoutsEnabled == row.PayoutsEnabled &&
		next.DetailsSubmitted == row.DetailsSubmitted && next.DueBy == row.DueBy && next.DisabledReason == row.DisabledReason &&
		v.Lost == !row.DeauthorizedAt.IsZero()
}

// ConnectedAccountKey is the monetization property that names the publisher's
// account at Stripe, as WSO2 spells it.
const ConnectedAccountKey = "ConnectedAccountKey"

// errHeld is what somebody gets who enters an account that is not theirs. It
// does not say whose it is.
var errHeld = fault.Fields{ConnectedAccountKey: "This account is linked to somebody else already, so it cannot be used here. If it is yours, ask an admin."}.Err()

// Link keeps a connected account as who's, or refreshes the one they have. The
// account of another publisher, of this tenant or another, is refused at the
// field ConnectedAccountKey. platformAccount is the account that the tenant's key opens.
func (c *ConnectedAccounts) Link(ctx context.Context, tx bun.Tx, who Actor, platformAccount string, v AccountValues) (models.ConnectedAccount, error) {
	row := models.ConnectedAccount{
		ID: models.NewID(), TenantID: who.Tenant, PlatformAccount: platformAccount, StripeAccount: v.StripeAccount,
		OwnerID: who.Person, CreatedAt: models.At(c.Wall.Now()),
	}
	v.put(&row, c.Wall.Now())
	added, err := models.InsertConnectedAccount(ctx, tx, row)
	if err != nil {
		return row, err
	}
	if added {
		err = models.InsertAudit(ctx, tx, who.Did(c.Wall.Now(), "account.link", accountObject(row), nil))
		return row, err
	}
	have, err := models.LiveConnectedAccount(ctx, tx, platformAccount, v.StripeAccount)
	if err != nil {
		return row, err
	}
	if have.TenantID != who.Tenant || have.OwnerID != who.Person {
		return models.ConnectedAccount{}, errHeld
	}
	return c.write(ctx, tx, have, v)
}

// write refreshes a row and returns it as written.
func (c *ConnectedAccounts) write(ctx context.Context, db bun.IDB, row models.ConnectedAccount, v AccountValues) (models.ConnectedAccount, error) {
	v.put(&row, c.Wall.Now())
	if err := models.SaveConnectedAccount(ctx, db, row); err != nil {
		return row, err
	}
	row.Version++
	return row, nil
}

// Refresh writes what Stripe says of a connected account of the tenant's, and
// reports whether that was new. An account that is not linked is a NotFound fault.
func (c *ConnectedAccounts) Refresh(ctx context.Context, tenant models.TenantID, v AccountValues) (bool, error) {
	var fresh bool
	err := models.InTx(ctx, c.DB, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.TenantConnectedAccount(ctx, tx, tenant, v.StripeAccount)
		if err != nil {
			return err
		}
		fresh = !v.same(row)
		was := row.DeauthorizedAt.IsZero()
		if row, err = c.write(ctx, tx, row, v); err != nil || was == row.DeauthorizedAt.IsZero() {
			return err
		}
		action := map[bool]string{true: "account.lost", false: "account.back"}[v.Lost]
		stripe := Actor{Tenant: tenant, Person: "stripe", Name: "Stripe"}
		return models.InsertAudit(ctx, tx, stripe.Did(c.Wall.Now(), action, accountObject(row), nil))
	})
	return fresh, err
}

// Mine returns the accounts that who is paid into.
func (c *ConnectedAccounts) Mine(ctx context.Context, who Actor) ([]models.ConnectedAccount, error) {
	return models.ConnectedAccounts(ctx, c.DB, who.Tenant, who.Person)
}

// OfTenant returns every connected account of the tenant.
func (c *ConnectedAccounts) OfTenant(ctx context.Context, who Actor) ([]models.ConnectedAccount, error) {
	if err := runs(who); err != nil {
		return nil, err
	}
	return models.ConnectedAccounts(ctx, c.DB, who.Tenant, "")
}

// ByID returns a connected account: one's own, or any of the tenant's for an admin.
func (c *ConnectedAccounts) ByID(ctx context.Context, who Actor, id string) (models.ConnectedAccount, error) {
	row, err := models.ConnectedAccountByID(ctx, c.DB, who.Tenant, id)
	if err == nil && row.OwnerID != who.Person && !who.Runs() {
		return models.ConnectedAccount{}, fault.New(fault.NotFound, "Connected account not found.")
	}
	return row, err
}

// ByStripeID returns the tenant's connected account with an id of Stripe's.
func (c *ConnectedAccounts) ByStripeID(ctx context.Context, tenant models.TenantID, account string) (models.ConnectedAccount, error) {
	return models.TenantConnectedAccount(ctx, c.DB, tenant, account)
}

// Release gives a connected account up, so that somebody else may link it. It is
// refused while an API sells through it or a subscriber pays into it.
func (c *ConnectedAccounts) Release(ctx context.Context, who Actor, id string) error {
	return models.InTx(ctx, c.DB, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.ConnectedAccountByID(ctx, tx, who.Tenant, id)
		if err != nil {
			return err
		}
		if row.Live == nil || row.OwnerID != who.Person && !who.Runs() {
			return fault.New(fault.NotFound, "Connected account not found.")
		}
		row.Live = nil
		if err := models.SaveConnectedAccount(ctx, tx, row); err != nil {
			return err
		}
		apis, err := models.APIsPaidTo(ctx, tx, row, namedAtMost)
		if err != nil {
			return err
		}
		if len(apis) > 0 {
			return fault.New(fault.Conflict, "This account is paid for "+listed(apis, int64(len(apis)))+". Turn monetization off there first.")
		}
		return models.InsertAudit(ctx, tx, who.Did(c.Wall.Now(), "account.release", accountObject(row), nil))
	})
}

func accountObject(a models.ConnectedAccount) Object {
	return Object{"connected_account", a.StripeAccount, a.Name}
}
