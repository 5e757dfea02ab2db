package sandbox

import "tollgate/money"

var paymentRoutes = []route{
	{"POST", "/v1/payment_intents", createIntent},
	{"GET", "/v1/payment_intents", listIntents},
	{"GET", "/v1/payment_intents/{intent}", show[PaymentIntent]("intent")},
	{"POST", "/v1/payment_intents/{intent}/confirm", confirmIntent},
	{"POST", "/v1/payment_intents/{intent}/cancel", cancelIntent},
	{"GET", "/v1/charges", listCharges},
	{"GET", "/v1/charges/{charge}", show[Charge]("charge")},
}

type confirmParams struct {
	Method       string      `p:"payment_method"`
	OffSession   bool        `p:"off_session"`
	ReturnURL    string      `p:"return_url"`
	ClientSecret string      `p:"client_secret"`
	UseSDK       bool        `p:"use_stripe_sdk"`
	Types        []string    `p:"payment_method_types"`
	Receipt      *string     `p:"receipt_email"`
	Future       string      `p:"setup_future_usage,enum=off_session|on_session"`
	Shipping     *shipping   `p:"shipping"`
	Capture      string      `p:"capture_method,enum=automatic|automatic_async|manual"`
	Refuse       bool        `p:"error_on_requires_action"`
	Others       unsimulated `p:"allowed_payment_method_types amount_details amount_to_confirm confirmation_token excluded_payment_method_types hooks mandate mandate_data payment_details payment_method_data payment_method_options radar_options"`
}

// apply notes on p what a confirmation says beside the card.
func (in confirmParams) apply(p *PaymentIntent) error {
	switch {
	case in.Capture == "manual":
		return invalid("capture_method", "This sandbox captures at once: it does not simulate capture_method=manual.")
	case in.ReturnURL != "" && !isWebURL(in.ReturnURL):
		return invalidCode("url_invalid", "return_url", "Not a valid URL")
	}
	set(&p.ReceiptEmail, in.Receipt)
	if in.Shipping != nil {
		p.Shipping = in.Shipping
	}
	if in.Future != "" {
		p.SetupFutureUsage = &in.Future
	}
	p.ReturnURL = either(in.ReturnURL, p.ReturnURL)
	return onlyCards(in.Types)
}

// intentCreate is what a payment intent is made with.
type intentCreate struct {
	confirmParams
	Amount      int64         `p:"amount,required,min=1"`
	Currency    string        `p:"currency,required"`
	Confirm     bool          `p:"confirm"`
	Customer    *string       `p:"customer"`
	Description string        `p:"description,max=1000"`
	Metadata    metadataParam `p:"metadata"`
	Descriptor  *string       `p:"statement_descriptor,max=22"`
	Suffix      *string       `p:"statement_descriptor_suffix,max=22"`
	Confirming  string        `p:"confirmation_method,enum=automatic|manual"`
	Unplayed    unsimulated   `p:"application_fee_amount customer_account on_behalf_of payment_method_configuration transfer_data transfer_group"`
	Automatic   *struct {
		Enabled   bool   `p:"enabled,required"`
		Redirects string `p:"allow_redirects,enum=always|never"`
	} `p:"automatic_payment_methods"`
}

func createIntent(r *request) (any, error) {
	in, err := read[intentCreate](r)
	if err != nil {
		return nil, err
	}
	c, err := currencyParam(in.Currency, "currency")
	if err != nil {
		return nil, err
	}
	if in.Customer != nil {
		if _, err := get[Customer](r.tx, *in.Customer, "customer"); err != nil {
			return nil, err
		}
	}
	p := r.newIntent(money.New(in.Amount, c), in.Customer, in.Description)
	if p.Metadata, err = in.Metadata.apply(nil); err != nil {
		return nil, err
	}
	p.Descriptor, p.DescriptorSuffix = in.Descriptor, in.Suffix
	if err := in.apply(p); err != nil {
		return nil, err
	}
	if err := r.insert(p); err != nil {
		return nil, err
	}
	if err := r.emit("payment_intent.created", p); err != nil {
		return nil, err
	}
	if !in.Confirm {
		return p, r.nameMethod(p, in.Method)
	}
	return p, r.confirm(p, in.confirmParams)
}

// nameMethod notes the card that an intent is to be paid with.
func (t *tx) nameMethod(p *PaymentIntent, id string) error {
	if id == "" {
		return nil
	}
	m, err := t.methodOf(id, "payment_method")
	if err != nil {
		return err
	}
	p.PaymentMethod, p.Status = &m.ID, intentNeedsConfirm
	return t.save(p)
}

func confirmIntent(r *request) (any, error) {
	in, err := read[confirmParams](r)
	if err != nil {
		return nil, err
	}
	p, err := fromPath[PaymentIntent](r, "intent")
	if err != nil {
		return nil, err
	}
	return p, r.confirm(p, in)
}

// confirm charges p. Where p pays an invoice, the invoice follows.
func (t *tx) confirm(p *PaymentIntent, in confirmParams) error {
	if p.Status == intentSucceeded || p.Status == intentCanceled {
		return invalidCode("payment_intent_unexpected_state", "", "You cannot confirm this PaymentIntent because it has a status of %s.", p.Status)
	}
	id := in.Method
	if id == "" && p.PaymentMethod != nil {
		id = *p.PaymentMethod
	}
	if id == "" {
		return invalidCode("payment_intent_unexpected_state", "payment_method", "You cannot confirm this PaymentIntent because it's missing a payment method.")
	}
	if err := in.apply(p); err != nil {
		return err
	}
	if err := t.save(p); err != nil {
		return err
	}
	m, err := t.methodOf(id, "payment_method")
	if err != nil {
		return err
	}
	v, err := t.confirmWith(p, m, attempt{offSession: in.OffSession})
	if err == nil && v.action && v.decline == nil && in.Refuse {
		return cardError("authentication_required", "authentication_required", needsAuth.message)
	}
	if err != nil || v.decline == nil {
		return err
	}
	e := v.decline.at("")
	e.PaymentIntent = p
	return keep(e)
}

// confirmWith charges p with m, as part of its invoice if it has one.
func (t *tx) confirmWith(p *PaymentIntent, m *PaymentMethod, how attempt) (verdict, error) {
	if p.Invoice == "" {
		return t.charge(p, m, how)
	}
	i, err := get[Invoice](t, p.Invoice, "invoice")
	if err != nil {
		return verdict{}, err
	}
	v, err := t.collect(i, m, how)
	if err != nil {
		return v, err
	}
	fresh, err := get[PaymentIntent](t, p.ID, "intent")
	if err == nil {
		*p = *fresh
	}
	return v, err
}

// authenticate is what the 3D Secure page does: the holder approved, or did not.
func (t *tx) authenticate(p *PaymentIntent, approved bool) (verdict, error) {
	if p.Status != intentNeedsAction || p.PaymentMethod == nil {
		return verdict{}, invalidCode("payment_intent_unexpected_state", "", "This payment does not wait for authentication.")
	}
	m, err := get[PaymentMethod](t, *p.PaymentMethod, "payment_method")
	if err != nil {
		return verdict{}, err
	}
	if approved {
		return t.confirmWith(p, m, attempt{authenticated: true})
	}
	p.Status, p.NextAction, p.PaymentMethod = intentNeedsMethod, nil, nil
	p.LastPaymentError = &paymentError{Code: unauthentic.code, Message: unauthentic.message, Type: "invalid_request_error",
		DocURL: "https://stripe.com/docs/error-codes/" + dashed(unauthentic.code)}
	if err := t.save(p); err != nil {
		return verdict{}, err
	}
	return verdict{decline: unauthentic}, t.emit("payment_intent.payment_failed", p)
}

func cancelIntent(r *request) (any, error) {
	in, err := read[struct {
		Reason string `p:"cancellation_reason,enum=abandoned|duplicate|fraudulent|requested_by_customer"`
	}](r)
	if err != nil {
		return nil, err
	}
	p, err := fromPath[PaymentIntent](r, "intent")
	if err != nil {
		return nil, err
	}
	if p.Status == intentSucceeded || p.Invoice != "" {
		return nil, invalidCode("payment_intent_unexpected_state", "", "You cannot cancel this PaymentIntent because it has a status of %s or belongs to an invoice.", p.Status)
	}
	if err := r.cancelIntent(p.ID, in.Reason); err != nil {
		return nil, err
	}
	return get[PaymentIntent](r.tx, p.ID, "intent")
}

func listIntents(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Customer string `p:"customer"`
	}](r)
	if err != nil {
		return nil, err
	}
	return list[PaymentIntent](r, in.listParams, append(where(map[string]string{"customer": in.Customer}), in.Created.within("created")...)...)
}

func listCharges(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Customer string `p:"customer"`
		Intent   string `p:"payment_intent"`
	}](r)
	if err != nil {
		return nil, err
	}
	return list[Charge](r, in.listParams, append(where(map[string]string{"customer": in.Customer, "payment_intent": in.Intent}), in.Created.within("created")...)...)
}
