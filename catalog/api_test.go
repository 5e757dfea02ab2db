package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

func TestAPIForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*catalog.APIInput)
		field  string // "" when the form is fine
		says   string
	}{
		"as it is":          {func(*catalog.APIInput) {}, "", ""},
		"slashes around":    {func(in *catalog.APIInput) { in.Context = " /weather/eu/ " }, "", ""},
		"demo upstream":     {func(in *catalog.APIInput) { in.Upstream = "demo:weather" }, "", ""},
		"no name":           {func(in *catalog.APIInput) { in.Name = " " }, "name", "Give it a name."},
		"no version":        {func(in *catalog.APIInput) { in.Version = "" }, "version", "such as v1"},
		"version in parts":  {func(in *catalog.APIInput) { in.Version = "v1/x" }, "version", "such as v1"},
		"long version":      {func(in *catalog.APIInput) { in.Version = strings.Repeat("1", 31) }, "version", "30"},
		"no context":        {func(in *catalog.APIInput) { in.Context = "/" }, "context", "such as weather"},
		"capitals":          {func(in *catalog.APIInput) { in.Context = "Weather" }, "context", "lower-case"},
		"dots":              {func(in *catalog.APIInput) { in.Context = "a/../b" }, "context", "lower-case"},
		"empty part":        {func(in *catalog.APIInput) { in.Context = "a//b" }, "context", "lower-case"},
		"percent":           {func(in *catalog.APIInput) { in.Context = "a%2fb" }, "context", "lower-case"},
		"t":                 {func(in *catalog.APIInput) { in.Context = "t/acme" }, "context", "/t for itself"},
		"healthz":           {func(in *catalog.APIInput) { in.Context = "healthz" }, "context", "for itself"},
		"readyz":            {func(in *catalog.APIInput) { in.Context = "readyz" }, "context", "for itself"},
		"gateway":           {func(in *catalog.APIInput) { in.Context = "gateway" }, "context", "for itself"},
		"begins like t":     {func(in *catalog.APIInput) { in.Context = "tides" }, "", ""},
		"no upstream":       {func(in *catalog.APIInput) { in.Upstream = "" }, "upstream", "Write where the API is"},
		"file upstream":     {func(in *catalog.APIInput) { in.Upstream = "file:///etc/passwd" }, "upstream", "https://"},
		"no host":           {func(in *catalog.APIInput) { in.Upstream = "https:///x" }, "upstream", "https://"},
		"no scheme":         {func(in *catalog.APIInput) { in.Upstream = "api.example.com" }, "upstream", "https://"},
		"password":          {func(in *catalog.APIInput) { in.Upstream = "https://u:p@api.example.com" }, "upstream", "password"},
		"query":             {func(in *catalog.APIInput) { in.Upstream = "https://api.example.com?key=1" }, "upstream", "Leave out"},
		"fragment":          {func(in *catalog.APIInput) { in.Upstream = "https://api.example.com/#x" }, "upstream", "Leave out"},
		"broken upstream":   {func(in *catalog.APIInput) { in.Upstream = "https://a b" }, "upstream", "no URL"},
		"endless upstream":  {func(in *catalog.APIInput) { in.Upstream = "https://a/" + strings.Repeat("x", 2000) }, "upstream", "no URL"},
		"long words":        {func(in *catalog.APIInput) { in.Description = strings.Repeat("é", 5001) }, "description", "5,000"},
		"words just enough": {func(in *catalog.APIInput) { in.Description = strings.Repeat("é", 5000) }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := weather()
			c.change(&in)
			err := in.Validate(models.TypeAPI, true)
			if c.field == "" && err != nil {
				t.Error(err)
			}
			if got := at(err, c.field); c.field != "" && !strings.Contains(got, c.says) {
				t.Errorf("%v, want %q at %s", err, c.says, c.field)
			}
		})
	}
	in := weather()
	in.Upstream = "demo:weather"
	if err := in.Validate(models.TypeAPI, false); at(err, "upstream") == "" {
		t.Error("a demo upstream where there is none")
	}
}

func TestPathsBelongToOneAPI(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s, ctx := newShop(t, db), t.Context()
		s.api(s.nils, weather())
		for name, c := range map[string]struct{ context, version, field string }{
			"the same path":        {"weather", "v1", "context"},
			"another version":      {"weather", "v2", ""},
			"beneath it":           {"weather/v1", "rain", "context"},
			"beside it":            {"weather/v10", "rain", ""},
			"its beginning":        {"a/weather", "v1", ""},
			"name and version too": {"elsewhere", "v1", "name"},
		} {
			in := weather()
			in.Context, in.Version, in.Name = c.context, c.version, name
			if c.field == "name" {
				in.Name = "Weather"
			}
			who := s.nils
			saved, err := s.CreateAPI(ctx, who, models.TypeAPI, in)
			if c.field == "" && err != nil || c.field != "" && at(err, c.field) == "" {
				t.Errorf("%s: %v", name, err)
			}
			if err == nil {
				_, err = s.DeleteAPI(ctx, who, saved.UUID, accounts.Consent{})
				s.must(err)
			}
		}
		in := weather()
		in.Context = "weather2"
		s.api(s.olga, in) // another publisher may use the name
	})
}

func TestPublishersSeeTheirOwnOnly(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s, ctx := newShop(t, db), t.Context()
		uuid := s.api(s.nils, weather())
		for name, err := range map[string]error{
			"read":    second(s.OwnAPI(ctx, s.olga, uuid)),
			"edit":    second(s.EditAPI(ctx, s.olga, uuid, 0, weather())),
			"publish": s.PublishAPI(ctx, s.olga, uuid),
			"delete":  second(s.DeleteAPI(ctx, s.olga, uuid, accounts.Consent{})),
			"offer":   second(s.OfferPlans(ctx, s.olga, uuid, 0, nil)),
			"unknown": second(s.OwnAPI(ctx, s.nils, "no-such")),
		} {
			if fault.KindOf(err) != fault.NotFound || fault.Message(err) != "API not found." {
				t.Errorf("%s: %v", name, err)
			}
		}
		if own, err := s.OwnAPIs(ctx, s.olga, models.TypeAPI); err != nil || len(own) != 0 {
			t.Errorf("olga's: %v, %v", own, err)
		}
		if own, err := s.OwnAPIs(ctx, s.nils, models.TypeAPI); err != nil || len(own) != 1 {
			t.Errorf("nils's: %v, %v", own, err)
		}
		if err := second(s.CreateAPI(ctx, s.mara, models.TypeAPI, weather())); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("an admin made an API: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestAProductIsMadeOfOnesOwnAPIs(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s, ctx := newShop(t, db), t.Context()
		rain := s.api(s.nils, catalog.APIInput{Name: "Rain", Version: "v1", Context: "rain", Upstream: "demo:rain"})
		sun := s.api(s.nils, catalog.APIInput{Name: "Sun", Version: "v1", Context: "sun", Upstream: "demo:sun"})
		theirs := s.api(s.olga, catalog.APIInput{Name: "Maps", Version: "v1", Context: "maps", Upstream: "demo:maps"})
		product := func(members ...string) (catalog.Saved, error) {
			return s.CreateAPI(ctx, s.nils, models.TypeProduct, catalog.APIInput{Name: "Sky", Version: "v1", Context: "sky", Members: members})
		}
		for _, members := range [][]string{nil, {theirs}, {"no-such"}, {rain, rain}} {
			if err := second(product(members...)); at(err, "members") == "" {
				t.Errorf("a product of %v: %v", members, err)
			}
		}
		saved, err := product(sun, rain)
		s.must(err)
		d, err := s.OwnAPI(ctx, s.nils, saved.UUID)
		s.must(err)
		if len(d.Members) != 2 || d.Members[0].Name != "Sun" || d.Members[1].Name != "Rain" {
			t.Errorf("members = %+v", d.Members)
		}
		if err := second(s.DeleteAPI(ctx, s.nils, rain, accounts.Consent{})); !strings.Contains(fault.Message(err), "part of the API product Sky") {
			t.Errorf("deleting a member: %v", err)
		}
		_, err = s.EditAPI(ctx, s.nils, saved.UUID, saved.Version, catalog.APIInput{Name: "Sky", Version: "v1", Context: "sky", Members: []string{sun}})
		s.must(err)
		if err := second(s.DeleteAPI(ctx, s.nils, rain, accounts.Consent{})); err != nil {
			t.Error(err)
		}
	})
}

func TestThePathIsFixedOncePublished(t *testing.T) {
	t.Parallel()
	s, ctx := newShop(t, testdb.New(t)), t.Context()
	uuid := s.api(s.nils, weather())
	in := weather()
	in.Context = "climate"
	saved, err := s.EditAPI(ctx, s.nils, uuid, 0, in)
	s.must(err)
	s.must(s.PublishAPI(ctx, s.nils, uuid))
	s.must(s.PublishAPI(ctx, s.nils, uuid)) // twice is no mistake
	if err := second(s.EditAPI(ctx, s.nils, uuid, saved.Version, in)); fault.KindOf(err) != fault.Conflict {
		t.Errorf("an older version: %v", err)
	}
	version := saved.Version + 1
	in.Context, in.Version = "weather", "v2"
	err = second(s.EditAPI(ctx, s.nils, uuid, version, in))
	if at(err, "context") == "" || at(err, "version") == "" {
		t.Errorf("another path: %v", err)
	}
	in.Context, in.Version, in.Name = "climate", "v1", "Climate"
	s.must(second(s.EditAPI(ctx, s.nils, uuid, version, in)))
}

func TestTheCatalogue(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s, ctx := newShop(t, db), t.Context()
		visitor := accounts.Actor{Tenant: 1}
		for i := range 5 {
			in := catalog.APIInput{Name: fmt.Sprintf("API %c", 'e'-i), Version: "v1", Context: fmt.Sprint("c", i), Upstream: "demo:x", Description: fmt.Sprintf("Number %d, 100%% fun_ny", i)}
			uuid := s.api(s.nils, in)
			if i > 0 {
				s.must(s.PublishAPI(ctx, s.nils, uuid))
			}
		}
		s.must(s.PublishAPI(ctx, s.olga, s.api(s.olga, catalog.APIInput{Name: "api C", Version: "v1", Context: "z", Upstream: "demo:x"})))
		var seen []string
		for after, pages := "", 0; pages == 0 || after != ""; pages++ {
			page, err := s.Browse(ctx, visitor, "", after, 2)
			s.must(err)
			for _, l := range page.APIs {
				seen = append(seen, l.API.Name+" by "+l.Provider)
			}
			after = page.Next
		}
		want := []string{"API a by nils & Co", "API b by nils & Co", "API c by nils & Co", "api C by olga & Co", "API d by nils & Co"}
		if !slices.Equal(seen, want) {
			t.Errorf("seen %q, want %q", seen, want)
		}
		for search, n := range map[string]int{
			"OLGA": 1, "number 2": 1, "api": 5, "nothing": 0, "%": 4, "n_n": 4, "b_r": 0, "fun_ny": 4, "!": 0, "number api": 4, "3 nils": 1,
		} {
			page, err := s.Browse(ctx, visitor, search, "", 10)
			if err != nil || len(page.APIs) != n {
				t.Errorf("search %q: %d, %v; want %d", search, len(page.APIs), err, n)
			}
		}
		if _, err := s.Browse(ctx, visitor, "", "garbage", 2); fault.KindOf(err) != fault.Malformed {
			t.Errorf("a page that does not exist: %v", err)
		}
	})
}

func TestRolePermissionsDecideWhoIsOfferedAPlan(t *testing.T) {
	t.Parallel()
	visitor := accounts.Actor{Tenant: 1}
	buyer := accounts.Actor{Tenant: 1, Person: "p", Roles: []accounts.Role{accounts.Subscriber}}
	for name, c := range map[string]struct {
		kind           string
		roles          []string
		visitor, buyer bool
	}{
		"everybody":          {"", nil, true, true},
		"allow subscribers":  {"ALLOW", []string{"subscriber"}, false, true},
		"as WSO2 spells it":  {"ALLOW", []string{"Internal/Subscriber"}, false, true},
		"allow others":       {"ALLOW", []string{"admin", "partner"}, false, false},
		"allow all":          {"ALLOW", []string{"Internal/everyone"}, true, true},
		"deny subscribers":   {"DENY", []string{"subscriber"}, true, false},
		"deny others":        {"DENY", []string{"partner"}, true, true},
		"allow one of these": {"ALLOW", []string{"partner", "subscriber"}, false, true},
	} {
		p := models.Policy{PermissionType: c.kind, PermissionRoles: c.roles}
		if catalog.MayUse(visitor, p) != c.visitor || catalog.MayUse(buyer, p) != c.buyer {
			t.Errorf("%s: visitor %v, subscriber %v", name, catalog.MayUse(visitor, p), catalog.MayUse(buyer, p))
		}
	}
	s, ctx := newShop(t, testdb.New(t)), t.Context()
	in := free("Partners")
	in.PermissionType, in.Roles = "ALLOW", "publisher"
	partners, everybody, commercial := s.plan(in), s.plan(free("Free")), s.plan(gold())
	uuid := s.api(s.nils, weather())
	s.must(s.PublishAPI(ctx, s.nils, uuid))
	s.must(second(s.OfferPlans(ctx, s.nils, uuid, 1, []string{partners, everybody, commercial})))
	for who, want := range map[*accounts.Actor]int{&visitor: 1, &s.nils: 2} { // Gold is not monetized
		l, err := s.Show(ctx, *who, uuid)
		if err != nil || len(l.Offers) != want || l.Label != catalog.LabelFree {
			t.Errorf("offers = %+v, %q, %v; want %d", l.Offers, l.Label, err, want)
		}
	}
	a, err := catalog.Own(ctx, s.DB, s.nils, uuid)
	s.must(err)
	if err := second(catalog.OfferFor(ctx, s.DB, visitor, a, partners)); at(err, "plan") == "" {
		t.Errorf("a plan for others: %v", err)
	}
	if err := second(s.OfferPlans(ctx, s.nils, uuid, a.Version, []string{everybody, "no-such"})); at(err, "plans") == "" {
		t.Errorf("an unknown plan: %v", err)
	}
}
