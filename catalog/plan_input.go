package catalog

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// A PlanInput is the form of a business plan, as typed: numbers and amounts are
// text, so that nothing is lost when they cannot be read.
type PlanInput struct {
	Name, Description string

	BillingPlan string // FREE or COMMERCIAL
	Model       string // FIXEDRATE or DYNAMICRATE; what follows counts when it is COMMERCIAL
	Price       string // major units: of a cycle, or of a call
	Currency    string
	Cycle       string // day, week, month or year

	GraceHours string // for how long calls are served after a failed payment: whole hours; "" as the tenant says

	QuotaType     string // requestCount ("" too), bandwidthVolume, eventCount or aiApiQuota
	Quota         string // "" for none
	QuotaUnit     string // KB, MB or GB, of a bandwidth
	UnitTime      string // how many TimeUnits the quota is for; "" for 1
	TimeUnit      string // sec, min, hour, day, week, month, year; "" for month
	RateLimit     string // calls a RateLimitUnit; "" for no limit
	RateLimitUnit string // sec, min or hour; "" for min
	StopOnQuota   bool   // refuse calls above the quota, instead of letting them through

	TotalTokens, PromptTokens, CompletionTokens string // quotas of AI APIs
	MaxComplexity, MaxDepth, Connections        string // of GraphQL and streaming APIs

	PermissionType string // ALLOW, DENY or "" for everybody
	Roles          string // whom it is about, with commas between
	Attributes     string // custom attributes, one a line: name=value
}

// Validate reports what is wrong with the form alone, before any look-up.
func (in PlanInput) Validate() error {
	_, err := in.read()
	return err
}

// The longest texts of a plan.
const (
	longestName        = 60
	longestDescription = 1024
	longestAttributes  = 20
)

// terms are what a PlanInput says, read.
type terms struct {
	policy models.Policy
	price  Price
}

func (in PlanInput) read() (terms, error) {
	var f fault.Fields
	t := terms{policy: models.Policy{
		DisplayName: oneLine(in.Name), Description: strings.TrimSpace(in.Description), BillingPlan: in.BillingPlan,
		StopOnQuotaReach: in.StopOnQuota, IsDeployed: true,
	}}
	f.Check(t.policy.DisplayName != "", "name", "Give the plan a name.")
	f.Check(utf8.RuneCountInString(t.policy.DisplayName) <= longestName, "name", "At most 60 characters.")
	f.Check(policyName(t.policy.DisplayName) != "" && utf8.ValidString(in.Name), "name", "The name needs a letter or a digit.")
	f.Check(utf8.RuneCountInString(t.policy.Description) <= longestDescription, "description", "At most 1,024 characters.")
	switch in.BillingPlan {
	case models.PlanFree:
	case models.PlanCommercial:
		t.price = readPrice(in, &f)
	default:
		f.Check(false, "billing_plan", "Choose whether the plan is free or commercial.")
	}
	var ok bool
	t.policy.GraceHours, ok = accounts.ReadGrace(in.GraceHours)
	f.Check(ok, "grace_hours", accounts.GraceProblem)
	if t.policy.BillingPlan == models.PlanFree {
		t.policy.GraceHours = nil // nothing can be late
	}
	in.readLimits(&t.policy, &f)
	in.readPermissions(&t.policy, &f)
	t.policy.CustomAttributes = readAttributes(in.Attributes, &f)
	return t, f.Err()
}

func (in PlanInput) readLimits(p *models.Policy, f *fault.Fields) {
	p.QuotaType = or(in.QuotaType, "requestCount")
	f.Check(oneOf(p.QuotaType, "requestCount", "bandwidthVolume", "eventCount", "aiApiQuota"), "quota_type", "Choose what is counted.")
	p.Quota = number(in.Quota, "quota", 1_000_000_000_000, f)
	if p.QuotaType == "bandwidthVolume" {
		p.QuotaUnit = or(in.QuotaUnit, "MB")
		f.Check(oneOf(p.QuotaUnit, "KB", "MB", "GB"), "quota_unit", "Choose KB, MB or GB.")
	}
	p.UnitTime = int(number(or(in.UnitTime, "1"), "unit_time", 100_000, f))
	f.Check(p.UnitTime > 0, "unit_time", "Write a number above zero.")
	p.TimeUnit = or(in.TimeUnit, "month")
	f.Check(oneOf(p.TimeUnit, "sec", "min", "hour", "day", "week", "month", "year"), "time_unit", "Choose a unit of time.")
	p.RateLimitCount = number(in.RateLimit, "rate_limit", 1_000_000_000, f)
	if p.RateLimitCount > 0 {
		p.RateLimitTimeUnit = or(in.RateLimitUnit, "min")
		f.Check(oneOf(p.RateLimitTimeUnit, "sec", "min", "hour"), "rate_limit_unit", "Choose second, minute or hour.")
	}
	p.TotalTokenCount = number(in.TotalTokens, "total_tokens", 1_000_000_000_000, f)
	p.PromptTokenCount = number(in.PromptTokens, "prompt_tokens", 1_000_000_000_000, f)
	p.CompletionTokenCount = number(in.CompletionTokens, "completion_tokens", 1_000_000_000_000, f)
	p.MaxComplexity = int(number(in.MaxComplexity, "max_complexity", 1_000_000, f))
	p.MaxDepth = int(number(in.MaxDepth, "max_depth", 1_000_000, f))
	p.ConnectionsCount = int(number(in.Connections, "connections", 1_000_000, f))
}

func (in PlanInput) readPermissions(p *models.Policy, f *fault.Fields) {
	p.PermissionRoles = []string{}
	f.Check(oneOf(in.PermissionType, "", "ALLOW", "DENY"), "permission", "Choose whom the plan is for.")
	if in.PermissionType == "" {
		return
	}
	p.PermissionType = in.PermissionType
	for role := range strings.SplitSeq(in.Roles, ",") {
		if role = oneLine(role); role != "" {
			p.PermissionRoles = append(p.PermissionRoles, role)
		}
	}
	f.Check(len(p.PermissionRoles) > 0, "roles", "Name at least one role, such as subscriber.")
}

// readAttributes reads one name=value a line.
func readAttributes(text string, f *fault.Fields) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		_, twice := values[name]
		f.Check(ok && name != "" && !strings.ContainsFunc(name, unicode.IsSpace), "attributes", "Write each attribute on a line of its own, as name=value.")
		f.Check(!twice, "attributes", "The attribute "+name+" is there twice.")
		f.Check(len(name) <= 80 && len(value) <= 900, "attributes", "A name has at most 80 characters, a value 900.")
		values[name] = value
	}
	f.Check(len(values) <= longestAttributes, "attributes", "At most 20 attributes.")
	return values
}

// grouped is a whole number, with or without commas between thousands.
var grouped = regexp.MustCompile(`^(\d{1,15}|\d{1,3}(,\d{3}){1,4})$`)

// number reads a whole number; empty text is zero.
func number(text, field string, most int64, f *fault.Fields) int64 {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0
	}
	if !grouped.MatchString(text) {
		f.Check(false, field, "Write a whole number, such as 1000.")
		return 0
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
	f.Check(err == nil && n <= most, field, "At most "+strconv.FormatInt(most, 10)+".")
	return n
}

// policyName is the key that WSO2 knows a plan by: its name without what is
// neither letter nor digit, at most 60 characters. "" when nothing is left.
func policyName(display string) string {
	words := strings.FieldsFunc(display, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '.'
	})
	name := []rune(strings.Join(words, "-"))
	return string(name[:min(len(name), longestName)])
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func oneOf(s string, all ...string) bool {
	for _, a := range all {
		if s == a {
			return true
		}
	}
	return false
}

// Preview returns what in says as far as it can be read, and what is wrong with the
// rest. Nothing is kept.
func (in PlanInput) Preview() (models.Policy, Price, error) {
	t, err := in.read()
	if t.price.Currency().IsZero() {
		t.price = Price{} // it cannot be read yet
	}
	return t.policy, t.price, err
}
