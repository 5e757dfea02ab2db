package billing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/billing/stripe"
	"tollgate/money"
)

// errLine is a connection that broke: nobody knows whether the effect happened.
var errLine = errors.New("connection reset")

// till is Stripe for these tests. It keeps its own books and honours idempotency
// keys, and each call may be cut off before or after its effect.
type till struct {
	billing.Engine // what these tests never ask for

	mu      sync.Mutex
	now     func() time.Time
	made    int
	answers map[string]rung // by idempotency key
	misused []string        // keys that came with other values

	customers map[string]billing.CustomerInput
	sessions  map[string]*billing.CheckoutSession
	subs      map[string]*billing.Subscription
	invoices  map[string]*billing.Invoice
	at        map[string]accounts.StripeAccount // account of every id
	canceled  []string
	hooks     map[string]billing.WebhookInput
	portals   int
	schedules map[string]*billing.Schedule
	wares     map[string]string // the price that a checkout session sells
	poor      bool              // cards are declined
	returned  []string          // invoices that were given back

	down   bool                // nothing answers
	refuse map[string]error    // by operation: a clear no
	cut    func(op string) int // 1: before the effect, 2: after it
	before func(op string)     // what happens just before a call
	ops    []string
}

type rung struct {
	values string
	got    any
}

func newTill(now func() time.Time) *till {
	return &till{
		now: now, answers: map[string]rung{}, customers: map[string]billing.CustomerInput{}, sessions: map[string]*billing.CheckoutSession{},
		subs: map[string]*billing.Subscription{}, invoices: map[string]*billing.Invoice{}, at: map[string]accounts.StripeAccount{},
		hooks: map[string]billing.WebhookInput{}, refuse: map[string]error{}, schedules: map[string]*billing.Schedule{}, wares: map[string]string{},
	}
}

func (b *till) id(prefix string, at accounts.StripeAccount) string {
	b.made++
	id := fmt.Sprintf("%s_test_%04d", prefix, b.made)
	b.at[id] = at
	return id
}

// call runs effect under an idempotency key ("" for a read), or fails around it.
func ring[T any](b *till, op, key string, values any, effect func() (T, error)) (T, error) {
	if b.before != nil {
		b.before(op)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var zero T
	b.ops = append(b.ops, op)
	how := 0
	if b.cut != nil {
		how = b.cut(op)
	}
	if b.down || how == 1 {
		return zero, errLine
	}
	if err := b.refuse[op]; err != nil {
		return zero, err
	}
	text, _ := json.Marshal(values)
	if before, ok := b.answers[key]; ok && key != "" {
		if before.values != op+string(text) {
			b.misused = append(b.misused, key)
		}
		if how == 2 {
			return zero, errLine
		}
		return before.got.(T), nil
	}
	got, err := effect()
	if err == nil && key != "" {
		b.answers[key] = rung{op + string(text), got}
	}
	if how == 2 {
		return zero, errLine
	}
	return got, err
}

func noSuch(what, id string) error {
	return &billing.Refused{Status: 404, Code: "resource_missing", Message: "No such " + what + ": '" + id + "'"}
}

func (b *till) CreateCustomer(_ context.Context, at accounts.StripeAccount, key string, in billing.CustomerInput) (string, error) {
	return ring(b, "customer", key, in, func() (string, error) {
		id := b.id("cus", at)
		b.customers[id] = in
		return id, nil
	})
}

func (b *till) OpenCheckout(_ context.Context, at accounts.StripeAccount, key string, in billing.CheckoutInput) (billing.CheckoutSession, error) {
	return ring(b, "open", key, in, func() (billing.CheckoutSession, error) {
		if b.at[in.Customer] != at {
			return billing.CheckoutSession{}, noSuch("customer", in.Customer)
		}
		id := b.id("cs", at)
		b.wares[id] = in.Price
		b.sessions[id] = &billing.CheckoutSession{
			ID: id, URL: "https://checkout.stripe.com/c/pay/" + id, Status: billing.CheckoutOpen, PaymentStatus: "unpaid", Mode: "subscription",
			Customer: in.Customer, ClientReference: in.ClientReference, Metadata: in.Metadata, Created: b.now(), ExpiresAt: b.now().Add(24 * time.Hour),
		}
		return *b.sessions[id], nil
	})
}

func (b *till) session(at accounts.StripeAccount, id string) (*billing.CheckoutSession, error) {
	s := b.sessions[id]
	if s == nil || b.at[id] != at {
		return nil, noSuch("checkout session", id)
	}
	if s.Status == billing.CheckoutOpen && !b.now().Before(s.ExpiresAt) {
		s.Status = billing.CheckoutExpired
	}
	return s, nil
}

func (b *till) Checkout(_ context.Context, at accounts.StripeAccount, id string) (billing.CheckoutSession, error) {
	return ring(b, "read session", "", id, func() (billing.CheckoutSession, error) {
		s, err := b.session(at, id)
		if err != nil {
			return billing.CheckoutSession{}, err
		}
		return *s, nil
	})
}

func (b *till) ExpireCheckout(_ context.Context, at accounts.StripeAccount, key, id string) (billing.CheckoutSession, error) {
	return ring(b, "expire", key, id, func() (billing.CheckoutSession, error) {
		s, err := b.session(at, id)
		if err != nil {
			return billing.CheckoutSession{}, err
		}
		if s.Status == billing.CheckoutOpen {
			s.Status = billing.CheckoutExpired
		}
		return *s, nil
	})
}

func (b *till) sub(at accounts.StripeAccount, id string) (*billing.Subscription, error) {
	s := b.subs[id]
	if s == nil || b.at[id] != at {
		return nil, noSuch("subscription", id)
	}
	return s, nil
}

func (b *till) Subscription(_ context.Context, at accounts.StripeAccount, id string) (billing.Subscription, error) {
	return ring(b, "read subscription", "", id, func() (billing.Subscription, error) {
		s, err := b.sub(at, id)
		if err != nil {
			return billing.Subscription{}, err
		}
		return *s, nil
	})
}

func (b *till) SubscriptionsOf(_ context.Context, at accounts.StripeAccount, customer string) ([]billing.Subscription, error) {
	return ring(b, "list subscriptions", "", customer, func() ([]billing.Subscription, error) {
		if b.at[customer] != at {
			return nil, noSuch("customer", customer)
		}
		var all []billing.Subscription
		for _, s := range b.subs {
			if s.Customer == customer && b.at[s.ID] == at {
				all = append(all, *s)
			}
		}
		slices.SortFunc(all, func(x, y billing.Subscription) int { return y.Created.Compare(x.Created) })
		return all, nil
	})
}

func (b *till) CancelSubscription(_ context.Context, at accounts.StripeAccount, key, id string, when billing.CancelWhen) (billing.Subscription, error) {
	return ring(b, "cancel", key, []any{id, when}, func() (billing.Subscription, error) {
		s, err := b.sub(at, id)
		if err != nil {
			return billing.Subscription{}, err
		}
		if s.Status == "canceled" {
			return *s, noSuch("subscription", id)
		}
		if when == billing.CancelAtPeriodEnd {
			s.CancelAt, s.CanceledAt = s.Items[0].PeriodEnd, b.now()
		} else {
			s.Status, s.CanceledAt, s.EndedAt, s.CancelAt, s.CancelReason = "canceled", b.now(), b.now(), time.Time{}, "cancellation_requested"
			b.canceled = append(b.canceled, id)
		}
		return *s, nil
	})
}

func (b *till) ResumeSubscription(_ context.Context, at accounts.StripeAccount, key, id string) (billing.Subscription, error) {
	return ring(b, "resume", key, id, func() (billing.Subscription, error) {
		s, err := b.sub(at, id)
		if err != nil {
			return billing.Subscription{}, err
		}
		s.CancelAt, s.CanceledAt = time.Time{}, time.Time{}
		return *s, nil
	})
}

func (b *till) Invoice(_ context.Context, at accounts.StripeAccount, id string) (billing.Invoice, error) {
	return ring(b, "read invoice", "", id, func() (billing.Invoice, error) {
		i := b.invoices[id]
		if i == nil || b.at[id] != at {
			return billing.Invoice{}, noSuch("invoice", id)
		}
		return *i, nil
	})
}

func (b *till) InvoicesOf(_ context.Context, at accounts.StripeAccount, sub string) ([]billing.Invoice, error) {
	return ring(b, "list invoices", "", sub, func() ([]billing.Invoice, error) {
		var all []billing.Invoice
		for _, i := range b.invoices {
			if i.Subscription == sub && b.at[i.ID] == at {
				all = append(all, *i)
			}
		}
		slices.SortFunc(all, func(x, y billing.Invoice) int { return y.Created.Compare(x.Created) })
		return all, nil
	})
}

func (b *till) Preview(_ context.Context, at accounts.StripeAccount, sub string) (billing.Invoice, error) {
	return ring(b, "preview", "", sub, func() (billing.Invoice, error) {
		s, err := b.sub(at, sub)
		if err != nil {
			return billing.Invoice{}, err
		}
		return billing.Invoice{Status: "draft", Subscription: sub, Currency: usd, Total: money.New(4900, usd), PeriodStart: s.Items[0].PeriodEnd}, nil
	})
}

func (b *till) EnsurePortalConfiguration(_ context.Context, at accounts.StripeAccount, key, _ string, in billing.PortalConfiguration) (string, error) {
	return ring(b, "portal configuration", key, in, func() (string, error) { b.portals++; return b.id("bpc", at), nil })
}

func (b *till) OpenPortal(_ context.Context, at accounts.StripeAccount, key string, in billing.PortalInput) (string, error) {
	return ring(b, "portal", key, in, func() (string, error) {
		if b.at[in.Customer] != at || b.at[in.Configuration] != at {
			return "", noSuch("customer", in.Customer)
		}
		return "https://billing.stripe.com/p/session/" + in.Customer, nil
	})
}

func (b *till) EnsureWebhook(_ context.Context, at accounts.StripeAccount, key string, in billing.WebhookInput) (billing.Webhook, error) {
	return ring(b, "webhook", key, in, func() (billing.Webhook, error) {
		id := b.id("we", at)
		b.hooks[id] = in
		return billing.Webhook{ID: id, Secret: "whsec_" + fmt.Sprintf("%032d", b.made), Version: "2026-04-22.dahlia"}, nil
	})
}

func (b *till) Account(_ context.Context, at accounts.StripeAccount) (billing.Account, error) {
	return ring(b, "account", "", at, func() (billing.Account, error) {
		return billing.Account{ID: at.Connected, Name: "Fresh name", Country: "DE", DefaultCurrency: "eur", ChargesEnabled: true}, nil
	})
}

// Verify is the real one.
func (b *till) Verify(payload []byte, signature string, secrets []string, now time.Time) error {
	return (&stripe.Engine{}).Verify(payload, signature, secrets, now)
}

var usd = money.MustCurrency("usd")

// What happens at Stripe without us. Each returns what an event would be about.

// pay completes a checkout session: the card is charged, a subscription begins.
func (b *till) pay(id string) (sub, invoice string) { return b.complete(id, "paid", "active", "paid") }

// payLater completes a session whose money is on its way.
func (b *till) payLater(id string) (sub, invoice string) {
	return b.complete(id, "unpaid", "active", "open")
}

func (b *till) complete(id, payment, status, invoice string) (string, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, now := b.sessions[id], b.now()
	if s.Status != billing.CheckoutOpen {
		panic("session " + id + " is " + s.Status)
	}
	at := b.at[id]
	sub := &billing.Subscription{
		ID: b.id("sub", at), Status: status, Customer: s.Customer, Metadata: s.Metadata, Created: now,
		Items: []billing.Item{{ID: b.id("si", at), Price: b.wares[id], PeriodStart: now, PeriodEnd: now.AddDate(0, 1, 0)}},
	}
	b.subs[sub.ID] = sub
	s.Status, s.PaymentStatus, s.Subscription = billing.CheckoutComplete, payment, sub.ID
	return sub.ID, b.bill(sub, invoice, "subscription_create")
}

func (b *till) bill(sub *billing.Subscription, status, reason string) string {
	at, now := b.at[sub.ID], b.now()
	i := &billing.Invoice{
		ID: b.id("in", at), Status: status, BillingReason: reason, Subscription: sub.ID, Customer: sub.Customer, Currency: usd,
		Subtotal: money.New(4900, usd), Total: money.New(4900, usd), AmountDue: money.New(4900, usd), Created: now, PeriodStart: now, PeriodEnd: now,
		Lines: []billing.InvoiceLine{{ID: "il_1", Description: "1 × Gold", Quantity: 1, Amount: money.New(4900, usd)}},
	}
	i.Number = fmt.Sprintf("ABCD-%04d", b.made)
	if status == "paid" {
		i.AmountPaid, i.PaidAt = i.Total, now
	} else {
		i.AmountRemaining = i.Total
	}
	b.invoices[i.ID], sub.LatestInvoice = i, i.ID
	return i.ID
}

// renew begins the next period of a subscription, paid or not.
func (b *till) renew(id string, paid bool) (invoice string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.subs[id]
	s.Items[0].PeriodStart, s.Items[0].PeriodEnd = s.Items[0].PeriodEnd, s.Items[0].PeriodEnd.AddDate(0, 1, 0)
	s.Status = map[bool]string{true: "active", false: "past_due"}[paid]
	return b.bill(s, map[bool]string{true: "paid", false: "open"}[paid], "subscription_cycle")
}

// settle pays what is open.
func (b *till) settle(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.subs[id]
	s.Status = "active"
	for _, i := range b.invoices {
		if i.Subscription == id && i.Status == "open" {
			i.Status, i.PaidAt, i.AmountPaid, i.AmountRemaining = "paid", b.now(), i.Total, money.New(0, usd)
		}
	}
	for _, cs := range b.sessions {
		if cs.Subscription == id {
			cs.PaymentStatus = "paid"
		}
	}
}

// end is what the end of a period or a failed dunning does.
func (b *till) end(id, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.subs[id]
	s.Status, s.EndedAt, s.CancelAt, s.CancelReason = "canceled", b.now(), time.Time{}, reason
}

// lapse lets a session expire.
func (b *till) lapse(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sessions[id].Status = billing.CheckoutExpired
}

// living returns the subscriptions that can still charge somebody.
func (b *till) living() (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range b.subs {
		if s.Status != "canceled" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (b *till) payable() (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range b.sessions {
		if s.Status == billing.CheckoutOpen && b.now().Before(s.ExpiresAt) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
