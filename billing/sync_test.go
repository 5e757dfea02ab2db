package billing_test

import (
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// A paid session never loses to an expired one, in whatever order their events come.
func TestAPaidSessionNeverLosesToAnExpiredOne(t *testing.T) {
	t.Parallel()
	for _, order := range [][]int{{0, 1}, {1, 0}, {0, 1, 0}, {1, 0, 1}} {
		s := openShop(t, testdb.New(t))
		first := s.subscribe(t, s.a.gold)
		s.stripe.lapse(first.CheckoutSessionID)
		s.tell(t, "checkout.session.expired", first.CheckoutSessionID)
		second := s.subscribe(t, s.a.gold)
		s.stripe.pay(second.CheckoutSessionID)
		events := []event{s.about("checkout.session.completed", second.CheckoutSessionID), s.about("checkout.session.expired", first.CheckoutSessionID)}
		for _, i := range order {
			s.send(t, events[i])
			s.work(t)
		}
		s.want(t, first.UUID, "UNBLOCKED", true)
	}
}

// Two sessions of one subscription are both paid: the first one counts, the other
// is ended at once, and the audit says so.
func TestOneWishIsNeverPaidTwice(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		sub, kept := s.paid(t)
		// A second session that we never heard of, such as after a restored backup.
		at := accounts.StripeAccount{Tenant: s.a.tenant, Connected: s.a.account}
		known := s.stripe.sessions[sub.CheckoutSessionID]
		stray, err := s.stripe.OpenCheckout(bg, at, "stray", billing.CheckoutInput{Customer: known.Customer, Metadata: known.Metadata})
		if err != nil {
			t.Fatal(err)
		}
		s.wait(time.Minute)
		extra, invoice := s.stripe.pay(stray.ID)
		for i, kind := range []string{"invoice.paid", "customer.subscription.created", "checkout.session.completed"} {
			s.tell(t, kind, []string{invoice, extra, stray.ID}[i])
		}
		if got := s.stripe.living(); len(got) != 1 || got[0] != kept {
			t.Errorf("living = %v, want %s", got, kept)
		}
		if got := s.want(t, sub.UUID, "UNBLOCKED", true); got.StripeSubscriptionID != kept || s.audited(t, "subscription.duplicate_canceled") != 1 {
			t.Errorf("kept %s, audited %d times", got.StripeSubscriptionID, s.audited(t, "subscription.duplicate_canceled"))
		}
	})
}

// Someone pays after the subscription was given up, in a session we lost sight of:
// the payment does not revive it, and nobody goes on paying.
func TestAPaymentAfterTheEndIsEnded(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub := s.subscribe(t, s.a.gold)
	known := *s.stripe.sessions[sub.CheckoutSessionID]
	s.cancel(t, sub, billing.CancelNow)
	at := accounts.StripeAccount{Tenant: s.a.tenant, Connected: s.a.account}
	stray, err := s.stripe.OpenCheckout(bg, at, "stray", billing.CheckoutInput{Customer: known.Customer, Metadata: known.Metadata})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := s.stripe.pay(stray.ID)
	s.tell(t, "customer.subscription.created", id)
	s.want(t, sub.UUID, "REJECTED", false)
	if got := s.stripe.living(); len(got) > 0 {
		t.Errorf("living = %v", got)
	}
}

func TestDunning(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		sub, id := s.paid(t)
		s.wait(32 * 24 * time.Hour)
		invoice := s.stripe.renew(id, false)
		s.tell(t, "invoice.payment_failed", invoice)
		due := s.want(t, sub.UUID, "BLOCKED", true)
		if due.PastDueSince != models.At(s.stripe.invoices[invoice].Created) {
			t.Errorf("past due since %s", due.PastDueSince.Time())
		}
		due.GraceHours = 48
		if got := s.sell.StateOf(due); string(got.Status) != "UNBLOCKED" || got.Until.IsZero() {
			t.Errorf("within the grace: %+v", got)
		}
		s.stripe.settle(id)
		s.tell(t, "invoice.payment_succeeded", invoice)
		if got := s.want(t, sub.UUID, "UNBLOCKED", true); !got.PastDueSince.IsZero() {
			t.Errorf("still past due: %+v", got)
		}
		if _, err := db.NewUpdate().Model((*models.Subscription)(nil)).Set("admin_hold = 'BLOCKED'").Set("version = version + 1").Where("uuid = ?", sub.UUID).Exec(bg); err != nil {
			t.Fatal(err)
		}
		s.tell(t, "customer.subscription.updated", id)
		s.want(t, sub.UUID, "BLOCKED", true) // a payment never lifts an admin's block
	})
}

// The person did not come back from Checkout, and no webhook ever arrives: the
// sweep finds out, both of the payment and of the end.
func TestTheSweepHealsLostWebhooks(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		sweep := func() {
			t.Helper()
			next, err := billing.Sweep{Subscriptions: s.sell}.RunOnce(bg)
			if err != nil || !next.After(s.now()) {
				t.Fatal(next, err)
			}
			s.work(t)
		}
		sub := s.subscribe(t, s.a.gold)
		s.stripe.lapse(sub.CheckoutSessionID)
		sweep()
		s.want(t, sub.UUID, "REJECTED", true)
		sub = s.subscribe(t, s.a.gold)
		id, _ := s.stripe.pay(sub.CheckoutSessionID)
		sweep()
		s.want(t, sub.UUID, "UNBLOCKED", true)
		calls := len(s.stripe.ops)
		sweep()
		if len(s.stripe.ops) != calls {
			t.Error("a settled subscription was swept")
		}
		s.wait(31 * 24 * time.Hour)
		s.stripe.renew(id, false)
		sweep()
		s.want(t, sub.UUID, "BLOCKED", true)
		s.stripe.settle(id)
		sweep()
		s.want(t, sub.UUID, "UNBLOCKED", true)
		s.wait(31 * 24 * time.Hour)
		s.stripe.end(id, "payment_failed")
		sweep()
		s.want(t, sub.UUID, "BLOCKED", false)
	})
}

func TestAnOutageLosesNothing(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub := s.subscribe(t, s.a.gold)
	s.stripe.pay(sub.CheckoutSessionID)
	s.stripe.down = true
	e := s.about("checkout.session.completed", sub.CheckoutSessionID)
	s.send(t, e)
	for range 3 {
		if _, err := s.jobs.RunOnce(bg); err != nil {
			t.Fatal(err)
		}
		s.wait(time.Minute)
	}
	if got := s.outcome(t, e); got.State != models.EventWaiting {
		t.Errorf("event = %+v", got)
	}
	s.stripe.down = false
	s.work(t)
	s.want(t, sub.UUID, "UNBLOCKED", true)
	if got := s.outcome(t, e); got.State != models.EventDone {
		t.Errorf("event = %+v", got)
	}
}

// forget makes room for the next subscription of the same application.
func (s *shop) forget(t *testing.T, sub models.Subscription) {
	t.Helper()
	for _, table := range []string{"invoices", "am_stripe_checkout_sessions", "am_monetization_subscriptions", "subscription_timeline", "payment_incidents"} {
		s.exec(t, "DELETE FROM "+table+" WHERE am_subscription_id = ?", sub.ID)
	}
	s.exec(t, "DELETE FROM am_subscription WHERE subscription_id = ?", sub.ID)
	s.exec(t, "DELETE FROM stripe_events")
	s.exec(t, "DELETE FROM outbox_jobs")
	s.exec(t, "DELETE FROM audit")
	s.exec(t, "DELETE FROM am_workflows")
	clear(s.stripe.subs)
	clear(s.stripe.invoices)
	clear(s.stripe.sessions)
	clear(s.stripe.answers)
	s.stripe.ops = nil
}

func (s *shop) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := s.db.ExecContext(bg, query, args...); err != nil {
		t.Fatal(err)
	}
}

// permute calls each with every order of 0…n-1.
func permute(n int, each func([]int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var next func(int)
	next = func(k int) {
		if k == n {
			each(order)
			return
		}
		for i := k; i < n; i++ {
			order[k], order[i] = order[i], order[k]
			next(k + 1)
			order[k], order[i] = order[i], order[k]
		}
	}
	next(0)
}

// A publisher's block and a payment know nothing of each other.
func TestHoldsOfThePublisher(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		sub, id := s.paid(t)
		hold := func(h access.Hold) {
			t.Helper()
			if err := s.sell.Hold(bg, s.a.publisher, sub.UUID, h); err != nil {
				t.Fatal(err)
			}
		}
		hold(access.HoldProduction)
		s.want(t, sub.UUID, "PROD_ONLY_BLOCKED", true)
		hold(access.HoldAll)
		invoice := s.stripe.renew(id, false)
		s.tell(t, "invoice.payment_failed", invoice)
		s.stripe.settle(id)
		s.tell(t, "invoice.paid", invoice)
		s.want(t, sub.UUID, "BLOCKED", true) // the payment did not lift the block
		s.stripe.renew(id, false)
		s.tell(t, "customer.subscription.updated", id)
		hold(access.NoHold)
		s.want(t, sub.UUID, "BLOCKED", true) // lifting it did not hide the bill
		s.stripe.settle(id)
		s.tell(t, "customer.subscription.updated", id)
		s.want(t, sub.UUID, "UNBLOCKED", true)
		for name, who := range map[string]accounts.Actor{"its subscriber": s.a.buyer, "the twin's publisher": s.b.publisher, "nobody": {Tenant: s.a.tenant}} {
			if err := s.sell.Hold(bg, who, sub.UUID, access.HoldAll); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := s.sell.Hold(bg, s.a.publisher, sub.UUID, "FOREVER"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("an unknown hold: %v", err)
		}
	})
}

// A session that is still open beside a subscription that has begun can be paid by
// nobody; and if it is paid at that very moment, the payment is undone.
func TestStraySessionsAreClosed(t *testing.T) {
	t.Parallel()
	for _, paidMeanwhile := range []bool{false, true} {
		s := openShop(t, testdb.New(t))
		sub := s.subscribe(t, s.a.gold)
		at := accounts.StripeAccount{Tenant: s.a.tenant, Connected: s.a.account}
		known := s.stripe.sessions[sub.CheckoutSessionID]
		stray, err := s.stripe.OpenCheckout(bg, at, "stray", billing.CheckoutInput{Customer: known.Customer, Metadata: known.Metadata})
		if err != nil {
			t.Fatal(err)
		}
		kept, _ := s.stripe.pay(stray.ID) // of which our rows know nothing
		s.stripe.before = func(op string) {
			if op == "expire" && paidMeanwhile {
				s.stripe.before = nil
				s.wait(time.Second)
				s.stripe.pay(sub.CheckoutSessionID)
			}
		}
		s.tell(t, "customer.subscription.created", kept)
		s.want(t, sub.UUID, "UNBLOCKED", true)
		if living := s.stripe.living(); len(living) != 1 || living[0] != kept || len(s.stripe.payable()) > 0 {
			t.Errorf("living %v, payable %v", living, s.stripe.payable())
		}
	}
}
