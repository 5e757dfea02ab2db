package sandbox

import (
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tollgate/money"
	"tollgate/sandbox/static"
	"tollgate/sandbox/views"
)

// hostedPages are the pages that customers and account owners see.
var hostedPages = []pageRoute{
	{"GET /c/pay/{session}", (*Server).showCheckout},
	{"POST /c/pay/{session}", (*Server).takeCheckout},
	{"POST /c/pay/{session}/approve", (*Server).approveCheckout},
	{"GET /i/{token}", (*Server).showHostedInvoice},
	{"POST /i/{token}/pay", (*Server).payHostedInvoice},
	{"POST /i/{token}/approve", (*Server).approveHostedInvoice},
	{"GET /i/{token}/pdf", (*Server).printHostedInvoice},
	{"GET /p/session/{token}", (*Server).showPortal},
	{"POST /p/session/{token}/cancel", (*Server).portalCancel},
	{"POST /p/session/{token}/resume", (*Server).portalResume},
	{"POST /p/session/{token}/card", (*Server).portalCard},
	{"GET /3ds/{intent}", (*Server).showApproval},
	{"POST /3ds/{intent}", (*Server).takeApproval},
	{"GET /setup/{account}/{link}", (*Server).showSetup},
	{"POST /setup/{account}/{link}", (*Server).takeSetup},
	{"GET /static/sandbox.css", (*Server).serveFile},
	{"GET /static/fonts/inter-latin-wght-normal.woff2", (*Server).serveFile},
}

// pagePolicy is the Content-Security-Policy of the pages: nothing from elsewhere,
// no scripts at all. Forms may lead on to wherever the account's pages are.
const pagePolicy = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"

// page answers with a page.
func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, page templ.Component) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := page.Render(r.Context(), w); err != nil {
		s.log.WarnContext(r.Context(), "sandbox: a page was not sent to its end", "error", err)
	}
}

// gone says that there is nothing at this address.
func (s *Server) gone(w http.ResponseWriter, r *http.Request, title, text string) {
	s.page(w, r, http.StatusNotFound, views.Closed(views.ClosedProps{Title: title, Text: text}))
}

// failed answers for an error that no field is to blame for.
func (s *Server) failed(w http.ResponseWriter, r *http.Request, err error) {
	if e, ok := errors.AsType[*apiError](err); ok {
		s.page(w, r, http.StatusConflict, views.Closed(views.ClosedProps{Title: "This cannot be done", Text: e.Message}))
		return
	}
	s.log.ErrorContext(r.Context(), "sandbox: a page failed", "path", r.URL.Path, "error", err)
	s.page(w, r, http.StatusInternalServerError, views.Closed(views.ClosedProps{Title: "Something went wrong in the sandbox",
		Text: "Nothing was changed. The sandbox's log says more."}))
}

func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	content, err := fs.ReadFile(static.Files, name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	kind := "text/css; charset=utf-8"
	if strings.HasSuffix(name, ".woff2") {
		kind = "font/woff2"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = w.Write(content) // the browser may have gone
}

// typed reads a card from a form. What is wrong with its form is said at the field.
func typed(r *http.Request) (typedCard, views.Card) {
	card := typedCard{Number: r.PostFormValue("number"), CVC: strings.TrimSpace(r.PostFormValue("cvc"))}
	shown := views.Card{Expires: views.Field{Value: r.PostFormValue("expires")}, Name: views.Field{Value: strings.TrimSpace(r.PostFormValue("name"))}}
	month, year, ok := strings.Cut(strings.ReplaceAll(shown.Expires.Value, " ", ""), "/")
	card.ExpMonth, _ = strconv.ParseInt(month, 10, 64)
	card.ExpYear, _ = strconv.ParseInt(year, 10, 64)
	if !ok || card.ExpMonth == 0 || card.ExpYear == 0 {
		shown.Expires.Problem = "Write month and year, such as 04 / 29."
	}
	if strings.TrimSpace(card.Number) == "" {
		shown.NumberProblem = "Type the number of a test card, such as 4242 4242 4242 4242."
	}
	if card.CVC == "" {
		shown.CVCProblem = "Type any three digits."
	}
	return card, shown
}

// faulty reports whether something is wrong with how a card was typed.
func faulty(c views.Card) bool {
	return c.NumberProblem != "" || c.Expires.Problem != "" || c.CVCProblem != "" || c.Problem != ""
}

// blame puts an error about a card where it was made. It reports false for
// errors of another kind.
func blame(c *views.Card, err error) bool {
	e, ok := errors.AsType[*apiError](err)
	if !ok || e.Type != "card_error" {
		return false
	}
	switch e.Param {
	case "card[number]":
		c.NumberProblem = e.Message
	case "card[exp_month]", "card[exp_year]":
		c.Expires.Problem = e.Message
	case "card[cvc]":
		c.CVCProblem = e.Message
	default:
		c.Problem = e.Message
	}
	return true
}

// seller is what an account is called on its pages.
func (s *Server) seller(r *http.Request, account string) (name string, err error) {
	err = s.read(r.Context(), account, func(t *tx) error {
		a, err := t.ownAccount()
		if err != nil {
			return err
		}
		if a != nil {
			if n := a.displayName(); n != nil {
				name = *n
			}
		}
		name = either(name, account)
		return nil
	})
	return name, err
}

// every says how often a price is paid: "a month", "every 3 months".
func every(p Price) string {
	if p.Recurring == nil {
		return ""
	}
	if n := p.Recurring.IntervalCount; n > 1 {
		return "every " + strconv.FormatInt(n, 10) + " " + p.Recurring.Interval + "s"
	}
	return "a " + p.Recurring.Interval
}

// priceWords is a price as people read it.
func priceWords(p Price) wordedPrice {
	c := money.MustCurrency(p.Currency)
	per := every(p)
	if p.metered() {
		per = "per unit, billed " + strings.Replace(per, "a ", "every ", 1)
	}
	if p.UnitAmountDecimal == nil {
		return wordedPrice{Decimal: "In steps", Per: strings.TrimPrefix(per, "per unit, ")}
	}
	rate, err := money.RateOfMinor(*p.UnitAmountDecimal, c)
	if err != nil {
		return wordedPrice{Decimal: *p.UnitAmountDecimal, Per: per}
	}
	return wordedPrice{rate.Decimal(), c.String(), per}
}

type wordedPrice views.Price

// text is the price in one line.
func (p wordedPrice) text() string { return strings.Join(strings.Fields(p.amount()+" "+p.Per), " ") }

func (p wordedPrice) amount() string { return strings.TrimSpace(p.Decimal + " " + p.Currency) }

// when writes an instant that a page shows inside a sentence.
func when(unix int64) string { return time.Unix(unix, 0).UTC().Format("2 Jan 2006, 15:04 MST") }
