package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82"
	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/config"
	"tollgate/internal/demo"
	"tollgate/models"
	"tollgate/notices"
	"tollgate/web/session"
)

// house starts the program with its insides at hand. It ends with the test.
func house(t *testing.T, more ...string) *server {
	t.Helper()
	env := settings(t.TempDir(), more...)
	cfg, err := config.Read(config.Options{}, func(name string) string { return env[name] })
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	ctx, stop := context.WithCancel(context.Background())
	data, err := openStore(ctx, cfg, log, true)
	must(t, err)
	out := &printout{}
	s := &server{store: data, log: log, out: out}
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the program ended with: %v", err)
		}
		s.wait.Wait()
		data.close()
	})
	await(t, "the program starts", func() bool { return first(saidAccount, out.String()) != "" })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("it does not happen: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A side is one tenant with its people and everything they own.
type side struct {
	domain string
	people map[string]*guest // by username; publisher2 and subscriber2 own nothing
	have   map[string]string // ids of what the others own, by what it is
}

// A guest is somebody signed in, sending requests.
type guest struct {
	base, cookie, token string
	public              string // names the session, opens nothing
	actor               accounts.Actor
}

func (s *server) guest(t *testing.T, who accounts.Actor) *guest {
	t.Helper()
	id, row, err := s.parts.deps.Sessions.Begin(t.Context(), who, nil, accounts.Browser{}, "")
	must(t, err)
	return &guest{base: s.portalURL, cookie: id, token: session.TokenOf(id), public: row.PublicID, actor: who}
}

// A reply is everything that somebody learns from a response.
type reply struct {
	status int
	text   string
}

// ask sends a request, and takes from the answer what says nothing: the ids that
// were sent, and the request's own.
func (g *guest) ask(t *testing.T, method, accept, path string, form url.Values, sent ...string) reply {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		form = maps.Clone(form)
		if form == nil {
			form = url.Values{}
		}
		form.Set("form_token", g.token)
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, g.base+path, body)
	must(t, err)
	r.Header.Set("Accept", accept)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "tollgate", Value: g.cookie})
	answer, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	var head strings.Builder
	for _, name := range slices.Sorted(maps.Keys(answer.Header)) {
		if name != "Date" && name != "Content-Length" {
			fmt.Fprintf(&head, "%s: %s\n", name, answer.Header[name])
		}
	}
	known := []string{answer.Header.Get("X-Request-Id"), "REQUEST"}
	for _, id := range sent {
		known = append(known, id, "ID")
	}
	return reply{answer.StatusCode, strings.NewReplacer(known...).Replace(head.String() + string(text))}
}

// neighbours are two tenants on one server, each with a shop, somebody who bought
// there, and others in the same roles.
func neighbours(t *testing.T) (*server, []*side) {
	t.Helper()
	s := house(t)
	d, us := s.parts.deps, accounts.System(s.tenant.ID, s.tenant.Domain)
	rival, err := d.Tenants.Create(t.Context(), us, "rival.example", "Rival")
	must(t, err)
	them := accounts.System(rival.ID, rival.Domain)
	key := "sk_test_" + rand.Text()
	must(t, d.Tenants.SaveStripeKey(t.Context(), them, key))
	account, err := s.openDemoAccount(t.Context(), stripe.NewClient(key, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{URL: &s.sandboxURL}))))
	must(t, err)
	must(t, demo.Make(t.Context(), demo.Stage{Tenant: rival, People: d.People, Catalog: d.Catalog, Applications: d.Applications, Sales: d.Sales, Account: account}))
	return s, []*side{s.furnish(t, us, ""), s.furnish(t, them, "@rival.example")}
}

// furnish adds to a tenant with the demo's data what else has an id.
func (s *server) furnish(t *testing.T, us accounts.Actor, at string) *side {
	t.Helper()
	d, out := s.parts.deps, &side{domain: us.Domain, people: map[string]*guest{}, have: map[string]string{}}
	for _, role := range []accounts.Role{accounts.Publisher, accounts.Subscriber} {
		p, err := d.People.Create(t.Context(), us, accounts.PersonInput{Username: string(role) + "2", DisplayName: "Another", Roles: []accounts.Role{role}})
		must(t, err)
		must(t, d.People.SetPassword(t.Context(), us, p.ID, demo.Password))
	}
	for _, name := range []string{"admin", "publisher", "subscriber", "publisher2", "subscriber2"} {
		who, err := d.People.SignIn(t.Context(), accounts.Attempt{Username: name + at, Password: demo.Password, Address: "192.0.2.1"})
		must(t, err)
		out.people[name] = s.guest(t, who)
	}
	s.shop(t, out)
	s.purchases(t, out)
	s.papers(t, us, out)
	return out
}

// shop notes what admin and publisher have.
func (s *server) shop(t *testing.T, out *side) {
	t.Helper()
	d, admin, seller := s.parts.deps, out.people["admin"].actor, out.people["publisher"].actor
	plans, err := d.Catalog.Plans(t.Context(), admin)
	must(t, err)
	for _, p := range plans {
		out.have["plan "+p.Policy.DisplayName] = p.Policy.UUID
		out.have["version of plan "+p.Policy.DisplayName] = fmt.Sprint(p.Policy.Version)
	}
	for _, kind := range []string{models.TypeAPI, models.TypeProduct} {
		own, err := d.Catalog.OwnAPIs(t.Context(), seller, kind)
		must(t, err)
		for _, a := range own {
			out.have["api "+a.API.Name] = a.API.UUID
			out.have["version of api "+a.API.Name] = fmt.Sprint(a.API.Version)
		}
	}
	linked, err := d.Accounts.Mine(t.Context(), seller)
	must(t, err)
	out.have["account"], out.have["stripe account"] = linked[0].ID, linked[0].StripeAccount
}

// purchases makes a subscription that is paid, one that waits, and a free one.
func (s *server) purchases(t *testing.T, out *side) {
	t.Helper()
	d, buyer := s.parts.deps, out.people["subscriber"].actor
	apps, err := d.Applications.List(t.Context(), buyer)
	must(t, err)
	out.have["application"] = apps[0].UUID
	key, _, err := d.Keys.Create(t.Context(), buyer, apps[0].UUID, accounts.KeyInput{Name: "Key", Type: accounts.ProductionKey})
	must(t, err)
	out.have["key"] = key.ID
	for what, of := range map[string][2]string{"paid": {"City Weather", "Basic"}, "waiting": {"Travel bundle", "Basic"}, "free": {"Geocoding", "Free"}} {
		made, err := d.Subscriptions.Subscribe(t.Context(), buyer, billing.SubscribeInput{
			Application: apps[0].UUID, API: out.have["api "+of[0]], Policy: out.have["plan "+of[1]]})
		must(t, err)
		out.have[what] = made.UUID
		if sessions, err := models.CheckoutSessionsOf(t.Context(), s.db, made.ID); err == nil && len(sessions) > 0 {
			out.have["checkout of "+what] = sessions[0].SessionID
		}
	}
	to, err := d.Subscriptions.CheckoutURL(t.Context(), buyer, out.have["paid"])
	must(t, err)
	answer, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).PostForm(to, url.Values{
		"email": {"ada@byron.example"}, "number": {"4242424242424242"}, "expires": {"04/35"}, "cvc": {"123"}, "name": {"Ada"}, "country": {"GB"}})
	must(t, err)
	answer.Body.Close()
	_, _, err = d.Subscriptions.CompleteSession(t.Context(), buyer, out.have["checkout of paid"])
	must(t, err)
	await(t, "the invoice arrives", func() bool {
		sheet, err := d.Subscriptions.Invoices(t.Context(), buyer, out.have["paid"])
		must(t, err)
		if sheet.Current != nil {
			out.have["invoice"] = sheet.Current.ID
		}
		return sheet.Current != nil
	})
}

// papers adds an event and failed work, and notes a person and a session.
func (s *server) papers(t *testing.T, us accounts.Actor, out *side) {
	t.Helper()
	now := models.At(s.wall.Now())
	out.have["event"], out.have["work"] = "evt_"+rand.Text(), models.NewID()
	_, err := models.InsertStripeEvent(t.Context(), s.db, models.StripeEvent{TenantID: us.Tenant, ID: out.have["event"], Account: out.have["stripe account"],
		Type: "account.updated", ObjectType: "account", ObjectID: out.have["stripe account"], Source: "webhook", State: models.EventFailed, Outcome: "No.", CreatedAt: now, ReceivedAt: now})
	must(t, err)
	must(t, models.InsertJob(t.Context(), s.db, models.Job{ID: out.have["work"], TenantID: us.Tenant, Kind: "billing.sync_object", Subject: "object/" + out.have["work"],
		Task: "{}", State: models.JobFailed, RunAt: now, CreatedAt: now, FirstTriedAt: now, DoneAt: now, Problem: "No."}))
	paid, err := models.SubscriptionByUUID(t.Context(), s.db, us.Tenant, out.have["paid"])
	must(t, err)
	out.have["incident"] = "sub_" + rand.Text()
	_, err = models.InsertIncident(t.Context(), s.db, models.PaymentIncident{Account: out.have["stripe account"], ID: out.have["incident"], TenantID: us.Tenant,
		AMSubscriptionID: paid.ID, Kind: models.IncidentDuplicate, Status: "refunded", Settled: true, AmountMinor: 900, Currency: "usd", CreatedAt: now, UpdatedAt: now})
	must(t, err)
	s.waits(t, us, out, paid)
	out.have["person"] = out.people["subscriber"].actor.Person
	must(t, models.InTx(t.Context(), s.db, func(ctx context.Context, tx bun.Tx) error {
		return s.parts.deps.Notices.Tell(ctx, tx, us.Tenant, notices.Notice{Person: out.have["person"], Kind: notices.PaymentNeeded, Subject: "Pay", Body: "Pay."})
	}))
	told, err := s.parts.deps.Notices.Mine(t.Context(), us.Tenant, out.have["person"], "", 1)
	must(t, err)
	out.have["notice"] = told.Rows[0].ID
	out.have["session"] = out.people["subscriber"].public
	for _, role := range []string{"publisher", "subscriber"} {
		id := models.NewID()
		must(t, models.InTx(t.Context(), s.db, func(ctx context.Context, tx bun.Tx) error {
			return models.InsertEnding(ctx, tx, models.Ending{ID: id, TenantID: us.Tenant, Kind: models.EndOfSubscription, ObjectID: out.have["free"], How: models.EndsNow,
				Actor: out.people[role].actor.Person, ActorRole: role, AskedAt: now}, nil)
		}))
		out.have["ending by "+role] = id
	}
}

// waits adds what waits for an admin to decide: a window that Stripe refused, and a
// credential of another gateway.
func (s *server) waits(t *testing.T, us accounts.Actor, out *side, paid models.Subscription) {
	t.Helper()
	now := models.At(s.wall.Now())
	out.have["window"] = models.NewID()
	start := models.HourOf(now)
	must(t, models.InsertWindow(t.Context(), s.db, models.UsageWindow{ID: out.have["window"], TenantID: us.Tenant, SubscriptionID: paid.ID, PolicyID: paid.PolicyID, APIID: paid.APIID,
		Account: out.have["stripe account"], Start: start, End: start + 1000, Identifier: out.have["window"], EventAt: start, State: models.WindowRefused, Open: new(int64(1)), SealedAt: now, NextTryAt: now}))
	made, _, err := s.parts.credentials.Create(t.Context(), us, "Edge")
	must(t, err)
	out.have["gateway credential"] = made.ID
}
