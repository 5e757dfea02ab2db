package billing_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// paid returns a subscription that was paid, and its Stripe subscription.
func (s *shop) paid(t testing.TB) (models.Subscription, string) {
	t.Helper()
	sub := s.subscribe(t, s.a.gold)
	id, _ := s.stripe.pay(sub.CheckoutSessionID)
	s.tell(t, "checkout.session.completed", sub.CheckoutSessionID)
	return s.want(t, sub.UUID, "UNBLOCKED", true), id
}

func (s *shop) cancel(t testing.TB, sub models.Subscription, when billing.CancelWhen) {
	t.Helper()
	if err := s.sell.Cancel(bg, s.a.buyer, sub.UUID, when); err != nil {
		t.Fatal(err)
	}
	s.work(t)
}

func TestCancelAtPeriodEndThenResumeThenEnd(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		sub, id := s.paid(t)
		s.cancel(t, sub, billing.CancelAtPeriodEnd)
		ending := s.want(t, sub.UUID, "DELETE_PENDING", true)
		if ending.CancelAt != ending.PeriodEnd || s.flow(t, sub, models.WorkflowDeletion) != models.WorkflowCreated {
			t.Fatalf("ending = %+v", ending)
		}
		if err := s.sell.Resume(bg, s.a.buyer, sub.UUID); err != nil {
			t.Fatal(err)
		}
		s.work(t)
		s.want(t, sub.UUID, "UNBLOCKED", true)
		if s.flow(t, sub, models.WorkflowDeletion) != models.WorkflowRejected {
			t.Errorf("workflow = %s", s.flow(t, sub, models.WorkflowDeletion))
		}
		s.cancel(t, sub, billing.CancelAtPeriodEnd) // a wish of its own, with keys of its own
		s.want(t, sub.UUID, "DELETE_PENDING", true)
		s.wait(32 * 24 * time.Hour)
		s.stripe.end(id, "cancellation_requested")
		s.tell(t, "customer.subscription.deleted", id)
		ended := s.want(t, sub.UUID, "BLOCKED", false)
		if ended.EndReason != "cancellation_requested" || ended.EndedAt.IsZero() || s.flow(t, sub, models.WorkflowDeletion) != models.WorkflowApproved || s.audited(t, "subscription.ended") != 1 {
			t.Errorf("ended = %+v", ended)
		}
		if err := s.sell.Resume(bg, s.a.buyer, sub.UUID); fault.KindOf(err) != fault.Conflict {
			t.Errorf("resuming what has ended: %v", err)
		}
		if next := s.subscribe(t, s.a.gold); next.UUID == sub.UUID || len(s.stripe.customers) != 1 {
			t.Errorf("next = %+v, %d customers", next, len(s.stripe.customers))
		}
	})
}

func TestCancelNow(t *testing.T) {
	t.Parallel()
	for how := range 3 { // undisturbed, cut before the effect, cut after it
		s := openShop(t, testdb.New(t))
		sub, id := s.paid(t)
		left := 2
		s.stripe.cut = func(op string) int {
			if op != "cancel" || left == 0 {
				return 0
			}
			left--
			return how
		}
		s.cancel(t, sub, billing.CancelNow)
		s.want(t, sub.UUID, "BLOCKED", false)
		if !slices.Equal(s.stripe.canceled, []string{id}) {
			t.Errorf("canceled at Stripe: %v", s.stripe.canceled)
		}
	}
}

func TestCancelingWhatIsUnpaidClosesItsCheckoutFirst(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		sub := s.subscribe(t, s.a.gold)
		s.cancel(t, sub, billing.CancelNow)
		s.want(t, sub.UUID, "REJECTED", false)
		if len(s.stripe.payable()) > 0 || s.flow(t, sub, models.WorkflowCreation) != models.WorkflowRejected || s.flow(t, sub, models.WorkflowDeletion) != models.WorkflowApproved {
			t.Errorf("payable %v, workflows %s %s", s.stripe.payable(), s.flow(t, sub, models.WorkflowCreation), s.flow(t, sub, models.WorkflowDeletion))
		}
	})
}

func TestCancelingLosesToAPayment(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub := s.subscribe(t, s.a.gold)
	id, _ := s.stripe.pay(sub.CheckoutSessionID) // and no event has arrived yet
	s.cancel(t, sub, billing.CancelAtPeriodEnd)
	kept := s.want(t, sub.UUID, "DELETE_PENDING", true)
	if kept.StripeSubscriptionID != id || len(s.stripe.canceled) > 0 {
		t.Errorf("kept = %+v, canceled %v", kept, s.stripe.canceled)
	}
}

// The session is paid between our look and our closing it: then it is kept.
func TestAPaymentAtTheVeryMomentOfCancelingIsKept(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub := s.subscribe(t, s.a.gold)
	s.stripe.before = func(op string) {
		if op == "expire" {
			s.stripe.before = nil
			s.stripe.pay(sub.CheckoutSessionID)
		}
	}
	s.cancel(t, sub, billing.CancelNow)
	s.want(t, sub.UUID, "UNBLOCKED", true)
	if len(s.stripe.canceled) > 0 || s.flow(t, sub, models.WorkflowDeletion) != models.WorkflowRejected {
		t.Errorf("canceled %v, workflow %s", s.stripe.canceled, s.flow(t, sub, models.WorkflowDeletion))
	}
}

// The checkout was opened, but the answer was lost, and then the person gave up:
// nothing payable is left behind.
func TestGivingUpWhileStripeDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub, err := s.sell.Subscribe(bg, s.a.buyer, billing.SubscribeInput{Application: s.a.app, API: s.a.api, Policy: s.a.gold})
	if err != nil {
		t.Fatal(err)
	}
	s.stripe.cut = func(op string) int {
		if op == "open" {
			return 2
		}
		return 0
	}
	if _, err := s.jobs.RunOnce(bg); err != nil {
		t.Fatal(err)
	}
	if len(s.stripe.payable()) != 1 {
		t.Fatalf("payable = %v", s.stripe.payable())
	}
	if err := s.sell.Cancel(bg, s.a.buyer, sub.UUID, billing.CancelNow); err != nil {
		t.Fatal(err)
	}
	if _, err := s.jobs.RunOnce(bg); err != nil {
		t.Fatal(err)
	}
	s.want(t, sub.UUID, "REJECTED", false)
	s.stripe.cut = nil
	s.work(t)
	if got := s.stripe.payable(); len(got) > 0 || len(s.stripe.misused) > 0 {
		t.Errorf("payable %v, misused keys %v", got, s.stripe.misused)
	}
}

func TestARefusedCancellationSaysWhyAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub, _ := s.paid(t)
	s.stripe.refuse["cancel"] = &billing.Refused{Status: 400, Message: "Not today."}
	s.working(t)
	if err := s.sell.Cancel(bg, s.a.buyer, sub.UUID, billing.CancelNow); fault.Message(err) != "Not today." {
		t.Errorf("cancel: %v", err)
	}
	s.want(t, sub.UUID, "UNBLOCKED", true)
	if s.flow(t, sub, models.WorkflowDeletion) != models.WorkflowRejected {
		t.Errorf("workflow = %s", s.flow(t, sub, models.WorkflowDeletion))
	}
}

func TestCompleteSession(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		s.working(t)
		sub, err := s.sell.Subscribe(bg, s.a.buyer, billing.SubscribeInput{Application: s.a.app, API: s.a.api, Policy: s.a.gold})
		if err != nil || sub.Checkout != "open" {
			t.Fatalf("subscribe did not wait: %+v, %v", sub, err)
		}
		complete := func(want billing.Completion) {
			t.Helper()
			got, uuid, err := s.sell.CompleteSession(bg, s.a.buyer, sub.CheckoutSessionID)
			if err != nil || got != want || uuid != sub.UUID {
				t.Errorf("complete = %v, %q, %v; want %v", got, uuid, err, want)
			}
		}
		complete(billing.NotYetComplete)
		s.want(t, sub.UUID, "ON_HOLD", true)
		s.stripe.pay(sub.CheckoutSessionID)
		complete(billing.Completed)
		s.want(t, sub.UUID, "UNBLOCKED", true)
		complete(billing.AlreadyCompleted)
		for _, id := range []string{"", "cs_nobody", sub.CheckoutSessionID + "'", strings.ToUpper(sub.CheckoutSessionID)} {
			if _, _, err := s.sell.CompleteSession(bg, s.a.buyer, id); fault.KindOf(err) != fault.NotFound {
				t.Errorf("session %q: %v", id, err)
			}
		}
	})
}

func TestMoneyOnItsWayWaits(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub := s.subscribe(t, s.a.gold)
	id, _ := s.stripe.payLater(sub.CheckoutSessionID)
	s.tell(t, "checkout.session.completed", sub.CheckoutSessionID)
	s.tell(t, "customer.subscription.updated", id)
	if got := s.want(t, sub.UUID, "ON_HOLD", true); got.Checkout != "processing" {
		t.Errorf("checkout = %s", got.Checkout)
	}
	s.stripe.settle(id)
	s.tell(t, "checkout.session.async_payment_succeeded", sub.CheckoutSessionID)
	s.want(t, sub.UUID, "UNBLOCKED", true)
}

func TestPortal(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub := s.subscribe(t, s.a.gold)
	if _, err := s.sell.PortalURL(bg, s.a.buyer, sub.UUID, s.a.domain); fault.KindOf(err) != fault.NotFound {
		t.Errorf("before anything was paid: %v", err)
	}
	s.stripe.pay(sub.CheckoutSessionID)
	s.tell(t, "checkout.session.completed", sub.CheckoutSessionID)
	s.working(t)
	for range 2 {
		url, err := s.sell.PortalURL(bg, s.a.buyer, sub.UUID, s.a.domain)
		if err != nil || !strings.HasPrefix(url, "https://billing.stripe.com/") {
			t.Errorf("portal = %q, %v", url, err)
		}
	}
	if s.stripe.portals != 1 {
		t.Errorf("the portal was configured %d times", s.stripe.portals)
	}
	if _, err := s.sell.PortalURL(bg, s.a.buyer, sub.UUID, s.b.domain); fault.KindOf(err) != fault.NotFound {
		t.Errorf("with the twin's domain: %v", err)
	}
}

func TestOnlyStripesPagesAreRedirectedTo(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub := s.subscribe(t, s.a.gold)
	try := func(url string) error {
		if _, err := s.db.NewUpdate().Model((*models.CheckoutSession)(nil)).Set("checkout_url = ?", url).Where("session_id = ?", sub.CheckoutSessionID).Exec(bg); err != nil {
			t.Fatal(err)
		}
		return errOf(s.sell.CheckoutURL(bg, s.a.buyer, sub.UUID))
	}
	evil := []string{
		"http://checkout.stripe.com/c", "https://checkout.stripe.com.evil.example/c", "https://evil.example/checkout.stripe.com", "//checkout.stripe.com/c",
		"https://checkout.stripe.com@evil.example/", "https://checkout.stripe.com:8443/c", "javascript:alert(1)", "https://evil.example\\@checkout.stripe.com/",
		"", "/c/pay", "https://checkout.stripe.com\r\nSet-Cookie: a=b", "HTTPS://CHECKOUT.STRIPE.COM.", "data:text/html,x",
	}
	for _, url := range evil {
		if err := try(url); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%q: %v", url, err)
		}
	}
	if err := try("https://checkout.stripe.com/c/pay/cs#x"); err != nil {
		t.Error(err)
	}
	s.sell.StripePages = "http://127.0.0.1:12111"
	for _, url := range append(evil, "https://checkout.stripe.com/c/pay/cs", "http://127.0.0.1:12112/c", "http://127.0.0.1:12111.evil.example/") {
		if err := try(url); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("with a sandbox, %q: %v", url, err)
		}
	}
	if err := try("http://127.0.0.1:12111/c/pay/cs"); err != nil {
		t.Error(err)
	}
}
