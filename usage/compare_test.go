package usage_test

import (
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/sandbox"
	"tollgate/usage"
)

// compared compares what is due and returns the newest row of a subscription's plan
// that begins at an instant.
func (w *meterWorld) compared(t testing.TB, s *meterSub, start models.Instant) models.UsageCompare {
	t.Helper()
	if _, err := w.compare.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := w.compare.Compares(t.Context(), w.admin, s.id, false, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.PeriodStart == start {
			return c
		}
	}
	t.Fatalf("no row of %s among %+v", start.Time(), all)
	return models.UsageCompare{}
}

// gatewayCounts is what a gateway counted in memory.
func (w *meterWorld) gatewayCounts(t testing.TB, s *meterSub, at time.Time, units int64) {
	t.Helper()
	w.put(t, &models.GatewayCount{Writer: "gw-1", SubscriptionID: s.id, PolicyID: policyNumber("Payg"), Hour: models.HourOf(models.At(at)), TenantID: meterTenant, Calls: units, Quantity: units})
}

// The units of a period are followed from the gateways to the invoice, and are at
// rest once all agree. A gateway that lost its count is no difference.
func TestUnitsAreFollowedToTheInvoice(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := openMeters(t, db, 1, 1)
		s := w.accounts[0].subs[0]
		row := w.row(t, s)
		at := w.business.Now().Add(26 * time.Hour)
		w.advance(t, at)
		w.calls(t, s, "Payg", at, 40)
		w.calls(t, s, "Payg", at.Add(2*time.Second), 2)
		w.gatewayCounts(t, s, at, 41) // it died before it had counted the last one
		w.passes(5 * time.Second)
		w.publishNow(t)
		w.advance(t, w.business.Now().Add(time.Hour))
		c := w.compared(t, s, row.PeriodStart)
		if !c.Agrees || c.Gateway != 41 || c.Ledger != 42 || c.Sent != 42 || c.Waiting != 0 || c.Stripe == nil || *c.Stripe != 42 || c.Invoiced != nil || c.DueAt.IsZero() {
			t.Fatalf("in the period: %+v", c)
		}
		w.advance(t, row.PeriodEnd.Time().Add(3*time.Hour))
		c = w.compared(t, s, row.PeriodStart)
		if !c.Agrees || c.Invoiced == nil || *c.Invoiced != 42 || c.InvoiceID == "" || !c.DueAt.IsZero() || len(w.drift(t)) != 0 {
			t.Fatalf("after it: %+v, %v", c, w.drift(t))
		}
		w.advance(t, w.business.Now().Add(time.Hour))
		if next := w.compared(t, s, row.PeriodEnd); next.Ledger != 0 || !next.Agrees || next.Stripe == nil || *next.Stripe != 0 {
			t.Fatalf("the next period: %+v", next)
		}
		// What comes late makes it due again, in the period that it is billed in.
		w.calls(t, s, "Payg", at.Add(4*time.Second), 5)
		w.publish(t)
		w.advance(t, w.business.Now().Add(25*time.Hour))
		if c = w.compared(t, s, row.PeriodEnd); c.Ledger != 5 || c.Sent != 5 || *c.Stripe != 5 || !c.Agrees {
			t.Errorf("late use: %+v", c)
		}
		ada := accounts.Actor{Tenant: meterTenant, Person: "p-ada", Roles: []accounts.Role{accounts.Subscriber}}
		eve := accounts.Actor{Tenant: meterTenant, Person: "p-eve", Roles: []accounts.Role{accounts.Subscriber}}
		mine, err := w.compare.Compares(t.Context(), ada, 0, false, 10)
		if err != nil || len(mine) != 2 {
			t.Errorf("hers: %+v, %v", mine, err)
		}
		if theirs, err := w.compare.Compares(t.Context(), eve, s.id, false, 10); err != nil || len(theirs) != 0 {
			t.Errorf("somebody else's: %+v, %v", theirs, err)
		}
	})
}

// Each way in which the sides can differ is a row that people see, until it is over.
func TestDifferencesOfUnitsAreShown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wrong func(t *testing.T, w *meterWorld, s *meterSub)
		drift string
	}{
		"Stripe rejects later": {func(t *testing.T, w *meterWorld, _ *meterSub) {
			none(t, w.box.Inject(sandbox.Fault{MeterEvent: "*", How: "reject", Code: "meter_event_invalid_value"}))
		}, "units: 20 units sent, 0 units counted by Stripe"},
		"Stripe counts twice": {func(t *testing.T, w *meterWorld, _ *meterSub) {
			none(t, w.box.Inject(sandbox.Fault{MeterEvent: "*", How: "duplicate"}))
		}, "units: 20 units sent, 40 units counted by Stripe"},
		"somebody else reports": {func(t *testing.T, w *meterWorld, s *meterSub) {
			none(t, w.engine.SendUsage(t.Context(), s.at(), "theirs", usage.MeterEvent{EventName: "tg_payg_0", Customer: s.customer, Units: 3, Identifier: "theirs", At: w.business.Now().Add(-time.Hour)}))
		}, "units: 20 units sent, 23 units counted by Stripe"},
		"the ledger lacks calls": {func(t *testing.T, w *meterWorld, s *meterSub) {
			w.gatewayCounts(t, s, w.business.Now(), 25)
		}, "ledger: 20 units in the ledger, 25 units counted by the gateways"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := openMeters(t, testdb.New(t), 1, 1)
			s := w.accounts[0].subs[0]
			row := w.row(t, s)
			w.advance(t, w.business.Now().Add(26*time.Hour))
			w.calls(t, s, "Payg", w.business.Now(), 20)
			c.wrong(t, w, s)
			w.passes(5 * time.Second)
			w.publishNow(t)
			w.advance(t, w.business.Now().Add(2*time.Hour))
			if got := w.compared(t, s, row.PeriodStart); got.Agrees {
				t.Errorf("it agrees: %+v", got)
			}
			if d := w.drift(t); len(d) != 1 || !strings.HasPrefix(d[0], c.drift) {
				t.Errorf("differences %q, want %q", d, c.drift)
			}
			all, err := w.compare.Compares(t.Context(), w.admin, 0, true, 10)
			if err != nil || len(all) != 1 {
				t.Errorf("those that disagree: %+v, %v", all, err)
			}
		})
	}
}

// What Stripe has not counted yet is no difference, and one that is over is closed.
func TestADifferenceThatIsOverIsClosed(t *testing.T) {
	t.Parallel()
	w := openMeters(t, testdb.New(t), 1, 1)
	s := w.accounts[0].subs[0]
	row := w.row(t, s)
	none(t, w.box.Inject(sandbox.Fault{MeterEvent: "*", How: "late", By: "2h"}))
	w.advance(t, w.business.Now().Add(26*time.Hour))
	w.calls(t, s, "Payg", w.business.Now(), 20)
	w.passes(5 * time.Second)
	w.publishNow(t)
	w.advance(t, w.business.Now().Add(12*time.Minute))
	if c := w.compared(t, s, row.PeriodStart); !c.Agrees || *c.Stripe != 0 {
		t.Errorf("while Stripe counts: %+v", c)
	}
	w.advance(t, w.business.Now().Add(time.Hour))
	if c := w.compared(t, s, row.PeriodStart); c.Agrees || len(w.drift(t)) != 1 {
		t.Errorf("after an hour: %+v, %v", c, w.drift(t))
	}
	w.advance(t, w.business.Now().Add(3*time.Hour))
	if c := w.compared(t, s, row.PeriodStart); !c.Agrees || len(w.drift(t)) != 0 {
		t.Errorf("counted at last: %+v, %v", c, w.drift(t))
	}
}

// An account that does not answer is asked again later, and holds up no other.
func TestAnAccountThatCannotBeComparedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := openMeters(t, testdb.New(t), 2, 2)
	w.advance(t, w.business.Now().Add(26*time.Hour))
	none(t, w.box.Inject(sandbox.Fault{Call: "GET /v1/billing/meters", Status: 500, Account: w.accounts[0].id, Times: 1000}))
	if _, err := w.compare.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.advance(t, w.business.Now().Add(time.Hour))
	if _, err := w.compare.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := w.compare.Compares(t.Context(), w.admin, 0, false, 100)
	if err != nil || len(all) != 4 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, c := range all {
		if asked := c.Stripe != nil; asked != (c.Account == w.accounts[1].id) || c.DueAt <= models.At(w.business.Now()) {
			t.Errorf("%+v", c)
		}
	}
}

func none(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
