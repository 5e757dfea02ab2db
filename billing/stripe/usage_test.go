package stripe_test

import (
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/sandbox"
	"tollgate/usage"
)

// unix is a time as Stripe writes it.
func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// event is a meter event as the publisher sends it.
func event() usage.MeterEvent {
	return usage.MeterEvent{EventName: "tg_calls", Customer: "cus_1", Units: 1234, Identifier: "u1_A", At: now}
}

func TestSendUsage(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/billing/meter_events", ok(`{"object":"billing.meter_event","identifier":"u1_A","event_name":"tg_calls","payload":{}}`))
	none(t, e.SendUsage(ctx, connected, "key_1", event()))
	s.expect(t, "POST /v1/billing/meter_events")
	s.form(t, 0, "event_name", "tg_calls", "identifier", "u1_A", "payload[stripe_customer_id]", "cus_1", "payload[value]", "1234", "timestamp", unix(now))
	if c := s.calls[0]; c.Key != "key_1" || c.Account != connected.Connected {
		t.Errorf("%+v", c)
	}
	back := event()
	back.Units = -5
	none(t, e.SendUsage(ctx, connected, "key_2", back))
	if v := s.calls[1].Form.Get("payload[value]"); v != "-5" {
		t.Errorf("a correction sends %q", v)
	}
}

// What a sink's caller is told by each of Stripe's answers.
func TestSendUsageAnswers(t *testing.T) {
	t.Parallel()
	const path = "POST /v1/billing/meter_events"
	for name, c := range map[string]struct {
		answer answer
		want   string
	}{
		"taken":              {ok(`{"identifier":"u1_A"}`), ""},
		"there already":      {no(400, "", "An event already exists with identifier u1_A."), ""},
		"no answer at all":   {ok(`{}`), "unknown"},
		"an inactive meter":  {no(400, "archived_meter", "The meter is inactive."), "declined archived_meter"},
		"no such customer":   {no(404, "resource_missing", "No such customer."), "declined resource_missing"},
		"too many":           {no(429, "rate_limit", "Too many requests."), "busy 0s"},
		"a lock":             {no(429, "lock_timeout", "This object cannot be accessed right now."), "busy 0s"},
		"in use by another":  {no(409, "idempotency_key_in_use", "There is another request."), "unknown"},
		"broken":             {no(500, "", "Something went wrong."), "unknown"},
		"not let in":         {no(403, "account_invalid", "The account does not exist."), "busy 10m0s"},
		"a key of yesterday": {no(401, "api_key_expired", "Expired."), "busy 10m0s"},
		"another request":    {answer{400, `{"error":{"type":"idempotency_error","message":"Keys for idempotent requests: An event already exists with identifier."}}`}, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, s := engine(t)
			s.say(path, c.answer)
			if got := sinkSays(e.SendUsage(ctx, connected, "key_1", event())); got != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
	e, s := engine(t)
	for _, bad := range []func(*usage.MeterEvent){
		func(e *usage.MeterEvent) { e.EventName = "" }, func(e *usage.MeterEvent) { e.Customer = "" },
		func(e *usage.MeterEvent) { e.Identifier = "" }, func(e *usage.MeterEvent) { e.At = time.Time{} },
	} {
		in := event()
		bad(&in)
		if got := sinkSays(e.SendUsage(ctx, connected, "key_1", in)); got != "declined parameter_missing" {
			t.Errorf("%+v: %s", in, got)
		}
	}
	if got := sinkSays(e.SendUsage(ctx, accounts.StripeAccount{Tenant: 1, Connected: "acct 1"}, "key_1", event())); got != "declined parameter_invalid" {
		t.Errorf("a malformed account: %s", got)
	}
	if len(s.calls) > 0 {
		t.Errorf("Stripe was asked: %v", s.routes())
	}
}

// sinkSays names an error as a sink's caller sorts it.
func sinkSays(err error) string {
	if no, ok := errors.AsType[*usage.Declined](err); ok {
		return "declined " + no.Code
	}
	if busy, ok := errors.AsType[*usage.Busy](err); ok {
		return "busy " + busy.Wait.String()
	}
	if err != nil {
		return "unknown"
	}
	return ""
}

func TestUsageTotal(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	const path = "GET /v1/billing/meters/mtr_1/event_summaries"
	line := func(id, value string) string {
		return `{"id":"` + id + `","object":"billing.meter_event_summary","aggregated_value":` + value + `}`
	}
	s.say(path, listing(true, line("s1", "9007199254740993")), listing(false, line("s2", "2.5")), listing(false), no(404, "resource_missing", "No such meter."))
	if n := must[int64](t)(e.UsageTotal(ctx, connected, "mtr_1", "cus_1", now, now.Add(time.Minute))); n != 9007199254740995 {
		t.Errorf("%d units: digits are lost", n)
	}
	s.form(t, 0, "customer", "cus_1", "end_time", unix(now.Add(time.Minute)), "limit", "100", "start_time", unix(now))
	if n := must[int64](t)(e.UsageTotal(ctx, connected, "mtr_1", "cus_1", now, now.Add(time.Minute))); n != 0 {
		t.Errorf("nothing used: %d", n)
	}
	if _, err := e.UsageTotal(ctx, connected, "mtr_1", "cus_1", now, now.Add(time.Minute)); sinkSays(err) != "declined resource_missing" {
		t.Errorf("no meter: %v", err)
	}
	if _, err := e.UsageTotal(ctx, connected, "", "cus_1", now, now); sinkSays(err) != "declined parameter_invalid" {
		t.Errorf("no id: %v", err)
	}
}

// Against the sandbox: counted once however often it is sent, by whole minutes, and
// 429 says how long to wait.
func TestSandboxUsage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	meter := must[string](t)(w.EnsureMeter(ctx, w.connected, "op_1", billing.MeterInput{Name: "Calls", EventName: "tg_calls"}))
	customer := must[string](t)(w.CreateCustomer(ctx, w.connected, "op_2", billing.CustomerInput{Name: "Ada"}))
	e := event()
	e.Customer = customer
	none(t, w.SendUsage(ctx, w.connected, "key_1", e))
	none(t, w.SendUsage(ctx, w.connected, "key_1", e)) // the same call again
	none(t, w.SendUsage(ctx, w.connected, "key_2", e)) // the same event under another key
	from := now.Truncate(time.Minute)
	if n := must[int64](t)(w.UsageTotal(ctx, w.connected, meter, customer, from, from.Add(time.Minute))); n != 1234 {
		t.Errorf("counted %d, want 1234", n)
	}
	e.Identifier, e.Units = "u1_B", -34
	none(t, w.SendUsage(ctx, w.connected, "key_3", e))
	if n := must[int64](t)(w.UsageTotal(ctx, w.connected, meter, customer, from, from.Add(time.Hour))); n != 1200 {
		t.Errorf("counted %d after a correction, want 1200", n)
	}
	e.EventName, e.Identifier = "tg_nothing", "u1_C"
	if got := sinkSays(w.SendUsage(ctx, w.connected, "key_4", e)); got != "declined no_meter" {
		t.Errorf("no meter: %s", got)
	}
	none(t, w.box.Inject(sandbox.Fault{Call: "POST /v1/billing/meter_events", Status: http.StatusTooManyRequests, RetryAfter: 7}))
	e.EventName = "tg_calls"
	if got := sinkSays(w.SendUsage(ctx, w.connected, "key_5", e)); got != "busy 7s" {
		t.Errorf("too many: %s", got)
	}
}
