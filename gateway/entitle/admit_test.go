package entitle_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/gateway"
	"tollgate/internal/testdb"
	"tollgate/models"
)

func TestACallPassesAsItsSubscription(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		for range 2 { // read, and remembered
			pass, refusal := w.gate.Admit(t.Context(), gateway.Ask{Path: "/weather/v1/cities/1", Key: w.text})
			if refusal != nil {
				t.Fatalf("refused: %+v", refusal)
			}
			if pass.Tenant != int64(models.SuperTenant) || pass.Subscription != w.sub.ID || pass.UUID != w.sub.UUID || pass.API != w.api.ID || pass.Policy != w.plan.ID ||
				pass.Application != w.app.ID || pass.Key != w.key.ID || pass.KeyType != access.Production || pass.Metered || pass.Held != 0 || len(pass.Limits) != 0 {
				t.Errorf("passes as %+v", pass)
			}
			if pass.Upstream.URL.String() != "https://weather.example/v1" || pass.Upstream.API != w.api.ID || pass.Rest != "/cities/1" || !pass.Counting.Counts(204) || pass.Counting.Counts(404) {
				t.Errorf("goes to %+v %q", pass.Upstream, pass.Rest)
			}
			w.gate.Settle(pass, 1)
		}
	})
}

func TestWhoMayNotPassIsToldWhy(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		twin, err := w.tenants.Create(t.Context(), w.us, "twin.example", "Twin")
		must(t, err)
		them := w.person(t, accounts.System(twin.ID, twin.Domain), "ada")
		w.published(t, them, "weather", "v1")
		other := w.published(t, w.ada, "maps/eu", "v2")
		w.make(t, models.API{Provider: "ada", Organization: w.us.Domain, TenantID: w.us.Tenant, OwnerID: w.ada.Person, Type: models.TypeAPI, Context: "bad", APIVersion: "v1", Upstream: "://"})
		_, expired, err := w.keys.Create(t.Context(), w.ada, w.app.UUID, accounts.KeyInput{Name: "old", Type: accounts.ProductionKey, Expires: "2026-12-08"})
		must(t, err)
		gone, revoked := w.newKey(t, accounts.ProductionKey)
		must(t, w.keys.Revoke(t.Context(), w.ada, w.app.UUID, gone.ID))
		w.want(t, "a key that expires today", "/weather/v1", expired, "")
		w.business.SetOffset(12 * time.Hour)
		for _, c := range []struct{ what, path, key, want string }{
			{"all is well", "/weather/v1", w.text, ""},
			{"the tenant by name", "/t/carbon.super/weather/v1/x", w.text, ""},
			{"no path", "/", w.text, gateway.APIUnknown},
			{"another version", "/weather/v2/x", w.text, gateway.APIUnknown},
			{"another context", "/Weather/v1/x", w.text, gateway.APIUnknown},
			{"an upstream that is none", "/bad/v1/x", w.text, gateway.APIUnknown},
			{"no tenant", "/t/no.example/weather/v1", w.text, gateway.APIUnknown},
			{"a tenant that cannot be", "/t/" + strings.Repeat("x", 300) + "/weather/v1", w.text, gateway.APIUnknown},
			{"no path, no key", "/nothing/v1", "", gateway.APIUnknown},
			{"no key", "/weather/v1", "", gateway.KeyMissing},
			{"nonsense", "/weather/v1", "nonsense", gateway.KeyUnknown},
			{"made up", "/weather/v1", madeUp(1), gateway.KeyUnknown},
			{"of another tenant", "/t/twin.example/weather/v1", w.text, gateway.KeyUnknown},
			{"expired", "/weather/v1", expired, gateway.KeyExpired},
			{"revoked", "/weather/v1", revoked, gateway.KeyRevoked},
			{"not subscribed", "/maps/eu/v2/x", w.text, gateway.NotSubscribed},
		} {
			for range 2 {
				w.want(t, c.what, c.path, c.key, c.want)
			}
		}
		_, refusal := w.gate.Admit(t.Context(), gateway.Ask{Path: "/maps/eu/v2", Key: w.text})
		if refusal.Link != "/devportal/apis/"+other.UUID || refusal.API != other.ID || refusal.Application != w.app.ID || refusal.Tenant != int64(w.us.Tenant) || refusal.Subscription != 0 {
			t.Errorf("not subscribed: %+v", refusal)
		}
		if _, refusal = w.gate.Admit(t.Context(), gateway.Ask{Path: "/weather/v1", Key: expired}); refusal.Link != "/devportal/applications/"+w.app.UUID || refusal.Application != w.app.ID {
			t.Errorf("expired: %+v", refusal)
		}
		if _, refusal = w.gate.Admit(t.Context(), gateway.Ask{Path: "/weather/v1", Key: w.text, Tenant: int64(twin.ID)}); refusal == nil || refusal.Type != gateway.APIUnknown {
			t.Errorf("asked for another tenant: %+v", refusal)
		}
	})
}

// states are what may become of a subscription, by the problem that follows.
var states = map[string]func(*models.Subscription){
	"":                                func(s *models.Subscription) { s.ChangeKind = models.ChangeAtEnd },
	"subscription-ended":              func(s *models.Subscription) { s.EndedAt, s.Live = 1, nil },
	"subscription-blocked":            func(s *models.Subscription) { s.AdminHold = "BLOCKED" },
	"payment-required":                func(s *models.Subscription) { s.StripeStatus = "unpaid" },
	"payment-processing":              func(s *models.Subscription) { s.Checkout = "processing" },
	"payment-disputed":                func(s *models.Subscription) { s.MoneyHold = models.HoldDispute },
	"payment-authentication-required": func(s *models.Subscription) { s.StripeStatus, s.ActionNeeded = "past_due", true },
}

func TestAChangeIsHeardOfAtTheNextPoll(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		price := w.metered(t, w.plan)
		for want, change := range states {
			w.adapt(t, func(s *models.Subscription) {
				one := int64(1)
				*s = models.Subscription{ID: s.ID, Version: s.Version, TierID: s.TierID, APIID: s.APIID, ApplicationID: s.ApplicationID, Status: s.Status, CreateState: s.CreateState, UUID: s.UUID, TenantID: s.TenantID, PolicyID: s.PolicyID,
					CreatedTime: 1, UpdatedTime: 1, Checkout: "none", Live: &one, ActivatedAt: 1, NeedsPayment: true, PriceVersionID: price, StripeStatus: "active"}
			})
			w.poll(t, w.gate)
			w.want(t, "before it is "+want, "/weather/v1", w.text, "")
			w.adapt(t, change)
			w.poll(t, w.gate)
			w.want(t, "it is "+want, "/weather/v1", w.text, want)
		}
	})
}

func TestEveryKindOfChangeIsHeardOf(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		step := func(what, want string, change func()) {
			t.Helper()
			change()
			w.poll(t, w.gate)
			w.want(t, what, "/weather/v1", w.text, want)
		}
		step("as it is", "", func() {})
		step("one call an hour", "", func() { w.adaptPlan(t, func(p *models.Policy) { p.RateLimitCount, p.RateLimitTimeUnit = 1, "hour" }) })
		w.want(t, "the second in an hour", "/weather/v1", w.text, gateway.BurstSpent)
		step("no limit again", "", func() { w.adaptPlan(t, func(p *models.Policy) { p.RateLimitCount = 0 }) })
		second := w.policy(t, func(p *models.Policy) { p.Quota, p.StopOnQuotaReach = 1, true })
		step("on another plan", "", func() { w.adapt(t, func(s *models.Subscription) { s.PolicyID = second.ID }) })
		if pass, _ := w.ask(w.gate); pass == nil || pass.Policy != second.ID || pass.Held != 1 {
			t.Errorf("on another plan it passes as %+v", pass)
		} else {
			w.gate.Settle(pass, 0)
		}
		step("a disabled tenant", gateway.APIUnknown, func() { w.saveTenant(t, models.StateDisabled) })
		w.later(time.Second) // what is not there is remembered that long
		step("an enabled tenant", "", func() { w.saveTenant(t, models.StateActive) })
		step("a revoked key", gateway.KeyRevoked, func() { must(t, w.keys.Revoke(t.Context(), w.ada, w.app.UUID, w.key.ID)) })
		step("a new key", "", func() { w.key, w.text = w.newKey(t, accounts.SandboxKey) })
		step("not subscribed any more", "subscription-ended", func() { w.adapt(t, func(s *models.Subscription) { s.EndedAt, s.Live = 1, nil }) })
		step("subscribed again", "", func() { w.sub = w.subscribe(t, w.app, w.api, w.plan, func(*models.Subscription) {}) })
		step("another upstream", "", func() {
			w.change(t, func(ctx context.Context, tx bun.Tx) error {
				w.api.Upstream, w.api.Counting, w.api.CountingStatuses, w.api.UnitsHeader, w.api.Upgrades = "http://moved.example", models.CountListed, "4xx", "X-Units", true
				return models.SaveAPI(ctx, tx, &w.api)
			})
		})
		if pass, _ := w.ask(w.gate); pass == nil || pass.Upstream.URL.Host != "moved.example" || !pass.Upstream.Upgrades || !pass.Counting.Counts(404) || pass.Counting.Counts(200) || pass.Counting.UnitsHeader != "X-Units" {
			t.Errorf("after it moved it passes as %+v", pass)
		}
		step("a deleted API", gateway.APIUnknown, func() {
			w.change(t, func(ctx context.Context, tx bun.Tx) error {
				w.api.Live, w.api.Status = nil, models.APIDeleted
				return models.SaveAPI(ctx, tx, &w.api)
			})
		})
		w.api = w.published(t, w.ada, "weather", "v1")
		step("a new API in its place", gateway.NotSubscribed, func() {})
		w.sub = w.subscribe(t, w.app, w.api, w.plan, func(*models.Subscription) {})
		step("and subscribed", "", func() { w.later(time.Second) })
		last, err := models.LastAccessChange(t.Context(), db)
		must(t, err)
		if w.gate.CaughtUp() != last || last == 0 {
			t.Errorf("it has heard of %d of %d", w.gate.CaughtUp(), last)
		}
		w.change(t, func(ctx context.Context, tx bun.Tx) error { return models.RevokeAPIKeys(ctx, tx, w.app.ID, 1) })
		step("all keys revoked", gateway.KeyRevoked, func() {})
	})
}

func (w *world) saveTenant(t *testing.T, state string) {
	t.Helper()
	w.change(t, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.TenantByID(ctx, tx, w.us.Tenant)
		if err != nil {
			return err
		}
		row.State = state
		return models.SaveTenant(ctx, tx, row)
	})
}

func TestTimeAloneChangesAState(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	price := w.metered(t, w.plan)
	w.adapt(t, func(s *models.Subscription) {
		s.NeedsPayment, s.PriceVersionID, s.StripeStatus, s.PastDueSince, s.GraceHours = true, price, "past_due", models.At(noon), 24
	})
	w.poll(t, w.gate)
	w.business.SetOffset(24*time.Hour - time.Millisecond)
	w.want(t, "in the grace", "/weather/v1", w.text, "")
	w.business.SetOffset(24 * time.Hour)
	w.want(t, "after the grace", "/weather/v1", w.text, "payment-required")
}

func TestAProductsCallsGoToItsMembers(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		v2, maps, city := w.published(t, w.ada, "weather", "v2"), w.published(t, w.ada, "maps/eu", "v1"), w.published(t, w.ada, "city", "v1")
		product := w.make(t, models.API{Provider: "ada", Organization: w.us.Domain, TenantID: w.us.Tenant, OwnerID: w.ada.Person, Type: models.TypeProduct, Context: "bundle", APIVersion: "v3", Counting: models.CountAll})
		w.change(t, func(ctx context.Context, tx bun.Tx) error {
			return models.SetMembers(ctx, tx, product.ID, []int64{w.api.ID, v2.ID, maps.ID})
		})
		sub := w.subscribe(t, w.app, product, w.plan, func(*models.Subscription) {})
		w.poll(t, w.gate)
		for path, want := range map[string]struct {
			api  int64
			rest string
		}{
			"/bundle/v3/weather":           {w.api.ID, ""},
			"/bundle/v3/weather/cities":    {w.api.ID, "/cities"},
			"/bundle/v3/weather/v2/cities": {v2.ID, "/cities"},
			"/bundle/v3/maps/eu/tiles/1":   {maps.ID, "/tiles/1"},
		} {
			pass, refusal := w.gate.Admit(t.Context(), gateway.Ask{Path: path, Key: w.text})
			if refusal != nil {
				t.Errorf("%s: %+v", path, refusal)
				continue
			}
			if pass.API != product.ID || pass.Subscription != sub.ID || pass.Upstream.API != want.api || pass.Rest != want.rest || !pass.Counting.Counts(500) {
				t.Errorf("%s leads to %+v, %q as %+v", path, pass.Upstream, pass.Rest, pass)
			}
			w.gate.Settle(pass, 0)
		}
		for _, path := range []string{"/bundle/v3", "/bundle/v3/", "/bundle/v3/city/x", "/bundle/v3/maps"} {
			w.want(t, path, path, w.text, gateway.APIUnknown)
		}
		w.want(t, "a member by itself", "/city/v1", w.text, gateway.NotSubscribed)
		w.change(t, func(ctx context.Context, tx bun.Tx) error {
			return models.SetMembers(ctx, tx, product.ID, []int64{city.ID})
		})
		w.poll(t, w.gate)
		w.want(t, "a new member", "/bundle/v3/city/x", w.text, "")
		w.want(t, "an old member", "/bundle/v3/weather", w.text, gateway.APIUnknown)
	})
}

func TestAnUpstreamStaysTheSameWhileItDoes(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	before, _ := w.ask(w.gate)
	w.published(t, w.ada, "maps", "v1")
	w.poll(t, w.gate)
	after, _ := w.ask(w.gate)
	if before.Upstream != after.Upstream {
		t.Error("another API of the tenant was made, and the upstream is another")
	}
}
