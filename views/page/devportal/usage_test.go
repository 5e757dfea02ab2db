package devportal_test

import (
	"testing"
	"time"

	"github.com/a-h/templ"

	"tollgate/money"
	"tollgate/views/page/devportal"
	"tollgate/views/ui"
)

// december is a chart of a billing period of which 25 days have begun.
func december(low bool) *ui.Chart {
	c := ui.Chart{
		ID: "calls", Title: "Calls this period", Strong: "857 calls a day on average", Says: ", most on 3 Dec (1,304).", Begun: 25, Main: "Counted", Extra: "Not counted",
		Head: "Day", Columns: []string{"Calls", "Counted", "Units"}, Caption: "Calls by day, 14 Nov to 14 Dec 2026 (UTC)", Foot: []string{"So far", "21,961", "21,430", "21,430"},
		CSV: "/devportal/subscriptions/s2/usage.csv", Low: low,
	}
	if !low {
		c.Than = "The period before"
		c.Grains = []ui.Link{{Href: "?by=hour", Label: "Hour"}, {Href: "?by=day", Label: "Day", Current: true}, {Href: "?by=month", Label: "Month"}}
	}
	counted := []int64{570, 530, 967, 1036, 886, 896, 1092, 653, 544, 987, 1047, 916, 1035, 964, 553, 570, 1033, 1033, 947, 1304, 960, 712, 683, 964, 548}
	for i := range 30 {
		d := time.Date(2026, 11, 14+i, 0, 0, 0, 0, time.UTC)
		s := ui.Slot{Label: d.Format("2 Jan"), Name: ui.Date(d), Before: int64(700 + i*37%400)}
		if i < len(counted) {
			s.Main, s.Extra = counted[i], int64(i*13%40)
			s.Says = ui.Plural(s.Main+s.Extra, "call", "calls") + ", " + ui.Count(s.Main) + " counted"
			s.Cells = []string{ui.Count(s.Main + s.Extra), ui.Count(s.Main), ui.Count(s.Main)}
		}
		c.Slots = append(c.Slots, s)
	}
	return &c
}

func useFigures() []ui.Figure {
	return []ui.Figure{
		{Name: "Calls", Text: "21,961", Note: "21,430 counted, 531 not"},
		{Name: "Cost so far", Money: money.New(4286, usd), Note: "21,430 calls at 0.002 USD, before tax"},
		{Name: "Likely at period end", Money: money.New(5240, usd), Note: "estimate: if calls go on as in the last 7 days"},
	}
}

func quota(tone ui.Tone, used int64) *devportal.QuotaUse {
	return &devportal.QuotaUse{
		Words: ui.Count(used) + " of 1,000 calls", Left: ui.Count(max(1000-used, 0)) + " left", Resets: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		Gauge: ui.Gauge{Label: ui.Count(used) + " of 1,000 calls used", Used: used, Of: 1000, Tone: tone}, Then: "At 1,000 calls the gateway answers 429 until the quota begins anew.",
	}
}

func usage(change func(*devportal.UsageProps)) templ.Component {
	path := "/devportal/subscriptions/s2/usage"
	p := devportal.UsageProps{
		Frame: frame("Usage of Weather v1", "/devportal/subscriptions", ui.Link{Href: "/devportal/subscriptions", Label: "My subscriptions"}, ui.Link{Label: "Usage"}),
		Title: "Usage of Weather v1, Pay as you go", Lead: "21,961 calls, of which 21,430 count.", Period: "14 Nov 2026, 10:14 UTC to 14 Dec 2026, 10:14 UTC",
		Span: ui.SpanChooser{Action: path, Links: []ui.Link{{Href: path, Label: "This period", Current: true}, {Href: path + "?span=previous", Label: "Previous period"},
			{Href: path + "?span=24h", Label: "24 hours"}, {Href: path + "?span=7d", Label: "7 days"}, {Href: path + "?span=30d", Label: "30 days"}, {Href: path + "?span=custom", Label: "Other days"}}},
		Figures: useFigures(), Chart: december(false), Calls: "/devportal/subscriptions/s2/calls", Back: ui.Link{Href: "/devportal/subscriptions/s2", Label: "Subscription"},
		Notes: []string{"Calls that are answered 2xx count, each as one unit."}, Updated: devportal.Freshness{At: now, Ago: "2 minutes ago"},
	}
	change(&p)
	return devportal.Usage(p)
}

func callRows() []ui.CallRow {
	id := "0193a2f4-5b7c-7d3e-8f21-0a1b2c3d4e5"
	return []ui.CallRow{
		{At: now, ID: id + "0", Status: 200, Tone: ui.Good, Counted: true, Units: "1", Took: "42 ms", Key: "Production"},
		{At: now.Add(-1250 * time.Millisecond), ID: id + "1", Status: 404, Tone: ui.Quiet, Why: "answered 404", Units: "0", Took: "8 ms", Key: "Production"},
		{At: now.Add(-time.Hour), ID: id + "2", Status: 502, Tone: ui.Bad, Why: "answered 502", Units: "0", Took: "1,003 ms", Key: "Sandbox"},
	}
}

func calls(change func(*devportal.CallsProps)) templ.Component {
	path := "/devportal/subscriptions/s2/calls"
	p := devportal.CallsProps{
		Frame: frame("Calls of Weather v1", "/devportal/subscriptions"), ID: "s2", Name: "Weather v1, Pay as you go", Rule: "Calls that are answered 2xx count, each as one unit.",
		Kept:    "Calls are kept one by one for 35 days, their sums for good.",
		Filters: []ui.Link{{Href: path, Label: "All", Current: true}, {Href: path + "?outcome=counted", Label: "Counted"}, {Href: path + "?outcome=not-counted", Label: "Not counted"}},
		Span:    ui.SpanChooser{Action: path, Links: []ui.Link{{Href: path, Label: "Any time", Current: true}, {Href: path + "?span=custom", Label: "Other days"}}},
		Rows:    callRows(), CSV: path + ".csv", Pager: ui.Pager{Showing: "3 calls", Next: path + "?after=x"},
	}
	change(&p)
	return devportal.Calls(p)
}

func usagePages() map[string]templ.Component {
	return map[string]templ.Component{
		"subscription_called": running(func(p *devportal.SubscriptionProps) {
			p.Plan, p.Price = "Pay as you go", payg
			p.CallIt = &devportal.CallIt{Address: "http://127.0.0.1:8243/weather/v1", Header: "apikey", Keys: 2, Command: "curl -i \\\n  -H 'apikey: YOUR_API_KEY' \\\n  'http://127.0.0.1:8243/weather/v1/'"}
			p.Use = &devportal.PeriodUse{Title: "This period", Figures: useFigures(), Chart: december(true), Updated: devportal.Freshness{At: now, Ago: "2 minutes ago"}, Notes: []string{"The estimate takes the last 7 days."}}
		}),
		"subscription_not_called": running(func(p *devportal.SubscriptionProps) {
			free(p)
			p.AtLimit = "Above the quota, calls are refused with 429 until the next month."
			p.CallIt = &devportal.CallIt{Address: "http://127.0.0.1:8243/weather/v1", Header: "apikey", Command: "curl -i 'http://127.0.0.1:8243/weather/v1/'"}
			p.Use = &devportal.PeriodUse{Title: "This month", Figures: []ui.Figure{{Name: "Calls", Text: "0"}}, Quota: quota("", 0)}
		}),
		"usage": usage(func(*devportal.UsageProps) {}),
		"usage_quota": usage(func(p *devportal.UsageProps) {
			p.Quota = quota(ui.Attention, 820)
		}),
		"usage_quota_spent": usage(func(p *devportal.UsageProps) {
			p.Quota = quota(ui.Bad, 1003)
		}),
		"usage_all": usage(func(p *devportal.UsageProps) {
			p.Title, p.Calls, p.Back = "Usage", "", ui.Link{}
			p.Scope = []ui.Link{{Href: "/devportal/usage", Label: "All applications", Current: true}, {Href: "/devportal/applications/app1/usage", Label: "Forecast widget"}}
			p.Parts = []devportal.UsagePart{
				{ID: "s2", API: "Weather v1", Plan: "Pay as you go", Application: "Harvest planner", Calls: "21,961", Counted: "21,430", Units: "21,430", Cost: "42.86 USD"},
				{ID: "s3", API: "Tides v1", Plan: "Free", Application: "Harvest planner", Calls: "12", Counted: "12", Units: "12", Cost: "Free"},
			}
		}),
		"usage_empty": usage(func(p *devportal.UsageProps) {
			p.Chart, p.Figures = nil, nil
			p.Empty = &devportal.EmptyUse{Title: "Make the first call", Text: "Harvest planner has no key yet.", Actions: []ui.Link{{Href: "/devportal/applications/app2#new-key", Label: "Generate key"}, {Href: "/devportal/subscriptions/s2", Label: "How to call it"}}}
		}),
		"usage_custom_problem": usage(func(p *devportal.UsageProps) {
			p.Span.Open, p.Span.From, p.Span.To = true, "2026-12-08", "2026-12-01"
			p.Span.Problems, p.Span.Hidden = map[string]string{"to": "Choose the first day or a later one."}, []ui.Hidden{{Name: "span", Value: "custom"}}
		}),
		"usage_hostile": usage(func(p *devportal.UsageProps) {
			*p = devportal.UsageProps{Frame: evil(), Title: hostile, Lead: hostile, Period: hostile, Notes: []string{hostile}, Calls: "javascript:alert(1)", Back: ui.Link{Href: hostile, Label: hostile},
				Span:    ui.SpanChooser{Action: hostile, Links: []ui.Link{{Href: hostile, Label: hostile}}, Open: true, From: hostile, Hidden: []ui.Hidden{{Name: hostile, Value: hostile}}},
				Figures: []ui.Figure{{Name: hostile, Text: hostile, Note: hostile}}, Parts: []devportal.UsagePart{{ID: hostile, API: hostile, Plan: hostile, Application: hostile, Cost: hostile}}}
		}),
		"calls": calls(func(*devportal.CallsProps) {}),
		"calls_empty": calls(func(p *devportal.CallsProps) {
			p.Rows, p.Empty = nil, &devportal.EmptyUse{Title: "No call yet", Text: "Calls appear here within seconds.", Actions: []ui.Link{{Href: "/devportal/subscriptions/s2", Label: "How to call it"}}}
		}),
		"calls_nothing_found": calls(func(p *devportal.CallsProps) {
			p.Rows, p.Narrowed, p.Empty = nil, true, &devportal.EmptyUse{Title: "No call matches", Text: "Look at another time.", Actions: []ui.Link{{Href: "/devportal/subscriptions/s2/calls", Label: "Show all calls"}}}
		}),
		"calls_hostile": calls(func(p *devportal.CallsProps) {
			*p = devportal.CallsProps{Frame: evil(), ID: hostile, Name: hostile, Rule: hostile, Kept: hostile, CSV: "javascript:alert(1)",
				Rows: []ui.CallRow{{ID: hostile, Why: hostile, Units: hostile, Took: hostile, Key: hostile, Whose: hostile, Href: "javascript:alert(1)"}}, Filters: []ui.Link{{Href: hostile, Label: hostile}}}
		}),
	}
}

func TestUsagePages(t *testing.T) {
	t.Parallel()
	tried(t, usagePages())
}
