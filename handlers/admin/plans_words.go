package admin

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
)

// newPlan is what the form of a new plan begins with.
var newPlan = catalog.PlanInput{
	BillingPlan: models.PlanCommercial, Model: models.FixedRate, Currency: "USD", Cycle: "month",
	QuotaType: "requestCount", QuotaUnit: "MB", UnitTime: "1", TimeUnit: "month", RateLimitUnit: "min", StopOnQuota: true,
}

// rates are the three kinds of price that the form offers.
var rates = map[string]struct{ plan, model string }{
	"fixed": {models.PlanCommercial, models.FixedRate}, "dynamic": {models.PlanCommercial, models.DynamicRate}, "free": {models.PlanFree, ""},
}

// planInput reads the form of a plan.
func planInput(c *fiber.Ctx) catalog.PlanInput {
	v := func(name string) string { return strings.Clone(c.FormValue(name)) }
	rate := rates[v("rate")]
	return catalog.PlanInput{
		Name: v("name"), Description: v("description"), BillingPlan: rate.plan, Model: rate.model,
		Price: v("price"), Currency: v("currency"), Cycle: v("cycle"), GraceHours: v("grace_hours"),
		QuotaType: v("quota_type"), Quota: v("quota"), QuotaUnit: v("quota_unit"), UnitTime: v("unit_time"), TimeUnit: v("time_unit"),
		RateLimit: v("rate_limit"), RateLimitUnit: v("rate_limit_unit"), StopOnQuota: v("at_limit") != "go",
		TotalTokens: v("total_tokens"), PromptTokens: v("prompt_tokens"), CompletionTokens: v("completion_tokens"),
		MaxComplexity: v("max_complexity"), MaxDepth: v("max_depth"), Connections: v("connections"),
		PermissionType: v("permission"), Roles: v("roles"), Attributes: v("attributes"),
	}
}

// planForm is what the form shows of in.
func planForm(in catalog.PlanInput) page.PlanForm {
	f := page.PlanForm{
		Name: in.Name, Description: in.Description, Price: in.Price, Currency: strings.ToUpper(in.Currency), Cycle: in.Cycle, GraceHours: in.GraceHours,
		QuotaType: in.QuotaType, Quota: in.Quota, QuotaUnit: in.QuotaUnit, UnitTime: in.UnitTime, TimeUnit: in.TimeUnit,
		RateLimit: in.RateLimit, RateLimitUnit: in.RateLimitUnit, AtLimit: "go",
		TotalTokens: in.TotalTokens, PromptTokens: in.PromptTokens, CompletionTokens: in.CompletionTokens,
		MaxComplexity: in.MaxComplexity, MaxDepth: in.MaxDepth, Connections: in.Connections,
		Permission: in.PermissionType, Roles: in.Roles, Attributes: in.Attributes,
	}
	for name, r := range rates {
		if r.plan == in.BillingPlan && (r.model == in.Model || r.plan == models.PlanFree) {
			f.Rate = name
		}
	}
	if in.StopOnQuota {
		f.AtLimit = "stop"
	}
	return f
}

// filled is the form as the saved plan would have been typed.
func filled(plan catalog.Plan) catalog.PlanInput {
	p := plan.Policy
	in := catalog.PlanInput{
		Name: p.DisplayName, Description: p.Description, BillingPlan: p.BillingPlan, Model: p.MonetizationPlan,
		Price: p.FixedRate + p.PricePerRequest, Currency: or(p.Currency, "usd"), Cycle: or(p.BillingCycle, "month"),
		QuotaType: p.QuotaType, Quota: typed(p.Quota), QuotaUnit: p.QuotaUnit, UnitTime: strconv.Itoa(p.UnitTime), TimeUnit: p.TimeUnit,
		RateLimit: typed(p.RateLimitCount), RateLimitUnit: or(p.RateLimitTimeUnit, "min"), StopOnQuota: p.StopOnQuotaReach,
		TotalTokens: typed(p.TotalTokenCount), PromptTokens: typed(p.PromptTokenCount), CompletionTokens: typed(p.CompletionTokenCount),
		MaxComplexity: typed(int64(p.MaxComplexity)), MaxDepth: typed(int64(p.MaxDepth)), Connections: typed(int64(p.ConnectionsCount)),
		PermissionType: p.PermissionType, Roles: strings.Join(p.PermissionRoles, ", "),
	}
	if p.GraceHours != nil {
		in.GraceHours = strconv.Itoa(*p.GraceHours)
	}
	for _, line := range strings.Split(details(p.CustomAttributes), " · ") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			in.Attributes += name + "=" + value + "\n"
		}
	}
	return in
}

// typed is a number as it is typed: nothing for zero.
func typed(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// atForm puts messages at the fields that the form has.
func atForm(problems fault.Fields) fault.Fields {
	out := fault.Fields{}
	for field, text := range problems {
		if field == "billing_plan" || field == "model" {
			field = "rate"
		}
		out[field] = text
	}
	return out
}

func planPrice(p catalog.Price) page.Price {
	switch {
	case p.IsFree():
		return page.Price{}
	case p.Metered():
		return page.Price{Rate: p.Rate, Per: "per call"}
	}
	return page.Price{Amount: p.Amount, Per: "a " + p.Cycle}
}

var everyCycle = map[string]string{"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}

func plansLead(plans []catalog.Plan) string {
	paid := int64(0)
	for _, p := range plans {
		if !p.Price.IsFree() {
			paid++
		}
	}
	if len(plans) == 0 {
		return "A plan says what an API costs and how much it may be called."
	}
	return ui.Plural(int64(len(plans)), "plan", "plans") + ", " + strconv.FormatInt(paid, 10) + " of them paid. Publishers choose which of them their APIs offer."
}

func planRow(plan catalog.Plan, standing []billing.PlanStanding) page.PlanRow {
	tone, word := planState(plan, standing)
	r := page.PlanRow{
		UUID: plan.Policy.UUID, Name: plan.Policy.DisplayName, About: plan.Policy.Description, Price: planPrice(plan.Price),
		Limits: strings.Join(limits(plan.Policy), ", "), Tone: tone, Word: word, Subscribers: plan.Subscribers,
	}
	if !plan.Price.IsFree() {
		r.Charged = everyCycle[plan.Price.Cycle] + ", version " + strconv.Itoa(plan.Price.Number)
	}
	return r
}

// planState says how it stands with the plan's newest price.
func planState(plan catalog.Plan, standing []billing.PlanStanding) (ui.Tone, string) {
	if plan.Price.IsFree() {
		return ui.Quiet, "Free"
	}
	tone, word := ui.Good, "In Stripe"
	for _, st := range standing {
		switch {
		case st.Number != plan.Price.Number:
		case st.State == models.PushRefused:
			return ui.Bad, "Refused by Stripe"
		case st.State == models.PushPushing:
			tone, word = ui.Attention, "On its way to Stripe"
		}
	}
	return tone, word
}

// limits are the limits of a plan in words.
func limits(p models.Policy) []string {
	out := []string{"No cap on calls"}
	if p.Quota > 0 {
		out[0] = ui.Count(p.Quota) + " " + counted[p.QuotaType] + p.QuotaUnit + " " + per(p.UnitTime, p.TimeUnit)
	}
	if p.RateLimitCount > 0 {
		out = append(out, ui.Count(p.RateLimitCount)+" calls "+per(1, p.RateLimitTimeUnit))
	}
	return out
}

// counted is what a quota counts; a bandwidth says its own unit.
var counted = map[string]string{"requestCount": "calls", "eventCount": "events", "aiApiQuota": "calls", "bandwidthVolume": ""}

var longUnits = map[string]string{"sec": "second", "min": "minute"}

func per(n int, unit string) string {
	long := or(longUnits[unit], unit)
	switch {
	case n > 1:
		return "every " + strconv.Itoa(n) + " " + long + "s"
	case long == "hour":
		return "an hour"
	}
	return "a " + long
}
