package sheet_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/models"
	"tollgate/money"
	"tollgate/views/ui"
)

// many are words that are wrong where one subscription ends.
var many = regexp.MustCompile(`(?i)\b(they|each|subscriptions|subscribers|periods)\b.*`)

var allWays = []string{sheet.EndKeep, sheet.EndLater, sheet.EndNow, sheet.EndRefund}

// asked is every word of a page that asks how subscriptions are to end.
func asked(p billing.EndPreview) (ui.Ends, string) {
	e := sheet.Ends(p, sheet.EndPage{Path: "/somewhere"})
	e.Choices = sheet.EndChoices(p, allWays...)
	words := append(slices.Clone(e.Facts), sheet.Having(p)...)
	words = append(words, e.Caption, e.HowLabel, e.ReasonHint, e.Agree)
	for _, c := range e.Choices {
		words = append(words, c.Label, c.Hint)
	}
	return e, strings.Join(words, "\n")
}

func TestWordsForOneSubscriptionAreSingular(t *testing.T) {
	t.Parallel()
	dollars := []money.Amount{money.New(4900, money.MustCurrency("usd"))}
	offer := billing.EndTarget{Kind: models.EndOfOffer, Plans: []string{"gold"}}
	for name, p := range map[string]billing.EndPreview{
		"paid":    {Target: offer, Total: 1, Paid: 1, Payers: 1, Refunds: dollars},
		"waiting": {Target: offer, Total: 1, Waiting: 1},
		"free":    {Target: offer, Total: 1, Free: 1},
	} {
		e, words := asked(p)
		if found := many.FindString(words); found != "" {
			t.Errorf("%s: %q is said of one subscription", name, found)
		}
		if e.Choices[0].Label != "It goes on" || e.Choices[1].Label != "When its period ends" || e.HowLabel != "When it ends" {
			t.Errorf("%s: %s: %+v", name, e.HowLabel, e.Choices)
		}
		if strings.Contains(words, "Stripe") != (name != "free") {
			t.Errorf("%s: money is mentioned where none is, or not where it is:\n%s", name, words)
		}
	}
	e, _ := asked(billing.EndPreview{Target: offer, Total: 2, Paid: 2, Payers: 2, Refunds: dollars})
	want := []string{"They go on", "When their periods end", "Now", "Now, and give the last payment back"}
	for i, c := range e.Choices {
		if c.Label != want[i] || c.Value != allWays[i] {
			t.Errorf("for several, choice %d is %q, sent as %q", i, c.Label, c.Value)
		}
	}
	if e.HowLabel != "When they end" || e.ReasonHint != "The subscribers read it, on their page and in a mail." {
		t.Errorf("for several: %q, %q", e.HowLabel, e.ReasonHint)
	}
}

func TestWordsOfAnEndingFollowItsNumber(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		count     billing.EndingCount
		how       string
		word      string
		text      string // the lead
		when, ask string // the fact, and its name
	}{
		"one that ended":      {billing.EndingCount{Total: 1, Ended: 1}, models.EndsNow, "Ended", "1 of 1 subscription has ended.", "Now", "When it ends"},
		"one that will":       {billing.EndingCount{Total: 1, Scheduled: 1}, models.EndsWithPeriods, "Settled", "0 of 1 subscription has ended. 1 ends with its period.", "With its period", "When it ends"},
		"several that ended":  {billing.EndingCount{Total: 3, Ended: 3}, models.EndsNow, "All ended", "3 of 3 subscriptions have ended.", "Now", "When they end"},
		"several that will":   {billing.EndingCount{Total: 3, Ended: 1, Scheduled: 2}, models.EndsWithPeriods, "Settled", "1 of 3 subscriptions have ended. 2 end with their periods.", "With their periods", "When they end"},
		"one that is refused": {billing.EndingCount{Total: 1, Failed: 1}, models.EndsNow, "Stripe refused", "0 of 1 subscription has ended.", "Now", "When it ends"},
	} {
		ended := models.Ending{ObjectName: "Weather v1", How: c.how, ActorName: "Nils"}
		out := sheet.Ending(billing.EndingPage{Ending: ended, Count: c.count}, sheet.EndPage{Path: "/somewhere"})
		fact := out.Facts[1]
		if !strings.HasPrefix(out.Lead, c.text) || out.Word != c.word || fact.Name != c.ask || fact.Text != c.when {
			t.Errorf("%s: %s, %q, %+v", name, out.Word, out.Lead, fact)
		}
		all := strings.Join([]string{out.Title, out.Caption, out.Lead, out.Refused, fact.Name, fact.Text}, "\n")
		if found := many.FindString(all); (found == "") != (c.count.Total == 1) {
			t.Errorf("%s: found %q in\n%s", name, found, all)
		}
	}
	two := sheet.Ending(billing.EndingPage{Count: billing.EndingCount{Total: 3, Failed: 2}}, sheet.EndPage{})
	if want := "Stripe refused to end 2 subscriptions, so they may still be billed."; !strings.HasPrefix(two.Refused, want) {
		t.Errorf("two refused: %q", two.Refused)
	}
}
