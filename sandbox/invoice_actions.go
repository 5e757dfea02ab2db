package sandbox

func finalizeInvoice(r *request) (any, error) {
	if _, err := read[struct {
		AutoAdvance *bool `p:"auto_advance"`
	}](r); err != nil {
		return nil, err
	}
	i, t, err := r.invoiceAndClock()
	if err != nil {
		return nil, err
	}
	if i.Status != invoiceDraft {
		return nil, invalidCode("invoice_not_editable", "", "This invoice is already finalized, you can't re-finalize a non-draft invoice.")
	}
	c, err := get[Customer](t, i.Customer, "customer")
	if err != nil {
		return nil, err
	}
	return i, t.finalize(i, c)
}

func payInvoice(r *request) (any, error) {
	in, err := read[struct {
		Method     string      `p:"payment_method"`
		OffSession *bool       `p:"off_session"`
		OutOfBand  bool        `p:"paid_out_of_band"`
		Others     unsimulated `p:"forgive mandate source"`
	}](r)
	if err != nil {
		return nil, err
	}
	i, t, err := r.invoiceAndClock()
	if err != nil {
		return nil, err
	}
	c, err := get[Customer](t, i.Customer, "customer")
	if err != nil {
		return nil, err
	}
	if i.Status == invoiceDraft {
		if err := t.finalize(i, c); err != nil {
			return nil, err
		}
	}
	switch {
	case i.Status == invoicePaid && i.AmountDue == 0:
		return i, nil
	case i.Status == invoicePaid:
		return nil, invalid("", "Invoice is already paid")
	case i.Status != invoiceOpen && i.Status != invoiceUncollectible:
		return nil, invalid("", "This invoice is %s, so it cannot be paid.", i.Status)
	case in.OutOfBand:
		return i, t.settleOutside(i)
	}
	return i, t.payNow(i, c, in.Method, in.OffSession == nil || *in.OffSession)
}

// payNow charges an open invoice because somebody asked for it.
func (t *tx) payNow(i *Invoice, c *Customer, method string, offSession bool) error {
	s, err := find[Subscription](t, i.subscription())
	if err != nil {
		return err
	}
	m, err := t.methodFor(i, s, c)
	if method != "" {
		m, err = t.methodOf(method, "payment_method")
	}
	if err != nil {
		return err
	}
	if m == nil {
		return invalidCode("resource_missing", "", "There is no `default_payment_method` set on this Customer or Invoice. Please attach a payment method first.")
	}
	v, err := t.collect(i, m, attempt{offSession: offSession})
	if err != nil || v.paid() || v.pending {
		return err
	}
	if v.action {
		e := cardError("invoice_payment_intent_requires_action", "", "Payment for this invoice requires additional user action before it can be completed successfully.")
		return keep(e)
	}
	return keep(v.decline.at(""))
}

func voidInvoice(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	i, t, err := r.invoiceAndClock()
	if err != nil {
		return nil, err
	}
	if i.Status != invoiceOpen && i.Status != invoiceUncollectible {
		return nil, invalid("", "You can only void open or uncollectible invoices; this one is %s.", i.Status)
	}
	return i, t.voidNow(i)
}

// voidNow takes an open invoice back because somebody asked for it.
func (t *tx) voidNow(i *Invoice) error {
	if err := t.void(i); err != nil {
		return err
	}
	return t.voidedSubscription(i)
}

func giveUpInvoice(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	i, t, err := r.invoiceAndClock()
	if err != nil {
		return nil, err
	}
	if i.Status != invoiceOpen {
		return nil, invalid("", "You can only mark open invoices as uncollectible; this one is %s.", i.Status)
	}
	return i, t.giveUpNow(i)
}

// giveUpNow stops asking for an open invoice because somebody said so. Its
// subscription goes on as if it were paid.
func (t *tx) giveUpNow(i *Invoice) error {
	if err := t.giveUp(i); err != nil {
		return err
	}
	if err := t.setDelinquent(i.Customer, false); err != nil {
		return err
	}
	return t.paidSubscription(i)
}

func sendInvoice(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	i, t, err := r.invoiceAndClock()
	if err != nil {
		return nil, err
	}
	if i.Status == invoiceDraft {
		c, err := get[Customer](t, i.Customer, "customer")
		if err != nil {
			return nil, err
		}
		if err := t.finalize(i, c); err != nil {
			return nil, err
		}
	}
	return i, t.emit("invoice.sent", i)
}
