// Package layout is the frames around pages: Shell for who is inside one of the
// portals, Alone for signing in and for what stands by itself.
package layout

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tollgate/views/ui"
)

// A Portal is one of the three faces of Tollgate.
type Portal string

// The portals.
const (
	Admin     Portal = "admin"
	Publisher Portal = "publisher"
	Devportal Portal = "devportal"
)

// Name is what the portal is called.
func (p Portal) Name() string {
	return map[Portal]string{"": "Tollgate", Admin: "Admin portal", Publisher: "Publisher portal", Devportal: "Developer portal"}[p]
}

// Home is where the portal begins.
func (p Portal) Home() string { return "/" + string(p) }

// A Frame is what every page says around its content.
type Frame struct {
	Title     string // of the page; the tab adds portal and tenant
	Portal    Portal // "" outside the portals
	Tenant    string // the organisation's name
	Person    *Person
	Portals   []Portal // the others this person may enter
	Current   string   // Href of the navigation's entry one is in
	Counts    map[string]string
	Unread    int64  // notices that the person has not read
	Theme     string // system, light or dark
	Tape      *Tape  // in sandbox mode
	Notices   []Notice
	FormToken string
	Path      string // of this page, to come back to
	Crumbs    []ui.Link
}

// A Person is who is signed in, as the frame shows them.
type Person struct {
	Name, Detail string
	OnlyLooks    bool // in the developer portal: is no subscriber
}

// Initials stand for a person in a circle.
func (p Person) Initials() string {
	words := strings.Fields(p.Name)
	if len(words) > 2 {
		words = []string{words[0], words[len(words)-1]}
	}
	var b strings.Builder
	for _, w := range words {
		r, _ := utf8.DecodeRuneInString(w)
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// A Tape says that this is the sandbox, and what time it is there.
type Tape struct {
	Now time.Time // business time
	URL string    // the sandbox's own pages; "" when it runs elsewhere
}

// A Notice is told once, on the page after what it is about.
type Notice struct {
	Tone ui.Tone
	Text string
}

// With returns f with the way to this page; the last crumb is the page itself.
func (f Frame) With(crumbs ...ui.Link) Frame {
	f.Crumbs = crumbs
	return f
}

func (f Frame) tab() string {
	parts := []string{f.Title}
	if f.Portal != "" {
		parts = append(parts, f.Portal.Name())
	}
	if f.Tenant != "" {
		parts = append(parts, f.Tenant)
	}
	return strings.Join(parts, " · ")
}

// unread is the number beside the bell. From a hundred on it says no more.
func (f Frame) unread() string {
	if f.Unread > 99 {
		return "99+ "
	}
	return strconv.FormatInt(f.Unread, 10) + " "
}

// An entry is one line of the navigation.
type entry struct{ href, icon, label, group string }

var navigation = map[Portal][]entry{
	"": {{"/account", "people", "Your account", ""}},
	Admin: {
		{"/admin", "home", "Overview", ""},
		{"/admin/plans", "tag", "Business plans", ""},
		{"/admin/subscriptions", "loop", "Subscriptions", ""},
		{"/admin/revenue", "chart", "Calls and revenue", ""},
		{"/admin/people", "people", "People", ""},
		{"/admin/accounts", "bank", "Connected accounts", ""},
		{"/admin/gateways", "swap", "Gateways", ""},
		{"/admin/stripe", "key", "Account and keys", "Stripe"},
		{"/admin/webhooks", "pulse", "Webhooks", ""},
		{"/admin/usage", "up", "Usage publishing", ""},
		{"/admin/units", "receipt", "Follow the units", ""},
		{"/admin/agreement", "scale", "Agreement", ""},
		{"/admin/work", "list", "Open work", ""},
		{"/admin/mails", "mail", "Mails", ""},
		{"/admin/audit", "shield", "Audit", ""},
		{"/admin/settings", "sliders", "Settings", ""},
	},
	Publisher: {
		{"/publisher", "home", "Overview", ""},
		{"/publisher/apis", "grid", "APIs", ""},
		{"/publisher/products", "box", "API products", ""},
		{"/publisher/subscriptions", "loop", "Subscriptions", ""},
		{"/publisher/usage", "chart", "Usage and revenue", ""},
		{"/publisher/units", "swap", "Follow the units", ""},
		{"/publisher/invoices", "receipt", "Invoices", ""},
		{"/publisher/accounts", "bank", "Connected accounts", ""},
	},
	Devportal: {
		{"/devportal", "grid", "APIs", ""},
		{"/devportal/subscriptions", "loop", "My subscriptions", ""},
		{"/devportal/applications", "key", "Applications", ""},
		{"/devportal/usage", "chart", "Usage", ""},
		{"/devportal/invoices", "receipt", "Invoices", ""},
	},
}

// entries are the lines of the navigation that this person may follow.
func (f Frame) entries() []entry {
	all := navigation[f.Portal]
	switch {
	case f.Portal == "":
		return append(all[:len(all):len(all)], f.doors()...)
	case f.Person == nil && len(all) > 0, f.Portal == Devportal && f.Person.OnlyLooks:
		return all[:1] // who cannot subscribe browses the APIs
	}
	return all
}

// doors lead from outside the portals into those that this person may enter.
func (f Frame) doors() []entry {
	icons := map[Portal]string{Admin: "sliders", Publisher: "box", Devportal: "grid"}
	var out []entry
	for _, p := range f.Portals {
		e := entry{href: p.Home(), icon: icons[p], label: p.Name()}
		if len(out) == 0 {
			e.group = "Portals"
		}
		out = append(out, e)
	}
	return out
}

var themes = []struct{ value, label, icon string }{
	{"system", "System", "screen"}, {"light", "Light", "sun"}, {"dark", "Dark", "moon"},
}
