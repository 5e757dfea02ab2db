package billing_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/clock"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// A ledger is a till that also keeps products, prices, meters and events, and
// shows everything that an account has.
type ledger struct {
	*till
	products map[string]*billing.Product
	prices   map[string]*billing.Price
	meters   map[string]*billing.Meter
	refunds  map[string]*billing.Refund
	disputes map[string]*billing.Dispute
	charges  map[string]billing.Charge
	metadata map[string]map[string]string // of customers made by hand
	deleted  map[string]bool              // customers
	events   []billing.Envelope           // that could not be delivered
	barred   map[string]bool              // accounts that let nobody in
	dumb     map[string]bool              // accounts that do not answer
	asked    map[string]int               // listings, by account
}

func newLedger(b *till) *ledger {
	return &ledger{
		till: b, products: map[string]*billing.Product{}, prices: map[string]*billing.Price{}, meters: map[string]*billing.Meter{},
		refunds: map[string]*billing.Refund{}, disputes: map[string]*billing.Dispute{}, charges: map[string]billing.Charge{},
		metadata: map[string]map[string]string{}, deleted: map[string]bool{}, barred: map[string]bool{}, dumb: map[string]bool{}, asked: map[string]int{},
	}
}

// listed are those of all that are in an account, said by say.
func listed[S, T any](l *ledger, at accounts.StripeAccount, op string, all map[string]S, say func(id string, one S) T) ([]T, error) {
	if l.barred[at.Connected] {
		return nil, &billing.Barred{Status: 403, Message: "The account does not exist, or access was revoked."}
	}
	if l.dumb[at.Connected] {
		return nil, errLine
	}
	return ring(l.till, op, "", at, func() ([]T, error) {
		l.asked[at.Connected]++
		out := []T{}
		for _, id := range slices.Sorted(maps.Keys(all)) {
			if l.at[id] == at {
				out = append(out, say(id, all[id]))
			}
		}
		return out, nil
	})
}

func whole[T any](_ string, one *T) T { return *one }

func (l *ledger) Products(_ context.Context, at accounts.StripeAccount) ([]billing.Product, error) {
	return listed(l, at, "products", l.products, whole)
}

func (l *ledger) Prices(_ context.Context, at accounts.StripeAccount) ([]billing.Price, error) {
	return listed(l, at, "prices", l.prices, whole)
}

func (l *ledger) Meters(_ context.Context, at accounts.StripeAccount) ([]billing.Meter, error) {
	return listed(l, at, "meters", l.meters, whole)
}

func (l *ledger) Subscriptions(_ context.Context, at accounts.StripeAccount) ([]billing.Subscription, error) {
	return listed(l, at, "all subscriptions", l.subs, whole)
}

func (l *ledger) OpenCheckouts(_ context.Context, at accounts.StripeAccount) ([]billing.CheckoutSession, error) {
	all, err := listed(l, at, "open checkouts", l.sessions, whole)
	return slices.DeleteFunc(all, func(s billing.CheckoutSession) bool { return s.Status != billing.CheckoutOpen }), err
}

func (l *ledger) customer(id string, in billing.CustomerInput) billing.Customer {
	c := billing.Customer{ID: id, Name: in.Name, Email: in.Email, Metadata: in.Metadata, Deleted: l.deleted[id]}
	return c
}

func (l *ledger) Customers(_ context.Context, at accounts.StripeAccount) ([]billing.Customer, error) {
	all, err := listed(l, at, "customers", l.customers, l.customer)
	return slices.DeleteFunc(all, func(c billing.Customer) bool { return c.Deleted }), err
}

func (l *ledger) Customer(_ context.Context, at accounts.StripeAccount, id string) (billing.Customer, error) {
	return ring(l.till, "read customer", "", id, func() (billing.Customer, error) {
		in, ok := l.customers[id]
		if !ok || l.at[id] != at {
			return billing.Customer{}, noSuch("customer", id)
		}
		return l.customer(id, in), nil
	})
}

func (l *ledger) DeleteCustomer(_ context.Context, at accounts.StripeAccount, key, id string) error {
	_, err := ring(l.till, "delete customer", key, id, func() (bool, error) { l.deleted[id] = true; return true, nil })
	return err
}

func (l *ledger) RefundsSince(_ context.Context, at accounts.StripeAccount, _ time.Time) ([]billing.Refund, error) {
	return listed(l, at, "refunds", l.refunds, whole)
}

func (l *ledger) DisputesSince(_ context.Context, at accounts.StripeAccount, _ time.Time) ([]billing.Dispute, error) {
	return listed(l, at, "disputes", l.disputes, whole)
}

func (l *ledger) Charge(_ context.Context, at accounts.StripeAccount, id string) (billing.Charge, error) {
	return ring(l.till, "read charge", "", id, func() (billing.Charge, error) {
		if l.at[id] != at {
			return billing.Charge{}, noSuch("charge", id)
		}
		return l.charges[id], nil
	})
}

func (l *ledger) RefundByID(_ context.Context, _ accounts.StripeAccount, id string) (billing.Refund, error) {
	return ring(l.till, "read refund", "", id, func() (billing.Refund, error) { return *l.refunds[id], nil })
}

func (l *ledger) Dispute(_ context.Context, _ accounts.StripeAccount, id string) (billing.Dispute, error) {
	return ring(l.till, "read dispute", "", id, func() (billing.Dispute, error) { return *l.disputes[id], nil })
}

func (l *ledger) Events(_ context.Context, at accounts.StripeAccount, since time.Time, undelivered bool) ([]billing.Envelope, error) {
	all, err := listed(l, at, "events", map[string]bool{}, func(string, bool) billing.Envelope { return billing.Envelope{} })
	for i := len(l.events) - 1; i >= 0 && err == nil; i-- {
		if e := l.events[i]; e.Account == at.Connected && undelivered && !e.Created.Before(since) {
			all = append(all, e)
		}
	}
	return all, err
}

func (l *ledger) SaveProduct(_ context.Context, at accounts.StripeAccount, key string, in billing.Product) error {
	_, err := ring(l.till, "save product", key, in, func() (bool, error) {
		in.Created = l.now()
		if before, ok := l.products[in.ID]; ok {
			in.Created = before.Created
		}
		l.products[in.ID], l.at[in.ID] = &in, at
		return true, nil
	})
	return err
}

func (l *ledger) ArchiveProduct(_ context.Context, _ accounts.StripeAccount, key, id string) error {
	_, err := ring(l.till, "archive product", key, id, func() (bool, error) { l.products[id].Archived = true; return true, nil })
	return err
}

func (l *ledger) CreatePrice(_ context.Context, at accounts.StripeAccount, key string, in billing.PriceInput) (string, error) {
	return ring(l.till, "create price", key, in, func() (string, error) {
		want := billing.Price{Product: in.Product, LookupKey: in.LookupKey, Nickname: in.Nickname, Active: true, Amount: in.Amount, Rate: in.Rate, Meter: in.Meter, Cycle: in.Cycle, Metadata: in.Metadata}
		for _, p := range l.prices {
			if p.LookupKey == in.LookupKey && l.at[p.ID] == at && p.Amount == in.Amount && p.Rate.String() == in.Rate.String() && p.Product == in.Product {
				p.Active = true
				return p.ID, nil
			}
		}
		want.ID, want.Created = l.id("price", at), l.now()
		l.prices[want.ID] = &want
		return want.ID, nil
	})
}

func (l *ledger) SetPriceActive(_ context.Context, _ accounts.StripeAccount, key, id string, active bool) error {
	_, err := ring(l.till, "price active", key, []any{id, active}, func() (bool, error) { l.prices[id].Active = active; return true, nil })
	return err
}

func (l *ledger) EnsureMeter(_ context.Context, at accounts.StripeAccount, key string, in billing.MeterInput) (string, error) {
	return ring(l.till, "meter", key, in, func() (string, error) {
		for _, m := range l.meters {
			if m.EventName == in.EventName && l.at[m.ID] == at {
				m.Active = true
				return m.ID, nil
			}
		}
		id := l.id("mtr", at)
		l.meters[id] = &billing.Meter{ID: id, EventName: in.EventName, Name: in.Name, Active: true, Created: l.now()}
		return id, nil
	})
}

func (l *ledger) DeactivateMeter(_ context.Context, _ accounts.StripeAccount, key, id string) error {
	_, err := ring(l.till, "stop meter", key, id, func() (bool, error) { l.meters[id].Active = false; return true, nil })
	return err
}

// An office is a shop whose books are compared.
type office struct {
	*shop
	ledger *ledger
	rec    *billing.Reconciler
	sales  *billing.Sales
}

// openOffice opens a shop where Gold is really sold: its product and its price
// stand in the ledger as a push made them, and a second plan counts calls.
func openOffice(t testing.TB, db *bun.DB) *office {
	t.Helper()
	o := &office{shop: openShop(t, db)}
	o.ledger = newLedger(o.stripe)
	wall := clock.NewWall(o.now)
	o.jobs = &outbox.Runner{DB: db, Wall: wall, Business: clock.NewBusiness(wall), Workers: 1}
	o.sell.Engine, o.sell.Jobs = o.ledger, o.jobs
	o.inbox.Engine, o.inbox.Jobs = o.ledger, o.jobs
	o.sales = &billing.Sales{DB: db, Engine: o.ledger, Wall: wall, Installation: "inst-1", Jobs: o.jobs, Accounts: &accounts.ConnectedAccounts{DB: db, Wall: wall}}
	o.rec = o.reconciler()
	o.sell.Register(o.jobs)
	o.sales.Register(o.jobs)
	o.rec.Register(o.jobs)
	for _, s := range []*seller{&o.a, &o.b} {
		o.shelve(t, s)
	}
	return o
}

// reconciler is a reconciler of a process that has just started.
func (o *office) reconciler() *billing.Reconciler {
	return &billing.Reconciler{Subscriptions: o.sell, Inbox: o.inbox}
}

// shelve sells Gold and a metered plan for real, in both accounts.
func (o *office) shelve(t testing.TB, s *seller) {
	t.Helper()
	ctx, one, at := context.Background(), int64(1), models.At(o.now())
	payg := &models.Policy{
		Name: "Payg", DisplayName: "Payg", TenantID: s.tenant, QuotaType: "requestCount", UnitTime: 1, TimeUnit: "min", CustomAttributes: map[string]string{},
		BillingPlan: models.PlanCommercial, MonetizationPlan: models.DynamicRate, PricePerRequest: "0.002", BillingCycle: "month", Currency: "usd",
		UUID: models.NewID(), PermissionRoles: []string{}, CreatedAt: at, UpdatedAt: at, Live: &one,
	}
	stockUp(t, o.db, payg)
	version := models.NewID()
	stockUp(t, o.db, &models.Offer{APIID: s.apiID, PolicyID: payg.ID, AttachedAt: at},
		&models.PriceVersion{ID: version, TenantID: s.tenant, PolicyID: payg.ID, Number: 1, Model: models.DynamicRate, Currency: "usd", UnitPrice: "0.002", BillingCycle: "month", CreatedBy: "x", CreatedAt: at},
		&models.MonetizedPlan{APIID: s.apiID, TierName: "Payg", TenantID: s.tenant, PolicyID: payg.ID, PriceVersionID: version, Component: "usage", Currency: "usd", Account: s.account, State: models.PushPushing},
		&models.PlatformPlan{PolicyUUID: payg.UUID, TenantID: s.tenant, PriceVersionID: version, State: models.PushPushing},
		&models.PlatformPlan{PolicyUUID: s.gold, TenantID: s.tenant, PriceVersionID: s.version, State: models.PushPushing})
	gold, err := models.PolicyByUUID(ctx, o.db, s.tenant, s.gold)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := models.MonetizedPlansOf(ctx, o.db, s.apiID)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		r.State, r.StripePlanID, r.StripeProductID = models.PushPushing, "", ""
		if err := models.SaveMonetizedPlan(ctx, o.db, &r); err != nil {
			t.Fatal(err)
		}
	}
	for _, task := range []outbox.Task{billing.PushSale{API: s.apiID}, billing.PushPlan{Policy: gold.ID}, billing.PushPlan{Policy: payg.ID}} {
		o.promise(t, s.tenant, task)
	}
	o.work(t)
}

func (o *office) promise(t testing.TB, tenant models.TenantID, task outbox.Task) {
	t.Helper()
	err := models.InTx(context.Background(), o.db, func(ctx context.Context, tx bun.Tx) error {
		_, err := outbox.Stage(ctx, tx, tenant, o.now(), task)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// look runs one round of comparisons and everything that they stage.
func (o *office) look(t testing.TB) {
	t.Helper()
	if _, err := o.rec.RunOnce(context.Background()); err != nil {
		t.Fatal(err)
	}
	o.work(t)
}

// after waits and looks.
func (o *office) after(t testing.TB, d time.Duration) { t.Helper(); o.wait(d); o.look(t) }

// agreement is what tenant a's admin sees.
func (o *office) agreement(t testing.TB) billing.Agreement {
	t.Helper()
	got, err := o.rec.Agreement(context.Background(), accounts.System(o.a.tenant, o.a.domain), 100)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// differences are the open ones as "type field", sorted.
func (o *office) differences(t testing.TB) []string {
	t.Helper()
	out := []string{}
	for _, d := range o.agreement(t).Open {
		out = append(out, d.ObjectType+" "+d.Field)
	}
	slices.Sort(out)
	return out
}

// sees fails t unless exactly these differences are open.
func (o *office) sees(t testing.TB, want ...string) {
	t.Helper()
	if got := o.differences(t); !slices.Equal(got, append([]string{}, want...)) {
		t.Fatalf("differences %q, want %q\n%+v", got, want, o.agreement(t).Open)
	}
}

// paid is a subscription of a's buyer to Gold that was paid and is known.
func (o *office) paid(t testing.TB) (models.Subscription, *billing.Subscription, string) {
	t.Helper()
	sub := o.subscribe(t, o.a.gold)
	id, invoice := o.stripe.pay(sub.CheckoutSessionID)
	o.stripe.subs[id].Items[0].Price = o.goldPrice(t)
	o.tell(t, "customer.subscription.created", id)
	return o.want(t, sub.UUID, "UNBLOCKED", true), o.stripe.subs[id], invoice
}

// goldPrice is the Stripe price of Gold in a's account.
func (o *office) goldPrice(t testing.TB) string {
	t.Helper()
	for _, r := range o.monetized(t) {
		if r.TierName == "Gold" {
			return r.StripePlanID
		}
	}
	t.Fatal("Gold is not sold")
	return ""
}

func (o *office) monetized(t testing.TB) []models.MonetizedPlan {
	t.Helper()
	rows, err := models.MonetizedPlansOf(context.Background(), o.db, o.a.apiID)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// byHand makes a subscription at Stripe that nobody here asked for.
func (o *office) byHand(at accounts.StripeAccount, customer, status string, metadata map[string]string, price string) *billing.Subscription {
	l, now := o.ledger, o.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &billing.Subscription{
		ID: l.id("sub", at), Status: status, Customer: customer, Metadata: metadata, Created: now,
		Items: []billing.Item{{ID: l.id("si", at), Price: price, Quantity: 1, PeriodStart: now, PeriodEnd: now.AddDate(0, 1, 0)}},
	}
	l.subs[s.ID] = s
	return s
}
