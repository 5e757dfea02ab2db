package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/gateway/proxy"
	"tollgate/gateway/upstream"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	w := setup(t, func(o *proxy.Options, _ *upstream.Options) {
		o.Ready = func(context.Context) error {
			if broken.Load() {
				return errors.New("the database is gone")
			}
			return nil
		}
	})
	for path, want := range map[string][2]int{"/healthz": {200, 200}, "/readyz": {200, 503}} {
		for i, is := range []bool{false, true} {
			broken.Store(is)
			if resp, text := w.ask(t, w.request(t, "GET", path, nil, "apikey", "")); resp.StatusCode != want[i] {
				t.Errorf("%s: %d %s", path, resp.StatusCode, text)
			}
		}
		if resp, _ := w.ask(t, w.request(t, "POST", path, nil)); resp.StatusCode != 405 || resp.Header.Get("Allow") == "" {
			t.Errorf("POST %s: %d", path, resp.StatusCode)
		}
	}
}

// A gateway that stops says so first, lets every call end, and is done then.
func TestStop(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	release := make(chan struct{})
	arrived := make(chan struct{}, 20)
	w.upstream = func(rw http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		_, _ = io.WriteString(rw, "fine")
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			resp, text := w.ask(t, w.request(t, "GET", "/weather/1.0/x", nil))
			if resp.StatusCode != 200 || text != "fine" {
				t.Errorf("%d %s", resp.StatusCode, text)
			}
		})
	}
	for range 20 {
		<-arrived
	}
	stopped := make(chan error, 1)
	go func() { stopped <- w.server.Stop(context.Background()) }()
	select {
	case err := <-stopped:
		t.Fatalf("it stopped under calls: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	close(release)
	all.Wait()
	must(t, <-stopped)
	if n := len(w.recorded()); n != 20 || w.handler.Stats().InFlight != 0 || w.server.Connections().Open != 0 {
		t.Errorf("%d recorded, %+v, %+v", n, w.handler.Stats(), w.server.Connections())
	}
	if _, err := net.Dial("tcp", w.address); err == nil {
		t.Error("it still listens")
	}
}

// While it lingers it answers, says that it is not ready, and sends clients away.
func TestLingering(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := proxy.NewServer(w.handler, proxy.ServerOptions{Linger: time.Minute})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	address := w.address
	w.address = l.Addr().String()
	ctx, hurry := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(ctx) }()
	w.eventually(t, func() bool {
		resp, err := http.Get("http://" + l.Addr().String() + "/readyz") //nolint:noctx // a test
		must(t, err)
		must(t, resp.Body.Close())
		return resp.StatusCode == 503
	})
	resp, text := w.get(t, "/x")
	if resp.StatusCode != 200 || text != "fine" || !resp.Close {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	hurry()
	if err := <-stopped; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	must(t, <-done)
	w.address = address
}

// Websockets and calls without an end are cut off in the end.
func TestStopCutsOff(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.upstream = echo
	up := *w.pass.Upstream
	up.Upgrades = true
	w.pass.Upstream = &up
	conn, r, resp := upgrade(t, w.address)
	if resp.StatusCode != 101 {
		t.Fatal(resp.StatusCode)
	}
	must(t, w.server.Stop(context.Background()))
	if _, err := r.ReadByte(); err == nil {
		t.Error("the websocket goes on")
	}
	_ = conn.Close()
}

// Clients that do not finish their heads keep nobody else out.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for range 50 {
		conn, err := net.Dial("tcp", w.address)
		must(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "GET /")
		must(t, err)
	}
	if resp, _ := w.get(t, "/x"); resp.StatusCode != 200 {
		t.Errorf("%d", resp.StatusCode)
	}
	w.eventually(t, func() bool { return w.server.Connections().Open >= 50 })
}

// BenchmarkGateway measures calls through the whole gateway but for gate and ledger,
// over kept connections, on one machine with the upstream and its clients.
func BenchmarkGateway(b *testing.B) {
	w := setup(b, func(o *proxy.Options, _ *upstream.Options) { o.Gate, o.Recorder = quick{}, quick{} })
	pass = w.pass
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", w.address)
		must(b, err)
		defer conn.Close()
		r := bufio.NewReader(conn)
		request := []byte("GET /weather/1.0/today HTTP/1.1\r\nHost: api.example.com\r\napikey: " + key + "\r\n\r\n")
		for pb.Next() {
			if _, err := conn.Write(request); err != nil {
				b.Error(err)
				return
			}
			if !answered(r) {
				b.Error("no answer")
				return
			}
		}
	})
}
