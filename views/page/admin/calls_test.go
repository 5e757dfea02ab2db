package admin_test

import (
	"testing"
	"time"

	"github.com/a-h/templ"

	"tollgate/internal/golden"
	"tollgate/money"
	"tollgate/views/page/admin"
	"tollgate/views/ui"
)

var (
	usd  = money.MustCurrency("usd")
	yen  = money.MustCurrency("jpy")
	sums = []ui.SoldMoney{{Invoiced: money.New(123456, usd), Open: money.New(900, usd)}, {Invoiced: money.New(5000, yen), Open: money.New(0, yen)}}
)

func windowRows() []ui.WindowRow {
	from := now.Add(-2 * time.Hour).Truncate(time.Hour)
	sent := ui.WindowRow{
		ID: "w1", Identifier: "u1_2Q7XMEZT3LJ5C6N5W5XQ2YB7AQ4C7T2S", From: from, To: from.Add(time.Hour), Subscriber: "Ada Byron", API: "Weather v1",
		Href: "/admin/units/s1", Calls: "1,204", Units: "1,180", Tone: ui.Good, Word: "Sent", Sent: now,
	}
	refused, late := sent, sent
	refused.ID, refused.Identifier, refused.Tone, refused.Word, refused.Sent = "w2", "u1_B", ui.Bad, "Refused", time.Time{}
	refused.Why, refused.Decide, refused.Revision = "No such customer: cus_9.", true, "Revision 1, of what came late"
	late.ID, late.Identifier, late.Why = "w3", "u1_C", "Its invoice was final, so it is billed in the running period."
	return []ui.WindowRow{sent, refused, late}
}

func publishing() admin.PublishingProps {
	return admin.PublishingProps{
		Frame: inside("Usage publishing", "/admin/usage"), Tone: ui.Bad, Word: "Needs you", Lead: "3 windows were refused by Stripe. Put the reason right and try again, or write them off.",
		Figures: []ui.Figure{
			{Name: "Waiting", Text: "12 windows", Note: "40,112 units"}, {Name: "Oldest not sent", Text: "2 h 32 min ago", Note: "8 Dec 2026, 12:00 UTC"},
			{Name: "Last run", Text: "2 minutes ago", Note: "8 Dec 2026, 14:30 UTC, did not send all it had"}, {Name: "Next run", Text: "In 3 min", Note: "8 Dec 2026, 14:35 UTC, or sooner around the end of a period"},
		},
		Troubles: []admin.TroubleRow{
			{Account: "acct_1RkT4nH2eZvKYlo2", Name: "Northwind Weather Ltd", Tone: ui.Bad, Word: "Refused", Windows: "3", Units: "120", Reason: "No such customer: cus_9.", Oldest: now.Add(-26 * time.Hour), List: "/admin/usage?account=acct_1RkT4nH2eZvKYlo2&state=refused"},
			{Account: "acct_2", Name: "Tides", Tone: ui.Attention, Word: "Tried again", Windows: "9", Units: "39,992", Reason: "Stripe did not answer: timeout.", Oldest: now.Add(-time.Hour), Next: "Tried again in 2 min.", List: "/admin/usage?account=acct_2&state=waiting"},
		},
		Decide:  []admin.DecisionRow{{Account: "acct_1RkT4nH2eZvKYlo2", Name: "Northwind Weather Ltd", About: "3 windows, 120 units", Lost: "Or give them up: 120 units are then not billed, and that cannot be taken back."}},
		Filters: []ui.Link{{Href: "/admin/usage", Label: "All", Current: true}, {Href: "/admin/usage?state=refused", Label: "Refused"}},
		Rows:    windowRows(), Pager: ui.Pager{Showing: "3 windows", Next: "/admin/usage?after=w3"}, CSV: "/admin/usage.csv",
	}
}

func unitsOf() ui.UnitsOf {
	return ui.UnitsOf{
		Period: "1 Dec 2026 to 1 Jan 2027", Tone: ui.Bad, Word: "Differs", Lead: "Flex, 1 Dec 2026 to 1 Jan 2027. Stripe counts 5 units fewer than were sent.", Compared: now,
		Steps: []ui.UnitsStep{
			{Name: "Counted by the gateways", About: "In their memory, beside the ledger.", Units: "40,232"},
			{Name: "In the ledger", About: "Written down before each call was answered.", Units: "40,232", Change: "0", Tone: ui.Good, Word: "Agrees"},
			{Name: "Counted by Stripe", About: "The meter's total.", Units: "40,227", Change: "−5", Tone: ui.Bad, Word: "5 fewer"},
			{Name: "On the invoice", About: "Once the invoice is final.", Href: "/publisher/subscriptions/s1/invoice?invoice=in_1", Link: "Invoice"},
		},
		Drifts:  []ui.UnitsDrift{{Name: "Units of the period", Ours: "40232 units sent", Theirs: "40227 units counted by Stripe", Remedy: "Look for errors of the meter in Stripe's dashboard.", Since: now.Add(-time.Hour)}},
		Periods: []ui.Link{{Href: "/admin/units/s1?from=1&plan=p", Label: "1 Dec 2026, Flex", Current: true}, {Href: "/admin/units/s1?from=0&plan=p", Label: "1 Nov 2026, Flex"}},
		Rows:    windowRows(), Note: "3 windows with 40,232 units.", CSV: "/admin/units/s1/windows.csv", Links: []ui.Link{{Href: "/admin/subscriptions/s1", Label: "Subscription"}, {Href: "http://localhost:12111/dashboard/acct_1/billing.meter/mtr_1", Label: "Meter in Stripe"}},
	}
}

func gatewaysPage() admin.GatewaysProps {
	return admin.GatewaysProps{
		Frame: inside("Gateways", "/admin/gateways"), Tone: ui.Attention, Word: "Trouble", Lead: "2 gateways serve calls. 1 process has a problem.", Numbers: true,
		Rows: []admin.GatewayRow{
			{Name: "edge-1", Address: "10.0.0.1:8243", Kind: "Gateway at ", Tone: ui.Good, Word: "Works", Caught: "Knows every change of access", Since: now.Add(-48 * time.Hour), Seen: now, Served: "1,204,551", Refused: "3,001", Failed: "12", InFlight: "31"},
			{Name: "edge-2", Address: "10.0.0.2:8243", Kind: "Gateway at ", Tone: ui.Attention, Word: "Trouble", Caught: "3 changes of access behind", Why: "The ledger waits for the database.", Since: now.Add(-time.Hour), Seen: now, Served: "9", Refused: "0", Failed: "1", InFlight: "0"},
		},
		LeaseLead:   "Gateways reserve units of a quota before they serve them, and never more than there are.",
		Leases:      []admin.LeaseRow{{Plan: "Starter", Quota: "10,000 units", Lease: "200 units at most", Together: "200 units at most"}},
		Credentials: []admin.CredentialRow{{ID: "c1", Name: "Frankfurt", Prefix: "tgg_4f1a", Made: now.Add(-time.Hour), Used: now}, {ID: "c2", Name: "Old", Prefix: "tgg_11aa", Made: now.Add(-time.Hour), Revoked: now}},
	}
}

func revenue() admin.RevenueProps {
	return admin.RevenueProps{
		Frame: inside("Calls and revenue", "/admin/revenue"), Lead: "What was called and invoiced in December 2026, UTC, of all publishers.",
		Months:  ui.Months{Action: "/admin/revenue", Value: "2026-12", Before: ui.Link{Href: "/admin/revenue?month=2026-11", Label: "November 2026"}},
		Figures: []ui.Figure{{Name: "Calls", Text: "1,204", Note: "answered by the APIs"}, {Name: "Invoiced", Money: money.New(123456, usd), Note: "31 invoices, 9.00 USD not paid yet"}},
		Chart: &ui.Chart{ID: "calls", Title: "Calls by day", Strong: "1,204 calls", Says: ", most on 8 Dec 2026.", Main: "Counted", Extra: "Not counted", Begun: 1, Low: true,
			Slots: []ui.Slot{{Label: "8 Dec", Name: "8 Dec 2026", Main: 1180, Extra: 24, Cells: []string{"1,204", "1,180"}}}, Head: "Day", Columns: []string{"Calls", "Counted"}, Caption: "Calls by day"},
		APIs:  []ui.SoldRow{{Name: "Weather v1", Calls: "1,204", Counted: "1,180", Units: "1,180", Money: sums}},
		Plans: []ui.SoldRow{{Name: "Flex", Calls: "1,204", Counted: "1,180", Units: "1,180", Money: sums[:1]}, {Name: "Free", Calls: "0", Counted: "0", Units: "0"}},
		ByMonth: []ui.TakingsRow{
			{Month: "December 2026", Href: "/admin/revenue?month=2026-12", Invoices: "31", Invoiced: money.New(123456, usd), Paid: money.New(122556, usd), Open: money.New(900, usd), Lost: money.New(0, usd)},
			{Month: "November 2026", Href: "/admin/revenue?month=2026-11", Invoices: "0", Nothing: true},
		},
		CSV: "/admin/revenue.csv?month=2026-12",
	}
}

func TestCallPages(t *testing.T) {
	t.Parallel()
	running, refused, nothing := publishing(), publishing(), publishing()
	running.Running, running.Progress, running.Progsays, running.Troubles, running.Decide = true, &ui.Gauge{Label: "312 of 1,200 windows", Used: 312, Of: 1200}, "312 of 1,200 windows, 40 a second", nil, nil
	refused.Problem, refused.Decide[0].Open, refused.Decide[0].Typed, refused.Account = "At most 300 letters.", true, "Because", "acct_1RkT4nH2eZvKYlo2"
	nothing.Rows, nothing.Troubles, nothing.Decide, nothing.Tone, nothing.Word = nil, nil, nil, ui.Quiet, "Not yet"
	evil := publishing()
	evil.Lead, evil.Problem, evil.Account = hostile, hostile, hostile
	evil.Troubles = []admin.TroubleRow{{Account: hostile, Name: hostile, Word: hostile, Reason: hostile, Next: hostile, List: hostile, Oldest: now}}
	evil.Decide = []admin.DecisionRow{{Account: hostile, Name: hostile, About: hostile, Lost: hostile, Typed: hostile, Open: true}}
	evil.Rows = []ui.WindowRow{{ID: hostile, Identifier: hostile, Subscriber: hostile, API: hostile, Href: hostile, Word: hostile, Why: hostile, Decide: true}}
	wrong, alone := gatewaysPage(), admin.GatewaysProps{Frame: inside("Gateways", "/admin/gateways"), Tone: ui.Bad, Word: "None works", Lead: "No gateway serves calls: every call fails until one runs.", LeaseLead: "Gateways reserve units."}
	wrong.Name, wrong.Problems, wrong.Numbers = hostile, map[string]string{"name": "There is a credential of this name already."}, false
	wrong.Rows[0].Name, wrong.Rows[0].Why, wrong.Credentials[0].Name, wrong.Leases[0].Plan = hostile, hostile, hostile, hostile
	row := ui.UnitsRow{
		Href: "/admin/units/s1?from=1&plan=p", Subscriber: "Ada Byron", Application: "Harvest planner", API: "Weather v1", Plan: "Flex", From: now, To: now.AddDate(0, 1, 0),
		Gateway: "40,232", Ledger: "40,232", Sent: "40,232", Stripe: "40,227", Tone: ui.Bad, Word: "Differs", Differs: []string{"Stripe counts 5 units fewer than were sent."}, Waiting: "3 units are on the way", Unbilled: "1 unit is not billed",
	}
	fresh := ui.UnitsRow{Href: "/admin/units/s2", Subscriber: hostile, Application: hostile, API: hostile, Plan: hostile, From: now, To: now, Tone: ui.Quiet, Word: "Not compared yet", Differs: []string{hostile}}
	nobody := revenue()
	nobody.Empty, nobody.Chart, nobody.APIs, nobody.Plans = true, nil, nil, nil
	all := ui.Link{Href: "/admin/units", Label: "All periods", Current: true}
	for name, p := range map[string]templ.Component{
		"publishing": admin.Publishing(publishing()), "publishing_running": admin.Publishing(running), "publishing_refused": admin.Publishing(refused),
		"publishing_nothing": admin.Publishing(nothing), "publishing_evil": admin.Publishing(evil),
		"gateways": admin.Gateways(gatewaysPage()), "gateways_wrong": admin.Gateways(wrong), "gateways_none": admin.Gateways(alone),
		"credential": admin.CredentialMade(admin.CredentialMadeProps{Frame: inside("A credential", "/admin/gateways"), Name: hostile, Secret: "tgg_once"}),
		"revenue":    admin.Revenue(revenue()), "revenue_nothing": admin.Revenue(nobody),
		"units":         admin.Units(admin.UnitsProps{Frame: inside("Follow the units", "/admin/units"), Lead: "Every unit.", Filters: []ui.Link{all}, Rows: []ui.UnitsRow{row, fresh}, Pager: ui.Pager{Showing: "2 periods"}, CSV: "/admin/units.csv"}),
		"units_none":    admin.Units(admin.UnitsProps{Frame: inside("Follow the units", "/admin/units"), Filters: []ui.Link{all}, CSV: "/admin/units.csv"}),
		"units_agree":   admin.Units(admin.UnitsProps{Frame: inside("Follow the units", "/admin/units"), Narrowed: true, Filters: []ui.Link{all}, CSV: "/admin/units.csv"}),
		"units_of":      admin.UnitsOf(admin.UnitsOfProps{Frame: inside("Units of Ada Byron", "/admin/units"), Heading: "Units of Ada Byron, Weather v1", Body: unitsOf()}),
		"units_of_none": admin.UnitsOf(admin.UnitsOfProps{Frame: inside("Units", "/admin/units"), Heading: hostile, Body: ui.UnitsOf{Empty: hostile, Lead: hostile}}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.HTML(t, name, p)
		})
	}
}
