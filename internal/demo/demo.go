// Package demo makes the demo's data, through the same doors as everybody: people,
// plans, APIs on sale, an application. It finds what an earlier run has made, so
// that a run that was cut off is simply gone on with.
package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
)

// Password is everybody's in the demo.
const Password = "demo"

// A Stage is what the demo is played on.
type Stage struct {
	Tenant       models.Tenant
	People       *accounts.People
	Catalog      *catalog.Service
	Applications *accounts.Applications
	Sales        *billing.Sales
	Account      string // the publisher's account at Stripe, able to charge
}

// person is one of the demo's people. The username is the role's.
type person struct {
	role                      accounts.Role
	name, email, organization string
}

var cast = []person{
	{accounts.Admin, "Mara Quist", "mara@acme.example", "Acme APIs"},
	{accounts.Publisher, "Nils Holm", "nils@northwind.example", "Northwind Weather"},
	{accounts.Subscriber, "Ada Byron", "ada@byron.example", ""},
}

// plans of the demo. Their names leave the obvious ones to whoever tries it out.
var plans = []catalog.PlanInput{
	{Name: "Free", Description: "Try every endpoint. No card required.", BillingPlan: models.PlanFree,
		Quota: "1000", UnitTime: "1", TimeUnit: "month", RateLimit: "10", RateLimitUnit: "min", StopOnQuota: true},
	{Name: "Basic", Description: "One price, however much you call.", BillingPlan: models.PlanCommercial, Model: models.FixedRate,
		Price: "9.00", Currency: "usd", Cycle: "month", RateLimit: "100", RateLimitUnit: "min"},
	{Name: "Flex", Description: "Pay for answered calls, at the end of each month.", BillingPlan: models.PlanCommercial, Model: models.DynamicRate,
		Price: "0.001", Currency: "usd", Cycle: "month", RateLimit: "600", RateLimitUnit: "min"},
}

// An offer is one of the demo's APIs and what it is sold by.
type offer struct {
	kind  string
	in    catalog.APIInput
	of    []string // members of a product, by name
	plans []string
	paid  bool
}

var offers = []offer{
	{kind: models.TypeAPI, plans: []string{"Free", "Basic", "Flex"}, paid: true, in: catalog.APIInput{Name: "City Weather", Version: "v1", Context: "city-weather",
		Upstream: "demo:weather", Description: "Weather now and for the next ten days, for fifty cities."}},
	{kind: models.TypeAPI, plans: []string{"Free"}, in: catalog.APIInput{Name: "Geocoding", Version: "v1", Context: "geocoding",
		Upstream: "demo:geocoding", Description: "Names to places, and places to names."}},
	{kind: models.TypeProduct, of: []string{"City Weather", "Geocoding"}, plans: []string{"Basic"}, paid: true, in: catalog.APIInput{Name: "Travel bundle", Version: "v1", Context: "travel",
		Description: "City Weather and Geocoding under one subscription."}},
}

// Make makes what is missing of the demo.
func Make(ctx context.Context, s Stage) error {
	who, err := s.people(ctx)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	uuids, err := s.plans(ctx, who[accounts.Admin])
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := s.apis(ctx, who[accounts.Publisher], uuids); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := s.application(ctx, who[accounts.Subscriber]); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// people returns the demo's people as actors, by role.
func (s Stage) people(ctx context.Context) (map[accounts.Role]accounts.Actor, error) {
	us := accounts.System(s.Tenant.ID, s.Tenant.Domain)
	there, err := s.People.List(ctx, us, models.PeopleFilter{}, 100)
	if err != nil {
		return nil, err
	}
	who := map[accounts.Role]accounts.Actor{}
	for _, p := range cast {
		found := slices.IndexFunc(there.People, func(q accounts.Person) bool { return q.Username == string(p.role) })
		var one accounts.Person
		if found >= 0 {
			one = there.People[found]
		} else if one, err = s.People.Create(ctx, us, accounts.PersonInput{
			Username: string(p.role), Email: p.email, DisplayName: p.name, Organization: p.organization, Roles: []accounts.Role{p.role},
		}); err != nil {
			return nil, err
		}
		if one.PasswordHash == "" {
			if err := s.People.SetPassword(ctx, us, one.ID, Password); err != nil {
				return nil, err
			}
		}
		who[p.role] = accounts.Actor{Tenant: s.Tenant.ID, Domain: s.Tenant.Domain, Person: one.ID, Username: one.Username,
			Name: one.DisplayName, Email: one.Email, Roles: []accounts.Role{p.role}}
	}
	return who, nil
}

// plans returns the UUIDs of the demo's plans, by name.
func (s Stage) plans(ctx context.Context, admin accounts.Actor) (map[string]string, error) {
	uuids := map[string]string{}
	there, err := s.Catalog.Plans(ctx, admin)
	if err != nil {
		return nil, err
	}
	for _, p := range there {
		uuids[p.Policy.DisplayName] = p.Policy.UUID
	}
	for _, in := range plans {
		if uuids[in.Name] != "" {
			continue
		}
		saved, err := s.Catalog.CreatePlan(ctx, admin, in)
		if err != nil {
			return nil, err
		}
		uuids[in.Name] = saved.UUID
	}
	return uuids, nil
}

func (s Stage) apis(ctx context.Context, publisher accounts.Actor, plans map[string]string) error {
	byName := map[string]string{}
	for _, o := range offers {
		own, err := s.Catalog.OwnAPIs(ctx, publisher, o.kind)
		if err != nil {
			return err
		}
		for _, a := range own {
			byName[a.API.Name] = a.API.UUID
		}
		uuid := byName[o.in.Name]
		if uuid == "" {
			if uuid, err = s.create(ctx, publisher, o, byName); err != nil {
				return err
			}
			byName[o.in.Name] = uuid
		}
		if err := s.sell(ctx, publisher, o, uuid, plans); err != nil {
			return err
		}
	}
	return nil
}

func (s Stage) create(ctx context.Context, publisher accounts.Actor, o offer, byName map[string]string) (string, error) {
	in := o.in
	for _, name := range o.of {
		in.Members = append(in.Members, byName[name])
	}
	saved, err := s.Catalog.CreateAPI(ctx, publisher, o.kind, in)
	return saved.UUID, err
}

// sell publishes an API, attaches its plans and switches monetization on, as far
// as that is not so yet. What the demo's visitors have changed stays.
func (s Stage) sell(ctx context.Context, publisher accounts.Actor, o offer, uuid string, plans map[string]string) error {
	d, err := s.Catalog.OwnAPI(ctx, publisher, uuid)
	if err != nil || d.API.Status == models.APIPublished && d.API.Monetization != models.MonetizationOff {
		return err
	}
	if d.API.Status == models.APICreated {
		var wanted []string
		for _, name := range o.plans {
			wanted = append(wanted, plans[name])
		}
		if _, err := s.Catalog.OfferPlans(ctx, publisher, uuid, d.API.Version, wanted); err != nil {
			return err
		}
		if err := s.Catalog.PublishAPI(ctx, publisher, uuid); err != nil {
			return err
		}
	} else if !o.paid || d.API.ConnectedAccountID != "" {
		return nil // somebody switched it off
	}
	if !o.paid {
		return nil
	}
	job, err := s.Sales.Monetize(ctx, publisher, uuid, billing.MonetizeInput{
		Enabled: true, Properties: map[string]string{billing.ConnectedAccountKey: s.Account},
	})
	if err != nil || job == "" {
		return err
	}
	_, problem, err := s.Sales.Await(ctx, job)
	if problem != "" {
		err = errors.Join(err, fault.New(fault.Conflict, problem))
	}
	return err
}

func (s Stage) application(ctx context.Context, subscriber accounts.Actor) error {
	own, err := s.Applications.List(ctx, subscriber)
	if err != nil || len(own) > 0 {
		return err
	}
	_, err = s.Applications.Create(ctx, subscriber, accounts.ApplicationInput{Name: "Forecast widget", Description: "Shows the weather on our home page."})
	return err
}
