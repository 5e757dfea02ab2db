package sandbox

// invoiceComes is the timer, on a subscription, that announces its next invoice.
const invoiceComes = "invoice.upcoming"

// planUpcoming plans the announcement of the next invoice of s, as many days
// before the renewal as its account says. A moment that is over is not made up
// for: it was announced then, or the period is too short.
func (t *tx) planUpcoming(s *Subscription) error {
	if err := t.unschedule(invoiceComes, s.ID); err != nil {
		return err
	}
	settings, err := t.settings()
	if err != nil || settings.UpcomingDays == 0 {
		return err
	}
	p := s.period()
	at := p.end.AddDate(0, 0, -settings.UpcomingDays)
	if !at.After(p.start) || !at.After(t.now) {
		return nil
	}
	return t.schedule(invoiceComes, s.ID, s.clock(), at)
}

// announceInvoice is the timer that tells of an invoice to come. It is only told
// of one that will be charged by itself, as at Stripe. The invoice in the event
// cannot be found again; its id begins with upcoming_in_.
func announceInvoice(t *tx, id string) error {
	s, err := find[Subscription](t, id)
	if err != nil || s == nil || s.PauseCollection != nil {
		return err
	}
	if s.Status != subActive && s.Status != subTrialing && s.Status != subPastDue {
		return nil
	}
	if s.CancelAt != nil && *s.CancelAt <= s.period().end.Unix() && !s.metered() {
		return nil
	}
	if err := t.foresee(s); err != nil {
		return err
	}
	i, err := t.preview(s, nil, false)
	if err != nil {
		return err
	}
	return t.emit("invoice.upcoming", i)
}
