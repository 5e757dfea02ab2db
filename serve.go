package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/internal/config"
	"tollgate/internal/wire"
	"tollgate/sandbox"
	"tollgate/usage"
	"tollgate/web"
)

// stopTime is how long requests that are being answered may take at the end.
const stopTime = 20 * time.Second

// portalConns is how many connections the portal has at once.
const portalConns = 4096

// A server is the parts of this process that run.
type server struct {
	*store
	log     *slog.Logger
	out     io.Writer
	parts   *parts
	sandbox *sandbox.Server
	portal  listener
	gateway *dataPlane    // nil: no calls are served here
	ledger  *usage.Ledger // nil: no calls are written down here

	portalURL, sandboxURL string
	gatewayURL            string       // how people are told to reach it, "" when that is not known
	metricsURL            string       // "" when nobody may ask
	ledgerProblems        atomic.Int64 // at the last check; -1 before the first
	wait                  sync.WaitGroup
}

// A listener is the portal's HTTP side, as far as it concerns us.
type listener interface {
	Listener(l net.Listener) error
	ShutdownWithTimeout(d time.Duration) error
}

// serve is the command that runs the parts until ctx is done.
func serve(ctx context.Context, args []string, getenv func(string) string, out, logTo io.Writer) error {
	set, file := flags("serve", out)
	if err := set.Parse(args); err != nil {
		return err
	}
	cfg, err := config.Read(config.Options{File: *file, Parts: set.Args()}, getenv)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(logTo, &slog.HandlerOptions{Level: logLevel(getenv)}))
	if len(cfg.Parts) == 1 && cfg.Parts[config.PartSandbox] {
		return serveSandbox(ctx, cfg, log, out)
	}
	data, err := openStore(ctx, cfg, log, true)
	if err != nil {
		return err
	}
	defer data.close()
	s := &server{store: data, log: log, out: out}
	s.ledgerProblems.Store(-1)
	ctx, stop := context.WithCancel(ctx)
	defer func() { stop(); s.wait.Wait() }()
	return s.run(ctx)
}

// serveSandbox runs Stripe on this machine alone: it knows nothing of the rest, and
// needs none of its data.
func serveSandbox(ctx context.Context, cfg config.Config, log *slog.Logger, out io.Writer) error {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("the data directory cannot be made: %w; set TOLLGATE_DATA to a directory that may be written", err)
	}
	s := &server{store: &store{cfg: cfg}, log: log, out: out}
	ctx, stop := context.WithCancel(ctx)
	defer func() { stop(); s.wait.Wait() }()
	failed := make(chan error, 1)
	if err := s.startSandbox(ctx, failed); err != nil {
		return err
	}
	s.greet(ctx)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// logLevel is warnings and worse on a terminal, where people read; everything
// when TOLLGATE_LOG asks for it.
func logLevel(getenv func(string) string) slog.Level {
	if getenv("TOLLGATE_LOG") == "info" {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// run starts everything, says so, and waits for the end.
func (s *server) run(ctx context.Context) error {
	failed := make(chan error, 5)
	if err := s.startSandbox(ctx, failed); err != nil {
		return err
	}
	address, err := s.listenPortal()
	if err != nil {
		return err
	}
	calls, err := s.listenGateway()
	if err != nil {
		return err
	}
	s.ledger = s.openLedger(where(calls, address))
	if s.parts, err = s.wire(); err != nil {
		return err
	}
	s.startLedger(ctx)
	defer s.stopGateway()
	if calls != nil {
		s.gateway = s.openGateway()
		s.startGateway(ctx, calls, failed)
	}
	if err := s.startMetrics(ctx, failed); err != nil {
		return err
	}
	if address != nil {
		s.portal = web.New(s.parts.deps)
		go func() { failed <- s.portal.Listener(wire.Listen(address, portalConns)) }()
		defer s.stopPortal()
	}
	s.startJobs(ctx)
	if err := s.prepare(ctx); err != nil {
		return err
	}
	s.greet(ctx)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// listen opens an address, and says what to do when it is taken.
func listen(variable, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; stop the program that has it, or set %s to another address (port 0 takes a free one)", addr, err, variable)
	}
	return l, nil
}

// startSandbox starts Stripe on this machine, if it is among the parts.
func (s *server) startSandbox(ctx context.Context, failed chan<- error) error {
	s.sandboxURL = s.cfg.StripeAPIBase
	if !s.cfg.Parts[config.PartSandbox] {
		if s.cfg.Mode == config.Sandbox && s.sandboxURL == "" {
			s.sandboxURL = config.LocalURL(s.cfg.SandboxAddr).String()
		}
		return nil
	}
	l, err := listen("TOLLGATE_SANDBOX_ADDR", s.cfg.SandboxAddr)
	if err != nil {
		return err
	}
	base := config.LocalURL(l.Addr().String()).String()
	if s.sandbox, err = sandbox.Open(ctx, sandbox.Options{Path: filepath.Join(s.cfg.Data, "sandbox.db"), BaseURL: base, Wall: s.wall, Log: s.log}); err != nil {
		return errors.Join(fmt.Errorf("the sandbox's file in %s cannot be opened: %w", s.cfg.Data, err), l.Close())
	}
	if s.sandboxURL == "" {
		s.sandboxURL = base
	}
	h := &http.Server{Handler: s.sandbox.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	s.wait.Go(func() {
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	})
	s.wait.Go(func() {
		<-ctx.Done()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = h.Shutdown(late) // what is cut off is as if the process had been killed
	})
	s.wait.Go(func() {
		loop(ctx, job{"sandbox", s.sandbox.RunOnce, s.sandbox.Wake()}, s.wall.Now, s.log)
		_ = s.sandbox.Close() // everything that counts is committed
	})
	return nil
}

// listenPortal opens the portal's address, if it is among the parts, and finds
// out where browsers reach it.
func (s *server) listenPortal() (net.Listener, error) {
	if u := s.cfg.PublicURL; u != nil {
		s.portalURL = strings.TrimSuffix(u.String(), "/")
	}
	if !s.cfg.Parts[config.PartPortal] {
		return nil, nil
	}
	l, err := listen("TOLLGATE_ADDR", s.cfg.Addr)
	if err != nil {
		return nil, err
	}
	if s.portalURL == "" {
		s.portalURL = config.LocalURL(l.Addr().String()).String()
	}
	return l, nil
}

func (s *server) stopPortal() {
	if err := s.portal.ShutdownWithTimeout(stopTime); err != nil {
		s.log.Warn("some requests were cut off at the end", "error", err)
	}
}

// startJobs runs what works in the background. It goes on until ctx is done.
func (s *server) startJobs(ctx context.Context) {
	for _, j := range s.jobs() {
		s.wait.Go(func() { loop(ctx, j, s.wall.Now, s.log) })
	}
}

func (s *server) jobs() []job {
	jobs := []job{{name: "clock", runOnce: s.followOffset}}
	if s.cfg.Parts[config.PartWorker] {
		jobs = append(jobs,
			job{"outbox", s.parts.runner.RunOnce, s.parts.runner.Woken()},
			job{name: "sweep", runOnce: s.parts.sweep.RunOnce},
			job{name: "reconciliation", runOnce: s.parts.agree.RunOnce},
			job{name: "sessions", runOnce: s.parts.deps.Sessions.RunOnce},
			job{name: "housekeeping", runOnce: s.keepHouse},
			job{"usage", s.parts.publisher.RunOnce, s.parts.publisher.Woken()},
			job{name: "packing", runOnce: s.parts.packer.RunOnce},
			job{name: "check of the ledger", runOnce: s.checkLedger},
			job{name: "comparison of units", runOnce: s.parts.comparer.RunOnce},
		)
	}
	return jobs
}

// loopback reports whether only this machine can reach the portal.
func (s *server) loopback() bool {
	host, _, err := net.SplitHostPort(s.cfg.Addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// publicURL is where browsers reach the portal.
func (s *server) publicURL() *url.URL {
	u, err := url.Parse(s.portalURL)
	if err != nil {
		return &url.URL{}
	}
	return u
}

// home is the directory of the data, for people.
func (s *server) home() string {
	path, err := filepath.Abs(s.cfg.Data)
	if err != nil {
		return s.cfg.Data
	}
	if _, err := os.Stat(path); err != nil {
		return s.cfg.Data
	}
	return path
}
