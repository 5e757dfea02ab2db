package entitle

import (
	"testing"
	"time"

	"tollgate/models"
)

func TestAFeedLetsNothingOldBeKept(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 8, 12, 0, 0, 0, time.UTC)
	f := &feed{changed: map[dep]int64{}}
	var forgotten []dep
	f.forget = append(f.forget, func(d dep) { forgotten = append(forgotten, d) })
	key, api, routes := dep{models.ChangedKey, "k"}, dep{models.ChangedAPI, "7"}, dep{routesOf, "-1234"}
	put := func(number int64, deps ...dep) bool { return f.put(number, deps, func() {}) }
	if !put(0, key) {
		t.Error("before anything changed, nothing is kept")
	}
	f.begin(10)
	if put(9) || !put(10, key) {
		t.Error("what was read before the beginning is kept, or what was read after it is not")
	}
	f.hear([]models.AccessChange{{Kind: models.ChangedKey, ObjectID: "k", Number: 11}, {Kind: models.ChangedAPI, ObjectID: "7", Number: 13}}, []models.TenantID{models.SuperTenant}, at)
	if f.last.Load() != 13 || len(forgotten) != 3 {
		t.Errorf("heard up to %d, forgot %v", f.last.Load(), forgotten)
	}
	for _, c := range []struct {
		number int64
		dep    dep
		kept   bool
	}{{10, key, false}, {11, key, true}, {12, api, false}, {13, api, true}, {12, routes, false}, {13, routes, true}, {10, dep{models.ChangedKey, "other"}, true}} {
		if put(c.number, c.dep) != c.kept {
			t.Errorf("%v read when %d was heard of is kept: %v", c.dep, c.number, !c.kept)
		}
	}
	f.hear([]models.AccessChange{{Kind: models.ChangedKey, ObjectID: "x", Number: 14}}, nil, at.Add(time.Minute))
	if len(f.changed) != 1 || put(12, dep{models.ChangedKey, "other"}) || !put(13, key) {
		t.Errorf("after a minute %v is remembered, and what was read before that is kept", f.changed)
	}
}

func TestSeats(t *testing.T) {
	t.Parallel()
	for most, want := range map[int64]int64{1: 1, 2: 2, 10: 8, 1000: 700} {
		s := &seats{most: most}
		var n int64
		for s.take(1) {
			n++
		}
		if n != want || s.taken.Load() != n || s.of(1).Load() != n {
			t.Errorf("of %d places one tenant gets %d (%d, %d)", most, n, s.taken.Load(), s.of(1).Load())
		}
	}
	s := &seats{most: 1000}
	for tenant := range int64(50) { // each takes what it gets
		for s.take(tenant) {
		}
	}
	for tenant := int64(50); tenant < 53; tenant++ {
		if !s.take(tenant) {
			t.Errorf("tenant %d finds no place beside 50 busy ones, %d are taken", tenant, s.taken.Load())
		}
	}
	for range 100 { // what the busiest gives back it does not get again
		s.leave(0)
	}
	if s.take(0) || !s.take(60) || !s.take(60) {
		t.Errorf("who has %d of %d taken places goes before who has none", s.of(0).Load(), s.taken.Load())
	}
}
