package sandbox

import (
	"context"
	"net/http"
	"time"
)

// A pace is what an account may call in a second, and what it did.
type pace struct {
	own, connect calls
}

// calls are those of the last second, which are at most so many.
type calls struct {
	limit int // 0 for any number
	last  []time.Time
}

// take reports whether there may be one more call now. One that may not be does
// not count.
func (c *calls) take(now time.Time) bool {
	if c.limit == 0 {
		return true
	}
	old := 0
	for old < len(c.last) && now.Sub(c.last[old]) >= time.Second {
		old++
	}
	if c.last = append(c.last[:0], c.last[old:]...); len(c.last) >= c.limit {
		return false
	}
	c.last = append(c.last, now)
	return true
}

// limited refuses a call beyond what its account may call in a second. The
// seconds are the wall's: the limit protects a server from what really arrives,
// and however fast the business clock is moved, a client that sends ten calls in a
// real second sends ten.
func (c *call) limited() error {
	p, err := c.s.paceOf(c.http.Context(), c.account)
	if err != nil {
		return err
	}
	c.s.paceLock.Lock()
	defer c.s.paceLock.Unlock()
	made := &p.own
	if c.account != c.platform {
		made = &p.connect
	}
	if made.take(c.s.wall.Now()) {
		return nil
	}
	c.overLimit = globalRate
	return early(&apiError{Status: http.StatusTooManyRequests, Type: "invalid_request_error", Code: "rate_limit",
		Message: "Testmode request rate limit exceeded, the rate limits in testmode are lower than livemode. You can learn more about rate limits here https://stripe.com/docs/rate-limits."})
}

// globalRate is the Stripe-Rate-Limited-Reason of an account that calls too often.
const globalRate = "global-rate"

// paceOf is the pace of an account, as its settings are.
func (s *Server) paceOf(ctx context.Context, account string) (*pace, error) {
	s.paceLock.Lock()
	p, round := s.paces[account], s.paceRound
	s.paceLock.Unlock()
	if p != nil {
		return p, nil
	}
	settings, err := s.Settings(ctx, account)
	if err != nil {
		return nil, err
	}
	s.paceLock.Lock()
	defer s.paceLock.Unlock()
	if p = s.paces[account]; p == nil {
		p = &pace{own: calls{limit: settings.CallsPerSecond}, connect: calls{limit: settings.ConnectCallsPerSecond}}
	}
	if round == s.paceRound { // else the settings may have changed after they were read
		s.paces[account] = p
	}
	return p, nil
}

// forgetPace has the limits of an account read again.
func (s *Server) forgetPace(account string) {
	s.paceLock.Lock()
	defer s.paceLock.Unlock()
	delete(s.paces, account)
	s.paceRound++
}

// slots name what only one call at a time may work on, by method and path of the
// route: a meter takes one event at a time for a customer ("one concurrent call
// per customer per meter").
var slots = map[string]func(*call) (string, error){
	"POST /v1/billing/meter_events": (*call).meterSlot,
}

// meterSlot is the customer and the meter that an event is for; "" when it names
// none, which is refused later.
func (c *call) meterSlot() (string, error) {
	name, payload := c.params.fields["event_name"], c.params.fields["payload"]
	if name == nil || payload == nil {
		return "", nil
	}
	key, err := c.s.customerKey(c.http.Context(), c.account, name.value)
	customer := payload.fields[key]
	if err != nil || customer == nil {
		return "", err
	}
	return c.account + "\x00" + name.value + "\x00" + customer.value, nil
}

// customerKey is where the payload of an event has its customer. A meter never
// changes that, nor does its name go to another.
func (s *Server) customerKey(ctx context.Context, account, name string) (string, error) {
	slot := account + "\x00" + name
	s.paceLock.Lock()
	key := s.meterKeys[slot]
	s.paceLock.Unlock()
	if key != "" {
		return key, nil
	}
	err := s.read(ctx, account, func(t *tx) error {
		m, err := t.meterNamed(name)
		if err == nil && m != nil {
			key = m.CustomerMapping.EventPayloadKey
		}
		return err
	})
	if err == nil && key != "" {
		s.paceLock.Lock()
		s.meterKeys[slot] = key
		s.paceLock.Unlock()
	}
	return key, err
}

// alone runs work unless another call works on the same thing. A fault that
// makes the call slow makes it hold that longer.
func (c *call) alone(work func() error) error {
	if find := slots[c.route.method+" "+c.route.path]; find != nil {
		slot, err := find(c)
		if err != nil {
			return err
		}
		if slot != "" && !c.s.occupy(slot) {
			return early(&apiError{Status: http.StatusTooManyRequests, Type: "invalid_request_error", Code: "lock_timeout", Message: lockedMessage})
		}
		if slot != "" {
			defer c.s.release(slot)
		}
	}
	if c.slow != nil && !c.slow.After {
		c.dawdle()
	}
	err := work()
	if c.slow != nil && c.slow.After {
		c.dawdle()
	}
	return err
}

// lockedMessage is what Stripe says of an object that another call works on.
const lockedMessage = "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request. If you see this error frequently and are making multiple concurrent requests to a single object, make your requests serially or at a lower rate. For more details, see https://stripe.com/docs/rate-limits#object-lock-timeouts."

// slowness is how long a slow call takes unless its fault says otherwise.
const slowness = 5 * time.Second

// dawdle waits as long as a fault says, or until the caller hangs up.
func (c *call) dawdle() {
	over := time.NewTimer(c.slow.by(slowness))
	defer over.Stop()
	select {
	case <-over.C:
	case <-c.http.Context().Done():
	}
}
