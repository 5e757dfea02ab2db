// Package entitle knows who may call what. It remembers what calls depend on, hears
// within a moment of what changes, and holds every subscription to its limits.
package entitle

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/gateway"
	"tollgate/internal/clock"
	"tollgate/internal/vault"
	"tollgate/models"
)

// Options are what a Gate needs. Only MostInFlight, Remembered and Log may be left out.
type Options struct {
	DB       *bun.DB
	Wall     clock.Wall
	Business clock.Business
	Vault    *vault.Vault
	Writer   string // names this process among those that lease quotas; new at each start
	// Alone says that no other gate works on the database, as on SQLite: quotas need
	// not be shared then, and a call never waits for a write.
	Alone bool

	MostInFlight int64 // calls at once; 0: 8192
	Remembered   int   // of each of keys and subscriptions; 0: 100,000
	Log          *slog.Logger
}

// A Gate lets calls pass or refuses them. RunOnce has to be called all the time.
type Gate struct {
	o    Options
	tags func(string) [32]byte

	feed       *feed
	lastGood   atomic.Int64 // wall time of the last good poll, in Unix nanoseconds; 0: none yet
	tables     *cache[string, *table]
	keys       *cache[[32]byte, *caller]
	subs       *cache[subKey, *subscription]
	plans      *cache[planKey, *plan]
	upstreams  upstreams
	bursts     gateway.Limiter
	quotas     quotas
	seats      seats
	used       touches
	chores     chores
	background sync.WaitGroup
	loud       atomic.Int64 // Unix second of the last complaint
}

// How many reads of what is not remembered go on at the same time, so that made-up
// paths and keys leave connections to the database for others.
const (
	tableReaders = 1
	keyReaders   = 3
	subReaders   = 3
	planReaders  = 1
)

// New returns a gate, which is not ready before RunOnce was called.
func New(o Options) *Gate {
	if o.MostInFlight <= 0 {
		o.MostInFlight = 8192
	}
	if o.Remembered <= 0 {
		o.Remembered = 100_000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gate{o: o, tags: accounts.KeyTags(o.Vault), feed: &feed{changed: map[dep]int64{}}}
	g.tables = newCache(g.feed, o.Wall, o.Remembered, tableReaders, g.loadTable)
	g.keys = newCache(g.feed, o.Wall, o.Remembered, keyReaders, g.loadKey)
	g.subs = newCache(g.feed, o.Wall, o.Remembered, subReaders, g.loadSubscription)
	g.plans = newCache(g.feed, o.Wall, o.Remembered, planReaders, g.loadPlan)
	g.quotas.init(g)
	g.seats.most = o.MostInFlight
	return g
}

// A call is what is found out about one that wants to pass.
type call struct {
	gateway.Case
	wall, now time.Time // now is business time
	tenant    int64
	route     *route
	upstream  *gateway.Upstream
	rest      string
	key       *caller
	sub       *subscription
	plan      *plan
}

// A ticket is a pass with room for its limits, so that both are made at once.
type ticket struct {
	gateway.Pass
	room [2]gateway.Limit
}

// Admit lets a call pass or refuses it. A pass has to be given back by Settle. It
// waits only for what is not remembered, and for a quota that has to be asked for.
func (g *Gate) Admit(ctx context.Context, ask gateway.Ask) (*gateway.Pass, *gateway.Refusal) {
	c := call{wall: g.o.Wall.Now(), now: g.o.Business.Now()}
	c.Behind = g.behind(c.wall)
	if err := g.look(ctx, &c, ask); err != nil {
		g.fail(ctx, "what a call depends on cannot be read", err)
		return nil, c.sign(gateway.Blind)
	}
	if refusal := gateway.Decide(&c.Case); refusal != nil {
		return nil, c.sign(*refusal)
	}
	return g.limit(ctx, &c)
}

// limit holds a call that may pass to the limits of its plan.
func (g *Gate) limit(ctx context.Context, c *call) (*gateway.Pass, *gateway.Refusal) {
	if !g.seats.take(c.tenant) {
		return nil, c.sign(gateway.Busy)
	}
	t := c.ticket()
	if rate := c.plan.rate; rate.Limits() {
		b := g.bursts.Take(c.sub.ID, rate, c.wall)
		if b.Wait > 0 {
			g.seats.leave(c.tenant)
			return nil, c.sign(gateway.TooFast(rate, b))
		}
		t.Limits = append(t.Limits, rate.Limit(b))
	}
	if c.plan.quota.Units > 0 {
		refusal, err := g.quotas.take(ctx, c, t)
		if err != nil {
			g.fail(ctx, "a quota cannot be read", err)
			refusal = &gateway.Refusal{}
			*refusal = gateway.Blind
		}
		if refusal != nil {
			g.seats.leave(c.tenant)
			refusal.Limits = append(t.Limits, refusal.Limits...)
			return nil, c.sign(*refusal)
		}
	}
	return &t.Pass, nil
}

func (c *call) ticket() *ticket {
	t := &ticket{Pass: gateway.Pass{
		Tenant: c.tenant, Subscription: c.sub.ID, UUID: c.sub.UUID, API: c.route.api, Policy: c.plan.id, KeyType: c.key.keyType,
		Metered: c.Metered, Upstream: c.upstream, Rest: c.rest, Counting: c.route.counting, Application: c.key.application, Key: c.key.id,
	}}
	t.Limits = t.room[:0]
	return t
}

// sign says in a refusal what the call was for.
func (c *call) sign(r gateway.Refusal) *gateway.Refusal {
	r.Tenant = c.tenant
	if c.route != nil {
		r.API = c.route.api
	}
	if c.key != nil {
		r.Application = c.key.application
	}
	if c.sub != nil {
		r.Subscription, r.Policy = c.sub.ID, c.sub.PolicyID
		if r.Link == "" && (r.Type == gateway.QuotaSpent || r.Type == gateway.BurstSpent) {
			r.Link = c.SubscriptionLink
		}
	}
	return &r
}

// Settle gives a pass back, once, with the units that its call came to: 0 when it
// does not count. The call is in the ledger by then.
func (g *Gate) Settle(p *gateway.Pass, units int64) {
	g.seats.leave(p.Tenant)
	g.quotas.settle(p, units)
}

// longestDomain is the most bytes of a tenant's domain.
const longestDomain = 255

// look finds out about a call, as far as it leads anywhere.
func (g *Gate) look(ctx context.Context, c *call, ask gateway.Ask) error {
	domain, path := gateway.SplitTenant(ask.Path)
	if domain == "" {
		domain = models.SuperDomain
	}
	if len(domain) > longestDomain || strings.IndexByte(domain, '%') >= 0 {
		return nil
	}
	t, known, err := g.tables.get(ctx, domain, c.wall)
	if err != nil || !known || ask.Tenant != 0 && ask.Tenant != t.tenant {
		return err
	}
	route, rest, known := gateway.Longest(t.routes, t.parts, path)
	if !known {
		return nil
	}
	c.tenant, c.route = t.tenant, route
	if c.upstream, c.rest, c.Found = route.follow(rest); !c.Found {
		return nil
	}
	c.APILink = route.link
	if err := g.identify(ctx, c, ask.Key); err != nil || c.Key != gateway.GoodKey {
		return err
	}
	return g.entitle(ctx, c)
}

// fail logs what keeps the gate from deciding, unless the caller has gone away.
func (g *Gate) fail(ctx context.Context, what string, err error) {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		g.complain(what, err)
	}
}

// complain writes to the log, at most once a second.
func (g *Gate) complain(what string, err error, more ...any) {
	now := g.o.Wall.Now().Unix()
	if last := g.loud.Load(); last != now && g.loud.CompareAndSwap(last, now) {
		g.o.Log.Warn(what, append(more, "error", err)...)
	}
}

func idOf(n int64) string { return strconv.FormatInt(n, 10) }
