package devportal

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/usage"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Calls is the screen of single calls of a subscription.
type Calls struct {
	Meter
	Kept          int // days that calls are kept one by one; 0: nothing is said
	Subscriptions interface {
		Overview(ctx context.Context, who accounts.Actor, uuid string) (billing.Overview, error)
	}
	Log CallLog
}

// A CallLog tells calls one by one.
type CallLog interface {
	Calls(ctx context.Context, q usage.CallQuery) (usage.CallPage, error)
	AllCalls(ctx context.Context, q usage.CallQuery) iter.Seq2[usage.LoggedCall, error]
}

const (
	callsShown = 50
	mostInFile = 50_000 // calls in one CSV
	anyTime    = ""
)

// outcomes are the ways to narrow the log, in the order of their chips.
var outcomes = []struct {
	outcome usage.CallOutcome
	label   string
}{{usage.AnyOutcome, "All"}, {usage.Counted, "Counted"}, {usage.Uncounted, "Not counted"}}

// A callsAsked is what an address asks for of a log.
type callsAsked struct {
	asked
	outcome usage.CallOutcome
	always  bool // no time is asked for
}

// asks reads what is asked for.
func (h Calls) asks(c *fiber.Ctx, o billing.Overview) (callsAsked, []sheet.Span) {
	var a callsAsked
	var spans []sheet.Span
	a.asked, spans = h.Meter.asks(c, subscriptionPath(o.UUID)+"/calls", periodOf(o, h.Business.Now()))
	a.always = c.Query("span") == anyTime
	for _, one := range outcomes {
		if string(one.outcome) == c.Query("outcome") {
			a.outcome = one.outcome
		}
	}
	return a, spans
}

func (a callsAsked) query(o billing.Overview) usage.CallQuery {
	q := usage.CallQuery{Tenant: o.TenantID, Subscription: o.ID, Outcome: a.outcome, Limit: callsShown}
	if !a.always {
		q.From, q.To = a.span.From, a.span.To
	}
	return q
}

// link leads to the same log narrowed otherwise.
func (a callsAsked) link(suffix, span string, outcome usage.CallOutcome, more ...string) string {
	from, to := "", ""
	if span == sheet.SpanCustom {
		from, to = a.from, a.to
	}
	return respond.Link(a.path+suffix, append(more, "span", span, "from", from, "to", to, "outcome", string(outcome))...)
}

func (a callsAsked) spanName() string {
	switch {
	case a.always:
		return anyTime
	case a.days:
		return sheet.SpanCustom
	}
	return a.span.Name
}

// choose adds to p what it can be narrowed by.
func (a callsAsked) choose(p *page.CallsProps, spans []sheet.Span) {
	now := a.spanName()
	for _, one := range outcomes {
		p.Filters = append(p.Filters, ui.Link{Href: a.link("", now, one.outcome), Label: one.label, Current: one.outcome == a.outcome})
	}
	p.Span = ui.SpanChooser{Action: a.path, Open: a.days, From: a.from, To: a.to, Problems: a.problems,
		Hidden: []ui.Hidden{{Name: "span", Value: sheet.SpanCustom}, {Name: "outcome", Value: string(a.outcome)}},
		Links:  []ui.Link{{Href: a.link("", anyTime, a.outcome), Label: "Any time", Current: a.always}}}
	for _, s := range spans {
		p.Span.Links = append(p.Span.Links, ui.Link{Href: a.link("", s.Name, a.outcome), Label: s.Label, Current: s.Name == now})
	}
	p.Span.Links = append(p.Span.Links, ui.Link{Href: respond.Link(a.path, "span", sheet.SpanCustom, "outcome", string(a.outcome)), Label: "Other days", Current: a.days})
	p.CSV = a.link(".csv", now, a.outcome)
	p.Narrowed = !a.always || a.outcome != usage.AnyOutcome
}

// Show answers GET /devportal/subscriptions/:id/calls.
func (h Calls) Show(c *fiber.Ctx) error {
	ctx := c.UserContext()
	o, err := h.Subscriptions.Overview(ctx, session.Actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	a, spans := h.asks(c, o)
	q := a.query(o)
	q.Cursor = c.Query("after")
	got, err := h.Log.Calls(ctx, q)
	if err != nil {
		return err
	}
	name := sheet.About(o.Title(), o.APIVersion, o.PolicyName)
	p := page.CallsProps{ID: o.UUID, Name: name, Rule: ruleFor(o).words(), Kept: kept(h.Kept, got.Forgotten)}
	a.choose(&p, spans)
	for _, call := range got.Calls {
		p.Rows = append(p.Rows, callRow(call, ruleFor(o)))
	}
	if got.Next != "" {
		p.Pager.Next = a.link("", a.spanName(), a.outcome, "after", got.Next)
	}
	p.Pager.Showing = ui.Plural(int64(len(got.Calls)), "call", "calls")
	if len(p.Rows) == 0 && got.Next == "" && q.Cursor == "" {
		p.Empty = noCalls(o, p.Narrowed, got.Forgotten, a)
	}
	p.Frame = respond.Frame(c, layout.Devportal, "Calls one by one", subscriptionsPath).
		With(ui.Link{Href: subscriptionsPath, Label: "My subscriptions"}, ui.Link{Href: subscriptionPath(o.UUID), Label: name}, ui.Link{Label: "Calls"})
	return respond.Page(c, status(a.asked), page.Calls(p))
}

// kept says how long calls can be looked up.
func kept(days int, forgotten bool) string {
	text := "Calls are kept one by one for a while, their sums for good."
	if days > 0 {
		text = "Calls are kept one by one for " + ui.Plural(int64(days), "day", "days") + ", their sums for good."
	}
	if forgotten {
		text += " There are older calls, of which only the sums are left: the usage page shows them."
	}
	return text + " Calls that the gateway refused are not in the log; they cost nothing."
}

func noCalls(o billing.Overview, narrowed, forgotten bool, a callsAsked) *page.EmptyUse {
	switch {
	case forgotten:
		return &page.EmptyUse{Title: "These calls are not kept one by one any more", Text: "Their sums are on the usage page.", Actions: []ui.Link{{Href: subscriptionPath(o.UUID) + "/usage", Label: "Usage"}}}
	case narrowed:
		return &page.EmptyUse{Title: "No call matches", Text: "Look at another time, or at all outcomes.", Actions: []ui.Link{{Href: a.path, Label: "Show all calls"}}}
	}
	return &page.EmptyUse{Title: "No call yet", Text: "Calls appear here within seconds.", Actions: []ui.Link{{Href: subscriptionPath(o.UUID), Label: "How to call it"}}}
}

// callRow puts a call into the pages' terms.
func callRow(l usage.LoggedCall, r rule) ui.CallRow {
	row := ui.CallRow{At: l.At, ID: l.ID.String(), Status: l.Status, Tone: toneOf(l.Status), Counted: l.Counted && !l.Undelivered, Why: why(l, r),
		Units: "0", Took: ui.Count(l.Took.Milliseconds()) + " ms", Key: "Production"}
	if row.Counted {
		row.Units = ui.Count(l.Units)
	}
	if l.Sandbox {
		row.Key = "Sandbox"
	}
	return row
}

func toneOf(status int) ui.Tone {
	switch {
	case status >= 500:
		return ui.Bad
	case status >= 400:
		return ui.Attention
	case status >= 300:
		return ui.Quiet
	}
	return ui.Good
}

// why says why a call does not count; "" when it does.
func why(l usage.LoggedCall, r rule) string {
	switch {
	case l.Undelivered:
		return "its answer was not delivered"
	case l.Counted:
		return ""
	case l.Status == statusGone:
		return "its caller did not wait"
	case r.counting == models.CountAll:
		return "the API did not answer it"
	}
	return "only " + r.answers() + " counts"
}

// statusGone stands for a caller that went away before there was an answer.
const statusGone = 499

// callsHead is the head of the CSV of calls.
var callsHead = []string{"time", "request_id", "status", "counted", "units", "took_ms", "key_type"}

var errTooMany = errors.New("devportal: more calls than a file takes")

// CSV answers GET /devportal/subscriptions/:id/calls.csv.
func (h Calls) CSV(c *fiber.Ctx) error {
	ctx := c.UserContext()
	o, err := h.Subscriptions.Overview(ctx, session.Actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	a, _ := h.asks(c, o)
	if err := a.problems.Err(); err != nil {
		return err
	}
	rows, err := h.rows(ctx, a.query(o))
	if errors.Is(err, errTooMany) {
		return fault.New(fault.Conflict, "There are more than "+ui.Count(mostInFile)+" calls in this time. Choose fewer days, and the file holds them all.")
	}
	if err != nil {
		return err
	}
	return respond.CSV(c, sheet.FileName(o.Title()+" "+o.ApplicationName, "calls"), callsHead, rows)
}

func (h Calls) rows(ctx context.Context, q usage.CallQuery) ([][]string, error) {
	var rows [][]string
	for l, err := range h.Log.AllCalls(ctx, q) {
		if err != nil {
			return nil, err
		}
		if len(rows) == mostInFile {
			return nil, errTooMany
		}
		units, key := int64(0), "PRODUCTION"
		counts := l.Counted && !l.Undelivered
		if counts {
			units = l.Units
		}
		if l.Sandbox {
			key = "SANDBOX"
		}
		rows = append(rows, []string{l.At.UTC().Format(time.RFC3339Nano), l.ID.String(), strconv.Itoa(l.Status), strconv.FormatBool(counts),
			strconv.FormatInt(units, 10), strconv.FormatInt(l.Took.Milliseconds(), 10), key})
	}
	return rows, nil
}
