package sandbox_test

import (
	"strings"
	"testing"
	"time"
)

// period is the shop's first one, which begins at noon on 31 January.
var period = struct{ start, end time.Time }{start, start.AddDate(0, 0, 28)}

// goTo moves the clock to an instant.
func (s shop) goTo(at time.Time) {
	s.t.Helper()
	s.advance(at.Sub(s.server.Now()))
}

// invoices are those of a subscription, newest first, as they are now.
func (s shop) invoices(id string) reply {
	s.t.Helper()
	return s.must("GET /v1/invoices", "subscription="+id)
}

// Each period's invoice has the use of that period: the first second of the next
// is the next one's.
func TestEachPeriodHasItsOwnUse(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.metered, "", "pm_card_visa")
	s.goTo(period.end.Add(-time.Minute))
	s.use(1000, period.start)
	s.use(500, period.end.Add(-time.Second))
	s.use(70000, period.end) // four minutes ahead at most
	s.goTo(period.end.Add(time.Hour))
	first := s.invoices(id)
	first.want("data.0.status", "paid")
	first.want("data.0.lines.data.0.quantity", 1500)
	first.want("data.0.lines.data.0.period.start", int(period.start.Unix()))
	first.want("data.0.lines.data.0.period.end", int(period.end.Unix()))
	first.want("data.0.lines.data.0.pricing.price_details.price", s.metered)
	first.want("data.0.lines.data.1", nil)
	first.want("data.0.total", 300)
	s.goTo(time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC).Add(time.Hour))
	second := s.invoices(id)
	second.want("data.0.lines.data.0.quantity", 70000)
	second.want("data.0.total", 14000)
	second.want("data.1.total", 300) // the first is as it was
	s.goTo(time.Date(2026, 4, 30, 12, 0, 0, 0, time.UTC).Add(time.Hour))
	s.invoices(id).want("data.0.lines.data.0.quantity", 0)
}

// What comes while the invoice is a draft is on it when its timestamp is in the
// period; what comes after is on no invoice at all.
func TestLateUseIsOnTheDraftOrNowhere(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.subscribed(s.metered, "", "pm_card_visa")
	s.use(1000, start)
	s.goTo(period.end)
	draft := s.invoices(id)
	draft.want("data.0.status", "draft")
	draft.want("data.0.lines.data.0.quantity", 1000)
	draft.want("data.0.automatically_finalizes_at", int(period.end.Add(time.Hour).Unix()))
	s.goTo(period.end.Add(59 * time.Minute))
	s.use(300, period.end.Add(-time.Hour))
	s.use(5, period.end.Add(time.Minute))                     // of the next period
	s.invoices(id).want("data.0.lines.data.0.quantity", 1000) // it is counted again when it is finalized
	s.goTo(period.end.Add(time.Hour))
	final := s.invoices(id)
	final.want("data.0.status", "paid")
	final.want("data.0.lines.data.0.quantity", 1300)
	final.want("data.0.amount_paid", 260)
	s.use(9000, period.end.Add(-time.Hour))
	s.invoices(id).want("data.0.lines.data.0.quantity", 1300)
	s.must("POST /v1/invoices/create_preview", "subscription="+id).want("lines.data.0.quantity", 5)
	s.goTo(time.Date(2026, 3, 31, 13, 0, 0, 0, time.UTC))
	s.invoices(id).want("data.0.lines.data.0.quantity", 5)
	if got := s.counted(); got != 10305.0 { // the summary has it all the same
		t.Errorf("the summary has %v", got)
	}
}

// Use is whole units on an invoice, and never less than none.
func TestUseOnAnInvoiceIsWholeAndNotNegative(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]int{"10 0.5": 11, "10 0.4": 10, "3 -5": 0, "7 -5": 2, "0.25 0.25": 1, "999999999999999 1": 1_000_000_000_000_000} {
		s := newShop(t)
		id := s.subscribed(s.metered, "", "pm_card_visa")
		for value := range strings.FieldsSeq(values) {
			s.must("POST /v1/billing/meter_events", "event_name=calls&payload[value]="+value+"&payload[stripe_customer_id]="+s.customer)
		}
		if want > 1_000_000 {
			s.must("POST /v1/invoices/create_preview", "subscription="+id).want("lines.data.0.quantity", want)
			continue
		}
		s.goTo(period.end.Add(time.Hour))
		r := s.invoices(id)
		if r.at("data.0.lines.data.0.quantity") != float64(want) {
			t.Errorf("%s: %v, want %d", values, r.at("data.0.lines.data.0.quantity"), want)
		}
	}
}

// In the middle of a period the price of a metered item changes: flexible billing
// bills what was used before at the old price, classic forgets it.
func TestAChangeOfPriceBillsUseBefore(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]struct{ first, total int }{"flexible": {400, 400 + 1000}, "classic": {1000, 1000}} {
		s := newShop(t)
		dear := s.must("POST /v1/prices", "product=gold&currency=usd&unit_amount=1&recurring[interval]=month&recurring[usage_type]=metered&recurring[meter]="+
			s.must("GET /v1/billing/meters", "").text("data.0.id")).id()
		id := s.starting(mode, "items[0][price]="+s.metered)
		s.goTo(start.Add(10 * 24 * time.Hour))
		s.use(2000, s.server.Now().Add(-time.Hour))
		item := s.must("GET /v1/subscriptions/"+id, "").text("items.data.0.id")
		s.must("POST /v1/subscriptions/"+id, "items[0][id]="+item+"&items[0][price]="+dear)
		s.use(1000, s.server.Now().Add(time.Minute))
		s.goTo(period.end.Add(time.Hour))
		r := s.invoices(id)
		r.want("data.0.total", want.total)
		r.want("data.0.lines.data.0.amount", want.first)
		if mode == "flexible" {
			r.want("data.0.lines.data.0.quantity", 2000)
			r.want("data.0.lines.data.0.period.end", int(start.Add(10*24*time.Hour).Unix()))
			r.want("data.0.lines.data.1.quantity", 1000)
			r.want("data.0.lines.data.1.period.start", int(start.Add(10*24*time.Hour).Unix()))
		}
	}
}

// Use that is not invoiced when a subscription is canceled at once is lost; with
// invoice_now and prorate it is invoiced and charged; at the period's end it is
// billed as at a renewal.
func TestCancelingBillsUseOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]struct{ invoices, total int }{
		"":                              {0, 0},
		"invoice_now=true&prorate=true": {1, 400},
	} {
		s := newShop(t)
		id := s.subscribed(s.metered, "", "pm_card_visa")
		s.goTo(start.Add(10 * 24 * time.Hour))
		s.use(2000, s.server.Now().Add(-time.Second))
		s.must("DELETE /v1/subscriptions/"+id, how).want("status", "canceled")
		s.use(700, s.server.Now().Add(-time.Second)) // after the end: on no invoice
		s.advance(40 * 24 * time.Hour)
		r := s.invoices(id)
		if n := len(r.at("data").([]any)); n != want.invoices {
			t.Errorf("%q: %d invoices\n%s", how, n, r.body)
		}
		if want.invoices > 0 {
			r.want("data.0.total", want.total)
			r.want("data.0.status", "paid")
			r.want("data.0.lines.data.0.quantity", 2000)
		}
	}
	s := newShop(t)
	id := s.subscribed(s.metered, "", "pm_card_visa")
	s.must("POST /v1/subscriptions/"+id, "cancel_at_period_end=true")
	s.goTo(period.end.Add(-time.Minute))
	s.use(2000, s.server.Now())
	s.goTo(period.end)
	s.use(500, period.end.Add(-time.Second))
	s.goTo(period.end.Add(time.Hour))
	r := s.invoices(id)
	r.want("data.0.status", "paid")
	r.want("data.0.lines.data.0.quantity", 2500)
}

// An event is charged to every item of its customer whose price uses the meter.
func TestUseCountsForEverySubscriptionOfItsMeter(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	one, other := s.starting("flexible", "items[0][price]="+s.metered), s.starting("flexible", "items[0][price]="+s.metered)
	s.use(1000, start)
	s.goTo(period.end.Add(time.Hour))
	for _, id := range []string{one, other} {
		s.invoices(id).want("data.0.lines.data.0.quantity", 1000)
	}
}
