package devportal

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Keys is the screens of an application's API keys. A key is shown by the answer to
// the form that makes it and nowhere else: it is in no address, session or log.
type Keys struct {
	Applications
	Way
	Business clock.Business
}

// A Keyring is the keys of one's applications.
type Keyring interface {
	List(ctx context.Context, who accounts.Actor, app string) ([]accounts.Key, error)
	ByID(ctx context.Context, who accounts.Actor, app, id string) (accounts.Key, error)
	Create(ctx context.Context, who accounts.Actor, app string, in accounts.KeyInput) (accounts.Key, string, error)
	Rotate(ctx context.Context, who accounts.Actor, app, id string, in accounts.RotateInput) (accounts.Key, string, error)
	Revoke(ctx context.Context, who accounts.Actor, app, id string) error
}

// keyStates are how the states of keys are said.
var keyStates = map[accounts.KeyState]struct {
	tone ui.Tone
	word string
}{
	accounts.KeyActive: {ui.Good, "Active"}, accounts.KeyExpiresSoon: {ui.Attention, "Expires soon"},
	accounts.KeyExpired: {ui.Bad, "Expired"}, accounts.KeyRevoked: {ui.Quiet, "Revoked"},
}

var keyTypes = map[string]string{accounts.ProductionKey: "Production", accounts.SandboxKey: "Sandbox"}

// keyRow puts a key into the pages' terms.
func keyRow(k accounts.Key) page.KeyRow {
	said := keyStates[k.State]
	return page.KeyRow{
		ID: k.ID, Name: k.Name, Kind: keyTypes[k.KeyType], Begins: k.Prefix, Created: k.CreatedAt.Time(), LastUsed: k.LastUsedAt.Time(),
		Expires: k.ExpiresAt.Time(), Tone: said.tone, State: said.word, Live: k.State.Works(),
	}
}

// readLife returns the last day on which a key is to work, as package accounts reads it.
func (h Keys) readLife(c *fiber.Ctx) (page.KeyLife, string, error) {
	l := page.KeyLife{Life: c.FormValue("life"), Expires: c.FormValue("expires")}
	switch l.Life {
	case page.ExpiresNever, "":
		return l, "", nil
	case page.ExpiresOnDate:
		if l.Expires == "" {
			return l, "", fault.Fields{"expires": "Choose the last day on which it works."}.Err()
		}
		return l, l.Expires, nil
	}
	days, err := strconv.Atoi(l.Life)
	if err != nil || !slices.Contains([]int{30, 90, 365}, days) {
		return l, "", fault.Fields{"life": "Choose when it expires."}.Err()
	}
	return l, h.Business.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly), nil
}

// Generate answers POST /devportal/applications/:id/keys with the page that shows
// the key. Loading that page again makes no second key: the name is taken.
func (h Keys) Generate(c *fiber.Ctx) error {
	ctx, who, app := c.UserContext(), session.Actor(c), c.Params("id")
	life, expires, err := h.readLife(c)
	form := page.KeyForm{Name: c.FormValue("name"), Type: c.FormValue("type"), KeyLife: life}
	var (
		made accounts.Key
		text string
	)
	if err == nil {
		made, text, err = h.Keys.Create(ctx, who, app, accounts.KeyInput{Name: form.Name, Type: form.Type, Expires: expires})
	}
	status := fiber.StatusUnprocessableEntity
	if problems, ok := fault.FieldsOf(err); ok {
		form.Problems = problems
	} else if fault.KindOf(err) == fault.Conflict {
		form.Problem, status = fault.Message(err), fiber.StatusConflict
	} else if err != nil {
		return err
	}
	if err != nil {
		return h.render(c, status, &form)
	}
	return h.reveal(c, made, text, nil)
}

// reveal answers with the one page that shows a key. old is the key it follows, nil
// for none.
func (h Keys) reveal(c *fiber.Ctx, made accounts.Key, text string, old *accounts.Key) error {
	a, mine, err := h.with(c)
	if err != nil {
		return err
	}
	p := page.NewKeyProps{ApplicationID: a.UUID, Application: a.Name, Key: text, Row: keyRow(made)}
	if p.Examples, err = h.examples(c.UserContext(), session.Actor(c), mine, text); err != nil {
		return err
	}
	if old != nil {
		p.Replaces = old.Name
		if old.State.Works() {
			p.Until = old.ExpiresAt.Time()
		}
	}
	p.Frame = respond.Frame(c, layout.Devportal, "New API key", applicationsPath).
		With(crumb, ui.Link{Href: applicationPath(a.UUID), Label: a.Name}, ui.Link{Label: "New API key"})
	return respond.Page(c, fiber.StatusOK, page.NewKey(p))
}

// with returns the application of an address with its subscriptions.
func (h Keys) with(c *fiber.Ctx) (models.Application, []billing.Overview, error) {
	ctx, who := c.UserContext(), session.Actor(c)
	a, err := h.Applications.Applications.ByUUID(ctx, who, c.Params("id"))
	if err != nil {
		return a, nil, err
	}
	mine, err := h.Subscriptions.Mine(ctx, who, billing.ListQuery{Application: a.UUID, Limit: 100})
	return a, mine.Rows, err
}

// Show answers GET /devportal/applications/:id/keys/:key.
func (h Keys) Show(c *fiber.Ctx) error {
	return h.key(c, fiber.StatusOK, page.KeyProps{})
}

// key renders the page of a key, with what was entered and what is wrong with it.
func (h Keys) key(c *fiber.Ctx, status int, p page.KeyProps) error {
	a, mine, err := h.with(c)
	if err != nil {
		return err
	}
	k, err := h.Keys.ByID(c.UserContext(), session.Actor(c), a.UUID, c.Params("key"))
	if err != nil {
		return err
	}
	p.ApplicationID, p.Application, p.Row = a.UUID, a.Name, keyRow(k)
	if p.Life == "" {
		p.KeyLife = sameLife(k)
	}
	for _, o := range mine {
		if o.State.ServesSome() {
			p.Calls = append(p.Calls, titled(o.Title(), o.APIVersion))
		}
	}
	p.Frame = respond.Frame(c, layout.Devportal, k.Name, applicationsPath).
		With(crumb, ui.Link{Href: applicationPath(a.UUID), Label: a.Name}, ui.Link{Label: k.Name})
	return respond.Page(c, status, page.Key(p))
}

// sameLife proposes for the key that follows about the life that k was made for.
func sameLife(k accounts.Key) page.KeyLife {
	if k.ExpiresAt.IsZero() {
		return page.KeyLife{}
	}
	life := k.ExpiresAt.Time().Sub(k.CreatedAt.Time())
	for _, days := range []int{30, 90, 365} {
		if life <= time.Duration(days+2)*24*time.Hour {
			return page.KeyLife{Life: strconv.Itoa(days)}
		}
	}
	return page.KeyLife{}
}

// Rotate answers POST /devportal/applications/:id/keys/:key/rotate with the page
// that shows the key that follows.
func (h Keys) Rotate(c *fiber.Ctx) error {
	ctx, who, app, id := c.UserContext(), session.Actor(c), c.Params("id"), c.Params("key")
	life, expires, err := h.readLife(c)
	p := page.KeyProps{Overlap: c.FormValue("overlap"), KeyLife: life}
	hours, bad := strconv.Atoi(p.Overlap)
	if bad != nil {
		hours = -1 // no overlap there is
	}
	var (
		made accounts.Key
		text string
	)
	if err == nil {
		made, text, err = h.Keys.Rotate(ctx, who, app, id, accounts.RotateInput{Overlap: time.Duration(hours) * time.Hour, Expires: expires})
	}
	status := fiber.StatusUnprocessableEntity
	if problems, ok := fault.FieldsOf(err); ok {
		p.Problems = problems
	} else if fault.KindOf(err) == fault.Conflict {
		p.Problem, status = fault.Message(err), fiber.StatusConflict
	} else if err != nil {
		return err
	}
	if err != nil {
		return h.key(c, status, p)
	}
	old, err := h.Keys.ByID(ctx, who, app, id)
	if err != nil {
		return err
	}
	return h.reveal(c, made, text, &old)
}

// Revoke answers POST /devportal/applications/:id/keys/:key/revoke.
func (h Keys) Revoke(c *fiber.Ctx) error {
	app := c.Params("id")
	if err := h.Keys.Revoke(c.UserContext(), session.Actor(c), app, c.Params("key")); err != nil {
		return err
	}
	return respond.SeeOther(c, applicationPath(app)+"#keys-h", "The key is revoked. Calls with it are refused.")
}
