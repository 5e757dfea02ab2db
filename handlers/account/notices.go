package account

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/notices"
	page "tollgate/views/page/account"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Notices is the screen of what one was told.
type Notices struct {
	Business clock.Business
	Desk     interface {
		Mine(ctx context.Context, tenant models.TenantID, person, after string, limit int) (notices.Page, error)
		Unread(ctx context.Context, tenant models.TenantID, person string) (int64, error)
		Read(ctx context.Context, tenant models.TenantID, person, id string) error
		ReadAll(ctx context.Context, tenant models.TenantID, person string, until time.Time) (int64, error)
	}
}

// noticesAtOnce is how many notices the page shows.
const noticesAtOnce = 20

// List answers GET /account/notices.
func (h Notices) List(c *fiber.Ctx) error {
	who, after := session.Actor(c), c.Query("after")
	found, err := h.Desk.Mine(c.UserContext(), who.Tenant, who.Person, after, noticesAtOnce)
	if err != nil {
		return err
	}
	unread, err := h.Desk.Unread(c.UserContext(), who.Tenant, who.Person)
	if err != nil {
		return err
	}
	props := page.NoticesProps{
		Frame: respond.Frame(c, respond.Start(who), "Notices", "/account/notices"), Lead: noticesLead(len(found.Rows), unread),
		Pager: ui.Pager{Showing: ui.Plural(int64(len(found.Rows)), "notice", "notices")},
	}
	if found.After != "" {
		props.Pager.Next = "/account/notices?after=" + found.After
	}
	if after != "" {
		props.Pager.Previous = "/account/notices"
	}
	if unread > 0 && len(found.Rows) > 0 {
		props.Until = strconv.FormatInt(int64(found.Rows[0].CreatedAt), 10)
	}
	for _, n := range found.Rows {
		props.Rows = append(props.Rows, h.row(n))
	}
	return respond.Page(c, fiber.StatusOK, page.Notices(props))
}

func noticesLead(shown int, unread int64) string {
	switch {
	case unread > 0:
		return ui.Plural(unread, "notice is", "notices are") + " new."
	case shown > 0:
		return "You have read everything."
	}
	return "What concerns you is told here, and by mail."
}

func (h Notices) row(n models.Notice) page.NoticeRow {
	return page.NoticeRow{
		ID: n.ID, Subject: n.Subject, Paragraphs: notices.Paragraphs(n.Body), Urgent: n.Urgent, Read: !n.ReadAt.IsZero(),
		At: n.CreatedAt.Time(), Ago: ago(h.Business.Now().Sub(n.CreatedAt.Time())), LinkText: n.LinkText, LinkURL: n.LinkURL, Mail: mailed(n),
	}
}

func ago(since time.Duration) string {
	if since < time.Minute {
		return "just now"
	}
	return ui.Duration(since) + " ago"
}

// mailed says what the person need know of the mail.
func mailed(n models.Notice) string {
	switch n.MailState {
	case models.MailSent:
		return "also mailed to " + n.MailTo
	case models.MailFailed:
		return "the mail to " + n.MailTo + " was refused"
	case models.MailNone:
		if strings.HasSuffix(n.MailProblem, "has no e-mail address.") {
			return "not mailed: you have no e-mail address"
		}
		return "not mailed: your e-mail address cannot be used"
	}
	return ""
}

// Read answers POST /account/notices/:id/read.
func (h Notices) Read(c *fiber.Ctx) error {
	who := session.Actor(c)
	if err := h.Desk.Read(c.UserContext(), who.Tenant, who.Person, c.Params("id")); err != nil {
		return err
	}
	return respond.SeeOther(c, "/account/notices")
}

// ReadAll answers POST /account/notices/read. What came after the page was shown
// stays new.
func (h Notices) ReadAll(c *fiber.Ctx) error {
	until, err := strconv.ParseInt(c.FormValue("until"), 10, 64)
	if err != nil || until <= 0 {
		return fault.Fields{"until": "Load the page again and press the button once more."}.Err()
	}
	who := session.Actor(c)
	n, err := h.Desk.ReadAll(c.UserContext(), who.Tenant, who.Person, models.Instant(until).Time())
	if err != nil {
		return err
	}
	return respond.SeeOther(c, "/account/notices", ui.Plural(n, "notice is", "notices are")+" marked as read.")
}
