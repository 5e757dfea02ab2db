package billing_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// A walk is people doing what comes to their minds while Stripe is having a bad day.
type walk struct {
	*market
	rand  *rand.Rand
	plans []string
	api   string
	did   []string
}

// act does one thing. It may be refused; what matters is the state it leaves.
func (w *walk) act() {
	ctx, plan := w.t.Context(), w.plans[w.rand.IntN(len(w.plans))]
	p, err := models.PolicyByUUID(ctx, w.db, 1, plan)
	switch n := w.rand.IntN(11); {
	case n < 2 && err == nil:
		in := gold(fmt.Sprintf("%d.00", 1+w.rand.IntN(50)))
		if w.rand.IntN(2) == 0 {
			in.Model = models.DynamicRate
		}
		in.Name = p.DisplayName
		_, err = w.catalog.EditPlan(ctx, w.mara, plan, p.Version, in)
		w.did = append(w.did, fmt.Sprint("edit ", p.DisplayName, in.Model, err))
	case n == 2 && err == nil:
		_, err = w.catalog.EditPlan(ctx, w.mara, plan, p.Version, catalog.PlanInput{Name: p.DisplayName, BillingPlan: models.PlanFree})
		w.did = append(w.did, fmt.Sprint("free ", p.DisplayName, err))
	case n == 3 && err == nil && w.rand.IntN(4) == 0:
		_, err = w.catalog.DeletePlan(ctx, w.mara, plan, p.Version, accounts.Consent{})
		w.did = append(w.did, fmt.Sprint("delete ", p.DisplayName, err))
	case n < 6:
		var some []string
		for _, q := range w.plans {
			if _, err := models.PolicyByUUID(ctx, w.db, 1, q); err == nil && w.rand.IntN(3) > 0 {
				some = append(some, q)
			}
		}
		_, err = w.catalog.OfferPlans(ctx, w.nils, w.api, w.market.api(w.api).Version, some)
		w.did = append(w.did, fmt.Sprint("offer ", len(some), err))
	case n < 9:
		account := northwind
		if w.rand.IntN(4) == 0 {
			account = "acct_second"
		}
		_, err = w.sales.Monetize(ctx, w.nils, w.api, on(account))
		w.did = append(w.did, fmt.Sprint("on ", account, err))
	case n == 9:
		_, err = w.sales.Monetize(ctx, w.nils, w.api, billing.MonetizeInput{})
		w.did = append(w.did, fmt.Sprint("off ", err))
	default:
		if w.rand.IntN(2) == 0 {
			w.endAll()
		} else if _, err := catalog.OfferFor(ctx, w.db, w.nils, w.market.api(w.api), plan); err == nil {
			w.subscribe(w.api, plan)
			w.did = append(w.did, "subscribe")
		}
	}
}

func TestWhateverHappensStripeAgreesInTheEnd(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := &walk{market: newMarket(t, testdb.New(t)), rand: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // repeatable on purpose
			for _, in := range []catalog.PlanInput{gold("49.00"), payg("0.002"), {Name: "Third", BillingPlan: models.PlanFree}} {
				w.plans = append(w.plans, w.plan(in))
			}
			w.api = w.weather(w.plans...)
			w.books.happens = func(int) outcome {
				if w.rand.IntN(3) > 0 {
					return fine
				}
				return []outcome{lostWay, lostBack, dies, refuses}[w.rand.IntN(4)]
			}
			w.runner.Workers = 1
			for range 25 {
				w.act()
				if w.rand.IntN(2) == 0 {
					_, err := w.runner.RunOnce(t.Context())
					w.must(err)
				}
			}
			w.books.happens = func(int) outcome { return fine }
			w.settle()
			w.agree()
			w.one(0)
			if a := w.market.api(w.api); a.Monetization == models.MonetizationEnabling || a.Monetization == models.MonetizationDisabling {
				t.Errorf("still %s", a.Monetization)
			}
			if t.Failed() {
				t.Logf("did %q", w.did)
			}
		})
	}
}
