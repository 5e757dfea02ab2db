package billing_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/notices"
)

// SaveProduct keeps the name of what is sold.
func (b *till) SaveProduct(_ context.Context, _ accounts.StripeAccount, key string, in billing.Product) error {
	_, err := ring(b, "product", key, in.ID, func() (bool, error) { return true, nil })
	return err
}

// DeactivateMeter notes which meters were stopped.
func (b *till) DeactivateMeter(_ context.Context, _ accounts.StripeAccount, key, id string) error {
	_, err := ring(b, "stop meter", key, id, func() (bool, error) { return true, nil })
	return err
}

// A meter runs while anybody has its plan or is about to, and no longer.
func TestTheMeterOfAPlanThatNobodyHasIsStopped(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		c := openCounter(t, db)
		sub, id := c.on(t, c.a.gold)
		c.changing(t, sub, c.payg, billing.MomentAtPeriodEnd)
		plan, err := models.PolicyByUUID(bg, db, c.a.tenant, c.payg)
		if err != nil {
			t.Fatal(err)
		}
		stockUp(t, db, &models.StripeProduct{TenantID: c.a.tenant, APIID: c.a.apiID, Account: c.a.account, ProductID: "prod_1", State: models.PushLive},
			&models.StripeMeter{TenantID: c.a.tenant, APIID: c.a.apiID, PolicyID: plan.ID, Account: c.a.account, EventName: "tg_payg", MeterID: "mtr_1", State: models.PushLive})
		c.exec(t, "UPDATE am_monetization SET state = ? WHERE tier_name = 'Payg'", models.PushArchived) // it left sale
		stopped := func() bool { return slices.Contains(c.stripe.ops, "stop meter") }
		push := func() {
			t.Helper()
			err := models.InTx(bg, db, func(ctx context.Context, tx bun.Tx) error {
				_, err := outbox.Stage(ctx, tx, c.a.tenant, c.now(), billing.PushSale{API: c.a.apiID})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			c.work(t)
		}
		if push(); stopped() {
			t.Fatal("stopped while somebody is about to come")
		}
		c.wait(31 * 24 * time.Hour)
		c.stripe.turns(id)
		c.tell(t, "customer.subscription.updated", id)
		if c.plan(t, sub.UUID, "Payg", "", "UNBLOCKED"); stopped() {
			t.Fatal("stopped while somebody has it")
		}
		c.changing(t, sub, c.a.gold, billing.MomentAtPeriodEnd)
		if push(); stopped() {
			t.Fatal("stopped although nobody left")
		}
		if err := c.sell.UndoChange(bg, c.a.buyer, sub.UUID); err != nil {
			t.Fatal(err)
		}
		c.work(t)
		c.changing(t, sub, c.a.gold, billing.MomentNow)
		if c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED"); !stopped() {
			t.Error("the meter that nobody needs runs on")
		}
	})
}

func TestAPlanThatSomebodyWillHaveIsNotDeleted(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	sub, _ := c.on(t, c.a.gold)
	c.changing(t, sub, c.silver, billing.MomentAtPeriodEnd)
	admin := accounts.Actor{Tenant: c.a.tenant, Person: "p-admin", Roles: []accounts.Role{accounts.Admin}}
	plan, err := models.PolicyByUUID(bg, c.db, c.a.tenant, c.silver)
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&catalog.Service{DB: c.db, Wall: c.sell.Wall}).DeletePlan(bg, admin, c.silver, plan.Version, accounts.Consent{})
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.Message(err), "1 subscription will change to it") {
		t.Errorf("deleted: %v", err)
	}
}

// People are told what they cannot see happening, each thing once.
func TestWhoIsToldOfAChange(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	c.sell.Notices = &notices.Desk{DB: c.db, Wall: c.sell.Wall, Business: c.sell.Business, PublicURL: "https://portal.example"}
	told := func() (kinds []string) {
		var all []models.Notice
		if err := c.db.NewSelect().Model(&all).Where("kind LIKE 'plan%' OR subject LIKE '%change to%'").OrderExpr("created_at, id").Scan(bg); err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			if n.PersonID != c.a.buyer.Person || n.LinkURL == "" || n.Body == "" {
				t.Errorf("notice %+v", n)
			}
			kinds = append(kinds, n.Kind)
		}
		return kinds
	}
	sub, id := c.on(t, c.silver)
	c.changing(t, sub, c.a.gold, billing.MomentAtPeriodEnd)
	if err := c.sell.UndoChange(bg, c.a.buyer, sub.UUID); err != nil {
		t.Fatal(err)
	}
	c.work(t)
	if got := told(); len(got) > 0 {
		t.Errorf("told of what they did themselves: %v", got)
	}
	c.stripe.declining(true)
	c.changing(t, sub, c.a.gold, billing.MomentNow)
	c.wait(time.Minute)
	c.stripe.dropPending(id)
	for range 2 {
		c.tell(t, "customer.subscription.updated", id)
	}
	c.stripe.declining(false)
	c.wait(time.Minute)
	c.changing(t, sub, c.a.gold, billing.MomentNow)
	if got := strings.Join(told(), " "); got != "payment_needed plan_not_changed plan_changed" {
		t.Errorf("told %q", got)
	}
}

// While Stripe is away a change waits, says so, and happens once when it is back.
func TestAChangeOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	sub, id := c.on(t, c.silver)
	p, err := c.sell.PreviewChange(bg, c.a.buyer, sub.UUID, c.a.gold, billing.MomentNow)
	if err != nil {
		t.Fatal(err)
	}
	c.stripe.down = true
	if _, err := c.sell.PreviewChange(bg, c.a.buyer, sub.UUID, c.a.gold, billing.MomentNow); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a preview of nobody: %v", err)
	}
	if err := c.sell.Change(bg, c.a.buyer, sub.UUID, p.Shown()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("confirmed with nobody: %v", err)
	}
	c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED")
	c.stripe.down = false
	if err := c.sell.Change(bg, c.a.buyer, sub.UUID, p.Shown()); err != nil {
		t.Fatal(err)
	}
	c.stripe.down = true
	for range 4 {
		if _, err := c.jobs.RunOnce(bg); err != nil {
			t.Fatal(err)
		}
		c.wait(time.Minute)
	}
	waits := c.plan(t, sub.UUID, "Silver", "Gold", "TIER_UPDATE_PENDING")
	if o, err := c.sell.Overview(bg, c.a.buyer, sub.UUID); err != nil || !o.StripeSilent || o.Changing == nil || o.Changing.Undoable || !o.Changing.Asked {
		t.Errorf("it says %+v, %v", o.Changing, err)
	}
	if err := c.sell.UndoChange(bg, c.a.buyer, sub.UUID); fault.KindOf(err) != fault.Conflict {
		t.Errorf("taken back in mid-air: %v", err)
	}
	c.stripe.down = false
	c.work(t)
	c.plan(t, waits.UUID, "Gold", "", "UNBLOCKED")
	c.sound(t, sub, id)
}

// What Stripe was never heard to do for a day is not done later behind one's back.
func TestAChangeThatIsADayOldIsDropped(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	sub, id := c.on(t, c.silver)
	if _, err := c.change(sub, c.a.gold, billing.MomentNow); err != nil {
		t.Fatal(err)
	}
	c.stripe.down = true
	if _, err := c.jobs.RunOnce(bg); err != nil {
		t.Fatal(err)
	}
	c.wait(24 * time.Hour)
	c.stripe.down = false
	c.work(t)
	if after := c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED"); !strings.Contains(after.ChangeProblem, "did not answer for a day") || c.stripe.subs[id].Items[0].Price != "price_silver" {
		t.Errorf("after %+v", after)
	}
}

// However late and in whatever order Stripe's events come, the plan that Stripe
// bills counts in the end.
func TestEveryOrderOfTheEventsOfAChange(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	sub, id := c.on(t, c.silver)
	begin := c.row(t, sub.UUID)
	theirs := *c.stripe.subs[id]
	items := slices.Clone(theirs.Items)
	permute(4, func(order []int) {
		c.stripe.declining(true)
		c.changing(t, begin, c.a.gold, billing.MomentNow)
		first := c.stripe.subs[id].LatestInvoice
		steps := []func(){
			func() {},
			func() { c.stripe.dropPending(id) },
			func() {
				c.stripe.declining(false)
				c.changing(t, c.row(t, sub.UUID), c.a.gold, billing.MomentNow)
			},
			func() { c.stripe.turns(id) },
		}
		events := []event{c.about("invoice.payment_failed", first), c.about("customer.subscription.pending_update_expired", id), c.about("invoice.paid", first), c.about("customer.subscription.updated", id)}
		done := 0
		for _, i := range order {
			for ; done <= i; done++ {
				if done == 2 { // nobody asks anew before they have seen that the first came to nothing
					c.tell(t, "customer.subscription.updated", id)
				}
				steps[done]()
			}
			c.send(t, events[i])
			c.work(t)
		}
		if got := c.row(t, sub.UUID); got.TierID != "Gold" || got.ChangeKind != models.NoChange || got.Status != "UNBLOCKED" {
			t.Fatalf("order %v: %+v", order, got)
		}
		again := theirs
		again.Items = slices.Clone(items)
		c.stripe.subs[id] = &again
		clear(c.stripe.answers)
		begin.Version = 0
		c.restore(t, begin)
		begin = c.row(t, sub.UUID)
	})
}

// Money that takes days does not take the free plan away meanwhile.
func TestADelayedPaymentForAPlan(t *testing.T) {
	t.Parallel()
	for _, comes := range []bool{true, false} {
		c := openCounter(t, testdb.New(t))
		sub, _ := c.on(t, c.a.free)
		c.changing(t, sub, c.a.gold, billing.MomentNow)
		session := c.row(t, sub.UUID).CheckoutSessionID
		id, _ := c.stripe.payLater(session)
		c.tell(t, "checkout.session.completed", session)
		waits := c.plan(t, sub.UUID, "Free", "Gold", "TIER_UPDATE_PENDING")
		if waits.NeedsPayment || waits.Checkout != "processing" || len(c.stripe.living()) != 1 {
			t.Fatalf("waits %+v, living %v", waits, c.stripe.living())
		}
		if err := c.sell.UndoChange(bg, c.a.buyer, sub.UUID); fault.KindOf(err) != fault.Conflict {
			t.Errorf("taken back: %v", err)
		}
		if comes {
			c.stripe.settle(id)
			c.tell(t, "checkout.session.async_payment_succeeded", session)
			c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
			continue
		}
		c.stripe.subs[id].Status = "past_due"
		c.tell(t, "checkout.session.async_payment_failed", session)
		after := c.plan(t, sub.UUID, "Free", "", "UNBLOCKED")
		if after.ChangeProblem == "" || after.StripeSubscriptionID != "" || len(c.stripe.living()) > 0 {
			t.Errorf("after %+v, living %v", after, c.stripe.living())
		}
		if o, err := c.sell.Overview(bg, c.a.buyer, sub.UUID); err != nil || o.ChangeProblem == "" {
			t.Errorf("the page does not say so: %v", err)
		}
		c.wait(15 * 24 * time.Hour)
		if o, err := c.sell.Overview(bg, c.a.buyer, sub.UUID); err != nil || o.ChangeProblem != "" {
			t.Errorf("the page says for ever %q, %v", o.ChangeProblem, err)
		}
	}
}

// An event that comes between the wish and Stripe's answer drops nothing: what
// Stripe has not heard of yet, it has not dropped either.
func TestAnEventBeforeTheAnswerDropsNothing(t *testing.T) {
	t.Parallel()
	for op, tt := range map[string]struct {
		plan func(c *counter) string
		when billing.Moment
	}{
		"change":   {func(c *counter) string { return c.silver }, billing.MomentNow},
		"schedule": {func(c *counter) string { return c.silver }, billing.MomentAtPeriodEnd},
		"cancel":   {func(c *counter) string { return c.hobby }, billing.MomentAtPeriodEnd},
	} {
		c := openCounter(t, testdb.New(t))
		sub, id := c.on(t, c.a.gold)
		broken := true
		c.stripe.cut = func(got string) int {
			if got == op && broken {
				return 1
			}
			return 0
		}
		if _, err := c.change(sub, tt.plan(c), tt.when); err != nil {
			t.Fatal(err)
		}
		for range 6 {
			c.send(t, c.about("customer.subscription.updated", id))
			if _, err := c.jobs.RunOnce(bg); err != nil {
				t.Fatal(err)
			}
			c.wait(10 * time.Second)
		}
		if got := c.row(t, sub.UUID); got.ChangeKind == models.NoChange || got.TierID != "Gold" || !slices.Contains(c.stripe.ops, "list subscriptions") {
			t.Errorf("%s: dropped: %+v", op, got)
		}
		broken = false
		c.work(t)
		if got := c.row(t, sub.UUID); got.TierID != "Silver" && got.ChangeAt.IsZero() || got.ChangeProblem != "" {
			t.Errorf("%s: %+v", op, got)
		}
		c.sound(t, sub, id)
	}
}

// A wish that was taken back is not fulfilled after the next one, however long its
// own work was held up.
func TestAnOldWishDoesNotReplaceANewOne(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	sub, id := c.on(t, c.a.gold)
	left := 3
	c.stripe.cut = func(op string) int {
		if op == "schedule" && left > 0 {
			left--
			return 1
		}
		return 0
	}
	if _, err := c.change(sub, c.silver, billing.MomentAtPeriodEnd); err != nil {
		t.Fatal(err)
	}
	run := func() {
		t.Helper()
		if _, err := c.jobs.RunOnce(bg); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if err := c.sell.UndoChange(bg, c.a.buyer, sub.UUID); err != nil {
		t.Fatal(err)
	}
	run()
	c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
	left = 0
	if _, err := c.change(c.row(t, sub.UUID), c.payg, billing.MomentAtPeriodEnd); err != nil {
		t.Fatal(err)
	}
	c.work(t)
	c.plan(t, sub.UUID, "Gold", "Payg", "TIER_UPDATE_PENDING")
	if got := c.stripe.schedules[c.stripe.subs[id].Schedule]; got.NextPrice != "price_payg" {
		t.Errorf("Stripe will change it to %s", got.NextPrice)
	}
}
