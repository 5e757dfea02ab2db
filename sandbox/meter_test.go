package sandbox_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82"
)

// usage makes a meter and a customer, and a function that reports.
func usage(t *testing.T, s *site, meterForm string) (c caller, meter, customer string, report func(form string) reply) {
	t.Helper()
	c = s.as(oneKey)
	meter = c.must("POST /v1/billing/meters", "display_name=Calls&event_name=calls&"+meterForm).id()
	customer = c.must("POST /v1/customers", "name=Ann").id()
	return c, meter, customer, func(form string) reply {
		return c.do("POST /v1/billing/meter_events", "event_name=calls&payload[stripe_customer_id]="+customer+"&"+form)
	}
}

func TestMeterEventsAreChecked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, meter, customer, report := usage(t, s, "default_aggregation[formula]=sum")
	at := func(d time.Duration) string {
		return fmt.Sprintf("payload[value]=1&timestamp=%d", start.Add(d).Unix())
	}
	const day = 24 * time.Hour
	for form, code := range map[string]string{
		"payload[value]=many":                            "meter_event_invalid_value",
		"payload[value]=":                                "meter_event_invalid_value",
		"payload[value]=1e3":                             "meter_event_invalid_value",
		"payload[value]=--1":                             "meter_event_invalid_value",
		"payload[value]=1234567890.123456":               "meter_event_value_too_many_digits",
		"payload[value]=9999999999999999":                "meter_event_value_too_many_digits",
		"payload[count]=1":                               "meter_event_value_not_found",
		"payload[value]=1&payload[stripe_customer_id]=x": "meter_event_customer_not_found",
		"payload[value]=1&payload[stripe_customer_id]=":  "meter_event_no_customer_defined",
		at(5*time.Minute + time.Second):                  "timestamp_in_future",
		at(-35*day - time.Second):                        "timestamp_too_far_in_past",
		"identifier=" + strings.Repeat("i", 101):         "",
		"payload=5":                                      "",
		"payload[value][x]=5":                            "",
	} {
		if r := report(form); r.status != 400 || r.text("error.code") != code {
			t.Errorf("%s: %d %s", form, r.status, r.body)
		}
	}
	for _, form := range []string{at(5 * time.Minute), at(-35 * day), "payload[value]=-2", "payload[value]=0.5", "payload[value]=-0.000000000012", "payload[value]=0",
		"payload[value]=123456789012345", "payload[value]=1000000000000000000", "payload[value]=1&payload[region]=eu", "payload[value]=1&identifier=" + strings.Repeat("é", 100)} {
		if r := report(form); r.status != 200 {
			t.Errorf("%s: %d %s", form, r.status, r.body)
		}
	}
	older := c.with("Stripe-Version", "2025-08-27.basil") // digits are counted since 2026-04-22
	older.must("POST /v1/billing/meter_events", "event_name=calls&payload[value]=9999999999999999&payload[stripe_customer_id]="+customer)
	nobody := c.do("POST /v1/billing/meter_events", "event_name=calls&payload[value]=1")
	nobody.want("error.code", "meter_event_no_customer_defined")
	c.do("POST /v1/billing/meter_events", "event_name=other&payload[value]=1").want("error.code", "no_meter")
	c.do("POST /v1/billing/meter_events", "event_name=calls").want("error.param", "payload")
	c.must("POST /v1/billing/meters/"+meter+"/deactivate", "").want("status", "inactive")
	report("payload[value]=1").want("error.code", "archived_meter")
	if r := c.do("POST /v1/billing/meters", "display_name=Calls&event_name=calls&default_aggregation[formula]=sum"); r.status != 400 {
		t.Errorf("the name of an inactive meter was given away: %s", r.body)
	}
	c.must("POST /v1/billing/meters/"+meter+"/reactivate", "").want("status_transitions.deactivated_at", nil)
	c.must("DELETE /v1/customers/"+customer, "")
	report("payload[value]=1").want("error.code", "meter_event_customer_not_found")
}

// Stripe's refusal of an identifier says so in words and has no code; stripe-go
// shows it as it is.
func TestIdentifiersAreRememberedForADay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, meter, customer, report := usage(t, s, "default_aggregation[formula]=sum")
	c.must("POST /v1/billing/meters", "display_name=Other&event_name=other&default_aggregation[formula]=sum")
	first := report("payload[value]=5&identifier=a")
	first.want("identifier", "a")
	first.want("timestamp", int(start.Unix()))
	second := report("payload[value]=7&identifier=a")
	second.want("error.message", "An event already exists with identifier a.")
	second.want("error.type", "invalid_request_error")
	second.want("error.code", nil)
	if second.status != 400 || second.header.Get("Stripe-Should-Retry") != "false" {
		t.Errorf("%d %v", second.status, second.header)
	}
	c.do("POST /v1/billing/meter_events", "event_name=other&identifier=a&payload[value]=1&payload[stripe_customer_id]="+customer).
		want("error.message", "An event already exists with identifier a.")
	_, err := s.client(oneKey).V1BillingMeterEvents.Create(t.Context(), &stripe.BillingMeterEventCreateParams{
		EventName: stripe.String("calls"), Identifier: stripe.String("a"), Payload: map[string]string{"stripe_customer_id": customer, "value": "5"}})
	if e, ok := errors.AsType[*stripe.Error](err); !ok || e.HTTPStatusCode != 400 || e.Code != "" || e.Msg != "An event already exists with identifier a." {
		t.Errorf("%v", err)
	}
	if one, other := report("payload[value]=1"), report("payload[value]=1"); one.text("identifier") == "" || one.text("identifier") == other.text("identifier") {
		t.Errorf("made up: %s, %s", one.body, other.body)
	}
	keyed := c.with("Idempotency-Key", "k")
	form := "event_name=calls&identifier=b&payload[value]=2&payload[stripe_customer_id]=" + customer
	keyed.must("POST /v1/billing/meter_events", form)
	if again := keyed.must("POST /v1/billing/meter_events", form); again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%v", again.header)
	}
	total := func(want int) {
		t.Helper()
		now := s.server.Now().Truncate(time.Minute).Add(time.Minute)
		c.must("GET /v1/billing/meters/"+meter+"/event_summaries", fmt.Sprintf("customer=%s&start_time=%d&end_time=%d", customer, start.Add(-time.Hour).Unix(), now.Unix())).
			want("data.0.aggregated_value", want)
	}
	total(9)
	s.wall.pass(24*time.Hour - time.Second)
	if r := report("payload[value]=5&identifier=a"); r.status != 400 {
		t.Errorf("forgotten within a day: %s", r.body)
	}
	s.wall.pass(time.Second) // now a late retry is billed twice, as at Stripe
	if r := report("payload[value]=5&identifier=a"); r.status != 200 {
		t.Errorf("remembered for more than a day: %s", r.body)
	}
	total(14)
}

func TestMetersAddUp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meter string
		want  float64
	}{
		"sum":               {"default_aggregation[formula]=sum", 11.5},
		"count":             {"default_aggregation[formula]=count", 4},
		"last":              {"default_aggregation[formula]=last", 2},
		"sum of last hours": {"default_aggregation[formula]=sum&event_time_window=hour", 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			c, meter, customer, report := usage(t, s, test.meter)
			// It is twelve: two events in the hour before eleven, two in the one after.
			for _, e := range []struct {
				before time.Duration
				value  string
			}{{90 * time.Minute, "2.5"}, {61 * time.Minute, "4"}, {50 * time.Minute, "3"}, {time.Minute, "2"}} {
				if r := report(fmt.Sprintf("payload[value]=%s&timestamp=%d", e.value, start.Add(-e.before).Unix())); r.status != 200 {
					t.Fatal(r.body)
				}
			}
			r := c.must("GET /v1/billing/meters/"+meter+"/event_summaries", fmt.Sprintf("customer=%s&start_time=%d&end_time=%d",
				customer, start.Add(-24*time.Hour).Unix(), start.Unix()))
			if got := r.at("data.0.aggregated_value"); got != test.want {
				t.Errorf("%v, want %v\n%s", got, test.want, r.body)
			}
		})
	}
}

func TestSummariesAreAligned(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, meter, customer, report := usage(t, s, "default_aggregation[formula]=sum")
	for hour := range 3 {
		report(fmt.Sprintf("payload[value]=%d&timestamp=%d", hour+1, start.Add(-time.Duration(hour)*time.Hour).Add(-time.Minute).Unix()))
	}
	path := "GET /v1/billing/meters/" + meter + "/event_summaries"
	span := func(from, to time.Time) string {
		return fmt.Sprintf("customer=%s&start_time=%d&end_time=%d", customer, from.Unix(), to.Unix())
	}
	if r := c.do(path, span(start.Add(-time.Second), start)); r.status != 400 || r.text("error.param") != "start_time" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := c.do(path, span(start.Add(-30*time.Minute), start)+"&value_grouping_window=hour"); r.status != 400 {
		t.Errorf("%d %s", r.status, r.body)
	}
	hours := c.must(path, span(start.Add(-24*time.Hour), start)+"&value_grouping_window=hour&limit=2")
	hours.want("has_more", true)
	hours.want("data.0.aggregated_value", 1)
	hours.want("data.1.aggregated_value", 2)
	rest := c.must(path, span(start.Add(-24*time.Hour), start)+"&value_grouping_window=hour&starting_after="+hours.text("data.1.id"))
	rest.want("data.0.aggregated_value", 3)
	rest.want("has_more", false)
	c.must(path, span(start.Add(-96*time.Hour), start.Add(-48*time.Hour))).want("data.0", nil)
}

func TestEventsCanBeTakenBackForADay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, meter, customer, report := usage(t, s, "default_aggregation[formula]=sum")
	at := start.Add(-time.Minute).Unix()
	report(fmt.Sprintf("payload[value]=5&identifier=a&timestamp=%d", at))
	report(fmt.Sprintf("payload[value]=7&identifier=b&timestamp=%d", at))
	cancel := func(id string) reply {
		return c.do("POST /v1/billing/meter_event_adjustments", "event_name=calls&type=cancel&cancel[identifier]="+id)
	}
	if r := cancel("a"); r.status != 200 {
		t.Errorf("%s", r.body)
	}
	if r := cancel("unknown"); r.status != 400 {
		t.Errorf("%s", r.body)
	}
	c.must("GET /v1/billing/meters/"+meter+"/event_summaries", fmt.Sprintf("customer=%s&start_time=%d&end_time=%d",
		customer, start.Add(-time.Hour).Unix(), start.Unix())).want("data.0.aggregated_value", 7)
	s.wall.pass(25 * time.Hour)
	if r := cancel("b"); r.status != 400 {
		t.Errorf("taken back after a day: %s", r.body)
	}
}

// Days and hours begin in UTC, empty ones are left out, and pages lead forth and back.
func TestSummariesOfDaysAndHoursPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, meter, customer, report := usage(t, s, "default_aggregation[formula]=sum")
	midnight := start.Truncate(24 * time.Hour)
	for _, e := range []struct {
		at    time.Time
		value string
	}{
		{midnight.Add(-48 * time.Hour), "1"}, {midnight.Add(-24*time.Hour - time.Second), "2"}, // two days before
		{midnight.Add(-time.Second), "4"}, {midnight, "8"}, {midnight.Add(time.Hour - time.Second), "0.5"}, {midnight.Add(time.Hour), "16"},
	} {
		if r := report(fmt.Sprintf("payload[value]=%s&timestamp=%d", e.value, e.at.Unix())); r.status != 200 {
			t.Fatal(r.body)
		}
	}
	list := func(from, to time.Time, more string) reply {
		return c.do("GET /v1/billing/meters/"+meter+"/event_summaries", fmt.Sprintf("customer=%s&start_time=%d&end_time=%d%s", customer, from.Unix(), to.Unix(), more))
	}
	values := func(r reply) (out []any) {
		for _, one := range r.at("data").([]any) {
			out = append(out, one.(map[string]any)["aggregated_value"])
		}
		return out
	}
	days := list(midnight.AddDate(0, 0, -10), midnight.AddDate(0, 0, 1), "&value_grouping_window=day")
	if got, want := values(days), []any{24.5, 4.0, 3.0}; !slices.Equal(got, want) {
		t.Errorf("days %v, want %v", got, want)
	}
	days.want("data.1.start_time", int(midnight.AddDate(0, 0, -1).Unix()))
	days.want("data.1.end_time", int(midnight.Unix()))
	hours := list(midnight.AddDate(0, 0, -10), midnight.AddDate(0, 0, 1), "&value_grouping_window=hour")
	if got, want := values(hours), []any{16.0, 8.5, 4.0, 2.0, 1.0}; !slices.Equal(got, want) {
		t.Errorf("hours %v, want %v", got, want)
	}
	all := list(midnight.Add(-time.Minute), midnight.Add(time.Minute), "")
	all.want("data.0.aggregated_value", 12)
	all.want("data.1", nil)
	page := func(more string) reply {
		return list(midnight.AddDate(0, 0, -10), midnight.AddDate(0, 0, 1), "&value_grouping_window=hour&limit=2"+more)
	}
	second := page("&starting_after=" + page("").text("data.1.id"))
	if got := values(second); !slices.Equal(got, []any{4.0, 2.0}) || second.at("has_more") != true {
		t.Errorf("the second page: %s", second.body)
	}
	back := page("&ending_before=" + second.text("data.0.id"))
	if got := values(back); !slices.Equal(got, []any{16.0, 8.5}) || back.at("has_more") != false {
		t.Errorf("the page before: %s", back.body)
	}
	for _, wrong := range []string{"&starting_after=mtrusg_none", "&ending_before=mtrusg_none", "&starting_after=a&ending_before=b"} {
		if r := page(wrong); r.status != 400 {
			t.Errorf("%s: %d %s", wrong, r.status, r.body)
		}
	}
	for form, param := range map[string]string{"&value_grouping_window=day": "start_time", "&value_grouping_window=week": "value_grouping_window"} {
		if r := list(midnight.Add(time.Hour), midnight.AddDate(0, 0, 1), form); r.status != 400 || r.text("error.param") != param {
			t.Errorf("%s: %d %s", form, r.status, r.body)
		}
	}
	if r := list(midnight, midnight, ""); r.status != 400 || r.text("error.param") != "end_time" {
		t.Errorf("no time at all: %s", r.body)
	}
}
