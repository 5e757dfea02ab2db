package admin_test

import (
	"testing"
	"time"

	"github.com/a-h/templ"

	"tollgate/internal/golden"
	"tollgate/money"
	"tollgate/views/layout"
	"tollgate/views/page/admin"
	"tollgate/views/ui"
)

func planFrame(title string) layout.Frame {
	return layout.Frame{
		Title: title, Portal: layout.Admin, Tenant: "Acme APIs", FormToken: "tok_1", Path: "/admin/plans", Current: "/admin/plans",
		Person: &layout.Person{Name: "Mara Quist", Detail: "Admin"},
	}
}

func TestPlanPages(t *testing.T) {
	t.Parallel()
	const nasty = `"><script>alert(1)</script>`
	usd, when := money.MustCurrency("usd"), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	gold := admin.Price{Amount: money.New(4900, usd), Per: "a month"}
	perCall, err := money.ParseRate("0.002", usd)
	if err != nil {
		t.Fatal(err)
	}
	form := admin.PlanForm{Name: "Gold", Rate: "fixed", Price: "59,0.0", Currency: "USD", Cycle: "month", QuotaType: "requestCount", UnitTime: "1", TimeUnit: "month", RateLimit: "1000", RateLimitUnit: "min", AtLimit: "stop"}
	more := form
	more.Rate, more.QuotaType, more.Attributes, more.Permission, more.Roles = "dynamic", "aiApiQuota", "a=1", "ALLOW", "subscriber"
	preview := ui.PlanCard{ID: "preview", Name: "Gold", About: "One price.", Price: admin.PriceOf(gold), Per: "a month", Ticks: []string{"No cap on calls", "1,000 calls a minute"}}
	edit := admin.PlanProps{
		Frame: planFrame("Gold"), UUID: "g1", Title: "Gold", Key: "Gold", Tone: ui.Good, Word: "In Stripe", Lead: "71 subscriptions have this plan.", Version: 4, Form: form,
		Problems: map[string]string{"price": "Write the amount as 59.00, with a point and at most two decimals."}, Preview: preview, PreviewNote: "Shows what is saved until everything typed can be read.",
		Outcome: "Another price becomes version 3 on your Stripe account.", Versions: []admin.PlanVersion{{Number: 2, Since: when, Price: gold}, {Number: 1, Since: when, Price: admin.Price{Rate: perCall, Per: "per call"}}},
		Standings: []admin.PlanStanding{
			{Where: "Your account", Version: 2, Tone: ui.Good, Word: "For sale", IDs: []string{"tg_1", "price_1"}},
			{Where: "Weather v1", Account: "acct_1RkT4nH2eZvKYlo2", Version: 2, Tone: ui.Bad, Word: "Refused", Problem: "No such currency."},
		},
		InUse: "71 subscriptions have Gold. They end with it, as you choose.",
	}
	deletable := edit
	deletable.InUse, deletable.Removes, deletable.Form, deletable.Problems, deletable.Problem = "", "It leaves sale at once.", more, nil, "Somebody else saved this plan while you were editing."
	pages := map[string]templ.Component{
		"plans": admin.Plans(admin.PlansProps{Frame: planFrame("Business plans"), Lead: "2 plans, 1 of them paid.", Rows: []admin.PlanRow{
			{UUID: "g1", Name: "Gold", About: "One price.", Price: gold, Charged: "monthly, version 2", Limits: "No cap on calls", Tone: ui.Good, Word: "In Stripe", Subscribers: 71},
			{UUID: "p1", Name: "Pay as you go", Price: admin.Price{Rate: perCall, Per: "per call"}, Charged: "monthly, version 1", Tone: ui.Attention, Word: "On its way to Stripe"},
			{UUID: "f1", Name: "Free", Limits: "1,000 calls a month", Tone: ui.Quiet, Word: "Free"},
		}}),
		"plans_none": admin.Plans(admin.PlansProps{Frame: planFrame("Business plans"), Lead: "A plan says what an API costs."}),
		"plan_new":   admin.Plan(admin.PlanProps{Frame: planFrame("New business plan"), Form: form, Preview: preview, Outcome: "Create makes its product and price."}),
		"plan_edit":  admin.Plan(edit), "plan_conflict": admin.Plan(deletable),
		"plan_hostile": admin.Plan(admin.PlanProps{
			Frame: layout.Frame{Title: nasty, Portal: layout.Admin, Tenant: nasty, FormToken: nasty, Path: nasty, Person: &layout.Person{Name: nasty, Detail: nasty}}, UUID: nasty, Title: nasty, Key: nasty, Word: nasty, Lead: nasty,
			Form:    admin.PlanForm{Name: nasty, Description: nasty, Price: nasty, Currency: nasty, Attributes: nasty, Roles: nasty},
			Preview: ui.PlanCard{ID: "preview", Name: nasty, About: nasty, Price: admin.PriceOf(admin.Price{}), Ticks: []string{nasty}}, Problem: nasty,
			Standings: []admin.PlanStanding{{Where: nasty, Account: nasty, Problem: nasty, IDs: []string{nasty}}}, Removes: nasty,
		}),
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.HTML(t, name, page)
		})
	}
}
