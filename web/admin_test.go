package web

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/models"
)

// shows fails the test unless an answer is a page with these words.
func shows(t *testing.T, got answer, status int, words ...string) {
	t.Helper()
	if got.StatusCode != status {
		t.Errorf("%d, want %d: %s", got.StatusCode, status, got.text)
	}
	for _, want := range words {
		if !strings.Contains(got.text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// leads fails the test unless an answer leads to a path.
func leads(t *testing.T, got answer, to string) {
	t.Helper()
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != to {
		t.Errorf("%d to %q, want %q: %.300s", got.StatusCode, got.Header.Get("Location"), to, got.text)
	}
}

func TestTheOverviewSaysWhatToDoNext(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	b := w.session(t, "admin")
	shows(t, b.get(t, "/admin"), 200, "Stripe is not set up", `href="/admin/stripe"`, "Enter the Stripe key")
	leads(t, b.post(t, "/admin/stripe/key", url.Values{"key": {knownKey}}), "/admin/stripe")
	shows(t, b.get(t, "/admin"), 200, "Set up webhooks", "acct_Platform")
	for _, scope := range []string{"connect", "platform"} {
		leads(t, b.post(t, "/admin/stripe/webhooks/"+scope, url.Values{"secret": {"whsec_" + strings.Repeat(scope, 5)}}), "/admin/stripe")
	}
	shows(t, b.get(t, "/admin"), 200, "There is no business plan yet", "Create a business plan")
	must(t, w.deps.Tenants.NoteStripe(t.Context(), models.SuperTenant, "Expired API Key provided."))
	shows(t, b.get(t, "/admin"), 200, "Stripe refuses the key: Expired API Key provided.", "Enter another key")
}

func TestAdminsLookAfterPeople(t *testing.T) {
	t.Parallel()
	w := setup(t, "https://portal.example")
	b := w.session(t, "admin")
	shows(t, b.get(t, "/admin/people"), 200, "publisher", "subscriber", "Add a person")
	shows(t, b.get(t, "/admin/people?role=publisher&q=PUB"), 200, ">publisher<")
	shows(t, b.get(t, "/admin/people?q=nobody-at-all"), 200, "Nobody is found", `value="nobody-at-all"`)

	wrong := b.post(t, "/admin/people/new", url.Values{"username": {"Ada Byron"}, "display_name": {`"><b>Ada`}, "email": {"ada@example.com"}, "roles": {"publisher", "subscriber"}})
	shows(t, wrong, 422, `value="Ada Byron"`, `value="&#34;&gt;&lt;b&gt;Ada"`, "small letters", `value="publisher" checked`)

	made := b.post(t, "/admin/people/new", url.Values{"username": {"ada"}, "display_name": {"Ada"}, "roles": {"publisher", "subscriber"}})
	shows(t, made, 200, "Ada is added", "shown only now")
	link := regexp.MustCompile(`https://portal\.example(/account/link/[A-Za-z0-9_-]{43})`).FindStringSubmatch(made.text)
	if link == nil {
		t.Fatalf("no link on %s", made.text)
	}
	visitor := &browser{w: w}
	leads(t, visitor.post(t, link[1], url.Values{"new": {"a new password"}, "again": {"a new password"}}), "/publisher")

	page, err := w.deps.People.List(t.Context(), accounts.System(models.SuperTenant, ""), models.PeopleFilter{Search: "ada"}, 5)
	must(t, err)
	path := "/admin/people/" + page.People[0].ID
	shows(t, b.get(t, path), 200, "Keep this person out", "Make a link")
	shows(t, b.post(t, path, url.Values{"display_name": {""}, "roles": {"admin"}}), 422, "Enter a name.")
	leads(t, b.post(t, path, url.Values{"display_name": {"Ada Byron"}, "roles": {"admin"}}), "/admin/people")
	leads(t, b.post(t, path+"/disable", nil), "/admin/people")
	shows(t, b.get(t, path), 200, "Kept out", "Let in again")
	leads(t, b.post(t, path+"/link", nil), path)
	shows(t, b.get(t, path), 200, "Enable them first")
	leads(t, b.post(t, path+"/enable", nil), "/admin/people")
	leads(t, b.post(t, path+"/disable", nil), "/admin/people")

	me, err := w.deps.Sessions.Find(t.Context(), b.cookie)
	must(t, err)
	shows(t, b.post(t, "/admin/people/"+me.Actor.Person, url.Values{"display_name": {"Me"}, "roles": {"publisher"}}), 422, "only admin")
	leads(t, b.post(t, "/admin/people/"+me.Actor.Person+"/disable", nil), "/admin/people/"+me.Actor.Person)
	shows(t, b.get(t, "/admin/people/"+me.Actor.Person), 200, "only admin")
	shows(t, b.get(t, "/admin/audit"), 200, "Added a person", "Kept a person out", "ada", "Made a link to set a password")
}

func TestAKeyIsNeverShownAgain(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	b := w.session(t, "admin")
	shows(t, b.get(t, "/admin/stripe"), 200, "No key", "http://127.0.0.1:8080/api/am/stripe/webhook", "checkout.session.completed", "Stripe cannot reach 127.0.0.1:8080")
	secret := "sk_test_BBBBBBBBBBBBBBBBBBBB2222"
	wrong := b.post(t, "/admin/stripe/key", url.Values{"key": {secret}})
	shows(t, wrong, 422, "Stripe refuses this key: Invalid API Key provided.")
	live := b.post(t, "/admin/stripe/key", url.Values{"key": {"sk_live_BBBBBBBBBBBBBBBBBBBB2222"}})
	shows(t, live, 422, "This is a live key, but this installation runs in test mode.")
	leads(t, b.post(t, "/admin/stripe/key", url.Values{"key": {knownKey}}), "/admin/stripe")
	after := b.get(t, "/admin/stripe")
	shows(t, after, 200, "acct_Platform", "…1111", "Webhooks missing")
	hook := "whsec_" + strings.Repeat("c0ffee", 6)
	shows(t, b.post(t, "/admin/stripe/webhooks/connect", url.Values{"secret": {"whsec_short"}}), 422, "not a signing secret")
	leads(t, b.post(t, "/admin/stripe/webhooks/connect", url.Values{"secret": {hook}}), "/admin/stripe")
	shows(t, b.post(t, "/admin/stripe/webhooks/elsewhere", url.Values{"secret": {hook}}), 404)
	leads(t, b.post(t, "/admin/stripe/webhooks/register", nil), "/admin/stripe")
	final := b.get(t, "/admin/stripe")
	shows(t, final, 200, "Known", "Set TOLLGATE_PUBLIC_URL")
	audit := b.get(t, "/admin/audit")
	shows(t, audit, 200, "Entered a Stripe key", "Entered a signing secret")
	for _, got := range []answer{wrong, live, after, final, audit} {
		for _, s := range []string{secret, knownKey, hook, "BBBBBBBB"} {
			if strings.Contains(got.text, s) {
				t.Errorf("a page shows %s", s)
			}
		}
	}
	for _, s := range []string{secret, knownKey, hook} {
		if strings.Contains(w.logs.String(), s) {
			t.Errorf("the log shows %s", s)
		}
	}
}

func TestAnotherTenantsAdminFindsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	w.person(t, w.them, "eve", accounts.Admin, accounts.Publisher)
	eve := w.session(t, "eve@twin.example")
	own := w.session(t, "publisher")
	db := w.deps.People.DB
	mine, err := w.deps.Sessions.Find(t.Context(), own.cookie)
	must(t, err)
	var linked models.ConnectedAccount
	must(t, models.InTx(t.Context(), db, func(ctx context.Context, tx bun.Tx) (err error) {
		linked, err = w.deps.Accounts.Link(ctx, tx, mine.Actor, "acct_Platform", accounts.AccountValues{StripeAccount: "acct_ours", Name: "Northwind"})
		return err
	}))
	event := models.StripeEvent{TenantID: models.SuperTenant, ID: "evt_ours", Type: "invoice.paid", ObjectType: "invoice", ObjectID: "in_1", Source: "webhook", State: models.EventFailed, Outcome: "No.", ReceivedAt: 5, CreatedAt: 5}
	_, err = models.InsertStripeEvent(t.Context(), db, event)
	must(t, err)
	must(t, models.InsertJob(t.Context(), db, models.Job{ID: "job-ours", TenantID: models.SuperTenant, Kind: "billing.push_plan", Subject: "plan/1", Task: "{}", State: models.JobFailed, Problem: "Stripe said no.", CreatedAt: 5}))

	admin := w.session(t, "admin")
	shows(t, admin.get(t, "/admin/accounts"), 200, "acct_ours", "publisher", "Cannot charge")
	shows(t, admin.get(t, "/admin/webhooks?state=failed"), 200, "evt_ours", "Process again", "No.")
	shows(t, admin.get(t, "/admin/work"), 200, "Bring a business plan to Stripe", "Stripe said no.", "Try again")
	for path, secret := range map[string]string{"/admin/accounts": "acct_ours", "/admin/webhooks": "evt_ours", "/admin/work": "Stripe said no.", "/admin/people": "subscriber@", "/admin/audit": "Linked"} {
		got := eve.get(t, path)
		shows(t, got, 200)
		if strings.Contains(got.text, secret) {
			t.Errorf("%s shows another tenant's %s", path, secret)
		}
	}
	for _, path := range []string{
		"/admin/accounts/" + linked.ID + "/release", "/admin/webhooks/evt_ours/again", "/admin/work/job-ours/again",
		"/admin/people/" + mine.Actor.Person + "/disable", "/admin/people/" + mine.Actor.Person + "/link",
	} {
		shows(t, eve.post(t, path, nil), 404)
	}
	shows(t, eve.get(t, "/admin/people/"+mine.Actor.Person), 404)
	leads(t, eve.post(t, "/admin/settings", url.Values{"name": {"Taken over"}}), "/admin/settings")
	shows(t, admin.get(t, "/admin/settings"), 200, "Acme APIs")

	leads(t, admin.post(t, "/admin/work/job-ours/again", nil), "/admin/work")
	shows(t, admin.get(t, "/admin/work"), 200, "It is being tried again.", "Under way")
	leads(t, admin.post(t, "/admin/accounts/"+linked.ID+"/release", nil), "/admin/accounts")
	shows(t, admin.get(t, "/admin/accounts"), 200, "No account is linked yet")
}

func TestSettingsAreChosen(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	b := w.session(t, "admin")
	shows(t, b.post(t, "/admin/settings", url.Values{"name": {"Acme"}, "fee_percent": {"2,5"}, "catalogue_public": {"on"}}), 422, `value="2,5"`, "0 to 100", "checked")
	leads(t, b.post(t, "/admin/settings", url.Values{"name": {"Acme & Co"}, "fee_percent": {"2.50"}}), "/admin/settings")
	shows(t, b.get(t, "/admin/settings"), 200, "The settings are saved.", "Acme &amp; Co", `value="2.5"`)
}
