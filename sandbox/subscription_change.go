package sandbox

import (
	"errors"
	"strconv"
	"time"

	"tollgate/money"
)

// begin keeps a new subscription, bills its first period and has that paid with
// the card at hand, as behavior says.
func (t *tx) begin(s *Subscription, c *Customer, behavior string, offSession bool) error {
	lines, err := t.firstLines(s)
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		return t.announce(s)
	}
	i, err := t.firstInvoice(s, c, lines)
	if err != nil {
		return err
	}
	m, err := t.methodFor(i, s, c)
	if err != nil {
		return err
	}
	due, _ := i.due(c)
	if due > 0 && m == nil && behavior != "default_incomplete" {
		return invalidCode("resource_missing", "", "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.")
	}
	if due > 0 {
		s.Status = subIncomplete
	}
	if err := t.announce(s); err != nil {
		return err
	}
	if err := t.keepDraft(i, false); err != nil {
		return err
	}
	if err := t.finalize(i, c); err != nil {
		return err
	}
	if i.Status == invoiceOpen && behavior != "default_incomplete" {
		if err := t.payFirst(i, m, behavior, offSession); err != nil {
			return err
		}
	}
	return t.refresh(s)
}

// payFirst charges the first invoice.
func (t *tx) payFirst(i *Invoice, m *PaymentMethod, behavior string, offSession bool) error {
	v, err := t.collect(i, m, attempt{offSession: offSession})
	if err != nil || v.paid() || v.pending || behavior != "error_if_incomplete" {
		return err
	}
	return v.refusal()
}

// refusal is the error of a payment that failed, where it must not have.
func (v verdict) refusal() error {
	if v.decline != nil {
		return v.decline.at("")
	}
	return cardError("subscription_payment_intent_requires_action", "", "Payment for this subscription requires additional user action before it can be completed successfully.")
}

// announce keeps a new subscription, plans what follows and tells of it.
func (t *tx) announce(s *Subscription) error {
	if err := t.insert(s); err != nil {
		return err
	}
	if err := t.plan(s); err != nil {
		return err
	}
	if s.Status == subTrialing {
		if err := t.warnOfTrial(s); err != nil {
			return err
		}
	}
	return t.emit("customer.subscription.created", s)
}

// warnOfTrial plans the warning that a trial ends: three days before, or now.
func (t *tx) warnOfTrial(s *Subscription) error {
	warn := time.Unix(*s.TrialEnd, 0).Add(-trialWarning)
	if warn.Before(t.now) {
		warn = t.now
	}
	return t.schedule(trialEnds, s.ID, s.clock(), warn)
}

// firstInvoice is the draft of the first period, not kept yet.
func (t *tx) firstInvoice(s *Subscription, c *Customer, lines []InvoiceLine) (*Invoice, error) {
	i, err := t.newInvoice(c, s.Currency, "subscription_create", lines)
	if err != nil {
		return nil, err
	}
	i.forSubscription(s)
	s.LatestInvoice = &i.ID
	return i, nil
}

// refresh reads s again: paying its invoice changed it in another copy.
func (t *tx) refresh(s *Subscription) error {
	fresh, err := find[Subscription](t, s.ID)
	if err != nil {
		return err
	}
	if fresh == nil {
		return errors.New("sandbox: a subscription is gone in its own transaction")
	}
	*s = *fresh
	return nil
}

// changeItems moves s to other prices or quantities, and settles the difference.
func (t *tx) changeItems(s *Subscription, in subscriptionParams) error {
	if err := t.dropPending(s, true); err != nil { // another change takes its place
		return err
	}
	lines, _, err := t.applyItems(s, in)
	if err != nil || len(lines) == 0 {
		return err
	}
	if err := t.putAside(s, lines); err != nil {
		return err
	}
	if in.ProrationBehavior != "always_invoice" {
		return nil
	}
	return t.billAside(s, in)
}

// applyItems gives s other prices or quantities, which is not kept yet, and
// returns the lines of the difference and the instant that they are prorated to.
func (t *tx) applyItems(s *Subscription, in subscriptionParams) (lines []InvoiceLine, at time.Time, err error) {
	if at, err = t.prorationTime(s, in.ProrationDate, "proration_date"); err != nil {
		return nil, at, err
	}
	for n, change := range in.Items {
		more, err := t.changeItem(s, change, "items["+strconv.Itoa(n)+"]", at)
		if err != nil {
			return nil, at, err
		}
		lines = append(lines, more...)
	}
	if len(s.Items.Data) == 0 {
		return nil, at, invalid("items", "A subscription must have at least one active item.")
	}
	s.Items.TotalCount = len(s.Items.Data)
	if in.ProrationBehavior == "none" || s.Status == subTrialing {
		return nil, at, nil
	}
	return lines, at, nil
}

// prorationTime is the instant that a change is prorated to: now, unless another
// second of the running period was asked for.
func (t *tx) prorationTime(s *Subscription, sent *int64, param string) (time.Time, error) {
	if sent == nil {
		return t.now, nil
	}
	p := s.period()
	if *sent < p.start.Unix() || *sent > p.end.Unix() {
		return t.now, invalid(param, "The proration date must lie in the current period, which is from %d to %d.", p.start.Unix(), p.end.Unix())
	}
	return time.Unix(*sent, 0).UTC(), nil
}

// changeItem applies one change and returns the lines of its proration: the rest
// of the old price given back, the rest of the new one owed, and in flexible mode
// the use of a metered price until now.
func (t *tx) changeItem(s *Subscription, in itemParams, param string, at time.Time) ([]InvoiceLine, error) {
	if in.ID == "" {
		p := s.period()
		if err := t.addItem(s, in, param); err != nil {
			return nil, err
		}
		s.setPeriod(p)
		s.Items.Data[len(s.Items.Data)-1].Since = at.Unix()
		added := s.Items.Data[len(s.Items.Data)-1]
		return t.restOf(s, added, at, false)
	}
	item := s.item(in.ID)
	if item == nil {
		return nil, noSuch("subscription_item", in.ID, param+"[id]")
	}
	lines, err := t.restOf(s, *item, at, true)
	if err != nil {
		return nil, err
	}
	before := *item
	if in.Deleted {
		kept := s.Items.Data[:0]
		for _, other := range s.Items.Data {
			if other.ID != in.ID {
				kept = append(kept, other)
			}
		}
		s.Items.Data = kept
		return lines, nil
	}
	if err := t.reprice(item, in, param, at); err != nil {
		return nil, err
	}
	if item.Price.ID == before.Price.ID && sameCount(item.Quantity, before.Quantity) {
		return nil, nil
	}
	more, err := t.restOf(s, *item, at, false)
	return append(lines, more...), err
}

func (t *tx) reprice(item *SubscriptionItem, in itemParams, param string, at time.Time) error {
	if in.Price != "" && in.Price != item.Price.ID {
		p, err := get[Price](t, in.Price, param+"[price]")
		if err != nil {
			return err
		}
		if err := sellable(p, param+"[price]"); err != nil {
			return err
		}
		if p.interval() != item.Price.interval() || p.Currency != item.Price.Currency {
			return invalid(param+"[price]", "This sandbox changes prices within one currency and interval only.")
		}
		item.Price, item.Quantity, item.Since = *p, nil, at.Unix()
	}
	sent := in.Quantity
	if sent == nil {
		sent = item.Quantity
	}
	q, err := quantityOf(&item.Price, sent, param+"[quantity]")
	if err != nil {
		return err
	}
	item.Quantity = q
	item.Metadata, err = in.Metadata.apply(item.Metadata)
	return err
}

// restOf is the line over what is left of the period for an item, given back or owed.
func (t *tx) restOf(s *Subscription, item SubscriptionItem, at time.Time, back bool) ([]InvoiceLine, error) {
	p := s.period()
	if item.Price.metered() {
		if !back || !s.flexible() {
			return nil, nil
		}
		soFar := item.counted(span{p.start, at})
		used, err := t.used(s, item, soFar)
		if err != nil || used == 0 {
			return nil, err
		}
		l, err := t.lineFor(s, item, used, soFar)
		l.Meter = ""
		return []InvoiceLine{l}, err
	}
	whole, err := item.Price.amount(*item.Quantity)
	if err != nil {
		return nil, err
	}
	rest, err := unused(whole, p, at)
	if err != nil {
		return nil, err
	}
	product, err := find[Product](t, item.Price.Product)
	if err != nil {
		return nil, err
	}
	name := "the subscription"
	if product != nil {
		name = product.Name
	}
	text := "Remaining time on " + name
	if back {
		rest, text = rest.Neg(), "Unused time on "+name
	}
	return []InvoiceLine{prorationLine(s, item, rest, text+" after "+at.Format("02 Jan 2006"), span{at, p.end})}, nil
}

func prorationLine(s *Subscription, item SubscriptionItem, amount money.Amount, text string, p span) InvoiceLine {
	l := newLine(amount, text, p)
	l.Quantity, l.Discountable, l.Metadata = item.Quantity, false, s.Metadata
	l.Parent = &lineParent{Type: "subscription_item_details", SubscriptionItem: &lineSubParent{
		Proration: true, Subscription: s.ID, SubscriptionItem: item.ID, ProrationDetails: &prorationDetails{}}}
	l.Subscription = &s.ID
	return l
}

// creditRest gives back what is left of the running period.
func (t *tx) creditRest(s *Subscription) error {
	var lines []InvoiceLine
	for _, item := range s.Items.Data {
		if item.Price.metered() {
			continue
		}
		back, err := t.restOf(s, item, t.now, true)
		if err != nil {
			return err
		}
		lines = append(lines, back...)
	}
	return t.putAside(s, lines)
}

// putAside keeps lines for the next invoice of s.
func (t *tx) putAside(s *Subscription, lines []InvoiceLine) error {
	for _, l := range lines {
		if err := t.keepItem(itemOf(t, s, l)); err != nil {
			return err
		}
	}
	return nil
}

// billAside makes an invoice of what was put aside, and collects it.
func (t *tx) billAside(s *Subscription, in subscriptionParams) error {
	c, err := get[Customer](t, s.Customer, "customer")
	if err != nil {
		return err
	}
	if err := t.save(s); err != nil {
		return err
	}
	i, err := t.renewalInvoice(s, c, nil, s.period())
	if err != nil {
		return err
	}
	i.BillingReason = "subscription_update"
	s.LatestInvoice = &i.ID
	if err := t.change(s); err != nil {
		return err
	}
	if err := t.keepDraft(i, false); err != nil {
		return err
	}
	if err := t.finalize(i, c); err != nil || i.Status != invoiceOpen {
		return orElse(err, t.refresh(s))
	}
	if in.PaymentBehavior == "default_incomplete" { // its payment is confirmed by the caller
		s.Status = subPastDue
		return t.change(s)
	}
	m, err := t.methodFor(i, s, c)
	if err != nil {
		return err
	}
	v, err := t.collect(i, m, attempt{offSession: in.OffSession, automatic: true})
	if err != nil {
		return err
	}
	if in.PaymentBehavior == "error_if_incomplete" && !v.paid() {
		return v.refusal()
	}
	return t.refresh(s)
}
