package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"tollgate/accounts"
	"tollgate/gateway/entitle"
	"tollgate/gateway/proxy"
	"tollgate/gateway/upstream"
	"tollgate/internal/config"
	"tollgate/internal/demo"
	"tollgate/models"
	"tollgate/usage"
	"tollgate/web/session"
)

// linger is how long the gateway still takes calls after it was told to stop, so
// that balancers notice. In sandbox mode there are none.
const linger = 5 * time.Second

// A dataPlane is the gateway's side of this process.
type dataPlane struct {
	gate    *entitle.Gate
	carrier *upstream.Client
	handler *proxy.Handler
	server  *proxy.Server
	forget  context.CancelFunc // stops keeping the gate current
}

// openLedger opens the ledger that this process writes to, if it writes any: the
// gateway's calls, and what other gateways report to the portal.
func (s *server) openLedger(address string) *usage.Ledger {
	kind := usage.KindPortal
	if s.cfg.Parts[config.PartGateway] {
		kind = usage.KindGateway
	} else if !s.cfg.Parts[config.PartPortal] {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return usage.NewLedger(usage.LedgerOptions{DB: s.db, Wall: s.wall, Business: s.business, Kind: kind, Name: host, Address: address, Log: s.log})
}

// where is the first of some listeners that there is.
func where(listeners ...net.Listener) string {
	for _, l := range listeners {
		if l != nil {
			return l.Addr().String()
		}
	}
	return ""
}

// startLedger writes the ledger until closeLedger is called. It goes on while requests
// are still being answered, so it does not end with ctx.
func (s *server) startLedger(ctx context.Context) {
	if s.ledger == nil {
		return
	}
	s.wait.Go(func() {
		if err := s.ledger.Run(context.WithoutCancel(ctx)); err != nil {
			s.log.Error("the ledger could not be left in order", "error", err)
		}
	})
}

// listenGateway opens the gateway's address, if it is among the parts.
func (s *server) listenGateway() (net.Listener, error) {
	if !s.cfg.Parts[config.PartGateway] {
		s.gatewayURL = shownURL(s.cfg)
		return nil, nil
	}
	l, err := listen("TOLLGATE_GATEWAY_ADDR", s.cfg.GatewayAddr)
	if err != nil {
		return nil, err
	}
	if s.gatewayURL = shownURL(s.cfg); s.gatewayURL == "" {
		s.gatewayURL = config.LocalURL(l.Addr().String()).String()
	}
	return l, nil
}

// shownURL is how people are told to reach the gateway, "" when that is not known.
func shownURL(cfg config.Config) string {
	if cfg.GatewayURL == nil {
		return ""
	}
	return cfg.GatewayURL.Scheme + "://" + cfg.GatewayURL.Host
}

// openGateway makes the gateway. It takes no calls yet.
func (s *server) openGateway() *dataPlane {
	d := &dataPlane{
		gate: entitle.New(entitle.Options{
			DB: s.db, Wall: s.wall, Business: s.business, Vault: s.vault, Writer: s.ledger.Writer(), Alone: s.cfg.Database.Engine == config.SQLite, Log: s.log,
		}),
		carrier: upstream.New(upstream.Options{
			Rule:       upstream.Rule{Allow: s.cfg.UpstreamAllow, AllowPrivate: s.cfg.Mode == config.Sandbox},
			Transports: s.inProcess(),
		}),
	}
	d.handler = proxy.New(proxy.Options{
		Gate: d.gate, Carrier: d.carrier, Recorder: s.ledger, CanRecord: s.ledger.Ready, Refused: s.ledger.Refused, Credentials: s.parts.credentials, TenantPath: s.tenantPath,
		Ready:  func(ctx context.Context) error { return errors.Join(s.ledger.Ready(), d.gate.Ready(), s.ready(ctx)) },
		Portal: s.portalURL, Cookies: session.Names(), KeyPrefixes: accounts.KeyPrefixes(), Trusted: s.cfg.TrustedProxies, Log: s.log, Wall: s.wall,
	})
	o := proxy.ServerOptions{Drain: stopTime}
	if s.cfg.Mode != config.Sandbox {
		o.Linger = linger
	}
	d.server = proxy.NewServer(d.handler, o)
	s.ledger.Tell(d.figures)
	return d
}

// inProcess is what answers within this process: the demo's APIs, where there is a demo.
func (s *server) inProcess() map[string]http.RoundTripper {
	if s.cfg.Mode != config.Sandbox {
		return nil
	}
	return map[string]http.RoundTripper{"demo": demo.Upstream{Business: s.business}}
}

// tenantPath is what the paths of a tenant's APIs begin with.
func (s *server) tenantPath(ctx context.Context, tenant models.TenantID) (string, error) {
	if tenant == models.SuperTenant {
		return "", nil
	}
	t, err := s.tenants.ByID(ctx, tenant)
	return "/t/" + t.Domain, err
}

// figures is what the gateway tells of itself.
func (d *dataPlane) figures() usage.Figures {
	n := d.handler.Stats()
	f := usage.Figures{CaughtUp: d.gate.CaughtUp(), Served: n.Served, Refused: n.RefusedCalls(), Failed: n.FailedCalls(), InFlight: n.InFlight}
	if err := d.gate.Ready(); err != nil {
		f.Problem = err.Error()
	}
	return f
}

// startGateway serves calls on l.
func (s *server) startGateway(ctx context.Context, l net.Listener, failed chan<- error) {
	d := s.gateway
	current, stop := context.WithCancel(context.WithoutCancel(ctx)) // calls that are under way at the end need it still
	d.forget = stop
	s.wait.Go(func() { loop(current, job{name: "entitlements", runOnce: d.gate.RunOnce}, s.wall.Now, s.log) })
	go func() {
		if err := d.server.Serve(l); err != nil {
			failed <- fmt.Errorf("the gateway: %w", err)
		}
	}()
}

// stopGateway lets the calls that are under way end, and then writes down the rest.
func (s *server) stopGateway() {
	if s.gateway != nil {
		late, cancel := context.WithTimeout(context.Background(), linger+stopTime)
		defer cancel()
		if err := s.gateway.server.Stop(late); err != nil {
			s.log.Warn("some calls were cut off at the end", "error", err)
		}
		s.gateway.carrier.Close()
		s.gateway.forget()
		if err := s.gateway.gate.Stop(late); err != nil {
			s.log.Warn("what was left of quotas is free again in some seconds", "error", err)
		}
	}
	if s.ledger != nil {
		s.ledger.Close()
	}
}
