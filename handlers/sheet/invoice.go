// Package sheet puts invoices and prices into the words and amounts that the
// pages of several portals show.
package sheet

import (
	"strconv"
	"strings"
	"time"

	"tollgate/billing"
	"tollgate/money"
	"tollgate/views/ui"
)

// states says how it stands with an invoice.
var states = map[string]struct {
	word string
	tone ui.Tone
}{
	"draft": {"Not final", ui.Quiet}, "open": {"Open", ui.Attention}, "paid": {"Paid", ui.Good},
	"void": {"Void", ui.Quiet}, "uncollectible": {"Uncollectible", ui.Bad},
}

// Invoice returns i as people read it. about says what it is for, such as
// "Weather v1, Gold".
func Invoice(i billing.Invoice, about string) ui.Invoice {
	state := states[i.Status]
	out := ui.Invoice{
		Number: i.Number, State: state.word, Tone: state.tone, For: about,
		From: lines(i.AccountName, i.AccountCountry), To: lines(i.CustomerName, i.CustomerEmail),
		Issued: i.FinalizedAt, Due: i.DueDate, PaidAt: i.PaidAt, NextAttempt: i.NextAttempt,
		Subtotal: i.Subtotal, Tax: i.Tax, Total: i.Total, Credit: credit(i), Paid: i.AmountPaid, ToPay: i.AmountRemaining,
		PDF: secure(i.PDFURL), Hosted: secure(i.HostedURL),
	}
	if out.Issued.IsZero() && i.Status != "draft" {
		out.Issued = i.Created
	}
	out.PeriodStart, out.PeriodEnd = period(i)
	for _, l := range i.Lines {
		out.Lines = append(out.Lines, ui.InvoiceLine{
			Text: l.Description, Quantity: quantity(l.Quantity), Unit: l.Unit, Amount: l.Amount, Start: l.PeriodStart, End: l.PeriodEnd,
		})
	}
	return out
}

// Pick returns the invoice called id, or for "" the running period's, or the last one
// of a subscription that has ended; whether it is an earlier one; and all the
// others, newest first.
func Pick(s billing.InvoiceSheet, id string) (shown *billing.Invoice, earlier bool, rest []billing.Invoice) {
	all := s.Past
	if s.Current != nil {
		all = append([]billing.Invoice{*s.Current}, all...)
	}
	for n, one := range all {
		running := n == 0 && (s.Current != nil || s.State.Ended)
		if one.ID == id || id == "" && running {
			shown, earlier = &all[n], !running
			continue
		}
		rest = append(rest, one)
	}
	return shown, earlier, rest
}

// Row returns i as a line of a list.
func Row(i billing.Invoice, about, href string) ui.InvoiceRow {
	full := Invoice(i, about)
	return ui.InvoiceRow{
		Href: href, Number: full.Number, Issued: full.Issued, For: about, State: full.State, Tone: full.Tone,
		Total: full.Total, PDF: full.PDF, Hosted: full.Hosted,
	}
}

// Listed returns an invoice of a list as its line. who is whose it is, "" in one's own list.
func Listed(r billing.InvoiceRow, href, who string) ui.InvoiceRow {
	state, issued := states[r.Status], r.FinalizedAt.Time()
	if issued.IsZero() {
		issued = r.CreatedAt.Time()
	}
	return ui.InvoiceRow{
		Href: href, Number: r.Number, Issued: issued, For: About(r.Title(), r.APIVersion, r.PolicyName), Who: who,
		State: state.word, Tone: state.tone, Total: r.Total, PDF: secure(r.PDFURL), Hosted: secure(r.HostedURL),
	}
}

// About names what a subscription is for: "Weather v1, Gold".
func About(api, version, plan string) string { return strings.TrimSpace(api+" "+version) + ", " + plan }

// period returns what the lines of an invoice cover. Stripe's own period of an
// invoice is that of the usage before it.
func period(i billing.Invoice) (start, end time.Time) {
	for _, l := range i.Lines {
		if start.IsZero() || l.PeriodStart.Before(start) {
			start = l.PeriodStart
		}
		if l.PeriodEnd.After(end) {
			end = l.PeriodEnd
		}
	}
	if start.IsZero() {
		return i.PeriodStart, i.PeriodEnd
	}
	return start, end
}

// credit is what was taken from the customer's balance.
func credit(i billing.Invoice) money.Amount {
	used, err := i.Total.Add(i.AmountDue.Neg())
	if err != nil || used.Minor() < 0 {
		return money.Amount{}
	}
	return used
}

func quantity(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// secure returns an address that a page may link to.
func secure(address string) string {
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://127.0.0.1:") || strings.HasPrefix(address, "http://localhost:") {
		return address
	}
	return ""
}

func lines(all ...string) []string {
	var out []string
	for _, l := range all {
		if l != "" {
			out = append(out, l)
		}
	}
	return out
}
