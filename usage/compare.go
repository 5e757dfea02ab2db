package usage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// The times of following the units, by business time.
const (
	compareSoon  = 10 * time.Minute    // after something was sealed
	compareHour  = time.Hour           // while a period runs in which calls are made
	compareDay   = 24 * time.Hour      // while nothing happens
	countedLate  = 15 * time.Minute    // Stripe may take that long to count
	invoiceLate  = 4 * 24 * time.Hour  // after a period an invoice has long been final
	compareUntil = 45 * 24 * time.Hour // after which a period that agrees is settled whatever is missing
	compareBatch = 50
)

// Invoices tells what invoices say about units that were used.
type Invoices interface {
	// InvoicedUnits returns what the final invoices of a Stripe subscription bill for
	// the units of a plan in the period that begins at start.
	InvoicedUnits(ctx context.Context, c models.UsageCompare) (Invoiced, error)
}

// Invoiced is what the invoices of a period say.
type Invoiced struct {
	Final   bool   // the invoice of the period is there and will not change
	Invoice string // its id
	Units   int64
}

// A Comparer follows the units of each period of each subscription that is sold by
// the call: from the gateways' own count over the ledger, the windows and Stripe's
// total to the line of the invoice. It shows what differs and changes nothing: what
// is to be sent, the Publisher sends.
type Comparer struct {
	Publisher *Publisher
	Invoices  Invoices
}

// RunOnce compares what is due, and returns at which wall time to look again.
func (c *Comparer) RunOnce(ctx context.Context) (next time.Time, err error) {
	p := c.Publisher
	if err := c.enroll(ctx); err != nil {
		return time.Time{}, err
	}
	tired := map[accounts.StripeAccount]bool{}
	for ctx.Err() == nil {
		due, err := models.DueUsageCompares(ctx, p.DB, models.At(p.Business.Now()), compareBatch)
		if err != nil {
			return time.Time{}, err
		}
		for _, row := range due {
			if err := c.one(ctx, row, tired); err != nil {
				return time.Time{}, err
			}
		}
		if len(due) < compareBatch {
			break
		}
	}
	at, err := models.NextUsageCompareAt(ctx, p.DB)
	wait := compareSoon
	if at != 0 {
		wait = min(wait, max(at.Time().Sub(p.Business.Now()), time.Second))
	}
	return p.Wall.Now().Add(wait), err
}

// enroll makes the rows of periods that nobody follows yet.
func (c *Comparer) enroll(ctx context.Context) error {
	p := c.Publisher
	for {
		subs, err := models.Unfollowed(ctx, p.DB, compareBatch)
		if err != nil {
			return err
		}
		for _, sub := range subs {
			row := models.UsageCompare{
				SubscriptionID: sub.ID, PolicyID: sub.PolicyID, PeriodStart: sub.PeriodStart, PeriodEnd: sub.PeriodEnd, TenantID: sub.TenantID,
				Account: sub.Account, StripeSubscriptionID: sub.StripeSubscriptionID, Agrees: true,
				DueAt: models.At(p.Business.Now().Add(compareSoon)),
			}
			if err := models.EnsureUsageCompare(ctx, p.DB, row); err != nil {
				return err
			}
		}
		if len(subs) < compareBatch {
			return nil
		}
	}
}

// one compares one period. An account that does not answer is not asked again in
// this pass.
func (c *Comparer) one(ctx context.Context, row models.UsageCompare, tired map[accounts.StripeAccount]bool) error {
	p := c.Publisher
	at := accounts.StripeAccount{Tenant: row.TenantID, Connected: row.Account}
	now := models.At(p.Business.Now())
	if tired[at] {
		row.DueAt = now + models.Instant(compareSoon.Milliseconds())
		return forgiving(models.SaveUsageCompare(ctx, p.DB, row))
	}
	v, err := c.look(ctx, row)
	if err != nil {
		tired[at] = true
		row.DueAt = now + models.Instant(compareHour.Milliseconds())
		if p.Log != nil {
			p.Log.WarnContext(ctx, "units cannot be compared", "subscription", row.SubscriptionID, "account", row.Account, "error", err)
		}
		return forgiving(models.SaveUsageCompare(ctx, p.DB, row))
	}
	return c.conclude(ctx, row, v)
}

// A view is all that is known of the units of a period.
type view struct {
	units             models.PeriodUnits
	lost              int64 // by which the gateways counted less (or more: negative) than the ledger
	sums              map[string]models.WindowSum
	asked             bool
	ours, theirs      int64 // at Stripe: by our books and by Stripe's, of the same minutes
	invoiced          Invoiced
	waiting, inFlight int64
}

// look reads all sides, Stripe's last but the invoice.
func (c *Comparer) look(ctx context.Context, row models.UsageCompare) (view, error) {
	p := c.Publisher
	var v view
	gateway, ledger, err := models.GatewayUnits(ctx, p.DB, row)
	if err != nil {
		return v, err
	}
	v.lost = ledger - gateway
	mine := models.WindowQuery{Tenant: &row.TenantID, Subscription: row.SubscriptionID, Policy: row.PolicyID, From: row.PeriodStart, To: row.PeriodEnd}
	if v.sums, err = models.WindowSums(ctx, p.DB, mine); err != nil {
		return v, err
	}
	hour := models.HourOf(row.PeriodStart)
	for _, s := range v.sums {
		hour = min(hour, models.HourOf(s.Oldest))
	}
	if v.units, err = models.UnitsOfPeriod(ctx, p.DB, row, hour); err != nil {
		return v, err
	}
	v.inFlight = v.sums[models.WindowSending].Units + v.sums[models.WindowUnknown].Units
	v.waiting = v.sums[models.WindowSealed].Units + v.inFlight + v.sums[models.WindowRefused].Units + v.units.Unsealed
	if c.Invoices != nil {
		if v.invoiced, err = c.Invoices.InvoicedUnits(ctx, row); err != nil {
			return v, err
		}
	}
	return v, c.ask(ctx, row, &v)
}

// ask reads Stripe's total of the period.
func (c *Comparer) ask(ctx context.Context, row models.UsageCompare, v *view) error {
	p := c.Publisher
	w := models.UsageWindow{TenantID: row.TenantID, SubscriptionID: row.SubscriptionID, PolicyID: row.PolicyID, Start: row.PeriodStart}
	f, err := readFacts(ctx, p.DB, row.TenantID, row.SubscriptionID)
	if err != nil {
		return err
	}
	w.APIID = f.sub.APIID
	if f.route(&w) != "" || w.Account != row.Account {
		return nil // there is no meter to ask
	}
	end := min(row.PeriodEnd, models.At(p.Business.Now()))
	if end <= row.PeriodStart {
		return nil
	}
	v.ours, v.theirs, err = p.both(ctx, w, span{row.PeriodStart, end})
	if no, declined := errors.AsType[*Declined](err); declined && no.Code == "no_meter" {
		return nil
	}
	v.asked = err == nil
	return err
}

// conclude writes down what was seen, shows what differs and says when to look again.
func (c *Comparer) conclude(ctx context.Context, row models.UsageCompare, v view) error {
	p := c.Publisher
	now := models.At(p.Business.Now())
	sent := v.sums[models.WindowSent]
	changed := row.Sent != sent.Units || row.Ledger != v.units.Ledger
	row.Ledger, row.Sent, row.Waiting, row.Unbillable = v.units.Ledger, sent.Units, v.waiting, v.sums[models.WindowUnbillable].Units
	row.Gateway, row.ComparedAt = max(row.Ledger-v.lost, 0), now
	if v.asked {
		theirs := v.theirs - (v.ours - sent.Units) // of this period alone
		row.Stripe = &theirs
	}
	if v.invoiced.Final {
		row.Invoiced, row.InvoiceID = &v.invoiced.Units, v.invoiced.Invoice
	}
	found := c.differences(row, v, now)
	row.Agrees = true
	for _, d := range found {
		row.Agrees = row.Agrees && !d.differs
	}
	row.DueAt = due(row, v, now, changed)
	err := models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		for _, d := range found {
			if err := p.drift(ctx, tx, d.Drift, d.differs); err != nil {
				return err
			}
		}
		if row.Agrees && row.Invoiced != nil {
			gone := flushDrift(models.Subscription{ID: row.SubscriptionID, TenantID: row.TenantID, Account: row.Account, StripeSubscriptionID: row.StripeSubscriptionID}, "", "")
			if err := p.drift(ctx, tx, gone, false); err != nil {
				return err
			}
		}
		return models.SaveUsageCompare(ctx, tx, row)
	})
	return forgiving(err)
}

// A finding is something that may differ.
type finding struct {
	models.Drift
	differs bool
}

// differences are what may differ in a period, and whether it does. That a gateway
// counted less than the ledger has is no difference: it forgets the last seconds
// when it dies, and the ledger is what is billed.
func (c *Comparer) differences(row models.UsageCompare, v view, now models.Instant) []finding {
	windows := row.Sent + row.Waiting + row.Unbillable
	out := []finding{
		{periodDrift(row, fieldLedger, units(row.Ledger)+" in the ledger", units(row.Gateway)+" counted by the gateways",
			"Calls were served and not written down. They are not billed. Look at the gateways' logs."), v.lost < 0},
		{periodDrift(row, fieldWindows, units(row.Ledger)+" in the ledger", units(windows)+" in windows and waiting",
			"Nothing is sent for it by itself. Please report this: it must not happen."), row.Ledger != windows},
	}
	quiet := v.inFlight == 0 && now-v.sums[models.WindowSent].SentAt >= models.Instant(countedLate.Milliseconds())
	if v.asked && (quiet || v.theirs == v.ours) {
		remedy := "Stripe took it and did not count it. Look for errors of the meter in Stripe's dashboard."
		if v.theirs > v.ours {
			remedy = "Somebody else reports to this meter, or something was counted twice. Nothing is taken back by itself: look at the meter in Stripe's dashboard."
		}
		out = append(out, finding{periodDrift(row, fieldStripe, units(row.Sent)+" sent", units(*row.Stripe)+" counted by Stripe", remedy), v.theirs != v.ours})
	}
	if v.invoiced.Final {
		billed := max(row.Sent, 0)
		out = append(out, finding{periodDrift(row, fieldInvoice, units(billed)+" sent", units(v.invoiced.Units)+" on invoice "+v.invoiced.Invoice,
			"The invoice is final and is not changed by itself. Bill or credit the difference in Stripe's dashboard."), billed != v.invoiced.Units})
	}
	return out
}

func units(n int64) string { return fmt.Sprintf("%d units", n) }

// due says when a period is to be compared again; zero when it is settled.
func due(row models.UsageCompare, v view, now models.Instant, changed bool) models.Instant {
	after := func(d time.Duration) models.Instant { return now + models.Instant(d.Milliseconds()) }
	over := now - row.PeriodEnd
	switch {
	case over < 0 && (changed || row.Waiting != 0 || !row.Agrees):
		return min(after(compareHour), row.PeriodEnd+models.Instant(countedLate.Milliseconds()))
	case over < 0:
		return min(after(compareDay), row.PeriodEnd+models.Instant(countedLate.Milliseconds()))
	case over < models.Instant(invoiceLate.Milliseconds()) && !v.invoiced.Final:
		return after(compareHour)
	case row.Agrees && row.Waiting == 0 && (v.invoiced.Final || row.Ledger == 0 || over > models.Instant(compareUntil.Milliseconds())):
		return 0
	}
	return after(compareDay)
}

// Compares lists the comparisons of units of the actor's tenant, newest first: an
// admin's of everything, a publisher's of what subscribes to their APIs, anybody
// else's of their own applications. subscription may be 0 for all.
func (c *Comparer) Compares(ctx context.Context, who accounts.Actor, subscription int64, disagree bool, limit int) ([]models.UsageCompare, error) {
	q := models.UsageCompareQuery{Subscription: subscription, Disagree: disagree, Limit: cmp.Or(limit, 50)}
	switch {
	case who.Runs():
	case who.Person == "":
		return nil, fault.New(fault.NotFound, "Not found.")
	case who.Is(accounts.Publisher):
		q.Publisher = who.Person
	default:
		q.Person = who.Person
	}
	return models.UsageCompares(ctx, c.Publisher.DB, who.Tenant, q)
}
