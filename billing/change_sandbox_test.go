package billing_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/money"
)

// openHighStreet is a town whose seller has Silver and Hobby beside Gold and Free.
func openHighStreet(t *testing.T) (*town, *counter) {
	t.Helper()
	var silver string
	w := openTown(t, func(w *town) {
		at := accounts.StripeAccount{Tenant: w.a.tenant, Connected: w.a.account}
		var err error
		silver, err = w.engine.CreatePrice(bg, at, "p3", billing.PriceInput{Product: "tg_1", LookupKey: "silver", Nickname: "Silver", Amount: money.New(1900, usd), Cycle: "month"})
		if err != nil {
			t.Fatal(err)
		}
	})
	c := &counter{shop: w.shop}
	c.silver = c.addPlan(t, "Silver", "19.00", silver, "usd", "month")
	c.hobby = c.addPlan(t, "Hobby", "", "", "", "")
	return w, c
}

// buys subscribes to a plan and pays for it with Visa's test card.
func (w *town) buys(t *testing.T, plan, amount string) models.Subscription {
	t.Helper()
	sub := w.subscribe(t, plan)
	w.paysFor(t, sub.CheckoutSessionID, amount)
	return w.want(t, sub.UUID, "UNBLOCKED", true)
}

func (w *town) paysFor(t *testing.T, session, amount string) {
	t.Helper()
	card := w.post(t, "/v1/payment_methods", w.a.account, url.Values{"type": {"card"}, "card[token]": {"tok_visa"}})
	id, _ := card["id"].(string)
	w.post(t, "/v1/payment_pages/"+session+"/confirm", w.a.account, url.Values{"payment_method": {id}, "expected_amount": {amount}})
	w.settle(t)
}

// card makes another test card the one that sub is charged to.
func (w *town) card(t *testing.T, sub models.Subscription, token string) {
	t.Helper()
	customer, err := models.SharedCustomerOf(bg, w.db, sub.ApplicationID, w.a.account)
	if err != nil {
		t.Fatal(err)
	}
	made := w.post(t, "/v1/payment_methods/"+token+"/attach", w.a.account, url.Values{"customer": {customer.SharedCustomerID}})
	id, _ := made["id"].(string)
	w.post(t, "/v1/subscriptions/"+sub.StripeSubscriptionID, w.a.account, url.Values{"default_payment_method": {id}})
	w.settle(t)
}

// asks previews a change, confirms what was shown, and lets Stripe follow.
func (w *town) asks(t *testing.T, c *counter, sub models.Subscription, plan string, when billing.Moment) billing.ChangePreview {
	t.Helper()
	p := c.changing(t, sub, plan, when)
	w.settle(t)
	return p
}

func (w *town) newestInvoice(t *testing.T, sub models.Subscription) billing.Invoice {
	t.Helper()
	all, err := w.engine.InvoicesOf(bg, accounts.StripeAccount{Tenant: w.a.tenant, Connected: w.a.account}, w.row(t, sub.UUID).StripeSubscriptionID)
	if err != nil || len(all) == 0 {
		t.Fatal(err)
	}
	return all[0]
}

// What is shown is what is charged, to the cent; the rest is credited on the way down.
func TestAnUpgradeOnTheSandbox(t *testing.T) {
	t.Parallel()
	w, c := openHighStreet(t)
	sub := w.buys(t, c.silver, "1900")
	w.advance(t, 10*24*time.Hour)
	up := w.asks(t, c, sub, c.a.gold, billing.MomentNow)
	c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
	paid := w.newestInvoice(t, sub)
	if paid.Status != "paid" || paid.AmountPaid != up.Due || up.Due.Minor() <= 0 || paid.BillingReason != "subscription_update" {
		t.Fatalf("shown %s, charged %s (%s)", up.Due, paid.AmountPaid, paid.Status)
	}
	down := w.asks(t, c, sub, c.silver, billing.MomentNow)
	c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED")
	if down.Due.Minor() != 0 || down.Invoice.Total.Minor() >= 0 {
		t.Errorf("on the way down %s is due, in total %s", down.Due, down.Invoice.Total)
	}
	w.advance(t, 31*24*time.Hour)
	c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED")
	if next := w.newestInvoice(t, sub); next.BillingReason != "subscription_cycle" || next.Total != money.New(1900, usd) || next.AmountPaid.Minor() >= 1900 {
		t.Errorf("renewed at %s, of which %s by card", next.Total, next.AmountPaid)
	}
}

func TestADowngradeAtPeriodEndOnTheSandbox(t *testing.T) {
	t.Parallel()
	w, c := openHighStreet(t)
	sub := w.buys(t, c.a.gold, "4900")
	w.asks(t, c, sub, c.silver, billing.MomentAtPeriodEnd)
	waits := c.plan(t, sub.UUID, "Gold", "Silver", "TIER_UPDATE_PENDING")
	if waits.ChangeAt != waits.PeriodEnd || waits.StripeScheduleID == "" {
		t.Fatalf("waits %+v", waits)
	}
	if err := w.sell.UndoChange(bg, w.a.buyer, sub.UUID); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	w.settle(t)
	if back := c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED"); back.ChangeProblem != "" || back.StripeScheduleID != "" {
		t.Fatalf("taken back: %+v", back)
	}
	w.asks(t, c, sub, c.silver, billing.MomentAtPeriodEnd)
	c.plan(t, sub.UUID, "Gold", "Silver", "TIER_UPDATE_PENDING")
	w.advance(t, 32*24*time.Hour)
	after := c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED")
	if next := w.newestInvoice(t, sub); next.Total != money.New(1900, usd) || next.Status != "paid" || after.StripeScheduleID != "" {
		t.Errorf("renewed at %s (%s): %+v", next.Total, next.Status, after)
	}
	w.asks(t, c, sub, c.a.gold, billing.MomentNow) // the schedule is in nobody's way
	c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
	w.cancel(t, sub, billing.CancelAtPeriodEnd)
	w.settle(t)
	w.want(t, sub.UUID, "DELETE_PENDING", true)
}

// A declined card and a bank that asks leave the old plan, until the invoice is
// paid or Stripe drops the change.
func TestAnUnpaidUpgradeOnTheSandbox(t *testing.T) {
	t.Parallel()
	for _, card := range []string{"pm_card_chargeCustomerFail", "pm_card_threeDSecure2Required"} {
		for _, paid := range []bool{true, false} {
			w, c := openHighStreet(t)
			sub := w.buys(t, c.silver, "1900")
			w.advance(t, 5*24*time.Hour)
			w.card(t, sub, card)
			p := w.asks(t, c, sub, c.a.gold, billing.MomentNow)
			waits := c.plan(t, sub.UUID, "Silver", "Gold", "TIER_UPDATE_PENDING")
			open := w.newestInvoice(t, sub)
			if open.Status != "open" || open.AmountDue != p.Due || !strings.HasPrefix(open.HostedURL, w.base) || waits.CheckoutExpiresAt.IsZero() || waits.ActionNeeded != strings.Contains(card, "Secure") {
				t.Fatalf("%s: %+v, %+v", card, open, waits)
			}
			if paid {
				w.card(t, sub, "pm_card_visa")
				w.post(t, "/v1/invoices/"+open.ID+"/pay", w.a.account, url.Values{})
				w.settle(t)
				c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
				continue
			}
			w.advance(t, 24*time.Hour)
			after := c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED")
			if after.ChangeProblem == "" || w.newestInvoice(t, sub).Status != "void" {
				t.Errorf("%s: %q, invoice %s", card, after.ChangeProblem, w.newestInvoice(t, sub).Status)
			}
		}
	}
}

func TestFromFreeToPaidAndBackOnTheSandbox(t *testing.T) {
	t.Parallel()
	w, c := openHighStreet(t)
	sub := w.subscribe(t, c.a.free)
	w.asks(t, c, sub, c.a.gold, billing.MomentNow)
	first := c.plan(t, sub.UUID, "Free", "Gold", "TIER_UPDATE_PENDING")
	w.advance(t, 25*time.Hour)
	if after := c.plan(t, sub.UUID, "Free", "", "UNBLOCKED"); after.ChangeProblem == "" {
		t.Errorf("after the checkout: %+v", after)
	}
	w.asks(t, c, sub, c.a.gold, billing.MomentNow)
	again := c.plan(t, sub.UUID, "Free", "Gold", "TIER_UPDATE_PENDING")
	if again.CheckoutSessionID == first.CheckoutSessionID {
		t.Fatal("the old checkout is open again")
	}
	w.paysFor(t, again.CheckoutSessionID, "4900")
	gold := c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")

	w.asks(t, c, gold, c.hobby, billing.MomentAtPeriodEnd)
	waits := c.plan(t, sub.UUID, "Gold", "Hobby", "TIER_UPDATE_PENDING")
	if waits.ChangeAt != gold.PeriodEnd || !waits.CancelAt.IsZero() {
		t.Fatalf("waits %+v", waits)
	}
	if _, err := c.sell.PreviewChange(bg, c.a.buyer, sub.UUID, c.silver, billing.MomentNow); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a second change: %v", err)
	}
	w.advance(t, 32*24*time.Hour)
	hobby := c.plan(t, sub.UUID, "Hobby", "", "UNBLOCKED")
	if hobby.NeedsPayment || hobby.StripeSubscriptionID != "" {
		t.Errorf("hobby %+v", hobby)
	}
	w.advance(t, 32*24*time.Hour) // nothing is charged any more
	c.plan(t, sub.UUID, "Hobby", "", "UNBLOCKED")
}
