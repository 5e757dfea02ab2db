package sandbox

import "time"

// pauseParams are how collection is paused.
type pauseParams struct {
	Behavior  string `p:"behavior,required,enum=keep_as_draft|mark_uncollectible|void"`
	ResumesAt *int64 `p:"resumes_at"`
}

// collectionResumes is the timer that ends a pause of collection.
const collectionResumes = "subscription.resume_collection"

// applyPause pauses collection, or goes on with it.
func (t *tx) applyPause(s *Subscription, in clearable[pauseParams]) error {
	if !in.Sent {
		return nil
	}
	if in.Cleared {
		s.PauseCollection = nil
		return t.unschedule(collectionResumes, s.ID)
	}
	s.PauseCollection = &pausedCollection{Behavior: in.Value.Behavior, ResumesAt: in.Value.ResumesAt}
	if at := in.Value.ResumesAt; at != nil {
		if *at <= t.unix() {
			return invalid("pause_collection[resumes_at]", "Invalid timestamp: must be an integer Unix timestamp in the future.")
		}
		return t.schedule(collectionResumes, s.ID, s.clock(), time.Unix(*at, 0))
	}
	return t.unschedule(collectionResumes, s.ID)
}

// resumeCollection is the timer of a pause that has an end.
func resumeCollection(t *tx, id string) error {
	s, err := find[Subscription](t, id)
	if err != nil || s == nil || s.ended() || s.PauseCollection == nil {
		return err
	}
	s.PauseCollection = nil
	return t.change(s)
}

// shelve does with a finished draft of s what a pause of collection asks for.
func (t *tx) shelve(s *Subscription, i *Invoice, c *Customer) error {
	behavior := s.PauseCollection.Behavior
	i.AutoAdvance = false
	if err := t.keepDraft(i, false); err != nil || behavior == "keep_as_draft" {
		return err
	}
	if err := t.finalize(i, c); err != nil || i.Status != invoiceOpen {
		return err
	}
	if behavior == "void" {
		return t.void(i)
	}
	return t.giveUp(i)
}

// resumeSubscription goes on with a subscription that was paused for want of a
// card when its trial ended. Its first period begins now and is billed at once.
func resumeSubscription(r *request) (any, error) {
	in, err := read[struct {
		Anchor    string `p:"billing_cycle_anchor,enum=now|unchanged"`
		Proration string `p:"proration_behavior,enum=always_invoice|create_prorations|none"`
		Date      *int64 `p:"proration_date"`
	}](r)
	if err != nil {
		return nil, err
	}
	s, err := fromPath[Subscription](r, "id")
	if err != nil {
		return nil, err
	}
	if s.Status != subPaused {
		return nil, invalid("", "This subscription is not paused, so it cannot be resumed: its status is %s.", s.Status)
	}
	if in.Anchor == "unchanged" {
		return nil, invalid("billing_cycle_anchor", "This sandbox resumes with a new billing cycle only: leave billing_cycle_anchor out, or send now.")
	}
	t, err := r.onClock(s.clock())
	if err != nil {
		return nil, err
	}
	return s, t.restart(s, func() error { return t.emit("customer.subscription.resumed", s) })
}

// endTrialNow makes a trial the paid subscription at once.
func (t *tx) endTrialNow(s *Subscription) error {
	now := t.unix()
	s.TrialEnd = &now
	return t.restart(s, func() error { return nil })
}

// restart begins the first paid period of s now, tells of it, and has it paid.
// With a failing card s is past due.
func (t *tx) restart(s *Subscription, told func() error) error {
	c, err := get[Customer](t, s.Customer, "customer")
	if err != nil {
		return err
	}
	s.Status, s.BillingCycleAnchor = subActive, t.unix()
	s.setPeriod(s.interval().period(t.now.Truncate(time.Second), t.now))
	lines, err := t.firstLines(s)
	if err != nil {
		return err
	}
	i, err := t.renewalInvoice(s, c, lines, s.period())
	if err != nil {
		return err
	}
	billed := len(i.Lines.Data) > 0
	if billed {
		i.BillingReason, s.LatestInvoice = "subscription_update", &i.ID
	}
	if err := t.change(s); err != nil {
		return err
	}
	if err := told(); err != nil || !billed {
		return err
	}
	if err := t.keepDraft(i, false); err != nil {
		return err
	}
	return orElse(t.finalizeAndCollect(i), t.refresh(s))
}

// moveTrial gives s another end of its trial; "" and "now" are not that.
func (t *tx) moveTrial(s *Subscription, sent string) error {
	if sent == "" || sent == "now" {
		return nil
	}
	end, err := t.trialTime(sent)
	if err != nil {
		return err
	}
	if s.Status != subTrialing {
		return invalid("trial_end", "This sandbox moves the end of a trial that is running; this subscription is %s.", s.Status)
	}
	p := s.period()
	p.end = time.Unix(*end, 0).UTC()
	s.setPeriod(p)
	s.TrialEnd, s.BillingCycleAnchor = end, *end
	return t.warnOfTrial(s)
}

// endTrial turns a trial into the paid subscription, or does what it was told to
// do without a card. gone reports that there is nothing to bill.
func (t *tx) endTrial(s *Subscription, c *Customer) (gone bool, err error) {
	s.BillingCycleAnchor = s.period().end.Unix()
	m, err := t.methodFor(&Invoice{}, s, c)
	if err != nil {
		return false, err
	}
	if m == nil {
		switch s.TrialSettings.EndBehavior.MissingPaymentMethod {
		case "cancel":
			return true, t.cancel(s, "")
		case "pause":
			s.Status = subPaused
			if err := t.change(s); err != nil {
				return true, err
			}
			return true, t.emit("customer.subscription.paused", s)
		}
	}
	s.Status = subActive
	return false, nil
}

func warnOfTrialEnd(t *tx, id string) error {
	s, err := find[Subscription](t, id)
	if err != nil || s == nil || s.Status != subTrialing {
		return err
	}
	return t.emit("customer.subscription.trial_will_end", s)
}
