package usage_test

import (
	"context"
	"sync"
	"time"

	"tollgate/accounts"
	"tollgate/usage"
)

// A tampering is a Sink between the publisher and Stripe in which things go wrong.
type tampering struct {
	usage.Sink
	// fails says of the nth event whether Stripe gets it, and what the publisher hears;
	// nil: all is well.
	fails func(e usage.MeterEvent, n int) (arrives bool, err error)
	// blocks holds an event back until it returns.
	blocks func(ctx context.Context, at accounts.StripeAccount) error

	mu    sync.Mutex
	n     int
	keys  map[string]map[string]bool // idempotency keys by identifier
	under map[string]int             // events under way, by meter and customer
	most  int                        // of them at a time for one
	times []time.Time
}

// tamper puts a tampering in front of Stripe.
func (w *meterWorld) tamper() *tampering {
	s := &tampering{Sink: w.engine, keys: map[string]map[string]bool{}, under: map[string]int{}}
	w.pub.Sink = s
	return s
}

func (s *tampering) SendUsage(ctx context.Context, at accounts.StripeAccount, key string, e usage.MeterEvent) error {
	lane := at.Connected + e.EventName + e.Customer
	s.mu.Lock()
	n, fails, blocks := s.n, s.fails, s.blocks
	s.n++
	if s.keys[e.Identifier] == nil {
		s.keys[e.Identifier] = map[string]bool{}
	}
	s.keys[e.Identifier][key] = true
	s.under[lane]++
	s.most = max(s.most, s.under[lane])
	s.times = append(s.times, time.Now())
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.under[lane]--; s.mu.Unlock() }()
	if blocks != nil {
		if err := blocks(ctx, at); err != nil {
			return err
		}
	}
	if fails == nil {
		return s.Sink.SendUsage(ctx, at, key, e)
	}
	arrives, err := fails(e, n)
	if arrives {
		if real := s.Sink.SendUsage(ctx, at, key, e); real != nil {
			return real
		}
	}
	return err
}
