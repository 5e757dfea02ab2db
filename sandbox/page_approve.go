package sandbox

import (
	"context"
	"net/http"

	"tollgate/money"
	"tollgate/sandbox/views"
)

// waiting finds the payment that waits for its holder at the bank's page, and
// whose it is. It answers itself, and returns nil, when there is none.
func (s *Server) waiting(w http.ResponseWriter, r *http.Request) (string, *PaymentIntent) {
	account, p, err := s.intentByID(r.Context(), r.PathValue("intent"))
	switch {
	case err != nil:
		s.failed(w, r, err)
	case p == nil:
		s.gone(w, r, "There is no such payment", "The address is not one that the sandbox gave out.")
	case p.Status != intentNeedsAction:
		s.page(w, r, http.StatusGone, views.Closed(views.ClosedProps{Title: "This payment does not wait for you", Text: "It is " + spell(p.Status) + ".",
			Back: p.ReturnURL, BackText: "Go on"}))
	default:
		return account, p
	}
	return "", nil
}

func (s *Server) intentByID(ctx context.Context, id string) (account string, p *PaymentIntent, err error) {
	err = s.read(ctx, "", func(t *tx) error {
		found, err := t.scan(`SELECT account FROM objects WHERE type = 'payment_intent' AND id = ? AND deleted = 0`, []any{id}, &account)
		if err != nil || !found {
			return err
		}
		p, err = find[PaymentIntent](t.as(account), id)
		return err
	})
	return account, p, err
}

func (s *Server) showApproval(w http.ResponseWriter, r *http.Request) {
	account, p := s.waiting(w, r)
	if p == nil {
		return
	}
	seller, err := s.seller(r, account)
	var last4 string
	if err == nil {
		err = s.read(r.Context(), account, func(t *tx) error {
			m, err := get[PaymentMethod](t, text(p.PaymentMethod), "payment_method")
			if err == nil && m.Card != nil {
				last4 = m.Card.Last4
			}
			return err
		})
	}
	if err != nil {
		s.failed(w, r, err)
		return
	}
	s.page(w, r, http.StatusOK, views.Approve(views.ApproveProps{Action: r.URL.Path, Seller: seller,
		Amount: money.New(p.Amount, money.MustCurrency(p.Currency)).String(), Last4: last4}))
}

// takeApproval is the answer of the holder, who then goes back to the shop.
func (s *Server) takeApproval(w http.ResponseWriter, r *http.Request) {
	account, p := s.waiting(w, r)
	if p == nil {
		return
	}
	v, err := s.approve(r, account, p.ID)
	switch {
	case err != nil:
		s.failed(w, r, err)
	case p.ReturnURL != "":
		http.Redirect(w, r, withQuery(p.ReturnURL, "payment_intent", p.ID, "payment_intent_client_secret", p.ClientSecret), http.StatusSeeOther)
	case v.decline != nil:
		s.page(w, r, http.StatusPaymentRequired, views.Closed(views.ClosedProps{Title: "The payment failed", Text: v.decline.message}))
	default:
		s.page(w, r, http.StatusOK, views.Closed(views.ClosedProps{Title: "The payment is approved", Text: "You may close this page."}))
	}
}

// approve does what the holder answered about the payment id of account.
func (s *Server) approve(r *http.Request, account, id string) (v verdict, err error) {
	err = s.write(r.Context(), account, func(t *tx) error {
		p, err := get[PaymentIntent](t, id, "payment_intent")
		if err != nil {
			return err
		}
		clock := ""
		if p.Customer != nil {
			c, err := find[Customer](t, *p.Customer)
			if err != nil {
				return err
			}
			if c != nil {
				clock = c.clock()
			}
		}
		on, err := t.onClock(clock)
		if err != nil {
			return err
		}
		v, err = on.authenticate(p, r.PostFormValue("answer") == "approve")
		return err
	})
	return v, err
}
