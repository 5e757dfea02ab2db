package entitle

import (
	"sync"
	"sync/atomic"
	"time"

	"tollgate/models"
)

// remembered is how long changes are remembered, which is much longer than reading
// anything takes.
const remembered = 30 * time.Second

// routesOf is the kind of dep of a tenant's whole table of routes.
const routesOf = "routes"

// A dep is an object that something remembered hangs on, as changes name it.
type dep struct{ kind, id string }

// A feed is what the gate has heard of changes. It lets nothing be remembered that
// was read before a change and would be kept after the change was heard of.
type feed struct {
	last atomic.Int64 // number of the last change heard of

	mu      sync.Mutex // held while changes are heard of and while something is put away
	changed map[dep]int64
	order   []mark // what changed holds, the oldest first
	horizon int64  // changes up to this number may be forgotten
	forget  []func(dep)
}

// A mark is when a change was heard of.
type mark struct {
	dep
	number int64
	at     time.Time
}

// hear takes changes in the order of their numbers, at a wall time. Routes are the
// tenants whose APIs are among them.
func (f *feed) hear(changes []models.AccessChange, routes []models.TenantID, now time.Time) {
	if len(changes) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	last := changes[len(changes)-1].Number
	for _, c := range changes {
		f.mark(dep{c.Kind, c.ObjectID}, c.Number, now)
	}
	for _, t := range routes {
		f.mark(dep{routesOf, idOf(int64(t))}, last, now)
	}
	for len(f.order) > 0 && now.Sub(f.order[0].at) > remembered {
		m := f.order[0]
		f.order = f.order[1:]
		if f.changed[m.dep] == m.number {
			delete(f.changed, m.dep)
		}
		f.horizon = max(f.horizon, m.number)
	}
	f.last.Store(last)
}

func (f *feed) mark(d dep, number int64, now time.Time) {
	f.changed[d] = number
	f.order = append(f.order, mark{d, number, now})
	for _, forget := range f.forget {
		forget(d)
	}
}

// begin takes everything up to a number for heard of, when nothing is remembered yet.
func (f *feed) begin(number int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.horizon = number
	f.last.Store(number)
}

// put runs store and reports true if nothing that hangs on deps has changed since
// the change with a number was heard of.
func (f *feed) put(number int64, deps []dep, store func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if number < f.horizon {
		return false
	}
	for _, d := range deps {
		if f.changed[d] > number {
			return false
		}
	}
	store()
	return true
}
