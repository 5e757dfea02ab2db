package admin

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/models"
	"tollgate/usage"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Overview is the screen where an admin sees how things stand.
type Overview struct {
	Tenants interface {
		Figures(ctx context.Context, who accounts.Actor) (models.Figures, error)
		Settings(ctx context.Context, who accounts.Actor) (models.Tenant, error)
		Hooks(ctx context.Context, who accounts.Actor) ([]accounts.Hook, error)
	}
	Events    EventLister
	Agreement AgreementReader
	Usage     PublishingReader
	Fleet     FleetReader
	Wall      func() time.Time
	Business  func() time.Time
}

// EventLister lists what Stripe told a tenant.
type EventLister interface {
	Events(ctx context.Context, who accounts.Actor, f models.StripeEventFilter, limit int) ([]models.StripeEvent, error)
}

// standing is what the overview is made from.
type standing struct {
	figures models.Figures
	tenant  models.Tenant
	hooks   []accounts.Hook
	last    models.StripeEvent // the newest event; the zero event when none came
	agreed  billing.Agreement
	usage   usage.Status
	fleet   usage.FleetView
	now     time.Time
}

// Show answers GET /admin.
func (h Overview) Show(c *fiber.Ctx) error {
	s, err := h.look(c.UserContext(), session.Actor(c))
	if err != nil {
		return err
	}
	tone, lead, next := s.lead()
	return respond.Page(c, fiber.StatusOK, page.Overview(page.OverviewProps{
		Frame: respond.Frame(c, layout.Admin, "Overview", "/admin"), Tone: tone, Lead: lead, Next: next,
		Stats: s.stats(), Webhook: s.webhook(), Work: s.work(), Stripe: s.stripe(), Agreement: agreementHealth(s.agreed, h.Business()), Usage: publishingHealth(s.usage, h.Business()), Gateways: fleetHealth(s.fleet),
	}))
}

func (h Overview) look(ctx context.Context, who accounts.Actor) (standing, error) {
	s := standing{now: h.Wall()}
	var err error
	if s.figures, err = h.Tenants.Figures(ctx, who); err != nil {
		return s, err
	}
	if s.tenant, err = h.Tenants.Settings(ctx, who); err != nil {
		return s, err
	}
	if s.hooks, err = h.Tenants.Hooks(ctx, who); err != nil {
		return s, err
	}
	events, err := h.Events.Events(ctx, who, models.StripeEventFilter{}, 1)
	if len(events) > 0 {
		s.last = events[0]
	}
	if err != nil {
		return s, err
	}
	if s.agreed, err = h.Agreement.Agreement(ctx, who, pageSize); err != nil {
		return s, err
	}
	if s.usage, err = h.Usage.Status(ctx, who); err != nil {
		return s, err
	}
	s.fleet, err = h.Fleet.View(ctx, who)
	return s, err
}

// lead says how things stand in one sentence, and what to do next: the first
// thing without which the others cannot be done.
func (s standing) lead() (ui.Tone, string, ui.Link) {
	f := s.figures
	switch {
	case s.tenant.StripeKeyHint == "":
		return ui.Attention, "Stripe is not set up, so nothing can be sold yet.", ui.Link{Href: "/admin/stripe", Label: "Enter the Stripe key"}
	case s.tenant.StripeProblem != "":
		return ui.Bad, "Stripe refuses the key: " + s.tenant.StripeProblem, ui.Link{Href: "/admin/stripe", Label: "Enter another key"}
	case f.FailedWork > 0:
		return ui.Bad, ui.Plural(f.FailedWork, "piece of work has failed and waits", "pieces of work have failed and wait") + " for you.", ui.Link{Href: "/admin/work", Label: "See what failed"}
	case f.FailedEvents > 0:
		return ui.Bad, ui.Plural(f.FailedEvents, "event of Stripe's", "events of Stripe's") + " could not be processed.", ui.Link{Href: "/admin/webhooks?state=failed", Label: "See the events"}
	case refused(s.usage) > 0:
		return ui.Bad, ui.Plural(refused(s.usage), "window of usage was", "windows of usage were") + " refused by Stripe and not billed so far.", ui.Link{Href: publishingPath, Label: "Decide about them"}
	case f.RetriedWork > 0:
		return ui.Attention, ui.Plural(f.RetriedWork, "piece of work is", "pieces of work are") + " waiting for Stripe, and tried again until done. Nothing is lost.", ui.Link{Href: "/admin/work", Label: "See why"}
	case len(s.hooks) < 2:
		return ui.Attention, "Stripe does not tell us of payments yet, so they are noticed late.", ui.Link{Href: "/admin/stripe", Label: "Set up webhooks"}
	case f.Plans == 0:
		return ui.Attention, "There is no business plan yet for publishers to sell.", ui.Link{Href: "/admin/plans/new", Label: "Create a business plan"}
	case f.PublishedAPIs == 0:
		return ui.Quiet, "Everything is set up. No API is published yet.", ui.Link{}
	}
	if f.ActivePaid == 0 {
		return ui.Good, "Everything works. No paid subscription is active yet.", ui.Link{}
	}
	return ui.Good, "Everything works. " + ui.Plural(f.ActivePaid, "paid subscription is", "paid subscriptions are") + " active.", ui.Link{}
}

func (s standing) stats() []page.Stat {
	f := s.figures
	return []page.Stat{
		{Label: "Active subscriptions", Value: ui.Count(f.Active), Detail: ui.Count(f.ActivePaid) + " paid, " + ui.Count(f.Active-f.ActivePaid) + " free"},
		{Label: "Waiting for payment", Value: ui.Count(f.OnHold), Detail: ui.Count(f.Blocked) + " blocked"},
		{Label: "Business plans", Value: ui.Count(f.Plans), Detail: ui.Count(f.PaidPlans) + " commercial", Href: "/admin/plans"},
		{Label: "APIs", Value: ui.Count(f.APIs), Detail: ui.Count(f.PublishedAPIs) + " published"},
	}
}

func (s standing) webhook() page.Health {
	h := page.Health{Tone: ui.Good, Word: "Arriving", More: ui.Link{Href: "/admin/webhooks", Label: "Events received"}}
	switch {
	case len(s.hooks) < 2:
		h.Tone, h.Word, h.Sentence = ui.Attention, "Not set up", "Stripe needs to know two addresses of ours."
	case s.last.ID == "":
		h.Tone, h.Word, h.Sentence = ui.Quiet, "Nothing yet", "Stripe has told us nothing so far."
	default:
		h.Sentence = "The last event, " + s.last.Type + ", came " + ui.Duration(s.now.Sub(s.last.ReceivedAt.Time())) + " ago."
	}
	if s.figures.FailedEvents > 0 {
		h.Tone, h.Word = ui.Bad, "Failing"
	}
	h.Facts = []page.Fact{{Name: "Not processed", Value: ui.Count(s.figures.FailedEvents)}, {Name: "Endpoints", Value: ui.Count(int64(len(s.hooks))) + " of 2"}}
	return h
}

func (s standing) work() page.Health {
	h := page.Health{
		Tone: ui.Good, Word: "Nothing failed", Sentence: "What our changes owe Stripe is done.", More: ui.Link{Href: "/admin/work", Label: "Open work"},
		Facts: []page.Fact{{Name: "Failed", Value: ui.Count(s.figures.FailedWork)}, {Name: "Under way", Value: ui.Count(s.figures.WaitingWork)}},
	}
	switch {
	case s.figures.FailedWork > 0:
		h.Tone, h.Word, h.Sentence = ui.Bad, "Failed", "Stripe said no to something. Look why, then try again."
	case s.figures.RetriedWork > 0:
		h.Tone, h.Word, h.Sentence = ui.Attention, "Tried again", "Some of what our changes owe Stripe did not succeed yet."
	case s.figures.WaitingWork > 0:
		h.Tone, h.Word, h.Sentence = ui.Quiet, "Under way", "Some of what our changes owe Stripe is still being done."
	}
	return h
}

func (s standing) stripe() page.Health {
	h := page.Health{Tone: ui.Good, Word: "Connected", More: ui.Link{Href: "/admin/stripe", Label: "Account and keys"}}
	switch {
	case s.tenant.StripeKeyHint == "":
		h.Tone, h.Word, h.Sentence = ui.Attention, "No key", "Enter the secret key of your account at Stripe."
	case s.tenant.StripeProblem != "":
		h.Tone, h.Word, h.Sentence = ui.Bad, "Refused", s.tenant.StripeProblem
	default:
		h.Sentence = "Stripe accepted the key of your account."
	}
	if s.tenant.StripeAccount != "" {
		h.Facts = []page.Fact{{Name: "Account", Value: s.tenant.StripeAccount}, {Name: "Key", Value: s.tenant.StripeKeyHint}}
	}
	return h
}
