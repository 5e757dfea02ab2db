package sheet

import (
	"tollgate/billing"
	"tollgate/models"
	"tollgate/views/ui"
)

// Follows names the plan that comes after the one of o, and when: "Silver on
// 1 Feb 2027"; "" while no change is on its way.
func Follows(o billing.Overview) string {
	c := o.Changing
	switch {
	case c == nil:
		return ""
	case !c.At.IsZero():
		return c.Plan.DisplayName + " on " + ui.Date(c.At)
	case c.Kind == models.ChangeByPaying || !c.PayBy.IsZero():
		return c.Plan.DisplayName + " once paid"
	case c.Kind == models.ChangeNow:
		return c.Plan.DisplayName + " at once"
	}
	return c.Plan.DisplayName + " when the period ends"
}

// Plan names the plan of o, and the one that follows it: "Gold → Silver on 1 Feb 2027".
func Plan(o billing.Overview) string {
	if next := Follows(o); next != "" {
		return o.PolicyName + " → " + next
	}
	return o.PolicyName
}
