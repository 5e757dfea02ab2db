package sandbox

import (
	"time"

	"tollgate/money"
)

// An InvoiceItem is a line that waits for its invoice.
type InvoiceItem struct {
	base
	Amount           int64             `json:"amount"`
	Currency         string            `json:"currency"`
	Customer         string            `json:"customer"`
	Date             int64             `json:"date"`
	Description      *string           `json:"description"`
	Discountable     bool              `json:"discountable"`
	Discounts        []string          `json:"discounts"`
	Invoice          *string           `json:"invoice"`
	Livemode         bool              `json:"livemode"`
	Metadata         map[string]string `json:"metadata"`
	NetAmount        int64             `json:"net_amount"`
	Parent           *itemParent       `json:"parent"`
	Period           linePeriod        `json:"period"`
	Pricing          *linePricing      `json:"pricing"`
	Proration        bool              `json:"proration"`
	ProrationDetails *struct{}         `json:"proration_details,omitempty"`
	Quantity         int64             `json:"quantity"`
	QuantityDecimal  string            `json:"quantity_decimal"`
	TaxRates         []struct{}        `json:"tax_rates"`
	TestClock        *string           `json:"test_clock"`
}

type itemParent struct {
	SubscriptionDetails *itemSubParent `json:"subscription_details"`
	Type                string         `json:"type"`
}

type itemSubParent struct {
	Subscription     string  `json:"subscription"`
	SubscriptionItem *string `json:"subscription_item,omitempty"`
}

func (*InvoiceItem) kind() string { return "invoiceitem" }

var invoiceItemKinds = map[string]kind{"invoiceitem": {
	prefix: "ii_1", random: 23, refs: map[string]string{"customer": "customer", "invoice": "invoice"},
	shape: func(o tree, at version) {
		if at.before(dahlia) {
			delete(o, "quantity_decimal")
		}
	},
}}

var invoiceItemRoutes = []route{
	{"POST", "/v1/invoiceitems", createInvoiceItem},
	{"GET", "/v1/invoiceitems", listInvoiceItems},
	{"GET", "/v1/invoiceitems/{invoiceitem}", show[InvoiceItem]("invoiceitem")},
	{"DELETE", "/v1/invoiceitems/{invoiceitem}", deleteInvoiceItem},
}

// itemOf is a line of s as an item that waits.
func itemOf(t *tx, s *Subscription, l InvoiceLine) *InvoiceItem {
	item := &InvoiceItem{
		Amount: l.Amount, Currency: l.Currency, Customer: s.Customer, Date: t.unix(), Description: &l.Description, Discountable: l.Discountable,
		Metadata: map[string]string{}, NetAmount: l.Amount, Period: l.Period, Pricing: l.Pricing,
		Proration: l.Parent.SubscriptionItem.Proration, Quantity: 1, TestClock: s.TestClock,
		Parent: &itemParent{Type: "subscription_details", SubscriptionDetails: &itemSubParent{s.ID, &l.Parent.SubscriptionItem.SubscriptionItem}},
	}
	if l.Quantity != nil {
		item.Quantity = *l.Quantity
	}
	return item
}

func (t *tx) keepItem(i *InvoiceItem) error {
	i.Discounts, i.TaxRates, i.QuantityDecimal = []string{}, []struct{}{}, *decimalOf(i.Quantity)
	if err := t.insert(i); err != nil {
		return err
	}
	return t.emit("invoiceitem.created", i)
}

// pending are the items of a customer that wait: those of s, and those of none.
func (t *tx) pending(customer string, s *Subscription) ([]*InvoiceItem, error) {
	waiting, err := all[InvoiceItem](t, eq("customer", customer))
	if err != nil {
		return nil, err
	}
	kept := waiting[:0]
	for _, i := range waiting {
		of := ""
		if i.Parent != nil && i.Parent.SubscriptionDetails != nil {
			of = i.Parent.SubscriptionDetails.Subscription
		}
		if i.Invoice == nil && (of == "" || s != nil && of == s.ID) {
			kept = append(kept, i)
		}
	}
	return kept, nil
}

// takePending is what waits for the next invoice of s, as lines.
func (t *tx) takePending(s *Subscription) ([]InvoiceLine, error) {
	waiting, err := t.pending(s.Customer, s)
	if err != nil {
		return nil, err
	}
	var lines []InvoiceLine
	for _, i := range waiting {
		if i.Currency == s.Currency {
			lines = append(lines, i.line())
		}
	}
	return lines, nil
}

// adoptPending marks the items whose lines are on i as billed.
func (t *tx) adoptPending(i *Invoice) error {
	for _, l := range i.Lines.Data {
		if l.Parent == nil || l.Parent.InvoiceItemDetails == nil {
			continue
		}
		item, err := find[InvoiceItem](t, l.Parent.InvoiceItemDetails.InvoiceItem)
		if err != nil || item == nil {
			return err
		}
		item.Invoice = &i.ID
		if err := t.save(item); err != nil {
			return err
		}
	}
	return nil
}

// line is i on its invoice.
func (i *InvoiceItem) line() InvoiceLine {
	text := ""
	if i.Description != nil {
		text = *i.Description
	}
	p := span{time.Unix(i.Period.Start, 0).UTC(), time.Unix(i.Period.End, 0).UTC()}
	l := newLine(money.New(i.Amount, money.MustCurrency(i.Currency)), text, p)
	l.Quantity, l.QuantityDecimal, l.Discountable, l.Metadata, l.Pricing = &i.Quantity, decimalOf(i.Quantity), i.Discountable, i.Metadata, i.Pricing
	l.Parent = &lineParent{Type: "invoice_item_details", InvoiceItemDetails: &lineItemParent{InvoiceItem: i.ID, Proration: i.Proration}}
	if i.Parent != nil && i.Parent.SubscriptionDetails != nil {
		l.Parent.InvoiceItemDetails.Subscription = &i.Parent.SubscriptionDetails.Subscription
		l.Subscription = &i.Parent.SubscriptionDetails.Subscription
	}
	return l
}

// invoiceItemCreate is what an item is made of by hand.
type invoiceItemCreate struct {
	Customer     string        `p:"customer,required"`
	Amount       *int64        `p:"amount"`
	Currency     string        `p:"currency"`
	Description  *string       `p:"description,max=5000"`
	Discountable *bool         `p:"discountable"`
	Invoice      string        `p:"invoice"`
	Subscription string        `p:"subscription"`
	Metadata     metadataParam `p:"metadata"`
	Period       *struct {
		Start int64 `p:"start,required"`
		End   int64 `p:"end,required"`
	} `p:"period"`
	Others unsimulated `p:"customer_account discounts price price_data pricing quantity quantity_decimal tax_behavior tax_code tax_rates unit_amount unit_amount_decimal"`
}

func createInvoiceItem(r *request) (any, error) {
	in, err := read[invoiceItemCreate](r)
	if err != nil {
		return nil, err
	}
	if in.Amount == nil {
		return nil, missingParam("amount")
	}
	c, err := get[Customer](r.tx, in.Customer, "customer")
	if err != nil {
		return nil, err
	}
	currency, err := currencyParam(in.Currency, "currency")
	if err != nil {
		return nil, err
	}
	i := &InvoiceItem{Amount: *in.Amount, NetAmount: *in.Amount, Currency: currency.Code(), Customer: c.ID, Date: r.unix(), Description: in.Description,
		Discountable: in.Discountable == nil || *in.Discountable, Period: linePeriod{r.unix(), r.unix()}, Quantity: 1, TestClock: c.TestClock}
	if i.Metadata, err = in.Metadata.apply(nil); err != nil {
		return nil, err
	}
	if in.Period != nil {
		i.Period = linePeriod{Start: in.Period.Start, End: in.Period.End}
	}
	if in.Subscription != "" {
		s, err := get[Subscription](r.tx, in.Subscription, "subscription")
		if err != nil {
			return nil, err
		}
		i.Parent = &itemParent{Type: "subscription_details", SubscriptionDetails: &itemSubParent{Subscription: s.ID}}
	}
	if in.Invoice == "" {
		return i, r.keepItem(i)
	}
	return i, r.addToDraft(i, in.Invoice)
}

// addToDraft puts a new item straight onto a draft.
func (t *tx) addToDraft(item *InvoiceItem, id string) error {
	i, err := get[Invoice](t, id, "invoice")
	if err != nil {
		return err
	}
	if i.Status != invoiceDraft {
		return invalid("invoice", "The invoice %s is not a draft, so it cannot be changed any more.", id)
	}
	item.Invoice = &i.ID
	if err := t.keepItem(item); err != nil {
		return err
	}
	i.setLines(t, append(i.Lines.Data, item.line()))
	if err := i.sum(); err != nil {
		return err
	}
	if err := t.save(i); err != nil {
		return err
	}
	return t.emit("invoice.updated", i)
}

func listInvoiceItems(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Customer string `p:"customer"`
		Invoice  string `p:"invoice"`
		Pending  *bool  `p:"pending"`
	}](r)
	if err != nil {
		return nil, err
	}
	filters := where(map[string]string{"customer": in.Customer, "invoice": in.Invoice})
	if in.Pending != nil {
		filters = append(filters, filter{`(json_extract(doc, '$.invoice') IS NULL) = ?`, []any{*in.Pending}})
	}
	return list[InvoiceItem](r, in.listParams, append(filters, in.Created.within("date")...)...)
}

func deleteInvoiceItem(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	i, err := fromPath[InvoiceItem](r, "invoiceitem")
	if err != nil {
		return nil, err
	}
	if i.Invoice != nil {
		return nil, invalid("", "You cannot delete an invoice item that is attached to an invoice.")
	}
	if err := r.emit("invoiceitem.deleted", i); err != nil {
		return nil, err
	}
	return r.remove(i)
}
