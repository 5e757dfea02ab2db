package sandbox

import (
	"fmt"
	"strconv"
	"time"
)

// A PaymentMethod is a card, always one of Stripe's test cards, or a bank debit.
// The number of a card is never kept.
type PaymentMethod struct {
	base
	AllowRedisplay string            `json:"allow_redisplay"`
	BillingDetails BillingDetails    `json:"billing_details"`
	Card           *MethodCard       `json:"card,omitempty"` // nil for a bank debit
	Created        int64             `json:"created"`
	Customer       *string           `json:"customer"`
	Livemode       bool              `json:"livemode"`
	Metadata       map[string]string `json:"metadata"`
	Type           string            `json:"type"`
	USBank         tree              `json:"us_bank_account,omitempty"`
	Sepa           tree              `json:"sepa_debit,omitempty"`
	Bacs           tree              `json:"bacs_debit,omitempty"`
	CardKey        string            `json:"_card"`            // testCard.key
	Fails          bool              `json:"_fails,omitempty"` // of a bank debit: what the bank will answer
	SetUp          bool              `json:"_set_up"`          // its holder authenticated while saving it
	Detached       bool              `json:"_detached"`
}

// BillingDetails are what a card's holder said about themselves.
type BillingDetails struct {
	Address address `json:"address" p:"address"`
	Email   *string `json:"email" p:"email"`
	Name    *string `json:"name" p:"name,max=5000"`
	Phone   *string `json:"phone" p:"phone,max=5000"`
	TaxID   *string `json:"tax_id" p:"tax_id"`
}

// MethodCard is what is known about a card.
type MethodCard struct {
	Brand             string          `json:"brand"`
	Checks            *cardChecks     `json:"checks"`
	Country           string          `json:"country"`
	DisplayBrand      string          `json:"display_brand"`
	ExpMonth          int64           `json:"exp_month"`
	ExpYear           int64           `json:"exp_year"`
	Fingerprint       string          `json:"fingerprint"`
	Funding           string          `json:"funding"`
	GeneratedFrom     *struct{}       `json:"generated_from"`
	Last4             string          `json:"last4"`
	Networks          cardNetworks    `json:"networks"`
	RegulatedStatus   string          `json:"regulated_status"`
	ThreeDSecureUsage map[string]bool `json:"three_d_secure_usage"`
	Wallet            *struct{}       `json:"wallet"`
}

type cardChecks struct {
	Line1      *string `json:"address_line1_check"`
	PostalCode *string `json:"address_postal_code_check"`
	CVC        *string `json:"cvc_check"`
}

type cardNetworks struct {
	Available []string `json:"available"`
	Preferred *string  `json:"preferred"`
}

func (*PaymentMethod) kind() string { return "payment_method" }

// testCard is the card behind m, whose behaviour it has.
func (m *PaymentMethod) testCard() testCard {
	card, _ := cardByKey(m.CardKey) // only known keys are ever kept
	return card
}

var methodKinds = map[string]kind{"payment_method": {prefix: "pm_1", random: 23, refs: map[string]string{"customer": "customer"}}}

// words are what people call m.
func (m *PaymentMethod) words() string {
	if m.Card == nil {
		return "Bank account ending in " + debitLast4
	}
	return spell(m.Card.Brand) + " ending in " + m.Card.Last4 + ", expires " + fmt.Sprintf("%02d/%d", m.Card.ExpMonth, m.Card.ExpYear)
}

// A typedCard is a card as somebody entered it, by number or by token.
type typedCard struct {
	Number   string `p:"number,max=5000"`
	ExpMonth int64  `p:"exp_month"`
	ExpYear  int64  `p:"exp_year"`
	CVC      string `p:"cvc,max=5000"`
	Token    string `p:"token,max=5000"`
}

// typedMethod makes a method, not kept yet, of a card as it was entered. It is
// where every number is refused that Stripe did not publish for tests.
func (t *tx) typedMethod(in typedCard, details *BillingDetails) (*PaymentMethod, error) {
	if in.Token != "" {
		card, ok := cardByMagic(in.Token)
		if !ok {
			return nil, noSuch("token", in.Token, "card[token]")
		}
		return t.newMethod(card, in.ExpMonth, in.year(), details), nil
	}
	card, ok := cardByNumber(in.Number)
	switch {
	case in.Number == "":
		return nil, missingParam("card[number]")
	case !ok:
		e := cardError("card_declined", "test_mode_live_card", refusedNumber)
		e.Param = "card[number]"
		return nil, e
	case card.refuse != nil:
		return nil, card.refuse.at("card[number]")
	}
	if err := in.check(t.now, card); err != nil {
		return nil, err
	}
	return t.newMethod(card, in.ExpMonth, in.year(), details), nil
}

// year is the year with its century.
func (in typedCard) year() int64 {
	if in.ExpYear > 0 && in.ExpYear < 100 {
		return 2000 + in.ExpYear
	}
	return in.ExpYear
}

// check refuses a card that has expired or whose code cannot be right.
func (in typedCard) check(now time.Time, card testCard) error {
	year, digits := in.year(), 3
	if card.brand == "amex" {
		digits = 4
	}
	wrong := func(code, param, message string) error {
		e := cardError(code, "", message)
		e.Param = param
		return e
	}
	switch {
	case in.ExpMonth < 1 || in.ExpMonth > 12:
		return wrong("invalid_expiry_month", "card[exp_month]", "Your card's expiration month is invalid.")
	case year > int64(now.Year())+50, year < int64(now.Year()), year == int64(now.Year()) && in.ExpMonth < int64(now.Month()):
		return wrong("invalid_expiry_year", "card[exp_year]", "Your card's expiration year is invalid.")
	case in.CVC != "" && (!isIndex(in.CVC) || len(in.CVC) != digits):
		return wrong("invalid_cvc", "card[cvc]", "Your card's security code is invalid.")
	}
	return nil
}

// at is the decline as an error about param.
func (d *cardDecline) at(param string) *apiError {
	e := cardError(d.code, d.declineCode, d.message)
	if e.Code != "card_declined" && e.Code == d.declineCode {
		e.DeclineCode = ""
	}
	e.Param = param
	return e
}

// newMethod makes a method, not kept yet, of a test card. Without a month it
// lasts three more years.
func (t *tx) newMethod(card testCard, month, year int64, details *BillingDetails) *PaymentMethod {
	if month == 0 {
		month, year = int64(t.now.Month()), int64(t.now.Year())+3
	}
	m := &PaymentMethod{AllowRedisplay: "unspecified", Created: t.unix(), Metadata: map[string]string{}, Type: "card", CardKey: card.key}
	m.ID = t.s.newID("payment_method")
	if details != nil {
		m.BillingDetails = *details
	}
	pass := "pass"
	m.Card = &MethodCard{
		Brand: card.brand, Checks: &cardChecks{CVC: &pass}, Country: card.country, DisplayBrand: card.brand,
		ExpMonth: month, ExpYear: year, Fingerprint: fingerprintOf(card), Funding: card.funding, Last4: card.last4(),
		Networks: cardNetworks{Available: []string{card.brand}}, RegulatedStatus: "unregulated",
		ThreeDSecureUsage: map[string]bool{"supported": true},
	}
	return m
}

// methodOf finds a kept method, or makes one of a magic id such as pm_card_visa.
func (t *tx) methodOf(id, param string) (*PaymentMethod, error) {
	if fails, ok := debitByMagic(id); ok {
		m := t.newDebit(usBankAccount, fails, nil)
		return m, t.insert(m)
	}
	card, magic := cardByMagic(id)
	if !magic {
		return get[PaymentMethod](t, id, param)
	}
	m := t.newMethod(card, 0, 0, nil)
	return m, t.insert(m)
}

// attach ties m to c, unless its bank says no or m was detached before.
func (t *tx) attach(m *PaymentMethod, c *Customer) error {
	if m.Customer != nil && *m.Customer == c.ID {
		return nil
	}
	if m.Customer != nil {
		return invalid("payment_method", "The payment method you provided has already been attached to a customer.")
	}
	if m.Detached {
		return invalid("payment_method", "This PaymentMethod was previously used with a customer and then detached. It may not be used again.")
	}
	if decline := m.testCard().attach; decline != nil {
		return decline.at("")
	}
	m.Customer = &c.ID
	if err := t.save(m); err != nil {
		return err
	}
	return t.emit("payment_method.attached", m)
}

// detach unties m from its customer, for good.
func (t *tx) detach(m *PaymentMethod) error {
	m.Customer, m.Detached = nil, true
	if err := t.save(m); err != nil {
		return err
	}
	return t.emit("payment_method.detached", m)
}

// detachAll is what a customer's deletion does to their methods.
func detachAll(t *tx, c *Customer) error {
	methods, err := all[PaymentMethod](t, eq("customer", c.ID))
	if err != nil {
		return err
	}
	for _, m := range methods {
		if err := t.detach(m); err != nil {
			return err
		}
	}
	return nil
}

// fingerprintOf is the same for the same number, as at Stripe.
func fingerprintOf(card testCard) string {
	var sum uint64 = 14695981039346656037
	for _, digit := range []byte(card.number) {
		sum = (sum ^ uint64(digit)) * 1099511628211
	}
	return "F" + strconv.FormatUint(sum, 36)
}
