package billing

import (
	"context"
	"errors"
	"slices"
	"time"

	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/usage"
)

// Usage counts what is sold by the call, as far as ends and changes of plan depend
// on it.
type Usage interface {
	// Settled brings what was used under sub to Stripe, and reports whether Stripe has
	// counted it. It does not wait for that.
	Settled(ctx context.Context, sub models.Subscription, wish usage.Flush) (usage.Flushed, error)
}

// flushPause is how soon it is asked again whether Stripe has counted everything.
const flushPause = 2 * time.Second

// flush returns once everything that was used under sub is at Stripe, or long enough
// was waited for it, and as of when the last of it is reported: not after before,
// where that is set and it can be helped. Until then it is an error, and the job is
// tried again soon.
func (s *Subscriptions) flush(ctx context.Context, job outbox.Job, sub models.Subscription, before time.Time) (time.Time, error) {
	if s.Usage == nil {
		return time.Time{}, nil
	}
	j, err := models.JobByID(ctx, s.DB, job.ID)
	if err != nil {
		return time.Time{}, err
	}
	got, err := s.Usage.Settled(ctx, sub, usage.Flush{Since: j.CreatedAt.Time(), Before: before})
	if err == nil && !got.Done {
		err = outbox.Postpone(errors.New("What was used is not all counted at Stripe yet. "+got.Why), flushPause)
	}
	return got.Last, err
}

// InvoicedUnits implements usage.Invoices from the invoices that are mirrored here.
func (s *Subscriptions) InvoicedUnits(ctx context.Context, c models.UsageCompare) (usage.Invoiced, error) {
	var out usage.Invoiced
	sub, err := models.SubscriptionByNumber(ctx, s.DB, c.TenantID, c.SubscriptionID)
	if err != nil {
		return out, err
	}
	prices, err := s.usagePrices(ctx, sub.APIID, c)
	if err != nil {
		return out, err
	}
	rows, err := models.InvoicesOf(ctx, s.DB, c.SubscriptionID)
	if err != nil {
		return out, err
	}
	// When it ended or changed its plan within the period, what was used was billed then.
	cut := sub.Live == nil || !sub.EndedAt.IsZero() || sub.PolicyID != c.PolicyID || sub.StripeSubscriptionID != c.StripeSubscriptionID
	for _, row := range rows {
		if row.StripeSubscriptionID != c.StripeSubscriptionID || row.Status == "draft" || row.Status == "void" {
			continue
		}
		i, err := decodeInvoice(row.Document)
		if err != nil {
			return out, err
		}
		if i.BillingReason == "subscription_cycle" && models.At(i.PeriodEnd) == c.PeriodEnd {
			out.Final, out.Invoice = true, i.ID
		}
		for _, l := range i.Lines {
			begun := models.At(l.PeriodStart)
			if l.Proration || !slices.Contains(prices, l.Price) || begun < c.PeriodStart || begun >= c.PeriodEnd {
				continue
			}
			out.Units += l.Quantity
			if cut && models.At(l.PeriodEnd) < c.PeriodEnd {
				out.Final, out.Invoice = true, i.ID
			}
		}
	}
	return out, nil
}

// usagePrices are the prices per unit that a plan has or had in an account.
func (s *Subscriptions) usagePrices(ctx context.Context, api int64, c models.UsageCompare) ([]string, error) {
	plans, err := models.MonetizedPlansOf(ctx, s.DB, api)
	var out []string
	for _, m := range plans {
		if m.PolicyID == c.PolicyID && m.Account == c.Account && m.Component == "usage" && m.StripePlanID != "" {
			out = append(out, m.StripePlanID)
		}
	}
	return out, err
}
