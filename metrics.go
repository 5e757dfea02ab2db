package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tollgate/internal/metrics"
	"tollgate/models"
	"tollgate/usage"
)

// Drift, Jobs, Events and Windows implement metrics.Source.

func (s *store) Drift(ctx context.Context) ([]models.DriftCount, error) {
	return models.DriftCounts(ctx, s.db, nil)
}

func (s *store) Jobs(ctx context.Context) ([]models.StateCount, error) {
	return models.JobStates(ctx, s.db)
}

func (s *store) Events(ctx context.Context) ([]models.StateCount, error) {
	return models.EventStates(ctx, s.db)
}

func (s *store) Windows(ctx context.Context) ([]models.StateCount, error) {
	return models.WindowStates(ctx, s.db)
}

// Gateway is what the gateway of this process has counted.
func (s *server) Gateway() (metrics.Gateway, bool) {
	if s.gateway == nil {
		return metrics.Gateway{}, false
	}
	n := s.gateway.handler.Stats()
	return metrics.Gateway{
		Served: n.Served, Counted: n.Counted, Authorized: n.Authorized, Cut: n.Cut, InFlight: n.InFlight, Refused: n.Refused, Failed: n.Failed,
		Took: metrics.Histogram(n.Took), Waited: metrics.Histogram(n.Waited),
	}, true
}

// LedgerProblems is how many places broke the ledger's rules at the last check.
func (s *server) LedgerProblems() int { return int(s.ledgerProblems.Load()) }

// checkEvery is the time between two checks of the whole ledger.
const checkEvery = time.Hour

// checkLedger looks whether anything of the ledger is missing, twice, or other than
// its sums. Nothing is mended by itself: somebody has to look.
func (s *server) checkLedger(ctx context.Context) (time.Time, error) {
	problems, err := usage.CheckLedger(ctx, s.db)
	if err != nil {
		return time.Time{}, err
	}
	s.ledgerProblems.Store(int64(len(problems)))
	for _, p := range problems {
		s.log.ErrorContext(ctx, "the ledger of calls breaks a rule", "problem", p.String())
	}
	return s.wall.Now().Add(checkEvery), nil
}

// startMetrics opens the listener that Prometheus asks, if an address is set. It
// has no sign-in: whoever reaches the address may read the numbers.
func (s *server) startMetrics(ctx context.Context, failed chan<- error) error {
	if s.cfg.MetricsAddr == "" {
		return nil
	}
	l, err := listen("TOLLGATE_METRICS_ADDR", s.cfg.MetricsAddr)
	if err != nil {
		return err
	}
	s.metricsURL = "http://" + l.Addr().String() + metrics.Path
	h := &http.Server{
		Handler: metrics.Handler(metrics.Options{
			Source: s, Wall: s.wall, Business: s.business, Version: version(), Mode: string(s.cfg.Mode), Log: s.log,
		}),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
	}
	s.wait.Go(func() {
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	})
	s.wait.Go(func() {
		<-ctx.Done()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = h.Shutdown(late) // a scrape that is cut off is asked for again
	})
	return nil
}
