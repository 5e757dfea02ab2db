// Package publisher is the screens of the publisher portal: APIs and API products,
// what they offer, how they are sold, and who is subscribed.
package publisher

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const (
	apisPath     = "/publisher/apis"
	productsPath = "/publisher/products"
)

// APIs is the screens of APIs and API products, and of the plans that they offer.
type APIs struct {
	Catalog interface {
		OwnAPIs(ctx context.Context, who accounts.Actor, kind string) ([]catalog.OwnAPI, error)
		OwnAPI(ctx context.Context, who accounts.Actor, uuid string) (catalog.APIDetail, error)
		CreateAPI(ctx context.Context, who accounts.Actor, kind string, in catalog.APIInput) (catalog.Saved, error)
		EditAPI(ctx context.Context, who accounts.Actor, uuid string, version int64, in catalog.APIInput) (catalog.Saved, error)
		PublishAPI(ctx context.Context, who accounts.Actor, uuid string) error
		OfferPlans(ctx context.Context, who accounts.Actor, uuid string, version int64, plans []string) (catalog.Saved, error)
	}
	Demo bool // whether demo upstreams exist
}

// List answers GET /publisher/apis.
func (h APIs) List(c *fiber.Ctx) error { return h.list(c, models.TypeAPI) }

// Products answers GET /publisher/products.
func (h APIs) Products(c *fiber.Ctx) error { return h.list(c, models.TypeProduct) }

func (h APIs) list(c *fiber.Ctx, kind string) error {
	own, err := h.Catalog.OwnAPIs(c.UserContext(), session.Actor(c), kind)
	if err != nil {
		return err
	}
	where := home(kind)
	p := page.APIsProps{Frame: respond.Frame(c, layout.Publisher, where.Label, where.Href), Product: kind == models.TypeProduct}
	for _, o := range own {
		p.Rows = append(p.Rows, apiRow(o))
	}
	return respond.Page(c, fiber.StatusOK, page.APIs(p))
}

// newAPI is what the form of a new API begins with.
var newAPI = catalog.APIInput{Version: "v1", Counting: models.CountSuccess}

// New answers GET /publisher/apis/new.
func (h APIs) New(c *fiber.Ctx) error {
	return h.form(c, fiber.StatusOK, formOf{kind: models.TypeAPI, in: newAPI})
}

// NewProduct answers GET /publisher/products/new.
func (h APIs) NewProduct(c *fiber.Ctx) error {
	return h.form(c, fiber.StatusOK, formOf{kind: models.TypeProduct, in: newAPI})
}

// Create answers POST /publisher/apis/new.
func (h APIs) Create(c *fiber.Ctx) error { return h.create(c, models.TypeAPI) }

// CreateProduct answers POST /publisher/products/new.
func (h APIs) CreateProduct(c *fiber.Ctx) error { return h.create(c, models.TypeProduct) }

func (h APIs) create(c *fiber.Ctx, kind string) error {
	in := apiInput(c)
	saved, err := h.Catalog.CreateAPI(c.UserContext(), session.Actor(c), kind, in)
	if problems, ok := fault.FieldsOf(err); ok {
		return h.form(c, fiber.StatusUnprocessableEntity, formOf{kind: kind, in: in, problems: problems})
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, apiPath(saved.UUID), in.Name+" is created. Publish it when it is ready to be seen.")
}

// Edit answers GET /publisher/apis/:uuid/edit.
func (h APIs) Edit(c *fiber.Ctx) error {
	d, err := h.Catalog.OwnAPI(c.UserContext(), session.Actor(c), c.Params("uuid"))
	if err != nil {
		return err
	}
	return h.form(c, fiber.StatusOK, formOf{kind: d.API.Type, in: filled(d), saved: d.API})
}

// Save answers POST /publisher/apis/:uuid/edit.
func (h APIs) Save(c *fiber.Ctx) error {
	ctx, who, uuid, in := c.UserContext(), session.Actor(c), c.Params("uuid"), apiInput(c)
	_, err := h.Catalog.EditAPI(ctx, who, uuid, rowVersion(c), in)
	problems, wrong := fault.FieldsOf(err)
	if wrong || fault.KindOf(err) == fault.Conflict {
		d, again := h.Catalog.OwnAPI(ctx, who, uuid)
		if again != nil {
			return again
		}
		f := formOf{kind: d.API.Type, in: in, saved: d.API, problems: problems}
		if !wrong {
			f.problem = fault.Message(err)
		}
		return h.form(c, again422(err), f)
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, apiPath(uuid), in.Name+" is saved.")
}

// Show answers GET /publisher/apis/:uuid.
func (h APIs) Show(c *fiber.Ctx) error {
	d, err := h.Catalog.OwnAPI(c.UserContext(), session.Actor(c), c.Params("uuid"))
	if err != nil {
		return err
	}
	return respond.Page(c, fiber.StatusOK, page.API(apiProps(frameOf(c, d.API, ""), d)))
}

// Publish answers POST /publisher/apis/:uuid/publish.
func (h APIs) Publish(c *fiber.Ctx) error {
	if err := h.Catalog.PublishAPI(c.UserContext(), session.Actor(c), c.Params("uuid")); err != nil {
		return err
	}
	return respond.SeeOther(c, apiPath(c.Params("uuid")), "It is published: everybody can see it in the developer portal.")
}

// Plans answers GET /publisher/apis/:uuid/plans.
func (h APIs) Plans(c *fiber.Ctx) error {
	d, err := h.Catalog.OwnAPI(c.UserContext(), session.Actor(c), c.Params("uuid"))
	if err != nil {
		return err
	}
	return respond.Page(c, fiber.StatusOK, page.Plans(plansProps(frameOf(c, d.API, "Plans"), d)))
}

// SavePlans answers POST /publisher/apis/:uuid/plans.
func (h APIs) SavePlans(c *fiber.Ctx) error {
	ctx, who, uuid := c.UserContext(), session.Actor(c), c.Params("uuid")
	chosen := values(c, "plans")
	_, err := h.Catalog.OfferPlans(ctx, who, uuid, rowVersion(c), chosen)
	if _, subscribed := errors.AsType[*accounts.Unconfirmed](err); subscribed {
		return respond.SeeOther(c, detachPath(uuid, rowVersion(c), chosen))
	}
	problems, wrong := fault.FieldsOf(err)
	if wrong || fault.KindOf(err) == fault.Conflict {
		d, again := h.Catalog.OwnAPI(ctx, who, uuid)
		if again != nil {
			return again
		}
		p := plansProps(frameOf(c, d.API, "Plans"), d)
		choose(p.Choices, chosen)
		if p.Field = problems["plans"]; !wrong {
			p.Problem = fault.Message(err)
		}
		return respond.Page(c, again422(err), page.Plans(p))
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, apiPath(uuid)+"/plans", "The plans are saved.")
}

// formOf is what the form of an API is shown with.
type formOf struct {
	kind     string
	in       catalog.APIInput
	saved    models.API // the zero API for a new one
	problem  string     // over the form
	problems fault.Fields
}

func (h APIs) form(c *fiber.Ctx, status int, f formOf) error {
	where := home(f.kind)
	p := page.APIFormProps{
		UUID: f.saved.UUID, Product: f.kind == models.TypeProduct, Title: titled(f.saved), Row: f.saved.Version,
		Name: f.in.Name, Version: f.in.Version, Context: f.in.Context, Upstream: f.in.Upstream, Description: f.in.Description, Members: f.in.Members,
		Fixed: f.saved.Status == models.APIPublished, Problem: f.problem, Problems: f.problems,
		Counting: f.in.Counting, Statuses: f.in.Statuses, UnitsHeader: f.in.UnitsHeader, Upgrades: f.in.Upgrades,
		UpstreamHint: "The URL behind the gateway. Calls are passed on to it.",
		PathHint:     "The first part of its path: " + callPath(session.Actor(c).Domain, "weather", "v1") + " has the context weather.",
	}
	if h.Demo {
		p.UpstreamHint += " demo:weather answers from the demo."
	}
	title := "New " + models.API{Type: f.kind}.Kind()
	if p.UUID != "" {
		title = "Edit " + p.Title
	}
	p.Frame = respond.Frame(c, layout.Publisher, title, where.Href).With(where, ui.Link{Label: title})
	if p.Product {
		own, err := h.Catalog.OwnAPIs(c.UserContext(), session.Actor(c), models.TypeAPI)
		if err != nil {
			return err
		}
		for _, o := range own {
			p.Choices = append(p.Choices, ui.Choice{Value: o.API.UUID, Label: titled(o.API), Hint: callPath(o.API.Organization, o.API.Context, o.API.APIVersion)})
		}
	}
	return respond.Page(c, status, page.APIForm(p))
}

// apiInput reads the form of an API.
func apiInput(c *fiber.Ctx) catalog.APIInput {
	v := func(name string) string { return strings.Clone(c.FormValue(name)) }
	return catalog.APIInput{
		Name: v("name"), Version: v("version"), Context: v("context"), Upstream: v("upstream"), Description: v("description"), Members: values(c, "members"),
		Counting: v("counting"), Statuses: v("statuses"), UnitsHeader: v("units_header"), Upgrades: c.FormValue("upgrades") == "on",
	}
}

// values are all that a form sends under one name.
func values(c *fiber.Ctx, name string) []string {
	var all []string
	for _, v := range c.Request().PostArgs().PeekMulti(name) {
		all = append(all, string(v))
	}
	if form, err := c.MultipartForm(); err == nil {
		all = append(all, form.Value[name]...)
	}
	return all
}

// rowVersion is which version of a row a form was made from; -1 when it does not say.
func rowVersion(c *fiber.Ctx) int64 {
	n, err := strconv.ParseInt(c.FormValue("row"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// again422 is the status of a form that is shown again.
func again422(err error) int {
	if _, wrong := fault.FieldsOf(err); !wrong && fault.KindOf(err) == fault.Conflict {
		return fiber.StatusConflict
	}
	return fiber.StatusUnprocessableEntity
}
