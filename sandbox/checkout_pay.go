package sandbox

import (
	"context"
	"strings"

	"tollgate/money"
)

// A payer is who pays a session: what they typed, and the card they pay with.
type payer struct {
	Email, Name, Country string
	Authenticated        bool // they have just passed 3D Secure
	method               *PaymentMethod
}

// A payment is what became of trying to pay.
type payment struct {
	decline *cardDecline // the bank's no
	action  bool         // the holder has to authenticate first
	next    string       // where the browser goes when it is paid
}

// payCheckout is what the hosted page does: it pays the session id of account
// with the card that was typed. A decline, or a demand to authenticate, leaves
// the session open and everything else as it was.
func (s *Server) payCheckout(ctx context.Context, account, id string, card typedCard, who payer) (payment, error) {
	return s.completeCheckout(ctx, account, id, who, func(t *tx, _ *CheckoutSession, details *BillingDetails) (*PaymentMethod, error) {
		return t.typedMethod(card, details)
	})
}

// debitCheckout pays by a bank debit that will fail, or not.
func (s *Server) debitCheckout(ctx context.Context, account, id string, fails bool, who payer) (payment, error) {
	return s.completeCheckout(ctx, account, id, who, func(t *tx, session *CheckoutSession, details *BillingDetails) (*PaymentMethod, error) {
		kind := session.debit()
		if kind == "" {
			return nil, invalid("", "This Checkout takes no bank debits.")
		}
		return t.newDebit(kind, fails, details), nil
	})
}

// completeCheckout pays a session with what method makes.
func (s *Server) completeCheckout(ctx context.Context, account, id string, who payer,
	method func(*tx, *CheckoutSession, *BillingDetails) (*PaymentMethod, error)) (out payment, err error) {
	err = s.transact(ctx, account, func(t *tx) (bool, error) {
		session, err := get[CheckoutSession](t, id, "session")
		if err != nil {
			return false, err
		}
		details := &BillingDetails{Address: address{Country: optional(who.Country)}, Email: optional(who.Email), Name: optional(who.Name)}
		if who.method, err = method(t, session, details); err != nil {
			return false, err
		}
		if out, err = t.payWith(session, who); err != nil {
			return false, err
		}
		return out.next != "", nil
	})
	return out, err
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// errNotOpen is what somebody gets who pays a session that is over.
var errNotOpen = invalidCode("checkout_session_not_open", "", "This Checkout Session is not open any more: it is complete or expired.")

// payWith completes an open session with a card, or says why not. Only when it
// is paid may the transaction be committed.
func (t *tx) payWith(s *CheckoutSession, who payer) (payment, error) {
	if s.Status != checkoutOpen {
		return payment{}, errNotOpen
	}
	on, err := t.onClock(s.clock())
	if err != nil {
		return payment{}, err
	}
	due, err := s.dueNow()
	if err != nil {
		return payment{}, err
	}
	if answer := asked(who, due); !answer.ok() {
		return payment{decline: answer.decline, action: answer.mustAuth}, nil
	}
	who.method.SetUp = who.Authenticated
	if err := on.fulfil(s, who, due); err != nil {
		return payment{}, err
	}
	return payment{next: strings.ReplaceAll(*s.SuccessURL, "{CHECKOUT_SESSION_ID}", s.ID)}, t.unschedule(checkoutExpires, s.ID)
}

// asked is the bank's answer before anything is made: to the charge, or to
// saving the card when nothing is due yet.
func asked(who payer, due money.Amount) bankAnswer {
	card, how := who.method.testCard(), attempt{authenticated: who.Authenticated}
	if due.IsZero() {
		return card.onSetup(how)
	}
	return card.onCharge(how)
}

// fulfil makes everything that a paid session leads to, and tells of it in the
// order that Stripe does.
func (t *tx) fulfil(s *CheckoutSession, who payer, due money.Amount) error {
	c, err := t.buyer(s, who)
	if err != nil {
		return err
	}
	if err := t.saveCard(c, who.method); err != nil {
		return err
	}
	s.Status, s.URL, s.PaymentStatus = checkoutComplete, nil, "paid"
	s.CustomerDetails = &customerDetails{Address: &who.method.BillingDetails.Address, Email: c.Email, Name: c.Name, TaxExempt: &c.TaxExempt, TaxIDs: []struct{}{}}
	if who.Email != "" {
		s.CustomerDetails.Email = &who.Email
	}
	if s.Mode == "subscription" {
		err = t.fulfilSubscription(s, c, who)
	} else {
		err = t.fulfilPayment(s, c, who, due)
	}
	if err != nil {
		return err
	}
	waits, err := t.debited(s)
	switch {
	case err != nil:
		return err
	case waits:
		s.PaymentStatus = "unpaid"
	case due.IsZero():
		s.PaymentStatus = "no_payment_required"
	}
	if err := t.save(s); err != nil {
		return err
	}
	return t.emit("checkout.session.completed", s)
}

// buyer is the session's customer, made now when it names none.
func (t *tx) buyer(s *CheckoutSession, who payer) (*Customer, error) {
	if s.Customer != nil {
		c, err := get[Customer](t, *s.Customer, "customer")
		if err != nil {
			return nil, err
		}
		return c, t.updateBuyer(s, c, who)
	}
	email := optional(who.Email)
	if email == nil {
		email = s.CustomerEmail
	}
	c := &Customer{InvoicePrefix: t.s.invoicePrefix(), NextInvoiceSequence: 1, PreferredLocales: []string{}, TaxExempt: "none",
		Created: t.unix(), Email: email, Name: optional(who.Name), Metadata: map[string]string{}}
	if err := t.insert(c); err != nil {
		return nil, err
	}
	s.Customer = &c.ID
	return c, t.emit("customer.created", c)
}

// updateBuyer keeps what was typed, where the session says so.
func (t *tx) updateBuyer(s *CheckoutSession, c *Customer, who payer) error {
	if s.Terms.UpdateName && who.Name != "" {
		c.Name = &who.Name
	}
	if s.Terms.UpdateAddress && who.Country != "" {
		c.Address = &address{Country: &who.Country}
	}
	return t.saveCustomer(c)
}

// saveCard keeps the card for its customer.
func (t *tx) saveCard(c *Customer, m *PaymentMethod) error {
	kept, err := find[PaymentMethod](t, m.ID)
	if err != nil {
		return err
	}
	if kept == nil {
		if err := t.insert(m); err != nil {
			return err
		}
	}
	return t.attach(m, c)
}

func (t *tx) fulfilSubscription(s *CheckoutSession, c *Customer, who payer) error {
	in := subscriptionCreate{Customer: c.ID, BillingMode: &modeParams{Type: s.Terms.Mode}, TrialPeriodDays: s.Terms.TrialDays}
	if s.Terms.TrialEnd != nil {
		in.TrialEnd = *decimalOf(*s.Terms.TrialEnd)
	}
	for _, b := range s.Basket {
		in.Items = append(in.Items, itemParams{Price: b.Price.ID, Quantity: b.Quantity})
	}
	sub, err := t.newSubscription(c, in, newest)
	if err != nil {
		return err
	}
	sub.Metadata, sub.Description, sub.ApplicationFeePercent = s.Terms.Metadata, s.Terms.Description, s.Terms.Fee
	sub.DefaultPaymentMethod = &who.method.ID
	sub.TrialSettings.EndBehavior.MissingPaymentMethod = s.Terms.MissingCard
	s.Subscription = &sub.ID
	lines, err := t.firstLines(sub)
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		return t.announce(sub)
	}
	i, err := t.firstInvoice(sub, c, lines)
	if err != nil {
		return err
	}
	s.Invoice = &i.ID
	return t.payAndAnnounce(sub, i, c, who)
}

// payAndAnnounce has the first invoice paid before the subscription is told of:
// with Checkout there is none until it is paid.
func (t *tx) payAndAnnounce(sub *Subscription, i *Invoice, c *Customer, who payer) error {
	if err := t.keepDraft(i, false); err != nil {
		return err
	}
	if due, _ := i.due(c); due == 0 {
		if err := t.announce(sub); err != nil {
			return err
		}
		return t.finalize(i, c)
	}
	if err := t.finalize(i, c); err != nil {
		return err
	}
	v, err := t.attempt(i, who.method, attempt{authenticated: who.Authenticated, setUp: who.Authenticated})
	if err == nil && !v.paid() && !v.pending {
		err = errMindChanged
	}
	if err != nil {
		return err
	}
	if v.pending {
		return t.announceDebited(sub, i)
	}
	if err := t.announce(sub); err != nil {
		return err
	}
	return t.settle(i, v.charge)
}

func (t *tx) fulfilPayment(s *CheckoutSession, c *Customer, who payer, due money.Amount) error {
	if due.IsZero() {
		return nil
	}
	p := t.newIntent(due, &c.ID, "")
	if d := s.Intent; d != nil {
		p.Description, p.Descriptor, p.DescriptorSuffix, p.SetupFutureUsage = d.Description, d.Descriptor, d.Suffix, d.FutureUsage
		p.Metadata, p.ReceiptEmail, p.Shipping = d.Metadata, d.ReceiptEmail, d.Shipping
	}
	if err := t.insert(p); err != nil {
		return err
	}
	if err := t.emit("payment_intent.created", p); err != nil {
		return err
	}
	s.PaymentIntent = &p.ID
	v, err := t.charge(p, who.method, attempt{authenticated: who.Authenticated})
	if err == nil && !v.paid() && !v.pending {
		err = errMindChanged
	}
	return err
}

// errMindChanged cannot happen: asked has the bank's answer already.
var errMindChanged = invalid("", "The bank changed its mind in the middle of a payment.")

// checkoutByID finds a session, and whose it is, for its page.
func (s *Server) checkoutByID(ctx context.Context, id string) (account string, session *CheckoutSession, err error) {
	err = s.read(ctx, "", func(t *tx) error {
		found, err := t.scan(`SELECT account FROM objects WHERE type = 'checkout.session' AND id = ? AND deleted = 0`, []any{id}, &account)
		if err != nil || !found {
			return err
		}
		session, err = find[CheckoutSession](t.as(account), id)
		return err
	})
	return account, session, err
}
