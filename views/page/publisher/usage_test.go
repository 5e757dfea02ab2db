package publisher_test

import (
	"testing"

	"github.com/a-h/templ"

	"tollgate/internal/golden"
	"tollgate/money"
	"tollgate/views/page/publisher"
	"tollgate/views/ui"
)

func TestUsagePages(t *testing.T) {
	t.Parallel()
	sold := publisher.UsageProps{
		Frame: frame("Usage and revenue", "/publisher/usage"), Lead: "What your subscribers called in December 2026, UTC, and what was invoiced to them.",
		Months:  ui.Months{Action: "/publisher/usage", Value: "2026-11", Keep: []ui.Hidden{{Name: "by", Value: "api"}}, Before: ui.Link{Href: "/publisher/usage?month=2026-10", Label: "October 2026"}, After: ui.Link{Href: "/publisher/usage?month=2026-12", Label: "December 2026"}},
		Figures: []ui.Figure{{Name: "Calls", Text: "40,232", Note: "answered by the APIs"}, {Name: "Invoiced", Money: money.New(8046, usd), Note: "2 invoices, all of it paid"}},
		By:      []ui.Link{{Href: "/publisher/usage?by=api", Label: "API", Current: true}, {Href: "/publisher/usage?by=plan", Label: "Plan"}, {Href: "/publisher/usage?by=subscription", Label: "Subscriber"}},
		Head:    "API", Caption: "Calls and invoices by API, the most units first", Note: "Calls belong to the plan that they were made under.", CSV: "/publisher/usage.csv",
		Rows: []ui.SoldRow{{Name: "Weather v1", Href: "/publisher/usage?api=a1", Calls: "40,232", Counted: "40,000", Units: "40,000", Money: []ui.SoldMoney{{Invoiced: money.New(8046, usd), Open: money.New(100, usd)}}}, {Name: "Tides v2", Calls: "0", Counted: "0", Units: "0"}},
	}
	quiet, evil := sold, sold
	quiet.Rows, quiet.Title = nil, "Weather v1"
	evil.Frame, evil.Title, evil.Lead, evil.Note, evil.Head, evil.Caption = frame("x", "/publisher/usage"), hostile, hostile, hostile, hostile, hostile
	evil.Rows = []ui.SoldRow{{Name: hostile, About: hostile, Href: hostile, Calls: "1", Counted: "1", Units: "1"}}
	row := ui.UnitsRow{Href: "/publisher/units/s1", Subscriber: "Ada Byron", Application: "Harvest planner", API: "Weather v1", Plan: "Flex", From: now, To: now.AddDate(0, 1, 0),
		Gateway: "3", Ledger: "3", Sent: "3", Stripe: "3", Invoiced: "3", Tone: ui.Good, Word: "Settled"}
	filters := []ui.Link{{Href: "/publisher/units", Label: "All periods", Current: true}}
	body := ui.UnitsOf{Period: "1 Dec 2026 to 1 Jan 2027", Tone: ui.Good, Word: "Settled", Lead: "Every unit is on the invoice.", Compared: now, Note: "No window.",
		Steps: []ui.UnitsStep{{Name: "In the ledger", About: hostile, Units: "3", Change: "0", Tone: ui.Good, Word: "Agrees"}, {Name: "On the invoice", Units: "3", Href: "/publisher/subscriptions/s1/invoice?invoice=in_1", Link: "Invoice"}}}
	for name, p := range map[string]templ.Component{
		"usage": publisher.Usage(sold), "usage_quiet": publisher.Usage(quiet), "usage_evil": publisher.Usage(evil),
		"usage_no_api": publisher.Usage(publisher.UsageProps{Frame: frame("Usage and revenue", "/publisher/usage"), Lead: "What was called.", NoAPI: true}),
		"units":        publisher.Units(publisher.UnitsProps{Frame: frame("Follow the units", "/publisher/units"), Filters: filters, Rows: []ui.UnitsRow{row}, Pager: ui.Pager{Showing: "1 period"}, CSV: "/publisher/units.csv"}),
		"units_none":   publisher.Units(publisher.UnitsProps{Frame: frame("Follow the units", "/publisher/units"), Filters: filters, CSV: "/publisher/units.csv"}),
		"units_agree":  publisher.Units(publisher.UnitsProps{Frame: frame("Follow the units", "/publisher/units"), Narrowed: true, Filters: filters, CSV: "/publisher/units.csv"}),
		"units_of":     publisher.UnitsOf(publisher.UnitsOfProps{Frame: frame("Units", "/publisher/units"), Heading: "Units of Ada Byron, Weather v1", Body: body}),
		"units_empty":  publisher.UnitsOf(publisher.UnitsOfProps{Frame: frame("Units", "/publisher/units"), Heading: hostile, Body: ui.UnitsOf{Empty: "Nothing yet.", Lead: "From the gateways."}}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.HTML(t, name, p)
		})
	}
}
