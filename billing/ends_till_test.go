package billing_test

import (
	"context"
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/models"
)

// Refund gives back what was paid for an invoice, once.
func (b *till) Refund(_ context.Context, at accounts.StripeAccount, key, invoice string) (billing.Refund, error) {
	return ring(b, "refund", key, invoice, func() (billing.Refund, error) {
		i := b.invoices[invoice]
		if i == nil || b.at[invoice] != at {
			return billing.Refund{}, noSuch("invoice", invoice)
		}
		if slices.Contains(b.returned, invoice) || i.Status != "paid" {
			return billing.Refund{}, &billing.Refused{Status: 400, Message: "Nothing was paid for it that could be given back."}
		}
		b.returned = append(b.returned, invoice)
		return billing.Refund{ID: b.id("re", at), Status: "succeeded", Amount: i.AmountPaid, Created: b.now()}, nil
	})
}

func (b *till) SetPriceActive(_ context.Context, _ accounts.StripeAccount, key, id string, active bool) error {
	_, err := ring(b, "price", key, []any{id, active}, func() (bool, error) { return active, nil })
	return err
}

func (b *till) ArchiveProduct(_ context.Context, _ accounts.StripeAccount, key, id string) error {
	_, err := ring(b, "product", key, id, func() (bool, error) { return true, nil })
	return err
}

// A closing is a shop with everybody who may take away what subscriptions hang on.
type closing struct {
	*shop
	t      *testing.T
	ends   *billing.Ends
	goods  *catalog.Service
	apps   *accounts.Applications
	people *accounts.People
	admin  accounts.Actor
}

func openClosing(t *testing.T, db *bun.DB) *closing {
	t.Helper()
	return closingOf(t, openShop(t, db))
}

func closingOf(t *testing.T, s *shop) *closing {
	t.Helper()
	o, db := &closing{shop: s, t: t}, s.db
	sales := &billing.Sales{DB: db, Engine: o.stripe, Wall: o.sell.Wall, Installation: "inst-1"}
	o.ends = &billing.Ends{Subscriptions: o.sell, Sales: sales}
	o.ends.Register(o.jobs)
	o.goods = &catalog.Service{DB: db, Wall: o.sell.Wall, Follow: sales, Ends: o.ends, Demo: true}
	o.apps = &accounts.Applications{DB: db, Wall: o.sell.Wall, Ends: o.ends}
	o.people = &accounts.People{DB: db, Wall: o.sell.Wall, Ends: o.ends}
	o.admin = o.boss(1, o.a.domain)
	return o
}

// boss adds an admin to a tenant.
func (o *closing) boss(tenant models.TenantID, domain string) accounts.Actor {
	p := models.Person{ID: models.NewID(), TenantID: tenant, Username: "mara", DisplayName: "Mara", State: "active", Theme: "system", CreatedAt: models.At(o.now())}
	stockUp(o.t, o.db, &p, &models.PersonRole{PersonID: p.ID, Role: "admin"})
	return accounts.Actor{Tenant: tenant, Domain: domain, Person: p.ID, Username: "mara", Name: "Mara", Roles: []accounts.Role{accounts.Admin}}
}

// stockedClosing has two subscriptions to the API: one that is paid, and one whose
// checkout is open.
func stockedClosing(t *testing.T, db *bun.DB) (o *closing, paid, open models.Subscription) {
	t.Helper()
	o = openClosing(t, db)
	paid, _ = o.paid(t)
	return o, paid, o.subscribeTo(o.a.app2)
}

// subscribeTo subscribes another application to Gold and lets its checkout be opened.
func (o *closing) subscribeTo(app string) models.Subscription {
	o.t.Helper()
	sub, err := o.sell.Subscribe(bg, o.a.buyer, billing.SubscribeInput{Application: app, API: o.a.api, Policy: o.a.gold})
	if err != nil {
		o.t.Fatal(err)
	}
	o.work(o.t)
	return o.row(o.t, sub.UUID)
}

// seen looks at what would end, and returns the consent of whoever has read it.
func (o *closing) seen(who accounts.Actor, t billing.EndTarget, how string, refund bool) accounts.Consent {
	o.t.Helper()
	p, err := o.ends.Preview(bg, who, t, 0)
	if err != nil {
		o.t.Fatal(err)
	}
	c := accounts.Consent{Seen: p.Seen, How: how, Refund: refund, Reason: "It is retired."}
	if t.Kind == models.EndOfApplication {
		c.Reason = ""
	}
	return c
}

// A way is one way in which somebody ends subscriptions: it looks at them, and ends them.
type way struct {
	target func(o *closing, paid models.Subscription) (accounts.Actor, billing.EndTarget)
	end    func(o *closing, paid models.Subscription, c accounts.Consent) (ending string, err error)
	how    string
	refund bool
	only   bool // ends the paid one only
}

func (o *closing) apiTarget(kind string) (accounts.Actor, billing.EndTarget) {
	return o.a.publisher, billing.EndTarget{Kind: kind, ID: o.a.api}
}

func target(kind string) func(*closing, models.Subscription) (accounts.Actor, billing.EndTarget) {
	return func(o *closing, _ models.Subscription) (accounts.Actor, billing.EndTarget) { return o.apiTarget(kind) }
}

func oneBy(as accounts.Role) func(*closing, models.Subscription) (accounts.Actor, billing.EndTarget) {
	return func(o *closing, paid models.Subscription) (accounts.Actor, billing.EndTarget) {
		return o.actor(as), billing.EndTarget{Kind: models.EndOfSubscription, ID: paid.UUID, As: as}
	}
}

func (o *closing) actor(as accounts.Role) accounts.Actor {
	if as == accounts.Admin {
		return o.admin
	}
	return o.a.publisher
}

func endOne(as accounts.Role) func(*closing, models.Subscription, accounts.Consent) (string, error) {
	return func(o *closing, paid models.Subscription, c accounts.Consent) (string, error) {
		return o.ends.EndOne(bg, o.actor(as), paid.UUID, as, c)
	}
}

func endSale(o *closing, _ models.Subscription, c accounts.Consent) (string, error) {
	ending, _, err := o.ends.EndSale(bg, o.a.publisher, o.a.api, c)
	return ending, err
}

func (o *closing) version(uuid string) int64 {
	p, err := models.PolicyByUUID(bg, o.db, o.a.tenant, uuid)
	if err != nil {
		o.t.Fatal(err)
	}
	return p.Version
}

func (o *closing) apiVersion() int64 {
	a, err := models.APIByUUID(bg, o.db, o.a.tenant, o.a.api)
	if err != nil {
		o.t.Fatal(err)
	}
	return a.Version
}

// ways are all of them.
var ways = map[string]way{
	"an application is deleted": {
		target: func(o *closing, _ models.Subscription) (accounts.Actor, billing.EndTarget) {
			return o.a.buyer, billing.EndTarget{Kind: models.EndOfApplication, ID: o.a.app}
		},
		end: func(o *closing, _ models.Subscription, c accounts.Consent) (string, error) {
			return o.apps.Delete(bg, o.a.buyer, o.a.app, c)
		},
		how:  models.EndsNow,
		only: true,
	},
	"an API is deleted":              {target: target(models.EndOfAPI), end: deleteAPI, how: models.EndsNow},
	"an API is deleted, with refund": {target: target(models.EndOfAPI), end: deleteAPI, how: models.EndsNow, refund: true},
	"a plan is deleted":              {target: planTarget, end: deletePlan, how: models.EndsNow, refund: true},
	"a plan is deleted later":        {target: planTarget, end: deletePlan, how: models.EndsWithPeriods},
	"a person is deleted": {
		target: func(o *closing, _ models.Subscription) (accounts.Actor, billing.EndTarget) {
			return o.admin, billing.EndTarget{Kind: models.EndOfPerson, ID: o.a.buyer.Person}
		},
		end: func(o *closing, _ models.Subscription, c accounts.Consent) (string, error) {
			return o.people.Delete(bg, o.admin, o.a.buyer.Person, c)
		},
		how: models.EndsNow,
	},
	"a sale ends later":           {target: target(models.EndOfSale), end: endSale, how: models.EndsWithPeriods},
	"a sale ends now":             {target: target(models.EndOfSale), end: endSale, how: models.EndsNow},
	"a sale ends, with refund":    {target: target(models.EndOfSale), end: endSale, how: models.EndsNow, refund: true},
	"a plan is taken off":         {target: offerTarget, end: detach, how: models.EndsNow, refund: true},
	"a publisher ends one later":  {target: oneBy(accounts.Publisher), end: endOne(accounts.Publisher), how: models.EndsWithPeriods, only: true},
	"a publisher ends one":        {target: oneBy(accounts.Publisher), end: endOne(accounts.Publisher), how: models.EndsNow, only: true},
	"an admin ends one, refunded": {target: oneBy(accounts.Admin), end: endOne(accounts.Admin), how: models.EndsNow, refund: true, only: true},
}

func deleteAPI(o *closing, _ models.Subscription, c accounts.Consent) (string, error) {
	saved, err := o.goods.DeleteAPI(bg, o.a.publisher, o.a.api, c)
	return saved.Ending, err
}

func planTarget(o *closing, _ models.Subscription) (accounts.Actor, billing.EndTarget) {
	return o.admin, billing.EndTarget{Kind: models.EndOfPlan, ID: o.a.gold}
}

func deletePlan(o *closing, _ models.Subscription, c accounts.Consent) (string, error) {
	saved, err := o.goods.DeletePlan(bg, o.admin, o.a.gold, o.version(o.a.gold), c)
	return saved.Ending, err
}

func offerTarget(o *closing, _ models.Subscription) (accounts.Actor, billing.EndTarget) {
	return o.a.publisher, billing.EndTarget{Kind: models.EndOfOffer, ID: o.a.api, Plans: []string{o.a.gold}}
}

func detach(o *closing, _ models.Subscription, c accounts.Consent) (string, error) {
	saved, err := o.goods.OfferPlansEnding(bg, o.a.publisher, o.a.api, o.apiVersion(), []string{o.a.free}, c)
	return saved.Ending, err
}

// agree checks that Stripe's living subscriptions and ours match one to one, and
// that nothing can be paid that is over here.
func (o *closing) agree(told string) {
	o.t.Helper()
	var rows []models.Subscription
	if err := o.db.NewSelect().Model(&rows).Where("sub.live = 1").Scan(bg); err != nil {
		o.t.Fatal(err)
	}
	var ours, payable []string
	for _, r := range rows {
		if r.StripeSubscriptionID != "" {
			ours = append(ours, r.StripeSubscriptionID)
		}
		if r.Checkout == "open" {
			payable = append(payable, r.CheckoutSessionID)
		}
	}
	slices.Sort(ours)
	slices.Sort(payable)
	if theirs := o.stripe.living(); !slices.Equal(theirs, ours) {
		o.t.Errorf("%s: %v live at Stripe, and %v here", told, theirs, ours)
	}
	if theirs := o.stripe.payable(); !slices.Equal(theirs, payable) {
		o.t.Errorf("%s: %v can be paid at Stripe, and %v here", told, theirs, payable)
	}
	if len(o.stripe.misused) > 0 {
		o.t.Errorf("%s: keys with two bodies: %v", told, o.stripe.misused)
	}
}
