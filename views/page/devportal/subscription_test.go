package devportal_test

import (
	"github.com/a-h/templ"

	"tollgate/money"
	"tollgate/views/page/devportal"
	"tollgate/views/ui"
)

func rows() []devportal.SubscriptionRow {
	return []devportal.SubscriptionRow{
		{ID: "s1", API: "Weather v1", Plan: "Gold", Application: "Forecast widget", State: "Payment needed", Tone: ui.Attention, Price: gold, Since: now, Next: devportal.Pay},
		{ID: "s2", API: "Weather v1", Plan: "Pay as you go", Application: "Harvest planner", State: "Active", Tone: ui.Good, Price: payg, Since: day(8, 14), Invoices: true},
		{ID: "s3", API: "Tides v1", Plan: "Free", Application: "Harvest planner", State: "Active", Tone: ui.Good, Since: day(9, 1)},
		{ID: "s4", API: "Air quality v2", Plan: "Gold", Application: "Harvest planner", State: "Canceled: not paid in time", Tone: ui.Bad, Price: gold, Since: day(11, 28), Next: devportal.StartAgain},
	}
}

// subscription returns one that waits for its payment, changed.
func subscription(change func(*devportal.SubscriptionProps)) templ.Component {
	p := devportal.SubscriptionProps{
		Frame: frame("Weather v1, Gold", "/devportal/subscriptions", ui.Link{Href: "/devportal/subscriptions", Label: "My subscriptions"}, ui.Link{Label: "Weather v1, Gold"}),
		ID:    "s1", APIID: "a1", API: "Weather v1", Plan: "Gold", Price: gold, Limits: "1,000 calls a minute", Publisher: "Northwind Weather",
		ApplicationID: "app1", Application: "Forecast widget", TenantDomain: "carbon.super",
		Stage: devportal.Payable, State: "Payment needed", Tone: ui.Attention, Next: devportal.Pay,
		Sentence: devportal.Sentence{Before: "Complete the payment by ", At: now.AddDate(0, 0, 1), After: " to start using this subscription."},
		Since:    now, PayBy: now.AddDate(0, 0, 1), PayIn: "23 h 33 min", Cancel: devportal.Cancel{Offered: true},
	}
	change(&p)
	return devportal.Subscription(p)
}

// running returns a paid subscription that has begun, changed.
func running(change func(*devportal.SubscriptionProps)) templ.Component {
	return subscription(func(p *devportal.SubscriptionProps) {
		p.Stage, p.State, p.Tone, p.Next, p.Sentence = devportal.Running, "Active", ui.Good, devportal.Nothing, devportal.Sentence{Before: "Active."}
		p.PayBy, p.PeriodStart, p.PeriodEnd = p.EndsAt, day(11, 14), day(12, 14)
		p.Manages, p.HasInvoices, p.Cancel.AtPeriodEnd = true, true, true
		change(p)
	})
}

// free makes a subscription cost nothing.
func free(p *devportal.SubscriptionProps) {
	p.Plan, p.Price, p.Limits = "Free", devportal.Price{}, "1,000 calls a month, 10 a minute"
	p.PeriodStart, p.PeriodEnd, p.Manages, p.HasInvoices, p.Cancel.AtPeriodEnd = p.EndsAt, p.EndsAt, false, false, false
}

func owed(p *devportal.SubscriptionProps) {
	p.State, p.Tone, p.Next = "Payment needed", ui.Bad, devportal.UpdateCard
	p.Sentence.Before = "The last payment failed, so calls are refused. Update the card to go on."
}

func starting() map[string]templ.Component {
	return map[string]templ.Component{
		"subscription_payable":         subscription(func(*devportal.SubscriptionProps) {}),
		"subscription_payable_metered": subscription(func(p *devportal.SubscriptionProps) { p.Plan, p.Price = "Pay as you go", payg }),
		"subscription_opening": subscription(func(p *devportal.SubscriptionProps) {
			p.Stage, p.State, p.Next, p.PayBy = devportal.Opening, "Preparing payment", devportal.Wait, p.EndsAt
			p.Sentence = devportal.Sentence{Before: "We are preparing the payment page. This takes a few seconds."}
		}),
		"subscription_confirming": subscription(func(p *devportal.SubscriptionProps) {
			p.Stage, p.State, p.Next = devportal.Confirming, "Payment processing", devportal.Wait
			p.Sentence = devportal.Sentence{Before: "Your payment is on its way. The subscription starts as soon as Stripe confirms it."}
		}),
		"subscription_not_paid": subscription(func(p *devportal.SubscriptionProps) {
			p.Stage, p.State, p.Tone, p.Next = devportal.Lapsed, "Canceled: not paid in time", ui.Bad, devportal.StartAgain
			p.Sentence = devportal.Sentence{Before: "The payment was not completed in time. Nothing was charged."}
		}),
		"subscription_refused": subscription(func(p *devportal.SubscriptionProps) {
			p.Stage, p.State, p.Tone, p.Next = devportal.Lapsed, "Payment could not be opened", ui.Bad, devportal.StartAgain
			p.Sentence = devportal.Sentence{Before: "Stripe did not open the payment page. Nothing was charged. Its reason: Your account cannot currently make live charges."}
		}),
		"subscription_approval": subscription(func(p *devportal.SubscriptionProps) {
			p.Stage, p.State, p.Next = devportal.Approval, "Waiting for approval", devportal.Nothing
			p.Sentence = devportal.Sentence{Before: "Somebody has to approve this subscription before it can be used."}
		}),
	}
}

func begun() map[string]templ.Component {
	return map[string]templ.Component{
		"subscription_active_free":  running(free),
		"subscription_active_fixed": running(func(p *devportal.SubscriptionProps) { p.Invoices = invoiceRows() }),
		"subscription_active_metered": running(func(p *devportal.SubscriptionProps) {
			p.Plan, p.Price = "Pay as you go", payg
		}),
		"subscription_ending": running(func(p *devportal.SubscriptionProps) {
			p.State, p.Tone, p.Next, p.EndsAt = "Ending", ui.Attention, devportal.Resume, p.PeriodEnd
			p.Sentence = devportal.Sentence{Before: "Ends on ", At: p.PeriodEnd, After: ". Until then everything works as before."}
		}),
		"subscription_owed": running(owed),
		"subscription_owed_invoice": running(func(p *devportal.SubscriptionProps) {
			owed(p)
			p.OpenInvoice = "https://invoice.stripe.com/i/acct_1/test_1"
		}),
		"subscription_blocked": running(func(p *devportal.SubscriptionProps) {
			p.State, p.Tone, p.Next, p.Sentence.Before = "Blocked", ui.Bad, devportal.AskPublisher, "The publisher has blocked this subscription."
		}),
		"subscription_cancel_problem": running(func(p *devportal.SubscriptionProps) {
			p.Cancel.When, p.Cancel.Problem = "later", "Choose when it ends."
		}),
		"subscription_ended": running(func(p *devportal.SubscriptionProps) {
			p.Stage, p.State, p.Tone, p.Next, p.EndedAt, p.Cancel = devportal.Over, "Ended", ui.Quiet, devportal.SubscribeAgain, day(12, 1), devportal.Cancel{}
			p.Sentence = devportal.Sentence{Before: "This subscription ended on ", At: p.EndedAt, After: "."}
		}),
		"subscription_hostile": running(func(p *devportal.SubscriptionProps) {
			*p = devportal.SubscriptionProps{
				Frame: evil(), ID: hostile, APIID: hostile, API: hostile, Plan: hostile, Price: devportal.Price{Amount: money.New(1, usd), Per: hostile}, Limits: hostile,
				Publisher: hostile, ApplicationID: hostile, Application: hostile, TenantDomain: hostile, Stage: devportal.Payable, State: hostile, Tone: ui.Bad,
				Next: devportal.Pay, PayBy: now, PayIn: hostile, Sentence: devportal.Sentence{Before: hostile, After: hostile}, Manages: true, HasInvoices: true,
				Cancel: devportal.Cancel{Offered: true, AtPeriodEnd: true, When: hostile, Problem: hostile}, OpenInvoice: "javascript:alert(1)",
			}
		}),
	}
}

func subscriptions() map[string]templ.Component {
	list := "/devportal/subscriptions"
	all := map[string]templ.Component{
		"subscriptions": devportal.Subscriptions(devportal.SubscriptionsProps{Frame: frame("My subscriptions", list), Rows: rows(), Filters: []ui.Link{
			{Href: list, Label: "All", Current: true}, {Href: list + "?state=payment", Label: "Payment needed"}, {Href: list + "?state=ended", Label: "Ended"},
		}, Pager: ui.Pager{Showing: "1 to 4", Next: list + "?before=4"}}),
		"subscriptions_empty":         devportal.Subscriptions(devportal.SubscriptionsProps{Frame: frame("My subscriptions", list)}),
		"subscriptions_nothing_found": devportal.Subscriptions(devportal.SubscriptionsProps{Frame: frame("My subscriptions", list), Search: "wether", Narrowed: true}),
	}
	for _, more := range []map[string]templ.Component{starting(), begun()} {
		for name, page := range more {
			all[name] = page
		}
	}
	return all
}
