package devportal_test

import (
	"testing"
	"time"

	"github.com/a-h/templ"

	"tollgate/internal/golden"
	"tollgate/money"
	"tollgate/views/layout"
	"tollgate/views/page/devportal"
	"tollgate/views/ui"
)

// hostile tries to leave every place where text goes.
const hostile = `"><script>alert(1)</script>`

var (
	usd  = money.MustCurrency("usd")
	eur  = money.MustCurrency("eur")
	now  = time.Date(2026, 12, 8, 14, 32, 0, 0, time.UTC)
	gold = devportal.Price{Amount: money.New(4900, usd), Per: "a month"}
	payg = devportal.Price{Rate: rate("0.002"), Per: "per call"}
)

func rate(decimal string) money.Rate {
	r, err := money.ParseRate(decimal, usd)
	if err != nil {
		panic(err) // the tests say only decimals
	}
	return r
}

func day(month time.Month, d int) time.Time { return time.Date(2026, month, d, 10, 14, 0, 0, time.UTC) }

func visitor(title, current string) layout.Frame {
	return layout.Frame{
		Title: title, Portal: layout.Devportal, Tenant: "Acme APIs", Current: current, Path: current, FormToken: "tok_1",
		Tape: &layout.Tape{Now: now, URL: "http://localhost:8281/"},
	}
}

func frame(title, current string, crumbs ...ui.Link) layout.Frame {
	f := visitor(title, current)
	f.Person = &layout.Person{Name: "Ada Byron", Detail: "Subscriber"}
	return f.With(crumbs...)
}

// evil is a frame of hostile text.
func evil() layout.Frame {
	return layout.Frame{
		Title: hostile, Portal: layout.Devportal, Tenant: hostile, FormToken: hostile, Path: hostile,
		Person:  &layout.Person{Name: hostile, Detail: hostile},
		Notices: []layout.Notice{{Tone: ui.Good, Text: hostile}}, Crumbs: []ui.Link{{Href: hostile, Label: hostile}, {Label: hostile}},
	}
}

// tried renders each page, compares it with its golden file and checks it.
func tried(t *testing.T, pages map[string]templ.Component) {
	t.Helper()
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.HTML(t, name, page)
		})
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	tried(t, catalogue())
	tried(t, applications())
	tried(t, subscriptions())
	tried(t, invoices())
}
