package simulate

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/models"
	"tollgate/usage"
)

// How long after something happened it counts as left undone.
const (
	sealLate    = 70 * time.Minute // after the hour of a call
	sendLate    = 30 * time.Minute // after a window was sealed, in fair weather
	compareLate = 26 * time.Hour   // after an invoice was final
)

// counted is what the database has of a seller's use.
type counted struct {
	*judge
	now     time.Time
	rows    []models.LedgerRow
	windows []models.UsageWindow
	drifts  []models.Drift // of units, open
	follows []models.UsageCompare
}

// usage holds the calls that clients know of against the ledger, the ledger against
// its windows, the windows against Stripe's meters, and those against the invoices.
func (j *judge) usage(ctx context.Context) error {
	c := counted{judge: j, now: j.w.Now()}
	for _, rows := range []any{&c.rows, &c.windows, &c.follows} {
		if err := j.p.DB.NewSelect().Model(rows).Where("tenant_id = ?", j.s.Tenant.ID).Scan(ctx); err != nil {
			return err
		}
	}
	err := j.p.DB.NewSelect().Model(&c.drifts).Where("tenant_id = ? AND object_type = 'usage' AND live = 1", j.s.Tenant.ID).Scan(ctx)
	if err != nil {
		return err
	}
	problems, err := usage.CheckLedger(ctx, j.p.DB)
	for _, p := range problems {
		j.blame("I-U5, I-U7", "%s", p)
	}
	if err != nil {
		return err
	}
	c.calls()
	c.sealed()
	t, err := j.read(ctx)
	if err != nil {
		return err
	}
	c.sent(t)
	if err := c.meters(ctx); err != nil {
		return err
	}
	return c.items(ctx, t)
}

// A logged is a call as a row's detail has it.
type logged struct {
	id                          usage.CallID
	offset, status, units, took uint64
	flags                       uint64 // 1: it counts, 2: made with a sandbox key, 4: the client was refused all the same
}

func (k logged) counts() bool { return k.flags&1 != 0 && k.flags&4 == 0 }

// loggedCalls reads a row's detail without the code that wrote it.
func loggedCalls(detail []byte) (all []logged, err error) {
	if len(detail) == 0 || detail[0] != 1 {
		return nil, fmt.Errorf("simulate: a detail begins with %v", detail[:min(len(detail), 1)])
	}
	for b := detail[1:]; len(b) > 0; {
		var k logged
		if len(b) < len(k.id) {
			return nil, fmt.Errorf("simulate: a detail is cut off")
		}
		b = b[copy(k.id[:], b):]
		for _, to := range []*uint64{&k.offset, &k.status, &k.units, &k.flags, &k.took} {
			n := 0
			if *to, n = binary.Uvarint(b); n <= 0 {
				return nil, fmt.Errorf("simulate: a detail is cut off")
			}
			b = b[n:]
		}
		all = append(all, k)
	}
	return all, nil
}

// A plan of a subscription, whose units are added up.
type line struct{ subscription, policy int64 }

// calls holds the ledger against the calls that clients made.
func (c *counted) calls() {
	made, seen := c.w.Traffic.copy(), map[usage.CallID]bool{}
	net := map[line]int64{}
	forgotten := false
	for _, r := range c.rows {
		net[line{r.SubscriptionID, r.PolicyID}] += r.Quantity
		if r.Kind == models.LedgerCorrection {
			continue
		}
		if r.Detail == nil {
			forgotten = true
			continue
		}
		all, err := loggedCalls(r.Detail)
		if err != nil {
			c.blame("I-U4", "row %d of %s: %v", r.SeqFrom, r.Writer, err)
		}
		var units int64
		for _, k := range all {
			if seen[k.id] {
				c.blame("I-U4", "call %s is in the ledger twice", k.id)
			}
			seen[k.id] = true
			if k.counts() {
				units += int64(k.units) //nolint:gosec // at most a thousand million
			}
			c.same(r, k, made)
		}
		if units != r.Quantity || int64(len(all)) != r.Calls {
			c.blame("I-U4", "row %d of %s has %d calls of %d units, and says %d of %d", r.SeqFrom, r.Writer, len(all), units, r.Calls, r.Quantity)
		}
	}
	least, most := map[line]int64{}, map[line]int64{}
	for id, m := range made {
		if m.Tenant != c.s.Tenant.ID {
			continue
		}
		if m.Answered && !seen[id] && !forgotten {
			c.blame("I-U1", "call %s of subscription %d was answered, and is not in the ledger", id, m.Subscription)
		}
		if m.Counted {
			l := line{m.Subscription, m.Policy}
			if most[l] += m.Units; m.Answered {
				least[l] += m.Units
			}
		}
	}
	for l, units := range net {
		if units < least[l] || units > most[l] {
			c.blame("I-U3", "%+v has %d units in the ledger; %d were answered, %d asked for", l, units, least[l], most[l])
		}
	}
}

// same holds a call of the ledger against the one that was made.
func (c *counted) same(r models.LedgerRow, k logged, made map[usage.CallID]Made) {
	m, known := made[k.id]
	switch {
	case !known:
		c.blame("I-U2", "call %s of subscription %d was never made", k.id, r.SubscriptionID)
	case m.Tenant != r.TenantID || m.Subscription != r.SubscriptionID || m.Policy != r.PolicyID || m.API != r.APIID ||
		uint64(m.Units) != k.units || uint64(m.Status) != k.status || m.Counted != (k.flags&1 != 0): //nolint:gosec // neither is negative
		c.blame("I-U2", "call %s is %+v in the ledger, and was %+v", k.id, k, m)
	case m.Answered && k.flags&4 != 0:
		c.blame("I-U1", "call %s was answered, and is worth nothing in the ledger", k.id)
	}
	if known && m.Metered && k.counts() && r.WindowID == "" && (r.Todo == nil || *r.Todo != models.ToSend) {
		c.blame("I-U17", "call %s is sold, and its row is in no window and never will be", k.id)
	}
}

// sealed looks for calls that should be in a window by now.
func (c *counted) sealed() {
	for _, r := range c.rows {
		if r.Todo != nil && *r.Todo == models.ToSend && c.now.Sub(r.Hour.Time()) > time.Hour+sealLate {
			c.blame("I-U17", "the calls of subscription %d at %s are in no window", r.SubscriptionID, r.FirstAt.Time())
		}
	}
}

// sent looks at where windows have come to, and holds their spans against Stripe's
// periods.
func (c *counted) sent(t theirs) {
	ends := map[string][]time.Time{} // of periods, by Stripe subscription
	for _, i := range t.invoices {
		if id := i.Text("parent.subscription_details.subscription"); i.Text("billing_reason") == "subscription_cycle" {
			ends[id] = append(ends[id], i.Time("period_end"))
		}
	}
	for _, w := range c.windows {
		if w.Account != "" && w.Account != c.s.Account {
			c.blame("I-O6", "window %s goes to %s", w.ID, w.Account)
		}
		switch w.State {
		case models.WindowSent:
		case models.WindowUnbillable:
			if w.Note == "" {
				c.blame("I-U17", "window %s is not billed, and nobody knows why", w.ID)
			}
		case models.WindowRefused:
			if w.Problem == "" || !strings.Contains(w.Problem, "no subscription at Stripe") {
				c.blame("I-U17", "window %s of subscription %d is refused: %s", w.ID, w.SubscriptionID, w.Problem)
			}
		case models.WindowUnknown:
			if !slices.ContainsFunc(c.drifts, func(d models.Drift) bool { return d.ObjectID == w.Identifier }) {
				c.blame("I-U10", "nobody can tell whether window %s was counted, and nobody is told", w.ID)
			}
		default:
			if c.now.Sub(w.SealedAt.Time()) > sendLate {
				c.blame("I-U8", "window %s of %d units is %s since %s: %s", w.ID, w.Quantity, w.State, w.SealedAt.Time(), w.Problem)
			}
		}
		for _, at := range ends[w.StripeSubscriptionID] {
			if at.After(w.Start.Time()) && at.Before(w.End.Time()) {
				c.blame("I-U9", "window %s from %s to %s spans %s", w.ID, w.Start.Time(), w.End.Time(), at)
			}
		}
	}
}

// units adds up what was sent of a customer to a meter with a timestamp from one
// instant on and before another.
func (c *counted) units(customer, event string, from, to time.Time) (n int64) {
	for _, w := range c.windows {
		if at := w.EventAt.Time(); w.State == models.WindowSent && w.CustomerID == customer && w.EventName == event && !at.Before(from) && at.Before(to) {
			n += w.Quantity
		}
	}
	return n
}

// meters holds what was sent against what Stripe's meters have: of each customer and
// meter, those that nothing was sent of too.
func (c *counted) meters(ctx context.Context) error {
	meters, err := c.w.every(ctx, c.s, c.s.Account, "/v1/billing/meters", nil)
	if err != nil {
		return err
	}
	customers, err := c.w.every(ctx, c.s, c.s.Account, "/v1/customers", nil)
	if err != nil {
		return err
	}
	began := c.now.Add(-90 * 24 * time.Hour).Truncate(time.Minute)
	over := c.now.Add(3 * time.Hour).Truncate(time.Minute)
	for _, m := range meters {
		for _, d := range customers {
			sums, err := c.w.every(ctx, c.s, c.s.Account, "/v1/billing/meters/"+m.Text("id")+"/event_summaries", url.Values{
				"customer": {d.Text("id")}, "start_time": {strconv.FormatInt(began.Unix(), 10)}, "end_time": {strconv.FormatInt(over.Unix(), 10)}})
			if err != nil {
				return err
			}
			var theirs int64
			for _, s := range sums {
				value, _ := s.At("aggregated_value").(float64)
				theirs += int64(value)
			}
			if ours := c.units(d.Text("id"), m.Text("event_name"), began, over); ours != theirs && !c.told(d.Text("id"), "units", "unknown") {
				c.blame("I-U8", "%s has %d units of %s, and %d were sent", m.Text("event_name"), theirs, d.Text("id"), ours)
			}
		}
	}
	return nil
}

// told reports whether people are shown that the units of a customer differ.
func (c *counted) told(customer string, fields ...string) bool {
	return slices.ContainsFunc(c.windows, func(w models.UsageWindow) bool {
		return w.CustomerID == customer && slices.ContainsFunc(c.drifts, func(d models.Drift) bool {
			return d.AMSubscriptionID == w.SubscriptionID && slices.Contains(fields, d.Field)
		})
	})
}

// items looks for customers who would pay twice for one call, and holds the lines of
// final invoices against what was sent.
func (c *counted) items(ctx context.Context, t theirs) error {
	prices, err := c.w.every(ctx, c.s, c.s.Account, "/v1/prices", nil)
	if err != nil {
		return err
	}
	meters, err := c.w.every(ctx, c.s, c.s.Account, "/v1/billing/meters", nil)
	if err != nil {
		return err
	}
	events, sold := map[string]string{}, map[string]string{} // event names by meter and by price
	for _, m := range meters {
		events[m.Text("id")] = m.Text("event_name")
	}
	for _, p := range prices {
		if meter := p.Text("recurring.meter"); meter != "" {
			sold[p.Text("id")] = events[meter]
		}
	}
	live := map[string]string{}
	for _, d := range t.subscriptions {
		event := sold[d.Text("items.data.0.price.id")]
		if event == "" || !alive(d) {
			continue
		}
		if other := live[d.Text("customer")+event]; other != "" {
			c.blame("I-U18", "%s pays for %s under %s and %s", d.Text("customer"), event, other, d.Text("id"))
		}
		live[d.Text("customer")+event] = d.Text("id")
	}
	c.billed(t, sold)
	for _, i := range t.invoices {
		final := i.Time("status_transitions.finalized_at")
		if final.IsZero() || i.Text("status") == "void" || c.now.Sub(final) < compareLate {
			continue
		}
		for _, l := range i.List("lines.data") {
			if event := sold[l.Text("pricing.price_details.price")]; event != "" {
				c.invoiced(i, l, event)
			}
		}
	}
	return nil
}

// invoiced holds one line of a final invoice against what was sent.
func (c *counted) invoiced(i, l Doc, event string) {
	quantity, _ := l.At("quantity").(float64)
	from, to := l.Time("period.start"), l.Time("period.end")
	ours := max(c.units(i.Text("customer"), event, from, to), 0)
	if ours == int64(quantity) || c.told(i.Text("customer"), "invoice", "units", "unknown", "before change") {
		return
	}
	c.blame("I-U22", "invoice %s of %s bills %d units from %s to %s, and %d were sent", i.Text("id"), i.Text("parent.subscription_details.subscription"),
		int64(quantity), from, to, ours)
}

// A stretch of time in which a customer's use of a meter is billed.
type stretch struct{ from, to time.Time }

// billed looks for units that Stripe has and no invoice will ever have. What was used
// under a subscription that somebody ended at Stripe unbilled is on none.
func (c *counted) billed(t theirs, sold map[string]string) {
	all := map[string][]stretch{} // by customer and event name
	ended := map[string]bool{}
	for _, d := range t.subscriptions {
		ended[d.Text("id")] = !alive(d)
		if event := sold[d.Text("items.data.0.price.id")]; event != "" && alive(d) {
			all[d.Text("customer")+event] = append(all[d.Text("customer")+event],
				stretch{d.Time("items.data.0.current_period_start"), d.Time("items.data.0.current_period_end")})
		}
	}
	for _, i := range t.invoices {
		for _, l := range i.List("lines.data") {
			if event := sold[l.Text("pricing.price_details.price")]; event != "" {
				all[i.Text("customer")+event] = append(all[i.Text("customer")+event], stretch{l.Time("period.start"), l.Time("period.end")})
			}
		}
	}
	for _, w := range c.windows {
		at := w.EventAt.Time()
		if w.State != models.WindowSent || w.Quantity == 0 || ended[w.StripeSubscriptionID] || slices.ContainsFunc(all[w.CustomerID+w.EventName], func(s stretch) bool {
			return !at.Before(s.from) && at.Before(s.to)
		}) {
			continue
		}
		c.blame("I-U22", "window %s of %d units of %s at %s is on no invoice (%s)", w.ID, w.Quantity, w.StripeSubscriptionID, at, w.Note)
	}
}
