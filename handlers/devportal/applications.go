package devportal

import (
	"context"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Applications is the screens of one's applications.
type Applications struct {
	Applications interface {
		List(ctx context.Context, who accounts.Actor) ([]models.Application, error)
		ByUUID(ctx context.Context, who accounts.Actor, uuid string) (models.Application, error)
		Create(ctx context.Context, who accounts.Actor, in accounts.ApplicationInput) (models.Application, error)
		Edit(ctx context.Context, who accounts.Actor, uuid string, in accounts.ApplicationInput) error
	}
	Subscriptions interface {
		Mine(ctx context.Context, who accounts.Actor, q billing.ListQuery) (billing.Page, error)
	}
	Keys Keyring
}

// crumb leads back to the list.
var crumb = ui.Link{Href: applicationsPath, Label: "Applications"}

// List answers GET /devportal/applications.
func (h Applications) List(c *fiber.Ctx) error {
	ctx, who := c.UserContext(), session.Actor(c)
	apps, err := h.Applications.List(ctx, who)
	if err != nil {
		return err
	}
	p := page.ApplicationsProps{Frame: respond.Frame(c, layout.Devportal, "Applications", applicationsPath)}
	for _, a := range apps {
		mine, err := h.Subscriptions.Mine(ctx, who, billing.ListQuery{Application: a.UUID, Limit: 100})
		if err != nil {
			return err
		}
		p.Rows = append(p.Rows, page.ApplicationRow{
			ID: a.UUID, Name: a.Name, About: a.Description, Subscriptions: int64(len(mine.Rows)), Created: a.CreatedTime.Time(),
		})
	}
	return respond.Page(c, fiber.StatusOK, page.Applications(p))
}

// New answers GET /devportal/applications/new.
func (h Applications) New(c *fiber.Ctx) error {
	return renderForm(c, fiber.StatusOK, page.ApplicationFormProps{})
}

// Create answers POST /devportal/applications/new.
func (h Applications) Create(c *fiber.Ctx) error {
	in := accounts.ApplicationInput{Name: c.FormValue("name"), Description: c.FormValue("description")}
	made, err := h.Applications.Create(c.UserContext(), session.Actor(c), in)
	if problems, ok := fault.FieldsOf(err); ok {
		return renderForm(c, fiber.StatusUnprocessableEntity, page.ApplicationFormProps{Name: in.Name, Description: in.Description, Problems: problems})
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, applicationPath(made.UUID), "The application is created. Choose an API to subscribe it to.")
}

// Edit answers GET /devportal/applications/:id/edit.
func (h Applications) Edit(c *fiber.Ctx) error {
	a, err := h.Applications.ByUUID(c.UserContext(), session.Actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return renderForm(c, fiber.StatusOK, page.ApplicationFormProps{
		ID: a.UUID, Name: a.Name, Description: a.Description,
	})
}

// Save answers POST /devportal/applications/:id/edit.
func (h Applications) Save(c *fiber.Ctx) error {
	in := accounts.ApplicationInput{Name: c.FormValue("name"), Description: c.FormValue("description")}
	err := h.Applications.Edit(c.UserContext(), session.Actor(c), c.Params("id"), in)
	if problems, ok := fault.FieldsOf(err); ok {
		return renderForm(c, fiber.StatusUnprocessableEntity, page.ApplicationFormProps{
			ID: c.Params("id"), Name: in.Name, Description: in.Description, Problems: problems,
		})
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, applicationPath(c.Params("id")), "The application is saved.")
}

func renderForm(c *fiber.Ctx, status int, p page.ApplicationFormProps) error {
	title := "New application"
	if p.ID != "" {
		title = "Edit application"
	}
	p.Frame = respond.Frame(c, layout.Devportal, title, applicationsPath).With(crumb, ui.Link{Label: title})
	return respond.Page(c, status, page.ApplicationForm(p))
}

// Show answers GET /devportal/applications/:id.
func (h Applications) Show(c *fiber.Ctx) error { return h.render(c, fiber.StatusOK, nil) }

// render shows an application. form is what was entered to get a key, nil for nothing.
func (h Applications) render(c *fiber.Ctx, status int, form *page.KeyForm) error {
	ctx, who := c.UserContext(), session.Actor(c)
	a, err := h.Applications.ByUUID(ctx, who, c.Params("id"))
	if err != nil {
		return err
	}
	mine, err := h.Subscriptions.Mine(ctx, who, billing.ListQuery{Application: a.UUID, Limit: 100})
	if err != nil {
		return err
	}
	keys, err := h.Keys.List(ctx, who, a.UUID)
	if err != nil {
		return err
	}
	p := page.ApplicationProps{
		Frame: respond.Frame(c, layout.Devportal, a.Name, applicationsPath).With(crumb, ui.Link{Label: a.Name}),
		ID:    a.UUID, Name: a.Name, Description: a.Description, Created: a.CreatedTime.Time(), KeyForm: page.KeyForm{Name: nextName(keys)},
	}
	if form != nil {
		p.KeyForm = *form
	}
	for _, o := range mine.Rows {
		p.Subscriptions = append(p.Subscriptions, row(o))
	}
	revoked := 0
	for _, k := range keys {
		if k.State == accounts.KeyRevoked {
			if revoked++; revoked > revokedShown {
				continue
			}
		}
		p.Keys = append(p.Keys, keyRow(k))
	}
	p.MoreRevoked = int64(max(revoked-revokedShown, 0))
	return respond.Page(c, status, page.Application(p))
}

// revokedShown is how many keys are listed that are revoked, the newest of them.
const revokedShown = 3

// nextName proposes a name that no key in use has.
func nextName(keys []accounts.Key) string {
	for n := 1; ; n++ {
		name := "Key " + strconv.Itoa(n)
		if !slices.ContainsFunc(keys, func(k accounts.Key) bool { return k.Name == name && k.Live != nil }) {
			return name
		}
	}
}
