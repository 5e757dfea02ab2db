package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/internal/config"
	"tollgate/internal/demo"
	"tollgate/internal/fault"
	"tollgate/models"
)

// kept is how long done work and old sign-ins stay.
const kept = 90 * 24 * time.Hour

// keepHouse forgets what nobody needs any more.
func (s *server) keepHouse(ctx context.Context) (time.Time, error) {
	now := s.wall.Now()
	return now.Add(time.Hour), errors.Join(models.DeleteDoneJobs(ctx, s.db, models.At(now.Add(-kept))), s.parts.deps.Notices.Forget(ctx))
}

// prepare brings what lives at Stripe into the state that the configuration asks
// for. When Stripe does not answer, the portal runs all the same, and it is tried
// again.
func (s *server) prepare(ctx context.Context) error {
	if !s.cfg.Parts[config.PartPortal] {
		return nil
	}
	err := s.settle(ctx)
	if err == nil || ctx.Err() != nil {
		return nil
	}
	s.log.Warn("Stripe is not settled yet; it is tried again", "error", told(err))
	s.wait.Go(func() { s.settleLater(ctx) })
	return nil
}

// told is what people are to read of an error.
func told(err error) string {
	if text := fault.Message(err); text != "" {
		return text
	}
	return err.Error()
}

func (s *server) settleLater(ctx context.Context) {
	const again = 30 * time.Second
	for {
		t := time.NewTimer(again)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		err := s.settle(ctx)
		if err == nil {
			s.log.Warn("Stripe is settled now")
			return
		}
		s.log.Warn("Stripe is not settled yet; it is tried again", "error", told(err))
	}
}

// settle keeps the key that the configuration gives; in sandbox mode it also makes
// one, registers the webhooks, follows the clock and makes the demo.
func (s *server) settle(ctx context.Context) error {
	if err := s.settleKey(ctx); err != nil || s.cfg.Mode != config.Sandbox {
		return err
	}
	if err := s.parts.clock.register(ctx); err != nil {
		return err
	}
	if err := s.settleHooks(ctx); err != nil {
		return err
	}
	if !s.demo() {
		return nil
	}
	account, err := s.demoAccount(ctx)
	if err != nil {
		return err
	}
	tenant, err := s.tenants.ByID(ctx, s.tenant.ID)
	if err != nil {
		return err
	}
	d := s.parts.deps
	return demo.Make(ctx, demo.Stage{Tenant: tenant, People: d.People, Catalog: d.Catalog, Applications: d.Applications, Sales: d.Sales, Account: account})
}

func (s *server) settleKey(ctx context.Context) error {
	key := s.cfg.StripeKey.Reveal()
	if key == "" && s.cfg.Mode == config.Sandbox {
		_, err := s.tenants.StripeKey(ctx, s.tenant.ID)
		if err == nil || fault.KindOf(err) != fault.Unavailable {
			return err
		}
		random := make([]byte, 16)
		_, _ = rand.Read(random) // never fails
		key = "sk_test_" + hex.EncodeToString(random)
	}
	if key == "" {
		return nil
	}
	return s.tenants.ConfigureStripeKey(ctx, s.tenant, key)
}

// settleHooks has the sandbox tell us what happens, at our present address.
func (s *server) settleHooks(ctx context.Context) error {
	us := accounts.System(s.tenant.ID, s.tenant.Domain)
	hooks, err := s.tenants.Hooks(ctx, us)
	if err != nil {
		return err
	}
	registered := 0
	for _, h := range hooks {
		if h.StripeID != "" && strings.HasPrefix(h.URL, s.portalURL+"/") {
			registered++
		}
	}
	if registered == 2 {
		return nil
	}
	return s.parts.deps.Registrar.RegisterWebhooks(ctx, us, s.portalURL, 2*patience)
}

// demoMark is the metadata that says that an account is the demo's.
const demoMark = "tollgate_demo"

// demoAccount returns the demo publisher's account at the sandbox, made and set up
// the way a publisher would do it.
func (s *server) demoAccount(ctx context.Context) (string, error) {
	key, err := s.tenants.StripeKey(ctx, s.tenant.ID)
	if err != nil {
		return "", err
	}
	api := stripe.NewClient(key, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(s.sandboxURL), EnableTelemetry: stripe.Bool(false), LeveledLogger: &stripe.LeveledLogger{},
	})))
	for a, err := range api.V1Accounts.List(ctx, &stripe.AccountListParams{}) {
		if err != nil {
			return "", err
		}
		if a.Metadata[demoMark] != "" && a.ChargesEnabled {
			return a.ID, nil
		}
	}
	return s.openDemoAccount(ctx, api)
}

func (s *server) openDemoAccount(ctx context.Context, api *stripe.Client) (string, error) {
	in := &stripe.AccountCreateParams{Type: stripe.String("standard"), Country: stripe.String("GB"), Email: stripe.String("nils@northwind.example")}
	in.AddMetadata(demoMark, "1")
	in.SetIdempotencyKey("demo account " + s.installation.InstallationID)
	a, err := api.V1Accounts.Create(ctx, in)
	if err != nil {
		return "", err
	}
	link := &stripe.AccountLinkCreateParams{Account: &a.ID, Type: stripe.String("account_onboarding"),
		RefreshURL: stripe.String(s.portalURL + "/publisher/accounts"), ReturnURL: stripe.String(s.portalURL + "/publisher/accounts")}
	link.SetIdempotencyKey("demo onboarding " + rand.Text())
	l, err := api.V1AccountLinks.Create(ctx, link)
	if err != nil {
		return "", err
	}
	return a.ID, onboard(ctx, l.URL)
}

// onboard fills in the form that an account link leads to.
func onboard(ctx context.Context, link string) error {
	form := strings.NewReader(url.Values{"name": {"Northwind Weather"}}.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, link, form)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	once := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := once.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		return errors.New("the sandbox did not set up the demo's account: " + answer.Status)
	}
	return nil
}

// greet says where everything is, and how to sign in.
func (s *server) greet(ctx context.Context) {
	var b strings.Builder
	fmt.Fprintf(&b, "Tollgate runs in %s mode.", s.cfg.Mode)
	if s.cfg.Mode != config.Live {
		b.WriteString(" No money moves.")
	}
	b.WriteString("\n\n")
	if s.portal != nil {
		for _, p := range []string{"admin", "publisher", "devportal"} {
			fmt.Fprintf(&b, "  %-10s %s/%s\n", p, s.portalURL, p)
		}
	}
	if s.gateway != nil {
		fmt.Fprintf(&b, "  %-10s %s\n", "gateway", s.gatewayURL)
	}
	if s.sandbox != nil {
		fmt.Fprintf(&b, "  %-10s %s\n", "sandbox", s.sandboxURL)
	}
	fmt.Fprintf(&b, "  %-10s %s\n", "data", s.home())
	if s.portal != nil {
		s.greetPeople(ctx, &b)
	}
	_, _ = s.out.Write([]byte(b.String() + "\n")) // nobody may be reading
}

func (s *server) greetPeople(ctx context.Context, b *strings.Builder) {
	if s.demo() {
		fmt.Fprintf(b, "\nSign in as admin, publisher or subscriber; the password is %s.\n", demo.Password)
		if account, err := s.demoAccount(ctx); err == nil {
			fmt.Fprintf(b, "The demo publisher's account at the sandbox's Stripe is %s.\n", account)
		}
		return
	}
	link, err := s.firstAdmin(ctx)
	if err != nil {
		s.log.Error("the first admin could not be made", "error", err)
	}
	if link != "" {
		fmt.Fprintf(b, "\nNobody can sign in yet. Set the password of the first admin here, within a day:\n  %s\n", link)
	}
}

// firstAdmin returns the link with which the first admin sets a password, "" once
// there is an admin who has one.
func (s *server) firstAdmin(ctx context.Context) (string, error) {
	us := accounts.System(s.tenant.ID, s.tenant.Domain)
	page, err := s.people.List(ctx, us, models.PeopleFilter{Role: string(accounts.Admin)}, 100)
	if err != nil {
		return "", err
	}
	for _, p := range page.People {
		if p.PasswordHash != "" && p.Active() {
			return "", nil
		}
	}
	if len(page.People) > 0 {
		return s.link(ctx, us, page.People[0].ID)
	}
	p, err := s.people.Create(ctx, us, accounts.PersonInput{Username: "admin", DisplayName: "Admin", Roles: []accounts.Role{accounts.Admin}})
	if err != nil {
		return "", err
	}
	return s.link(ctx, us, p.ID)
}

func (s *server) link(ctx context.Context, us accounts.Actor, person string) (string, error) {
	token, err := s.people.NewLink(ctx, us, person)
	return s.portalURL + "/account/link/" + token, err
}
