package sandbox

import (
	"slices"
	"strings"
)

// refusedNumber is what people read who type a number that Stripe did not publish.
const refusedNumber = "This is not one of Stripe's test numbers. Real cards are refused here."

// An authRule says when a card's bank asks its holder to authenticate (3D Secure).
type authRule int

const (
	authNever       authRule = iota
	authUnlessSetUp          // until it was authenticated once while being saved
	authOnSession            // already set up: only when the holder is present
	authAlways
)

// A cardDecline is a bank's no.
type cardDecline struct{ code, declineCode, message string }

// A testCard is one of Stripe's published test cards and what its bank does.
type testCard struct {
	key     string // the word in pm_card_<key>; this is what is stored, never the number
	number  string
	brand   string
	funding string
	country string
	refuse  *cardDecline // when the number is entered
	attach  *cardDecline // when it is saved to a customer
	charge  *cardDecline // when it is charged
	auth    authRule
	dispute string   // the reason its holder gives for taking every payment back, "" for none
	aliases []string // further words for pm_card_<word> and tok_<word>
}

var (
	declined     = &cardDecline{"card_declined", "generic_decline", "Your card was declined."}
	insufficient = &cardDecline{"card_declined", "insufficient_funds", "Your card has insufficient funds."}
	lost         = &cardDecline{"card_declined", "lost_card", "Your card was declined."}
	stolen       = &cardDecline{"card_declined", "stolen_card", "Your card was declined."}
	velocity     = &cardDecline{"card_declined", "card_velocity_exceeded", "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."}
	expired      = &cardDecline{"expired_card", "expired_card", "Your card has expired."}
	wrongCVC     = &cardDecline{"incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."}
	processing   = &cardDecline{"processing_error", "processing_error", "An error occurred while processing your card. Try again in a little bit."}
	wrongNumber  = &cardDecline{"incorrect_number", "incorrect_number", "Your card number is incorrect."}
	needsAuth    = &cardDecline{"authentication_required", "authentication_required", "Your card was declined. This transaction requires authentication."}
	unauthentic  = &cardDecline{"payment_intent_authentication_failure", "", "We are unable to authenticate your payment method. Please choose a different payment method and try again."}
)

// testCards are the numbers of Stripe's "Testing" page that this sandbox simulates.
var testCards = []testCard{
	{key: "visa", number: "4242424242424242", brand: "visa", funding: "credit", country: "US"},
	{key: "visa_debit", number: "4000056655665556", brand: "visa", funding: "debit", country: "US"},
	{key: "mastercard", number: "5555555555554444", brand: "mastercard", funding: "credit", country: "US"},
	{key: "mastercard_debit", number: "5200828282828210", brand: "mastercard", funding: "debit", country: "US"},
	{key: "mastercard_prepaid", number: "5105105105105100", brand: "mastercard", funding: "prepaid", country: "US"},
	{key: "mastercard_2series", number: "2223003122003222", brand: "mastercard", funding: "credit", country: "US"},
	{key: "amex", number: "378282246310005", brand: "amex", funding: "credit", country: "US"},
	{key: "amex_corporate", number: "371449635398431", brand: "amex", funding: "credit", country: "US"},
	{key: "discover", number: "6011111111111117", brand: "discover", funding: "credit", country: "US"},
	{key: "diners", number: "3056930009020004", brand: "diners", funding: "credit", country: "US"},
	{key: "jcb", number: "3566002020360505", brand: "jcb", funding: "credit", country: "JP"},
	{key: "unionpay", number: "6200000000000005", brand: "unionpay", funding: "credit", country: "CN"},
	{key: "gb", number: "4000008260000000", brand: "visa", funding: "credit", country: "GB"},
	{key: "de", number: "4000002760000016", brand: "visa", funding: "credit", country: "DE"},
	{key: "fr", number: "4000002500000003", brand: "visa", funding: "credit", country: "FR"},
	{key: "bypassPending", number: "4000000000000077", brand: "visa", funding: "credit", country: "US"},

	declining("chargeDeclined", "4000000000000002", declined),
	declining("chargeDeclinedInsufficientFunds", "4000000000009995", insufficient),
	declining("chargeDeclinedLostCard", "4000000000009987", lost),
	declining("chargeDeclinedStolenCard", "4000000000009979", stolen),
	declining("chargeDeclinedExpiredCard", "4000000000000069", expired),
	declining("chargeDeclinedIncorrectCvc", "4000000000000127", wrongCVC),
	declining("chargeDeclinedProcessingError", "4000000000000119", processing),
	declining("chargeDeclinedVelocityLimitExceeded", "4000000000006975", velocity),
	{key: "incorrectNumber", number: "4242424242424241", brand: "visa", funding: "credit", country: "US", refuse: wrongNumber},
	{key: "createDispute", number: "4000000000000259", brand: "visa", funding: "credit", country: "US", dispute: "fraudulent"},
	{key: "createDisputeProductNotReceived", number: "4000000000002685", brand: "visa", funding: "credit", country: "US", dispute: "product_not_received"},
	{key: "createDisputeInquiry", number: "4000000000001976", brand: "visa", funding: "credit", country: "US", dispute: "inquiry"},
	{key: "chargeCustomerFail", number: "4000000000000341", brand: "visa", funding: "credit", country: "US", charge: declined},

	secure("authenticationRequiredOnSetup", "4000002500003155", authUnlessSetUp, nil),
	secure("authenticationRequired", "4000002760003184", authAlways, nil),
	secure("authenticationRequiredSetupForOffSession", "4000003800000446", authOnSession, nil),
	secure("authenticationRequiredChargeDeclinedInsufficientFunds", "4000008260003178", authAlways, insufficient),
	secure("threeDSecure2Required", "4000000000003220", authAlways, nil),
	secure("threeDSecureRequiredChargeDeclined", "4000008400001629", authAlways, declined),
}

func declining(key, number string, why *cardDecline) testCard {
	return testCard{key: key, number: number, brand: "visa", funding: "credit", country: "US", attach: why, charge: why, aliases: []string{"visa_" + key}}
}

func secure(key, number string, rule authRule, charge *cardDecline) testCard {
	return testCard{key: key, number: number, brand: "visa", funding: "credit", country: "US", auth: rule, charge: charge}
}

// last4 is the only part of a number that is ever kept.
func (c testCard) last4() string { return c.number[len(c.number)-4:] }

// cardByNumber finds the test card that somebody typed, spaces and dashes aside.
func cardByNumber(typed string) (testCard, bool) {
	number := strings.NewReplacer(" ", "", "-", "").Replace(typed)
	return findCard(func(c testCard) bool { return c.number == number })
}

// cardByMagic finds the card behind a magic id such as pm_card_visa or tok_visa.
func cardByMagic(id string) (testCard, bool) {
	word, ok := strings.CutPrefix(id, "pm_card_")
	if !ok {
		word, ok = strings.CutPrefix(id, "tok_")
	}
	if !ok {
		return testCard{}, false
	}
	return cardByKey(word)
}

// cardByKey finds the card that was stored under key.
func cardByKey(key string) (testCard, bool) {
	return findCard(func(c testCard) bool {
		return c.key == key || slices.Contains(c.aliases, key)
	})
}

func findCard(match func(testCard) bool) (testCard, bool) {
	for _, c := range testCards {
		if match(c) {
			return c, true
		}
	}
	return testCard{}, false
}

// An attempt is the situation in which a card is used.
type attempt struct {
	offSession    bool // the holder is not there
	authenticated bool // the holder has just passed 3D Secure
	setUp         bool // it was authenticated before, for later use
	automatic     bool // nobody asked for it: a renewal, or one of its retries
}

// A bankAnswer is what comes back: a yes, a decline, or a demand to authenticate.
type bankAnswer struct {
	decline  *cardDecline
	mustAuth bool
}

// ok reports whether the money moved, or the card was saved.
func (a bankAnswer) ok() bool { return a.decline == nil && !a.mustAuth }

// onCharge asks the bank for money.
func (c testCard) onCharge(a attempt) bankAnswer {
	if c.wantsAuth(a) && !a.authenticated {
		return bankAnswer{mustAuth: true}
	}
	return bankAnswer{decline: c.charge}
}

// onSetup asks the bank to save the card for later.
func (c testCard) onSetup(a attempt) bankAnswer {
	if c.attach != nil {
		return bankAnswer{decline: c.attach}
	}
	if c.auth != authNever && c.auth != authOnSession && !a.authenticated {
		return bankAnswer{mustAuth: true}
	}
	return bankAnswer{}
}

func (c testCard) wantsAuth(a attempt) bool {
	switch c.auth {
	case authAlways:
		return true
	case authUnlessSetUp:
		return !a.setUp
	case authOnSession:
		return !a.offSession
	default:
		return false
	}
}
