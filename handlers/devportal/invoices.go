package devportal

import (
	"context"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Invoices is the screens of one's invoices: of one subscription, and all of them.
type Invoices struct {
	Business      clock.Business
	Subscriptions interface {
		Overview(ctx context.Context, who accounts.Actor, uuid string) (billing.Overview, error)
		Invoices(ctx context.Context, who accounts.Actor, uuid string) (billing.InvoiceSheet, error)
		MyInvoices(ctx context.Context, who accounts.Actor, after string, limit int) (billing.InvoicePage, error)
	}
}

const invoicesPath = "/devportal/invoices"

// invoicePath is the page of one invoice of a subscription.
func invoicePath(subscription, invoice string) string {
	return subscriptionPath(subscription) + "/invoice?invoice=" + url.QueryEscape(invoice)
}

// Show answers GET /devportal/subscriptions/:id/invoice: the running period's
// invoice, or the one named by the parameter invoice.
func (h Invoices) Show(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	if _, err := h.Subscriptions.Overview(ctx, who, c.Params("id")); err != nil {
		return err // a publisher sees it in the publisher portal
	}
	s, err := h.Subscriptions.Invoices(ctx, who, c.Params("id"))
	if err != nil {
		return err
	}
	about := sheet.About(s.Title(), s.APIVersion, s.PolicyName)
	p := page.InvoiceProps{
		ID: s.UUID, Name: about, TenantDomain: who.Domain, Manages: s.StripeSubscriptionID != "",
		UpcomingNote: s.UpcomingNote, Read: h.Business.Now(),
	}
	if err := choose(&p, s, about, c.Query("invoice")); err != nil {
		return err
	}
	p.Frame = respond.Frame(c, layout.Devportal, "Invoice", subscriptionsPath).With(
		ui.Link{Href: subscriptionsPath, Label: "My subscriptions"},
		ui.Link{Href: subscriptionPath(s.UUID), Label: titled(s.Title(), s.APIVersion)}, ui.Link{Label: "Invoice"})
	return respond.Page(c, fiber.StatusOK, page.Invoice(p))
}

// choose puts the invoice called id, or the running period's for "", into p, and
// the others beside it.
func choose(p *page.InvoiceProps, s billing.InvoiceSheet, about, id string) error {
	if s.Upcoming != nil {
		i := sheet.Invoice(*s.Upcoming, about)
		p.Upcoming = &i
	}
	shown, earlier, rest := sheet.Pick(s, id)
	for _, one := range rest {
		p.Past = append(p.Past, sheet.Row(one, s.PolicyName, invoicePath(s.UUID, one.ID)))
	}
	switch {
	case shown != nil:
		i := sheet.Invoice(*shown, about)
		p.Shown, p.Earlier = &i, earlier
	case id != "":
		return fault.New(fault.NotFound, "Invoice not found.")
	default:
		p.ShownNote = "No invoice is issued for the running period yet."
	}
	return nil
}

// List answers GET /devportal/invoices.
func (h Invoices) List(c *fiber.Ctx) error {
	got, err := h.Subscriptions.MyInvoices(c.UserContext(), session.Actor(c), c.Query("after"), 0)
	if err != nil {
		return err
	}
	p := page.InvoicesProps{Frame: respond.Frame(c, layout.Devportal, "Invoices", invoicesPath)}
	for _, r := range got.Rows {
		p.Rows = append(p.Rows, sheet.Listed(r, invoicePath(r.SubscriptionUUID, r.ID), ""))
	}
	p.Pager.Showing = ui.Plural(int64(len(got.Rows)), "invoice", "invoices")
	if got.Next != "" {
		p.Pager.Next = respond.Link(invoicesPath, "after", got.Next)
	}
	return respond.Page(c, fiber.StatusOK, page.Invoices(p))
}
