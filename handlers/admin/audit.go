package admin

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Audit is the screen of who did what.
type Audit struct {
	Trail interface {
		Page(ctx context.Context, who accounts.Actor, after string, limit int) (accounts.AuditPage, error)
	}
}

// List answers GET /admin/audit.
func (h Audit) List(c *fiber.Ctx) error {
	after := c.Query("after")
	found, err := h.Trail.Page(c.UserContext(), session.Actor(c), after, 2*pageSize)
	if err != nil {
		return err
	}
	props := page.AuditProps{
		Frame: respond.Frame(c, layout.Admin, "Audit", "/admin/audit"),
		Pager: ui.Pager{Showing: ui.Plural(int64(len(found.Rows)), "entry", "entries")},
	}
	if found.After != "" {
		props.Pager.Next = respond.Link("/admin/audit", "after", found.After)
	}
	if after != "" {
		props.Pager.Previous = "/admin/audit"
	}
	for _, a := range found.Rows {
		props.Rows = append(props.Rows, page.AuditRow{
			At: a.At.Time(), Who: a.ActorName, Did: deed(a.Action), What: a.ObjectName, Kind: plain(a.ObjectType), Details: details(a.Details),
		})
	}
	return respond.Page(c, fiber.StatusOK, page.Audit(props))
}
