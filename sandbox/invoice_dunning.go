package sandbox

// unpaid notes a failed attempt and tells the subscription behind i.
func (t *tx) unpaid(i *Invoice, v verdict, how attempt) error {
	s, err := find[Subscription](t, i.subscription())
	if err != nil {
		return err
	}
	if how.automatic {
		if err := t.planRetry(i, s); err != nil {
			return err
		}
	}
	if err := t.save(i); err != nil {
		return err
	}
	if v.action {
		if err := t.emit("invoice.payment_action_required", i); err != nil {
			return err
		}
	}
	if v.decline != nil {
		if err := t.emit("invoice.payment_failed", i); err != nil {
			return err
		}
	}
	if s == nil {
		return nil
	}
	return t.unpaidSubscription(s, i)
}

// planRetry sets when an invoice of s that has just failed is tried next: after
// the days that its account has set, where Stripe's Smart Retries would choose
// the moment. What people try by hand in between changes nothing about that.
func (t *tx) planRetry(i *Invoice, s *Subscription) error {
	if err := t.setDelinquent(i.Customer, true); err != nil {
		return err
	}
	i.NextPaymentAttempt = nil
	settings, err := t.settings()
	if err != nil || s == nil || s.Status == subIncomplete || !i.AutoAdvance || i.Retries >= len(settings.RetryDays) {
		return err
	}
	at := t.now.AddDate(0, 0, settings.RetryDays[i.Retries])
	unix := at.Unix()
	i.NextPaymentAttempt = &unix
	return t.schedule(invoiceRetries, i.ID, i.clock(), at)
}

// retryInvoice is the timer of the next automatic attempt.
func retryInvoice(t *tx, id string) error {
	i, err := find[Invoice](t, id)
	if err != nil || i == nil || i.Status != invoiceOpen || !i.AutoAdvance {
		return err
	}
	i.Retries++
	again, err := t.worthTrying(i)
	if err != nil {
		return err
	}
	if !again {
		return t.passRetry(i)
	}
	return t.collectOffSession(i, attempt{offSession: true, automatic: true})
}

// hardDeclines are the answers after which a bank will not change its mind
// (Stripe, "Smart Retries", hard decline codes).
var hardDeclines = wordSet(`incorrect_number lost_card pickup_card stolen_card revocation_of_authorization
	revocation_of_all_authorizations authentication_required highest_risk_level transaction_not_allowed`)

func (d *cardDecline) hard() bool { return hardDeclines[d.code] || hardDeclines[d.declineCode] }

// worthTrying reports whether an invoice would be charged to another card than
// the one that was refused for good.
func (t *tx) worthTrying(i *Invoice) (bool, error) {
	if i.Refused == "" {
		return true, nil
	}
	c, err := find[Customer](t, i.Customer)
	if err != nil || c == nil {
		return false, err
	}
	s, err := find[Subscription](t, i.subscription())
	if err != nil {
		return false, err
	}
	m, err := t.methodFor(i, s, c)
	return m != nil && m.ID != i.Refused, err
}

// passRetry lets the moment of a retry pass: the card was refused for good, and
// there is no other yet. The next moment comes all the same, and the end.
func (t *tx) passRetry(i *Invoice) error {
	s, err := find[Subscription](t, i.subscription())
	if err != nil {
		return err
	}
	if err := t.planRetry(i, s); err != nil {
		return err
	}
	if err := t.save(i); err != nil {
		return err
	}
	if err := t.emit("invoice.updated", i); err != nil || s == nil {
		return err
	}
	return t.unpaidSubscription(s, i)
}

// endDunning does with s what its account has set for subscriptions whose last
// retry has failed.
func (t *tx) endDunning(s *Subscription, i *Invoice) error {
	settings, err := t.settings()
	if err != nil || i.NextPaymentAttempt != nil || i.Retries < len(settings.RetryDays) {
		return err
	}
	switch settings.AfterRetries {
	case dunningPastDue:
		return nil
	case dunningUnpaid:
		s.Status = subUnpaid
		return t.change(s)
	}
	return t.cancel(s, "payment_failed")
}

// finalizeDraft is the timer that ends the time for corrections.
func finalizeDraft(t *tx, id string) error {
	i, err := find[Invoice](t, id)
	if err != nil || i == nil || i.Status != invoiceDraft || !i.AutoAdvance {
		return err
	}
	return t.finalizeAndCollect(i)
}

// finalizeAndCollect finalizes a draft and has it paid without its customer
// there, or sends it, as it says. Nobody pays for a customer who is deleted.
func (t *tx) finalizeAndCollect(i *Invoice) error {
	c, err := find[Customer](t, i.Customer)
	if err != nil || c == nil {
		return err
	}
	if err := t.finalize(i, c); err != nil || i.Status != invoiceOpen {
		return err
	}
	if i.CollectionMethod == "send_invoice" {
		return t.emit("invoice.sent", i)
	}
	return t.collectOffSession(i, attempt{offSession: true, automatic: true})
}

// collectOffSession charges the card that is kept for an open invoice.
func (t *tx) collectOffSession(i *Invoice, how attempt) error {
	c, err := find[Customer](t, i.Customer)
	if err != nil || c == nil {
		return err
	}
	s, err := find[Subscription](t, i.subscription())
	if err != nil {
		return err
	}
	m, err := t.methodFor(i, s, c)
	if err != nil {
		return err
	}
	_, err = t.collect(i, m, how)
	return err
}

// retryPastDue has the latest invoices of a customer's subscriptions tried with
// the card that is now theirs. Subscriptions with a card of their own are left.
func (t *tx) retryPastDue(c *Customer) error {
	subs, err := all[Subscription](t, eq("customer", c.ID), eq("status", subPastDue))
	if err != nil {
		return err
	}
	for _, s := range subs {
		if s.DefaultPaymentMethod != nil {
			continue
		}
		on, err := t.onClock(s.clock())
		if err != nil {
			return err
		}
		if err := on.retryOpen(s); err != nil {
			return err
		}
	}
	return nil
}

// retryOpen has the latest invoice of an unpaid subscription paid with its new card.
func (t *tx) retryOpen(s *Subscription) error {
	i, err := t.ruling(s) // a pending change waits for somebody to pay it
	if err != nil || i == nil || i.Status != invoiceOpen || s.Status == subIncomplete {
		return err
	}
	return t.collectOffSession(i, attempt{offSession: true})
}

// void takes an open invoice back, and gives back what it took from the
// customer's balance. A subscription that waited for it will never begin.
func (t *tx) void(i *Invoice) error {
	now := t.unix()
	i.Status, i.StatusTransitions.VoidedAt, i.AutoAdvance, i.NextPaymentAttempt = invoiceVoid, &now, false, nil
	if err := t.save(i); err != nil {
		return err
	}
	if err := t.unschedule(invoiceRetries, i.ID); err != nil {
		return err
	}
	if err := t.cancelIntent(i.PaymentIntent, "void_invoice"); err != nil {
		return err
	}
	if err := t.closePayment(i, "canceled"); err != nil {
		return err
	}
	if err := t.giveBackBalance(i); err != nil {
		return err
	}
	return t.emit("invoice.voided", i)
}

// giveUp stops asking for an open invoice.
func (t *tx) giveUp(i *Invoice) error {
	now := t.unix()
	i.Status, i.StatusTransitions.MarkedUncollectibleAt, i.AutoAdvance, i.NextPaymentAttempt = invoiceUncollectible, &now, false, nil
	if err := t.save(i); err != nil {
		return err
	}
	if err := t.unschedule(invoiceRetries, i.ID); err != nil {
		return err
	}
	return t.emit("invoice.marked_uncollectible", i)
}

func (t *tx) giveBackBalance(i *Invoice) error {
	c, err := find[Customer](t, i.Customer)
	if err != nil || c == nil || i.EndingBalance == nil || *i.EndingBalance == i.StartingBalance {
		return err
	}
	_, err = t.adjustBalance(c, BalanceTransaction{Amount: i.StartingBalance - *i.EndingBalance, Invoice: &i.ID, Type: "unapplied_from_invoice"})
	return err
}
