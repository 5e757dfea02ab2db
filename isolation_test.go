package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/billing"
	"tollgate/models"
	"tollgate/web"
)

// A target is a way to somebody's object: a route, with :id where the id belongs.
type target struct {
	route, path string // method and path as in the route table; path with its query when that differs
	role        string // who has such pages
	id          string // what of theirs the id names
	shared      bool   // everybody in that role may, within the tenant
	form        func(their map[string]string) url.Values
}

func fields(pairs ...string) func(map[string]string) url.Values {
	return func(map[string]string) url.Values {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Add(pairs[i], pairs[i+1])
		}
		return v
	}
}

// The forms are such as their owner could send with success.
var (
	planForm = func(their map[string]string) url.Values {
		return fields("version", their["version of plan Basic"], "name", "Mine now", "rate", "fixed", "price", "1.00", "currency", "USD",
			"cycle", "month", "at_limit", "stop", "time_unit", "month", "rate_limit_unit", "min")(nil)
	}
	withdrawForm = func(their map[string]string) url.Values { return fields("version", their["version of plan Flex"])(nil) }
	apiForm      = func(their map[string]string) url.Values {
		return fields("row", their["version of api City Weather"], "name", "City Weather", "version", "v1", "context", "city-weather",
			"upstream", "https://evil.example", "description", "Mine now")(nil)
	}
	offerForm = func(their map[string]string) url.Values {
		return fields("row", their["version of api City Weather"], "plans", their["plan Free"])(nil)
	}
	saleForm = func(their map[string]string) url.Values {
		return fields(billing.ConnectedAccountKey, their["stripe account"])(nil)
	}
	subscribeForm = func(their map[string]string) url.Values {
		return fields("plan", their["plan Free"], "application", their["application"])(nil)
	}
	changeForm = func(their map[string]string) url.Values {
		return fields("plan", their["plan Free"], "when", "period-end")(nil)
	}
	giveBackForm = func(their map[string]string) url.Values {
		return fields("incident", their["incident"])(nil)
	}
	personForm = fields("display_name", "Mine now", "roles", "admin")
	appForm    = fields("name", "Mine now")
	endNow     = fields("when", "now")
	endLater   = fields("when", "period-end")
	endForm    = fields("seen", "x", "how", "now", "agree", "on", "reason", "Because")
)

// targets are all of them. What ends or changes people comes last.
var targets = []target{
	{route: "GET /publisher/apis/:uuid", role: "publisher", id: "api City Weather"},
	{route: "GET /publisher/apis/:uuid", role: "publisher", id: "api Travel bundle"},
	{route: "GET /publisher/apis/:uuid/edit", role: "publisher", id: "api City Weather"},
	{route: "POST /publisher/apis/:uuid/edit", role: "publisher", id: "api City Weather", form: apiForm},
	{route: "POST /publisher/apis/:uuid/publish", role: "publisher", id: "api City Weather"},
	{route: "GET /publisher/apis/:uuid/delete", role: "publisher", id: "api City Weather"},
	{route: "POST /publisher/apis/:uuid/delete", role: "publisher", id: "api City Weather"},
	{route: "GET /publisher/apis/:uuid/plans/detach", role: "publisher", id: "api City Weather"},
	{route: "POST /publisher/apis/:uuid/plans/detach", role: "publisher", id: "api City Weather", form: fields("seen", "x", "how", "keep", "agree", "on")},
	{route: "GET /publisher/apis/:uuid/monetization/end", role: "publisher", id: "api City Weather"},
	{route: "POST /publisher/apis/:uuid/monetization/end", role: "publisher", id: "api City Weather", form: endForm},
	{route: "GET /publisher/units/:uuid", role: "publisher", id: "paid"},
	{route: "GET /publisher/units/:uuid/windows.csv", role: "publisher", id: "paid"},
	{route: "GET /publisher/subscriptions/:uuid/end", role: "publisher", id: "paid"},
	{route: "POST /publisher/subscriptions/:uuid/end", role: "publisher", id: "paid", form: endForm},
	{route: "POST /publisher/subscriptions/:uuid/keep", role: "publisher", id: "paid"},
	{route: "GET /publisher/endings/:id", role: "publisher", id: "ending by publisher"},
	{route: "GET /publisher/apis/:uuid/plans", role: "publisher", id: "api City Weather"},
	{route: "POST /publisher/apis/:uuid/plans", role: "publisher", id: "api City Weather", form: offerForm},
	{route: "GET /publisher/apis/:uuid/monetization", role: "publisher", id: "api City Weather"},
	{route: "POST /publisher/apis/:uuid/monetization", role: "publisher", id: "api City Weather", form: saleForm},
	{route: "POST /publisher/subscriptions/:uuid/block", role: "publisher", id: "paid"},
	{route: "POST /publisher/subscriptions/:uuid/unblock", role: "publisher", id: "paid"},
	{route: "GET /publisher/subscriptions/:uuid/invoice", role: "publisher", id: "paid"},
	{route: "GET /publisher/subscriptions/:uuid", role: "publisher", id: "paid"},
	{route: "GET /publisher/subscriptions/:uuid/history.csv", role: "publisher", id: "paid"},
	{route: "POST /publisher/subscriptions/:uuid/hold", role: "publisher", id: "paid", form: fields("hold", "BLOCKED")},
	{route: "POST /publisher/subscriptions/:uuid/grace", role: "publisher", id: "paid", form: fields("hours", "9")},
	{route: "POST /publisher/subscriptions/:uuid/give-back", role: "publisher", id: "paid", form: giveBackForm},
	{route: "POST /publisher/accounts/:id/refresh", role: "publisher", id: "account"},

	{route: "GET /devportal/apis/:id", role: "subscriber", id: "api City Weather", shared: true},
	{route: "POST /devportal/apis/:id/subscribe", role: "subscriber", id: "api Geocoding", shared: true, form: subscribeForm},
	{route: "GET /devportal/applications/:id", role: "subscriber", id: "application"},
	{route: "GET /devportal/applications/:id/edit", role: "subscriber", id: "application"},
	{route: "POST /devportal/applications/:id/edit", role: "subscriber", id: "application", form: appForm},
	{route: "GET /devportal/applications/:id/delete", role: "subscriber", id: "application"},
	{route: "POST /devportal/applications/:id/delete", role: "subscriber", id: "application"},
	{route: "GET /devportal/endings/:id", role: "subscriber", id: "ending by subscriber"},
	{route: "POST /devportal/applications/:id/keys", role: "subscriber", id: "application", form: fields("name", "Mine now", "type", "PRODUCTION")},
	{route: "GET /devportal/applications/:id/keys/:key", role: "subscriber", id: "application"},
	{route: "POST /devportal/applications/:id/keys/:key/rotate", role: "subscriber", id: "application", form: fields("overlap", "24")},
	{route: "POST /devportal/applications/:id/keys/:key/revoke", role: "subscriber", id: "application"},
	{route: "GET /devportal/applications/:id/usage", role: "subscriber", id: "application"},
	{route: "GET /devportal/applications/:id/usage.csv", role: "subscriber", id: "application"},
	{route: "GET /devportal/subscriptions/:id/usage", role: "subscriber", id: "paid"},
	{route: "GET /devportal/subscriptions/:id/usage.csv", role: "subscriber", id: "paid"},
	{route: "GET /devportal/subscriptions/:id/calls", role: "subscriber", id: "paid"},
	{route: "GET /devportal/subscriptions/:id/calls.csv", role: "subscriber", id: "paid"},
	{route: "GET /devportal/subscriptions/:id", role: "subscriber", id: "paid"},
	{route: "GET /devportal/subscriptions/:id/invoice", role: "subscriber", id: "paid"},
	{route: "GET /devportal/subscriptions/:id/history", role: "subscriber", id: "paid"},
	{route: "GET /devportal/subscriptions/:id/history.csv", role: "subscriber", id: "paid"},
	{route: "POST /devportal/subscriptions/:id/refresh", role: "subscriber", id: "paid"},
	{route: "POST /devportal/subscriptions/:id/start-again", role: "subscriber", id: "waiting"},
	{route: "POST /devportal/subscriptions/:id/resume", role: "subscriber", id: "paid"},
	{route: "GET /devportal/subscriptions/:id/change", role: "subscriber", id: "paid"},
	{route: "POST /devportal/subscriptions/:id/change", role: "subscriber", id: "paid", form: changeForm},
	{route: "POST /devportal/subscriptions/:id/change", role: "subscriber", id: "free", form: changeForm},
	{route: "POST /devportal/subscriptions/:id/change/undo", role: "subscriber", id: "paid"},
	{route: "POST /devportal/subscriptions/:id/cancel", role: "subscriber", id: "free", form: endNow},
	{route: "POST /devportal/subscriptions/:id/cancel", role: "subscriber", id: "paid", form: endLater},

	{route: "GET /api/am/stripe/checkout-url", path: "?subscriptionId=:id", role: "subscriber", id: "waiting"},
	{route: "GET /api/am/stripe/portal-url", path: "?tenantDomain=MINE&subscriptionId=:id", role: "subscriber", id: "paid"},
	{route: "GET /api/am/stripe/portal-url", path: "?tenantDomain=THEIRS&subscriptionId=:id", role: "subscriber", id: "paid"},
	{route: "GET /api/am/stripe/complete-session", path: "?session_id=:id", role: "subscriber", id: "checkout of paid"},
	{route: "GET /api/am/stripe/complete-session", path: "?session_id=:id", role: "subscriber", id: "checkout of waiting"},

	{route: "GET /admin/plans/:uuid", role: "admin", id: "plan Basic", shared: true},
	{route: "POST /admin/plans/:uuid", role: "admin", id: "plan Basic", shared: true, form: planForm},
	{route: "GET /admin/plans/:uuid/delete", role: "admin", id: "plan Flex", shared: true},
	{route: "POST /admin/plans/:uuid/delete", role: "admin", id: "plan Flex", shared: true, form: withdrawForm},
	{route: "GET /admin/subscriptions/:uuid", role: "admin", id: "paid", shared: true},
	{route: "GET /admin/subscriptions/:uuid/history.csv", role: "admin", id: "paid", shared: true},
	{route: "GET /admin/subscriptions/:uuid/end", role: "admin", id: "paid", shared: true},
	{route: "POST /admin/subscriptions/:uuid/end", role: "admin", id: "paid", shared: true, form: endForm},
	{route: "POST /admin/subscriptions/:uuid/keep", role: "admin", id: "paid", shared: true},
	{route: "GET /admin/units/:uuid", role: "admin", id: "paid", shared: true},
	{route: "GET /admin/units/:uuid/windows.csv", role: "admin", id: "paid", shared: true},
	{route: "POST /admin/gateways/credentials/:id/revoke", role: "admin", id: "gateway credential", shared: true},
	{route: "GET /admin/endings/:id", role: "admin", id: "ending by publisher", shared: true},
	{route: "GET /admin/people/:id/delete", role: "admin", id: "person", shared: true},
	{route: "POST /admin/people/:id/hand-over", role: "admin", id: "person", shared: true},
	{route: "POST /admin/people/:id/delete", role: "admin", id: "person", shared: true},
	{route: "POST /admin/accounts/:id/refresh", role: "admin", id: "account", shared: true},
	{route: "POST /admin/accounts/:id/release", role: "admin", id: "account", shared: true},
	{route: "POST /admin/webhooks/:id/again", role: "admin", id: "event", shared: true},
	{route: "POST /admin/work/:id/again", role: "admin", id: "work", shared: true},
	{route: "GET /admin/people/:id", role: "admin", id: "person", shared: true},
	{route: "POST /admin/people/:id", role: "admin", id: "person", shared: true, form: personForm},
	{route: "POST /admin/people/:id/link", role: "admin", id: "person", shared: true},
	{route: "POST /admin/people/:id/disable", role: "admin", id: "person", shared: true},
	{route: "POST /admin/people/:id/enable", role: "admin", id: "person", shared: true},
	{route: "GET /admin/mails/:id", role: "admin", id: "notice", shared: true},
	{route: "GET /admin/mails/:id/html", role: "admin", id: "notice", shared: true},
	{route: "POST /admin/mails/:id/again", role: "admin", id: "notice", shared: true},
	{route: "POST /account/notices/:id/read", role: "subscriber", id: "notice"},
	{route: "POST /account/sessions/:id/end", role: "subscriber", id: "session"},
}

// nobodys are the routes with a parameter that is not the id of an object.
var nobodys = map[string]string{
	"GET /account/link/:token":           "who has the token may",
	"POST /account/link/:token":          "who has the token may",
	"GET /problems/:type":                "a word, the same for everybody",
	"POST /admin/stripe/webhooks/:scope": "a word, of one's own tenant",
}

// Whoever opens somebody else's object, of their own tenant or of another one,
// learns nothing, not even that it is there, and changes nothing.
func TestNobodyReachesWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	s, sides := neighbours(t)
	known := map[string]bool{}
	for _, one := range targets {
		known[one.route] = true
	}
	for _, r := range web.Routes(s.parts.deps) {
		route := r.Method + " " + r.Path
		parameter := strings.Contains(r.Path, ":") || strings.HasPrefix(r.Path, "/api/am/stripe/") && r.Method == http.MethodGet
		if parameter && !known[route] && nobodys[route] == "" {
			t.Errorf("%s has a parameter that this test does not know: add it to targets", route)
		}
		delete(known, route)
	}
	for route := range known {
		t.Errorf("%s is no route any more", route)
	}
	before := s.settled(t)
	for _, one := range targets {
		for i, owner := range sides {
			foreign := sides[1-i]
			s.intrude(t, one, owner, foreign.people[one.role], &before)
			if !one.shared {
				s.intrude(t, one, owner, owner.people[one.role+"2"], &before)
			}
		}
	}
	for _, one := range targets {
		if got := one.open(t, sides[0], sides[0].people[one.role], "text/html", ""); got.status == http.StatusNotFound {
			t.Errorf("%s (%s) is not there for its owner either", one.route, one.id)
		}
	}
}

// open asks for a target as who, or for one like it that does not exist.
func (one target) open(t *testing.T, owner *side, who *guest, accept, otherwise string) reply {
	t.Helper()
	id := owner.have[one.id]
	if id == "" {
		t.Fatalf("there is no %q", one.id)
	}
	id = id[:len(id)-len(otherwise)] + otherwise
	method, path, _ := strings.Cut(one.route, " ")
	path = strings.NewReplacer(":uuid", id, ":key", owner.have["key"], "MINE", who.actor.Domain, "THEIRS", owner.domain).Replace(path + one.path)
	var form url.Values
	if one.form != nil {
		form = one.form(owner.have)
	}
	return who.ask(t, method, accept, strings.ReplaceAll(path, ":id", id), form, id)
}

// intrude opens a target of owner's as who.
func (s *server) intrude(t *testing.T, one target, owner *side, who *guest, before *[]string) {
	t.Helper()
	name := fmt.Sprintf("%s as %s of %s (%s)", one.route, who.actor.Username, who.actor.Domain, one.id)
	for _, accept := range []string{"text/html", "application/json"} {
		got, want := one.open(t, owner, who, accept, ""), one.open(t, owner, who, accept, "deadbeef")
		if got.text != want.text { // pages say what minute it is, and it may have passed
			got, want = one.open(t, owner, who, accept, ""), one.open(t, owner, who, accept, "deadbeef")
		}
		if got.status != http.StatusNotFound || want.status != http.StatusNotFound {
			t.Errorf("%s: %d, and %d for what does not exist\n%.600s", name, got.status, want.status, got.text)
		} else if got.text != want.text {
			t.Errorf("%s: it shows that it exists:\n%s\nand otherwise:\n%s", name, got.text, want.text)
		}
	}
	if now := s.everything(t); !slices.Equal(now, *before) {
		t.Errorf("%s changes the database:\n%s", name, difference(*before, now))
		*before = now
	}
}

// difference are the lines that are in one only.
func difference(before, now []string) string {
	var out strings.Builder
	for _, pair := range []struct {
		sign  string
		of    []string
		other []string
	}{{"- ", before, now}, {"+ ", now, before}} {
		for _, line := range pair.of {
			if !slices.Contains(pair.other, line) {
				out.WriteString(pair.sign + line + "\n")
			}
		}
	}
	return out.String()
}

// settled is the whole database once all work is done.
func (s *server) settled(t *testing.T) (rows []string) {
	t.Helper()
	quiet := 0
	await(t, "the work is done", func() bool {
		now := s.everything(t)
		if open, err := models.OpenJobs(t.Context(), s.db, s.tenant.ID, false, 1); err != nil || len(open) > 0 || !slices.Equal(now, rows) {
			quiet = 0
		}
		rows = now
		quiet++
		return quiet > 25
	})
	return rows
}

// everything is every row of the database, but for who is signed in where, the signs
// of life of gateways, and the comparisons with Stripe that begin by themselves.
func (s *server) everything(t *testing.T) (lines []string) {
	t.Helper()
	var tables []string
	must(t, s.db.NewRaw("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN ('sign_in_sessions', 'gateways', 'reconciliations')").Scan(t.Context(), &tables))
	for _, table := range tables {
		var rows []map[string]any
		must(t, s.db.NewRaw("SELECT * FROM ?", bun.Ident(table)).Scan(t.Context(), &rows))
		for _, row := range rows {
			if kind := fmt.Sprint(row["kind"]); table == "outbox_jobs" && (strings.HasPrefix(kind, "billing.reconcile") || strings.HasPrefix(kind, "billing.compare")) {
				continue
			}
			lines = append(lines, fmt.Sprint(table, " ", row))
		}
	}
	slices.Sort(lines)
	return lines
}

// A mention is a form or address of one's own that names somebody else's object.
type mention struct {
	who, path string // where MINE:name and THEIRS:name stand for ids
	form      map[string]string
}

var mentions = []mention{
	{who: "subscriber", path: "/devportal/apis/MINE:api Geocoding/subscribe", form: map[string]string{"application": "THEIRS:application", "plan": "MINE:plan Free"}},
	{who: "subscriber", path: "/devportal/apis/MINE:api Geocoding/subscribe", form: map[string]string{"application": "MINE:application", "plan": "THEIRS:plan Free"}},
	{who: "subscriber", path: "/devportal/subscriptions/MINE:paid/invoice?invoice=THEIRS:invoice"},
	{who: "subscriber", path: "/devportal/applications/MINE:application/keys/THEIRS:key"},
	{who: "subscriber", path: "/devportal/applications/MINE:application/keys/THEIRS:key/rotate", form: map[string]string{"overlap": "24"}},
	{who: "subscriber", path: "/devportal/applications/MINE:application/keys/THEIRS:key/revoke", form: map[string]string{"really": "on"}},
	{who: "publisher", path: "/publisher/subscriptions/MINE:paid/invoice?invoice=THEIRS:invoice"},
	{who: "publisher", path: "/publisher/subscriptions?api=THEIRS:api City Weather"},
	{who: "publisher", path: "/publisher/usage?api=THEIRS:api City Weather"},
	{who: "publisher", path: "/publisher/usage.csv?api=THEIRS:api City Weather"},
	{who: "admin", path: "/admin/usage/again", form: map[string]string{"window": "THEIRS:window"}},
	{who: "admin", path: "/admin/usage/write-off", form: map[string]string{"window": "THEIRS:window", "reason": "Mine now"}},
	{who: "publisher", path: "/publisher/products/new", form: map[string]string{"name": "Bundle", "version": "v1", "context": "bundle", "members": "THEIRS:api City Weather"}},
	{who: "publisher", path: "/publisher/apis/MINE:api City Weather/plans", form: map[string]string{"row": "MINE:version of api City Weather", "plans": "THEIRS:plan Free"}},
	{who: "publisher", path: "/publisher/apis/MINE:api Geocoding/monetization", form: map[string]string{"enabled": "on", billing.ConnectedAccountKey: "THEIRS:stripe account"}},
}

// Naming somebody else's object in one's own form is as good as naming nothing.
func TestNobodyUsesWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	s, sides := neighbours(t)
	before := s.settled(t)
	for _, one := range mentions {
		for i, mine := range sides {
			s.mentioned(t, one, mine, sides[1-i], &before)
		}
	}
}

func (s *server) mentioned(t *testing.T, one mention, mine, their *side, before *[]string) {
	t.Helper()
	who := mine.people[one.who]
	send := func(otherwise string) reply {
		var named string
		fill := func(text string) string {
			for what, id := range mine.have {
				text = strings.ReplaceAll(text, "MINE:"+what, id)
			}
			for what, id := range their.have {
				if strings.Contains(text, "THEIRS:"+what) {
					named = id[:len(id)-len(otherwise)] + otherwise
					text = strings.ReplaceAll(text, "THEIRS:"+what, named)
				}
			}
			return text
		}
		path, method, form := fill(one.path), http.MethodGet, url.Values{}
		for name, value := range one.form {
			method = http.MethodPost
			form.Set(name, fill(value))
		}
		return who.ask(t, method, "text/html", path, form, named)
	}
	got, want := send(""), send("deadbeef")
	name := fmt.Sprintf("%s %v as %s of %s", one.path, one.form, one.who, mine.domain)
	if got.status != want.status || got.text != want.text || got.status >= 500 || got.status == http.StatusSeeOther {
		t.Errorf("%s: it shows that it exists: %d\n%s\nand otherwise: %d\n%s", name, got.status, got.text, want.status, want.text)
	}
	if now := s.everything(t); !slices.Equal(now, *before) {
		t.Errorf("%s changes the database:\n%s", name, difference(*before, now))
		*before = now
	}
}
