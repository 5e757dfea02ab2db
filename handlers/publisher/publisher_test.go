package publisher_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/billing/stripe"
	"tollgate/catalog"
	"tollgate/internal/clock"
	"tollgate/internal/outbox"
	"tollgate/internal/stripetest"
	"tollgate/internal/testdb"
	"tollgate/internal/vault"
	"tollgate/models"
	"tollgate/sandbox"
	"tollgate/web"
	"tollgate/web/respond"
	"tollgate/web/session"
)

const (
	testKey  = "sk_test_publisher0123456789"
	password = "correct horse battery"
)

// A house is the portal on the sandbox, with a worker.
type house struct {
	t         *testing.T
	deps      web.Deps
	app       *fiber.App
	stripeURL string
	connected string // a connected account that can charge
}

type keys map[models.TenantID]string

func (k keys) StripeKey(_ context.Context, t models.TenantID) (string, error) { return k[t], nil }

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t}
	h.startSandbox()
	db, wall := testdb.New(t), clock.Wall{}
	engine := stripe.New(keys{models.SuperTenant: testKey}, h.stripeURL, slog.New(slog.DiscardHandler), stripetest.Checked(t, http.DefaultTransport))
	platform, err := engine.Account(t.Context(), accounts.Platform(models.SuperTenant))
	h.must(err)
	h.connected = h.account()

	jobs := &outbox.Runner{DB: db, Wall: wall, Business: clock.NewBusiness(wall)}
	linked := &accounts.ConnectedAccounts{DB: db, Wall: wall}
	sales := &billing.Sales{
		DB: db, Engine: engine, Accounts: linked, Wall: wall, Jobs: jobs, Patience: 10 * time.Second, Installation: "here",
		Attributes: []billing.Attribute{
			{Name: billing.ConnectedAccountKey, DisplayName: "Stripe account", Required: true},
			{Name: "StatementText", DisplayName: "Statement text"},
		},
	}
	sales.Register(jobs)
	v, err := vault.Open([]byte("0123456789abcdef0123456789abcdef"))
	h.must(err)
	public, err := url.Parse("http://127.0.0.1:8080")
	h.must(err)
	h.deps = web.Deps{
		Log: slog.New(slog.DiscardHandler), Wall: wall, Business: clock.NewBusiness(wall), Demo: true,
		Site:     respond.Site{Mode: "sandbox", PublicURL: public, Business: clock.NewBusiness(wall)},
		Sessions: &accounts.Sessions{DB: db, Wall: wall}, People: &accounts.People{DB: db, Wall: wall},
		Tenants:      &accounts.Tenants{DB: db, Wall: wall, Vault: v, Mode: "test"},
		Applications: &accounts.Applications{DB: db, Wall: wall}, Accounts: linked, Audit: &accounts.AuditTrail{DB: db},
		Catalog: &catalog.Service{DB: db, Wall: wall, Follow: sales, Demo: true}, Sales: sales, Jobs: jobs,
	}
	_, err = h.deps.Tenants.Bootstrap(t.Context(), "Acme APIs")
	h.must(err)
	_, err = db.NewUpdate().Model((*models.Tenant)(nil)).Set("stripe_account = ?", platform.ID).Where("tenant_id = ?", models.SuperTenant).Exec(t.Context())
	h.must(err)
	for _, r := range []accounts.Role{accounts.Admin, accounts.Publisher, accounts.Subscriber} {
		p, err := h.deps.People.Create(t.Context(), us, accounts.PersonInput{Username: string(r), DisplayName: string(r), Roles: []accounts.Role{r}})
		h.must(err)
		h.must(h.deps.People.SetPassword(t.Context(), us, p.ID, password))
	}
	h.app = web.New(h.deps)
	h.work(jobs)
	return h
}

var us = accounts.System(models.SuperTenant, models.SuperDomain)

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) startSandbox() {
	box, err := sandbox.Open(h.t.Context(), sandbox.Options{Path: ":memory:"})
	h.must(err)
	srv := httptest.NewServer(box.Handler())
	box.SetBaseURL(srv.URL)
	h.stripeURL = srv.URL
	h.t.Cleanup(func() {
		srv.Close()
		if err := box.Close(); err != nil {
			h.t.Error(err)
		}
	})
}

// stripe asks the sandbox for something, as somebody with the key would.
func (h *house) stripe(method, path, account string, form url.Values) map[string]any {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.stripeURL+path, strings.NewReader(form.Encode()))
	h.must(err)
	r.Header.Set("Authorization", "Bearer "+testKey)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if account != "" {
		r.Header.Set("Stripe-Account", account)
	}
	resp, err := http.DefaultClient.Do(r)
	h.must(err)
	defer resp.Body.Close()
	out := map[string]any{}
	h.must(json.NewDecoder(resp.Body).Decode(&out))
	return out
}

// account makes a connected account and onboards it, as its owner would.
func (h *house) account() string {
	h.t.Helper()
	id, ok := h.stripe("POST", "/v1/accounts", "", url.Values{"type": {"standard"}, "country": {"US"}})["id"].(string)
	if !ok {
		h.t.Fatal("the sandbox made no account")
	}
	link, ok := h.stripe("POST", "/v1/account_links", "", url.Values{
		"account": {id}, "type": {"account_onboarding"}, "refresh_url": {"http://127.0.0.1/again"}, "return_url": {"http://127.0.0.1/back"},
	})["url"].(string)
	if !ok {
		h.t.Fatal("the sandbox made no link")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, form := range []url.Values{nil, {"name": {"Northwind Weather"}}} { // look, then fill in
		method := http.MethodGet
		if form != nil {
			method = http.MethodPost
		}
		r, err := http.NewRequestWithContext(h.t.Context(), method, link, strings.NewReader(form.Encode()))
		h.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(r)
		h.must(err)
		h.must(resp.Body.Close())
	}
	return id
}

// active counts the objects of a kind that are on sale in an account.
func (h *house) active(kind, account string) int {
	h.t.Helper()
	filter := "?active=true&limit=100"
	if strings.Contains(kind, "meters") {
		filter = "?status=active&limit=100"
	}
	list, ok := h.stripe("GET", "/v1/"+kind+filter, account, nil)["data"].([]any)
	if !ok {
		h.t.Fatalf("no list of %s", kind)
	}
	return len(list)
}

// work performs what is staged until the test is over.
func (h *house) work(jobs *outbox.Runner) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if _, err := jobs.RunOnce(ctx); err != nil && ctx.Err() == nil {
				h.t.Error(err)
			}
			select {
			case <-ctx.Done():
			case <-jobs.Woken():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	h.t.Cleanup(func() { stop(); <-done })
}

// A browser is somebody's.
type browser struct {
	*house
	cookie, token string
}

func (h *house) browser(username string) *browser {
	h.t.Helper()
	who, err := h.deps.People.SignIn(h.t.Context(), accounts.Attempt{Username: username, Password: password, Address: "192.0.2.1"})
	h.must(err)
	id, _, err := h.deps.Sessions.Begin(h.t.Context(), who, nil, accounts.Browser{}, "")
	h.must(err)
	return &browser{h, id, session.TokenOf(id)}
}

// A page is an answer with its body read.
type page struct {
	status         int
	location, text string
}

func (b *browser) ask(method, path string, form url.Values) page {
	b.t.Helper()
	body := ""
	if method == http.MethodPost {
		all := url.Values{"form_token": {b.token}}
		for k, v := range form {
			all[k] = v
		}
		body = all.Encode()
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: "tollgate", Value: b.cookie})
	resp, err := b.app.Test(r, -1)
	b.must(err)
	text, err := io.ReadAll(resp.Body)
	b.must(err)
	return page{resp.StatusCode, resp.Header.Get("Location"), string(text)}
}

func (b *browser) get(path string) page { return b.ask(http.MethodGet, path, nil) }

func (b *browser) post(path string, form url.Values) page {
	return b.ask(http.MethodPost, path, form)
}

// to expects an answer that leads elsewhere, and follows it.
func (b *browser) to(p page, prefix string) page {
	b.t.Helper()
	if p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, prefix) {
		b.t.Fatalf("%d to %q, want 303 to %s…\n%s", p.status, p.location, prefix, words(p.text))
	}
	return b.get(p.location)
}

// has expects a page that says all of these.
func (b *browser) has(p page, status int, all ...string) {
	b.t.Helper()
	text := words(p.text)
	for _, want := range all {
		if p.status != status || !strings.Contains(text, want) && !strings.Contains(p.text, want) {
			b.t.Errorf("%d, and want %d with %q in:\n%s", p.status, status, want, text)
			return
		}
	}
}

var tags = regexp.MustCompile(`(?s)<svg.*?</svg>|<[^>]*>`)

// words is what a page says, without its markup.
func words(html string) string {
	if _, body, ok := strings.Cut(html, "<main"); ok {
		html = body
	}
	text := strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&amp;", "&").Replace(tags.ReplaceAllString(html, " "))
	return strings.Join(strings.Fields(text), " ")
}

// hidden is the value of a hidden field of a page.
func hidden(p page, name string) string {
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(p.text)
	if m == nil {
		return ""
	}
	return m[1]
}
