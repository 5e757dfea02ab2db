package sandbox

import (
	"net/http"
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

// invoiceCreate is what an invoice is made of by hand.
type invoiceCreate struct {
	Customer     string        `p:"customer,required"`
	AutoAdvance  *bool         `p:"auto_advance"`
	Currency     string        `p:"currency"`
	Metadata     metadataParam `p:"metadata"`
	Subscription string        `p:"subscription"`
	Method       *string       `p:"default_payment_method"`
	Collection   string        `p:"collection_method,enum=charge_automatically|send_invoice"`
	DaysUntilDue *int64        `p:"days_until_due,min=0"`
	DueDate      *int64        `p:"due_date"`
	Pending      string        `p:"pending_invoice_items_behavior,enum=exclude|include"`
	invoiceTexts
}

func createInvoice(r *request) (any, error) {
	in, err := read[invoiceCreate](r)
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
	if i.DueDate, err = dueDate(r.now, i.CollectionMethod, in.DueDate, in.DaysUntilDue); err != nil {
		return nil, err
	}
	if err := in.invoiceTexts.apply(i); err != nil {
		return nil, err
	}
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
		Customer     string      `p:"customer"`
		Subscription string      `p:"subscription"`
		Status       string      `p:"status,enum=draft|open|paid|uncollectible|void"`
		Collection   string      `p:"collection_method,enum=charge_automatically|send_invoice"`
		DueDate      *timeRange  `p:"due_date"`
		Others       unsimulated `p:"customer_account"`
	}](r)
	if err != nil {
		return nil, err
	}
	filters := where(map[string]string{"customer": in.Customer, "parent.subscription_details.subscription": in.Subscription,
		"status": in.Status, "collection_method": in.Collection})
	filters = append(filters, in.DueDate.within("due_date")...)
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
		Metadata    metadataParam `p:"metadata"`
		Method      *string       `p:"default_payment_method"`
		Unplayed    unsimulated   `p:"collection_method days_until_due due_date"`
		invoiceTexts
	}](r)
	if err != nil {
		return nil, err
	}
	i, t, err := r.invoiceAndClock()
	if err != nil {
		return nil, err
	}
	if i.Status != invoiceDraft && in.invoiceTexts.sent() {
		return nil, invalidCode("invoice_not_editable", "", "Finalized invoices can't be updated in this way.")
	}
	if err := in.invoiceTexts.apply(i); err != nil {
		return nil, err
	}
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
	return cutPage(r, i.Lines.Data, in.listParams, "line_item", func(l InvoiceLine) string { return l.ID })
}

func listInvoicePayments(r *request) (any, error) {
	in, err := read[struct {
		listParams
		Invoice string `p:"invoice"`
		Status  string `p:"status,enum=canceled|open|paid"`
		createdParam
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
	return list[InvoicePayment](r, in.listParams, append(where(wanted), in.Created.within("created")...)...)
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
