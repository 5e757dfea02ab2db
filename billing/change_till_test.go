package billing_test

import (
	"context"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/money"
)

// priceList is what the prices of these tests cost a month, in cents. A metered
// one costs nothing ahead.
var priceList = map[string]int64{"price_gold": 4900, "price_silver": 1900, "price_payg": 0, "price_payg2": 0}

// declining are the tills whose customers' cards are declined.
func (b *till) declining(yes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.poor = yes
}

// settlement is what a change at an instant costs at once: the rest of the period,
// at the new price and not at the old one.
func (b *till) settlement(s *billing.Subscription, in billing.Change) billing.Invoice {
	from, to := s.Items[0].PeriodStart, s.Items[0].PeriodEnd
	rest, whole := int64(to.Sub(in.At)/time.Second), int64(to.Sub(from)/time.Second)
	back, owed := priceList[s.Items[0].Price]*rest/whole, priceList[in.Price]*rest/whole
	i := billing.Invoice{
		Status: "draft", BillingReason: "subscription_update", Subscription: s.ID, Customer: s.Customer, Currency: usd,
		Total: money.New(owed-back, usd), Subtotal: money.New(owed-back, usd), AmountDue: money.New(max(owed-back, 0), usd), Created: b.now(),
		Lines: []billing.InvoiceLine{
			{ID: "il_back", Description: "Unused time", Amount: money.New(-back, usd), Proration: true},
			{ID: "il_owed", Description: "Remaining time", Amount: money.New(owed, usd), Proration: true},
		},
	}
	return i
}

func (b *till) item(at accounts.StripeAccount, in billing.Change) (*billing.Subscription, error) {
	s, err := b.sub(at, in.Subscription)
	if err != nil {
		return nil, err
	}
	if s.Items[0].ID != in.Item || s.Status == "canceled" {
		return nil, noSuch("subscription item", in.Item)
	}
	return s, nil
}

func (b *till) PreviewChange(_ context.Context, at accounts.StripeAccount, in billing.Change) (billing.Invoice, error) {
	return ring(b, "preview change", "", in, func() (billing.Invoice, error) {
		s, err := b.item(at, in)
		if err != nil {
			return billing.Invoice{}, err
		}
		return b.settlement(s, in), nil
	})
}

func (b *till) ChangeSubscription(_ context.Context, at accounts.StripeAccount, key string, in billing.Change) (billing.Subscription, error) {
	return ring(b, "change", key, in, func() (billing.Subscription, error) {
		s, err := b.item(at, in)
		if err != nil {
			return billing.Subscription{}, err
		}
		if s.Schedule != "" || !s.CancelAt.IsZero() {
			return billing.Subscription{}, &billing.Refused{Status: 400, Message: "The subscription is managed by a schedule, or ends."}
		}
		i := b.settlement(s, in)
		i.ID, i.Status, i.AmountPaid, i.PaidAt = b.id("in", at), "paid", i.AmountDue, b.now()
		if b.poor && i.AmountDue.Minor() > 0 {
			i.Status, i.AmountPaid, i.AmountRemaining, i.PaidAt = "open", money.New(0, usd), i.AmountDue, time.Time{}
			i.HostedURL = "https://invoice.stripe.com/i/" + i.ID
			s.Pending = &billing.Pending{Price: in.Price, Expires: b.now().Add(23 * time.Hour)}
		} else {
			s.Items[0].Price = in.Price
		}
		b.invoices[i.ID], s.LatestInvoice = &i, i.ID
		return *s, nil
	})
}

func (b *till) ScheduleChange(_ context.Context, at accounts.StripeAccount, key string, in billing.Change) (billing.Schedule, error) {
	return ring(b, "schedule", key, in, func() (billing.Schedule, error) {
		s, err := b.item(at, in)
		if err != nil {
			return billing.Schedule{}, err
		}
		if !s.CancelAt.IsZero() {
			return billing.Schedule{}, &billing.Refused{Status: 400, Message: "The subscription ends."}
		}
		if s.Schedule == "" {
			s.Schedule = b.id("sub_sched", at)
		}
		c := &billing.Schedule{ID: s.Schedule, Status: billing.ScheduleActive, Subscription: s.ID, NextPrice: in.Price, NextAt: s.Items[0].PeriodEnd}
		b.schedules[c.ID] = c
		return *c, nil
	})
}

func (b *till) ReleaseSchedule(_ context.Context, at accounts.StripeAccount, key, id string) error {
	_, err := ring(b, "release", key, id, func() (bool, error) {
		if b.at[id] != at {
			return false, noSuch("schedule", id)
		}
		b.let(id)
		return true, nil
	})
	return err
}

func (b *till) Schedule(_ context.Context, at accounts.StripeAccount, id string) (billing.Schedule, error) {
	return ring(b, "read schedule", "", id, func() (billing.Schedule, error) {
		if b.schedules[id] == nil || b.at[id] != at {
			return billing.Schedule{}, noSuch("schedule", id)
		}
		return *b.schedules[id], nil
	})
}

func (b *till) let(id string) {
	if c := b.schedules[id]; c != nil {
		b.subs[c.Subscription].Schedule, c.Status, c.NextPrice = "", "released", ""
	}
}

// What happens at Stripe without us.

// released is what somebody does in the dashboard.
func (b *till) released(sub string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.let(b.subs[sub].Schedule)
}

// turns begins the next period of a subscription, and the phase that a schedule
// has for it.
func (b *till) turns(sub string) {
	b.renew(sub, true)
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.subs[sub]
	if c := b.schedules[s.Schedule]; c != nil && c.NextPrice != "" {
		s.Items[0].Price, c.NextPrice = c.NextPrice, ""
		s.Items[0].ID += "n" // a phase has items of its own
	}
}

// payPending pays the invoice that a change waits for.
func (b *till) payPending(sub string) {
	b.settle(sub)
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.subs[sub]
	s.Items[0].Price, s.Pending = s.Pending.Price, nil
}

// dropPending is what becomes of a change that nobody pays.
func (b *till) dropPending(sub string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.subs[sub]
	b.invoices[s.LatestInvoice].Status, s.Pending = "void", nil
}
