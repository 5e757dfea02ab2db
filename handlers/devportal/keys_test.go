package devportal_test

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// secret is the text of every key that a ring makes.
const secret = "tgp_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG000000"

// A ring is the keys of the one application of a shop.
type ring struct {
	keys  []accounts.Key
	fails map[string]error
	got   map[string]any
}

func keyed(id, name string, state accounts.KeyState, expires time.Time) accounts.Key {
	k := accounts.Key{State: state}
	k.ID, k.Name, k.KeyType, k.Prefix, k.CreatedAt, k.ExpiresAt = id, name, accounts.ProductionKey, secret[:10], models.At(now), models.At(expires)
	if one := int64(1); state != accounts.KeyRevoked {
		k.Live = &one
	}
	return k
}

func (r *ring) note(what string, with any) error {
	if r.got == nil {
		r.got = map[string]any{}
	}
	r.got[what] = with
	return r.fails[what]
}

func (r *ring) List(_ context.Context, _ accounts.Actor, app string) ([]accounts.Key, error) {
	if app != "app-1" {
		return nil, fault.New(fault.NotFound, "Application not found.")
	}
	return r.keys, nil
}

func (r *ring) ByID(_ context.Context, _ accounts.Actor, app, id string) (accounts.Key, error) {
	i := slices.IndexFunc(r.keys, func(k accounts.Key) bool { return k.ID == id })
	if app != "app-1" || i < 0 {
		return accounts.Key{}, fault.New(fault.NotFound, "Key not found.")
	}
	return r.keys[i], nil
}

func (r *ring) Create(_ context.Context, _ accounts.Actor, app string, in accounts.KeyInput) (accounts.Key, string, error) {
	return keyed("k-new", in.Name, accounts.KeyActive, time.Time{}), secret, r.note("Create", in)
}

func (r *ring) Rotate(_ context.Context, _ accounts.Actor, app, id string, in accounts.RotateInput) (accounts.Key, string, error) {
	return keyed("k-new", "Web server", accounts.KeyActive, time.Time{}), secret, r.note("Rotate", in)
}

func (r *ring) Revoke(_ context.Context, _ accounts.Actor, app, id string) error {
	if app != "app-1" || id != "k1" {
		return fault.New(fault.NotFound, "Key not found.")
	}
	return r.note("Revoke", id)
}

// keyShop has an application with two keys that calls Weather.
func keyShop() *shop {
	return &shop{who: ada, apps: []models.Application{{UUID: "app-1", Name: "Widget"}}, overview: subscribed(access.Facts{NeedsPayment: true, Stripe: "active"}),
		ring: &ring{fails: map[string]error{}, keys: []accounts.Key{
			keyed("k1", "Web server", accounts.KeyActive, time.Time{}), keyed("k0", "Web server (replaced)", accounts.KeyExpiresSoon, now.Add(24*time.Hour)), keyed("k9", "Key 1", accounts.KeyRevoked, time.Time{}),
		}}}
}

func TestKeysOfAnApplication(t *testing.T) {
	t.Parallel()
	s := keyShop()
	status, _, body := s.ask(t, "/devportal/applications/app-1", nil)
	if status != 200 {
		t.Fatal(status, body)
	}
	holds(t, body, "API keys", secret[:10]+"…", "Active", "Expires soon", "Revoked", "Generate key", `value="Key 1"`, "/devportal/applications/app-1/keys/k1#revoke", "Never")
	if strings.Contains(body, secret) || strings.Contains(body, "keys/k9#") {
		t.Error("the page shows a key, or offers to revoke one that is revoked")
	}
	for i := range 5 {
		s.ring.keys = append(s.ring.keys, keyed("old"+strconv.Itoa(i), "Old "+strconv.Itoa(i), accounts.KeyRevoked, time.Time{}))
	}
	_, _, body = s.ask(t, "/devportal/applications/app-1", nil)
	holds(t, body, "Old 1", "and 3 keys that were revoked before")
	status, _, body = s.ask(t, "/devportal/applications/app-1/keys/k1", nil)
	if status != 200 {
		t.Fatal(status, body)
	}
	holds(t, body, "Web server", "refused with 401", "At once", "In 1 hour", "In 24 hours", "In 7 days", "Weather v1")
	for _, path := range []string{"/devportal/applications/app-1/keys/k2", "/devportal/applications/app-2/keys/k1"} {
		if status, _, _ := s.ask(t, path, nil); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// A key is shown by the answer to the form and by nothing else, with a call that
// can be made with it.
func TestAKeyIsShownOnce(t *testing.T) {
	t.Parallel()
	s := keyShop()
	status, to, body := s.ask(t, "/devportal/applications/app-1/keys", url.Values{"name": {"CI"}, "type": {"SANDBOX"}, "life": {"90"}})
	if status != 200 || to != "" {
		t.Fatal(status, to, body)
	}
	if got := s.ring.got["Create"]; got != (accounts.KeyInput{Name: "CI", Type: "SANDBOX", Expires: "2027-03-08"}) {
		t.Errorf("asked for %+v", got)
	}
	holds(t, body, secret, `data-copy="key"`, "curl -i", "apikey: "+secret, "https://gateway.example/t/acme.example/weather/v1/", "It is shown this once")
	s.ask(t, "/devportal/applications/app-1/keys", url.Values{"name": {"CI"}, "type": {"PRODUCTION"}, "life": {"date"}, "expires": {"2026-12-31"}})
	if got := s.ring.got["Create"]; got != (accounts.KeyInput{Name: "CI", Type: "PRODUCTION", Expires: "2026-12-31"}) {
		t.Errorf("asked for %+v", got)
	}
	s.overview.State = access.Of(access.Facts{NeedsPayment: true, Checkout: access.Open, Now: now})
	_, _, body = s.ask(t, "/devportal/applications/app-1/keys", url.Values{"name": {"CI"}, "type": {"PRODUCTION"}})
	holds(t, body, secret, "subscribed to nothing that can be called")
}

func TestAKeyFormThatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		form   url.Values
		err    error
		status int
		texts  []string
	}{
		"a name taken":    {url.Values{"name": {"CI <1>"}, "type": {"SANDBOX"}}, fault.Fields{"name": "This application has a key of this name already."}.Err(), 422, []string{"CI &lt;1&gt;", "This application has a key of this name already.", `value="SANDBOX" selected`}},
		"too many":        {url.Values{"name": {"CI"}}, fault.New(fault.Conflict, "This application has 20 keys."), 409, []string{"This application has 20 keys."}},
		"an odd life":     {url.Values{"name": {"CI"}, "life": {"9000"}}, nil, 422, []string{"Choose when it expires."}},
		"no date":         {url.Values{"name": {"CI"}, "life": {"date"}}, nil, 422, []string{"Choose the last day on which it works."}},
		"a date that was": {url.Values{"name": {"CI"}, "life": {"date"}, "expires": {"2020-01-01"}}, fault.Fields{"expires": "Choose today or a later day."}.Err(), 422, []string{"Choose today or a later day.", `value="2020-01-01"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := keyShop()
			s.ring.fails["Create"] = tt.err
			status, _, body := s.ask(t, "/devportal/applications/app-1/keys", tt.form)
			if status != tt.status || strings.Contains(body, secret) {
				t.Errorf("%d", status)
			}
			holds(t, body, tt.texts...)
			if _, asked := s.ring.got["Create"]; tt.err == nil && asked {
				t.Error("a key was made")
			}
		})
	}
}

func TestKeysAreRotatedAndRevoked(t *testing.T) {
	t.Parallel()
	const path = "/devportal/applications/app-1/keys/k1"
	s := keyShop()
	s.ring.keys[0] = keyed("k1", "Web server (replaced 2)", accounts.KeyExpiresSoon, now.Add(time.Hour))
	status, _, body := s.ask(t, path+"/rotate", url.Values{"overlap": {"1"}, "life": {"never"}})
	if status != 200 || s.ring.got["Rotate"] != (accounts.RotateInput{Overlap: time.Hour}) {
		t.Fatal(status, s.ring.got["Rotate"])
	}
	holds(t, body, secret, "Web server (replaced 2) works until", "8 Dec 2026, 15:32 UTC")
	s.ring.keys[0] = keyed("k1", "Web server", accounts.KeyRevoked, time.Time{})
	_, _, body = s.ask(t, path+"/rotate", url.Values{"overlap": {"0"}})
	holds(t, body, secret, "Web server is revoked: calls with it are refused.")

	s = keyShop()
	s.ring.fails["Rotate"] = fault.Fields{"overlap": "Choose how long the old key goes on working."}.Err()
	status, _, body = s.ask(t, path+"/rotate", url.Values{"overlap": {"x"}})
	if status != 422 || strings.Contains(body, secret) || s.ring.got["Rotate"].(accounts.RotateInput).Overlap >= 0 {
		t.Errorf("an odd overlap: %d %+v", status, s.ring.got["Rotate"])
	}
	holds(t, body, "Choose how long the old key goes on working.")
	s.ring.fails["Rotate"] = fault.New(fault.Conflict, "A key that replaces this one was made already.")
	status, _, body = s.ask(t, path+"/rotate", url.Values{"overlap": {"24"}})
	if status != 409 {
		t.Errorf("twice: %d", status)
	}
	holds(t, body, "A key that replaces this one was made already.")

	if status, to, _ := s.ask(t, path+"/revoke", url.Values{}); status != 303 || to != "/devportal/applications/app-1#keys-h" || s.ring.got["Revoke"] != "k1" {
		t.Errorf("revoked: %d %s %v", status, to, s.ring.got["Revoke"])
	}
	if status, _, _ := s.ask(t, "/devportal/applications/app-1/keys/k7/revoke", url.Values{}); status != 404 {
		t.Errorf("one that is not there: %d", status)
	}
}
