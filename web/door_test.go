package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// doors is one route behind each door, for reading and for changing.
func doors() []Route {
	ok := func(c *fiber.Ctx) error { return respond.JSON(c, 200, session.Actor(c).Username) }
	var all []Route
	for _, d := range []Door{Machine, Visitor, SignedIn, Subscriber, Publisher, Admin} {
		path := "/door/" + strings.ReplaceAll(d.String(), " ", "-") + "/:id"
		all = append(all, Route{"GET", path, d, ok}, Route{"POST", path, d, ok}, Route{"DELETE", path, d, ok})
	}
	return all
}

// least says who may pass a door.
var least = map[Door][]string{
	Machine: {"", "admin", "publisher", "subscriber"}, Visitor: {"", "admin", "publisher", "subscriber"},
	SignedIn: {"admin", "publisher", "subscriber"}, Subscriber: {"subscriber"}, Publisher: {"publisher"}, Admin: {"admin"},
}

// TestDoors tries every route of the product, and one of every kind, as a
// stranger, in every role, without a form token and from another site, so that
// a new route cannot be left open by accident.
func TestDoors(t *testing.T) {
	t.Parallel()
	more := doors()
	w := setup(t, "http://127.0.0.1:8080", more...)
	people := map[string]*browser{"": {w: w}}
	for _, name := range []string{"admin", "publisher", "subscriber"} {
		people[name] = w.session(t, name)
	}
	for _, r := range append(Routes(w.deps), more...) {
		path := strings.NewReplacer(":", "", "*", "x").Replace(r.Path)
		for name, b := range people {
			tryDoor(t, r, path, name, b)
		}
		if r.Door == Machine || r.Method == "GET" {
			continue
		}
		admin := people["admin"]
		foreign := admin.ask(t, r.Method, path, "form_token="+admin.token, "Sec-Fetch-Site", "cross-site")
		if foreign.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s takes requests from other sites: %d", r.Method, r.Path, foreign.StatusCode)
		}
		old := admin.ask(t, r.Method, path, "form_token="+admin.token, "Origin", "https://evil.example")
		if old.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s takes requests of old browsers from other sites: %d", r.Method, r.Path, old.StatusCode)
		}
	}
}

// tryDoor tries a route as somebody who may or may not pass.
func tryDoor(t *testing.T, r Route, path, name string, b *browser) {
	t.Helper()
	passes := false
	for _, one := range least[r.Door] {
		passes = passes || one == name
	}
	got := b.ask(t, r.Method, path, "", "Accept", "text/html")
	api := b.ask(t, r.Method, path, "", "Accept", "application/json")
	switch {
	case passes && r.Method != "GET" && r.Door > Visitor:
		if got.StatusCode != http.StatusForbidden || !strings.Contains(got.text, "earlier sign-in") {
			t.Errorf("%s %s takes forms without a token: %d", r.Method, r.Path, got.StatusCode)
		}
	case passes:
	case name == "" && r.Method == "GET":
		if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/sign-in?next="+url.QueryEscape(path) || api.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s %s lets strangers in: %d to %q, %d", r.Method, r.Path, got.StatusCode, got.Header.Get("Location"), api.StatusCode)
		}
	case name == "":
		if got.StatusCode != http.StatusUnauthorized || api.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s %s lets strangers in: %d", r.Method, r.Path, got.StatusCode)
		}
	default:
		if got.StatusCode != http.StatusNotFound || api.StatusCode != http.StatusNotFound {
			t.Errorf("%s %s lets a %s in: %d", r.Method, r.Path, name, got.StatusCode)
		}
	}
}

func TestTheRightPersonPasses(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080", doors()...)
	for _, role := range []string{"subscriber", "publisher", "admin"} {
		b := w.session(t, role)
		if got := b.get(t, "/door/"+role+"/1"); got.StatusCode != 200 || got.text != `"`+role+`"` {
			t.Errorf("%s reads %d %s", role, got.StatusCode, got.text)
		}
		if got := b.post(t, "/door/"+role+"/1", nil); got.StatusCode != 200 {
			t.Errorf("%s changes: %d %s", role, got.StatusCode, got.text)
		}
		if got := b.ask(t, "DELETE", "/door/"+role+"/1", "", session.TokenHeader, b.token); got.StatusCode != 200 {
			t.Errorf("%s deletes by script: %d %s", role, got.StatusCode, got.text)
		}
		other := w.session(t, "admin")
		if got := b.post(t, "/door/"+role+"/1", url.Values{"form_token": {other.token}}); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s with another session's token: %d", role, got.StatusCode)
		}
	}
	if got := (&browser{w: w}).post(t, "/door/machine/1", nil, "Sec-Fetch-Site", "cross-site"); got.StatusCode != 200 {
		t.Errorf("a machine is asked where it comes from: %d", got.StatusCode)
	}
}

func TestACookieIsDeadOnceThePersonMayNotSignIn(t *testing.T) {
	t.Parallel()
	w := setup(t, "https://portal.example", doors()...)
	us := accounts.System(-1234, "carbon.super")
	bob := w.person(t, us, "bob", accounts.Publisher)
	b := w.session(t, "bob")
	if got := b.get(t, "/door/publisher/1"); got.StatusCode != 200 {
		t.Fatalf("bob reads %d", got.StatusCode)
	}
	must(t, w.deps.People.Edit(t.Context(), us, bob.ID, accounts.PersonInput{DisplayName: "Bob", Roles: []accounts.Role{accounts.Subscriber}}))
	if got := b.get(t, "/door/publisher/1"); got.StatusCode != http.StatusNotFound {
		t.Errorf("a role that was taken away still counts: %d", got.StatusCode)
	}
	must(t, w.deps.People.SetActive(t.Context(), us, bob.ID, false))
	if got := b.get(t, "/door/signed-in/1"); got.StatusCode != http.StatusSeeOther {
		t.Errorf("a disabled person passes: %d", got.StatusCode)
	}
}

func TestStrangersComeBackToWhereTheyWanted(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080", doors()...)
	b := &browser{w: w}
	got := b.get(t, "/door/admin/7?q=a%26b&x=1")
	if want := "/sign-in?next=" + url.QueryEscape("/door/admin/7?q=a%26b&x=1"); got.Header.Get("Location") != want {
		t.Errorf("sent to %q, want %q", got.Header.Get("Location"), want)
	}
	htmx := b.get(t, "/door/admin/7", "HX-Request", "true")
	if htmx.StatusCode != http.StatusUnauthorized || htmx.Header.Get("HX-Redirect") != "/sign-in" {
		t.Errorf("a script gets %d, %q", htmx.StatusCode, htmx.Header.Get("HX-Redirect"))
	}
}
