package sandbox

import (
	"context"
	"database/sql"
	"time"
)

// A TestClock is Stripe's own way to move time: for the customers that were
// made on it, and for nobody else.
type TestClock struct {
	base
	Created       int64   `json:"created"`
	DeletesAfter  int64   `json:"deletes_after"`
	FrozenTime    int64   `json:"frozen_time"`
	Livemode      bool    `json:"livemode"`
	Name          *string `json:"name"`
	Status        string  `json:"status"`
	StatusDetails tree    `json:"status_details"`
}

func (*TestClock) kind() string { return "test_helpers.test_clock" }

// onClock is t at the time of a test clock; t itself for "".
func (t *tx) onClock(id string) (*tx, error) {
	if id == "" {
		return t, nil
	}
	c, err := get[TestClock](t, id, "test_clock")
	if err != nil {
		return nil, err
	}
	other := *t
	other.now = time.Unix(c.FrozenTime, 0).UTC()
	return &other, nil
}

// clockExpires is the timer that deletes a test clock; it goes by business time.
const clockExpires = "test_clock.delete"

// testClockLife is how long Stripe keeps a test clock.
const testClockLife = 30 * 24 * time.Hour

var (
	testClockKinds  = map[string]kind{"test_helpers.test_clock": {prefix: "clock_1", random: 23}}
	testClockTimers = map[string]func(*tx, string) error{clockExpires: expireTestClock}
	testClockRoutes = []route{
		{"POST", "/v1/test_helpers/test_clocks", createTestClock},
		{"GET", "/v1/test_helpers/test_clocks", listTestClocks},
		{"GET", "/v1/test_helpers/test_clocks/{test_clock}", show[TestClock]("test_clock")},
		{"DELETE", "/v1/test_helpers/test_clocks/{test_clock}", deleteTestClock},
		{"POST", "/v1/test_helpers/test_clocks/{test_clock}/advance", advanceTestClock},
	}
)

func createTestClock(r *request) (any, error) {
	in, err := read[struct {
		FrozenTime int64   `p:"frozen_time,required,min=1"`
		Name       *string `p:"name,max=300"`
	}](r)
	if err != nil {
		return nil, err
	}
	c := &TestClock{Created: r.unix(), DeletesAfter: r.now.Add(testClockLife).Unix(), FrozenTime: in.FrozenTime, Status: "ready", StatusDetails: tree{}}
	set(&c.Name, in.Name)
	if err := r.insert(c); err != nil {
		return nil, err
	}
	if err := r.schedule(clockExpires, c.ID, "", r.now.Add(testClockLife)); err != nil {
		return nil, err
	}
	return c, r.emit("test_helpers.test_clock.created", c)
}

func listTestClocks(r *request) (any, error) {
	in, err := read[struct{ listParams }](r)
	if err != nil {
		return nil, err
	}
	return list[TestClock](r, in.listParams)
}

// advanceTestClock only begins: RunOnce does the work, as Stripe does it later.
func advanceTestClock(r *request) (any, error) {
	in, err := read[struct {
		FrozenTime int64 `p:"frozen_time,required"`
	}](r)
	if err != nil {
		return nil, err
	}
	c, err := fromPath[TestClock](r, "test_clock")
	if err != nil {
		return nil, err
	}
	if err := r.mayAdvance(c, in.FrozenTime); err != nil {
		return nil, err
	}
	c.Status, c.StatusDetails = "advancing", tree{"advancing": tree{"target_frozen_time": in.FrozenTime}}
	if err := r.save(c); err != nil {
		return nil, err
	}
	*r.planned = true
	return c, r.emit("test_helpers.test_clock.advancing", c)
}

// mayAdvance checks Stripe's limits: forward only, at most two intervals of the
// shortest subscription at once (two years without one).
func (t *tx) mayAdvance(c *TestClock, to int64) error {
	if c.Status != "ready" {
		return invalid("", "The test clock is currently being advanced. Wait until its status is ready.")
	}
	if to <= c.FrozenTime {
		return invalid("frozen_time", "You can only advance a test clock to a time after its current frozen time (%d).", c.FrozenTime)
	}
	shortest, err := t.shortestInterval(c.ID)
	if err != nil {
		return err
	}
	limit := shortest.boundary(time.Unix(c.FrozenTime, 0), 2).Unix()
	if to > limit {
		return invalid("frozen_time", "You can only advance a test clock up to two intervals of its shortest subscription from the current frozen time; the latest is %d.", limit)
	}
	return nil
}

// shortestInterval is how often the most frequent subscription on a clock
// renews; a year when there is none.
func (t *tx) shortestInterval(clock string) (interval, error) {
	shortest := interval{"year", 1}
	found, err := rows(t, scanInterval, `SELECT json_extract(item.value, '$.price.recurring.interval'), json_extract(item.value, '$.price.recurring.interval_count')
		FROM objects o, json_each(o.doc, '$.items.data') item
		WHERE o.account = ? AND o.type = 'subscription' AND o.deleted = 0
		AND json_extract(o.doc, '$.test_clock') = ? AND json_extract(o.doc, '$.ended_at') IS NULL`,
		t.account, clock)
	for _, i := range found {
		if i.count > 0 && i.days()*i.count < shortest.days()*shortest.count {
			shortest = i
		}
	}
	return shortest, err
}

func scanInterval(row *sql.Rows, i *interval) error {
	var unit sql.NullString
	var count sql.NullInt64
	err := row.Scan(&unit, &count)
	i.unit, i.count = unit.String, int(count.Int64)
	return err
}

func deleteTestClock(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	c, err := fromPath[TestClock](r, "test_clock")
	if err != nil {
		return nil, err
	}
	return r.endTestClock(c)
}

// endTestClock deletes a clock with its customers, and all that was planned on it.
func (t *tx) endTestClock(c *TestClock) (left tombstone, err error) {
	customers, err := all[Customer](t, eq("test_clock", c.ID))
	if err != nil {
		return left, err
	}
	for _, customer := range customers {
		for _, end := range t.s.onCustomerGone {
			if err := end(t, customer); err != nil {
				return left, err
			}
		}
		if _, err := t.remove(customer); err != nil {
			return left, err
		}
	}
	if err := t.exec(`DELETE FROM timers WHERE account = ? AND clock = ?`, t.account, c.ID); err != nil {
		return left, err
	}
	if err := t.unschedule(clockExpires, c.ID); err != nil {
		return left, err
	}
	if left, err = t.remove(c); err != nil {
		return left, err
	}
	return left, t.emit("test_helpers.test_clock.deleted", c)
}

func expireTestClock(t *tx, id string) error {
	c, err := find[TestClock](t, id)
	if err != nil || c == nil {
		return err
	}
	_, err = t.endTestClock(c)
	return err
}

// moveTestClocks brings every test clock that is being advanced to its target,
// from one planned instant to the next.
func (s *Server) moveTestClocks(ctx context.Context) error {
	for {
		var account, id string
		err := s.read(ctx, "", func(t *tx) error {
			_, err := t.scan(`SELECT account, id FROM objects WHERE type = 'test_helpers.test_clock' AND deleted = 0
				AND json_extract(doc, '$.status') = 'advancing' ORDER BY seq LIMIT 1`, nil, &account, &id)
			return err
		})
		if err != nil || id == "" {
			return err
		}
		if err := s.moveTestClock(ctx, account, id); err != nil {
			return err
		}
	}
}

func (s *Server) moveTestClock(ctx context.Context, account, id string) error {
	for {
		var arrived bool
		var frozen time.Time
		err := s.write(ctx, account, func(t *tx) (err error) {
			frozen, arrived, err = t.stepTestClock(id)
			return err
		})
		if err != nil {
			return err
		}
		if err := s.fire(ctx, id, frozen); err != nil {
			return err
		}
		if !arrived {
			continue
		}
		return s.write(ctx, account, func(t *tx) error { return t.settleTestClock(id) })
	}
}

// stepTestClock freezes a clock at the next planned instant, or at its target.
func (t *tx) stepTestClock(id string) (frozen time.Time, arrived bool, err error) {
	c, err := find[TestClock](t, id)
	if err != nil || c == nil || c.Status != "advancing" {
		return t.now, true, err
	}
	target := c.target()
	at := target
	next, planned, err := t.nextTimer(id)
	if err != nil {
		return frozen, false, err
	}
	if due := ceilSecond(next.Due); planned && due < target {
		at = max(c.FrozenTime, due)
	}
	c.FrozenTime = at
	return time.Unix(at, 0).UTC(), at >= target, t.save(c)
}

// ceilSecond is t in whole seconds, rounded up: test clocks know no others.
func ceilSecond(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }

// target is where an advancing clock is going.
func (c *TestClock) target() int64 {
	advancing, _ := c.StatusDetails["advancing"].(tree)
	target, _ := advancing["target_frozen_time"].(float64)
	return int64(target)
}

func (t *tx) settleTestClock(id string) error {
	c, err := find[TestClock](t, id)
	if err != nil || c == nil {
		return err
	}
	c.FrozenTime, c.Status, c.StatusDetails = c.target(), "ready", tree{}
	if err := t.save(c); err != nil {
		return err
	}
	return t.emit("test_helpers.test_clock.ready", c)
}
