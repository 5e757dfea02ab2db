package simulate_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/simulate"
	"tollgate/models"
	"tollgate/usage"
)

// reads are the engine's operations that change nothing at Stripe: being killed
// before or after one is being killed after or before what is beside it.
var reads = []string{
	"Account", "CheckKey", "Checkout", "OpenCheckouts", "Subscription", "SubscriptionsOf", "Invoice", "InvoicesOf", "Preview", "Verify", "Events",
	"PreviewChange", "Schedule", "Charge", "RefundByID", "Dispute", "RefundsSince", "DisputesSince",
	"UsageTotal", "Customer", "Products", "Prices", "Meters", "Customers", "Subscriptions",
}

// writes are the engine's other operations, as they look on the wire. Each happens
// in one of the errands below, and is cut off there on its way and on its way back.
var writes = map[string]string{
	"SaveProduct":               `POST /v1/products(/\S+)?$`,
	"ArchiveProduct":            `POST /v1/products/\S+$`,
	"CreatePrice":               `POST /v1/prices$`,
	"SetPriceActive":            `POST /v1/prices/\S+$`,
	"EnsureMeter":               `POST /v1/billing/meters$`,
	"DeactivateMeter":           `POST /v1/billing/meters/\S+/deactivate$`,
	"CreateCustomer":            `POST /v1/customers$`,
	"OpenCheckout":              `POST /v1/checkout/sessions$`,
	"ExpireCheckout":            `POST /v1/checkout/sessions/\S+/expire$`,
	"EnsurePortalConfiguration": `POST /v1/billing_portal/configurations$`,
	"OpenPortal":                `POST /v1/billing_portal/sessions$`,
	"CancelSubscription":        `DELETE /v1/subscriptions/\S+$`,
	"ResumeSubscription":        `POST /v1/subscriptions/\S+$`,
	"EnsureWebhook":             `POST /v1/webhook_endpoints$`,
	"ChangeSubscription":        `POST /v1/subscriptions/\S+$`,
	"ScheduleChange":            `POST /v1/subscription_schedules(/\S+)?$`,
	"ReleaseSchedule":           `POST /v1/subscription_schedules/\S+/release$`,
	"Refund":                    `POST /v1/refunds$`,
	"DeleteCustomer":            `DELETE /v1/customers/\S+$`,
	"SendUsage":                 `POST /v1/billing/meter_events$`,
}

// An errand is something that is owed to Stripe, and what asks for it.
type errand struct {
	name   string
	before func(l *life)       // what there is already
	ask    func(l *life) error // it may be asked for again after a crash
}

// told are the errands that programs are also killed at while webhooks tell of them;
// what webhooks ask for is the same work everywhere.
var told = map[string]bool{"a checkout is paid, and webhooks tell of it": true, "two sessions are paid": true, "it is canceled at once": true}

// errands are all work on subscriptions, checkouts, webhooks and what is on sale.
func errands() []errand {
	paid := func(l *life) { l.paid("Gold") }
	subs := func(l *life) *billing.Subscriptions { return l.p.Subscriptions }
	gold := func(name, price string) catalog.PlanInput {
		return catalog.PlanInput{Name: name, BillingPlan: models.PlanCommercial, Model: models.DynamicRate, Price: price, Currency: "usd", Cycle: "month", RateLimit: "100"}
	}
	change := func(plan string, when billing.Moment) func(l *life) error {
		return func(l *life) error {
			shown, err := subs(l).PreviewChange(l.ctx, l.s.Ada, l.uuid, l.s.Plans[plan], when)
			if err != nil {
				return err
			}
			return subs(l).Change(l.ctx, l.s.Ada, l.uuid, shown.Shown())
		}
	}
	do := func(l *life, err error) { l.t.Helper(); l.must(err); l.work() }
	return []errand{
		{"webhooks are registered", func(*life) {}, func(l *life) error {
			return l.p.Registrar.RegisterWebhooks(l.ctx, l.s.System(), simulate.PortalHost+"/anew", 0)
		}},
		{"a plan is saved", func(*life) {}, func(l *life) error {
			_, err := l.p.Catalog.CreatePlan(l.ctx, l.s.Admin, gold("Platinum", "0.2"))
			return err
		}},
		{"a price changes", func(*life) {}, func(l *life) error {
			row, err := l.p.Catalog.Plan(l.ctx, l.s.Admin, l.s.Plans["Metered"])
			if err != nil {
				return err
			}
			_, err = l.p.Catalog.EditPlan(l.ctx, l.s.Admin, l.s.Plans["Metered"], row.Policy.Version, gold("Metered", "0.002"))
			return err
		}},
		{"monetization is turned off", func(*life) {}, func(l *life) error {
			_, err := l.p.Sales.Monetize(l.ctx, l.s.Publisher, l.s.API, billing.MonetizeInput{})
			return err
		}},
		{"monetization is turned on again", func(l *life) {
			_, err := l.p.Sales.Monetize(l.ctx, l.s.Publisher, l.s.API, billing.MonetizeInput{})
			do(l, err)
		}, func(l *life) error {
			_, err := l.p.Sales.Monetize(l.ctx, l.s.Publisher, l.s.API, billing.MonetizeInput{Enabled: true, Properties: map[string]string{billing.ConnectedAccountKey: l.s.Account}})
			return err
		}},
		{"somebody subscribes", func(*life) {}, func(l *life) error {
			sub, err := subs(l).Subscribe(l.ctx, l.s.Ada, billing.SubscribeInput{Application: l.s.Applications[0], API: l.s.API, Policy: l.s.Plans["Gold"]})
			if err == nil {
				l.uuid = sub.UUID
			}
			return err
		}},
		{"a checkout is paid, and webhooks tell of it", func(l *life) { l.subscribe("Gold"); l.mark(); l.pay(l.session(), "tok_visa") }, func(*life) error { return nil }},
		{"an expired checkout is started again", func(l *life) { l.subscribe("Gold"); l.days(2); do(l, subs(l).Refresh(l.ctx, l.s.Ada, l.uuid)) }, func(l *life) error {
			_, err := subs(l).StartAgain(l.ctx, l.s.Ada, l.uuid)
			return err
		}},
		{"a wish is taken back before it is paid", func(l *life) { l.subscribe("Gold") }, func(l *life) error {
			return subs(l).Cancel(l.ctx, l.s.Ada, l.uuid, billing.CancelNow)
		}},
		{"two sessions are paid", func(l *life) {
			l.subscribe("Gold")
			stray := l.stray()
			l.mark()
			l.pay(l.session(), "tok_visa")
			l.wait(time.Second)
			l.pay(stray, "tok_visa")
		}, func(*life) error { return nil }},
		{"it is canceled at once", paid, func(l *life) error { return subs(l).Cancel(l.ctx, l.s.Ada, l.uuid, billing.CancelNow) }},
		{"it is canceled at period end", paid, func(l *life) error { return subs(l).Cancel(l.ctx, l.s.Ada, l.uuid, billing.CancelAtPeriodEnd) }},
		{"it is resumed", func(l *life) {
			l.paid("Gold")
			do(l, subs(l).Cancel(l.ctx, l.s.Ada, l.uuid, billing.CancelAtPeriodEnd))
		}, func(l *life) error {
			return subs(l).Resume(l.ctx, l.s.Ada, l.uuid)
		}},
		{"the Customer Portal is prepared", paid, func(l *life) error {
			_, err := subs(l).PortalURL(l.ctx, l.s.Ada, l.uuid, l.s.Tenant.Domain)
			return err
		}},
		{"the Customer Portal is opened", func(l *life) {
			l.paid("Gold")
			_, _ = subs(l).PortalURL(l.ctx, l.s.Ada, l.uuid, l.s.Tenant.Domain) // which prepares it
			l.work()
		}, func(l *life) error {
			_, err := subs(l).PortalURL(l.ctx, l.s.Ada, l.uuid, l.s.Tenant.Domain)
			return err
		}},
		{"its plan is changed at once", paid, change("Silver", billing.MomentNow)},
		{"its plan is changed at period end", paid, change("Silver", billing.MomentAtPeriodEnd)},
		{"a change is taken back", func(l *life) { l.paid("Gold"); do(l, change("Silver", billing.MomentAtPeriodEnd)(l)) }, func(l *life) error {
			return subs(l).UndoChange(l.ctx, l.s.Ada, l.uuid)
		}},
		{"a free one becomes paid", func(l *life) { l.subscribe("Free") }, change("Gold", billing.MomentNow)},
		{"a paid one becomes free", paid, change("Free", billing.MomentAtPeriodEnd)},
		{"the publisher ends it, and gives the money back", paid, func(l *life) error {
			return l.end(billing.EndTarget{Kind: models.EndOfSubscription, ID: l.uuid, As: accounts.Publisher}, l.s.Publisher, "refund", func(c accounts.Consent) error {
				_, err := l.p.Ends.EndOne(l.ctx, l.s.Publisher, l.uuid, accounts.Publisher, c)
				return err
			})
		}},
		{"an API leaves sale, and what is paid for it ends", paid, func(l *life) error {
			return l.end(billing.EndTarget{Kind: models.EndOfSale, ID: l.s.API}, l.s.Publisher, "now", func(c accounts.Consent) error {
				_, _, err := l.p.Ends.EndSale(l.ctx, l.s.Publisher, l.s.API, c)
				return err
			})
		}},
		{"a customer that is nobody's is removed", func(l *life) {
			l.ask("POST /v1/customers", url.Values{"name": {"Nobody"}, "metadata[installation]": {l.p.Installation}, "metadata[application]": {models.NewID()}})
			l.must(l.p.Compare(l.ctx, l.s))
			l.work()
			l.now = l.now.Add(25 * time.Hour)
		}, func(l *life) error { return l.p.Compare(l.ctx, l.s) }},
		{"an application is deleted", paid, func(l *life) error {
			return l.end(billing.EndTarget{Kind: models.EndOfApplication, ID: l.s.Applications[0]}, l.s.Ada, "now", func(c accounts.Consent) error {
				_, err := l.p.Applications.Delete(l.ctx, l.s.Ada, l.s.Applications[0], c)
				return err
			})
		}},
		{"an API is deleted", paid, func(l *life) error {
			return l.end(billing.EndTarget{Kind: models.EndOfAPI, ID: l.s.API}, l.s.Publisher, "now", func(c accounts.Consent) error {
				_, err := l.p.Catalog.DeleteAPI(l.ctx, l.s.Publisher, l.s.API, c)
				return err
			})
		}},
		{"a plan is deleted", paid, func(l *life) error {
			return l.end(billing.EndTarget{Kind: models.EndOfPlan, ID: l.s.Plans["Gold"]}, l.s.Admin, "period-end", func(c accounts.Consent) error {
				row, err := l.p.Catalog.Plan(l.ctx, l.s.Admin, l.s.Plans["Gold"])
				if err != nil {
					return err
				}
				_, err = l.p.Catalog.DeletePlan(l.ctx, l.s.Admin, l.s.Plans["Gold"], row.Policy.Version, c)
				return err
			})
		}},
	}
}

// end looks at what ends with something, agrees, and does it.
func (l *life) end(t billing.EndTarget, who accounts.Actor, how string, do func(accounts.Consent) error) error {
	shown, err := l.p.Ends.Preview(l.ctx, who, t, 0)
	if err != nil {
		return err
	}
	return do(accounts.ConsentOf(shown.Seen, how, "It is over."))
}

// A killer ends the program before or after one of the things it does.
type killer struct {
	l      *life
	at     int    // which of the points, from 0; -1 for none
	name   string // the first point of this name instead, if not ""
	after  bool
	points []string
	struck string // the point it was killed at
	next   bool   // at the very next occasion
}

func (k *killer) reached(name string, dead func()) {
	if k.next {
		k.next = false
		dead()
	}
	if name == "" || k.struck != "" {
		return
	}
	k.points = append(k.points, name)
	if k.at == len(k.points)-1 || k.name == name {
		if k.struck = name; k.after {
			k.next = true
		} else {
			dead()
		}
	}
}

var tableOf = regexp.MustCompile(`^(INSERT INTO|UPDATE|DELETE FROM) "?(\w+)`)

// watch has k see all that programs on its world do.
func (k *killer) watch() {
	var mu sync.Mutex
	dead := func() { k.l.p.Kill() }
	k.l.w.Store.Hook = func(_ context.Context, op, query string) simulate.Verdict {
		mu.Lock()
		defer mu.Unlock()
		switch op {
		case "commit":
			k.reached("commit", dead)
		case "exec":
			k.reached(tableOf.FindString(query), dead)
		default:
			k.reached("", dead)
		}
		return simulate.Go
	}
	k.l.w.Line.Hook = func(_ context.Context, c simulate.Call) simulate.Outcome {
		mu.Lock()
		defer mu.Unlock()
		if c.Method == http.MethodGet {
			k.reached("", dead)
		} else {
			k.reached(c.Method+" "+c.Path, dead)
		}
		return simulate.Outcome{}
	}
}

// errandsDone asks for an errand and lets it be done, as far as the program lives.
func (l *life) errandDone(e errand) error {
	if err := e.ask(l); err != nil && l.p.Dead() {
		return err
	}
	heard := map[string]bool{}
	for range 4 {
		l.now = l.now.Add(10 * time.Second) // leases of those that were killed are over
		if _, err := l.p.Runner.RunOnce(l.ctx); err != nil {
			return err
		}
		if !told[e.name] {
			l.w.Store.Hook, l.w.Line.Hook = nil, nil
		}
		news, err := l.w.Webhooks(l.ctx, l.s, l.after)
		if err != nil {
			return err
		}
		for _, n := range news {
			if heard[n.Endpoint+n.Event] {
				continue
			}
			heard[n.Endpoint+n.Event] = true
			if err := l.w.Deliver(l.ctx, l.p, n); err != nil {
				return err
			}
			if _, err := l.p.Runner.RunOnce(l.ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// reboot starts a new program in the place of one that was killed.
func (l *life) reboot() {
	l.t.Helper()
	l.w.Store.Hook, l.w.Line.Hook = nil, nil
	l.must(l.p.Stop())
	var err error
	l.p, err = l.w.Boot(l.ctx)
	l.must(err)
}

// Killed at any step of any errand, started again, killed at that very step once
// more, and started again: the errand is done, and what is at Stripe and what is
// here match one to one.
func TestKilledTwiceAtEveryStep(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	struck := map[string]bool{}
	t.Run("errands", func(t *testing.T) {
		for _, e := range append(errands(), useErrands()...) {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				l := newLife(t)
				e.before(l)
				from, err := l.w.Copy(l.ctx)
				l.must(err)
				now, uuid, after, runs := l.now, l.uuid, l.after, 0
				var points []string
				for i := 0; ; i++ {
					over := false
					for _, late := range []bool{false, true} {
						l.must(l.w.Load(l.ctx, from))
						l.now, l.uuid, l.after = now, uuid, after
						l.reboot()
						k := l.killedTwice(e, i, late)
						over = k.struck == ""
						mu.Lock()
						struck[fmt.Sprint(k.struck, late)] = true
						mu.Unlock()
						if runs++; !late && !over {
							points = append(points, k.struck)
						}
						if t.Failed() {
							t.Fatalf("killed at point %d (%s), late: %v", i, k.struck, late)
						}
					}
					if over {
						break
					}
					if os.Getenv("CI") == "" && i%3 == 2 {
						i += 4 // some of them, where it is not CI
					}
				}
				t.Logf("%d runs; killed at %s", runs, strings.Join(points, ", "))
			})
		}
	})
	if os.Getenv("CI") == "" && os.Getenv("TOLLGATE_TEST_LONG") == "" {
		return
	}
	var methods []string
	for _, of := range []reflect.Type{reflect.TypeFor[billing.Engine](), reflect.TypeFor[usage.Sink]()} {
		for i := range of.NumMethod() {
			methods = append(methods, of.Method(i).Name)
		}
	}
	for _, name := range methods {
		pattern, isWrite := writes[name]
		if !isWrite {
			if !strings.Contains(" "+strings.Join(reads, " ")+" ", " "+name+" ") {
				t.Errorf("%s is in no table of this test: does it change anything at Stripe?", name)
			}
			continue
		}
		for _, late := range []string{"false", "true"} {
			found := false
			for point := range struck {
				what, ok := strings.CutSuffix(point, late)
				found = found || ok && regexp.MustCompile(pattern).MatchString(what)
			}
			if !found {
				t.Errorf("%s (%s) was never cut off, late: %s", name, pattern, late)
			}
		}
	}
}

// killedTwice is killed at point i, then again where that was, and checks the end.
func (l *life) killedTwice(e errand, i int, late bool) *killer {
	l.t.Helper()
	first := &killer{l: l, at: i, after: late}
	first.watch()
	_ = l.errandDone(e) // it was killed
	if first.struck != "" {
		l.p.Kill()
		l.reboot()
		second := &killer{l: l, at: -1, name: first.struck, after: late}
		second.watch()
		_ = l.errandDone(e)
		l.p.Kill()
	}
	l.reboot()
	l.must(l.errandDone(e))
	l.allSent()
	for _, s := range []*simulate.Seller{l.w.A, l.w.B} {
		wrong, err := l.w.Agree(l.ctx, l.p, s)
		l.must(err)
		for _, line := range wrong {
			l.t.Error(line)
		}
	}
	return first
}
