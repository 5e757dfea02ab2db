package sandbox

import "tollgate/money"

// newIntent opens a payment intent over amount for c.
func (t *tx) newIntent(amount money.Amount, customer *string, description string) *PaymentIntent {
	p := &PaymentIntent{
		Amount: amount.Minor(), Currency: amount.Currency().Code(), Customer: customer, Created: t.unix(),
		CaptureMethod: "automatic", ConfirmationMethod: "automatic", Metadata: map[string]string{},
		MethodOptions: tree{"card": tree{"installments": nil, "mandate_options": nil, "network": nil, "request_three_d_secure": "automatic"}},
		MethodTypes:   []string{"card"}, Status: intentNeedsMethod,
	}
	if description != "" {
		p.Description = &description
	}
	p.ID = t.s.newID("payment_intent")
	p.ClientSecret = p.ID + "_secret_" + t.s.random(25)
	return p
}

// A verdict is what became of an attempt to charge.
type verdict struct {
	charge  *Charge
	decline *cardDecline // nil when the bank did not decline
	action  bool         // the holder has to authenticate first
	pending bool         // the bank answers days later
}

func (v verdict) paid() bool { return v.decline == nil && !v.action && !v.pending }

// charge asks the bank behind m for what p wants, and keeps the answer on p.
func (t *tx) charge(p *PaymentIntent, m *PaymentMethod, how attempt) (verdict, error) {
	if m.Card == nil {
		return t.debit(p, m)
	}
	how.setUp = how.setUp || m.SetUp
	p.PaymentMethod, p.NextAction = &m.ID, nil
	answer := m.testCard().onCharge(how)
	switch {
	case answer.mustAuth && how.offSession && p.Invoice != "": // its holder can still do it: see Approve
		return verdict{decline: needsAuth, action: true}, t.needsAction(p)
	case answer.mustAuth && how.offSession:
		return t.declined(p, m, needsAuth, true)
	case answer.mustAuth:
		return verdict{action: true}, t.needsAction(p)
	case answer.decline != nil:
		return t.declined(p, m, answer.decline, false)
	}
	return t.succeeded(p, m)
}

// needsAction waits for the holder to authenticate.
func (t *tx) needsAction(p *PaymentIntent) error {
	p.Status = intentNeedsAction
	bank := t.s.url("/3ds/" + p.ID)
	p.NextAction = tree{"type": "use_stripe_sdk", "use_stripe_sdk": tree{"type": "three_d_secure_redirect", "stripe_js": bank}}
	if p.ReturnURL != "" {
		p.NextAction = tree{"type": "redirect_to_url", "redirect_to_url": tree{"url": bank, "return_url": p.ReturnURL}}
	}
	if err := t.save(p); err != nil {
		return err
	}
	return t.emit("payment_intent.requires_action", p)
}

func (t *tx) succeeded(p *PaymentIntent, m *PaymentMethod) (verdict, error) {
	c := t.newCharge(p, m)
	c.Paid, c.Captured, c.AmountCaptured, c.Status = true, true, p.Amount, "succeeded"
	c.Outcome = &chargeOutcome{NetworkStatus: "approved_by_network", RiskLevel: "normal", RiskScore: 12, SellerMessage: "Payment complete.", Type: "authorized"}
	if err := t.insert(c); err != nil {
		return verdict{}, err
	}
	if err := t.emit("charge.succeeded", c); err != nil {
		return verdict{}, err
	}
	p.Status, p.AmountReceived, p.LatestCharge, p.LastPaymentError = intentSucceeded, p.Amount, &c.ID, nil
	if err := t.save(p); err != nil {
		return verdict{}, err
	}
	if err := t.planDispute(c, m); err != nil {
		return verdict{}, err
	}
	return verdict{charge: c}, t.emit("payment_intent.succeeded", p)
}

func (t *tx) declined(p *PaymentIntent, m *PaymentMethod, why *cardDecline, action bool) (verdict, error) {
	c := t.newCharge(p, m)
	c.Status, c.FailureCode, c.FailureMessage = "failed", &why.code, &why.message
	reason := either(why.declineCode, why.code)
	c.Outcome = &chargeOutcome{NetworkStatus: "declined_by_network", Reason: &reason, RiskLevel: "normal", RiskScore: 12,
		SellerMessage: "The bank did not return any further details with this decline.", Type: "issuer_declined"}
	if err := t.insert(c); err != nil {
		return verdict{}, err
	}
	if err := t.emit("charge.failed", c); err != nil {
		return verdict{}, err
	}
	p.Status, p.LatestCharge, p.PaymentMethod = intentNeedsMethod, &c.ID, nil
	p.LastPaymentError = &paymentError{Charge: &c.ID, Code: why.code, DeclineCode: why.declineCode, Message: why.message, Type: "card_error",
		DocURL: "https://stripe.com/docs/error-codes/" + dashed(why.code)}
	if why.code == why.declineCode {
		p.LastPaymentError.DeclineCode = ""
	}
	if err := t.save(p); err != nil {
		return verdict{}, err
	}
	return verdict{charge: c, decline: why, action: action}, t.emit("payment_intent.payment_failed", p)
}

// newCharge is a charge of what p wants on m, not kept yet.
func (t *tx) newCharge(p *PaymentIntent, m *PaymentMethod) *Charge {
	c := &Charge{
		Amount: p.Amount, Currency: p.Currency, Customer: p.Customer, Created: t.unix(), Description: p.Description,
		BillingDetails: m.BillingDetails, FraudDetails: tree{}, Metadata: map[string]string{},
		PaymentIntent: &p.ID, PaymentMethod: &m.ID, ApplicationFeeAmount: p.ApplicationFee,
	}
	if m.Card == nil {
		c.MethodDetails = m.debitDetails()
		return c
	}
	c.MethodDetails = tree{"type": "card", "card": tree{
		"amount_authorized": p.Amount, "authorization_code": nil, "brand": m.Card.Brand, "checks": m.Card.Checks,
		"country": m.Card.Country, "exp_month": m.Card.ExpMonth, "exp_year": m.Card.ExpYear,
		"extended_authorization": tree{"status": "disabled"}, "fingerprint": m.Card.Fingerprint, "funding": m.Card.Funding,
		"incremental_authorization": tree{"status": "unavailable"}, "installments": nil, "last4": m.Card.Last4, "mandate": nil,
		"multicapture": tree{"status": "unavailable"}, "network": m.Card.Brand, "network_token": tree{"used": false},
		"network_transaction_id": nil, "overcapture": tree{"maximum_amount_capturable": p.Amount, "status": "unavailable"},
		"regulated_status": "unregulated", "three_d_secure": nil, "wallet": nil,
	}}
	return c
}
