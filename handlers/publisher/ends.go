package publisher

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/handlers/sheet"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const endingsPath = "/publisher/endings"

// Ends is the screens on which a publisher ends subscriptions: one of them, or all
// that hang on an API, on its sale, or on a plan that it offers.
type Ends struct {
	Ends interface {
		Preview(ctx context.Context, who accounts.Actor, t billing.EndTarget, after int64) (billing.EndPreview, error)
		EndOne(ctx context.Context, who accounts.Actor, uuid string, as accounts.Role, c accounts.Consent) (ending string, err error)
		EndSale(ctx context.Context, who accounts.Actor, api string, c accounts.Consent) (ending, job string, err error)
		TakeBack(ctx context.Context, who accounts.Actor, uuid string, as accounts.Role) error
		Stands(ctx context.Context, who accounts.Actor, uuid string) (billing.Standing, error)
		Ending(ctx context.Context, who accounts.Actor, id string, after int64) (billing.EndingPage, error)
		Endings(ctx context.Context, who accounts.Actor, as accounts.Role) ([]billing.Decided, error)
	}
	Catalog interface {
		OwnAPI(ctx context.Context, who accounts.Actor, uuid string) (catalog.APIDetail, error)
		DeleteAPI(ctx context.Context, who accounts.Actor, uuid string, c accounts.Consent) (catalog.Saved, error)
		OfferPlansEnding(ctx context.Context, who accounts.Actor, uuid string, version int64, plans []string, c accounts.Consent) (catalog.Saved, error)
	}
}

// showOne leads to a subscription.
func showOne(uuid string) string { return subscriptionsPath + "/" + url.PathEscape(uuid) }

// An ask is a page on which subscriptions are ended, before it is drawn.
type ask struct {
	frame  layout.Frame
	target billing.EndTarget
	path   string
	ways   []string // that can be chosen; the first is chosen unless the form says otherwise
	fill   func(e *ui.Ends, p billing.EndPreview)
}

// show draws a; why is what was wrong with the form, nil for none.
func (h Ends) show(c *fiber.Ctx, status int, a ask, why error) error {
	p, err := h.Ends.Preview(c.UserContext(), session.Actor(c), a.target, respond.After(c))
	if err != nil {
		return err
	}
	e := sheet.Ends(p, sheet.EndPage{Path: a.path, Href: showOne, Whose: true, Money: true})
	e.Token, e.Reason, e.How = a.frame.FormToken, c.FormValue("reason"), c.FormValue("how")
	if p.Total > 0 {
		e.Choices, e.AskReason = sheet.EndChoices(p, a.ways...), true
	}
	if !slices.Contains(a.ways, e.How) {
		e.How = a.ways[0]
	}
	if asked := c.Query("how"); slices.Contains(a.ways, asked) && c.FormValue("seen") == "" {
		e.How = asked
	}
	a.fill(&e, p)
	e.Refusal(why)
	return respond.Page(c, status, page.End(page.EndProps{Frame: a.frame, Ends: e}))
}

// again draws a once more when err is something that its reader can put right, and
// is err otherwise.
func (h Ends) again(c *fiber.Ctx, a ask, err error) error {
	switch fault.KindOf(err) {
	case fault.Conflict:
		return h.show(c, fiber.StatusConflict, a, err)
	case fault.Invalid:
		return h.show(c, fiber.StatusUnprocessableEntity, a, err)
	default:
		return err
	}
}

// ended leads to the ending, or where there is none, to another page.
func ended(c *fiber.Ctx, ending, otherwise, told string) error {
	if ending == "" {
		return respond.SeeOther(c, otherwise, told)
	}
	return respond.SeeOther(c, endingsPath+"/"+ending, told)
}

// ShowAPI answers GET /publisher/apis/:uuid/delete.
func (h Ends) ShowAPI(c *fiber.Ctx) error {
	a, _, err := h.api(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, a, nil)
}

func (h Ends) api(c *fiber.Ctx) (ask, catalog.APIDetail, error) {
	d, err := h.Catalog.OwnAPI(c.UserContext(), session.Actor(c), c.Params("uuid"))
	if err != nil {
		return ask{}, d, err
	}
	at := apiPath(d.API.UUID)
	return ask{
		frame: frameOf(c, d.API, "Delete"), target: billing.EndTarget{Kind: models.EndOfAPI, ID: d.API.UUID}, path: at + "/delete",
		ways: []string{sheet.EndNow, sheet.EndRefund},
		fill: func(e *ui.Ends, _ billing.EndPreview) {
			e.Title, e.Lead = "Delete "+titled(d.API), "It disappears from the developer portal, its products and prices leave sale in Stripe, and everybody who is subscribed loses it."
			e.Button, e.Back = "Delete "+titled(d.API), ui.Link{Href: at, Label: "Keep it"}
		},
	}, d, nil
}

// DeleteAPI answers POST /publisher/apis/:uuid/delete.
func (h Ends) DeleteAPI(c *fiber.Ctx) error {
	a, d, err := h.api(c)
	if err != nil {
		return err
	}
	consent, err := respond.Consent(c)
	if err != nil {
		return h.again(c, a, err)
	}
	saved, err := h.Catalog.DeleteAPI(c.UserContext(), session.Actor(c), d.API.UUID, consent)
	switch not, ok := errors.AsType[*accounts.Unconfirmed](err); {
	case ok && !not.Changed:
		return respond.SeeOther(c, a.path)
	case !ok && fault.KindOf(err) == fault.Conflict && consent.Seen == "":
		session.Notice(c, string(ui.Bad), fault.Message(err))
		return respond.SeeOther(c, apiPath(d.API.UUID))
	case err != nil:
		return h.again(c, a, err)
	}
	return ended(c, saved.Ending, home(d.API.Type).Href, titled(d.API)+" is deleted.")
}

// ShowSale answers GET /publisher/apis/:uuid/monetization/end.
func (h Ends) ShowSale(c *fiber.Ctx) error {
	a, err := h.sale(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, a, nil)
}

func (h Ends) sale(c *fiber.Ctx) (ask, error) {
	d, err := h.Catalog.OwnAPI(c.UserContext(), session.Actor(c), c.Params("uuid"))
	if err != nil {
		return ask{}, err
	}
	at := apiPath(d.API.UUID) + "/monetization"
	return ask{
		frame: frameOf(c, d.API, "End the sale"), target: billing.EndTarget{Kind: models.EndOfSale, ID: d.API.UUID}, path: at + "/end",
		ways: []string{sheet.EndLater, sheet.EndNow, sheet.EndRefund},
		fill: func(e *ui.Ends, _ billing.EndPreview) {
			e.Title, e.Lead = "End the sale of "+titled(d.API), "Nobody new can subscribe to a paid plan, and whoever pays now is ended as you choose. Free subscriptions stay."
			e.Button, e.Back = "End the sale", ui.Link{Href: at, Label: "Go back"}
		},
	}, nil
}

// EndSale answers POST /publisher/apis/:uuid/monetization/end.
func (h Ends) EndSale(c *fiber.Ctx) error {
	a, err := h.sale(c)
	if err != nil {
		return err
	}
	consent, err := respond.Consent(c)
	if err != nil {
		return h.again(c, a, err)
	}
	ending, _, err := h.Ends.EndSale(c.UserContext(), session.Actor(c), c.Params("uuid"), consent)
	if err != nil {
		return h.again(c, a, err)
	}
	return ended(c, ending, apiPath(c.Params("uuid"))+"/monetization", "It leaves sale.")
}

// detachPath is where plans leave an API that somebody is subscribed with: those
// that it is to offer from now on are in the query.
func detachPath(uuid string, row int64, plans []string) string {
	q := url.Values{"row": {strconv.FormatInt(row, 10)}, "plans": plans}
	return apiPath(uuid) + "/plans/detach?" + q.Encode()
}

// ShowOffer answers GET /publisher/apis/:uuid/plans/detach.
func (h Ends) ShowOffer(c *fiber.Ctx) error {
	a, err := h.offer(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, a, nil)
}

// offer is the page of plans that leave an API. What it is to offer from now on is
// in the query, also when the form is sent.
func (h Ends) offer(c *fiber.Ctx) (ask, error) {
	d, err := h.Catalog.OwnAPI(c.UserContext(), session.Actor(c), c.Params("uuid"))
	if err != nil {
		return ask{}, err
	}
	keep, leave := wantedPlans(c), []string{}
	var names []string
	for _, p := range d.Plans {
		if p.Attached && !slices.Contains(keep, p.Plan.UUID) {
			leave, names = append(leave, p.Plan.UUID), append(names, p.Plan.DisplayName)
		}
	}
	return ask{
		frame: frameOf(c, d.API, "Take plans off"), target: billing.EndTarget{Kind: models.EndOfOffer, ID: d.API.UUID, Plans: leave},
		path: detachPath(d.API.UUID, wantedRow(c), keep), ways: []string{sheet.EndKeep, sheet.EndLater, sheet.EndNow, sheet.EndRefund},
		fill: func(e *ui.Ends, p billing.EndPreview) {
			e.Title, e.Agree, e.Facts = "Take plans off "+titled(d.API), "I have read this.", sheet.Having(p)
			leaving(e, names, p.Total)
			e.Button, e.Back = "Take off", ui.Link{Href: apiPath(d.API.UUID) + "/plans", Label: "Keep the plans"}
		},
	}, nil
}

// leaving fills in the words for how many have the plans of some names.
func leaving(e *ui.Ends, names []string, total int64) {
	plans, them := "this plan", "it"
	if len(names) > 1 {
		plans, them = "these plans", "one of them"
	}
	e.Lead = ui.Listed(names) + " cannot be chosen any more."
	e.Caption, e.HowLabel = "Subscriptions with "+plans+", oldest first", "What becomes of them"
	e.ReasonHint = "Needed where they end: the subscribers read it, on their page and in a mail."
	switch total {
	case 0:
	case 1:
		e.Lead += " Decide what becomes of the subscription that has " + them + "."
		e.Caption, e.HowLabel = "The subscription with "+plans, "What becomes of it"
		e.ReasonHint = "Needed where it ends: the subscriber reads it, on their page and in a mail."
	default:
		e.Lead += " Decide what becomes of those who have " + them + "."
	}
}

func wantedPlans(c *fiber.Ctx) []string {
	all := []string{}
	for _, v := range c.Request().URI().QueryArgs().PeekMulti("plans") {
		all = append(all, string(v))
	}
	return all
}

func wantedRow(c *fiber.Ctx) int64 {
	n, err := strconv.ParseInt(c.Query("row"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// Detach answers POST /publisher/apis/:uuid/plans/detach.
func (h Ends) Detach(c *fiber.Ctx) error {
	a, err := h.offer(c)
	if err != nil {
		return err
	}
	consent, err := respond.Consent(c)
	if err == nil && consent.How == "" {
		err = fault.Fields{"how": "Choose one of these."}.Err()
	}
	if err != nil {
		return h.again(c, a, err)
	}
	saved, err := h.Catalog.OfferPlansEnding(c.UserContext(), session.Actor(c), c.Params("uuid"), wantedRow(c), wantedPlans(c), consent)
	if err != nil {
		return h.again(c, a, err)
	}
	return ended(c, saved.Ending, apiPath(c.Params("uuid"))+"/plans", "The plans are saved.")
}

// ShowOne answers GET /publisher/subscriptions/:uuid/end.
func (h Ends) ShowOne(c *fiber.Ctx) error {
	a, err := h.one(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, a, nil)
}

func (h Ends) one(c *fiber.Ctx) (ask, error) {
	uuid := c.Params("uuid")
	stands, err := h.Ends.Stands(c.UserContext(), session.Actor(c), uuid)
	if err != nil {
		return ask{}, err
	}
	at := showOne(uuid)
	return ask{
		frame: respond.Frame(c, layout.Publisher, "End a subscription", subscriptionsPath).
			With(ui.Link{Href: subscriptionsPath, Label: "Subscriptions"}, ui.Link{Href: at, Label: "Subscription"}, ui.Link{Label: "End"}),
		target: billing.EndTarget{Kind: models.EndOfSubscription, ID: uuid, As: accounts.Publisher}, path: at + "/end",
		ways: []string{sheet.EndLater, sheet.EndNow, sheet.EndRefund},
		fill: func(e *ui.Ends, p billing.EndPreview) {
			sheet.One(e, p, stands, at)
			if stands.By == accounts.Publisher && !stands.Now {
				e.TakeBack = at + "/keep"
			}
		},
	}, nil
}

// EndOne answers POST /publisher/subscriptions/:uuid/end.
func (h Ends) EndOne(c *fiber.Ctx) error {
	a, err := h.one(c)
	if err != nil {
		return err
	}
	consent, err := respond.Consent(c)
	if err != nil {
		return h.again(c, a, err)
	}
	ending, err := h.Ends.EndOne(c.UserContext(), session.Actor(c), c.Params("uuid"), accounts.Publisher, consent)
	if err != nil {
		return h.refused(c, a, err)
	}
	return ended(c, ending, showOne(c.Params("uuid")), "The subscription is being ended.")
}

// refused draws the page again, unless there is nothing left to end.
func (h Ends) refused(c *fiber.Ctx, a ask, err error) error {
	again := h.again(c, a, err)
	if fault.KindOf(again) != fault.Conflict {
		return again
	}
	session.Notice(c, string(ui.Bad), fault.Message(err))
	return respond.SeeOther(c, subscriptionsPath)
}

// TakeBack answers POST /publisher/subscriptions/:uuid/keep.
func (h Ends) TakeBack(c *fiber.Ctx) error {
	err := h.Ends.TakeBack(c.UserContext(), session.Actor(c), c.Params("uuid"), accounts.Publisher)
	switch fault.KindOf(err) {
	case fault.Conflict:
		session.Notice(c, string(ui.Bad), fault.Message(err))
		return respond.SeeOther(c, subscriptionsPath)
	case fault.Unavailable:
		session.Notice(c, string(ui.Attention), fault.Message(err))
		return respond.SeeOther(c, subscriptionsPath)
	default:
		if err != nil {
			return err
		}
	}
	return respond.SeeOther(c, subscriptionsPath, "It is taken back: the subscription goes on.")
}

// List answers GET /publisher/endings.
func (h Ends) List(c *fiber.Ctx) error {
	all, err := h.Ends.Endings(c.UserContext(), session.Actor(c), accounts.Publisher)
	if err != nil {
		return err
	}
	p := page.EndingsProps{Frame: respond.Frame(c, layout.Publisher, "Ended subscriptions", subscriptionsPath).With(ui.Link{Href: subscriptionsPath, Label: "Subscriptions"}, ui.Link{Label: "Ended"})}
	for _, d := range all {
		p.Rows = append(p.Rows, sheet.EndingRow(d, endingsPath+"/"+d.ID))
	}
	return respond.Page(c, fiber.StatusOK, page.Endings(p))
}

// Ending answers GET /publisher/endings/:id.
func (h Ends) Ending(c *fiber.Ctx) error {
	p, err := h.Ends.Ending(c.UserContext(), session.Actor(c), c.Params("id"), respond.After(c))
	if err != nil {
		return err
	}
	e := sheet.Ending(p, sheet.EndPage{Path: endingsPath + "/" + p.ID, Href: showOne, Whose: true})
	e.Back = ui.Link{Href: endingsPath, Label: "All endings"}
	frame := respond.Frame(c, layout.Publisher, e.Title, subscriptionsPath).With(ui.Link{Href: endingsPath, Label: "Ended subscriptions"}, ui.Link{Label: p.ObjectName})
	return respond.Page(c, fiber.StatusOK, page.Ending(page.EndingProps{Frame: frame, Ending: e}))
}
