package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A Gateway is what the gateway in this process has counted since it started.
type Gateway struct {
	Served, Counted, Authorized, Cut, InFlight int64
	Refused, Failed                            map[string]int64 // by problem type
	Took, Waited                               Histogram        // the whole call; until the upstream's answer began
}

// A Histogram counts durations: Counts[i] of them were at most Bounds[i] and more than
// the bound before; the last one is those above all bounds.
type Histogram struct {
	Bounds []time.Duration
	Counts []int64
	Sum    time.Duration
}

var (
	callsServed = prometheus.NewDesc("tollgate_gateway_calls_served_total",
		"Answers of upstreams that this gateway has passed on.", nil, nil)
	callsCounted = prometheus.NewDesc("tollgate_gateway_calls_counted_total",
		"Calls that count, as their APIs say.", nil, nil)
	callsRefused = prometheus.NewDesc("tollgate_gateway_calls_refused_total",
		"Calls that were turned away, by problem type.", []string{"type"}, nil)
	callsFailed = prometheus.NewDesc("tollgate_gateway_calls_failed_total",
		"Calls that were let through and answered with a problem, by its type.", []string{"type"}, nil)
	callsAuthorized = prometheus.NewDesc("tollgate_gateway_calls_authorized_total",
		"Calls that other gateways were told to let through.", nil, nil)
	callsCut = prometheus.NewDesc("tollgate_gateway_calls_cut_total",
		"Answers that broke off after they had begun.", nil, nil)
	callsInFlight = prometheus.NewDesc("tollgate_gateway_calls_in_flight",
		"Calls that are being answered.", nil, nil)
	callSeconds = prometheus.NewDesc("tollgate_gateway_call_duration_seconds",
		"From a call's head to the end of its answer.", nil, nil)
	upstreamSeconds = prometheus.NewDesc("tollgate_gateway_upstream_wait_seconds",
		"Until the head of an upstream's answer came.", nil, nil)
	ledgerProblems = prometheus.NewDesc("tollgate_ledger_problems",
		"Places where the ledger of calls broke its rules at the last check; -1 before the first.", nil, nil)
	windows = prometheus.NewDesc("tollgate_usage_windows",
		"Windows of usage, by state.", []string{"state"}, nil)
	windowAge = prometheus.NewDesc("tollgate_usage_oldest_sealed_age_seconds",
		"Since when the oldest window that is to be sent has been waiting, by business time; 0 when none is.", nil, nil)
)

// ofGateway are the descriptions of what gateway tells.
var ofGateway = []*prometheus.Desc{
	callsServed, callsCounted, callsRefused, callsFailed, callsAuthorized, callsCut, callsInFlight, callSeconds, upstreamSeconds,
	ledgerProblems, windows, windowAge,
}

// gateway tells what this process's gateway has counted, if it has one.
func (c *collector) gateway(out chan<- prometheus.Metric) {
	g, ok := c.Source.Gateway()
	if !ok {
		return
	}
	count := func(d *prometheus.Desc, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	count(callsServed, g.Served)
	count(callsCounted, g.Counted)
	count(callsAuthorized, g.Authorized)
	count(callsCut, g.Cut)
	for kind, n := range g.Refused {
		count(callsRefused, n, kind)
	}
	for kind, n := range g.Failed {
		count(callsFailed, n, kind)
	}
	out <- prometheus.MustNewConstMetric(callsInFlight, prometheus.GaugeValue, float64(g.InFlight))
	out <- g.Took.metric(callSeconds)
	out <- g.Waited.metric(upstreamSeconds)
}

// metric sums up as Prometheus counts: each bound with all that is below it.
func (h Histogram) metric(d *prometheus.Desc) prometheus.Metric {
	below := make(map[float64]uint64, len(h.Bounds))
	var n uint64
	for i, c := range h.Counts {
		n += uint64(c) //nolint:gosec // a count is never negative
		if i < len(h.Bounds) {
			below[h.Bounds[i].Seconds()] = n
		}
	}
	return prometheus.MustNewConstHistogram(d, n, h.Sum.Seconds(), below)
}
