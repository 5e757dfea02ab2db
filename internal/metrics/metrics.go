// Package metrics says in Prometheus' words how the program stands. The numbers
// are read when they are asked for, from the rows that everything works by, so
// every process of an installation says the same.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tollgate/internal/clock"
	"tollgate/models"
)

// Path is where the metrics are.
const Path = "/metrics"

// patience is how long the database has for one reading.
const patience = 5 * time.Second

// A Source knows the numbers.
type Source interface {
	Drift(ctx context.Context) ([]models.DriftCount, error)
	Jobs(ctx context.Context) ([]models.StateCount, error)
	Events(ctx context.Context) ([]models.StateCount, error)
	// Windows counts the windows of usage by state; Oldest is business time.
	Windows(ctx context.Context) ([]models.StateCount, error)
	// Gateway is what this process's gateway has counted; false when it has none.
	Gateway() (Gateway, bool)
	// LedgerProblems is how many places broke the ledger's rules at the last check, -1
	// before the first.
	LedgerProblems() int
}

// Options are what a handler needs.
type Options struct {
	Source   Source
	Wall     clock.Wall
	Business clock.Business // the age of differences goes by it
	Version  string
	Mode     string // sandbox, test or live
	Log      *slog.Logger
}

// Handler answers GET /metrics.
func Handler(o Options) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &collector{o})
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}

var (
	driftOpen = prometheus.NewDesc("tollgate_drift_open",
		"Differences between Tollgate and Stripe that are not healed.", []string{"tenant", "kind"}, nil)
	driftAge = prometheus.NewDesc("tollgate_drift_oldest_age_seconds",
		"Since when the oldest difference that is not healed has been seen.", []string{"tenant", "kind"}, nil)
	jobs = prometheus.NewDesc("tollgate_outbox_jobs",
		"Work that committed changes owe Stripe and others, by state.", []string{"state"}, nil)
	jobAge = prometheus.NewDesc("tollgate_outbox_oldest_ready_age_seconds",
		"Since when the oldest work that is ready has been waiting; 0 when none is.", nil, nil)
	events = prometheus.NewDesc("tollgate_webhook_events",
		"Events received from Stripe, by state.", []string{"state"}, nil)
	eventAge = prometheus.NewDesc("tollgate_webhook_oldest_waiting_age_seconds",
		"Since when the oldest event that is not processed has been waiting; 0 when none is.", nil, nil)
	up = prometheus.NewDesc("tollgate_database_up",
		"Whether the database answered the questions behind these metrics.", nil, nil)
	build = prometheus.NewDesc("tollgate_build_info",
		"Always 1; the labels say what runs.", []string{"version", "go", "mode"}, nil)
)

// collector reads the numbers at each scrape.
type collector struct{ Options }

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range ofGateway {
		out <- d
	}
	for _, d := range []*prometheus.Desc{driftOpen, driftAge, jobs, jobAge, events, eventAge, up, build} {
		out <- d
	}
}

// Collect implements prometheus.Collector. What the database does not answer is
// left out, and tollgate_database_up says so.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(build, 1, c.Version, runtime.Version(), c.Mode)
	healthy := 1.0
	for _, read := range []func(context.Context, gauger) error{c.drift, c.jobs, c.events, c.windows} {
		if err := read(ctx, gauge); err != nil {
			healthy = 0
			if c.Log != nil {
				c.Log.WarnContext(ctx, "metrics cannot be read", "error", err)
			}
		}
	}
	gauge(up, healthy)
	gauge(ledgerProblems, float64(c.Source.LedgerProblems()))
	c.gateway(out)
}

// A gauger says one number.
type gauger func(d *prometheus.Desc, v float64, labels ...string)

func (c *collector) drift(ctx context.Context, gauge gauger) error {
	all, err := c.Source.Drift(ctx)
	for _, d := range all {
		gauge(driftOpen, float64(d.Count), d.Domain, d.ObjectType)
		gauge(driftAge, c.Business.Now().Sub(d.Oldest.Time()).Seconds(), d.Domain, d.ObjectType)
	}
	return err
}

func (c *collector) jobs(ctx context.Context, gauge gauger) error {
	all, err := c.Source.Jobs(ctx)
	return c.states(all, err, gauge, jobs, jobAge, c.Wall.Now(), models.JobReady, []string{models.JobReady, models.JobRunning, models.JobDone, models.JobFailed})
}

func (c *collector) events(ctx context.Context, gauge gauger) error {
	all, err := c.Source.Events(ctx)
	return c.states(all, err, gauge, events, eventAge, c.Wall.Now(), models.EventWaiting, []string{models.EventWaiting, models.EventDone, models.EventIgnored, models.EventFailed})
}

func (c *collector) windows(ctx context.Context, gauge gauger) error {
	all, err := c.Source.Windows(ctx)
	return c.states(all, err, gauge, windows, windowAge, c.Business.Now(), models.WindowSealed, []string{models.WindowSealed, models.WindowSending,
		models.WindowSent, models.WindowUnknown, models.WindowRefused, models.WindowUnbillable})
}

// states says how many are in each of states, 0 where there are none, and how long
// the oldest in the one called waiting has been there.
func (c *collector) states(all []models.StateCount, err error, gauge gauger, counts, age *prometheus.Desc, now time.Time, waiting string, states []string) error {
	if err != nil {
		return err
	}
	have := map[string]models.StateCount{}
	for _, s := range all {
		have[s.State] = s
	}
	for _, state := range states {
		gauge(counts, float64(have[state].Count), state)
	}
	seconds := 0.0
	if oldest := have[waiting]; oldest.Count > 0 {
		seconds = max(now.Sub(oldest.Oldest.Time()).Seconds(), 0)
	}
	gauge(age, seconds)
	return nil
}
