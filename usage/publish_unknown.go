package usage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/models"
)

// unknownAgain is how long after Stripe's total decided nothing it is asked again.
const unknownAgain = 6 * time.Hour

// A minute of a meter is the shortest stretch that Stripe adds up.
type minute struct {
	lane
	at models.Instant
}

// resolve settles windows of which nobody knows whether Stripe has them, and whose
// identifiers Stripe may have forgotten: its total decides.
func (s *sender) resolve(ctx context.Context) error {
	q := models.WindowQuery{Tenant: &s.at.Tenant, Account: &s.at.Connected, Subscription: s.subscription,
		States: []string{models.WindowUnknown}, Due: models.At(s.Wall.Now()), Limit: claimAtOnce}
	due, err := models.Windows(ctx, s.DB, q)
	if err != nil {
		return err
	}
	seen := map[minute]bool{}
	for _, w := range due {
		m := minute{laneOf(w), floor(w.EventAt, time.Minute)}
		if seen[m] {
			continue
		}
		seen[m] = true
		if err := s.resolveMinute(ctx, m, w); err != nil {
			return err
		}
	}
	return nil
}

// resolveMinute settles the windows of one minute of a meter. w is one of them.
func (s *sender) resolveMinute(ctx context.Context, m minute, w models.UsageWindow) error {
	end := m.at + models.Instant(time.Minute.Milliseconds())
	total, err := s.total(ctx, w, span{m.at, end})
	if no, declined := errors.AsType[*Declined](err); declined {
		return s.put(ctx, w, "Stripe's total cannot be read: "+no.Message)
	}
	if err != nil {
		return err
	}
	all, err := models.Windows(ctx, s.DB, models.WindowQuery{Tenant: &s.at.Tenant, Account: &s.at.Connected, Customer: m.customer,
		EventName: m.event, From: m.at, To: end})
	if err != nil {
		return err
	}
	var sent int64
	var open []models.UsageWindow
	sending := false
	for _, other := range all {
		switch other.State {
		case models.WindowSent:
			sent += other.Quantity
		case models.WindowUnknown:
			open = append(open, other)
		case models.WindowSending:
			sending = true
		}
	}
	if sending { // it may be in the total or not, so it has to be settled first
		return s.putOff(ctx, open)
	}
	return s.verdict(ctx, open, total, sent)
}

// mostUnknown is how many windows of one minute are told apart by Stripe's total.
const mostUnknown = 12

// countedIn says which of some windows are in a total that has missing more units than
// are known to be in it. It reports false unless there is one answer and no other.
func countedIn(open []models.UsageWindow, missing int64) (there []bool, sure bool) {
	if len(open) > mostUnknown {
		return nil, false
	}
	answers := 0
	for set := range 1 << len(open) {
		sum := int64(0)
		for i, w := range open {
			if set>>i&1 == 1 {
				sum += w.Quantity
			}
		}
		if sum != missing {
			continue
		}
		answers++
		there = make([]bool, len(open))
		for i := range open {
			there[i] = set>>i&1 == 1
		}
	}
	return there, answers == 1
}

// verdict settles windows of one minute in view of Stripe's total of it: each is there
// or is not, or nobody can tell.
func (s *sender) verdict(ctx context.Context, open []models.UsageWindow, total, sent int64) error {
	there, sure := countedIn(open, total-sent)
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		for i, w := range open {
			switch {
			case !sure:
				w.Problem = fmt.Sprintf("Stripe has %d units in its minute, and %d of them are known: nobody can tell whether it was counted.", total, sent)
				w.NextTryAt = models.At(s.Wall.Now().Add(unknownAgain))
			case there[i]:
				w.State, w.SentAt, w.Problem = models.WindowSent, models.At(s.Business.Now()), ""
			default:
				if err := s.rename(ctx, tx, &w); err != nil {
					return err
				}
			}
			if err := s.drift(ctx, tx, unknownDrift(open[i], total, sent), !sure); err != nil {
				return err
			}
			if err := models.SaveWindow(ctx, tx, w); forgiving(err) != nil {
				return err
			}
		}
		return nil
	})
}

// rename gives w the identity of the next revision: under its own, Stripe never took
// it, and would not be sure to notice a repetition any more.
func (s *sender) rename(ctx context.Context, tx bun.Tx, w *models.UsageWindow) error {
	var err error
	if w.Revision, err = models.NextRevision(ctx, tx, w.SubscriptionID, w.PolicyID, w.Start); err != nil {
		return err
	}
	w.Identifier = identifier(s.Installation, *w)
	w.State, w.FirstTriedAt = models.WindowSealed, 0
	w.NextTryAt, w.Problem = models.At(s.Wall.Now()), "Stripe did not have it after a day, so it is sent again under another name."
	return nil
}

// put notes why a window stays unknown.
func (s *sender) put(ctx context.Context, w models.UsageWindow, problem string) error {
	w.Problem, w.NextTryAt = clip(problem, 500), models.At(s.Wall.Now().Add(unknownAgain))
	return forgiving(models.SaveWindow(ctx, s.DB, w))
}

// putOff has windows looked at again in some minutes.
func (s *sender) putOff(ctx context.Context, open []models.UsageWindow) error {
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		for _, w := range open {
			w.NextTryAt = models.At(s.Wall.Now().Add(longestRest))
			if err := models.SaveWindow(ctx, tx, w); forgiving(err) != nil {
				return err
			}
		}
		return nil
	})
}

// total is what Stripe's meter of w has of its customer in a stretch of whole minutes.
func (p *Publisher) total(ctx context.Context, w models.UsageWindow, s span) (int64, error) {
	meters, err := models.StripeMetersOf(ctx, p.DB, w.APIID)
	if err != nil {
		return 0, err
	}
	at := accounts.StripeAccount{Tenant: w.TenantID, Connected: w.Account}
	for _, m := range meters {
		if m.Account == w.Account && m.EventName == w.EventName && m.MeterID != "" {
			return p.Sink.UsageTotal(ctx, at, m.MeterID, w.CustomerID, s.start.Time(), s.end.Time())
		}
	}
	return 0, &Declined{Code: "no_meter", Message: problemMeter}
}
