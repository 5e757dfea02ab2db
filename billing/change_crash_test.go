package billing_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// until repeats what a person would: Stripe did not answer, so they press again.
func (c *counter) until(t *testing.T, what func() error) {
	t.Helper()
	var err error
	for range 6 {
		if err = what(); err == nil {
			c.work(t)
			return
		}
		if k := fault.KindOf(err); k != fault.Unavailable {
			t.Fatal(err)
		}
		c.work(t)
	}
	t.Fatal(err)
}

func (c *counter) changeUntil(t *testing.T, sub models.Subscription, plan string, when billing.Moment) {
	t.Helper()
	c.until(t, func() error { _, err := c.change(sub, plan, when); return err })
}

// A changeStory is one wish from beginning to end, whatever breaks on the way.
type changeStory struct {
	name, from string
	play       func(t *testing.T, c *counter, sub models.Subscription, id string)
	check      func(t *testing.T, c *counter, sub models.Subscription, id string)
}

func changeStories() []changeStory {
	undo := func(t *testing.T, c *counter, sub models.Subscription) {
		t.Helper()
		c.until(t, func() error { return c.sell.UndoChange(bg, c.a.buyer, sub.UUID) })
	}
	return []changeStory{
		{"upgrade now", "silver", func(t *testing.T, c *counter, sub models.Subscription, _ string) {
			c.changeUntil(t, sub, c.a.gold, billing.MomentNow)
		}, func(t *testing.T, c *counter, sub models.Subscription, id string) {
			c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
		}},
		{"declined", "silver", func(t *testing.T, c *counter, sub models.Subscription, _ string) {
			c.stripe.declining(true)
			c.changeUntil(t, sub, c.a.gold, billing.MomentNow)
		}, func(t *testing.T, c *counter, sub models.Subscription, id string) {
			c.plan(t, sub.UUID, "Silver", "Gold", "TIER_UPDATE_PENDING")
		}},
		{"at period end", "gold", func(t *testing.T, c *counter, sub models.Subscription, id string) {
			c.changeUntil(t, sub, c.silver, billing.MomentAtPeriodEnd)
			c.wait(31 * 24 * time.Hour)
			c.stripe.turns(id)
			c.tell(t, "customer.subscription.updated", id)
		}, func(t *testing.T, c *counter, sub models.Subscription, id string) {
			c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED")
		}},
		{"at period end, taken back", "gold", func(t *testing.T, c *counter, sub models.Subscription, _ string) {
			c.changeUntil(t, sub, c.silver, billing.MomentAtPeriodEnd)
			undo(t, c, sub)
		}, func(t *testing.T, c *counter, sub models.Subscription, id string) {
			c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
		}},
		{"to paid", "free", func(t *testing.T, c *counter, sub models.Subscription, _ string) {
			c.changeUntil(t, sub, c.a.gold, billing.MomentNow)
			session := c.row(t, sub.UUID).CheckoutSessionID
			c.stripe.pay(session)
			c.tell(t, "checkout.session.completed", session)
		}, func(t *testing.T, c *counter, sub models.Subscription, _ string) {
			c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
			if len(c.stripe.living()) != 1 {
				t.Errorf("living: %v", c.stripe.living())
			}
		}},
		{"to paid, taken back", "free", func(t *testing.T, c *counter, sub models.Subscription, _ string) {
			c.changeUntil(t, sub, c.a.gold, billing.MomentNow)
			undo(t, c, sub)
		}, func(t *testing.T, c *counter, sub models.Subscription, _ string) {
			c.plan(t, sub.UUID, "Free", "", "UNBLOCKED")
		}},
		{"to free", "gold", func(t *testing.T, c *counter, sub models.Subscription, id string) {
			c.changeUntil(t, sub, c.hobby, billing.MomentAtPeriodEnd)
			c.wait(31 * 24 * time.Hour)
			c.stripe.end(id, "cancellation_requested")
			c.tell(t, "customer.subscription.deleted", id)
		}, func(t *testing.T, c *counter, sub models.Subscription, _ string) {
			c.plan(t, sub.UUID, "Hobby", "", "UNBLOCKED")
		}},
		{"to free, taken back", "gold", func(t *testing.T, c *counter, sub models.Subscription, id string) {
			c.changeUntil(t, sub, c.hobby, billing.MomentAtPeriodEnd)
			undo(t, c, sub)
		}, func(t *testing.T, c *counter, sub models.Subscription, id string) {
			c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
			if !c.stripe.subs[id].CancelAt.IsZero() {
				t.Error("it still ends at Stripe")
			}
		}},
	}
}

// begun returns a counter with a subscription to the plan that a story begins with.
func (story changeStory) begun(t *testing.T) (*counter, models.Subscription, string) {
	t.Helper()
	c := openCounter(t, testdb.New(t))
	sub, id := c.on(t, map[string]string{"gold": c.a.gold, "silver": c.silver, "free": c.a.free}[story.from])
	c.stripe.ops = nil
	return c, sub, id
}

// sound checks what holds after every story: nothing twice, nothing left behind.
func (c *counter) sound(t *testing.T, sub models.Subscription, id string) {
	t.Helper()
	charges := 0
	for _, i := range c.stripe.invoices {
		if i.BillingReason == "subscription_update" {
			charges++
		}
	}
	now := c.row(t, sub.UUID)
	if charges > 1 || len(c.stripe.misused) > 0 || len(c.stripe.payable()) > 0 {
		t.Errorf("%d charges, keys with two bodies %v, payable %v", charges, c.stripe.misused, c.stripe.payable())
	}
	if s := c.stripe.subs[id]; s != nil && s.Schedule != "" && now.ChangeKind == models.NoChange {
		t.Errorf("a schedule is left: %s", s.Schedule)
	}
}

// Whatever call is cut off twice, before or after its effect, a change happens once,
// or not at all.
func TestACutConnectionChangesNothingTwice(t *testing.T) {
	t.Parallel()
	for _, story := range changeStories() {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			c, sub, id := story.begun(t)
			story.play(t, c, sub, id)
			story.check(t, c, sub, id)
			ops := c.stripe.ops
			slices.Sort(ops)
			for _, op := range slices.Compact(ops) {
				for how := 1; how <= 2; how++ {
					c, sub, id := story.begun(t)
					left := 2
					c.stripe.cut = func(got string) int {
						if got != op || left == 0 {
							return 0
						}
						left--
						return how
					}
					story.play(t, c, sub, id)
					story.check(t, c, sub, id)
					c.sound(t, sub, id)
					if t.Failed() {
						t.Fatalf("%s was cut (%d)", op, how)
					}
				}
			}
		})
	}
}

// What Stripe clearly refuses leaves everything as it was, and says why.
func TestARefusalLeavesThePlan(t *testing.T) {
	t.Parallel()
	for op, tt := range map[string]struct {
		from, to string
		when     billing.Moment
	}{
		"change": {"silver", "gold", billing.MomentNow}, "schedule": {"gold", "silver", billing.MomentAtPeriodEnd},
		"cancel": {"gold", "hobby", billing.MomentAtPeriodEnd}, "open": {"free", "gold", billing.MomentNow},
	} {
		c, sub, id := changeStory{from: tt.from}.begun(t)
		c.stripe.refuse[op] = &billing.Refused{Status: 400, Message: "Stripe would rather not."}
		c.changing(t, sub, map[string]string{"gold": c.a.gold, "silver": c.silver, "hobby": c.hobby}[tt.to], tt.when)
		after := c.row(t, sub.UUID)
		if after.Status != "UNBLOCKED" || after.TierID != sub.TierID || after.ChangeKind != models.NoChange || c.flow(t, sub, models.WorkflowUpdate) != models.WorkflowRejected {
			t.Errorf("%s: %+v", op, after)
		}
		if want := "Stripe would rather not."; !slices.Contains([]string{want, "Stripe did not open the payment page. " + want}, after.ChangeProblem) {
			t.Errorf("%s says %q", op, after.ChangeProblem)
		}
		c.sound(t, sub, id)
	}
}

// Two browsers confirm at the same moment: one wins, the other is told.
func TestOfTwoChangesAtOnceOneWins(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		c := openCounter(t, db)
		sub, id := c.on(t, c.silver)
		var shown []billing.ChangeInput
		for _, plan := range []string{c.a.gold, c.payg, c.a.gold} {
			p, err := c.sell.PreviewChange(bg, c.a.buyer, sub.UUID, plan, billing.MomentNow)
			if err != nil {
				t.Fatal(err)
			}
			shown = append(shown, p.Shown())
		}
		errs := make([]error, len(shown))
		var wg sync.WaitGroup
		for i, in := range shown {
			wg.Go(func() { errs[i] = c.sell.Change(bg, c.a.buyer, sub.UUID, in) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case fault.KindOf(err) != fault.Conflict || fault.Message(err) == "":
				t.Errorf("told %v", err)
			}
		}
		c.work(t)
		if got := c.row(t, sub.UUID); won != 1 || got.ChangeKind != models.NoChange || got.TierID == "Silver" {
			t.Errorf("%d won: %+v", won, got)
		}
		c.sound(t, sub, id)
	})
}

// An end that is asked for while a change waits clears the change away first.
func TestAnEndTakesTheChangeWithIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to string
		when     billing.Moment
	}{{"gold", "silver", billing.MomentAtPeriodEnd}, {"gold", "hobby", billing.MomentAtPeriodEnd}, {"free", "gold", billing.MomentNow}} {
		for _, end := range []billing.CancelWhen{billing.CancelNow, billing.CancelAtPeriodEnd} {
			c, sub, id := changeStory{from: tt.from}.begun(t)
			c.changing(t, sub, map[string]string{"gold": c.a.gold, "silver": c.silver, "hobby": c.hobby}[tt.to], tt.when)
			c.cancel(t, sub, end)
			name := fmt.Sprintf("%s to %s, ended %d", tt.from, tt.to, end)
			got := c.row(t, sub.UUID)
			if got.ChangeKind != models.NoChange || got.TierID != sub.TierID {
				t.Errorf("%s: %+v", name, got)
			}
			if later := end == billing.CancelAtPeriodEnd && id != ""; later {
				if got.Status != "DELETE_PENDING" {
					t.Errorf("%s: %s", name, got.Status)
				}
				c.wait(31 * 24 * time.Hour)
				c.stripe.end(id, "cancellation_requested")
				c.tell(t, "customer.subscription.deleted", id)
				got = c.row(t, sub.UUID)
			}
			if got.Live != nil || !c.sell.StateOf(got).Ended || len(c.stripe.living()) > 0 {
				t.Errorf("%s goes on: %+v", name, got)
			}
			c.sound(t, sub, id)
		}
	}
}

// A price that is none of ours is no change of plan; one that is ours is, whoever
// made it.
func TestWhatSomebodyChangesAtStripe(t *testing.T) {
	t.Parallel()
	c := openCounter(t, testdb.New(t))
	sub, id := c.on(t, c.a.gold)
	set := func(price string) {
		c.stripe.subs[id].Items[0].Price = price
		c.tell(t, "customer.subscription.updated", id)
	}
	set("price_of_somebody")
	c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
	set("price_silver")
	c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED")
	if got := c.told(t, sub); len(got) != 1 || got[0] != "plan_changed" {
		t.Errorf("timeline %v", got)
	}
	lead := func(price string) {
		c.stripe.schedules[c.stripe.subs[id].Schedule].NextPrice = price
		c.tell(t, "customer.subscription.updated", id)
	}
	c.changing(t, sub, c.a.gold, billing.MomentAtPeriodEnd)
	lead("price_payg") // to another plan of ours
	c.plan(t, sub.UUID, "Silver", "Payg", "TIER_UPDATE_PENDING")
	lead("price_of_somebody") // to what is none of ours, and is theirs to release
	if got := c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED"); got.ChangeProblem == "" || c.stripe.subs[id].Schedule == "" {
		t.Errorf("led elsewhere: %+v", got)
	}
	c.stripe.released(id)
	c.changing(t, sub, c.a.gold, billing.MomentAtPeriodEnd)
	lead("price_silver") // to where it is
	c.plan(t, sub.UUID, "Silver", "", "UNBLOCKED")
	c.stripe.released(id)
	if err := c.sell.Hold(bg, c.a.publisher, sub.UUID, access.HoldAll); err != nil {
		t.Fatal(err)
	}
	set("price_gold") // a hold does not hide what is billed
	if got := c.row(t, sub.UUID); got.TierID != "Gold" || got.Status != "BLOCKED" {
		t.Errorf("held: %+v", got)
	}
}

// Between the look at the price and the wish itself another browser may be faster.
func TestAChangeIsCheckedAgainWhenItIsWritten(t *testing.T) {
	t.Parallel()
	for name, faster := range map[string]func(c *counter, sub models.Subscription) error{
		"another change": func(c *counter, sub models.Subscription) error {
			_, err := c.change(sub, c.payg, billing.MomentAtPeriodEnd)
			return err
		},
		"a block": func(c *counter, sub models.Subscription) error {
			return c.sell.Hold(bg, c.a.publisher, sub.UUID, access.HoldAll)
		},
		"an end": func(c *counter, sub models.Subscription) error {
			return c.sell.Cancel(bg, c.a.buyer, sub.UUID, billing.CancelAtPeriodEnd)
		},
		"another price": func(c *counter, _ models.Subscription) error {
			_, err := c.db.ExecContext(bg, "UPDATE am_monetization SET stripe_plan_id = 'price_new' WHERE tier_name = 'Gold' AND tenant_id = ?", c.a.tenant)
			return err
		},
		"off sale": func(c *counter, _ models.Subscription) error {
			_, err := c.db.ExecContext(bg, "UPDATE am_monetization SET state = ? WHERE tier_name = 'Gold' AND tenant_id = ?", models.PushArchived, c.a.tenant)
			return err
		},
	} {
		c := openCounter(t, testdb.New(t))
		sub, _ := c.on(t, c.silver)
		p, err := c.sell.PreviewChange(bg, c.a.buyer, sub.UUID, c.a.gold, billing.MomentNow)
		if err != nil {
			t.Fatal(err)
		}
		c.stripe.before = func(op string) {
			if op == "preview change" {
				c.stripe.before = nil
				if err := faster(c, sub); err != nil {
					t.Error(err)
				}
			}
		}
		err = c.sell.Change(bg, c.a.buyer, sub.UUID, p.Shown())
		if k := fault.KindOf(err); k != fault.Conflict && k != fault.Invalid || fault.Message(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
		if got := c.row(t, sub.UUID); got.ChangeKind == models.ChangeNow {
			t.Errorf("%s: it is on its way all the same", name)
		}
	}
}
