package admin

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Settings is the screen of what an admin chooses for the tenant.
type Settings struct {
	Tenants interface {
		Settings(ctx context.Context, who accounts.Actor) (models.Tenant, error)
		SaveSettings(ctx context.Context, who accounts.Actor, in accounts.SettingsInput) error
	}
}

// Show answers GET /admin/settings.
func (h Settings) Show(c *fiber.Ctx) error {
	t, err := h.Tenants.Settings(c.UserContext(), session.Actor(c))
	if err != nil {
		return err
	}
	in := accounts.SettingsInput{
		Name: t.Name, CataloguePublic: t.CataloguePublic, FeePercent: t.FeePercent,
		GraceHours: strconv.Itoa(t.GraceHours), HoldOnDispute: t.HoldOnDispute, HoldOnRefund: t.HoldOnRefund,
	}
	return h.render(c, fiber.StatusOK, in, nil)
}

// Save answers POST /admin/settings.
func (h Settings) Save(c *fiber.Ctx) error {
	in := accounts.SettingsInput{
		Name: c.FormValue("name"), CataloguePublic: c.FormValue("catalogue_public") == "on", FeePercent: c.FormValue("fee_percent"),
		GraceHours: c.FormValue("grace_hours"), HoldOnDispute: c.FormValue("hold_on_dispute") == "on", HoldOnRefund: c.FormValue("hold_on_refund") == "on",
	}
	err := h.Tenants.SaveSettings(c.UserContext(), session.Actor(c), in)
	if problems, ok := fault.FieldsOf(err); ok {
		return h.render(c, fiber.StatusUnprocessableEntity, in, problems)
	}
	if err != nil {
		return err
	}
	return respond.SeeOther(c, "/admin/settings", "The settings are saved.")
}

func (h Settings) render(c *fiber.Ctx, status int, in accounts.SettingsInput, problems fault.Fields) error {
	return respond.Page(c, status, page.Settings(page.SettingsProps{
		Frame: respond.Frame(c, layout.Admin, "Settings", "/admin/settings"), Domain: session.Actor(c).Domain,
		Name: in.Name, CataloguePublic: in.CataloguePublic, FeePercent: in.FeePercent,
		GraceHours: in.GraceHours, HoldOnDispute: in.HoldOnDispute, HoldOnRefund: in.HoldOnRefund, Problems: problems,
	}))
}
