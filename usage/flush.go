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

// flushPatience is how long an end or a change of plan waits for what was used to be
// at Stripe, by wall time. Then it goes on, and the difference is shown to people.
const flushPatience = 15 * time.Minute

// A Flusher brings what was used under a subscription to Stripe before the
// subscription ends or changes its plan there.
type Flusher struct {
	Publisher *Publisher
	Patience  time.Duration // 0: the usual 15 minutes
}

// A Flush is a wish to have everything of a subscription at Stripe.
type Flush struct {
	Since time.Time // wall time: since when it is waited for
	// Before is the instant up to which a change of plan bills what was used. What
	// was used after it, under the old plan, is reported as used just before it.
	// The zero time sets no bound.
	Before time.Time
}

// Flushed is how far a Flush is.
type Flushed struct {
	Done bool
	// Last is the latest timestamp of what was reported for the running period, zero
	// for none. A change of plan that bills up to an earlier instant would lose it.
	Last time.Time
	Why  string // what is waited for, while it is not Done
}

// Settled seals and sends everything that was used under sub, and reports whether
// Stripe's total of the running period has it. It does not wait: whoever gets no
// asks again in some seconds, and after 15 minutes gets yes whatever the total says,
// with a difference that people see. Units that Stripe refused are not waited for.
func (f *Flusher) Settled(ctx context.Context, sub models.Subscription, wish Flush) (Flushed, error) {
	p := f.Publisher
	if sub.Account == "" || sub.StripeSubscriptionID == "" {
		return Flushed{Done: true}, nil
	}
	s := p.sealing()
	s.all, s.whole, s.before = true, true, s.now // an end in this very second bills what was used before it
	if !wish.Before.IsZero() {
		s.before = models.At(wish.Before)
	}
	if err := s.subscription(ctx, sub.ID, s.now-models.Instant((longestBack).Milliseconds())); err != nil {
		return Flushed{}, err
	}
	at := accounts.StripeAccount{Tenant: sub.TenantID, Connected: sub.Account}
	if err := (&sender{Publisher: p, at: at, subscription: sub.ID}).run(ctx); err != nil {
		return Flushed{}, err
	}
	out, d, err := f.compare(ctx, sub)
	if err != nil {
		return Flushed{}, err
	}
	patience := f.Patience
	if patience == 0 {
		patience = flushPatience
	}
	late := !out.Done && p.Wall.Now().Sub(wish.Since) >= patience
	out.Done = out.Done || late
	return out, models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error { return p.drift(ctx, tx, d, late) })
}

// longestBack is how far back calls may lie that were never sealed.
const longestBack = 40 * 24 * time.Hour

// compare says what is missing at Stripe of what was used in the running period.
func (f *Flusher) compare(ctx context.Context, sub models.Subscription) (Flushed, models.Drift, error) {
	p := f.Publisher
	ws, err := models.Windows(ctx, p.DB, models.WindowQuery{Tenant: &sub.TenantID, Account: &sub.Account, Subscription: sub.ID,
		From: max(sub.PeriodStart, 1)})
	if err != nil {
		return Flushed{}, models.Drift{}, err
	}
	out := Flushed{Done: true}
	var waiting int64
	newest := map[lane]models.UsageWindow{}
	for _, w := range ws {
		switch w.State {
		case models.WindowSealed, models.WindowSending:
			waiting += w.Quantity
			out = Flushed{Last: out.Last, Why: fmt.Sprintf("%d units are not at Stripe yet.", waiting)}
		case models.WindowSent:
			newest[laneOf(w)] = w
		}
		if w.State != models.WindowUnbillable && w.Quantity != 0 && w.EventAt.Time().After(out.Last) {
			out.Last = w.EventAt.Time()
		}
	}
	d := flushDrift(sub, fmt.Sprintf("%d units were not sent.", waiting), out.Why)
	if waiting > 0 {
		return out, d, nil
	}
	for _, w := range newest {
		ours, theirs, err := p.both(ctx, w, span{max(sub.PeriodStart, 1), models.At(p.Business.Now()) + 1})
		if no, declined := errors.AsType[*Declined](err); declined {
			d.Theirs = no.Message
			out.Done, out.Why = false, "Stripe's total cannot be read: "+no.Message
			return out, d, nil
		}
		if _, busy := errors.AsType[*Busy](err); busy {
			out.Done, out.Why = false, "Stripe wants to be asked later."
			return out, d, nil
		}
		if err != nil {
			return out, d, err
		}
		if theirs < ours {
			out.Done, out.Why = false, fmt.Sprintf("Stripe has counted %d of %d units so far.", theirs, ours)
			d.Ours, d.Theirs = fmt.Sprintf("%d units", ours), fmt.Sprintf("%d units", theirs)
			return out, d, nil
		}
	}
	return out, d, nil
}

// both returns what was sent to the meter and for the customer of w in a stretch, by
// our books and by Stripe's. Stripe adds up whole minutes, so both sides do.
func (p *Publisher) both(ctx context.Context, w models.UsageWindow, s span) (ours, theirs int64, err error) {
	s = span{floor(s.start, time.Minute), ceil(s.end, time.Minute)}
	sums, err := models.WindowSums(ctx, p.DB, models.WindowQuery{Tenant: &w.TenantID, Account: &w.Account, Customer: w.CustomerID,
		EventName: w.EventName, States: []string{models.WindowSent}, From: s.start, To: s.end})
	if err != nil {
		return 0, 0, err
	}
	theirs, err = p.total(ctx, w, s)
	return sums[models.WindowSent].Units, theirs, err
}
