package devportal_test

import (
	"github.com/a-h/templ"

	"tollgate/money"
	"tollgate/views/page/devportal"
	"tollgate/views/ui"
)

func entries() []devportal.Entry {
	eurMonth := devportal.Price{Amount: money.New(1200, eur), Per: "a month"}
	return []devportal.Entry{
		{ID: "a1", Name: "Weather v1", About: "Forecasts, observations and warnings for any place on land, updated every ten minutes.", Label: "Freemium", Publisher: "Northwind Weather", From: payg},
		{ID: "a2", Name: "Weather and air v1", About: "API product: Weather v1 and Air quality v2 under one subscription and one key.", Label: "Paid", Publisher: "Northwind Weather", From: gold},
		{ID: "a3", Name: "Exchange rates v1", About: "Mid-market rates for 34 currencies, one snapshot a minute, history since 2009.", Label: "Paid", Publisher: "Ledgerline", From: eurMonth},
		{ID: "a4", Name: "Tides v1", About: "High and low water for 800 harbours, 30 days ahead.", Label: "Free", Publisher: "Northwind Weather"},
	}
}

var filters = []ui.Link{
	{Href: "/devportal", Label: "All", Count: "4", Current: true}, {Href: "/devportal?kind=free", Label: "Free", Count: "1"},
	{Href: "/devportal?kind=freemium", Label: "Freemium", Count: "1"}, {Href: "/devportal?kind=paid", Label: "Paid", Count: "2"},
}

func plans() []devportal.Plan {
	return []devportal.Plan{
		{ID: "p1", Name: "Free", About: "Try every endpoint. No card required.", Charged: "Never", Quota: "1,000 a month", Burst: "10 a minute",
			AtLimit: "Above the quota, calls are refused (429) until it begins anew, on the first of the month, UTC.", Ticks: []string{"1,000 calls a month", "10 calls a minute", "Refused above that"}},
		{ID: "p2", Name: "Gold", About: "One price, however much you call.", Price: gold, Charged: "On the day you pay, then monthly", Quota: "No cap", Burst: "1,000 a minute",
			AtLimit: "Calls that come faster are refused (429), with the seconds to wait in Retry-After.", Ticks: []string{"No monthly cap", "1,000 calls a minute", "The same price at any use"}},
		{ID: "p3", Name: "Pay as you go", About: "Pay for answered calls, at the end of each month.", Price: payg, Charged: "Monthly, for the month before", Quota: "No cap", Burst: "600 a minute",
			AtLimit: "Calls that come faster are refused (429), with the seconds to wait in Retry-After.", Ticks: []string{"No monthly cap, no minimum", "600 calls a minute", "Only calls answered 2xx are charged"}},
	}
}

func api() devportal.APIProps {
	return devportal.APIProps{
		Frame: frame("Weather v1", "/devportal", ui.Link{Href: "/devportal", Label: "APIs"}, ui.Link{Label: "Weather v1"}),
		ID:    "a1", Name: "Weather v1", Label: "Freemium", About: entries()[0].About, Publisher: "Northwind Weather", Context: "/weather/v1", Plans: plans(),
		Address: "https://api.acme.example/weather/v1", Counting: "Calls that the API answers with 2xx count, each as one unit.",
		Applications: []ui.Choice{{Value: "app1", Label: "Forecast widget"}, {Value: "app2", Label: "Harvest planner (subscribed: Pay as you go)", Disabled: true}},
		Application:  "app1",
	}
}

func apiWith(change func(*devportal.APIProps)) templ.Component {
	p := api()
	change(&p)
	return devportal.API(p)
}

func catalogue() map[string]templ.Component {
	bad := entries()[:1]
	bad[0] = devportal.Entry{ID: hostile, Name: hostile, About: hostile, Label: hostile, Publisher: hostile, From: devportal.Price{Amount: money.New(1, usd), Per: hostile}}
	return map[string]templ.Component{
		"catalogue": devportal.Catalogue(devportal.CatalogueProps{Frame: frame("APIs", "/devportal"), Entries: entries(), Filters: filters}),
		"catalogue_visitor": devportal.Catalogue(devportal.CatalogueProps{Frame: visitor("APIs", "/devportal"), Entries: entries(), Filters: filters,
			Pager: ui.Pager{Showing: "1 to 4 of 9", Next: "/devportal?after=4"}}),
		"catalogue_nothing_found": devportal.Catalogue(devportal.CatalogueProps{Frame: frame("APIs", "/devportal"), Search: "wether", Filters: filters, Narrowed: true}),
		"catalogue_empty":         devportal.Catalogue(devportal.CatalogueProps{Frame: visitor("APIs", "/devportal")}),
		"catalogue_hostile":       devportal.Catalogue(devportal.CatalogueProps{Frame: evil(), Entries: bad, Search: hostile, Filters: []ui.Link{{Href: "javascript:alert(1)", Label: hostile}}}),

		"api": devportal.API(api()),
		"api_visitor": apiWith(func(p *devportal.APIProps) {
			p.Frame, p.Visitor, p.Applications, p.Address = visitor("Weather v1", "/devportal"), true, nil, ""
		}),
		"api_first_application": apiWith(func(p *devportal.APIProps) { p.Applications, p.Application = nil, "new" }),
		"api_problem": apiWith(func(p *devportal.APIProps) {
			p.Application, p.ApplicationName = "new", "Forecast widget"
			p.Problems = map[string]string{"application_name": "You have an application of this name already.", "policy": "This plan is not on offer any more. Choose another."}
		}),
		"api_publisher": apiWith(func(p *devportal.APIProps) {
			p.Cannot, p.Applications = "You may not subscribe: an administrator has to give you the role of a subscriber.", nil
		}),
		"api_product": apiWith(func(p *devportal.APIProps) {
			p.Name, p.Label, p.About, p.Plans = "Weather and air v1", "Paid", "Two APIs under one subscription.", p.Plans[1:2]
			p.Plans[0].Pending = "Its price is on its way to Stripe. Look again in a moment."
			p.Members = []devportal.Member{{ID: "a1", Name: "Weather v1", About: "Forecasts for any place."}, {ID: "a2", Name: "Air quality v2", About: "Particles, ozone and pollen."}}
			p.Yours = rows()[:1]
		}),
		"api_no_plan": apiWith(func(p *devportal.APIProps) { p.Plans = nil }),
		"api_hostile": devportal.API(devportal.APIProps{
			Frame: evil(), ID: hostile, Name: hostile, Label: hostile, About: hostile, Publisher: hostile, Context: hostile,
			Members: []devportal.Member{{ID: hostile, Name: hostile, About: hostile}}, Application: hostile, ApplicationName: hostile,
			Applications: []ui.Choice{{Value: hostile, Label: hostile}}, Problems: map[string]string{"application": hostile},
			Plans: []devportal.Plan{
				{ID: "p1", Name: hostile, About: hostile, Price: gold, Charged: hostile, Quota: hostile, Burst: hostile, AtLimit: hostile, Ticks: []string{hostile}},
				{ID: "p2", Name: hostile, Pending: hostile},
			},
		}),
	}
}

func applications() map[string]templ.Component {
	list, crumb := "/devportal/applications", ui.Link{Href: "/devportal/applications", Label: "Applications"}
	app := devportal.ApplicationProps{
		Frame: frame("Forecast widget", list, crumb, ui.Link{Label: "Forecast widget"}),
		ID:    "4d9b6a52-6f3c-4ab1-9ef3-6d1a6f1a9c11", Name: "Forecast widget", Description: "Shows tomorrow's weather on the front page.", Created: day(8, 14),
	}
	used := app
	used.Subscriptions = rows()
	return map[string]templ.Component{
		"applications": devportal.Applications(devportal.ApplicationsProps{Frame: frame("Applications", list), Rows: []devportal.ApplicationRow{
			{ID: "app1", Name: "Forecast widget", About: "Shows tomorrow's weather.", Subscriptions: 1, Created: day(8, 14)},
			{ID: "app2", Name: "Harvest planner", Subscriptions: 0, Created: day(11, 2)},
		}}),
		"applications_empty":   devportal.Applications(devportal.ApplicationsProps{Frame: frame("Applications", list)}),
		"applications_hostile": devportal.Applications(devportal.ApplicationsProps{Frame: evil(), Rows: []devportal.ApplicationRow{{ID: hostile, Name: hostile, About: hostile}}}),
		"application_new":      devportal.ApplicationForm(devportal.ApplicationFormProps{Frame: frame("New application", list, crumb, ui.Link{Label: "New"})}),
		"application_new_problem": devportal.ApplicationForm(devportal.ApplicationFormProps{
			Frame: frame("New application", list, crumb, ui.Link{Label: "New"}), Name: "Forecast widget", Description: "As typed.",
			Problems: map[string]string{"name": "You have an application of this name already."},
		}),
		"application_edit": devportal.ApplicationForm(devportal.ApplicationFormProps{Frame: frame("Edit application", list, crumb, ui.Link{Label: "Edit"}), ID: "app1", Name: "Forecast widget"}),
		"application_edit_hostile": devportal.ApplicationForm(devportal.ApplicationFormProps{
			Frame: evil(), ID: hostile, Name: hostile, Description: "</textarea>" + hostile, Problems: map[string]string{"name": hostile, "description": hostile},
		}),
		"application":      devportal.Application(app),
		"application_used": devportal.Application(used),
		"application_hostile": devportal.Application(devportal.ApplicationProps{
			Frame: evil(), ID: hostile, Name: hostile, Description: hostile,
			Subscriptions: []devportal.SubscriptionRow{{ID: hostile, API: hostile, Plan: hostile, Application: hostile, State: hostile, Tone: ui.Bad, Next: devportal.Pay, Invoices: true}},
		}),
	}
}
