package publisher

import (
	"math/big"
	"strconv"
	"strings"

	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/models"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
)

var every = map[string]string{"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}

// monetization puts the page into words.
func monetization(m billing.MonetizationPage) page.MonetizationProps {
	a := m.API
	p := page.MonetizationProps{
		Published: a.Status == models.APIPublished, On: a.Monetization == models.MonetizationOn, Trouble: a.MonetizationProblem,
		Busy: a.Monetization == models.MonetizationEnabling || a.Monetization == models.MonetizationDisabling, Names: m.Names,
		More: m.Paying - int64(len(m.Names)), OffTold: offTold(m),
	}
	p.Head = headOf(a, "Monetization", saleLead(m))
	p.Tone, p.Word = saleState(a)
	if m.Account != nil {
		account := accountOf(*m.Account)
		p.Account = &account
	}
	for _, o := range m.Plans {
		p.Plans = append(p.Plans, planOnSale(a, o))
		if s, ok := share(o, m.Fee); ok && len(p.Shares) < 2 {
			p.Shares = append(p.Shares, s)
		}
	}
	p.WhenOn, p.WhenOff = outcomes(m)
	return p
}

// saleLead says in one sentence how the sale stands.
func saleLead(m billing.MonetizationPage) string {
	var sold, waiting int64
	for _, o := range m.Plans {
		sold += one(!o.Price.IsFree() && o.Monetized())
		waiting += one(!o.Price.IsFree() && !o.Monetized())
	}
	switch m.API.Monetization {
	case models.MonetizationEnabling:
		return "Its products and prices are being made in your Stripe account. This goes on by itself."
	case models.MonetizationDisabling:
		return "Its products and prices are leaving sale in your Stripe account. This goes on by itself."
	case models.MonetizationOff:
		return "It is not sold. Enter the Stripe account that is paid, tick Enable monetization, and save."
	}
	text := ui.Plural(sold, "plan is", "plans are") + " sold through your connected account."
	if waiting > 0 {
		text += " " + ui.Plural(waiting, "plan is", "plans are") + " attached and not sold at the newest price yet."
	}
	return text
}

// offTold says what turning monetization off does.
func offTold(m billing.MonetizationPage) []string {
	var names []string
	for _, o := range m.Plans {
		if !o.Sold.IsFree() {
			names = append(names, o.Plan.DisplayName)
		}
	}
	out := []string{}
	if len(names) > 0 {
		out = append(out, sentence(names)+" at once; nobody new can subscribe.")
	}
	if m.Paying > 0 {
		out = append(out, ui.Plural(m.Paying, "subscription is", "subscriptions are")+" paid for now"+counts(m)+". They keep their plan and price.")
	} else {
		out = append(out, "Nobody pays for it now.")
	}
	return append(out, "Products and prices are archived in your Stripe account, never deleted. Turning it on again brings them back.")
}

// sentence begins a sentence about names that leave sale.
func sentence(names []string) string {
	if len(names) == 1 {
		return names[0] + " leaves sale"
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last] + " leave sale"
}

// counts says how many pay for which plan.
func counts(m billing.MonetizationPage) string {
	var parts []string
	for _, o := range m.Plans {
		if o.Subscribers > 0 && !o.Price.IsFree() {
			parts = append(parts, ui.Count(o.Subscribers)+" for "+o.Plan.DisplayName)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// outcomes says what Save does while the box is ticked, and while it is not.
func outcomes(m billing.MonetizationPage) (on, off string) {
	var missing, prices int64
	for _, o := range m.Plans {
		missing += one(!o.Price.IsFree() && !o.Monetized())
		prices += one(o.State == models.PushLive)
	}
	switch {
	case missing > 0:
		on = "Save puts " + ui.Plural(missing, "price", "prices") + " on sale in your Stripe account."
	case m.API.Monetization == models.MonetizationOn:
		on = "Every plan is on sale. Save keeps what you changed above."
	default:
		on = "No paid plan is attached: Save remembers the account, and nothing is sold yet."
	}
	off = "Nothing is on sale, so Save changes nothing at Stripe."
	if prices > 0 {
		off = "Save takes its product and " + ui.Plural(prices, "price", "prices") + " out of sale in your Stripe account."
	}
	return on, off
}

// planOnSale says how it stands with one plan.
func planOnSale(a models.API, o billing.PlanOnSale) page.PlanOnSale {
	out := page.PlanOnSale{Name: o.Plan.DisplayName, Price: price(o.Price), Problem: o.Problem, Subscribers: o.Subscribers, Detail: "nothing to charge"}
	if o.Price.IsFree() {
		out.Tone, out.Word, out.Note = ui.Quiet, "Free", "Not needed"
		return out
	}
	out.Detail = detail(o.Price)
	out.Tone, out.Word, out.Note = ui.Attention, "Not monetized", "Save makes its price"
	switch {
	case o.State == models.PushRefused:
		out.Tone, out.Word, out.Note = ui.Bad, "Refused", "Save tries again"
	case o.State == models.PushPushing || o.State == models.PushArchiving:
		out.Tone, out.Word, out.Note = ui.Attention, "Under way", ""
	case o.State == models.PushLive && a.Monetization == models.MonetizationDisabling:
		out.Tone, out.Word, out.Note = ui.Attention, "Under way", "Still on sale at Stripe"
	case o.Monetized() && a.Monetization == models.MonetizationOn:
		out.Tone, out.Word, out.Note = ui.Good, "Monetized", ""
	case a.Monetization != models.MonetizationOn:
		out.Tone = ui.Quiet
	}
	if out.Problem != "" && !o.Sold.IsFree() {
		out.Note = "Sold at " + o.Sold.String() + " until then"
	}
	for _, id := range []string{o.ProductID, o.PriceID, o.MeterID} {
		if id != "" {
			out.IDs = append(out.IDs, id)
		}
	}
	return out
}

func detail(p catalog.Price) string {
	text := every[p.Cycle]
	if p.Metered() {
		text = "per call, charged " + text
	}
	return text + ", version " + strconv.Itoa(p.Number)
}

// share says who gets what of a fixed price. The platform's share is rounded half
// up, to the minor unit.
func share(o billing.PlanOnSale, percent string) (page.Share, bool) {
	if o.Price.IsFree() || o.Price.Metered() {
		return page.Share{}, false
	}
	s := page.Share{Plan: o.Plan.DisplayName + ", one " + o.Price.Cycle, Price: o.Price.Amount, Rest: o.Price.Amount}
	part, ok := new(big.Rat).SetString(percent)
	if !ok || part.Sign() <= 0 {
		return s, true
	}
	part.Mul(part, big.NewRat(1, 100))
	fee, err := o.Price.Amount.Share(part.Num().Int64(), part.Denom().Int64())
	if err != nil {
		return s, true
	}
	rest, err := o.Price.Amount.Add(fee.Neg())
	if err != nil {
		return s, true
	}
	s.Fee, s.Rest, s.FeeWords = fee.Neg(), rest, "The platform, "+percent+" %"
	return s, true
}

// accountOf puts a connected account into words.
func accountOf(a models.ConnectedAccount) page.Account {
	out := page.Account{
		ID: a.ID, StripeID: a.StripeAccount, Name: a.Name, Country: a.Country, Currency: strings.ToUpper(a.DefaultCurrency), Charges: a.ChargesEnabled, Payouts: a.PayoutsEnabled,
		Due: a.Due, DueBy: a.DueBy.Time(), Reason: a.DisabledReason, Checked: a.CheckedAt.Time(), Tone: ui.Good, Word: "Can charge",
	}
	switch {
	case !a.ChargesEnabled:
		out.Tone, out.Word = ui.Bad, "Cannot charge"
	case len(a.Due) > 0:
		out.Tone, out.Word = ui.Attention, "Stripe asks for something"
	}
	return out
}
