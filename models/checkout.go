package models

import (
	"context"

	"github.com/uptrace/bun"
)

// The states of a checkout session, as WSO2 spells them.
const (
	SessionPending   = "PENDING"
	SessionCompleted = "COMPLETED"
	SessionExpired   = "EXPIRED"
)

// InsertCheckoutSession adds s unless it is there already.
func InsertCheckoutSession(ctx context.Context, db bun.IDB, s CheckoutSession) error {
	_, err := once(db.NewInsert().Model(&s), "session_id").Exec(ctx)
	return wrote(err, "Checkout session")
}

// CheckoutSessionByID returns the tenant's checkout session called id.
func CheckoutSessionByID(ctx context.Context, db bun.IDB, tenant TenantID, id string) (CheckoutSession, error) {
	var s CheckoutSession
	err := db.NewSelect().Model(&s).Where("cs.session_id = ? AND cs.tenant_id = ?", id, tenant).Scan(ctx)
	return s, found(err, "Checkout session")
}

// CheckoutSessionsOf returns the checkout sessions of a subscription, oldest first.
func CheckoutSessionsOf(ctx context.Context, db bun.IDB, subscription int64) ([]CheckoutSession, error) {
	var ss []CheckoutSession
	err := db.NewSelect().Model(&ss).Where("cs.am_subscription_id = ?", subscription).
		OrderExpr("cs.attempt, cs.session_id").Scan(ctx)
	return ss, found(err, "Checkout sessions")
}

// SaveCheckoutSession writes s back if nobody has written it since it was read.
func SaveCheckoutSession(ctx context.Context, db bun.IDB, s CheckoutSession) error {
	read := s.Version
	s.Version++
	res, err := db.NewUpdate().Model(&s).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Checkout session")
}

// ExpireSessions says of every pending checkout session of a subscription that it
// cannot be paid any more.
func ExpireSessions(ctx context.Context, db bun.IDB, subscription int64, now Instant) error {
	_, err := db.NewUpdate().Model((*CheckoutSession)(nil)).
		Set("status = ?", SessionExpired).Set("updated_at = ?", now).Set("version = version + 1").
		Where("am_subscription_id = ? AND status = ?", subscription, SessionPending).Exec(ctx)
	return wrote(err, "Checkout session")
}

// SharedCustomerOf returns an application's Stripe customer on a connected account.
func SharedCustomerOf(ctx context.Context, db bun.IDB, applicationID int64, account string) (SharedCustomer, error) {
	var c SharedCustomer
	err := db.NewSelect().Model(&c).Where("sc.application_id = ? AND sc.account = ?", applicationID, account).Scan(ctx)
	return c, found(err, "Customer")
}

// InsertSharedCustomer adds c unless the application has one on the account.
func InsertSharedCustomer(ctx context.Context, db bun.IDB, c SharedCustomer) error {
	_, err := once(db.NewInsert().Model(&c), "id").Exec(ctx)
	return wrote(err, "Customer")
}

// SharedCustomerAt returns the tenant's customer with an id of Stripe's in an account.
func SharedCustomerAt(ctx context.Context, db bun.IDB, tenant TenantID, account, id string) (SharedCustomer, error) {
	var c SharedCustomer
	err := db.NewSelect().Model(&c).
		Where("sc.account = ? AND sc.shared_customer_id = ? AND sc.tenant_id = ?", account, id, tenant).Scan(ctx)
	return c, found(err, "Customer")
}

// EndSharedCustomer says that a customer was deleted at Stripe. It reports false
// when that is known already.
func EndSharedCustomer(ctx context.Context, db bun.IDB, id int64, at Instant) (bool, error) {
	res, err := db.NewUpdate().Model((*SharedCustomer)(nil)).Set("deleted_at = ?", at).
		Where("id = ? AND deleted_at IS NULL", id).Exec(ctx)
	return inserted(res, err, "Customer")
}

// ReplaceSharedCustomer gives the row of a customer that was deleted at Stripe the
// one that was made in its place. Its settings stay.
func ReplaceSharedCustomer(ctx context.Context, db bun.IDB, id int64, customer string) error {
	res, err := db.NewUpdate().Model((*SharedCustomer)(nil)).Set("shared_customer_id = ?", customer).Set("deleted_at = NULL").
		Where("id = ? AND deleted_at IS NOT NULL", id).Exec(ctx)
	return stale(res, err, "Customer")
}

// SetCustomerGrace keeps for how many hours after a failed payment the calls of a
// customer are served; nil: as the plan or the tenant says.
func SetCustomerGrace(ctx context.Context, db bun.IDB, id int64, hours *int) error {
	_, err := db.NewUpdate().Model((*SharedCustomer)(nil)).Set("grace_hours = ?", hours).Where("id = ?", id).Exec(ctx)
	return wrote(err, "Customer")
}

// CheckoutsToRemind returns at most limit open checkout sessions, numbered above
// after, that were opened at or before opened, or expire at or before ends.
func CheckoutsToRemind(ctx context.Context, db bun.IDB, opened, ends Instant, after string, limit int) ([]CheckoutSession, error) {
	var ss []CheckoutSession
	err := pendingCheckouts(db.NewSelect().Model(&ss)).Where("cs.session_id > ?", after).
		Where("cs.created_at <= ? OR cs.expires_at <= ?", opened, ends).OrderExpr("cs.session_id").Limit(int64(limit)).Scan(ctx)
	return ss, found(err, "Checkout sessions")
}

// NextReminder returns the first instant after now at which an open checkout was
// opened wait ago or ends in ahead, both in milliseconds; zero: none.
func NextReminder(ctx context.Context, db bun.IDB, now Instant, wait, ahead int64) (Instant, error) {
	var first, last Instant
	err := pendingCheckouts(db.NewSelect().Model((*CheckoutSession)(nil))).ColumnExpr("COALESCE(MIN(cs.created_at), 0)").
		Where("cs.created_at > ?", int64(now)-wait).Scan(ctx, &first)
	if err != nil {
		return 0, found(err, "Checkout sessions")
	}
	err = pendingCheckouts(db.NewSelect().Model((*CheckoutSession)(nil))).ColumnExpr("COALESCE(MIN(cs.expires_at), 0)").
		Where("cs.expires_at > ?", int64(now)+ahead).Scan(ctx, &last)
	if !first.IsZero() {
		first += Instant(wait)
	}
	if !last.IsZero() {
		last -= Instant(ahead)
	}
	return earliest(first, last), found(err, "Checkout sessions")
}

// pendingCheckouts narrows to sessions that a live subscription waits for.
func pendingCheckouts(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Join("JOIN am_subscription AS sub ON sub.subscription_id = cs.am_subscription_id AND sub.checkout_session_id = cs.session_id").
		Where("cs.status = ? AND sub.live = 1 AND sub.checkout = 'open'", SessionPending)
}

// earliest returns the earlier of two instants; a zero one does not count.
func earliest(a, b Instant) Instant {
	if a.IsZero() || !b.IsZero() && b < a {
		return b
	}
	return a
}

// SoldAs returns the Stripe price of an API's price version in a connected account
// while it is on sale there.
func SoldAs(ctx context.Context, db bun.IDB, apiID int64, priceVersion, account string) (MonetizedPlan, error) {
	var m MonetizedPlan
	err := db.NewSelect().Model(&m).
		Where("mo.api_id = ? AND mo.price_version_id = ? AND mo.account = ? AND mo.state = ?", apiID, priceVersion, account, PushLive).
		OrderExpr("mo.id").Limit(1).Scan(ctx)
	return m, found(err, "Price")
}

// A Buyer is whom a subscription is for: its application and who owns that.
type Buyer struct {
	Application `bun:",extend"`
	PersonID    string `bun:"person_id,scanonly"`
	Username    string `bun:"user_id,scanonly"`
	Email       string `bun:"email_address,scanonly"`
}

// BuyerByNumber returns the tenant's application numbered id with its owner.
func BuyerByNumber(ctx context.Context, db bun.IDB, tenant TenantID, id int64) (Buyer, error) {
	return buyer(ctx, db, "app.application_id = ? AND app.tenant_id = ?", id, tenant)
}

// BuyerByUUID returns the tenant's application called uuid with its owner. A deleted
// one is not there.
func BuyerByUUID(ctx context.Context, db bun.IDB, tenant TenantID, uuid string) (Buyer, error) {
	return buyer(ctx, db, "app.uuid = ? AND app.tenant_id = ? AND app.live = 1", uuid, tenant)
}

func buyer(ctx context.Context, db bun.IDB, where string, args ...any) (Buyer, error) {
	var b Buyer
	err := db.NewSelect().Model(&b).ColumnExpr("?TableColumns").
		ColumnExpr("sr.person_id, sr.user_id, COALESCE(NULLIF(p.email, ''), sr.email_address, '') AS email_address").
		Join("JOIN am_subscriber AS sr ON sr.subscriber_id = app.subscriber_id").
		Join("JOIN people AS p ON p.person_id = sr.person_id").
		Where(where, args...).Scan(ctx)
	return b, found(err, "Application")
}

// PortalConfigurationOf returns the Customer Portal configuration of one of the
// tenant's connected accounts, and "" when there is none yet.
func PortalConfigurationOf(ctx context.Context, db bun.IDB, tenant TenantID, account string) (string, error) {
	var a ConnectedAccount
	err := db.NewSelect().Model(&a).Where("ca.tenant_id = ? AND ca.stripe_account = ?", tenant, account).
		OrderExpr("CASE WHEN ca.live = 1 THEN 0 ELSE 1 END, ca.created_at DESC").Limit(1).Scan(ctx)
	return a.PortalConfiguration, found(err, "Connected account")
}

// SetPortalConfiguration keeps the Customer Portal configuration of an account.
func SetPortalConfiguration(ctx context.Context, db bun.IDB, tenant TenantID, account, id string) error {
	_, err := db.NewUpdate().Model((*ConnectedAccount)(nil)).
		Set("portal_configuration = ?", id).Set("version = version + 1").
		Where("tenant_id = ? AND stripe_account = ?", tenant, account).Exec(ctx)
	return wrote(err, "Connected account")
}

// OwnsAccount reports whether a connected account is the tenant's.
func OwnsAccount(ctx context.Context, db bun.IDB, tenant TenantID, account string) (bool, error) {
	n, err := db.NewSelect().Model((*ConnectedAccount)(nil)).
		Where("ca.tenant_id = ? AND ca.stripe_account = ?", tenant, account).Count(ctx)
	return n > 0, wrote(err, "Connected account")
}
