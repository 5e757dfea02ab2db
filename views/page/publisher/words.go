package publisher

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"tollgate/views/ui"
)

func apiURL(uuid string, more ...string) templ.SafeURL {
	u := "/publisher/apis/" + url.PathEscape(uuid)
	for _, m := range more {
		u += "/" + m
	}
	return templ.SafeURL(u)
}

// words that differ between APIs and API products.
func kind(product bool) string {
	if product {
		return "API product"
	}
	return "API"
}

func listURL(product bool) string {
	if product {
		return "/publisher/products"
	}
	return "/publisher/apis"
}

func listTitle(product bool) string {
	if product {
		return "API products"
	}
	return "APIs"
}

func (p APIFormProps) action() templ.SafeURL {
	if p.UUID == "" {
		return templ.SafeURL(listURL(p.Product) + "/new")
	}
	return apiURL(p.UUID, "edit")
}

func (p APIFormProps) leave() string {
	if p.UUID == "" {
		return listURL(p.Product)
	}
	return string(apiURL(p.UUID))
}

// payers names who pays, and counts the others.
func (p MonetizationProps) payers() string {
	text := strings.Join(p.Names, ", ")
	if p.More > 0 {
		text += " and " + ui.Count(p.More) + " more"
	}
	return text + "."
}

// apiFields are what the page calls the fields of an API.
var apiFields = map[string]string{
	"name": "Name", "version": "Version", "context": "Context", "upstream": "Upstream endpoint", "description": "Description", "members": "APIs in it",
	"counting": "What counts", "statuses": "Answers that count", "units_header": "Header with the units", "upgrades": "Let websockets through",
}

// field completes f: its name, what the page calls it and its problem.
func (p APIFormProps) field(name, value string, f ui.Field) ui.Field {
	f.Name, f.Label, f.Value, f.Problem = name, apiFields[name], value, p.Problems[name]
	return f
}

func yes(ok bool) (ui.Tone, string) {
	if ok {
		return ui.Good, "Enabled"
	}
	return ui.Bad, "Not enabled"
}

func tone(t ui.Tone, _ string) ui.Tone { return t }
func word(_ ui.Tone, w string) string  { return w }

// comma stands between the things of a list, and a point behind the last.
func comma(i, n int) string {
	if i+1 < n {
		return ", "
	}
	return "."
}

// inUse says who loses an API that is deleted.
func (p APIProps) inUse() string {
	return ui.Plural(p.Subscribers, "subscription uses", "subscriptions use") + " " + p.Head.Title + ". They end with it, and you choose whether their last payment is given back."
}

// stillPaid says who pays for what is off sale.
func (p MonetizationProps) stillPaid() string {
	return ui.Plural(p.StillPaid, "subscription is", "subscriptions are") + " still paid for"
}
