package upstream_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"tollgate/gateway/upstream"
)

const wantWebsocket = "GET /ws HTTP/1.1\r\nHost: api.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n"

// parrot switches to a protocol that says everything twice.
func parrot(c net.Conn, r *bufio.Reader) {
	req, err := readRequest(r)
	if err != nil {
		return
	}
	if !strings.EqualFold(req.Header.Get("Upgrade"), "websocket") || req.Header.Get("Connection") != "Upgrade" {
		fmt.Fprintf(c, "HTTP/1.1 426 Upgrade Required\r\nContent-Length: %d\r\n\r\n%s", len(req.Header.Get("Upgrade")), req.Header.Get("Upgrade"))
		return
	}
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: b\r\n\r\nwelcome\n")
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fmt.Fprintf(c, "%s %s\n", lines.Text(), lines.Text())
	}
	io.WriteString(c, "bye\n") // behind the client's end
}

func allowUpgrade(_ *http.Request, c *upstream.Call) { c.Target.AllowUpgrade = true }

func TestWebsockets(t *testing.T) {
	t.Parallel()
	f := newFront(t, upstream.Options{}, listen(t, parrot), func(_ *http.Request, c *upstream.Call) {
		c.Target.AllowUpgrade = true
		c.Before = func(status int, h http.Header) error {
			if status != 101 {
				t.Errorf("before sees %d", status)
			}
			h.Set("X-Units", "1")
			return nil
		}
	})
	c, r := dial(t, f.URL)
	io.WriteString(c, wantWebsocket+"early\n") // a hasty client
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "websocket" || res.Header.Get("Sec-Websocket-Accept") != "b" || res.Header.Get("X-Units") != "1" {
		t.Fatalf("the client reads %+v, %v", res, err)
	}
	for i, want := range []string{"welcome\n", "early early\n", "one one\n", "two two\n"} {
		if i > 1 {
			fmt.Fprintln(c, strings.Fields(want)[0])
		}
		if got, err := r.ReadString('\n'); err != nil || got != want {
			t.Fatalf("the client reads %q, %v, want %q", got, err, want)
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(r); err != nil || string(rest) != "bye\n" {
		t.Errorf("at the end the client reads %q, %v", rest, err)
	}
	result, err := f.last(t)
	if err != nil || !result.Upgraded || !result.Complete || result.Status != 101 || result.Sent != int64(len("early\none\ntwo\n")) || result.Received != int64(len("welcome\nearly early\none one\ntwo two\nbye\n")) {
		t.Errorf("result %+v, %v", result, err)
	}
}

func TestUpgradesThatDoNotHappen(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, request string
		change        func(*http.Request, *upstream.Call)
		run           script
		want          string
	}{
		{"not allowed", wantWebsocket, nil, parrot, "HTTP/1.1 426 "},
		{"h2c", strings.Replace(wantWebsocket, "websocket", "h2c", 1), allowUpgrade, parrot, "HTTP/1.1 426 "},
		{"with POST", strings.Replace(wantWebsocket, "GET", "POST", 1), allowUpgrade, parrot, "HTTP/1.1 426 "},
		{"not named in Connection", strings.Replace(wantWebsocket, ", Upgrade", "", 1), allowUpgrade, parrot, "HTTP/1.1 426 "},
		{"refused", wantWebsocket, allowUpgrade, answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", true), "HTTP/1.1 403 "},
		{"to something else", wantWebsocket, allowUpgrade, answers("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", true), "HTTP/1.1 502 "},
		{"without saying so", wantWebsocket, allowUpgrade, answers("HTTP/1.1 101 Switching Protocols\r\n\r\n", true), "HTTP/1.1 502 "},
		{"unasked", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", allowUpgrade, answers("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", true), "HTTP/1.1 502 "},
		{"stopped before", wantWebsocket, func(_ *http.Request, c *upstream.Call) {
			c.Target.AllowUpgrade = true
			c.Before = func(int, http.Header) error { return errors.New("no") }
		}, parrot, "HTTP/1.1 503 "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, upstream.Options{}, listen(t, c.run), c.change)
			conn, r := dial(t, f.URL)
			io.WriteString(conn, c.request)
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			if got := fmt.Sprintf("HTTP/1.1 %d ", res.StatusCode); got != c.want || res.Header.Get("Upgrade") != "" || strings.Contains(string(body), "h2c") {
				t.Errorf("the client reads %s%v %q", got, res.Header, body)
			}
		})
	}
}

func TestEitherSideEndsAWebsocket(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{}, 1)
	f := newFront(t, upstream.Options{}, listen(t, func(c net.Conn, r *bufio.Reader) {
		parrot(c, r)
		gone <- struct{}{}
	}), allowUpgrade)
	c, r := dial(t, f.URL)
	io.WriteString(c, wantWebsocket)
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	_ = c.(*net.TCPConn).SetLinger(0) // a reset
	c.Close()
	wait(t, "the upstream's end", gone)
	f.last(t)

	// And one that ends with the client, when the gateway is shut down.
	c, r = dial(t, f.URL)
	io.WriteString(c, wantWebsocket)
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	f.client.Close()
	wait(t, "the upstream's end", gone)
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("the client reads %v", err)
	}
	f.last(t)
}
