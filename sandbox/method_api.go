package sandbox

var methodRoutes = []route{
	{"POST", "/v1/payment_methods", createMethod},
	{"GET", "/v1/payment_methods", listMethods},
	{"GET", "/v1/payment_methods/{payment_method}", showMethod},
	{"POST", "/v1/payment_methods/{payment_method}", updateMethod},
	{"POST", "/v1/payment_methods/{payment_method}/attach", attachMethod},
	{"POST", "/v1/payment_methods/{payment_method}/detach", detachMethod},
	{"GET", "/v1/customers/{customer}/payment_methods", listCustomerMethods},
	{"GET", "/v1/customers/{customer}/payment_methods/{payment_method}", showCustomerMethod},
}

type methodCreate struct {
	Type           string          `p:"type,required"`
	AllowRedisplay string          `p:"allow_redisplay,enum=always|limited|unspecified"`
	BillingDetails *BillingDetails `p:"billing_details"`
	Card           *typedCard      `p:"card"`
	Metadata       metadataParam   `p:"metadata"`
}

func createMethod(r *request) (any, error) {
	in, err := read[methodCreate](r)
	if err != nil {
		return nil, err
	}
	if in.Type != "card" {
		return nil, invalid("type", "This sandbox only simulates cards: type must be card.")
	}
	if in.Card == nil {
		return nil, missingParam("card")
	}
	m, err := r.typedMethod(*in.Card, in.BillingDetails)
	if err != nil {
		return nil, err
	}
	m.AllowRedisplay = either(in.AllowRedisplay, m.AllowRedisplay)
	if m.Metadata, err = in.Metadata.apply(nil); err != nil {
		return nil, err
	}
	return m, r.insert(m)
}

func attachMethod(r *request) (any, error) {
	in, err := read[struct {
		Customer string `p:"customer,required"`
	}](r)
	if err != nil {
		return nil, err
	}
	c, err := get[Customer](r.tx, in.Customer, "customer")
	if err != nil {
		return nil, err
	}
	m, err := methodFromPath(r)
	if err != nil {
		return nil, err
	}
	return m, r.attach(m, c)
}

// methodFromPath is fromPath that also understands magic ids.
func methodFromPath(r *request) (*PaymentMethod, error) {
	_, magic := cardByMagic(r.path("payment_method"))
	if _, debit := debitByMagic(r.path("payment_method")); magic || debit {
		return r.methodOf(r.path("payment_method"), "payment_method")
	}
	return fromPath[PaymentMethod](r, "payment_method")
}

func showMethod(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	if fails, ok := debitByMagic(r.path("payment_method")); ok {
		m := r.newDebit(usBankAccount, fails, nil)
		m.Object = m.kind()
		return m, nil
	}
	if card, magic := cardByMagic(r.path("payment_method")); magic {
		m := r.newMethod(card, 0, 0, nil)
		m.Object = m.kind()
		return m, nil
	}
	return fromPath[PaymentMethod](r, "payment_method")
}

func updateMethod(r *request) (any, error) {
	in, err := read[struct {
		AllowRedisplay string          `p:"allow_redisplay,enum=always|limited|unspecified"`
		BillingDetails *BillingDetails `p:"billing_details"`
		Metadata       metadataParam   `p:"metadata"`
		Card           *struct {
			ExpMonth int64 `p:"exp_month,min=1,most=12"`
			ExpYear  int64 `p:"exp_year"`
		} `p:"card"`
	}](r)
	if err != nil {
		return nil, err
	}
	m, err := fromPath[PaymentMethod](r, "payment_method")
	if err != nil {
		return nil, err
	}
	if m.Customer == nil {
		return nil, invalid("payment_method", "You must save this PaymentMethod to a customer before you can update it.")
	}
	m.AllowRedisplay = either(in.AllowRedisplay, m.AllowRedisplay)
	if in.BillingDetails != nil {
		m.BillingDetails = *in.BillingDetails
	}
	if in.Card != nil && m.Card == nil {
		return nil, invalid("card", "You cannot update the card of a PaymentMethod of type %s.", m.Type)
	}
	if in.Card != nil && in.Card.ExpMonth != 0 {
		m.Card.ExpMonth = in.Card.ExpMonth
	}
	if in.Card != nil && in.Card.ExpYear != 0 {
		m.Card.ExpYear = in.Card.ExpYear
	}
	if m.Metadata, err = in.Metadata.apply(m.Metadata); err != nil {
		return nil, err
	}
	if err := r.save(m); err != nil {
		return nil, err
	}
	return m, r.emit("payment_method.updated", m)
}

func detachMethod(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	m, err := fromPath[PaymentMethod](r, "payment_method")
	if err != nil {
		return nil, err
	}
	if m.Customer == nil {
		return nil, invalid("payment_method", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	c, err := find[Customer](r.tx, *m.Customer)
	if err != nil {
		return nil, err
	}
	if err := r.detach(m); err != nil {
		return nil, err
	}
	if c == nil || c.InvoiceSettings.DefaultPaymentMethod == nil || *c.InvoiceSettings.DefaultPaymentMethod != m.ID {
		return m, nil
	}
	c.InvoiceSettings.DefaultPaymentMethod = nil
	return m, r.saveCustomer(c)
}

type methodList struct {
	listParams
	Customer  string `p:"customer"`
	Type      string `p:"type"`
	Redisplay string `p:"allow_redisplay,enum=always|limited|unspecified"`
}

func listMethods(r *request) (any, error) {
	in, err := read[methodList](r)
	if err != nil {
		return nil, err
	}
	if in.Customer == "" { // Stripe lists none without a customer
		return sublist[any](r.http.URL.Path, nil), nil
	}
	return methodsOf(r, in)
}

func listCustomerMethods(r *request) (any, error) {
	in, err := read[methodList](r)
	if err != nil {
		return nil, err
	}
	in.Customer = r.path("customer")
	return methodsOf(r, in)
}

func methodsOf(r *request, in methodList) (any, error) {
	if _, err := get[Customer](r.tx, in.Customer, "customer"); err != nil {
		return nil, err
	}
	return list[PaymentMethod](r, in.listParams,
		where(map[string]string{"customer": in.Customer, "type": in.Type, "allow_redisplay": in.Redisplay})...)
}

func showCustomerMethod(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	m, err := fromPath[PaymentMethod](r, "payment_method")
	if err == nil && (m.Customer == nil || *m.Customer != r.path("customer")) {
		err = notFound("payment_method", m.ID, "payment_method")
	}
	return m, err
}
