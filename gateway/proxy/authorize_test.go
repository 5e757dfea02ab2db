package proxy_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"tollgate/access"
	"tollgate/gateway"
	"tollgate/gateway/proxy"
	"tollgate/gateway/upstream"
	"tollgate/internal/fault"
	"tollgate/models"
)

const credential = "tgg_good"

// credentials knows one credential for each of two tenants.
type credentials struct{}

// Authenticate returns whose credential text is.
func (credentials) Authenticate(_ context.Context, text string) (models.TenantID, string, error) {
	switch text {
	case credential:
		return models.SuperTenant, "one", nil
	case "tgg_twin":
		return 2, "two", nil
	case "tgg_broken":
		return 0, "", context.DeadlineExceeded
	}
	return 0, "", fault.New(fault.Unauthenticated, "This gateway credential is not known, or was revoked.")
}

func tenantPath(_ context.Context, tenant models.TenantID) (string, error) {
	if tenant == 2 {
		return "/t/twin.example", nil
	}
	return "", nil
}

func withCredentials(o *proxy.Options, _ *upstream.Options) {
	o.Credentials, o.TenantPath = credentials{}, tenantPath
}

// A tenant's own gateway says which call it asks about in its own way.
func TestAuthorize(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path string
		header       []string
		asked        gateway.Ask
	}{
		"nginx":          {"GET", "/gateway/authorize?nginx", []string{"X-Original-URI", "/weather/1.0/today?x=1", "X-Forwarded-Uri", "/other"}, gateway.Ask{Path: "/weather/1.0/today", Key: key, Tenant: -1234}},
		"nginx, plainly": {"POST", "/gateway/authorize", []string{"X-Original-URI", "/weather/1.0/a%62"}, gateway.Ask{Path: "/weather/1.0/ab", Key: key, Tenant: -1234}},
		"Traefik":        {"GET", "/gateway/authorize", []string{"X-Forwarded-Uri", "/weather/1.0/today", "X-Forwarded-Method", "PUT"}, gateway.Ask{Path: "/weather/1.0/today", Key: key, Tenant: -1234}},
		"Envoy":          {"PUT", "/gateway/authorize/weather/1.0/today?x=1", nil, gateway.Ask{Path: "/weather/1.0/today", Key: key, Tenant: -1234}},
		"another tenant": {"GET", "/gateway/authorize/weather/1.0/today", []string{"X-Gateway-Credential", "tgg_twin"}, gateway.Ask{Path: "/t/twin.example/weather/1.0/today", Key: key, Tenant: 2}},
		"its whole path": {"GET", "/gateway/authorize/t/twin.example/weather/1.0", []string{"X-Gateway-Credential", "tgg_twin"}, gateway.Ask{Path: "/t/twin.example/weather/1.0", Key: key, Tenant: 2}},
	} {
		w := setup(t, withCredentials)
		resp, text := w.ask(t, w.request(t, c.method, c.path, nil, append([]string{"X-Gateway-Credential", credential}, c.header...)...))
		h := resp.Header
		if resp.StatusCode != 200 || text != "" || h.Get("X-Subscription") != w.pass.UUID || len(h.Get("X-Call-Id")) != 36 || h.Get("RateLimit") == "" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %q", name, resp.StatusCode, h, text)
		}
		if len(w.asked) != 1 || w.asked[0] != c.asked {
			t.Errorf("%s: the gate was asked %+v", name, w.asked)
		}
		if len(w.recorded()) != 0 || len(w.reached()) != 0 || len(w.settled) != 1 || w.settled[0] != 0 {
			t.Errorf("%s: recorded %v, settled %v", name, w.recorded(), w.settled)
		}
		if w.handler.Stats().Authorized != 1 {
			t.Errorf("%s: %+v", name, w.handler.Stats())
		}
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path string
		header       []string
		status       int
		kind         string
		asked        bool
	}{
		"no credential":      {"GET", "/gateway/authorize/x", []string{"X-Gateway-Credential", ""}, 401, "unknown-credential", false},
		"a wrong credential": {"GET", "/gateway/authorize/x", []string{"X-Gateway-Credential", "tgg_bad"}, 401, "unknown-credential", false},
		"nobody knows":       {"GET", "/gateway/authorize/x", []string{"X-Gateway-Credential", "tgg_broken"}, 503, "not-ready", false},
		"no call":            {"GET", "/gateway/authorize", nil, 400, "bad-request", false},
		"two calls":          {"GET", "/gateway/authorize", []string{"X-Original-URI", "/cheap/1.0", "X-Forwarded-Uri", "/dear/1.0"}, 400, "bad-request", false},
		"the wrong kind":     {"GET", "/gateway/authorize?nginx", []string{"X-Forwarded-Uri", "/dear/1.0"}, 0, "bad-request", false},
		"an odd path":        {"GET", "/gateway/authorize", []string{"X-Original-URI", "/a/%2e%2e/b"}, 400, "bad-request", false},
		"a whole URL":        {"GET", "/gateway/authorize", []string{"X-Original-URI", "http://a.example/weather"}, 400, "bad-request", false},
		"another method":     {"DELETE", "/gateway/authorize", []string{"X-Original-URI", "/weather/1.0"}, 405, "method-not-allowed", false},
		"no key":             {"GET", "/gateway/authorize/weather/1.0", []string{"apikey", ""}, 401, gateway.KeyMissing, true},
		"another tenant's":   {"GET", "/gateway/authorize/t/twin.example/x", []string{"apikey", ""}, 401, gateway.KeyMissing, true},
	} {
		w := setup(t, withCredentials)
		resp, text := w.ask(t, w.request(t, c.method, c.path, nil, append([]string{"X-Gateway-Credential", credential}, c.header...)...))
		if (len(w.asked) > 0) != c.asked {
			t.Errorf("%s: the gate was asked %+v", name, w.asked)
		}
		if c.status == 0 {
			if resp.StatusCode != 403 || resp.Header.Get("X-Problem-Status") != "400" {
				t.Errorf("%s: %d %v", name, resp.StatusCode, resp.Header)
			}
			continue
		}
		if resp.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, resp.StatusCode, text)
		}
		wantProblem(t, resp, text, c.kind)
	}
	w := setup(t, nil)
	if resp, _ := w.ask(t, w.request(t, "GET", "/gateway/authorize/x", nil)); resp.StatusCode != 404 {
		t.Errorf("without credentials: %d", resp.StatusCode)
	}
}

// Nginx understands 401 and 403 only, so the rest is in headers.
func TestAuthorizeForNginx(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]int{401: 401, 402: 403, 403: 403, 404: 403, 429: 403, 503: 403} {
		w := setup(t, withCredentials)
		w.refusal = &gateway.Refusal{Problem: access.Problem{Status: status, Type: "some-problem", Title: "Some \"problem\"."}, Detail: "Line\nbreak.", RetryAfter: 1}
		resp, text := w.ask(t, w.request(t, "GET", "/gateway/authorize?nginx", nil, "X-Gateway-Credential", credential, "X-Original-URI", "/weather/1.0"))
		var d struct {
			Status int
			Type   string
		}
		must(t, json.Unmarshal([]byte(resp.Header.Get("X-Problem")), &d))
		if resp.StatusCode != want || text != "" || d.Status != status || !strings.HasSuffix(d.Type, "/problems/some-problem") || resp.Header.Get("Retry-After") != "1" {
			t.Errorf("%d: %d %v", status, resp.StatusCode, resp.Header)
		}
	}
}
