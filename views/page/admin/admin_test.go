package admin_test

import (
	"testing"
	"time"

	"github.com/a-h/templ"

	"tollgate/internal/golden"
	"tollgate/views/layout"
	"tollgate/views/page/admin"
	"tollgate/views/ui"
)

// hostile tries to leave every place where text goes.
const hostile = `"><script>alert(1)</script>`

var (
	now  = time.Date(2026, 12, 8, 14, 32, 0, 0, time.UTC)
	morn = time.Date(2026, 12, 8, 8, 5, 0, 0, time.UTC)
)

func inside(title, current string) layout.Frame {
	return layout.Frame{
		Title: title, Portal: layout.Admin, Tenant: "Acme APIs", Person: &layout.Person{Name: "Mara Quist", Detail: "Admin"},
		Portals: []layout.Portal{layout.Devportal}, Current: current, Path: current, FormToken: "tok_1",
		Tape: &layout.Tape{Now: now, URL: "http://127.0.0.1:12111/"},
	}
}

// evil is a frame whose every word is hostile.
func evil() layout.Frame {
	return layout.Frame{Title: hostile, Portal: layout.Admin, Tenant: hostile, Path: hostile, FormToken: hostile, Person: &layout.Person{Name: hostile, Detail: hostile}}
}

func calm(word, sentence string) admin.Health {
	return admin.Health{Tone: ui.Good, Word: word, Sentence: sentence, Facts: []admin.Fact{{Name: "Failed", Value: "0"}}, More: ui.Link{Href: "/admin/work", Label: "Open work"}}
}

func overviews(all map[string]templ.Component) {
	all["overview"] = admin.Overview(admin.OverviewProps{
		Frame: inside("Overview", "/admin"), Tone: ui.Good, Lead: "Everything works. 109 paid subscriptions are active.",
		Stats:  []admin.Stat{{Label: "Active subscriptions", Value: "187", Detail: "109 paid, 78 free"}, {Label: "Business plans", Value: "6", Detail: "4 commercial", Href: "/admin/plans"}},
		Stripe: calm("Connected", "Your account at Stripe answers."), Webhook: calm("Arriving", "The last event came 2 min ago."), Work: calm("Nothing failed", "Done."),
		Agreement: calm("In agreement", "What Stripe has and what is here are the same."), Usage: calm("All sent", "Everything that is sealed is at Stripe."), Gateways: calm("Working", "1 gateway serves calls."),
	})
	all["overview_begin"] = admin.Overview(admin.OverviewProps{
		Frame: inside("Overview", "/admin"), Tone: ui.Attention, Lead: "Stripe is not set up, so nothing can be sold yet.",
		Next:    ui.Link{Href: "/admin/stripe", Label: "Enter the Stripe key"},
		Stripe:  admin.Health{Tone: ui.Attention, Word: "No key", Sentence: "Enter the secret key.", More: ui.Link{Href: "/admin/stripe", Label: "Account and keys"}},
		Webhook: calm("Arriving", "Nothing yet."), Work: calm("Nothing failed", "Done."), Agreement: calm("Not compared", "Nothing yet."), Usage: calm("Not yet", "Usage has not been published yet."), Gateways: calm("Working", "1 gateway serves calls."),
	})
	bad := admin.Health{Tone: ui.Bad, Word: hostile, Sentence: hostile, Facts: []admin.Fact{{Name: hostile, Value: hostile}}, More: ui.Link{Href: "/admin", Label: hostile}}
	all["overview_hostile"] = admin.Overview(admin.OverviewProps{
		Frame: evil(), Tone: ui.Bad, Lead: hostile, Next: ui.Link{Href: "/admin", Label: hostile},
		Stats: []admin.Stat{{Label: hostile, Value: hostile, Detail: hostile}}, Stripe: bad, Webhook: bad, Work: bad, Agreement: bad, Usage: bad, Gateways: bad,
	})
}

func people(all map[string]templ.Component) {
	roles := []ui.Choice{{Value: "admin", Label: "Admin", Hint: "Runs this organisation."}, {Value: "publisher", Label: "Publisher", Hint: "Sells APIs."}}
	filters := []ui.Link{{Href: "/admin/people", Label: "All", Current: true}, {Href: "/admin/people?role=admin", Label: "Admins"}}
	all["people"] = admin.People(admin.PeopleProps{
		Frame: inside("People", "/admin/people"), Filters: filters, Pager: ui.Pager{Showing: "2 people", Next: "/admin/people?after=bob"},
		Rows: []admin.PersonRow{
			{ID: "p1", Username: "ada", Name: "Ada Byron", Email: "ada@example.com", Organization: "Northwind Weather", Roles: []string{"Publisher", "Subscriber"}, Active: true},
			{ID: "p2", Username: "bob", Name: "Bob", Roles: []string{"Subscriber"}},
		},
	})
	all["people_none"] = admin.People(admin.PeopleProps{Frame: inside("People", "/admin/people"), Search: "zoe", Filters: filters, Narrowed: true})
	all["person_new"] = admin.PersonForm(admin.PersonFormProps{
		Frame: inside("Add a person", "/admin/people"), Username: "Ada Byron", Choices: roles, Roles: []string{"publisher"},
		Problems: map[string]string{"username": "Use small letters.", "roles": "Choose at least one role."},
	})
	all["person"] = admin.PersonForm(admin.PersonFormProps{
		Frame: inside("Ada Byron", "/admin/people"), ID: "p1", Username: "ada", DisplayName: "Ada Byron", Choices: roles, Roles: []string{"admin"}, Active: true, Since: morn,
	})
	all["person_out"] = admin.PersonForm(admin.PersonFormProps{
		Frame: evil(), ID: "p1", Username: hostile, DisplayName: hostile, Email: hostile, Organization: hostile, Choices: roles, Since: morn,
		Problems: map[string]string{"display_name": hostile},
	})
	all["person_link"] = admin.PersonLink(admin.PersonLinkProps{
		Frame: inside("Link for Ada Byron", "/admin/people"), ID: "p1", Username: "ada", Link: "https://portal.example/account/link/t1", Until: now,
	})
}

func stripes(all map[string]templ.Component) {
	missing := []admin.HookRow{
		{Scope: "connect", Title: "Events of connected accounts", URL: "https://portal.example/api/am/stripe/webhook", Events: []string{"invoice.paid", "account.updated"}},
		{Scope: "platform", Title: "Events of your account", URL: "https://portal.example/api/am/stripe/webhook", Events: []string{"account.updated"}},
	}
	known := []admin.HookRow{missing[0], missing[1]}
	for i := range known {
		known[i].Known, known[i].Hint, known[i].StripeID, known[i].Version, known[i].Since = true, "…ffee", "we_1", "2025-08-27.basil", morn
	}
	all["stripe_begin"] = admin.Stripe(admin.StripeProps{
		Frame: inside("Account and keys", "/admin/stripe"), Mode: "live", LateUsage: "bill", Hooks: missing, Version: "2026-04-22.dahlia", CannotRegister: "Stripe cannot reach localhost.",
		Problems: map[string]string{"key": "This is a publishable key.", "connect": "This is not a signing secret."},
	})
	all["stripe"] = admin.Stripe(admin.StripeProps{
		Frame: inside("Account and keys", "/admin/stripe"), Mode: "sandbox", Account: "acct_1", AccountName: "Acme", KeyHint: "…1111", Hooks: known, Version: "2026-04-22.dahlia",
	})
	all["stripe_refused"] = admin.Stripe(admin.StripeProps{
		Frame: evil(), Mode: "test", Account: hostile, AccountName: hostile, KeyHint: hostile, Trouble: hostile, Hooks: missing, CannotRegister: hostile,
	})
	all["accounts"] = admin.Accounts(admin.AccountsProps{
		Frame: inside("Connected accounts", "/admin/accounts"), Rows: []admin.AccountRow{
			{ID: "c1", StripeID: "acct_1Northwind", Name: "Northwind Weather", Country: "US", Currency: "USD", Owner: "Ada Byron", Tone: ui.Good, Word: "Can charge", Checked: morn},
			{ID: "c2", StripeID: hostile, Name: hostile, Owner: hostile, Tone: ui.Attention, Word: "Something is due", Due: []string{hostile}, DueBy: now, Checked: morn},
		},
	})
	all["accounts_none"] = admin.Accounts(admin.AccountsProps{Frame: inside("Connected accounts", "/admin/accounts")})
}

func records(all map[string]templ.Component) {
	filters := []ui.Link{{Href: "/admin/webhooks", Label: "All", Current: true}, {Href: "/admin/webhooks?state=failed", Label: "Failed"}}
	all["webhooks"] = admin.Webhooks(admin.WebhooksProps{
		Frame: inside("Webhooks", "/admin/webhooks"), Lead: "The last event came 2 min ago.", Filters: filters, Pager: ui.Pager{Showing: "2 events"},
		Rows: []admin.EventRow{
			{ID: "evt_1", Type: "invoice.paid", Account: "acct_1", Object: "in_1", Tone: ui.Good, Word: "Processed", Outcome: "The subscription is active.", Happened: morn, Received: morn, Processed: morn, Again: true},
			{ID: "evt_2", Type: hostile, Object: hostile, Tone: ui.Quiet, Word: "Ignored", Outcome: hostile, Happened: morn, Received: morn},
		},
	})
	all["webhooks_none"] = admin.Webhooks(admin.WebhooksProps{Frame: inside("Webhooks", "/admin/webhooks"), Lead: "Stripe has told us nothing yet.", Filters: filters})
	all["webhooks_narrowed"] = admin.Webhooks(admin.WebhooksProps{Frame: inside("Webhooks", "/admin/webhooks"), Lead: "No event is in this state.", Filters: filters, Narrowed: true})
	all["work"] = admin.Work(admin.WorkProps{
		Frame: inside("Open work", "/admin/work"), Lead: "1 piece of work has failed.",
		Failed:   []admin.WorkRow{{ID: "j1", What: "Bring a business plan to Stripe", Subject: "plan/1", Reason: hostile, Attempts: 3, Since: morn}},
		UnderWay: []admin.WorkRow{{ID: "j2", What: "Open a Checkout", Subject: "subscription/1", Since: morn}, {ID: "j3", What: "Open a Checkout", Subject: hostile, Reason: "Stripe does not answer.", Attempts: 2, Since: morn, Next: now}},
	})
	all["work_none"] = admin.Work(admin.WorkProps{Frame: inside("Open work", "/admin/work"), Lead: "Everything is done."})
	all["audit"] = admin.Audit(admin.AuditProps{
		Frame: inside("Audit", "/admin/audit"), Pager: ui.Pager{Showing: "2 entries", Previous: "/admin/audit"},
		Rows: []admin.AuditRow{{At: now, Who: "Mara Quist", Did: "Added a person", What: "ada", Kind: "Person", Details: "roles: publisher"}, {At: morn, Who: hostile, Did: hostile, What: hostile}},
	})
	all["audit_none"] = admin.Audit(admin.AuditProps{Frame: inside("Audit", "/admin/audit")})
	all["settings"] = admin.Settings(admin.SettingsProps{Frame: inside("Settings", "/admin/settings"), Domain: "carbon.super", Name: "Acme APIs", CataloguePublic: true, FeePercent: "2.5"})
	all["settings_problem"] = admin.Settings(admin.SettingsProps{
		Frame: evil(), Domain: hostile, Name: hostile, FeePercent: hostile, Problems: map[string]string{"name": hostile, "fee_percent": "Enter a number from 0 to 100."},
	})
}

func TestPages(t *testing.T) {
	t.Parallel()
	all := map[string]templ.Component{}
	overviews(all)
	people(all)
	stripes(all)
	records(all)
	for name, page := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.HTML(t, name, page)
		})
	}
}
