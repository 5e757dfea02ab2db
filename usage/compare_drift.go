package usage

import (
	"context"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// objectUsage is the type of object under which differences of units are shown.
const objectUsage = "usage"

// What differs.
const (
	fieldUnknown = "unknown"       // nobody can tell whether a window was counted
	fieldFlush   = "before change" // an end or a change went on although something was missing
	fieldLedger  = "ledger"        // the gateways counted more than the ledger has
	fieldWindows = "windows"       // the windows do not add up to the ledger
	fieldStripe  = "units"         // Stripe's total is another than what was sent
	fieldInvoice = "invoice"       // the invoice's line is another than what was sent
)

// drift shows a difference, or closes it when there is none any more.
func (p *Publisher) drift(ctx context.Context, tx bun.Tx, d models.Drift, differs bool) error {
	d.ObjectType = objectUsage
	open, err := models.OpenDriftOf(ctx, tx, d)
	now := models.At(p.Business.Now())
	switch {
	case err != nil:
		return err
	case open == nil && !differs:
		return nil
	case open == nil:
		d.FirstSeen, d.LastSeen = now, now
		return models.InsertDrift(ctx, tx, d)
	case !differs:
		open.HealedAt, open.Live = now, nil
		return models.SaveDrift(ctx, tx, *open)
	}
	d.ID, d.FirstSeen, d.LastSeen, d.Live = open.ID, open.FirstSeen, now, open.Live
	return models.SaveDrift(ctx, tx, d)
}

func unknownDrift(w models.UsageWindow, total, sent int64) models.Drift {
	return models.Drift{
		TenantID: w.TenantID, Account: w.Account, ObjectID: w.Identifier, Field: fieldUnknown, AMSubscriptionID: w.SubscriptionID,
		Name: fmt.Sprintf("%d units used until %s", w.Quantity, w.End.Time().Format("2 Jan 2006 15:04")),
		Ours: fmt.Sprintf("%d units in its minute without it", sent), Theirs: fmt.Sprintf("%d units", total),
		Remedy: "Look at the meter in Stripe's dashboard. Then have Stripe asked again, or write the window off.",
	}
}

func flushDrift(sub models.Subscription, ours, theirs string) models.Drift {
	return models.Drift{
		TenantID: sub.TenantID, Account: sub.Account, ObjectID: sub.StripeSubscriptionID, Field: fieldFlush, AMSubscriptionID: sub.ID,
		Name: "Use before an end or a change of plan", Ours: ours, Theirs: theirs,
		Remedy: "Stripe did not count everything within 15 minutes, so the subscription ended or changed without it. Compare its last invoice.",
	}
}

// periodDrift is a difference of the units of a period.
func periodDrift(c models.UsageCompare, field, ours, theirs, remedy string) models.Drift {
	return models.Drift{
		TenantID: c.TenantID, Account: c.Account, Field: field, AMSubscriptionID: c.SubscriptionID,
		ObjectID: c.StripeSubscriptionID + "/" + strconv.FormatInt(c.PolicyID, 10) + "/" + c.PeriodStart.Time().Format("20060102T150405"),
		Name:     "Units of the period from " + c.PeriodStart.Time().Format("2 Jan 2006") + " to " + c.PeriodEnd.Time().Format("2 Jan 2006"),
		Ours:     ours, Theirs: theirs, Remedy: remedy,
	}
}
