package accounts_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/vault"
	"tollgate/models"
)

// A world is two tenants with people of the same names, and a clock that tests move.
type world struct {
	db       *bun.DB
	mu       sync.Mutex
	now      time.Time
	wall     clock.Wall
	people   *accounts.People
	sessions *accounts.Sessions
	tenants  *accounts.Tenants
	apps     *accounts.Applications
	linked   *accounts.ConnectedAccounts
	audit    *accounts.AuditTrail
	stripe   *stripe
	us, them accounts.Actor // this program, for either tenant
}

// stripe stands for Stripe: it knows which account a key opens.
type stripe struct {
	opens map[string]accounts.PlatformAccount
	err   error
	asked int
}

func (s *stripe) CheckKey(_ context.Context, key string) (accounts.PlatformAccount, error) {
	s.asked++
	if s.err != nil {
		return accounts.PlatformAccount{}, s.err
	}
	a, ok := s.opens[key]
	if !ok {
		return a, fault.New(fault.Forbidden, "Invalid API Key provided.")
	}
	return a, nil
}

func setup(t *testing.T, db *bun.DB) *world {
	t.Helper()
	w := &world{db: db, now: time.Date(2026, 12, 8, 14, 32, 0, 0, time.UTC), stripe: &stripe{opens: map[string]accounts.PlatformAccount{}}}
	w.wall = clock.NewWall(func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.now
	})
	v, err := vault.Open([]byte("0123456789abcdef0123456789abcdef"))
	must(t, err)
	w.people = &accounts.People{DB: db, Wall: w.wall}
	w.sessions = &accounts.Sessions{DB: db, Wall: w.wall}
	w.tenants = &accounts.Tenants{DB: db, Wall: w.wall, Vault: v, Mode: "test", Stripe: w.stripe}
	w.apps = &accounts.Applications{DB: db, Wall: w.wall}
	w.linked = &accounts.ConnectedAccounts{DB: db, Wall: w.wall}
	w.audit = &accounts.AuditTrail{DB: db}
	w.us = accounts.System(models.SuperTenant, models.SuperDomain)
	_, err = w.tenants.Bootstrap(t.Context(), "Acme APIs")
	must(t, err)
	twin, err := w.tenants.Create(t.Context(), w.us, "twin.example", "Twin")
	must(t, err)
	w.them = accounts.System(twin.ID, twin.Domain)
	return w
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

const password = "correct horse battery"

// person makes a person of a tenant, with the password, and returns them signed in.
func (w *world) person(t *testing.T, tenant accounts.Actor, username string, roles ...accounts.Role) accounts.Actor {
	t.Helper()
	p, err := w.people.Create(t.Context(), tenant, accounts.PersonInput{
		Username: username, DisplayName: "The " + username, Email: username + "@example.com", Roles: roles,
	})
	must(t, err)
	must(t, w.people.SetPassword(t.Context(), tenant, p.ID, password))
	name := username
	if tenant.Tenant != models.SuperTenant {
		name += "@" + tenant.Domain
	}
	who, err := w.people.SignIn(t.Context(), accounts.Attempt{Username: name, Password: password, Address: "192.0.2.1"})
	must(t, err)
	return who
}

func (w *world) signIn(t *testing.T, username, password string) error {
	t.Helper()
	_, err := w.people.SignIn(t.Context(), accounts.Attempt{Username: username, Password: password, Address: "192.0.2.1"})
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused fails the test unless err is a fault of a kind.
func refused(t *testing.T, err error, kind fault.Kind, what string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Errorf("%s: %v, want a fault of kind %v", what, err, kind)
	}
}

// wrongAt fails the test unless err complains about a field.
func wrongAt(t *testing.T, err error, field string) {
	t.Helper()
	if f, _ := fault.FieldsOf(err); f[field] == "" {
		t.Errorf("error %v says nothing at %s", err, field)
	}
}

// together runs fn n times at once and returns how many times it did not fail.
func together(n int, fn func(i int) error) (done int, errs error) {
	var (
		mu   sync.Mutex
		wait sync.WaitGroup
	)
	for i := range n {
		wait.Go(func() {
			err := fn(i)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done++
			}
			errs = errors.Join(errs, err)
		})
	}
	wait.Wait()
	return done, errs
}

// deeds returns what the audit of a tenant has, newest first.
func (w *world) deeds(t *testing.T, who accounts.Actor) []string {
	t.Helper()
	page, err := w.audit.Page(t.Context(), who, "", 100)
	must(t, err)
	var deeds []string
	for _, row := range page.Rows {
		deeds = append(deeds, row.Action)
	}
	return deeds
}
