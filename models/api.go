package models

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

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

	// How its calls are counted.
	Counting         string `bun:"counting,notnull"`          // one of the Count constants
	CountingStatuses string `bun:"counting_statuses,notnull"` // for CountListed: such as 200,202,4xx
	UnitsHeader      string `bun:"units_header,notnull"`      // response header with the units of a call; "": each is 1
	Upgrades         bool   `bun:"upgrades,notnull"`          // websockets and the like are let through
}

// Which calls are counted, by the status that the upstream answers.
const (
	CountSuccess = "success" // 200 to 299
	CountAll     = "all"     // every answer of the upstream
	CountListed  = "statuses"
)

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

// InsertAPI adds a, gives it its id and makes it count.
func InsertAPI(ctx context.Context, db bun.IDB, a *API) error {
	a.Live = live()
	if a.Counting == "" {
		a.Counting = CountSuccess
	}
	_, err := db.NewInsert().Model(a).Exec(ctx)
	return wrote(err, "API")
}

// SaveAPI writes a back if nobody has written it since it was read.
func SaveAPI(ctx context.Context, db bun.IDB, a *API) error {
	read := a.Version
	a.Version++
	res, err := db.NewUpdate().Model(a).WherePK().Where("version = ?", read).Exec(ctx)
	if err := stale(res, err, a.Kind()); err != nil {
		return err
	}
	return changed(ctx, ChangedAPI, a.ID)
}

// Kind is what people call a: "API" or "API product".
func (a API) Kind() string {
	if a.Type == TypeProduct {
		return "API product"
	}
	return "API"
}

// HoldAPI locks an API's row until the transaction ends, so that what is decided
// about its subscribers and plans still holds when it commits. Whoever holds an
// API and a policy takes the API first.
func HoldAPI(ctx context.Context, tx bun.Tx, id int64) error {
	_, err := tx.NewUpdate().Model((*API)(nil)).Set("version = version").Where("api_id = ?", id).Exec(ctx)
	return wrote(err, "API")
}

// APIByUUID returns the tenant's API or API product called uuid, unless it is deleted.
func APIByUUID(ctx context.Context, db bun.IDB, tenant TenantID, uuid string) (API, error) {
	var a API
	err := db.NewSelect().Model(&a).Where("api.tenant_id = ? AND api.api_uuid = ? AND api.live = 1", tenant, uuid).Scan(ctx)
	return a, found(err, "API")
}

// APIByID returns the API numbered id, deleted or not.
func APIByID(ctx context.Context, db bun.IDB, tenant TenantID, id int64) (API, error) {
	var a API
	err := db.NewSelect().Model(&a).Where("api.tenant_id = ? AND api.api_id = ?", tenant, id).Scan(ctx)
	return a, found(err, "API")
}

// APIsByID returns the APIs numbered so, deleted or not, by name.
func APIsByID(ctx context.Context, db bun.IDB, tenant TenantID, ids []int64) ([]API, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var as []API
	err := db.NewSelect().Model(&as).Where("api.tenant_id = ? AND api.api_id IN (?)", tenant, bun.In(ids)).
		OrderExpr("api.api_name, api.api_version, api.api_id").Scan(ctx)
	return as, found(err, "APIs")
}

// APIsOwnedBy returns what a person sells, by name: APIs and API products.
func APIsOwnedBy(ctx context.Context, db bun.IDB, tenant TenantID, owner string) ([]API, error) {
	var as []API
	err := db.NewSelect().Model(&as).Where("api.tenant_id = ? AND api.owner_id = ? AND api.live = 1", tenant, owner).
		OrderExpr("api.api_name, api.api_version, api.api_id").Scan(ctx)
	return as, found(err, "APIs")
}

// LiveAPIs returns every API and API product of the tenant.
func LiveAPIs(ctx context.Context, db bun.IDB, tenant TenantID) ([]API, error) {
	var as []API
	err := db.NewSelect().Model(&as).Where("api.tenant_id = ? AND api.live = 1", tenant).OrderExpr("api.api_id").Scan(ctx)
	return as, found(err, "APIs")
}

// SellingAccounts returns the connected account (acct_…) of those of the APIs that
// are monetized now.
func SellingAccounts(ctx context.Context, db bun.IDB, apis ...int64) (map[int64]string, error) {
	var rows []struct {
		APIID   int64  `bun:"api_id"`
		Account string `bun:"stripe_account"`
	}
	if len(apis) == 0 {
		return nil, nil
	}
	err := db.NewSelect().Model((*API)(nil)).ColumnExpr("api.api_id, ca.stripe_account").
		Join("JOIN connected_accounts AS ca ON ca.id = api.connected_account_id").
		Where("api.api_id IN (?) AND api.monetization = ? AND api.live = 1", bun.In(apis), MonetizationOn).Scan(ctx, &rows)
	if err != nil {
		return nil, found(err, "APIs")
	}
	accounts := map[int64]string{}
	for _, r := range rows {
		accounts[r.APIID] = r.Account
	}
	return accounts, nil
}

// A Listing is a published API with who publishes it.
type Listing struct {
	API      `bun:",extend"`
	SortKey  string `bun:"sort_key,scanonly"`
	Provider string `bun:"provider_name,scanonly"`
}

// ListingsAfter returns at most limit published APIs whose name, description or
// provider has every one of words (in lower case), by name, from behind the
// listing with afterKey and afterID; "" begins.
func ListingsAfter(ctx context.Context, db bun.IDB, tenant TenantID, words []string, afterKey string, afterID int64, limit int) ([]Listing, error) {
	var ls []Listing
	q := listings(db, &ls, tenant)
	for _, w := range words {
		like := "%" + likeEscape.Replace(w) + "%"
		q = q.Where("LOWER(api.api_name) LIKE ? ESCAPE '!' OR LOWER(api.description) LIKE ? ESCAPE '!' OR LOWER("+providerName+") LIKE ? ESCAPE '!'", like, like, like)
	}
	if afterKey != "" {
		q = q.Where("LOWER(api.api_name) > ? OR (LOWER(api.api_name) = ? AND api.api_id > ?)", afterKey, afterKey, afterID)
	}
	err := q.OrderExpr("sort_key, api.api_id").Limit(int64(limit)).Scan(ctx)
	return ls, found(err, "APIs")
}

// ListingByUUID returns one published API.
func ListingByUUID(ctx context.Context, db bun.IDB, tenant TenantID, uuid string) (Listing, error) {
	var l Listing
	err := listings(db, &l, tenant).Where("api.api_uuid = ?", uuid).Scan(ctx)
	return l, found(err, "API")
}

// providerName is who publishes an API, as people read it.
const providerName = "COALESCE(NULLIF(p.organization, ''), NULLIF(p.display_name, ''), p.username)"

func listings(db bun.IDB, into any, tenant TenantID) *bun.SelectQuery {
	return db.NewSelect().Model(into).ColumnExpr("api.*").
		ColumnExpr("LOWER(api.api_name) AS sort_key").ColumnExpr(providerName+" AS provider_name").
		Join("JOIN people AS p ON p.person_id = api.owner_id").
		Where("api.tenant_id = ? AND api.live = 1 AND api.status = ?", tenant, APIPublished)
}

// likeEscape takes their meaning from the signs of LIKE.
var likeEscape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// MembersOf returns the APIs of an API product, in their order.
func MembersOf(ctx context.Context, db bun.IDB, product int64) ([]API, error) {
	var as []API
	err := db.NewSelect().Model(&as).Join("JOIN api_product_members AS m ON m.api_id = api.api_id").
		Where("m.product_id = ?", product).OrderExpr("m.position, api.api_id").Scan(ctx)
	return as, found(err, "Members")
}

// ProductsWith returns the API products that an API is part of, unless deleted.
func ProductsWith(ctx context.Context, db bun.IDB, api int64) ([]API, error) {
	var as []API
	err := db.NewSelect().Model(&as).Join("JOIN api_product_members AS m ON m.product_id = api.api_id").
		Where("m.api_id = ? AND api.live = 1", api).OrderExpr("api.api_name, api.api_id").Scan(ctx)
	return as, found(err, "Products")
}

// SetMembers makes an API product consist of apis, in that order.
func SetMembers(ctx context.Context, db bun.IDB, product int64, apis []int64) error {
	if _, err := db.NewDelete().Model((*ProductMember)(nil)).Where("product_id = ?", product).Exec(ctx); err != nil {
		return wrote(err, "Members")
	}
	if len(apis) == 0 {
		return changed(ctx, ChangedAPI, product)
	}
	rows := make([]ProductMember, len(apis))
	for i, id := range apis {
		rows[i] = ProductMember{ProductID: product, APIID: id, Position: i}
	}
	if _, err := db.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return wrote(err, "Members")
	}
	return changed(ctx, ChangedAPI, product)
}

// AttributesOf returns the declared monetization properties of an API, by name.
func AttributesOf(ctx context.Context, db bun.IDB, api int64) (map[string]string, error) {
	var rows []APIAttribute
	if err := db.NewSelect().Model(&rows).Where("at.api_id = ?", api).Scan(ctx); err != nil {
		return nil, found(err, "Attributes")
	}
	values := map[string]string{}
	for _, r := range rows {
		values[r.Name] = r.Value
	}
	return values, nil
}

// SetAttributes replaces the declared monetization properties of an API.
func SetAttributes(ctx context.Context, db bun.IDB, api int64, values map[string]string) error {
	if _, err := db.NewDelete().Model((*APIAttribute)(nil)).Where("api_id = ?", api).Exec(ctx); err != nil {
		return wrote(err, "Attributes")
	}
	if len(values) == 0 {
		return nil
	}
	var rows []APIAttribute
	for _, name := range slices.Sorted(maps.Keys(values)) {
		rows = append(rows, APIAttribute{APIID: api, Name: name, Value: values[name]})
	}
	_, err := db.NewInsert().Model(&rows).Exec(ctx)
	return wrote(err, "Attributes")
}
