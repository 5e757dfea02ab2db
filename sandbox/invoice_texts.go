package sandbox

import "time"

// invoiceTexts are what is printed on an invoice besides its lines.
type invoiceTexts struct {
	Description  *string        `p:"description,max=1500"`
	Footer       *string        `p:"footer,max=5000"`
	Descriptor   *string        `p:"statement_descriptor,max=22"`
	CustomFields *[]customField `p:"custom_fields"`
	AutomaticTax *struct {
		Enabled bool        `p:"enabled,required"`
		Others  unsimulated `p:"liability"`
	} `p:"automatic_tax"`
	Others unsimulated `p:"account_tax_ids application_fee_amount automatically_finalizes_at customer_account default_source default_tax_rates discounts effective_at from_invoice issuer number on_behalf_of payment_settings rendering shipping_cost shipping_details transfer_data"`
}

// sent reports whether any of them was sent.
func (in invoiceTexts) sent() bool {
	return in.Description != nil || in.Footer != nil || in.Descriptor != nil || in.CustomFields != nil
}

func (in invoiceTexts) apply(i *Invoice) error {
	if in.AutomaticTax != nil && in.AutomaticTax.Enabled {
		return invalid("automatic_tax[enabled]", "This sandbox does not simulate Stripe Tax.")
	}
	set(&i.Description, in.Description)
	set(&i.Footer, in.Footer)
	set(&i.StatementDescriptor, in.Descriptor)
	if in.CustomFields != nil {
		if i.CustomFields = *in.CustomFields; len(i.CustomFields) > 4 {
			return invalid("custom_fields", "An invoice can have up to 4 custom fields.")
		}
	}
	return nil
}

// dueDate is when an invoice that is sent has to be paid. One that is charged
// has no such day.
func dueDate(now time.Time, collection string, at, days *int64) (*int64, error) {
	switch {
	case at == nil && days == nil && collection == "send_invoice":
		return nil, missingParam("days_until_due")
	case at == nil && days == nil:
		return nil, nil
	case collection != "send_invoice":
		return nil, invalid("days_until_due", "`days_until_due` and `due_date` can only be used with collection_method=send_invoice.")
	case at != nil && days != nil:
		return nil, invalid("due_date", "You may only specify one of these parameters: due_date, days_until_due.")
	case at != nil && *at <= now.Unix():
		return nil, invalid("due_date", "`due_date` must be in the future.")
	case at != nil:
		return at, nil
	}
	due := now.AddDate(0, 0, int(*days)).Unix()
	return &due, nil
}
