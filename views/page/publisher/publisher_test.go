package publisher_test

import (
	"testing"
	"time"

	"github.com/a-h/templ"

	"tollgate/internal/golden"
	"tollgate/money"
	"tollgate/views/layout"
	"tollgate/views/page/publisher"
	"tollgate/views/ui"
)

// hostile tries to leave every place where text goes.
const hostile = `"><script>alert(1)</script>`

var (
	now = time.Date(2026, 12, 8, 14, 32, 0, 0, time.UTC)
	usd = money.MustCurrency("usd")
)

func frame(title, current string) layout.Frame {
	return layout.Frame{
		Title: title, Portal: layout.Publisher, Tenant: "Acme APIs", Tape: &layout.Tape{Now: now, URL: "http://localhost:12111/"}, FormToken: "tok_1",
		Path: current, Current: current, Person: &layout.Person{Name: "Nils Holm", Detail: "Northwind Weather"},
	}
}

func evil() layout.Frame {
	return layout.Frame{Title: hostile, Portal: layout.Publisher, Tenant: hostile, FormToken: hostile, Path: hostile, Person: &layout.Person{Name: hostile, Detail: hostile}}
}

func head(tab string) publisher.Head {
	h := publisher.Head{UUID: "a1", Title: "Weather v1", Tone: ui.Good, Word: "On sale", Lead: "Two plans are sold through your connected account."}
	for _, t := range []string{"Definition", "Plans", "Monetization"} {
		h.Tabs = append(h.Tabs, ui.Link{Href: "/publisher/apis/a1", Label: t, Current: t == tab})
	}
	return h
}

func rate(text string) money.Rate {
	r, err := money.ParseRate(text, usd)
	if err != nil {
		panic(err)
	}
	return r
}

var (
	gold = publisher.Price{Amount: money.New(4900, usd), Per: "a month"}
	payg = publisher.Price{Rate: rate("0.002"), Per: "per call"}
	acct = publisher.Account{
		ID: "c1", StripeID: "acct_1RkT4nH2eZvKYlo2", Name: "Northwind Weather Ltd", Country: "GB", Currency: "GBP", Tone: ui.Attention, Word: "Stripe asks for something",
		Charges: true, Due: []string{"individual.verification.document"}, DueBy: now.AddDate(0, 1, 7), Checked: now, UsedBy: []ui.Link{{Href: "/publisher/apis/a1/monetization", Label: "Weather v1"}},
	}
	rows = []publisher.APIRow{
		{UUID: "a1", Name: "Weather v1", Path: "/weather/v1", Tone: ui.Good, Word: "Published", SaleTone: ui.Good, SaleWord: "On sale", Plans: 4, Subscribers: 1099},
		{UUID: "a2", Name: "Tides v2", Path: "/t/acme.example/tides/v2", Tone: ui.Quiet, Word: "Created", SaleTone: ui.Bad, SaleWord: "Refused by Stripe"},
	}
)

func sale() publisher.MonetizationProps {
	return publisher.MonetizationProps{
		Frame: frame("Monetization of Weather v1", "/publisher/apis"), Head: head("Monetization"), Published: true, Enabled: true, On: true,
		Properties: []ui.Field{
			{Name: "ConnectedAccountKey", Label: "Stripe account", Note: "ConnectedAccountKey", Value: acct.StripeID, Hint: "Looked up at Stripe when you save."},
			{Name: "StatementText", Label: "Statement text", Value: "NORTHWIND WX", Optional: true},
		},
		Account: &acct,
		Shares:  []publisher.Share{{Plan: "Gold, one month", Price: gold.Amount, Fee: money.New(-245, usd), Rest: money.New(4655, usd), FeeWords: "The platform, 5 %"}},
		Plans: []publisher.PlanOnSale{
			{Name: "Gold", Detail: "monthly, version 2", Price: gold, Tone: ui.Good, Word: "Monetized", Subscribers: 41, IDs: []string{"tg_1", "price_1SbN7kH2eZvKYlo2"}},
			{Name: "Pay as you go", Detail: "per call, charged monthly, version 1", Price: payg, Tone: ui.Bad, Word: "Refused", Problem: "No such currency.", Note: "Save tries again"},
			{Name: "Free", Detail: "nothing to charge", Tone: ui.Quiet, Word: "Free", Subscribers: 36, Note: "Not needed"},
		},
		OffTold: []string{"Gold leaves sale at once; nobody new can subscribe.", "41 subscriptions are paid for now: 41 for Gold. They keep their plan and price."},
		Names:   []string{"Ada Byron", "Cedar & Co"}, More: 39, WhenOn: "Save puts 1 price on sale in your Stripe account.", WhenOff: "Save takes its product and 1 price out of sale in your Stripe account.",
	}
}

// pages are all pages in their states.
func pages() map[string]templ.Component {
	refused, unpublished, bad := sale(), sale(), sale()
	busy := sale()
	busy.Busy, busy.On = true, false
	refused.On, refused.Enabled, refused.Trouble, refused.Names = false, false, "Gold: No such currency.", nil
	unpublished.Published = false
	bad.Problems = map[string]string{"ConnectedAccountKey": "Stripe does not know this account here: No such account."}
	bad.Labels = map[string]string{"ConnectedAccountKey": "Stripe account"}
	bad.Properties[0].Problem, bad.Account, bad.Plans, bad.Shares = bad.Problems["ConnectedAccountKey"], nil, nil, nil
	form := publisher.APIFormProps{
		Frame: frame("New API", "/publisher/apis"), Name: "Weather", Version: "v1", Context: "healthz", Upstream: "ftp://x", PathHint: "The first part of its path.", UpstreamHint: "The URL behind the gateway.",
		Counting: "statuses", Statuses: "200, 4xy", UnitsHeader: "X-Units", Upgrades: true,
		Problems: map[string]string{"context": "The gateway needs /healthz for itself. Choose another context.", "upstream": "Write a URL that begins with https:// or http://.",
			"statuses": `Write statuses from 200 to 599, or classes such as 4xx. "4xy" is neither.`},
	}
	product := publisher.APIFormProps{
		Frame: frame("Edit Sky v1", "/publisher/products"), UUID: "p1", Product: true, Title: "Sky v1", Name: "Sky", Version: "v1", Context: "sky", Fixed: true, Row: 7, Counting: "success",
		Members: []string{"a1"}, Choices: []ui.Choice{{Value: "a1", Label: "Weather v1", Hint: "/weather/v1"}, {Value: "a2", Label: "Tides v2"}}, Problem: "Somebody else saved this API product while you were editing.",
	}
	return map[string]templ.Component{
		"overview": publisher.Overview(publisher.OverviewProps{
			Frame: frame("Overview", "/publisher"), Tone: ui.Bad, Word: "Something is wrong", Lead: "Stripe refused to sell Tides v2.", Next: ui.Link{Href: "/publisher/apis/a2/monetization", Label: "See why"},
			Stats: []publisher.Stat{{Label: "APIs", Value: "2", Detail: "each sold by itself", Href: "/publisher/apis"}, {Label: "Subscriptions", Value: "1,099", Detail: "that have not ended", Href: "/publisher/subscriptions"}}, Rows: rows,
		}),
		"overview_begin": publisher.Overview(publisher.OverviewProps{Frame: frame("Overview", "/publisher"), Lead: "Create an API.", Next: ui.Link{Href: "/publisher/apis/new", Label: "Create an API"}}),
		"apis":           publisher.APIs(publisher.APIsProps{Frame: frame("APIs", "/publisher/apis"), Rows: rows}),
		"apis_none":      publisher.APIs(publisher.APIsProps{Frame: frame("APIs", "/publisher/apis")}),
		"products_none":  publisher.APIs(publisher.APIsProps{Frame: frame("API products", "/publisher/products"), Product: true}),
		"api": publisher.API(publisher.APIProps{
			Frame: frame("Weather v1", "/publisher/apis"), Head: head("Definition"), Published: true, About: "Rain & sun", Path: "/weather/v1", Upstream: "https://weather.example.com", Created: now, Subscribers: 41, Plans: 1,
			Counting: publisher.Counting{Which: "Calls answered with 200 to 299 count.", Units: "Each is one unit.", Websockets: "Websockets are not let through."},
		}),
		"api_created": publisher.API(publisher.APIProps{
			Frame: frame("Sky v1", "/publisher/products"), Head: publisher.Head{UUID: "p1", Title: "Sky v1", Product: true, Tone: ui.Quiet, Word: "Created", Lead: "Only you see it.", Tabs: head("Definition").Tabs},
			Path: "/sky/v1", Members: []ui.Link{{Href: "/publisher/apis/a1", Label: "Weather v1"}}, Created: now,
		}),
		"api_form": publisher.APIForm(form), "product_form": publisher.APIForm(product),
		"product_form_alone": publisher.APIForm(publisher.APIFormProps{Frame: frame("New API product", "/publisher/products"), Product: true}),
		"plans": publisher.Plans(publisher.PlansProps{Frame: frame("Plans of Weather v1", "/publisher/apis"), Head: head("Plans"), Row: 3, Field: "Gold has to stay: 41 subscriptions.", Choices: []publisher.PlanChoice{
			{UUID: "g", Name: "Gold", About: "One price.", Price: gold, Limits: "No cap on calls", Attached: true, InUse: "41 subscriptions have it. If you take it off, you decide on the next page what becomes of them."},
			{UUID: "p", Name: "Pay as you go", Price: payg, Limits: "1,000 calls a minute", Attached: true}, {UUID: "f", Name: "Free", Limits: "1,000 calls a month"},
		}}),
		"plans_none":   publisher.Plans(publisher.PlansProps{Frame: frame("Plans of Weather v1", "/publisher/apis"), Head: head("Plans")}),
		"monetization": publisher.Monetization(sale()), "monetization_busy": publisher.Monetization(busy), "monetization_refused": publisher.Monetization(refused),
		"monetization_unpublished": publisher.Monetization(unpublished), "monetization_problem": publisher.Monetization(bad),
		"accounts":      publisher.Accounts(publisher.AccountsProps{Frame: frame("Connected accounts", "/publisher/accounts"), Lead: "Stripe can charge for you.", Rows: []publisher.Account{acct}}),
		"accounts_none": publisher.Accounts(publisher.AccountsProps{Frame: frame("Connected accounts", "/publisher/accounts"), Lead: "The Stripe accounts that you are paid into."}),
		"hostile": publisher.Monetization(publisher.MonetizationProps{
			Frame: evil(), Head: publisher.Head{UUID: hostile, Title: hostile, Word: hostile, Lead: hostile}, Published: true, On: true, Trouble: hostile, Problem: hostile,
			Properties: []ui.Field{{Name: "p", Label: hostile, Value: hostile, Hint: hostile, Problem: hostile}}, Names: []string{hostile}, OffTold: []string{hostile},
			Account: &publisher.Account{ID: "c1", Name: hostile, Country: hostile, Due: []string{hostile}, Reason: hostile, Checked: now},
			Plans:   []publisher.PlanOnSale{{Name: hostile, Detail: hostile, Word: hostile, Problem: hostile, IDs: []string{hostile}, Note: hostile}},
		}),
		"hostile_form": publisher.APIForm(publisher.APIFormProps{
			Frame: evil(), UUID: hostile, Product: true, Title: hostile, Name: hostile, Version: hostile, Context: hostile, Description: hostile, Choices: []ui.Choice{{Value: "x", Label: hostile, Hint: hostile}}, Problem: hostile,
		}),
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, page := range pages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.HTML(t, name, page)
		})
	}
}
