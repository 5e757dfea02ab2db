package simulate

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"
)

// actorKey is where a context says who acts.
type actorKey struct{}

// As returns a context in which everything is done by the actor called name.
func As(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

func actorOf(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// Weather is how often things go wrong, each from 0 (never) to 1.
type Weather struct {
	Store  float64 // a transaction, commit or statement fails
	Stripe float64 // a call fails, before or after its effect
	Crash  float64 // a program is killed
	Freeze float64 // a program stands still for longer than its leases last
}

// A Stage lets one of many goroutines go on at a time, chosen by chance: from one
// statement, transaction or call to the next. With the same seed the same happens.
// It lives in a bubble of testing/synctest, and everything that it directs does.
type Stage struct {
	Weather Weather
	Rand    *rand.Rand
	// Kill ends the program that the actor called name works for.
	Kill func(name string)
	// Log is told of every step.
	Log func(line string)

	mu     sync.Mutex
	parked []*parked
	came   int
	frozen map[string]bool
	empty  bool // nobody waits any more
}

// parked is somebody who wants to go on.
type parked struct {
	who, what string
	stripe    bool
	came      int
	answer    chan Outcome
}

// Direct makes everything that actors do with w wait for s.
func (s *Stage) Direct(w *World) {
	s.frozen = map[string]bool{}
	w.Store.Hook = func(ctx context.Context, op, query string) Verdict {
		if op == "begin" || op == "commit" {
			query = ""
		}
		return s.park(ctx, op+" "+query[:min(len(query), 300)], false).Verdict
	}
	w.Line.Hook = func(ctx context.Context, c Call) Outcome { return s.park(ctx, c.String(), true) }
}

// park waits for the turn of whoever acts in ctx.
func (s *Stage) park(ctx context.Context, what string, stripe bool) Outcome {
	who := actorOf(ctx)
	if who == "" {
		return Outcome{}
	}
	p := &parked{who: who, what: what, stripe: stripe, answer: make(chan Outcome, 1)}
	s.mu.Lock()
	if s.empty {
		s.mu.Unlock()
		return Outcome{}
	}
	s.came++
	p.came = s.came
	s.parked = append(s.parked, p)
	s.mu.Unlock()
	select {
	case o := <-p.answer:
		return o
	case <-ctx.Done():
		s.mu.Lock()
		s.parked = slices.DeleteFunc(s.parked, func(q *parked) bool { return q == p })
		s.mu.Unlock()
		return Outcome{}
	}
}

// next takes whose turn it is; nil when nobody wants to go on.
func (s *Stage) next() *parked {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.parked, func(a, b *parked) int {
		return cmp.Or(cmp.Compare(a.who, b.who), cmp.Compare(a.what, b.what), cmp.Compare(a.came, b.came))
	})
	var ready []int
	for i, p := range s.parked {
		if !s.frozen[p.who] {
			ready = append(ready, i)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	i := ready[s.Rand.IntN(len(ready))]
	p := s.parked[i]
	s.parked = slices.Delete(s.parked, i, i+1)
	return p
}

// Play runs acts at the same time, until all of them are over.
func (s *Stage) Play(ctx context.Context, acts map[string]func(ctx context.Context)) {
	var left sync.WaitGroup
	over := make(chan struct{})
	names := make([]string, 0, len(acts))
	for name := range acts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		left.Go(func() { acts[name](As(ctx, name)) })
		synctest.Wait()
	}
	go func() { left.Wait(); close(over) }()
	for idle := 0; ; {
		synctest.Wait()
		select {
		case <-over:
			return
		default:
		}
		if p := s.next(); p != nil {
			idle = 0
			s.let(p)
			continue
		}
		clear(s.frozen) // whoever stood still goes on once nobody else has anything to do
		if idle++; idle > 100_000 {
			panic(fmt.Sprintf("simulate: nothing goes on: %v", names))
		}
		if s.waiting() == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// Release lets everybody go on, now and from here on.
func (s *Stage) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty = true
	for _, p := range s.parked {
		p.answer <- Outcome{}
	}
	s.parked = nil
}

func (s *Stage) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.parked)
}

// let lets p go on, or has something befall it.
func (s *Stage) let(p *parked) {
	o := s.fate(p)
	if s.Log != nil {
		text := ""
		if o != (Outcome{}) {
			text = fmt.Sprintf(" !! verdict %d status %d after %s", o.Verdict, o.Status, o.Delay)
		}
		s.Log(p.who + ": " + p.what + text)
	}
	p.answer <- o
}

// longerThanALease is how long somebody stands still.
const longerThanALease = 9 * time.Second

// fate draws what becomes of what p wants to do.
func (s *Stage) fate(p *parked) Outcome {
	switch {
	case s.Rand.Float64() < s.Weather.Crash && s.Kill != nil:
		if s.Log != nil {
			s.Log("!! killed before " + p.what)
		}
		s.Kill(p.who)
		return Outcome{}
	case s.Rand.Float64() < s.Weather.Freeze:
		s.frozen[p.who] = true
		if s.Log != nil {
			s.Log("!! " + p.who + " stands still")
		}
		time.Sleep(longerThanALease)
		return Outcome{}
	case p.stripe && s.Rand.Float64() < s.Weather.Stripe:
		return s.mishap(p.what)
	case !p.stripe && s.Rand.Float64() < s.Weather.Store:
		if s.Rand.IntN(2) == 0 {
			return Outcome{Verdict: FailLate}
		}
		return Outcome{Verdict: Fail}
	}
	return Outcome{}
}

// mishap draws how a call fails.
func (s *Stage) mishap(call string) Outcome {
	all := []Outcome{
		{Verdict: Fail, Status: http.StatusTooManyRequests, Code: "rate_limit"},
		{Verdict: Fail, Status: http.StatusInternalServerError},
		{Verdict: FailLate, Status: http.StatusInternalServerError},
		{Verdict: Fail, Status: http.StatusGatewayTimeout},
		{Verdict: FailLate, Status: http.StatusGatewayTimeout},
		{Verdict: Fail},
		{Verdict: FailLate},
		{Verdict: Fail, Status: http.StatusConflict, Code: "idempotency_key_in_use"},
		{Delay: 12 * time.Second},
	}
	if strings.HasPrefix(call, "POST /v1/billing/meter_events ") {
		all = append(all,
			Outcome{Verdict: FailLate, Status: http.StatusBadRequest, Text: "An event already exists with identifier that."},
			Outcome{Verdict: Fail, Status: http.StatusTooManyRequests, Code: "lock_timeout"})
	}
	return all[s.Rand.IntN(len(all))]
}
