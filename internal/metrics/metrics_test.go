package metrics_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tollgate/internal/clock"
	"tollgate/internal/metrics"
	"tollgate/models"
)

var now = time.Date(2026, 12, 8, 14, 0, 0, 0, time.UTC)

type source struct {
	drift        []models.DriftCount
	jobs, events []models.StateCount
	err          error
}

func (s source) Drift(context.Context) ([]models.DriftCount, error)  { return s.drift, s.err }
func (s source) Jobs(context.Context) ([]models.StateCount, error)   { return s.jobs, s.err }
func (s source) Events(context.Context) ([]models.StateCount, error) { return s.events, s.err }
func (s source) Windows(context.Context) ([]models.StateCount, error) {
	return []models.StateCount{{State: models.WindowSealed, Count: 4, Oldest: models.At(time.Unix(1, 0))}}, s.err
}
func (source) LedgerProblems() int { return 0 }
func (source) Gateway() (metrics.Gateway, bool) {
	return metrics.Gateway{Served: 7, Counted: 5, InFlight: 2, Refused: map[string]int64{"quota-spent": 3},
		Took: metrics.Histogram{Bounds: []time.Duration{time.Millisecond, time.Second}, Counts: []int64{4, 2, 1}, Sum: 3 * time.Second}}, true
}

func scrape(t *testing.T, s source, path string) (int, string) {
	t.Helper()
	wall := clock.NewWall(func() time.Time { return now })
	w := httptest.NewRecorder()
	metrics.Handler(metrics.Options{Source: s, Wall: wall, Business: clock.NewBusiness(wall), Version: "v1.2.3", Mode: "sandbox"}).
		ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestWhatIsMeasured(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) models.Instant { return models.At(now.Add(-d)) }
	_, body := scrape(t, source{
		drift:  []models.DriftCount{{Domain: "carbon.super", ObjectType: "price", Count: 3, Oldest: ago(2 * time.Hour)}, {Domain: `evil"tenant`, ObjectType: "refund", Count: 1, Oldest: ago(time.Minute)}},
		jobs:   []models.StateCount{{State: models.JobReady, Count: 2, Oldest: ago(90 * time.Second)}, {State: models.JobFailed, Count: 1, Oldest: ago(time.Hour)}},
		events: []models.StateCount{{State: models.EventDone, Count: 7, Oldest: ago(time.Hour)}},
	}, metrics.Path)
	for _, want := range []string{
		`tollgate_drift_open{kind="price",tenant="carbon.super"} 3`, `tollgate_drift_open{kind="refund",tenant="evil\"tenant"} 1`,
		`tollgate_drift_oldest_age_seconds{kind="price",tenant="carbon.super"} 7200`,
		`tollgate_outbox_jobs{state="ready"} 2`, `tollgate_outbox_jobs{state="failed"} 1`, `tollgate_outbox_jobs{state="running"} 0`,
		`tollgate_outbox_oldest_ready_age_seconds 90`,
		`tollgate_webhook_events{state="done"} 7`, `tollgate_webhook_events{state="waiting"} 0`, `tollgate_webhook_oldest_waiting_age_seconds 0`,
		`tollgate_gateway_calls_served_total 7`, `tollgate_gateway_calls_refused_total{type="quota-spent"} 3`, `tollgate_gateway_calls_in_flight 2`,
		`tollgate_gateway_call_duration_seconds_bucket{le="0.001"} 4`, `tollgate_gateway_call_duration_seconds_bucket{le="1"} 6`,
		`tollgate_gateway_call_duration_seconds_bucket{le="+Inf"} 7`, `tollgate_gateway_call_duration_seconds_sum 3`,
		`tollgate_usage_windows{state="sealed"} 4`, `tollgate_usage_windows{state="sent"} 0`, `tollgate_ledger_problems 0`,
		`tollgate_database_up 1`, `mode="sandbox",version="v1.2.3"} 1`, "go_goroutines ",
	} {
		if !strings.Contains(body, want+"\n") && !strings.Contains(body, want) {
			t.Errorf("%q is not in\n%s", want, body)
		}
	}
}

func TestASilentDatabaseIsSaid(t *testing.T) {
	t.Parallel()
	code, body := scrape(t, source{err: errors.New("connection refused")}, metrics.Path)
	if code != http.StatusOK || !strings.Contains(body, "tollgate_database_up 0") || strings.Contains(body, "tollgate_outbox_jobs{") || !strings.Contains(body, "tollgate_build_info") {
		t.Errorf("%d\n%s", code, body)
	}
}

func TestOnlyMetricsAreServed(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/metrics/", "/debug/pprof/"} {
		if code, _ := scrape(t, source{}, path); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
}
