package devportal

import (
	"time"

	"github.com/a-h/templ"

	"tollgate/views/layout"
	"tollgate/views/ui"
)

// CallIt is what somebody needs to make calls with a subscription.
type CallIt struct {
	Address string // where calls go, with the path of the API
	Command string // an example, with a word in place of the key
	Keys    int64  // how many keys its application has that work
	Header  string // the header that the key goes into
}

// PeriodUse is what was called in the period that is running, for the page of a
// subscription.
type PeriodUse struct {
	Title   string // Calls this period
	Figures []ui.Figure
	Quota   *QuotaUse // nil: the plan has none
	Chart   *ui.Chart // nil: there was no call yet
	Notes   []string  // how costs are worked out
	Updated Freshness
}

// A Freshness says up to when calls are in the numbers of a page.
type Freshness struct {
	At  time.Time // zero: nothing is said
	Ago string    // when the newest one was written down: 2 minutes ago; "" for none
}

// QuotaUse is how much of a plan's quota is used.
type QuotaUse struct {
	Words  string // 820 of 1,000 calls
	Left   string // 180 left
	Gauge  ui.Gauge
	Resets time.Time // zero: it does not
	Then   string    // what happens at the limit
}

// UsageProps is what the pages at …/usage show: of one subscription, of an
// application, or of everything. The span is sent as span, or as from and to; how
// fine it is drawn as by.
type UsageProps struct {
	layout.Frame
	Title   string
	Lead    string
	Period  string // which time the numbers are about
	Span    ui.SpanChooser
	Scope   []ui.Link // all of them or one application; none: there is nothing to choose
	Figures []ui.Figure
	Quota   *QuotaUse
	Chart   *ui.Chart
	Empty   *EmptyUse // instead of the chart, when there was no call
	Parts   []UsagePart
	Notes   []string
	Calls   string // address of the log of calls; "" for none
	Back    ui.Link
	Updated Freshness
}

// EmptyUse says what to do where nothing was called.
type EmptyUse struct {
	Title, Text string
	Actions     []ui.Link // the first one stands out
}

// A UsagePart is one subscription's part in the usage of several.
type UsagePart struct {
	ID          string // uuid
	API, Plan   string
	Application string
	Calls       string
	Counted     string
	Units       string
	Cost        string // with its currency; what a fixed price says of itself
}

// CallsProps is what the page at /devportal/subscriptions/{uuid}/calls shows.
type CallsProps struct {
	layout.Frame
	ID       string // uuid of the subscription
	Name     string // Weather v1, Gold
	Rule     string // which calls count, by this API
	Kept     string // how long calls are kept one by one
	Filters  []ui.Link
	Span     ui.SpanChooser
	Rows     []ui.CallRow
	Narrowed bool
	Pager    ui.Pager
	CSV      string
	Empty    *EmptyUse
}

func usageURL(id string) templ.SafeURL { return at("subscriptions", id, "usage") }

func callsURL(id string) templ.SafeURL { return at("subscriptions", id, "calls") }

// usedKind is how the n-th action of an empty page looks.
func usedKind(n int) ui.Kind {
	if n == 0 {
		return ui.Primary
	}
	return ui.Plain
}

// callNote says what stands in for the key, and how to get one.
func (c CallIt) callNote() string {
	switch c.Keys {
	case 0:
		return "The application has no key yet. Generate one, and put it in place of YOUR_API_KEY."
	case 1:
		return "Put the application's key in place of YOUR_API_KEY. It was shown once, when it was made."
	}
	return "Put one of the application's keys in place of YOUR_API_KEY. Each was shown once, when it was made."
}
