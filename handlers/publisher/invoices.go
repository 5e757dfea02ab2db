package publisher

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
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const invoicesPath = "/publisher/invoices"

// Invoices is the screens of what was issued for one's APIs: of one subscription,
// and all of it.
type Invoices struct {
	Business      clock.Business
	Subscriptions interface {
		SubscriptionOfMyAPI(ctx context.Context, who accounts.Actor, uuid string) (billing.Overview, error)
		Invoices(ctx context.Context, who accounts.Actor, uuid string) (billing.InvoiceSheet, error)
		InvoicesOfMyAPIs(ctx context.Context, who accounts.Actor, after string, limit int) (billing.InvoicePage, error)
	}
}

// invoicePath is the page of one invoice of a subscription.
func invoicePath(subscription, invoice string) string {
	return subscriptionsPath + "/" + url.PathEscape(subscription) + "/invoice?invoice=" + url.QueryEscape(invoice)
}

// Show answers GET /publisher/subscriptions/:uuid/invoice: the running period's
// invoice, or the one named by the parameter invoice.
func (h Invoices) Show(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	if _, err := h.Subscriptions.SubscriptionOfMyAPI(ctx, who, c.Params("uuid")); err != nil {
		return err // its subscriber sees it in the developer portal
	}
	s, err := h.Subscriptions.Invoices(ctx, who, c.Params("uuid"))
	if err != nil {
		return err
	}
	about := sheet.About(s.Title(), s.APIVersion, s.PolicyName)
	p := page.InvoiceProps{
		ID: s.UUID, Name: about, Who: s.Subscriber + " (" + s.ApplicationName + ")", UpcomingNote: s.UpcomingNote, Read: h.Business.Now(),
	}
	if err := pickInvoice(&p, s, about, c.Query("invoice")); err != nil {
		return err
	}
	p.Frame = respond.Frame(c, layout.Publisher, "Invoice", subscriptionsPath).
		With(ui.Link{Href: subscriptionsPath, Label: "Subscriptions"}, ui.Link{Label: "Invoice"})
	return respond.Page(c, fiber.StatusOK, page.Invoice(p))
}

// pickInvoice puts the invoice called id, or the running period's for "", into p, and
// the others beside it.
func pickInvoice(p *page.InvoiceProps, s billing.InvoiceSheet, about, id string) error {
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

// List answers GET /publisher/invoices.
func (h Invoices) List(c *fiber.Ctx) error {
	got, err := h.Subscriptions.InvoicesOfMyAPIs(c.UserContext(), session.Actor(c), c.Query("after"), 0)
	if err != nil {
		return err
	}
	p := page.InvoicesProps{Frame: respond.Frame(c, layout.Publisher, "Invoices", invoicesPath)}
	for _, r := range got.Rows {
		p.Rows = append(p.Rows, sheet.Listed(r, invoicePath(r.SubscriptionUUID, r.ID), r.Subscriber+" ("+r.ApplicationName+")"))
	}
	p.Pager.Showing = ui.Plural(int64(len(got.Rows)), "invoice", "invoices")
	if got.Next != "" {
		p.Pager.Next = respond.Link(invoicesPath, "after", got.Next)
	}
	return respond.Page(c, fiber.StatusOK, page.Invoices(p))
}
