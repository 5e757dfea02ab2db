package report_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tollgate/access"
	"tollgate/gateway"
	"tollgate/gateway/proxy"
	"tollgate/gateway/report"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/usage"
)

const subscription = "0191d3c0-0000-7000-8000-000000000007"

// A tollgate is what nginx asks: keys are called after the status they get.
type tollgate struct{}

// Admit lets the good key pass.
func (tollgate) Admit(_ context.Context, ask gateway.Ask) (*gateway.Pass, *gateway.Refusal) {
	if ask.Path != "/weather/1.0/today" || ask.Tenant != -1234 {
		return nil, &gateway.Refusal{Problem: access.Problem{Status: 404, Type: gateway.APIUnknown, Title: "There is no API."}}
	}
	limits := []gateway.Limit{{Name: "burst", Limit: 10, Remaining: 9, Window: time.Minute, Resets: time.Second}}
	switch ask.Key {
	case "good":
		return &gateway.Pass{Tenant: -1234, UUID: subscription, Limits: limits}, nil
	case "402":
		return nil, &gateway.Refusal{Problem: access.Problem{Status: 402, Type: "payment-required", Title: "The subscription has not been paid yet."}, Link: "/pay"}
	case "403":
		return nil, &gateway.Refusal{Problem: access.Problem{Status: 403, Type: "subscription-blocked", Title: "Blocked \\ \"so\"."}}
	case "429":
		return nil, &gateway.Refusal{Problem: access.Problem{Status: 429, Type: gateway.QuotaSpent, Title: "Spent."}, RetryAfter: 90 * time.Second, Limits: limits}
	case "503":
		return nil, &gateway.Refusal{Problem: access.Problem{Status: 503, Type: gateway.NotCurrent, Title: "Blind."}, RetryAfter: time.Second}
	}
	return nil, &gateway.Refusal{Problem: access.Problem{Status: 401, Type: gateway.KeyUnknown, Title: "Unknown."}}
}

// Settle does nothing.
func (tollgate) Settle(*gateway.Pass, int64) {}

// Authenticate knows the credential of the documentation.
func (tollgate) Authenticate(_ context.Context, text string) (models.TenantID, string, error) {
	if text != "tgg_your_credential" {
		return 0, "", fault.New(fault.Unauthenticated, "No.")
	}
	return models.SuperTenant, "one", nil
}

// Record is never asked.
func (tollgate) Record(context.Context, usage.Call) error { panic("nginx carries its calls itself") }

// An api is the API behind nginx, and what it has seen.
type api struct {
	mu   sync.Mutex
	seen []*http.Request
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen = append(a.seen, r)
	a.mu.Unlock()
	if r.URL.Query().Get("fail") != "" {
		w.WriteHeader(http.StatusForbidden) // the API's own, not Tollgate's
	}
	if units := r.URL.Query().Get("units"); units != "" {
		w.Header().Set("X-Units", units)
	}
	_, _ = io.WriteString(w, "sunny")
}

// configuration returns what docs/nginx.md has nginx do.
func configuration(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/nginx.md")
	must(t, err)
	_, rest, found := strings.Cut(string(text), "```nginx\n")
	conf, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		t.Fatal("docs/nginx.md has no configuration")
	}
	return conf
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// replace puts new in the place of old, which must be there.
func replace(t *testing.T, text, old, new string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("the configuration has no %q", old)
	}
	return strings.ReplaceAll(text, old, new)
}

// nginx starts nginx as the documentation says, and returns its address and its log.
func nginx(t *testing.T, tollgate, api string) (address, log string) {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary, err = exec.LookPath("/usr/sbin/nginx")
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("nginx is not installed")
		}
		t.Skip("nginx is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address = l.Addr().String()
	must(t, l.Close())
	dir := t.TempDir()
	log = filepath.Join(dir, "tollgate.json")
	conf := configuration(t)
	conf = replace(t, conf, "127.0.0.1:8243", tollgate)
	conf = replace(t, conf, "127.0.0.1:3000", api)
	conf = replace(t, conf, "listen 80;", "listen "+address+";")
	conf = replace(t, conf, "/var/log/nginx/tollgate.json", log)
	places := "access_log off;\n"
	for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		places += what + "_temp_path " + filepath.Join(dir, what) + ";\n"
	}
	conf = replace(t, conf, "http {\n", "http {\n"+places)
	conf = "daemon off;\npid " + filepath.Join(dir, "nginx.pid") + ";\nerror_log stderr warn;\n" + conf
	file := filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(file, []byte(conf), 0o600))
	cmd := exec.Command(binary, "-p", dir, "-c", file, "-e", "stderr")
	var said bytes.Buffer
	cmd.Stderr = &said
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("nginx: %v\n%s", err, said.String())
		}
	})
	for range 200 {
		if c, err := net.Dial("tcp", address); err == nil {
			must(t, c.Close())
			return address, log
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("nginx does not listen:\n%s", said.String())
	return "", ""
}

func serveGateway(t *testing.T) string {
	t.Helper()
	h := proxy.New(proxy.Options{Gate: tollgate{}, Recorder: tollgate{}, Credentials: tollgate{}, Portal: "https://portal.example",
		TenantPath: func(context.Context, models.TenantID) (string, error) { return "", nil }})
	s := proxy.NewServer(h, proxy.ServerOptions{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		<-done
	})
	return l.Addr().String()
}

// The configuration of the documentation lets the right calls through, tells clients
// what Tollgate said of the others, and its log is reported as what was answered.
func TestNginx(t *testing.T) {
	t.Parallel()
	behind := &api{}
	server := httptest.NewServer(behind)
	t.Cleanup(server.Close)
	address, log := nginx(t, serveGateway(t), strings.TrimPrefix(server.URL, "http://"))
	ask := func(method, path, header, key string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, nil)
		must(t, err)
		r.Header.Set(header, key)
		r.Header.Set("X-Forwarded-Uri", "/other/1.0/cheap")
		resp, err := http.DefaultTransport.RoundTrip(r)
		must(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp, string(text)
	}
	for _, c := range []struct {
		path, header, key string
		status            int
		kind              string
	}{
		{"/weather/1.0/today?units=3", "apikey", "good", 200, ""},
		{"/weather/1.0/today", "Authorization", "Bearer good", 200, ""},
		{"/weather/1.0/today?fail=1", "apikey", "good", 403, ""},
		{"/weather/1.0/today", "apikey", "bad", 401, gateway.KeyUnknown},
		{"/weather/1.0/today", "apikey", "402", 402, "payment-required"},
		{"/weather/1.0/today", "apikey", "403", 403, "subscription-blocked"},
		{"/weather/1.0/today", "apikey", "429", 429, gateway.QuotaSpent},
		{"/weather/1.0/today", "apikey", "503", 503, gateway.NotCurrent},
		{"/weather/1.0/other", "apikey", "good", 404, gateway.APIUnknown},
		{"/weather/1.0/a%2ftoday", "apikey", "good", 400, "bad-request"},
	} {
		resp, text := ask("GET", c.path, c.header, c.key)
		h := resp.Header
		if resp.StatusCode != c.status {
			t.Errorf("%s with %s: %d %s", c.path, c.key, resp.StatusCode, text)
			continue
		}
		if c.kind == "" {
			if text != "sunny" || h.Get("RateLimit") != `"burst";r=9;t=1` || len(h.Get("X-Request-Id")) != 32 {
				t.Errorf("%s: %v %q", c.path, h, text)
			}
			continue
		}
		var d struct {
			Type   string
			Status int
		}
		must(t, json.Unmarshal([]byte(text), &d))
		if d.Type != "https://portal.example/problems/"+c.kind || d.Status != c.status || h.Get("Content-Type") != "application/problem+json" || (c.status == 429) != (h.Get("Retry-After") == "90") {
			t.Errorf("%s with %s: %v %s", c.path, c.key, h, text)
		}
		if c.status == 401 && h.Get("WWW-Authenticate") == "" {
			t.Errorf("401 without a challenge: %v", h)
		}
	}
	behind.mu.Lock()
	if len(behind.seen) != 3 {
		t.Errorf("the API has seen %d calls", len(behind.seen))
	}
	for _, r := range behind.seen {
		if r.Header.Get("apikey") != "" || r.Header.Get("Authorization") != "" || r.URL.Path != "/today" {
			t.Errorf("the API got %s %v", r.URL, r.Header)
		}
	}
	behind.mu.Unlock()
	p := newPortal(t)
	o := report.Options{Portal: p.server.URL, Credential: "tgg_your_credential"}
	for range 2 { // the log is reported twice, and counted once
		if _, err := report.File(t.Context(), log, "", o); err != nil {
			t.Error(err)
		}
	}
	var got []string
	for _, e := range p.events {
		got = append(got, string(e.Data))
		if e.Source != "nginx" || len(e.ID) != 32 || e.Time == "" {
			t.Errorf("%+v", e)
		}
	}
	want := []string{
		`{"subscription":"` + subscription + `","status":200,"units":3}`, `{"subscription":"` + subscription + `","status":200}`, `{"subscription":"` + subscription + `","status":403}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("reported\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// When Tollgate cannot be asked, nothing passes.
func TestNginxWithoutTollgate(t *testing.T) {
	t.Parallel()
	behind := &api{}
	server := httptest.NewServer(behind)
	t.Cleanup(server.Close)
	address, _ := nginx(t, "127.0.0.1:1", strings.TrimPrefix(server.URL, "http://"))
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+"/weather/1.0/today", nil)
	must(t, err)
	r.Header.Set("apikey", "good")
	resp, err := http.DefaultTransport.RoundTrip(r)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || len(behind.seen) != 0 {
		t.Errorf("%d %v, the API has seen %d calls", resp.StatusCode, resp.Header, len(behind.seen))
	}
}
