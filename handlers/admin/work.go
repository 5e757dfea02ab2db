package admin

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// mostWork is how much open work is listed.
const mostWork = 100

// Work is the screen of what our changes still owe Stripe.
type Work struct {
	Desk interface {
		Open(ctx context.Context, tenant models.TenantID, failed bool, limit int) ([]models.Job, error)
		TryAgain(ctx context.Context, tenant models.TenantID, id string, did models.Audit) error
	}
	Wall func() time.Time
}

// List answers GET /admin/work.
func (h Work) List(c *fiber.Ctx) error {
	who := session.Actor(c)
	failed, err := h.Desk.Open(c.UserContext(), who.Tenant, true, mostWork)
	if err != nil {
		return err
	}
	waiting, err := h.Desk.Open(c.UserContext(), who.Tenant, false, mostWork)
	if err != nil {
		return err
	}
	return respond.Page(c, fiber.StatusOK, page.Work(page.WorkProps{
		Frame: respond.Frame(c, layout.Admin, "Open work", "/admin/work"), Lead: workLead(len(failed), len(waiting)),
		Failed: workRows(failed), UnderWay: workRows(waiting),
	}))
}

func workLead(failed, waiting int) string {
	switch {
	case failed > 0:
		return ui.Plural(int64(failed), "piece of work has", "pieces of work have") + " failed. Nothing is lost: remove the reason, then try again."
	case waiting > 0:
		return "Nothing has failed. " + ui.Plural(int64(waiting), "piece of work is", "pieces of work are") + " under way."
	}
	return "Everything is done: Stripe has all that it should have."
}

func workRows(jobs []models.Job) []page.WorkRow {
	var rows []page.WorkRow
	for _, j := range jobs {
		row := page.WorkRow{ID: j.ID, What: workName(j.Kind), Subject: j.Subject, Reason: j.Problem, Attempts: j.Attempts, Since: j.CreatedAt.Time()}
		if j.State == models.JobReady && j.Attempts > 0 {
			row.Next = j.RunAt.Time()
		}
		rows = append(rows, row)
	}
	return rows
}

// Again answers POST /admin/work/:id/again.
func (h Work) Again(c *fiber.Ctx) error {
	who := session.Actor(c)
	did := who.Did(h.Wall(), "work.again", accounts.Object{}, nil)
	return back(c, h.Desk.TryAgain(c.UserContext(), who.Tenant, c.Params("id"), did), "/admin/work", "It is being tried again.")
}
