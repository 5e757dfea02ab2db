package simulate_test

import "net/url"

// scenarios have seven events each; together they have every type we act on.
func scenarios() []scenario {
	return []scenario{
		{
			name: "paid at once, renewed", want: "UNBLOCKED", live: true,
			begin: func(l *life) { l.mark(); l.subscribe("Gold") },
			steps: []func(*life){
				func(l *life) { l.pay(l.session(), "tok_visa") },
				func(l *life) { l.untilRenewed() },
			},
			events: []string{"checkout.session.completed", "customer.subscription.created", "customer.subscription.updated", "invoice.finalized", "invoice.paid", "invoice.paid", "invoice.payment_succeeded"},
		},
		{
			name: "a renewal fails and is paid later", want: "UNBLOCKED", live: true,
			begin: func(l *life) { l.mark(); l.subscribe("Gold") },
			steps: []func(*life){
				func(l *life) { l.pay(l.session(), "tok_visa") },
				func(l *life) {
					l.must(l.w.SetCard(l.ctx, l.s, l.theirs().Text("id"), "chargeCustomerFail"))
					l.untilRenewed()
				},
				func(l *life) {
					l.must(l.w.SetCard(l.ctx, l.s, l.theirs().Text("id"), "visa"))
					l.must(l.w.PayOpen(l.ctx, l.s, l.theirs().Text("id")))
				},
			},
			events: []string{"checkout.session.completed", "customer.subscription.created", "invoice.payment_failed", "customer.subscription.updated", "customer.subscription.updated", "invoice.paid", "invoice.payment_succeeded"},
		},
		{
			name: "a renewal is never paid", want: "BLOCKED",
			begin: func(l *life) { l.mark(); l.subscribe("Gold") },
			steps: []func(*life){
				func(l *life) { l.pay(l.session(), "tok_visa") },
				func(l *life) {
					l.must(l.w.SetCard(l.ctx, l.s, l.theirs().Text("id"), "chargeCustomerFail"))
					l.untilRenewed()
				},
				func(l *life) { l.days(25) },
			},
			events: []string{"checkout.session.completed", "invoice.paid", "invoice.payment_failed", "invoice.payment_failed", "customer.subscription.updated", "customer.subscription.updated", "customer.subscription.deleted"},
		},
		{
			name: "canceled at period end, resumed, and canceled for good", want: "BLOCKED",
			begin: func(l *life) { l.mark(); l.subscribe("Gold") },
			steps: []func(*life){
				func(l *life) { l.pay(l.session(), "tok_visa") },
				func(l *life) { l.set(url.Values{"cancel_at_period_end": {"true"}}) },
				func(l *life) { l.set(url.Values{"cancel_at_period_end": {"false"}}) },
				func(l *life) { l.set(url.Values{"cancel_at_period_end": {"true"}}) },
				func(l *life) { l.untilRenewed() },
			},
			events: []string{"checkout.session.completed", "customer.subscription.created", "invoice.paid", "customer.subscription.updated", "customer.subscription.updated", "customer.subscription.updated", "customer.subscription.deleted"},
		},
		{
			name: "an expired checkout, and the second one is paid", want: "UNBLOCKED", live: true,
			begin: func(l *life) {
				l.mark()
				l.subscribe("Gold")
				l.days(2)
				l.ask("GET /v1/checkout/sessions/"+l.session(), nil)
				l.must(l.w.Line.Real())
				l.p.Subscriptions.Refresh(l.ctx, l.s.Ada, l.uuid)
				l.work()
				_, err := l.p.Subscriptions.StartAgain(l.ctx, l.s.Ada, l.uuid)
				l.must(err)
				l.work()
			},
			steps: []func(*life){
				func(l *life) { l.pay(l.session(), "tok_visa") },
				func(l *life) { l.untilRenewed() },
			},
			events: []string{"checkout.session.expired", "checkout.session.completed", "customer.subscription.created", "customer.subscription.updated", "invoice.finalized", "invoice.paid", "invoice.paid"},
		},
		{
			name: "two sessions for one wish are paid", want: "UNBLOCKED", live: true,
			begin: func(l *life) { l.mark(); l.subscribe("Gold") },
			steps: []func(*life){
				func(l *life) {
					stray := l.stray()
					l.pay(l.session(), "tok_visa")
					l.wait(1e9)
					l.pay(stray, "tok_visa")
				},
			},
			events: []string{"checkout.session.completed", "checkout.session.completed", "customer.subscription.created", "customer.subscription.created", "invoice.paid", "invoice.paid", "customer.subscription.deleted"},
		},
	}
}
