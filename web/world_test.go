package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/internal/testdb"
	"tollgate/internal/vault"
	"tollgate/models"
	"tollgate/notices"
	"tollgate/usage"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// A world is a portal with one person for each role, and a clock that tests move.
type world struct {
	deps Deps
	app  *fiber.App
	mu   sync.Mutex
	now  time.Time
	logs *logs
	them accounts.Actor
}

// logs keeps what was logged.
type logs struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// CheckKey stands for Stripe: it knows one key.
func (w *world) CheckKey(_ context.Context, key string) (accounts.PlatformAccount, error) {
	if key != knownKey {
		return accounts.PlatformAccount{}, fault.New(fault.Forbidden, "Invalid API Key provided.")
	}
	return accounts.PlatformAccount{ID: "acct_Platform", Name: "Acme"}, nil
}

const knownKey = "sk_test_AAAAAAAAAAAAAAAAAAAA1111"

const password = "correct horse battery"

// setup returns a portal at address with the product's routes and more.
func setup(t *testing.T, address string, more ...Route) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 12, 8, 14, 32, 0, 0, time.UTC), logs: &logs{}}
	wall := clock.NewWall(func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.now
	})
	public, err := url.Parse(address)
	must(t, err)
	db := testdb.New(t)
	v, err := vault.Open([]byte("0123456789abcdef0123456789abcdef"))
	must(t, err)
	w.deps = Deps{
		Log: slog.New(slog.NewTextHandler(w.logs, nil)), Wall: wall, Business: clock.NewBusiness(wall),
		Site:     respond.Site{Mode: "test", PublicURL: public, Away: []string{"https://checkout.stripe.com"}},
		Sessions: &accounts.Sessions{DB: db, Wall: wall}, People: &accounts.People{DB: db, Wall: wall},
		Tenants:      &accounts.Tenants{DB: db, Wall: wall, Vault: v, Mode: "test"},
		Applications: &accounts.Applications{DB: db, Wall: wall}, Keys: &accounts.APIKeys{DB: db, Wall: wall, Business: clock.NewBusiness(wall), Vault: v},
		Usage:    &usage.Reports{DB: db, Business: clock.NewBusiness(wall)},
		Accounts: &accounts.ConnectedAccounts{DB: db, Wall: wall}, Audit: &accounts.AuditTrail{DB: db},
		Jobs: &outbox.Runner{DB: db, Wall: wall, Business: clock.NewBusiness(wall)},
	}
	w.deps.Notices = &notices.Desk{DB: db, Wall: wall, Business: w.deps.Business, PublicURL: address, Jobs: w.deps.Jobs}
	w.deps.Tenants.Stripe = w
	w.deps.Inbox = &billing.Inbox{DB: db, Jobs: w.deps.Jobs, Secrets: w.deps.Tenants, Wall: wall}
	w.deps.Reconciler = &billing.Reconciler{
		Subscriptions: &billing.Subscriptions{DB: db, Jobs: w.deps.Jobs, Wall: wall, Business: w.deps.Business}, Inbox: w.deps.Inbox,
	}
	w.deps.Publishing = &usage.Publisher{DB: db, Wall: wall, Business: w.deps.Business, Installation: "here"}
	w.deps.Compares = &usage.Comparer{Publisher: w.deps.Publishing}
	w.deps.Credentials = accounts.NewGatewayCredentials(db, wall, w.deps.Business, v)
	w.deps.Catalog = &catalog.Service{DB: db, Wall: wall}
	_, err = w.deps.Tenants.Bootstrap(t.Context(), "Acme APIs")
	must(t, err)
	us := accounts.System(models.SuperTenant, models.SuperDomain)
	twin, err := w.deps.Tenants.Create(t.Context(), us, "twin.example", "Twin")
	must(t, err)
	w.them = accounts.System(twin.ID, twin.Domain)
	for _, r := range []accounts.Role{accounts.Admin, accounts.Publisher, accounts.Subscriber} {
		w.person(t, us, string(r), r)
	}
	w.app = assemble(w.deps, append(Routes(w.deps), more...))
	return w
}

func (w *world) person(t *testing.T, tenant accounts.Actor, username string, roles ...accounts.Role) accounts.Person {
	t.Helper()
	p, err := w.deps.People.Create(t.Context(), tenant, accounts.PersonInput{Username: username, DisplayName: username, Roles: roles})
	must(t, err)
	must(t, w.deps.People.SetPassword(t.Context(), tenant, p.ID, password))
	return p
}

// session opens a session for a person and returns its cookie and form token.
func (w *world) session(t *testing.T, username string) *browser {
	t.Helper()
	who, err := w.deps.People.SignIn(t.Context(), accounts.Attempt{Username: username, Password: password, Address: "192.0.2.1"})
	must(t, err)
	id, _, err := w.deps.Sessions.Begin(t.Context(), who, nil, accounts.Browser{}, "")
	must(t, err)
	return &browser{w: w, cookie: id, token: session.TokenOf(id)}
}

// A browser sends requests as somebody.
type browser struct {
	w             *world
	cookie, token string
}

// An answer is a response with its body read.
type answer struct {
	*http.Response
	text string
}

// ask sends a request; header is name, value, name, value.
func (b *browser) ask(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.cookie != "" {
		name := "tollgate"
		if b.w.deps.Site.PublicURL.Scheme == "https" {
			name = "__Host-tollgate"
		}
		r.AddCookie(&http.Cookie{Name: name, Value: b.cookie})
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := b.w.app.Test(r, -1)
	must(t, err)
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return answer{resp, string(text)}
}

func (b *browser) get(t *testing.T, path string, header ...string) answer {
	t.Helper()
	return b.ask(t, "GET", path, "", header...)
}

// post sends a form of this site's, with its token.
func (b *browser) post(t *testing.T, path string, form url.Values, header ...string) answer {
	t.Helper()
	all := url.Values{"form_token": {b.token}}
	for k, v := range form {
		all[k] = v
	}
	return b.ask(t, "POST", path, all.Encode(), append([]string{"Sec-Fetch-Site", "same-origin"}, header...)...)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
