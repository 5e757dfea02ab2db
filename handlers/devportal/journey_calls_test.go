package devportal_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/browser"
	"tollgate/usage"
)

// inspect keeps a picture of the page, and looks for what keeps people from using it.
func inspect(p *browser.Page, name string, scripts bool) {
	shoot(p, name)
	if scripts {
		p.Axe()
		p.Dark(true)
		p.Axe()
		p.Dark(false)
	}
}

// calls gets a key, loses it and gets another; then calls are made, and seen.
func (m *market) calls(t *testing.T, p *browser.Page, name string, scripts bool) {
	t.Helper()
	p.See("The application has no key yet.")
	p.See("https://api.acme.example/weather/v1")
	p.Click("Generate key")
	p.Fill("Name", "Web server")
	p.Click("Generate key")
	p.See("Copy it now.")
	p.See("curl -i")
	first := keyOn(t, p)
	inspect(p, "key-new", scripts)
	p.Click("I have copied it")
	p.See("Web server")
	p.See(first[:10] + "…")
	p.NotSee(first)
	inspect(p, "application-keys", scripts)
	p.Within("Web server").Click("Rotate")
	inspect(p, "key", scripts)
	p.Choose("When this key stops", "In 1 hour")
	p.Within("You choose how long").Click("Rotate")
	p.See("Web server (replaced) works until")
	if keyOn(t, p) == first {
		t.Error("the key that follows is the same")
	}
	p.Click("I have copied it")
	p.Within("Web server (replaced)").Click("Revoke")
	p.See("This cannot be taken back.")
	p.Within("This cannot be taken back.").Click("Revoke")
	p.See("The key is revoked.")

	p.Within("Gold").Click("Weather v1")
	p.Click("Usage of this subscription")
	p.See("Make the first call")
	m.called(t, name)
	p.Open(p.URL())
	p.See("5 calls, of which 3 count.")
	p.See("most on")
	inspect(p, "usage", scripts)
	p.Click("7 days")
	p.See("The 7 days before: 0")
	p.Click("Other days")
	p.See("Last day")
	p.Click("Show")
	p.See("5 calls")
	p.Click("Calls one by one")
	p.See("only 2xx counts")
	inspect(p, "calls", scripts)
	p.Click("Not counted")
	p.See("2 calls")
	p.Click("Usage of this subscription")
	p.Click("Subscription")
	p.See("3 counted, 2 not")
	inspect(p, "called", scripts)
	p.Open(m.base + "/devportal/usage")
	p.See("By subscription")
	inspect(p, "usage-all", scripts)
	p.Within("Gold").Click("Weather v1")
	p.Click("Subscription")
}

var keyText = regexp.MustCompile(`>(tg[ps]_[0-9A-Za-z]{49})<`)

func keyOn(t *testing.T, p *browser.Page) string {
	t.Helper()
	found := keyText.FindStringSubmatch(p.HTML())
	if found == nil {
		t.Fatal("the page shows no key")
	}
	return found[1]
}

// called writes five calls of the newest subscription of an application down, as a
// gateway does: three that count.
func (m *market) called(t *testing.T, name string) {
	t.Helper()
	buyer := ok[accounts.Actor](t)(m.deps.People.SignIn(t.Context(), accounts.Attempt{Username: "subscriber", Password: password, Address: "192.0.2.1"}))
	mine := ok[billing.Page](t)(m.deps.Subscriptions.Mine(t.Context(), buyer, billing.ListQuery{}))
	i := slices.IndexFunc(mine.Rows, func(o billing.Overview) bool { return o.ApplicationName == name })
	sub := mine.Rows[i]
	for _, status := range []int{200, 204, 200, 404, 502} {
		must(t, m.ledger.Record(t.Context(), usage.Call{ID: usage.NewCallID(m.deps.Wall.Now()), Tenant: sub.TenantID, Subscription: sub.ID, API: sub.APIID, Policy: sub.PolicyID,
			Metered: sub.Price.Metered(), Status: status, Counted: status < 300, Units: 1, Took: 42 * time.Millisecond}))
	}
}
