package simulate_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/simulate"
	"tollgate/models"
)

// act draws something that somebody does.
func (m *simulation) act() (string, func(context.Context)) {
	m.n++
	who := fmt.Sprintf("browser %d", m.n)
	sub := m.any()
	acts := []struct {
		name   string
		weight int
		do     func(ctx context.Context, p *simulate.Program) error
	}{
		{"subscribe", 12, m.subscribe},
		{"pay", 14, m.pay},
		{"cancel at period end", 3, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			return p.Subscriptions.Cancel(ctx, m.s.Ada, uuid, billing.CancelAtPeriodEnd)
		})},
		{"cancel now", 2, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			return p.Subscriptions.Cancel(ctx, m.s.Ada, uuid, billing.CancelNow)
		})},
		{"resume", 3, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			return p.Subscriptions.Resume(ctx, m.s.Ada, uuid)
		})},
		{"start again", 3, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			_, err := p.Subscriptions.StartAgain(ctx, m.s.Ada, uuid)
			return err
		})},
		{"refresh", 2, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			return p.Subscriptions.Refresh(ctx, m.s.Ada, uuid)
		})},
		{"block", 2, m.on(sub, m.hold(access.HoldAll))},
		{"block production", 1, m.on(sub, m.hold(access.HoldProduction))},
		{"unblock", 3, m.on(sub, m.hold(access.NoHold))},
		{"change plan", 6, m.on(sub, m.change)},
		{"undo the change", 2, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			return p.Subscriptions.UndoChange(ctx, m.s.Ada, uuid)
		})},
		{"edit a price", 2, m.edit},
		{"monetization off", 1, m.monetize(false)},
		{"monetization on", 3, m.monetize(true)},
		{"at Stripe", 10, m.atStripe},
		{"end it as the publisher", 2, m.on(sub, m.endOne)},
		{"end the sale", 1, m.endSale},
		{"delete an application", 1, m.deleteApplication},
		{"use", 30, func(ctx context.Context, p *simulate.Program) error { return m.use(ctx, p, sub) }},
		{"publish now", 2, m.publishNow},
		{"send again what was refused", 1, m.recover},
	}
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	for n := m.rand.IntN(total); ; {
		if n -= acts[0].weight; n >= 0 {
			acts = acts[1:]
			continue
		}
		a, p := acts[0], m.p
		return who, func(ctx context.Context) {
			err := a.do(ctx, p)
			m.note("%s: %s: %v", who, a.name, err)
			if err == nil {
				m.sums.add(a.name)
			}
		}
	}
}

// any is one of the subscriptions there are, "" for none.
func (m *simulation) any() string {
	var rows []models.Subscription
	err := m.p.DB.NewSelect().Model(&rows).Where("sub.tenant_id = ?", m.s.Tenant.ID).OrderExpr("sub.subscription_id DESC").Limit(8).Scan(m.ctx)
	m.must(err)
	if m.rand.IntN(5) > 0 { // mostly one that lives
		rows = slices.DeleteFunc(rows, func(r models.Subscription) bool { return r.Live == nil })
	}
	if len(rows) == 0 {
		return ""
	}
	return rows[m.rand.IntN(len(rows))].UUID
}

func (m *simulation) on(uuid string, do func(context.Context, *simulate.Program, string) error) func(context.Context, *simulate.Program) error {
	return func(ctx context.Context, p *simulate.Program) error {
		if uuid == "" {
			return nil
		}
		return do(ctx, p, uuid)
	}
}

func (m *simulation) hold(h access.Hold) func(context.Context, *simulate.Program, string) error {
	return func(ctx context.Context, p *simulate.Program, uuid string) error {
		return p.Subscriptions.Hold(ctx, m.s.Publisher, uuid, h)
	}
}

func (m *simulation) subscribe(ctx context.Context, p *simulate.Program) error {
	plan := []string{"Gold", "Gold", "Silver", "Metered", "Metered", "Metered", "Metered", "Free"}[m.rand.IntN(8)]
	_, err := p.Subscriptions.Subscribe(ctx, m.s.Ada, billing.SubscribeInput{
		Application: m.apps[m.rand.IntN(len(m.apps))], API: m.s.API, Policy: m.s.Plans[plan],
	})
	return err
}

func (m *simulation) change(ctx context.Context, p *simulate.Program, uuid string) error {
	plan := []string{"Gold", "Silver", "Free", "Metered", "Metered"}[m.rand.IntN(5)]
	when := []billing.Moment{billing.MomentNow, billing.MomentAtPeriodEnd}[m.rand.IntN(2)]
	shown, err := p.Subscriptions.PreviewChange(ctx, m.s.Ada, uuid, m.s.Plans[plan], when)
	if err != nil {
		return err
	}
	return p.Subscriptions.Change(ctx, m.s.Ada, uuid, shown.Shown())
}

func (m *simulation) edit(ctx context.Context, p *simulate.Program) error {
	row, err := p.Catalog.Plan(ctx, m.s.Admin, m.s.Plans["Gold"])
	if err != nil {
		return err
	}
	_, err = p.Catalog.EditPlan(ctx, m.s.Admin, m.s.Plans["Gold"], row.Policy.Version, catalog.PlanInput{
		Name: "Gold", BillingPlan: models.PlanCommercial, Model: models.FixedRate, Price: fmt.Sprintf("%d.00", 20+m.rand.IntN(40)), Currency: "usd", Cycle: cycle, RateLimit: "100",
	})
	return err
}

func (m *simulation) monetize(on bool) func(context.Context, *simulate.Program) error {
	return func(ctx context.Context, p *simulate.Program) error {
		in := billing.MonetizeInput{Enabled: on}
		if on {
			in.Properties = map[string]string{billing.ConnectedAccountKey: m.s.Account}
		}
		_, err := p.Sales.Monetize(ctx, m.s.Publisher, m.s.API, in)
		return err
	}
}

// pay pays one of the checkouts that are open, with some card.
func (m *simulation) pay(ctx context.Context, _ *simulate.Program) error {
	open, err := m.w.Ask(m.ctx, m.s, m.s.Account, "GET /v1/checkout/sessions", url.Values{"status": {"open"}})
	if err != nil || len(open.List("data")) == 0 {
		return err
	}
	all := open.List("data")
	card := []string{"tok_visa", "tok_visa", "tok_visa", "tok_chargeDeclined", "tok_chargeCustomerFail", "tok_threeDSecure2Required", "tok_createDispute"}[m.rand.IntN(7)]
	return m.w.Pay(m.ctx, m.s, all[m.rand.IntN(len(all))].Text("id"), card)
}

// atStripe does what a customer or the publisher does on Stripe's own pages.
func (m *simulation) atStripe(_ context.Context, _ *simulate.Program) error {
	ctx := m.ctx
	all, err := m.w.Ask(ctx, m.s, m.s.Account, "GET /v1/subscriptions", nil)
	if err != nil || len(all.List("data")) == 0 {
		return err
	}
	subs := all.List("data")
	id := subs[m.rand.IntN(len(subs))].Text("id")
	ask := func(what string, form url.Values) error {
		m.note("at Stripe: %s %v", what, form)
		_, err := m.w.Ask(ctx, m.s, m.s.Account, what, form)
		return err
	}
	switch m.rand.IntN(14) {
	case 9:
		return m.refund(ctx, ask)
	case 10:
		return ask("POST /v1/products/"+subs[0].Text("items.data.0.price.product"), url.Values{"description": {"By hand"}})
	case 11:
		return ask("POST /v1/prices/"+subs[0].Text("items.data.0.price.id"), url.Values{"active": {[]string{"true", "false"}[m.rand.IntN(2)]}})
	case 12:
		return ask("POST /v1/subscriptions/"+id, url.Values{"pause_collection[behavior]": {"void"}})
	case 13:
		return ask("POST /v1/subscriptions/"+id, url.Values{"pause_collection": {""}})
	case 0:
		return ask("POST /v1/subscriptions/"+id, url.Values{"cancel_at_period_end": {"true"}})
	case 1:
		return ask("POST /v1/subscriptions/"+id, url.Values{"cancel_at_period_end": {"false"}})
	case 2:
		if m.rand.IntN(2) == 0 {
			return ask("DELETE /v1/subscriptions/"+id, nil)
		}
		return m.w.PayOpen(ctx, m.s, id)
	case 3, 4:
		return m.w.SetCard(ctx, m.s, id, "chargeCustomerFail")
	case 5, 6:
		if err := m.w.SetCard(ctx, m.s, id, "visa"); err != nil {
			return err
		}
		return m.w.PayOpen(ctx, m.s, id)
	case 7:
		return m.stray(ctx, id)
	}
	return m.w.PayOpen(ctx, m.s, id)
}

// refund gives the last payment back, in Stripe's dashboard.
func (m *simulation) refund(ctx context.Context, ask func(string, url.Values) error) error {
	paid, err := m.w.Ask(ctx, m.s, m.s.Account, "GET /v1/charges", nil)
	if err != nil || len(paid.List("data")) == 0 {
		return err
	}
	return ask("POST /v1/refunds", url.Values{"charge": {paid.Text("data.0.id")}})
}

// stray pays a session that we know nothing of, for a wish that was paid already.
func (m *simulation) stray(ctx context.Context, id string) error {
	sub, err := m.w.Ask(ctx, m.s, m.s.Account, "GET /v1/subscriptions/"+id, nil)
	if err != nil {
		return err
	}
	item := "line_items[0][quantity]"
	if sub.Text("items.data.0.price.recurring.usage_type") == "metered" {
		item = "line_items[0][price]"
	}
	form := url.Values{
		"mode": {"subscription"}, "customer": {sub.Text("customer")}, item: {"1"}, "success_url": {simulate.PortalHost},
		"metadata[subscription]": {sub.Text("metadata.subscription")}, "metadata[installation]": {sub.Text("metadata.installation")},
		"subscription_data[metadata][subscription]": {sub.Text("metadata.subscription")}, "subscription_data[metadata][installation]": {sub.Text("metadata.installation")},
	}
	form.Set("line_items[0][price]", sub.Text("items.data.0.price.id"))
	session, err := m.w.Ask(ctx, m.s, m.s.Account, "POST /v1/checkout/sessions", form)
	if err != nil {
		return err
	}
	m.note("at Stripe: a second session of %s", id)
	return m.w.Pay(ctx, m.s, session.Text("id"), "tok_visa")
}

// consent is what somebody agrees to who has seen what would end.
func (m *simulation) consent(ctx context.Context, p *simulate.Program, who accounts.Actor, t billing.EndTarget) (accounts.Consent, error) {
	how := []string{"now", "refund", "period-end"}[m.rand.IntN(3)]
	shown, err := p.Ends.Preview(ctx, who, t, 0)
	return accounts.ConsentOf(shown.Seen, how, "Ended."), err
}

func (m *simulation) endOne(ctx context.Context, p *simulate.Program, uuid string) error {
	c, err := m.consent(ctx, p, m.s.Publisher, billing.EndTarget{Kind: models.EndOfSubscription, ID: uuid, As: accounts.Publisher})
	if err != nil {
		return err
	}
	_, err = p.Ends.EndOne(ctx, m.s.Publisher, uuid, accounts.Publisher, c)
	return err
}

func (m *simulation) endSale(ctx context.Context, p *simulate.Program) error {
	c, err := m.consent(ctx, p, m.s.Publisher, billing.EndTarget{Kind: models.EndOfSale, ID: m.s.API})
	if err != nil {
		return err
	}
	_, _, err = p.Ends.EndSale(ctx, m.s.Publisher, m.s.API, c)
	return err
}

// deleteApplication takes an application away, and makes another.
func (m *simulation) deleteApplication(ctx context.Context, p *simulate.Program) error {
	i := m.rand.IntN(len(m.apps))
	c, err := m.consent(ctx, p, m.s.Ada, billing.EndTarget{Kind: models.EndOfApplication, ID: m.apps[i]})
	if err != nil {
		return err
	}
	if c.How == models.EndsWithPeriods {
		c.How = models.EndsNow
	}
	c.Refund = false
	if _, err = p.Applications.Delete(ctx, m.s.Ada, m.apps[i], c); err != nil {
		return err
	}
	made, err := p.Applications.Create(ctx, m.s.Ada, accounts.ApplicationInput{Name: fmt.Sprint("App ", m.n)})
	if err == nil {
		m.apps[i] = made.UUID
	}
	return err
}
