package simulate_test

import (
	"net/url"
	"time"

	"tollgate/billing"
)

// begun has subscribed; what happens from there on is told.
func begun(l *life) { l.mark(); l.subscribe("Gold") }

// payCard pays what was begun.
func payCard(l *life) { l.pay(l.session(), "tok_visa") }

// renewOn has the next renewal be charged to a card of the kind, which happens.
func renewOn(card string) func(l *life) {
	return func(l *life) {
		l.must(l.w.SetCard(l.ctx, l.s, l.theirs().Text("id"), card))
		l.untilRenewed()
	}
}

func renew(l *life) { l.untilRenewed() }

// scenarios have seven events each; together they have every type that changes what
// a subscription is, and some of those that do not.
func scenarios() []scenario {
	return []scenario{
		{
			name: "paid at once, renewed", want: "UNBLOCKED", live: true, begin: begun,
			steps: []func(*life){payCard, renew, func(l *life) {
				l.ask("POST /v1/customers/"+l.theirs().Text("customer"), url.Values{"name": {"Ada's company"}})
			}},
			events: []string{"checkout.session.completed", "customer.subscription.created", "customer.subscription.updated", "invoice.finalized", "invoice.paid", "invoice.payment_succeeded", "customer.updated"},
		},
		{
			name: "a bank debit that arrives days later", want: "UNBLOCKED", live: true, begin: begun,
			steps: []func(*life){
				func(l *life) {
					l.ask("POST /v1/payment_pages/"+l.session()+"/confirm", url.Values{"payment_method": {"pm_usBankAccount_success"}, "expected_amount": {"4900"}})
				},
				func(l *life) { l.days(8) }, renew,
			},
			events: []string{"checkout.session.completed", "customer.subscription.created", "invoice.finalized", "checkout.session.async_payment_succeeded", "invoice.paid", "invoice.payment_succeeded", "customer.subscription.updated"},
		},
		{
			name: "a renewal fails and is paid later", want: "UNBLOCKED", live: true, begin: begun,
			steps: []func(*life){payCard, renewOn("chargeCustomerFail"), func(l *life) {
				l.must(l.w.SetCard(l.ctx, l.s, l.theirs().Text("id"), "visa"))
				l.must(l.w.PayOpen(l.ctx, l.s, l.theirs().Text("id")))
			}},
			events: []string{"checkout.session.completed", "customer.subscription.created", "invoice.payment_failed", "customer.subscription.updated", "customer.subscription.updated", "invoice.paid", "invoice.payment_succeeded"},
		},
		{
			name: "a renewal is never paid", want: "BLOCKED", begin: begun,
			steps: []func(*life){payCard, renewOn("chargeCustomerFail"), func(l *life) { l.days(25) }, func(l *life) {
				i := l.ask("GET /v1/invoices", url.Values{"status": {"open"}}).Text("data.0.id")
				l.ask("POST /v1/invoices/"+i+"/mark_uncollectible", nil)
				l.ask("POST /v1/invoices/"+i+"/void", nil)
			}},
			events: []string{"checkout.session.completed", "invoice.payment_failed", "invoice.payment_failed", "customer.subscription.updated", "customer.subscription.deleted", "invoice.marked_uncollectible", "invoice.voided"},
		},
		{
			name: "the bank asks its cardholder at a renewal", want: "UNBLOCKED", live: true, begin: begun,
			steps: []func(*life){payCard, renewOn("authenticationRequired"), func(l *life) {
				page := l.ask("GET /v1/invoices", url.Values{"status": {"open"}}).Text("data.0.hosted_invoice_url")
				l.must(l.w.Page(l.ctx, page+"/approve", url.Values{"answer": {"approve"}}))
			}},
			events: []string{"checkout.session.completed", "customer.subscription.created", "invoice.payment_action_required", "invoice.payment_failed", "customer.subscription.updated", "customer.subscription.updated", "invoice.paid"},
		},
		{
			name: "canceled at period end, resumed, and canceled for good", want: "BLOCKED", begin: begun,
			steps: []func(*life){
				payCard,
				func(l *life) { l.set(url.Values{"cancel_at_period_end": {"true"}}) },
				func(l *life) { l.wait(time.Hour); l.set(url.Values{"cancel_at_period_end": {"false"}}) },
				func(l *life) { l.days(2); l.set(url.Values{"cancel_at_period_end": {"true"}}) },
				renew,
			},
			events: []string{"checkout.session.completed", "customer.subscription.created", "invoice.paid", "customer.subscription.updated", "customer.subscription.updated", "customer.subscription.updated", "customer.subscription.deleted"},
		},
		{
			name: "an expired checkout, and the second one's debit comes back", want: "REJECTED", live: true,
			begin: func(l *life) {
				begun(l)
				l.days(2)
				l.must(l.p.Subscriptions.Refresh(l.ctx, l.s.Ada, l.uuid))
				l.work()
				_, err := l.p.Subscriptions.StartAgain(l.ctx, l.s.Ada, l.uuid)
				l.must(err)
				l.work()
			},
			steps: []func(*life){
				func(l *life) {
					l.ask("POST /v1/payment_pages/"+l.session()+"/confirm", url.Values{"payment_method": {"pm_usBankAccount_insufficientFunds"}, "expected_amount": {"4900"}})
				},
				func(l *life) { l.days(8) },
			},
			events: []string{"checkout.session.expired", "checkout.session.completed", "customer.subscription.created", "checkout.session.async_payment_failed", "invoice.payment_failed", "customer.subscription.updated", "customer.subscription.deleted"},
		},
		{
			name: "two sessions for one wish are paid", want: "UNBLOCKED", live: true, begin: begun,
			steps: []func(*life){func(l *life) {
				stray := l.stray()
				payCard(l)
				l.wait(time.Second)
				l.pay(stray, "tok_visa")
			}},
			events: []string{"checkout.session.completed", "checkout.session.completed", "customer.subscription.created", "customer.subscription.created", "invoice.paid", "invoice.paid", "customer.subscription.deleted"},
		},
		{
			name: "a plan gets dearer, is changed to at once, renewed, and touched by hand", want: "UNBLOCKED", live: true,
			begin: func(l *life) {
				l.paid("Silver")
				l.wait(7 * 24 * time.Hour)
				l.reprice("Gold", "59.00")
				l.change("Gold", billing.MomentNow)
			},
			steps: []func(*life){renew, func(l *life) {
				l.ask("POST /v1/products/"+l.theirs().Text("items.data.0.price.product"), url.Values{"description": {"By hand"}})
			}},
			events: []string{"price.created", "price.updated", "customer.subscription.updated", "customer.subscription.updated", "invoice.paid", "invoice.paid", "product.updated"},
		},
		{
			name: "a plan changed at period end", want: "UNBLOCKED", live: true,
			begin:  func(l *life) { l.paid("Gold"); l.change("Silver", billing.MomentAtPeriodEnd) },
			steps:  []func(*life){renew, renew},
			events: []string{"subscription_schedule.updated", "subscription_schedule.released", "customer.subscription.updated", "customer.subscription.updated", "invoice.finalized", "invoice.paid", "invoice.paid"},
		},
		{
			name: "renewed, canceled at once, given back, and its customer deleted", want: "BLOCKED", begin: begun,
			steps: []func(*life){payCard, renew, func(l *life) {
				l.ask("DELETE /v1/subscriptions/"+l.theirs().Text("id"), nil)
				l.ask("POST /v1/refunds", url.Values{"charge": {l.ask("GET /v1/charges", nil).Text("data.0.id")}})
			}, func(l *life) { l.ask("DELETE /v1/customers/"+l.theirs().Text("customer"), nil) }},
			events: []string{"checkout.session.completed", "customer.subscription.created", "invoice.paid", "customer.subscription.deleted", "charge.refunded", "refund.created", "customer.deleted"},
		},
		{
			name: "a payment is disputed, and the dispute is won", want: "UNBLOCKED", live: true, begin: begun,
			steps: []func(*life){
				func(l *life) { l.pay(l.session(), "tok_createDispute"); l.days(2) },
				func(l *life) {
					l.ask("POST /v1/disputes/"+l.ask("GET /v1/disputes", nil).Text("data.0.id"), url.Values{"evidence[uncategorized_text]": {"winning_evidence"}, "submit": {"true"}})
					l.days(3)
				},
			},
			events: []string{"checkout.session.completed", "customer.subscription.created", "invoice.paid", "charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed", "charge.dispute.funds_reinstated"},
		},
	}
}
