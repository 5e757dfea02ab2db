package sandbox

import "time"

// previewParams are what is to be looked at.
type previewParams struct {
	Customer     string `p:"customer"`
	Subscription string `p:"subscription"`
	Schedule     string `p:"schedule"`
	Details      *struct {
		Items             []itemParams `p:"items"`
		ProrationBehavior string       `p:"proration_behavior,enum=always_invoice|create_prorations|none"`
		ProrationDate     *int64       `p:"proration_date"`
		CancelNow         bool         `p:"cancel_now"`
		BillingMode       *modeParams  `p:"billing_mode"`
		Others            unsimulated  `p:"billing_cycle_anchor billing_schedules cancel_at cancel_at_period_end default_tax_rates metadata resume_at start_date trial_end"`
	} `p:"subscription_details"`
	PreviewMode string      `p:"preview_mode,enum=next|recurring"`
	Others      unsimulated `p:"automatic_tax coupon currency customer_account customer_details discounts invoice_items issuer on_behalf_of schedule_details"`
}

// previewInvoice answers with the invoice that a subscription would get next. It
// changes nothing: everything it makes is only looked at.
func previewInvoice(r *request) (any, error) {
	in, err := read[previewParams](r)
	if err != nil {
		return nil, err
	}
	if in.PreviewMode == "recurring" {
		return nil, invalid("preview_mode", "This sandbox previews the next invoice only: leave preview_mode out, or send next.")
	}
	if in.Schedule != "" {
		if in.Subscription, err = r.scheduled(in.Schedule, in.Subscription); err != nil {
			return nil, err
		}
	}
	if in.Subscription == "" {
		if in.Customer == "" || in.Details == nil || len(in.Details.Items) == 0 {
			return nil, missingParam("subscription")
		}
		return r.previewNew(in.Customer, in.Details.Items, in.Details.BillingMode)
	}
	s, err := get[Subscription](r.tx, in.Subscription, "subscription")
	if err != nil {
		return nil, err
	}
	t, err := r.onClock(s.clock())
	if err != nil {
		return nil, err
	}
	if s.ended() {
		return nil, invalidCode("invoice_upcoming_none", "", "No upcoming invoices for customer: %s", s.Customer)
	}
	var lines []InvoiceLine
	if d := in.Details; d != nil && len(d.Items) > 0 {
		if lines, err = t.previewChange(s, d.Items, d.ProrationBehavior, d.ProrationDate); err != nil {
			return nil, err
		}
		if d.ProrationBehavior == "always_invoice" && len(lines) > 0 {
			return t.previewBill(s, lines)
		}
	} else if err := t.foresee(s); err != nil {
		return nil, err
	}
	return t.preview(s, lines, in.Details != nil && in.Details.CancelNow)
}

// scheduled is the subscription under a schedule, which named must not contradict.
func (t *tx) scheduled(schedule, named string) (string, error) {
	c, err := get[Schedule](t, schedule, "schedule")
	switch {
	case err != nil:
		return "", err
	case c.Status != scheduleActive:
		return "", invalid("schedule", "This sandbox previews schedules that are running; this one is %s.", c.Status)
	case named != "" && named != *c.Subscription:
		return "", invalid("subscription", "The subscription is not the one of the schedule.")
	}
	return *c.Subscription, nil
}

// preview is the next invoice of s, with lines in front.
func (t *tx) preview(s *Subscription, lines []InvoiceLine, now bool) (*Invoice, error) {
	c, err := get[Customer](t, s.Customer, "customer")
	if err != nil {
		return nil, err
	}
	over := s.period()
	ending := now || s.CancelAt != nil && *s.CancelAt <= over.end.Unix()
	if ending && !now && !s.metered() {
		return nil, invalidCode("invoice_upcoming_none", "", "No upcoming invoices for customer: %s", s.Customer)
	}
	next := s.interval().period(time.Unix(s.BillingCycleAnchor, 0), over.end)
	going := &next
	if ending {
		going = nil
	}
	renewal, err := t.renewalLines(s, over, going)
	if s.Status == subTrialing && !ending {
		s.Status = subActive // as it will be then; s is not kept
		renewal, err = t.nextLines(s, over, next, true)
	}
	if err != nil {
		return nil, err
	}
	waiting, err := t.takePending(s)
	if err != nil {
		return nil, err
	}
	i, err := t.newInvoice(c, s.Currency, "upcoming", append(append(waiting, lines...), renewal...))
	if err != nil {
		return nil, err
	}
	i.forSubscription(s)
	i.PeriodStart, i.PeriodEnd, i.Created = over.start.Unix(), over.end.Unix(), over.end.Unix()
	at := over.end.Unix()
	i.NextPaymentAttempt = &at
	if now {
		i.Created, at = t.unix(), t.unix()
	}
	return i, i.unreal(t, c)
}

// unreal makes i what cannot be found again: an upcoming invoice.
func (i *Invoice) unreal(t *tx, c *Customer) error {
	i.ID, i.Object, i.AutomaticallyFinalizesAt = "upcoming_in_1"+t.s.random(23), i.kind(), nil
	i.setLines(t, i.Lines.Data)
	i.Lines.URL = "/v1/invoices/upcoming/lines"
	i.StartingBalance = c.Balance
	due, ending := i.due(c)
	i.AmountDue, i.AmountRemaining, i.EndingBalance = due, due, &ending
	return nil
}

// previewChange applies a change of items to s, which is not kept, and returns
// its proration.
func (t *tx) previewChange(s *Subscription, items []itemParams, behavior string, date *int64) ([]InvoiceLine, error) {
	at, err := t.prorationTime(s, date, "subscription_details[proration_date]")
	if err != nil {
		return nil, err
	}
	var lines []InvoiceLine
	for n, change := range items {
		more, err := t.changeItem(s, change, "subscription_details[items]["+*decimalOf(int64(n))+"]", at)
		if err != nil {
			return nil, err
		}
		lines = append(lines, more...)
	}
	if behavior == "none" || s.Status == subTrialing {
		return nil, nil
	}
	return lines, nil
}

// previewBill is the invoice that a change with proration_behavior=always_invoice
// makes at once: its lines and what else waits, and no renewal.
func (t *tx) previewBill(s *Subscription, lines []InvoiceLine) (*Invoice, error) {
	c, err := get[Customer](t, s.Customer, "customer")
	if err != nil {
		return nil, err
	}
	waiting, err := t.takePending(s)
	if err != nil {
		return nil, err
	}
	i, err := t.newInvoice(c, s.Currency, "upcoming", append(waiting, lines...))
	if err != nil {
		return nil, err
	}
	i.forSubscription(s)
	at := t.unix()
	i.PeriodStart, i.PeriodEnd, i.NextPaymentAttempt = s.period().start.Unix(), s.period().end.Unix(), &at
	return i, i.unreal(t, c)
}

// previewNew is the first invoice of a subscription that does not exist yet.
func (r *request) previewNew(customer string, items []itemParams, mode *modeParams) (*Invoice, error) {
	c, err := get[Customer](r.tx, customer, "customer")
	if err != nil {
		return nil, err
	}
	t, err := r.onClock(c.clock())
	if err != nil {
		return nil, err
	}
	in := subscriptionCreate{Customer: customer, BillingMode: mode}
	in.Items = items
	s, err := t.newSubscription(c, in, r.version)
	if err != nil {
		return nil, err
	}
	lines, err := t.firstLines(s)
	if err != nil {
		return nil, err
	}
	i, err := t.newInvoice(c, s.Currency, "upcoming", lines)
	if err != nil {
		return nil, err
	}
	i.PeriodStart, i.PeriodEnd = t.unix(), t.unix()
	return i, i.unreal(t, c)
}
