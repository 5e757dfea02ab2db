package sandbox

import (
	"slices"
	"strconv"
	"time"
)

// A bank debit is a way of paying whose answer comes days later (Stripe: delayed
// notification payment methods). Until then its payment intent is processing,
// and a Checkout that was paid with it is complete and unpaid.
const (
	usBankAccount = "us_bank_account"
	sepaDebit     = "sepa_debit"
	bacsDebit     = "bacs_debit"
)

// debitLast4 ends every bank account here, as it does Stripe's test accounts.
const debitLast4 = "6789"

// debits are the bank debits by the only currency that each has.
var debits = map[string]string{"usd": usBankAccount, "eur": sepaDebit, "gbp": bacsDebit}

// debitSettles is the timer, on a payment intent, of the bank's answer.
const debitSettles = "payment_intent.settle"

// debitByMagic understands Stripe's ids of test bank accounts.
func debitByMagic(id string) (fails, ok bool) {
	switch id {
	case "pm_usBankAccount_success":
		return false, true
	case "pm_usBankAccount_insufficientFunds":
		return true, true
	}
	return false, false
}

// newDebit makes a bank account, not kept yet.
func (t *tx) newDebit(kind string, fails bool, details *BillingDetails) *PaymentMethod {
	m := &PaymentMethod{AllowRedisplay: "unspecified", Created: t.unix(), Metadata: map[string]string{}, Type: kind, Fails: fails}
	m.ID = t.s.newID("payment_method")
	if details != nil {
		m.BillingDetails = *details
	}
	account := m.bankAccount()
	switch kind {
	case usBankAccount:
		account["financial_connections_account"], account["status_details"] = nil, nil
		account["networks"] = tree{"preferred": "ach", "supported": []string{"ach"}}
		m.USBank = account
	case sepaDebit:
		account["generated_from"] = nil
		m.Sepa = account
	default:
		m.Bacs = account
	}
	return m
}

// bankAccount is what method and charge say about the account.
func (m *PaymentMethod) bankAccount() tree {
	print := "Fdebit" + m.Type + strconv.FormatBool(m.Fails)
	switch m.Type {
	case usBankAccount:
		return tree{"account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK",
			"fingerprint": print, "last4": debitLast4, "routing_number": "110000000"}
	case sepaDebit:
		return tree{"bank_code": "37040044", "branch_code": "", "country": "DE", "fingerprint": print, "last4": debitLast4}
	default:
		return tree{"fingerprint": print, "last4": debitLast4, "sort_code": "108800"}
	}
}

// debitDetails is payment_method_details of a charge.
func (m *PaymentMethod) debitDetails() tree {
	account := m.bankAccount()
	if account["mandate"] = nil; m.Type == usBankAccount {
		delete(account, "mandate") // it is absent, not null
		account["payment_reference"] = nil
	}
	return tree{"type": m.Type, m.Type: account}
}

// debit is the bank debit that s takes, "" for none.
func (s *CheckoutSession) debit() string {
	kind := debits[*s.Currency]
	if !slices.Contains(s.MethodTypes, kind) {
		return ""
	}
	return kind
}

// offerMethods fills in what a session can be paid with, unless it was said.
func (t *tx) offerMethods(s *CheckoutSession) error {
	if len(s.MethodTypes) > 0 {
		return nil
	}
	s.MethodTypes = []string{"card"}
	settings, err := t.settings()
	if kind := debits[*s.Currency]; err == nil && settings.OfferDebits && kind != "" {
		s.MethodTypes = append(s.MethodTypes, kind)
	}
	return err
}

// debit hands a payment to the bank, which will answer when its account's
// settings say.
func (t *tx) debit(p *PaymentIntent, m *PaymentMethod) (verdict, error) {
	if want := debits[p.Currency]; want != m.Type {
		return verdict{}, invalid("payment_method", "The payment method type %s cannot be used with the currency %s.", m.Type, p.Currency)
	}
	settings, err := t.settings()
	if err != nil {
		return verdict{}, err
	}
	clock, err := t.clockOf(p.Customer)
	if err != nil {
		return verdict{}, err
	}
	c := t.newCharge(p, m)
	c.Status, c.Captured, c.AmountCaptured = "pending", true, p.Amount
	if err := t.insert(c); err != nil {
		return verdict{}, err
	}
	if err := t.emit("charge.pending", c); err != nil {
		return verdict{}, err
	}
	p.PaymentMethod, p.NextAction = &m.ID, nil
	p.Status, p.LatestCharge, p.LastPaymentError = intentProcessing, &c.ID, nil
	if !slices.Contains(p.MethodTypes, m.Type) {
		p.MethodTypes = append(p.MethodTypes, m.Type)
	}
	if err := t.save(p); err != nil {
		return verdict{}, err
	}
	if err := t.schedule(debitSettles, p.ID, clock, t.now.Add(time.Duration(settings.DebitHours)*time.Hour)); err != nil {
		return verdict{}, err
	}
	return verdict{charge: c, pending: true}, t.emit("payment_intent.processing", p)
}

// clockOf is the test clock that a customer goes by, "" for none.
func (t *tx) clockOf(customer *string) (string, error) {
	if customer == nil {
		return "", nil
	}
	c, err := find[Customer](t, *customer)
	if err != nil || c == nil {
		return "", err
	}
	return c.clock(), nil
}

// settleDebit is the timer of the bank's answer.
func settleDebit(t *tx, id string) error {
	p, err := find[PaymentIntent](t, id)
	if err != nil || p == nil || p.Status != intentProcessing {
		return err
	}
	m, err := get[PaymentMethod](t, *p.PaymentMethod, "payment_method")
	if err != nil {
		return err
	}
	c, err := get[Charge](t, *p.LatestCharge, "charge")
	if err != nil {
		return err
	}
	if m.Fails {
		err = t.bounce(p, c)
	} else {
		err = t.clear(p, c)
	}
	if err != nil {
		return err
	}
	if err := t.settleInvoice(p, c); err != nil {
		return err
	}
	return t.settleSession(p, c.Paid)
}

// clear notes that the bank has paid.
func (t *tx) clear(p *PaymentIntent, c *Charge) error {
	c.Status, c.Paid = "succeeded", true
	if err := t.save(c); err != nil {
		return err
	}
	if err := t.emit("charge.succeeded", c); err != nil {
		return err
	}
	p.Status, p.AmountReceived = intentSucceeded, p.Amount
	if err := t.save(p); err != nil {
		return err
	}
	return t.emit("payment_intent.succeeded", p)
}

// bounced is the bank's no to a debit.
var bounced = &cardDecline{"insufficient_funds", "", "The customer's account has insufficient funds to cover this payment."}

// bounce notes that the bank has not paid.
func (t *tx) bounce(p *PaymentIntent, c *Charge) error {
	c.Status, c.Captured, c.AmountCaptured, c.FailureCode, c.FailureMessage = "failed", false, 0, &bounced.code, &bounced.message
	if err := t.save(c); err != nil {
		return err
	}
	if err := t.emit("charge.failed", c); err != nil {
		return err
	}
	p.Status, p.PaymentMethod = intentNeedsMethod, nil
	p.LastPaymentError = &paymentError{Charge: &c.ID, Code: bounced.code, Message: bounced.message, Type: "card_error",
		DocURL: "https://stripe.com/docs/error-codes/" + dashed(bounced.code)}
	if err := t.save(p); err != nil {
		return err
	}
	return t.emit("payment_intent.payment_failed", p)
}

// settleInvoice tells the invoice behind p what its bank has answered.
func (t *tx) settleInvoice(p *PaymentIntent, c *Charge) error {
	i, err := find[Invoice](t, p.Invoice)
	if err != nil || i == nil || i.Status != invoiceOpen && i.Status != invoiceUncollectible {
		return err
	}
	if c.Paid {
		return t.settle(i, c)
	}
	if err := t.unpaid(i, verdict{charge: c, decline: bounced}, attempt{offSession: true, automatic: true}); err != nil {
		return err
	}
	return expireSubscriptionLate(t, i.subscription())
}

// expireSubscriptionLate gives up a subscription whose time for a first payment
// ended while the bank was thinking.
func expireSubscriptionLate(t *tx, id string) error {
	s, err := find[Subscription](t, id)
	if err != nil || s == nil || t.now.Before(time.Unix(s.Created, 0).Add(incompleteLife)) {
		return err
	}
	return expireSubscription(t, id)
}

// settleSession tells the Checkout that p was made in what its bank has answered,
// once: what becomes of an invoice that is tried again is not the Checkout's.
func (t *tx) settleSession(p *PaymentIntent, paid bool) error {
	by := eq("payment_intent", p.ID)
	if p.Invoice != "" {
		by = eq("invoice", p.Invoice)
	}
	s, err := first[CheckoutSession](t, by)
	if err != nil || s == nil || s.Status != checkoutComplete || s.PaymentStatus != "unpaid" || s.Settled {
		return err
	}
	if s.Settled = true; paid {
		s.PaymentStatus = "paid"
	}
	if err := t.save(s); err != nil {
		return err
	}
	if !paid {
		return t.emit("checkout.session.async_payment_failed", s)
	}
	return t.emit("checkout.session.async_payment_succeeded", s)
}

// debited reports whether the payment of a session that is just being completed
// is with the bank.
func (t *tx) debited(s *CheckoutSession) (bool, error) {
	id := text(s.PaymentIntent)
	if s.Invoice != nil {
		i, err := find[Invoice](t, *s.Invoice)
		if err != nil || i == nil {
			return false, err
		}
		id = i.PaymentIntent
	}
	return t.isProcessing(id)
}

func (t *tx) isProcessing(intent string) (bool, error) {
	p, err := find[PaymentIntent](t, intent)
	return p != nil && p.Status == intentProcessing, err
}

// waitsForBank reports whether the first payment of s is with the bank.
func (t *tx) waitsForBank(s *Subscription) (bool, error) {
	i, err := t.latest(s)
	if err != nil || i == nil {
		return false, err
	}
	return t.isProcessing(i.PaymentIntent)
}

// announceDebited tells of a new subscription whose first payment is with the bank.
func (t *tx) announceDebited(s *Subscription, i *Invoice) error {
	settings, err := t.settings()
	if err != nil {
		return err
	}
	s.Status = settings.WhileDebited
	return orElse(t.save(i), t.announce(s))
}

// whileDebited makes a subscription that waited for its first payment what the
// settings say it is while the bank has it.
func (t *tx) whileDebited(i *Invoice) error {
	s, err := find[Subscription](t, i.subscription())
	if err != nil || s == nil || s.Status != subIncomplete || s.LatestInvoice == nil || *s.LatestInvoice != i.ID {
		return err
	}
	settings, err := t.settings()
	if err != nil || settings.WhileDebited == subIncomplete {
		return err
	}
	s.Status = subActive
	return t.change(s)
}

// hours is a span of whole hours in words.
func hours(n int) string {
	return either(ahead(time.Duration(n)*time.Hour), "an instant")
}
