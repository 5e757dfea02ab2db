package devportal

import (
	"context"
	"slices"
	"time"

	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/gateway"
	"tollgate/handlers/sheet"
	"tollgate/internal/clock"
	"tollgate/models"
	"tollgate/money"
	"tollgate/usage"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
)

// A Ledger is what was called, for people to read.
type Ledger interface {
	Buckets(ctx context.Context, s usage.Scope, step usage.Step, from, to time.Time) ([]usage.Bucket, error)
	Share(ctx context.Context, s usage.Scope, by usage.Shares, from, to time.Time) ([]usage.Share, error)
	UsedSince(ctx context.Context, tenant models.TenantID, subscription int64, from time.Time) (usage.Totals, error)
	Newest(ctx context.Context, tenant models.TenantID, subscription int64) (time.Time, error)
}

// A Meter reads the ledger for the pages about use.
type Meter struct {
	Wall     clock.Wall
	Business clock.Business
	Ledger   Ledger
}

// scopeOf is the calls of one subscription.
func scopeOf(o billing.Overview) usage.Scope {
	return usage.Scope{Tenant: o.TenantID, Subscriptions: []int64{o.ID}}
}

// periodOf is what o is billed for at once: the running period, or the last one of a
// subscription that has ended; for who is not billed, the month.
func periodOf(o billing.Overview, now time.Time) sheet.Period {
	if o.PeriodStart.IsZero() || o.PeriodEnd.IsZero() {
		return sheet.Month(now)
	}
	p := sheet.Period{Start: o.PeriodStart.Time(), End: o.PeriodEnd.Time(), Cycle: o.Price.Cycle, Billed: true}
	if ended := o.EndedAt.Time(); !ended.IsZero() && ended.After(p.Start) && ended.Before(p.End) {
		p.End = ended
	}
	return p
}

// A sum is what was used in a span.
type sum struct {
	usage.Totals
	ours, others int64 // units under the plan that there is now, and under others before it
}

// sums adds up what was used under o in a span.
func (m Meter) sums(ctx context.Context, o billing.Overview, from, to time.Time) (sum, error) {
	shares, err := m.Ledger.Share(ctx, scopeOf(o), usage.Shares{Policy: true}, from, to)
	var s sum
	for _, one := range shares {
		s.Calls, s.Counted, s.Quantity = s.Calls+one.Calls, s.Counted+one.Counted, s.Quantity+one.Quantity
		if one.Policy == o.PolicyID {
			s.ours += one.Quantity
		} else {
			s.others += one.Quantity
		}
	}
	return s, err
}

// worth is what units cost: rounded once, as the line of an invoice is. Corrections
// can make it negative.
func worth(p catalog.Price, units int64) (money.Amount, error) {
	if units < 0 {
		a, err := p.Rate.Times(-units)
		return a.Neg(), err
	}
	return p.Rate.Times(units)
}

// exact returns what units cost in each part of a chart, not rounded, so that the parts
// add up to the whole. It is nil where there is no price for each, or where there was
// another plan with another one.
func exact(o billing.Overview, s sum) func(int64) string {
	if !o.Price.Metered() || s.others != 0 {
		return nil
	}
	return func(units int64) string { return ui.Worth(o.Price.Rate, units) }
}

// cost is what was used, in money.
func cost(o billing.Overview, s sum, name string) (ui.Figure, error) {
	a, err := worth(o.Price, s.ours)
	one, many := ruleFor(o).unit()
	return ui.Figure{Name: name, Money: a, Note: ui.Plural(s.ours, one, many) + " at " + o.Price.Rate.String() + ", before tax"}, err
}

// likely is what the running period comes to if it goes on as of late. It is nil
// where nothing can be said.
func (m Meter) likely(ctx context.Context, o billing.Overview, p sheet.Period, s sum) (*ui.Figure, error) {
	now := m.Business.Now()
	if !p.Billed || now.Before(p.Start) || !now.Before(p.End) || !o.EndedAt.IsZero() {
		return nil, nil
	}
	from, pace := p.Start, "since it began"
	if begun := o.ActivatedAt.Time(); begun.After(from) {
		from = begun
	}
	if ago := now.Add(-sheet.Recent); ago.After(from) {
		from, pace = ago, "in the last 7 days"
	}
	lately, err := m.sums(ctx, o, from, now)
	if err != nil {
		return nil, err
	}
	units, ok := sheet.Likely(s.ours, lately.ours, now.Sub(from), p.End.Sub(now))
	if !ok {
		return nil, nil
	}
	a, err := worth(o.Price, units)
	if err != nil {
		return nil, nil //nolint:nilerr // more than can be charged is no estimate
	}
	one, many := ruleFor(o).unit()
	return &ui.Figure{Name: "Likely at period end", Money: a, Note: "Estimate: " + ui.Plural(units, one, many) + ", if calls go on as " + pace + "."}, nil
}

// quotaOf is the quota of a plan as gateways apply it; the zero one where they apply none.
func quotaOf(p models.Policy) gateway.Quota {
	if !measured(p) {
		return gateway.Quota{}
	}
	return gateway.Quota{Units: p.Quota, Every: p.UnitTime, Unit: p.TimeUnit, Stop: p.StopOnQuotaReach}
}

// measured reports whether gateways measure what a plan's quota is of.
func measured(p models.Policy) bool {
	return p.Quota > 0 && slices.Contains([]string{"requestCount", "eventCount", ""}, p.QuotaType)
}

// leftToLook is the part of a quota that is left when somebody should look at it: one
// in so many.
const leftToLook = 5

// quota is how much of o's quota is used now; nil where it has none.
func (m Meter) quota(ctx context.Context, o billing.Overview) (*page.QuotaUse, error) {
	q := quotaOf(o.Plan)
	if q.Units <= 0 || !o.EndedAt.IsZero() {
		return nil, nil
	}
	start, end := q.Window(m.Business.Now())
	used, err := m.Ledger.UsedSince(ctx, o.TenantID, o.ID, start)
	if err != nil {
		return nil, err
	}
	n, word := used.Quantity, counted(o.Plan)
	out := &page.QuotaUse{
		Words: ui.Count(n) + " of " + ui.Count(q.Units) + " " + word, Left: ui.Count(max(q.Units-n, 0)) + " left", Resets: end,
		Gauge: ui.Gauge{Label: ui.Count(n) + " of " + ui.Count(q.Units) + " " + word + " used", Used: n, Of: q.Units},
		Then:  atQuota(o.Plan, o.Price),
	}
	switch {
	case n >= q.Units && q.Stop:
		out.Gauge.Tone = ui.Bad
	case n >= q.Units-q.Units/leftToLook:
		out.Gauge.Tone = ui.Attention
	}
	return out, nil
}

// fresh says up to when calls are in the numbers of a page, and when the newest one
// was written down.
func (m Meter) fresh(ctx context.Context, o billing.Overview) (page.Freshness, error) {
	newest, err := m.Ledger.Newest(ctx, o.TenantID, o.ID)
	f := page.Freshness{At: m.Business.Now()}
	if !newest.IsZero() {
		f.Ago = ui.Ago(newest, m.Wall.Now())
	}
	return f, err
}

// steps are the steps of the ledger.
var steps = map[sheet.Grain]usage.Step{sheet.ByHour: usage.ByHour, sheet.ByDay: usage.ByDay, sheet.ByMonth: usage.ByMonth}

// buckets reads what was called in a span.
func (m Meter) buckets(ctx context.Context, s usage.Scope, g sheet.Grain, from, to time.Time) ([]sheet.Bucket, error) {
	got, err := m.Ledger.Buckets(ctx, s, steps[g], from, to)
	out := make([]sheet.Bucket, len(got))
	for i, b := range got {
		out[i] = sheet.Bucket{Start: b.Start, Calls: b.Calls, Counted: b.Counted, Units: b.Quantity}
	}
	return out, err
}

// inPeriod says what was used in the period of o, for its page.
func (m Meter) inPeriod(ctx context.Context, o billing.Overview) (*page.PeriodUse, error) {
	now := m.Business.Now()
	period := periodOf(o, now)
	span := sheet.Spans(period, now)[0]
	s, err := m.sums(ctx, o, span.From, span.To)
	if err != nil {
		return nil, err
	}
	out := &page.PeriodUse{Title: span.Label}
	if !o.EndedAt.IsZero() {
		out.Title = "The last period"
	}
	if out.Figures, err = m.figures(ctx, o, period, s); err != nil {
		return nil, err
	}
	if out.Quota, err = m.quota(ctx, o); err != nil {
		return nil, err
	}
	if out.Updated, err = m.fresh(ctx, o); err != nil || s.Calls == 0 {
		return out, err
	}
	grain := span.Grain("")
	got, err := m.buckets(ctx, scopeOf(o), grain, span.From, span.To)
	chart := sheet.Use{ID: "calls", Span: span, Grain: grain, Now: now, Buckets: got, Units: o.APIUnitsHeader != "", Cost: exact(o, s), Low: true}.Chart()
	out.Chart = &chart
	return out, err
}

// figures are the numbers of the running period.
func (m Meter) figures(ctx context.Context, o billing.Overview, p sheet.Period, s sum) ([]ui.Figure, error) {
	out := []ui.Figure{{Name: "Calls", Text: ui.Count(s.Calls), Note: ui.Count(s.Counted) + " counted, " + ui.Count(s.Failed()) + " not"}}
	if o.APIUnitsHeader != "" {
		out = append(out, ui.Figure{Name: "Units", Text: ui.Count(s.Quantity)})
	}
	if !o.Price.Metered() {
		return out, nil
	}
	so, err := cost(o, s, "Cost so far")
	if err != nil {
		return out, err
	}
	out = append(out, so)
	end, err := m.likely(ctx, o, p, s)
	if end != nil {
		out = append(out, *end)
	}
	return out, err
}
