package publisher

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Subscription is the screen of one subscription to an API of the publisher's.
type Subscription struct {
	Subscriptions interface {
		SubscriptionOfMyAPI(ctx context.Context, who accounts.Actor, uuid string) (billing.Overview, error)
		Timeline(ctx context.Context, who accounts.Actor, uuid string, q billing.TimelineQuery) (billing.TimelinePage, error)
		TimelineCSV(ctx context.Context, who accounts.Actor, uuid string) ([][]string, error)
		Incidents(ctx context.Context, who accounts.Actor, uuid string) ([]models.PaymentIncident, error)
		GiveBack(ctx context.Context, who accounts.Actor, uuid, incident string) error
		Hold(ctx context.Context, who accounts.Actor, uuid string, hold access.Hold) error
		GraceOf(ctx context.Context, who accounts.Actor, uuid string) (*int, error)
		SetGrace(ctx context.Context, who accounts.Actor, uuid string, hours *int) error
	}
	Books    Bookkeeper
	Business func() time.Time
}

func subscriptionPath(uuid string) string { return subscriptionsPath + "/" + url.PathEscape(uuid) }

// Show answers GET /publisher/subscriptions/:uuid.
func (h Subscription) Show(c *fiber.Ctx) error {
	return h.render(c, fiber.StatusOK, func(*page.SubscriptionProps) {})
}

// render shows the subscription; with is what a form that was refused adds.
func (h Subscription) render(c *fiber.Ctx, status int, with func(*page.SubscriptionProps)) error {
	ctx, who := c.UserContext(), session.Actor(c)
	o, err := h.Subscriptions.SubscriptionOfMyAPI(ctx, who, c.Params("uuid"))
	if err != nil {
		return err
	}
	p := described(o)
	if p.Grace, err = h.grace(ctx, who, o); err != nil {
		return err
	}
	if p.Use, err = monthUse(ctx, h.Books, who, o, h.Business()); err != nil {
		return err
	}
	if p.Incidents, err = h.incidents(ctx, who, o.UUID); err != nil {
		return err
	}
	got, err := h.Subscriptions.Timeline(ctx, who, o.UUID, billing.TimelineQuery{After: c.Query("after")})
	if err != nil {
		return err
	}
	p.History = sheet.History(got, func(id string) string { return invoicePath(o.UUID, id) })
	if got.Next != "" {
		p.Older = respond.Link(subscriptionPath(o.UUID), "after", got.Next)
	}
	p.Frame = respond.Frame(c, layout.Publisher, p.Subscriber+", "+p.API, subscriptionsPath).
		With(ui.Link{Href: subscriptionsPath, Label: "Subscriptions"}, ui.Link{Label: p.Subscriber + ", " + p.API})
	with(&p)
	return respond.Page(c, status, page.Subscription(p))
}

// described puts a subscription into the page's terms.
func described(o billing.Overview) page.SubscriptionProps {
	p := page.SubscriptionProps{
		ID: o.UUID, API: strings.TrimSpace(o.Title() + " " + o.APIVersion), APIID: o.APIUUID, Plan: o.PolicyName, Price: price(o.Price),
		Subscriber: o.Subscriber, Application: o.ApplicationName, State: o.State.Label, Tone: ui.Tone(o.State.Tone),
		Since: o.CreatedTime.Time(), PeriodStart: o.PeriodStart.Time(), PeriodEnd: o.PeriodEnd.Time(),
		Stripe: o.StripeSubscriptionID, Account: o.Account, HasInvoices: o.StripeSubscriptionID != "", Ended: o.State.Ended, AccountLost: !o.AccountLost.IsZero(),
		Hold: page.Hold{Value: o.AdminHold}, CanEnd: !o.State.Ended, CSV: subscriptionPath(o.UUID) + "/history.csv",
	}
	if o.APILive == nil {
		p.APIID = "" // there is no page of it any more
	}
	p.Sentence, p.Until, p.After = stands(o)
	p.NextPlan = sheet.Follows(o)
	return p
}

func (h Subscription) grace(ctx context.Context, who accounts.Actor, o billing.Overview) (page.Grace, error) {
	g := page.Grace{Offered: o.StripeSubscriptionID != "", Now: "Calls stop at once."}
	if o.GraceHours > 0 {
		g.Now = "Calls go on for " + ui.Plural(int64(o.GraceHours), "hour", "hours") + "."
	}
	if !g.Offered {
		return g, nil
	}
	own, err := h.Subscriptions.GraceOf(ctx, who, o.UUID)
	if own != nil {
		g.Hours = strconv.Itoa(*own)
		g.Now = strings.TrimSuffix(g.Now, ".") + ", as set for this customer."
	}
	return g, err
}

func (h Subscription) incidents(ctx context.Context, who accounts.Actor, uuid string) ([]page.Incident, error) {
	all, err := h.Subscriptions.Incidents(ctx, who, uuid)
	var out []page.Incident
	for _, i := range all {
		out = append(out, incident(i))
	}
	return out, err
}

// Hold answers POST /publisher/subscriptions/:uuid/hold.
func (h Subscription) Hold(c *fiber.Ctx) error {
	hold := access.Hold(c.FormValue("hold"))
	err := h.Subscriptions.Hold(c.UserContext(), session.Actor(c), c.Params("uuid"), hold)
	if problems, wrong := fault.FieldsOf(err); wrong {
		return h.render(c, fiber.StatusUnprocessableEntity, func(p *page.SubscriptionProps) { p.Hold.Problem = problems["hold"] })
	}
	good := map[access.Hold]string{
		access.NoHold: "Calls are let through, as far as payment allows.", access.HoldAll: "All calls are blocked.", access.HoldProduction: "Production calls are blocked.",
	}
	return h.after(c, err, good[hold])
}

// Grace answers POST /publisher/subscriptions/:uuid/grace.
func (h Subscription) Grace(c *fiber.Ctx) error {
	typed := strings.TrimSpace(c.FormValue("hours"))
	refused := func(problem string) error {
		return h.render(c, fiber.StatusUnprocessableEntity, func(p *page.SubscriptionProps) { p.Grace.Hours, p.Grace.Problem = typed, problem })
	}
	var hours *int
	if typed != "" {
		n, err := strconv.Atoi(typed)
		if err != nil {
			return refused(accounts.GraceProblem)
		}
		hours = &n
	}
	err := h.Subscriptions.SetGrace(c.UserContext(), session.Actor(c), c.Params("uuid"), hours)
	if problems, wrong := fault.FieldsOf(err); wrong {
		return refused(problems["grace_hours"])
	}
	return h.after(c, err, "The grace is saved.")
}

// GiveBack answers POST /publisher/subscriptions/:uuid/give-back.
func (h Subscription) GiveBack(c *fiber.Ctx) error {
	err := h.Subscriptions.GiveBack(c.UserContext(), session.Actor(c), c.Params("uuid"), c.FormValue("incident"))
	return h.after(c, err, "The payment is given back.")
}

// CSV answers GET /publisher/subscriptions/:uuid/history.csv.
func (h Subscription) CSV(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	o, err := h.Subscriptions.SubscriptionOfMyAPI(ctx, who, c.Params("uuid"))
	if err != nil {
		return err
	}
	rows, err := h.Subscriptions.TimelineCSV(ctx, who, o.UUID)
	if err != nil {
		return err
	}
	return respond.CSV(c, sheet.FileName(o.Title()+" "+o.ApplicationName, "history"), billing.TimelineHead, rows)
}

// after leads back to the subscription, with what came of a wish.
func (h Subscription) after(c *fiber.Ctx, err error, good string) error {
	to := subscriptionPath(c.Params("uuid"))
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
