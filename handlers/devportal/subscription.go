package devportal

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Subscription is the screen of one subscription: its state, and what to do next.
type Subscription struct {
	Meter
	Way
	Keys          Keyring
	Subscriptions interface {
		Historian
		Overview(ctx context.Context, who accounts.Actor, uuid string) (billing.Overview, error)
		IssuedInvoices(ctx context.Context, who accounts.Actor, uuid string) (billing.InvoiceSheet, error)
		StartAgain(ctx context.Context, who accounts.Actor, uuid string) (models.Subscription, error)
		Refresh(ctx context.Context, who accounts.Actor, uuid string) error
		Cancel(ctx context.Context, who accounts.Actor, uuid string, when billing.CancelWhen) error
		Resume(ctx context.Context, who accounts.Actor, uuid string) error
	}
}

// The two ways to cancel, as the form sends them.
const (
	cancelAtPeriodEnd = "period-end"
	cancelNow         = "now"
)

// Show answers GET /devportal/subscriptions/:id.
func (h Subscription) Show(c *fiber.Ctx) error {
	return h.render(c, fiber.StatusOK, cancelAtPeriodEnd, "")
}

func (h Subscription) render(c *fiber.Ctx, status int, when, problem string) error {
	ctx, who := c.UserContext(), session.Actor(c)
	o, err := h.Subscriptions.Overview(ctx, who, c.Params("id"))
	if err != nil {
		return err
	}
	invoices, err := h.Subscriptions.IssuedInvoices(ctx, who, o.UUID)
	if err != nil {
		return err
	}
	p := h.shown(who, o)
	p.Cancel.When, p.Cancel.Problem = when, problem
	addInvoices(&p, invoices)
	if err := h.called(ctx, who, o, &p); err != nil {
		return err
	}
	happened, err := h.Subscriptions.Timeline(ctx, who, o.UUID, billing.TimelineQuery{Limit: historyShown})
	if err != nil {
		return err
	}
	p.History = sheet.History(happened, invoiceOf(o.UUID))
	p.Frame = respond.Frame(c, layout.Devportal, p.API, subscriptionsPath).
		With(ui.Link{Href: subscriptionsPath, Label: "My subscriptions"}, ui.Link{Label: p.API})
	return respond.Page(c, status, page.Subscription(p))
}

// shown puts a subscription into the page's terms.
func (h Subscription) shown(who accounts.Actor, o billing.Overview) page.SubscriptionProps {
	p := page.SubscriptionProps{
		ID: o.UUID, APIID: o.APIUUID, API: titled(o.Title(), o.APIVersion), Plan: o.PolicyName, Price: price(o.Price, ruleFor(o)), Limits: limits(o.Plan), AtLimit: atLimit(o.Plan, o.Price),
		Publisher: o.Publisher, ApplicationID: o.ApplicationUUID, Application: o.ApplicationName, TenantDomain: who.Domain,
		Stage: stage(o), State: o.State.Label, Tone: ui.Tone(o.State.Tone), Next: page.Next(o.State.Next),
		Sentence: page.Sentence(o.State.Sentence),
		Since:    o.CreatedTime.Time(), PeriodStart: o.PeriodStart.Time(), PeriodEnd: o.PeriodEnd.Time(),
		EndsAt: o.CancelAt.Time(), EndedAt: o.EndedAt.Time(),
		Manages: o.StripeSubscriptionID != "", HasInvoices: o.StripeSubscriptionID != "",
		EndAsked: o.EndAsked, StripeSilent: o.StripeSilent && o.AccountLost.IsZero(), AccountLost: !o.AccountLost.IsZero(),
		Cancel: page.Cancel{Offered: !o.State.Ended && o.CancelAt.IsZero() && !o.EndAsked, AtPeriodEnd: o.StripeSubscriptionID != ""},
	}
	p.Change = changing(o)
	endedBy(&p, o)
	if p.Stage == page.Opening && p.StripeSilent {
		p.Sentence = page.Sentence{Before: "The payment page is not there yet."}
	}
	if p.Stage == page.Payable {
		p.PayBy = o.CheckoutExpiresAt.Time()
		if left := p.PayBy.Sub(h.Business.Now()); left > 0 {
			p.PayIn = ui.Duration(left)
		}
	}
	return p
}

// called adds how o is called, and what was called with it.
func (h Subscription) called(ctx context.Context, who accounts.Actor, o billing.Overview, p *page.SubscriptionProps) error {
	if p.Stage != page.Running && p.Stage != page.Over {
		return nil
	}
	var err error
	if !o.ActivatedAt.IsZero() {
		if p.Use, err = h.inPeriod(ctx, o); err != nil {
			return err
		}
	}
	if p.Stage == page.Over || h.Gateway == "" || o.APILive == nil || o.ApplicationLive == nil {
		return nil
	}
	example, err := h.example(ctx, who, o)
	if err != nil {
		return err
	}
	p.CallIt = &page.CallIt{Address: h.Gateway + pathOf(who, o), Header: keyHeader, Command: command(example, "YOUR_API_KEY")}
	p.CallIt.Keys, err = Applications{Keys: h.Keys}.working(ctx, who, o)
	return err
}

// endedBy says who else ends a subscription and why, and leaves out what is not there
// any more, or cannot be taken back.
func endedBy(p *page.SubscriptionProps, o billing.Overview) {
	if o.APILive == nil {
		p.APIID = ""
	}
	if o.ApplicationLive == nil {
		p.ApplicationID = ""
	}
	p.EndTold, p.TakeBack = o.EndTold, o.EndAsked && o.EndTold == "" && p.Next != page.Resume
	if o.EndTold != "" && p.Next == page.Resume {
		p.Next = ""
	}
}

// addInvoices adds the issued invoices, and where an unpaid one can be paid.
func addInvoices(p *page.SubscriptionProps, s billing.InvoiceSheet) {
	all := s.Past
	if s.Current != nil {
		all = append([]billing.Invoice{*s.Current}, all...)
	}
	for _, i := range all {
		r := sheet.Row(i, p.Plan, invoicePath(p.ID, i.ID))
		p.Invoices = append(p.Invoices, r)
		if i.Status == "open" && p.OpenInvoice == "" {
			p.OpenInvoice = r.Hosted
		}
	}
}

// StartAgain answers POST /devportal/subscriptions/:id/start-again.
func (h Subscription) StartAgain(c *fiber.Ctx) error {
	_, err := h.Subscriptions.StartAgain(c.UserContext(), session.Actor(c), c.Params("id"))
	return h.after(c, err, "The payment page is open again.")
}

// Refresh answers POST /devportal/subscriptions/:id/refresh.
func (h Subscription) Refresh(c *fiber.Ctx) error {
	return h.after(c, h.Subscriptions.Refresh(c.UserContext(), session.Actor(c), c.Params("id")), "This is what Stripe says now.")
}

// Resume answers POST /devportal/subscriptions/:id/resume.
func (h Subscription) Resume(c *fiber.Ctx) error {
	return h.after(c, h.Subscriptions.Resume(c.UserContext(), session.Actor(c), c.Params("id")), "The subscription goes on.")
}

// Cancel answers POST /devportal/subscriptions/:id/cancel.
func (h Subscription) Cancel(c *fiber.Ctx) error {
	chosen := c.FormValue("when")
	when, ok := map[string]billing.CancelWhen{cancelAtPeriodEnd: billing.CancelAtPeriodEnd, cancelNow: billing.CancelNow}[chosen]
	if !ok {
		return h.render(c, fiber.StatusUnprocessableEntity, chosen, "Choose when it ends.")
	}
	ctx, who, id := c.UserContext(), session.Actor(c), c.Params("id")
	if err := h.Subscriptions.Cancel(ctx, who, id, when); err != nil {
		return h.after(c, err, "")
	}
	o, err := h.Subscriptions.Overview(ctx, who, id)
	return h.after(c, err, canceled(o))
}

// canceled says what came of a cancellation.
func canceled(o billing.Overview) string {
	switch {
	case o.State.Ended:
		return "The subscription has ended."
	case !o.CancelAt.IsZero():
		return "The subscription will end with its period. You can take that back until then."
	}
	return "It was paid in the meantime, so it is kept. Cancel it again to end it."
}

// after leads back to the subscription, with what came of a wish.
func (h Subscription) after(c *fiber.Ctx, err error, good string) error {
	to := subscriptionPath(c.Params("id"))
	switch fault.KindOf(err) {
	case fault.Unavailable:
		session.Notice(c, "attention", fault.Message(err))
		return respond.SeeOther(c, to)
	case fault.Conflict, fault.Invalid:
		session.Notice(c, "bad", fault.Message(err))
		return respond.SeeOther(c, to)
	default:
		if err != nil {
			return err
		}
	}
	return respond.SeeOther(c, to, good)
}
