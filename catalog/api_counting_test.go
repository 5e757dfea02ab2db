package catalog_test

import (
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/catalog"
	"tollgate/internal/testdb"
	"tollgate/models"
)

func TestStatusesAreRead(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"200": "200", " 200 , 202,4XX ": "200,202,4xx", "200 202\n5xx": "200,202,5xx", "200,200": "200", "2xx,": "2xx", "599": "599",
		"": "!Say which", " , ": "!Say which", "199": "!199", "600": "!600", "1xx": "!1xx", "6xx": "!6xx", "4x": "!4x", "4xy": "!4xy", "+20": "!+20", "２00": "!２00",
		"200-299": "!200-299", strings.Repeat("2", 400): "!neither", allStatuses(): "!too many",
	} {
		kept, problem := catalog.ReadStatuses(typed)
		if says, bad := strings.CutPrefix(want, "!"); bad {
			if kept != "" || !strings.Contains(problem, says) {
				t.Errorf("%.40q is kept as %q: %q, want %q", typed, kept, problem, says)
			}
		} else if kept != want || problem != "" {
			t.Errorf("%q is kept as %q: %q", typed, kept, problem)
		}
	}
}

// allStatuses are more than can be kept.
func allStatuses() string {
	var all []string
	for d := '0'; d <= '9'; d++ {
		for e := '0'; e <= '9'; e++ {
			all = append(all, "4"+string(d)+string(e))
		}
	}
	return strings.Join(all, " ")
}

func TestHowCallsCountIsChosen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*catalog.APIInput)
		field  string
	}{
		"success":        {func(in *catalog.APIInput) { in.Counting = models.CountSuccess }, ""},
		"all":            {func(in *catalog.APIInput) { in.Counting = models.CountAll }, ""},
		"listed":         {func(in *catalog.APIInput) { in.Counting, in.Statuses = models.CountListed, "200 4xx" }, ""},
		"listed nothing": {func(in *catalog.APIInput) { in.Counting = models.CountListed }, "statuses"},
		"something else": {func(in *catalog.APIInput) { in.Counting = "most" }, "counting"},
		"not looked at":  {func(in *catalog.APIInput) { in.Counting, in.Statuses = models.CountAll, "rubbish" }, ""},
		"header":         {func(in *catalog.APIInput) { in.UnitsHeader = " X-Units " }, ""},
		"header in two":  {func(in *catalog.APIInput) { in.UnitsHeader = "X Units" }, "units_header"},
		"header lines":   {func(in *catalog.APIInput) { in.UnitsHeader = "X\r\nSet-Cookie" }, "units_header"},
		"long header":    {func(in *catalog.APIInput) { in.UnitsHeader = strings.Repeat("x", 81) }, "units_header"},
	} {
		in := weather()
		c.change(&in)
		err := in.Validate(models.TypeAPI, true)
		if (c.field == "") != (err == nil) || c.field != "" && at(err, c.field) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCountingIsKept(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := newShop(t, db)
		in := weather()
		in.Counting, in.Statuses, in.UnitsHeader, in.Upgrades = models.CountListed, "4XX 200", " X-Units ", true
		read := func(uuid string) models.API {
			t.Helper()
			d, err := s.OwnAPI(t.Context(), s.nils, uuid)
			s.must(err)
			return d.API
		}
		uuid := s.api(s.nils, in)
		a := read(uuid)
		if a.Counting != models.CountListed || a.CountingStatuses != "4xx,200" || a.UnitsHeader != "X-Units" || !a.Upgrades {
			t.Errorf("it is kept as %+v", a)
		}
		in.Counting, in.UnitsHeader, in.Upgrades = models.CountAll, "", false
		_, err := s.EditAPI(t.Context(), s.nils, uuid, a.Version, in)
		s.must(err)
		if a = read(uuid); a.Counting != models.CountAll || a.CountingStatuses != "" || a.UnitsHeader != "" || a.Upgrades {
			t.Errorf("it became %+v", a)
		}
		product := catalog.APIInput{Name: "Sky", Version: "v1", Context: "sky", Members: []string{uuid}, Counting: models.CountAll, Upgrades: true}
		saved, err := s.CreateAPI(t.Context(), s.nils, models.TypeProduct, product)
		s.must(err)
		if p := read(saved.UUID); p.Counting != models.CountAll || p.Upgrades {
			t.Errorf("the product counts %+v", p)
		}
	})
}
