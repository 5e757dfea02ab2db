package ui

import (
	"time"

	"tollgate/money"
)

// An Invoice is an invoice as people read it, issued or coming. Zero times and
// zero amounts of Credit are left out.
type Invoice struct {
	Number   string // "" while it is not issued
	State    string // Paid, Open, Void, Uncollectible, Not final
	Tone     Tone
	From, To []string // lines; the first is the name
	For      string   // what it is about: Weather v1, Gold

	PeriodStart, PeriodEnd time.Time
	Issued, Due, PaidAt    time.Time
	NextAttempt            time.Time // when payment is tried again

	Lines    []InvoiceLine
	Subtotal money.Amount
	Tax      money.Amount
	Total    money.Amount
	Credit   money.Amount // taken from the customer's balance, positive
	Paid     money.Amount
	ToPay    money.Amount // what is still due
	PDF      string       // addresses at Stripe; "" for none
	Hosted   string
}

// An InvoiceLine is one line of an invoice.
type InvoiceLine struct {
	Text       string
	Quantity   string // in digits; "" for none
	Unit       money.Rate
	Amount     money.Amount
	Start, End time.Time
}

// An InvoiceRow is an issued invoice in a list.
type InvoiceRow struct {
	Href        string // its page here; "" for none
	Number      string
	Issued      time.Time
	For         string // what it is about
	Who         string // whose it is, for its publisher; "" in one's own list
	State       string
	Tone        Tone
	Total       money.Amount
	PDF, Hosted string // addresses at Stripe; "" for none
}

// whose reports whether rows say whose they are.
func whose(rows []InvoiceRow) bool {
	for _, r := range rows {
		if r.Who != "" {
			return true
		}
	}
	return false
}
