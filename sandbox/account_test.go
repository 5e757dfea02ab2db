package sandbox

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/internal/clock"
)

// ask makes one call and returns status and body.
func ask(t *testing.T, s *Server, line, form string, header ...string) (int, tree) {
	t.Helper()
	method, path, _ := strings.Cut(line, " ")
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form))
	r.Header.Set("Authorization", "Bearer sk_test_0123456789abcdef")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	body, err := parseJSON(w.Body.Bytes())
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, w.Body)
	}
	return w.Code, body.(tree)
}

// post sends an empty POST with an idempotency key to a handler.
func post(t *testing.T, h http.Handler, key string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/fail", nil)
	r.Header.Set("Authorization", "Bearer sk_test_0123456789abcdef")
	r.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// open returns a sandbox in memory whose wall clock stands at *now.
func open(t *testing.T, now *time.Time) *Server {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: ":memory:", BaseURL: "http://sandbox.test/", Wall: clock.NewWall(func() time.Time { return *now })})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOnboardingLetsAnAccountCharge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := open(t, &now)
	_, account := ask(t, s, "POST /v1/accounts", "type=standard&country=DE")
	id := account["id"].(string)
	if account["charges_enabled"] != false || account["default_currency"] != "eur" {
		t.Errorf("a new account: %v", account)
	}
	form := url.Values{"account": {id}, "type": {"account_onboarding"}, "refresh_url": {"http://us.test/again"}, "return_url": {"http://us.test/done"}}
	_, link := ask(t, s, "POST /v1/account_links", form.Encode())
	address, ok := strings.CutPrefix(link["url"].(string), "http://sandbox.test/setup/"+id+"/")
	if !ok || link["id"] != nil {
		t.Fatalf("the link is %v", link)
	}
	if a, _, ok, err := s.useAccountLink(t.Context(), id, address); err != nil || !ok || a.ID != id {
		t.Fatalf("the link does not open: %v", err)
	}
	if _, l, ok, err := s.useAccountLink(t.Context(), id, address); err != nil || ok || l.RefreshURL != "http://us.test/again" {
		t.Errorf("the link opens twice: %v", err)
	}
	if _, _, _, err := s.useAccountLink(t.Context(), id, "acctlink_guess"); err == nil {
		t.Error("a guessed link opens")
	}
	if err := s.completeOnboarding(t.Context(), id, "Weather Ltd"); err != nil {
		t.Fatal(err)
	}
	_, account = ask(t, s, "GET /v1/accounts/"+id, "")
	if account["charges_enabled"] != true || account["details_submitted"] != true {
		t.Errorf("after onboarding: %v", account)
	}
	_, events := ask(t, s, "GET /v1/events?type=account.updated", "", "Stripe-Account", id)
	event := events["data"].([]any)[0].(tree)
	if previous := event["data"].(tree)["previous_attributes"].(tree); previous["charges_enabled"] != false || event["account"] != id {
		t.Errorf("the event: %v", event)
	}
}

func TestAccountLinksExpire(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := open(t, &now)
	_, account := ask(t, s, "POST /v1/accounts", "")
	id := account["id"].(string)
	_, link := ask(t, s, "POST /v1/account_links", "type=account_onboarding&account="+id+"&refresh_url=http://us.test/a&return_url=http://us.test/b")
	now = now.Add(6 * time.Minute)
	_, _, ok, err := s.useAccountLink(t.Context(), id, link["url"].(string)[strings.LastIndex(link["url"].(string), "/")+1:])
	if err != nil || ok {
		t.Errorf("an old link opens (%v)", err)
	}
	if status, _ := ask(t, s, "POST /v1/account_links", "type=account_onboarding&account="+id+"&refresh_url=x&return_url=http://us.test/b"); status != http.StatusBadRequest {
		t.Errorf("a refresh_url that is none: %d", status)
	}
}

func TestDeletedAccountsAreOutOfReach(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := open(t, &now)
	_, account := ask(t, s, "POST /v1/accounts", "controller[stripe_dashboard][type]=none&controller[requirement_collection]=application&metadata[a]=b")
	id := account["id"].(string)
	if account["type"] != "none" {
		t.Errorf("type %v", account["type"])
	}
	if status, _ := ask(t, s, "POST /v1/accounts/"+id, "business_profile[name]=Weather&email=w@example.com"); status != 200 {
		t.Errorf("update: %d", status)
	}
	if status, gone := ask(t, s, "DELETE /v1/accounts/"+id, ""); status != 200 || gone["deleted"] != true {
		t.Errorf("delete: %v", gone)
	}
	if status, _ := ask(t, s, "GET /v1/products", "", "Stripe-Account", id); status != http.StatusForbidden {
		t.Errorf("a deleted account still answers: %d", status)
	}
	_, list := ask(t, s, "GET /v1/accounts", "")
	if n := len(list["data"].([]any)); n != 0 {
		t.Errorf("%d accounts are listed", n)
	}
}
