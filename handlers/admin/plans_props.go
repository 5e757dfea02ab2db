package admin

import (
	"strconv"

	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/models"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
)

// planProps is the page of a saved plan, with in in its form.
func planProps(plan catalog.Plan, in catalog.PlanInput, standing []billing.PlanStanding) page.PlanProps {
	p := page.PlanProps{
		UUID: plan.Policy.UUID, Title: plan.Policy.DisplayName, Key: plan.Policy.Name, Version: plan.Policy.Version, Form: planForm(in),
		Lead: planLead(plan), Outcome: planOutcome(plan, standing),
	}
	p.Tone, p.Word = planState(plan, standing)
	p.Preview, p.PreviewNote = preview(in, plan)
	for _, v := range plan.Versions {
		p.Versions = append(p.Versions, page.PlanVersion{Number: v.Number, Since: v.Since, Price: planPrice(v.Price)})
	}
	for _, st := range standing {
		p.Standings = append(p.Standings, standingRow(st))
	}
	if plan.Subscribers > 0 {
		p.InUse = ui.Plural(plan.Subscribers, "subscription has ", "subscriptions have ") + plan.Policy.DisplayName + ". They end with it, as you choose."
	} else {
		p.Removes = "It leaves sale at once, on your Stripe account and on every connected account that sells it" + attachedTo(plan) + ". Its prices are archived in Stripe, never deleted."
	}
	return p
}

func attachedTo(plan catalog.Plan) string {
	if len(plan.APIs) == 0 {
		return ""
	}
	return ", and " + ui.Plural(int64(len(plan.APIs)), "API offers", "APIs offer") + " it no longer"
}

func planLead(plan catalog.Plan) string {
	who := ui.Plural(plan.Subscribers, "subscription has", "subscriptions have") + " this plan."
	if plan.Subscribers == 0 {
		who = "Nobody is subscribed with this plan."
	}
	if plan.Price.IsFree() {
		return who + " It costs nothing."
	}
	return who + " It costs " + plan.Price.String() + ". A new price is for new subscribers; whoever is subscribed keeps theirs."
}

// planOutcome says what saving another price does.
func planOutcome(plan catalog.Plan, standing []billing.PlanStanding) string {
	sellers := map[string]bool{}
	for _, st := range standing {
		if st.Account != "" && st.State != models.PushArchived {
			sellers[st.Account] = true
		}
	}
	text := "Another price becomes version " + strconv.Itoa(len(plan.Versions)+1) + " on your Stripe account"
	if len(sellers) > 0 {
		text += " and on " + ui.Plural(int64(len(sellers)), "connected account that sells it", "connected accounts that sell it")
	}
	return text + ". Everything else applies at once."
}

func standingRow(st billing.PlanStanding) page.PlanStanding {
	r := page.PlanStanding{Where: "Your account", Account: st.Account, Version: st.Number, Problem: st.Problem}
	if st.API != "" {
		r.Where = st.API
	}
	state := standingWords[st.State]
	r.Tone, r.Word = state.tone, state.word
	for _, id := range []string{st.ProductID, st.PriceID, st.MeterID} {
		if id != "" {
			r.IDs = append(r.IDs, id)
		}
	}
	return r
}

var standingWords = map[string]struct {
	tone ui.Tone
	word string
}{
	models.PushPushing: {ui.Attention, "Being made"}, models.PushLive: {ui.Good, "For sale"}, models.PushArchiving: {ui.Quiet, "Leaving sale"},
	models.PushArchived: {ui.Quiet, "Off sale"}, models.PushRefused: {ui.Bad, "Refused"},
}

// preview is the plan as subscribers would see it: what was typed when it can be
// read, else what is saved.
func preview(in catalog.PlanInput, plan catalog.Plan) (ui.PlanCard, string) {
	policy, price, err := in.Preview()
	note := ""
	if err != nil && plan.Policy.UUID != "" {
		policy, price = plan.Policy, plan.Price
		note = "Shows what is saved until everything typed can be read."
	} else if err != nil {
		note = "Shows what can be read so far."
	}
	card := ui.PlanCard{ID: "preview", Name: or(policy.DisplayName, "Name"), About: policy.Description, Ticks: limits(policy)}
	shown := planPrice(price)
	card.Price, card.Per = page.PriceOf(shown), shown.Per
	switch {
	case policy.Quota > 0 && policy.StopOnQuotaReach:
		card.Ticks = append(card.Ticks, "Refused (429) above that, until it begins anew")
	case policy.Quota > 0:
		card.Ticks = append(card.Ticks, "Calls go on above that")
	}
	return card, note
}
