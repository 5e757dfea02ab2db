package sandbox_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/internal/browser"
)

// metered is a shop with events in every state, and the address of its meter.
func metered(s shop) string {
	s.t.Helper()
	s.report(21430, time.Time{})
	s.must("POST /v1/billing/meter_events", "event_name=calls&identifier=half&payload[value]=0.5&payload[stripe_customer_id]="+s.customer)
	s.must("POST /v1/billing/meter_events", "event_name=calls&identifier=back&payload[value]=7&payload[stripe_customer_id]="+s.customer)
	s.must("POST /v1/billing/meter_event_adjustments", "event_name=calls&type=cancel&cancel[identifier]=back")
	s.set(`{"usage_delay_seconds":60,"usage_checks":"later"}`)
	s.must("POST /v1/billing/meter_events", "event_name=calls&identifier=many&payload[value]=many&payload[stripe_customer_id]="+s.customer)
	s.must("POST /v1/billing/meter_events", "event_name=unknown&identifier=lost&payload[value]=1&payload[stripe_customer_id]="+s.customer)
	s.advance(time.Minute)
	s.must("POST /v1/billing/meter_events", "event_name=calls&identifier=u1_2026-01-31T12_a-window-of-an-hour&payload[value]=9&payload[stripe_customer_id]="+s.customer)
	return s.url + "/dashboard/" + s.account() + "/billing.meter"
}

func TestAMetersPageShowsItsUse(t *testing.T) {
	t.Parallel()
	s, b := newShop(t), browse(t)
	s.destination(newInbox(t), "self")
	at := metered(s)
	meter := s.must("GET /v1/billing/meters", "").text("data.0.id")
	_, page := b.open(at + "/" + meter)
	for _, want := range []string{"Use per customer", ">21430.5<", "/customer/" + s.customer, "Rejected: meter_event_invalid_value", "Waits until 12:02:00", "Canceled", ">half<", ">many<"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q\n%s", want, page)
		}
	}
	if strings.Contains(page, ">lost<") {
		t.Error("the page has an event of no meter")
	}
	if _, page := b.open(at); !strings.Contains(page, "Events that no meter takes") || !strings.Contains(page, ">lost<") || !strings.Contains(page, "Rejected: no_meter") {
		t.Errorf("events of no meter are not shown\n%s", page)
	}
	for _, kind := range []string{"v2.core.event", "v2.core.event_destination"} {
		_, page := b.open(s.url + "/dashboard/" + s.account() + "/" + kind)
		_, link, _ := strings.Cut(page, `<th scope="row"><a href="`)
		link, _, _ = strings.Cut(link, `"`)
		if status, page := b.open(s.url + link); status != http.StatusOK || !strings.Contains(page, "As the API answers it") {
			t.Errorf("%s: %d", link, status)
		}
	}
	if _, page := b.open(s.url + "/clock"); !strings.Contains(page, "Count meter events that were accepted") {
		t.Error("the clock does not say that events wait")
	}
}

func TestMeterEventsGoWrongByHand(t *testing.T) {
	t.Parallel()
	s, b := newShop(t), browse(t)
	at := s.url + "/faults"
	form := func(kind string, pairs ...string) url.Values {
		v := url.Values{"kind": {kind}, "meter_event": {"calls"}, "account": {""}, "often": {"1"}, "percent": {"100"}, "seed": {"1"}}
		for i := 0; i+1 < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	for _, f := range []url.Values{form("usage-duplicate"), form("usage-late", "by", "2m"), form("usage-reject", "code", "archived_meter"),
		form("slow", "call", "POST /v1/billing/meter_events", "by", "1s", "when", "after")} {
		if status, _, page := b.post(at, f); status != http.StatusSeeOther {
			t.Errorf("%v: %d %s", f, status, page)
		}
	}
	_, page := b.open(at)
	for _, want := range []string{"Meter events calls: counted twice", "Meter events calls: counted 2m late", "Meter events calls: rejected later: archived_meter",
		"POST /v1/billing/meter_events: answered 1s late, after its effect"} {
		if !strings.Contains(page, want) {
			t.Errorf("not listed: %s", want)
		}
	}
	for name, f := range map[string]url.Values{"by": form("usage-late", "by", "soon"), "code": form("usage-reject", "code", "bad_luck"), "meter_event": form("usage-duplicate", "meter_event", "")} {
		status, _, page := b.post(at, f)
		if status != http.StatusUnprocessableEntity || !strings.Contains(page, `id="`+f.Get("kind")+`-`+name+`-problem"`) {
			t.Errorf("%s: %d", name, status)
		}
	}
}

func TestPagesOfUseAreForEverybody(t *testing.T) {
	t.Parallel()
	for _, dark := range []bool{false, true} {
		t.Run("dark "+strconv.FormatBool(dark), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.destination(newInbox(t), "self")
			at := metered(s)
			p := browser.New(t)
			p.Dark(dark)
			for what, address := range map[string]string{"a meter": at + "/" + s.must("GET /v1/billing/meters", "").text("data.0.id"), "the meters": at,
				"thin events": s.url + "/dashboard/" + s.account() + "/v2.core.event"} {
				p.Open(address)
				p.Axe()
				fitsAPhone(t, p, what, dark)
				shoot(t, p, what, dark)
				p.Dark(dark)
			}
			p.Open(s.url + "/faults")
			p.Click("Reject later")
			p.Axe()
			fitsAPhone(t, p, "a fault of meter events", dark)
			shoot(t, p, "a fault of meter events", dark)
		})
	}
}
