package publisher

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Overview is the first screen of the portal.
type Overview struct {
	Catalog interface {
		OwnAPIs(ctx context.Context, who accounts.Actor, kind string) ([]catalog.OwnAPI, error)
	}
	Accounts interface {
		Mine(ctx context.Context, who accounts.Actor) ([]models.ConnectedAccount, error)
	}
}

// Show answers GET /publisher.
func (h Overview) Show(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	apis, err := h.Catalog.OwnAPIs(ctx, who, models.TypeAPI)
	if err != nil {
		return err
	}
	products, err := h.Catalog.OwnAPIs(ctx, who, models.TypeProduct)
	if err != nil {
		return err
	}
	mine, err := h.Accounts.Mine(ctx, who)
	if err != nil {
		return err
	}
	p := overview(apis, products, mine)
	p.Frame = respond.Frame(c, layout.Publisher, "Overview", "/publisher")
	return respond.Page(c, fiber.StatusOK, page.Overview(p))
}

// overview says how things stand: first what needs somebody, then what goes well.
func overview(apis, products []catalog.OwnAPI, mine []models.ConnectedAccount) page.OverviewProps {
	p := page.OverviewProps{}
	var published, sold, subscribers int64
	all := append(apis[:len(apis):len(apis)], products...)
	for _, o := range all {
		p.Rows = append(p.Rows, apiRow(o))
		subscribers += o.Subscribers
		published += one(o.API.Status == models.APIPublished)
		sold += one(o.API.Monetization == models.MonetizationOn)
	}
	p.Stats = []page.Stat{
		{Label: "APIs", Value: strconv.Itoa(len(apis)), Detail: "each sold by itself", Href: apisPath},
		{Label: "API products", Value: strconv.Itoa(len(products)), Detail: "several APIs, sold together", Href: productsPath},
		{Label: "On sale", Value: ui.Count(sold), Detail: "of " + ui.Count(published) + " published", Href: apisPath},
		{Label: "Subscriptions", Value: ui.Count(subscribers), Detail: "that have not ended", Href: "/publisher/subscriptions"},
	}
	p.Tone, p.Word, p.Lead, p.Next = nextStep(all, mine)
	return p
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// nextStep says in one sentence how things stand, and what to do about it.
func nextStep(all []catalog.OwnAPI, mine []models.ConnectedAccount) (ui.Tone, string, string, ui.Link) {
	for _, o := range all {
		if o.API.MonetizationProblem != "" {
			return ui.Bad, "Something is wrong", "Stripe refused to sell " + titled(o.API) + ".", ui.Link{Href: apiPath(o.API.UUID) + "/monetization", Label: "See why"}
		}
	}
	for _, a := range mine {
		if !a.ChargesEnabled || len(a.Due) > 0 {
			return ui.Attention, "Stripe asks for something", "Your Stripe account needs your attention.", ui.Link{Href: "/publisher/accounts", Label: "See what Stripe asks for"}
		}
	}
	for _, o := range all {
		switch a := o.API; {
		case a.Status != models.APIPublished:
			return ui.Quiet, "", titled(a) + " is not published yet.", ui.Link{Href: apiPath(a.UUID), Label: "Publish it"}
		case o.Attached == 0:
			return ui.Quiet, "", titled(a) + " offers no plan yet, so nobody can subscribe.", ui.Link{Href: apiPath(a.UUID) + "/plans", Label: "Attach plans"}
		case o.Paid > 0 && a.Monetization == models.MonetizationOff:
			return ui.Quiet, "", titled(a) + " is not sold yet.", ui.Link{Href: apiPath(a.UUID) + "/monetization", Label: "Monetize it"}
		}
	}
	if len(all) == 0 {
		return ui.Quiet, "", "Create an API, publish it, attach plans, then sell it.", ui.Link{Href: apisPath + "/new", Label: "Create an API"}
	}
	return ui.Good, "All is well", "Everything you publish is on sale.", ui.Link{}
}
