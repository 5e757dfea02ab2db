package billing_test

import (
	"fmt"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// story ends a paid subscription and one that waits for its payment in some way,
// while the nth call to Stripe, and the one after it if twice, is cut before (1) or
// after (2) its effect. It reports whether there was such a call.
func story(t *testing.T, w way, n, how int, twice bool) (o *closing, ending string, reached bool) {
	t.Helper()
	o, paid, _ := stockedClosing(t, testdb.New(t))
	who, target := w.target(o, paid)
	c := o.seen(who, target, w.how, w.refund)
	calls := 0
	o.stripe.cut = func(string) int {
		calls++
		if calls == n || twice && calls == n+1 {
			reached = true
			return how
		}
		return 0
	}
	ending, err := w.end(o, paid, c)
	if err != nil {
		t.Fatal(err)
	}
	o.work(t)
	return o, ending, reached
}

// However the connection breaks, each end happens once, each payment is given back
// once, and Stripe's living subscriptions and ours match one to one.
func TestACutConnectionEndsNothingTwiceAndEverythingOnce(t *testing.T) {
	t.Parallel()
	for name, w := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how := 1; how <= 2; how++ {
				for _, twice := range []bool{false, true} {
					for n := 1; ; n++ {
						o, ending, reached := story(t, w, n, how, twice)
						o.ended(fmt.Sprintf("call %d cut (%d, twice %v)", n, how, twice), w, ending)
						if !reached {
							break
						}
					}
				}
			}
		})
	}
}

// ended checks what an ending came to.
func (o *closing) ended(told string, w way, ending string) {
	o.t.Helper()
	o.agree(told)
	count, err := models.CountEnding(bg, o.db, ending)
	if err != nil {
		o.t.Fatal(err)
	}
	want := models.EndingCount{Total: 2, Ended: 2}
	switch {
	case w.only:
		want = models.EndingCount{Total: 1, Ended: 1}
	case w.how == models.EndsWithPeriods:
		want = models.EndingCount{Total: 2, Ended: 1, Scheduled: 1} // what is not paid ends now
	}
	if w.only && w.how == models.EndsWithPeriods {
		want = models.EndingCount{Total: 1, Scheduled: 1}
	}
	if count != want {
		o.t.Errorf("%s: %+v, want %+v", told, count, want)
	}
	back := map[bool]int{true: 1}[w.refund]
	if len(o.stripe.returned) != back {
		o.t.Errorf("%s: given back %v, want %d", told, o.stripe.returned, back)
	}
	if w.how == models.EndsNow && len(o.stripe.canceled) != 1 {
		o.t.Errorf("%s: canceled %v", told, o.stripe.canceled)
	}
}

// A large ending is asked for bit by bit, and all of it is.
func TestALargeEndingIsSpreadAndLeavesNothingOut(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o := openClosing(t, db)
		owner, err := models.SubscriberOf(bg, db, o.a.tenant, o.a.buyer.Person)
		if err != nil {
			t.Fatal(err)
		}
		const many = 240
		one := int64(1)
		for range many {
			app := &models.Application{Name: models.NewID(), SubscriberID: owner.ID, Tier: "Unlimited", Status: "APPROVED", UUID: models.NewID(), TenantID: o.a.tenant, Live: &one}
			stockUp(t, db, app)
			if _, err := o.sell.Subscribe(bg, o.a.buyer, billing.SubscribeInput{Application: app.UUID, API: o.a.api, Policy: o.a.free}); err != nil {
				t.Fatal(err)
			}
		}
		who, target := o.apiTarget(models.EndOfAPI)
		ending, err := deleteAPI(o, models.Subscription{}, o.seen(who, target, models.EndsNow, false))
		if err != nil {
			t.Fatal(err)
		}
		before, err := models.CountEnding(bg, db, ending)
		if err != nil || before.Total != many || before.Ended == many || before.Ended == 0 {
			t.Errorf("at once: %+v, %v", before, err)
		}
		o.work(t)
		after, err := models.CountEnding(bg, db, ending)
		if err != nil || after.Ended != many {
			t.Errorf("in the end: %+v, %v", after, err)
		}
		p, err := o.ends.Ending(bg, who, ending, 0)
		if err != nil || len(p.Rows) != 50 || p.Next == 0 || !p.Settled() {
			t.Errorf("the page has %d rows, next %d, %v", len(p.Rows), p.Next, err)
		}
	})
}

// A change that leads to a plan which is deleted is taken back, and an end takes back
// whatever change is on its way.
func TestEndsTakeBackChangesOfPlan(t *testing.T) {
	t.Parallel()
	t.Run("the plan that comes is deleted", func(t *testing.T) {
		t.Parallel()
		c := openCounter(t, testdb.New(t))
		o := closingOf(t, c.shop)
		sub, id := c.on(t, c.a.gold)
		c.changing(t, sub, c.silver, billing.MomentAtPeriodEnd)
		if _, err := o.goods.DeletePlan(bg, o.admin, c.silver, o.version(c.silver), accounts.Consent{}); err != nil {
			t.Fatal(err)
		}
		o.work(t)
		got := o.want(t, sub.UUID, "UNBLOCKED", true)
		if got.ChangeKind != models.NoChange || o.stripe.subs[id].Schedule != "" {
			t.Errorf("it still changes: %s, schedule %q", got.ChangeKind, o.stripe.subs[id].Schedule)
		}
		o.agree("its next plan is gone")
	})
	for _, how := range []string{models.EndsNow, models.EndsWithPeriods} {
		t.Run("it is ended, "+how, func(t *testing.T) {
			t.Parallel()
			c := openCounter(t, testdb.New(t))
			o := closingOf(t, c.shop)
			sub, id := c.on(t, c.a.gold)
			c.changing(t, sub, c.silver, billing.MomentAtPeriodEnd)
			target := billing.EndTarget{Kind: models.EndOfSubscription, ID: sub.UUID, As: accounts.Publisher}
			if _, err := o.ends.EndOne(bg, o.a.publisher, sub.UUID, accounts.Publisher, o.seen(o.a.publisher, target, how, false)); err != nil {
				t.Fatal(err)
			}
			o.work(t)
			got := o.row(t, sub.UUID)
			if got.ChangeKind != models.NoChange || o.stripe.subs[id].Schedule != "" || (got.Live == nil) != (how == models.EndsNow) || how == models.EndsWithPeriods && got.Status != "DELETE_PENDING" {
				t.Errorf("it is %s, changes %q, schedule %q", got.Status, got.ChangeKind, o.stripe.subs[id].Schedule)
			}
			o.agree("ended while it was changing")
		})
	}
	t.Run("its sale ends while it waits for a checkout", func(t *testing.T) {
		t.Parallel()
		c := openCounter(t, testdb.New(t))
		o := closingOf(t, c.shop)
		sub := c.subscribe(t, c.a.free)
		c.changing(t, sub, c.a.gold, billing.MomentNow)
		who, target := o.apiTarget(models.EndOfSale)
		if _, _, err := o.ends.EndSale(bg, who, o.a.api, o.seen(who, target, models.EndsNow, false)); err != nil {
			t.Fatal(err)
		}
		o.work(t)
		if got := o.want(t, sub.UUID, "UNBLOCKED", true); got.ChangeKind != models.NoChange || len(o.stripe.payable()) > 0 {
			t.Errorf("it is still to be paid: %s, %v", got.ChangeKind, o.stripe.payable())
		}
		o.agree("the free plan goes on")
	})
}
