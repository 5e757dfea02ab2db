package sandbox_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// unix is a number of the answer as a form wants it.
func (r reply) unix(path string) string {
	n, ok := r.at(path).(float64)
	if !ok {
		r.t.Fatalf("%s is no number\n%s", path, r.body)
	}
	return fmt.Sprintf("%.0f", n)
}

// another is one more price of the shop's product.
func (s shop) another(form string) string {
	s.t.Helper()
	return s.must("POST /v1/prices", "product=gold&currency=usd&recurring[interval]=month&"+form).id()
}

// starting is a subscription with a good card in a billing mode.
func (s shop) starting(mode, items string) string {
	s.t.Helper()
	card := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
	return s.must("POST /v1/subscriptions", "customer="+s.customer+"&default_payment_method="+card+"&billing_mode[type]="+mode+"&"+items).id()
}

// change puts a subscription under a schedule that goes on with items when the
// running period ends, for one interval.
func (s shop) change(subscription, items string) reply {
	s.t.Helper()
	made := s.must("POST /v1/subscription_schedules", "from_subscription="+subscription)
	now := "phases[0][start_date]=" + made.unix("phases.0.start_date") + "&phases[0][end_date]=" + made.unix("phases.0.end_date") +
		"&phases[0][items][0][price]=" + made.text("phases.0.items.0.price")
	if made.at("phases.0.items.0.quantity") != nil {
		now += "&phases[0][items][0][quantity]=" + made.unix("phases.0.items.0.quantity")
	}
	return s.must("POST /v1/subscription_schedules/"+made.id(), now+"&phases[1][iterations]=1&"+items+"&end_behavior=release")
}

func TestAScheduleChangesTheFixedPriceForTheNextPeriod(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"classic", "flexible"} {
		s := newShop(t)
		cheap := s.another("unit_amount=1900")
		id := s.starting(mode, "items[0][price]="+s.fixed)
		schedule := s.change(id, "phases[1][items][0][price]="+cheap+"&phases[1][items][0][quantity]=2&phases[1][metadata][plan]=cheap")
		schedule.want("status", "active")
		schedule.want("phases.1.items.0.price", cheap)
		schedule.want("phases.1.start_date", schedule.at("current_phase.end_date"))
		before := s.must("GET /v1/subscriptions/"+id, "")
		before.want("schedule", schedule.id())
		before.want("items.data.0.price.id", s.fixed)
		s.must("POST /v1/invoices/create_preview", "subscription="+id).want("total", 3800)
		s.must("POST /v1/invoices/create_preview", "schedule="+schedule.id()).want("total", 3800)
		seen := len(s.types())
		s.advance(28 * 24 * time.Hour)
		now := s.must("GET /v1/subscriptions/"+id, "")
		now.want("items.data.0.price.id", cheap)
		now.want("items.data.0.quantity", 2)
		now.want("items.data.1", nil)
		now.want("metadata.plan", "cheap")
		now.want("items.data.0.current_period_start", before.at("items.data.0.current_period_end"))
		draft := s.must("GET /v1/invoices", "limit=1&subscription="+id)
		draft.want("data.0.status", "draft")
		draft.want("data.0.total", 3800)
		draft.want("data.0.lines.data.1", nil) // nothing was left to prorate
		types := s.types()[seen:]
		if turned, billed := slices.Index(types, "subscription_schedule.updated"), slices.Index(types, "invoice.created"); turned < 0 || billed < turned {
			t.Errorf("%s: the phase turned after its invoice was made: %v", mode, types)
		}
		s.advance(31 * 24 * time.Hour) // the end of the second phase, 31 March
		over := s.must("GET /v1/subscription_schedules/"+schedule.id(), "")
		over.want("status", "released")
		over.want("released_subscription", id)
		over.want("subscription", nil)
		s.must("GET /v1/subscriptions/"+id, "").want("schedule", nil)
		s.must("GET /v1/invoices", "limit=1&subscription="+id).want("data.0.total", 3800)
		if types := s.types(); !slices.Contains(types, "subscription_schedule.released") {
			t.Error(types)
		}
	}
}

func TestUseBeforeAPhaseIsBilledAtTheOldPriceAndNeverTwice(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"classic", "flexible"} {
		s := newShop(t)
		meter := s.must("GET /v1/billing/meters", "").text("data.0.id")
		dear := s.another("unit_amount_decimal=0.4&recurring[usage_type]=metered&recurring[meter]=" + meter)
		id := s.starting(mode, "items[0][price]="+s.metered)
		s.change(id, "phases[1][items][0][price]="+dear)
		s.use(10000, start.Add(time.Minute))
		s.must("POST /v1/invoices/create_preview", "subscription="+id).want("total", 2000)
		s.advance(28 * 24 * time.Hour)
		s.must("GET /v1/subscriptions/"+id, "").want("items.data.0.price.id", dear)
		s.use(500, start.Add(27*24*time.Hour)) // late, while the invoice is a draft
		s.advance(time.Hour)
		first := s.must("GET /v1/invoices", "limit=1&subscription="+id)
		first.want("data.0.status", "paid")
		first.want("data.0.total", 2100)
		first.want("data.0.lines.data.1", nil)
		first.want("data.0.lines.data.0.pricing.price_details.price", s.metered)
		s.use(3000, s.server.Now())
		s.advance(31*24*time.Hour + time.Hour)
		second := s.must("GET /v1/invoices", "limit=1&subscription="+id)
		second.want("data.0.total", 1200)
		second.want("data.0.lines.data.1", nil)
	}
}

func (s shop) use(units int, at time.Time) {
	s.t.Helper()
	s.must("POST /v1/billing/meter_events", fmt.Sprintf("event_name=calls&payload[stripe_customer_id]=%s&payload[value]=%d&timestamp=%d", s.customer, units, at.Unix()))
}

func TestAPhaseMayGoFromUseToAFixedPriceAndBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.starting("flexible", "items[0][price]="+s.metered)
	s.change(id, "phases[1][items][0][price]="+s.fixed)
	s.use(10000, start.Add(time.Minute))
	s.must("POST /v1/invoices/create_preview", "subscription="+id).want("total", 6900)
	s.advance(28*24*time.Hour + time.Hour)
	s.must("GET /v1/invoices", "limit=1&subscription="+id).want("data.0.total", 6900) // 20.00 of use, 49.00 in advance
	s.advance(31 * 24 * time.Hour)                                                    // released, on the fixed price
	last := s.must("GET /v1/invoices", "limit=1&subscription="+id)
	last.want("data.0.total", 4900)
	s.change(id, "phases[1][items][0][price]="+s.metered)
	s.use(5000, s.server.Now()) // bought for a fixed price: free
	s.advance(31*24*time.Hour + time.Hour)
	s.must("GET /v1/invoices", "limit=1&subscription="+id).want("data.0.id", last.text("data.0.id"))
	s.must("GET /v1/subscriptions/"+id, "").want("items.data.0.price.id", s.metered)
}

func TestAMidPeriodSwitchOfAMeteredPriceBillsEachUnitOnce(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]int{"flexible": 2000 + 1200, "classic": 1200} { // classic forgets what was used before
		s := newShop(t)
		meter := s.must("GET /v1/billing/meters", "").text("data.0.id")
		dear := s.another("unit_amount_decimal=0.4&recurring[usage_type]=metered&recurring[meter]=" + meter)
		id := s.starting(mode, "items[0][price]="+s.metered)
		item := s.must("GET /v1/subscriptions/"+id, "").text("items.data.0.id")
		s.use(10000, start.Add(time.Minute))
		s.advance(10 * 24 * time.Hour)
		s.must("POST /v1/subscriptions/"+id, "items[0][id]="+item+"&items[0][price]="+dear)
		s.use(3000, s.server.Now().Add(time.Second))
		s.must("POST /v1/subscriptions/"+id, "items[0][id]="+item+"&items[0][metadata][a]=b") // changes no price
		s.must("POST /v1/invoices/create_preview", "subscription="+id).want("total", want)
		s.advance(18*24*time.Hour + time.Hour)
		s.must("GET /v1/invoices", "limit=1&subscription="+id).want("data.0.total", want)
	}
}

func TestAScheduleRulesOverCancellation(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.starting("flexible", "items[0][price]="+s.fixed)
	schedule := s.change(id, "phases[1][items][0][price]="+s.metered).id()
	for _, form := range []string{"cancel_at_period_end=true", "cancel_at=min_period_end", "cancel_at_period_end=false"} {
		if r := s.do("POST /v1/subscriptions/"+id, form); r.status != http.StatusBadRequest ||
			r.text("error.message") != "The subscription is managed by the subscription schedule `"+schedule+"`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead." {
			t.Errorf("%s: %d %s", form, r.status, r.body)
		}
	}
	s.must("POST /v1/subscription_schedules/"+schedule+"/release", "").want("status", "released")
	s.must("POST /v1/subscriptions/"+id, "cancel_at_period_end=true").want("schedule", nil)
	if r := s.do("POST /v1/subscription_schedules/"+schedule+"/release", ""); r.status != http.StatusBadRequest || !strings.Contains(r.text("error.message"), "currently in the `released` status") {
		t.Error(r.body)
	}
	// A schedule takes a cancellation over, and releasing it takes it back.
	again := s.must("POST /v1/subscription_schedules", "from_subscription="+id)
	again.want("end_behavior", "cancel")
	s.must("POST /v1/subscription_schedules/"+again.id()+"/release", "preserve_cancel_date=true")
	if s.must("GET /v1/subscriptions/"+id, "").at("cancel_at") == nil {
		t.Error("the end was not kept")
	}
	s.must("POST /v1/subscriptions/"+id, "cancel_at_period_end=false")
	last := s.must("POST /v1/subscription_schedules", "from_subscription="+id).id()
	s.must("DELETE /v1/subscriptions/"+id, "").want("status", "canceled")
	s.must("GET /v1/subscription_schedules/"+last, "").want("status", "canceled")
	if types := s.types(); !slices.Contains(types, "subscription_schedule.canceled") {
		t.Error(types)
	}
}

func TestAScheduleEndsItsSubscriptionWhenToldTo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.starting("classic", "items[0][price]="+s.metered)
	made := s.must("POST /v1/subscription_schedules", "from_subscription="+id)
	s.must("POST /v1/subscription_schedules/"+made.id(), "end_behavior=cancel").want("end_behavior", "cancel")
	s.must("GET /v1/subscriptions/"+id, "").want("cancel_at", made.at("phases.0.end_date"))
	s.use(10000, start.Add(time.Minute))
	s.advance(28*24*time.Hour + time.Hour)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "canceled")
	s.must("GET /v1/subscription_schedules/"+made.id(), "").want("status", "completed")
	s.must("GET /v1/invoices", "limit=1&subscription="+id).want("data.0.total", 2000)
	if types := s.types(); !slices.Contains(types, "subscription_schedule.completed") {
		t.Error(types)
	}

	other := s.starting("flexible", "items[0][price]="+s.fixed)
	made = s.must("POST /v1/subscription_schedules", "from_subscription="+other)
	s.advance(10 * 24 * time.Hour)
	s.must("POST /v1/subscription_schedules/"+made.id()+"/cancel", "invoice_now=true&prorate=true").want("status", "canceled")
	s.must("GET /v1/subscriptions/"+other, "").want("status", "canceled")
}

func TestDunningAbortsASchedule(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.starting("flexible", "items[0][price]="+s.fixed)
	made := s.must("POST /v1/subscription_schedules", "from_subscription="+id)
	period := made.unix("phases.0.start_date")
	s.must("POST /v1/subscription_schedules/"+made.id(), "phases[0][start_date]="+period+"&phases[0][items][0][price]="+s.fixed+"&phases[0][iterations]=6")
	bad := s.must("POST /v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+s.customer).id()
	s.must("POST /v1/subscriptions/"+id, "default_payment_method="+bad)
	s.advance(28*24*time.Hour + 20*24*time.Hour)
	s.must("GET /v1/subscriptions/"+id, "").want("status", "canceled")
	s.must("GET /v1/subscription_schedules/"+made.id(), "").want("status", "canceled")
	if types := s.types(); !slices.Contains(types, "subscription_schedule.aborted") {
		t.Error(types)
	}
}

func TestAPhaseInTheMiddleOfAPeriodIsProrated(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	double := s.another("unit_amount=9800")
	id := s.starting("flexible", "items[0][price]="+s.fixed)
	made := s.must("POST /v1/subscription_schedules", "from_subscription="+id)
	half := fmt.Sprint(start.Add(14 * 24 * time.Hour).Unix())
	s.must("POST /v1/subscription_schedules/"+made.id(), "phases[0][start_date]="+made.unix("phases.0.start_date")+"&phases[0][end_date]="+half+
		"&phases[0][items][0][price]="+s.fixed+"&phases[1][items][0][price]="+double+"&phases[1][proration_behavior]=always_invoice")
	s.advance(14 * 24 * time.Hour)
	s.must("GET /v1/subscriptions/"+id, "").want("items.data.0.price.id", double)
	bill := s.must("GET /v1/invoices", "limit=1&subscription="+id)
	bill.want("data.0.total", 2450) // half of 98.00 less half of 49.00
	bill.want("data.0.status", "paid")
	bill.want("data.0.billing_reason", "subscription_update")

	// A change by hand splits the running phase, and the change of the running
	// phase changes the subscription at once.
	s.advance(24 * time.Hour)
	item := s.must("GET /v1/subscriptions/"+id, "").text("items.data.0.id")
	s.must("POST /v1/subscriptions/"+id, "items[0][id]="+item+"&items[0][quantity]=2&proration_behavior=none")
	split := s.must("GET /v1/subscription_schedules/"+made.id(), "")
	split.want("phases.2.items.0.quantity", 2)
	split.want("phases.1.end_date", split.at("phases.2.start_date"))
	split.want("current_phase.start_date", split.at("phases.2.start_date"))
	s.must("POST /v1/subscription_schedules/"+made.id(), "phases[0][start_date]="+split.unix("current_phase.start_date")+"&phases[0][items][0][price]="+s.fixed+"&proration_behavior=none")
	s.must("GET /v1/subscriptions/"+id, "expand[]=schedule.phases.items.price").want("items.data.0.price.id", s.fixed)
}

func TestASubscriptionMayBeginBySchedule(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	card := s.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+s.customer).id()
	later := fmt.Sprint(start.Add(48 * time.Hour).Unix())
	made := s.must("POST /v1/subscription_schedules", "customer="+s.customer+"&start_date="+later+"&end_behavior=release&default_settings[default_payment_method]="+card+
		"&phases[0][items][0][price]="+s.fixed+"&phases[0][iterations]=2&phases[1][items][0][price]="+s.metered)
	made.want("status", "not_started")
	made.want("subscription", nil)
	s.must("GET /v1/subscription_schedules", "scheduled=true&customer="+s.customer).want("data.0.id", made.id())
	s.advance(48*time.Hour + time.Hour)
	begun := s.must("GET /v1/subscription_schedules/"+made.id(), "expand[]=subscription")
	begun.want("status", "active")
	begun.want("subscription.status", "active")
	s.must("GET /v1/invoices", "limit=1").want("data.0.status", "paid")
}

func TestWhatASchedulesPhasesMustKeepTo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.starting("flexible", "items[0][price]="+s.fixed)
	made := s.must("POST /v1/subscription_schedules", "from_subscription="+id)
	path, from := "POST /v1/subscription_schedules/"+made.id(), "phases[0][start_date]="+made.unix("phases.0.start_date")
	ours := "&phases[0][items][0][price]=" + s.fixed
	yearly := s.must("POST /v1/prices", "product=gold&currency=usd&unit_amount=1&recurring[interval]=year").id()
	for _, c := range []struct{ line, form, says string }{
		{"POST /v1/subscription_schedules", "from_subscription=" + id, "already attached to a schedule"},
		{"POST /v1/subscription_schedules", "from_subscription=" + id + "&phases[0][items][0][price]=" + s.fixed, "You cannot set `phases` if `from_subscription` is set"},
		{"POST /v1/subscription_schedules", "from_subscription=sub_none", "No such subscription"},
		{path, "phases[0][end_date]=" + made.unix("phases.0.end_date") + ours, "missing at least one phase with a `start_date`"},
		{path, "phases[0][start_date]=1" + ours, "You can not modify the start date of the current phase."},
		{path, from + ours + "&phases[0][end_date]=1", "must be after its start date"},
		{path, from + ours + "&phases[0][iterations]=1&phases[0][end_date]=now", "only specify one of these"},
		{path, from + ours + "&phases[1][items][0][price]=" + s.fixed + "&phases[1][start_date]=9999999999", "must be the end date of the phase before"},
		{path, from + "&phases[0][items][0][price]=price_none", "No such price"},
		{path, from + "&phases[0][items][0][price]=" + s.metered + "&phases[0][items][0][quantity]=1", "cannot set a quantity for a metered price"},
		{path, from + ours + "&phases[1][items][0][price]=" + yearly, "one currency and interval"},
		{path, from + ours + "&phases[0][colour]=red", "Received unknown parameter: phases[0][colour]"},
		{path, from + ours + "&phases[0][discounts][0][coupon]=x", "does not simulate"},
	} {
		r := s.do(c.line, c.form)
		if r.status != http.StatusBadRequest || !strings.Contains(r.text("error.message"), c.says) {
			t.Errorf("%s %s: %d %s, want %q", c.line, c.form, r.status, r.text("error.message"), c.says)
		}
	}
	newer := s.with("Stripe-Version", "2026-04-22.dahlia")
	if r := newer.do(path, from+ours+"&phases[0][iterations]=1"); r.text("error.code") != "parameter_unknown" {
		t.Errorf("iterations were taken: %s", r.body)
	}
	newer.must(path, from+ours+"&phases[0][duration][interval]=month&phases[0][duration][interval_count]=2")
	if other := s.as(anotherKey).do("GET /v1/subscription_schedules/"+made.id(), ""); other.status != http.StatusNotFound {
		t.Error(other.body)
	}
}

func TestAScheduleGoesByItsTestClock(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	clock := s.must("POST /v1/test_helpers/test_clocks", fmt.Sprintf("frozen_time=%d", start.Unix())).id()
	s.customer = s.must("POST /v1/customers", "test_clock="+clock).id()
	cheap := s.another("unit_amount=1900")
	id := s.starting("flexible", "items[0][price]="+s.fixed)
	made := s.change(id, "phases[1][items][0][price]="+cheap)
	made.want("test_clock", clock)
	s.advance(29 * 24 * time.Hour) // nothing to it
	s.must("GET /v1/subscriptions/"+id, "").want("items.data.0.price.id", s.fixed)
	s.must("POST /v1/test_helpers/test_clocks/"+clock+"/advance", fmt.Sprintf("frozen_time=%d", start.AddDate(0, 0, 28).Add(2*time.Hour).Unix()))
	s.work()
	s.must("GET /v1/subscriptions/"+id, "").want("items.data.0.price.id", cheap)
	paid := s.must("GET /v1/invoices", "limit=1&subscription="+id)
	paid.want("data.0.status", "paid")
	paid.want("data.0.total", 1900)
}

// plans is what schedules do in a life.
func (s shop) plans() {
	s.t.Helper()
	for _, end := range []string{"release", "cancel", "delinquency", "completion"} {
		id := s.starting("flexible", "items[0][price]="+s.fixed)
		made := s.change(id, "phases[1][items][0][price]="+s.metered).id()
		switch end {
		case "release", "cancel":
			s.must("POST /v1/subscription_schedules/"+made+"/"+end, "")
		case "delinquency":
			bad := s.must("POST /v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+s.customer).id()
			s.must("POST /v1/subscriptions/"+id, "default_payment_method="+bad)
			s.must("POST /v1/subscription_schedules/"+made+"/release", "")
			s.must("POST /v1/subscription_schedules/"+s.must("POST /v1/subscription_schedules", "from_subscription="+id).id(),
				"phases[0][iterations]=12&phases[0][items][0][price]="+s.fixed+"&phases[0][start_date]="+s.must("GET /v1/subscriptions/"+id, "").unix("items.data.0.current_period_start"))
		case "completion":
			s.must("POST /v1/subscription_schedules/"+made, "end_behavior=cancel")
		}
	}
	s.advance(3 * 31 * 24 * time.Hour)
}
