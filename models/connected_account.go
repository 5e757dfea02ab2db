package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A ConnectedAccount is a publisher's Stripe account, as last read from Stripe.
type ConnectedAccount struct {
	bun.BaseModel `bun:"table:connected_accounts,alias:ca"`

	ID                  string   `bun:"id,pk"`
	TenantID            TenantID `bun:"tenant_id,notnull"`
	PlatformAccount     string   `bun:"platform_account,notnull"`
	StripeAccount       string   `bun:"stripe_account,notnull"` // acct_…
	OwnerID             string   `bun:"owner_id,notnull"`       // the person it belongs to
	Name                string   `bun:"name,notnull"`
	Country             string   `bun:"country,notnull"`
	DefaultCurrency     string   `bun:"default_currency,notnull"`
	ChargesEnabled      bool     `bun:"charges_enabled,notnull"`
	PayoutsEnabled      bool     `bun:"payouts_enabled,notnull"`
	DetailsSubmitted    bool     `bun:"details_submitted,notnull"`
	Due                 []string `bun:"due,type:text,notnull"` // what Stripe asks of its owner
	DueBy               Instant  `bun:"due_by,nullzero"`
	DisabledReason      string   `bun:"disabled_reason,notnull"`
	PortalConfiguration string   `bun:"portal_configuration,nullzero"`
	Live                *int64   `bun:"live"` // nil once given up
	CheckedAt           Instant  `bun:"checked_at,notnull"`
	CreatedAt           Instant  `bun:"created_at,notnull"`
	Version             int64    `bun:"version,notnull"`
	DeauthorizedAt      Instant  `bun:"deauthorized_at,nullzero"` // its owner took our access away
	OwnerName           string   `bun:"owner_name,scanonly"`      // in lists only
}

// ConnectedAccountByID returns the tenant's connected account called id, given up or not.
func ConnectedAccountByID(ctx context.Context, db bun.IDB, tenant TenantID, id string) (ConnectedAccount, error) {
	var a ConnectedAccount
	err := db.NewSelect().Model(&a).Where("ca.tenant_id = ? AND ca.id = ?", tenant, id).Scan(ctx)
	return a, found(err, "Connected account")
}

// LiveConnectedAccount returns who holds a Stripe account on a platform account,
// whatever the tenant. Callers must not show another tenant's.
func LiveConnectedAccount(ctx context.Context, db bun.IDB, platform, account string) (ConnectedAccount, error) {
	var a ConnectedAccount
	err := db.NewSelect().Model(&a).
		Where("ca.platform_account = ? AND ca.stripe_account = ? AND ca.live = 1", platform, account).Scan(ctx)
	return a, found(err, "Connected account")
}

// TenantConnectedAccount returns the tenant's live connected account with an id
// of Stripe's (acct_…).
func TenantConnectedAccount(ctx context.Context, db bun.IDB, tenant TenantID, account string) (ConnectedAccount, error) {
	var a ConnectedAccount
	err := db.NewSelect().Model(&a).
		Where("ca.tenant_id = ? AND ca.stripe_account = ? AND ca.live = 1", tenant, account).Scan(ctx)
	return a, found(err, "Connected account")
}

// InsertConnectedAccount adds a, and reports false when somebody holds that
// account already.
func InsertConnectedAccount(ctx context.Context, db bun.IDB, a ConnectedAccount) (bool, error) {
	a.Live = live()
	res, err := once(db.NewInsert().Model(&a), "id").Exec(ctx)
	return inserted(res, err, "Connected account")
}

// SaveConnectedAccount writes a back if nobody has written it since it was read.
func SaveConnectedAccount(ctx context.Context, db bun.IDB, a ConnectedAccount) error {
	read := a.Version
	a.Version++
	res, err := db.NewUpdate().Model(&a).WherePK().Where("tenant_id = ? AND version = ?", a.TenantID, read).Exec(ctx)
	return stale(res, err, "Connected account")
}

// ConnectedAccounts returns the tenant's live connected accounts, by name: those
// of one owner, or all when owner is "".
func ConnectedAccounts(ctx context.Context, db bun.IDB, tenant TenantID, owner string) ([]ConnectedAccount, error) {
	var as []ConnectedAccount
	q := db.NewSelect().Model(&as).ColumnExpr("?TableColumns").ColumnExpr("p.display_name AS owner_name").
		Join("JOIN people AS p ON p.person_id = ca.owner_id").Where("ca.tenant_id = ? AND ca.live = 1", tenant)
	if owner != "" {
		q = q.Where("ca.owner_id = ?", owner)
	}
	err := q.OrderExpr("ca.name, ca.id").Scan(ctx)
	return as, found(err, "Connected accounts")
}

// APIsPaidTo returns at most limit names of the live APIs that sell through a
// connected account, or still have subscribers who pay to it.
func APIsPaidTo(ctx context.Context, db bun.IDB, a ConnectedAccount, limit int) ([]string, error) {
	var names []string
	err := db.NewSelect().Model((*API)(nil)).ColumnExpr("api.api_name").Where("api.tenant_id = ?", a.TenantID).
		Where("(api.live = 1 AND api.connected_account_id = ? AND api.monetization <> ?) OR EXISTS "+
			"(SELECT 1 FROM am_subscription AS sub WHERE sub.api_id = api.api_id AND sub.account = ? AND "+subscribed+")",
			a.ID, MonetizationOff, a.StripeAccount).
		OrderExpr("api.api_id").Limit(int64(limit)).Scan(ctx, &names)
	return names, found(err, "APIs")
}

// LostAccounts returns which of the tenant's connected accounts Stripe does not let
// us use any more, by their ids at Stripe, and since when.
func LostAccounts(ctx context.Context, db bun.IDB, tenant TenantID) (map[string]Instant, error) {
	var as []ConnectedAccount
	err := db.NewSelect().Model(&as).Where("ca.tenant_id = ? AND ca.live = 1 AND ca.deauthorized_at IS NOT NULL", tenant).Scan(ctx)
	lost := map[string]Instant{}
	for _, a := range as {
		lost[a.StripeAccount] = a.DeauthorizedAt
	}
	return lost, found(err, "Connected accounts")
}
