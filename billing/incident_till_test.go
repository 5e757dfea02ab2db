package billing_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/models"
	"tollgate/money"
	"tollgate/notices"
)

// A bank is a till that also keeps charges, refunds, disputes and deleted customers.
type bank struct {
	*till
	charges  map[string]*billing.Charge
	refunds  map[string]*billing.Refund
	disputes map[string]*billing.Dispute
	deleted  map[string]bool
}

// openBank gives a shop a bank, a desk for notices, and its first tenant an admin.
func openBank(t testing.TB, s *shop) *bank {
	t.Helper()
	b := &bank{till: s.stripe, charges: map[string]*billing.Charge{}, refunds: map[string]*billing.Refund{}, disputes: map[string]*billing.Dispute{}, deleted: map[string]bool{}}
	s.sell.Engine = b
	s.sell.Notices = &notices.Desk{DB: s.db, Wall: s.sell.Wall, Business: s.sell.Business, PublicURL: s.sell.PublicURL}
	admin := models.Person{ID: models.NewID(), TenantID: s.a.tenant, Username: "root", DisplayName: "Root", State: "active", Theme: "system", CreatedAt: models.At(s.now())}
	stockUp(t, s.db, &admin, &models.PersonRole{PersonID: admin.ID, Role: "admin"})
	return b
}

// charged returns the id of the charge that paid an invoice.
func (b *bank) charged(invoice string) string {
	i, id := b.invoices[invoice], "ch_"+invoice
	if b.charges[id] == nil {
		b.charges[id] = &billing.Charge{ID: id, Customer: i.Customer, InvoiceID: invoice, Amount: i.Total, Refunded: money.New(0, usd), Paid: true, Created: b.now()}
		b.at[id] = b.at[invoice]
	}
	return id
}

// giveBack makes a refund of some of what an invoice was paid with.
func (b *bank) giveBack(invoice string, minor int64, status string) string {
	ch := b.charges[b.charged(invoice)]
	ch.Refunded = money.New(ch.Refunded.Minor()+minor, usd)
	id := b.id("re", b.at[invoice])
	b.refunds[id] = &billing.Refund{ID: id, Charge: ch.ID, Status: status, Reason: "requested_by_customer", Amount: money.New(minor, usd), Created: b.now()}
	return id
}

func (b *bank) dispute(invoice string) string {
	ch := b.charges[b.charged(invoice)]
	ch.Disputed = true
	id := b.id("dp", b.at[invoice])
	b.disputes[id] = &billing.Dispute{ID: id, Charge: ch.ID, Status: "needs_response", Reason: "fraudulent", Amount: ch.Amount, Created: b.now(), EvidenceBy: b.now().Add(7 * 24 * time.Hour)}
	return id
}

// one reads something of all, if it is in the account.
func one[T any](b *bank, op, id string, at accounts.StripeAccount, all map[string]*T) (T, error) {
	return ring(b.till, op, "", id, func() (T, error) {
		var zero T
		if all[id] == nil || b.at[id] != at {
			return zero, noSuch(op, id)
		}
		return *all[id], nil
	})
}

func (b *bank) Charge(_ context.Context, at accounts.StripeAccount, id string) (billing.Charge, error) {
	return one(b, "charge", id, at, b.charges)
}

func (b *bank) RefundByID(_ context.Context, at accounts.StripeAccount, id string) (billing.Refund, error) {
	return one(b, "refund", id, at, b.refunds)
}

func (b *bank) Dispute(_ context.Context, at accounts.StripeAccount, id string) (billing.Dispute, error) {
	return one(b, "dispute", id, at, b.disputes)
}

func (b *bank) RefundsSince(_ context.Context, at accounts.StripeAccount, since time.Time) ([]billing.Refund, error) {
	return ring(b.till, "list refunds", "", since, func() ([]billing.Refund, error) {
		var all []billing.Refund
		for id, r := range b.refunds {
			if b.at[id] == at && !r.Created.Before(since) {
				all = append(all, *r)
			}
		}
		return all, nil
	})
}

func (b *bank) DisputesSince(_ context.Context, at accounts.StripeAccount, since time.Time) ([]billing.Dispute, error) {
	return ring(b.till, "list disputes", "", since, func() ([]billing.Dispute, error) {
		var all []billing.Dispute
		for id, d := range b.disputes {
			if b.at[id] == at && !d.Created.Before(since) {
				all = append(all, *d)
			}
		}
		return all, nil
	})
}

func (b *bank) Refund(_ context.Context, at accounts.StripeAccount, key, invoice string) (billing.Refund, error) {
	return ring(b.till, "give back", key, invoice, func() (billing.Refund, error) {
		i := b.invoices[invoice]
		if i == nil || b.at[invoice] != at || i.AmountPaid.IsZero() {
			return billing.Refund{}, noSuch("payment", invoice)
		}
		for _, r := range b.refunds {
			if r.Charge == b.charged(invoice) {
				return *r, nil
			}
		}
		return *b.refunds[b.giveBack(invoice, i.AmountPaid.Minor(), "succeeded")], nil
	})
}

func (b *bank) Customer(_ context.Context, at accounts.StripeAccount, id string) (billing.Customer, error) {
	return ring(b.till, "read customer", "", id, func() (billing.Customer, error) {
		if b.at[id] != at {
			return billing.Customer{}, noSuch("customer", id)
		}
		return billing.Customer{ID: id, Deleted: b.deleted[id]}, nil
	})
}

// SubscriptionsOf is the till's: a deleted customer is gone from it.
func (b *bank) SubscriptionsOf(ctx context.Context, at accounts.StripeAccount, customer string) ([]billing.Subscription, error) {
	if b.deleted[customer] {
		return nil, noSuch("customer", customer)
	}
	return b.till.SubscriptionsOf(ctx, at, customer)
}

// OpenCheckout is the till's: a deleted customer cannot buy.
func (b *bank) OpenCheckout(ctx context.Context, at accounts.StripeAccount, key string, in billing.CheckoutInput) (billing.CheckoutSession, error) {
	if b.deleted[in.Customer] {
		return billing.CheckoutSession{}, &billing.Refused{Status: 400, Code: "resource_missing", Param: "customer", Message: "No such customer: '" + in.Customer + "'"}
	}
	return b.till.OpenCheckout(ctx, at, key, in)
}

// deleteCustomer does what Stripe does: its subscriptions are canceled at once.
func (b *bank) deleteCustomer(id string) {
	b.deleted[id] = true
	for _, s := range b.subs {
		if s.Customer == id && s.Status != "canceled" {
			s.Status, s.EndedAt, s.CanceledAt = "canceled", b.now(), b.now()
		}
	}
}

// bar takes the platform's access to every account away, or gives it back.
func (b *bank) bar(yes bool) {
	for _, op := range []string{"account", "list subscriptions", "read session", "read subscription", "list invoices", "open", "customer", "refund", "charge"} {
		delete(b.refuse, op)
		if yes {
			b.refuse[op] = &billing.Barred{Status: 403, Message: "The account does not exist, or access was revoked."}
		}
	}
}

// of returns an event about any object.
func (s *shop) of(kind, object, id string) event {
	e := s.about("invoice.paid", id)
	e.Type, e.Object = kind, object
	return e
}

// hear delivers events and does what they ask for, one after the other.
func (s *shop) hear(t testing.TB, events ...event) {
	t.Helper()
	for _, e := range events {
		s.send(t, e)
		s.work(t)
	}
}

// told returns who was told of what: person and kind, sorted.
func (s *shop) told(t testing.TB) []string {
	t.Helper()
	var all []models.Notice
	if err := s.db.NewSelect().Model(&all).OrderExpr("nt.created_at, nt.id").Scan(bg); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{s.a.buyer.Person: "buyer", s.a.publisher.Person: "publisher"}
	var out []string
	for _, n := range all {
		who := names[n.PersonID]
		if who == "" {
			who = "admin"
		}
		out = append(out, who+" "+n.Kind)
	}
	slices.Sort(out)
	return out
}

// kinds returns what the timeline of a subscription holds, oldest first.
func (s *shop) kinds(t testing.TB, sub models.Subscription) []string {
	t.Helper()
	var all []models.TimelineEntry
	if err := s.db.NewSelect().Model(&all).Where("tl.am_subscription_id = ?", sub.ID).OrderExpr("tl.id").Scan(bg); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		if e.Text == "" || e.ActorName == "" {
			t.Errorf("an entry says nothing: %+v", e)
		}
		out = append(out, e.Kind)
	}
	return out
}

func (s *shop) incidents(t testing.TB, sub models.Subscription) (out []string) {
	t.Helper()
	all, err := models.IncidentsOf(bg, s.db, sub.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		out = append(out, fmt.Sprintf("%s %s %v %d", p.Kind, p.Status, p.Settled, p.AmountMinor))
	}
	slices.Sort(out)
	return out
}

// rule changes the tenant's settings as the admin page does.
func (s *shop) rule(t testing.TB, grace string, onDispute, onRefund bool) {
	t.Helper()
	tenants := &accounts.Tenants{DB: s.db, Wall: s.sell.Wall, Follow: s.sell}
	in := accounts.SettingsInput{Name: "Acme", GraceHours: grace, HoldOnDispute: onDispute, HoldOnRefund: onRefund}
	if err := tenants.SaveSettings(bg, accounts.System(s.a.tenant, s.a.domain), in); err != nil {
		t.Fatal(err)
	}
	s.work(t)
}
