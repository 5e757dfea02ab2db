package billing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/money"
)

// previewPatience is how long a page waits for the preview of the next invoice.
const previewPatience = 5 * time.Second

// saveInvoices mirrors the invoices of a subscription as Stripe has them.
func (s *Subscriptions) saveInvoices(ctx context.Context, tx bun.Tx, sub models.Subscription, v seen) error {
	known, err := models.InvoicesOf(ctx, tx, sub.ID)
	if err != nil {
		return err
	}
	have := map[string]models.Invoice{}
	for _, row := range known {
		have[row.ID] = row
	}
	accountOf := map[string]string{}
	for _, other := range v.others {
		accountOf[other.ID] = other.at.Connected
	}
	for _, theirs := range v.invoices {
		account, isOther := accountOf[theirs.Subscription]
		if !isOther {
			account = v.keptAt.Connected
		}
		if err := s.saveInvoice(ctx, tx, sub, account, theirs, have[theirs.ID], !isOther && v.moneyOnItsWay()); err != nil {
			return err
		}
	}
	return nil
}

// saveInvoice mirrors one invoice over row, which is zero when it is new, and tells
// what happened to it. While its money is on its way it has not failed: pending.
func (s *Subscriptions) saveInvoice(ctx context.Context, tx bun.Tx, sub models.Subscription, account string, i Invoice, row models.Invoice, pending bool) error {
	document, err := encodeInvoice(i)
	if err != nil || document == row.Document {
		return err
	}
	next := models.Invoice{
		Account: account, ID: i.ID, TenantID: sub.TenantID, AMSubscriptionID: sub.ID, StripeSubscriptionID: i.Subscription,
		CustomerID: i.Customer, Number: i.Number, Status: i.Status, BillingReason: clip(i.BillingReason, 40), Currency: i.Currency.Code(),
		TotalMinor: i.Total.Minor(), AmountDueMinor: i.AmountDue.Minor(), AmountPaidMinor: i.AmountPaid.Minor(),
		PeriodStart: models.At(i.PeriodStart), PeriodEnd: models.At(i.PeriodEnd), CreatedAt: models.At(i.Created),
		FinalizedAt: models.At(i.FinalizedAt), PaidAt: models.At(i.PaidAt), NextAttempt: models.At(i.NextAttempt),
		AttemptCount: int(i.AttemptCount), HostedURL: i.HostedURL, PDFURL: i.PDFURL, Document: document,
		SyncedAt: models.At(s.Business.Now()), Version: row.Version,
	}
	if row.ID == "" {
		err = models.InsertInvoice(ctx, tx, next)
	} else {
		err = models.SaveInvoice(ctx, tx, next)
	}
	if err != nil || i.Total.IsZero() {
		return err
	}
	return s.tellInvoice(ctx, tx, sub, i, row, pending)
}

// An InvoiceSheet is what somebody sees who opens the invoices of a subscription.
type InvoiceSheet struct {
	Overview
	Current  *Invoice  // issued in the running period; nil: none yet
	Past     []Invoice // issued before, newest first
	Upcoming *Invoice  // Stripe's preview, not final; nil: see UpcomingNote
	// UpcomingNote says why there is no preview.
	UpcomingNote string
}

// Invoices returns the invoices of a subscription, for its owner and for the
// publisher of its API. The preview is read from Stripe there and then.
func (s *Subscriptions) Invoices(ctx context.Context, who accounts.Actor, uuid string) (InvoiceSheet, error) {
	sheet, err := s.IssuedInvoices(ctx, who, uuid)
	if err == nil {
		sheet.Upcoming, sheet.UpcomingNote = s.preview(ctx, sheet.Overview)
	}
	return sheet, err
}

// IssuedInvoices is Invoices without the preview: it asks nobody but our database.
func (s *Subscriptions) IssuedInvoices(ctx context.Context, who accounts.Actor, uuid string) (InvoiceSheet, error) {
	o, err := s.readable(ctx, who, uuid)
	if err != nil {
		return InvoiceSheet{}, err
	}
	rows, err := models.InvoicesOf(ctx, s.DB, o.ID)
	if err != nil {
		return InvoiceSheet{}, err
	}
	sheet := InvoiceSheet{Overview: o}
	for _, row := range rows {
		if row.Status == "draft" {
			continue // it may still change, and the preview shows it
		}
		i, err := decodeInvoice(row.Document)
		if err != nil {
			return sheet, err
		}
		if sheet.Current == nil && ofRunningPeriod(o, row) {
			sheet.Current = &i
		} else {
			sheet.Past = append(sheet.Past, i)
		}
	}
	return sheet, nil
}

// ofRunningPeriod reports whether an invoice was issued in the period that runs now.
// Stripe stamps invoice and period one after the other, so an hour is allowed.
func ofRunningPeriod(o Overview, row models.Invoice) bool {
	begun := models.At(o.PeriodStart.Time().Add(-time.Hour))
	return o.EndedAt.IsZero() && row.StripeSubscriptionID == o.StripeSubscriptionID && row.CreatedAt >= begun
}

// readable returns a subscription to its owner and to its API's publisher.
func (s *Subscriptions) readable(ctx context.Context, who accounts.Actor, uuid string) (Overview, error) {
	o, err := s.Overview(ctx, who, uuid)
	if fault.KindOf(err) == fault.NotFound {
		return s.SubscriptionOfMyAPI(ctx, who, uuid)
	}
	return o, err
}

// preview returns the invoice that comes next, or says why it cannot be shown.
func (s *Subscriptions) preview(ctx context.Context, o Overview) (*Invoice, string) {
	switch {
	case !o.NeedsPayment:
		return nil, "This plan is free, so there are no invoices."
	case o.State.Ended:
		return nil, "This subscription has ended, so no further invoice comes from its plan."
	case o.StripeSubscriptionID == "":
		return nil, "The first invoice is issued when the payment is completed."
	}
	ctx, cancel := context.WithTimeout(ctx, previewPatience)
	defer cancel()
	i, err := s.Engine.Preview(ctx, accounts.StripeAccount{Tenant: o.TenantID, Connected: o.Account}, o.StripeSubscriptionID)
	if no, ok := errors.AsType[*Refused](err); ok && no.Status == http.StatusNotFound {
		return nil, "No further invoice is planned."
	}
	if err != nil {
		return nil, "Stripe does not answer right now, so the next invoice cannot be shown. Everything else on this page is as last read."
	}
	return &i, ""
}

// Invoice returns one issued invoice of a subscription, for its owner and for the
// publisher of its API.
func (s *Subscriptions) Invoice(ctx context.Context, who accounts.Actor, uuid, id string) (Overview, Invoice, error) {
	o, err := s.readable(ctx, who, uuid)
	if err != nil {
		return o, Invoice{}, err
	}
	rows, err := models.InvoicesOf(ctx, s.DB, o.ID)
	if err != nil {
		return o, Invoice{}, err
	}
	for _, row := range rows {
		if row.ID == id && row.Status != "draft" {
			i, err := decodeInvoice(row.Document)
			return o, i, err
		}
	}
	return o, Invoice{}, fault.New(fault.NotFound, "Invoice not found.")
}

// An InvoiceRow is an issued invoice in a list.
type InvoiceRow struct {
	models.InvoiceEntry
	Total money.Amount
}

// An InvoicePage is a page of issued invoices. Next is where the following page
// begins; "" when this is the last one.
type InvoicePage struct {
	Rows []InvoiceRow
	Next string
}

// MyInvoices lists the invoices of every subscription of the actor's, newest first.
func (s *Subscriptions) MyInvoices(ctx context.Context, who accounts.Actor, after string, limit int) (InvoicePage, error) {
	return s.invoices(ctx, who, models.InvoiceFilter{Person: who.Person}, after, limit)
}

// InvoicesOfMyAPIs lists the invoices of every subscription to an API that the
// actor publishes, newest first.
func (s *Subscriptions) InvoicesOfMyAPIs(ctx context.Context, who accounts.Actor, after string, limit int) (InvoicePage, error) {
	return s.invoices(ctx, who, models.InvoiceFilter{Publisher: who.Person}, after, limit)
}

func (s *Subscriptions) invoices(ctx context.Context, who accounts.Actor, f models.InvoiceFilter, after string, limit int) (InvoicePage, error) {
	if who.Person == "" {
		return InvoicePage{}, nil
	}
	var err error
	if f.Before, f.BeforeID, err = readCursor(after); err != nil {
		return InvoicePage{}, err
	}
	limit = pageSize(limit)
	es, err := models.InvoiceEntries(ctx, s.DB, who.Tenant, f, limit+1)
	if err != nil {
		return InvoicePage{}, err
	}
	var p InvoicePage
	for _, e := range es[:min(limit, len(es))] {
		c, err := money.ParseCurrency(e.Currency)
		if err != nil {
			return p, fmt.Errorf("billing: invoice %s: %w", e.ID, err)
		}
		p.Rows = append(p.Rows, InvoiceRow{e, money.New(e.TotalMinor, c)})
	}
	if len(es) > limit {
		last := es[limit-1]
		p.Next = strconv.FormatInt(int64(last.CreatedAt), 10) + "." + last.ID
	}
	return p, nil
}

// readCursor reads where a page begins.
func readCursor(after string) (models.Instant, string, error) {
	if after == "" {
		return 0, "", nil
	}
	at, id, ok := strings.Cut(after, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || ms <= 0 || id == "" {
		return 0, "", fault.From(fault.Malformed, err, "This page does not exist. Begin at the first one.")
	}
	return models.Instant(ms), id, nil
}
