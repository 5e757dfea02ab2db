package gateway

import (
	"sync"
	"time"
)

// A Rate is a burst limit: so many calls in so much time. The zero Rate limits nothing.
type Rate struct {
	Count int64
	Per   time.Duration
}

// rateUnits are the units of time of burst limits.
var rateUnits = map[string]time.Duration{"sec": time.Second, "min": time.Minute, "hour": time.Hour}

// RateOf returns a burst limit of so many calls a unit: sec, min or hour.
func RateOf(count int64, unit string) Rate {
	if count <= 0 {
		return Rate{}
	}
	per, known := rateUnits[unit]
	if !known {
		per = time.Minute
	}
	return Rate{count, per}
}

// Limits reports whether r limits anything. More than a call in each nanosecond is
// no limit.
func (r Rate) Limits() bool { return r.Count > 0 && int64(r.Per) >= r.Count }

// A Burst is what is left of a burst limit after a call.
type Burst struct {
	Left int64         // calls that may follow at once
	Full time.Duration // until all of it is there again
	Wait time.Duration // 0: the call may pass; else until one may
}

// Take counts a call by the generic cell rate algorithm: Count calls may come at
// once, then one in each Per/Count. State is all it remembers, the zero state of one
// who never called; now is in nanoseconds. A refused call changes nothing.
func (r Rate) Take(state, now int64) (next int64, b Burst) {
	each := int64(r.Per) / r.Count
	room := each * r.Count
	taken := min(max(state-now, 0), room) // more than all of it was never taken: a clock or the limit was changed
	if taken += each; taken > room {
		return state, Burst{Full: time.Duration(taken - each), Wait: time.Duration(taken - room)}
	}
	return now + taken, Burst{Left: (room - taken) / each, Full: time.Duration(taken)}
}

// Limit returns b for a caller to read.
func (r Rate) Limit(b Burst) Limit {
	return Limit{Name: "burst", Limit: r.Count, Remaining: b.Left, Window: r.Per, Resets: b.Full}
}

const (
	limiterShards = 64
	limiterMost   = 1 << 14 // states in a shard that are remembered whatever happens
)

// A Limiter holds the burst limits of subscriptions in one gateway. Each gateway
// counts on its own: they protect what is behind it, and nothing is billed by them.
type Limiter struct{ shards [limiterShards]limiterShard }

type limiterShard struct {
	mu     sync.Mutex
	states map[int64]int64 // by subscription
	sweep  int             // size at which those are forgotten that are as if new
}

// Take counts a call of a subscription at wall time now.
func (l *Limiter) Take(subscription int64, r Rate, now time.Time) Burst {
	at := now.UnixNano()
	s := &l.shards[uint64(subscription)%limiterShards] //nolint:gosec // any bits do
	s.mu.Lock()
	defer s.mu.Unlock()
	state, known := s.states[subscription]
	next, b := r.Take(state, at)
	if !known {
		s.make(at)
	}
	s.states[subscription] = next
	return b
}

// make makes room for one more state. A state that has passed is as good as none;
// when nearly all are in use, some are lost, whose callers may begin anew.
func (s *limiterShard) make(now int64) {
	if s.states == nil {
		s.states, s.sweep = map[int64]int64{}, 256
	}
	if len(s.states) < s.sweep {
		return
	}
	for id, state := range s.states {
		if state <= now || len(s.states) > limiterMost {
			delete(s.states, id)
		}
	}
	s.sweep = max(256, 2*len(s.states))
}

// Len returns how many subscriptions are remembered.
func (l *Limiter) Len() int {
	n := 0
	for i := range l.shards {
		l.shards[i].mu.Lock()
		n += len(l.shards[i].states)
		l.shards[i].mu.Unlock()
	}
	return n
}
