package billing

import (
	"context"
	"net/url"
	"strings"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// stripePages is where Stripe's own hosted pages are.
var stripePages = []string{"checkout.stripe.com", "billing.stripe.com"}

// CheckoutURL returns where one of the actor's subscriptions can be paid. When the
// deadline has passed, Stripe is asked first. NotFound: there is nothing to pay.
func (s *Subscriptions) CheckoutURL(ctx context.Context, who accounts.Actor, uuid string) (string, error) {
	sub, err := s.own(ctx, who, uuid)
	if err != nil {
		return "", err
	}
	if sub.Checkout == string(access.Opening) {
		if sub, err = s.opened(ctx, sub); err != nil {
			return "", err
		}
	}
	if sub.Checkout == string(access.Open) && sub.CheckoutExpiresAt <= models.At(s.Business.Now()) {
		if err := s.refresh(ctx, sub); err != nil {
			return "", err
		}
		if sub, err = s.own(ctx, who, uuid); err != nil {
			return "", err
		}
	}
	switch access.Checkout(sub.Checkout) {
	case access.Open:
		return s.sessionURL(ctx, sub)
	case access.Opening:
		return "", fault.New(fault.Unavailable, "Stripe has not opened the payment page yet. Please try again in a moment.")
	case access.NoCheckout, access.Processing, access.Expired, access.Failed, access.Declined:
	}
	return "", fault.New(fault.NotFound, "No pending checkout session found for the given subscription")
}

func (s *Subscriptions) sessionURL(ctx context.Context, sub models.Subscription) (string, error) {
	session, err := models.CheckoutSessionByID(ctx, s.DB, sub.TenantID, sub.CheckoutSessionID)
	if err != nil {
		return "", err
	}
	return s.trusted(session.CheckoutURL)
}

// trusted returns raw if it leads to Stripe's hosted pages, or to the sandbox's.
// Nothing else is ever redirected to.
func (s *Subscriptions) trusted(raw string) (string, error) { return s.leadsTo(raw, stripePages) }

// trustedInvoice is trusted for the page of an invoice.
func (s *Subscriptions) trustedInvoice(raw string) (string, error) {
	return s.leadsTo(raw, []string{"invoice.stripe.com"})
}

func (s *Subscriptions) leadsTo(raw string, hosts []string) (string, error) {
	u, err := url.Parse(raw)
	if err == nil && u.User == nil && !strings.ContainsAny(raw, "\\\r\n\t") {
		if s.StripePages != "" && u.Scheme+"://"+u.Host == strings.TrimSuffix(s.StripePages, "/") {
			return raw, nil
		}
		for _, host := range hosts {
			if s.StripePages == "" && u.Scheme == "https" && u.Host == host {
				return raw, nil
			}
		}
	}
	return "", fault.From(fault.Unavailable, err, "The address of the payment page is not one of Stripe's, so we did not open it.")
}

// A Completion is what came of returning from Checkout.
type Completion int

// The outcomes of CompleteSession.
const (
	NotYetComplete Completion = iota
	Completed
	AlreadyCompleted
)

// CompleteSession makes sure that a checkout session of the actor's counts, if
// Stripe says that it was paid: it never trusts the visit itself. It returns the
// subscription's uuid as well.
func (s *Subscriptions) CompleteSession(ctx context.Context, who accounts.Actor, id string) (Completion, string, error) {
	none := fault.New(fault.NotFound, "No checkout session found for the given session_id")
	session, err := models.CheckoutSessionByID(ctx, s.DB, who.Tenant, id)
	if fault.KindOf(err) == fault.NotFound {
		return 0, "", none
	}
	if err != nil {
		return 0, "", err
	}
	sub, err := models.SubscriptionByNumber(ctx, s.DB, who.Tenant, session.AMSubscriptionID)
	if err != nil {
		return 0, "", err
	}
	if _, err := s.own(ctx, who, sub.UUID); fault.KindOf(err) == fault.NotFound {
		return 0, "", none
	} else if err != nil {
		return 0, "", err
	}
	switch session.Status {
	case models.SessionCompleted:
		return AlreadyCompleted, sub.UUID, nil
	case models.SessionExpired:
		return NotYetComplete, sub.UUID, nil
	}
	if err := s.refresh(ctx, sub); err != nil {
		return 0, sub.UUID, err
	}
	if session, err = models.CheckoutSessionByID(ctx, s.DB, who.Tenant, id); err != nil {
		return 0, sub.UUID, err
	}
	if session.Status == models.SessionCompleted {
		return Completed, sub.UUID, nil
	}
	return NotYetComplete, sub.UUID, nil
}
