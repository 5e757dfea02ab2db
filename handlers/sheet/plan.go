package sheet

import (
	"tollgate/billing"
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
	case c.ByPaying():
		return c.Plan.DisplayName + " once paid"
	case c.AtEnd():
		return c.Plan.DisplayName + " when the period ends"
	}
	return c.Plan.DisplayName + " at once"
}

// Plan names the plan of o, and the one that follows it: "Gold → Silver on 1 Feb 2027".
func Plan(o billing.Overview) string {
	if next := Follows(o); next != "" {
		return o.PolicyName + " → " + next
	}
	return o.PolicyName
}
