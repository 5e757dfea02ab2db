package publisher

import (
	"context"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/sheet"
	"tollgate/internal/fault"
	"tollgate/models"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Monetization is the screen on which an API is put on sale.
type Monetization struct {
	Sales interface {
		Monetization(ctx context.Context, who accounts.Actor, api string) (billing.MonetizationPage, error)
		Monetize(ctx context.Context, who accounts.Actor, api string, in billing.MonetizeInput) (job string, err error)
		Await(ctx context.Context, job string) (done bool, problem string, err error)
		Declared() []billing.Attribute
	}
	Ends interface {
		Preview(ctx context.Context, who accounts.Actor, t billing.EndTarget, after int64) (billing.EndPreview, error)
	}
}

// afterSale is what may become of who pays when an API leaves sale.
var afterSale = []string{sheet.EndKeep, sheet.EndLater, sheet.EndNow, sheet.EndRefund}

// Show answers GET /publisher/apis/:uuid/monetization.
func (h Monetization) Show(c *fiber.Ctx) error {
	m, err := h.Sales.Monetization(c.UserContext(), session.Actor(c), c.Params("uuid"))
	if err != nil {
		return err
	}
	on := m.API.Monetization == models.MonetizationOn || m.API.Monetization == models.MonetizationEnabling
	return h.render(c, fiber.StatusOK, m, billing.MonetizeInput{Enabled: on, Properties: m.Values}, nil)
}

// Save answers POST /publisher/apis/:uuid/monetization.
func (h Monetization) Save(c *fiber.Ctx) error {
	ctx, who, uuid := c.UserContext(), session.Actor(c), c.Params("uuid")
	in := billing.MonetizeInput{Enabled: c.FormValue("enabled") != "", Properties: map[string]string{}}
	for _, a := range h.Sales.Declared() {
		in.Properties[a.Name] = strings.Clone(c.FormValue(a.Name))
	}
	if how := c.FormValue("how"); !in.Enabled && slices.Contains(afterSale[1:], how) { // who pays is shown before they are ended
		return respond.SeeOther(c, apiPath(uuid)+"/monetization/end?how="+how)
	}
	job, err := h.Sales.Monetize(ctx, who, uuid, in)
	if _, wrong := fault.FieldsOf(err); wrong || fault.KindOf(err) == fault.Conflict || fault.KindOf(err) == fault.Unavailable {
		m, again := h.Sales.Monetization(ctx, who, uuid)
		if again != nil {
			return again
		}
		return h.render(c, retryStatus(err), m, in, err)
	}
	if err != nil {
		return err
	}
	if err := h.tell(c, job, in.Enabled); err != nil {
		return err
	}
	return respond.SeeOther(c, apiPath(uuid)+"/monetization")
}

// retryStatus is the status of a form that was not accepted.
func retryStatus(err error) int {
	if fault.KindOf(err) == fault.Unavailable {
		return fiber.StatusServiceUnavailable
	}
	return again422(err)
}

// tell waits a little for Stripe and says on the next page what came of it.
func (h Monetization) tell(c *fiber.Ctx, job string, enabled bool) error {
	done, problem, err := h.Sales.Await(c.UserContext(), job)
	if err != nil {
		return err
	}
	switch {
	case problem != "":
		session.Notice(c, string(ui.Bad), "Stripe refused: "+problem)
	case !done:
		session.Notice(c, string(ui.Quiet), "It is saved. Stripe is being told; this goes on by itself.")
	case enabled:
		session.Notice(c, string(ui.Good), "It is saved, and every plan is on sale.")
	default:
		session.Notice(c, string(ui.Good), "It is off sale. Whoever is subscribed stays so.")
	}
	return nil
}

func (h Monetization) render(c *fiber.Ctx, status int, m billing.MonetizationPage, in billing.MonetizeInput, why error) error {
	p := monetization(m)
	p.Frame = frameOf(c, m.API, "Monetization")
	p.Enabled, p.How = in.Enabled, sheet.EndKeep
	if m.Paying > 0 {
		paid, err := h.Ends.Preview(c.UserContext(), session.Actor(c), billing.EndTarget{Kind: models.EndOfSale, ID: m.API.UUID}, 0)
		if err != nil {
			return err
		}
		p.StillPaid, p.Ends = paid.Total, sheet.EndChoices(paid, afterSale...)
	}
	problems, wrong := fault.FieldsOf(why)
	if p.Problems = problems; !wrong && why != nil {
		p.Problem = fault.Message(why)
	}
	p.Labels = map[string]string{}
	for _, a := range h.Sales.Declared() {
		if a.Hidden {
			continue
		}
		p.Labels[a.Name] = a.DisplayName
		p.Properties = append(p.Properties, property(a, in.Properties[a.Name], problems[a.Name]))
	}
	return respond.Page(c, status, page.Monetization(p))
}

// property is the field of a declared attribute.
func property(a billing.Attribute, value, problem string) ui.Field {
	f := ui.Field{
		Name: a.Name, Label: a.DisplayName, Value: value, Problem: problem, Hint: a.Description, Optional: !a.Required, Autocomplete: "off",
	}
	if a.Name == billing.ConnectedAccountKey {
		f.Note, f.Optional = a.Name, false
		f.Hint = strings.TrimSpace(f.Hint + " Looked up at Stripe when you save.")
	}
	return f
}
