package publisher_test

import (
	"testing"

	"tollgate/internal/golden"
	"tollgate/money"
	"tollgate/views/page/publisher"
	"tollgate/views/ui"
)

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	filters := []ui.Link{{Href: "/publisher/subscriptions", Label: "All", Current: true}, {Href: "/publisher/subscriptions?show=ended", Label: "Ended"}}
	row := publisher.SubscriptionRow{ID: "s1", Subscriber: "Ada Byron", Application: "Harvest planner", API: "Weather v1", Plan: "Gold", Price: gold, State: "Active", Tone: ui.Good, Since: now, Invoices: true, Block: publisher.CanBlock}
	blocked, free, over := row, row, row
	blocked.ID, blocked.Price, blocked.State, blocked.Tone, blocked.Block = "s2", payg, "Blocked", ui.Bad, publisher.CanUnblock
	free.ID, free.Plan, free.Price, free.Invoices = "s3", "Free", publisher.Price{}, false
	over.ID, over.State, over.Tone, over.Block = "s4", "Ended", ui.Quiet, publisher.NoBlock
	odd := publisher.SubscriptionRow{ID: hostile, Subscriber: hostile, Application: hostile, API: hostile, Plan: hostile, Price: gold, State: hostile, Tone: ui.Bad, Since: now, Invoices: true, Block: publisher.CanBlock}
	for name, p := range map[string]publisher.SubscriptionsProps{
		"subscriptions":        {Frame: frame("Subscriptions", "/publisher/subscriptions"), Filters: filters, Rows: []publisher.SubscriptionRow{row, blocked, free, over}, Pager: ui.Pager{Showing: "4 subscriptions", Next: "/publisher/subscriptions?before=4"}},
		"subscriptions_of_api": {Frame: frame("Subscriptions", "/publisher/subscriptions"), API: "a1", APIName: "Weather v1", Narrowed: true, Filters: filters, Rows: []publisher.SubscriptionRow{row}, Pager: ui.Pager{Showing: "1 subscription"}},
		"subscriptions_none":   {Frame: frame("Subscriptions", "/publisher/subscriptions"), Filters: filters},
		"subscriptions_nobody": {Frame: frame("Subscriptions", "/publisher/subscriptions"), Filters: filters, Narrowed: true, Search: "zz"},
		"subscriptions_evil":   {Frame: evil(), API: hostile, APIName: hostile, Search: hostile, Narrowed: true, Filters: filters, Rows: []publisher.SubscriptionRow{odd}, Pager: ui.Pager{Showing: hostile}},
	} {
		t.Run(name, func(t *testing.T) { golden.HTML(t, name, publisher.Subscriptions(p)) })
	}
}

func TestInvoicePages(t *testing.T) {
	t.Parallel()
	paid := ui.Invoice{
		Number: "NWX-0007", State: "Paid", Tone: ui.Good, From: []string{"Northwind Weather"}, To: []string{"Ada Byron", "ada@example.com"}, For: "Weather v1, Gold",
		PeriodStart: now, PeriodEnd: now.AddDate(0, 1, 0), Issued: now, PaidAt: now,
		Lines:    []ui.InvoiceLine{{Text: "1 × Weather v1", Quantity: "1", Unit: rate("49.00"), Amount: money.New(4900, usd), Start: now, End: now.AddDate(0, 1, 0)}},
		Subtotal: money.New(4900, usd), Tax: money.New(0, usd), Total: money.New(4900, usd), Paid: money.New(4900, usd), ToPay: money.New(0, usd),
		PDF: "https://pay.stripe.com/invoice/1/pdf", Hosted: "https://invoice.stripe.com/i/1",
	}
	next := paid
	next.Number, next.State, next.Tone, next.ToPay = "", "Not final", ui.Quiet, money.New(4900, usd)
	line := ui.InvoiceRow{Href: "/publisher/subscriptions/s1/invoice?invoice=in_1", Number: "NWX-0006", Issued: now, For: "Weather v1, Gold", State: "Open", Tone: ui.Attention, Total: money.New(4900, usd)}
	whose := line
	whose.Who = "Ada Byron (Harvest planner)"
	f := frame("Invoice", "/publisher/subscriptions")
	for name, p := range map[string]publisher.InvoiceProps{
		"invoice":         {Frame: f, ID: "s1", Name: "Weather v1, Gold", Who: "Ada Byron (Harvest planner)", Shown: &paid, Upcoming: &next, Read: now, Past: []ui.InvoiceRow{line}},
		"invoice_earlier": {Frame: f, ID: "s1", Name: "Weather v1, Gold", Who: "Ada Byron (Harvest planner)", Shown: &paid, Earlier: true, UpcomingNote: "No further invoice is planned."},
		"invoice_none":    {Frame: f, ID: "s1", Name: "Weather v1, Free", Who: "Ada Byron (Harvest planner)", ShownNote: "No invoice is issued for the running period yet.", UpcomingNote: "This plan is free, so there are no invoices."},
		"invoice_evil":    {Frame: evil(), ID: hostile, Name: hostile, Who: hostile, ShownNote: hostile, UpcomingNote: hostile},
	} {
		t.Run(name, func(t *testing.T) { golden.HTML(t, name, publisher.Invoice(p)) })
	}
	for name, p := range map[string]publisher.InvoicesProps{
		"invoices":      {Frame: frame("Invoices", "/publisher/invoices"), Rows: []ui.InvoiceRow{whose}, Pager: ui.Pager{Showing: "1 invoice"}},
		"invoices_none": {Frame: frame("Invoices", "/publisher/invoices")},
	} {
		t.Run(name, func(t *testing.T) { golden.HTML(t, name, publisher.Invoices(p)) })
	}
}

func TestSubscription(t *testing.T) {
	t.Parallel()
	f := frame("Weather v1", "/publisher/subscriptions")
	history := []ui.Happening{
		{At: now, Text: "The payment of 49.00 USD failed. Stripe tries again on 11 Dec 2026.", Note: "told by invoice.payment_failed", Link: "/publisher/subscriptions/s1/invoice?invoice=in_1", Word: "View Invoice", Tone: ui.Bad},
		{At: now.AddDate(0, -1, 0), Text: "Subscribed to Gold.", Note: "by Ada Byron"},
	}
	full := publisher.SubscriptionProps{
		Use:   publisher.MonthUse{Month: "December 2026, UTC", Units: "/publisher/units/s1", Figures: []ui.Figure{{Name: "Calls", Text: "40,232"}, {Name: "Counted", Text: "40,000", Note: "40,000 units"}}},
		Frame: f, ID: "s1", API: "Weather v1", APIID: "a1", Plan: "Gold", Price: gold, NextPlan: "Silver on 1 Jan 2027", Subscriber: "Ada Byron", Application: "Harvest planner",
		State: "Payment needed", Tone: ui.Attention, Sentence: "The last payment failed. Calls go on until ", Until: now.AddDate(0, 0, 3), After: ".",
		Since: now.AddDate(0, -1, 0), PeriodStart: now, PeriodEnd: now.AddDate(0, 1, 0), Stripe: "sub_1", Account: "acct_1", HasInvoices: true, CanEnd: true,
		Hold: publisher.Hold{Value: "PROD_ONLY_BLOCKED"}, Grace: publisher.Grace{Offered: true, Hours: "72", Now: "72 hours, set for this customer"},
		Incidents: []publisher.Incident{
			{ID: "sub_2", What: "Paid twice", Amount: money.New(4900, usd), State: "Waits to be given back", Tone: ui.Bad, Since: now, GiveBack: true},
			{ID: "dp_1", What: "Dispute", Why: "fraudulent", Amount: money.New(4900, usd), State: "Answer needed", Tone: ui.Bad, Since: now, DueBy: now.AddDate(0, 0, 7), Stripe: "https://dashboard.stripe.com/disputes/dp_1"},
			{ID: "re_1", What: "Refund", Amount: money.New(1000, usd), State: "Given back", Tone: ui.Quiet, Since: now},
		},
		History: history, Older: "/publisher/subscriptions/s1?before=1", CSV: "/publisher/subscriptions/s1/history.csv",
	}
	wrong := full
	wrong.Hold.Problem, wrong.Grace.Hours, wrong.Grace.Problem = "Choose what to block.", "a day", "Write a number of hours."
	for name, p := range map[string]publisher.SubscriptionProps{
		"subscription":       full,
		"subscription_wrong": wrong,
		"subscription_ended": {Frame: f, ID: "s2", API: "Weather v1", Plan: "Free", Subscriber: "Ada Byron", Application: "Harvest planner", State: "Ended", Tone: ui.Quiet, Sentence: "This subscription has ended.", Since: now, Ended: true},
		"subscription_evil": {Frame: evil(), ID: hostile, API: hostile, APIID: hostile, Plan: hostile, NextPlan: hostile, Subscriber: hostile, Application: hostile, State: hostile, Sentence: hostile, Since: now, Stripe: hostile, Account: hostile,
			Hold: publisher.Hold{Value: hostile, Problem: hostile}, Grace: publisher.Grace{Offered: true, Hours: hostile, Now: hostile, Problem: hostile},
			Incidents: []publisher.Incident{{ID: hostile, What: hostile, Why: hostile, Amount: money.New(1, usd), State: hostile, Since: now, Stripe: hostile}, {ID: hostile, What: hostile, Amount: money.New(1, usd), GiveBack: true, Since: now}},
			History:   []ui.Happening{{At: now, Text: hostile, Note: hostile, Link: hostile, Word: hostile}}, Older: hostile, CSV: hostile},
	} {
		t.Run(name, func(t *testing.T) { golden.HTML(t, name, publisher.Subscription(p)) })
	}
}
