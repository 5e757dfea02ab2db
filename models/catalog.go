package models

import "github.com/uptrace/bun"

// The kinds of API.
const (
	TypeAPI     = "HTTP"
	TypeProduct = "APIProduct"
)

// The states of an API.
const (
	APICreated   = "CREATED"
	APIPublished = "PUBLISHED"
	APIDeleted   = "DELETED"
)

// The states of monetization.
const (
	MonetizationOff       = "off"
	MonetizationEnabling  = "enabling"
	MonetizationOn        = "on"
	MonetizationDisabling = "disabling"
)

// An API is what a publisher sells: one API, or an API product made of several.
type API struct {
	bun.BaseModel `bun:"table:am_api,alias:api"`

	ID                  int64    `bun:"api_id,pk,autoincrement"`
	UUID                string   `bun:"api_uuid,notnull"`
	Provider            string   `bun:"api_provider,notnull"` // username of the owner
	Name                string   `bun:"api_name,notnull"`
	APIVersion          string   `bun:"api_version,notnull"` // such as v1
	Context             string   `bun:"context,notnull"`     // first part of its path, without slashes at the ends
	ContextTemplate     string   `bun:"context_template,nullzero"`
	Tier                string   `bun:"api_tier,nullzero"`
	Type                string   `bun:"api_type,notnull"`
	Organization        string   `bun:"organization,notnull"` // tenant domain
	CreatedBy           string   `bun:"created_by,nullzero"`
	CreatedTime         Instant  `bun:"created_time,nullzero"`
	UpdatedBy           string   `bun:"updated_by,nullzero"`
	UpdatedTime         Instant  `bun:"updated_time,nullzero"`
	Status              string   `bun:"status,notnull"`
	DisplayName         string   `bun:"api_display_name,nullzero"`
	TenantID            TenantID `bun:"tenant_id,notnull"`
	OwnerID             string   `bun:"owner_id,notnull"`
	Description         string   `bun:"description,notnull"`
	Upstream            string   `bun:"upstream,notnull"` // URL of the API behind the gateway; "" for a product
	ConnectedAccountID  string   `bun:"connected_account_id,nullzero"`
	Monetization        string   `bun:"monetization,notnull"`
	MonetizationProblem string   `bun:"monetization_problem,notnull"` // why the last switch failed, for its publisher
	Live                *int64   `bun:"live"`                         // nil once deleted
	Version             int64    `bun:"version,notnull"`
}

// A ProductMember is one API of an API product.
type ProductMember struct {
	bun.BaseModel `bun:"table:api_product_members,alias:m"`

	ProductID int64 `bun:"product_id,pk"`
	APIID     int64 `bun:"api_id,pk"`
	Position  int   `bun:"position,notnull"`
}

// An APIAttribute is one declared monetization property of an API.
type APIAttribute struct {
	bun.BaseModel `bun:"table:api_attributes,alias:at"`

	APIID int64  `bun:"api_id,pk"`
	Name  string `bun:"name,pk"`
	Value string `bun:"value,notnull"`
}

// The billing plans and price models, as WSO2 spells them.
const (
	PlanFree       = "FREE"
	PlanCommercial = "COMMERCIAL"
	FixedRate      = "FIXEDRATE"
	DynamicRate    = "DYNAMICRATE"
)

// A Policy is a subscription policy, shown to people as a business plan. Its price
// columns repeat the newest price version, as WSO2 keeps them.
type Policy struct {
	bun.BaseModel `bun:"table:am_policy_subscription,alias:pol"`

	ID                   int64             `bun:"policy_id,pk,autoincrement"`
	Name                 string            `bun:"name,notnull"`
	DisplayName          string            `bun:"display_name,notnull"`
	TenantID             TenantID          `bun:"tenant_id,notnull"`
	Description          string            `bun:"description,notnull"`
	QuotaType            string            `bun:"quota_type,notnull"` // requestCount, bandwidthVolume, eventCount, aiApiQuota
	Quota                int64             `bun:"quota,notnull"`      // per unit_time × time_unit; 0 for no quota
	QuotaUnit            string            `bun:"quota_unit,nullzero"`
	UnitTime             int               `bun:"unit_time,notnull"`
	TimeUnit             string            `bun:"time_unit,notnull"` // sec, min, hour, day, week, month, year
	RateLimitCount       int64             `bun:"rate_limit_count,notnull"`
	RateLimitTimeUnit    string            `bun:"rate_limit_time_unit,nullzero"`
	IsDeployed           bool              `bun:"is_deployed,notnull"`
	CustomAttributes     map[string]string `bun:"custom_attributes,type:text,notnull"`
	StopOnQuotaReach     bool              `bun:"stop_on_quota_reach,notnull"`
	BillingPlan          string            `bun:"billing_plan,notnull"`
	UUID                 string            `bun:"uuid,notnull"`
	MonetizationPlan     string            `bun:"monetization_plan,nullzero"`
	FixedRate            string            `bun:"fixed_rate,nullzero"` // decimal, major units
	BillingCycle         string            `bun:"billing_cycle,nullzero"`
	PricePerRequest      string            `bun:"price_per_request,nullzero"` // decimal, major units
	Currency             string            `bun:"currency,nullzero"`
	MaxComplexity        int               `bun:"max_complexity,notnull"`
	MaxDepth             int               `bun:"max_depth,notnull"`
	ConnectionsCount     int               `bun:"connections_count,notnull"`
	TotalTokenCount      int64             `bun:"total_token_count,nullzero"`
	PromptTokenCount     int64             `bun:"prompt_token_count,nullzero"`
	CompletionTokenCount int64             `bun:"completion_token_count,nullzero"`
	PermissionType       string            `bun:"permission_type,nullzero"` // ALLOW or DENY
	PermissionRoles      []string          `bun:"permission_roles,type:text,notnull"`
	CreatedAt            Instant           `bun:"created_at,notnull"`
	UpdatedAt            Instant           `bun:"updated_at,notnull"`
	Live                 *int64            `bun:"live"` // nil once deleted
	Version              int64             `bun:"version,notnull"`
}

// A PriceVersion is what a policy costs from a moment on. It never changes.
type PriceVersion struct {
	bun.BaseModel `bun:"table:price_versions,alias:pv"`

	ID           string   `bun:"id,pk"`
	TenantID     TenantID `bun:"tenant_id,notnull"`
	PolicyID     int64    `bun:"policy_id,notnull"`
	Number       int      `bun:"number,notnull"` // 1, 2, …
	Model        string   `bun:"model,notnull"`  // FIXEDRATE or DYNAMICRATE
	Currency     string   `bun:"currency,notnull"`
	AmountMinor  *int64   `bun:"amount_minor"`        // FIXEDRATE: minor units a cycle
	UnitPrice    string   `bun:"unit_price,nullzero"` // DYNAMICRATE: decimal, major units a call
	BillingCycle string   `bun:"billing_cycle,notnull"`
	CreatedBy    string   `bun:"created_by,notnull"`
	CreatedAt    Instant  `bun:"created_at,notnull"`
}

// The states of a thing of ours at Stripe.
const (
	PushPushing   = "pushing"
	PushLive      = "live"
	PushArchiving = "archiving"
	PushArchived  = "archived"
	PushRefused   = "refused"
)

// A PlatformPlan is where a price version stands in the platform account.
type PlatformPlan struct {
	bun.BaseModel `bun:"table:am_policy_plan_mapping,alias:ppm"`

	ID             int64    `bun:"id,pk,autoincrement"`
	PolicyUUID     string   `bun:"policy_uuid,notnull"`
	ProductID      string   `bun:"product_id,nullzero"`
	PlanID         string   `bun:"plan_id,nullzero"` // the Stripe price
	TenantID       TenantID `bun:"tenant_id,notnull"`
	PriceVersionID string   `bun:"price_version_id,notnull"`
	MeterID        string   `bun:"meter_id,nullzero"`
	State          string   `bun:"state,notnull"`
	Problem        string   `bun:"problem,notnull"`
	Version        int64    `bun:"version,notnull"`
}

// An Offer says that an API offers a policy.
type Offer struct {
	bun.BaseModel `bun:"table:api_policies,alias:of"`

	APIID      int64   `bun:"api_id,pk"`
	PolicyID   int64   `bun:"policy_id,pk"`
	AttachedAt Instant `bun:"attached_at,notnull"`
}

// A StripeProduct is an API's product in one connected account.
type StripeProduct struct {
	bun.BaseModel `bun:"table:stripe_products,alias:sp"`

	APIID     int64    `bun:"api_id,pk"`
	Account   string   `bun:"account,pk"`
	TenantID  TenantID `bun:"tenant_id,notnull"`
	ProductID string   `bun:"product_id,notnull"`
	State     string   `bun:"state,notnull"` // pushing, live or archived
	Version   int64    `bun:"version,notnull"`
}

// A StripeMeter is the meter of an API's policy in one connected account.
type StripeMeter struct {
	bun.BaseModel `bun:"table:stripe_meters,alias:sm"`

	APIID     int64    `bun:"api_id,pk"`
	PolicyID  int64    `bun:"policy_id,pk"`
	Account   string   `bun:"account,pk"`
	TenantID  TenantID `bun:"tenant_id,notnull"`
	EventName string   `bun:"event_name,notnull"`
	MeterID   string   `bun:"meter_id,nullzero"`
	State     string   `bun:"state,notnull"` // pushing, live or inactive
	Version   int64    `bun:"version,notnull"`
}

// A MonetizedPlan is a price version of an API's policy in a connected account:
// a Stripe price, where it stands, and why it was refused if it was.
type MonetizedPlan struct {
	bun.BaseModel `bun:"table:am_monetization,alias:mo"`

	ID              int64    `bun:"id,pk,autoincrement"`
	APIID           int64    `bun:"api_id,notnull"`
	TierName        string   `bun:"tier_name,notnull"`
	StripeProductID string   `bun:"stripe_product_id,nullzero"`
	StripePlanID    string   `bun:"stripe_plan_id,nullzero"` // the Stripe price
	TenantID        TenantID `bun:"tenant_id,notnull"`
	PolicyID        int64    `bun:"policy_id,notnull"`
	PriceVersionID  string   `bun:"price_version_id,notnull"`
	Component       string   `bun:"component,notnull"` // fixed or usage
	Currency        string   `bun:"currency,notnull"`
	Account         string   `bun:"account,notnull"`
	MeterID         string   `bun:"meter_id,nullzero"`
	State           string   `bun:"state,notnull"`
	Problem         string   `bun:"problem,notnull"`
	Version         int64    `bun:"version,notnull"`
}
