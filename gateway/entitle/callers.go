package entitle

import (
	"context"
	"crypto/subtle"
	"sync/atomic"
	"time"

	"tollgate/access"
	"tollgate/access/facts"
	"tollgate/accounts"
	"tollgate/gateway"
	"tollgate/internal/fault"
	"tollgate/models"
)

// A caller is a key and whose it is.
type caller struct {
	id, link    string // link is of its application's page
	tenant      int64
	application int64
	keyType     access.KeyType
	revoked     bool
	expires     time.Time // business time; zero: never
	touched     atomic.Int64
}

func (g *Gate) loadKey(ctx context.Context, tag [32]byte) (*caller, []dep, bool, error) {
	hash := accounts.KeyHash(tag)
	row, err := models.CallerKeyByHash(ctx, g.o.DB, hash)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil, false, nil
	}
	if err != nil || subtle.ConstantTimeCompare([]byte(row.Hash), []byte(hash)) != 1 {
		return nil, nil, false, err
	}
	k := &caller{
		id: row.ID, link: "/devportal/applications/" + row.ApplicationUUID, tenant: int64(row.TenantID), application: row.ApplicationID,
		keyType: access.KeyType(row.KeyType), revoked: row.Live == nil || row.ApplicationLive == nil, expires: row.ExpiresAt.Time(),
	}
	k.touched.Store(int64(row.LastUsedAt))
	return k, []dep{{models.ChangedKey, hash}, {models.ChangedApplication, idOf(k.application)}}, true, nil
}

// identify finds out whose key a call brings. A key of another tenant is unknown.
func (g *Gate) identify(ctx context.Context, c *call, text string) error {
	switch {
	case text == "":
		c.Key = gateway.NoKey
		return nil
	case !accounts.KeyFormed(text):
		c.Key = gateway.UnknownKey
		return nil
	}
	k, known, err := g.keys.get(ctx, g.tags(text), c.wall)
	if err != nil {
		return err
	}
	if c.Key = gateway.UnknownKey; !known || k.tenant != c.tenant {
		return nil
	}
	c.key, c.KeyLink, c.KeyType = k, k.link, k.keyType
	switch {
	case k.revoked:
		c.Key = gateway.RevokedKey
	case !k.expires.IsZero() && !c.now.Before(k.expires):
		c.Key, c.KeyEnded = gateway.ExpiredKey, k.expires
	default:
		c.Key = gateway.GoodKey
		g.used.note(k, c.now)
	}
	return nil
}

// A subKey names what an application may have to do with an API.
type subKey struct{ application, api int64 }

// A subscription is one, and the state that it is in by time.
type subscription struct {
	models.Subscription
	metered bool
	link    string
	state   atomic.Pointer[moment]
}

// A moment is a state that holds until then; zero: until something changes.
type moment struct {
	access.State
	until time.Time
}

func (g *Gate) loadSubscription(ctx context.Context, k subKey) (*subscription, []dep, bool, error) {
	row, err := models.CallerSubscriptionOf(ctx, g.o.DB, k.application, k.api)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil, false, nil
	}
	if err != nil {
		return nil, nil, false, err
	}
	s := &subscription{Subscription: row.Subscription, metered: row.PriceModel == models.DynamicRate, link: "/devportal/subscriptions/" + row.UUID}
	return s, []dep{{models.ChangedSubscription, idOf(s.ID)}, {models.ChangedApplication, idOf(k.application)}}, true, nil
}

// at returns the state at a business time. Time alone changes it only at its end.
func (s *subscription) at(now time.Time) access.State {
	m := s.state.Load()
	if m == nil || !m.until.IsZero() && !now.Before(m.until) {
		state := access.Of(facts.Of(s.Subscription, now))
		m = &moment{state, state.Until}
		s.state.Store(m)
	}
	return m.State
}

// A planKey names a plan of a tenant.
type planKey struct{ tenant, policy int64 }

// A plan is what a policy limits.
type plan struct {
	id    int64
	rate  gateway.Rate
	quota gateway.Quota
	lease int64
}

func (g *Gate) loadPlan(ctx context.Context, k planKey) (*plan, []dep, bool, error) {
	row, err := models.PolicyByID(ctx, g.o.DB, models.TenantID(k.tenant), k.policy)
	if err != nil {
		return nil, nil, false, err // a subscription without its plan is a fault
	}
	p := &plan{id: row.ID, rate: gateway.RateOf(row.RateLimitCount, row.RateLimitTimeUnit), quota: quotaOf(row), lease: LeaseSize(row)}
	return p, []dep{{models.ChangedPolicy, idOf(row.ID)}}, true, nil
}

// quotaOf returns the quota that the gateway counts: of calls or events. Bandwidth
// and tokens are not counted here.
func quotaOf(p models.Policy) gateway.Quota {
	if p.QuotaType != "requestCount" && p.QuotaType != "eventCount" || p.Quota <= 0 {
		return gateway.Quota{}
	}
	return gateway.Quota{Units: p.Quota, Every: p.UnitTime, Unit: p.TimeUnit, Stop: p.StopOnQuotaReach}
}

// entitle finds out what the owner of a good key may call, and under which plan.
func (g *Gate) entitle(ctx context.Context, c *call) error {
	s, known, err := g.subs.get(ctx, subKey{c.key.application, c.route.api}, c.wall)
	if err != nil || !known {
		return err
	}
	c.sub, c.Subscribed, c.SubscriptionLink, c.Metered = s, true, s.link, s.metered
	c.State = s.at(c.now)
	c.plan, _, err = g.plans.get(ctx, planKey{c.tenant, s.PolicyID}, c.wall)
	return err
}
