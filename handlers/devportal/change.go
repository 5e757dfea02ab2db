package devportal

import (
	"context"
	"errors"
	"strconv"

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

// Change is the screen on which a subscription gets another plan.
type Change struct {
	Subscriptions interface {
		Overview(ctx context.Context, who accounts.Actor, uuid string) (billing.Overview, error)
		ChangeChoices(ctx context.Context, who accounts.Actor, uuid string) (billing.Choices, error)
		PreviewChange(ctx context.Context, who accounts.Actor, uuid, plan string, when billing.Moment) (billing.ChangePreview, error)
		Change(ctx context.Context, who accounts.Actor, uuid string, in billing.ChangeInput) error
		UndoChange(ctx context.Context, who accounts.Actor, uuid string) error
	}
}

// Show answers GET /devportal/subscriptions/:id/change, with a preview once a plan
// is chosen.
func (h Change) Show(c *fiber.Ctx) error {
	return h.render(c, fiber.StatusOK, c.Query("plan"), c.Query("when"), nil)
}

// render shows the page with what was chosen, and why it did not come to pass.
func (h Change) render(c *fiber.Ctx, status int, plan, when string, why error) error {
	ctx, who := c.UserContext(), session.Actor(c)
	all, err := h.Subscriptions.ChangeChoices(ctx, who, c.Params("id"))
	if err != nil {
		return err
	}
	p := choices(all, plan, when)
	p.Problem, p.Problems = problem(why)
	p.Frame = respond.Frame(c, layout.Devportal, "Change plan", subscriptionsPath).
		With(ui.Link{Href: subscriptionsPath, Label: "My subscriptions"}, ui.Link{Href: subscriptionPath(all.UUID), Label: p.API}, ui.Link{Label: "Change plan"})
	if plan == "" || all.Refused != "" || len(p.Problems) > 0 {
		return respond.Page(c, status, page.Change(p))
	}
	preview, err := h.Subscriptions.PreviewChange(ctx, who, all.UUID, plan, billing.Moment(p.When))
	switch k := fault.KindOf(err); {
	case err == nil:
		p.Preview = shownChange(preview)
	case why != nil && k != fault.Internal: // it says enough already
	case k == fault.Invalid || k == fault.Conflict || k == fault.Unavailable:
		p.Problem, p.Problems = problem(err)
		status = statusOf(err)
	default:
		return err
	}
	return respond.Page(c, status, page.Change(p))
}

// statusOf is the status of a page that shows err.
func statusOf(err error) int {
	switch fault.KindOf(err) {
	case fault.Invalid:
		return fiber.StatusUnprocessableEntity
	case fault.Unavailable:
		return fiber.StatusServiceUnavailable
	}
	return fiber.StatusConflict
}

// problem splits err into what is wrong as a whole, and at the fields.
func problem(err error) (string, map[string]string) {
	if fields, ok := fault.FieldsOf(err); ok {
		return "", fields
	}
	return fault.Message(err), nil
}

// Confirm answers POST /devportal/subscriptions/:id/change.
func (h Change) Confirm(c *fiber.Ctx) error {
	ctx, who, id := c.UserContext(), session.Actor(c), c.Params("id")
	in := billing.ChangeInput{Plan: c.FormValue("plan"), When: billing.Moment(c.FormValue("when")), Version: c.FormValue("version")}
	in.At, in.Due = whole(c.FormValue("at")), whole(c.FormValue("due"))
	err := h.Subscriptions.Change(ctx, who, id, in)
	k := fault.KindOf(err)
	if err != nil && k != fault.Invalid && k != fault.Conflict && k != fault.Unavailable {
		return err
	}
	if err != nil && k != fault.Unavailable {
		return h.render(c, statusOf(err), in.Plan, string(in.When), err)
	}
	o, later := h.Subscriptions.Overview(ctx, who, id)
	switch {
	case later != nil:
		return errors.Join(err, later)
	case err != nil && o.Changing == nil: // Stripe did not answer before anything was asked
		return h.render(c, fiber.StatusServiceUnavailable, in.Plan, string(in.When), err)
	case err != nil:
		session.Notice(c, "attention", fault.Message(err))
		return respond.SeeOther(c, subscriptionPath(o.UUID))
	}
	if o.Changing != nil && o.Changing.ByPaying() {
		session.Notice(c, "attention", changed(o))
		return respond.SeeOther(c, subscriptionPath(o.UUID))
	}
	return respond.SeeOther(c, subscriptionPath(o.UUID), changed(o))
}

// whole reads a number of a hidden field; what is none cannot have been shown.
func whole(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// changed says what came of a change.
func changed(o billing.Overview) string {
	switch {
	case o.Changing == nil:
		return "The plan is " + o.PolicyName + " now."
	case o.Changing.Kind == models.ChangeByPaying:
		return "Complete the payment to change to " + o.Changing.Plan.DisplayName + "."
	case o.Changing.Kind == models.ChangeNow:
		return "Stripe needs you for the payment. " + o.PolicyName + " goes on until it is settled."
	}
	return o.Changing.Plan.DisplayName + " will follow when the period ends. You can take that back until then."
}

// Undo answers POST /devportal/subscriptions/:id/change/undo.
func (h Change) Undo(c *fiber.Ctx) error {
	ctx, who, id := c.UserContext(), session.Actor(c), c.Params("id")
	to := subscriptionPath(id)
	switch err := h.Subscriptions.UndoChange(ctx, who, id); fault.KindOf(err) {
	case fault.Unavailable:
		session.Notice(c, "attention", fault.Message(err))
		return respond.SeeOther(c, to)
	case fault.Conflict:
		session.Notice(c, "bad", fault.Message(err))
		return respond.SeeOther(c, to)
	default:
		if err != nil {
			return err
		}
	}
	o, err := h.Subscriptions.Overview(ctx, who, id)
	if err != nil {
		return err
	}
	return respond.SeeOther(c, to, "The plan is "+o.PolicyName+".")
}

// choices puts what can be chosen into the page's terms. A plan that can begin at
// one moment only begins then.
func choices(all billing.Choices, plan, when string) page.ChangeProps {
	p := page.ChangeProps{
		ID: all.UUID, API: titled(all.Title(), all.APIVersion), Application: all.ApplicationName, Publisher: all.Publisher,
		Refused: all.Refused, Chosen: plan, When: when, PeriodEnd: all.PeriodEnd.Time(),
	}
	for _, one := range all.Plans {
		if one.Current {
			p.Now = planChoice(one, ruleFor(all.Overview))
			continue
		}
		p.Others = append(p.Others, planChoice(one, ruleFor(all.Overview)))
		if one.Plan.UUID == plan && len(one.Moments) == 1 {
			p.When = string(one.Moments[0])
		}
	}
	return p
}

func planChoice(c billing.Choice, r rule) page.PlanChoice {
	out := page.PlanChoice{ID: c.Plan.UUID, Name: c.Plan.DisplayName, Price: price(c.Price, r), Limits: limits(c.Plan), Why: c.Why}
	for _, m := range c.Moments {
		out.Moments = append(out.Moments, string(m))
	}
	return out
}

// shownChange puts a preview into the page's terms.
func shownChange(v billing.ChangePreview) *page.ChangePreview {
	shown := v.Shown()
	out := &page.ChangePreview{
		To: planChoice(v.To, ruleFor(v.Overview)), Checkout: v.Checkout, Due: v.Due, Takes: v.Takes, Next: v.Next,
		Version: shown.Version, At: shown.At, Sum: shown.Due,
	}
	if v.Invoice == nil {
		return out
	}
	i := sheet.Invoice(*v.Invoice, "")
	if v.Invoice.Total.Minor() < 0 {
		out.Back = v.Invoice.Total.Neg()
	}
	out.Charged = &i
	return out
}

// changing says what the page of a subscription tells about another plan.
func changing(o billing.Overview) page.Changing {
	out := page.Changing{
		Offered: stage(o) == page.Running && o.Changing == nil && !o.EndAsked && o.CancelAt.IsZero() && o.StripeStatus != "incomplete",
		Problem: o.ChangeProblem,
	}
	if c := o.Changing; c != nil {
		out.Pending = &page.PendingChange{
			Plan: c.Plan.DisplayName, Price: price(c.Price, ruleFor(o)), At: c.At, Undoable: c.Undoable,
			Paying: c.ByPaying(),
		}
	}
	return out
}
