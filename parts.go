package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/billing/stripe"
	"tollgate/catalog"
	"tollgate/gateway"
	"tollgate/gateway/entitle"
	"tollgate/gateway/ingest"
	"tollgate/gateway/proxy"
	"tollgate/handlers/rest"
	"tollgate/handlers/stripeservice"
	"tollgate/internal/config"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/notices"
	"tollgate/usage"
	"tollgate/web"
	"tollgate/web/respond"
)

// patience is how long a request waits for Stripe, so that its page can show the
// outcome. The work goes on without it.
const patience = 8 * time.Second

// parts is the program, wired.
type parts struct {
	deps   web.Deps
	runner *outbox.Runner
	sweep  billing.Sweep
	agree  *billing.Reconciler
	clock  *follower // nil outside sandbox mode

	publisher   *usage.Publisher
	comparer    *usage.Comparer
	packer      *usage.Packer
	credentials *accounts.GatewayCredentials
}

// wire makes the services and introduces them to each other.
func (s *server) wire() (*parts, error) {
	base := s.cfg.StripeAPIBase
	if s.cfg.Mode == config.Sandbox {
		base = s.sandboxURL
	}
	watch := newKeyWatch(s.tenants, s.log)
	engine := stripe.New(watch, base, s.log, watch)
	s.tenants.Stripe = keyChecker{engine}
	runner := &outbox.Runner{DB: s.db, Log: s.log, Wall: s.wall, Business: s.business}
	connected := &accounts.ConnectedAccounts{DB: s.db, Wall: s.wall}

	sales := &billing.Sales{DB: s.db, Engine: engine, Accounts: connected, Wall: s.wall, Jobs: runner, Patience: patience,
		Installation: s.installation.InstallationID, Attributes: s.attributes()}
	desk := &notices.Desk{DB: s.db, Wall: s.wall, Business: s.business, PublicURL: s.portalURL, Mail: mailServer(s.cfg.Mail), Jobs: runner}
	subscriptions := &billing.Subscriptions{DB: s.db, Engine: engine, Jobs: runner, Wall: s.wall, Business: s.business,
		Installation: s.installation.InstallationID, PublicURL: s.portalURL, StripePages: s.stripePages(base), Patience: patience, Notices: desk}
	publisher := &usage.Publisher{DB: s.db, Sink: engine, Wall: s.wall, Business: s.business, Log: s.log, Installation: s.installation.InstallationID,
		Rate: usageRate(s.cfg.Mode), Every: time.Duration(s.cfg.Usage.PublishMinutes) * time.Minute}
	subscriptions.Usage = &usage.Flusher{Publisher: publisher}
	ends := &billing.Ends{Subscriptions: subscriptions, Sales: sales}
	goods := &catalog.Service{DB: s.db, Wall: s.wall, Follow: sales, Ends: ends, Demo: s.cfg.Mode == config.Sandbox}
	s.people.Ends = ends
	s.tenants.Follow = subscriptions
	registrar := &billing.Registrar{DB: s.db, Engine: engine, Jobs: runner, Keep: s.tenants, Wall: s.wall}
	for _, r := range []interface{ Register(*outbox.Runner) }{sales, subscriptions, ends, registrar, desk} {
		r.Register(runner)
	}
	inbox := &billing.Inbox{DB: s.db, Engine: engine, Jobs: runner, Secrets: s.tenants, Wall: s.wall, Live: s.cfg.Mode == config.Live}
	agree := &billing.Reconciler{Subscriptions: subscriptions, Inbox: inbox, Pause: comparisonPause(s.cfg.Mode)}
	agree.Register(runner)
	p := &parts{runner: runner, sweep: billing.Sweep{Subscriptions: subscriptions}, agree: agree, publisher: publisher,
		comparer: &usage.Comparer{Publisher: publisher, Invoices: subscriptions},
		packer: &usage.Packer{DB: s.db, Wall: s.wall, Business: s.business, Log: s.log,
			Keep: time.Duration(s.cfg.Usage.CallLogDays) * 24 * time.Hour},
		credentials: accounts.NewGatewayCredentials(s.db, s.wall, s.business, s.vault)}
	p.deps = web.Deps{
		Log: s.log, Wall: s.wall, Business: s.business, Site: s.site(), Proxies: s.cfg.TrustedProxies, Ready: s.ready, Demo: s.demo(),
		Sessions: &accounts.Sessions{DB: s.db, Wall: s.wall}, People: s.people, Tenants: s.tenants,
		Applications: &accounts.Applications{DB: s.db, Wall: s.wall, Ends: ends}, Accounts: connected, Audit: &accounts.AuditTrail{DB: s.db},
		Keys: &accounts.APIKeys{DB: s.db, Wall: s.wall, Business: s.business, Vault: s.vault}, GatewayURL: s.gatewayURL,
		Usage: &usage.Reports{DB: s.db, Business: s.business}, CallLogDays: s.cfg.Usage.CallLogDays,
		Catalog: goods, Subscriptions: subscriptions, Ends: ends, Registrar: registrar, Sales: sales, Jobs: runner, Notices: desk,
		Inbox: inbox, Reconciler: agree, Publishing: publisher, Compares: p.comparer, Credentials: p.credentials, LeaseSize: entitle.LeaseSize,
		Problems: slices.Concat(access.Problems(), gateway.Problems(), proxy.Problems()),
	}
	if s.ledger != nil {
		p.deps.Events = &rest.Events{Credentials: p.credentials, Reports: &ingest.Reports{DB: s.db, Ledger: s.ledger}}
	}
	if s.cfg.Mode == config.Sandbox {
		p.clock = newFollower(s, p)
		inbox.Heard = p.clock.look
		p.deps.Clock = &stripeservice.Clock{Token: p.clock.token, Follow: p.clock.follow}
	}
	return p, nil
}

// usageRate is how many meter events a second Stripe allows for an account: 100 live,
// 25 in test mode. The sandbox on this machine allows any number, 0.
func usageRate(mode config.Mode) float64 {
	switch mode {
	case config.Live:
		return 100
	case config.Test:
		return 25
	case config.Sandbox:
	}
	return 0
}

// comparisonPause is the time between two calls of a comparison: a quarter of the
// 100 calls a second that Stripe allows an account, or of the 25 in test mode. The
// sandbox on this machine allows any number.
func comparisonPause(mode config.Mode) time.Duration {
	switch mode {
	case config.Live:
		return time.Second / 25
	case config.Test:
		return 4 * time.Second / 25
	case config.Sandbox:
	}
	return 0
}

// attributes are the declared monetization properties.
func (s *server) attributes() []billing.Attribute {
	var out []billing.Attribute
	for _, a := range s.cfg.Attributes {
		out = append(out, billing.Attribute(a))
	}
	return out
}

// mailServer is the server that the configuration names, nil for none.
func mailServer(m *config.Mail) *notices.SMTP {
	if m == nil {
		return nil
	}
	return &notices.SMTP{Host: m.Host, Port: m.Port, Cover: notices.Cover(m.Cover), Username: m.Username, Password: m.Password, From: m.From}
}

// stripePages is the origin of the hosted pages where they are not Stripe's own.
func (s *server) stripePages(base string) string {
	u, err := url.Parse(base)
	if base == "" || err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// site is what every page knows of this installation.
func (s *server) site() respond.Site {
	site := respond.Site{Mode: string(s.cfg.Mode), PublicURL: s.publicURL(), Business: s.business, Organization: s.organization,
		Away: []string{"https://checkout.stripe.com", "https://billing.stripe.com"}}
	if s.cfg.Mode == config.Sandbox {
		site.SandboxURL = s.sandboxURL
	}
	if s.sandboxURL != "" {
		site.Away = []string{s.stripePages(s.sandboxURL)}
	}
	return site
}

// organization names the tenant whose catalogue visitors see.
func (s *server) organization(ctx context.Context) string {
	t, err := s.tenants.ByID(ctx, models.SuperTenant)
	if err != nil {
		return ""
	}
	return t.Name
}

// demo reports whether the demo's people are here: in sandbox mode, where nobody
// else can come in.
func (s *server) demo() bool { return s.cfg.Mode == config.Sandbox && s.loopback() }

// ready reports why requests cannot be answered, nil when they can.
func (s *server) ready(ctx context.Context) error {
	if err := s.db.PingContext(ctx); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	return nil
}

// keyChecker asks the engine about a key in words that accounts knows.
type keyChecker struct{ engine billing.Engine }

// CheckKey returns the account that key opens.
func (k keyChecker) CheckKey(ctx context.Context, key string) (accounts.PlatformAccount, error) {
	a, err := k.engine.CheckKey(ctx, key)
	if refused, ok := errors.AsType[*billing.Refused](err); ok {
		return accounts.PlatformAccount{}, fault.From(fault.Invalid, err, "Stripe refuses this key: "+refused.Message)
	}
	if barred, ok := errors.AsType[*billing.Barred](err); ok {
		return accounts.PlatformAccount{}, fault.From(fault.Invalid, err, "Stripe refuses this key: "+barred.Message)
	}
	return accounts.PlatformAccount{ID: a.ID, Name: a.Name}, err
}
