package entitle

import (
	"sync"
	"sync/atomic"
)

const (
	// fairness is how many times what is free one tenant may take. Alone, a tenant
	// gets about 7/10 of all places; when others come, each busy one is held to four
	// times what is then free, and takes no more places until it is below that.
	fairness = 4
	// One place in reserve is for tenants that have hardly any: a hundred busy ones
	// leave places for others.
	reserve = 8
	small   = 1024 // one in so many places is hardly any
)

// seats are the places of the calls in flight, shared among tenants.
type seats struct {
	most    int64
	taken   atomic.Int64
	tenants sync.Map // int64 to *atomic.Int64
}

// take takes a place for a tenant, and reports false when there is none for it.
func (s *seats) take(tenant int64) bool {
	mine := s.of(tenant)
	free, have := s.most-s.taken.Add(1)+1, mine.Add(1)
	if free > 0 && (have <= 1+s.most/small || have <= fairness*(free-s.most/reserve)) {
		return true
	}
	mine.Add(-1)
	s.taken.Add(-1)
	return false
}

// leave gives a place back.
func (s *seats) leave(tenant int64) {
	s.of(tenant).Add(-1)
	s.taken.Add(-1)
}

func (s *seats) of(tenant int64) *atomic.Int64 {
	if n, ok := s.tenants.Load(tenant); ok {
		return n.(*atomic.Int64)
	}
	n, _ := s.tenants.LoadOrStore(tenant, new(atomic.Int64))
	return n.(*atomic.Int64)
}
