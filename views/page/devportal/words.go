package devportal

import (
	"net/url"

	"github.com/a-h/templ"

	"tollgate/views/ui"
)

// newApplication is the value of application that makes one.
const newApplication = "new"

func at(path ...string) templ.SafeURL {
	escaped := "/devportal"
	for _, p := range path {
		escaped += "/" + url.PathEscape(p)
	}
	return templ.SafeURL(escaped)
}

func apiURL(id string) templ.SafeURL          { return at("apis", id) }
func applicationURL(id string) templ.SafeURL  { return at("applications", id) }
func subscriptionURL(id string) templ.SafeURL { return at("subscriptions", id) }

func (p CatalogueProps) lead() string {
	if len(p.Entries) == 0 && !p.Narrowed {
		return "Nothing is on offer yet."
	}
	return "Prices are shown before you subscribe, and nothing is charged until you pay."
}

func (p APIProps) subscribeURL() templ.SafeURL { return at("apis", p.ID, "subscribe") }

// signIn is where a visitor who wants to subscribe goes first, to come back here.
func (p APIProps) signIn() templ.SafeURL {
	return templ.SafeURL("/sign-in?next=" + url.QueryEscape(string(apiURL(p.ID))))
}

// choices are the applications to subscribe with, and a new one.
func (p APIProps) choices() []ui.Choice {
	return append(p.Applications[:len(p.Applications):len(p.Applications)], ui.Choice{Value: newApplication, Label: "A new application"})
}

// newApplicationClass shows the name of a new application when there is no other
// to choose, and otherwise once it is chosen.
func (p APIProps) newApplicationClass() string {
	if len(p.Applications) == 0 {
		return "stack"
	}
	return "stack when-new"
}

// best is the plan whose button stands out: the first that costs something, else
// the first.
func (p APIProps) best() int {
	for i, plan := range p.Plans {
		if !plan.Price.Free() && plan.Pending == "" {
			return i
		}
	}
	return 0
}

func subscribeClass(stands bool) string {
	if stands {
		return "button button-primary button-wide"
	}
	return "button button-wide"
}

// fieldNames are what the pages call the fields of their forms.
var fieldNames = map[string]string{
	"application": "Application", "application_name": "Name of the new application", "plan": "Plan",
	"name": "Name", "description": "Description", "when": "When it ends",
}

// keyFields are what the pages call the fields about keys.
var keyFields = map[string]string{"name": "Name", "type": "Type", "life": "Expires", "expires": "Last day", "overlap": "When this key stops"}

// problems lists what is wrong with subscribing. A policy is a plan to people.
func (p APIProps) problems() []ui.Problem {
	all := map[string]string{}
	for name, text := range p.Problems {
		if name == "policy" {
			name = "plan"
		}
		all[name] = text
	}
	return ui.Problems(all, fieldNames)
}

func (p Plan) card() ui.PlanCard {
	return ui.PlanCard{ID: "plan-" + p.ID, Name: p.Name, About: p.About, Price: amount(p.Price), Per: p.Price.Per, Ticks: p.Ticks}
}

// compared are the rows of the comparison that are words.
var compared = []struct {
	name string
	of   func(Plan) string
}{
	{"Charged", func(p Plan) string { return p.Charged }},
	{"Calls", func(p Plan) string { return p.Quota }},
	{"Burst", func(p Plan) string { return p.Burst }},
	{"At the limit", func(p Plan) string { return p.AtLimit }},
}
