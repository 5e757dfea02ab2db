package devportal

import (
	"strings"

	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/models"
	"tollgate/views/ui"
)

// A rule is which calls of an API count, and how much each does.
type rule struct{ counting, statuses, unitsHeader string }

func ruleOf(a models.API) rule { return rule{a.Counting, a.CountingStatuses, a.UnitsHeader} }

func ruleFor(o billing.Overview) rule { return rule{o.APICounting, o.APIStatuses, o.APIUnitsHeader} }

// answers says which answers count: "2xx".
func (r rule) answers() string {
	if r.counting == models.CountListed {
		return ui.Listed(strings.Fields(strings.ReplaceAll(r.statuses, ",", " ")))
	}
	return "2xx"
}

// words say the whole rule, as the gateway applies it.
func (r rule) words() string {
	which := "Calls that the API answers with " + r.answers() + " count"
	if r.counting == models.CountAll {
		which = "Every call that the API answers counts, whatever the answer"
	}
	if r.unitsHeader == "" {
		return which + ", each as one unit."
	}
	return which + ", each as many units as the answer's header " + r.unitsHeader + " says, or as one where it says no number."
}

// charged says which calls are paid for, for the card of a plan.
func (r rule) charged() string {
	switch {
	case r.unitsHeader != "":
		return "Charged by the unit, as the API's answers say"
	case r.counting == models.CountAll:
		return "Every call that the API answers is charged"
	}
	return "Only calls answered " + r.answers() + " are charged"
}

// unit is what is counted, one and several.
func (r rule) unit() (one, many string) {
	if r.unitsHeader != "" {
		return "unit", "units"
	}
	return "call", "calls"
}

// atLimit says what the gateway does to calls above the limits of a plan.
func atLimit(p models.Policy, price catalog.Price) string {
	var said []string
	if p.Quota > 0 {
		said = append(said, atQuota(p, price))
	}
	if p.RateLimitCount > 0 {
		said = append(said, "Calls that come faster are refused (429), with the seconds to wait in Retry-After.")
	}
	if len(said) == 0 {
		return "There is no limit."
	}
	return strings.Join(said, " ")
}

// atQuota says what becomes of calls above a plan's quota.
func atQuota(p models.Policy, price catalog.Price) string {
	switch {
	case !measured(p):
		return "The gateway does not measure " + counted(p) + ", so this quota stops nothing."
	case p.StopOnQuotaReach:
		return "Above the quota, calls are refused (429) until it begins anew, " + anew(p) + "."
	case price.Metered():
		return "Above the quota, calls go on at the same price."
	}
	return "Above the quota, calls go on at no further cost."
}

// anew says when the window of a quota ends.
func anew(p models.Policy) string {
	if p.UnitTime > 1 {
		return "every " + ui.Count(int64(p.UnitTime)) + " " + unit(p.TimeUnit) + "s, UTC"
	}
	switch p.TimeUnit {
	case "week":
		return "on Monday, UTC"
	case "month":
		return "on the first of the month, UTC"
	case "year":
		return "on 1 January, UTC"
	}
	return "with the next " + unit(p.TimeUnit) + ", UTC"
}
