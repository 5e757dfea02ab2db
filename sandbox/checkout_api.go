package sandbox

var checkoutRoutes = []route{
	{"POST", "/v1/checkout/sessions", createCheckout},
	{"GET", "/v1/checkout/sessions", listCheckouts},
	{"GET", "/v1/checkout/sessions/{session}", show[CheckoutSession]("session")},
	{"POST", "/v1/checkout/sessions/{session}", updateCheckout},
	{"POST", "/v1/checkout/sessions/{session}/expire", expireCheckout},
	{"GET", "/v1/checkout/sessions/{session}/line_items", listBasket},
	{"GET", "/v1/payment_pages/{session}", showPaymentPage},
	{"POST", "/v1/payment_pages/{session}/confirm", confirmPaymentPage},
}

func updateCheckout(r *request) (any, error) {
	in, err := read[struct {
		Metadata metadataParam `p:"metadata"`
	}](r)
	if err != nil {
		return nil, err
	}
	s, err := fromPath[CheckoutSession](r, "session")
	if err != nil {
		return nil, err
	}
	if s.Metadata, err = in.Metadata.apply(s.Metadata); err != nil {
		return nil, err
	}
	return s, r.save(s)
}

func listCheckouts(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Customer     string      `p:"customer"`
		Subscription string      `p:"subscription"`
		Intent       string      `p:"payment_intent"`
		Status       string      `p:"status,enum=complete|expired|open"`
		Link         string      `p:"payment_link"`
		Others       unsimulated `p:"customer_account"`
		Details      *struct {
			Email string `p:"email,required"`
		} `p:"customer_details"`
	}](r)
	if err != nil {
		return nil, err
	}
	filters := where(map[string]string{"customer": in.Customer, "subscription": in.Subscription, "payment_intent": in.Intent,
		"status": in.Status, "payment_link": in.Link})
	if in.Details != nil {
		filters = append(filters, eq("customer_details.email", in.Details.Email))
	}
	return list[CheckoutSession](r, in.listParams, append(filters, in.Created.within("created")...)...)
}

func listBasket(r *request) (any, error) {
	in, err := read[struct{ listParams }](r)
	if err != nil {
		return nil, err
	}
	s, err := fromPath[CheckoutSession](r, "session")
	if err != nil {
		return nil, err
	}
	lines, err := r.basketLines(s)
	if err != nil {
		return nil, err
	}
	return cutPage(r, lines, in.listParams, "item", func(l checkoutLine) string { return l.ID })
}

func expireCheckout(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	s, err := fromPath[CheckoutSession](r, "session")
	if err != nil {
		return nil, err
	}
	if s.Status != checkoutOpen {
		return nil, invalid("", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of %s.", s.Status)
	}
	return s, r.expire(s)
}

func expireCheckoutTimer(t *tx, id string) error {
	s, err := find[CheckoutSession](t, id)
	if err != nil || s == nil || s.Status != checkoutOpen {
		return err
	}
	return t.expire(s)
}

// expire closes a session that was not paid.
func (t *tx) expire(s *CheckoutSession) error {
	s.Status, s.URL = checkoutExpired, nil
	if err := t.save(s); err != nil {
		return err
	}
	if err := t.unschedule(checkoutExpires, s.ID); err != nil {
		return err
	}
	return t.emit("checkout.session.expired", s)
}

// showPaymentPage is a private call of Stripe's CLI, which pays a session as its
// page would.
func showPaymentPage(r *request) (any, error) {
	s, err := fromPath[CheckoutSession](r, "session")
	if err != nil {
		return nil, err
	}
	due, err := s.dueNow()
	return tree{"id": "ppage_1" + s.ID[len(s.ID)-23:], "object": "checkout.session", "session_id": s.ID,
		"amount_total": due.Minor(), "currency": s.Currency, "status": s.Status, "livemode": false, "mode": s.Mode}, err
}

func confirmPaymentPage(r *request) (any, error) {
	in, err := read[struct {
		Method         string  `p:"payment_method,required"`
		ExpectedAmount *int64  `p:"expected_amount"`
		ReturnURL      *string `p:"return_url"`
		Email          string  `p:"email"`
	}](r)
	if err != nil {
		return nil, err
	}
	s, err := fromPath[CheckoutSession](r, "session")
	if err != nil {
		return nil, err
	}
	m, err := r.methodOf(in.Method, "payment_method")
	if err != nil {
		return nil, err
	}
	outcome, err := r.payWith(s, payer{Email: in.Email, method: m})
	if err != nil {
		return nil, err
	}
	if outcome.decline != nil {
		return nil, outcome.decline.at("")
	}
	if outcome.action {
		return nil, cardError("payment_intent_authentication_required", "", "This payment needs authentication; open the session's page.")
	}
	return showPaymentPage(r)
}
