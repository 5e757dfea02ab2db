package gateway_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tollgate/gateway"
)

var noon = time.Date(2026, 12, 8, 12, 0, 0, 0, time.UTC) // a Tuesday

func TestABurstPassesAtOnceAndThenAtItsRate(t *testing.T) {
	t.Parallel()
	var l gateway.Limiter
	rate := gateway.RateOf(60, "min")
	for i := range 60 {
		b := l.Take(1, rate, noon)
		if b.Wait != 0 || b.Left != int64(59-i) || b.Full != time.Duration(i+1)*time.Second {
			t.Fatalf("call %d: %+v", i, b)
		}
	}
	if b := l.Take(1, rate, noon); b.Wait != time.Second || b.Left != 0 || b.Full != time.Minute {
		t.Errorf("one too many: %+v", b)
	}
	if b := l.Take(2, rate, noon); b.Wait != 0 {
		t.Errorf("another subscription waits: %+v", b)
	}
	if b := l.Take(1, rate, noon.Add(time.Second-1)); b.Wait != 1 {
		t.Errorf("too early: %+v", b)
	}
	if b := l.Take(1, rate, noon.Add(time.Second)); b.Wait != 0 || b.Left != 0 {
		t.Errorf("in time: %+v", b)
	}
	if b := l.Take(1, gateway.RateOf(10, "sec"), noon.Add(2*time.Second)); b.Wait > 100*time.Millisecond {
		t.Errorf("a larger limit keeps what the smaller one took: %+v", b)
	}
	if b := l.Take(2, rate, noon.Add(-24*time.Hour)); b.Wait > time.Second {
		t.Errorf("a clock set back locks callers out: %+v", b)
	}
}

func TestRatesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, r := range []gateway.Rate{{}, gateway.RateOf(0, "sec"), gateway.RateOf(-1, "sec"), gateway.RateOf(2_000_000_000, "sec")} {
		if r.Limits() {
			t.Errorf("%+v limits", r)
		}
	}
	for unit, per := range map[string]time.Duration{"sec": time.Second, "min": time.Minute, "hour": time.Hour, "": time.Minute} {
		if r := gateway.RateOf(7, unit); r.Per != per || !r.Limits() {
			t.Errorf("%q is %+v", unit, r)
		}
	}
}

// In every stretch of time no more pass than the burst and what that time brings;
// who waits as told passes; and a refused call costs nothing.
func TestABurstLimitHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := gateway.Rate{Count: rapid.Int64Range(1, 50).Draw(t, "count"), Per: time.Duration(rapid.Int64Range(1000, int64(time.Hour)).Draw(t, "per"))}
		each := int64(rate.Per) / rate.Count
		var state int64
		var passed []int64
		now := rapid.Int64Range(0, 1<<60).Draw(t, "start")
		for range rapid.IntRange(1, 120).Draw(t, "calls") {
			now += rapid.Int64Range(0, 2*each).Draw(t, "gap")
			next, b := rate.Take(state, now)
			if b.Wait == 0 {
				passed = append(passed, now)
			} else {
				if next != state {
					t.Fatal("a refused call changed the state")
				}
				if _, later := rate.Take(state, now+int64(b.Wait)); later.Wait != 0 {
					t.Fatalf("after %v: wait %v more", b.Wait, later.Wait)
				}
				if _, early := rate.Take(state, now+int64(b.Wait)-1); early.Wait == 0 {
					t.Fatalf("less than %v would do", b.Wait)
				}
			}
			if b.Left < 0 || b.Left >= rate.Count || b.Full < 0 || b.Full > rate.Per {
				t.Fatalf("%+v of %+v", b, rate)
			}
			state = next
		}
		for i := range passed {
			for j := i; j < len(passed); j++ {
				if most := rate.Count + (passed[j]-passed[i])/each; int64(j-i+1) > most {
					t.Fatalf("%d calls passed in %d ns, at most %d may", j-i+1, passed[j]-passed[i], most)
				}
			}
		}
	})
}

func TestManyCallersShareALimiter(t *testing.T) {
	t.Parallel()
	var (
		l      gateway.Limiter
		passed atomic.Int64
		all    sync.WaitGroup
	)
	for range 8 {
		all.Go(func() {
			for range 100 {
				if l.Take(7, gateway.RateOf(300, "hour"), noon).Wait == 0 {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if passed.Load() != 300 {
		t.Errorf("%d passed", passed.Load())
	}
}

func TestALimiterForgetsWhoIsAsIfNew(t *testing.T) {
	t.Parallel()
	var l gateway.Limiter
	rate := gateway.RateOf(1000, "sec")
	for id := range int64(200_000) {
		l.Take(id, rate, noon.Add(time.Duration(id)*time.Millisecond))
	}
	if n := l.Len(); n > 64*600 {
		t.Errorf("%d subscriptions are remembered", n)
	}
	slow, busy := gateway.RateOf(1, "hour"), gateway.Limiter{}
	for id := range int64(64) {
		for range 2 {
			busy.Take(id, slow, noon)
		}
	}
	for id := int64(64); id < 60_000; id++ {
		busy.Take(id, rate, noon.Add(time.Duration(id)*time.Millisecond))
	}
	for id := range int64(64) {
		if busy.Take(id, slow, noon.Add(time.Minute)).Wait == 0 {
			t.Fatalf("the state of %d was lost", id)
		}
	}
}

func TestWindowsOfQuotas(t *testing.T) {
	t.Parallel()
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	at := time.Date(2026, 12, 8, 14, 32, 17, 5e8, time.UTC)
	for _, c := range []struct {
		q          gateway.Quota
		now        time.Time
		start, end time.Time
	}{
		{gateway.Quota{Every: 1, Unit: "sec"}, at, at.Truncate(time.Second), at.Truncate(time.Second).Add(time.Second)},
		{gateway.Quota{Every: 10, Unit: "min"}, at, at.Truncate(10 * time.Minute), at.Truncate(10 * time.Minute).Add(10 * time.Minute)},
		{gateway.Quota{Every: 6, Unit: "hour"}, at, time.Date(2026, 12, 8, 12, 0, 0, 0, time.UTC), time.Date(2026, 12, 8, 18, 0, 0, 0, time.UTC)},
		{gateway.Quota{Every: 1, Unit: "day"}, at, day(2026, 12, 8), day(2026, 12, 9)},
		{gateway.Quota{Every: 1, Unit: "week"}, at, day(2026, 12, 7), day(2026, 12, 14)},
		{gateway.Quota{Every: 1, Unit: "week"}, day(2026, 12, 7).Add(-1), day(2026, 11, 30), day(2026, 12, 7)},
		{gateway.Quota{Every: 1, Unit: "month"}, at, day(2026, 12, 1), day(2027, 1, 1)},
		{gateway.Quota{Every: 1, Unit: "month"}, day(2028, 2, 29), day(2028, 2, 1), day(2028, 3, 1)},
		{gateway.Quota{Every: 3, Unit: "month"}, at, day(2026, 10, 1), day(2027, 1, 1)},
		{gateway.Quota{Every: 1, Unit: "year"}, at, day(2026, 1, 1), day(2027, 1, 1)},
		{gateway.Quota{Every: 10, Unit: "year"}, at, day(2020, 1, 1), day(2030, 1, 1)},
		{gateway.Quota{Unit: "day"}, at, day(2026, 12, 8), day(2026, 12, 9)},
		{gateway.Quota{Every: 1, Unit: "day"}, at.In(time.FixedZone("", 11*3600)), day(2026, 12, 8), day(2026, 12, 9)},
	} {
		start, end := c.q.Window(c.now)
		if !start.Equal(c.start) || !end.Equal(c.end) || start.Location() != time.UTC {
			t.Errorf("%d %s at %v: %v to %v", c.q.Every, c.q.Unit, c.now, start, end)
		}
	}
}

func TestWindowsFollowEachOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := gateway.Quota{
			Every: rapid.IntRange(1, 400).Draw(t, "every"),
			Unit:  rapid.SampledFrom([]string{"sec", "min", "hour", "day", "week", "month", "year"}).Draw(t, "unit"),
		}
		now := time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "now"))
		start, end := q.Window(now)
		if now.Before(start) || !now.Before(end) {
			t.Fatalf("%v is not in %v to %v", now, start, end)
		}
		for _, in := range []time.Time{start, end.Add(-1)} {
			if s, e := q.Window(in); !s.Equal(start) || !e.Equal(end) {
				t.Fatalf("%v is in %v to %v, not %v to %v", in, s, e, start, end)
			}
		}
		if s, _ := q.Window(end); !s.Equal(end) {
			t.Fatalf("after %v comes %v", end, s)
		}
	})
}

func TestLimitsAreToldAsTheDraftHasIt(t *testing.T) {
	t.Parallel()
	h := http.Header{"Ratelimit": {"an upstream's"}, "Ratelimit-Policy": {"an upstream's"}}
	gateway.WriteLimits(h, nil)
	if h.Get("RateLimit") != "an upstream's" {
		t.Error("without limits of ours, the upstream's are gone")
	}
	gateway.WriteLimits(h, []gateway.Limit{
		{Name: "burst", Limit: 60, Remaining: 59, Window: time.Minute, Resets: 900 * time.Millisecond},
		{Name: "quota", Limit: 1e15, Remaining: 0, Window: 31 * 24 * time.Hour, Resets: -time.Second},
	})
	if got := h.Values("RateLimit-Policy"); len(got) != 1 || got[0] != `"burst";q=60;w=60, "quota";q=999999999999999;w=2678400` {
		t.Errorf("RateLimit-Policy is %q", got)
	}
	if got := h.Values("RateLimit"); len(got) != 1 || got[0] != `"burst";r=59;t=1, "quota";r=0;t=0` {
		t.Errorf("RateLimit is %q", got)
	}
	h.Add("RateLimit", "added later")
	if len(h.Values("RateLimit-Policy")) != 1 || len(h.Values("RateLimit")) != 2 {
		t.Error("the two headers share their values")
	}
}
