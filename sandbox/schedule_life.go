package sandbox

import (
	"maps"
	"time"
)

// phaseTurns is the timer at the end of a phase. At one instant it goes off
// before subscriptionRenews, whose invoice is to have the new prices: timers of
// one instant go by the names of their kinds.
const phaseTurns = "schedule.phase"

var scheduleTimers = map[string]func(*tx, string) error{phaseTurns: turnPhase}

// planPhase plans the next thing that happens to c by itself.
func (t *tx) planPhase(c *Schedule) error {
	if c.over() {
		return t.unschedule(phaseTurns, c.ID)
	}
	next := c.Phases[0].StartDate
	if c.Status == scheduleActive {
		next = c.CurrentPhase.EndDate
	}
	return t.schedule(phaseTurns, c.ID, c.clock(), time.Unix(next, 0))
}

// turnPhase is the timer at the end of a phase. What a cancellation at the end
// does is subscriptionEnds.
func turnPhase(t *tx, id string) error {
	c, err := find[Schedule](t, id)
	if err != nil || c == nil || c.over() {
		return err
	}
	if c.Status == scheduleWaits {
		return t.beginSchedule(c)
	}
	s, err := find[Subscription](t, *c.Subscription)
	if err != nil || s == nil {
		return err
	}
	n := c.phaseAt(t.unix())
	if n < 0 {
		if c.EndBehavior == "cancel" {
			return nil
		}
		return t.release(c, s, false)
	}
	p := &c.Phases[n]
	c.CurrentPhase = &phaseSpan{p.EndDate, p.StartDate}
	if err := t.save(c); err != nil {
		return err
	}
	if err := t.planPhase(c); err != nil {
		return err
	}
	if err := t.emit("subscription_schedule.updated", c); err != nil {
		return err
	}
	return t.enterPhase(s, p, p.ProrationBehavior)
}

// enterPhase gives s the items and settings of p, now.
func (t *tx) enterPhase(s *Subscription, p *Phase, behavior string) error {
	settle := behavior != "none" && s.Status != subTrialing && s.Status != subPaused
	lines, err := t.exchange(s, p.Items, t.now, settle)
	if err != nil {
		return err
	}
	p.dress(s)
	if err := t.putAside(s, lines); err != nil {
		return err
	}
	if err := t.change(s); err != nil || len(lines) == 0 || behavior != "always_invoice" {
		return err
	}
	return t.billAside(s, subscriptionParams{OffSession: true})
}

// dress gives s the settings of p beside its items.
func (p *Phase) dress(s *Subscription) {
	s.Metadata = maps.Clone(s.Metadata)
	if s.Metadata == nil {
		s.Metadata = map[string]string{}
	}
	maps.Copy(s.Metadata, p.Metadata)
	if p.FeePercent != nil {
		s.ApplicationFeePercent = p.FeePercent
	}
	if p.DefaultPaymentMethod != nil {
		s.DefaultPaymentMethod = p.DefaultPaymentMethod
	}
	if p.Description != nil {
		s.Description = p.Description
	}
}

// exchange makes the items of s those of want, and returns what that settles:
// the rest of old prices given back, of new ones owed, and in flexible mode the
// use so far. At the very end of the period nothing is left to settle; metered
// items that go are then billed by the renewal of that instant.
func (t *tx) exchange(s *Subscription, want []PhaseItem, at time.Time, settle bool) ([]InvoiceLine, error) {
	over := s.period()
	atEnd := !at.Before(over.end)
	var lines []InvoiceLine
	note := func(item SubscriptionItem, back bool) error {
		if atEnd || !settle {
			return nil
		}
		more, err := t.restOf(s, item, at, back)
		lines = append(lines, more...)
		return err
	}
	have := s.Items.Data
	var items []SubscriptionItem
	stays := map[string]bool{}
	for _, w := range want {
		item, err := t.phaseItem(s, have, w, at)
		if err != nil {
			return nil, err
		}
		stays[item.ID] = true
		items = append(items, item)
	}
	for _, old := range have {
		same := stays[old.ID] && sameCount(old.Quantity, itemByID(items, old.ID).Quantity)
		switch {
		case same:
			continue
		case atEnd && old.Price.metered():
			s.Leaving = append(s.Leaving, old)
			continue
		}
		if err := note(old, true); err != nil {
			return nil, err
		}
	}
	for _, item := range items {
		if was := itemByID(have, item.ID); was != nil && sameCount(was.Quantity, item.Quantity) {
			continue
		}
		if err := note(item, false); err != nil {
			return nil, err
		}
	}
	s.Items.Data, s.Items.TotalCount = items, len(items)
	return lines, nil
}

// phaseItem is the item of s that w asks for: the one that it has for that
// price, or a new one.
func (t *tx) phaseItem(s *Subscription, have []SubscriptionItem, w PhaseItem, at time.Time) (SubscriptionItem, error) {
	for _, item := range have {
		if item.Price.ID == w.Price {
			item.Quantity = w.Quantity
			return item, nil
		}
	}
	p, err := get[Price](t, w.Price, "price")
	if err != nil {
		return SubscriptionItem{}, err
	}
	item := SubscriptionItem{Created: at.Unix(), Discounts: []string{}, Metadata: w.Metadata, Price: *p, Quantity: w.Quantity, Subscription: s.ID,
		TaxRates: []struct{}{}, Since: at.Unix(), CurrentPeriodStart: s.period().start.Unix(), CurrentPeriodEnd: s.period().end.Unix()}
	item.ID, item.Object = t.s.newID("subscription_item"), item.kind()
	return item, nil
}

func itemByID(items []SubscriptionItem, id string) *SubscriptionItem {
	for i := range items {
		if items[i].ID == id {
			return &items[i]
		}
	}
	return nil
}

// steer makes s follow c, whose phases or end were changed: the running phase is
// in force at once, and the end is the subscription's when c cancels it.
func (t *tx) steer(c *Schedule, s *Subscription, behavior string) error {
	n := c.phaseAt(t.unix())
	if n < 0 {
		return invalid("phases", "One of the phases must be the current one.")
	}
	p := &c.Phases[n]
	if err := t.sameTerms(c, s); err != nil {
		return err
	}
	c.CurrentPhase = &phaseSpan{p.EndDate, p.StartDate}
	if c.EndBehavior == "cancel" {
		if end := c.end(); s.CancelAt == nil || *s.CancelAt != end {
			t.cancelLater(s, end, false)
		}
	} else if s.CancelAt != nil {
		s.keepOn()
	}
	if p.holds(s) {
		return t.change(s)
	}
	return t.enterPhase(s, p, behavior)
}

// sameTerms refuses phases that renew otherwise than s does.
func (t *tx) sameTerms(c *Schedule, s *Subscription) error {
	for _, p := range c.Phases {
		if p.EndDate <= t.unix() {
			continue
		}
		price, err := get[Price](t, p.Items[0].Price, "phases")
		if err != nil {
			return err
		}
		if price.Currency != s.Currency {
			return invalid("phases", "The phases must have the currency of the subscription (%s).", s.Currency)
		}
		if price.interval() != s.interval() {
			return invalid("phases", "This sandbox changes prices within one currency and interval only.")
		}
	}
	return nil
}

// release lets the subscription go on without its schedule.
func (t *tx) release(c *Schedule, s *Subscription, keepEnd bool) error {
	now := t.unix()
	c.ReleasedAt, c.ReleasedSubscription, c.Subscription = &now, c.Subscription, nil
	if err := t.endSchedule(c, scheduleReleased, "subscription_schedule.released"); err != nil || s == nil {
		return err
	}
	s.Schedule = nil
	if c.EndBehavior == "cancel" && !keepEnd {
		s.keepOn()
	}
	return t.change(s)
}

// endSchedule is the end of c.
func (t *tx) endSchedule(c *Schedule, status, event string) error {
	now := t.unix()
	c.Status, c.CurrentPhase = status, nil
	switch status {
	case scheduleCanceled:
		c.CanceledAt = &now
	case scheduleCompleted:
		c.CompletedAt = &now
	}
	if err := t.save(c); err != nil {
		return err
	}
	if err := t.planPhase(c); err != nil {
		return err
	}
	return t.emit(event, c)
}

// scheduleOf is the schedule that s goes by, nil for none.
func (t *tx) scheduleOf(s *Subscription) (*Schedule, error) {
	if s.Schedule == nil {
		return nil, nil
	}
	return find[Schedule](t, *s.Schedule)
}

// leaveSchedule ends the schedule of a subscription that has ended.
func (t *tx) leaveSchedule(s *Subscription, reason string) error {
	c, err := t.scheduleOf(s)
	if err != nil || c == nil || c.over() {
		return err
	}
	switch {
	case reason == "payment_failed":
		return t.endSchedule(c, scheduleCanceled, "subscription_schedule.aborted")
	case c.EndBehavior == "cancel" && t.unix() >= c.end():
		return t.endSchedule(c, scheduleCompleted, "subscription_schedule.completed")
	}
	return t.endSchedule(c, scheduleCanceled, "subscription_schedule.canceled")
}

// splitPhase notes in the schedule of s that its items were changed by hand: the
// running phase ends now, and one with the new items takes its place.
func (t *tx) splitPhase(s *Subscription) error {
	c, err := t.scheduleOf(s)
	if err != nil || c == nil || c.over() {
		return err
	}
	n := c.phaseAt(t.unix())
	if n < 0 || c.Phases[n].holds(s) {
		return nil
	}
	rest := c.Phases[n]
	rest.Items = phaseItems(s)
	if rest.StartDate == t.unix() {
		c.Phases[n] = rest
	} else {
		rest.StartDate, c.Phases[n].EndDate = t.unix(), t.unix()
		c.Phases = append(c.Phases[:n+1], append([]Phase{rest}, c.Phases[n+1:]...)...)
	}
	c.CurrentPhase = &phaseSpan{rest.EndDate, rest.StartDate}
	if err := t.save(c); err != nil {
		return err
	}
	return t.emit("subscription_schedule.updated", c)
}

// foresee gives s, which is only looked at, the items of the phase that begins
// when its period ends.
func (t *tx) foresee(s *Subscription) error {
	c, err := t.scheduleOf(s)
	if err != nil || c == nil || c.over() {
		return err
	}
	end := s.period().end
	n := c.phaseAt(end.Unix())
	if n < 0 || c.Phases[n].StartDate != end.Unix() {
		return nil
	}
	_, err = t.exchange(s, c.Phases[n].Items, end, false)
	return err
}

// beginSchedule makes the subscription that c was waiting to begin. Its first
// invoice is a draft for an hour, as those of renewals are.
func (t *tx) beginSchedule(c *Schedule) error {
	customer, err := find[Customer](t, c.Customer)
	if err != nil {
		return err
	}
	if customer == nil { // deleted while it waited
		return t.endSchedule(c, scheduleCanceled, "subscription_schedule.canceled")
	}
	p := &c.Phases[0]
	in := subscriptionCreate{Customer: c.Customer, BillingMode: &modeParams{Type: c.BillingMode.Type}}
	for _, item := range p.Items {
		in.Items = append(in.Items, itemParams{Price: item.Price, Quantity: item.Quantity, Metadata: metadataParam{set: item.Metadata}})
	}
	s, err := t.newSubscription(customer, in, newest)
	if err != nil {
		return err
	}
	s.Schedule, s.ApplicationFeePercent, s.DefaultPaymentMethod = &c.ID, c.DefaultSettings.FeePercent, c.DefaultSettings.DefaultPaymentMethod
	s.Description = c.DefaultSettings.Description
	p.dress(s)
	c.Status, c.Subscription, c.CurrentPhase = scheduleActive, &s.ID, &phaseSpan{p.EndDate, p.StartDate}
	if c.EndBehavior == "cancel" {
		t.cancelLater(s, c.end(), false)
	}
	lines, err := t.firstLines(s)
	if err != nil {
		return err
	}
	if err := t.save(c); err != nil {
		return err
	}
	if err := t.planPhase(c); err != nil {
		return err
	}
	if err := t.openWith(s, customer, lines); err != nil {
		return err
	}
	return t.emit("subscription_schedule.updated", c)
}

// openWith keeps a new subscription whose first invoice waits as a draft.
func (t *tx) openWith(s *Subscription, c *Customer, lines []InvoiceLine) error {
	if len(lines) == 0 {
		return t.announce(s)
	}
	i, err := t.firstInvoice(s, c, lines)
	if err != nil {
		return err
	}
	if err := t.announce(s); err != nil {
		return err
	}
	return t.keepDraft(i, true)
}
