package sandbox

// ruling is the invoice by which s counts as paid or not: its newest that is not
// void, drafts included (Stripe, "Failed subscription payments"). It is nil when
// there is none. What only a pending change is waiting for does not count.
func (t *tx) ruling(s *Subscription) (*Invoice, error) {
	filters := []filter{eq("parent.subscription_details.subscription", s.ID), compare("status", "!=", invoiceVoid),
		{sql: "json_extract(doc, '$.billing_reason') LIKE 'subscription%'"}}
	if s.Coming != nil {
		filters = append(filters, compare("id", "<>", s.Coming.Invoice))
	}
	found, err := query[Invoice](t, "ORDER BY seq DESC LIMIT 1", filters)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// paidSubscription is what a paid invoice, or one that was given up, does to the
// subscription behind it.
func (t *tx) paidSubscription(i *Invoice) error {
	s, err := find[Subscription](t, i.subscription())
	if err != nil || s == nil {
		return err
	}
	if s.Coming != nil && s.Coming.Invoice == i.ID {
		if i.Status == invoicePaid {
			return t.applyComing(s)
		}
		return t.dropPending(s, false)
	}
	return t.settleStatus(s, i)
}

// voidedSubscription is what voiding an invoice by hand does to the subscription
// behind it: one that waited for its first payment will never begin, and any
// other goes by the invoice before.
func (t *tx) voidedSubscription(i *Invoice) error {
	s, err := find[Subscription](t, i.subscription())
	switch {
	case err != nil || s == nil:
		return err
	case s.Coming != nil && s.Coming.Invoice == i.ID:
		return t.dropPending(s, false)
	case s.Status == subIncomplete && *s.LatestInvoice == i.ID:
		s.Status = subIncompleteExpired
		return t.change(s)
	}
	return t.settleStatus(s, nil)
}

// settleStatus makes an unpaid s active when the invoice that rules it is paid
// or given up, or when there is none left. With i it must be that one.
func (t *tx) settleStatus(s *Subscription, i *Invoice) error {
	switch s.Status {
	case subIncomplete, subPastDue, subUnpaid:
	default:
		return nil
	}
	rules, err := t.ruling(s)
	switch {
	case err != nil:
		return err
	case rules == nil && i == nil:
	case rules == nil || i != nil && rules.ID != i.ID, rules.Status != invoicePaid && rules.Status != invoiceUncollectible:
		return nil
	}
	s.Status = subActive
	return t.change(s)
}
