package simulate

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"tollgate/models"
	"tollgate/sandbox"
)

// Pay pays a Checkout session with a test card, named by its token such as
// tok_visa. A bank's no is an error.
func (w *World) Pay(ctx context.Context, s *Seller, session, token string) error {
	card, err := w.Ask(ctx, s, s.Account, "POST /v1/payment_methods", url.Values{"type": {"card"}, "card[token]": {token}})
	if err != nil {
		return err
	}
	page, err := w.Ask(ctx, s, s.Account, "GET /v1/checkout/sessions/"+session, nil)
	if err != nil {
		return err
	}
	total, _ := page.At("amount_total").(float64)
	_, err = w.Ask(ctx, s, s.Account, "POST /v1/payment_pages/"+session+"/confirm", url.Values{
		"payment_method": {card.Text("id")}, "expected_amount": {strconv.FormatInt(int64(total), 10)},
	})
	return err
}

// SetCard makes a subscription be paid with another test card from now on, named
// by the word in pm_card_….
func (w *World) SetCard(ctx context.Context, s *Seller, subscription, card string) error {
	sub, err := w.Ask(ctx, s, s.Account, "GET /v1/subscriptions/"+subscription, nil)
	if err != nil {
		return err
	}
	held, err := w.Ask(ctx, s, s.Account, "POST /v1/payment_methods/pm_card_"+card+"/attach", url.Values{"customer": {sub.Text("customer")}})
	if err != nil {
		return err
	}
	_, err = w.Ask(ctx, s, s.Account, "POST /v1/subscriptions/"+subscription, url.Values{"default_payment_method": {held.Text("id")}})
	return err
}

// PayOpen pays the open invoice of a subscription with its card.
func (w *World) PayOpen(ctx context.Context, s *Seller, subscription string) error {
	open, err := w.Ask(ctx, s, s.Account, "GET /v1/invoices", url.Values{"subscription": {subscription}, "status": {"open"}})
	if err != nil {
		return err
	}
	for _, i := range open.List("data") {
		if _, err := w.Ask(ctx, s, s.Account, "POST /v1/invoices/"+i.Text("id")+"/pay", nil); err != nil {
			return err
		}
	}
	return nil
}

// Webhooks are the signed events that Stripe has for the endpoints of s, after an event.
func (w *World) Webhooks(ctx context.Context, s *Seller, after string) ([]sandbox.Webhook, error) {
	all, err := w.Stripe.Webhooks(ctx, sandbox.WebhookQuery{After: after})
	if err != nil {
		return nil, err
	}
	var own []sandbox.Webhook
	for _, h := range all {
		if h.Endpoint == s.ConnectHook || h.Endpoint == s.OwnerHook {
			own = append(own, h)
		}
	}
	return own, nil
}

// LastEvent is the newest event that Stripe has, "" for none.
func (w *World) LastEvent(ctx context.Context) (string, error) {
	all, err := w.Stripe.Webhooks(ctx, sandbox.WebhookQuery{})
	if err != nil || len(all) == 0 {
		return "", err
	}
	return all[len(all)-1].Event, nil
}

// Row is a subscription as the database has it.
func (w *World) Row(ctx context.Context, p *Program, s *Seller, uuid string) (models.Subscription, error) {
	return models.SubscriptionByUUID(ctx, p.DB, s.Tenant.ID, uuid)
}

// every reads a whole list of Stripe's.
func (w *World) every(ctx context.Context, s *Seller, account, path string, query url.Values) (all []Doc, err error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", "100")
	for {
		page, err := w.Ask(ctx, s, account, "GET "+path, query)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		docs := page.List("data")
		all = append(all, docs...)
		if more, _ := page.At("has_more").(bool); !more || len(docs) == 0 {
			return all, nil
		}
		query.Set("starting_after", docs[len(docs)-1].Text("id"))
	}
}
