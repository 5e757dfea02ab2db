package admin

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/handlers/sheet"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const (
	endingsPath    = "/admin/endings"
	peoplePath     = "/admin/people"
	endedListLabel = "Ended subscriptions"
)

// Ends is the screens on which an admin ends subscriptions: one of them, or all
// that hang on a plan or on a person.
type Ends struct {
	Ends interface {
		Preview(ctx context.Context, who accounts.Actor, t billing.EndTarget, after int64) (billing.EndPreview, error)
		EndOne(ctx context.Context, who accounts.Actor, uuid string, as accounts.Role, c accounts.Consent) (ending string, err error)
		TakeBack(ctx context.Context, who accounts.Actor, uuid string, as accounts.Role) error
		Stands(ctx context.Context, who accounts.Actor, uuid string) (billing.Standing, error)
		Ending(ctx context.Context, who accounts.Actor, id string, after int64) (billing.EndingPage, error)
		Endings(ctx context.Context, who accounts.Actor, as accounts.Role) ([]billing.Decided, error)
	}
	Catalog interface {
		Plan(ctx context.Context, who accounts.Actor, uuid string) (catalog.Plan, error)
		DeletePlan(ctx context.Context, who accounts.Actor, uuid string, version int64, c accounts.Consent) (catalog.Saved, error)
		HandOver(ctx context.Context, who accounts.Actor, from, to string) error
	}
	People interface {
		ByID(ctx context.Context, who accounts.Actor, id string) (accounts.Person, error)
		List(ctx context.Context, who accounts.Actor, f models.PeopleFilter, limit int) (accounts.PeoplePage, error)
		Sold(ctx context.Context, who accounts.Actor, id string) ([]string, error)
		Delete(ctx context.Context, who accounts.Actor, id string, c accounts.Consent) (ending string, err error)
	}
}

// showOne leads to a subscription.
func showOne(uuid string) string { return "/admin/subscriptions/" + url.PathEscape(uuid) }

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

// ShowPlan answers GET /admin/plans/:uuid/delete.
func (h Ends) ShowPlan(c *fiber.Ctx) error {
	a, err := h.plan(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, a, nil)
}

func (h Ends) plan(c *fiber.Ctx) (ask, error) {
	plan, err := h.Catalog.Plan(c.UserContext(), session.Actor(c), c.Params("uuid"))
	if err != nil {
		return ask{}, err
	}
	name, at := plan.Policy.DisplayName, plansPath+"/"+plan.Policy.UUID
	return ask{
		frame:  respond.Frame(c, layout.Admin, "Delete "+name, plansPath).With(ui.Link{Href: plansPath, Label: "Business plans"}, ui.Link{Href: at, Label: name}, ui.Link{Label: "Delete"}),
		target: billing.EndTarget{Kind: models.EndOfPlan, ID: plan.Policy.UUID}, path: at + "/delete",
		ways: []string{sheet.EndLater, sheet.EndNow, sheet.EndRefund},
		fill: func(e *ui.Ends, _ billing.EndPreview) {
			e.Title, e.Lead = "Delete "+name, "No API offers it any more, its prices leave sale in every Stripe account, and everybody who has it loses their subscription."
			e.Hidden = []ui.Hidden{{Name: "version", Value: strconv.FormatInt(plan.Policy.Version, 10)}}
			e.Button, e.Back = "Delete "+name, ui.Link{Href: at, Label: "Keep it"}
		},
	}, nil
}

// DeletePlan answers POST /admin/plans/:uuid/delete.
func (h Ends) DeletePlan(c *fiber.Ctx) error {
	a, err := h.plan(c)
	if err != nil {
		return err
	}
	consent, err := respond.Consent(c)
	if err != nil {
		return h.again(c, a, err)
	}
	saved, err := h.Catalog.DeletePlan(c.UserContext(), session.Actor(c), c.Params("uuid"), rowVersion(c), consent)
	switch not, ok := errors.AsType[*accounts.Unconfirmed](err); {
	case ok && !not.Changed:
		return respond.SeeOther(c, a.path)
	case !ok && fault.KindOf(err) == fault.Conflict && consent.Seen == "":
		session.Notice(c, string(ui.Bad), fault.Message(err))
		return respond.SeeOther(c, plansPath+"/"+c.Params("uuid"))
	case err != nil:
		return h.again(c, a, err)
	}
	return ended(c, saved.Ending, plansPath, "The plan is deleted.")
}

// ShowPerson answers GET /admin/people/:id/delete.
func (h Ends) ShowPerson(c *fiber.Ctx) error {
	a, err := h.person(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, a, nil)
}

func (h Ends) person(c *fiber.Ctx) (ask, error) {
	ctx, who := c.UserContext(), session.Actor(c)
	p, err := h.People.ByID(ctx, who, c.Params("id"))
	if err != nil {
		return ask{}, err
	}
	sold, err := h.People.Sold(ctx, who, p.ID)
	if err != nil {
		return ask{}, err
	}
	heirs, err := h.heirs(c, p.ID)
	if err != nil {
		return ask{}, err
	}
	at := peoplePath + "/" + p.ID
	return ask{
		frame:  respond.Frame(c, layout.Admin, "Delete "+p.DisplayName, peoplePath).With(ui.Link{Href: peoplePath, Label: "People"}, ui.Link{Href: at, Label: p.DisplayName}, ui.Link{Label: "Delete"}),
		target: billing.EndTarget{Kind: models.EndOfPerson, ID: p.ID}, path: at + "/delete",
		ways: []string{sheet.EndNow, sheet.EndRefund},
		fill: func(e *ui.Ends, _ billing.EndPreview) {
			e.Title, e.Lead = "Delete "+p.DisplayName, "They are signed out for good, and their applications and keys are deleted with everything those are subscribed to. Their name stays on invoices and in the audit; the username is not given to anybody else."
			e.Button, e.Back = "Delete "+p.DisplayName, ui.Link{Href: at, Label: "Keep this person"}
			if len(sold) > 0 {
				e.Standing = p.DisplayName + " publishes " + ui.Listed(sold) + ". What is sold must be handed over to another publisher, or be ended and deleted, before this person can be deleted."
				e.Blocked, e.HandOver, e.Heirs, e.Heir = true, at+"/hand-over", heirs, c.FormValue("to")
			}
		},
	}, nil
}

// heirs are the other publishers who can sign in.
func (h Ends) heirs(c *fiber.Ctx, without string) ([]ui.Choice, error) {
	const most = 200
	page, err := h.People.List(c.UserContext(), session.Actor(c), models.PeopleFilter{Role: string(accounts.Publisher)}, most)
	var out []ui.Choice
	for _, p := range page.People {
		if p.Active() && p.ID != without {
			out = append(out, ui.Choice{Value: p.ID, Label: p.DisplayName + " (" + p.Username + ")"})
		}
	}
	return out, err
}

// HandOver answers POST /admin/people/:id/hand-over.
func (h Ends) HandOver(c *fiber.Ctx) error {
	a, err := h.person(c)
	if err != nil {
		return err
	}
	if err := h.Catalog.HandOver(c.UserContext(), session.Actor(c), c.Params("id"), c.FormValue("to")); err != nil {
		return h.again(c, a, err)
	}
	return respond.SeeOther(c, a.path, "It is handed over.")
}

// DeletePerson answers POST /admin/people/:id/delete.
func (h Ends) DeletePerson(c *fiber.Ctx) error {
	a, err := h.person(c)
	if err != nil {
		return err
	}
	consent, err := respond.Consent(c)
	if err != nil {
		return h.again(c, a, err)
	}
	ending, err := h.People.Delete(c.UserContext(), session.Actor(c), c.Params("id"), consent)
	if not, ok := errors.AsType[*accounts.Unconfirmed](err); ok && !not.Changed {
		return respond.SeeOther(c, a.path)
	}
	if err != nil {
		return h.again(c, a, err)
	}
	return ended(c, ending, peoplePath, "The person is deleted.")
}

// ShowOne answers GET /admin/subscriptions/:uuid/end.
func (h Ends) ShowOne(c *fiber.Ctx) error {
	a, err := h.one(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, a, nil)
}

func (h Ends) one(c *fiber.Ctx) (ask, error) {
	uuid := strings.Clone(c.Params("uuid"))
	stands, err := h.Ends.Stands(c.UserContext(), session.Actor(c), uuid)
	if err != nil {
		return ask{}, err
	}
	at := showOne(uuid)
	return ask{
		frame: respond.Frame(c, layout.Admin, "End a subscription", "/admin/subscriptions").
			With(ui.Link{Href: "/admin/subscriptions", Label: "Subscriptions"}, ui.Link{Href: at, Label: "Subscription"}, ui.Link{Label: "End"}),
		target: billing.EndTarget{Kind: models.EndOfSubscription, ID: uuid, As: accounts.Admin}, path: at + "/end",
		ways: []string{sheet.EndLater, sheet.EndNow, sheet.EndRefund},
		fill: func(e *ui.Ends, p billing.EndPreview) {
			sheet.One(e, p, stands, at)
			if stands.By == accounts.Admin || stands.By == accounts.Publisher {
				e.TakeBack = at + "/keep"
			}
		},
	}, nil
}

// EndOne answers POST /admin/subscriptions/:uuid/end.
func (h Ends) EndOne(c *fiber.Ctx) error {
	a, err := h.one(c)
	if err != nil {
		return err
	}
	consent, err := respond.Consent(c)
	if err != nil {
		return h.again(c, a, err)
	}
	ending, err := h.Ends.EndOne(c.UserContext(), session.Actor(c), c.Params("uuid"), accounts.Admin, consent)
	if err == nil {
		return ended(c, ending, showOne(c.Params("uuid")), "The subscription is being ended.")
	}
	again := h.again(c, a, err)
	if fault.KindOf(again) != fault.Conflict {
		return again
	}
	session.Notice(c, string(ui.Bad), fault.Message(err))
	return respond.SeeOther(c, endingsPath)
}

// TakeBack answers POST /admin/subscriptions/:uuid/keep.
func (h Ends) TakeBack(c *fiber.Ctx) error {
	err := h.Ends.TakeBack(c.UserContext(), session.Actor(c), c.Params("uuid"), accounts.Admin)
	tone := map[fault.Kind]ui.Tone{fault.Conflict: ui.Bad, fault.Unavailable: ui.Attention}[fault.KindOf(err)]
	switch {
	case err == nil:
		session.Notice(c, string(ui.Good), "It is taken back: the subscription goes on.")
	case tone == "":
		return err
	default:
		session.Notice(c, string(tone), fault.Message(err))
	}
	return respond.SeeOther(c, showOne(c.Params("uuid")))
}

// List answers GET /admin/endings.
func (h Ends) List(c *fiber.Ctx) error {
	all, err := h.Ends.Endings(c.UserContext(), session.Actor(c), accounts.Admin)
	if err != nil {
		return err
	}
	p := page.EndingsProps{Frame: respond.Frame(c, layout.Admin, endedListLabel, endingsPath).With(ui.Link{Label: endedListLabel})}
	for _, d := range all {
		p.Rows = append(p.Rows, sheet.EndingRow(d, endingsPath+"/"+d.ID))
	}
	return respond.Page(c, fiber.StatusOK, page.Endings(p))
}

// Ending answers GET /admin/endings/:id.
func (h Ends) Ending(c *fiber.Ctx) error {
	p, err := h.Ends.Ending(c.UserContext(), session.Actor(c), c.Params("id"), respond.After(c))
	if err != nil {
		return err
	}
	e := sheet.Ending(p, sheet.EndPage{Path: endingsPath + "/" + p.ID, Href: showOne, Whose: true})
	e.Back = ui.Link{Href: endingsPath, Label: "All endings"}
	frame := respond.Frame(c, layout.Admin, e.Title, endingsPath).With(ui.Link{Href: endingsPath, Label: endedListLabel}, ui.Link{Label: p.ObjectName})
	return respond.Page(c, fiber.StatusOK, page.Ending(page.EndingProps{Frame: frame, Ending: e}))
}
