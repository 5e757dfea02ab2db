package entitle

import (
	"sync"
	"sync/atomic"
)

// fairness is how many times what is free one tenant may take. Alone, a tenant gets
// 4/5 of all places; when others come, each busy one is held to four times what is
// then free, so that something is free for whoever has few.
const fairness = 4

// seats are the places of the calls in flight, shared among tenants.
type seats struct {
	most    int64
	taken   atomic.Int64
	tenants sync.Map // int64 to *atomic.Int64
}

// take takes a place for a tenant, and reports false when there is none for it.
func (s *seats) take(tenant int64) bool {
	mine := s.of(tenant)
	free := s.most - s.taken.Add(1)
	if free < 0 || mine.Add(1) > fairness*(free+1) {
		if free >= 0 {
			mine.Add(-1)
		}
		s.taken.Add(-1)
		return false
	}
	return true
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
