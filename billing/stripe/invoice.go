package stripe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/money"
)

// invoice is an invoice as basil and later versions write it. It is read from
// Stripe's answer into our own shape, for the exact unit prices.
type invoice struct {
	stripe.APIResource
	ID              string      `json:"id"`
	Object          string      `json:"object"`
	Number          string      `json:"number"`
	Status          string      `json:"status"`
	BillingReason   string      `json:"billing_reason"`
	Customer        ref         `json:"customer"`
	CustomerName    string      `json:"customer_name"`
	CustomerEmail   string      `json:"customer_email"`
	AccountName     string      `json:"account_name"`
	AccountCountry  string      `json:"account_country"`
	Currency        string      `json:"currency"`
	Subtotal        int64       `json:"subtotal"`
	Total           int64       `json:"total"`
	AmountDue       int64       `json:"amount_due"`
	AmountPaid      int64       `json:"amount_paid"`
	AmountRemaining int64       `json:"amount_remaining"`
	StartingBalance int64       `json:"starting_balance"`
	EndingBalance   int64       `json:"ending_balance"`
	PeriodStart     int64       `json:"period_start"`
	PeriodEnd       int64       `json:"period_end"`
	Created         int64       `json:"created"`
	DueDate         int64       `json:"due_date"`
	NextAttempt     int64       `json:"next_payment_attempt"`
	AttemptCount    int64       `json:"attempt_count"`
	HostedURL       string      `json:"hosted_invoice_url"`
	PDF             string      `json:"invoice_pdf"`
	Description     string      `json:"description"`
	Lines           *page[line] `json:"lines"`
	Taxes           []struct {
		Amount int64 `json:"amount"`
	} `json:"total_taxes"`
	Transitions struct {
		FinalizedAt int64 `json:"finalized_at"`
		PaidAt      int64 `json:"paid_at"`
	} `json:"status_transitions"`
	Parent *struct {
		Subscription *struct {
			ID ref `json:"subscription"`
		} `json:"subscription_details"`
	} `json:"parent"`
	Payments *page[invoicePayment] `json:"payments"` // only there when asked for
}

// invoiceOpen is the status of an invoice that waits for its payment.
const invoiceOpen = "open"

// actionNeeded reports whether the bank asks the cardholder to agree.
func (in invoice) actionNeeded() bool {
	if in.Status != invoiceOpen || in.Payments == nil {
		return false
	}
	for _, p := range in.Payments.Data {
		if p.Status == "open" && p.Payment.Intent.Status == string(stripe.PaymentIntentStatusRequiresAction) {
			return true
		}
	}
	return false
}

// line is one line of an invoice.
type line struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	Quantity    int64  `json:"quantity"`
	Amount      int64  `json:"amount"`
	Period      struct {
		Start int64 `json:"start"`
		End   int64 `json:"end"`
	} `json:"period"`
	Pricing *struct {
		Unit  string `json:"unit_amount_decimal"`
		Price *struct {
			ID ref `json:"price"`
		} `json:"price_details"`
	} `json:"pricing"` // null on prorations
	Parent *struct {
		Item         *lineParent `json:"invoice_item_details"`
		Subscription *lineParent `json:"subscription_item_details"`
	} `json:"parent"`
}

type lineParent struct {
	Proration bool `json:"proration"`
}

// Invoice reads an invoice with its lines.
func (e *Engine) Invoice(ctx context.Context, at accounts.StripeAccount, id string) (billing.Invoice, error) {
	c, err := e.reading(ctx, at, id)
	if err != nil {
		return billing.Invoice{}, err
	}
	got, err := c.invoice(ctx, id)
	if err != nil {
		return billing.Invoice{}, err
	}
	return c.withLines(ctx, got)
}

// invoice reads one invoice and how its payments stand, which needs four levels
// of expansion: as deep as Stripe goes, and one too deep for a listing.
func (c conn) invoice(ctx context.Context, id string) (invoice, error) {
	var got invoice
	p := &stripe.InvoiceRetrieveParams{}
	p.Context = ctx
	p.AddExpand("payments.data.payment.payment_intent")
	c.aim(&p.Params)
	err := c.api.Call(http.MethodGet, stripe.FormatURLPath("/v1/invoices/%s", id), c.key, p, &got)
	return got, answered("read invoice", got.ID, err)
}

// InvoicesOf lists every invoice of a subscription with its lines, newest first.
// Open ones are read again singly, for how their payments stand.
func (e *Engine) InvoicesOf(ctx context.Context, at accounts.StripeAccount, subscription string) ([]billing.Invoice, error) {
	c, err := e.reading(ctx, at, subscription)
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, c, "list invoices", "/v1/invoices",
		url.Values{"subscription": {subscription}}, func(i invoice) string { return i.ID })
	if err != nil {
		return nil, err
	}
	out := make([]billing.Invoice, 0, len(found))
	for _, in := range found {
		if in.Status == invoiceOpen && wellFormed.MatchString(in.ID) {
			if in, err = c.invoice(ctx, in.ID); err != nil {
				return nil, err
			}
		}
		one, err := c.withLines(ctx, in)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// Preview returns the invoice a live subscription would get next. It has no
// number and is not final.
func (e *Engine) Preview(ctx context.Context, at accounts.StripeAccount, subscription string) (billing.Invoice, error) {
	c, err := e.reading(ctx, at, subscription)
	if err != nil {
		return billing.Invoice{}, err
	}
	return c.preview(ctx, &stripe.InvoiceCreatePreviewParams{Subscription: &subscription})
}

func (c conn) preview(ctx context.Context, p *stripe.InvoiceCreatePreviewParams) (billing.Invoice, error) {
	var got invoice
	p.Context = ctx
	c.aim(&p.Params) // it makes nothing, so stripe-go's own random key will do
	err := c.api.Call(http.MethodPost, "/v1/invoices/create_preview", c.key, p, &got)
	if err := answered("preview invoice", got.Object, err); err != nil {
		return billing.Invoice{}, err
	}
	return c.withLines(ctx, got)
}

// withLines reads the lines that Stripe left out of in, and says it in our terms.
func (c conn) withLines(ctx context.Context, in invoice) (billing.Invoice, error) {
	if in.Lines != nil && in.Lines.HasMore {
		if !wellFormed.MatchString(in.ID) {
			return billing.Invoice{}, fmt.Errorf("stripe: invoice %q has more lines than can be read", in.ID)
		}
		all, err := list(ctx, c, "list invoice lines", "/v1/invoices/"+in.ID+"/lines", url.Values{}, func(l line) string { return l.ID })
		if err != nil {
			return billing.Invoice{}, err
		}
		in.Lines.Data = all
	}
	return in.billing()
}

// billing says in in our terms.
func (in invoice) billing() (billing.Invoice, error) {
	currency, err := money.ParseCurrency(in.Currency)
	if err != nil {
		return billing.Invoice{}, fmt.Errorf("stripe: invoice %s: %w", in.ID, err)
	}
	sum := func(minor int64) money.Amount { return money.New(minor, currency) }
	var tax int64
	for _, t := range in.Taxes {
		tax += t.Amount
	}
	out := billing.Invoice{
		ID: in.ID, Number: in.Number, Status: in.Status, BillingReason: in.BillingReason,
		Customer: string(in.Customer), CustomerName: in.CustomerName, CustomerEmail: in.CustomerEmail,
		AccountName: in.AccountName, AccountCountry: in.AccountCountry, Currency: currency,
		Subtotal: sum(in.Subtotal), Tax: sum(tax), Total: sum(in.Total),
		AmountDue: sum(in.AmountDue), AmountPaid: sum(in.AmountPaid), AmountRemaining: sum(in.AmountRemaining),
		StartingBalance: sum(in.StartingBalance), EndingBalance: sum(in.EndingBalance),
		PeriodStart: instant(in.PeriodStart), PeriodEnd: instant(in.PeriodEnd), Created: instant(in.Created), DueDate: instant(in.DueDate),
		FinalizedAt: instant(in.Transitions.FinalizedAt), PaidAt: instant(in.Transitions.PaidAt), NextAttempt: instant(in.NextAttempt),
		AttemptCount: in.AttemptCount, ActionNeeded: in.actionNeeded(), HostedURL: in.HostedURL, PDFURL: in.PDF, Description: in.Description,
	}
	if in.Parent != nil && in.Parent.Subscription != nil {
		out.Subscription = string(in.Parent.Subscription.ID)
	}
	if in.Lines != nil {
		for _, l := range in.Lines.Data {
			out.Lines = append(out.Lines, l.billing(currency))
		}
	}
	return out, nil
}

func (l line) billing(c money.Currency) billing.InvoiceLine {
	out := billing.InvoiceLine{
		ID: l.ID, Description: l.Description, Quantity: l.Quantity, Amount: money.New(l.Amount, c),
		PeriodStart: instant(l.Period.Start), PeriodEnd: instant(l.Period.End),
	}
	if p := l.Pricing; p != nil {
		// A unit price that is not a plain decimal is shown as none: the line's
		// amount is what counts.
		if unit, err := money.RateOfMinor(p.Unit, c); err == nil {
			out.Unit = unit
		}
		if p.Price != nil {
			out.Price = string(p.Price.ID)
		}
	}
	if p := l.Parent; p != nil {
		out.Proration = p.Item != nil && p.Item.Proration || p.Subscription != nil && p.Subscription.Proration
	}
	return out
}
