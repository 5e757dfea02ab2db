//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	sideBySide = flag.Duration("side", 0, "how long each of the gateways that are compared is called; 0: not at all")
	sideEngine = flag.String("side.engine", "sqlite", "sqlite, postgres or mysql")
)

// sideConnections is how many connections call at once.
const sideConnections = 64

// What the gateway costs, beside what others cost that count nothing: calls a second
// and how long the slowest in a hundred took, all in one run on one machine, with the
// caller (wrk) and the API (nginx, 450 bytes of JSON) on it too.
func TestSideBySide(t *testing.T) {
	if *sideBySide == 0 {
		t.Skip("run it by itself with -side=10s on a machine that does nothing else, or with make bench")
	}
	api, plain, asked := freePort(t), freePort(t), freePort(t)
	startNginx(t, api, plain, asked)
	upstream := fmt.Sprintf("http://127.0.0.1:%d", api)
	f := muster(t, build(t), *sideEngine)
	shop := f.openShop(upstream)
	rows := []struct{ name, url string }{
		{"the API itself", upstream + "/n"},
		{"nginx, proxy_pass", fmt.Sprintf("http://127.0.0.1:%d/n", plain)},
		{"nginx, auth_request to nginx", fmt.Sprintf("http://127.0.0.1:%d/n", asked)},
		{"httputil.ReverseProxy", startReverseProxy(t, upstream) + "/n"},
		{"Tollgate on " + *sideEngine, f.gateway + "/chaos/v1/n"},
	}
	var table strings.Builder
	table.WriteString("| gateway | calls/s | p50 | p99 | errors |\n|---|---:|---:|---:|---:|\n")
	for round := range 2 { // the first warms up
		for _, r := range rows {
			d := *sideBySide
			if round == 0 {
				d = min(d, 2*time.Second)
			}
			m := press(t, r.url, shop.key, d)
			if round > 0 {
				fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", r.name, m.rate, m.p50, m.p99, m.errors)
			}
		}
	}
	t.Logf("%d connections, %s each\n\n%s", sideConnections, *sideBySide, &table)
}

// A pressing is what wrk measured.
type pressing struct{ rate, p50, p99, errors string }

var (
	wrkRate   = regexp.MustCompile(`Requests/sec:\s+(\S+)`)
	wrkMedian = regexp.MustCompile(`\n\s+50%\s+(\S+)`)
	wrkSlow   = regexp.MustCompile(`\n\s+99%\s+(\S+)`)
	wrkBad    = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkBroken = regexp.MustCompile(`Socket errors: (.*)`)
)

func press(t *testing.T, target, key string, d time.Duration) pressing {
	t.Helper()
	out, err := exec.Command("wrk", "-t1", fmt.Sprintf("-c%d", sideConnections), fmt.Sprintf("-d%ds", int(d.Seconds())), "--latency", "-H", "apikey: "+key, target).CombinedOutput()
	if err != nil {
		t.Fatalf("wrk: %v\n%s", err, out)
	}
	said := string(out)
	m := pressing{first(wrkRate, said), first(wrkMedian, said), first(wrkSlow, said), "0"}
	if bad := first(wrkBad, said); bad != "" {
		m.errors = bad
	}
	if broken := first(wrkBroken, said); broken != "" {
		m.errors += " (" + broken + ")"
	}
	return m
}

// startNginx starts an API on one port, a proxy to it on another, and one that asks
// an authoriser first on a third.
func startNginx(t *testing.T, api, plain, asked int) {
	t.Helper()
	dir := t.TempDir()
	body := `{"city":"Lisbon","forecast":"` + strings.Repeat("fair ", 84) + `"}`
	conf := fmt.Sprintf(`worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log; daemon off;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000; keepalive_timeout 60s;
  client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  upstream api { server 127.0.0.1:%[2]d; keepalive 128; keepalive_requests 1000000; }
  upstream asked { server 127.0.0.1:%[2]d; keepalive 128; keepalive_requests 1000000; }
  proxy_http_version 1.1; proxy_set_header Connection "";
  server { listen 127.0.0.1:%[2]d; default_type application/json; location = /authorize { return 204; } location / { return 200 '%[5]s'; } }
  server { listen 127.0.0.1:%[3]d; location / { proxy_pass http://api; } }
  server { listen 127.0.0.1:%[4]d; location / { auth_request /authorize; proxy_pass http://api; }
    location = /authorize { internal; proxy_pass http://asked; proxy_pass_request_body off; proxy_set_header Content-Length ""; } }
}
`, dir, api, plain, asked, body)
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-c", path, "-p", dir)
	out := &printout{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", asked)); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("nginx does not start:\n%s", out)
}

// startReverseProxy starts what Go brings along, and returns where it is.
func startReverseProxy(t *testing.T, upstream string) string {
	t.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.MaxIdleConns = 256, 0
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport, ErrorLog: log.New(io.Discard, "", 0)}, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return "http://" + l.Addr().String()
}
