package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/gateway/upstream"
)

func lookupLocal(string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

type transport func(r *http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func withDemo(t transport) upstream.Options {
	return upstream.Options{Transports: map[string]http.RoundTripper{"demo": t}}
}

func response(status int, body io.Reader, length int64, header ...string) *http.Response {
	res := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(body), ContentLength: length}
	for i := 0; i < len(header); i += 2 {
		res.Header.Add(header[i], header[i+1])
	}
	return res
}

func TestUpstreamsInThisProcess(t *testing.T) {
	t.Parallel()
	f := newFront(t, withDemo(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		text := fmt.Sprintf("%s %s %q %v %v", r.Method, r.URL, body, r.Header, err)
		return response(201, strings.NewReader(text), int64(len(text)), "Connection", "X-Hop", "Keep-Alive", "1", "Content-Type", "a/b", "Set-Cookie", "tollgate=1", "Set-Cookie", "a=1"), nil
	}), "demo:weather", func(r *http.Request, c *upstream.Call) {
		c.Drop, c.Cookies, c.ClientAddr = []string{"X-Api-Key"}, []string{"tollgate"}, "192.0.2.7"
		c.Before = func(status int, h http.Header) error {
			h.Set("X-Before", fmt.Sprint(status))
			return nil
		}
	})
	got := ask(t, f.URL, "POST /today%2F?q=1 HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\nX-Api-Key: a\r\nX-Forwarded-For: evil\r\nContent-Length: 5\r\n\r\nhello")
	head, body, _ := strings.Cut(got, "\r\n\r\n")
	want := `POST demo://weather/today%2F?q=1 "hello" map[Content-Length:[5] Via:[1.1 tollgate] X-Forwarded-For:[192.0.2.7]] <nil>`
	if body != want {
		t.Errorf("the upstream reads\n%s, want\n%s", body, want)
	}
	if !strings.HasPrefix(head, "HTTP/1.1 201 ") || !strings.Contains(head, "X-Before: 201") || strings.Contains(head, "Keep-Alive") || strings.Contains(head, "tollgate=1") || !strings.Contains(head, "a=1") {
		t.Errorf("the client reads %q", head)
	}
	if res, err := f.last(t); err != nil || !res.Complete || res.Sent != 5 || res.Received != int64(len(want)) {
		t.Errorf("result %+v, %v", res, err)
	}
}

func TestFailuresInThisProcess(t *testing.T) {
	t.Parallel()
	cut := io.MultiReader(strings.NewReader("hel"), failing{})
	cases := []struct {
		name  string
		run   transport
		kind  upstream.Kind
		begun bool
	}{
		{"no answer", func(*http.Request) (*http.Response, error) { return nil, io.EOF }, upstream.BadAnswer, false},
		{"cut off", func(*http.Request) (*http.Response, error) { return response(200, cut, 5), nil }, upstream.BadAnswer, true},
		{"a switch", func(*http.Request) (*http.Response, error) { return response(101, strings.NewReader(""), 0), nil }, upstream.BadAnswer, false},
		{"a deadline", func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("demo: %w", contextDeadline(r))
		}, upstream.Timeout, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, withDemo(c.run), "demo:weather", nil)
			get(t, f.URL, "/")
			f.expectError(t, c.kind, c.begun)
		})
	}
	stop := errors.New("no ledger")
	f := newFront(t, withDemo(func(*http.Request) (*http.Response, error) { return response(200, strings.NewReader("x"), 1), nil }), "demo:weather", func(_ *http.Request, c *upstream.Call) {
		c.Before = func(int, http.Header) error { return stop }
	})
	if got := get(t, f.URL, "/"); !strings.HasPrefix(got, "HTTP/1.1 503 ") {
		t.Errorf("the client reads %q", got)
	}
	nobody := newFront(t, upstream.Options{}, "demo:weather", nil)
	get(t, nobody.URL, "/")
	nobody.expectError(t, upstream.NoConnect, false)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func contextDeadline(r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), time.Millisecond)
	defer cancel()
	<-ctx.Done()
	return ctx.Err()
}
