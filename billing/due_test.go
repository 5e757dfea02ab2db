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

// late lets the renewal of a subscription fail, as a card that is refused does.
func (s *shop) late(t testing.TB, id string) (invoice string) {
	t.Helper()
	s.wait(32 * 24 * time.Hour)
	invoice = s.stripe.renew(id, false)
	i := s.stripe.invoices[invoice]
	i.AttemptCount, i.NextAttempt, i.HostedURL = 1, s.now().Add(72*time.Hour), "https://invoice.stripe.com/i/"+invoice
	s.tell(t, "invoice.payment_failed", invoice)
	return invoice
}

func (s *shop) sweep(t testing.TB) {
	t.Helper()
	if _, err := (billing.Sweep{Subscriptions: s.sell}).RunOnce(bg); err != nil {
		t.Fatal(err)
	}
}

// Time to pay ends at its instant, by itself, and is told.
func TestGraceEndsByItself(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		openBank(t, s)
		s.rule(t, "1000", false, false) // more hours than an integer of milliseconds holds
		sub, id := s.paid(t)
		s.late(t, id)
		s.want(t, sub.UUID, "UNBLOCKED", true)
		due, err := s.sell.NextDue(bg)
		if err != nil || !due.Equal(s.now().Truncate(time.Millisecond).Add(1000*time.Hour)) && due.Sub(s.now()) > 1000*time.Hour {
			t.Fatalf("due %s, %v", due, err)
		}
		s.wait(due.Sub(s.now()) - time.Second)
		s.sweep(t)
		s.want(t, sub.UUID, "UNBLOCKED", true)
		s.stripe.down = true // nobody has to be asked
		s.wait(time.Second)
		for range 2 {
			s.sweep(t)
		}
		s.want(t, sub.UUID, "BLOCKED", true)
		if after, err := s.sell.NextDue(bg); err != nil || !after.IsZero() {
			t.Errorf("due again at %s, %v", after, err)
		}
		got, told := s.kinds(t, sub), s.told(t)
		if count(got, "grace_began") != 1 || count(got, "grace_ended") != 1 || count(told, "buyer access_blocked") != 1 || count(told, "buyer payment_failed") != 1 {
			t.Errorf("timeline %v, told %v", got, told)
		}
		s.stripe.down = false
		s.stripe.settle(id)
		s.tell(t, "invoice.paid", s.stripe.subs[id].LatestInvoice)
		s.want(t, sub.UUID, "UNBLOCKED", true)
		if told := s.told(t); count(told, "buyer access_restored") != 1 {
			t.Errorf("told %v", told)
		}
	})
}

// The customer's setting counts, else the plan's, else the tenant's, each at once.
func TestWhoseGraceCounts(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		openBank(t, s)
		sub, id := s.paid(t)
		s.late(t, id)
		s.want(t, sub.UUID, "BLOCKED", true)
		hours := func(want int) {
			t.Helper()
			if got := s.row(t, sub.UUID); got.GraceHours != want {
				t.Errorf("%d hours, want %d", got.GraceHours, want)
			}
		}
		s.rule(t, "24", false, false)
		s.want(t, sub.UUID, "UNBLOCKED", true)
		hours(24)
		plan, err := models.PolicyByUUID(bg, db, s.a.tenant, s.a.gold)
		if err != nil {
			t.Fatal(err)
		}
		none, many := 0, 200
		plan.GraceHours = &none
		err = models.InTx(bg, db, func(ctx ctx, tx bun.Tx) error {
			if err := models.SavePolicy(ctx, tx, &plan); err != nil {
				return err
			}
			sales := &billing.Sales{DB: db, Engine: s.stripe, Wall: s.sell.Wall, Installation: "inst-1"}
			_, err := sales.PlanSaved(ctx, tx, plan, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.jobs.Wake()
		for range 3 {
			if _, err := s.jobs.RunOnce(bg); err != nil {
				t.Fatal(err)
			}
		}
		hours(0)
		if err := s.sell.SetGrace(bg, s.a.publisher, sub.UUID, &many); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := s.jobs.RunOnce(bg); err != nil {
				t.Fatal(err)
			}
		}
		hours(200)
		if got, err := s.sell.GraceOf(bg, s.a.publisher, sub.UUID); err != nil || got == nil || *got != 200 {
			t.Errorf("grace of the customer: %v, %v", got, err)
		}
		for name, who := range map[string]accounts.Actor{"its subscriber": s.a.buyer, "the twin's publisher": s.b.publisher, "nobody": {Tenant: s.a.tenant}} {
			if err := s.sell.SetGrace(bg, who, sub.UUID, nil); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, bad := range []int{-1, 2161} {
			if f, ok := fault.FieldsOf(s.sell.SetGrace(bg, s.a.publisher, sub.UUID, &bad)); !ok || f["grace_hours"] == "" {
				t.Errorf("%d hours were taken", bad)
			}
		}
		if s.audited(t, "subscription.grace") != 1 || s.audited(t, "tenant.settings") != 1 {
			t.Error("the audit misses who set it")
		}
	})
}

// The bank's question comes with the page where it is answered.
func TestTheBankAsks(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	openBank(t, s)
	sub, id := s.paid(t)
	s.wait(32 * 24 * time.Hour)
	invoice := s.stripe.renew(id, false)
	s.stripe.invoices[invoice].ActionNeeded, s.stripe.invoices[invoice].HostedURL = true, "https://invoice.stripe.com/i/x"
	for range 2 {
		s.tell(t, "invoice.payment_action_required", invoice)
	}
	got := s.want(t, sub.UUID, "BLOCKED", true)
	if state := s.sell.StateOf(got); state.Next != access.Authenticate || got.OpenInvoice != invoice {
		t.Errorf("next is %s, open is %s", state.Next, got.OpenInvoice)
	}
	var told []models.Notice
	if err := s.db.NewSelect().Model(&told).Where("nt.kind = 'authentication_needed'").Scan(bg); err != nil || len(told) != 1 || told[0].LinkURL != "https://invoice.stripe.com/i/x" {
		t.Errorf("told %+v, %v", told, err)
	}
	s.stripe.invoices[invoice].ActionNeeded = false
	s.stripe.settle(id)
	s.tell(t, "invoice.paid", invoice)
	s.want(t, sub.UUID, "UNBLOCKED", true)
}

// A delayed payment that never comes leaves a subscription that can be started again.
func TestADelayedPaymentThatNeverComes(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		openBank(t, s)
		sub := s.subscribe(t, s.a.gold)
		id, invoice := s.stripe.payLater(sub.CheckoutSessionID)
		s.tell(t, "checkout.session.completed", sub.CheckoutSessionID)
		s.want(t, sub.UUID, "ON_HOLD", true)
		s.stripe.subs[id].Status = "past_due"
		for _, e := range []event{s.about("checkout.session.async_payment_failed", sub.CheckoutSessionID), s.about("invoice.payment_failed", invoice), s.about("customer.subscription.updated", id)} {
			s.hear(t, e)
			if got := s.want(t, sub.UUID, "REJECTED", true); s.sell.StateOf(got).Reason != access.PaymentDeclined {
				t.Fatalf("after %s: %s", e.Type, s.sell.StateOf(got).Reason)
			}
		}
		if got := s.stripe.living(); len(got) > 0 {
			t.Errorf("living: %v", got)
		}
		again, err := s.sell.StartAgain(bg, s.a.buyer, sub.UUID)
		if err != nil || again.UUID != sub.UUID {
			t.Fatal(again.UUID, err)
		}
		s.work(t)
		s.stripe.pay(s.row(t, sub.UUID).CheckoutSessionID)
		s.tell(t, "checkout.session.completed", s.row(t, sub.UUID).CheckoutSessionID)
		s.tell(t, "customer.subscription.deleted", id) // of the one before
		s.want(t, sub.UUID, "UNBLOCKED", true)
		if got := s.told(t); count(got, "buyer payment_failed") != 1 {
			t.Errorf("told %v", got)
		}
	})
}

// Whoever leaves the payment page open is reminded twice, and no more.
func TestRemindersToPay(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		openBank(t, s)
		sub := s.subscribe(t, s.a.gold)
		opened, closes := s.now(), s.row(t, sub.UUID).CheckoutExpiresAt.Time()
		for i, want := range []time.Time{opened.Add(time.Hour), closes.Add(-2 * time.Hour)} {
			due, err := s.sell.NextDue(bg)
			if err != nil || due.Sub(want).Abs() > time.Second {
				t.Fatalf("due %s, want %s, %v", due, want, err)
			}
			s.wait(due.Sub(s.now()))
			for range 2 {
				s.sweep(t)
			}
			if n := count(s.told(t), "buyer payment_needed"); n != i+1 {
				t.Errorf("told %d times, want %d", n, i+1)
			}
		}
		if due, err := s.sell.NextDue(bg); err != nil || !due.IsZero() {
			t.Errorf("due again at %s, %v", due, err)
		}
	})
}

// A trial that ends soon is told of once, and a pause of payments is seen.
func TestTrialsAndPauses(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	openBank(t, s)
	sub, id := s.paid(t)
	theirs := s.stripe.subs[id]
	theirs.Status, theirs.TrialEnd = "trialing", s.now().Add(10*24*time.Hour)
	s.tell(t, "customer.subscription.updated", id)
	if n := count(s.told(t), "buyer trial_ending"); n != 0 {
		t.Errorf("told %d times ten days before", n)
	}
	s.wait(7 * 24 * time.Hour)
	for range 2 {
		s.tell(t, "customer.subscription.trial_will_end", id)
	}
	if got := s.want(t, sub.UUID, "UNBLOCKED", true); got.TrialEnds.IsZero() || count(s.told(t), "buyer trial_ending") != 1 {
		t.Errorf("trial ends %s, told %v", got.TrialEnds.Time(), s.told(t))
	}
	theirs.Status, theirs.CollectionPaused = "active", true
	s.tell(t, "customer.subscription.updated", id)
	if got := s.want(t, sub.UUID, "UNBLOCKED", true); s.sell.StateOf(got).Label != "Active, not charged" || !got.TrialEnds.IsZero() {
		t.Errorf("%s", s.sell.StateOf(got).Label)
	}
	theirs.CollectionPaused = false
	s.tell(t, "customer.subscription.updated", id)
	if got := s.kinds(t, sub); count(got, "collection_paused") != 1 || count(got, "collection_resumed") != 1 {
		t.Errorf("timeline %v", got)
	}
}

// A delayed payment for another plan that never comes leaves the free plan as it was.
func TestADelayedPaymentForAnotherPlanThatNeverComes(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	openBank(t, c.shop)
	sub, _ := c.on(t, c.a.free)
	c.changing(t, sub, c.a.gold, billing.MomentNow)
	waiting := c.plan(t, sub.UUID, "Free", "Gold", "TIER_UPDATE_PENDING")
	id, invoice := c.stripe.payLater(waiting.CheckoutSessionID)
	c.tell(t, "checkout.session.completed", waiting.CheckoutSessionID)
	c.plan(t, sub.UUID, "Free", "Gold", "TIER_UPDATE_PENDING")
	c.stripe.subs[id].Status = "past_due"
	for _, e := range []event{c.about("checkout.session.async_payment_failed", waiting.CheckoutSessionID), c.about("invoice.payment_failed", invoice)} {
		c.hear(t, e)
		if got := c.plan(t, sub.UUID, "Free", "", "UNBLOCKED"); got.NeedsPayment || got.ChangeProblem == "" {
			t.Errorf("%+v", got)
		}
	}
	if got := c.stripe.living(); len(got) > 0 {
		t.Errorf("living: %v", got)
	}
}
