package sandbox_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/internal/browser"
)

// TestSettingsAndFaultsAreForEverybody looks at the pages of settings, secrets,
// faults and bank debits as TestPagesAreForEverybody does at the others. With
// SANDBOX_SHOTS it leaves pictures of them in that directory.
func TestSettingsAndFaultsAreForEverybody(t *testing.T) {
	t.Parallel()
	for _, dark := range []bool{false, true} {
		t.Run("dark "+strconv.FormatBool(dark), func(t *testing.T) {
			t.Parallel()
			s, in := newShop(t), newInbox(t)
			endpoint, _ := s.listen(in, "enabled_events[]=*")
			s.post("/_sandbox/webhook_endpoints/"+endpoint+"/roll", `{"hours":12}`)
			p := browser.New(t)
			look := func(what string) {
				t.Helper()
				p.Axe()
				fitsAPhone(t, p, what, dark)
				shoot(t, p, what, dark)
				p.Dark(dark)
			}
			p.Dark(dark)
			d := s.url + "/dashboard/" + s.account()
			p.Open(d + "/settings")
			look("settings")
			p.Fill("Days between attempts", "soon")
			p.Click("Save settings")
			p.See("Write whole numbers of days")
			look("settings that are wrong")
			p.Open(d + "/webhook_endpoint/" + endpoint + "/secret")
			look("a rolled secret")
			p.Open(s.url + "/faults")
			look("no faults")
			s.inject(`{"call":"POST /v1/prices","status":503,"standing":true,"percent":30,"seed":7}`)
			s.inject(`{"webhook":"invoice.*","how":"version","version":"2026-04-22.dahlia","times":3,"account":"` + s.account() + `"}`)
			p.Open(s.url + "/faults")
			p.Click("Send late")
			look("a form for a fault")
			p.Open(s.checkout(s.fixed, "1").text("url"))
			p.Click("Pay by bank debit instead")
			look("a bank debit")
			_, id := s.debited("pays")
			p.Open(s.must("GET /v1/subscriptions/"+id, "expand[]=latest_invoice").text("latest_invoice.hosted_invoice_url"))
			look("a debit on its way")
			p.Open(s.unapproved())
			look("an invoice to approve")
		})
	}
}

// shoot leaves pictures of a page where somebody asked for them.
func shoot(t *testing.T, p *browser.Page, what string, dark bool) {
	t.Helper()
	dir := os.Getenv("SANDBOX_SHOTS")
	if dir == "" {
		return
	}
	name := strings.ReplaceAll(what, " ", "-") + map[bool]string{true: "-dark", false: ""}[dark]
	for _, width := range []int{1280, 390} {
		p.Screenshot(filepath.Join(dir, name+"-"+strconv.Itoa(width)+".png"), width, dark)
	}
}

// unapproved is the page of a renewal that its bank wants approved.
func (s shop) unapproved() string {
	s.t.Helper()
	id := s.renewsWith("pm_card_authenticationRequired")
	s.advance(month + 2*time.Hour)
	return s.must("GET /v1/subscriptions/"+id, "expand[]=latest_invoice").text("latest_invoice.hosted_invoice_url")
}

// TestAPersonMakesThingsGoWrong goes through the forms without scripts.
func TestAPersonMakesThingsGoWrong(t *testing.T) {
	t.Parallel()
	s, p := newShop(t), browser.New(t)
	p.DisableScripts()
	p.Open(s.url + "/faults")
	p.Click("Answer with an error")
	form := p.Within("The call is answered with a status of your choice")
	form.Fill("Status", "200")
	form.Click("Answer with an error")
	p.See("A call is answered with 400 to 599")
	form = p.Within("The call is answered with a status of your choice")
	form.Fill("Status", "503")
	form.Choose("How often", "Until it is removed")
	form.Click("Answer with an error")
	p.See("It will go wrong as asked for.")
	if r := s.do("POST /v1/products", "name=Gold"); r.status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", r.status, r.body)
	}
	p.Click("Remove")
	p.See("The fault is removed.")
	s.must("POST /v1/products", "name=Gold")
}

// A debit needs the address that was typed, and keeps it when something is wrong.
func TestADebitAsksForAnAddress(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	session := s.must("POST /v1/checkout/sessions", "mode=subscription&line_items[0][price]="+s.fixed+"&line_items[0][quantity]=1&success_url=http://127.0.0.1/done")
	status, _, page := browse(t).post(session.text("url"), url.Values{"email": {"ada"}, "name": {"Ada"}, "debit": {"pays"}})
	if status != http.StatusUnprocessableEntity || !strings.Contains(page, "Write an e-mail address") || !strings.Contains(page, `value="Ada"`) {
		t.Errorf("%d %s", status, page)
	}
	if strings.Contains(page, "number-problem") {
		t.Error("a debit asks for a card")
	}
}
