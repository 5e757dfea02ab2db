package devportal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"tollgate/money"
	"tollgate/views/page/devportal"
	"tollgate/views/ui"
)

var (
	silverChoice = devportal.PlanChoice{ID: "p-silver", Name: "Silver", Price: devportal.Price{Amount: money.New(1900, usd), Per: "a month"}, Limits: "500 calls a minute", Moments: []string{"now", "period-end"}}
	goldChoice   = devportal.PlanChoice{ID: "p-gold", Name: "Gold", Price: gold, Limits: "1,000 calls a minute"}
)

// changing returns the page that changes a plan, changed.
func changing(change func(*devportal.ChangeProps)) templ.Component {
	p := devportal.ChangeProps{
		Frame: frame("Change plan", "/devportal/subscriptions", ui.Link{Href: "/devportal/subscriptions", Label: "My subscriptions"}, ui.Link{Href: "/devportal/subscriptions/s1", Label: "Weather v1"}, ui.Link{Label: "Change plan"}),
		ID:    "s1", API: "Weather v1", Application: "Forecast widget", Publisher: "Northwind Weather", Now: goldChoice, PeriodEnd: day(12, 14),
		Others: []devportal.PlanChoice{
			silverChoice,
			{ID: "p-payg", Name: "Pay as you go", Price: payg, Moments: []string{"now", "period-end"}},
			{ID: "p-free", Name: "Free", Limits: "10 calls a minute", Moments: []string{"period-end"}},
			{ID: "p-year", Name: "Yearly", Price: devportal.Price{Amount: money.New(49000, usd), Per: "a year"}, Why: "It is billed by the year, yours by the month. Cancel this subscription and subscribe to it anew."},
		},
	}
	change(&p)
	return devportal.Change(p)
}

// settlement is Stripe's preview of a change on 8 December.
func settlement(back, owed int64) *ui.Invoice {
	return &ui.Invoice{
		Total: money.New(owed-back, usd), ToPay: money.New(max(owed-back, 0), usd),
		Lines: []ui.InvoiceLine{
			{Text: "Unused time on Silver after 8 Dec 2026", Amount: money.New(-back, usd), Start: now, End: day(12, 14)},
			{Text: "Remaining time on Gold after 8 Dec 2026", Amount: money.New(owed, usd), Start: now, End: day(12, 14)},
		},
	}
}

func changes() map[string]templ.Component {
	return map[string]templ.Component{
		"change": changing(func(*devportal.ChangeProps) {}),
		"change_preview_up": changing(func(p *devportal.ChangeProps) {
			p.Now, p.Others[0] = silverChoice, goldChoice
			p.Others[0].Moments = silverChoice.Moments
			p.Chosen, p.When = "p-gold", "now"
			p.Preview = &devportal.ChangePreview{To: goldChoice, Charged: settlement(380, 980), Due: money.New(600, usd), Next: day(12, 14), Version: "v2", At: now.Unix(), Sum: 600}
		}),
		"change_preview_down": changing(func(p *devportal.ChangeProps) {
			p.Chosen, p.When = "p-silver", "now"
			p.Preview = &devportal.ChangePreview{To: silverChoice, Charged: settlement(980, 380), Due: money.New(0, usd), Back: money.New(600, usd), Next: day(12, 14), Version: "v1", At: now.Unix()}
		}),
		"change_preview_end": changing(func(p *devportal.ChangeProps) {
			p.Chosen, p.When = "p-silver", "period-end"
			p.Preview = &devportal.ChangePreview{To: silverChoice, Takes: day(12, 14), Next: day(12, 14), Version: "v1"}
		}),
		"change_preview_free": changing(func(p *devportal.ChangeProps) {
			p.Chosen, p.When = "p-free", "period-end"
			p.Preview = &devportal.ChangePreview{To: p.Others[2], Takes: day(12, 14)}
		}),
		"change_preview_checkout": changing(func(p *devportal.ChangeProps) {
			p.Now, p.PeriodEnd = devportal.PlanChoice{ID: "p-free", Name: "Free"}, time.Time{}
			p.Others = []devportal.PlanChoice{{ID: "p-gold", Name: "Gold", Price: gold, Moments: []string{"now"}}}
			p.Chosen, p.When = "p-gold", "now"
			p.Preview = &devportal.ChangePreview{To: p.Others[0], Checkout: true, Version: "v2"}
		}),
		"change_stale": changing(func(p *devportal.ChangeProps) {
			p.Problem, p.Chosen, p.When = "The amount has changed since it was shown. Look at it again before you confirm.", "p-silver", "period-end"
			p.Preview = &devportal.ChangePreview{To: silverChoice, Takes: day(12, 14), Next: day(12, 14), Version: "v1"}
		}),
		"change_problem": changing(func(p *devportal.ChangeProps) {
			p.Chosen, p.When, p.Problems = "p-silver", "later", map[string]string{"when": "Choose when it changes."}
		}),
		"change_refused":  changing(func(p *devportal.ChangeProps) { p.Refused = "A payment is due. Settle it first, then change the plan." }),
		"change_no_other": changing(func(p *devportal.ChangeProps) { p.Others = nil }),
		"change_hostile": changing(func(p *devportal.ChangeProps) {
			one := devportal.PlanChoice{ID: hostile, Name: hostile, Price: devportal.Price{Amount: money.New(1, usd), Per: hostile}, Limits: hostile, Moments: []string{"now"}, Why: hostile}
			other := one
			other.ID = "p-2" + hostile
			*p = devportal.ChangeProps{
				Frame: evil(), ID: hostile, API: hostile, Application: hostile, Publisher: hostile, Now: one, Others: []devportal.PlanChoice{other}, Problem: hostile,
				Chosen: hostile, When: hostile, Preview: &devportal.ChangePreview{To: one, Charged: &ui.Invoice{Lines: []ui.InvoiceLine{{Text: hostile}}}, Back: money.New(1, usd), Version: hostile},
			}
		}),
		"subscription_changing": running(func(p *devportal.SubscriptionProps) {
			p.State, p.Next = "Changing plan", devportal.UndoChange
			p.Sentence = devportal.Sentence{Before: "Calls are served. Silver from ", At: p.PeriodEnd, After: " on."}
			p.Change = devportal.Changing{Pending: &devportal.PendingChange{Plan: "Silver", Price: silverChoice.Price, At: p.PeriodEnd, Undoable: true}}
		}),
		"subscription_turning_free": running(func(p *devportal.SubscriptionProps) {
			p.State, p.Next = "Changing plan", devportal.UndoChange
			p.Sentence = devportal.Sentence{Before: "Calls are served. Free from ", At: p.PeriodEnd, After: " on, at no cost."}
			p.Change = devportal.Changing{Pending: &devportal.PendingChange{Plan: "Free", At: p.PeriodEnd, Undoable: true}}
		}),
		"subscription_buying": running(func(p *devportal.SubscriptionProps) {
			free(p)
			p.State, p.Tone, p.Next = "Changing plan", ui.Attention, devportal.Pay
			p.Sentence = devportal.Sentence{Before: "Calls are served. Complete the payment by ", At: now.AddDate(0, 0, 1), After: " to change to Gold."}
			p.Change = devportal.Changing{Pending: &devportal.PendingChange{Plan: "Gold", Price: gold, Paying: true, Undoable: true}}
		}),
		"subscription_not_changed": running(func(p *devportal.SubscriptionProps) {
			p.Change = devportal.Changing{Offered: true, Problem: "It was not paid in time, so everything stays as it was. You can choose the plan again."}
		}),
		"subscriptions_changing": devportal.Subscriptions(devportal.SubscriptionsProps{Frame: frame("My subscriptions", "/devportal/subscriptions"), Rows: []devportal.SubscriptionRow{
			{ID: "s1", API: "Weather v1", Plan: "Gold", Changes: "Silver on 14 Dec 2026", Application: "Forecast widget", State: "Changing plan", Tone: ui.Good, Price: gold, Since: now},
		}}),
	}
}

// What these pages must offer, and what they must not.
var changeControls = map[string]struct{ has, not []string }{
	"change":                    {has: []string{`method="get" action="/devportal/subscriptions/s1/change"`, ">Preview</button>", `value="p-year"`, "Your plan now", "49.00 USD a month, 1,000 calls a minute", "It is billed by the year"}, not: []string{"Confirm change"}},
	"change_preview_up":         {has: []string{`method="post" action="/devportal/subscriptions/s1/change"`, `name="at" value="1796740320"`, `name="due" value="600"`, `name="version" value="v2"`, ">Confirm change</button>", "Unused time", "Due now", "Your card is charged at once"}},
	"change_preview_down":       {has: []string{"To your balance", "Nothing is charged now."}},
	"change_preview_end":        {has: []string{`name="when" value="period-end"`, "you can take this back until then"}, not: []string{"Unused time"}},
	"change_preview_free":       {has: []string{"None. Nothing is charged any more."}},
	"change_preview_checkout":   {has: []string{"on Stripe&#39;s page", "Begins when it is paid."}, not: []string{"When it changes"}},
	"change_stale":              {has: []string{"The amount has changed", `value="p-silver" checked`, `value="period-end" checked`, ">Confirm change</button>"}},
	"change_problem":            {has: []string{"Choose when it changes.", `value="p-silver" checked`}},
	"change_refused":            {has: []string{"A payment is due."}, not: []string{">Preview</button>", "Confirm change"}},
	"change_no_other":           {has: []string{"There is no other plan"}, not: []string{">Preview</button>"}},
	"change_hostile":            {not: []string{"<script>alert"}},
	"subscription_changing":     {has: []string{`action="/devportal/subscriptions/s1/change/undo"`, ">Undo change</button>", "Changes to", "on Silver"}, not: []string{">Change plan</a>"}},
	"subscription_buying":       {has: []string{"Complete Payment", ">Undo change</button>", ", once paid"}},
	"subscription_turning_free": {has: []string{"Paid until", "then Free, at no cost"}, not: []string{"Next charge"}},
	"subscription_not_changed":  {has: []string{"The plan was not changed", `href="/devportal/subscriptions/s1/change">Change plan</a>`}},
	"subscriptions_changing":    {has: []string{"Gold → Silver on 14 Dec 2026"}},
}

func TestPagesThatChangeAPlan(t *testing.T) {
	t.Parallel()
	all := changes()
	tried(t, all)
	for name, want := range changeControls {
		var b strings.Builder
		if err := all[name].Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		for _, text := range want.has {
			if !strings.Contains(b.String(), text) {
				t.Errorf("%s lacks %s", name, text)
			}
		}
		for _, text := range want.not {
			if strings.Contains(b.String(), text) {
				t.Errorf("%s has %s", name, text)
			}
		}
	}
}
