package devportal_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/access"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/models"
	"tollgate/usage"
)

// A book is the ledger of a shop: its calls, newest first.
type book struct {
	calls  []entry
	asked  usage.CallQuery
	more   string // cursor of the next page
	forgot bool
}

type entry struct {
	usage.LoggedCall
	subscription, policy int64
}

func (b *book) sum(s usage.Scope, from, to time.Time, each func(entry)) {
	for _, e := range b.calls {
		if slices.Contains(s.Subscriptions, e.subscription) && s.Tenant == 7 && !e.At.Before(from) && e.At.Before(to) {
			each(e)
		}
	}
}

func count(t *usage.Totals, e entry) {
	t.Calls++
	if e.Counted {
		t.Counted++
		t.Quantity += e.Units
	}
}

func (b *book) Buckets(_ context.Context, s usage.Scope, step usage.Step, from, to time.Time) ([]usage.Bucket, error) {
	at := map[time.Time]*usage.Bucket{}
	b.sum(s, from, to, func(e entry) {
		start := e.At.Truncate(time.Hour)
		switch step {
		case usage.ByDay:
			start = e.At.Truncate(24 * time.Hour)
		case usage.ByMonth:
			start = time.Date(e.At.Year(), e.At.Month(), 1, 0, 0, 0, 0, time.UTC)
		case usage.ByHour:
		}
		if at[start] == nil {
			at[start] = &usage.Bucket{Start: start}
		}
		count(&at[start].Totals, e)
	})
	var out []usage.Bucket
	for _, bucket := range at {
		out = append(out, *bucket)
	}
	return out, nil
}

func (b *book) Share(_ context.Context, s usage.Scope, by usage.Shares, from, to time.Time) ([]usage.Share, error) {
	at := map[[2]int64]*usage.Share{}
	b.sum(s, from, to, func(e entry) {
		k := [2]int64{0, e.policy}
		if by.Subscription {
			k[0] = e.subscription
		}
		if at[k] == nil {
			at[k] = &usage.Share{Subscription: k[0], Policy: k[1]}
		}
		count(&at[k].Totals, e)
	})
	var out []usage.Share
	for _, one := range at {
		out = append(out, *one)
	}
	return out, nil
}

func (b *book) UsedSince(_ context.Context, tenant models.TenantID, subscription int64, from time.Time) (usage.Totals, error) {
	var t usage.Totals
	b.sum(usage.Scope{Tenant: tenant, Subscriptions: []int64{subscription}}, from, now.Add(time.Hour), func(e entry) { count(&t, e) })
	return t, nil
}

func (b *book) Newest(context.Context, models.TenantID, int64) (time.Time, error) {
	if len(b.calls) == 0 {
		return time.Time{}, nil
	}
	return now.Add(-2 * time.Minute), nil
}

func (b *book) Calls(_ context.Context, q usage.CallQuery) (usage.CallPage, error) {
	b.asked = q
	p := usage.CallPage{Next: b.more, Forgotten: b.forgot}
	for _, e := range b.calls {
		in := (q.From.IsZero() || !e.At.Before(q.From)) && (q.To.IsZero() || e.At.Before(q.To))
		if in && (q.Outcome == usage.AnyOutcome || (q.Outcome == usage.Counted) == e.Counted) {
			p.Calls = append(p.Calls, e.LoggedCall)
		}
	}
	return p, nil
}

func (b *book) AllCalls(ctx context.Context, q usage.CallQuery) iter.Seq2[usage.LoggedCall, error] {
	p, err := b.Calls(ctx, q)
	return func(yield func(usage.LoggedCall, error) bool) {
		for _, c := range p.Calls {
			if !yield(c, err) {
				return
			}
		}
	}
}

// made notes n calls at a time.
func (b *book) made(at time.Time, n int, status int, units, policy int64) {
	for i := range n {
		c := usage.LoggedCall{ID: usage.CallID{byte(len(b.calls)), byte(len(b.calls) >> 8), 7}, At: at.Add(time.Duration(i) * time.Millisecond), Status: status,
			Counted: status < 300, Units: units, Took: 42 * time.Millisecond}
		b.calls = append([]entry{{c, 11, policy}}, b.calls...)
	}
}

// caller has a subscription by the call: 0.002 USD each.
func caller() *shop {
	s := keyShop()
	s.overview.Price, s.overview.PolicyName = weather().Offers[2].Price, "Pay as you go"
	s.overview.Plan = models.Policy{QuotaType: "requestCount", Quota: 1000, UnitTime: 1, TimeUnit: "month", StopOnQuotaReach: true}
	s.book.made(time.Date(2026, 11, 13, 9, 0, 0, 0, time.UTC), 7, 200, 1, 21)   // before the period
	s.book.made(time.Date(2026, 11, 14, 10, 13, 0, 0, time.UTC), 3, 200, 1, 21) // on its first day, and yet before it
	s.book.made(time.Date(2026, 11, 14, 10, 15, 0, 0, time.UTC), 5, 200, 1, 20) // under the plan before
	s.book.made(time.Date(2026, 12, 3, 8, 0, 0, 0, time.UTC), 300, 200, 1, 21)
	s.book.made(time.Date(2026, 12, 3, 9, 0, 0, 0, time.UTC), 20, 500, 1, 21)
	s.book.made(time.Date(2026, 12, 8, 14, 0, 0, 0, time.UTC), 535, 200, 1, 21)
	return s
}

// The page of a subscription says what the period comes to: calls, money to the last
// decimal, an estimate that says what it is, the quota, and how to call.
func TestASubscriptionSaysWhatItUses(t *testing.T) {
	t.Parallel()
	s := caller()
	status, _, body := s.ask(t, "/devportal/subscriptions/sub-1", nil)
	if status != 200 {
		t.Fatal(status, body)
	}
	// 835 units at 0.002 USD. There were 835 in the last 7 days, and 5 days 19 h 42 min are
	// left: 835 × 8,382 min / 10,080 min = 694 more, and 1,529 cost 3.058 USD.
	holds(t, body, "860", "840 counted, 20 not", "1.67 <span", "835 calls at 0.002 USD, before tax", "Likely at period end", "3.06 <span", "Estimate: 1,529 calls, if calls go on as in the last 7 days.",
		"835 of 1,000 calls", "165 left", "1 Jan 2027, 00:00 UTC", "bar-attention", "The newest call was written down 2 minutes ago", "<figure", "most on 8 Dec 2026 (535)",
		"https://gateway.example/t/acme.example/weather/v1", "apikey: YOUR_API_KEY", "Keys of Widget")
	if strings.Contains(body, secret) {
		t.Error("the page shows a key")
	}
	s.book.made(time.Date(2026, 12, 8, 14, 1, 0, 0, time.UTC), 165, 200, 1, 21)
	_, _, body = s.ask(t, "/devportal/subscriptions/sub-1", nil)
	holds(t, body, "1,000 of 1,000 calls", "0 left", "bar-bad", "calls are refused (429) until it begins anew, on the first of the month")

	s = caller()
	s.book.calls, s.ring.keys = nil, nil
	_, _, body = s.ask(t, "/devportal/subscriptions/sub-1", nil)
	holds(t, body, "0 of 1,000 calls", "Generate key", "no key yet", "0.00 <span")
	if strings.Contains(body, "<figure") {
		t.Error("there is a chart of nothing")
	}
}

func TestUsageOfASubscription(t *testing.T) {
	t.Parallel()
	s := caller()
	const path = "/devportal/subscriptions/sub-1/usage"
	status, _, body := s.ask(t, path, nil)
	if status != 200 {
		t.Fatal(status, body)
	}
	holds(t, body, "860 calls, of which 840 count.", "14 Nov 2026, 10:14 UTC to 14 Dec 2026, 10:14 UTC", "The period before: 10", "1.67 <span", "835 of 1,000 calls",
		"5 calls of this time were used under another plan", "Calls that the API answers with 2xx count, each as one unit.", "Calls by day", path+".csv?by=day", "by=month")
	_, _, body = s.ask(t, path+"?span=previous", nil)
	holds(t, body, "10 calls, and all of them count.", "14 Oct 2026, 10:14 UTC to 14 Nov 2026, 10:14 UTC", "0.02 <span", `<td class="num">0.014 USD</td>`, `<td class="num">0.006 USD</td>`, `<td class="num">0.02 USD</td>`)
	_, _, body = s.ask(t, path+"?span=24h", nil)
	holds(t, body, "535 calls", "Calls by hour", "most on 8 Dec 2026 from 14:00 (535)", "The 24 hours before: 0", "Cost at your price")
	_, _, body = s.ask(t, path+"?span=days&from=2026-12-01&to=2026-12-03&by=day", nil)
	holds(t, body, "320 calls, of which 300 count.", "1 Dec 2026 to 3 Dec 2026, UTC", `value="2026-12-03"`, "As many days before: 0")
	status, _, body = s.ask(t, path+"?span=days&from=2026-12-03&to=2026-12-01", nil)
	if status != 422 {
		t.Errorf("days backwards: %d", status)
	}
	holds(t, body, "Choose the first day or a later one.", `value="2026-12-03"`)
	if status, _, _ := s.ask(t, "/devportal/subscriptions/sub-9/usage", nil); status != 404 {
		t.Errorf("somebody else's: %d", status)
	}
	status, _, body = s.ask(t, path+".csv?by=day&span=days&from=2026-12-03&to=2026-12-04", nil)
	want := "from,to,calls,counted,not_counted,units\r\n2026-12-03T00:00:00Z,2026-12-04T00:00:00Z,320,300,20,300\r\n2026-12-04T00:00:00Z,2026-12-05T00:00:00Z,0,0,0,0\r\n"
	if status != 200 || body != want {
		t.Errorf("the file: %d %q", status, body)
	}
	if status, _, _ := s.ask(t, path+".csv?span=days&from=x&to=y", nil); status == 200 {
		t.Error("a file of no days")
	}
}

func TestUsageThatIsNotThere(t *testing.T) {
	t.Parallel()
	const path = "/devportal/subscriptions/sub-1/usage"
	s := caller()
	s.book.calls = nil
	_, _, body := s.ask(t, path, nil)
	holds(t, body, "Make the first call", "How to call it")
	s.ring.keys = s.ring.keys[2:] // the revoked one
	_, _, body = s.ask(t, path, nil)
	holds(t, body, "Generate a key to make calls", "/devportal/applications/app-1#new-key")
	_, _, body = s.ask(t, "/devportal/usage", nil)
	holds(t, body, "Nothing was called in this time", "Applications and keys")
	s.overview.State = access.Of(access.Facts{NeedsPayment: true, Checkout: access.Open, Now: now})
	_, _, body = s.ask(t, path, nil)
	holds(t, body, "Calls are not served: Payment needed.")
	_, _, body = s.ask(t, "/devportal/usage", nil)
	holds(t, body, "Browse APIs")
	s = caller()
	_, _, body = s.ask(t, path+"?span=days&from=2025-01-01&to=2025-01-02", nil)
	holds(t, body, "No call in this time", "Show the last 30 days", path+"?span=30d")
}

func TestUsageOfSeveral(t *testing.T) {
	t.Parallel()
	s := caller()
	s.apps = append(s.apps, models.Application{UUID: "app-2", Name: "Planner"})
	for _, path := range []string{"/devportal/usage", "/devportal/applications/app-1/usage"} {
		status, _, body := s.ask(t, path, nil)
		if status != 200 {
			t.Fatal(status, body)
		}
		holds(t, body, "855 calls, of which 835 count.", "This month", "1 Dec 2026 to 31 Dec 2026, UTC", "By subscription", "1.67 USD", "/devportal/subscriptions/sub-1/usage", "All applications", "Planner")
	}
	if q := s.got["Mine"].(billing.ListQuery); q.Application != "app-1" {
		t.Errorf("asked for %+v", q)
	}
	if status, _, _ := s.ask(t, "/devportal/applications/app-9/usage", nil); status != 404 {
		t.Errorf("somebody else's application: %d", status)
	}
	for _, path := range []string{"/devportal/usage.csv?span=7d", "/devportal/applications/app-1/usage.csv?span=7d"} {
		if status, _, body := s.ask(t, path, nil); status != 200 || !strings.HasSuffix(body, "2026-12-08T00:00:00Z,2026-12-09T00:00:00Z,535,535,0,535\r\n") {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	if status, _, _ := s.ask(t, "/devportal/applications/app-9/usage.csv", nil); status != 404 {
		t.Errorf("somebody else's file: %d", status)
	}
	s.overview.Price = gold()
	_, _, body := s.ask(t, "/devportal/usage", nil)
	holds(t, body, "49.00 USD a month")
	s.overview.Price = catalog.Price{}
	_, _, body = s.ask(t, "/devportal/usage", nil)
	holds(t, body, ">Free<")
}

func TestTheLogOfCalls(t *testing.T) {
	t.Parallel()
	const path = "/devportal/subscriptions/sub-1/calls"
	s := caller()
	s.book.calls = s.book.calls[520:] // 15 of the newest, then what failed
	s.book.calls[0].Sandbox, s.book.calls[1].Undelivered, s.book.calls[1].Counted, s.book.more = true, true, false, "place"
	status, _, body := s.ask(t, path+"?span=7d&after=there", nil)
	if status != 200 {
		t.Fatal(status, body)
	}
	id := s.book.calls[0].ID.String()
	holds(t, body, id, "Sandbox", "its answer was not delivered", "only 2xx counts", "42 ms", "35 days", "after=place&amp;span=7d", `data-copy="call-`+id+`"`, "Calls that the API answers with 2xx count")
	if q := s.book.asked; q.Cursor != "there" || q.Subscription != 11 || q.Tenant != 7 || q.From.Format(time.DateOnly) != "2026-12-02" || q.Limit != 50 {
		t.Errorf("asked for %+v", q)
	}
	s.ask(t, path+"?outcome=uncounted", nil)
	if q := s.book.asked; q.Outcome != usage.Uncounted || !q.From.IsZero() || !q.To.IsZero() {
		t.Errorf("asked for %+v", q)
	}
	s.book.more = ""
	_, _, body = s.ask(t, path+"?span=days&from=2025-01-01&to=2025-01-02", nil)
	holds(t, body, "No call matches", "Show all calls")
	s.book.forgot = true
	_, _, body = s.ask(t, path+"?span=days&from=2025-01-01&to=2025-01-02", nil)
	holds(t, body, "not kept one by one any more")
	s.book.calls, s.book.forgot = nil, false
	_, _, body = s.ask(t, path, nil)
	holds(t, body, "No call yet", "How to call it")
	for _, path := range []string{"/devportal/subscriptions/sub-9/calls", "/devportal/subscriptions/sub-9/calls.csv"} {
		if status, _, _ := s.ask(t, path, nil); status != 404 {
			t.Errorf("somebody else's: %d", status)
		}
	}
}

func TestTheFileOfCalls(t *testing.T) {
	t.Parallel()
	const path = "/devportal/subscriptions/sub-1/calls.csv"
	s := caller()
	status, _, body := s.ask(t, path+"?outcome=uncounted", nil)
	lines := strings.Split(strings.TrimSpace(body), "\r\n")
	if status != 200 || len(lines) != 21 || lines[0] != "time,request_id,status,counted,units,took_ms,key_type" || !strings.HasSuffix(lines[20], ",500,false,0,42,PRODUCTION") {
		t.Errorf("%d: %d lines, %q", status, len(lines), lines[len(lines)-1])
	}
	s.book.calls = slices.Repeat(s.book.calls, 50_001/len(s.book.calls)+1)
	if status, _, body := s.ask(t, path, nil); status == 200 || !strings.Contains(body, "Choose fewer days") {
		t.Errorf("too many: %d", status)
	}
}

// Money is exact where floats are not, and no call is worth nothing by rounding early.
func TestCostsAreExact(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{1: "0.00 <span", 2: "0.00 <span", 3: "0.01 <span", 1000: "2.00 <span", 2250: "4.50 <span"} {
		s := caller()
		s.book.calls = nil
		s.book.made(now.Add(-time.Hour), n, 200, 1, 21)
		_, _, body := s.ask(t, "/devportal/subscriptions/sub-1/usage", nil)
		flat := strings.Join(strings.Fields(body), " ")
		at := strings.Index(flat, "Cost so far")
		if at < 0 || !strings.Contains(flat[at:at+200], want) {
			t.Errorf("%d calls cost %s, not %s", n, flat[at:at+200], want)
		}
	}
}

// What the pages say of limits is what gateways do.
func TestLimitsAreSaidAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		plan  models.Policy
		price catalog.Price
		want  string
	}{
		"stops":        {models.Policy{QuotaType: "requestCount", Quota: 9, UnitTime: 1, TimeUnit: "week", StopOnQuotaReach: true}, catalog.Price{}, "Above the quota, calls are refused (429) until it begins anew, on Monday, UTC."},
		"every 5 min":  {models.Policy{QuotaType: "requestCount", Quota: 9, UnitTime: 5, TimeUnit: "min", StopOnQuotaReach: true}, catalog.Price{}, "every 5 minutes, UTC."},
		"goes on":      {models.Policy{QuotaType: "requestCount", Quota: 9, UnitTime: 1, TimeUnit: "day"}, gold(), "Above the quota, calls go on at no further cost."},
		"is billed on": {models.Policy{QuotaType: "requestCount", Quota: 9, UnitTime: 1, TimeUnit: "day"}, weather().Offers[2].Price, "Above the quota, calls go on at the same price."},
		"not measured": {models.Policy{QuotaType: "bandwidthVolume", Quota: 9, QuotaUnit: "MB", UnitTime: 1, TimeUnit: "day", StopOnQuotaReach: true}, catalog.Price{}, "The gateway does not measure MB, so this quota stops nothing."},
		"burst":        {models.Policy{RateLimitCount: 5, RateLimitTimeUnit: "sec"}, catalog.Price{}, "Calls that come faster are refused (429), with the seconds to wait in Retry-After."},
		"none":         {models.Policy{}, catalog.Price{}, "There is no limit."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := weather()
			l.Offers = append(l.Offers[:1:1], catalog.Offer{Plan: tt.plan, Price: tt.price})
			l.Offers[1].Plan.UUID = "p-2"
			s := &shop{who: ada, listed: []catalog.Listed{l}}
			_, _, body := s.ask(t, "/devportal/apis/api-1", nil)
			holds(t, body, tt.want, "https://gateway.example/t/acme.example/weather/v1")
		})
	}
	for rule, want := range map[[3]string]string{
		{models.CountSuccess, "", ""}:              "Calls that the API answers with 2xx count, each as one unit.",
		{models.CountAll, "", ""}:                  "Every call that the API answers counts, whatever the answer, each as one unit.",
		{models.CountListed, "200,202,4xx", "X-N"}: "Calls that the API answers with 200, 202 and 4xx count, each as many units as the answer&#39;s header X-N says, or as one where it says no number.",
	} {
		l := weather()
		l.API.Counting, l.API.CountingStatuses, l.API.UnitsHeader = rule[0], rule[1], rule[2]
		s := &shop{who: ada, listed: []catalog.Listed{l}}
		_, _, body := s.ask(t, "/devportal/apis/api-1", nil)
		holds(t, body, want)
		holds(t, body, map[bool]string{true: "per call", false: "per unit"}[rule[2] == ""])
	}
}
