package billing_test

import (
	"context"
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

func TestInvoices(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		sub := s.subscribe(t, s.a.gold)
		before, err := s.sell.Invoices(bg, s.a.buyer, sub.UUID)
		if err != nil || before.Current != nil || before.Upcoming != nil || before.UpcomingNote == "" {
			t.Errorf("before it was paid: %+v, %v", before, err)
		}
		id, first := s.stripe.pay(sub.CheckoutSessionID)
		s.tell(t, "checkout.session.completed", sub.CheckoutSessionID)
		s.wait(31 * 24 * time.Hour)
		second := s.stripe.renew(id, true)
		s.tell(t, "invoice.paid", second)
		for owner, actor := range map[string]accounts.Actor{"subscriber": s.a.buyer, "publisher": s.a.publisher} {
			sheet, err := s.sell.Invoices(bg, actor, sub.UUID)
			if err != nil || sheet.Current == nil || sheet.Current.ID != second || len(sheet.Past) != 1 || sheet.Past[0].ID != first || sheet.Upcoming == nil {
				t.Fatalf("%s sees %+v, %v", owner, sheet, err)
			}
			i := sheet.Current
			if i.Total != money.New(4900, usd) || i.Status != "paid" || len(i.Lines) != 1 || i.Lines[0].Description != "1 × Gold" || i.Created.IsZero() || !i.DueDate.IsZero() {
				t.Errorf("invoice = %+v", i)
			}
			if _, one, err := s.sell.Invoice(bg, actor, sub.UUID, first); err != nil || one.ID != first {
				t.Errorf("%s: %+v, %v", owner, one, err)
			}
			if _, _, err := s.sell.Invoice(bg, actor, sub.UUID, "in_nobody"); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s: %v", owner, err)
			}
		}
		mine, err := s.sell.MyInvoices(bg, s.a.buyer, "", 1)
		if err != nil || len(mine.Rows) != 1 || mine.Rows[0].ID != second || mine.Rows[0].Total != money.New(4900, usd) || mine.Next == "" {
			t.Fatalf("mine = %+v, %v", mine, err)
		}
		rest, err := s.sell.InvoicesOfMyAPIs(bg, s.a.publisher, mine.Next, 1)
		if err != nil || len(rest.Rows) != 1 || rest.Rows[0].ID != first || rest.Next != "" || rest.Rows[0].SubscriptionUUID != sub.UUID {
			t.Errorf("rest = %+v, %v", rest, err)
		}
		for _, cursor := range []string{"x", "1", ".", "-5.in", "0.in"} {
			if _, err := s.sell.MyInvoices(bg, s.a.buyer, cursor, 1); fault.KindOf(err) != fault.Malformed {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
		if got, err := s.sell.InvoicesOfMyAPIs(bg, s.b.publisher, "", 0); err != nil || len(got.Rows) > 0 {
			t.Errorf("the twin's publisher sees %+v, %v", got, err)
		}
	})
}

func TestAPreviewThatCannotBeReadSaysSo(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub, _ := s.paid(t)
	s.stripe.refuse["preview"] = context.DeadlineExceeded
	sheet, err := s.sell.Invoices(bg, s.a.buyer, sub.UUID)
	if err != nil || sheet.Current == nil || sheet.Upcoming != nil || !strings.Contains(sheet.UpcomingNote, "does not answer") {
		t.Errorf("sheet = %+v, %v", sheet, err)
	}
	s.stripe.refuse["preview"] = &billing.Refused{Status: 404, Code: "invoice_upcoming_none"}
	if sheet, err = s.sell.Invoices(bg, s.a.buyer, sub.UUID); err != nil || !strings.Contains(sheet.UpcomingNote, "No further invoice") {
		t.Errorf("sheet = %+v, %v", sheet, err)
	}
}

// Drafts may still change, so nobody is shown one as issued.
func TestADraftIsNotIssued(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub, id := s.paid(t)
	s.wait(31 * 24 * time.Hour)
	draft := s.stripe.renew(id, true)
	s.stripe.invoices[draft].Status, s.stripe.invoices[draft].Number = "draft", ""
	s.tell(t, "invoice.created", draft)
	sheet, err := s.sell.Invoices(bg, s.a.buyer, sub.UUID)
	if err != nil || len(sheet.Past)+1 != 2 || sheet.Current != nil {
		t.Errorf("sheet = %+v, %v", sheet, err)
	}
	s.stripe.invoices[draft].Status, s.stripe.invoices[draft].Number = "paid", "ABCD-2"
	s.tell(t, "invoice.paid", draft)
	if sheet, err = s.sell.Invoices(bg, s.a.buyer, sub.UUID); err != nil || sheet.Current == nil || sheet.Current.Number != "ABCD-2" {
		t.Errorf("sheet = %+v, %v", sheet, err)
	}
	rows, err := models.InvoicesOf(bg, s.db, sub.ID)
	if err != nil || len(rows) != 2 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestCurrentUsageHasWSO2s18Keys(t *testing.T) {
	t.Parallel()
	jpy := money.MustCurrency("jpy")
	i := billing.Invoice{
		ID: "in_1", Status: "open", Description: "d", AccountName: "Acme", AccountCountry: "JP", CustomerEmail: "a@b.example", Currency: jpy,
		Tax: money.New(50, jpy), Subtotal: money.New(500, jpy), Total: money.New(550, jpy), AmountDue: money.New(550, jpy), AmountPaid: money.New(0, jpy), AmountRemaining: money.New(550, jpy),
		PeriodStart: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), PeriodEnd: time.Date(2026, 2, 1, 0, 0, 0, 0, time.FixedZone("x", 3600)),
		DueDate: time.Date(2026, 2, 14, 12, 30, 0, 0, time.UTC),
	}
	want := map[string]string{
		"Description": "d", "Paid": "false", "Tax": "50", "Invoice ID": "in_1", "Account Name": "Acme", "Next Payment Attempt": "",
		"Customer Email": "a@b.example", "Currency": "jpy", "Account Country": "JP", "Amount Remaining": "550", "Period End": "2026-01-31 23:00:00 UTC",
		"Due Date": "2026-02-14 12:30:00 UTC", "Amount Due": "550", "Total Tax Amounts": "50", "Amount Paid": "0", "Subtotal": "500", "Total": "550",
		"Period Start": "2026-01-01 00:00:00 UTC",
	}
	got := billing.CurrentUsageForSubscription(i)
	if len(got) != 18 || len(want) != 18 {
		t.Errorf("%d keys", len(got))
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %q, want %q", k, got[k], v)
		}
	}
}
