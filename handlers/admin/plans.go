package admin

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const plansPath = "/admin/plans"

// Plans is the screens of business plans.
type Plans struct {
	Catalog interface {
		Plans(ctx context.Context, who accounts.Actor) ([]catalog.Plan, error)
		Plan(ctx context.Context, who accounts.Actor, uuid string) (catalog.Plan, error)
		CreatePlan(ctx context.Context, who accounts.Actor, in catalog.PlanInput) (catalog.Saved, error)
		EditPlan(ctx context.Context, who accounts.Actor, uuid string, version int64, in catalog.PlanInput) (catalog.Saved, error)
	}
	Sales interface {
		Standing(ctx context.Context, who accounts.Actor, plan string) ([]billing.PlanStanding, error)
		Await(ctx context.Context, job string) (done bool, problem string, err error)
	}
}

// List answers GET /admin/plans.
func (h Plans) List(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	plans, err := h.Catalog.Plans(ctx, who)
	if err != nil {
		return err
	}
	p := page.PlansProps{Frame: respond.Frame(c, layout.Admin, "Business plans", plansPath), Lead: plansLead(plans)}
	for _, plan := range plans {
		standing, err := h.Sales.Standing(ctx, who, plan.Policy.UUID)
		if err != nil {
			return err
		}
		p.Rows = append(p.Rows, planRow(plan, standing))
	}
	return respond.Page(c, fiber.StatusOK, page.Plans(p))
}

// New answers GET /admin/plans/new.
func (h Plans) New(c *fiber.Ctx) error {
	return h.blank(c, fiber.StatusOK, newPlan, nil)
}

// Create answers POST /admin/plans/new.
func (h Plans) Create(c *fiber.Ctx) error {
	in := planInput(c)
	saved, err := h.Catalog.CreatePlan(c.UserContext(), session.Actor(c), in)
	if problems, ok := fault.FieldsOf(err); ok {
		return h.blank(c, fiber.StatusUnprocessableEntity, in, problems)
	}
	if err != nil {
		return err
	}
	return h.saved(c, saved, plansPath+"/"+saved.UUID, in.Name+" is created")
}

// Show answers GET /admin/plans/:uuid.
func (h Plans) Show(c *fiber.Ctx) error {
	plan, err := h.Catalog.Plan(c.UserContext(), session.Actor(c), c.Params("uuid"))
	if err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, plan, filled(plan), nil)
}

// Save answers POST /admin/plans/:uuid.
func (h Plans) Save(c *fiber.Ctx) error {
	ctx, who, uuid, in := c.UserContext(), session.Actor(c), c.Params("uuid"), planInput(c)
	saved, err := h.Catalog.EditPlan(ctx, who, uuid, rowVersion(c), in)
	_, wrong := fault.FieldsOf(err)
	if wrong || fault.KindOf(err) == fault.Conflict {
		plan, again := h.Catalog.Plan(ctx, who, uuid)
		if again != nil {
			return again
		}
		return h.render(c, statusOf(err), plan, in, err)
	}
	if err != nil {
		return err
	}
	return h.saved(c, saved, plansPath+"/"+uuid, in.Name+" is saved")
}

// saved waits a little for Stripe and says on the next page what came of it.
func (h Plans) saved(c *fiber.Ctx, saved catalog.Saved, to, what string) error {
	done, problem, err := h.Sales.Await(c.UserContext(), saved.Job)
	switch {
	case err != nil:
		return err
	case problem != "":
		session.Notice(c, string(ui.Bad), what+", but Stripe refused it: "+problem)
	case !done:
		session.Notice(c, string(ui.Quiet), what+". Stripe is being told; this goes on by itself.")
	default:
		session.Notice(c, string(ui.Good), what+".")
	}
	return respond.SeeOther(c, to)
}

func (h Plans) blank(c *fiber.Ctx, status int, in catalog.PlanInput, problems fault.Fields) error {
	p := page.PlanProps{
		Frame: respond.Frame(c, layout.Admin, "New business plan", plansPath).With(ui.Link{Href: plansPath, Label: "Business plans"}, ui.Link{Label: "New business plan"}),
		Form:  planForm(in), Problems: atForm(problems),
		Outcome: "Create makes its product and price on your Stripe account. Publishers can then attach it to their APIs.",
	}
	p.Preview, p.PreviewNote = preview(in, catalog.Plan{})
	return respond.Page(c, status, page.Plan(p))
}

func (h Plans) render(c *fiber.Ctx, status int, plan catalog.Plan, in catalog.PlanInput, why error) error {
	standing, err := h.Sales.Standing(c.UserContext(), session.Actor(c), plan.Policy.UUID)
	if err != nil {
		return err
	}
	p := planProps(plan, in, standing)
	p.Frame = respond.Frame(c, layout.Admin, plan.Policy.DisplayName, plansPath).With(ui.Link{Href: plansPath, Label: "Business plans"}, ui.Link{Label: plan.Policy.DisplayName})
	if problems, ok := fault.FieldsOf(why); ok {
		p.Problems, p.Version = atForm(problems), rowVersion(c)
	} else if why != nil {
		p.Problem = fault.Message(why)
	}
	return respond.Page(c, status, page.Plan(p))
}

// statusOf is the status of a form that is shown again.
func statusOf(err error) int {
	if fault.KindOf(err) == fault.Conflict {
		return fiber.StatusConflict
	}
	return fiber.StatusUnprocessableEntity
}

// rowVersion is which version of a row a form was made from; -1 when it does not say.
func rowVersion(c *fiber.Ctx) int64 {
	n, err := strconv.ParseInt(c.FormValue("version"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
