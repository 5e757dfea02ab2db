package billing_test

import (
	"errors"
	"strings"
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

func TestAnUpgradeIsChargedAsShown(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		c := openCounter(t, db)
		sub, id := c.on(t, c.silver)
		c.wait(10 * 24 * time.Hour)
		p, err := c.sell.PreviewChange(bg, c.a.buyer, sub.UUID, c.a.gold, billing.MomentNow)
		if err != nil || p.Invoice == nil || p.Due.Minor() <= 0 || len(p.Invoice.Lines) != 2 || !p.Next.Equal(sub.PeriodEnd.Time()) {
			t.Fatalf("preview %+v, %v", p, err)
		}
		c.wait(29 * time.Minute) // a person reads; the amount is the one they read
		if err := c.sell.Change(bg, c.a.buyer, sub.UUID, p.Shown()); err != nil {
			t.Fatal(err)
		}
		c.plan(t, sub.UUID, "Silver", "Gold", "TIER_UPDATE_PENDING")
		c.work(t)
		after := c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
		if i := c.stripe.invoices[c.stripe.subs[id].LatestInvoice]; i.AmountPaid != p.Due {
			t.Errorf("charged %s, shown %s", i.AmountPaid, p.Due)
		}
		if after.PriceVersionID != c.a.version || c.flow(t, sub, models.WorkflowUpdate) != models.WorkflowApproved || c.audited(t, "subscription.plan_changed") != 1 {
			t.Errorf("after %+v", after)
		}
		if got := c.told(t, sub); len(got) != 2 || got[1] != "plan_changed" {
			t.Errorf("timeline %v", got)
		}
		c.tell(t, "customer.subscription.updated", id) // says nothing new
		if got := c.told(t, sub); len(got) != 2 {
			t.Errorf("told twice: %v", got)
		}
	})
}

func TestWhatWasShownTooLongAgoOrIsNotTrueAnyMoreIsShownAnew(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	sub, id := c.on(t, c.silver)
	p, err := c.sell.PreviewChange(bg, c.a.buyer, sub.UUID, c.a.gold, billing.MomentNow)
	if err != nil {
		t.Fatal(err)
	}
	shown := p.Shown()
	for name, change := range map[string]func(*billing.ChangeInput){
		"from the future":       func(in *billing.ChangeInput) { in.At += 60 },
		"another amount":        func(in *billing.ChangeInput) { in.Due++ },
		"another price version": func(in *billing.ChangeInput) { in.Version = models.NewID() },
		"no instant":            func(in *billing.ChangeInput) { in.At = 0 },
	} {
		in := shown
		change(&in)
		err := c.sell.Change(bg, c.a.buyer, sub.UUID, in)
		if _, ok := errors.AsType[*billing.QuoteChanged](err); !ok || fault.KindOf(err) != fault.Conflict || fault.Message(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.wait(30 * time.Minute) // and the very same is half an hour old
	if _, ok := errors.AsType[*billing.QuoteChanged](c.sell.Change(bg, c.a.buyer, sub.UUID, shown)); !ok {
		t.Error("an old preview was taken")
	}
	if got := c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED"); c.stripe.subs[id].Items[0].Price != "price_silver" || c.flow(t, got, models.WorkflowUpdate) != "" {
		t.Error("something was changed")
	}
}

func TestADowngradeAtPeriodEnd(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		c := openCounter(t, db)
		sub, id := c.on(t, c.a.gold)
		p := c.changing(t, sub, c.silver, billing.MomentAtPeriodEnd)
		if p.Invoice != nil || !p.Takes.Equal(sub.PeriodEnd.Time()) {
			t.Errorf("preview %+v", p)
		}
		waits := c.plan(t, sub.UUID, "Gold", "Silver", "TIER_UPDATE_PENDING")
		if waits.ChangeAt != sub.PeriodEnd || waits.StripeScheduleID == "" {
			t.Fatalf("waits %+v", waits)
		}
		if _, err := c.change(sub, c.a.gold, billing.MomentNow); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a second change: %v", err)
		}
		c.wait(31 * 24 * time.Hour)
		c.stripe.turns(id)
		c.tell(t, "customer.subscription.updated", id)
		after := c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED")
		if after.StripeScheduleID != "" || c.stripe.subs[id].Schedule != "" {
			t.Errorf("the schedule was not let go: %q, %q", after.StripeScheduleID, c.stripe.subs[id].Schedule)
		}
		if got := strings.Join(c.told(t, sub), " "); got != "plan_change_asked plan_change_scheduled plan_changed" {
			t.Errorf("timeline %s", got)
		}
	})
}

func TestAScheduledChangeIsTakenBack(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	sub, id := c.on(t, c.a.gold)
	c.changing(t, sub, c.silver, billing.MomentAtPeriodEnd)
	if err := c.sell.UndoChange(bg, c.a.buyer, sub.UUID); err != nil {
		t.Fatal(err)
	}
	c.work(t)
	if after := c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED"); c.stripe.subs[id].Schedule != "" || after.ChangeProblem != "" || c.flow(t, sub, models.WorkflowUpdate) != models.WorkflowRejected {
		t.Errorf("after %+v", after)
	}
	c.changing(t, sub, c.silver, billing.MomentAtPeriodEnd) // a wish of its own, with keys of its own
	c.plan(t, sub.UUID, "Gold", "Silver", "TIER_UPDATE_PENDING")
	c.stripe.released(id) // in the dashboard
	c.tell(t, "customer.subscription.updated", id)
	if after := c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED"); !strings.Contains(after.ChangeProblem, "at Stripe") {
		t.Errorf("after %+v", after)
	}
	if len(c.stripe.misused) > 0 {
		t.Errorf("keys with two bodies: %v", c.stripe.misused)
	}
}

func TestADeclinedUpgradeLeavesTheOldPlan(t *testing.T) {
	t.Parallel()
	for _, paid := range []bool{true, false} {
		c := openCounter(t, testdb.New(t))
		sub, id := c.on(t, c.silver)
		c.stripe.declining(true)
		c.changing(t, sub, c.a.gold, billing.MomentNow)
		waits := c.plan(t, sub.UUID, "Silver", "Gold", "TIER_UPDATE_PENDING")
		if waits.CheckoutExpiresAt.IsZero() || waits.OpenInvoice == "" {
			t.Fatalf("waits %+v", waits)
		}
		if err := c.sell.UndoChange(bg, c.a.buyer, sub.UUID); fault.KindOf(err) != fault.Conflict {
			t.Errorf("undone: %v", err)
		}
		if paid {
			c.stripe.payPending(id)
			c.tell(t, "invoice.paid", c.stripe.subs[id].LatestInvoice)
			c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
			continue
		}
		c.wait(24 * time.Hour)
		c.stripe.dropPending(id)
		c.tell(t, "customer.subscription.updated", id)
		if after := c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED"); !strings.Contains(after.ChangeProblem, "not paid in time") {
			t.Errorf("after %+v", after)
		}
	}
}

func TestAFreePlanIsServedUntilThePaidOneIsPaid(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		c := openCounter(t, db)
		sub, _ := c.on(t, c.a.free)
		c.changing(t, sub, c.a.gold, billing.MomentNow)
		waits := c.plan(t, sub.UUID, "Free", "Gold", "TIER_UPDATE_PENDING")
		if to, err := c.sell.CheckoutURL(bg, c.a.buyer, sub.UUID); err != nil || to == "" {
			t.Errorf("checkout at %q, %v", to, err)
		}
		c.stripe.lapse(waits.CheckoutSessionID)
		c.tell(t, "checkout.session.expired", waits.CheckoutSessionID)
		if after := c.plan(t, sub.UUID, "Free", "", "UNBLOCKED"); after.ChangeProblem == "" || after.NeedsPayment || after.Account != "" {
			t.Errorf("after %+v", after)
		}
		c.changing(t, sub, c.a.gold, billing.MomentNow)
		waits = c.plan(t, sub.UUID, "Free", "Gold", "TIER_UPDATE_PENDING")
		id, _ := c.stripe.pay(waits.CheckoutSessionID)
		c.tell(t, "customer.subscription.created", id)
		gold := c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
		if !gold.NeedsPayment || gold.PriceVersionID != c.a.version || gold.StripeSubscriptionID != id || gold.PeriodEnd.IsZero() {
			t.Fatalf("gold %+v", gold)
		}

		c.changing(t, sub, c.hobby, billing.MomentAtPeriodEnd)
		waits = c.plan(t, sub.UUID, "Gold", "Hobby", "TIER_UPDATE_PENDING")
		if waits.ChangeAt != gold.PeriodEnd || !waits.CancelAt.IsZero() {
			t.Fatalf("waits %+v", waits)
		}
		c.wait(31 * 24 * time.Hour)
		c.stripe.end(id, "cancellation_requested")
		c.tell(t, "customer.subscription.deleted", id)
		hobby := c.plan(t, sub.UUID, "Hobby", "", "UNBLOCKED")
		if hobby.NeedsPayment || hobby.StripeSubscriptionID != "" || hobby.PriceVersionID != "" {
			t.Fatalf("hobby %+v", hobby)
		}
		c.tell(t, "customer.subscription.updated", id) // late
		c.plan(t, sub.UUID, "Hobby", "", "UNBLOCKED")

		c.changing(t, sub, c.silver, billing.MomentNow) // and back: the old one does not count
		waits = c.plan(t, sub.UUID, "Hobby", "Silver", "TIER_UPDATE_PENDING")
		c.wait(time.Minute)
		next, _ := c.stripe.pay(waits.CheckoutSessionID)
		c.tell(t, "checkout.session.completed", waits.CheckoutSessionID)
		if got := c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED"); got.StripeSubscriptionID != next {
			t.Errorf("counts %s, want %s", got.StripeSubscriptionID, next)
		}
	})
}

func TestAFreePlanChangesToAnotherAtOnce(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	sub, _ := c.on(t, c.a.free)
	if _, err := c.change(sub, c.hobby, billing.MomentNow); err != nil {
		t.Fatal(err)
	}
	c.plan(t, sub.UUID, "Hobby", "", "UNBLOCKED")
	if c.flow(t, sub, models.WorkflowUpdate) != models.WorkflowApproved || len(c.stripe.ops) > 0 {
		t.Errorf("workflow %s, asked Stripe %v", c.flow(t, sub, models.WorkflowUpdate), c.stripe.ops)
	}
}

// What ends for any other reason than the change to a free plan, ends.
func TestAnEndForAnotherReasonEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c *counter, id string){
		"dunning":          func(c *counter, id string) { c.wait(31 * 24 * time.Hour); c.stripe.end(id, "payment_failed") },
		"in the dashboard": func(c *counter, id string) { c.stripe.end(id, "cancellation_requested") },
	} {
		c := openCounter(t, testdb.New(t))
		sub, id := c.on(t, c.a.gold)
		c.changing(t, sub, c.hobby, billing.MomentAtPeriodEnd)
		end(c, id)
		c.tell(t, "customer.subscription.deleted", id)
		if got := c.want(t, sub.UUID, "BLOCKED", false); got.ChangeKind != models.NoChange || got.TierID != "Gold" || c.flow(t, sub, models.WorkflowUpdate) != models.WorkflowRejected {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestChangesTakenBackBeforeTheyHappen(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	sub, _ := c.on(t, c.a.free)
	c.changing(t, sub, c.a.gold, billing.MomentNow)
	undo := func() {
		t.Helper()
		if err := c.sell.UndoChange(bg, c.a.buyer, sub.UUID); err != nil {
			t.Fatal(err)
		}
		c.work(t)
	}
	undo()
	c.plan(t, sub.UUID, "Free", "", "UNBLOCKED")
	if open := c.stripe.payable(); len(open) > 0 {
		t.Errorf("can still be paid: %v", open)
	}
	undo() // of nothing

	c.changing(t, sub, c.a.gold, billing.MomentNow)
	waits := c.plan(t, sub.UUID, "Free", "Gold", "TIER_UPDATE_PENDING")
	id, _ := c.stripe.pay(waits.CheckoutSessionID) // and no event says so
	undo()
	c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED") // what was paid is kept

	c.changing(t, sub, c.hobby, billing.MomentAtPeriodEnd)
	c.plan(t, sub.UUID, "Gold", "Hobby", "TIER_UPDATE_PENDING")
	undo()
	if got := c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED"); !got.CancelAt.IsZero() || !c.stripe.subs[id].CancelAt.IsZero() {
		t.Errorf("ends at %s", got.CancelAt.Time())
	}
}

func TestAChangeIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		make func(c *counter, sub models.Subscription, id string)
		want string
	}{
		"past due": {func(c *counter, _ models.Subscription, id string) {
			c.stripe.renew(id, false)
			c.tell(t, "customer.subscription.updated", id)
		}, "payment is due"},
		"held": {func(c *counter, sub models.Subscription, _ string) {
			if err := c.sell.Hold(bg, c.a.publisher, sub.UUID, access.HoldAll); err != nil {
				t.Fatal(err)
			}
		}, "blocked"},
		"ending": {func(c *counter, sub models.Subscription, _ string) { c.cancel(t, sub, billing.CancelAtPeriodEnd) }, "Resume it first"},
		"ended":  {func(c *counter, sub models.Subscription, _ string) { c.cancel(t, sub, billing.CancelNow) }, "has ended"},
		"changing": {func(c *counter, sub models.Subscription, _ string) {
			c.changing(t, sub, c.payg, billing.MomentAtPeriodEnd)
		}, "on its way already"},
	} {
		c := openCounter(t, testdb.New(t))
		sub, id := c.on(t, c.a.gold)
		p, err := c.sell.PreviewChange(bg, c.a.buyer, sub.UUID, c.silver, billing.MomentNow)
		if err != nil {
			t.Fatal(err)
		}
		tt.make(c, sub, id)
		before := c.row(t, sub.UUID)
		err = c.sell.Change(bg, c.a.buyer, sub.UUID, p.Shown())
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.Message(err), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		all, err := c.sell.ChangeChoices(bg, c.a.buyer, sub.UUID)
		if err != nil || !strings.Contains(all.Refused, tt.want) {
			t.Errorf("%s: choices refused %q, %v", name, all.Refused, err)
		}
		if after := c.row(t, sub.UUID); after.Version != before.Version || c.stripe.subs[id].Items[0].Price != "price_gold" {
			t.Errorf("%s: something was changed", name)
		}
	}
}

func TestThePlansThatCanBeChosen(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	c.addPlan(t, "Euro", "19.00", "price_eur", "eur", "month")
	c.addPlan(t, "Yearly", "59.00", "price_year", "usd", "year")
	c.addPlan(t, "Coming", "59.00", "price_coming", "usd", "month")
	c.exec(t, "UPDATE am_monetization SET state = 'archived' WHERE tier_name = 'Coming'")
	check := func(plan string, want map[string]string) {
		t.Helper()
		sub, _ := c.on(t, plan)
		all, err := c.sell.ChangeChoices(bg, c.a.buyer, sub.UUID)
		if err != nil || all.Refused != "" || len(all.Plans) != len(want) || !all.Plans[0].Current {
			t.Fatalf("%+v, %v", all, err)
		}
		for _, one := range all.Plans {
			got := one.Why
			for _, m := range one.Moments {
				got += string(m) + " "
			}
			if !strings.HasPrefix(got, want[one.Plan.Name]) || want[one.Plan.Name] == "" {
				t.Errorf("%s: %q, want %q", one.Plan.Name, got, want[one.Plan.Name])
			}
		}
		c.cancel(t, sub, billing.CancelNow)
	}
	check(c.a.gold, map[string]string{
		"Gold": "This is the plan", "Silver": "now period-end ", "Payg": "now period-end ", "Free": "period-end ", "Hobby": "period-end ",
		"Euro": "It is charged in another currency", "Yearly": "It is billed by the year", "Coming": "It is not on sale",
	})
	check(c.a.free, map[string]string{
		"Gold": "now ", "Silver": "now ", "Payg": "now ", "Free": "This is the plan", "Hobby": "now ", "Euro": "now ", "Yearly": "now ", "Coming": "It is not on sale",
	})
}

func TestNobodyElseChangesAPlan(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	sub, _ := c.on(t, c.a.gold)
	for name, who := range map[string]accounts.Actor{"another subscriber": c.a.other, "the twin's subscriber": c.b.buyer, "the publisher": c.a.publisher, "nobody": {Tenant: c.a.tenant}} {
		_, preview := c.sell.PreviewChange(bg, who, sub.UUID, c.silver, billing.MomentNow)
		_, choices := c.sell.ChangeChoices(bg, who, sub.UUID)
		for what, err := range map[string]error{
			"preview": preview, "choices": choices, "undo": c.sell.UndoChange(bg, who, sub.UUID),
			"change": c.sell.Change(bg, who, sub.UUID, billing.ChangeInput{Plan: c.silver, When: billing.MomentAtPeriodEnd}),
		} {
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s by %s: %v", what, name, err)
			}
		}
	}
	for name, in := range map[string]billing.ChangeInput{
		"no plan": {When: billing.MomentNow}, "no moment": {Plan: c.silver}, "the twin's plan": {Plan: c.b.gold, When: billing.MomentNow},
		"its own plan": {Plan: c.a.gold, When: billing.MomentNow}, "free at once": {Plan: c.hobby, When: billing.MomentNow},
	} {
		if err := c.sell.Change(bg, c.a.buyer, sub.UUID, in); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
}
