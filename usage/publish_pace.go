package usage

import (
	"sync"
	"time"

	"tollgate/accounts"
)

// The waits after an account did not take what it was sent.
const (
	firstRest   = time.Second
	longestRest = 2 * time.Minute
)

// A pace keeps the calls to one account under its limit, and leaves an account alone
// for a while that does not take them. All times are wall time.
type pace struct {
	mu    sync.Mutex
	rate  float64
	next  time.Time // of the next call
	until time.Time // it rests
	rest  time.Duration
}

func (p *Publisher) paceOf(at accounts.StripeAccount) *pace {
	v, _ := p.paces.LoadOrStore(at, &pace{rate: p.Rate})
	return v.(*pace)
}

// take returns how long to wait for the next call; the call is the caller's when
// that is 0. A tenth of a second may be caught up with.
func (p *pace) take(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rate <= 0 {
		return 0
	}
	if early := now.Add(-100 * time.Millisecond); p.next.Before(early) {
		p.next = early
	}
	if wait := p.next.Sub(now); wait > 0 {
		return wait
	}
	p.next = p.next.Add(time.Duration(float64(time.Second) / p.rate))
	return 0
}

// tired leaves the account alone for as long as it asks for, or else longer each time.
func (p *pace) tired(now time.Time, wait time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.until.After(now) { // else it is one of those that were under way together
		p.rest = min(max(2*p.rest, firstRest), longestRest)
	}
	if wait <= 0 {
		wait = p.rest
	}
	if until := now.Add(wait); until.After(p.until) {
		p.until = until
	}
	return wait
}

// calm forgets that the account was troubled.
func (p *pace) calm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest, p.until = 0, time.Time{}
}

// wakes is until when the account is left alone; it may be over.
func (p *pace) wakes() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until
}
