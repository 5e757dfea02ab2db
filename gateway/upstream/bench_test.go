//go:build unix

package upstream_test

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"syscall"
	"testing"

	"tollgate/gateway/upstream"
)

// lean is an upstream that costs next to nothing, so that what is measured is what
// stands before it.
func lean(b *testing.B) string {
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sat, 31 Jan 2026 12:00:00 GMT\r\nContent-Length: 450\r\n\r\n" + strings.Repeat("x", 450))
	return listen(b, func(c net.Conn, r *bufio.Reader) {
		for {
			for {
				line, err := r.ReadSlice('\n')
				if err != nil {
					return
				}
				if len(line) <= 2 {
					break
				}
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	})
}

// load is 64 clients that keep their connections.
func load(b *testing.B, addr string) {
	const clients = 64
	request := []byte("GET /orders?id=1 HTTP/1.1\r\nHost: api.test\r\nUser-Agent: bench\r\nAccept: */*\r\nX-Api-Key: 0123456789\r\n\r\n")
	var all sync.WaitGroup
	before := processorTime(b)
	b.ResetTimer()
	for i := range clients {
		all.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			r := bufio.NewReader(c)
			for range b.N/clients + min(1, max(0, b.N%clients-i)) {
				if _, err := c.Write(request); err != nil {
					b.Error(err)
					return
				}
				for {
					line, err := r.ReadSlice('\n')
					if err != nil {
						b.Error(err)
						return
					}
					if len(line) <= 2 {
						break
					}
				}
				if _, err := r.Discard(450); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// processorTime is what this process has used, upstream and clients included. It
// says more than the time that passed when the machine has other things to do.
func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return syscall.TimevalToNsec(u.Utime) + syscall.TimevalToNsec(u.Stime)
}

func serve(b *testing.B, h http.Handler) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: h, ErrorLog: silent}
	go s.Serve(l)
	b.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func BenchmarkUpstream(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		c := upstream.New(upstream.Options{Rule: lan})
		b.Cleanup(c.Close)
		target := targetOf(b, lean(b))
		addr := serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			call := upstream.Call{Target: target, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, ClientAddr: "192.0.2.1", ClientHost: r.Host, ClientProto: "http",
				Drop: dropped, Cookies: cookies, Before: func(int, http.Header) error { return nil }}
			if _, err := c.Do(w, r, &call); err != nil {
				b.Error(err)
			}
		}))
		b.ReportAllocs()
		load(b, addr)
	})
	b.Run("ReverseProxy", func(b *testing.B) {
		target := targetURL(b, lean(b))
		transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
		b.Cleanup(transport.CloseIdleConnections)
		addr := serve(b, &httputil.ReverseProxy{Transport: transport, ErrorLog: silent, Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.SetXForwarded()
		}})
		b.ReportAllocs()
		load(b, addr)
	})
	b.Run("nothing", func(b *testing.B) { // what the server and the clients cost by themselves
		body := []byte(strings.Repeat("x", 450))
		addr := serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = []string{"application/json"}
			w.Header()["Content-Length"] = []string{"450"}
			_, _ = w.Write(body)
		}))
		b.ReportAllocs()
		load(b, addr)
	})
}

var (
	dropped = []string{"X-Api-Key", "Authorization"}
	cookies = []string{"__Host-tollgate", "tollgate"}
)

// discarding is a ResponseWriter that costs nothing.
type discarding struct{ h http.Header }

func (d *discarding) Header() http.Header         { return d.h }
func (d *discarding) WriteHeader(int)             { clear(d.h) }
func (d *discarding) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkDo is one caller without a server: what is ours alone, and the upstream.
func BenchmarkDo(b *testing.B) {
	c := upstream.New(upstream.Options{Rule: lan})
	b.Cleanup(c.Close)
	call := upstream.Call{Target: targetOf(b, lean(b)), Path: "/orders", ClientAddr: "192.0.2.1", ClientHost: "api.test", ClientProto: "http", Drop: dropped, Cookies: cookies}
	r, err := http.NewRequest(http.MethodGet, "/orders", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("User-Agent", "bench")
	r.Header.Set("Accept", "*/*")
	w := &discarding{http.Header{}}
	before := processorTime(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Do(w, r, &call); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}
