package access_test

import (
	"fmt"
	"testing"
	"time"

	"tollgate/access"
)

var (
	now     = time.Date(2026, 12, 8, 14, 0, 0, 0, time.UTC)
	later   = now.Add(48 * time.Hour)
	earlier = now.Add(-48 * time.Hour)
)

// rank is the precedence rule of the design, strongest first.
var rank = map[access.Status]int{
	access.OnHold: 1, access.Rejected: 1, access.Blocked: 2, access.ProdOnlyBlocked: 3,
	access.DeletePending: 4, access.TierUpdatePending: 5, access.Unblocked: 6,
}

// changes are what can be on its way.
var changes = []access.Change{
	{}, {Kind: access.ChangeNow, Plan: "Gold"}, {Kind: access.ChangeNow, Plan: "Gold", Waits: true},
	{Kind: access.ChangeAtEnd, Plan: "Gold", At: later}, {Kind: access.ChangeToFree, Plan: "Free"}, {Kind: access.ChangeByPaying, Plan: "Gold", Waits: true},
}

// fillings are facts that only words depend on: all there, none, and two halves.
var fillings = []func(*access.Facts){
	func(*access.Facts) {},
	func(f *access.Facts) { f.RetryAt, f.TrialEnds = later, later },
	func(f *access.Facts) { f.CollectionPaused, f.CheckoutEnds = true, later },
	func(f *access.Facts) {
		f.CollectionPaused, f.CheckoutEnds, f.RetryAt, f.TrialEnds = true, later, later, later
	},
}

func everyFact(each func(access.Facts)) {
	for _, stripe := range []string{"", "incomplete", "incomplete_expired", "trialing", "active", "past_due", "unpaid", "paused", "canceled", "unheard_of"} {
		for _, checkout := range []access.Checkout{access.NoCheckout, access.Opening, access.Open, access.Processing, access.Expired, access.Failed, access.Declined} {
			for _, hold := range []access.Hold{access.NoHold, access.HoldAll, access.HoldProduction} {
				for _, money := range []access.MoneyHold{access.NoMoneyHold, access.Refunded, access.Disputed} {
					for _, grace := range []time.Duration{0, 24 * time.Hour, 72 * time.Hour} {
						everySwitch(access.Facts{Checkout: checkout, Stripe: stripe, Hold: hold, MoneyHold: money, PastDueSince: earlier, Grace: grace, Now: now}, each)
					}
				}
			}
		}
	}
}

// everySwitch calls each with f in every combination of what is on or off.
func everySwitch(f access.Facts, each func(access.Facts)) {
	for bits := range 64 {
		f.NeedsPayment, f.AwaitsApproval, f.ServedOnce, f.ActionNeeded = bits&1 > 0, bits&2 > 0, bits&4 > 0, bits&8 > 0
		f.CancelAt, f.EndedAt = time.Time{}, time.Time{}
		if bits&16 > 0 {
			f.CancelAt = later
		}
		if bits&32 > 0 {
			f.EndedAt = earlier
		}
		for _, f.Change = range changes {
			for _, fill := range fillings {
				filled := f
				fill(&filled)
				each(filled)
			}
		}
	}
}

// want is the rule of the design, written down a second time as a list of
// conditions in the order of their strength.
func want(f access.Facts) (access.Status, bool) {
	paying := f.NeedsPayment
	inGrace := f.PastDueSince.Add(f.Grace).After(f.Now)
	begun := map[string]bool{"trialing": true, "active": true, "past_due": true, "unpaid": true, "paused": true}
	for _, rule := range []struct {
		holds bool
		is    access.Status
		ended bool
	}{
		{(!f.EndedAt.IsZero() || paying && (f.Stripe == "canceled" || f.Stripe == "incomplete_expired")) && f.ServedOnce, access.Blocked, true},
		{!f.EndedAt.IsZero() || paying && (f.Stripe == "canceled" || f.Stripe == "incomplete_expired"), access.Rejected, true},
		{f.AwaitsApproval, access.OnHold, false},
		{paying && f.Stripe == "" && (f.Checkout == access.Expired || f.Checkout == access.Failed || f.Checkout == access.Declined), access.Rejected, false},
		{paying && !begun[f.Stripe], access.OnHold, false},
		{paying && (f.Stripe == "active" || f.Stripe == "trialing") && f.Checkout == access.Processing, access.OnHold, false},
		{f.Hold == access.HoldAll, access.Blocked, false},
		{paying && f.MoneyHold != access.NoMoneyHold, access.Blocked, false},
		{paying && (f.Stripe == "unpaid" || f.Stripe == "paused"), access.Blocked, false},
		{paying && f.Stripe == "past_due" && !inGrace, access.Blocked, false},
		{f.Hold == access.HoldProduction, access.ProdOnlyBlocked, false},
		{!f.CancelAt.IsZero() && f.Change.Kind != access.ChangeToFree, access.DeletePending, false},
		{f.Change != access.Change{}, access.TierUpdatePending, false},
	} {
		if rule.holds {
			return rule.is, rule.ended
		}
	}
	return access.Unblocked, false
}

func TestEveryCombinationFollowsThePrecedence(t *testing.T) {
	t.Parallel()
	n := 0
	everyFact(func(f access.Facts) {
		n++
		status, ended := want(f)
		if got := access.Of(f); got.Status != status || got.Ended != ended {
			t.Fatalf("%+v:\n got %s ended %v, want %s ended %v", f, got.Status, got.Ended, status, ended)
		}
	})
	if n < 500_000 {
		t.Fatalf("only %d combinations", n)
	}
}

func TestEveryStateIsFitToShowAndToServe(t *testing.T) {
	t.Parallel()
	everyFact(func(f access.Facts) {
		s := access.Of(f)
		if s.Label == "" || s.Tone == "" || s.Sentence.Before == "" {
			t.Fatalf("%+v has no words: %+v", f, s)
		}
		if s.Sentence.After != "" && s.Sentence.At.IsZero() {
			t.Fatalf("%+v has a hole in its sentence: %+v", f, s.Sentence)
		}
		for _, k := range []access.KeyType{access.Production, access.Sandbox} {
			p, refused := s.Refusal(k)
			if refused == s.Serves(k) || refused && (p.Status != 402 && p.Status != 403 || p.Type == "" || p.Title == "") {
				t.Fatalf("%+v, %s: served %v, refusal %+v %v", f, k, s.Serves(k), p, refused)
			}
		}
		if s.Serves(access.Production) && (!s.Serves(access.Sandbox) || rank[s.Status] < rank[access.DeletePending]) {
			t.Fatalf("%+v serves production as %s", f, s.Status)
		}
		if s.Serves(access.Sandbox) && !s.Serves(access.Production) && s.Status != access.ProdOnlyBlocked {
			t.Fatalf("%+v serves sandbox only as %s", f, s.Status)
		}
		if s.Ended && s.ServesSome() {
			t.Fatalf("%+v is over and served", f)
		}
	})
}

// A payment never lifts an admin's block, and lifting that block never hides an unpaid bill.
func TestHoldsDoNotLiftEachOther(t *testing.T) {
	t.Parallel()
	everyFact(func(f access.Facts) {
		paid := f
		paid.Stripe, paid.Checkout = "active", access.NoCheckout
		if f.Hold == access.HoldAll && access.Of(paid).ServesSome() {
			t.Fatalf("a payment lifted the hold of %+v", f)
		}
		free := f
		free.Hold = access.NoHold
		if owed := f.NeedsPayment && (f.Stripe == "unpaid" || f.Stripe == "paused"); owed && access.Of(free).ServesSome() {
			t.Fatalf("lifting the hold hid what %+v owes", f)
		}
		if f.NeedsPayment && f.MoneyHold != access.NoMoneyHold && (access.Of(paid).ServesSome() || access.Of(free).ServesSome()) {
			t.Fatalf("a payment or the publisher lifted the money hold of %+v", f)
		}
		settled := f
		settled.MoneyHold = access.NoMoneyHold
		if f.Hold == access.HoldAll && access.Of(settled).ServesSome() {
			t.Fatalf("the end of a dispute lifted the hold of %+v", f)
		}
	})
}

// A state says when it will change by itself, and at no other time does it.
func TestUntil(t *testing.T) {
	t.Parallel()
	everyFact(func(f access.Facts) {
		s := access.Of(f)
		next := f
		next.Now = f.Now.Add(20 * 365 * 24 * time.Hour)
		if s.Until.IsZero() {
			if got := access.Of(next); got.Status != s.Status {
				t.Fatalf("%+v changed from %s to %s without notice", f, s.Status, got.Status)
			}
			return
		}
		next.Now = s.Until.Add(-time.Millisecond)
		if got := access.Of(next); got.Status != s.Status {
			t.Fatalf("%+v changed before %s", f, s.Until)
		}
		next.Now = s.Until
		if got := access.Of(next); got.ServesSome() {
			t.Fatalf("%+v is still served at %s", f, s.Until)
		}
	})
}

// WSO2's event table for a subscription's own renewals follows from the rule.
func TestWSO2sEventTable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		event  string
		before access.Facts
		after  func(*access.Facts) // what Stripe says once the event has happened
		want   access.Status
		ended  bool
	}{
		{"checkout.session.completed, paid", access.Facts{Checkout: access.Open}, func(f *access.Facts) { f.Checkout, f.Stripe = access.NoCheckout, "active" }, access.Unblocked, false},
		{"checkout.session.completed, unpaid", access.Facts{Checkout: access.Open}, func(f *access.Facts) { f.Checkout = access.Processing }, access.OnHold, false},
		{"checkout.session.expired", access.Facts{Checkout: access.Open}, func(f *access.Facts) { f.Checkout = access.Expired }, access.Rejected, false},
		{"checkout.session.expired of another session", access.Facts{Stripe: "active"}, func(*access.Facts) {}, access.Unblocked, false},
		{"invoice.payment_succeeded", access.Facts{Stripe: "past_due"}, func(f *access.Facts) { f.Stripe = "active" }, access.Unblocked, false},
		{"invoice.payment_succeeded under an admin's block", access.Facts{Stripe: "past_due", Hold: access.HoldAll}, func(f *access.Facts) { f.Stripe = "active" }, access.Blocked, false},
		{"invoice.payment_failed", access.Facts{Stripe: "active"}, func(f *access.Facts) { f.Stripe = "past_due" }, access.Blocked, false},
		{"invoice.payment_failed with PROD_ONLY_BLOCKED", access.Facts{Stripe: "active", Hold: access.HoldProduction}, func(f *access.Facts) { f.Stripe = "past_due" }, access.Blocked, false},
		{"invoice.payment_failed of a one-off invoice", access.Facts{Stripe: "active"}, func(*access.Facts) {}, access.Unblocked, false},
		{"invoice.payment_action_required", access.Facts{Stripe: "active"}, func(f *access.Facts) { f.Stripe = "past_due" }, access.Blocked, false},
		{"customer.subscription.updated to unpaid", access.Facts{Stripe: "past_due"}, func(f *access.Facts) { f.Stripe = "unpaid" }, access.Blocked, false},
		{"customer.subscription.updated, canceled at period end", access.Facts{Stripe: "active"}, func(f *access.Facts) { f.CancelAt = later }, access.DeletePending, false},
		{"customer.subscription.deleted", access.Facts{Stripe: "active", ServedOnce: true}, func(f *access.Facts) { f.Stripe = "canceled" }, access.Blocked, true},
	} {
		f := tt.before
		f.NeedsPayment, f.PastDueSince, f.Now = true, now, now
		tt.after(&f)
		if got := access.Of(f); got.Status != tt.want || got.Ended != tt.ended {
			t.Errorf("%s: %s ended %v, want %s ended %v", tt.event, got.Status, got.Ended, tt.want, tt.ended)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		f     access.Facts
		label string
		next  access.Action
		tone  access.Tone
	}{
		{access.Facts{}, "Active", access.NoAction, access.Good},
		{access.Facts{CancelAt: later}, "Ending", access.NoAction, access.Attention},
		{access.Facts{NeedsPayment: true, Checkout: access.Opening}, "Preparing payment", access.Wait, access.Attention},
		{access.Facts{NeedsPayment: true, Checkout: access.Open, CheckoutEnds: later}, "Payment needed", access.Pay, access.Attention},
		{access.Facts{NeedsPayment: true, Checkout: access.Expired}, "Canceled: not paid in time", access.StartAgain, access.Bad},
		{access.Facts{NeedsPayment: true, Checkout: access.Failed, CheckoutProblem: "No such price."}, "Payment could not be opened", access.StartAgain, access.Bad},
		{access.Facts{NeedsPayment: true, Checkout: access.Processing}, "Payment processing", access.Wait, access.Attention},
		{access.Facts{NeedsPayment: true, Stripe: "active"}, "Active", access.NoAction, access.Good},
		{access.Facts{NeedsPayment: true, Stripe: "trialing"}, "Trial", access.NoAction, access.Good},
		{access.Facts{NeedsPayment: true, Stripe: "active", CancelAt: later}, "Ending", access.Resume, access.Attention},
		{access.Facts{NeedsPayment: true, Stripe: "past_due", PastDueSince: now}, "Payment needed", access.UpdateCard, access.Bad},
		{access.Facts{NeedsPayment: true, Stripe: "past_due", PastDueSince: now, Grace: time.Hour}, "Payment needed", access.UpdateCard, access.Attention},
		{access.Facts{NeedsPayment: true, Stripe: "active", Hold: access.HoldAll}, "Blocked", access.AskPublisher, access.Bad},
		{access.Facts{NeedsPayment: true, Stripe: "unpaid", Hold: access.HoldAll}, "Blocked", access.UpdateCard, access.Bad},
		{access.Facts{NeedsPayment: true, Stripe: "canceled", ServedOnce: true, EndedAt: earlier}, "Ended", access.SubscribeAgain, access.Quiet},
		{access.Facts{EndedAt: earlier}, "Canceled", access.SubscribeAgain, access.Quiet},
		{access.Facts{NeedsPayment: true, Checkout: access.Declined}, "Payment failed", access.StartAgain, access.Bad},
		{access.Facts{NeedsPayment: true, Stripe: "incomplete", ActionNeeded: true}, "Confirm the payment", access.Authenticate, access.Attention},
		{access.Facts{NeedsPayment: true, Stripe: "past_due", PastDueSince: now, ActionNeeded: true}, "Confirm the payment", access.Authenticate, access.Bad},
		{access.Facts{NeedsPayment: true, Stripe: "past_due", PastDueSince: now, Grace: time.Hour, ActionNeeded: true}, "Confirm the payment", access.Authenticate, access.Attention},
		{access.Facts{NeedsPayment: true, Stripe: "past_due", ActionNeeded: true, Hold: access.HoldAll}, "Blocked", access.Authenticate, access.Bad},
		{access.Facts{NeedsPayment: true, Stripe: "active", MoneyHold: access.Disputed}, "Payment disputed", access.AskPublisher, access.Bad},
		{access.Facts{NeedsPayment: true, Stripe: "unpaid", MoneyHold: access.Refunded}, "Payment given back", access.AskPublisher, access.Bad},
		{access.Facts{MoneyHold: access.Disputed}, "Active", access.NoAction, access.Good},
		{access.Facts{NeedsPayment: true, Stripe: "active", CollectionPaused: true}, "Active, not charged", access.NoAction, access.Good},
		{access.Facts{NeedsPayment: true, Stripe: "active", Change: access.Change{Kind: access.ChangeAtEnd, Plan: "Gold", At: later}}, "Changing plan", access.UndoChange, access.Good},
		{access.Facts{NeedsPayment: true, Stripe: "active", CancelAt: later, Change: access.Change{Kind: access.ChangeToFree, Plan: "Free"}}, "Changing plan", access.UndoChange, access.Good},
		{access.Facts{NeedsPayment: true, Stripe: "active", Change: access.Change{Kind: access.ChangeNow, Plan: "Gold", Waits: true}}, "Changing plan", access.Authenticate, access.Attention},
		{access.Facts{NeedsPayment: true, Stripe: "active", Change: access.Change{Kind: access.ChangeNow, Plan: "Gold"}}, "Changing plan", access.Wait, access.Good},
		{access.Facts{Checkout: access.Open, CheckoutEnds: later, Change: access.Change{Kind: access.ChangeByPaying, Plan: "Gold"}}, "Changing plan", access.Pay, access.Attention},
		{access.Facts{Checkout: access.Expired, Change: access.Change{Kind: access.ChangeByPaying, Plan: "Gold"}}, "Changing plan", access.UndoChange, access.Attention},
		{access.Facts{AwaitsApproval: true}, "Waiting for approval", access.NoAction, access.Attention},
	} {
		tt.f.Now = now
		got := access.Of(tt.f)
		if got.Label != tt.label || got.Next != tt.next || got.Tone != tt.tone {
			t.Errorf("%+v: %q %q %q, want %q %q %q", tt.f, got.Label, got.Next, got.Tone, tt.label, tt.next, tt.tone)
		}
	}
}

// What a person has to know is in the sentence, with its date.
func TestSentences(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]access.Facts{
		"The last payment failed, so calls are refused. Stripe tries it again on 10 December; update the card to go on sooner.": {NeedsPayment: true, Stripe: "past_due", PastDueSince: now, RetryAt: later},
		"The last payment failed. Update the card by 10 December or calls will be refused.":                                     {NeedsPayment: true, Stripe: "past_due", PastDueSince: now, Grace: 48 * time.Hour},
		"The bank asks you to confirm the last payment. Do that by 10 December or calls will be refused.":                       {NeedsPayment: true, Stripe: "past_due", PastDueSince: now, Grace: 48 * time.Hour, ActionNeeded: true},
		"Calls are served. Gold from 10 December on.":                                                                           {NeedsPayment: true, Stripe: "active", Change: access.Change{Kind: access.ChangeAtEnd, Plan: "Gold", At: later}},
		"Calls are served. Free from 10 December on, at no cost.":                                                               {NeedsPayment: true, Stripe: "active", CancelAt: later, Change: access.Change{Kind: access.ChangeToFree, Plan: "Free"}},
		"Calls are served. Complete the payment by 10 December to change to Gold.":                                              {Checkout: access.Open, CheckoutEnds: later, Change: access.Change{Kind: access.ChangeByPaying, Plan: "Gold"}},
		"The trial runs until 10 December, and calls are served.":                                                               {NeedsPayment: true, Stripe: "trialing", TrialEnds: later},
	} {
		f.Now = now
		got := access.Of(f).Sentence
		if text := got.Before + got.At.Format("2 January") + got.After; text != want {
			t.Errorf("%q, want %q", text, want)
		}
	}
}

func ExampleOf() {
	s := access.Of(access.Facts{
		NeedsPayment: true, Checkout: access.Open,
		CheckoutEnds: time.Date(2026, 12, 9, 14, 0, 0, 0, time.UTC), Now: now,
	})
	fmt.Println(s.Status, "·", s.Sentence.Before+s.Sentence.At.Format("2 January 15:04 MST")+s.Sentence.After)
	// Output: ON_HOLD · Complete the payment by 9 December 14:00 UTC to start using this subscription.
}
