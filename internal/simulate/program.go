package simulate

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/billing/stripe"
	"tollgate/catalog"
	"tollgate/internal/clock"
	"tollgate/internal/outbox"
	"tollgate/internal/vault"
	"tollgate/notices"
	"tollgate/usage"
)

// Host is where everything is that has no address.
const (
	Host       = "http://stripe.test"
	PortalHost = "http://portal.test"
)

// secretKey is what secrets are sealed with.
var secretKey = []byte("simulate simulate simulate 32 by")

// A Program is one process of Tollgate, wired as main wires it, without its pages.
type Program struct {
	*Handle

	Tenants       *accounts.Tenants
	People        *accounts.People
	Applications  *accounts.Applications
	Accounts      *accounts.ConnectedAccounts
	Catalog       *catalog.Service
	Sales         *billing.Sales
	Subscriptions *billing.Subscriptions
	Ends          *billing.Ends
	Registrar     *billing.Registrar
	Inbox         *billing.Inbox
	Reconciler    *billing.Reconciler
	Runner        *outbox.Runner
	Publisher     *usage.Publisher
	Comparer      *usage.Comparer
	Packer        *usage.Packer
	Ledger        *usage.Ledger // nil until Serve
	Engine        *stripe.Engine
	Installation  string

	wall     clock.Wall
	business clock.Business
	crash    func() // ends the ledger without a word; nil until Serve
	ended    chan struct{}
}

// mode is a mode in which anything may speak to a Stripe on this machine.
const mode = "test"

// Boot starts a program on the database and the line of w.
func (w *World) Boot(ctx context.Context) (*Program, error) {
	p := &Program{Handle: w.Store.Open()}
	p.wall = clock.NewWall(func() time.Time { return w.Now().Add(time.Duration(w.Skew.Load())) })
	wall := p.wall
	box, err := vault.Open(secretKey)
	if err != nil {
		return nil, err
	}
	installation, err := accounts.OpenInstallation(ctx, p.DB, wall, mode, box)
	if err != nil {
		return nil, err
	}
	p.Installation = installation.InstallationID
	p.Tenants = &accounts.Tenants{DB: p.DB, Wall: wall, Vault: box, Mode: mode}
	p.People = &accounts.People{DB: p.DB, Wall: wall}
	p.Applications = &accounts.Applications{DB: p.DB, Wall: wall}
	p.Accounts = &accounts.ConnectedAccounts{DB: p.DB, Wall: wall}
	p.Engine = stripe.New(p.Tenants, Host, slog.New(slog.DiscardHandler), w.Tap(p))
	p.Tenants.Stripe = checker{p.Engine}
	w.sell(p, wall)
	return p, nil
}

func (w *World) sell(p *Program, wall clock.Wall) {
	business := clock.NewBusiness(wall)
	p.business = business
	p.Runner = &outbox.Runner{DB: p.DB, Wall: wall, Business: business, Workers: 1, Log: w.Log, Chance: w.Chance}
	p.Sales = &billing.Sales{
		DB: p.DB, Engine: p.Engine, Accounts: p.Accounts, Wall: wall, Jobs: p.Runner, Installation: p.Installation,
		Attributes: []billing.Attribute{{Name: billing.ConnectedAccountKey, DisplayName: "Stripe account", Required: true}},
	}
	desk := &notices.Desk{DB: p.DB, Wall: wall, Business: business, PublicURL: PortalHost, Jobs: p.Runner}
	p.Subscriptions = &billing.Subscriptions{
		DB: p.DB, Engine: p.Engine, Jobs: p.Runner, Wall: wall, Business: business, Installation: p.Installation,
		PublicURL: PortalHost, StripePages: Host, Notices: desk,
	}
	p.count(w)
	p.Ends = &billing.Ends{Subscriptions: p.Subscriptions, Sales: p.Sales}
	p.Catalog = &catalog.Service{DB: p.DB, Wall: wall, Follow: p.Sales, Ends: p.Ends, Demo: true}
	p.Tenants.Follow, p.People.Ends, p.Applications.Ends = p.Subscriptions, p.Ends, p.Ends
	p.Registrar = &billing.Registrar{DB: p.DB, Engine: p.Engine, Jobs: p.Runner, Keep: p.Tenants, Wall: wall}
	p.Inbox = &billing.Inbox{DB: p.DB, Engine: p.Engine, Jobs: p.Runner, Secrets: p.Tenants, Wall: wall}
	p.Reconciler = &billing.Reconciler{Subscriptions: p.Subscriptions, Inbox: p.Inbox}
	for _, r := range []interface{ Register(*outbox.Runner) }{p.Sales, p.Subscriptions, p.Ends, p.Registrar, p.Reconciler, desk} {
		r.Register(p.Runner)
	}
}

// Heal runs what looks for differences with Stripe when nobody tells of them, as
// far as it is time for that, and returns when to look again.
func (p *Program) Heal(ctx context.Context) (next time.Time, err error) {
	next, err = billing.Sweep{Subscriptions: p.Subscriptions}.RunOnce(ctx)
	if err != nil {
		return next, err
	}
	other, err := p.Reconciler.RunOnce(ctx)
	if !other.IsZero() && other.Before(next) {
		next = other
	}
	return next, err
}

// Compare has everything of a seller compared with Stripe, as every night.
func (p *Program) Compare(ctx context.Context, s *Seller) error {
	return p.Reconciler.CompareNow(ctx, s.Admin, 0)
}

// Take has the program receive a webhook, as its pages do.
func (p *Program) Take(ctx context.Context, request *http.Request, body []byte) error {
	return p.Inbox.Receive(ctx, request.URL.Query().Get("tenantDomain"), body, request.Header.Get("Stripe-Signature"))
}

// checker asks the engine about a key in words that accounts knows.
type checker struct{ engine billing.Engine }

// CheckKey implements what accounts.Tenants asks.
func (k checker) CheckKey(ctx context.Context, key string) (accounts.PlatformAccount, error) {
	a, err := k.engine.CheckKey(ctx, key)
	return accounts.PlatformAccount{ID: a.ID, Name: a.Name}, err
}
