package admin

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"tollgate/views/ui"
)

func planURL(uuid string) templ.SafeURL {
	return templ.SafeURL("/admin/plans/" + url.PathEscape(uuid))
}

func (p PlanProps) action() templ.SafeURL {
	if p.UUID == "" {
		return "/admin/plans/new"
	}
	return planURL(p.UUID)
}

// perWords says what a price is for, and how it is charged.
func (r PlanRow) perWords() string {
	if r.Price.Per == "per call" {
		return "per call, " + r.Charged
	}
	return r.Charged
}

// planFields are what the page calls the fields of a plan.
var planFields = map[string]string{
	"name": "Name", "description": "Description", "rate": "Billing plan", "price": "Price", "currency": "Currency", "cycle": "Billing cycle", "grace_hours": "Hours of grace",
	"quota": "Calls included", "time_unit": "For each", "rate_limit": "Rate limit", "rate_limit_unit": "In each", "at_limit": "At the cap",
	"quota_type": "What the cap counts", "quota_unit": "Unit of data", "unit_time": "How many of that time", "connections": "Connections",
	"total_tokens": "Tokens", "prompt_tokens": "Prompt tokens", "completion_tokens": "Completion tokens",
	"max_complexity": "GraphQL complexity", "max_depth": "GraphQL depth", "permission": "For whom", "roles": "Roles", "attributes": "Attributes",
}

// field completes f: its name, what the page calls it, its value and its problem.
func (p PlanProps) field(name, value string, f ui.Field) ui.Field {
	f.Name, f.Label, f.Value, f.Problem = name, planFields[name], value, p.Problems[name]
	return f
}

// moreSet reports whether anything in the folded part is set, or wrong.
func (p PlanProps) moreSet() bool {
	for _, name := range []string{"quota_type", "quota_unit", "unit_time", "connections", "total_tokens", "prompt_tokens", "completion_tokens", "max_complexity", "max_depth", "attributes"} {
		if p.Problems[name] != "" {
			return true
		}
	}
	f := p.Form
	set := f.TotalTokens + f.PromptTokens + f.CompletionTokens + f.MaxComplexity + f.MaxDepth + f.Connections + strings.TrimSpace(f.Attributes)
	return set != "" || f.QuotaType != "requestCount" || f.UnitTime != "1"
}

var (
	planRates = []ui.Choice{
		{Value: "fixed", Label: "Fixed rate", Hint: "One price a cycle, however much it is called."},
		{Value: "dynamic", Label: "Dynamic rate", Hint: "A price for each call that is charged."},
		{Value: "free", Label: "Free", Hint: "Nothing to charge; limits only."},
	}
	cycles    = []ui.Choice{{Value: "day", Label: "Day"}, {Value: "week", Label: "Week"}, {Value: "month", Label: "Month"}, {Value: "year", Label: "Year"}}
	rateUnits = []ui.Choice{{Value: "sec", Label: "Second"}, {Value: "min", Label: "Minute"}, {Value: "hour", Label: "Hour"}}
	timeUnits = []ui.Choice{
		{Value: "sec", Label: "Second"}, {Value: "min", Label: "Minute"}, {Value: "hour", Label: "Hour"}, {Value: "day", Label: "Day"},
		{Value: "week", Label: "Week"}, {Value: "month", Label: "Month"}, {Value: "year", Label: "Year"},
	}
	atLimits = []ui.Choice{
		{Value: "stop", Label: "Answer 429 until it begins anew", Hint: "With the seconds to wait, so that clients come back in time."},
		{Value: "go", Label: "Go on", Hint: "With a dynamic rate, calls above the cap are charged too."},
	}
	quotaTypes = []ui.Choice{
		{Value: "requestCount", Label: "Calls"}, {Value: "bandwidthVolume", Label: "Data"}, {Value: "eventCount", Label: "Events"}, {Value: "aiApiQuota", Label: "Calls and tokens of an AI API"},
	}
	dataUnits   = []ui.Choice{{Value: "KB", Label: "KB"}, {Value: "MB", Label: "MB"}, {Value: "GB", Label: "GB"}}
	permissions = []ui.Choice{{Value: "", Label: "Everybody"}, {Value: "ALLOW", Label: "Only these roles"}, {Value: "DENY", Label: "Everybody but these roles"}}
)
