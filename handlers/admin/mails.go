package admin

import (
	"context"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/notices"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Mails is the screens of what people were told by mail.
type Mails struct {
	Desk interface {
		Server() string
		Mails(ctx context.Context, tenant models.TenantID, state, after string, limit int) (notices.Page, error)
		CountMails(ctx context.Context, tenant models.TenantID, state string) (int64, error)
		MailByID(ctx context.Context, tenant models.TenantID, id string) (notices.Mail, error)
		SendAgain(ctx context.Context, tenant models.TenantID, id string, did models.Audit, patience time.Duration) error
		SendKept(ctx context.Context, tenant models.TenantID, did models.Audit) (int, error)
		Test(ctx context.Context, tenant models.TenantID, person string, did models.Audit, patience time.Duration) (string, error)
	}
	Wall func() time.Time
}

// mailStates says how it stands with a mail.
var mailStates = map[string]struct {
	tone ui.Tone
	word string
}{
	models.MailSent: {ui.Good, "Sent"}, models.MailWaiting: {ui.Quiet, "Waiting"}, models.MailKept: {ui.Attention, "Kept"},
	models.MailFailed: {ui.Bad, "Failed"}, models.MailNone: {ui.Quiet, "No mail"},
}

// List answers GET /admin/mails.
func (h Mails) List(c *fiber.Ctx) error {
	who, state, after := session.Actor(c), c.Query("state"), c.Query("after")
	if _, known := mailStates[state]; !known {
		state = ""
	}
	found, err := h.Desk.Mails(c.UserContext(), who.Tenant, state, after, pageSize)
	if err != nil {
		return err
	}
	kept, err := h.Desk.CountMails(c.UserContext(), who.Tenant, models.MailKept)
	if err != nil {
		return err
	}
	props := page.MailsProps{
		Frame: respond.Frame(c, layout.Admin, "Mails", "/admin/mails"), Server: h.Desk.Server(), Kept: kept, Filters: mailFilters(state),
		Narrowed: state != "", Pager: ui.Pager{Showing: ui.Plural(int64(len(found.Rows)), "mail", "mails")},
	}
	props.Lead = mailsLead(props.Server, kept)
	if found.After != "" {
		props.Pager.Next = respond.Link("/admin/mails", "state", state, "after", found.After)
	}
	if after != "" {
		props.Pager.Previous = respond.Link("/admin/mails", "state", state)
	}
	for _, n := range found.Rows {
		props.Rows = append(props.Rows, mailRow(n))
	}
	return respond.Page(c, fiber.StatusOK, page.Mails(props))
}

func mailsLead(server string, kept int64) string {
	switch {
	case server == "":
		return "Mails are kept, not sent."
	case kept > 0:
		return "Mails are sent by " + server + ". " + ui.Plural(kept, "mail was", "mails were") + " kept before that."
	}
	return "Mails are sent by " + server + "."
}

func mailFilters(current string) []ui.Link {
	out := []ui.Link{{Href: "/admin/mails", Label: "All", Current: current == ""}}
	for _, state := range []string{models.MailFailed, models.MailWaiting, models.MailKept, models.MailSent, models.MailNone} {
		out = append(out, ui.Link{Href: respond.Link("/admin/mails", "state", state), Label: mailStates[state].word, Current: current == state})
	}
	return out
}

func mailRow(n models.Notice) page.MailRow {
	state := mailStates[n.MailState]
	return page.MailRow{
		ID: n.ID, Subject: n.Subject, Name: n.PersonName, To: n.MailTo, At: n.CreatedAt.Time(), Tone: state.tone, Word: state.word, Reason: n.MailProblem,
		Again: n.MailState == models.MailKept || n.MailState == models.MailFailed || n.MailState == models.MailNone,
	}
}

// Show answers GET /admin/mails/:id.
func (h Mails) Show(c *fiber.Ctx) error {
	m, err := h.Desk.MailByID(c.UserContext(), session.Actor(c).Tenant, c.Params("id"))
	if err != nil {
		return err
	}
	// The mail is shown in a frame of its own, from our own address.
	c.Set(fiber.HeaderContentSecurityPolicy, c.GetRespHeader(fiber.HeaderContentSecurityPolicy)+"; frame-src 'self'")
	return respond.Page(c, fiber.StatusOK, page.Mail(page.MailProps{
		Frame: respond.Frame(c, layout.Admin, m.Subject, "/admin/mails"), MailRow: mailRow(m.Notice), Server: h.Desk.Server(), Lead: mailLead(m),
		Sent: m.SentAt.Time(), MessageID: m.MailID, Text: m.Text,
	}))
}

func mailLead(m notices.Mail) string {
	switch m.MailState {
	case models.MailSent:
		return "The mail server took this mail to " + m.MailTo + "."
	case models.MailWaiting:
		if m.MailProblem != "" {
			return "It did not go yet and is tried again by itself."
		}
		return "It is on its way to the mail server."
	case models.MailKept:
		return "It was not sent: there was no mail server."
	case models.MailFailed:
		return "The mail server refused it. Remove the reason, then send it again."
	}
	return "It was not mailed, only told in the portal."
}

// mailPolicy lets a mail look as it does, and do nothing.
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"

// HTML answers GET /admin/mails/:id/html.
func (h Mails) HTML(c *fiber.Ctx) error {
	m, err := h.Desk.MailByID(c.UserContext(), session.Actor(c).Tenant, c.Params("id"))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, mailPolicy)
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.SendString(m.HTML)
}

// SendAgain answers POST /admin/mails/:id/again.
func (h Mails) SendAgain(c *fiber.Ctx) error {
	who, id := session.Actor(c), c.Params("id")
	err := h.Desk.SendAgain(c.UserContext(), who.Tenant, id, who.Did(h.Wall(), "mail.again", accounts.Object{}, nil), patience)
	if errors.Is(err, outbox.ErrPending) {
		return respond.SeeOther(c, "/admin/mails/"+id, "The mail is on its way.")
	}
	return back(c, err, "/admin/mails/"+id, "The mail is sent.")
}

// SendKept answers POST /admin/mails/send-kept.
func (h Mails) SendKept(c *fiber.Ctx) error {
	who := session.Actor(c)
	n, err := h.Desk.SendKept(c.UserContext(), who.Tenant, who.Did(h.Wall(), "mail.send_kept", accounts.Object{}, nil))
	return back(c, err, "/admin/mails", ui.Plural(int64(n), "kept mail is", "kept mails are")+" on the way.")
}

// Test answers POST /admin/mails/test.
func (h Mails) Test(c *fiber.Ctx) error {
	who := session.Actor(c)
	id, err := h.Desk.Test(c.UserContext(), who.Tenant, who.Person, who.Did(h.Wall(), "mail.test", accounts.Object{}, nil), patience)
	if id == "" {
		return err
	}
	told := "You were told that this is a test. What became of the mail stands here."
	if errors.Is(err, outbox.ErrPending) {
		err = nil
	}
	return back(c, err, "/admin/mails/"+id, told)
}
