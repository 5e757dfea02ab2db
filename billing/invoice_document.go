package billing

import (
	"encoding/json"
	"fmt"
	"time"

	"tollgate/money"
)

// invoiceDocument is an Invoice as it is kept: amounts in minor units of its
// currency, unit prices as exact decimals of them.
type invoiceDocument struct {
	ID, Number, Status, BillingReason         string
	Subscription, Customer                    string
	CustomerName, CustomerEmail               string
	AccountName, AccountCountry               string
	Currency                                  string
	Subtotal, Tax, Total                      int64
	AmountDue, AmountPaid, AmountRemaining    int64
	StartingBalance, EndingBalance            int64
	PeriodStart, PeriodEnd, Created           time.Time
	DueDate, FinalizedAt, PaidAt, NextAttempt time.Time
	AttemptCount                              int64
	ActionNeeded                              bool `json:",omitempty"`
	HostedURL, PDFURL, Description            string
	Lines                                     []lineDocument
}

type lineDocument struct {
	ID, Description, Price string
	Quantity               int64
	Unit                   string // "" when the line has no price per unit
	Amount                 int64
	PeriodStart, PeriodEnd time.Time
	Proration              bool
}

// encodeInvoice returns i as JSON.
func encodeInvoice(i Invoice) (string, error) {
	d := invoiceDocument{
		ID: i.ID, Number: i.Number, Status: i.Status, BillingReason: i.BillingReason, Subscription: i.Subscription, Customer: i.Customer,
		CustomerName: i.CustomerName, CustomerEmail: i.CustomerEmail, AccountName: i.AccountName, AccountCountry: i.AccountCountry,
		Currency: i.Currency.Code(), Subtotal: i.Subtotal.Minor(), Tax: i.Tax.Minor(), Total: i.Total.Minor(),
		AmountDue: i.AmountDue.Minor(), AmountPaid: i.AmountPaid.Minor(), AmountRemaining: i.AmountRemaining.Minor(),
		StartingBalance: i.StartingBalance.Minor(), EndingBalance: i.EndingBalance.Minor(),
		PeriodStart: i.PeriodStart.UTC(), PeriodEnd: i.PeriodEnd.UTC(), Created: i.Created.UTC(),
		DueDate: i.DueDate.UTC(), FinalizedAt: i.FinalizedAt.UTC(), PaidAt: i.PaidAt.UTC(), NextAttempt: i.NextAttempt.UTC(),
		AttemptCount: i.AttemptCount, ActionNeeded: i.ActionNeeded, HostedURL: i.HostedURL, PDFURL: i.PDFURL, Description: i.Description,
	}
	for _, l := range i.Lines {
		unit := ""
		if !l.Unit.Currency().IsZero() {
			unit = l.Unit.MinorDecimal()
		}
		d.Lines = append(d.Lines, lineDocument{
			l.ID, l.Description, l.Price, l.Quantity, unit, l.Amount.Minor(), l.PeriodStart.UTC(), l.PeriodEnd.UTC(), l.Proration,
		})
	}
	text, err := json.Marshal(d)
	return string(text), err
}

// decodeInvoice reads what encodeInvoice wrote.
func decodeInvoice(text string) (Invoice, error) {
	var d invoiceDocument
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return Invoice{}, fmt.Errorf("billing: read invoice: %w", err)
	}
	c, err := money.ParseCurrency(d.Currency)
	if err != nil {
		return Invoice{}, fmt.Errorf("billing: read invoice %s: %w", d.ID, err)
	}
	i := Invoice{
		ID: d.ID, Number: d.Number, Status: d.Status, BillingReason: d.BillingReason, Subscription: d.Subscription, Customer: d.Customer,
		CustomerName: d.CustomerName, CustomerEmail: d.CustomerEmail, AccountName: d.AccountName, AccountCountry: d.AccountCountry,
		Currency: c, Subtotal: money.New(d.Subtotal, c), Tax: money.New(d.Tax, c), Total: money.New(d.Total, c),
		AmountDue: money.New(d.AmountDue, c), AmountPaid: money.New(d.AmountPaid, c), AmountRemaining: money.New(d.AmountRemaining, c),
		StartingBalance: money.New(d.StartingBalance, c), EndingBalance: money.New(d.EndingBalance, c),
		PeriodStart: d.PeriodStart, PeriodEnd: d.PeriodEnd, Created: d.Created,
		DueDate: d.DueDate, FinalizedAt: d.FinalizedAt, PaidAt: d.PaidAt, NextAttempt: d.NextAttempt,
		AttemptCount: d.AttemptCount, ActionNeeded: d.ActionNeeded, HostedURL: d.HostedURL, PDFURL: d.PDFURL, Description: d.Description,
	}
	for _, l := range d.Lines {
		line, err := l.line(c)
		if err != nil {
			return Invoice{}, fmt.Errorf("billing: read invoice %s: %w", d.ID, err)
		}
		i.Lines = append(i.Lines, line)
	}
	return i, nil
}

func (l lineDocument) line(c money.Currency) (InvoiceLine, error) {
	out := InvoiceLine{
		ID: l.ID, Description: l.Description, Price: l.Price, Quantity: l.Quantity, Amount: money.New(l.Amount, c),
		PeriodStart: l.PeriodStart, PeriodEnd: l.PeriodEnd, Proration: l.Proration,
	}
	if l.Unit == "" {
		return out, nil
	}
	var err error
	out.Unit, err = money.RateOfMinor(l.Unit, c)
	return out, err
}
