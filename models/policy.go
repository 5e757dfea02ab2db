package models

import (
	"context"

	"github.com/uptrace/bun"
)

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
	GraceHours           *int              `bun:"grace_hours"` // after a failed payment; nil: as the tenant says
}

// An Offer says that an API offers a policy.
type Offer struct {
	bun.BaseModel `bun:"table:api_policies,alias:of"`

	APIID      int64   `bun:"api_id,pk"`
	PolicyID   int64   `bun:"policy_id,pk"`
	AttachedAt Instant `bun:"attached_at,notnull"`
}

// InsertPolicy adds p, gives it its id and makes it count.
func InsertPolicy(ctx context.Context, db bun.IDB, p *Policy) error {
	p.Live = live()
	_, err := db.NewInsert().Model(p).Exec(ctx)
	return wrote(err, "Plan")
}

// SavePolicy writes p back if nobody has written it since it was read.
func SavePolicy(ctx context.Context, db bun.IDB, p *Policy) error {
	read := p.Version
	p.Version++
	res, err := db.NewUpdate().Model(p).WherePK().Where("version = ?", read).Exec(ctx)
	if err := stale(res, err, "This plan"); err != nil {
		return err
	}
	return changed(ctx, ChangedPolicy, p.ID)
}

// HoldPolicy locks a policy's row until the transaction ends; see HoldAPI.
func HoldPolicy(ctx context.Context, tx bun.Tx, id int64) error {
	_, err := tx.NewUpdate().Model((*Policy)(nil)).Set("version = version").Where("policy_id = ?", id).Exec(ctx)
	return wrote(err, "Plan")
}

// PolicyByUUID returns the tenant's policy called uuid, unless it is deleted.
func PolicyByUUID(ctx context.Context, db bun.IDB, tenant TenantID, uuid string) (Policy, error) {
	var p Policy
	err := db.NewSelect().Model(&p).Where("pol.tenant_id = ? AND pol.uuid = ? AND pol.live = 1", tenant, uuid).Scan(ctx)
	return p, found(err, "Plan")
}

// PolicyByID returns the policy numbered id, deleted or not.
func PolicyByID(ctx context.Context, db bun.IDB, tenant TenantID, id int64) (Policy, error) {
	var p Policy
	err := db.NewSelect().Model(&p).Where("pol.tenant_id = ? AND pol.policy_id = ?", tenant, id).Scan(ctx)
	return p, found(err, "Plan")
}

// PoliciesByID returns the policies numbered so, deleted or not.
func PoliciesByID(ctx context.Context, db bun.IDB, tenant TenantID, ids []int64) ([]Policy, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var ps []Policy
	err := db.NewSelect().Model(&ps).Where("pol.tenant_id = ? AND pol.policy_id IN (?)", tenant, bun.In(ids)).
		OrderExpr("pol.policy_id").Scan(ctx)
	return ps, found(err, "Plans")
}

// Policies returns the tenant's policies, by name.
func Policies(ctx context.Context, db bun.IDB, tenant TenantID) ([]Policy, error) {
	var ps []Policy
	err := db.NewSelect().Model(&ps).Where("pol.tenant_id = ? AND pol.live = 1", tenant).
		OrderExpr("pol.display_name, pol.policy_id").Scan(ctx)
	return ps, found(err, "Plans")
}

// InsertOffer makes an API offer a policy; it does nothing when it does already.
func InsertOffer(ctx context.Context, db bun.IDB, o Offer) error {
	_, err := once(db.NewInsert().Model(&o), "api_id").Exec(ctx)
	return wrote(err, "Offer")
}

// DeleteOffers makes an API offer a policy no longer.
func DeleteOffers(ctx context.Context, db bun.IDB, api, policy int64) error {
	_, err := db.NewDelete().Model((*Offer)(nil)).Where("api_id = ? AND policy_id = ?", api, policy).Exec(ctx)
	return wrote(err, "Offer")
}

// DeleteOffersOf makes every API offer a policy no longer.
func DeleteOffersOf(ctx context.Context, db bun.IDB, policy int64) error {
	_, err := db.NewDelete().Model((*Offer)(nil)).Where("policy_id = ?", policy).Exec(ctx)
	return wrote(err, "Offer")
}

// OffersOf returns what some APIs offer, in the order the policies were attached.
func OffersOf(ctx context.Context, db bun.IDB, apis ...int64) ([]Offer, error) {
	if len(apis) == 0 {
		return nil, nil
	}
	var os []Offer
	err := db.NewSelect().Model(&os).Where("of.api_id IN (?)", bun.In(apis)).
		OrderExpr("of.attached_at, of.policy_id").Scan(ctx)
	return os, found(err, "Offers")
}

// OffersOfPolicy returns which APIs offer a policy.
func OffersOfPolicy(ctx context.Context, db bun.IDB, policy int64) ([]Offer, error) {
	var os []Offer
	err := db.NewSelect().Model(&os).Where("of.policy_id = ?", policy).OrderExpr("of.api_id").Scan(ctx)
	return os, found(err, "Offers")
}
