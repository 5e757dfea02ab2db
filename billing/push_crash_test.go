package billing_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// stories are the changes that Stripe has to follow. Each begins with Gold, Pay as
// you go and the API Weather that offers both.
var stories = map[string]func(m *market, goldPlan, paygPlan, api string, disturbed func()){
	"plan": func(m *market, _, _, _ string, disturbed func()) {
		disturbed()
		m.plan(catalog.PlanInput{Name: "Silver", BillingPlan: models.PlanCommercial, Model: models.DynamicRate, Price: "0.1", Currency: "eur", Cycle: "week"})
	},
	"enable": func(m *market, _, _, api string, disturbed func()) {
		disturbed()
		m.monetize(api, on(northwind))
	},
	"price": func(m *market, goldPlan, paygPlan, api string, disturbed func()) {
		m.monetize(api, on(northwind))
		m.settle()
		disturbed()
		m.reprice(goldPlan, gold("59.00"))
		m.reprice(paygPlan, payg("0.003"))
	},
	"model": func(m *market, goldPlan, _, api string, disturbed func()) {
		m.monetize(api, on(northwind))
		m.settle()
		disturbed()
		changed := payg("0.004")
		changed.Name = "Gold"
		m.reprice(goldPlan, changed)
	},
	"disable": func(m *market, _, _, api string, disturbed func()) {
		m.monetize(api, on(northwind))
		m.settle()
		disturbed()
		m.monetize(api, billing.MonetizeInput{})
	},
	"account": func(m *market, _, _, api string, disturbed func()) {
		m.monetize(api, on(northwind))
		m.settle()
		disturbed()
		m.monetize(api, on("acct_second"))
	},
	"free": func(m *market, _, paygPlan, api string, disturbed func()) {
		m.monetize(api, on(northwind))
		m.settle()
		disturbed()
		m.reprice(paygPlan, catalog.PlanInput{Name: "Pay as you go", BillingPlan: models.PlanFree})
	},
	"again": func(m *market, _, _, api string, disturbed func()) {
		m.monetize(api, on(northwind))
		m.settle()
		m.monetize(api, billing.MonetizeInput{})
		m.settle()
		disturbed()
		m.monetize(api, on(northwind))
	},
}

// tell runs a story in which the nth call that Stripe gets from then on, and the
// one after it, comes out as what. It reports whether there was an nth call.
func tell(t *testing.T, db *bun.DB, name string, n int, what outcome) (*market, string, bool) {
	t.Helper()
	m := newMarket(t, db)
	goldPlan, paygPlan := m.plan(gold("49.00")), m.plan(payg("0.002"))
	api := m.weather(goldPlan, paygPlan)
	m.settle()
	reached := false
	stories[name](m, goldPlan, paygPlan, api, func() {
		from := len(m.books.calls)
		m.books.happens = func(call int) outcome {
			if at := call - from; at == n || at == n+1 && what != refuses {
				reached = true
				return what
			}
			return fine
		}
	})
	m.settle()
	return m, api, reached
}

func TestACutOffPushIsFinished(t *testing.T) {
	t.Parallel()
	for name := range stories {
		for what, label := range map[outcome]string{lostWay: "lost on the way", lostBack: "lost on the way back", dies: "killed"} {
			t.Run(name+", "+label, func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n++ {
					m, api, reached := tell(t, testdb.New(t), name, n, what)
					m.agree()
					if len(m.books.misfits) > 0 {
						t.Errorf("call %d: prices without their product or meter: %q", n, m.books.misfits)
					}
					if a := m.api(api); a.MonetizationProblem != "" || a.Monetization == models.MonetizationEnabling || a.Monetization == models.MonetizationDisabling {
						t.Errorf("call %d: %s, %q", n, a.Monetization, a.MonetizationProblem)
					}
					m.one(n)
					if !reached {
						return
					}
				}
			})
		}
	}
}

// one checks that there is one product an API and account, one price a version and
// one meter a plan.
func (m *market) one(n int) {
	m.t.Helper()
	seen := map[string]int{}
	for _, th := range m.books.things {
		if th.kind != "product" {
			seen[th.account+th.kind+th.name]++
		}
	}
	for name, count := range seen {
		if count != 1 {
			m.t.Errorf("call %d: %d times %s", n, count, name)
		}
	}
}

func TestARefusedEnablingLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 4; n++ { // product, price, meter, price
		t.Run(fmt.Sprint("call ", n), func(t *testing.T) {
			t.Parallel()
			testdb.Each(t, func(t *testing.T, db *bun.DB) {
				m, api, reached := tell(t, db, "enable", n, refuses)
				if !reached {
					t.Fatal("there is no such call")
				}
				m.agree()
				a := m.api(api)
				if active, _ := m.books.on(1, northwind); len(active) != 0 || a.Monetization != models.MonetizationOff || a.MonetizationProblem == "" {
					t.Errorf("%v is active; %s, %q", active, a.Monetization, a.MonetizationProblem)
				}
				values, err := models.AttributesOf(t.Context(), m.db, a.ID)
				m.must(err)
				if values[billing.ConnectedAccountKey] != northwind || values["StatementText"] == "" {
					t.Errorf("what was entered is gone: %v", values)
				}
				m.books.happens, m.books.misfits = nil, nil
				m.monetize(api, on(northwind))
				m.settle()
				m.agree()
				if a := m.api(api); a.Monetization != models.MonetizationOn || a.MonetizationProblem != "" {
					t.Errorf("the second time: %s, %q", a.Monetization, a.MonetizationProblem)
				}
			})
		})
	}
}

func TestARefusedPlanLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 4} { // meter, product, price; the third finds the meter
		m, _, reached := tell(t, testdb.New(t), "plan", n, refuses)
		if !reached {
			t.Fatal("there is no such call")
		}
		m.agree()
		if active, _ := m.books.on(1, ""); len(active) != 5 {
			t.Errorf("call %d: %v is active; want what was there before", n, active)
		}
	}
}

func TestRefusalsWhileCleaningUpAreTriedAgain(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		m, api, reached := tell(t, testdb.New(t), "disable", n, refuses)
		m.agree()
		if a := m.api(api); a.Monetization != models.MonetizationOff {
			t.Errorf("call %d: %s", n, a.Monetization)
		}
		if !reached {
			return
		}
	}
}

func TestManyChangesAtOnceEndInOneLegalState(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		m := newMarket(t, db)
		plan := m.plan(gold("49.00"))
		api := m.weather(plan)
		var wait sync.WaitGroup
		for i := range 4 {
			wait.Go(func() {
				ctx := t.Context()
				for j := range 5 {
					switch i {
					case 0, 1: // both publishers' browsers
						_, _ = m.sales.Monetize(ctx, m.nils, api, billing.MonetizeInput{Enabled: j%2 == i, Properties: on(northwind).Properties})
					case 2:
						if p, err := m.catalog.Plan(ctx, m.mara, plan); err == nil {
							_, _ = m.catalog.EditPlan(ctx, m.mara, plan, p.Policy.Version, gold(fmt.Sprintf("%d.00", 50+j)))
						}
					case 3:
						_, _ = m.runner.RunOnce(ctx)
					}
				}
			})
		}
		wait.Wait()
		m.settle()
		m.agree()
		m.monetize(api, on(northwind))
		m.settle()
		m.agree()
		active, _ := m.books.on(1, northwind)
		if o := m.sold(api, plan); len(active) != 2 || o.Price.Number < 2 {
			t.Errorf("%v is active, version %d is sold", active, o.Price.Number)
		}
	})
}

func TestTwinTenantsShareNothing(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		m := newMarket(t, db)
		twin := openMarket(t, db, 2, "twin.example", m.books)
		plan, same := m.plan(payg("0.002")), twin.plan(payg("0.002"))
		api, theirs := m.weather(plan), twin.weather(same)
		m.monetize(api, on(northwind))
		_, err := twin.sales.Monetize(t.Context(), twin.nils, theirs, on(northwind))
		if message(err, billing.ConnectedAccountKey) == "" {
			t.Errorf("the twin took the account: %v", err)
		}
		m.settle()
		m.agree()
		for name, err := range map[string]error{
			"plan":         failure(twin.catalog.Plan(t.Context(), twin.mara, plan)),
			"delete plan":  failure(twin.catalog.DeletePlan(t.Context(), twin.mara, plan, 0, accounts.Consent{})),
			"api":          failure(twin.catalog.OwnAPI(t.Context(), twin.nils, api)),
			"show":         failure(twin.catalog.Show(t.Context(), twin.nils, api)),
			"monetization": failure(twin.sales.Monetization(t.Context(), twin.nils, api)),
			"standing":     failure(twin.sales.Standing(t.Context(), twin.mara, plan)),
			"offer":        failure(twin.catalog.OfferPlans(t.Context(), twin.nils, theirs, twin.api(theirs).Version, []string{plan})),
		} {
			if err == nil {
				t.Errorf("%s: the twin reaches into the tenant", name)
			}
		}
		if page, err := twin.catalog.Browse(t.Context(), twin.nils, "", "", 10); err != nil || len(page.APIs) != 1 || page.APIs[0].API.UUID != theirs {
			t.Errorf("the twin's catalogue: %+v, %v", page, err)
		}
	})
}

func failure[T any](_ T, err error) error { return err }

// Whoever turns monetization on again while it is being turned off gets it, although
// nobody knows how far the turning off came.
func TestTurningOnWhileItIsBeingTurnedOff(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"set price", "stop meter", "archive product"} {
		for what, label := range map[outcome]string{lostBack: "lost on the way back", dies: "killed"} {
			t.Run(op+", "+label, func(t *testing.T) {
				t.Parallel()
				m := newMarket(t, testdb.New(t))
				api := m.weather(m.plan(gold("49.00")), m.plan(payg("0.002")))
				m.monetize(api, on(northwind))
				m.settle()
				cut := false
				m.books.happens = func(int) outcome {
					if m.books.calls[len(m.books.calls)-1] == op && !cut {
						cut = true
						return what
					}
					return fine
				}
				m.monetize(api, billing.MonetizeInput{})
				_, err := m.runner.RunOnce(t.Context())
				m.must(err)
				if !cut {
					t.Fatal("there was no such call")
				}
				m.monetize(api, on(northwind))
				m.settle()
				m.agree()
				if a := m.api(api); a.Monetization != models.MonetizationOn || a.MonetizationProblem != "" || len(m.books.misfits) > 0 {
					t.Errorf("%s, %q, %q", a.Monetization, a.MonetizationProblem, m.books.misfits)
				}
				if got, _ := m.books.on(1, northwind); len(got) != 4 {
					t.Errorf("on sale: %v", got)
				}
			})
		}
	}
}
