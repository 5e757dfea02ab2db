package admin

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/usage"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const gatewaysPath = "/admin/gateways"

// FleetReader tells how the gateways are.
type FleetReader interface {
	View(ctx context.Context, who accounts.Actor) (usage.FleetView, error)
}

// Gateways is the screen of the processes that serve calls, and of what other
// gateways sign in with.
type Gateways struct {
	Fleet       FleetReader
	Credentials interface {
		List(ctx context.Context, who accounts.Actor) ([]models.GatewayCredential, error)
		Create(ctx context.Context, who accounts.Actor, name string) (models.GatewayCredential, string, error)
		Revoke(ctx context.Context, who accounts.Actor, id string) error
	}
	Plans interface {
		Plans(ctx context.Context, who accounts.Actor) ([]catalog.Plan, error)
	}
	// LeaseSize returns how many units of a plan's quota one gateway reserves at most; nil
	// when that is not known.
	LeaseSize func(models.Policy) int64
}

// Show answers GET /admin/gateways.
func (h Gateways) Show(c *fiber.Ctx) error { return h.render(c, fiber.StatusOK, "", nil) }

func (h Gateways) render(c *fiber.Ctx, status int, name string, problems fault.Fields) error {
	ctx, who := c.UserContext(), session.Actor(c)
	v, err := h.Fleet.View(ctx, who)
	if err != nil {
		return err
	}
	p := page.GatewaysProps{Frame: respond.Frame(c, layout.Admin, "Gateways", gatewaysPath), Numbers: v.Numbers, Name: name, Problems: problems}
	p.Tone, p.Word, p.Lead = fleetWords(v)
	for i, m := range v.Members {
		p.Rows = append(p.Rows, gatewayRow(m, i, v.Numbers))
	}
	made, err := h.Credentials.List(ctx, who)
	if err != nil {
		return err
	}
	for _, one := range made {
		p.Credentials = append(p.Credentials, page.CredentialRow{
			ID: one.ID, Name: one.Name, Prefix: one.Prefix, Made: one.CreatedAt.Time(), Used: one.LastUsedAt.Time(), Revoked: one.RevokedAt.Time(),
		})
	}
	p.LeaseLead = leaseLead(v.Working)
	if p.Leases, err = h.leases(ctx, who, int64(v.Working)); err != nil {
		return err
	}
	return respond.Page(c, status, page.Gateways(p))
}

// leases are the plans that stop at their quota, with what gateways reserve of it.
func (h Gateways) leases(ctx context.Context, who accounts.Actor, working int64) ([]page.LeaseRow, error) {
	if h.LeaseSize == nil {
		return nil, nil
	}
	plans, err := h.Plans.Plans(ctx, who)
	var rows []page.LeaseRow
	for _, p := range plans {
		size := h.LeaseSize(p.Policy)
		if size == 0 {
			continue
		}
		row := page.LeaseRow{Plan: p.Policy.DisplayName, Quota: ui.Plural(p.Policy.Quota, "unit", "units"), Lease: ui.Plural(size, "unit", "units") + " at most", Together: "There are none"}
		if working > 1 {
			row.Together = ui.Plural(size*(working-1), "unit", "units") + " at most"
		}
		rows = append(rows, row)
	}
	return rows, err
}

// Create answers POST /admin/gateways/credentials with the credential, which is not
// shown again.
func (h Gateways) Create(c *fiber.Ctx) error {
	name := c.FormValue("name")
	made, secret, err := h.Credentials.Create(c.UserContext(), session.Actor(c), name)
	if problems, wrong := fault.FieldsOf(err); wrong {
		return h.render(c, fiber.StatusUnprocessableEntity, name, problems)
	}
	if fault.KindOf(err) == fault.Conflict {
		return back(c, err, gatewaysPath, "")
	}
	if err != nil {
		return err
	}
	return respond.Page(c, fiber.StatusOK, page.CredentialMade(page.CredentialMadeProps{
		Frame: respond.Frame(c, layout.Admin, "A credential for "+made.Name, gatewaysPath).With(ui.Link{Href: gatewaysPath, Label: "Gateways"}, ui.Link{Label: made.Name}),
		Name:  made.Name, Secret: secret,
	}))
}

// Revoke answers POST /admin/gateways/credentials/:id/revoke.
func (h Gateways) Revoke(c *fiber.Ctx) error {
	err := h.Credentials.Revoke(c.UserContext(), session.Actor(c), c.Params("id"))
	return back(c, err, gatewaysPath, "The credential is revoked. Within a second nothing can sign in with it.")
}

// fleetWords say in one sentence how the gateways are.
func fleetWords(v usage.FleetView) (ui.Tone, string, string) {
	var silent, trouble int64
	for _, m := range v.Members {
		switch m.State {
		case usage.MemberSilent:
			silent++
		case usage.MemberTrouble:
			trouble++
		}
	}
	working := ui.Plural(int64(v.Working), "gateway serves", "gateways serve") + " calls."
	switch {
	case v.Working == 0:
		return ui.Bad, "None works", "No gateway serves calls: every call fails until one runs."
	case trouble > 0:
		return ui.Attention, "Trouble", working + " " + ui.Plural(trouble, "process has", "processes have") + " a problem."
	case silent > 0:
		return ui.Attention, "One is silent", working + " " + ui.Plural(silent, "process has", "processes have") + " stopped without a word within a day."
	}
	return ui.Good, "Working", working
}

// fleetHealth is the card of the overview.
func fleetHealth(v usage.FleetView) page.Health {
	h := page.Health{More: ui.Link{Href: gatewaysPath, Label: "Gateways"}}
	h.Tone, h.Word, h.Sentence = fleetWords(v)
	h.Facts = []page.Fact{{Name: "Serving calls", Value: ui.Count(int64(v.Working))}, {Name: "Seen within a day", Value: ui.Count(int64(len(v.Members)))}}
	return h
}

// memberStates say how a gateway is.
var memberStates = map[string]struct {
	tone ui.Tone
	word string
}{
	usage.MemberWorks: {ui.Good, "Works"}, usage.MemberTrouble: {ui.Attention, "Trouble"}, usage.MemberSilent: {ui.Bad, "Silent"}, usage.MemberStopped: {ui.Quiet, "Stopped"},
}

// gatewayRow puts the n-th member into a line; numbers says whether its name and
// numbers are told.
func gatewayRow(m usage.Member, n int, numbers bool) page.GatewayRow {
	state := memberStates[m.State]
	r := page.GatewayRow{
		Name: m.Name, Address: m.Address, Kind: "Gateway", Tone: state.tone, Word: state.word, Why: m.Problem, Since: m.StartedAt.Time(), Seen: m.SeenAt.Time(),
		Served: ui.Count(m.Served), Refused: ui.Count(m.Refused), Failed: ui.Count(m.Failed), InFlight: ui.Count(m.InFlight),
	}
	if m.Kind == "portal" {
		r.Kind = "Portal, for calls that are reported"
	}
	if r.Address != "" {
		r.Kind += " at "
	}
	if !numbers {
		r.Name = "Process " + strconv.Itoa(n+1)
	}
	switch {
	case m.State == usage.MemberSilent:
		r.Why = "It has stopped, or cannot reach the database. What it had written down is safe."
	case m.State == usage.MemberStopped, m.Kind == "portal":
	case m.Behind == 0:
		r.Caught = "Knows every change of access"
	default:
		r.Caught = ui.Plural(m.Behind, "change of access", "changes of access") + " behind"
	}
	return r
}

// leaseLead says how gateways share a quota.
func leaseLead(working int) string {
	text := "Gateways reserve units of a quota before they serve them, and never more than there are. So however many run, no more calls pass than the quota has; only calls that are worth more than one unit can pass it, by what they are worth beyond one. " +
		"Near its end, a gateway refuses what another has reserved; that is free again after 8 seconds without calls."
	if working > 1 {
		text += " With " + strconv.Itoa(working) + " gateways running, a call can be refused early while the others together have reserved:"
	}
	return text
}
