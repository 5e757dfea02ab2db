package sandbox

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tollgate/money"
	"tollgate/sandbox/views"
)

// countries are the ones that Checkout offers.
var countries = []views.Country{
	{Code: "GB", Name: "United Kingdom"}, {Code: "US", Name: "United States"}, {Code: "DE", Name: "Germany"}, {Code: "DK", Name: "Denmark"},
	{Code: "FR", Name: "France"}, {Code: "IN", Name: "India"}, {Code: "LK", Name: "Sri Lanka"}, {Code: "JP", Name: "Japan"},
}

// openSession finds the session of a request. It answers itself, and returns nil,
// when there is none that can be paid.
func (s *Server) openSession(w http.ResponseWriter, r *http.Request) (string, *CheckoutSession) {
	account, session, err := s.checkoutByID(r.Context(), r.PathValue("session"))
	switch {
	case err != nil:
		s.failed(w, r, err)
	case session == nil:
		s.gone(w, r, "There is no such checkout", "The address is not one that the sandbox gave out.")
	case session.Status == checkoutComplete:
		s.page(w, r, http.StatusGone, views.Closed(views.ClosedProps{Title: "This is paid already", Text: "Nothing more is due here.",
			Back: successURL(session), BackText: "Go on"}))
	case session.Status == checkoutExpired:
		s.page(w, r, http.StatusGone, views.Closed(views.ClosedProps{Title: "This checkout has expired", Text: "Nothing was charged. Start again where you came from.",
			Back: text(session.CancelURL), BackText: "Go back"}))
	default:
		return account, session
	}
	return "", nil
}

func successURL(s *CheckoutSession) string {
	return strings.ReplaceAll(text(s.SuccessURL), "{CHECKOUT_SESSION_ID}", s.ID)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (s *Server) showCheckout(w http.ResponseWriter, r *http.Request) {
	account, session := s.openSession(w, r)
	if session == nil {
		return
	}
	s.askCheckout(w, r, account, session, http.StatusOK, views.Field{}, views.Card{})
}

// askCheckout shows the page with what was typed and what is wrong with it.
func (s *Server) askCheckout(w http.ResponseWriter, r *http.Request, account string, session *CheckoutSession, status int, email views.Field, card views.Card) {
	p, err := s.checkoutProps(r, account, session)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	if p.Card = card; !p.FixEmail && email != (views.Field{}) {
		p.Email = email
	}
	for _, c := range countries {
		c.Chosen = c.Code == r.PostFormValue("country")
		p.Countries = append(p.Countries, c)
	}
	s.page(w, r, status, views.Checkout(p))
}

func (s *Server) checkoutProps(r *http.Request, account string, session *CheckoutSession) (p views.CheckoutProps, err error) {
	if p.Seller, err = s.seller(r, account); err != nil {
		return p, err
	}
	if p.Due, err = session.dueNow(); err != nil {
		return p, err
	}
	p.Action = "/c/pay/" + session.ID
	p.Session, p.Expires, p.Back = session.ID[:min(18, len(session.ID))], time.Unix(session.ExpiresAt, 0), text(session.CancelURL)
	p.Email.Value = text(session.CustomerEmail)
	err = s.read(r.Context(), account, func(t *tx) error {
		if session.debit() != "" && !p.Due.IsZero() {
			settings, err := t.settings()
			if err != nil {
				return err
			}
			p.Debit = hours(settings.DebitHours)
		}
		lines, err := t.basketLines(session)
		if err != nil {
			return err
		}
		for n, l := range lines {
			p.Lines = append(p.Lines, views.Sum{Text: s.lineWords(session, n, l.Description), Amount: money.New(l.AmountTotal, p.Due.Currency())})
		}
		if len(lines) > 0 {
			p.Title = lines[0].Description
		}
		if session.Customer == nil {
			return nil
		}
		c, err := find[Customer](t, *session.Customer)
		if err == nil && c != nil && c.Email != nil {
			p.Email.Value, p.FixEmail = *c.Email, true
		}
		return err
	})
	p.Price = views.Price(priceWords(session.Basket[0].Price))
	if p.Title = "Pay for " + p.Title; session.Mode == "subscription" {
		p.Title = "Subscribe to " + strings.TrimPrefix(p.Title, "Pay for ")
		p.Then = session.later(s.Now())
	}
	return p, err
}

// lineWords are a line of the basket: what it is, how many, and for which time.
func (s *Server) lineWords(session *CheckoutSession, n int, name string) string {
	b := session.Basket[n]
	if b.Quantity != nil && *b.Quantity > 1 {
		name = strconv.FormatInt(*b.Quantity, 10) + " × " + name
	}
	switch {
	case session.Mode != "subscription":
		return name
	case b.Price.metered():
		return name + ", by use"
	case session.onTrial():
		return name + ", free trial"
	}
	now := s.Now()
	return name + ", " + now.Format("2 Jan 2006") + " to " + b.Price.interval().boundary(now, 1).Format("2 Jan 2006")
}

func (s *CheckoutSession) onTrial() bool { return s.Terms.TrialDays != nil || s.Terms.TrialEnd != nil }

// later says what a subscription will cost after today.
func (s *CheckoutSession) later(now time.Time) string {
	var fixed money.Amount
	var use []string
	for _, b := range s.Basket {
		if b.Price.metered() {
			use = append(use, priceWords(b.Price).amount()+" per unit")
			continue
		}
		part, err := b.Price.amount(*b.Quantity)
		if err == nil {
			fixed, err = plus(fixed, part)
		}
		if err != nil {
			return ""
		}
	}
	first := s.Basket[0].Price
	var costs []string
	if len(use) < len(s.Basket) {
		costs = append(costs, fixed.String()+" "+every(first))
	}
	if len(use) > 0 {
		costs = append(costs, "what was used, at "+strings.Join(use, " and ")+", afterwards")
	}
	text := strings.Join(costs, ", and ") + ", until canceled."
	switch {
	case s.onTrial():
		return "Nothing is due today: the trial comes first. Then " + text
	case len(use) == len(s.Basket):
		return "Nothing is due today. Every " + first.Recurring.Interval + " you pay " + text
	}
	return "Then " + text + " Next on " + first.interval().boundary(now, 1).Format("2 January 2006") + " by the sandbox's clock."
}

func (s *Server) takeCheckout(w http.ResponseWriter, r *http.Request) {
	account, session := s.openSession(w, r)
	if session == nil {
		return
	}
	card, shown := typed(r)
	who := payer{Email: strings.TrimSpace(r.PostFormValue("email")), Name: shown.Name.Value, Country: country(r.PostFormValue("country"))}
	email := views.Field{Value: who.Email}
	if !isEmail(who.Email) {
		email.Problem = "Write an e-mail address, such as ada@example.com."
	}
	if answer := r.PostFormValue("debit"); answer != "" && email.Problem == "" {
		s.takeDebit(w, r, account, session, answer == "fails", who)
		return
	} else if answer != "" {
		shown = views.Card{Expires: views.Field{Value: shown.Expires.Value}, Name: shown.Name} // no card is asked for
	}
	if faulty(shown) || email.Problem != "" {
		s.askCheckout(w, r, account, session, http.StatusUnprocessableEntity, email, shown)
		return
	}
	out, err := s.payCheckout(r.Context(), account, session.ID, card, who)
	switch {
	case err != nil && blame(&shown, err):
		s.askCheckout(w, r, account, session, http.StatusUnprocessableEntity, email, shown)
	case errors.Is(err, errNotOpen): // somebody else was faster
		s.openSession(w, r)
	case err != nil:
		s.failed(w, r, err)
	case out.decline != nil:
		shown.Problem = out.decline.message
		s.askCheckout(w, r, account, session, http.StatusPaymentRequired, email, shown)
	case out.action:
		s.askBank(w, r, account, session, card, who)
	default:
		http.Redirect(w, r, out.next, http.StatusSeeOther)
	}
}

// takeDebit pays a session by bank debit.
func (s *Server) takeDebit(w http.ResponseWriter, r *http.Request, account string, session *CheckoutSession, fails bool, who payer) {
	out, err := s.debitCheckout(r.Context(), account, session.ID, fails, who)
	switch {
	case errors.Is(err, errNotOpen): // somebody else was faster
		s.openSession(w, r)
	case err != nil:
		s.failed(w, r, err)
	default:
		http.Redirect(w, r, out.next, http.StatusSeeOther)
	}
}

// country is one of those that are offered, "" for anything else.
func country(sent string) string {
	for _, c := range countries {
		if c.Code == sent {
			return sent
		}
	}
	return ""
}

// askBank shows the bank's page. Which test card it is goes along by name; the
// number does not.
func (s *Server) askBank(w http.ResponseWriter, r *http.Request, account string, session *CheckoutSession, typed typedCard, who payer) {
	card, _ := cardByNumber(typed.Number) // it was accepted before
	seller, err := s.seller(r, account)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	due, err := session.dueNow()
	if err != nil {
		s.failed(w, r, err)
		return
	}
	s.page(w, r, http.StatusOK, views.Approve(views.ApproveProps{
		Action: "/c/pay/" + session.ID + "/approve", Seller: seller, Amount: due.String(), Last4: card.last4(),
		Hidden: map[string]string{"card": "tok_" + card.key, "expires": r.PostFormValue("expires"), "email": who.Email, "name": who.Name, "country": who.Country},
	}))
}

func (s *Server) approveCheckout(w http.ResponseWriter, r *http.Request) {
	account, session := s.openSession(w, r)
	if session == nil {
		return
	}
	email := views.Field{Value: r.PostFormValue("email")}
	kept, shown := typed(r)
	shown.NumberProblem, shown.CVCProblem = "", "" // they are not asked for again
	kept.Token = r.PostFormValue("card")
	if r.PostFormValue("answer") != "approve" {
		shown.Problem = unauthentic.message
		s.askCheckout(w, r, account, session, http.StatusPaymentRequired, email, shown)
		return
	}
	who := payer{Email: email.Value, Name: shown.Name.Value, Country: country(r.PostFormValue("country")), Authenticated: true}
	out, err := s.payCheckout(r.Context(), account, session.ID, kept, who)
	switch {
	case errors.Is(err, errNotOpen): // somebody else was faster
		s.openSession(w, r)
	case err != nil:
		s.failed(w, r, err)
	case out.decline != nil:
		shown.Problem = out.decline.message
		s.askCheckout(w, r, account, session, http.StatusPaymentRequired, email, shown)
	default:
		http.Redirect(w, r, out.next, http.StatusSeeOther)
	}
}

func (s *Server) showSetup(w http.ResponseWriter, r *http.Request) {
	a, link, ok, err := s.useAccountLink(r.Context(), r.PathValue("account"), r.PathValue("link"))
	if err != nil {
		s.gone(w, r, "There is no such link", "The address is not one that the sandbox gave out.")
		return
	}
	if !ok {
		http.Redirect(w, r, link.RefreshURL, http.StatusSeeOther)
		return
	}
	s.askSetup(w, r, a, http.StatusOK, views.Field{Value: text(a.displayName())})
}

func (s *Server) askSetup(w http.ResponseWriter, r *http.Request, a *Account, status int, name views.Field) {
	s.page(w, r, status, views.Setup(views.SetupProps{Account: a.ID, Action: r.URL.Path, Name: name, Country: a.Country, Due: a.Requirements.CurrentlyDue}))
}

func (s *Server) takeSetup(w http.ResponseWriter, r *http.Request) {
	var a *Account
	var link *AccountLink
	h, err := s.homeOf(r.Context(), r.PathValue("account"))
	if err == nil {
		err = s.read(r.Context(), h.Platform, func(t *tx) error {
			if a, err = find[Account](t, r.PathValue("account")); err != nil {
				return err
			}
			link, err = find[AccountLink](t, r.PathValue("link"))
			return err
		})
	}
	if err != nil || a == nil || link == nil || link.Account != a.ID {
		s.gone(w, r, "There is no such link", "The address is not one that the sandbox gave out.")
		return
	}
	name := strings.TrimSpace(r.PostFormValue("name"))
	if name == "" || len(name) > 200 {
		s.askSetup(w, r, a, http.StatusUnprocessableEntity, views.Field{Value: name, Problem: "Write the name of the business, in at most 200 letters."})
		return
	}
	if err := s.completeOnboarding(r.Context(), a.ID, name); err != nil {
		s.failed(w, r, err)
		return
	}
	http.Redirect(w, r, link.ReturnURL, http.StatusSeeOther)
}
