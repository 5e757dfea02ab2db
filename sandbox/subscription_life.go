package sandbox

import (
	"slices"
	"time"
)

// The timers of subscriptions.
const (
	subscriptionRenews  = "subscription.renew"
	subscriptionExpires = "subscription.expire"
	subscriptionEnds    = "subscription.end"
	trialEnds           = "subscription.trial_will_end"
)

var subscriptionTimers = map[string]func(*tx, string) error{
	subscriptionRenews:  renewSubscription,
	subscriptionExpires: expireSubscription,
	subscriptionEnds:    endSubscription,
	trialEnds:           warnOfTrialEnd,
	collectionResumes:   resumeCollection,
	pendingExpires:      expirePending,
}

// incompleteLife is how long a subscription waits for its first payment.
const incompleteLife = 23 * time.Hour

// trialWarning is how long before its end a trial's customer is warned.
const trialWarning = 3 * 24 * time.Hour

// plan makes the timers of s follow from what it says.
func (t *tx) plan(s *Subscription) error {
	for _, kind := range []string{subscriptionRenews, subscriptionEnds, subscriptionExpires} {
		if err := t.unschedule(kind, s.ID); err != nil {
			return err
		}
	}
	switch {
	case s.ended():
		return nil
	case s.Status == subIncomplete:
		return t.schedule(subscriptionExpires, s.ID, s.clock(), time.Unix(s.Created, 0).Add(incompleteLife))
	case s.CancelAt != nil:
		if err := t.schedule(subscriptionEnds, s.ID, s.clock(), time.Unix(*s.CancelAt, 0)); err != nil {
			return err
		}
		if *s.CancelAt <= s.period().end.Unix() {
			return nil
		}
	}
	return orElse(t.planUpcoming(s), t.schedule(subscriptionRenews, s.ID, s.clock(), s.period().end))
}

// change keeps s as it is now, plans what follows, and tells of the change.
func (t *tx) change(s *Subscription) error {
	if err := t.save(s); err != nil {
		return err
	}
	if err := t.plan(s); err != nil {
		return err
	}
	return t.emit("customer.subscription.updated", s)
}

// firstLines are what a new subscription is asked for at once: the licensed
// prices of its first period. In classic mode metered ones get a line over
// nothing, and so does a trial.
func (t *tx) firstLines(s *Subscription) ([]InvoiceLine, error) {
	var lines []InvoiceLine
	for _, item := range s.Items.Data {
		switch {
		case s.Status == subTrialing:
			if s.flexible() {
				continue
			}
			l, err := t.lineFor(s, item, 0, s.period())
			if err != nil {
				return nil, err
			}
			l.Description = "Free trial for " + l.Description
			l.Amount, l.Subtotal, l.Meter = 0, 0, ""
			lines = append(lines, l)
		case item.Price.metered():
			if s.flexible() {
				continue
			}
			l, err := t.lineFor(s, item, 0, s.period())
			if err != nil {
				return nil, err
			}
			l.Meter = "" // its use is counted when the period is over
			lines = append(lines, l)
		default:
			l, err := t.lineFor(s, item, *item.Quantity, s.period())
			if err != nil {
				return nil, err
			}
			lines = append(lines, l)
		}
	}
	return lines, nil
}

// renewalLines are what is owed at the end of the period over: the use of it,
// and, when s goes on, the licensed prices of the next.
func (t *tx) renewalLines(s *Subscription, over span, next *span) ([]InvoiceLine, error) {
	var lines []InvoiceLine
	for _, item := range append(slices.Clone(s.Leaving), s.Items.Data...) {
		switch {
		case item.Price.metered():
			p := item.counted(over)
			if !p.start.Before(p.end) { // it came when the period ended
				continue
			}
			used, err := t.used(s, item, p)
			if err != nil {
				return nil, err
			}
			l, err := t.lineFor(s, item, used, p)
			if err != nil {
				return nil, err
			}
			lines = append(lines, l)
		case next != nil:
			l, err := t.lineFor(s, item, *item.Quantity, *next)
			if err != nil {
				return nil, err
			}
			lines = append(lines, l)
		}
	}
	return lines, nil
}

// used is how much of a metered item was used in p.
func (t *tx) used(s *Subscription, item SubscriptionItem, p span) (int64, error) {
	meter, err := find[Meter](t, *item.Price.Recurring.Meter)
	if err != nil || meter == nil {
		return 0, err
	}
	return t.quantity(meter, s.Customer, p)
}

// renewSubscription is the timer at the end of a period.
func renewSubscription(t *tx, id string) error {
	s, err := find[Subscription](t, id)
	if err != nil || s == nil || s.ended() || s.Status == subIncomplete || s.Status == subPaused {
		return err
	}
	c, err := get[Customer](t, s.Customer, "customer")
	if err != nil {
		return err
	}
	over := s.period()
	trial := s.Status == subTrialing
	if trial {
		if gone, err := t.endTrial(s, c); gone || err != nil {
			return err
		}
	}
	next := s.interval().period(time.Unix(s.BillingCycleAnchor, 0), over.end)
	lines, err := t.nextLines(s, over, next, trial)
	if err != nil {
		return err
	}
	s.Leaving = nil
	if len(lines) == 0 {
		s.setPeriod(next)
		return t.change(s)
	}
	i, err := t.renewalInvoice(s, c, lines, over)
	if err != nil {
		return err
	}
	s.setPeriod(next)
	s.LatestInvoice = &i.ID
	if err := t.change(s); err != nil {
		return err
	}
	if s.PauseCollection != nil {
		return t.shelve(s, i, c)
	}
	i.AutoAdvance = s.Status != subUnpaid
	return t.keepDraft(i, i.AutoAdvance)
}

// nextLines are the lines of a renewal. Use during a trial is free.
func (t *tx) nextLines(s *Subscription, over, next span, trial bool) ([]InvoiceLine, error) {
	if !trial {
		return t.renewalLines(s, over, &next)
	}
	s.setPeriod(next)
	return t.firstLines(s)
}

// renewalInvoice is the draft for the period that is over, with what else waited
// for an invoice of the customer.
func (t *tx) renewalInvoice(s *Subscription, c *Customer, lines []InvoiceLine, over span) (*Invoice, error) {
	waiting, err := t.takePending(s)
	if err != nil {
		return nil, err
	}
	i, err := t.newInvoice(c, s.Currency, "subscription_cycle", append(waiting, lines...))
	if err != nil {
		return nil, err
	}
	i.forSubscription(s)
	i.PeriodStart, i.PeriodEnd = over.start.Unix(), over.end.Unix()
	return i, t.adoptPending(i)
}

// expireSubscription is the timer that gives up waiting for a first payment.
func expireSubscription(t *tx, id string) error {
	s, err := find[Subscription](t, id)
	if err != nil || s == nil || s.Status != subIncomplete {
		return err
	}
	if waits, err := t.waitsForBank(s); waits || err != nil {
		return err
	}
	s.Status = subIncompleteExpired
	if err := t.change(s); err != nil {
		return err
	}
	i, err := t.latest(s)
	if err != nil || i == nil || i.Status != invoiceOpen {
		return err
	}
	return t.void(i)
}

// latest is the newest invoice of s, nil when it has none.
func (t *tx) latest(s *Subscription) (*Invoice, error) {
	if s.LatestInvoice == nil {
		return nil, nil
	}
	return find[Invoice](t, *s.LatestInvoice)
}

// endSubscription is the timer of a cancellation that was put off. What was used
// until then is billed as it would have been at a renewal.
func endSubscription(t *tx, id string) error {
	s, err := find[Subscription](t, id)
	if err != nil || s == nil || s.ended() || s.CancelAt == nil {
		return err
	}
	if err := t.cancel(s, ""); err != nil {
		return err
	}
	if !s.metered() {
		return nil
	}
	return t.lastInvoice(s, true)
}

// lastInvoice bills what an ended subscription still owes: its use.
func (t *tx) lastInvoice(s *Subscription, draft bool) error {
	c, err := get[Customer](t, s.Customer, "customer")
	if err != nil {
		return err
	}
	over := span{s.period().start, t.now}
	if end := s.period().end; end.Before(over.end) {
		over.end = end
	}
	lines, err := t.renewalLines(s, over, nil)
	if err != nil {
		return err
	}
	i, err := t.renewalInvoice(s, c, lines, over)
	if err != nil || len(i.Lines.Data) == 0 {
		return err
	}
	if s.LatestInvoice = &i.ID; draft {
		if err := t.save(s); err != nil {
			return err
		}
		return t.keepDraft(i, true)
	}
	i.BillingReason = "subscription_update"
	if err := t.save(s); err != nil {
		return err
	}
	if err := t.keepDraft(i, false); err != nil {
		return err
	}
	return t.finalizeAndCollect(i)
}

// cancel ends s now, for reason ("" for the one that was given before).
func (t *tx) cancel(s *Subscription, reason string) error {
	if err := t.dropPending(s, true); err != nil {
		return err
	}
	now := t.unix()
	s.Status, s.EndedAt = subCanceled, &now
	if s.CanceledAt == nil {
		s.CanceledAt = &now
	}
	if reason != "" && s.CancellationDetails.Reason == nil {
		s.CancellationDetails.Reason = &reason
	}
	s.CancelAt, s.CancelAtPeriodEnd = nil, false
	if err := t.save(s); err != nil {
		return err
	}
	if err := t.plan(s); err != nil {
		return err
	}
	if err := t.stopInvoices(s); err != nil {
		return err
	}
	if err := t.emit("customer.subscription.deleted", s); err != nil {
		return err
	}
	return t.leaveSchedule(s, reason)
}

// stopInvoices leaves what is unpaid of s as it is: nobody is charged any more.
func (t *tx) stopInvoices(s *Subscription) error {
	open, err := all[Invoice](t, eq("parent.subscription_details.subscription", s.ID), among("status", invoiceDraft, invoiceOpen))
	if err != nil {
		return err
	}
	for _, i := range open {
		i.AutoAdvance, i.NextPaymentAttempt = false, nil
		if err := t.save(i); err != nil {
			return err
		}
		for _, kind := range []string{invoiceRetries, invoiceFinalizes} {
			if err := t.unschedule(kind, i.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// unpaidSubscription is what a failed attempt does to the subscription behind it.
func (t *tx) unpaidSubscription(s *Subscription, i *Invoice) error {
	if s.Coming != nil && s.Coming.Invoice == i.ID {
		return nil // the change does not happen; what there was goes on
	}
	switch s.Status {
	case subActive, subTrialing, subPastDue:
	default:
		return nil
	}
	if s.Status != subPastDue {
		s.Status = subPastDue
		if err := t.change(s); err != nil {
			return err
		}
	}
	return t.endDunning(s, i)
}

// cancelAll is what a customer's deletion does to their subscriptions.
func cancelAll(t *tx, c *Customer) error {
	subs, err := all[Subscription](t, eq("customer", c.ID))
	if err != nil {
		return err
	}
	for _, s := range subs {
		if s.ended() {
			continue
		}
		on, err := t.onClock(s.clock())
		if err != nil {
			return err
		}
		if err := on.cancel(s, "cancellation_requested"); err != nil {
			return err
		}
	}
	return nil
}
