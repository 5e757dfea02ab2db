package sandbox

import (
	"net/http"
	"slices"
)

var invoiceRoutes = []route{
	{"POST", "/v1/invoices", createInvoice},
	{"GET", "/v1/invoices", listInvoices},
	{"POST", "/v1/invoices/create_preview", previewInvoice},
	{"GET", "/v1/invoices/{invoice}", show[Invoice]("invoice")},
	{"POST", "/v1/invoices/{invoice}", updateInvoice},
	{"DELETE", "/v1/invoices/{invoice}", deleteInvoice},
	{"GET", "/v1/invoices/{invoice}/lines", listLines},
	{"POST", "/v1/invoices/{invoice}/finalize", finalizeInvoice},
	{"POST", "/v1/invoices/{invoice}/pay", payInvoice},
	{"POST", "/v1/invoices/{invoice}/void", voidInvoice},
	{"POST", "/v1/invoices/{invoice}/mark_uncollectible", giveUpInvoice},
	{"POST", "/v1/invoices/{invoice}/send", sendInvoice},
	{"GET", "/v1/invoice_payments", listInvoicePayments},
	{"GET", "/v1/invoice_payments/{invoice_payment}", show[InvoicePayment]("invoice_payment")},
}

func createInvoice(r *request) (any, error) {
	in, err := read[struct {
		Customer     string        `p:"customer,required"`
		AutoAdvance  *bool         `p:"auto_advance"`
		Currency     string        `p:"currency"`
		Description  *string       `p:"description,max=1500"`
		Metadata     metadataParam `p:"metadata"`
		Subscription string        `p:"subscription"`
		Method       *string       `p:"default_payment_method"`
		Collection   string        `p:"collection_method,enum=charge_automatically|send_invoice"`
		DaysUntilDue *int64        `p:"days_until_due,min=0"`
		Pending      string        `p:"pending_invoice_items_behavior,enum=exclude|include"`
	}](r)
	if err != nil {
		return nil, err
	}
	c, err := get[Customer](r.tx, in.Customer, "customer")
	if err != nil {
		return nil, err
	}
	var s *Subscription
	if in.Subscription != "" {
		if s, err = get[Subscription](r.tx, in.Subscription, "subscription"); err != nil {
			return nil, err
		}
	}
	lines, currency, err := r.manualLines(c, s, in.Currency, in.Pending)
	if err != nil {
		return nil, err
	}
	i, err := r.newInvoice(c, currency, "manual", lines)
	if err != nil {
		return nil, err
	}
	if s != nil {
		i.forSubscription(s)
	}
	i.AutoAdvance = in.AutoAdvance != nil && *in.AutoAdvance
	i.CollectionMethod = either(in.Collection, i.CollectionMethod)
	if in.DaysUntilDue != nil {
		due := r.now.AddDate(0, 0, int(*in.DaysUntilDue)).Unix()
		i.DueDate = &due
	}
	set(&i.Description, in.Description)
	set(&i.DefaultPaymentMethod, in.Method)
	if i.Metadata, err = in.Metadata.apply(nil); err != nil {
		return nil, err
	}
	if err := r.adoptPending(i); err != nil {
		return nil, err
	}
	return i, r.keepDraft(i, i.AutoAdvance)
}

// manualLines are the waiting items that a manual invoice is to take, and the
// currency it is in.
func (t *tx) manualLines(c *Customer, s *Subscription, sent, behavior string) ([]InvoiceLine, string, error) {
	currency := sent
	if currency == "" && c.Currency != nil {
		currency = *c.Currency
	}
	waiting, err := t.pending(c.ID, s)
	if err != nil {
		return nil, "", err
	}
	if currency == "" && len(waiting) > 0 {
		currency = waiting[0].Currency
	}
	code, err := currencyParam(either(currency, "usd"), "currency")
	if err != nil {
		return nil, "", err
	}
	var lines []InvoiceLine
	for _, i := range waiting {
		if behavior == "include" && i.Currency == code.Code() {
			lines = append(lines, i.line())
		}
	}
	return lines, code.Code(), nil
}

func listInvoices(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Customer     string `p:"customer"`
		Subscription string `p:"subscription"`
		Status       string `p:"status,enum=draft|open|paid|uncollectible|void"`
		Collection   string `p:"collection_method,enum=charge_automatically|send_invoice"`
	}](r)
	if err != nil {
		return nil, err
	}
	filters := where(map[string]string{"customer": in.Customer, "parent.subscription_details.subscription": in.Subscription,
		"status": in.Status, "collection_method": in.Collection})
	return list[Invoice](r, in.listParams, append(filters, in.Created.within("created")...)...)
}

// invoiceAndClock is the invoice of the URL, and r at the time that it goes by.
func (r *request) invoiceAndClock() (*Invoice, *tx, error) {
	i, err := fromPath[Invoice](r, "invoice")
	if err != nil {
		return nil, nil, err
	}
	t, err := r.onClock(i.clock())
	return i, t, err
}

func updateInvoice(r *request) (any, error) {
	in, err := read[struct {
		AutoAdvance *bool         `p:"auto_advance"`
		Description *string       `p:"description,max=1500"`
		Metadata    metadataParam `p:"metadata"`
		Method      *string       `p:"default_payment_method"`
	}](r)
	if err != nil {
		return nil, err
	}
	i, t, err := r.invoiceAndClock()
	if err != nil {
		return nil, err
	}
	if in.Description != nil && i.Status != invoiceDraft {
		return nil, invalid("description", "Finalized invoices can't be updated in this way.")
	}
	set(&i.Description, in.Description)
	set(&i.DefaultPaymentMethod, in.Method)
	if in.AutoAdvance != nil {
		i.AutoAdvance = *in.AutoAdvance
	}
	if i.Metadata, err = in.Metadata.apply(i.Metadata); err != nil {
		return nil, err
	}
	if err := t.save(i); err != nil {
		return nil, err
	}
	if i.AutoAdvance && i.Status == invoiceDraft {
		if err := t.schedule(invoiceFinalizes, i.ID, i.clock(), t.now.Add(draftTime)); err != nil {
			return nil, err
		}
	}
	return i, t.emit("invoice.updated", i)
}

func deleteInvoice(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	i, err := fromPath[Invoice](r, "invoice")
	if err != nil {
		return nil, err
	}
	if i.Status != invoiceDraft || i.subscription() != "" {
		return nil, invalid("", "You can only delete draft invoices that are not of a subscription.")
	}
	if err := r.unschedule(invoiceFinalizes, i.ID); err != nil {
		return nil, err
	}
	if err := r.emit("invoice.deleted", i); err != nil {
		return nil, err
	}
	return r.remove(i)
}

func listLines(r *request) (any, error) {
	in, err := read[struct{ listParams }](r)
	if err != nil {
		return nil, err
	}
	i, err := fromPath[Invoice](r, "invoice")
	if err != nil {
		return nil, err
	}
	lines := i.Lines.Data
	if after := in.StartingAfter; after != "" {
		n := slices.IndexFunc(lines, func(l InvoiceLine) bool { return l.ID == after })
		if n < 0 {
			return nil, noSuch("line_item", after, "starting_after")
		}
		lines = lines[n+1:]
	}
	limit := 10
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	more := len(lines) > limit
	return pageOf(r, lines[:min(limit, len(lines))], more), nil
}

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
		Method     string `p:"payment_method"`
		OffSession *bool  `p:"off_session"`
		OutOfBand  bool   `p:"paid_out_of_band"`
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
		return i, t.settle(i, nil)
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
	if err != nil || v.paid() {
		return err
	}
	if v.action && v.decline == nil {
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
	return i, t.void(i)
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
	now := t.unix()
	i.Status, i.StatusTransitions.MarkedUncollectibleAt, i.AutoAdvance, i.NextPaymentAttempt = invoiceUncollectible, &now, false, nil
	if err := t.save(i); err != nil {
		return nil, err
	}
	if err := t.unschedule(invoiceRetries, i.ID); err != nil {
		return nil, err
	}
	if err := t.emit("invoice.marked_uncollectible", i); err != nil {
		return nil, err
	}
	return i, t.paidSubscription(i)
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

func listInvoicePayments(r *request) (any, error) {
	in, err := read[struct {
		listParams
		Invoice string `p:"invoice"`
		Status  string `p:"status,enum=canceled|open|paid"`
		Payment *struct {
			Intent string `p:"payment_intent"`
			Type   string `p:"type,required,enum=payment_intent"`
		} `p:"payment"`
	}](r)
	if err != nil {
		return nil, err
	}
	wanted := map[string]string{"invoice": in.Invoice, "status": in.Status}
	if in.Payment != nil {
		wanted["payment.payment_intent"] = in.Payment.Intent
	}
	return list[InvoicePayment](r, in.listParams, where(wanted)...)
}

// invoiceByToken finds the invoice of a hosted page, and whose it is.
func (s *Server) invoiceByToken(r *http.Request, token string) (account string, i *Invoice, err error) {
	err = s.read(r.Context(), "", func(t *tx) error {
		var id string
		found, err := t.scan(`SELECT account, id FROM objects WHERE type = 'invoice' AND deleted = 0 AND json_extract(doc, '$._token') = ?`,
			[]any{token}, &account, &id)
		if err != nil || !found {
			return err
		}
		i, err = find[Invoice](t.as(account), id)
		return err
	})
	return account, i, err
}
