package entitle_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/gateway"
	"tollgate/gateway/entitle"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// What was read just before a change, and comes to be remembered just after the
// change was heard of, must not be remembered: nobody would say again that it changed.
func TestWhatWasReadBeforeAChangeIsNotRememberedAfterIt(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		h := &hook{}
		g := w.newGate(t, db.WithQueryHook(h), entitle.Options{})
		for _, c := range []struct {
			table, want string
			change      func()
		}{
			{"api_keys", gateway.KeyRevoked, func() { must(t, w.keys.Revoke(t.Context(), w.ada, w.app.UUID, w.key.ID)) }},
			{"am_subscription", "subscription-blocked", func() { w.adapt(t, func(s *models.Subscription) { s.AdminHold = "BLOCKED" }) }},
			{"am_policy_subscription", gateway.BurstSpent, func() { w.adaptPlan(t, func(p *models.Policy) { p.RateLimitCount, p.RateLimitTimeUnit = 1, "hour" }) }},
			{"am_api", gateway.APIUnknown, func() {
				w.change(t, func(ctx context.Context, tx bun.Tx) error {
					w.api.Status = models.APICreated
					return models.SaveAPI(ctx, tx, &w.api)
				})
			}},
			{"tenants", gateway.APIUnknown, func() { w.saveTenant(t, models.StateDisabled) }},
		} {
			t.Run(c.table, func(t *testing.T) {
				w.later(time.Hour) // nothing is remembered for that long
				w.poll(t, g)
				h.holdUp(c.table)
				first := make(chan string)
				go func() { first <- w.got(g, "/weather/v1", w.text) }()
				<-h.arrived
				c.change()
				w.poll(t, g)
				second := make(chan string) // it comes after the change was heard of
				go func() { second <- w.got(g, "/weather/v1", w.text) }()
				time.Sleep(10 * time.Millisecond) // so that it waits for the same read
				close(h.leave)
				got := []string{<-first, <-second, w.got(g, "/weather/v1", w.text)}
				for i, type_ := range got {
					if type_ != c.want && !(c.want == gateway.BurstSpent && i == 0 && type_ == "") && !(c.want == gateway.BurstSpent && passedOnce(got) && type_ == "") {
						t.Errorf("calls end as %q, want %q", got, c.want)
						break
					}
				}
				w.renew(t)
				w.poll(t, g)
				w.later(time.Hour)
				w.poll(t, g)
				if got := w.got(g, "/weather/v1", w.text); got != "" {
					t.Fatalf("the world cannot be mended: %q", got)
				}
			})
		}
	})
}

// passedOnce reports whether just one call passed, as one an hour may.
func passedOnce(got []string) bool {
	n := 0
	for _, type_ := range got {
		if type_ == "" {
			n++
		}
	}
	return n == 1
}

// renew makes all well again.
func (w *world) renew(t *testing.T) {
	t.Helper()
	w.saveTenant(t, models.StateActive)
	w.adapt(t, func(s *models.Subscription) { s.AdminHold = "" })
	w.adaptPlan(t, func(p *models.Policy) { p.RateLimitCount = 0 })
	w.change(t, func(ctx context.Context, tx bun.Tx) error {
		w.api.Status = models.APIPublished
		return models.SaveAPI(ctx, tx, &w.api)
	})
	w.key, w.text = w.newKey(t, accounts.ProductionKey)
}

// Keys are revoked while many call. No call that begins after the poll that follows
// passes, whatever was being read at the time.
func TestARevokedKeyOpensNothingAfterTheNextPoll(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		for range 15 {
			k, text := w.newKey(t, accounts.ProductionKey)
			var heard, stop, passed atomic.Bool
			var callers sync.WaitGroup
			for range 4 {
				callers.Go(func() {
					for ; !stop.Load(); time.Sleep(20 * time.Microsecond) {
						after := heard.Load()
						switch got := w.got(w.gate, "/weather/v1", text); {
						case got == "" && after:
							t.Error("a revoked key was let in")
							return
						case got == "":
							passed.Store(true)
						case got != gateway.KeyRevoked && got != gateway.KeyUnknown:
							t.Errorf("a call ends as %q", got)
							return
						}
					}
				})
			}
			for !passed.Load() && !t.Failed() {
				time.Sleep(100 * time.Microsecond)
			}
			must(t, w.keys.Revoke(t.Context(), w.ada, w.app.UUID, k.ID))
			w.poll(t, w.gate)
			heard.Store(true)
			time.Sleep(2 * time.Millisecond)
			stop.Store(true)
			callers.Wait()
			if t.Failed() {
				return
			}
		}
	})
}

func TestAGateThatHearsNothingStops(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	app, err := w.apps.Create(t.Context(), w.ada, accounts.ApplicationInput{Name: "Metered"})
	must(t, err)
	w.subscribe(t, app, w.api, w.plan, func(s *models.Subscription) {
		s.NeedsPayment, s.PriceVersionID, s.StripeStatus = true, w.metered(t, w.plan), "active"
	})
	_, metered, err := w.keys.Create(t.Context(), w.ada, app.UUID, accounts.KeyInput{Name: "key", Type: accounts.ProductionKey})
	must(t, err)
	fresh := entitle.New(entitle.Options{DB: w.db, Wall: w.wall, Business: w.business, Vault: w.vault, Writer: "fresh"})
	if got := w.got(fresh, "/weather/v1", w.text); got != gateway.NotCurrent || fresh.Ready() == nil {
		t.Errorf("before its first poll a call ends as %q, ready: %v", got, fresh.Ready())
	}
	for _, step := range []struct {
		after          time.Duration
		fixed, metered string
		ready          bool
	}{
		{0, "", "", true}, {10 * time.Second, "", "", true}, {time.Millisecond, "", gateway.NotCurrent, false},
		{50*time.Second - time.Millisecond, "", gateway.NotCurrent, false}, {time.Millisecond, gateway.NotCurrent, gateway.NotCurrent, false},
	} {
		w.later(step.after)
		w.want(t, "a free call", "/weather/v1", w.text, step.fixed)
		w.want(t, "a metered call", "/weather/v1", metered, step.metered)
		if err := w.gate.Ready(); (err == nil) != step.ready {
			t.Errorf("ready: %v", err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.gate.RunOnce(gone); err == nil || w.gate.Ready() == nil {
		t.Error("a poll that failed is taken for one")
	}
	next, err := w.gate.RunOnce(t.Context())
	must(t, err)
	if next.Sub(w.wall.Now()) != 250*time.Millisecond || w.gate.Ready() != nil {
		t.Errorf("the next poll is at %v, ready: %v", next, w.gate.Ready())
	}
	w.want(t, "a metered call after a poll", "/weather/v1", metered, "")
}

func TestWithoutADatabaseNothingIsDecided(t *testing.T) {
	t.Parallel()
	url := testdb.SQLite(t)
	db, err := models.Open(url)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	w := setup(t, db)
	own, err := models.Open(url)
	must(t, err)
	g := entitle.New(entitle.Options{DB: own, Wall: w.wall, Business: w.business, Vault: w.vault, Writer: "own"})
	w.poll(t, g)
	if got := w.got(g, "/weather/v1", w.text); got != "" {
		t.Errorf("with a database: %q", got)
	}
	must(t, own.Close())
	if got := w.got(g, "/weather/v1", w.text); got != "" {
		t.Errorf("a key that is remembered: %q", got)
	}
	if got := w.got(g, "/weather/v1", madeUp(1)); got != gateway.NotCurrent {
		t.Errorf("a key that is not: %q", got)
	}
	if _, err := g.RunOnce(t.Context()); err == nil {
		t.Error("it polls without a database")
	}
}

func TestOneTenantTakesNotAllPlaces(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	twin, err := w.tenants.Create(t.Context(), w.us, "twin.example", "Twin")
	must(t, err)
	g := w.newGate(t, w.db, entitle.Options{MostInFlight: 100})
	them := w.person(t, accounts.System(twin.ID, twin.Domain), "bob")
	plan := w.plan
	plan.ID, plan.UUID, plan.TenantID, plan.Name = 0, models.NewID(), twin.ID, "theirs"
	must(t, models.InsertPolicy(t.Context(), w.db, &plan))
	app, err := w.apps.Create(t.Context(), them, accounts.ApplicationInput{Name: "Shop"})
	must(t, err)
	w.subscribe(t, app, w.published(t, them, "maps", "v1"), plan, func(*models.Subscription) {})
	_, text, err := w.keys.Create(t.Context(), them, app.UUID, accounts.KeyInput{Name: "key", Type: accounts.ProductionKey})
	must(t, err)
	fill := func(path, key string) (passes []*gateway.Pass) {
		for range 200 {
			pass, refusal := g.Admit(t.Context(), gateway.Ask{Path: path, Key: key})
			if refusal != nil {
				if refusal.Type != gateway.TooBusy || refusal.RetryAfter <= 0 || refusal.Tenant == 0 {
					t.Errorf("refused: %+v", refusal)
				}
				return passes
			}
			passes = append(passes, pass)
		}
		return passes
	}
	ours := fill("/weather/v1", w.text)
	theirs := fill("/t/twin.example/maps/v1", text)
	if len(ours) != 71 || len(theirs) != 14 || len(ours)+len(theirs) > 100 {
		t.Errorf("of 100 places one has %d, the other %d", len(ours), len(theirs))
	}
	for _, pass := range append(ours, theirs...) {
		g.Settle(pass, 0)
	}
	if all := fill("/t/twin.example/maps/v1", text); len(all) != 71 || all[0].KeyType != access.Production {
		t.Errorf("afterwards the other gets %d", len(all))
	}
}
