package models

import "github.com/uptrace/bun"

// A Subscriber is a person as the owner of applications.
type Subscriber struct {
	bun.BaseModel `bun:"table:am_subscriber,alias:sr"`

	ID             int64    `bun:"subscriber_id,pk,autoincrement"`
	UserID         string   `bun:"user_id,notnull"` // the person's username
	TenantID       TenantID `bun:"tenant_id,notnull"`
	EmailAddress   string   `bun:"email_address,nullzero"`
	DateSubscribed Instant  `bun:"date_subscribed,notnull"`
	CreatedBy      string   `bun:"created_by,nullzero"`
	CreatedTime    Instant  `bun:"created_time,nullzero"`
	UpdatedBy      string   `bun:"updated_by,nullzero"`
	UpdatedTime    Instant  `bun:"updated_time,nullzero"`
	PersonID       string   `bun:"person_id,notnull"`
}

// An Application holds credentials and subscriptions; a subscriber owns it.
type Application struct {
	bun.BaseModel `bun:"table:am_application,alias:app"`

	ID           int64    `bun:"application_id,pk,autoincrement"`
	Name         string   `bun:"name,notnull"`
	SubscriberID int64    `bun:"subscriber_id,notnull"`
	Tier         string   `bun:"application_tier,notnull"` // Unlimited
	CallbackURL  string   `bun:"callback_url,nullzero"`
	Description  string   `bun:"description,nullzero"`
	Status       string   `bun:"application_status,notnull"` // APPROVED
	GroupID      string   `bun:"group_id,nullzero"`
	CreatedBy    string   `bun:"created_by,nullzero"`
	CreatedTime  Instant  `bun:"created_time,nullzero"`
	UpdatedBy    string   `bun:"updated_by,nullzero"`
	UpdatedTime  Instant  `bun:"updated_time,nullzero"`
	UUID         string   `bun:"uuid,notnull"`
	TokenType    string   `bun:"token_type,nullzero"`
	Organization string   `bun:"organization,nullzero"`
	SharedOrg    string   `bun:"shared_organization,nullzero"`
	TenantID     TenantID `bun:"tenant_id,notnull"`
	Live         *int64   `bun:"live"` // nil once deleted
	Version      int64    `bun:"version,notnull"`
}

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
}
