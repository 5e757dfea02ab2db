package proxy

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stats are what a gateway has counted since it started.
type Stats struct {
	Served      int64            // answers of upstreams that were passed on
	Counted     int64            // those of them that count as the API says
	Refused     map[string]int64 // calls that were turned away, by problem type
	Failed      map[string]int64 // calls that were let through and got a problem of ours, by problem type
	Authorized  int64            // calls that tenants' own gateways were told to let through
	Cut         int64            // answers that broke off after they had begun
	FaultyUnits int64            // answers whose header for units said no number
	InFlight    int64            // requests being answered
	Took        Histogram        // from a call's head to the end of its answer, but for websockets
	Waited      Histogram        // for the head of an upstream's answer
}

// RefusedCalls and FailedCalls are sums.
func (s *Stats) RefusedCalls() int64 { return sum(s.Refused) }

// FailedCalls returns how many calls were let through and got a problem of ours.
func (s *Stats) FailedCalls() int64 { return sum(s.Failed) }

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// A Histogram counts durations. Counts[i] is how many were at most Bounds[i] and
// more than the one before; the last one is those above all bounds.
type Histogram struct {
	Bounds []time.Duration
	Counts []int64
	Sum    time.Duration
}

// bounds are those of every histogram.
var bounds = []time.Duration{
	time.Millisecond / 2, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second,
}

// stats is where Stats are counted.
type stats struct {
	served, counted, cut, faultyUnits atomic.Int64
	authorized                        atomic.Int64
	inFlight                          atomic.Int64
	refused, failed                   tally
	took, waited                      histogram
}

func (s *stats) read() Stats {
	return Stats{
		Served: s.served.Load(), Counted: s.counted.Load(), Refused: s.refused.read(), Failed: s.failed.read(), Authorized: s.authorized.Load(), Cut: s.cut.Load(),
		FaultyUnits: s.faultyUnits.Load(), InFlight: s.inFlight.Load(), Took: s.took.read(), Waited: s.waited.read(),
	}
}

// A tally counts by name.
type tally struct{ counts sync.Map } // string to *atomic.Int64

func (t *tally) add(name string) {
	n, ok := t.counts.Load(name)
	if !ok {
		n, _ = t.counts.LoadOrStore(name, new(atomic.Int64))
	}
	n.(*atomic.Int64).Add(1)
}

func (t *tally) read() map[string]int64 {
	all := map[string]int64{}
	for name, n := range t.counts.Range {
		all[name.(string)] = n.(*atomic.Int64).Load()
	}
	return all
}

type histogram struct {
	counts [16]atomic.Int64 // one more than bounds, at least
	sum    atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

func (h *histogram) read() Histogram {
	r := Histogram{Bounds: bounds, Counts: make([]int64, len(bounds)+1), Sum: time.Duration(h.sum.Load())}
	for i := range r.Counts {
		r.Counts[i] = h.counts[i].Load()
	}
	return r
}
