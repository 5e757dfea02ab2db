// Package stripe is the billing engine on Stripe, by way of stripe-go. Nothing
// else talks to Stripe, and nothing here decides what to sell: every method is
// one effect or one read, with the idempotency key its caller chose.
package stripe

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/models"
)

// timeout of one call. Stripe answers within seconds or not at all, and whoever
// called tries again with the same key.
const timeout = 20 * time.Second

// keptClients is how many keys may have a client at a time.
const keptClients = 256

// Keys finds the secret key of a tenant's platform account; "" when there is none.
type Keys interface {
	StripeKey(ctx context.Context, tenant models.TenantID) (string, error)
}

// An Engine is billing.Engine on Stripe. It is safe for concurrent use.
type Engine struct {
	Keys      Keys
	Base      string            // address of the API; "" for Stripe's own
	Log       *slog.Logger      // refusals and failures, without bodies
	Transport http.RoundTripper // nil for the usual one

	mu      sync.Mutex
	clients map[[sha256.Size]byte]*client
}

var _ billing.Engine = (*Engine)(nil)

// New returns an engine that finds keys in keys and Stripe at base ("" for
// Stripe itself). transport may be nil.
func New(keys Keys, base string, log *slog.Logger, transport http.RoundTripper) *Engine {
	return &Engine{Keys: keys, Base: base, Log: log, Transport: transport}
}

// A client is stripe-go under one key.
type client struct {
	*stripe.Client
	api   stripe.Backend
	key   string
	turns sync.Map // by connected account: a channel of one, whose turn it is to wait
}

// A conn is a client as one call uses it: at an account, under an idempotency key.
type conn struct {
	*client
	connected, once string
}

// wellFormed ids are safe in a path: none is empty, and none climbs.
var (
	wellFormed = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$`)
	accountID  = regexp.MustCompile(`^acct_[A-Za-z0-9_]{1,250}$`)
)

// reading returns a connection for calls that change nothing. Every id is
// checked, since in Stripe's API an empty one turns a read into a listing.
func (e *Engine) reading(ctx context.Context, at accounts.StripeAccount, ids ...string) (conn, error) {
	for _, id := range ids {
		if !wellFormed.MatchString(id) {
			return conn{}, refuse("An id is missing or malformed.")
		}
	}
	if !at.IsPlatform() && !accountID.MatchString(at.Connected) {
		return conn{}, refuse("The connected account must be acct_ and letters and digits.")
	}
	key, err := e.Keys.StripeKey(ctx, at.Tenant)
	if err != nil {
		return conn{}, err
	}
	if strings.TrimSpace(key) == "" {
		return conn{}, &billing.Barred{Status: http.StatusUnauthorized, Message: "No Stripe key is set. An administrator can set one."}
	}
	return conn{client: e.client(key), connected: at.Connected}, nil
}

// writing returns a connection for calls that change something, under the
// idempotency key once.
func (e *Engine) writing(ctx context.Context, at accounts.StripeAccount, once string, ids ...string) (conn, error) {
	if once == "" || len(once) > 200 { // Stripe takes 255, and we append to it
		return conn{}, refuse("The idempotency key is missing or too long.")
	}
	c, err := e.reading(ctx, at, ids...)
	c.once = once
	return c, err
}

// aim points p at the account.
func (c conn) aim(p *stripe.Params) {
	if c.connected != "" {
		p.SetStripeAccount(c.connected)
	}
}

// mark points p at the account and gives it the idempotency key. step tells
// apart the calls of a method that needs several.
func (c conn) mark(p *stripe.Params, step string) {
	c.aim(p)
	p.SetIdempotencyKey(c.once + step)
}

// client returns the one client of a key. The package-level key of stripe-go is
// never set, so that no tenant can act under another's.
func (e *Engine) client(key string) *client {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := sha256.Sum256([]byte(key))
	if c, ok := e.clients[id]; ok {
		return c
	}
	if e.clients == nil || len(e.clients) >= keptClients {
		e.clients = map[[sha256.Size]byte]*client{}
	}
	e.clients[id] = e.newClient(key)
	return e.clients[id]
}

func (e *Engine) newClient(key string) *client {
	cfg := &stripe.BackendConfig{
		HTTPClient: &http.Client{
			Timeout:       timeout,
			Transport:     &logged{e.Transport, e.Log},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		MaxNetworkRetries: stripe.Int64(0), // the outbox tries again, and it alone
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     mute{},
	}
	if e.Base != "" {
		cfg.URL = stripe.String(e.Base)
	}
	backends := stripe.NewBackendsWithConfig(cfg)
	return &client{Client: stripe.NewClient(key, stripe.WithBackends(backends)), api: backends.API, key: key}
}
