package devportal

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const endingsPath = "/devportal/endings/"

// Ends is the screens on which subscriptions end with an application.
type Ends struct {
	Ends interface {
		Preview(ctx context.Context, who accounts.Actor, t billing.EndTarget, after int64) (billing.EndPreview, error)
		Ending(ctx context.Context, who accounts.Actor, id string, after int64) (billing.EndingPage, error)
	}
	Applications interface {
		Delete(ctx context.Context, who accounts.Actor, uuid string, c accounts.Consent) (ending string, err error)
	}
}

// Show answers GET /devportal/applications/:id/delete.
func (h Ends) Show(c *fiber.Ctx) error { return h.render(c, fiber.StatusOK, nil) }

func (h Ends) render(c *fiber.Ctx, status int, why error) error {
	id := c.Params("id")
	p, err := h.Ends.Preview(c.UserContext(), session.Actor(c), billing.EndTarget{Kind: models.EndOfApplication, ID: id}, respond.After(c))
	if err != nil {
		return err
	}
	title := "Delete " + p.Name
	frame := respond.Frame(c, layout.Devportal, title, applicationsPath).With(crumb, ui.Link{Href: applicationPath(id), Label: p.Name}, ui.Link{Label: "Delete"})
	e := sheet.Ends(p, sheet.EndPage{Path: applicationPath(id) + "/delete", Href: subscriptionPath})
	e.Title, e.Lead, e.Token = title, p.Name+" and its keys are gone for good, and everything it is subscribed to ends now.", frame.FormToken
	e.Hidden = []ui.Hidden{{Name: "how", Value: sheet.EndNow}}
	e.Button, e.Back = "Delete application", ui.Link{Href: applicationPath(id), Label: "Keep it"}
	e.Refusal(why)
	return respond.Page(c, status, page.End(page.EndProps{Frame: frame, Ends: e}))
}

// Delete answers POST /devportal/applications/:id/delete.
func (h Ends) Delete(c *fiber.Ctx) error {
	id := c.Params("id")
	consent, err := respond.Consent(c)
	if err != nil {
		return h.render(c, fiber.StatusUnprocessableEntity, err)
	}
	ending, err := h.Applications.Delete(c.UserContext(), session.Actor(c), id, consent)
	if not, ok := errors.AsType[*accounts.Unconfirmed](err); ok && !not.Changed {
		return respond.SeeOther(c, applicationPath(id)+"/delete")
	}
	switch fault.KindOf(err) {
	case fault.Conflict:
		return h.render(c, fiber.StatusConflict, err)
	case fault.Invalid:
		return h.render(c, fiber.StatusUnprocessableEntity, err)
	default:
		if err != nil {
			return err
		}
	}
	if ending == "" {
		return respond.SeeOther(c, applicationsPath, "The application is deleted.")
	}
	return respond.SeeOther(c, endingsPath+ending, "The application is deleted. What it was subscribed to is being ended.")
}

// Ending answers GET /devportal/endings/:id.
func (h Ends) Ending(c *fiber.Ctx) error {
	p, err := h.Ends.Ending(c.UserContext(), session.Actor(c), c.Params("id"), respond.After(c))
	if err != nil {
		return err
	}
	e := sheet.Ending(p, sheet.EndPage{Path: endingsPath + p.ID, Href: subscriptionPath})
	e.Back = ui.Link{Href: applicationsPath, Label: "Applications"}
	frame := respond.Frame(c, layout.Devportal, e.Title, applicationsPath).With(crumb, ui.Link{Label: p.ObjectName})
	return respond.Page(c, fiber.StatusOK, page.Ending(page.EndingProps{Frame: frame, Ending: e}))
}
