package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"tollgate/internal/browser"
	"tollgate/internal/testdb"
)

var (
	linkOf = regexp.MustCompile(`<a [^>]*href="(/[^"#]*)"`)
	idIn   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|\?.*$`)
)

// elsewhere are links that lead out of the portal, or only do something.
var elsewhere = []string{"/api/am/", "/static/", "/healthz", "/readyz"}

// Every page that somebody can reach by links is free of serious accessibility
// problems, in light and in dark, and small enough to load fast.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t.TempDir()))
	r.soldOnce()
	for _, who := range []string{"", "admin", "publisher", "subscriber"} {
		t.Run("as "+who, func(t *testing.T) {
			t.Parallel()
			mine := *r
			mine.t = t
			mine.crawl(who)
		})
	}
}

// soldOnce makes a paid subscription, so that there is something on every page.
func (r *running) soldOnce() {
	p := r.signIn("subscriber", true)
	p.Open(r.portal + "/devportal?q=city")
	p.Click("City Weather v1")
	p.Choose("Application", "Forecast widget")
	p.Within("9.00 USD a month No cap").Click("Subscribe")
	p.Click("Complete Payment")
	p.Fill("Card number", "4242 4242 4242 4242")
	p.Fill("Expires", "04 / 35")
	p.Fill("CVC", "123")
	p.Fill("Name on card", "Ada Byron")
	p.Click("Pay 9.00 USD in the sandbox")
	p.See("View Invoice")
}

// crawl visits one page of every kind that who ("" for a visitor) can reach.
func (r *running) crawl(who string) {
	p := browser.New(r.t)
	home := "/devportal"
	if who != "" {
		p = r.signIn(who, true)
		home = "/"
	}
	seen := map[string]bool{}
	for todo := []string{home}; len(todo) > 0; todo = todo[1:] {
		path := todo[0]
		kind := idIn.ReplaceAllString(path, "*")
		if bare, _, _ := strings.Cut(path, "?"); seen[kind] || leads(path, elsewhere) || strings.HasSuffix(bare, ".csv") {
			continue
		}
		seen[kind] = true
		p.Open(r.portal + path)
		source := p.HTML()
		if most := 150 << 10; len(source) > most {
			r.t.Errorf("%s is %d bytes, more than %d", path, len(source), most)
		}
		for _, dark := range []bool{false, true} {
			// Colours fade over when the scheme changes; a page opened in it has them at once.
			p.Dark(dark)
			p.Open(r.portal + path)
			p.Axe()
		}
		for _, link := range linkOf.FindAllStringSubmatch(source, -1) {
			todo = append(todo, strings.ReplaceAll(link[1], "&amp;", "&"))
		}
	}
	if least := map[string]int{"": 2, "admin": 10, "publisher": 10, "subscriber": 7}[who]; len(seen) < least {
		r.t.Errorf("only %d kinds of page were reached: %v", len(seen), seen)
	}
}

func leads(path string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

// On every engine the program starts from nothing, with the demo on sale, and
// starts again.
func TestItRunsOnEveryDatabase(t *testing.T) {
	t.Parallel()
	for name, database := range testdb.URLs(t) {
		t.Run(name, func(t *testing.T) {
			env := settings(t.TempDir(), "TOLLGATE_DATABASE_URL", database, "TOLLGATE_SECRET_KEY", strings.Repeat("0f1e2d3c4b5a6978", 4))
			for range 2 {
				r := start(t, env)
				answer, err := http.Get(r.portal + "/devportal")
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if err != nil || !strings.Contains(string(body), "City Weather") || !strings.Contains(string(body), "9.00") {
					t.Errorf("%v\n%s", err, body)
				}
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestUserCommand(t *testing.T) {
	t.Parallel()
	env := settings(t.TempDir())
	say := func(args ...string) (string, error) {
		out := &printout{}
		err := run(context.Background(), args, func(name string) string { return env[name] }, out, io.Discard)
		return out.String(), err
	}
	if out, err := say("user", "add", "-name", "ada", "-roles", "admin,publisher"); err != nil || !strings.Contains(out, "/account/link/") {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := say("user", "add", "-name", "ada", "-roles", "admin"); err == nil {
		t.Error("ada was added twice")
	}
	if _, err := say("user", "add", "-name", "Bob Smith", "-roles", "king"); err == nil || !strings.Contains(err.Error(), "username") {
		t.Errorf("a bad name and role: %v", err)
	}
	if out, err := say("user", "link", "-name", "ada"); err != nil || !strings.Contains(out, "/account/link/") {
		t.Errorf("%q, %v", out, err)
	}
	for _, args := range [][]string{{"user", "link", "-name", "nobody"}, {"user"}, {"dance"}, {"serve", "gatekeeper"}} {
		if _, err := say(args...); err == nil {
			t.Errorf("%v is not refused", args)
		}
	}
	if out, err := say("version"); err != nil || !strings.HasPrefix(out, "tollgate") {
		t.Errorf("%q, %v", out, err)
	}
}
