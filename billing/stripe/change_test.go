package stripe_test

import (
	"reflect"
	"testing"
	"time"

	"tollgate/billing"
	"tollgate/money"
)

// toCalls moves the fixture's subscription from its fixed price to one by use.
var toCalls = billing.Change{Subscription: "sub_1Gold", Item: "si_Gold", Price: "price_Calls", Metered: true, At: day(2, 10)}

// toSilver moves it to another fixed price.
var toSilver = billing.Change{Subscription: "sub_1Gold", Item: "si_Gold", Price: "price_Silver", At: day(2, 10)}

func TestPreviewOfAChangeAsksForWhatTheChangeDoes(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/invoices/create_preview", ok(file(t, "invoice.json")))
	got, err := e.PreviewChange(ctx, connected, toSilver)
	if err != nil || got.Total != money.New(6068, usd) {
		t.Errorf("%+v, %v", got, err)
	}
	s.form(t, 0, "subscription", "sub_1Gold", "subscription_details[items][0][id]", "si_Gold", "subscription_details[items][0][price]", "price_Silver",
		"subscription_details[items][0][quantity]", "1", "subscription_details[proration_behavior]", "always_invoice", "subscription_details[proration_date]", "1770681600")
	if _, err := e.PreviewChange(ctx, connected, toCalls); err != nil || s.calls[1].Form.Has("subscription_details[items][0][quantity]") {
		t.Errorf("a metered price with a quantity: %v, %v", s.calls[1].Form, err)
	}
}

func TestChangeIsChargedAtOnceOrWaits(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	waits := replace(t, file(t, "subscription.json"), `"status":"active"`,
		`"status":"active","pending_update":{"expires_at":1770764400,"subscription_items":[{"id":"si_Gold","price":{"id":"price_Silver"}}]}`)
	s.say("POST /v1/subscriptions/sub_1Gold", ok(waits), ok(file(t, "subscription.json")))
	got, err := e.ChangeSubscription(ctx, connected, "op_1", toSilver)
	if want := (&billing.Pending{Price: "price_Silver", Expires: time.Unix(1770764400, 0).UTC()}); err != nil || !reflect.DeepEqual(got.Pending, want) {
		t.Errorf("%+v, %v", got, err)
	}
	s.form(t, 0, "items[0][id]", "si_Gold", "items[0][price]", "price_Silver", "items[0][quantity]", "1",
		"proration_behavior", "always_invoice", "proration_date", "1770681600", "payment_behavior", "pending_if_incomplete")
	if s.calls[0].Key != "op_1" {
		t.Errorf("key %q", s.calls[0].Key)
	}
	got, err = e.ChangeSubscription(ctx, connected, "op_2", toCalls)
	if err != nil || got.Pending != nil || s.calls[1].Form.Has("items[0][quantity]") {
		t.Errorf("metered: %+v, %v, %v", got, s.calls[1].Form, err)
	}
}

const onSchedule = `{"id":"sub_sched_1","object":"subscription_schedule","status":"active","subscription":"sub_1Gold","released_subscription":null,
	"current_phase":{"start_date":1769904000,"end_date":1772323200},
	"phases":[{"start_date":1769904000,"end_date":1772323200,"items":[{"price":"price_Gold","quantity":1}]}]}`

const planned = `{"id":"sub_sched_1","object":"subscription_schedule","status":"active","subscription":"sub_1Gold",
	"current_phase":{"start_date":1769904000,"end_date":1772323200},
	"phases":[{"start_date":1767225600,"end_date":1769904000,"items":[{"price":"price_Old"}]},
		{"start_date":1769904000,"end_date":1772323200,"items":[{"price":"price_Gold","quantity":1}]},
		{"start_date":1772323200,"end_date":1775001600,"items":[{"price":"price_Calls"}]}]}`

var phases = []string{
	"end_behavior", "release", "proration_behavior", "none",
	"phases[0][start_date]", "1769904000", "phases[0][end_date]", "1772323200", "phases[0][proration_behavior]", "none",
	"phases[0][items][0][price]", "price_Gold", "phases[0][items][0][quantity]", "1", "phases[0][metadata][subscription]", "s-1",
	"phases[1][duration][interval]", "month", "phases[1][duration][interval_count]", "1", "phases[1][proration_behavior]", "none",
	"phases[1][items][0][price]", "price_Calls", "phases[1][metadata][subscription]", "s-1",
}

func TestScheduledChangeKeepsThePriceToTheEndOfThePeriod(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/subscriptions/sub_1Gold", ok(file(t, "subscription.json")))
	s.say("POST /v1/subscription_schedules", ok(onSchedule))
	s.say("POST /v1/subscription_schedules/sub_sched_1", ok(planned))
	got, err := e.ScheduleChange(ctx, connected, "op_1", toCalls)
	want := billing.Schedule{ID: "sub_sched_1", Status: billing.ScheduleActive, Subscription: "sub_1Gold", NextPrice: "price_Calls", NextAt: day(3, 1)}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	s.expect(t, "GET /v1/subscriptions/sub_1Gold", "POST /v1/subscription_schedules", "POST /v1/subscription_schedules/sub_sched_1")
	s.form(t, 1, "from_subscription", "sub_1Gold")
	s.form(t, 2, phases...)
	if s.calls[1].Key != "op_1" || s.calls[2].Key != "op_1.phases" {
		t.Errorf("keys %q, %q", s.calls[1].Key, s.calls[2].Key)
	}
}

func TestScheduledChangeTakesTheScheduleThatIsThere(t *testing.T) {
	t.Parallel()
	scheduled := replace(t, file(t, "subscription.json"), `"status":"active"`, `"status":"active","schedule":"sub_sched_1"`)
	e, s := engine(t)
	s.say("GET /v1/subscriptions/sub_1Gold", ok(scheduled))
	s.say("GET /v1/subscription_schedules/sub_sched_1", ok(planned))
	s.say("POST /v1/subscription_schedules/sub_sched_1", ok(planned))
	if _, err := e.ScheduleChange(ctx, connected, "op_1", toCalls); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "GET /v1/subscriptions/sub_1Gold", "GET /v1/subscription_schedules/sub_sched_1", "POST /v1/subscription_schedules/sub_sched_1")
	s.form(t, 2, phases...)

	e, s = engine(t) // somebody was faster
	s.say("GET /v1/subscriptions/sub_1Gold", ok(file(t, "subscription.json")), ok(scheduled))
	s.say("POST /v1/subscription_schedules", no(400, "", "You cannot migrate a subscription that is already attached to a schedule."))
	s.say("GET /v1/subscription_schedules/sub_sched_1", ok(onSchedule))
	s.say("POST /v1/subscription_schedules/sub_sched_1", ok(planned))
	if got, err := e.ScheduleChange(ctx, connected, "op_1", toCalls); err != nil || got.ID != "sub_sched_1" {
		t.Errorf("%+v, %v", got, err)
	}
}

// What a phase is silent about, Stripe may drop: the platform's share and
// discounts stand in both.
func TestScheduledChangeKeepsShareAndDiscounts(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/subscriptions/sub_1Gold", ok(replace(t, file(t, "subscription.json"), `"status":"active"`,
		`"status":"trialing","application_fee_percent":12.5,"discounts":["di_1"]`)))
	s.say("POST /v1/subscription_schedules", ok(onSchedule))
	s.say("POST /v1/subscription_schedules/sub_sched_1", ok(planned))
	if _, err := e.ScheduleChange(ctx, connected, "op_1", toSilver); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"phases[0][application_fee_percent]": "12.5000", "phases[1][application_fee_percent]": "12.5000",
		"phases[0][discounts][0][discount]": "di_1", "phases[1][discounts][0][discount]": "di_1", "phases[1][items][0][quantity]": "1",
	} {
		if got := s.calls[2].Form.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestScheduledChangeOfAnItemThatIsNotThere(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/subscriptions/sub_1Gold", ok(file(t, "subscription.json")))
	s.say("POST /v1/subscription_schedules", ok(onSchedule))
	in := toSilver
	in.Item = "si_Gone"
	if _, err := e.ScheduleChange(ctx, connected, "op_1", in); kind(err) != "refused" {
		t.Error(err)
	}
}

func TestReleaseOfAScheduleThatIsOver(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	release, read := "POST /v1/subscription_schedules/sub_sched_1/release", "GET /v1/subscription_schedules/sub_sched_1"
	over := replace(t, onSchedule, `"status":"active"`, `"status":"released"`)
	s.say(release, ok(over), no(400, "", "It is over."), no(400, "", "It is over."), no(404, "resource_missing", "No such schedule."))
	s.say(read, ok(over), ok(onSchedule))
	for _, key := range []string{"op_1", "op_2"} {
		if err := e.ReleaseSchedule(ctx, connected, key, "sub_sched_1"); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if err := e.ReleaseSchedule(ctx, connected, "op_3", "sub_sched_1"); kind(err) != "refused" {
		t.Errorf("refused while it lives: %v", err)
	}
	if err := e.ReleaseSchedule(ctx, connected, "op_4", "sub_sched_1"); err != nil {
		t.Errorf("gone: %v", err)
	}
}

func TestScheduleThatIsOverHasNothingToCome(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/subscription_schedules/sub_sched_1", ok(replace(t, replace(t, planned, `"status":"active"`, `"status":"released"`),
		`"subscription":"sub_1Gold"`, `"subscription":null,"released_subscription":"sub_1Gold"`)))
	got, err := e.Schedule(ctx, connected, "sub_sched_1")
	if want := (billing.Schedule{ID: "sub_sched_1", Status: "released", Subscription: "sub_1Gold"}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSubscriptionTellsScheduleAndPause(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/subscriptions/sub_1Gold", ok(replace(t, file(t, "subscription.json"), `"status":"active"`,
		`"status":"active","schedule":"sub_sched_1","pause_collection":{"behavior":"void","resumes_at":null}`)))
	got, err := e.Subscription(ctx, connected, "sub_1Gold")
	if err != nil || got.Schedule != "sub_sched_1" || !got.CollectionPaused {
		t.Errorf("%+v, %v", got, err)
	}
}
