package billing_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

var bg = context.Background()

func TestAFreePlanIsActiveAtOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		sub := s.subscribe(t, s.a.free)
		s.want(t, sub.UUID, "UNBLOCKED", true)
		if len(s.stripe.ops) > 0 || s.flow(t, sub, models.WorkflowCreation) != models.WorkflowApproved {
			t.Errorf("Stripe was asked %v, workflow %s", s.stripe.ops, s.flow(t, sub, models.WorkflowCreation))
		}
		_, err := s.sell.Subscribe(bg, s.a.buyer, billing.SubscribeInput{Application: s.a.app, API: s.a.api, Policy: s.a.gold})
		var already *billing.AlreadySubscribed
		if !errors.As(err, &already) || already.Subscription != sub.UUID || fault.KindOf(err) != fault.Conflict {
			t.Errorf("subscribing again: %v", err)
		}
		if err := s.sell.Cancel(bg, s.a.buyer, sub.UUID, billing.CancelNow); err != nil {
			t.Fatal(err)
		}
		ended := s.want(t, sub.UUID, "BLOCKED", false)
		if s.flow(t, sub, models.WorkflowDeletion) != models.WorkflowApproved || ended.EndedAt.IsZero() {
			t.Errorf("ended = %+v", ended)
		}
		if again := s.subscribe(t, s.a.free); again.UUID == sub.UUID {
			t.Error("an ended subscription was revived")
		}
	})
}

func TestAPaidPlanWaitsForItsCheckout(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		sub := s.subscribe(t, s.a.gold)
		sub = s.want(t, sub.UUID, "ON_HOLD", true)
		session := s.stripe.sessions[sub.CheckoutSessionID]
		if sub.Checkout != "open" || sub.CheckoutExpiresAt != models.At(session.ExpiresAt) || sub.PriceVersionID != s.a.version || sub.Account != s.a.account {
			t.Fatalf("subscription = %+v", sub)
		}
		meta := session.Metadata
		if meta["subscription"] != sub.UUID || meta["tenantDomain"] != s.a.domain || meta["installation"] != "inst-1" || meta["workflowReference"] != session.ClientReference {
			t.Errorf("metadata = %v, reference %q", meta, session.ClientReference)
		}
		customer := s.stripe.customers[session.Customer]
		if customer.Email != "ada@"+s.a.domain || customer.Metadata["application"] != s.a.app {
			t.Errorf("customer = %+v", customer)
		}
		url, err := s.sell.CheckoutURL(bg, s.a.buyer, sub.UUID)
		if err != nil || url != session.URL {
			t.Errorf("url = %q, %v", url, err)
		}
		stripeSub, _ := s.stripe.pay(sub.CheckoutSessionID)
		e := s.tell(t, "checkout.session.completed", sub.CheckoutSessionID)
		paid := s.want(t, sub.UUID, "UNBLOCKED", true)
		if paid.StripeSubscriptionID != stripeSub || paid.Checkout != "none" || paid.PeriodEnd.IsZero() || paid.ActivatedAt.IsZero() {
			t.Errorf("paid = %+v", paid)
		}
		if got := s.outcome(t, e); got.State != models.EventDone || !strings.Contains(got.Outcome, "Active") {
			t.Errorf("event = %+v", got)
		}
		if s.flow(t, sub, models.WorkflowCreation) != models.WorkflowApproved || s.audited(t, "subscription.activated") != 1 {
			t.Error("the activation is not on record, or twice")
		}
		if _, err := s.sell.CheckoutURL(bg, s.a.buyer, sub.UUID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a paid checkout can be paid again: %v", err)
		}
		rows, err := models.StripeSubscriptionsOf(bg, db, sub.ID)
		if err != nil || len(rows) != 1 || rows[0].SubscriptionID != stripeSub || rows[0].PriceID != "price_gold" {
			t.Errorf("links = %+v, %v", rows, err)
		}
	})
}

// Two subscriptions of one application share the customer; another application has its own.
func TestOneCustomerPerApplicationAndAccount(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	one := int64(1)
	second := &models.API{UUID: models.NewID(), Provider: "pub", Name: "Maps", APIVersion: "v1", Context: "maps", Type: models.TypeAPI, Organization: s.a.domain, Status: models.APIPublished, TenantID: s.a.tenant, OwnerID: s.a.publisher.Person, Monetization: models.MonetizationOn, Live: &one}
	var first models.API
	if err := s.db.NewSelect().Model(&first).Where("api_id = ?", s.a.apiID).Scan(bg); err != nil {
		t.Fatal(err)
	}
	second.ConnectedAccountID = first.ConnectedAccountID
	stockUp(t, s.db, second)
	var gold models.Policy
	if err := s.db.NewSelect().Model(&gold).Where("uuid = ?", s.a.gold).Scan(bg); err != nil {
		t.Fatal(err)
	}
	stockUp(t, s.db, &models.Offer{APIID: second.ID, PolicyID: gold.ID, AttachedAt: 1}, &models.MonetizedPlan{APIID: second.ID, TierName: "Gold", StripeProductID: "prod_2", StripePlanID: "price_maps", TenantID: s.a.tenant, PolicyID: gold.ID, PriceVersionID: s.a.version, Component: "fixed", Currency: "usd", Account: s.a.account, State: models.PushLive})
	for _, in := range []billing.SubscribeInput{{Application: s.a.app, API: s.a.api}, {Application: s.a.app, API: second.UUID}, {Application: s.a.app2, API: s.a.api}} {
		in.Policy = s.a.gold
		if _, err := s.sell.Subscribe(bg, s.a.buyer, in); err != nil {
			t.Fatal(err)
		}
	}
	s.work(t)
	if len(s.stripe.customers) != 2 || len(s.stripe.payable()) != 3 {
		t.Errorf("%d customers and %d checkouts, want 2 and 3", len(s.stripe.customers), len(s.stripe.payable()))
	}
	mine, err := s.sell.Mine(bg, s.a.buyer, billing.ListQuery{Limit: 2})
	if err != nil || len(mine.Rows) != 2 || mine.Next == 0 || mine.Rows[0].Title() == "" {
		t.Fatalf("first page = %+v, %v", mine, err)
	}
	rest, err := s.sell.Mine(bg, s.a.buyer, billing.ListQuery{Limit: 2, Before: mine.Next})
	if err != nil || len(rest.Rows) != 1 || rest.Next != 0 {
		t.Errorf("second page = %+v, %v", rest, err)
	}
	for search, want := range map[string]int{"mApS": 1, "weather": 2, "100%": 0, "ada": 3, "": 3} {
		if got, err := s.sell.ToMyAPIs(bg, s.a.publisher, billing.ListQuery{Search: search}); err != nil || len(got.Rows) != want {
			t.Errorf("search %q: %d rows, %v; want %d", search, len(got.Rows), err, want)
		}
	}
}

func TestOneLiveSubscriptionPerApplicationAndAPI(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		var wait sync.WaitGroup
		var mu sync.Mutex
		made, refused := 0, 0
		for range 8 {
			wait.Go(func() {
				_, err := s.sell.Subscribe(bg, s.a.buyer, billing.SubscribeInput{Application: s.a.app, API: s.a.api, Policy: s.a.gold})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					made++
				case fault.KindOf(err) == fault.Conflict:
					refused++
				default:
					t.Error(err)
				}
			})
		}
		wait.Wait()
		s.work(t)
		if made != 1 || refused != 7 || len(s.stripe.sessions) != 1 || len(s.stripe.customers) != 1 {
			t.Errorf("%d made, %d refused, %d sessions, %d customers", made, refused, len(s.stripe.sessions), len(s.stripe.customers))
		}
	})
}

func TestAnUnpaidCheckoutExpiresAndStartsAgainOnTheSameRow(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		first := s.subscribe(t, s.a.gold)
		s.wait(24 * time.Hour)
		s.tell(t, "checkout.session.expired", first.CheckoutSessionID)
		expired := s.want(t, first.UUID, "REJECTED", true)
		if expired.Checkout != "expired" || s.flow(t, first, models.WorkflowCreation) != models.WorkflowRejected {
			t.Fatalf("expired = %+v", expired)
		}
		if got := s.sell.StateOf(expired); got.Label != "Canceled: not paid in time" {
			t.Errorf("label = %q", got.Label)
		}
		again := s.subscribe(t, s.a.gold)
		if again.UUID != first.UUID || again.Checkout != "open" || again.CheckoutSessionID == first.CheckoutSessionID {
			t.Fatalf("again = %+v", again)
		}
		s.stripe.pay(again.CheckoutSessionID)
		s.tell(t, "checkout.session.completed", again.CheckoutSessionID)
		s.want(t, first.UUID, "UNBLOCKED", true)
		s.tell(t, "checkout.session.expired", first.CheckoutSessionID) // late, of the old session
		s.want(t, first.UUID, "UNBLOCKED", true)
	})
}

func TestACheckoutThatStripeRefusesSaysWhyAndCanBeStartedAgain(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"customer", "open"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, testdb.New(t))
			s.stripe.refuse[op] = &billing.Refused{Status: 400, Message: "This account cannot charge."}
			sub := s.want(t, s.subscribe(t, s.a.gold).UUID, "REJECTED", true)
			if sub.Checkout != "failed" || sub.CheckoutProblem != "This account cannot charge." || s.flow(t, sub, models.WorkflowCreation) != models.WorkflowRejected {
				t.Fatalf("refused = %+v", sub)
			}
			delete(s.stripe.refuse, op)
			if _, err := s.sell.StartAgain(bg, s.a.buyer, sub.UUID); err != nil {
				t.Fatal(err)
			}
			s.work(t)
			if sub = s.want(t, sub.UUID, "ON_HOLD", true); sub.Checkout != "open" || sub.CheckoutProblem != "" {
				t.Errorf("again = %+v", sub)
			}
		})
	}
}

// Whatever is cut off, before or after its effect, once or twice: one customer and
// one payable checkout come of one wish, and one subscription of one payment.
func TestACutConnectionMakesNothingTwice(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"customer", "open", "list subscriptions", "read session", "list invoices"} {
		for how := 1; how <= 2; how++ {
			for times := 1; times <= 2; times++ {
				s := openShop(t, testdb.New(t))
				left := times
				s.stripe.cut = func(got string) int {
					if got != op || left == 0 {
						return 0
					}
					left--
					return how
				}
				sub := s.subscribe(t, s.a.gold)
				if len(s.stripe.payable()) != 1 || len(s.stripe.customers) != 1 || sub.Checkout != "open" {
					t.Fatalf("%s cut %d× (%d): %d checkouts, %d customers, checkout %s", op, times, how, len(s.stripe.payable()), len(s.stripe.customers), sub.Checkout)
				}
				left = times
				s.stripe.pay(sub.CheckoutSessionID)
				s.tell(t, "checkout.session.completed", sub.CheckoutSessionID)
				s.want(t, sub.UUID, "UNBLOCKED", true)
				if len(s.stripe.misused) > 0 {
					t.Fatalf("keys with two bodies: %v", s.stripe.misused)
				}
			}
		}
	}
}

func TestNothingOfOthersIsThere(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub := s.subscribe(t, s.a.gold)
	s.stripe.pay(sub.CheckoutSessionID)
	s.tell(t, "checkout.session.completed", sub.CheckoutSessionID)
	for name, who := range map[string]struct {
		seller
		buyer bool
	}{"another subscriber": {s.a, false}, "the twin tenant's subscriber": {s.b, true}} {
		actor := who.other
		if who.buyer {
			actor = who.seller.buyer
		}
		uuid := sub.UUID
		for what, err := range map[string]error{
			"Overview":        errOf(s.sell.Overview(bg, actor, uuid)),
			"CheckoutURL":     errOf(s.sell.CheckoutURL(bg, actor, uuid)),
			"StartAgain":      errOf(s.sell.StartAgain(bg, actor, uuid)),
			"Cancel":          s.sell.Cancel(bg, actor, uuid, billing.CancelNow),
			"Resume":          s.sell.Resume(bg, actor, uuid),
			"Refresh":         s.sell.Refresh(bg, actor, uuid),
			"PortalURL":       errOf(s.sell.PortalURL(bg, actor, uuid, actor.Domain)),
			"PortalURL of A":  errOf(s.sell.PortalURL(bg, actor, uuid, s.a.domain)),
			"Invoices":        errOf(s.sell.Invoices(bg, actor, uuid)),
			"CompleteSession": errOf3(s.sell.CompleteSession(bg, actor, sub.CheckoutSessionID)),
			"Subscribe":       errOf(s.sell.Subscribe(bg, actor, billing.SubscribeInput{Application: s.a.app, API: s.a.api, Policy: s.a.free})),
		} {
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s by %s: %v, want not found", what, name, err)
			}
		}
		if got, err := s.sell.Mine(bg, actor, billing.ListQuery{}); err != nil || len(got.Rows) > 0 {
			t.Errorf("%s sees %+v, %v", name, got, err)
		}
		if got, err := s.sell.MyInvoices(bg, actor, "", 0); err != nil || len(got.Rows) > 0 {
			t.Errorf("%s sees %+v, %v", name, got, err)
		}
	}
	if got, err := s.sell.ToMyAPIs(bg, s.b.publisher, billing.ListQuery{}); err != nil || len(got.Rows) > 0 {
		t.Errorf("the twin's publisher sees %+v, %v", got, err)
	}
	if _, err := s.sell.SubscriptionOfMyAPI(bg, s.b.publisher, sub.UUID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the twin's publisher: %v", err)
	}
	if _, err := s.sell.SubscriptionOfMyAPI(bg, s.a.publisher, sub.UUID); err != nil {
		t.Errorf("the publisher: %v", err)
	}
	s.want(t, sub.UUID, "UNBLOCKED", true)
}

func errOf[T any](_ T, err error) error          { return err }
func errOf3[T, U any](_ T, _ U, err error) error { return err }

func TestWhatIsNotForSaleIsNotSold(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	for name, in := range map[string]billing.SubscribeInput{
		"no plan":         {Application: s.a.app, API: s.a.api},
		"no application":  {API: s.a.api, Policy: s.a.gold},
		"another's plan":  {Application: s.a.app, API: s.a.api, Policy: s.b.gold},
		"another's API":   {Application: s.a.app, API: s.b.api, Policy: s.a.gold},
		"a plan off sale": {Application: s.a.app, API: s.a.api, Policy: s.a.gold},
	} {
		if name == "a plan off sale" {
			if _, err := s.db.NewUpdate().Model((*models.MonetizedPlan)(nil)).Set("state = ?", models.PushArchived).Where("tenant_id = ?", s.a.tenant).Exec(bg); err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.sell.Subscribe(bg, s.a.buyer, in)
		if k := fault.KindOf(err); k != fault.Invalid && k != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := s.db.NewSelect().Model((*models.Subscription)(nil)).Count(bg); err != nil || n > 0 {
		t.Errorf("%d subscriptions, %v", n, err)
	}
}
