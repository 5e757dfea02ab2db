package admin

import (
	"context"
	"net/url"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// pageSize is how many rows a list shows at once.
const pageSize = 25

// linkLife is how long a one-time link works; accounts decides it.
const linkLife = 24 * time.Hour

// People is the screens where an admin looks after who can sign in.
type People struct {
	People interface {
		List(ctx context.Context, who accounts.Actor, f models.PeopleFilter, limit int) (accounts.PeoplePage, error)
		ByID(ctx context.Context, who accounts.Actor, id string) (accounts.Person, error)
		Create(ctx context.Context, who accounts.Actor, in accounts.PersonInput) (accounts.Person, error)
		Edit(ctx context.Context, who accounts.Actor, id string, in accounts.PersonInput) error
		SetActive(ctx context.Context, who accounts.Actor, id string, active bool) error
		NewLink(ctx context.Context, who accounts.Actor, id string) (string, error)
	}
	PublicURL *url.URL
	Wall      func() time.Time
}

// List answers GET /admin/people.
func (h People) List(c *fiber.Ctx) error {
	f := models.PeopleFilter{Search: c.Query("q"), Role: c.Query("role"), After: c.Query("after")}
	if !accounts.Role(f.Role).Valid() {
		f.Role = ""
	}
	found, err := h.People.List(c.UserContext(), session.Actor(c), f, pageSize)
	if err != nil {
		return err
	}
	props := page.PeopleProps{
		Frame: respond.Frame(c, layout.Admin, "People", "/admin/people"), Search: f.Search, Filters: roleFilters(f),
		Narrowed: f.Search != "" || f.Role != "", Pager: ui.Pager{Showing: ui.Plural(int64(len(found.People)), "person", "people")},
	}
	if found.After != "" {
		props.Pager.Next = respond.Link("/admin/people", "q", f.Search, "role", f.Role, "after", found.After)
	}
	if f.After != "" {
		props.Pager.Previous = respond.Link("/admin/people", "q", f.Search, "role", f.Role)
	}
	for _, p := range found.People {
		props.Rows = append(props.Rows, page.PersonRow{
			ID: p.ID, Username: p.Username, Name: p.DisplayName, Email: p.Email, Organization: p.Organization,
			Roles: roleWords(p.Roles), Active: p.Active(),
		})
	}
	return respond.Page(c, fiber.StatusOK, page.People(props))
}

// roleFilters are all people, and those of each role.
func roleFilters(f models.PeopleFilter) []ui.Link {
	out := []ui.Link{{Href: respond.Link("/admin/people", "q", f.Search), Label: "All", Current: f.Role == ""}}
	for _, c := range roleChoices {
		out = append(out, ui.Link{Href: respond.Link("/admin/people", "q", f.Search, "role", c.Value), Label: c.Label + "s", Current: f.Role == c.Value})
	}
	return out
}

// New answers GET /admin/people/new.
func (h People) New(c *fiber.Ctx) error {
	return h.form(c, fiber.StatusOK, accounts.Person{}, accounts.PersonInput{Roles: []accounts.Role{accounts.Subscriber}}, nil)
}

// Create answers POST /admin/people/new and shows the link for the new person.
func (h People) Create(c *fiber.Ctx) error {
	in := personInput(c)
	made, err := h.People.Create(c.UserContext(), session.Actor(c), in)
	if problems, ok := fault.FieldsOf(err); ok {
		return h.form(c, fiber.StatusUnprocessableEntity, accounts.Person{}, in, problems)
	}
	if err != nil {
		return err
	}
	session.Notice(c, "good", made.DisplayName+" is added. Send them the link below, so that they can set a password.")
	return h.link(c, made)
}

// Show answers GET /admin/people/:id.
func (h People) Show(c *fiber.Ctx) error {
	p, err := h.People.ByID(c.UserContext(), session.Actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return h.form(c, fiber.StatusOK, p, accounts.PersonInput{
		Email: p.Email, DisplayName: p.DisplayName, Organization: p.Organization, Roles: p.Roles,
	}, nil)
}

// Save answers POST /admin/people/:id.
func (h People) Save(c *fiber.Ctx) error {
	p, err := h.People.ByID(c.UserContext(), session.Actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	in := personInput(c)
	err = h.People.Edit(c.UserContext(), session.Actor(c), p.ID, in)
	if fault.KindOf(err) == fault.Conflict {
		err = fault.Fields{"roles": fault.Message(err)}.Err()
	}
	if problems, ok := fault.FieldsOf(err); ok {
		return h.form(c, fiber.StatusUnprocessableEntity, p, in, problems)
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, "/admin/people", p.Username+" is saved.")
}

// Disable answers POST /admin/people/:id/disable.
func (h People) Disable(c *fiber.Ctx) error {
	return h.setActive(c, false, "They can no longer sign in, and are signed out everywhere.")
}

// Enable answers POST /admin/people/:id/enable.
func (h People) Enable(c *fiber.Ctx) error { return h.setActive(c, true, "They can sign in again.") }

func (h People) setActive(c *fiber.Ctx, active bool, told string) error {
	id := c.Params("id")
	err := h.People.SetActive(c.UserContext(), session.Actor(c), id, active)
	if fault.KindOf(err) == fault.Conflict {
		session.Notice(c, "bad", fault.Message(err))
		return respond.SeeOther(c, "/admin/people/"+id)
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, "/admin/people", told)
}

// Link answers POST /admin/people/:id/link. The link is shown on the answer
// itself, because it is kept nowhere.
func (h People) Link(c *fiber.Ctx) error {
	p, err := h.People.ByID(c.UserContext(), session.Actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return h.link(c, p)
}

func (h People) link(c *fiber.Ctx, p accounts.Person) error {
	token, err := h.People.NewLink(c.UserContext(), session.Actor(c), p.ID)
	if fault.KindOf(err) == fault.Conflict {
		session.Notice(c, "bad", fault.Message(err))
		return respond.SeeOther(c, "/admin/people/"+p.ID)
	}
	if err != nil {
		return err
	}
	return respond.Page(c, fiber.StatusOK, page.PersonLink(page.PersonLinkProps{
		Frame: respond.Frame(c, layout.Admin, "Link for "+p.DisplayName, "/admin/people").With(
			ui.Link{Href: "/admin/people", Label: "People"}, ui.Link{Href: "/admin/people/" + p.ID, Label: p.DisplayName}, ui.Link{Label: "Link"}),
		ID: p.ID, Username: p.Username, Link: h.PublicURL.JoinPath("account", "link", token).String(), Until: h.Wall().Add(linkLife),
	}))
}

func (h People) form(c *fiber.Ctx, status int, p accounts.Person, in accounts.PersonInput, problems fault.Fields) error {
	props := page.PersonFormProps{
		ID: p.ID, Username: in.Username, DisplayName: in.DisplayName, Email: in.Email, Organization: in.Organization,
		Choices: roleChoices, Active: p.Active(), Yourself: p.ID == session.Actor(c).Person, Since: p.CreatedAt.Time(), Problems: problems,
	}
	title := "Add a person"
	if p.ID != "" {
		title, props.Username = p.DisplayName, p.Username
	}
	for _, r := range in.Roles {
		props.Roles = append(props.Roles, string(r))
	}
	props.Frame = respond.Frame(c, layout.Admin, title, "/admin/people").
		With(ui.Link{Href: "/admin/people", Label: "People"}, ui.Link{Label: title})
	return respond.Page(c, status, page.PersonForm(props))
}

// personInput reads the form of a person.
func personInput(c *fiber.Ctx) accounts.PersonInput {
	in := accounts.PersonInput{
		Username: c.FormValue("username"), Email: c.FormValue("email"), DisplayName: c.FormValue("display_name"), Organization: c.FormValue("organization"),
	}
	for _, r := range c.Request().PostArgs().PeekMulti("roles") {
		in.Roles = append(in.Roles, accounts.Role(r))
	}
	return in
}
