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
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/money"
)

func connectedA(o *office) accounts.StripeAccount {
	return accounts.StripeAccount{Tenant: o.a.tenant, Connected: o.a.account}
}

func TestNothingDiffersWhereNothingWasChanged(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o := openOffice(t, db)
		sub, _, _ := o.paid(t)
		o.look(t)
		o.sees(t)
		got := o.agreement(t)
		if len(got.Comparisons) != 6 || got.LastLooked.IsZero() || got.OpenCount != 0 {
			t.Fatalf("%+v", got)
		}
		for _, c := range got.Comparisons {
			if c.Problem != "" || c.Found != 0 || c.FinishedAt.IsZero() || c.AccountName == "" && c.Account != "" {
				t.Errorf("%+v", c)
			}
		}
		ops := len(o.stripe.ops)
		if o.look(t); len(o.stripe.ops) != ops {
			t.Errorf("asked again though nothing is due: %q", o.stripe.ops[ops:])
		}
		after := o.row(t, sub.UUID)
		if after.Live, sub.Live = nil, nil; after != sub {
			t.Errorf("a comparison wrote state: %+v", after)
		}
	})
}

// Every webhook is lost, and yet all is as it is at Stripe within one period of
// comparison.
func TestWhatNoWebhookToldIsHealed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(o *office, s *billing.Subscription)
		status  string
		live    bool
		fields  []string
	}{
		"canceled":     {func(o *office, s *billing.Subscription) { o.stripe.end(s.ID, "payment_failed") }, "BLOCKED", false, []string{"subscription status"}},
		"not paid":     {func(o *office, s *billing.Subscription) { o.stripe.renew(s.ID, false) }, "BLOCKED", true, []string{"subscription period", "subscription status"}},
		"renewed":      {func(o *office, s *billing.Subscription) { o.stripe.renew(s.ID, true) }, "UNBLOCKED", true, []string{"subscription period"}},
		"ends by hand": {func(o *office, s *billing.Subscription) { s.CancelAt = s.Items[0].PeriodEnd }, "", true, []string{"subscription cancel_at"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t, testdb.New(t))
			sub, theirs, _ := o.paid(t)
			o.look(t)
			c.happens(o, theirs)
			o.after(t, 24*time.Hour)
			o.sees(t, c.fields...)
			for _, d := range o.agreement(t).Open {
				if d.AMSubscriptionID != sub.ID || d.Ours == d.Theirs || d.Remedy == "" || d.Name == "" {
					t.Errorf("%+v", d)
				}
			}
			after := o.row(t, sub.UUID)
			if after.StripeStatus != theirs.Status || after.CancelAt != models.At(theirs.CancelAt) || (after.Live != nil) != c.live || c.status != "" && c.live && after.Status != c.status {
				t.Errorf("%+v", after)
			}
			o.after(t, 15*time.Minute)
			o.sees(t)
			if healed := o.agreement(t).Healed; len(healed) != len(c.fields) || healed[0].HealedAt.IsZero() {
				t.Errorf("healed %+v", healed)
			}
		})
	}
}

func TestWhatAPersonChangedAtStripeIsShownAndLeft(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(s *billing.Subscription){
		"collection": func(s *billing.Subscription) { s.CollectionPaused = true },
		"items": func(s *billing.Subscription) {
			s.Items = append(s.Items, billing.Item{ID: "si_2", Price: "price_extra"})
		},
		"quantity": func(s *billing.Subscription) { s.Items[0].Quantity = 3 },
		"discount": func(s *billing.Subscription) { s.DiscountedAt = s.Created.Add(48 * time.Hour) },
		"metadata": func(s *billing.Subscription) { s.Metadata = map[string]string{} },
		"price":    func(s *billing.Subscription) { s.Items[0].Price = "price_foreign" },
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t, testdb.New(t))
			_, theirs, _ := o.paid(t)
			o.look(t)
			change(theirs)
			mine := *theirs
			o.after(t, 24*time.Hour)
			o.after(t, 15*time.Minute) // what our row takes over is healed by now
			o.sees(t, "subscription "+field)
			if d := o.agreement(t).Open[0]; billing.CareOf(d) == billing.CareOurs {
				t.Errorf("%+v", d)
			}
			if theirs.Status != mine.Status || theirs.CollectionPaused != mine.CollectionPaused || len(theirs.Items) != len(mine.Items) {
				t.Errorf("it was changed: %+v", theirs)
			}
		})
	}
}

func TestALostSubscriptionIsShown(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	sub, theirs, _ := o.paid(t)
	delete(o.stripe.subs, theirs.ID)
	o.after(t, 24*time.Hour)
	o.sees(t, "subscription existence")
	if d := o.agreement(t).Open[0]; d.AMSubscriptionID != sub.ID {
		t.Errorf("%+v", d)
	}
}

func TestAPaidCheckoutThatNobodyToldOfIsTakenUp(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	sub := o.subscribe(t, o.a.gold)
	id, _ := o.stripe.pay(sub.CheckoutSessionID)
	o.stripe.subs[id].Items[0].Price = o.goldPrice(t)
	o.look(t)
	o.want(t, sub.UUID, "UNBLOCKED", true)
	o.after(t, 15*time.Minute)
	o.sees(t)
}

func TestUndeliveredEventsAreFetchedOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		o := openOffice(t, db)
		sub, theirs, _ := o.paid(t)
		o.look(t)
		o.stripe.renew(theirs.ID, false)
		e := o.about("customer.subscription.updated", theirs.ID)
		o.ledger.events = append(o.ledger.events,
			billing.Envelope{ID: e.ID, Type: e.Type, Account: o.a.account, Created: o.now(), ObjectType: e.Object, ObjectID: e.ObjectID},
			billing.Envelope{ID: "evt_live", Type: e.Type, Account: o.a.account, Livemode: true, Created: o.now(), ObjectType: e.Object, ObjectID: e.ObjectID},
			billing.Envelope{ID: "evt_old", Type: e.Type, Account: o.a.account, Created: o.now().AddDate(0, 0, -31), ObjectType: e.Object, ObjectID: e.ObjectID})
		o.after(t, 11*time.Minute)
		o.want(t, sub.UUID, "BLOCKED", true)
		got := o.outcome(t, e)
		if got.Source != "fetched" || got.State != models.EventDone || got.BodySHA256 != "" {
			t.Errorf("%+v", got)
		}
		if live, err := models.StripeEventByID(context.Background(), o.db, o.a.tenant, "evt_live"); err != nil || live.State != models.EventIgnored {
			t.Errorf("of the other mode: %+v, %v", live, err)
		}
		if _, err := models.StripeEventByID(context.Background(), o.db, o.a.tenant, "evt_old"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("older than Stripe keeps: %v", err)
		}
		processed := got.ProcessedAt
		o.send(t, e) // it comes late after all
		o.after(t, 11*time.Minute)
		if again := o.outcome(t, e); again.ProcessedAt != processed || again.Source != "fetched" {
			t.Errorf("done twice: %+v", again)
		}
	})
}

func TestEventsAreFetchedWhenAProcessStarts(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	o.look(t)
	asked := o.ledger.asked[""]
	o.after(t, time.Minute)
	if o.ledger.asked[""] != asked {
		t.Error("asked again after a minute")
	}
	o.rec = o.reconciler()
	if _, err := o.rec.RunOnce(context.Background()); err != nil {
		t.Fatal(err)
	}
	o.work(t)
	if o.ledger.asked[""] == asked {
		t.Error("a new process did not ask for what came while there was none")
	}
}

func TestManyProcessesCompareOnce(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	for range 4 {
		if _, err := o.reconciler().RunOnce(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	open, err := models.OpenJobs(context.Background(), o.db, o.a.tenant, false, 100)
	if err != nil || len(open) != 6 {
		t.Errorf("%d jobs, want 6: %v", len(open), err)
	}
	o.work(t)
}

func TestAnAccountThatLetsNobodyInHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	o.ledger.barred[o.a.account], o.ledger.dumb[o.b.account] = true, true
	if _, err := o.rec.RunOnce(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := o.jobs.RunOnce(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, c := range o.agreement(t).Comparisons {
		if (c.Account == o.a.account) != strings.Contains(c.Problem, "does not let us in") {
			t.Errorf("%s %s: %q", c.Account, c.Kind, c.Problem)
		}
	}
	failed, err := models.OpenJobs(context.Background(), o.db, o.a.tenant, true, 10)
	if err != nil || len(failed) != 0 {
		t.Errorf("failed work: %+v, %v", failed, err)
	}
	o.ledger.barred, o.ledger.dumb = map[string]bool{}, map[string]bool{}
	o.after(t, 61*time.Minute)
	for _, c := range o.agreement(t).Comparisons {
		if c.Problem != "" {
			t.Errorf("still: %+v", c)
		}
	}
}

// However long Stripe is away, no work piles up.
func TestALongSilencePilesNothingUp(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	o.look(t)
	for _, account := range []string{"", o.a.account, o.b.account} {
		o.ledger.dumb[account] = true
	}
	ctx := context.Background()
	for range 40 {
		o.wait(time.Hour)
		if _, err := o.rec.RunOnce(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := o.jobs.RunOnce(ctx); err != nil {
			t.Fatal(err)
		}
		open, err := models.OpenJobs(ctx, o.db, o.a.tenant, false, 100)
		if err != nil || len(open) > 6 {
			t.Fatalf("%d jobs wait: %v", len(open), err)
		}
	}
	o.ledger.dumb = map[string]bool{}
	o.after(t, time.Hour)
	for _, c := range o.agreement(t).Comparisons {
		if c.Problem != "" || c.FinishedAt.IsZero() {
			t.Errorf("%+v", c)
		}
	}
}

func TestADeauthorizedAccountIsNotAsked(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	a, err := models.TenantConnectedAccount(context.Background(), o.db, o.a.tenant, o.a.account)
	if err != nil {
		t.Fatal(err)
	}
	a.DeauthorizedAt = models.At(o.now())
	if err := models.SaveConnectedAccount(context.Background(), o.db, a); err != nil {
		t.Fatal(err)
	}
	asked := o.ledger.asked[o.a.account]
	o.look(t)
	if o.ledger.asked[o.a.account] != asked {
		t.Error("it was asked")
	}
	for _, c := range o.agreement(t).Comparisons {
		if (c.Account != "") != strings.Contains(c.Problem, "taken our access away") {
			t.Errorf("%+v", c)
		}
	}
}

func TestRefundsAndDisputesOfOursAreFollowed(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	_, _, invoice := o.paid(t)
	at, l := connectedA(o), o.ledger
	l.mu.Lock()
	ours, foreign := l.id("ch", at), l.id("ch", at)
	l.charges[ours] = billing.Charge{ID: ours, InvoiceID: invoice, Amount: money.New(4900, usd), Paid: true}
	l.charges[foreign] = billing.Charge{ID: foreign, Amount: money.New(100, usd), Paid: true}
	for _, charge := range []string{ours, foreign} {
		r, d := l.id("re", at), l.id("dp", at)
		l.refunds[r] = &billing.Refund{ID: r, Charge: charge, Status: "succeeded", Amount: money.New(4900, usd), Created: o.now()}
		l.disputes[d] = &billing.Dispute{ID: d, Charge: charge, Status: "needs_response", Amount: money.New(4900, usd), Created: o.now()}
	}
	l.mu.Unlock()
	o.look(t)
	o.sees(t, "dispute status", "refund status")
	o.after(t, 15*time.Minute)
	o.sees(t)
	for _, d := range l.disputes {
		d.Status = "lost"
	}
	o.after(t, 24*time.Hour)
	o.sees(t, "dispute status")
	o.after(t, 15*time.Minute)
	o.sees(t)
}

func TestCompareNowIsForAdmins(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	ctx := context.Background()
	for _, who := range []accounts.Actor{o.a.publisher, o.a.buyer, {}} {
		if _, err := o.rec.Agreement(ctx, who, 10); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%s reads: %v", who.Name, err)
		}
		if err := o.rec.CompareNow(ctx, who, 0); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%s compares: %v", who.Name, err)
		}
	}
	_, theirs, _ := o.paid(t)
	o.look(t)
	theirs.CollectionPaused = true
	if err := o.rec.CompareNow(ctx, accounts.System(o.a.tenant, o.a.domain), 0); err != nil {
		t.Fatal(err)
	}
	o.work(t)
	if got := o.differences(t); !slices.Contains(got, "subscription collection") {
		t.Errorf("%q", got)
	}
	if o.audited(t, "agreement.compare_now") != 1 {
		t.Error("the audit does not say who asked")
	}
}

// What tenant b has differs too; a's admin sees none of it, and a's comparison
// touches none of it.
func TestDifferencesAreOfTheirTenantOnly(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	o.look(t)
	for _, p := range o.ledger.products {
		if o.ledger.at[p.ID].Tenant == o.b.tenant {
			p.Name = "Renamed"
		}
	}
	o.wait(24 * time.Hour)
	if _, err := o.rec.RunOnce(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := o.jobs.RunOnce(context.Background()); err != nil {
		t.Fatal(err)
	}
	o.sees(t)
	theirs, err := o.rec.Agreement(context.Background(), accounts.System(o.b.tenant, o.b.domain), 10)
	if err != nil || len(theirs.Open)+len(theirs.Healed) == 0 {
		t.Errorf("b sees %+v, %v", theirs, err)
	}
	counts, err := models.DriftCounts(context.Background(), o.db, nil)
	if err != nil || len(counts) == 0 || counts[0].Domain != o.b.domain {
		t.Errorf("%+v, %v", counts, err)
	}
	o.work(t)
}

// Somebody paid twice, by a session that we know nothing of: the second
// subscription is found, ended, and told of.
func TestASecondSubscriptionIsFoundAndEnded(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	sub, theirs, _ := o.paid(t)
	o.look(t)
	metadata := map[string]string{"installation": "inst-1", "subscription": sub.UUID}
	second := o.byHand(connectedA(o), theirs.Customer, "active", metadata, theirs.Items[0].Price)
	foreign := o.byHand(connectedA(o), "cus_of_somebody_else", "active", metadata, theirs.Items[0].Price)
	o.after(t, 24*time.Hour)
	o.sees(t, "subscription link")
	if second.Status != "canceled" || theirs.Status != "active" {
		t.Errorf("second %s, first %s", second.Status, theirs.Status)
	}
	o.after(t, 15*time.Minute)
	o.sees(t)
	if foreign.Status != "active" {
		t.Error("metadata alone ended somebody else's subscription")
	}
	o.want(t, sub.UUID, "UNBLOCKED", true)
}

// However often somebody looks, everything is compared once a night, and events
// are fetched every time that ten minutes are over.
func TestEverythingIsComparedOnceANight(t *testing.T) {
	t.Parallel()
	o := openOffice(t, testdb.New(t))
	o.look(t)
	from := len(o.stripe.ops)
	for range 3 * 24 {
		o.after(t, time.Hour)
		o.after(t, time.Second)
	}
	count := map[string]int{}
	for _, op := range o.stripe.ops[from:] {
		count[op]++
	}
	want := map[string]int{"all subscriptions": 3 * 2, "products": 3 * 4, "disputes": 3 * 2, "events": 3 * 24 * 4} // of two tenants, with an account each
	for op, n := range want {
		if count[op] != n {
			t.Errorf("%s was listed %d times, want %d", op, count[op], n)
		}
	}
}
