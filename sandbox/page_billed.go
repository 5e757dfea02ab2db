package sandbox

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"tollgate/money"
	"tollgate/sandbox/views"
)

// tones of the statuses of invoices and subscriptions.
var tones = map[string]string{
	invoiceDraft: "quiet", invoiceOpen: "attention", invoicePaid: "good", invoiceVoid: "quiet", invoiceUncollectible: "bad",
	subActive: "good", subTrialing: "good", subIncomplete: "attention", subPastDue: "bad", subUnpaid: "bad", subPaused: "attention",
	subCanceled: "quiet", subIncompleteExpired: "quiet",
	disputeOpen: "attention", disputeReview: "attention", disputeWon: "good", disputeLost: "bad", inquiryOpen: "attention", inquiryReview: "attention",
	intentSucceeded: "good", "failed": "bad",
}

// spell is a status as people read it.
func spell(status string) string { return capital(strings.ReplaceAll(status, "_", " ")) }

// hosted finds the invoice of a request. It answers itself, and returns nil, when
// there is none.
func (s *Server) hosted(w http.ResponseWriter, r *http.Request) (string, *Invoice) {
	account, i, err := s.invoiceByToken(r, r.PathValue("token"))
	switch {
	case err != nil:
		s.failed(w, r, err)
	case i == nil || i.Status == invoiceDraft:
		s.gone(w, r, "There is no such invoice", "The address is not one that the sandbox gave out.")
	default:
		return account, i
	}
	return "", nil
}

func (s *Server) showHostedInvoice(w http.ResponseWriter, r *http.Request) {
	account, i := s.hosted(w, r)
	if i != nil {
		s.askInvoice(w, r, account, i, http.StatusOK, views.Card{})
	}
}

func (s *Server) askInvoice(w http.ResponseWriter, r *http.Request, account string, i *Invoice, status int, card views.Card) {
	seller, err := s.seller(r, account)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	p := i.props(seller)
	p.Card = card
	if i.Status == invoiceOpen && i.PaymentIntent != "" {
		_, intent, err := s.intentByID(r.Context(), i.PaymentIntent)
		if err != nil {
			s.failed(w, r, err)
			return
		}
		if p.Processing = intent != nil && intent.Status == intentProcessing; intent != nil && intent.Status == intentNeedsAction {
			p.Approve = "/3ds/" + intent.ID
		}
	}
	s.page(w, r, status, views.Invoice(p))
}

// props is what the hosted page of i shows.
func (i *Invoice) props(seller string) views.InvoiceProps {
	c := i.currency()
	p := views.InvoiceProps{
		Number: text(i.Number), Status: spell(i.Status), Tone: tones[i.Status], Seller: seller, Customer: text(i.CustomerName), Email: text(i.CustomerEmail),
		Created: time.Unix(i.Created, 0), Balance: money.New(i.AmountDue-i.Total, c), Total: money.New(i.Total, c),
		Had: money.New(i.AmountPaid, c), Due: money.New(i.AmountRemaining, c), PDF: text(i.InvoicePDF), Pay: i.Status == invoiceOpen, Action: "/i/" + i.Token + "/pay",
	}
	if at := i.StatusTransitions.PaidAt; at != nil {
		p.Paid = time.Unix(*at, 0)
	}
	for _, l := range i.Lines.Data {
		line := views.InvoiceLine{Text: l.Description, Start: time.Unix(l.Period.Start, 0), End: time.Unix(l.Period.End, 0), Amount: money.New(l.Amount, c), Quantity: "1"}
		if l.Quantity != nil {
			line.Quantity = strconv.FormatInt(*l.Quantity, 10)
		}
		p.Lines = append(p.Lines, line)
	}
	return p
}

func (s *Server) printHostedInvoice(w http.ResponseWriter, r *http.Request) {
	account, i := s.hosted(w, r)
	if i == nil {
		return
	}
	seller, err := s.seller(r, account)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	pdf, err := i.paper(seller).pdf()
	if err != nil {
		s.failed(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", `attachment; filename="invoice-`+text(i.Number)+`.pdf"`)
	_, _ = w.Write(pdf) // the browser may have gone
}

// payHostedInvoice pays an open invoice with a card that was typed.
func (s *Server) payHostedInvoice(w http.ResponseWriter, r *http.Request) {
	account, i := s.hosted(w, r)
	if i == nil {
		return
	}
	card, shown := typed(r)
	if faulty(shown) {
		s.askInvoice(w, r, account, i, http.StatusUnprocessableEntity, shown)
		return
	}
	var v verdict
	err := s.write(r.Context(), account, func(t *tx) (err error) {
		v, err = t.payTyped(i, card, shown.Name.Value)
		return err
	})
	switch {
	case err != nil && blame(&shown, err):
		s.askInvoice(w, r, account, i, http.StatusUnprocessableEntity, shown)
	case err != nil:
		s.failed(w, r, err)
	case v.action:
		used, _ := cardByNumber(card.Number) // it was accepted before
		s.page(w, r, http.StatusOK, views.Approve(views.ApproveProps{Action: "/i/" + i.Token + "/approve", Seller: text(i.AccountName),
			Amount: money.New(i.AmountRemaining, i.currency()).String(), Last4: used.last4()}))
	case v.decline != nil:
		shown.Problem = v.decline.message
		s.askInvoice(w, r, account, i, http.StatusPaymentRequired, shown)
	default:
		http.Redirect(w, r, "/i/"+i.Token, http.StatusSeeOther)
	}
}

// payTyped charges an open invoice to a card that was typed, with its holder there.
func (t *tx) payTyped(i *Invoice, card typedCard, name string) (verdict, error) {
	fresh, err := get[Invoice](t, i.ID, "invoice")
	if err != nil {
		return verdict{}, err
	}
	if fresh.Status != invoiceOpen {
		return verdict{}, invalid("", "This invoice is %s.", fresh.Status)
	}
	m, err := t.typedMethod(card, &BillingDetails{Name: optional(name)})
	if err != nil {
		return verdict{}, err
	}
	if err := t.insert(m); err != nil {
		return verdict{}, err
	}
	on, err := t.onClock(fresh.clock())
	if err != nil {
		return verdict{}, err
	}
	return on.collect(fresh, m, attempt{})
}

// approveHostedInvoice is the answer of the bank's page for an invoice.
func (s *Server) approveHostedInvoice(w http.ResponseWriter, r *http.Request) {
	account, i := s.hosted(w, r)
	if i == nil {
		return
	}
	v, err := s.approve(r, account, i.PaymentIntent)
	switch {
	case err != nil:
		s.failed(w, r, err)
	case v.decline != nil:
		s.askInvoice(w, r, account, i, http.StatusPaymentRequired, views.Card{Problem: v.decline.message})
	default:
		http.Redirect(w, r, "/i/"+i.Token, http.StatusSeeOther)
	}
}

// visited finds the visit of a request. It answers itself, and returns nil, when
// there is none or it is over.
func (s *Server) visited(w http.ResponseWriter, r *http.Request) *portalVisit {
	v, err := s.portal(r.Context(), r.PathValue("token"))
	switch {
	case err != nil:
		s.failed(w, r, err)
	case v == nil:
		s.gone(w, r, "There is no such page", "The address is not one that the sandbox gave out.")
	case v.over:
		s.page(w, r, http.StatusGone, views.Closed(views.ClosedProps{Title: "This link is too old", Text: "A link to the Customer Portal works for an hour. Open it again where you came from.",
			Back: text(v.session.ReturnURL), BackText: "Go back"}))
	default:
		return v
	}
	return nil
}

func (s *Server) showPortal(w http.ResponseWriter, r *http.Request) {
	if v := s.visited(w, r); v != nil {
		said := map[string]string{"cancel": "Canceled. Until the end that is shown, everything works as before.", "resume": "The cancellation is taken back.",
			"card": "The new card is kept. What was unpaid has been tried again."}[r.URL.Query().Get("done")]
		s.page(w, r, http.StatusOK, views.Portal(v.props(said, views.Card{})))
	}
}

// props is what the portal shows.
func (v *portalVisit) props(said string, card views.Card) views.PortalProps {
	features := v.configuration.Features
	p := views.PortalProps{
		Base: "/p/session/" + v.session.Token, Seller: either(v.seller, v.account), Headline: text(v.configuration.BusinessProfile.Headline),
		Customer: either(text(v.customer.Name), text(v.customer.Email)), Return: text(v.session.ReturnURL), Said: said, Card: card,
		MayUpdate: features.PaymentMethodUpdate.Enabled, ShowInvoices: features.InvoiceHistory.Enabled,
	}
	if m := v.method; m != nil {
		p.Method = m.words()
	}
	for n := len(v.subscriptions) - 1; n >= 0; n-- {
		p.Subscriptions = append(p.Subscriptions, v.subscription(v.subscriptions[n]))
	}
	for n := len(v.invoices) - 1; n >= 0; n-- {
		i := v.invoices[n]
		p.Invoices = append(p.Invoices, views.PortalInvoice{Number: text(i.Number), Status: spell(i.Status), Tone: tones[i.Status],
			Created: time.Unix(i.Created, 0), Total: money.New(i.Total, i.currency()), URL: "/i/" + i.Token, PDF: "/i/" + i.Token + "/pdf"})
	}
	return p
}

func (v *portalVisit) subscription(s *Subscription) views.PortalSubscription {
	first := s.Items.Data[0].Price
	price := priceWords(first)
	rules := v.configuration.Features.SubscriptionCancel
	end := when(s.period().end.Unix())
	p := views.PortalSubscription{ID: s.ID, Name: either(v.products[first.Product], first.Product), Status: spell(s.Status), Tone: tones[s.Status],
		Price: price.text(), When: "Renews on " + end + ".", CanCancel: rules.Enabled && !s.ended() && s.CancelAt == nil,
		CanResume: !s.ended() && s.CancelAt != nil, Consequence: "It works until " + end + " and is not renewed."}
	if rules.Mode == "immediately" {
		p.Consequence = "It ends at once."
	}
	switch {
	case s.EndedAt != nil:
		p.When = "Ended on " + when(*s.EndedAt) + "."
	case s.CancelAt != nil:
		p.When, p.Status, p.Tone = "Ends on "+when(*s.CancelAt)+".", "Cancels at period end", "attention"
	}
	return p
}

func (s *Server) portalCancel(w http.ResponseWriter, r *http.Request) {
	if v := s.visited(w, r); v != nil {
		s.portalDone(w, r, v, "cancel", s.cancelInPortal(r.Context(), v, r.PostFormValue("subscription")))
	}
}

func (s *Server) portalResume(w http.ResponseWriter, r *http.Request) {
	if v := s.visited(w, r); v != nil {
		s.portalDone(w, r, v, "resume", s.resumeInPortal(r.Context(), v, r.PostFormValue("subscription")))
	}
}

func (s *Server) portalCard(w http.ResponseWriter, r *http.Request) {
	v := s.visited(w, r)
	if v == nil {
		return
	}
	card, shown := typed(r)
	if faulty(shown) {
		s.page(w, r, http.StatusUnprocessableEntity, views.Portal(v.props("", shown)))
		return
	}
	err := s.updateCardInPortal(r.Context(), v, card)
	if err != nil && blame(&shown, err) {
		s.page(w, r, http.StatusUnprocessableEntity, views.Portal(v.props("", shown)))
		return
	}
	s.portalDone(w, r, v, "card", err)
}

func (s *Server) portalDone(w http.ResponseWriter, r *http.Request, v *portalVisit, what string, err error) {
	if err != nil {
		s.failed(w, r, err)
		return
	}
	http.Redirect(w, r, "/p/session/"+v.session.Token+"?done="+what, http.StatusSeeOther)
}
