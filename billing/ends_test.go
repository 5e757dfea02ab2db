package billing_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// tales returns the kinds of what a subscription's timeline tells, oldest first.
func (o *closing) kinds(sub models.Subscription) (kinds []string) {
	o.t.Helper()
	rows, err := models.TimelineOf(bg, o.db, sub.ID, 0, "", 100)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, r := range rows {
		kinds = append(kinds, r.Kind)
	}
	slices.Reverse(kinds)
	return kinds
}

// A state is where a subscription stands when its publisher or an admin ends it.
type standing struct {
	make       func(o *closing) (models.Subscription, string) // and its Stripe subscription
	nowEnds    bool                                           // ending it now ends the row
	laterState string                                         // its status once it is to end with its period
}

var standings = map[string]standing{
	"free":                    {make: func(o *closing) (models.Subscription, string) { return o.subscribe(o.t, o.a.free), "" }, nowEnds: true, laterState: "BLOCKED"},
	"waiting for its payment": {make: func(o *closing) (models.Subscription, string) { return o.subscribe(o.t, o.a.gold), "" }, nowEnds: true, laterState: "REJECTED"},
	"not paid in time": {make: func(o *closing) (models.Subscription, string) {
		sub := o.subscribe(o.t, o.a.gold)
		o.stripe.lapse(sub.CheckoutSessionID)
		o.tell(o.t, "checkout.session.expired", sub.CheckoutSessionID)
		return sub, ""
	}, nowEnds: true, laterState: "REJECTED"},
	"active": {make: func(o *closing) (models.Subscription, string) { return o.paid(o.t) }, nowEnds: true, laterState: "DELETE_PENDING"},
	"past due": {make: func(o *closing) (models.Subscription, string) {
		sub, id := o.paid(o.t)
		o.tell(o.t, "invoice.payment_failed", o.stripe.renew(id, false))
		return sub, id
	}, nowEnds: true, laterState: "BLOCKED"},
	"canceled by its subscriber": {make: func(o *closing) (models.Subscription, string) {
		sub, id := o.paid(o.t)
		o.cancel(o.t, sub, billing.CancelAtPeriodEnd)
		return sub, id
	}, nowEnds: true, laterState: "DELETE_PENDING"},
	"blocked by its publisher": {make: func(o *closing) (models.Subscription, string) {
		sub, id := o.paid(o.t)
		if err := o.sell.Hold(bg, o.a.publisher, sub.UUID, "BLOCKED"); err != nil {
			o.t.Fatal(err)
		}
		return sub, id
	}, nowEnds: true, laterState: "BLOCKED"},
}

func TestWhoeverMayEndASubscriptionEndsItInEveryState(t *testing.T) {
	t.Parallel()
	for state, at := range standings {
		for _, as := range []accounts.Role{accounts.Publisher, accounts.Admin} {
			for _, how := range []string{models.EndsNow, models.EndsWithPeriods} {
				t.Run(state+", by "+string(as)+", "+how, func(t *testing.T) {
					t.Parallel()
					o := openClosing(t, testdb.New(t))
					sub, id := at.make(o)
					c := o.seen(o.actor(as), billing.EndTarget{Kind: models.EndOfSubscription, ID: sub.UUID, As: as}, how, false)
					ending, err := o.ends.EndOne(bg, o.actor(as), sub.UUID, as, c)
					if err != nil {
						t.Fatal(err)
					}
					o.work(t)
					o.agree(state)
					row := o.row(t, sub.UUID)
					if ended := how == models.EndsNow || id == ""; (row.Live == nil) != ended {
						t.Errorf("the row is %s, live %v", row.Status, row.Live != nil)
					}
					if how == models.EndsWithPeriods && row.Status != at.laterState {
						t.Errorf("it is %s, want %s", row.Status, at.laterState)
					}
					p, err := o.ends.Ending(bg, o.actor(as), ending, 0)
					if err != nil || !p.Settled() || len(p.Rows) != 1 || p.Reason != "It is retired." {
						t.Errorf("the ending: %+v, %v", p, err)
					}
					if !slices.Contains(o.kinds(sub), "end_asked") || row.Live == nil && !slices.Contains(o.kinds(sub), "ended") {
						t.Errorf("the timeline tells %v", o.kinds(sub))
					}
				})
			}
		}
	}
}

func TestNobodyEndsWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o, paid, _ := stockedClosing(t, db)
		boss := o.boss(o.b.tenant, o.b.domain)
		c := o.seen(o.a.publisher, billing.EndTarget{Kind: models.EndOfAPI, ID: o.a.api}, models.EndsNow, false)
		en, err := o.ends.EndOne(bg, o.admin, paid.UUID, accounts.Admin, o.seen(o.admin, billing.EndTarget{Kind: models.EndOfSubscription, ID: paid.UUID, As: accounts.Admin}, models.EndsWithPeriods, false))
		if err != nil {
			t.Fatal(err)
		}
		o.work(t)
		before := o.row(t, paid.UUID)
		look := func(who accounts.Actor, kind, id string, as accounts.Role) error {
			return errOf(o.ends.Preview(bg, who, billing.EndTarget{Kind: kind, ID: id, As: as, Plans: []string{o.a.gold}}, 0))
		}
		for name, who := range map[string]accounts.Actor{"the twin's publisher": o.b.publisher, "another subscriber": o.a.other, "the twin's admin": boss, "nobody": {Tenant: o.a.tenant}} {
			for what, err := range map[string]error{
				"preview of one":            look(who, models.EndOfSubscription, paid.UUID, accounts.Publisher),
				"preview of one as admin":   look(who, models.EndOfSubscription, paid.UUID, accounts.Admin),
				"preview of one as oneself": look(who, models.EndOfSubscription, paid.UUID, accounts.Subscriber),
				"preview of an application": look(who, models.EndOfApplication, o.a.app, ""),
				"preview of an API":         look(who, models.EndOfAPI, o.a.api, ""),
				"preview of a sale":         look(who, models.EndOfSale, o.a.api, ""),
				"preview of an offer":       look(who, models.EndOfOffer, o.a.api, ""),
				"preview of a plan":         look(who, models.EndOfPlan, o.a.gold, ""),
				"preview of a person":       look(who, models.EndOfPerson, o.a.buyer.Person, ""),
				"end":                       errOf(o.ends.EndOne(bg, who, paid.UUID, accounts.Publisher, c)),
				"end as admin":              errOf(o.ends.EndOne(bg, who, paid.UUID, accounts.Admin, c)),
				"take back":                 o.ends.TakeBack(bg, who, paid.UUID, accounts.Publisher),
				"take back as admin":        o.ends.TakeBack(bg, who, paid.UUID, accounts.Admin),
				"what stands":               errOf(o.ends.Stands(bg, who, paid.UUID)),
				"the ending":                errOf(o.ends.Ending(bg, who, en, 0)),
				"deleting the application":  errOf(o.apps.Delete(bg, who, o.a.app, c)),
				"deleting the person":       errOf(o.people.Delete(bg, who, o.a.buyer.Person, c)),
			} {
				if fault.KindOf(err) != fault.NotFound {
					t.Errorf("%s: %s: %v, want not found", name, what, err)
				}
			}
			for what, err := range map[string]error{
				"end of the sale":   errOf3(o.ends.EndSale(bg, who, o.a.api, c)),
				"deleting the API":  errOf(o.goods.DeleteAPI(bg, who, o.a.api, c)),
				"deleting the plan": errOf(o.goods.DeletePlan(bg, who, o.a.gold, o.version(o.a.gold), c)),
			} {
				if k := fault.KindOf(err); k != fault.NotFound && k != fault.Forbidden {
					t.Errorf("%s: %s: %v", name, what, err)
				}
			}
		}
		o.work(t)
		if after := o.row(t, paid.UUID); after != before && (after.Status != before.Status || after.CancelAt != before.CancelAt) {
			t.Errorf("it changed: %+v", after)
		}
	})
}

// Whoever agreed has agreed to what was shown: what was subscribed since, and what
// was paid since where that is given back, is shown again.
func TestAConfirmationIsBoundToWhatWasShown(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o := openClosing(t, db)
		paid, id := o.paid(t)
		who, target := o.apiTarget(models.EndOfAPI)
		for name, err := range map[string]error{
			"an API": errOf(o.goods.DeleteAPI(bg, who, o.a.api, accounts.Consent{})), "a plan": errOf(o.goods.DeletePlan(bg, o.admin, o.a.gold, o.version(o.a.gold), accounts.Consent{})),
			"an application": errOf(o.apps.Delete(bg, o.a.buyer, o.a.app, accounts.Consent{})), "a person": errOf(o.people.Delete(bg, o.admin, o.a.buyer.Person, accounts.Consent{})),
			"an offer": errOf(o.goods.OfferPlans(bg, who, o.a.api, o.apiVersion(), []string{o.a.free})), "a sale": errOf3(o.ends.EndSale(bg, who, o.a.api, accounts.Consent{})),
			"one": errOf(o.ends.EndOne(bg, who, paid.UUID, accounts.Publisher, accounts.Consent{})),
		} {
			if not, ok := errors.AsType[*accounts.Unconfirmed](err); !ok || not.Changed || not.Count != 1 || fault.KindOf(err) != fault.Conflict {
				t.Errorf("%s, not shown: %v", name, err)
			}
		}
		early, sums := o.seen(who, target, models.EndsNow, false), o.seen(who, target, models.EndsNow, true)
		o.tell(t, "invoice.paid", o.stripe.renew(id, true))
		if err := errOf(o.goods.DeleteAPI(bg, who, o.a.api, sums)); fault.KindOf(err) != fault.Conflict {
			t.Errorf("another payment would be given back: %v", err)
		}
		o.subscribeTo(o.a.app2)
		err := errOf(o.goods.DeleteAPI(bg, who, o.a.api, early))
		if not, ok := errors.AsType[*accounts.Unconfirmed](err); !ok || !not.Changed || not.Count != 2 {
			t.Errorf("one more was subscribed: %v", err)
		}
		o.work(t)
		o.want(t, paid.UUID, "UNBLOCKED", true)
		o.agree("nothing was confirmed")
		if ending, err := deleteAPI(o, paid, o.seen(who, target, models.EndsNow, false)); err != nil || ending == "" {
			t.Errorf("shown again: %q, %v", ending, err)
		}
	})
}

func TestWhatIsWrongWithADecisionIsSaidAtItsField(t *testing.T) {
	t.Parallel()
	o := openClosing(t, testdb.New(t))
	o.paid(t)
	who, target := o.apiTarget(models.EndOfSale)
	good := o.seen(who, target, models.EndsNow, false)
	for field, change := range map[string]func(c *accounts.Consent){
		"how":    func(c *accounts.Consent) { c.How = "perhaps" },
		"reason": func(c *accounts.Consent) { c.Reason = "" },
	} {
		c := good
		change(&c)
		if fields, ok := fault.FieldsOf(errOf3(o.ends.EndSale(bg, who, o.a.api, c))); !ok || fields[field] == "" {
			t.Errorf("%s: %v", field, fields)
		}
	}
	later := good
	later.How = models.EndsWithPeriods
	if fields, _ := fault.FieldsOf(errOf(o.goods.DeleteAPI(bg, who, o.a.api, o.shown(who, models.EndOfAPI, later)))); fields["how"] == "" {
		t.Error("an API is deleted later")
	}
	later.Refund = true
	if fields, _ := fault.FieldsOf(errOf3(o.ends.EndSale(bg, who, o.a.api, later))); fields["how"] == "" {
		t.Error("what is used until the end of its period is given back")
	}
	mine := good
	mine.Refund, mine.Seen = true, o.seen(o.a.buyer, billing.EndTarget{Kind: models.EndOfApplication, ID: o.a.app}, models.EndsNow, true).Seen
	if fields, _ := fault.FieldsOf(errOf(o.apps.Delete(bg, o.a.buyer, o.a.app, mine))); fields["how"] == "" {
		t.Error("a subscriber gives themselves the money back")
	}
	long := good
	long.Reason = strings.Repeat("é", 501)
	if fields, _ := fault.FieldsOf(errOf3(o.ends.EndSale(bg, who, o.a.api, long))); fields["reason"] == "" {
		t.Error("a reason of 501 characters")
	}
}

// shown is c for something else that was shown.
func (o *closing) shown(who accounts.Actor, kind string, c accounts.Consent) accounts.Consent {
	c.Seen = o.seen(who, billing.EndTarget{Kind: kind, ID: o.a.api}, c.How, c.Refund).Seen
	return c
}

// A payment that is made while the thing is being deleted is ended and given back:
// nobody gets anything for it.
func TestAPaymentDuringADeletionIsEndedAndGivenBack(t *testing.T) {
	t.Parallel()
	for _, moment := range []string{"before any call", "expire"} {
		testdb.Each(t, func(t *testing.T, db *bun.DB) {
			o := openClosing(t, db)
			sub := o.subscribe(t, o.a.gold)
			who, target := o.apiTarget(models.EndOfAPI)
			ending, err := deleteAPI(o, sub, o.seen(who, target, models.EndsNow, false))
			if err != nil {
				t.Fatal(err)
			}
			if moment == "expire" {
				o.stripe.before = func(op string) {
					if op == "expire" {
						o.stripe.before = nil
						o.stripe.pay(sub.CheckoutSessionID)
					}
				}
			} else {
				o.stripe.pay(sub.CheckoutSessionID)
			}
			o.work(t)
			o.tell(t, "checkout.session.completed", sub.CheckoutSessionID)
			o.agree(moment)
			row := o.row(t, sub.UUID)
			if row.Live != nil || len(o.stripe.returned) != 1 || !slices.Contains(o.kinds(sub), "refund") {
				t.Errorf("live %v, given back %v, told %v", row.Live != nil, o.stripe.returned, o.kinds(sub))
			}
			if p, err := o.ends.Ending(bg, o.a.publisher, ending, 0); err != nil || !p.Settled() {
				t.Errorf("the ending: %+v, %v", p, err)
			}
		})
	}
}

func TestEndingTwiceEndsOnce(t *testing.T) {
	t.Parallel()
	o := openClosing(t, testdb.New(t))
	sub, id := o.paid(t)
	c := o.seen(o.a.publisher, billing.EndTarget{Kind: models.EndOfSubscription, ID: sub.UUID, As: accounts.Publisher}, models.EndsNow, true)
	if _, err := o.ends.EndOne(bg, o.a.publisher, sub.UUID, accounts.Publisher, c); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := errOf(o.ends.EndOne(bg, o.a.publisher, sub.UUID, accounts.Publisher, c)); fault.KindOf(err) != fault.Conflict {
			t.Errorf("the second browser: %v", err)
		}
		if err := errOf(o.ends.EndOne(bg, o.admin, sub.UUID, accounts.Admin, c)); fault.KindOf(err) != fault.Conflict {
			t.Errorf("an admin as well: %v", err)
		}
	}
	if err := o.sell.Cancel(bg, o.a.buyer, sub.UUID, billing.CancelAtPeriodEnd); err != nil { // as wished, and sooner
		t.Errorf("the subscriber as well: %v", err)
	}
	if err := o.sell.Cancel(bg, o.a.buyer, sub.UUID, billing.CancelNow); err != nil {
		t.Errorf("the subscriber, now: %v", err)
	}
	o.work(t)
	o.tell(t, "customer.subscription.deleted", id)
	if !slices.Equal(o.stripe.canceled, []string{id}) || len(o.stripe.returned) != 1 {
		t.Errorf("canceled %v, given back %v", o.stripe.canceled, o.stripe.returned)
	}
	if n := len(slices.DeleteFunc(o.kinds(sub), func(k string) bool { return k != "ended" })); n != 1 {
		t.Errorf("it ended %d times: %v", n, o.kinds(sub))
	}
	o.agree("ended twice")
}

// What a publisher ends, its subscriber cannot let go on: not here, and not in the
// Customer Portal. The publisher can, until it has happened.
func TestAPublishersEndStandsUntilTheyTakeItBack(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o := openClosing(t, db)
		sub, id := o.paid(t)
		target := billing.EndTarget{Kind: models.EndOfSubscription, ID: sub.UUID, As: accounts.Publisher}
		if _, err := o.ends.EndOne(bg, o.a.publisher, sub.UUID, accounts.Publisher, o.seen(o.a.publisher, target, models.EndsWithPeriods, false)); err != nil {
			t.Fatal(err)
		}
		o.work(t)
		o.want(t, sub.UUID, "DELETE_PENDING", true)
		if err := o.sell.Resume(bg, o.a.buyer, sub.UUID); fault.KindOf(err) != fault.Conflict {
			t.Errorf("the subscriber takes it back: %v", err)
		}
		s, err := o.ends.Stands(bg, o.a.buyer, sub.UUID)
		if err != nil || s.By != accounts.Publisher || !strings.Contains(s.Text, "It is retired.") {
			t.Errorf("what the subscriber reads: %+v, %v", s, err)
		}
		o.stripe.carryOn(id) // in the Customer Portal
		o.tell(t, "customer.subscription.updated", id)
		o.want(t, sub.UUID, "DELETE_PENDING", true)
		if !slices.Contains(o.kinds(sub), "end_stands") {
			t.Errorf("told %v", o.kinds(sub))
		}
		if err := o.ends.TakeBack(bg, o.a.publisher, sub.UUID, accounts.Publisher); err != nil {
			t.Fatal(err)
		}
		o.work(t)
		o.want(t, sub.UUID, "UNBLOCKED", true)
		o.agree("taken back")
		if err := o.ends.TakeBack(bg, o.a.publisher, sub.UUID, accounts.Publisher); err != nil {
			t.Errorf("taken back twice: %v", err)
		}
		if _, err := o.ends.EndOne(bg, o.admin, sub.UUID, accounts.Admin, o.seen(o.admin, billing.EndTarget{Kind: models.EndOfSubscription, ID: sub.UUID, As: accounts.Admin}, models.EndsWithPeriods, false)); err != nil {
			t.Fatal(err)
		}
		o.work(t)
		if err := o.ends.TakeBack(bg, o.a.publisher, sub.UUID, accounts.Publisher); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a publisher takes back what an admin decided: %v", err)
		}
	})
}

// carryOn is what a customer does in the Customer Portal.
func (b *till) carryOn(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs[id].CancelAt, b.subs[id].CanceledAt = time.Time{}, time.Time{}
}

// While Stripe is away, what is wished last is what happens.
func TestTheLastWishCountsOnceStripeIsBack(t *testing.T) {
	t.Parallel()
	for name, wishes := range map[string]struct {
		do    []string
		state string
		live  bool
	}{
		"canceled, taken back":                     {[]string{"later", "back"}, "UNBLOCKED", true},
		"canceled, taken back, canceled":           {[]string{"later", "back", "later"}, "DELETE_PENDING", true},
		"canceled now, later, taken back":          {[]string{"now", "later", "back"}, "UNBLOCKED", true},
		"now, then rather later":                   {[]string{"now", "later"}, "DELETE_PENDING", true},
		"later, then now":                          {[]string{"later", "now"}, "BLOCKED", false},
		"taken back twice":                         {[]string{"later", "back", "back"}, "UNBLOCKED", true},
		"canceled, taken back, canceled, and back": {[]string{"later", "back", "later", "back"}, "UNBLOCKED", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openClosing(t, testdb.New(t))
			sub, _ := o.paid(t)
			o.stripe.down = true
			for _, wish := range wishes.do {
				err := map[string]func() error{
					"later": func() error { return o.sell.Cancel(bg, o.a.buyer, sub.UUID, billing.CancelAtPeriodEnd) },
					"now":   func() error { return o.sell.Cancel(bg, o.a.buyer, sub.UUID, billing.CancelNow) },
					"back":  func() error { return o.sell.Resume(bg, o.a.buyer, sub.UUID) },
				}[wish]()
				if err != nil {
					t.Fatal(wish, err)
				}
				if _, err := o.jobs.RunOnce(bg); err != nil { // and it fails
					t.Fatal(err)
				}
				o.wait(3 * time.Second)
			}
			o.stripe.down = false
			o.work(t)
			o.want(t, sub.UUID, wishes.state, wishes.live)
			o.agree(name)
		})
	}
}

func TestARefundThatIsRefusedDoesNotStopTheEnd(t *testing.T) {
	t.Parallel()
	o := openClosing(t, testdb.New(t))
	sub, _ := o.paid(t)
	c := o.seen(o.admin, billing.EndTarget{Kind: models.EndOfSubscription, ID: sub.UUID, As: accounts.Admin}, models.EndsNow, true)
	o.stripe.refuse["refund"] = &billing.Refused{Status: 400, Message: "It was given back by hand."}
	if _, err := o.ends.EndOne(bg, o.admin, sub.UUID, accounts.Admin, c); err != nil {
		t.Fatal(err)
	}
	o.work(t)
	o.want(t, sub.UUID, "BLOCKED", false)
	if !slices.Contains(o.kinds(sub), "not_refunded") {
		t.Errorf("told %v", o.kinds(sub))
	}
}

// A clear no to the end is open work, and shows on the page of the ending; it can be
// tried again.
func TestARefusedEndStaysInSight(t *testing.T) {
	t.Parallel()
	o, paid, _ := stockedClosing(t, testdb.New(t))
	who, target := o.apiTarget(models.EndOfAPI)
	o.stripe.refuse["cancel"] = &billing.Refused{Status: 400, Message: "Not today."}
	ending, err := deleteAPI(o, paid, o.seen(who, target, models.EndsNow, true))
	if err != nil {
		t.Fatal(err)
	}
	o.work(t)
	p, err := o.ends.Ending(bg, who, ending, 0)
	if err != nil || p.Count.Failed != 1 || p.Count.Ended != 1 || p.Settled() || p.Rows[0].Stage != billing.EndFailed || p.Rows[0].Problem != "Not today." {
		t.Fatalf("the ending: %+v, %v", p, err)
	}
	o.want(t, paid.UUID, "UNBLOCKED", true) // Stripe still bills it, so it is here
	if mine, err := o.sell.Mine(bg, o.a.buyer, billing.ListQuery{}); err != nil || len(mine.Rows) != 1 {
		t.Errorf("the subscriber sees %d, %v", len(mine.Rows), err)
	}
	if theirs, err := o.sell.ToMyAPIs(bg, o.a.publisher, billing.ListQuery{}); err != nil || len(theirs.Rows) != 1 {
		t.Errorf("the publisher sees %d, %v", len(theirs.Rows), err)
	}
	delete(o.stripe.refuse, "cancel")
	failed, err := models.OpenJobs(bg, o.db, o.a.tenant, true, 10)
	if err != nil || len(failed) != 1 {
		t.Fatal(failed, err)
	}
	if err := models.RetryJob(bg, o.db, o.a.tenant, failed[0].ID, models.At(o.now()), 23*time.Hour); err != nil {
		t.Fatal(err)
	}
	o.work(t)
	o.agree("tried again")
	if p, err := o.ends.Ending(bg, who, ending, 0); err != nil || !p.Settled() || len(o.stripe.returned) != 1 {
		t.Errorf("tried again: %+v, %v, given back %v", p.Count, err, o.stripe.returned)
	}
}

func TestEveryCurrencyIsSummedByItself(t *testing.T) {
	t.Parallel()
	o, _, open := stockedClosing(t, testdb.New(t))
	_, invoice := o.stripe.pay(open.CheckoutSessionID)
	o.tell(t, "checkout.session.completed", open.CheckoutSessionID)
	if _, err := o.db.NewUpdate().Model((*models.Invoice)(nil)).Set("currency = 'eur'").Where("invoice_id = ?", invoice).Exec(bg); err != nil {
		t.Fatal(err)
	}
	who, target := o.apiTarget(models.EndOfSale)
	p, err := o.ends.Preview(bg, who, target, 0)
	if err != nil || len(p.Refunds) != 2 || p.Refunds[0].String() != "49.00 EUR" || p.Refunds[1].String() != "49.00 USD" || p.Payers != 2 || p.Paid != 2 || p.Total != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}

// Stopping new sales, and taking a plan off, leave whoever is subscribed alone.
func TestSubscribersAreKeptWhereTheyAreNotEnded(t *testing.T) {
	t.Parallel()
	o, paid, _ := stockedClosing(t, testdb.New(t))
	if _, err := (billing.Face{Catalog: o.goods, Sales: o.ends.Sales}).DisableMonetization(bg, o.a.publisher, o.a.api); err != nil {
		t.Fatal(err)
	}
	o.work(t)
	o.want(t, paid.UUID, "UNBLOCKED", true)
	if p, err := o.ends.Preview(bg, o.a.publisher, billing.EndTarget{Kind: models.EndOfSale, ID: o.a.api}, 0); err != nil || p.Total != 2 {
		t.Errorf("still to be ended: %+v, %v", p, err)
	}
	who, target := offerTarget(o, paid)
	ending, err := detach(o, paid, o.seen(who, target, catalog.KeepThem, false))
	if err != nil || ending != "" {
		t.Errorf("taken off: %q, %v", ending, err)
	}
	o.work(t)
	o.want(t, paid.UUID, "UNBLOCKED", true)
	if offers, err := models.OffersOf(bg, o.db, o.a.apiID); err != nil || len(offers) != 1 {
		t.Errorf("offers %v, %v", offers, err)
	}
	o.agree("kept")
}

// A person who is gone cannot sign in, and still is on what they had.
func TestDeletingAPersonKeepsTheirName(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o, paid, _ := stockedClosing(t, db)
		if err := errOf(o.people.Delete(bg, o.admin, o.admin.Person, accounts.Consent{})); fault.KindOf(err) != fault.Conflict {
			t.Errorf("oneself: %v", err)
		}
		if err := errOf(o.people.Delete(bg, o.admin, o.a.publisher.Person, accounts.Consent{})); !strings.Contains(fault.Message(err), "publishes Weather v1") {
			t.Errorf("who sells something: %v", err)
		}
		target := billing.EndTarget{Kind: models.EndOfPerson, ID: o.a.buyer.Person}
		if _, err := o.people.Delete(bg, o.admin, o.a.buyer.Person, o.seen(o.admin, target, models.EndsNow, false)); err != nil {
			t.Fatal(err)
		}
		o.work(t)
		o.agree("a person is gone")
		if _, err := o.people.ByID(bg, o.admin, o.a.buyer.Person); fault.KindOf(err) != fault.NotFound {
			t.Errorf("they are still there: %v", err)
		}
		if got, err := o.people.List(bg, o.admin, models.PeopleFilter{}, 10); err != nil || len(got.People) != 3 {
			t.Errorf("the list has %d, %v", len(got.People), err)
		}
		theirs, err := o.sell.ToMyAPIs(bg, o.a.publisher, billing.ListQuery{Ended: true})
		if err != nil || len(theirs.Rows) != 2 || theirs.Rows[0].Subscriber != "ada" {
			t.Errorf("the publisher sees %+v, %v", theirs.Rows, err)
		}
		if err := errOf(o.people.Delete(bg, o.admin, o.a.buyer.Person, accounts.Consent{})); fault.KindOf(err) != fault.NotFound {
			t.Errorf("deleted twice: %v", err)
		}
		if paid = o.row(t, paid.UUID); paid.Live != nil {
			t.Errorf("it lives: %+v", paid)
		}
	})
}

// From the Customer Portal, by dunning, and in the dashboard: it is told once, with
// its cause.
func TestAnEndThatStripeTellsUsOfIsTold(t *testing.T) {
	t.Parallel()
	o := openClosing(t, testdb.New(t))
	sub, id := o.paid(t)
	o.stripe.end(id, "payment_failed")
	for range 3 {
		o.tell(t, "customer.subscription.deleted", id)
	}
	rows, err := models.TimelineOf(bg, o.db, sub.ID, 0, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, r := range rows {
		if r.Kind == "ended" {
			told = append(told, r.Text+" "+r.ActorName)
		}
	}
	if len(told) != 1 || !strings.Contains(told[0], "all attempts to make it again failed too. Stripe") {
		t.Errorf("told %q", told)
	}
}

// What is given back is the payment that was shown and what was charged for a period
// until Stripe has ended it; nothing is credited besides, and earlier periods stay paid.
func TestTheLastPaymentAndWhatWasPaidSinceIsGivenBack(t *testing.T) {
	t.Parallel()
	o := openClosing(t, testdb.New(t))
	sub, id := o.paid(t)
	o.wait(31 * 24 * time.Hour)
	shown := o.stripe.renew(id, true)
	o.tell(t, "invoice.paid", shown)
	c := o.seen(o.a.publisher, billing.EndTarget{Kind: models.EndOfSubscription, ID: sub.UUID, As: accounts.Publisher}, models.EndsNow, true)
	o.stripe.down = true
	if _, err := o.ends.EndOne(bg, o.a.publisher, sub.UUID, accounts.Publisher, c); err != nil {
		t.Fatal(err)
	}
	o.wait(31 * 24 * time.Hour)
	since := o.stripe.renew(id, true)
	o.stripe.down = false
	o.work(t)
	slices.Sort(o.stripe.returned)
	if want := []string{shown, since}; !slices.Equal(o.stripe.returned, want) {
		t.Errorf("given back %v, want %v", o.stripe.returned, want)
	}
	for key, a := range o.stripe.answers {
		if strings.HasPrefix(a.values, "cancel") && !strings.HasSuffix(a.values, fmt.Sprint(",", int(billing.CancelUnbilled), "]")) {
			t.Errorf("canceled with a credit besides: %s %s", key, a.values)
		}
	}
	o.agree("given back")
}

// The connection breaks after the cancellation, and a webhook is faster than the next
// attempt: the payment is given back all the same.
func TestWhatIsOwedIsGivenBackAlthoughTheEndIsKnown(t *testing.T) {
	t.Parallel()
	o := openClosing(t, testdb.New(t))
	sub, id := o.paid(t)
	c := o.seen(o.admin, billing.EndTarget{Kind: models.EndOfSubscription, ID: sub.UUID, As: accounts.Admin}, models.EndsNow, true)
	if _, err := o.ends.EndOne(bg, o.admin, sub.UUID, accounts.Admin, c); err != nil {
		t.Fatal(err)
	}
	o.stripe.cut = func(op string) int { return map[string]int{"refund": 1}[op] }
	if _, err := o.jobs.RunOnce(bg); err != nil {
		t.Fatal(err)
	}
	o.send(t, o.about("customer.subscription.deleted", id))
	for range 2 { // what the event is about, and then the subscription
		if _, err := o.jobs.RunOnce(bg); err != nil {
			t.Fatal(err)
		}
	}
	o.want(t, sub.UUID, "BLOCKED", false)
	if len(o.stripe.returned) > 0 {
		t.Fatalf("given back already: %v", o.stripe.returned)
	}
	o.stripe.cut = nil
	o.work(t)
	if len(o.stripe.returned) != 1 {
		t.Errorf("given back %v", o.stripe.returned)
	}
}
