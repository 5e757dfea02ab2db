package account

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/fault"
	page "tollgate/views/page/account"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Profile is the screen of one's own account: name, password, sessions.
type Profile struct {
	People interface {
		Profile(ctx context.Context, who accounts.Actor) (accounts.Person, error)
		EditProfile(ctx context.Context, who accounts.Actor, in accounts.ProfileInput) error
		ChangePassword(ctx context.Context, who accounts.Actor, in accounts.PasswordInput, keep string) error
	}
	Sessions interface {
		List(ctx context.Context, who accounts.Actor) ([]accounts.Session, error)
		EndOne(ctx context.Context, who accounts.Actor, public string) error
		EndOthers(ctx context.Context, who accounts.Actor, keep string) (int64, error)
	}
}

// Show answers GET /account.
func (h Profile) Show(c *fiber.Ctx) error {
	p, err := h.People.Profile(c.UserContext(), session.Actor(c))
	if err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, accounts.ProfileInput{DisplayName: p.DisplayName, Email: p.Email}, nil)
}

// Save answers POST /account.
func (h Profile) Save(c *fiber.Ctx) error {
	in := accounts.ProfileInput{DisplayName: c.FormValue("display_name"), Email: c.FormValue("email")}
	err := h.People.EditProfile(c.UserContext(), session.Actor(c), in)
	if problems, ok := fault.FieldsOf(err); ok {
		return h.render(c, fiber.StatusUnprocessableEntity, in, problems)
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, "/account", "Your profile is saved.")
}

// Password answers POST /account/password.
func (h Profile) Password(c *fiber.Ctx) error {
	who := session.Actor(c)
	err := h.People.ChangePassword(c.UserContext(), who, accounts.PasswordInput{
		Current: c.FormValue("current"), New: c.FormValue("new"), Again: c.FormValue("again"),
	}, session.Current(c).PublicID)
	if fault.KindOf(err) == fault.TooMany {
		err = fault.Fields{"current": fault.Message(err)}.Err()
	}
	if problems, ok := fault.FieldsOf(err); ok {
		return h.render(c, fiber.StatusUnprocessableEntity, accounts.ProfileInput{DisplayName: who.Name, Email: who.Email}, problems)
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, "/account", "Your password is changed. Everywhere else you are signed out.")
}

// EndOne answers POST /account/sessions/:id/end.
func (h Profile) EndOne(c *fiber.Ctx) error {
	if err := h.Sessions.EndOne(c.UserContext(), session.Actor(c), c.Params("id")); err != nil {
		return err
	}
	return respond.SeeOther(c, "/account", "That session is over.")
}

// EndOthers answers POST /account/sessions/end-others.
func (h Profile) EndOthers(c *fiber.Ctx) error {
	if _, err := h.Sessions.EndOthers(c.UserContext(), session.Actor(c), session.Current(c).PublicID); err != nil {
		return err
	}
	return respond.SeeOther(c, "/account", "Everywhere else you are signed out.")
}

func (h Profile) render(c *fiber.Ctx, status int, in accounts.ProfileInput, problems fault.Fields) error {
	who, now := session.Actor(c), session.Current(c)
	all, err := h.Sessions.List(c.UserContext(), who)
	if err != nil {
		return err
	}
	props := page.ProfileProps{
		Frame: respond.Frame(c, respond.Start(who), "Your account", "/account"), Username: who.Username, Organization: now.Organization,
		Roles: respond.Roles(who), DisplayName: in.DisplayName, Email: in.Email, Problems: problems,
	}
	for _, s := range all {
		props.Sessions = append(props.Sessions, page.Session{
			ID: s.PublicID, Browser: browserWords(s.UserAgent), Address: s.Address, Since: s.CreatedAt, Seen: s.SeenAt, Current: s.PublicID == now.PublicID,
		})
	}
	return respond.Page(c, status, page.Profile(props))
}
