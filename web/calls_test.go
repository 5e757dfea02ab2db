package web

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"tollgate/accounts"
	"tollgate/models"
	"tollgate/usage"
)

func TestUsageIsPublishedOnDemand(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	admin := w.session(t, "admin")
	shows(t, admin.get(t, "/admin/usage"), 200, "Usage has not been published yet.", "No window is sealed yet", "Publish now")
	leads(t, admin.post(t, "/admin/usage/publish", nil), "/admin/usage")
	shows(t, admin.get(t, "/admin/usage"), 200, "Everything up to now is being sealed and sent.", "Running", "It goes on when you leave this page.")
	leads(t, admin.post(t, "/admin/usage/publish", nil), "/admin/usage")
	shows(t, admin.get(t, "/admin/usage"), 200, "Usage is being published already.")
	shows(t, admin.get(t, "/admin"), 200, "Usage publishing", "Windows waiting", "No gateway serves calls")
	shows(t, admin.get(t, "/admin/audit"), 200, "Had usage published")
}

func TestThePublishingContract(t *testing.T) {
	t.Parallel()
	const path = "/api/am/admin/v4/monetization/publish-usage"
	w := setup(t, "http://127.0.0.1:8080")
	admin, asked := w.session(t, "admin"), []string{"Accept", "application/json"}
	says := func(got answer, status int, body string) {
		t.Helper()
		if got.StatusCode != status || got.text != body {
			t.Errorf("%d %s\nwant %d %s", got.StatusCode, got.text, status, body)
		}
	}
	says(admin.get(t, path+"/status", asked...), 200, `{"state":"INITIATED","status":"INPROGRESS","startedTime":"0","lastPublsihedTime":"0"}`)
	says(admin.post(t, path, nil, asked...), 202, `{"status":"Request Accepted","message":"Server is running the usage publisher"}`)
	says(admin.post(t, path, nil, asked...), 500, `{"status":"Server could not accept the request","message":"A job is already running"}`)

	row, err := models.EnsureUsageRun(t.Context(), w.deps.People.DB)
	must(t, err)
	row.State, row.Status, row.StartedTime, row.PublishedTime, row.FinishedTime, row.AskedAt, row.AskedBy = "COMPLETED", "SUCCESSFULL", 1571748288000, 1571661888000, 1571748289000, 0, ""
	_, err = w.deps.People.DB.NewUpdate().Model(&row).WherePK().Exec(t.Context())
	must(t, err)
	says(admin.get(t, path+"/status", asked...), 200, `{"state":"COMPLETED","status":"SUCCESSFULL","startedTime":"1571748288000","lastPublsihedTime":"1571661888000"}`)

	if got := admin.ask(t, "POST", path, "", "Accept", "application/json", "Sec-Fetch-Site", "cross-site"); got.StatusCode != 403 {
		t.Errorf("from another site: %d %s", got.StatusCode, got.text)
	}
	if got := admin.ask(t, "POST", path, "", "Accept", "application/json", "Sec-Fetch-Site", "same-origin"); got.StatusCode != 403 {
		t.Errorf("without the session's token: %d %s", got.StatusCode, got.text)
	}
	for who, want := range map[string]int{"publisher": 404, "subscriber": 404} {
		b := w.session(t, who)
		shows(t, b.post(t, path, nil, asked...), want)
		shows(t, b.get(t, path+"/status", asked...), want)
	}
	stranger := &browser{w: w}
	shows(t, stranger.get(t, path+"/status", asked...), 401)
	shows(t, stranger.post(t, path, nil, asked...), 401)
}

func TestRefusedWindowsAreDecided(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	s := w.sold(t, "publisher", "subscriber", "tides")
	admin := w.session(t, "admin")
	shows(t, admin.get(t, "/admin/usage"), 200, "1 window was refused by Stripe.", "No such customer: cus_tides", "Decide about", s.refused.Identifier, s.sent.Identifier, "10 units are then not billed")
	only := admin.get(t, "/admin/usage?state=refused")
	shows(t, only, 200, s.refused.Identifier)
	if strings.Contains(only.text, s.sent.Identifier) {
		t.Error("the refused ones include what was sent")
	}
	csv := admin.get(t, "/admin/usage.csv?state=sent")
	shows(t, csv, 200, s.sent.Identifier+",sent,"+s.account+","+s.sub.UUID)

	leads(t, admin.post(t, "/admin/stripe/key", url.Values{"key": {knownKey}}), "/admin/stripe")
	shows(t, admin.get(t, "/admin"), 200, "1 window of usage was refused by Stripe and not billed so far.", "Decide about them")

	w.person(t, w.them, "eve", accounts.Admin)
	eve := w.session(t, "eve@twin.example")
	shows(t, eve.post(t, "/admin/usage/again", url.Values{"window": {s.refused.ID}}), 404)
	shows(t, eve.post(t, "/admin/usage/write-off", url.Values{"window": {s.refused.ID}, "reason": {"Mine"}}), 404)
	leads(t, eve.post(t, "/admin/usage/write-off", url.Values{"account": {s.account}, "reason": {"Mine"}}), "/admin/usage")
	shows(t, eve.get(t, "/admin/usage"), 200, "No window waits for a decision any more.", "No window is sealed yet")
	if now := w.window(t, s.refused.ID); now.State != models.WindowRefused || now.Version != s.refused.Version {
		t.Errorf("another tenant's admin made it %s", now.State)
	}

	shows(t, admin.post(t, "/admin/usage/write-off", url.Values{"account": {s.account}}), 422, "Say why it is not billed.", "open")
	leads(t, admin.post(t, "/admin/usage/again", url.Values{"window": {s.refused.ID}}), "/admin/usage")
	shows(t, admin.get(t, "/admin/usage"), 200, "1 window is sent again.")
	if now := w.window(t, s.refused.ID); now.State != models.WindowSealed || now.Problem != "" {
		t.Errorf("it is %s: %s", now.State, now.Problem)
	}
	_, err := w.deps.People.DB.NewUpdate().Model(&s.refused).Set("state = ?", models.WindowRefused).WherePK().Exec(t.Context())
	must(t, err)
	leads(t, admin.post(t, "/admin/usage/write-off", url.Values{"account": {s.account}, "reason": {"Customer left"}}), "/admin/usage")
	if now := w.window(t, s.refused.ID); now.State != models.WindowUnbillable || !strings.Contains(now.Note, "Customer left") {
		t.Errorf("it is %s: %s", now.State, now.Note)
	}
	shows(t, admin.get(t, "/admin/usage?state=unbillable"), 200, "1 window is written off. It is not billed.", "Customer left")
	shows(t, admin.get(t, "/admin/audit"), 200, "Wrote windows off", "Had refused windows sent again", "Customer left")
}

func TestUnitsAreFollowed(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	s := w.sold(t, "publisher", "subscriber", "tides")
	w.other(t, "rival", accounts.Publisher)
	fine := w.sold(t, "rival", "subscriber", "rain")
	_, err := w.deps.People.DB.NewUpdate().Model((*models.UsageCompare)(nil)).Set("agrees = ?", true).Where("subscription_id = ?", fine.sub.ID).Exec(t.Context())
	must(t, err)
	admin, own, rival := w.session(t, "admin"), w.session(t, "publisher"), w.session(t, "rival")
	shows(t, admin.get(t, "/admin/units"), 200, "tides v1", "rain v1", "Stripe counts 5 units fewer than were sent.", "10 units are on the way")
	shows(t, admin.get(t, "/admin/units.csv"), 200, s.sub.UUID, fine.sub.UUID, ",90,90,80,10,0,75,,,no,")
	lacks(t, admin.get(t, "/admin/units?show=differs"), "rain v1")
	one := "/units/" + s.sub.UUID
	shows(t, admin.get(t, "/admin"+one), 200, "Units of subscriber, tides v1", "5 fewer", s.sent.Identifier, "https://dashboard.stripe.com/acct_tides/test/subscriptions/sub_tides", "/admin/subscriptions/"+s.sub.UUID)
	shows(t, admin.get(t, "/admin"+one+"/windows.csv"), 200, s.sent.Identifier+",sent,2026-12-08T11:00:00Z,2026-12-08T12:00:00Z,0,80,80,")
	shows(t, rival.get(t, "/publisher"+one+"/windows.csv"), 404)
	shows(t, admin.get(t, "/admin"+one+"?plan="+s.plan.UUID+"&from=1"), 404)

	shows(t, own.get(t, "/publisher/units"), 200, "tides v1")
	lacks(t, own.get(t, "/publisher/units"), "rain v1")
	lacks(t, own.get(t, "/publisher/units.csv"), fine.sub.UUID)
	page := own.get(t, "/publisher/units")
	link := regexp.MustCompile(`href="(/publisher/units/[^"]+)"`).FindStringSubmatch(page.text)
	if link == nil {
		t.Fatalf("no line leads to its page: %s", page.text)
	}
	shows(t, own.get(t, strings.ReplaceAll(link[1], "&amp;", "&")), 200, "5 fewer", "/publisher/subscriptions/"+s.sub.UUID)
	shows(t, own.get(t, "/publisher/units/"+fine.sub.UUID), 404)
	shows(t, rival.get(t, "/publisher"+one), 404)
	shows(t, own.get(t, "/publisher/units?after=1.2"), 400)

	must(t, models.InsertDrift(t.Context(), w.deps.People.DB, models.Drift{TenantID: models.SuperTenant, Account: s.account, ObjectType: usage.DriftObject, ObjectID: "sub_tides/1", Field: "units",
		AMSubscriptionID: s.sub.ID, Name: "Units of December", Ours: "80 units sent", Theirs: "75 units counted by Stripe", Remedy: "Look at the meter.", FirstSeen: 1, LastSeen: 1}))
	leads(t, admin.post(t, "/admin/stripe/key", url.Values{"key": {knownKey}}), "/admin/stripe")
	must(t, models.EnsureReconciliation(t.Context(), w.deps.People.DB, models.Reconciliation{TenantID: models.SuperTenant, Kind: "events", DueAt: 1}))
	shows(t, admin.get(t, "/admin/agreement"), 200, "Needs you", "Units, counted by Stripe", `href="/admin`+one)
	shows(t, admin.get(t, "/admin"+one), 200, "80 units sent; 75 units counted by Stripe.", "Look at the meter.")
}

// lacks fails the test when an answer has some words.
func lacks(t *testing.T, got answer, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(got.text, w) {
			t.Errorf("the page shows %q", w)
		}
	}
}

func TestMonthsAreOpened(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	s := w.sold(t, "publisher", "subscriber", "tides")
	w.other(t, "rival", accounts.Publisher)
	w.sold(t, "rival", "subscriber", "rain")
	admin, own := w.session(t, "admin"), w.session(t, "publisher")
	shows(t, admin.get(t, "/admin/revenue"), 200, "December 2026", ">200<", "246.90", "24,690", "tides v1", "rain v1", "Flex tides")
	shows(t, admin.get(t, "/admin/revenue?month=2026-11"), 200, "no invoice has its date in this month", "October 2026", "December 2026")
	shows(t, admin.get(t, "/admin/revenue?month=2031-01"), 200, `value="2026-12"`)

	for by, words := range map[string][]string{"api": {"tides v1", ">100<", ">90<"}, "plan": {"Flex tides", ">90<"}, "subscription": {"tides widget: tides v1, Flex tides", "/publisher/subscriptions/" + s.sub.UUID}} {
		got := own.get(t, "/publisher/usage?by="+by)
		shows(t, got, 200, append(words, "123.45", "12,345", "not paid yet")...)
		lacks(t, got, "rain", "246.90")
	}
	csv := own.get(t, "/publisher/usage.csv")
	shows(t, csv, 200, s.sub.UUID+",subscriber,tides widget,100,90,90,JPY,1,12345,0,12345,0", s.sub.UUID+",subscriber,tides widget,,,,USD,1,123.45,123.45,0.00,0.00")
	shows(t, own.get(t, "/publisher/usage?api="+s.api.UUID), 200, "Usage and revenue of tides v1")
	shows(t, own.get(t, "/publisher/usage?api="+models.NewID()), 404)
	shows(t, w.session(t, "rival").get(t, "/publisher/usage?api="+s.api.UUID), 404)
	shows(t, w.other(t, "new", accounts.Publisher).get(t, "/publisher/usage"), 200, "You have no API yet")
}

func TestGatewaysAndTheirCredentials(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	w.deps.LeaseSize = func(p models.Policy) int64 { return p.Quota / 50 }
	w.app = assemble(w.deps, Routes(w.deps))
	w.sold(t, "publisher", "subscriber", "tides")
	admin := w.session(t, "admin")
	shows(t, admin.get(t, "/admin/gateways"), 200, "No gateway serves calls", "Flex tides", "200 units at most")
	at := models.At(w.now)
	for _, g := range []models.Gateway{
		{Writer: "1", Kind: "gateway", Name: "edge-1", Address: "10.9.8.1:8243", StartedAt: at, SeenAt: at, Served: 4242},
		{Writer: "2", Kind: "gateway", Name: "edge-2", Address: "10.9.8.2:8243", StartedAt: at, SeenAt: at, Problem: "The disk is full."},
		{Writer: "3", Kind: "gateway", Name: "edge-3", Address: "10.9.8.3:8243", StartedAt: at, SeenAt: at - 60_000},
		{Writer: "4", Kind: "gateway", Name: "edge-4", Address: "10.9.8.4:8243", StartedAt: at, SeenAt: at, StoppedAt: at},
	} {
		must(t, models.SaveGateway(t.Context(), w.deps.People.DB, g))
	}
	shows(t, admin.get(t, "/admin/gateways"), 200, "2 gateways serve calls.", "edge-1", "4,242", "10.9.8.1:8243", "The disk is full.", "Silent", "Stopped")
	w.person(t, w.them, "eve", accounts.Admin)
	eve := w.session(t, "eve@twin.example")
	other := eve.get(t, "/admin/gateways")
	shows(t, other, 200, "2 gateways serve calls.", "Process 1")
	lacks(t, other, "edge-1", "10.9.8.1", "4,242", "The disk is full.")

	shows(t, admin.post(t, "/admin/gateways/credentials", url.Values{"name": {" "}}), 422, "One field needs another look")
	made := admin.post(t, "/admin/gateways/credentials", url.Values{"name": {"Frankfurt"}})
	shows(t, made, 200, "Frankfurt can sign in", "shown only this once")
	text := regexp.MustCompile(`id="credential">([^<]+)<`).FindStringSubmatch(made.text)
	if text == nil {
		t.Fatalf("no credential on %s", made.text)
	}
	tenant, id, err := w.deps.Credentials.Authenticate(t.Context(), text[1])
	must(t, err)
	if tenant != models.SuperTenant {
		t.Errorf("it is of tenant %d", tenant)
	}
	after := admin.get(t, "/admin/gateways")
	shows(t, after, 200, "Frankfurt", text[1][:8], "Works")
	lacks(t, after, text[1])
	shows(t, eve.post(t, "/admin/gateways/credentials/"+id+"/revoke", nil), 404)
	leads(t, admin.post(t, "/admin/gateways/credentials/"+id+"/revoke", nil), "/admin/gateways")
	shows(t, admin.get(t, "/admin/gateways"), 200, "Revoked", "nothing can sign in with it")
	shows(t, admin.get(t, "/admin/audit"), 200, "Made a gateway credential", "Revoked a gateway credential")
}

func TestLateUsageIsDecided(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	admin := w.session(t, "admin")
	shows(t, admin.get(t, "/admin/stripe"), 200, "Use that is found late", `value="bill" checked`)
	shows(t, admin.post(t, "/admin/stripe/late-usage", url.Values{"late_usage": {"burn"}}), 422, "Choose what becomes of it.")
	leads(t, admin.post(t, "/admin/stripe/late-usage", url.Values{"late_usage": {"waive"}}), "/admin/stripe")
	shows(t, admin.get(t, "/admin/stripe"), 200, `value="waive" checked`)
	shows(t, admin.get(t, "/admin/audit"), 200, "Chose what becomes of use that is found late", "from: bill")
}

func TestPublishersChooseWhatCounts(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	own := w.session(t, "publisher")
	shows(t, own.get(t, "/publisher/apis/new"), 200, "What counts", `value="success" checked`, "never counts")
	form := url.Values{"name": {"Tides"}, "version": {"v1"}, "context": {"tides"}, "upstream": {"https://tides.example"}, "counting": {"statuses"}, "statuses": {"200, 4xy"}, "units_header": {"X Units"}, "upgrades": {"on"}}
	shows(t, own.post(t, "/publisher/apis/new", form), 422, `value="200, 4xy"`, "is neither.", `value="X Units"`, "Write the name of a header", `value="statuses" checked`, `name="upgrades" value="on" checked`)
	form.Set("statuses", "4XX 200")
	form.Set("units_header", "X-Units")
	made := own.post(t, "/publisher/apis/new", form)
	to := made.Header.Get("Location")
	leads(t, made, to)
	shows(t, own.get(t, to), 200, "Calls answered with 4xx and 200 count.", "header X-Units says", "Websockets are let through.", "/publisher/usage?api=")
	edit := own.get(t, to+"/edit")
	shows(t, edit, 200, `value="4xx, 200"`, "A change holds for calls from a few seconds on; what was counted before stays as it is.")
	row := regexp.MustCompile(`name="row" value="(\d+)"`).FindStringSubmatch(edit.text)
	form.Set("row", row[1])
	form.Set("counting", "all")
	form.Del("upgrades")
	leads(t, own.post(t, to+"/edit", form), to)
	shows(t, own.get(t, to), 200, "Every call that is answered counts, errors too.", "Websockets are not let through.")
	shows(t, w.session(t, "admin").get(t, "/admin/audit"), 200, "counting: all", "counting: statuses 4xx,200", "units header: X-Units")
	product := own.get(t, "/publisher/products/new")
	shows(t, product, 200, "It holds for calls through this API product, whatever its APIs say of their own.")
	lacks(t, product, "Let websockets through")
}
