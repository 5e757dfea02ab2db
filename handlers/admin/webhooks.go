package admin

import (
	"context"
	"strconv"
	"strings"
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

// patience is how long a page waits for work that it asked for.
const patience = 5 * time.Second

// Webhooks is the screen of what Stripe told us.
type Webhooks struct {
	Inbox interface {
		EventLister
		ProcessAgain(ctx context.Context, who accounts.Actor, id string, patience time.Duration) error
	}
	Wall func() time.Time
}

// List answers GET /admin/webhooks.
func (h Webhooks) List(c *fiber.Ctx) error {
	f := models.StripeEventFilter{State: c.Query("state")}
	if _, known := eventStates[f.State]; !known {
		f.State = ""
	}
	f.Before, f.BeforeID = eventPlace(c.Query("after"))
	found, err := h.Inbox.Events(c.UserContext(), session.Actor(c), f, pageSize+1)
	if err != nil {
		return err
	}
	props := page.WebhooksProps{
		Frame: respond.Frame(c, layout.Admin, "Webhooks", "/admin/webhooks"), Filters: stateFilters(f.State), Narrowed: f.State != "",
	}
	if !f.Before.IsZero() {
		props.Pager.Previous = respond.Link("/admin/webhooks", "state", f.State)
	}
	if len(found) > pageSize {
		found = found[:pageSize]
		last := found[pageSize-1]
		props.Pager.Next = respond.Link("/admin/webhooks", "state", f.State, "after", strconv.FormatInt(int64(last.ReceivedAt), 10)+"."+last.ID)
	}
	props.Pager.Showing = ui.Plural(int64(len(found)), "event", "events")
	props.Lead = h.lead(found, f)
	for _, e := range found {
		props.Rows = append(props.Rows, eventRow(e))
	}
	return respond.Page(c, fiber.StatusOK, page.Webhooks(props))
}

// lead says when the newest event of the list came.
func (h Webhooks) lead(found []models.StripeEvent, f models.StripeEventFilter) string {
	switch {
	case len(found) == 0 && f.State == "":
		return "Stripe has told us nothing yet."
	case len(found) == 0:
		return "No event is in this state."
	case !f.Before.IsZero() || f.State != "":
		return "Payloads are not kept: each event only makes us read its object from Stripe."
	}
	return "The last event came " + ui.Duration(h.Wall().Sub(found[0].ReceivedAt.Time())) + " ago. Each one only makes us read its object from Stripe."
}

func stateFilters(current string) []ui.Link {
	out := []ui.Link{{Href: "/admin/webhooks", Label: "All", Current: current == ""}}
	for _, state := range []string{models.EventFailed, models.EventWaiting, models.EventDone, models.EventIgnored} {
		out = append(out, ui.Link{Href: respond.Link("/admin/webhooks", "state", state), Label: eventStates[state].word, Current: current == state})
	}
	return out
}

func eventRow(e models.StripeEvent) page.EventRow {
	state := eventStates[e.State]
	return page.EventRow{
		ID: e.ID, Type: e.Type, Account: e.Account, Object: e.ObjectID, Tone: state.tone, Word: state.word, Outcome: e.Outcome,
		Happened: e.CreatedAt.Time(), Received: e.ReceivedAt.Time(), Processed: e.ProcessedAt.Time(), Again: e.State != models.EventIgnored,
	}
}

// eventPlace reads where a page ended: an instant and an event's id.
func eventPlace(text string) (models.Instant, string) {
	at, id, _ := strings.Cut(text, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil || ms <= 0 || id == "" {
		return 0, ""
	}
	return models.Instant(ms), id
}

// Again answers POST /admin/webhooks/:id/again.
func (h Webhooks) Again(c *fiber.Ctx) error {
	err := h.Inbox.ProcessAgain(c.UserContext(), session.Actor(c), c.Params("id"), patience)
	return back(c, err, "/admin/webhooks", "The event was processed again.")
}
