// Package devportal is the developer portal: the catalogue, one's applications,
// subscriptions and invoices.
package devportal

import (
	"net/url"
	"strings"

	"tollgate/access"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/handlers/sheet"
	"tollgate/models"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
)

const (
	subscriptionsPath = "/devportal/subscriptions"
	applicationsPath  = "/devportal/applications"
)

func subscriptionPath(uuid string) string { return subscriptionsPath + "/" + url.PathEscape(uuid) }

func applicationPath(uuid string) string { return applicationsPath + "/" + url.PathEscape(uuid) }

// titled is the name of an API with its version.
func titled(name, version string) string { return strings.TrimSpace(name + " " + version) }

// apiTitle is the name of a as people read it.
func apiTitle(a models.API) string {
	if a.DisplayName != "" {
		return titled(a.DisplayName, a.APIVersion)
	}
	return titled(a.Name, a.APIVersion)
}

// price puts a price into the page's terms, for an API whose calls are counted by r.
func price(p catalog.Price, r rule) page.Price {
	switch {
	case p.IsFree():
		return page.Price{}
	case p.Metered():
		one, _ := r.unit()
		return page.Price{Rate: p.Rate, Per: "per " + one}
	}
	return page.Price{Amount: p.Amount, Per: "a " + p.Cycle}
}

// every says how often a cycle comes round.
var every = map[string]string{"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}

// charged says when a price is charged.
func charged(p catalog.Price) string {
	switch {
	case p.IsFree():
		return "Never"
	case p.Metered():
		return strings.ToUpper(every[p.Cycle][:1]) + every[p.Cycle][1:] + ", for the " + p.Cycle + " before"
	}
	return "On the day you pay, then " + every[p.Cycle]
}

// units are how people say WSO2's units of time.
var units = map[string]string{"sec": "second", "min": "minute"}

func unit(name string) string {
	if said := units[name]; said != "" {
		return said
	}
	return name
}

// span says a stretch of time: "a minute", "every 5 minutes".
func span(n int, name string) string {
	if n > 1 {
		return "every " + ui.Count(int64(n)) + " " + unit(name) + "s"
	}
	if name == "hour" {
		return "an hour"
	}
	return "a " + unit(name)
}

// counted says what a quota counts.
func counted(p models.Policy) string {
	switch p.QuotaType {
	case "bandwidthVolume":
		return p.QuotaUnit
	case "eventCount":
		return "events"
	}
	return "calls"
}

// quota says how much a plan holds, "" when it has no cap.
func quota(p models.Policy) string {
	if p.Quota == 0 {
		return ""
	}
	return ui.Count(p.Quota) + " " + counted(p) + " " + span(p.UnitTime, p.TimeUnit)
}

// burst says how fast calls may come, "" when that is not limited.
func burst(p models.Policy) string {
	if p.RateLimitCount == 0 {
		return ""
	}
	return ui.Count(p.RateLimitCount) + " calls " + span(1, p.RateLimitTimeUnit)
}

// limits sums the limits of a plan up, "" when it has none.
func limits(p models.Policy) string {
	var all []string
	for _, text := range []string{quota(p), burst(p)} {
		if text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, ", ")
}

// plan puts an offer of an API whose calls are counted by r into the page's terms.
func plan(o catalog.Offer, r rule) page.Plan {
	out := page.Plan{
		ID: o.Plan.UUID, Name: o.Plan.DisplayName, About: o.Plan.Description, Price: price(o.Price, r), Charged: charged(o.Price),
		Pending: o.Hold,
		Quota:   or(quota(o.Plan), "No cap"), Burst: or(burst(o.Plan), "No limit"), AtLimit: atLimit(o.Plan, o.Price),
	}
	out.Ticks = []string{out.Quota}
	if text := burst(o.Plan); text != "" {
		out.Ticks = append(out.Ticks, text)
	}
	switch {
	case o.Price.IsFree():
		out.Ticks = append(out.Ticks, "No card required")
	case o.Price.Metered():
		out.Ticks = append(out.Ticks, r.charged())
	default:
		out.Ticks = append(out.Ticks, "One price, however much you call")
	}
	return out
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// row puts a subscription into a line of a list.
func row(o billing.Overview) page.SubscriptionRow {
	return page.SubscriptionRow{
		ID: o.UUID, API: titled(o.Title(), o.APIVersion), Plan: o.PolicyName, Application: o.ApplicationName,
		State: o.State.Label, Tone: ui.Tone(o.State.Tone), Price: price(o.Price, ruleFor(o)), Since: o.CreatedTime.Time(),
		Next: page.Next(o.State.Next), Invoices: o.StripeSubscriptionID != "", Changes: sheet.Follows(o),
	}
}

// stage says how far a subscription has come.
func stage(o billing.Overview) page.Stage {
	switch o.State.Reason {
	case access.IsOver:
		return page.Over
	case access.NeedsApproval:
		return page.Approval
	case access.PaymentUnderWay:
		return page.Confirming
	case access.PaymentExpired, access.PaymentRefused, access.PaymentDeclined:
		return page.Lapsed
	case access.NeedsFirstPaying:
		switch {
		case o.StripeStatus != "":
			return page.Running
		case o.Checkout == string(access.Open):
			return page.Payable
		}
		return page.Opening
	case access.NotRefused, access.HeldByPublisher, access.HeldByDispute, access.HeldByRefund, access.NeedsAgreeing, access.NeedsPaying, access.HeldInProduction:
	}
	return page.Running
}
