package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A CallerKey is a key as a gateway needs to know it.
type CallerKey struct {
	APIKey          `bun:",extend"`
	ApplicationUUID string `bun:"application_uuid,scanonly"`
	ApplicationLive *int64 `bun:"application_live,scanonly"` // nil once deleted
}

// CallerKeyByHash returns the key of that hash, whichever tenant it is of.
func CallerKeyByHash(ctx context.Context, db bun.IDB, hash string) (CallerKey, error) {
	var k CallerKey
	err := db.NewSelect().Model(&k).ColumnExpr("ak.*").ColumnExpr("app.uuid AS application_uuid, app.live AS application_live").
		Join("JOIN am_application AS app ON app.application_id = ak.application_id").Where("ak.hash = ?", hash).Scan(ctx)
	return k, found(err, "Key")
}

// A RoutedAPI is what a gateway needs to know of an API: where calls go, and which
// of them count.
type RoutedAPI struct {
	bun.BaseModel `bun:"table:am_api,alias:api"`

	ID               int64  `bun:"api_id"`
	UUID             string `bun:"api_uuid"`
	Context          string `bun:"context"`
	APIVersion       string `bun:"api_version"`
	Type             string `bun:"api_type"`
	Upstream         string `bun:"upstream"`
	Counting         string `bun:"counting"`
	CountingStatuses string `bun:"counting_statuses"`
	UnitsHeader      string `bun:"units_header"`
	Upgrades         bool   `bun:"upgrades"`
	ProductID        int64  `bun:"product_id,scanonly"` // of a member: its product
}

// RoutedAPIs returns the published APIs and API products of a tenant.
func RoutedAPIs(ctx context.Context, db bun.IDB, tenant TenantID) ([]RoutedAPI, error) {
	var as []RoutedAPI
	err := db.NewSelect().Model(&as).Where("api.tenant_id = ? AND api.live = 1 AND api.status = ?", tenant, APIPublished).
		OrderExpr("api.api_id").Scan(ctx)
	return as, found(err, "APIs")
}

// RoutedMembers returns the APIs that the published API products of a tenant are made
// of, each as often as it is part of one, in their order there. They need not be
// published themselves.
func RoutedMembers(ctx context.Context, db bun.IDB, tenant TenantID) ([]RoutedAPI, error) {
	var as []RoutedAPI
	err := db.NewSelect().Model(&as).
		Column("api.api_id", "api.api_uuid", "api.context", "api.api_version", "api.api_type", "api.upstream", "api.counting", "api.counting_statuses", "api.units_header", "api.upgrades").
		ColumnExpr("m.product_id AS product_id").
		Join("JOIN api_product_members AS m ON m.api_id = api.api_id").
		Join("JOIN am_api AS product ON product.api_id = m.product_id").
		Where("product.tenant_id = ? AND product.live = 1 AND product.status = ? AND api.live = 1", tenant, APIPublished).
		OrderExpr("m.product_id, m.position, api.api_id").Scan(ctx)
	return as, found(err, "Members")
}

// TenantsOfAPIs returns whose some APIs are, deleted ones too.
func TenantsOfAPIs(ctx context.Context, db bun.IDB, apis []int64) ([]TenantID, error) {
	if len(apis) == 0 {
		return nil, nil
	}
	var ids []TenantID
	err := db.NewSelect().Model((*API)(nil)).Distinct().Column("tenant_id").Where("api.api_id IN (?)", bun.In(apis)).Scan(ctx, &ids)
	return ids, found(err, "APIs")
}

// A CallerSubscription is a subscription as a gateway needs to know it.
type CallerSubscription struct {
	Subscription `bun:",extend"`
	PriceModel   string `bun:"price_model,scanonly"` // DYNAMICRATE if its units are sold; "" when free
}

// CallerSubscriptionOf returns the newest subscription of an application to an API:
// the live one if there is one.
func CallerSubscriptionOf(ctx context.Context, db bun.IDB, application, api int64) (CallerSubscription, error) {
	var s CallerSubscription
	err := db.NewSelect().Model(&s).ColumnExpr("sub.*").ColumnExpr("COALESCE(pv.model, '') AS price_model").
		Join("LEFT JOIN price_versions AS pv ON pv.id = sub.price_version_id").
		Where("sub.application_id = ? AND sub.api_id = ?", application, api).
		OrderExpr("sub.subscription_id DESC").Limit(1).Scan(ctx)
	return s, found(err, "Subscription")
}
