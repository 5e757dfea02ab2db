package billing_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

type ctx = context.Context

// The timeline tells what happened with the event that told us, once, however often
// the events come.
func TestATimelineTellsEverythingOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		openBank(t, s)
		sub, id := s.paid(t)
		if err := s.sell.Hold(bg, s.a.publisher, sub.UUID, access.HoldAll); err != nil {
			t.Fatal(err)
		}
		if err := s.sell.Hold(bg, s.a.publisher, sub.UUID, access.NoHold); err != nil {
			t.Fatal(err)
		}
		invoice := s.late(t, id)
		s.stripe.settle(id)
		paid := s.tell(t, "invoice.paid", invoice)
		want := s.kinds(t, sub)
		for _, e := range []event{s.about("invoice.paid", invoice), s.about("invoice.payment_failed", invoice), s.about("customer.subscription.updated", id), s.about("checkout.session.completed", sub.CheckoutSessionID)} {
			s.hear(t, e)
		}
		if got := s.kinds(t, sub); !slices.Equal(got, want) {
			t.Errorf("the same again: %v, before %v", got, want)
		}
		for _, kind := range []string{"subscribed", "checkout_opened", "checkout_paid", "began", "blocked", "unblocked", "payment_failed", "access_blocked", "access_restored"} {
			if count(want, kind) != 1 {
				t.Errorf("%s: %d times in %v", kind, count(want, kind), want)
			}
		}
		page, err := s.sell.Timeline(bg, s.a.buyer, sub.UUID, billing.TimelineQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Rows {
			if e.Kind == "invoice_paid" && e.LinkID == invoice && e.EventID != paid.ID {
				t.Errorf("told by %q, want %s", e.EventID, paid.ID)
			}
			if (e.Kind == "blocked" || e.Kind == "unblocked") && e.ActorName != s.a.publisher.Name {
				t.Errorf("%s by %q", e.Kind, e.ActorName)
			}
		}
	})
}

func TestWhoReadsATimeline(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	openBank(t, s)
	sub, id := s.paid(t)
	for range 5 {
		s.late(t, id)
		s.stripe.settle(id)
		s.tell(t, "invoice.paid", s.stripe.subs[id].LatestInvoice)
	}
	var all []string
	for q := (billing.TimelineQuery{Limit: 4}); ; {
		page, err := s.sell.Timeline(bg, s.a.publisher, sub.UUID, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Rows {
			all = append(all, e.ID)
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if n := len(s.kinds(t, sub)); len(all) != n || len(slices.Compact(slices.Sorted(slices.Values(all)))) != n {
		t.Errorf("%d rows in pages, %d in the table", len(all), n)
	}
	admin := accounts.Actor{Tenant: s.a.tenant, Person: "p", Roles: []accounts.Role{accounts.Admin}}
	table, err := s.sell.TimelineCSV(bg, admin, sub.UUID)
	if err != nil || len(table) != len(all) || len(table[0]) != len(billing.TimelineHead) || table[0][1] != "subscribed" {
		t.Errorf("%d rows, %v", len(table), err)
	}
	for name, who := range map[string]accounts.Actor{"another subscriber": s.a.other, "the twin's publisher": s.b.publisher, "nobody": {Tenant: s.a.tenant}, "the twin's admin": {Tenant: s.b.tenant, Person: "p", Roles: []accounts.Role{accounts.Admin}}} {
		if _, err := s.sell.Timeline(bg, who, sub.UUID, billing.TimelineQuery{}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.sell.TimelineCSV(bg, who, sub.UUID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s, as a table: %v", name, err)
		}
		if _, err := s.sell.Incidents(bg, who, sub.UUID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s, incidents: %v", name, err)
		}
	}
	if _, err := s.sell.Timeline(bg, admin, sub.UUID, billing.TimelineQuery{After: "x"}); fault.KindOf(err) != fault.Malformed {
		t.Errorf("a page that is none: %v", err)
	}
}

// What each type of event leads to: work, or nothing.
func TestEveryTypeOfEventIsStoredAndOnlySomeAreWorkedOn(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		openBank(t, s)
		_, id := s.paid(t)
		for _, kind := range billing.ConnectEvents {
			e := s.of(kind, strings.SplitN(kind, ".", 2)[0], id)
			s.send(t, e)
			if got := s.outcome(t, e); got.State != models.EventWaiting || got.JobID == "" {
				t.Errorf("%s is %s: %s", kind, got.State, got.Outcome)
			}
		}
		for _, kind := range []string{"invoice.upcoming", "payment_intent.succeeded", "charge.succeeded", "customer.created", "invoiceitem.created", "charge.dispute", "no.such.thing", "v1.billing.meter.error_report_triggered"} {
			e := s.of(kind, "thing", "x_1")
			s.send(t, e)
			if got := s.outcome(t, e); got.State != models.EventIgnored || got.JobID != "" {
				t.Errorf("%s is %s", kind, got.State)
			}
		}
		var kinds []string
		if err := db.NewSelect().Model((*models.Job)(nil)).ColumnExpr("DISTINCT j.kind").Where("j.state = 'ready'").Scan(bg, &kinds); err != nil {
			t.Fatal(err)
		}
		slices.Sort(kinds)
		if !slices.Equal(kinds, []string{"billing.compare_catalogue", "billing.sync_object"}) {
			t.Errorf("work of %v", kinds)
		}
	})
}

// Events about what belongs to nobody here change nothing, whatever their kind.
func TestStrangersObjectsChangeNothing(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	b := openBank(t, s)
	sub, id := s.paid(t)
	invoice := b.subs[id].LatestInvoice
	refund, dispute := b.giveBack(invoice, 4900, "succeeded"), b.dispute(invoice)
	b.charges[b.charged(invoice)].InvoiceID = "" // a payment of the publisher's own
	for _, e := range []event{
		s.of("refund.created", "refund", refund), s.of("charge.dispute.created", "dispute", dispute), s.of("charge.refunded", "charge", "ch_nobody"),
		s.of("refund.created", "refund", "re_nobody"), s.of("charge.dispute.created", "dispute", "dp_nobody"), s.of("customer.deleted", "customer", "cus_nobody"),
		s.of("subscription_schedule.updated", "subscription_schedule", "sub_sched_nobody"), s.of("invoice.paid", "invoice", "in_nobody"),
	} {
		s.hear(t, e)
		if got := s.outcome(t, e); got.State != models.EventIgnored {
			t.Errorf("%s about %s is %s: %s", e.Type, e.ObjectID, got.State, got.Outcome)
		}
	}
	s.want(t, sub.UUID, "UNBLOCKED", true)
	if got := s.incidents(t, sub); len(got) > 0 {
		t.Errorf("incidents %v", got)
	}
}
