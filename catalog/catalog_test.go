package catalog_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// follower notes what it is told.
type follower struct {
	mu   sync.Mutex
	told []string
}

func (f *follower) note(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, what)
}

func (f *follower) PlanSaved(_ context.Context, _ bun.Tx, p models.Policy, v *models.PriceVersion) (string, error) {
	what := "saved " + p.DisplayName
	if v != nil {
		what = "priced " + p.DisplayName
	}
	f.note(what)
	return "job", nil
}

func (f *follower) PlanWithdrawn(_ context.Context, _ bun.Tx, p models.Policy) (string, error) {
	f.note("withdrawn " + p.DisplayName)
	return "job", nil
}

func (f *follower) APIChanged(_ context.Context, _ bun.Tx, a models.API) (string, error) {
	f.note("changed " + a.Name)
	return "job", nil
}

// A shop is a tenant with an admin, two publishers and no billing provider.
type shop struct {
	*catalog.Service
	t                *testing.T
	follower         *follower
	mara, nils, olga accounts.Actor
}

func newShop(t *testing.T, db *bun.DB) *shop {
	t.Helper()
	wall := clock.NewWall(func() time.Time { return time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) })
	f := &follower{}
	s := &shop{Service: &catalog.Service{DB: db, Wall: wall, Follow: f, Demo: true}, t: t, follower: f}
	_, err := models.InsertTenant(t.Context(), db, models.Tenant{ID: 1, Domain: "acme.example", State: "active", CreatedAt: 1})
	s.must(err)
	s.mara, s.nils, s.olga = s.person("mara", accounts.Admin), s.person("nils", accounts.Publisher), s.person("olga", accounts.Publisher)
	return s
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) person(name string, role accounts.Role) accounts.Actor {
	s.t.Helper()
	p := models.Person{ID: models.NewID(), TenantID: 1, Username: name, Organization: name + " & Co", State: "active", Theme: "system"}
	_, err := s.DB.NewInsert().Model(&p).Exec(s.t.Context())
	s.must(err)
	return accounts.Actor{Tenant: 1, Domain: "acme.example", Person: p.ID, Username: name, Name: name, Roles: []accounts.Role{role}}
}

func (s *shop) plan(in catalog.PlanInput) string {
	s.t.Helper()
	saved, err := s.CreatePlan(s.t.Context(), s.mara, in)
	s.must(err)
	return saved.UUID
}

func (s *shop) api(who accounts.Actor, in catalog.APIInput) string {
	s.t.Helper()
	saved, err := s.CreateAPI(s.t.Context(), who, models.TypeAPI, in)
	s.must(err)
	return saved.UUID
}

func free(name string) catalog.PlanInput {
	return catalog.PlanInput{Name: name, BillingPlan: models.PlanFree}
}

func gold() catalog.PlanInput {
	return catalog.PlanInput{Name: "Gold", BillingPlan: models.PlanCommercial, Model: models.FixedRate, Price: "49.00", Currency: "USD", Cycle: "month"}
}

func weather() catalog.APIInput {
	return catalog.APIInput{Name: "Weather", Version: "v1", Context: "weather", Upstream: "https://weather.example.com/api", Description: "Rain and 100% sun."}
}

// at is what a person reads at a field, or over the page.
func at(err error, field string) string {
	if f, ok := fault.FieldsOf(err); ok {
		return f[field]
	}
	return fault.Message(err)
}

func TestPlanForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*catalog.PlanInput)
		field  string // "" when the form is fine
		says   string
	}{
		"as it is":             {func(*catalog.PlanInput) {}, "", ""},
		"whole amount":         {func(in *catalog.PlanInput) { in.Price = "49" }, "", ""},
		"no name":              {func(in *catalog.PlanInput) { in.Name = "  " }, "name", "Give the plan a name."},
		"only signs":           {func(in *catalog.PlanInput) { in.Name = "?!" }, "name", "letter or a digit"},
		"long name":            {func(in *catalog.PlanInput) { in.Name = strings.Repeat("x", 61) }, "name", "60"},
		"neither free nor not": {func(in *catalog.PlanInput) { in.BillingPlan = "" }, "billing_plan", "Choose"},
		"no model":             {func(in *catalog.PlanInput) { in.Model = "" }, "model", "fixed rate or a dynamic rate"},
		"comma":                {func(in *catalog.PlanInput) { in.Price = "59,0.0" }, "price", "Write the amount as 59.00, with a point and at most two decimals."},
		"three decimals":       {func(in *catalog.PlanInput) { in.Price = "0.001" }, "price", "at most two decimals"},
		"negative":             {func(in *catalog.PlanInput) { in.Price = "-1" }, "price", "Write the amount"},
		"nothing":              {func(in *catalog.PlanInput) { in.Price = "0.00" }, "price", "above zero"},
		"largest":              {func(in *catalog.PlanInput) { in.Price = "999999.99" }, "", ""},
		"too large":            {func(in *catalog.PlanInput) { in.Price = "1000000.00" }, "price", "at most 999999.99 USD"},
		"yen":                  {func(in *catalog.PlanInput) { in.Price, in.Currency = "59.5", "jpy" }, "price", "JPY has no decimals"},
		"dinar":                {func(in *catalog.PlanInput) { in.Price, in.Currency = "1.005", "kwd" }, "price", "in steps of 0.010"},
		"krona":                {func(in *catalog.PlanInput) { in.Price, in.Currency = "59.50", "isk" }, "price", "in steps of 1.00"},
		"no currency":          {func(in *catalog.PlanInput) { in.Currency = "" }, "currency", "such as USD"},
		"unknown currency":     {func(in *catalog.PlanInput) { in.Currency = "XXX" }, "currency", "such as USD"},
		"no cycle":             {func(in *catalog.PlanInput) { in.Cycle = "fortnight" }, "cycle", "billing cycle"},
		"rate":                 {func(in *catalog.PlanInput) { in.Model, in.Price = models.DynamicRate, "0.0000000001" }, "", ""},
		"rate too fine":        {func(in *catalog.PlanInput) { in.Model, in.Price = models.DynamicRate, "0.123456789012345" }, "price", "more digits than Stripe can keep"},
		"rate no number":       {func(in *catalog.PlanInput) { in.Model, in.Price = models.DynamicRate, "cheap" }, "price", "Write the price of a call as 0.002"},
		"rate of nothing":      {func(in *catalog.PlanInput) { in.Model, in.Price = models.DynamicRate, "0" }, "price", "above zero"},
		"free needs no price":  {func(in *catalog.PlanInput) { *in = free("Free") }, "", ""},
		"thousands":            {func(in *catalog.PlanInput) { in.Quota, in.RateLimit = "1,000,000", "60,000" }, "", ""},
		"no quota":             {func(in *catalog.PlanInput) { in.Quota = "many" }, "quota", "Write a whole number"},
		"dotted thousands":     {func(in *catalog.PlanInput) { in.Quota = "1.000" }, "quota", "Write a whole number"},
		"too many calls":       {func(in *catalog.PlanInput) { in.RateLimit = "1000000001" }, "rate_limit", "At most"},
		"no rate unit":         {func(in *catalog.PlanInput) { in.RateLimit, in.RateLimitUnit = "1", "year" }, "rate_limit_unit", "Choose"},
		"bandwidth":            {func(in *catalog.PlanInput) { in.QuotaType, in.Quota, in.QuotaUnit = "bandwidthVolume", "5", "PB" }, "quota_unit", "KB, MB or GB"},
		"quota of what":        {func(in *catalog.PlanInput) { in.QuotaType = "smiles" }, "quota_type", "Choose"},
		"every zero months":    {func(in *catalog.PlanInput) { in.UnitTime = "0" }, "unit_time", "above zero"},
		"no hours":             {func(in *catalog.PlanInput) { in.GraceHours = "a while" }, "grace_hours", "whole number of hours"},
		"too many hours":       {func(in *catalog.PlanInput) { in.GraceHours = "2161" }, "grace_hours", "90 days"},
		"for nobody":           {func(in *catalog.PlanInput) { in.PermissionType, in.Roles = "ALLOW", " , " }, "roles", "at least one role"},
		"attributes":           {func(in *catalog.PlanInput) { in.Attributes = "a=1\n\nb = x=y\n" }, "", ""},
		"no attribute":         {func(in *catalog.PlanInput) { in.Attributes = "just words" }, "attributes", "name=value"},
		"attribute twice":      {func(in *catalog.PlanInput) { in.Attributes = "a=1\na=2" }, "attributes", "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := gold()
			c.change(&in)
			err := in.Validate()
			if c.field == "" && err != nil {
				t.Error(err)
			}
			if got := at(err, c.field); c.field != "" && !strings.Contains(got, c.says) {
				t.Errorf("%v, want %q at %s", err, c.says, c.field)
			}
		})
	}
}

func TestAPlanKeepsEverythingThatIsSaid(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := newShop(t, db)
		in := catalog.PlanInput{
			Name: "  Pay as  you go ", Description: "Naïve ☂", BillingPlan: models.PlanCommercial, Model: models.DynamicRate,
			Price: "0.0020", Currency: "EUR", Cycle: "week", GraceHours: "36", QuotaType: "aiApiQuota", Quota: "10,000", UnitTime: "2", TimeUnit: "day",
			RateLimit: "5", RateLimitUnit: "sec", StopOnQuota: true, TotalTokens: "1", PromptTokens: "2", CompletionTokens: "3",
			MaxComplexity: "4", MaxDepth: "5", Connections: "6", PermissionType: "DENY", Roles: "guest,  Internal/subscriber", Attributes: "a=1",
		}
		p, err := s.Plan(t.Context(), s.mara, s.plan(in))
		s.must(err)
		got := p.Policy
		if got.DisplayName != "Pay as you go" || got.Name != "Pay-as-you-go" || got.Description != "Naïve ☂" || got.PricePerRequest != "0.002" ||
			got.FixedRate != "" || got.Currency != "eur" || got.BillingCycle != "week" || got.MonetizationPlan != models.DynamicRate {
			t.Errorf("words and price = %+v", got)
		}
		if got.GraceHours == nil || *got.GraceHours != 36 {
			t.Errorf("grace = %v", got.GraceHours)
		}
		if got.Quota != 10_000 || got.UnitTime != 2 || got.TimeUnit != "day" || got.RateLimitCount != 5 || got.RateLimitTimeUnit != "sec" || !got.StopOnQuotaReach ||
			got.TotalTokenCount != 1 || got.PromptTokenCount != 2 || got.CompletionTokenCount != 3 || got.MaxComplexity != 4 || got.MaxDepth != 5 || got.ConnectionsCount != 6 {
			t.Errorf("limits = %+v", got)
		}
		if got.PermissionType != "DENY" || len(got.PermissionRoles) != 2 || got.PermissionRoles[1] != "Internal/subscriber" || got.CustomAttributes["a"] != "1" {
			t.Errorf("permissions and attributes = %+v", got)
		}
		if p.Price.String() != "0.002 EUR a call" || p.Price.Number != 1 {
			t.Errorf("price = %v, version %d", p.Price, p.Price.Number)
		}
	})
}

func TestOnlyAnotherPriceIsANewVersion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change   func(*catalog.PlanInput)
		versions int
		told     string
	}{
		"nothing":     {func(*catalog.PlanInput) {}, 1, "saved Gold"},
		"spelling":    {func(in *catalog.PlanInput) { in.Price, in.Currency = "49", "usd" }, 1, "saved Gold"},
		"description": {func(in *catalog.PlanInput) { in.Description = "x" }, 1, "saved Gold"},
		"limit":       {func(in *catalog.PlanInput) { in.RateLimit = "7" }, 1, "saved Gold"},
		"amount":      {func(in *catalog.PlanInput) { in.Price = "49.01" }, 2, "priced Gold"},
		"currency":    {func(in *catalog.PlanInput) { in.Currency = "eur" }, 2, "priced Gold"},
		"cycle":       {func(in *catalog.PlanInput) { in.Cycle = "year" }, 2, "priced Gold"},
		"model":       {func(in *catalog.PlanInput) { in.Model = models.DynamicRate }, 2, "priced Gold"},
		"free":        {func(in *catalog.PlanInput) { *in = free("Gold") }, 1, "withdrawn Gold"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, testdb.New(t))
			uuid := s.plan(gold())
			in := gold()
			c.change(&in)
			_, err := s.EditPlan(t.Context(), s.mara, uuid, 0, in)
			s.must(err)
			p, err := s.Plan(t.Context(), s.mara, uuid)
			s.must(err)
			if len(p.Versions) != c.versions || s.follower.told[1] != c.told {
				t.Errorf("%d versions, told %v; want %d, %s", len(p.Versions), s.follower.told, c.versions, c.told)
			}
			if p.Versions[len(p.Versions)-1].Price.String() != "49.00 USD a month" {
				t.Errorf("the old version says %s now", p.Versions[len(p.Versions)-1].Price)
			}
		})
	}
}

func TestTwoBrowsersCannotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s, ctx := newShop(t, db), t.Context()
		uuid := s.plan(gold())
		first, second := gold(), gold()
		first.Price, second.Price = "59.00", "69.00"
		saved, err := s.EditPlan(ctx, s.mara, uuid, 0, first)
		s.must(err)
		_, err = s.EditPlan(ctx, s.mara, uuid, 0, second)
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.Message(err), "Somebody else saved this plan while you were editing.") {
			t.Errorf("the second browser: %v", err)
		}
		if _, err := s.DeletePlan(ctx, s.mara, uuid, 0, accounts.Consent{}); fault.KindOf(err) != fault.Conflict {
			t.Errorf("deleting an older version: %v", err)
		}
		if _, err := s.DeletePlan(ctx, s.mara, uuid, saved.Version, accounts.Consent{}); err != nil {
			t.Error(err)
		}
		if _, err := s.Plan(ctx, s.mara, uuid); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a deleted plan: %v", err)
		}
		s.plan(gold()) // the name is free again
	})
}

func TestOfManySavesAtOnceOneWins(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := newShop(t, db)
		uuid := s.plan(gold())
		errs := make([]error, 4)
		var wait sync.WaitGroup
		for i := range errs {
			wait.Go(func() {
				in := gold()
				in.Price = fmt.Sprintf("%d.00", 50+i)
				_, errs[i] = s.EditPlan(t.Context(), s.mara, uuid, 0, in)
			})
		}
		wait.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case fault.KindOf(err) != fault.Conflict:
				t.Errorf("a save that lost: %v", err)
			}
		}
		p, err := s.Plan(t.Context(), s.mara, uuid)
		s.must(err)
		if won != 1 || len(p.Versions) != 2 {
			t.Errorf("%d saves won, %d versions; want 1 and 2", won, len(p.Versions))
		}
	})
}

func TestPlanNamesAreTakenOnce(t *testing.T) {
	t.Parallel()
	s, ctx := newShop(t, testdb.New(t)), t.Context()
	s.plan(gold())
	silver := s.plan(free("Silver"))
	for _, name := range []string{"Gold", "GOLD", " gold ", "Gold!"} {
		in := gold()
		in.Name = name
		if _, err := s.CreatePlan(ctx, s.mara, in); at(err, "name") == "" {
			t.Errorf("a second plan called %q: %v", name, err)
		}
	}
	if _, err := s.EditPlan(ctx, s.mara, silver, 0, free("Gold")); at(err, "name") == "" {
		t.Errorf("renamed to a taken name: %v", err)
	}
	if _, err := s.EditPlan(ctx, s.mara, silver, 0, free("SILVER")); err != nil {
		t.Errorf("its own name in capitals: %v", err)
	}
	if _, err := s.CreatePlan(ctx, s.nils, free("Bronze")); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a publisher made a plan: %v", err)
	}
}
