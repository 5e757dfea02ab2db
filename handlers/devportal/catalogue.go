package devportal

import (
	"context"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// aPage is how many APIs the catalogue shows at once, about.
const aPage = 24

// Catalogue is the screen where everybody sees what is for sale.
type Catalogue struct {
	Catalog interface {
		Browse(ctx context.Context, viewer accounts.Actor, search, after string, limit int) (catalog.Page, error)
	}
	Tenants Tenants
}

// Tenants is whose catalogue a visitor sees.
type Tenants interface {
	ByDomain(ctx context.Context, domain string) (models.Tenant, error)
}

// viewer returns who looks at the catalogue: a visitor sees the default tenant's,
// unless it is closed to visitors.
func viewer(c *fiber.Ctx, tenants Tenants) (who accounts.Actor, closed bool, err error) {
	if who = session.Actor(c); who.SignedIn() {
		return who, false, nil
	}
	t, err := tenants.ByDomain(c.UserContext(), "")
	who.Tenant, who.Domain = t.ID, t.Domain
	return who, !t.CataloguePublic, err
}

// signIn sends a visitor to sign in and back.
func signIn(c *fiber.Ctx) error {
	return respond.SeeOther(c, "/sign-in?next="+url.QueryEscape(respond.Local(c.OriginalURL())))
}

// Show answers GET /devportal.
func (h Catalogue) Show(c *fiber.Ctx) error {
	who, closed, err := viewer(c, h.Tenants)
	if err != nil {
		return err
	}
	if closed {
		return signIn(c)
	}
	search, label := c.Query("q"), c.Query("label")
	listed, next, err := h.browse(c.UserContext(), who, search, label, c.Query("after"))
	if err != nil {
		return err
	}
	p := page.CatalogueProps{
		Frame: respond.Frame(c, layout.Devportal, "APIs", "/devportal"), Search: search,
		Filters: labels(search, label), Narrowed: search != "" || label != "",
	}
	for _, l := range listed {
		p.Entries = append(p.Entries, page.Entry{
			ID: l.API.UUID, Name: apiTitle(l.API), About: l.API.Description, Label: l.Label, Publisher: l.Provider, From: lowest(l.Offers, ruleOf(l.API)),
		})
	}
	p.Pager.Showing = ui.Plural(int64(len(listed)), "API", "APIs")
	if next != "" {
		p.Pager.Next = respond.Link("/devportal", "q", search, "label", label, "after", next)
	}
	return respond.Page(c, fiber.StatusOK, page.Catalogue(p))
}

// browse returns about a page of the APIs with a label, and where the next begins.
func (h Catalogue) browse(ctx context.Context, who accounts.Actor, search, label, after string) ([]catalog.Listed, string, error) {
	var out []catalog.Listed
	for {
		got, err := h.Catalog.Browse(ctx, who, search, after, aPage)
		if err != nil {
			return nil, "", err
		}
		for _, l := range got.APIs {
			if label == "" || l.Label == label {
				out = append(out, l)
			}
		}
		after = got.Next
		if after == "" || len(out) >= aPage {
			return out, after, nil
		}
	}
}

// labels are the filters of the catalogue.
func labels(search, current string) []ui.Link {
	links := []ui.Link{{Href: respond.Link("/devportal", "q", search), Label: "All", Current: current == ""}}
	for _, l := range []string{catalog.LabelFree, catalog.LabelFreemium, catalog.LabelPaid} {
		links = append(links, ui.Link{Href: respond.Link("/devportal", "q", search, "label", l), Label: l, Current: current == l})
	}
	return links
}

// lowest returns the lowest price among what costs something: a fixed one if there
// is any, else the lowest per call.
func lowest(offers []catalog.Offer, r rule) page.Price {
	var best catalog.Price
	for _, o := range offers {
		p := o.Price
		switch {
		case p.IsFree():
		case best.IsFree(), best.Metered() && !p.Metered():
			best = p
		case !p.Metered() && !best.Metered():
			if less, err := p.Amount.Cmp(best.Amount); err == nil && less < 0 {
				best = p
			}
		}
	}
	return price(best, r)
}
