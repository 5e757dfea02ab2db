package sandbox

import "slices"

// A Customer is somebody who pays an account.
type Customer struct {
	base
	Address             *address          `json:"address"`
	Balance             int64             `json:"balance"` // minor units; negative is credit
	CashBalance         *struct{}         `json:"cash_balance"`
	Created             int64             `json:"created"`
	Currency            *string           `json:"currency"` // set by the first invoice
	DefaultSource       *string           `json:"default_source"`
	Delinquent          bool              `json:"delinquent"`
	Description         *string           `json:"description"`
	Discount            *struct{}         `json:"discount"`
	Email               *string           `json:"email"`
	InvoicePrefix       string            `json:"invoice_prefix"`
	InvoiceSettings     customerInvoicing `json:"invoice_settings"`
	Livemode            bool              `json:"livemode"`
	Metadata            map[string]string `json:"metadata"`
	Name                *string           `json:"name"`
	NextInvoiceSequence int64             `json:"next_invoice_sequence"`
	Phone               *string           `json:"phone"`
	PreferredLocales    []string          `json:"preferred_locales"`
	Shipping            *shipping         `json:"shipping"`
	TaxExempt           string            `json:"tax_exempt"`
	TestClock           *string           `json:"test_clock"`
}

type address struct {
	City       *string `json:"city" p:"city,max=5000"`
	Country    *string `json:"country" p:"country,max=5000"`
	Line1      *string `json:"line1" p:"line1,max=5000"`
	Line2      *string `json:"line2" p:"line2,max=5000"`
	PostalCode *string `json:"postal_code" p:"postal_code,max=5000"`
	State      *string `json:"state" p:"state,max=5000"`
}

type shipping struct {
	Address address `json:"address" p:"address,required"`
	Name    string  `json:"name" p:"name,required,max=5000"`
	Phone   *string `json:"phone" p:"phone,max=5000"`
}

type customerInvoicing struct {
	CustomFields         []customField `json:"custom_fields"`
	DefaultPaymentMethod *string       `json:"default_payment_method"`
	Footer               *string       `json:"footer"`
	RenderingOptions     *struct{}     `json:"rendering_options"`
}

type customField struct {
	Name  string `json:"name" p:"name,required,max=40"`
	Value string `json:"value" p:"value,required,max=140"`
}

func (*Customer) kind() string { return "customer" }

// clock is the test clock that c goes by, "" for none.
func (c *Customer) clock() string {
	if c.TestClock == nil {
		return ""
	}
	return *c.TestClock
}

var customerKinds = map[string]kind{"customer": {
	prefix: "cus_", random: 14,
	refs: map[string]string{"default_source": "payment_method", "test_clock": "test_helpers.test_clock",
		"invoice_settings.default_payment_method": "payment_method"},
	include: map[string]func(*tx, tree) (any, error){
		"sources": func(_ *tx, o tree) (any, error) {
			return sublist[any]("/v1/customers/"+o["id"].(string)+"/sources", nil), nil
		},
		"subscriptions": func(t *tx, o tree) (any, error) {
			subs, err := all[Subscription](t, eq("customer", o["id"]), compare("status", "!=", subCanceled), compare("status", "!=", subIncompleteExpired))
			slices.Reverse(subs)
			return sublist("/v1/customers/"+o["id"].(string)+"/subscriptions", subs), err
		},
		"tax_ids": func(_ *tx, o tree) (any, error) {
			return sublist[any]("/v1/customers/"+o["id"].(string)+"/tax_ids", nil), nil
		},
		"tax": func(*tx, tree) (any, error) {
			return tree{"automatic_tax": "unrecognized_location", "ip_address": nil, "location": nil, "provider": "stripe"}, nil
		},
	},
}}

var customerRoutes = []route{
	{"POST", "/v1/customers", createCustomer},
	{"GET", "/v1/customers", listCustomers},
	{"GET", "/v1/customers/search", search[Customer]("created", "email", "name", "phone")},
	{"GET", "/v1/customers/{id}", showCustomer},
	{"POST", "/v1/customers/{id}", updateCustomer},
	{"DELETE", "/v1/customers/{id}", deleteCustomer},
}

type customerParams struct {
	Address          clearable[address]  `p:"address"`
	Balance          *int64              `p:"balance"`
	Description      *string             `p:"description,max=5000"`
	Email            *string             `p:"email,max=512"`
	InvoicePrefix    *string             `p:"invoice_prefix,max=12"`
	InvoiceSettings  *invoicingParams    `p:"invoice_settings"`
	Metadata         metadataParam       `p:"metadata"`
	Name             *string             `p:"name,max=256"`
	NextSequence     *int64              `p:"next_invoice_sequence,min=1"`
	Phone            *string             `p:"phone,max=20"`
	PreferredLocales *[]string           `p:"preferred_locales"`
	Shipping         clearable[shipping] `p:"shipping"`
	TaxExempt        *string             `p:"tax_exempt,enum=|exempt|none|reverse"`
}

type invoicingParams struct {
	CustomFields         *[]customField `p:"custom_fields"`
	DefaultPaymentMethod *string        `p:"default_payment_method"`
	Footer               *string        `p:"footer,max=5000"`
}

func createCustomer(r *request) (any, error) {
	in, err := read[struct {
		customerParams
		PaymentMethod string  `p:"payment_method"`
		TestClock     *string `p:"test_clock"`
	}](r)
	if err != nil {
		return nil, err
	}
	c := &Customer{InvoicePrefix: r.s.invoicePrefix(), NextInvoiceSequence: 1, PreferredLocales: []string{}, TaxExempt: "none"}
	set(&c.TestClock, in.TestClock)
	t, err := r.onClock(c.clock())
	if err != nil {
		return nil, err
	}
	c.Created = t.unix()
	c.ID = r.s.newID("customer")
	if in.PaymentMethod != "" {
		if err := t.attachNew(c, in.PaymentMethod, in.InvoiceSettings); err != nil {
			return nil, err
		}
	}
	if err := t.applyCustomer(c, in.customerParams); err != nil {
		return nil, err
	}
	if err := t.insert(c); err != nil {
		return nil, err
	}
	return c, t.emit("customer.created", c)
}

// attachNew attaches the method that a new customer is to have. A magic id
// becomes a fresh one, also where it is named as the default.
func (t *tx) attachNew(c *Customer, method string, settings *invoicingParams) error {
	m, err := t.methodOf(method, "payment_method")
	if err != nil {
		return err
	}
	if err := t.attach(m, c); err != nil {
		return err
	}
	if settings != nil && settings.DefaultPaymentMethod != nil && *settings.DefaultPaymentMethod == method {
		settings.DefaultPaymentMethod = &m.ID
	}
	return nil
}

// invoicePrefix is eight capital letters and digits for a customer's invoice numbers.
func (s *Server) invoicePrefix() string {
	text := []byte(s.random(8))
	for i, b := range text {
		if b >= 'a' {
			text[i] = b - 'a' + 'A'
		}
	}
	return string(text)
}

// applyCustomer changes c as the parameters say.
func (t *tx) applyCustomer(c *Customer, in customerParams) (err error) {
	if in.Email != nil && *in.Email != "" && !isEmail(*in.Email) {
		return invalidCode("email_invalid", "email", "Invalid email address: %s", shorten(*in.Email))
	}
	set(&c.Description, in.Description)
	set(&c.Email, in.Email)
	set(&c.Name, in.Name)
	set(&c.Phone, in.Phone)
	if in.Address.Sent {
		c.Address = in.Address.pointer()
	}
	if in.Shipping.Sent {
		c.Shipping = in.Shipping.pointer()
	}
	if in.Balance != nil {
		c.Balance = *in.Balance
	}
	if in.InvoicePrefix != nil {
		c.InvoicePrefix = *in.InvoicePrefix
	}
	if in.NextSequence != nil {
		c.NextInvoiceSequence = *in.NextSequence
	}
	if in.PreferredLocales != nil {
		c.PreferredLocales = *in.PreferredLocales
	}
	if in.TaxExempt != nil {
		c.TaxExempt = either(*in.TaxExempt, "none")
	}
	if err := t.applyInvoicing(c, in.InvoiceSettings); err != nil {
		return err
	}
	c.Metadata, err = in.Metadata.apply(c.Metadata)
	return err
}

func (t *tx) applyInvoicing(c *Customer, in *invoicingParams) error {
	if in == nil {
		return nil
	}
	if in.CustomFields != nil {
		c.InvoiceSettings.CustomFields = *in.CustomFields
	}
	set(&c.InvoiceSettings.Footer, in.Footer)
	if id := in.DefaultPaymentMethod; id != nil && *id != "" {
		m, err := get[PaymentMethod](t, *id, "invoice_settings[default_payment_method]")
		if err != nil {
			return err
		}
		if m.Customer == nil || *m.Customer != c.ID {
			return invalid("invoice_settings[default_payment_method]", "The customer does not have a payment method with the ID %s. The payment method must be attached to the customer.", m.ID)
		}
	}
	set(&c.InvoiceSettings.DefaultPaymentMethod, in.DefaultPaymentMethod)
	return nil
}

func listCustomers(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Email     string `p:"email,max=512"`
		TestClock string `p:"test_clock"`
	}](r)
	if err != nil {
		return nil, err
	}
	filters := append(in.Created.within("created"), where(map[string]string{"email": in.Email, "test_clock": in.TestClock})...)
	if in.TestClock == "" {
		filters = append(filters, filter{sql: "json_extract(doc, '$.test_clock') IS NULL"})
	}
	return list[Customer](r, in.listParams, filters...)
}

// showCustomer answers a deleted customer with what is left of it, as Stripe does.
func showCustomer(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	doc, err := r.doc("customer", r.path("id"))
	if err != nil {
		return nil, err
	}
	if doc == nil {
		return nil, notFound("customer", r.path("id"), "id")
	}
	return parseJSON(doc)
}

func updateCustomer(r *request) (any, error) {
	in, err := read[customerParams](r)
	if err != nil {
		return nil, err
	}
	c, err := fromPath[Customer](r, "id")
	if err != nil {
		return nil, err
	}
	card := c.InvoiceSettings.DefaultPaymentMethod
	if err := r.applyCustomer(c, in); err != nil {
		return nil, err
	}
	if err := r.saveCustomer(c); err != nil {
		return nil, err
	}
	if fresh := c.InvoiceSettings.DefaultPaymentMethod; fresh == nil || card != nil && *card == *fresh {
		return c, nil
	}
	if err := r.retryPastDue(c); err != nil {
		return nil, err
	}
	return get[Customer](r.tx, c.ID, "id") // paying may have changed it
}

// saveCustomer keeps a changed customer and tells of the change.
func (t *tx) saveCustomer(c *Customer) error {
	if err := t.save(c); err != nil {
		return err
	}
	return t.emit("customer.updated", c)
}

func deleteCustomer(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	c, err := fromPath[Customer](r, "id")
	if err != nil {
		return nil, err
	}
	return r.tx.deleteCustomer(c)
}

// deleteCustomer deletes c with all that ends with them.
func (t *tx) deleteCustomer(c *Customer) (left tombstone, err error) {
	for _, end := range t.s.onCustomerGone {
		if err := end(t, c); err != nil {
			return left, err
		}
	}
	if left, err = t.remove(c); err != nil {
		return left, err
	}
	return left, t.emit("customer.deleted", c)
}
