package sandbox

import (
	"context"
	"time"
)

// A portalVisit is what the Customer Portal's page shows.
type portalVisit struct {
	account       string
	seller        string
	session       *PortalSession
	configuration *PortalConfiguration
	customer      *Customer
	subscriptions []*Subscription
	products      map[string]string // product id to name
	invoices      []*Invoice
	method        *PaymentMethod // the default one, nil for none
	over          bool           // the link is too old
}

// portal finds a visit by the token in its address; nil when there is none.
func (s *Server) portal(ctx context.Context, token string) (v *portalVisit, err error) {
	err = s.read(ctx, "", func(t *tx) error {
		var account, id string
		found, err := t.scan(`SELECT account, id FROM objects WHERE type = 'billing_portal.session' AND json_extract(doc, '$._token') = ?`,
			[]any{token}, &account, &id)
		if err != nil || !found {
			return err
		}
		v, err = t.as(account).visit(id)
		return err
	})
	return v, err
}

func (t *tx) visit(id string) (v *portalVisit, err error) {
	v = &portalVisit{account: t.account, products: map[string]string{}}
	if v.session, err = get[PortalSession](t, id, "session"); err != nil {
		return nil, err
	}
	v.over = t.now.After(time.Unix(v.session.Created, 0).Add(portalLife))
	if v.configuration, err = get[PortalConfiguration](t, v.session.Configuration, "configuration"); err != nil {
		return nil, err
	}
	if v.customer, err = get[Customer](t, v.session.Customer, "customer"); err != nil {
		return nil, err
	}
	if v.subscriptions, err = all[Subscription](t, eq("customer", v.customer.ID)); err != nil {
		return nil, err
	}
	for _, s := range v.subscriptions {
		for _, item := range s.Items.Data {
			if p, err := find[Product](t, item.Price.Product); err == nil && p != nil {
				v.products[p.ID] = p.Name
			}
		}
	}
	if v.invoices, err = all[Invoice](t, eq("customer", v.customer.ID), compare("status", "!=", invoiceDraft)); err != nil {
		return nil, err
	}
	v.method, err = t.shownMethod(v)
	if err != nil {
		return nil, err
	}
	home, err := t.ownAccount()
	if err == nil && home != nil {
		if name := home.displayName(); name != nil {
			v.seller = *name
		}
	}
	return v, err
}

// shownMethod is the card that the visit's subscriptions are paid with.
func (t *tx) shownMethod(v *portalVisit) (*PaymentMethod, error) {
	id := v.customer.InvoiceSettings.DefaultPaymentMethod
	for _, s := range v.subscriptions {
		if id == nil && !s.ended() {
			id = s.DefaultPaymentMethod
		}
	}
	if id == nil {
		return nil, nil
	}
	return find[PaymentMethod](t, *id)
}

// cancelInPortal ends one of the visitor's subscriptions as the configuration
// says. In flexible mode a cancellation at period end sets cancel_at alone.
func (s *Server) cancelInPortal(ctx context.Context, v *portalVisit, id string) error {
	return s.inPortal(ctx, v, id, func(t *tx, sub *Subscription) error {
		rules := v.configuration.Features.SubscriptionCancel
		switch {
		case !rules.Enabled:
			return invalid("", "This portal does not allow canceling.")
		case rules.Mode == "immediately":
			return t.cancelNow(sub, rules.ProrationBehavior == "always_invoice", rules.ProrationBehavior != "none")
		}
		if err := t.leaveToCustomer(sub); err != nil {
			return err
		}
		t.cancelLater(sub, sub.period().end.Unix(), !sub.flexible())
		return t.change(sub)
	})
}

// resumeInPortal takes a cancellation back that has not happened.
func (s *Server) resumeInPortal(ctx context.Context, v *portalVisit, id string) error {
	return s.inPortal(ctx, v, id, func(t *tx, sub *Subscription) error {
		if err := t.leaveToCustomer(sub); err != nil {
			return err
		}
		sub.keepOn()
		return t.change(sub)
	})
}

// leaveToCustomer releases sub from its schedule: what its customer decides in
// the portal takes the place of what was planned.
func (t *tx) leaveToCustomer(sub *Subscription) error {
	c, err := t.scheduleOf(sub)
	if err != nil || c == nil || c.over() {
		return err
	}
	return t.release(c, sub, true)
}

// inPortal runs fn on one of the visitor's own live subscriptions.
func (s *Server) inPortal(ctx context.Context, v *portalVisit, id string, fn func(*tx, *Subscription) error) error {
	return s.write(ctx, v.account, func(t *tx) error {
		sub, err := get[Subscription](t, id, "subscription")
		if err != nil {
			return err
		}
		if sub.Customer != v.customer.ID || sub.ended() {
			return noSuch("subscription", id, "subscription")
		}
		on, err := t.onClock(sub.clock())
		if err != nil {
			return err
		}
		return fn(on, sub)
	})
}

// updateCardInPortal makes a card that was typed the one that everything of the
// visitor is paid with, and has what is unpaid tried again.
func (s *Server) updateCardInPortal(ctx context.Context, v *portalVisit, card typedCard) error {
	return s.write(ctx, v.account, func(t *tx) error {
		c, err := get[Customer](t, v.customer.ID, "customer")
		if err != nil {
			return err
		}
		m, err := t.typedMethod(card, &BillingDetails{Email: c.Email, Name: c.Name})
		if err != nil {
			return err
		}
		m.SetUp = true // the portal authenticates a card while it is saved
		if err := t.saveCard(c, m); err != nil {
			return err
		}
		c.InvoiceSettings.DefaultPaymentMethod = &m.ID
		if err := t.saveCustomer(c); err != nil {
			return err
		}
		return t.useEverywhere(c, m)
	})
}

func (t *tx) useEverywhere(c *Customer, m *PaymentMethod) error {
	subs, err := all[Subscription](t, eq("customer", c.ID))
	if err != nil {
		return err
	}
	for _, sub := range subs {
		if sub.ended() {
			continue
		}
		on, err := t.onClock(sub.clock())
		if err != nil {
			return err
		}
		sub.DefaultPaymentMethod = &m.ID
		if err := on.change(sub); err != nil {
			return err
		}
		if err := on.retryOpen(sub); err != nil {
			return err
		}
	}
	return nil
}
