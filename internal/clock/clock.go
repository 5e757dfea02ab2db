// Package clock is the two times Tollgate lives by. Wall time orders what this
// machine does: signatures, leases, sign-in sessions, timeouts. Business time
// is when things happen to customers: deadlines, periods, calls. They are the
// same except in sandbox mode, where business time runs ahead by an offset that
// the sandbox owns. The two have distinct types, so that one is never taken for
// the other by accident.
package clock

import (
	"sync/atomic"
	"time"
)

// A Wall reads the machine's clock. The zero Wall is the real one.
type Wall struct{ now func() time.Time }

// NewWall returns a Wall that reads now, for tests that move time themselves.
func NewWall(now func() time.Time) Wall { return Wall{now} }

// Now returns the wall time in UTC.
func (w Wall) Now() time.Time {
	if w.now == nil {
		return time.Now().UTC()
	}
	return w.now().UTC()
}

// A Business clock is wall time plus an offset. Copies share the offset.
type Business struct {
	wall   Wall
	offset *atomic.Int64 // nanoseconds
}

// NewBusiness returns a business clock over w that is not ahead.
func NewBusiness(w Wall) Business { return Business{w, new(atomic.Int64)} }

// Now returns the business time in UTC.
func (b Business) Now() time.Time {
	now := b.wall.Now()
	if b.offset == nil {
		return now
	}
	return now.Add(time.Duration(b.offset.Load()))
}

// Offset returns how far business time is ahead of wall time.
func (b Business) Offset() time.Duration {
	if b.offset == nil {
		return 0
	}
	return time.Duration(b.offset.Load())
}

// SetOffset makes business time run d ahead of wall time. It never goes back: a
// smaller offset is ignored, because business time only moves forward.
func (b Business) SetOffset(d time.Duration) {
	for {
		old := b.offset.Load()
		if int64(d) <= old || b.offset.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}
