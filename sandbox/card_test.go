package sandbox

import (
	"strings"
	"testing"
)

func TestOnlyPublishedNumbersAreCards(t *testing.T) {
	t.Parallel()
	for typed, known := range map[string]bool{
		"4242 4242 4242 4242": true,
		"4242-4242-4242-4242": true,
		"4242424242424242":    true,
		"378282246310005":     true,
		"4539578763621486":    false, // passes Luhn, but nobody published it
		"":                    false,
		"4242":                false,
	} {
		if _, ok := cardByNumber(typed); ok != known {
			t.Errorf("cardByNumber(%q) found a card: %v, want %v", typed, ok, known)
		}
	}
}

func TestMagicIDsNameTheirCard(t *testing.T) {
	t.Parallel()
	for id, last4 := range map[string]string{
		"pm_card_visa":                       "4242",
		"tok_visa":                           "4242",
		"pm_card_visa_chargeDeclined":        "0002",
		"pm_card_chargeDeclined":             "0002",
		"tok_chargeCustomerFail":             "0341",
		"pm_card_authenticationRequired":     "3184",
		"pm_card_threeDSecure2Required":      "3220",
		"pm_card_chargeDeclinedExpiredCard":  "0069",
		"tok_visa_chargeDeclinedExpiredCard": "0069",
	} {
		card, ok := cardByMagic(id)
		if !ok || card.last4() != last4 {
			t.Errorf("cardByMagic(%q) = …%v, %v; want …%s", id, card, ok, last4)
		}
	}
	if _, ok := cardByMagic("pm_1ABC"); ok {
		t.Error("an ordinary payment method id is taken for a magic one")
	}
}

func TestBanksAnswerAsPublished(t *testing.T) {
	t.Parallel()
	on, off := attempt{}, attempt{offSession: true}
	passed := attempt{authenticated: true}
	later := attempt{offSession: true, setUp: true}
	for _, c := range []struct {
		last4 string
		when  attempt
		want  string
	}{
		{"4242", on, "ok"}, {"4242", off, "ok"},
		{"0002", on, "generic_decline"}, {"9995", on, "insufficient_funds"},
		{"0341", on, "generic_decline"}, {"0341", off, "generic_decline"},
		{"3155", on, "auth"}, {"3155", passed, "ok"}, {"3155", later, "ok"}, {"3155", off, "auth"},
		{"3184", on, "auth"}, {"3184", passed, "ok"}, {"3184", later, "auth"},
		{"0446", on, "auth"}, {"0446", off, "ok"},
		{"3178", on, "auth"}, {"3178", passed, "insufficient_funds"},
		{"3220", on, "auth"}, {"3220", passed, "ok"},
		{"1629", on, "auth"}, {"1629", passed, "generic_decline"},
	} {
		if got := describeAnswer(cardEnding(t, c.last4).onCharge(c.when)); got != c.want {
			t.Errorf("…%s charged %+v: %s, want %s", c.last4, c.when, got, c.want)
		}
	}
}

func TestSavingACard(t *testing.T) {
	t.Parallel()
	for last4, want := range map[string]string{
		"4242": "ok", "0341": "ok", "0002": "generic_decline", "0446": "ok", "3155": "auth", "3184": "auth",
	} {
		if got := describeAnswer(cardEnding(t, last4).onSetup(attempt{})); got != want {
			t.Errorf("…%s saved: %s, want %s", last4, got, want)
		}
	}
}

func TestCardKeysNeverContainTheNumber(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range testCards {
		if strings.Contains(c.key, c.last4()) || seen[c.key] || seen[c.number] {
			t.Errorf("key %q is not an innocent, unique word", c.key)
		}
		seen[c.key], seen[c.number] = true, true
	}
}

func describeAnswer(a bankAnswer) string {
	switch {
	case a.mustAuth:
		return "auth"
	case a.decline != nil:
		return a.decline.declineCode
	default:
		return "ok"
	}
}

func cardEnding(t *testing.T, last4 string) testCard {
	t.Helper()
	c, ok := findCard(func(c testCard) bool { return c.last4() == last4 })
	if !ok {
		t.Fatalf("no test card ends in %s", last4)
	}
	return c
}
