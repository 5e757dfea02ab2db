package usage

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/models"
)

// The sizes of the steps of sealing.
const (
	hoursAtOnce = 500 // hours looked up at a time
	sealedInOne = 20  // windows sealed in one transaction
)

// A sealing is one pass over what is to be sealed.
type sealing struct {
	*Publisher
	now    models.Instant // business time
	all    bool           // everything up to now, whatever the hour
	whole  bool           // with all: the running second too
	before models.Instant // no meter event is later; 0: no bound

	known    map[int64]facts // by subscription
	followed map[[2]int64]bool
	made     int // windows
}

func (p *Publisher) sealing() *sealing {
	return &sealing{Publisher: p, now: models.At(p.Business.Now()), known: map[int64]facts{}, followed: map[[2]int64]bool{}}
}

// due seals what is due in every subscription: hours that are over, and what is near
// the end of a period; everything up to the second when somebody asked for it.
func (s *sealing) due(ctx context.Context) error {
	through := models.HourOf(s.now - models.Instant((time.Hour + settleWait).Milliseconds()))
	if s.all {
		through = models.HourOf(s.now)
	}
	for after := (models.LedgerHour{}); ; {
		hours, err := models.UnsealedHours(ctx, s.DB, through, after, hoursAtOnce)
		if err != nil || len(hours) == 0 {
			return s.near(ctx, err)
		}
		if err := s.hours(ctx, hours); err != nil {
			return err
		}
		after = hours[len(hours)-1]
	}
}

// near seals what is due where a period ends soon or has just ended.
func (s *sealing) near(ctx context.Context, err error) error {
	if err != nil || s.all {
		return err
	}
	reach := models.Instant(nearEnd.Milliseconds())
	subs, err := models.SubscriptionsEnding(ctx, s.DB, s.now-reach, s.now+reach)
	if err != nil {
		return err
	}
	for _, sub := range subs {
		if err := s.subscription(ctx, sub.ID, models.HourOf(s.now-reach)); err != nil {
			return err
		}
	}
	return nil
}

// subscription seals what is due of one subscription, from an hour on.
func (s *sealing) subscription(ctx context.Context, id int64, from models.Instant) error {
	hours, err := models.UnsealedHoursOf(ctx, s.DB, id, from)
	if err != nil {
		return err
	}
	return s.hours(ctx, hours)
}

// hours seals what is due in each of some hours.
func (s *sealing) hours(ctx context.Context, hours []models.LedgerHour) error {
	var plan []models.UsageWindow
	for _, h := range hours {
		f, err := s.facts(ctx, h.TenantID, h.SubscriptionID)
		if err != nil {
			return err
		}
		for _, sp := range s.spans(f.calendar(), h.Hour) {
			plan = append(plan, models.UsageWindow{
				TenantID: h.TenantID, SubscriptionID: h.SubscriptionID, PolicyID: h.PolicyID, APIID: f.sub.APIID, Start: sp.start, End: sp.end,
			})
		}
	}
	for len(plan) > 0 {
		n := min(sealedInOne, len(plan))
		if err := s.together(ctx, plan[:n]); err != nil {
			return err
		}
		plan = plan[n:]
	}
	return nil
}

// spans are the stretches of an hour that are due.
func (s *sealing) spans(c calendar, hour models.Instant) []span {
	step, end := time.Duration(0), c.through(hour, s.now)
	if c.near(hour) || c.near(hour+models.Instant(time.Hour.Milliseconds())) {
		step = shortWindow
	}
	if s.all {
		last := floor(s.now, time.Second)
		if s.whole {
			last += models.Instant(time.Second.Milliseconds())
		}
		end = min(last, hour+models.Instant(time.Hour.Milliseconds()))
	}
	if end <= hour {
		return nil
	}
	return c.cut(span{hour, end}, step)
}

func (s *sealing) facts(ctx context.Context, tenant models.TenantID, subscription int64) (facts, error) {
	if f, ok := s.known[subscription]; ok {
		return f, nil
	}
	f, err := readFacts(ctx, s.DB, tenant, subscription)
	if err == nil {
		s.known[subscription] = f
	}
	return f, err
}

// together seals some windows in one transaction, or one by one when somebody else
// has just sealed one of them.
func (s *sealing) together(ctx context.Context, plan []models.UsageWindow) error {
	made := 0
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		made = 0
		for _, w := range plan {
			ok, err := s.seal(ctx, tx, w)
			if err != nil {
				return err
			}
			if ok {
				made++
			}
		}
		return nil
	})
	switch {
	case err == nil:
		s.made += made
		return nil
	case !models.Taken(err):
		return err
	case len(plan) == 1:
		return nil // whoever it was took the calls; what came since is for the next pass
	}
	for i := range plan {
		if err := s.together(ctx, plan[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// seal puts the calls of w's span into w. It reports false when there are none.
func (s *sealing) seal(ctx context.Context, tx bun.Tx, w models.UsageWindow) (bool, error) {
	h := models.LedgerHour{Hour: models.HourOf(w.Start), SubscriptionID: w.SubscriptionID, PolicyID: w.PolicyID}
	if first, err := models.FirstUnsealed(ctx, tx, h, w.Start, w.End); err != nil || first.IsZero() {
		return false, err
	}
	f, err := s.facts(ctx, w.TenantID, w.SubscriptionID)
	if err != nil {
		return false, err
	}
	if w.Revision, err = models.NextRevision(ctx, tx, w.SubscriptionID, w.PolicyID, w.Start); err != nil {
		return false, err
	}
	w.ID, w.SealedAt, w.NextTryAt = models.NewID(), s.now, models.At(s.Wall.Now())
	w.Identifier, w.State, w.EventAt = identifier(s.Installation, w), models.WindowSealed, w.End-1000
	w.Problem = f.route(&w)
	one := int64(1)
	w.Open = &one
	if err := models.InsertWindow(ctx, tx, w); err != nil {
		return false, err
	}
	var rows int64
	if rows, w.Calls, w.Quantity, err = models.SealLedger(ctx, tx, w); err != nil {
		return false, err
	}
	if rows == 0 {
		return false, models.DropWindow(ctx, tx, w.ID)
	}
	s.settle(&w, f)
	if err := models.SaveWindow(ctx, tx, w); err != nil {
		return false, err
	}
	return true, s.follow(ctx, tx, f, w)
}

// settle decides where a window goes, now that it is known how much is in it.
func (s *sealing) settle(w *models.UsageWindow, f facts) {
	if w.Quantity == 0 {
		w.State, w.Note, w.SentAt, w.Problem = models.WindowSent, noteNothing, s.now, ""
		return
	}
	fate := f.judge(*w, s.now, s.before)
	w.EventAt = fate.at
	switch {
	case fate.no != "":
		w.State, w.Note, w.Problem = models.WindowUnbillable, fate.no, ""
	case w.Problem != "":
		w.State = models.WindowRefused
	default:
		w.Note = fate.note
	}
}

// follow makes sure that the period in which w is billed is compared later.
func (s *sealing) follow(ctx context.Context, tx bun.Tx, f facts, w models.UsageWindow) error {
	if w.StripeSubscriptionID == "" || w.StripeSubscriptionID != f.sub.StripeSubscriptionID || f.sub.PeriodEnd.IsZero() ||
		w.EventAt < f.sub.PeriodStart || w.EventAt >= f.sub.PeriodEnd {
		return models.HastenUsageCompare(ctx, tx, w.SubscriptionID, w.EventAt, s.now+models.Instant(compareSoon.Milliseconds()))
	}
	period := [2]int64{w.SubscriptionID, w.PolicyID}
	if s.followed[period] {
		return nil // once in a pass is enough; should this transaction fail, the Comparer makes the row
	}
	s.followed[period] = true
	return models.EnsureUsageCompare(ctx, tx, models.UsageCompare{
		SubscriptionID: w.SubscriptionID, PolicyID: w.PolicyID, PeriodStart: f.sub.PeriodStart, PeriodEnd: f.sub.PeriodEnd,
		TenantID: w.TenantID, Account: w.Account, StripeSubscriptionID: w.StripeSubscriptionID,
		Agrees: true, DueAt: s.now + models.Instant(compareSoon.Milliseconds()),
	})
}

// forgiving takes a conflict for done: somebody else has written the row, and will go on.
func forgiving(err error) error {
	if fault.KindOf(err) == fault.Conflict {
		return nil
	}
	return err
}
