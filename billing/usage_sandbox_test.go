package billing_test

import (
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/models"
	"tollgate/money"
	"tollgate/usage"
)

// openTollRoad is a town whose seller also sells by the call, with everything that
// brings calls to Stripe.
func openTollRoad(t *testing.T) (w *town, c *counter, compare *usage.Comparer, payg string) {
	t.Helper()
	var price, meter string
	w = openTown(t, func(w *town) {
		at := accounts.StripeAccount{Tenant: w.a.tenant, Connected: w.a.account}
		var err error
		if meter, err = w.engine.EnsureMeter(bg, at, "m1", billing.MeterInput{Name: "Calls", EventName: "tg_calls"}); err != nil {
			t.Fatal(err)
		}
		rate, err := money.ParseRate("0.002", usd)
		if err != nil {
			t.Fatal(err)
		}
		price, err = w.engine.CreatePrice(bg, at, "p4", billing.PriceInput{Product: "tg_1", LookupKey: "payg", Nickname: "Payg", Rate: rate, Meter: meter, Cycle: "month"})
		if err != nil {
			t.Fatal(err)
		}
	})
	c = &counter{shop: w.shop}
	payg = c.addPlan(t, "Payg", "0.002", price, "usd", "month")
	p, err := models.PolicyByUUID(bg, w.db, w.a.tenant, payg)
	if err != nil {
		t.Fatal(err)
	}
	stockUp(t, w.db, &models.StripeMeter{APIID: w.a.apiID, PolicyID: p.ID, Account: w.a.account, TenantID: w.a.tenant, EventName: "tg_calls", MeterID: meter, State: models.PushLive})
	publisher := &usage.Publisher{DB: w.db, Sink: w.engine, Wall: w.jobs.Wall, Business: w.jobs.Business, Installation: "inst-1"}
	w.sell.Usage = &usage.Flusher{Publisher: publisher}
	return w, c, &usage.Comparer{Publisher: publisher, Invoices: w.sell}, payg
}

// uses writes calls of a subscription into the ledger as a gateway does.
func (w *town) uses(t *testing.T, sub models.Subscription, seq, units int64) {
	t.Helper()
	todo, at := int64(models.ToSend), models.At(w.jobs.Business.Now())
	stockUp(t, w.db, &models.LedgerRow{SubscriptionID: sub.ID, Hour: models.HourOf(at), Writer: "gw", Epoch: 1, SeqFrom: seq, SeqTo: seq + units - 1, TenantID: sub.TenantID, APIID: sub.APIID, PolicyID: sub.PolicyID,
		FirstAt: at, LastAt: at, RecordedAt: at, Calls: units, Counted: units, Quantity: units, Kind: models.LedgerCalls, Todo: &todo})
}

// followed is the comparison of the units of a subscription's first period.
func (w *town) followed(t *testing.T, compare *usage.Comparer, sub models.Subscription) models.UsageCompare {
	t.Helper()
	w.advance(t, 26*time.Hour)
	if _, err := compare.RunOnce(bg); err != nil {
		t.Fatal(err)
	}
	all, err := compare.Compares(bg, accounts.System(w.a.tenant, w.a.domain), sub.ID, false, 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

// An end at once bills every call until then, and the units agree from the ledger to
// the invoice.
func TestAnEndBillsCallsOnTheSandbox(t *testing.T) {
	t.Parallel()
	w, _, compare, payg := openTollRoad(t)
	sub := w.buys(t, payg, "0")
	w.advance(t, 50*time.Hour)
	w.uses(t, sub, 1, 1200)
	w.advance(t, 3*time.Hour)
	w.uses(t, sub, 1201, 34)
	w.cancel(t, sub, billing.CancelNow)
	w.settle(t)
	w.want(t, sub.UUID, "BLOCKED", false)
	if c := w.followed(t, compare, sub); !c.Agrees || c.Ledger != 1234 || c.Stripe == nil || *c.Stripe != 1234 || c.Invoiced == nil || *c.Invoiced != 1234 || c.InvoiceID == "" {
		t.Errorf("%+v", c)
	}
}

// A change to another plan at once bills the calls of the old one with it.
func TestAChangeBillsCallsOnTheSandbox(t *testing.T) {
	t.Parallel()
	w, c, compare, payg := openTollRoad(t)
	sub := w.buys(t, payg, "0")
	w.advance(t, 50*time.Hour)
	w.uses(t, sub, 1, 1200)
	w.advance(t, 3*time.Hour)
	shown, err := w.sell.PreviewChange(bg, w.a.buyer, sub.UUID, w.a.gold, billing.MomentNow)
	if err != nil {
		t.Fatal(err)
	}
	w.uses(t, sub, 1201, 34) // until the subscriber has read what it costs
	if err := w.sell.Change(bg, w.a.buyer, sub.UUID, shown.Shown()); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	w.settle(t)
	after := c.plan(t, sub.UUID, "Gold", "", "UNBLOCKED")
	if got := w.followed(t, compare, after); !got.Agrees || got.Ledger != 1234 || got.Invoiced == nil || *got.Invoiced != 1234 {
		t.Errorf("%+v", got)
	}
}

// A renewal's invoice is found once it is final, and not before.
func TestARenewalIsComparedOnTheSandbox(t *testing.T) {
	t.Parallel()
	w, _, compare, payg := openTollRoad(t)
	sub := w.buys(t, payg, "0")
	w.advance(t, 50*time.Hour)
	w.uses(t, sub, 1, 500)
	w.advance(t, 3*time.Hour)
	if _, err := compare.Publisher.RunOnce(bg); err != nil {
		t.Fatal(err)
	}
	row := models.UsageCompare{TenantID: sub.TenantID, SubscriptionID: sub.ID, PolicyID: sub.PolicyID, Account: sub.Account, StripeSubscriptionID: sub.StripeSubscriptionID, PeriodStart: sub.PeriodStart, PeriodEnd: sub.PeriodEnd}
	w.advance(t, sub.PeriodEnd.Time().Sub(w.box.Now())+10*time.Minute)
	if got, err := w.sell.InvoicedUnits(bg, row); err != nil || got.Final {
		t.Errorf("a draft: %+v, %v", got, err)
	}
	w.advance(t, 2*time.Hour)
	if got, err := w.sell.InvoicedUnits(bg, row); err != nil || !got.Final || got.Units != 500 || got.Invoice == "" {
		t.Errorf("final: %+v, %v", got, err)
	}
}
