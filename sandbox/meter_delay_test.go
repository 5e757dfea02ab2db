package sandbox_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// report reports an amount for the shop's customer, at a time ("now" for the zero one).
func (s shop) report(value int, at time.Time) reply {
	s.t.Helper()
	form := fmt.Sprintf("event_name=calls&payload[stripe_customer_id]=%s&payload[value]=%d", s.customer, value)
	if !at.IsZero() {
		form += fmt.Sprintf("&timestamp=%d", at.Unix())
	}
	return s.must("POST /v1/billing/meter_events", form)
}

// counted is what the summary says of the last four months.
func (s shop) counted() any {
	s.t.Helper()
	meter := s.must("GET /v1/billing/meters", "").text("data.0.id")
	end := s.server.Now().Truncate(time.Minute).Add(time.Minute)
	return s.must("GET /v1/billing/meters/"+meter+"/event_summaries", fmt.Sprintf("customer=%s&start_time=%d&end_time=%d",
		s.customer, end.AddDate(0, -4, 0).Unix(), end.Unix())).at("data.0.aggregated_value")
}

func TestEventsAreCountedAfterADelay(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.metered, "", "pm_card_visa")
	s.set(`{"usage_delay_seconds":90}`)
	s.advance(time.Hour)
	s.report(1000, time.Time{})
	preview := func() any {
		return s.must("POST /v1/invoices/create_preview", "subscription="+id).at("total")
	}
	s.advance(89 * time.Second)
	if got, total := s.counted(), preview(); got != nil || total != 0.0 {
		t.Errorf("counted too early: %v, %v", got, total)
	}
	s.advance(time.Second)
	if got, total := s.counted(), preview(); got != 1000.0 || total != 200.0 {
		t.Errorf("after its delay: %v, %v", got, total)
	}
	// Without a move of the clock, time alone does it.
	s.report(5, time.Time{})
	s.wall.pass(90 * time.Second)
	s.work()
	if got := s.counted(); got != 1005.0 {
		t.Errorf("when time went by: %v", got)
	}
	s.set(`{"usage_delay_seconds":0}`)
	s.report(1, time.Time{})
	if got := s.counted(); got != 1006.0 {
		t.Errorf("without a delay: %v", got)
	}
}

// The instant of counting is one of those that the clock stops at.
func TestTheClockStopsWhereEventsAreCounted(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.set(`{"usage_delay_seconds":45}`)
	s.report(3, time.Time{})
	s.advance(10 * time.Second)
	s.report(4, time.Time{})
	next, err := s.server.RunOnce(t.Context())
	if want := s.wall.Now().Add(35 * time.Second); err != nil || !next.Equal(want) {
		t.Errorf("the next work is at %s, want %s (%v)", next, want, err)
	}
	var seen []any
	for _, step := range []time.Duration{34, 1, 9, 1} {
		s.advance(step * time.Second)
		seen = append(seen, s.counted())
	}
	if want := []any{nil, 3.0, 3.0, 7.0}; !slices.Equal(seen, want) {
		t.Errorf("counted %v, want %v", seen, want)
	}
}

func TestWhatWaitsToBeCountedOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	path, w := t.TempDir()+"/sandbox.db", &wall{now: start}
	var s shop
	t.Run("before", func(t *testing.T) {
		s = stock(openSite(t, path, w).as(oneKey))
		s.set(`{"usage_delay_seconds":60}`)
		s.report(12, time.Time{})
	})
	t.Run("after", func(t *testing.T) {
		s.caller = openSite(t, path, w).as(oneKey)
		if got := s.counted(); got != nil {
			t.Errorf("counted by starting again: %v", got)
		}
		s.advance(time.Minute)
		if got := s.counted(); got != 12.0 {
			t.Errorf("after a start: %v", got)
		}
	})
}

// An invoice has what was aggregated when it is finalized: an event that came
// before and waits is on no invoice.
func TestAnInvoiceHasWhatWasCountedWhenItWasFinalized(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.metered, "", "pm_card_visa")
	s.set(`{"usage_delay_seconds":120}`)
	end := start.Add(28 * 24 * time.Hour)
	s.advance(end.Add(10 * time.Minute).Sub(s.server.Now()))
	s.report(1000, end.Add(-time.Minute)) // in the ended period, counted in time
	s.advance(49 * time.Minute)
	s.report(500, end.Add(-time.Minute)) // accepted a minute before, counted a minute after
	s.advance(5 * time.Minute)
	r := s.must("GET /v1/invoices", "limit=1&subscription="+id)
	if r.at("data.0.lines.data.0.quantity") != 1000.0 || r.at("data.0.total") != 200.0 || r.text("data.0.status") != "paid" {
		t.Error(r.body)
	}
	if got := s.counted(); got != 1500.0 {
		t.Errorf("the summary has %v", got)
	}
	if total := s.must("POST /v1/invoices/create_preview", "subscription="+id).at("total"); total != 0.0 {
		t.Errorf("what came too late is on the next invoice: %v", total)
	}
}

// Exactly at the instant of finalization an event is counted first.
func TestUseOfTheSameInstantIsCountedFirst(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.metered, "", "pm_card_visa")
	s.set(`{"usage_delay_seconds":60}`)
	end := start.Add(28 * 24 * time.Hour)
	s.advance(end.Add(59 * time.Minute).Sub(s.server.Now()))
	s.report(1000, end.Add(-time.Second))
	s.advance(time.Minute)
	if r := s.must("GET /v1/invoices", "limit=1&subscription="+id); r.at("data.0.lines.data.0.quantity") != 1000.0 {
		t.Error(r.body)
	}
}

func TestEventsAreCountedTwiceOrLateAsAskedFor(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.inject(`{"meter_event":"calls","how":"duplicate"}`)
	s.inject(`{"meter_event":"ca*","how":"late","by":"2m"}`)
	s.inject(`{"meter_event":"other","how":"duplicate","standing":true}`)
	s.report(10, time.Time{})
	if got := s.counted(); got != 20.0 {
		t.Errorf("counted twice: %v", got)
	}
	s.report(1, time.Time{})
	if got := s.counted(); got != 20.0 {
		t.Errorf("counted too early: %v", got)
	}
	s.advance(2 * time.Minute)
	if got := s.counted(); got != 21.0 {
		t.Errorf("counted late: %v", got)
	}
	s.report(1, time.Time{})
	if got := s.counted(); got != 22.0 {
		t.Errorf("after the faults: %v", got)
	}
	twice := s.must("POST /v1/billing/meter_events", "event_name=calls&identifier=once&payload[value]=100&payload[stripe_customer_id]="+s.customer)
	if twice.at("identifier") != "once" {
		t.Error(twice.body)
	}
	for _, wrong := range []string{`{"meter_event":"calls"}`, `{"meter_event":"calls","how":"drop"}`, `{"meter_event":"[","how":"late"}`, `{"meter_event":"*","call":"GET /","how":"late"}`,
		`{"meter_event":"*","how":"reject"}`, `{"meter_event":"*","how":"reject","code":"bad_luck"}`, `{"meter_event":"*","how":"late","code":"no_meter"}`,
		`{"call":"GET /","how":"reject"}`, `{"webhook":"*","how":"drop","code":"no_meter"}`, `{"meter_event":"*","how":"late","status":500}`} {
		if r := s.post("/_sandbox/faults", wrong); r.status != 400 {
			t.Errorf("%s: %d", wrong, r.status)
		}
	}
}

// Taking an event back takes back both of what a fault made of it, also while it waits.
func TestEventsThatWaitCanBeTakenBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.set(`{"usage_delay_seconds":60}`)
	s.inject(`{"meter_event":"*","how":"duplicate"}`)
	form := "event_name=calls&identifier=a&payload[value]=5&payload[stripe_customer_id]=" + s.customer
	s.must("POST /v1/billing/meter_events", form)
	s.report(1, time.Time{})
	s.must("POST /v1/billing/meter_event_adjustments", "event_name=calls&type=cancel&cancel[identifier]=a")
	s.advance(time.Minute)
	if got := s.counted(); got != 1.0 {
		t.Errorf("counted %v", got)
	}
}
