package proxy

import (
	"sync"
	"sync/atomic"

	"tollgate/gateway"
	"tollgate/gateway/upstream"
)

// mostTargets is how many upstreams are remembered. The gate makes new ones when an
// API changes, so there are old ones among them.
const mostTargets = 10_000

// targets remembers how upstreams are reached.
type targets struct {
	known sync.Map // *gateway.Upstream to target
	count atomic.Int64
}

type target struct {
	to  *upstream.Target
	err error
}

// of returns how an upstream is reached, or why it is not.
func (t *targets) of(u *gateway.Upstream) (*upstream.Target, error) {
	if known, ok := t.known.Load(u); ok {
		found := known.(target)
		return found.to, found.err
	}
	if t.count.Add(1) > mostTargets {
		t.count.Store(0)
		t.known.Clear()
	}
	to, err := upstream.ParseTarget(u.URL.String())
	if err == nil {
		to.AllowUpgrade = u.Upgrades
	}
	t.known.Store(u, target{to, err})
	return to, err
}
