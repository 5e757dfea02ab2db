package models

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
)

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

// EnsureSubscriber returns the subscriber of s's person, made like s when there
// is none. Two callers at once get the same one.
func EnsureSubscriber(ctx context.Context, db bun.IDB, s Subscriber) (Subscriber, error) {
	if have, err := SubscriberOf(ctx, db, s.TenantID, s.PersonID); fault.KindOf(err) != fault.NotFound {
		return have, err
	}
	if _, err := once(db.NewInsert().Model(&s), "subscriber_id").Exec(ctx); err != nil {
		return s, wrote(err, "Subscriber")
	}
	return SubscriberOf(ctx, db, s.TenantID, s.PersonID)
}

// SubscriberOf returns a person as a subscriber.
func SubscriberOf(ctx context.Context, db bun.IDB, tenant TenantID, person string) (Subscriber, error) {
	var s Subscriber
	err := db.NewSelect().Model(&s).Where("sr.tenant_id = ? AND sr.person_id = ?", tenant, person).Scan(ctx)
	return s, found(err, "Subscriber")
}

// owned selects the applications that a person has.
func owned(db bun.IDB, into any, tenant TenantID, person string) *bun.SelectQuery {
	return db.NewSelect().Model(into).
		Join("JOIN am_subscriber AS sr ON sr.subscriber_id = app.subscriber_id").
		Where("app.tenant_id = ? AND sr.person_id = ? AND app.live = 1", tenant, person)
}

// Applications returns the applications of a person, by name.
func Applications(ctx context.Context, db bun.IDB, tenant TenantID, person string) ([]Application, error) {
	var as []Application
	err := owned(db, &as, tenant, person).OrderExpr("app.name").Scan(ctx)
	return as, found(err, "Applications")
}

// ApplicationByUUID returns an application of a person.
func ApplicationByUUID(ctx context.Context, db bun.IDB, tenant TenantID, person, uuid string) (Application, error) {
	var a Application
	err := owned(db, &a, tenant, person).Where("app.uuid = ?", uuid).Scan(ctx)
	return a, found(err, "Application")
}

// InsertApplication adds a, and reports false when its owner has one of that name.
func InsertApplication(ctx context.Context, db bun.IDB, a Application) (bool, error) {
	a.Live = live()
	res, err := once(db.NewInsert().Model(&a), "application_id").Exec(ctx)
	return inserted(res, err, "Application")
}

// SaveApplication writes a back if nobody has written it since it was read.
func SaveApplication(ctx context.Context, db bun.IDB, a Application) error {
	read := a.Version
	a.Version++
	res, err := db.NewUpdate().Model(&a).WherePK().Where("tenant_id = ? AND version = ?", a.TenantID, read).Exec(ctx)
	if err := stale(res, err, "Application"); err != nil {
		return err
	}
	return changed(ctx, ChangedApplication, a.ID)
}

// HoldApplication keeps an application from being deleted until the transaction
// ends. One that is deleted already is not found.
func HoldApplication(ctx context.Context, tx bun.Tx, tenant TenantID, id int64) error {
	res, err := tx.NewUpdate().Model((*Application)(nil)).Set("version = version + 1").
		Where("tenant_id = ? AND application_id = ? AND live = 1", tenant, id).Exec(ctx)
	if err := stale(res, err, "Application"); fault.KindOf(err) == fault.Conflict {
		return fault.New(fault.NotFound, "Application not found.")
	} else if err != nil {
		return err
	}
	return nil
}

// CountLiveSubscriptions counts the subscriptions of an application that have not ended.
func CountLiveSubscriptions(ctx context.Context, db bun.IDB, application int64) (int64, error) {
	n, err := db.NewSelect().Model((*Subscription)(nil)).
		Where("sub.application_id = ?", application).Where(subscribed).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("models: count subscriptions: %w", err)
	}
	return n, nil
}

// SubscribedAPINames returns at most limit names of APIs that an application is
// subscribed to, the oldest subscription first.
func SubscribedAPINames(ctx context.Context, db bun.IDB, application int64, limit int) ([]string, error) {
	var names []string
	err := db.NewSelect().Model((*Subscription)(nil)).ColumnExpr("api.api_name").
		Join("JOIN am_api AS api ON api.api_id = sub.api_id").
		Where("sub.application_id = ?", application).Where(subscribed).
		OrderExpr("sub.subscription_id").Limit(int64(limit)).Scan(ctx, &names)
	return names, found(err, "Subscriptions")
}
