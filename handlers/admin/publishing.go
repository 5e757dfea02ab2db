package admin

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/handlers/sheet"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/usage"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const publishingPath = "/admin/usage"

// windowsDownloaded is how many windows a CSV has at most.
const windowsDownloaded = 20_000

// PublishingReader tells how the publishing of a tenant's usage stands.
type PublishingReader interface {
	Status(ctx context.Context, who accounts.Actor) (usage.Status, error)
}

// Publishing is the screen of how what was used gets to Stripe.
type Publishing struct {
	Usage interface {
		PublishingReader
		PublishNow(ctx context.Context, who accounts.Actor) error
		TryAgain(ctx context.Context, who accounts.Actor, c usage.Choice) (int, error)
		WriteOff(ctx context.Context, who accounts.Actor, c usage.Choice, reason string) (int, error)
		ListWindows(ctx context.Context, who accounts.Actor, states []string, account, after string, limit int) (usage.WindowList, error)
	}
	Accounts interface {
		OfTenant(ctx context.Context, who accounts.Actor) ([]models.ConnectedAccount, error)
	}
	Wall     func() time.Time
	Business func() time.Time
}

// windowViews are the ways to narrow the list of windows, in the order of their chips.
var windowViews = []struct {
	name, label string
	states      []string // none: all
}{
	{"", "All", nil},
	{"waiting", "On the way", []string{models.WindowSealed, models.WindowSending, models.WindowUnknown}},
	{models.WindowRefused, "Refused", []string{models.WindowRefused}},
	{models.WindowSent, "Sent", []string{models.WindowSent}},
	{models.WindowUnbillable, "Not billed", []string{models.WindowUnbillable}},
}

// statesOf returns the states of the view called name, and its name; the first for any other.
func statesOf(name string) (string, []string) {
	for _, v := range windowViews {
		if v.name == name {
			return v.name, v.states
		}
	}
	return "", nil
}

// Show answers GET /admin/usage.
func (h Publishing) Show(c *fiber.Ctx) error { return h.render(c, fiber.StatusOK, nil) }

// render shows the page; with is what a form that was refused adds.
func (h Publishing) render(c *fiber.Ctx, status int, with func(*page.PublishingProps)) error {
	ctx, who, account := c.UserContext(), session.Actor(c), c.Query("account")
	s, err := h.Usage.Status(ctx, who)
	if err != nil {
		return err
	}
	name, states := statesOf(c.Query("state"))
	list, err := h.Usage.ListWindows(ctx, who, states, account, c.Query("after"), pageSize)
	if err != nil {
		return err
	}
	names, err := h.names(ctx, who)
	if err != nil {
		return err
	}
	p := page.PublishingProps{
		Frame: respond.Frame(c, layout.Admin, "Usage publishing", publishingPath), Figures: publishingFigures(s, h.Business()),
		Account: account, Narrowed: name != "" || account != "", CSV: respond.Link("/admin/usage.csv", "state", name, "account", account),
	}
	p.Tone, p.Word, p.Lead = publishingWords(s, h.Business())
	p.Running = s.State == models.RunRunning || s.Asked
	if p.Running {
		p.Progress, p.Progsays = progressOf(s)
	}
	for _, t := range s.Troubles {
		p.Troubles = append(p.Troubles, troubleRow(t, names, h.Wall()))
	}
	p.Decide = decisions(s.Troubles, names)
	for _, v := range windowViews {
		p.Filters = append(p.Filters, ui.Link{Href: respond.Link(publishingPath, "state", v.name, "account", account), Label: v.label, Current: v.name == name})
	}
	for _, w := range list.Rows {
		r := sheet.Window(w.UsageWindow)
		r.Subscriber, r.API, r.Href = w.Subscriber, w.Title()+" "+w.APIVersion, unitsPath+"/"+url.PathEscape(w.SubscriptionUUID)
		p.Rows = append(p.Rows, r)
	}
	p.Pager.Showing = ui.Plural(int64(len(p.Rows)), "window", "windows")
	if c.Query("after") != "" {
		p.Pager.Previous = respond.Link(publishingPath, "state", name, "account", account)
	}
	if list.Next != "" {
		p.Pager.Next = respond.Link(publishingPath, "state", name, "account", account, "after", list.Next)
	}
	if with != nil {
		with(&p)
	}
	return respond.Page(c, status, page.Publishing(p))
}

// names are what the tenant's accounts are called.
func (h Publishing) names(ctx context.Context, who accounts.Actor) (map[string]string, error) {
	all, err := h.Accounts.OfTenant(ctx, who)
	names := map[string]string{}
	for _, a := range all {
		names[a.StripeAccount] = a.Name
	}
	return names, err
}

// CSV answers GET /admin/usage.csv.
func (h Publishing) CSV(c *fiber.Ctx) error {
	_, states := statesOf(c.Query("state"))
	list, err := h.Usage.ListWindows(c.UserContext(), session.Actor(c), states, c.Query("account"), "", windowsDownloaded)
	if err != nil {
		return err
	}
	var rows [][]string
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	for _, w := range list.Rows {
		rows = append(rows, []string{
			w.Identifier, w.State, w.Account, w.SubscriptionUUID, w.Subscriber, w.ApplicationName, w.Title(), w.APIVersion, w.PolicyName,
			stamp(w.Start), stamp(w.End), strconv.Itoa(w.Revision), n(w.Calls), n(w.Quantity), stamp(w.EventAt), stamp(w.SealedAt), stamp(w.SentAt),
			strconv.Itoa(w.Attempts), w.Note, w.Problem,
		})
	}
	header := []string{
		"identifier", "state", "account", "subscription", "subscriber", "application", "api", "version", "plan_now",
		"from", "to", "revision", "calls", "units", "event_at", "sealed_at", "sent_at", "attempts", "note", "problem",
	}
	return respond.CSV(c, "windows.csv", header, rows)
}

// Publish answers POST /admin/usage/publish.
func (h Publishing) Publish(c *fiber.Ctx) error {
	err := h.Usage.PublishNow(c.UserContext(), session.Actor(c))
	if fault.KindOf(err) == fault.Conflict {
		session.Notice(c, "attention", "Usage is being published already. What is asked for twice is done once.")
		return respond.SeeOther(c, publishingPath)
	}
	return back(c, err, publishingPath, "Everything up to now is being sealed and sent.")
}

// choice is which windows a form is about.
func choice(c *fiber.Ctx) usage.Choice {
	return usage.Choice{Window: strings.Clone(c.FormValue("window")), Account: strings.Clone(c.FormValue("account"))}
}

// Again answers POST /admin/usage/again.
func (h Publishing) Again(c *fiber.Ctx) error {
	n, err := h.Usage.TryAgain(c.UserContext(), session.Actor(c), choice(c))
	return back(c, err, publishingPath, decided(n, "is sent again.", "are sent again."))
}

// WriteOff answers POST /admin/usage/write-off.
func (h Publishing) WriteOff(c *fiber.Ctx) error {
	about, reason := choice(c), strings.TrimSpace(c.FormValue("reason"))
	n, err := h.Usage.WriteOff(c.UserContext(), session.Actor(c), about, reason)
	if problems, wrong := fault.FieldsOf(err); wrong {
		return h.render(c, fiber.StatusUnprocessableEntity, func(p *page.PublishingProps) {
			p.Problem = problems["reason"]
			for i := range p.Decide {
				if d := &p.Decide[i]; d.Account == about.Account {
					d.Typed, d.Open = reason, true
				}
			}
		})
	}
	return back(c, err, publishingPath, decided(n, "is written off. It is not billed.", "are written off. They are not billed."))
}

func decided(n int, one, many string) string {
	switch n {
	case 0:
		return "No window waits for a decision any more."
	case 1:
		return "1 window " + one
	}
	return ui.Count(int64(n)) + " windows " + many
}
