package billing_test

import (
	"slices"
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

func count(all []string, what string) (n int) {
	for _, one := range all {
		if one == what {
			n++
		}
	}
	return n
}

// A refund is written down once, in whatever order and however often its events
// arrive, and holds access only where the tenant wants that.
func TestARefundIsWrittenDownOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		minor  int64
		status string
		hold   bool
		want   string
	}{
		"in full, and nobody minds":       {4900, "succeeded", false, "UNBLOCKED"},
		"in full, and it holds":           {4900, "succeeded", true, "BLOCKED"},
		"in full and on its way":          {4900, "pending", true, "BLOCKED"},
		"in part":                         {900, "succeeded", true, "UNBLOCKED"},
		"in full, but the bank failed it": {4900, "failed", true, "UNBLOCKED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, testdb.New(t))
			b := openBank(t, s)
			s.rule(t, "", false, tt.hold)
			permute(4, func(order []int) {
				sub, id := s.paid(t)
				invoice := b.subs[id].LatestInvoice
				refund := b.giveBack(invoice, tt.minor, tt.status)
				events := []event{s.of("charge.refunded", "charge", b.charged(invoice)), s.of("refund.created", "refund", refund), s.of("refund.updated", "refund", refund), s.about("invoice.paid", invoice)}
				for _, i := range order {
					s.hear(t, events[i], events[i])
				}
				s.want(t, sub.UUID, tt.want, true)
				if got := s.incidents(t, sub); len(got) != 1 || count(s.kinds(t, sub), "refund") != 1 {
					t.Fatalf("order %v: incidents %v, timeline %v", order, got, s.kinds(t, sub))
				}
				if n := count(s.told(t), "publisher money_returned"); n != 1 {
					t.Fatalf("order %v: the publisher was told %d times", order, n)
				}
				s.exec(t, "DELETE FROM notices")
				clear(b.refunds)
				clear(b.charges)
				s.forget(t, sub)
			})
		})
	}
}

// Any one of the events is enough.
func TestEachEventOfARefundIsEnough(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		b := openBank(t, s)
		for _, only := range []string{"charge.refunded", "refund.created", "charge.refund.updated"} {
			sub, id := s.paid(t)
			invoice := b.subs[id].LatestInvoice
			refund := b.giveBack(invoice, 4900, "succeeded")
			e := s.of(only, "refund", refund)
			if only == "charge.refunded" {
				e = s.of(only, "charge", b.charged(invoice))
			}
			s.hear(t, e)
			if got := s.incidents(t, sub); len(got) != 1 || got[0] != "refund succeeded true 4900" {
				t.Errorf("%s: %v", only, got)
			}
			if got := s.outcome(t, e); got.State != models.EventDone {
				t.Errorf("%s is %s: %s", only, got.State, got.Outcome)
			}
			s.exec(t, "DELETE FROM notices")
			clear(b.refunds)
			s.forget(t, sub)
		}
	})
}

// A dispute holds until it is won, where the tenant wants that; a payment does not
// lift it, and neither does the publisher.
func TestADisputeHoldsUntilItIsWon(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		b := openBank(t, s)
		s.rule(t, "", true, false)
		sub, id := s.paid(t)
		dispute := b.dispute(b.subs[id].LatestInvoice)
		move := func(status, kind string) {
			t.Helper()
			b.disputes[dispute].Status = status
			s.hear(t, s.of(kind, "dispute", dispute))
		}
		move("needs_response", "charge.dispute.created")
		if got := s.want(t, sub.UUID, "BLOCKED", true); s.sell.StateOf(got).Reason != access.HeldByDispute {
			t.Errorf("held by %s", s.sell.StateOf(got).Reason)
		}
		s.wait(32 * 24 * time.Hour)
		s.tell(t, "invoice.paid", s.stripe.renew(id, true))
		s.want(t, sub.UUID, "BLOCKED", true) // a payment does not lift it
		for _, h := range []access.Hold{access.HoldAll, access.NoHold} {
			if err := s.sell.Hold(bg, s.a.publisher, sub.UUID, h); err != nil {
				t.Fatal(err)
			}
		}
		s.want(t, sub.UUID, "BLOCKED", true) // nor does the publisher
		s.rule(t, "", false, false)
		s.want(t, sub.UUID, "UNBLOCKED", true) // the setting does, at once
		s.rule(t, "", true, false)
		s.want(t, sub.UUID, "BLOCKED", true)
		move("won", "charge.dispute.closed")
		s.want(t, sub.UUID, "UNBLOCKED", true)
		move("lost", "charge.dispute.closed")
		if err := s.sell.Hold(bg, s.a.publisher, sub.UUID, access.HoldAll); err != nil {
			t.Fatal(err)
		}
		move("won", "charge.dispute.closed")
		s.want(t, sub.UUID, "BLOCKED", true) // the end of a dispute does not lift the publisher's block
		if got := s.incidents(t, sub); len(got) != 1 || got[0] != "dispute won true 4900" {
			t.Errorf("incidents %v", got)
		}
		if n := count(s.told(t), "publisher payment_disputed"); n != 3 {
			t.Errorf("the publisher was told %d times of three turns", n)
		}
	})
}

// Of two answers that cross each other the older one never wins.
func TestAnOlderAnswerNeverWins(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		b := openBank(t, s)
		sub, id := s.paid(t)
		refund := b.giveBack(b.subs[id].LatestInvoice, 4900, "pending")
		s.hear(t, s.of("refund.created", "refund", refund))
		b.before = func(op string) {
			if op != "charge" { // the refund was read just before
				return
			}
			b.before = nil
			b.refunds[refund].Status = "succeeded"
			s.exec(t, "UPDATE payment_incidents SET status = 'succeeded', settled = ?, version = version + 1 WHERE id = ?", true, refund)
		}
		s.hear(t, s.of("refund.updated", "refund", refund))
		if got := s.incidents(t, sub); len(got) != 1 || got[0] != "refund succeeded true 4900" {
			t.Errorf("incidents %v", got)
		}
	})
}

// What was paid a second time is flagged, told of, and can be given back, once.
func TestWhatWasPaidTwiceGoesBackOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		b := openBank(t, s)
		sub, kept := s.paid(t)
		known := s.stripe.sessions[sub.CheckoutSessionID]
		stray, err := b.OpenCheckout(bg, accounts.StripeAccount{Tenant: s.a.tenant, Connected: s.a.account}, "stray", billing.CheckoutInput{Customer: known.Customer, Metadata: known.Metadata})
		if err != nil {
			t.Fatal(err)
		}
		s.wait(time.Minute)
		double, invoice := b.pay(stray.ID)
		for range 2 {
			s.tell(t, "invoice.paid", invoice)
		}
		s.want(t, sub.UUID, "UNBLOCKED", true)
		if got := s.incidents(t, sub); len(got) != 1 || got[0] != "duplicate paid false 4900" {
			t.Fatalf("incidents %v", got)
		}
		if got := s.told(t); count(got, "publisher money_returned") != 1 || count(got, "buyer money_returned") != 1 {
			t.Errorf("told %v", got)
		}
		for name, who := range map[string]accounts.Actor{"the subscriber": s.a.buyer, "the twin's publisher": s.b.publisher, "nobody": {Tenant: s.a.tenant}} {
			if err := s.sell.GiveBack(bg, who, sub.UUID, double); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := s.sell.GiveBack(bg, s.a.publisher, sub.UUID, kept); fault.KindOf(err) != fault.NotFound {
			t.Errorf("what counts: %v", err)
		}
		b.cut = func(op string) int { // its first answer is lost
			if op == "give back" {
				b.cut = nil
				return 2
			}
			return 0
		}
		for range 2 {
			if err := s.sell.GiveBack(bg, s.a.publisher, sub.UUID, double); err != nil {
				t.Fatal(err)
			}
		}
		s.work(t)
		if got := s.incidents(t, sub); len(got) != 2 || got[0] != "duplicate refunded true 4900" || got[1] != "refund succeeded true 4900" || len(b.refunds) != 1 {
			t.Errorf("incidents %v, %d refunds", got, len(b.refunds))
		}
		if err := s.sell.GiveBack(bg, s.a.publisher, sub.UUID, double); fault.KindOf(err) != fault.Conflict {
			t.Errorf("once more: %v", err)
		}
		s.want(t, sub.UUID, "UNBLOCKED", true)
	})
}

// A customer who was deleted at Stripe takes its subscriptions along, and is made
// anew when somebody subscribes again.
func TestADeletedCustomerIsMadeAnew(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) { buyAnew(t, db, true) })
}

// Stripe's refusal tells us as well, when the event was lost.
func TestADeletedCustomerIsNoticedWithoutItsEvent(t *testing.T) {
	t.Parallel()
	buyAnew(t, testdb.New(t), false)
}

func buyAnew(t *testing.T, db *bun.DB, heard bool) {
	s := openShop(t, db)
	b := openBank(t, s)
	sub, id := s.paid(t)
	customer := b.subs[id].Customer
	b.deleteCustomer(customer)
	if heard {
		s.hear(t, s.of("customer.deleted", "customer", customer), s.of("customer.deleted", "customer", customer))
	} else {
		s.tell(t, "customer.subscription.deleted", id)
	}
	s.want(t, sub.UUID, "BLOCKED", false)
	next := s.subscribe(t, s.a.gold)
	if !heard {
		s.want(t, next.UUID, "REJECTED", true)
		next = s.subscribe(t, s.a.gold)
	}
	b.pay(next.CheckoutSessionID)
	s.tell(t, "checkout.session.completed", next.CheckoutSessionID)
	s.want(t, next.UUID, "UNBLOCKED", true)
	if len(b.customers) != 2 {
		t.Errorf("%d customers", len(b.customers))
	}
}

// When access to an account is taken away, nothing new is sold, what is there keeps
// its last state, work rests, and everybody is told once. All of it comes back.
func TestAnAccountIsLostAndComesBack(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		b := openBank(t, s)
		sub, id := s.paid(t)
		b.bar(true)
		gone := s.of("account.application.deauthorized", "application", "ca_platform")
		s.hear(t, gone, s.of("account.application.deauthorized", "application", ""))
		if got := s.outcome(t, gone); got.State != models.EventDone {
			t.Errorf("the event is %s: %s", got.State, got.Outcome)
		}
		if got := s.told(t); !slices.Equal(got, []string{"admin account_lost", "publisher account_lost"}) {
			t.Errorf("told %v", got)
		}
		_, err := s.sell.Subscribe(bg, s.a.buyer, billing.SubscribeInput{Application: s.a.app2, API: s.a.api, Policy: s.a.gold})
		if f, ok := fault.FieldsOf(err); !ok || f["plan"] == "" {
			t.Errorf("a new sale: %v", err)
		}
		if o, err := s.sell.Overview(bg, s.a.buyer, sub.UUID); err != nil || o.AccountLost.IsZero() || o.State.Status != access.Unblocked {
			t.Errorf("overview %+v, %v", o.State, err)
		}
		s.send(t, s.about("customer.subscription.updated", id))
		if _, err := s.jobs.RunOnce(bg); err != nil {
			t.Fatal(err)
		}
		if next, err := models.NextJobAt(bg, db); err != nil || next.Time().Sub(s.now()) < 50*time.Minute {
			t.Errorf("work does not rest: next in %s, %v", next.Time().Sub(s.now()), err)
		}
		b.bar(false)
		s.stripe.renew(id, false)
		s.hear(t, s.about("account.updated", s.a.account))
		s.want(t, sub.UUID, "BLOCKED", true) // what happened meanwhile was read
		if o, err := s.sell.Overview(bg, s.a.buyer, sub.UUID); err != nil || !o.AccountLost.IsZero() {
			t.Errorf("still lost: %v", err)
		}
		if got := s.kinds(t, sub); count(got, "account_lost") != 1 || count(got, "account_back") != 1 {
			t.Errorf("timeline %v", got)
		}
	})
}

// Nobody told us that an account was lost: the first refused call does.
func TestALostAccountIsNoticedWithoutItsEvent(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	b := openBank(t, s)
	_, id := s.paid(t)
	b.bar(true)
	s.send(t, s.about("customer.subscription.updated", id))
	for range 3 {
		if _, err := s.jobs.RunOnce(bg); err != nil {
			t.Fatal(err)
		}
	}
	lost := func() bool {
		t.Helper()
		all, err := models.LostAccounts(bg, s.db, s.a.tenant)
		if err != nil {
			t.Fatal(err)
		}
		return !all[s.a.account].IsZero()
	}
	if !lost() {
		t.Error("the account does not count as lost")
	}
	b.bar(false) // and nobody tells us that either
	s.work(t)
	if lost() {
		t.Error("the account still counts as lost")
	}
}

// A dispute ends the same in whatever order its events arrive, and each of them is enough.
func TestADisputeInEveryOrder(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	b := openBank(t, s)
	s.rule(t, "", true, false)
	kinds := []string{"charge.dispute.created", "charge.dispute.updated", "charge.dispute.funds_withdrawn", "charge.dispute.closed"}
	try := func(order []int) {
		sub, id := s.paid(t)
		invoice := b.subs[id].LatestInvoice
		dispute := b.dispute(invoice)
		b.disputes[dispute].Status = "lost"
		for _, i := range order {
			s.hear(t, s.of(kinds[i], "dispute", dispute), s.about("invoice.paid", invoice))
		}
		s.want(t, sub.UUID, "BLOCKED", true)
		if got := s.incidents(t, sub); len(got) != 1 || got[0] != "dispute lost true 4900" || count(s.told(t), "publisher payment_disputed") != 1 || count(s.kinds(t, sub), "dispute") != 1 {
			t.Fatalf("order %v: %v, told %v", order, got, s.told(t))
		}
		s.exec(t, "DELETE FROM notices")
		clear(b.disputes)
		clear(b.charges)
		s.forget(t, sub)
	}
	permute(len(kinds), try)
	for i := range kinds {
		try([]int{i})
	}
}

// News of a lost account that comes late, when it is back, changes nothing.
func TestLateNewsOfALostAccount(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	openBank(t, s)
	s.paid(t)
	late := s.of("account.application.deauthorized", "application", "ca_platform")
	for range 2 {
		s.hear(t, s.of("account.application.authorized", "application", "ca_platform"), late)
	}
	lost, err := models.LostAccounts(bg, s.db, s.a.tenant)
	if err != nil || len(lost) > 0 || len(s.told(t)) > 0 {
		t.Errorf("lost %v, told %v, %v", lost, s.told(t), err)
	}
}

// Refresh finds that an account is lost, and that it is back, and what happened
// meanwhile is read.
func TestRefreshFindsAnAccountLostAndBack(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		b := openBank(t, s)
		sub, id := s.paid(t)
		linked := &accounts.ConnectedAccounts{DB: db, Wall: s.sell.Wall}
		sales := &billing.Sales{DB: db, Engine: b, Accounts: linked, Wall: s.sell.Wall, Jobs: s.jobs, Installation: "inst-1"}
		mine, err := linked.Mine(bg, s.a.publisher)
		if err != nil || len(mine) != 1 {
			t.Fatal(mine, err)
		}
		refresh := func(lost bool) {
			t.Helper()
			if err := sales.RefreshAccount(bg, s.a.publisher, mine[0].ID); err != nil {
				t.Fatal(err)
			}
			s.work(t)
			if now, err := linked.Mine(bg, s.a.publisher); err != nil || now[0].DeauthorizedAt.IsZero() == lost {
				t.Errorf("%+v, %v", now, err)
			}
		}
		b.bar(true)
		refresh(true)
		b.refuse["account"] = noSuch("account", s.a.account)
		refresh(true) // no other answer than a good one takes it back
		b.bar(false)
		s.stripe.end(id, "cancellation_requested")
		refresh(false)
		s.want(t, sub.UUID, "BLOCKED", false)
		if got := s.told(t); count(got, "publisher account_lost") != 1 || count(got, "admin account_lost") != 1 {
			t.Errorf("told %v", got)
		}
		if s.audited(t, "account.lost") != 1 || s.audited(t, "account.back") != 1 {
			t.Error("the audit does not say when the account was lost and back")
		}
	})
}
