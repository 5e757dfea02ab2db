package models

import (
	"context"

	"github.com/uptrace/bun"
)

// InsertSubscription adds s and fills in its number. Taken tells whether the
// application has a live subscription to the API already.
func InsertSubscription(ctx context.Context, db bun.IDB, s *Subscription) error {
	if _, err := db.NewInsert().Model(s).Exec(ctx); err != nil {
		return wrote(err, "Subscription")
	}
	return changed(ctx, ChangedApplication, s.ApplicationID) // what was remembered is that it has none
}

// SubscriptionByNumber returns the tenant's subscription numbered id.
func SubscriptionByNumber(ctx context.Context, db bun.IDB, tenant TenantID, id int64) (Subscription, error) {
	var s Subscription
	err := db.NewSelect().Model(&s).Where("sub.tenant_id = ? AND sub.subscription_id = ?", tenant, id).Scan(ctx)
	return s, found(err, "Subscription")
}

// SubscriptionByUUID returns the tenant's subscription called uuid.
func SubscriptionByUUID(ctx context.Context, db bun.IDB, tenant TenantID, uuid string) (Subscription, error) {
	var s Subscription
	err := db.NewSelect().Model(&s).Where("sub.uuid = ? AND sub.tenant_id = ?", uuid, tenant).Scan(ctx)
	return s, found(err, "Subscription")
}

// LiveSubscription returns an application's subscription to an API that has not
// ended, if there is one.
func LiveSubscription(ctx context.Context, db bun.IDB, apiID, applicationID int64) (Subscription, bool, error) {
	var ss []Subscription
	err := db.NewSelect().Model(&ss).
		Where("sub.api_id = ? AND sub.application_id = ? AND sub.live = 1", apiID, applicationID).Limit(1).Scan(ctx)
	if err != nil || len(ss) == 0 {
		return Subscription{}, false, found(err, "Subscription")
	}
	return ss[0], true, nil
}

// SaveSubscription writes s back if nobody has written it since it was read, and
// returns it with its new version.
func SaveSubscription(ctx context.Context, db bun.IDB, s Subscription) (Subscription, error) {
	read := s.Version
	s.Version++
	res, err := db.NewUpdate().Model(&s).WherePK().Where("version = ?", read).Exec(ctx)
	if err := stale(res, err, "Subscription"); err != nil {
		return s, err
	}
	return s, changed(ctx, ChangedSubscription, s.ID)
}

// UnsettledSubscriptions returns at most limit live subscriptions of any tenant,
// numbered above after, whose state at Stripe may differ from ours at business
// time now although no event says so: an open checkout, a period or a
// cancellation whose time has passed, a change of plan that waits for its payment,
// or a payment that is due.
func UnsettledSubscriptions(ctx context.Context, db bun.IDB, now Instant, after int64, limit int) ([]Subscription, error) {
	var ss []Subscription
	err := db.NewSelect().Model(&ss).Where("sub.subscription_id > ? AND sub.live = 1", after).
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("sub.checkout IN ('open', 'processing')").
				WhereOr("sub.stripe_status IN ('incomplete', 'past_due', 'unpaid', 'paused')").
				WhereOr("sub.change_kind = ?", ChangeNow).
				WhereOr("sub.stripe_subscription_id IS NOT NULL AND (sub.period_end <= ? OR sub.cancel_at <= ?)", now, now)
		}).
		OrderExpr("sub.subscription_id").Limit(int64(limit)).Scan(ctx)
	return ss, found(err, "Subscriptions")
}

// A CatalogueName is the words that lists of subscriptions show for what one is to.
type CatalogueName struct {
	APIUUID        string `bun:"api_uuid,scanonly"`
	APILive        *int64 `bun:"api_live,scanonly"` // nil once deleted
	APIName        string `bun:"api_name,scanonly"`
	APIDisplayName string `bun:"api_display_name,scanonly"`
	APIVersion     string `bun:"api_version,scanonly"`
	APIContext     string `bun:"context,scanonly"`
	APIType        string `bun:"api_type,scanonly"`
	APIOwnerID     string `bun:"owner_id,scanonly"`
	APIProvider    string `bun:"api_provider,scanonly"`
	APICounting    string `bun:"counting,scanonly"` // as API has it, like the two that follow
	APIStatuses    string `bun:"counting_statuses,scanonly"`
	APIUnitsHeader string `bun:"units_header,scanonly"`
	Publisher      string `bun:"publisher,scanonly"` // as people read it
	PolicyUUID     string `bun:"policy_uuid,scanonly"`
	PolicyName     string `bun:"policy_name,scanonly"`
}

// Title returns the API's name as people read it.
func (n CatalogueName) Title() string {
	if n.APIDisplayName != "" {
		return n.APIDisplayName
	}
	return n.APIName
}

// A SubscriberName is the words that lists of subscriptions show for whose one is.
type SubscriberName struct {
	ApplicationUUID string `bun:"application_uuid,scanonly"`
	ApplicationLive *int64 `bun:"application_live,scanonly"` // nil once deleted
	ApplicationName string `bun:"application_name,scanonly"`
	SubscriberID    int64  `bun:"subscriber_id,scanonly"`
	PersonID        string `bun:"person_id,scanonly"` // owner of the application
	Username        string `bun:"user_id,scanonly"`
	Subscriber      string `bun:"subscriber_name,scanonly"` // as people read it
}

// A SubscriptionEntry is a subscription with the names of what it joins.
type SubscriptionEntry struct {
	Subscription `bun:",extend"`
	CatalogueName
	SubscriberName
}

// A SubscriptionFilter narrows a list of subscriptions. Zero fields do not.
type SubscriptionFilter struct {
	Person      string   // owner of the application
	Publisher   string   // owner of the API
	Application string   // uuid
	API         string   // uuid
	Statuses    []string // as WSO2 spells them
	Ended       bool     // ended ones instead of live ones
	Search      string   // part of the API's, application's or subscriber's name
	Before      int64    // only older ones
}

// SubscriptionEntryByUUID returns the tenant's subscription called uuid with its names.
func SubscriptionEntryByUUID(ctx context.Context, db bun.IDB, tenant TenantID, uuid string) (SubscriptionEntry, error) {
	var e SubscriptionEntry
	err := entries(db.NewSelect().Model(&e), tenant).Where("sub.uuid = ?", uuid).Scan(ctx)
	return e, found(err, "Subscription")
}

// SubscriptionEntries returns at most limit subscriptions, newest first.
func SubscriptionEntries(ctx context.Context, db bun.IDB, tenant TenantID, f SubscriptionFilter, limit int) ([]SubscriptionEntry, error) {
	var es []SubscriptionEntry
	q := entries(db.NewSelect().Model(&es), tenant)
	for column, value := range map[string]string{"sr.person_id": f.Person, "api.owner_id": f.Publisher, "app.uuid": f.Application, "api.api_uuid": f.API} {
		if value != "" {
			q = q.Where("? = ?", bun.Ident(column), value)
		}
	}
	if f.Ended {
		q = q.Where("sub.live IS NULL")
	} else {
		q = q.Where("sub.live = 1")
	}
	if len(f.Statuses) > 0 {
		q = q.Where("sub.sub_status IN (?)", bun.In(f.Statuses))
	}
	if f.Search != "" {
		like := containing(f.Search)
		q = q.Where("LOWER(api.api_name) LIKE ? ESCAPE '!' OR LOWER(app.name) LIKE ? ESCAPE '!' OR LOWER(sr.user_id) LIKE ? ESCAPE '!' OR LOWER(buyer.display_name) LIKE ? ESCAPE '!'", like, like, like, like)
	}
	if f.Before > 0 {
		q = q.Where("sub.subscription_id < ?", f.Before)
	}
	err := q.OrderExpr("sub.subscription_id DESC").Limit(int64(limit)).Scan(ctx)
	return es, found(err, "Subscriptions")
}

func entries(q *bun.SelectQuery, tenant TenantID) *bun.SelectQuery {
	return withNames(q).Where("sub.tenant_id = ?", tenant)
}

// withNames joins what a subscription, under the alias sub, is to and whose it is.
func withNames(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("?TableColumns").
		ColumnExpr("api.live AS api_live, app.live AS application_live").
		ColumnExpr("api.api_uuid, api.api_name, api.api_display_name, api.api_version, api.context, api.api_type, api.owner_id, api.api_provider").
		ColumnExpr("api.counting, api.counting_statuses, api.units_header").
		ColumnExpr(providerName + " AS publisher").
		ColumnExpr("pol.uuid AS policy_uuid, pol.display_name AS policy_name").
		ColumnExpr("app.uuid AS application_uuid, app.name AS application_name, app.subscriber_id, sr.person_id, sr.user_id").
		ColumnExpr("COALESCE(NULLIF(buyer.display_name, ''), sr.user_id) AS subscriber_name").
		Join("JOIN am_api AS api ON api.api_id = sub.api_id").
		Join("JOIN people AS p ON p.person_id = api.owner_id").
		Join("JOIN am_policy_subscription AS pol ON pol.policy_id = sub.policy_id").
		Join("JOIN am_application AS app ON app.application_id = sub.application_id").
		Join("JOIN am_subscriber AS sr ON sr.subscriber_id = app.subscriber_id").
		Join("JOIN people AS buyer ON buyer.person_id = sr.person_id")
}
