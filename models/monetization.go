package models

import (
	"context"

	"github.com/uptrace/bun"
)

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

// InsertPlatformPlan adds p and gives it its id.
func InsertPlatformPlan(ctx context.Context, db bun.IDB, p *PlatformPlan) error {
	_, err := db.NewInsert().Model(p).Exec(ctx)
	return wrote(err, "Platform plan")
}

// SavePlatformPlan writes p back if nobody has written it since it was read.
func SavePlatformPlan(ctx context.Context, db bun.IDB, p *PlatformPlan) error {
	read := p.Version
	p.Version++
	res, err := db.NewUpdate().Model(p).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Platform plan")
}

// PlatformPlansOf returns where the price versions of a policy stand in the
// platform account, oldest first.
func PlatformPlansOf(ctx context.Context, db bun.IDB, policyUUID string) ([]PlatformPlan, error) {
	var ps []PlatformPlan
	err := db.NewSelect().Model(&ps).Where("ppm.policy_uuid = ?", policyUUID).OrderExpr("ppm.id").Scan(ctx)
	return ps, found(err, "Platform plans")
}

// InsertStripeProduct adds p unless it is there.
func InsertStripeProduct(ctx context.Context, db bun.IDB, p StripeProduct) error {
	_, err := once(db.NewInsert().Model(&p), "api_id").Exec(ctx)
	return wrote(err, "Stripe product")
}

// SaveStripeProduct writes p back if nobody has written it since it was read.
func SaveStripeProduct(ctx context.Context, db bun.IDB, p *StripeProduct) error {
	read := p.Version
	p.Version++
	res, err := db.NewUpdate().Model(p).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Stripe product")
}

// StripeProductsOf returns the products of an API, one an account.
func StripeProductsOf(ctx context.Context, db bun.IDB, api int64) ([]StripeProduct, error) {
	var ps []StripeProduct
	err := db.NewSelect().Model(&ps).Where("sp.api_id = ?", api).OrderExpr("sp.account").Scan(ctx)
	return ps, found(err, "Stripe products")
}

// InsertStripeMeter adds m unless it is there.
func InsertStripeMeter(ctx context.Context, db bun.IDB, m StripeMeter) error {
	_, err := once(db.NewInsert().Model(&m), "api_id").Exec(ctx)
	return wrote(err, "Stripe meter")
}

// SaveStripeMeter writes m back if nobody has written it since it was read.
func SaveStripeMeter(ctx context.Context, db bun.IDB, m *StripeMeter) error {
	read := m.Version
	m.Version++
	res, err := db.NewUpdate().Model(m).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Stripe meter")
}

// StripeMetersOf returns the meters of an API, one a policy and account.
func StripeMetersOf(ctx context.Context, db bun.IDB, api int64) ([]StripeMeter, error) {
	var ms []StripeMeter
	err := db.NewSelect().Model(&ms).Where("sm.api_id = ?", api).OrderExpr("sm.account, sm.policy_id").Scan(ctx)
	return ms, found(err, "Stripe meters")
}

// InsertMonetizedPlan adds m and gives it its id.
func InsertMonetizedPlan(ctx context.Context, db bun.IDB, m *MonetizedPlan) error {
	_, err := db.NewInsert().Model(m).Exec(ctx)
	return wrote(err, "Monetized plan")
}

// SaveMonetizedPlan writes m back if nobody has written it since it was read.
func SaveMonetizedPlan(ctx context.Context, db bun.IDB, m *MonetizedPlan) error {
	read := m.Version
	m.Version++
	res, err := db.NewUpdate().Model(m).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Monetized plan")
}

// MonetizedPlansOf returns where the price versions of some APIs' policies stand
// in connected accounts, oldest first.
func MonetizedPlansOf(ctx context.Context, db bun.IDB, apis ...int64) ([]MonetizedPlan, error) {
	if len(apis) == 0 {
		return nil, nil
	}
	var ms []MonetizedPlan
	err := db.NewSelect().Model(&ms).Where("mo.api_id IN (?)", bun.In(apis)).OrderExpr("mo.id").Scan(ctx)
	return ms, found(err, "Monetized plans")
}

// MonetizedPlansOfPolicy returns where the price versions of a policy stand in
// connected accounts, oldest first.
func MonetizedPlansOfPolicy(ctx context.Context, db bun.IDB, policy int64) ([]MonetizedPlan, error) {
	var ms []MonetizedPlan
	err := db.NewSelect().Model(&ms).Where("mo.policy_id = ?", policy).OrderExpr("mo.id").Scan(ctx)
	return ms, found(err, "Monetized plans")
}

// A Headcount is how many are subscribed to an API with a policy through an account.
type Headcount struct {
	APIID    int64  `bun:"api_id"`
	PolicyID int64  `bun:"policy_id"`
	Account  string `bun:"account"` // "" for free ones
	Count    int64  `bun:"n"`
}

// subscribed is who counts as subscribed: a subscription that has not ended, unless
// it was not paid in time.
const subscribed = "sub.live = 1 AND sub.sub_status <> 'REJECTED'"

// Headcounts counts the tenant's subscriptions that have not ended, by API,
// policy and account. The row called column ("api_id" or "policy_id") has to be id; "" counts all.
func Headcounts(ctx context.Context, db bun.IDB, tenant TenantID, column string, id int64) ([]Headcount, error) {
	var hs []Headcount
	q := db.NewSelect().Model((*Subscription)(nil)).
		ColumnExpr("sub.api_id, sub.policy_id, COALESCE(sub.account, '') AS account, COUNT(*) AS n").
		Where("sub.tenant_id = ?", tenant).Where(subscribed)
	if column != "" {
		q = q.Where("? = ?", bun.Ident("sub."+column), id)
	}
	err := q.GroupExpr("sub.api_id, sub.policy_id, COALESCE(sub.account, '')").Scan(ctx, &hs)
	return hs, found(err, "Subscriptions")
}

// SubscriberNames returns at most limit names of applications that are subscribed
// to an API and pay for it, the oldest subscription first.
func SubscriberNames(ctx context.Context, db bun.IDB, api int64, limit int) ([]string, error) {
	var names []string
	err := db.NewSelect().Model((*Subscription)(nil)).ColumnExpr("app.name").
		Join("JOIN am_application AS app ON app.application_id = sub.application_id").
		Where("sub.api_id = ? AND sub.needs_payment = ?", api, true).Where(subscribed).
		OrderExpr("sub.subscription_id").Limit(int64(limit)).Scan(ctx, &names)
	return names, found(err, "Subscribers")
}
