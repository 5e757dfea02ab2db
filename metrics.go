package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tollgate/internal/metrics"
	"tollgate/models"
)

// Drift, Jobs and Events implement metrics.Source.

func (s *store) Drift(ctx context.Context) ([]models.DriftCount, error) {
	return models.DriftCounts(ctx, s.db, nil)
}

func (s *store) Jobs(ctx context.Context) ([]models.StateCount, error) {
	return models.JobStates(ctx, s.db)
}

func (s *store) Events(ctx context.Context) ([]models.StateCount, error) {
	return models.EventStates(ctx, s.db)
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
			Source: s.store, Wall: s.wall, Business: s.business, Version: version(), Mode: string(s.cfg.Mode), Log: s.log,
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
