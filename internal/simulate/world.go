package simulate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/clock"
	"tollgate/models"
	"tollgate/sandbox"
	"tollgate/usage"
)

// Options are what a World is made of.
type Options struct {
	Now   func() time.Time // the clock of everything
	Rand  io.Reader        // where Stripe's ids come from; nil for the usual
	Log   *slog.Logger     // of the outbox; nil for none
	Store *Store           // nil for a new one in memory
	Cycle string           // of all paid plans; "" for a month
	// Counting is how long Stripe takes to count a meter event, in whole seconds up
	// to 120.
	Counting time.Duration
}

// A World is a database, a Stripe, and two tenants that sell the same things.
type World struct {
	Store  *Store
	Stripe *sandbox.Server
	Line   *Line
	Now    func() time.Time
	Log    *slog.Logger
	Chance func() float64 // of outboxes; nil for the usual
	A, B   *Seller
	// Traffic is the calls that clients made.
	Traffic *Traffic
	// Skew is how far the clocks of programs are off, in nanoseconds.
	Skew atomic.Int64

	cycle    string
	http     *http.Client
	readings map[string]theirs // what Stripe has, by the name of its state
}

// reading names Stripe's state, "" when it has no name.
func (w *World) reading() string {
	if w.Line.known == nil || w.Line.Dirty() {
		return ""
	}
	return w.Line.known.state
}

// A Seller is a tenant: its people, its plans and its APIs.
type Seller struct {
	Tenant                 models.Tenant
	Key                    string // of its platform account
	Account                string // of its publisher
	Admin, Publisher, Ada  accounts.Actor
	API                    string            // published and monetized
	Plans                  map[string]string // uuid by name: Free, Gold, Silver, Metered
	Applications           []string
	ConnectHook, OwnerHook string // ids of its webhook endpoints
}

// Actors returns the seller's people.
func (s *Seller) System() accounts.Actor { return accounts.System(s.Tenant.ID, s.Tenant.Domain) }

// Open makes a world in which two tenants have begun to sell.
func Open(ctx context.Context, o Options) (*World, error) {
	w, err := Empty(ctx, o)
	if err != nil {
		return nil, err
	}
	p, err := w.Boot(ctx)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	defer p.Close()
	if w.A, err = w.found(ctx, p, "", "sk_test_aaaaaaaaaaaaaaaaaaaaaaaa"); err == nil {
		w.B, err = w.found(ctx, p, "twin.example", "sk_test_bbbbbbbbbbbbbbbbbbbbbbbb")
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Empty makes a world with nobody in it.
func Empty(ctx context.Context, o Options) (*World, error) {
	w := &World{Store: o.Store, Now: o.Now, Log: o.Log, cycle: cmp.Or(o.Cycle, "month"), Traffic: &Traffic{made: map[usage.CallID]Made{}}, readings: map[string]theirs{}}
	var err error
	if w.Store == nil {
		if w.Store, err = NewStore(ctx); err != nil {
			return nil, err
		}
	}
	nobody := &http.Client{Transport: refusing{}}
	settings := sandbox.DefaultSettings()
	settings.UsageDelay = int(o.Counting.Seconds())
	w.Stripe, err = sandbox.Open(ctx, sandbox.Options{
		Path: ":memory:", BaseURL: Host, Wall: clock.NewWall(o.Now), Rand: o.Rand, HoldWebhooks: true, Senders: 1, Client: nobody, Defaults: &settings,
	})
	if err != nil {
		return nil, errors.Join(err, w.Store.Close())
	}
	w.http = &http.Client{Transport: w.Stripe.Transport()}
	w.Line = NewLine(w.Stripe.Transport(), w.Store, o.Now)
	w.Line.Owner = w.owner
	return w, nil
}

// refusing sends nothing.
type refusing struct{}

// RoundTrip implements http.RoundTripper.
func (refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("simulate: the sandbox sent something to %s", r.URL)
}

// owner says whose a key and an account are.
func (w *World) owner(key, account string) string {
	for _, s := range []*Seller{w.A, w.B} {
		if s != nil && s.Key == key {
			if account == "" || account == s.Account {
				return s.Tenant.Domain
			}
			return ""
		}
	}
	return "somebody new"
}

// Close ends everything.
func (w *World) Close() error { return errors.Join(w.Stripe.Close(), w.Store.Close()) }

// A Copy is everything in a World in memory at one moment.
type Copy struct {
	rows   []byte
	stripe sandbox.Snapshot
	a, b   *Seller
	calls  map[usage.CallID]Made
	keys   map[string]used
}

// Copy returns a copy of all there is.
func (w *World) Copy(ctx context.Context) (c Copy, err error) {
	if c.rows, err = w.Store.Copy(); err != nil {
		return c, err
	}
	c.stripe, err = w.Stripe.Snapshot(ctx)
	c.a, c.b, c.calls, c.keys = w.A, w.B, w.Traffic.copy(), w.Line.used()
	return c, err
}

// Load makes w what the copy is of. Programs that run on w have to be started anew.
func (w *World) Load(ctx context.Context, c Copy) error {
	w.A, w.B = c.a, c.b
	w.Traffic.load(c.calls)
	w.Line.reuse(c.keys)
	return errors.Join(w.Store.Load(c.rows), w.Stripe.Restore(ctx, c.stripe))
}

// found makes a tenant that sells.
func (w *World) found(ctx context.Context, p *Program, domain, key string) (*Seller, error) {
	s := &Seller{Key: key, Plans: map[string]string{}}
	var err error
	if domain == "" {
		s.Tenant, err = p.Tenants.Bootstrap(ctx, "Acme")
	} else {
		s.Tenant, err = p.Tenants.Create(ctx, accounts.System(models.SuperTenant, models.SuperDomain), domain, "Twin")
	}
	if err == nil {
		err = p.Tenants.ConfigureStripeKey(ctx, s.Tenant, key)
	}
	for _, step := range []func(context.Context, *Program, *Seller) error{w.people, w.account, w.hooks, w.plans, w.api, w.applications} {
		if err == nil {
			err = step(ctx, p, s)
		}
	}
	return s, err
}

func (w *World) people(ctx context.Context, p *Program, s *Seller) error {
	for _, one := range []struct {
		name string
		role accounts.Role
		who  *accounts.Actor
	}{{"mara", accounts.Admin, &s.Admin}, {"nils", accounts.Publisher, &s.Publisher}, {"ada", accounts.Subscriber, &s.Ada}} {
		made, err := p.People.Create(ctx, s.System(), accounts.PersonInput{
			Username: one.name, Email: one.name + "@people.example", DisplayName: strings.ToUpper(one.name), Roles: []accounts.Role{one.role},
		})
		if err != nil {
			return err
		}
		*one.who = accounts.Actor{Tenant: s.Tenant.ID, Domain: s.Tenant.Domain, Person: made.ID, Username: made.Username, Name: made.DisplayName,
			Email: made.Email, Roles: []accounts.Role{one.role}}
	}
	return nil
}

// account opens the publisher's account at Stripe and fills in its form.
func (w *World) account(ctx context.Context, _ *Program, s *Seller) error {
	made, err := w.Ask(ctx, s, "", "POST /v1/accounts", url.Values{"type": {"standard"}, "country": {"US"}})
	if err != nil {
		return err
	}
	s.Account = made.Text("id")
	link, err := w.Ask(ctx, s, "", "POST /v1/account_links", url.Values{"account": {s.Account}, "type": {"account_onboarding"},
		"refresh_url": {PortalHost + "/a"}, "return_url": {PortalHost + "/b"}})
	if err != nil {
		return err
	}
	return w.Page(ctx, link.Text("url"), url.Values{"name": {"Northwind"}})
}

func (w *World) hooks(ctx context.Context, p *Program, s *Seller) error {
	_ = p.Registrar.RegisterWebhooks(ctx, s.System(), PortalHost, 0) // nobody waits for it
	if _, err := p.Runner.RunOnce(ctx); err != nil {
		return err
	}
	hooks, err := p.Tenants.Hooks(ctx, s.System())
	if err != nil {
		return err
	}
	for _, h := range hooks {
		if h.Scope == accounts.ScopeConnect {
			s.ConnectHook = h.StripeID
		} else {
			s.OwnerHook = h.StripeID
		}
	}
	if s.ConnectHook == "" || s.OwnerHook == "" {
		return errors.New("simulate: the webhooks are not registered")
	}
	return nil
}

func (w *World) plans(ctx context.Context, p *Program, s *Seller) error {
	paid := func(name, price, model string) catalog.PlanInput {
		return catalog.PlanInput{Name: name, BillingPlan: models.PlanCommercial, Model: model, Price: price, Currency: "usd", Cycle: w.cycle, RateLimit: "100"}
	}
	for _, in := range []catalog.PlanInput{
		{Name: "Free", BillingPlan: models.PlanFree}, paid("Gold", "49.00", models.FixedRate), paid("Silver", "9.00", models.FixedRate),
		paid("Metered", "0.001", models.DynamicRate),
	} {
		saved, err := p.Catalog.CreatePlan(ctx, s.Admin, in)
		if err != nil {
			return err
		}
		s.Plans[in.Name] = saved.UUID
	}
	_, err := p.Runner.RunOnce(ctx)
	return err
}

func (w *World) api(ctx context.Context, p *Program, s *Seller) error {
	saved, err := p.Catalog.CreateAPI(ctx, s.Publisher, models.TypeAPI, catalog.APIInput{Name: "Weather", Version: "v1", Context: "weather", Upstream: "demo:weather"})
	if err != nil {
		return err
	}
	s.API = saved.UUID
	plans := []string{s.Plans["Free"], s.Plans["Gold"], s.Plans["Silver"], s.Plans["Metered"]}
	if _, err := p.Catalog.OfferPlans(ctx, s.Publisher, s.API, saved.Version, plans); err != nil {
		return err
	}
	if err := p.Catalog.PublishAPI(ctx, s.Publisher, s.API); err != nil {
		return err
	}
	if _, err := p.Sales.Monetize(ctx, s.Publisher, s.API, billing.MonetizeInput{Enabled: true, Properties: map[string]string{billing.ConnectedAccountKey: s.Account}}); err != nil {
		return err
	}
	_, err = p.Runner.RunOnce(ctx)
	return err
}

func (w *World) applications(ctx context.Context, p *Program, s *Seller) error {
	for _, name := range []string{"Phone app", "Web shop", "Report"} {
		a, err := p.Applications.Create(ctx, s.Ada, accounts.ApplicationInput{Name: name})
		if err != nil {
			return err
		}
		s.Applications = append(s.Applications, a.UUID)
	}
	return nil
}

// A Doc is an object as Stripe sends it.
type Doc map[string]any

// At returns what is at a path of names and numbers, such as "items.data.0.id".
func (d Doc) At(path string) any {
	var at any = map[string]any(d)
	for name := range strings.SplitSeq(path, ".") {
		switch in := at.(type) {
		case map[string]any:
			at = in[name]
		case []any:
			i := 0
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(in) {
				return nil
			}
			at = in[i]
		default:
			return nil
		}
	}
	return at
}

// Text is At as text, "" when there is none.
func (d Doc) Text(path string) string { text, _ := d.At(path).(string); return text }

// Time is At as a time, zero when there is none.
func (d Doc) Time(path string) time.Time {
	seconds, ok := d.At(path).(float64)
	if !ok {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// List is At as objects.
func (d Doc) List(path string) (docs []Doc) {
	all, _ := d.At(path).([]any)
	for _, one := range all {
		if doc, ok := one.(map[string]any); ok {
			docs = append(docs, doc)
		}
	}
	return docs
}

// Ask is a request to Stripe by somebody else than a program of ours: a buyer at a
// hosted page, a publisher in the dashboard, or a test that looks. what is method
// and path.
func (w *World) Ask(ctx context.Context, s *Seller, account, what string, form url.Values) (Doc, error) {
	method, path, _ := strings.Cut(what, " ")
	target, body := Host+path, ""
	if method == http.MethodGet && len(form) > 0 {
		target += "?" + form.Encode()
	} else {
		body = form.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+s.Key)
	if account != "" {
		r.Header.Set("Stripe-Account", account)
	}
	answer, err := w.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var out Doc
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if answer.StatusCode != http.StatusOK {
		return out, fmt.Errorf("%s: %d %s", what, answer.StatusCode, out.Text("error.message"))
	}
	return out, nil
}

// Page sends a form of one of Stripe's pages.
func (w *World) Page(ctx context.Context, target string, form url.Values) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{Transport: w.http.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("%s: %d %s", target, answer.StatusCode, text)
	}
	return nil
}
