package simulate

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"tollgate/models"
	"tollgate/notices"
)

// theirs is what Stripe has of a seller's subscriptions, as read from the wire.
type theirs struct {
	subscriptions []Doc
	sessions      []Doc
	invoices      []Doc
}

// A judge collects what does not hold.
type judge struct {
	w     *World
	p     *Program
	s     *Seller
	found []string
}

func (j *judge) blame(rule, format string, args ...any) {
	j.found = append(j.found, rule+": "+fmt.Sprintf(format, args...))
}

// Agree returns in what the database and Stripe differ for a seller, by the names
// of reliability.md §2; nothing when they are the same.
func (w *World) Agree(ctx context.Context, p *Program, s *Seller) ([]string, error) {
	j := &judge{w: w, p: p, s: s}
	for _, check := range []func(context.Context) error{j.subscriptions, j.work, j.onlyOnce, j.goods, j.usage} {
		if err := check(ctx); err != nil {
			return j.found, err
		}
	}
	return append(j.found, w.Line.Wrong()...), nil
}

// Mirrors is the part of Agree that is about subscriptions and the work on them.
func (w *World) Mirrors(ctx context.Context, p *Program, s *Seller) ([]string, error) {
	j := &judge{w: w, p: p, s: s}
	for _, check := range []func(context.Context) error{j.subscriptions, j.work, j.onlyOnce} {
		if err := check(ctx); err != nil {
			return j.found, err
		}
	}
	return append(j.found, w.Line.Wrong()...), nil
}

func (j *judge) read(ctx context.Context) (t theirs, err error) {
	if known, ok := j.w.readings[j.w.reading()]; ok {
		return known, nil
	}
	if err := j.w.Line.Real(); err != nil {
		return t, err
	}
	if t.subscriptions, err = j.w.every(ctx, j.s, j.s.Account, "/v1/subscriptions", url.Values{"status": {"all"}}); err != nil {
		return t, err
	}
	if t.sessions, err = j.w.every(ctx, j.s, j.s.Account, "/v1/checkout/sessions", nil); err != nil {
		return t, err
	}
	t.invoices, err = j.w.every(ctx, j.s, j.s.Account, "/v1/invoices", nil)
	if name := j.w.reading(); err == nil && name != "" {
		j.w.readings[name] = t
	}
	return t, err
}

// alive reports whether a subscription at Stripe can still charge somebody.
func alive(d Doc) bool {
	return d.Text("status") != "canceled" && d.Text("status") != "incomplete_expired"
}

func (j *judge) subscriptions(ctx context.Context) error {
	t, err := j.read(ctx)
	if err != nil {
		return err
	}
	var rows []models.Subscription
	if err := j.p.DB.NewSelect().Model(&rows).Where("sub.tenant_id = ?", j.s.Tenant.ID).Scan(ctx); err != nil {
		return err
	}
	var mirrors []models.StripeSubscription
	if err := j.p.DB.NewSelect().Model(&mirrors).Where("ms.tenant_id = ?", j.s.Tenant.ID).Scan(ctx); err != nil {
		return err
	}
	byUUID := map[string]models.Subscription{}
	for _, r := range rows {
		byUUID[r.UUID] = r
		j.subscription(r, t)
	}
	j.mirror(mirrors, t, byUUID)
	return nil
}

// mirror holds the links to Stripe's subscriptions against what is there: one each.
func (j *judge) mirror(mirrors []models.StripeSubscription, t theirs, rows map[string]models.Subscription) {
	known := map[string]models.StripeSubscription{}
	for _, m := range mirrors {
		if _, twice := known[m.SubscriptionID]; twice {
			j.blame("I-O2", "%s has two rows", m.SubscriptionID)
		}
		known[m.SubscriptionID] = m
	}
	for _, d := range t.subscriptions {
		uuid := d.Text("metadata.subscription")
		if uuid == "" || d.Text("metadata.installation") != j.p.Installation {
			continue // not ours
		}
		m, ok := known[d.Text("id")]
		delete(known, d.Text("id"))
		row, ours := rows[uuid]
		switch {
		case !ours:
			j.blame("I-O2", "%s is of %s, which is not here", d.Text("id"), uuid)
		case !ok:
			j.blame("I-O2", "%s has no row", d.Text("id"))
		case m.AMSubscriptionID != row.ID:
			j.blame("I-O2", "%s belongs to another subscription", d.Text("id"))
		case m.Status != d.Text("status"):
			j.blame("I-S1", "%s is %s here and %s at Stripe", d.Text("id"), m.Status, d.Text("status"))
		}
	}
	for id := range known {
		j.blame("I-O2", "%s is here and not at Stripe", id)
	}
}

// subscription holds one of ours against what Stripe has of it.
func (j *judge) subscription(row models.Subscription, t theirs) {
	var all, living []Doc
	for _, d := range t.subscriptions {
		if d.Text("metadata.subscription") == row.UUID {
			all = append(all, d)
			if alive(d) {
				living = append(living, d)
			}
		}
	}
	switch {
	case row.Live == nil && len(living) > 0:
		j.blame("I-S7", "%s has ended, and %s lives", row.UUID, living[0].Text("id"))
	case len(living) > 1:
		j.blame("I-S10", "%s has %d living subscriptions at Stripe", row.UUID, len(living))
	}
	j.sessions(row, t, len(living) > 0)
	want := row
	if i := slices.IndexFunc(all, func(d Doc) bool { return d.Text("id") == row.StripeSubscriptionID }); i >= 0 && row.NeedsPayment {
		j.follows(row, all[i], t)
		want = derived(row, all[i], t)
	} else if len(living) > 0 && row.NeedsPayment {
		j.blame("I-S1", "%s goes by %q, and %s lives", row.UUID, row.StripeSubscriptionID, living[0].Text("id"))
	}
	if state := j.p.Subscriptions.StateOf(want); string(state.Status) != row.Status || state.Ended != (row.Live == nil) {
		j.blame("I-S1", "%s is %s (live %v), and by Stripe (%s) it is %s (ended %v)", row.UUID, row.Status, row.Live != nil, want.StripeStatus, state.Status, state.Ended)
	}
}

// derived is row as Stripe's object says it is.
func derived(row models.Subscription, d Doc, t theirs) models.Subscription {
	row.StripeStatus = d.Text("status")
	row.CancelAt, row.PastDueSince = 0, 0
	if alive(d) {
		row.CancelAt = models.At(d.Time("cancel_at"))
	}
	for _, i := range t.invoices {
		if at := models.At(either(i.Time("status_transitions.finalized_at"), i.Time("created"))); row.StripeStatus == "past_due" && i.Text("status") == "open" &&
			i.Text("parent.subscription_details.subscription") == d.Text("id") && (row.PastDueSince.IsZero() || at < row.PastDueSince) {
			row.PastDueSince = at
		}
	}
	if !alive(d) && row.EndedAt.IsZero() {
		row.EndedAt = models.At(d.Time("ended_at"))
	}
	return row
}

// either returns a, or b when a is not set.
func either(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// follows holds the columns that mirror Stripe's object against it.
func (j *judge) follows(row models.Subscription, d Doc, t theirs) {
	same := func(what string, ours, theirs any) {
		if ours != theirs {
			j.blame("I-S1", "%s of %s is %v here and %v at Stripe", what, row.UUID, ours, theirs)
		}
	}
	same("the status", row.StripeStatus, d.Text("status"))
	same("the customer's price", j.price(row), d.Text("items.data.0.price.id"))
	same("the end of the period", row.PeriodEnd.Time(), d.Time("items.data.0.current_period_end"))
	same("the beginning of the period", row.PeriodStart.Time(), d.Time("items.data.0.current_period_start"))
	switch {
	case alive(d) && row.ChangeKind == models.ChangeToFree: // then only the paid plan ends
		same("the end of the paid plan", max(row.CancelAt, row.ChangeAt).Time(), d.Time("cancel_at"))
	case alive(d):
		same("the end", row.CancelAt.Time(), d.Time("cancel_at"))
	default:
		same("the end", row.EndedAt.Time(), d.Time("ended_at"))
	}
	want := derived(row, d, t)
	same("past due since", row.PastDueSince.Time(), want.PastDueSince.Time())
}

// price is the Stripe price of what row is sold at.
func (j *judge) price(row models.Subscription) string {
	var sold []models.MonetizedPlan
	err := j.p.DB.NewSelect().Model(&sold).
		Where("mo.api_id = ? AND mo.price_version_id = ? AND mo.account = ?", row.APIID, row.PriceVersionID, row.Account).Scan(context.Background())
	if err != nil || len(sold) != 1 {
		return fmt.Sprintf("%d prices of version %s (%v)", len(sold), row.PriceVersionID, err)
	}
	return sold[0].StripePlanID
}

// sessions holds where the checkout stands against Stripe's sessions.
func (j *judge) sessions(row models.Subscription, t theirs, begun bool) {
	for _, d := range t.sessions {
		if d.Text("metadata.subscription") != row.UUID {
			continue
		}
		current := d.Text("id") == row.CheckoutSessionID
		switch status := d.Text("status"); {
		case status == "open" && (!current || row.Live == nil || begun):
			j.blame("I-S8", "session %s of %s (%s, live %v) can still be paid", d.Text("id"), row.UUID, row.Status, row.Live != nil)
		case !current || row.Live == nil || begun:
		case status == "open" && row.Checkout != "open", status == "expired" && row.Checkout != "expired" && row.Checkout != "opening":
			j.blame("I-S8", "session %s of %s is %s, and the checkout is %s", d.Text("id"), row.UUID, status, row.Checkout)
		}
	}
}

// work looks whether something is left to be done.
func (j *judge) work(ctx context.Context) error {
	var jobs []models.Job
	err := j.p.DB.NewSelect().Model(&jobs).Where("j.tenant_id = ? AND j.state <> ?", j.s.Tenant.ID, models.JobDone).Scan(ctx)
	if err != nil {
		return err
	}
	for _, one := range jobs {
		if one.State == models.JobFailed && !strings.HasPrefix(one.Problem, "outbox:") {
			continue // Stripe's clear no, which people read
		}
		j.blame("work", "%s %s is %s: %s", one.Kind, one.Task, one.State, one.Problem)
	}
	var events []models.StripeEvent
	err = j.p.DB.NewSelect().Model(&events).Where("tenant_id = ? AND state NOT IN (?, ?)", j.s.Tenant.ID, models.EventDone, models.EventIgnored).Scan(ctx)
	for _, e := range events {
		j.blame("I-S11", "event %s (%s) is %s: %s", e.ID, e.Type, e.State, e.Outcome)
	}
	return err
}

// onlyOnce looks for what was told twice.
func (j *judge) onlyOnce(ctx context.Context) error {
	var entries []models.TimelineEntry
	if err := j.p.DB.NewSelect().Model(&entries).Where("tl.tenant_id = ?", j.s.Tenant.ID).Scan(ctx); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if e.Actor != "stripe" && e.Actor != "system" {
			continue // people may ask twice
		}
		name := fmt.Sprint(e.AMSubscriptionID, e.Kind, e.At, e.LinkID, e.Text)
		if seen[name] {
			j.blame("I-S6", "the timeline says twice: %s (%s)", e.Text, e.Kind)
		}
		seen[name] = true
	}
	var told []models.Notice
	if err := j.p.DB.NewSelect().Model(&told).Where("nt.tenant_id = ?", j.s.Tenant.ID).Scan(ctx); err != nil {
		return err
	}
	var incidents []models.PaymentIncident
	if err := j.p.DB.NewSelect().Model(&incidents).Where("pi.tenant_id = ?", j.s.Tenant.ID).Scan(ctx); err != nil {
		return err
	}
	return j.notOften(told, incidents)
}

// notOften holds how often people were told of something that happens once against
// how often it can have happened.
func (j *judge) notOften(told []models.Notice, incidents []models.PaymentIncident) error {
	happened := map[string]int{}
	for _, i := range incidents {
		happened[fmt.Sprint(i.AMSubscriptionID, notices.PaymentDisputed)] += 2 // it begins, and it is decided
		happened[fmt.Sprint(i.AMSubscriptionID, notices.MoneyReturned)] += 2
	}
	heard := map[string]int{}
	for _, n := range told {
		what := fmt.Sprint(n.AMSubscriptionID, n.Kind)
		most := happened[what]
		switch notices.Kind(n.Kind) {
		case notices.SubscriptionEnded:
			most = 1
		case notices.PaymentDisputed, notices.MoneyReturned:
		default:
			continue // happens again and again
		}
		name := n.PersonID + what
		if heard[name]++; heard[name] > most {
			j.blame("I-S6", "somebody was told %d times, which can have happened %d times: %s", heard[name], most, n.Subject)
		}
	}
	return nil
}
