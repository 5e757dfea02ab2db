package admin

import (
	"time"

	"tollgate/money"
	"tollgate/views/layout"
	"tollgate/views/ui"
)

// A Price is what a plan costs: Amount for a fixed price, Rate for a price a call,
// nothing for a free plan.
type Price struct {
	Amount money.Amount
	Rate   money.Rate
	Per    string // "a month", "per call"; "" when free
}

// PlansProps is what the page at /admin/plans shows.
type PlansProps struct {
	layout.Frame
	Lead string
	Rows []PlanRow
}

// A PlanRow is a business plan in a list.
type PlanRow struct {
	UUID, Name, About string
	Price             Price
	Charged           string // "monthly, version 2"
	Limits            string
	Tone              ui.Tone
	Word              string // On sale, Free, Being made, Refused
	Subscribers       int64
}

// A PlanForm is what was typed, or what is saved. Each field is sent under its
// name in small letters with underscores: rate_limit_unit.
type PlanForm struct {
	Name, Description string
	Rate              string // fixed, dynamic or free
	Price, Currency   string
	Cycle             string // day, week, month, year
	GraceHours        string

	QuotaType, Quota, QuotaUnit string
	UnitTime, TimeUnit          string
	RateLimit, RateLimitUnit    string
	AtLimit                     string // stop or go

	TotalTokens, PromptTokens, CompletionTokens string
	MaxComplexity, MaxDepth, Connections        string

	Permission, Roles string // ALLOW, DENY or ""
	Attributes        string
}

// PlanProps is what the pages at /admin/plans/new and /admin/plans/{uuid} show. The
// form is sent to the same address, with version; deleting is POST …/{uuid}/delete
// with version.
type PlanProps struct {
	layout.Frame
	UUID     string // "" for a new one
	Title    string // the saved name
	Key      string // by which scripts know it
	Tone     ui.Tone
	Word     string
	Lead     string
	Version  int64 // of the row that the form is about
	Form     PlanForm
	Problem  string            // over the form: somebody else saved meanwhile
	Problems map[string]string // by field

	Preview     ui.PlanCard
	PreviewNote string // when the preview is not what was typed
	Outcome     string // what saving does
	Versions    []PlanVersion
	Standings   []PlanStanding
	InUse       string // who has it; "" when nobody has
	Removes     string // what deleting does
}

// A PlanVersion is a price version.
type PlanVersion struct {
	Number int
	Since  time.Time
	Price  Price
}

// A PlanStanding is where a price version stands at Stripe.
type PlanStanding struct {
	Where   string // Your account, or the API
	Account string // acct_…; "" for one's own
	Version int
	Tone    ui.Tone
	Word    string
	Problem string
	IDs     []string
}
