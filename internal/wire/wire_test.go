package wire

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// requests returns how many requests Go reads in b, and whether it read all of b
// without an error.
func requests(b []byte) (n int, whole bool) {
	r := bufio.NewReader(bytes.NewReader(b))
	for {
		if _, err := r.Peek(1); err != nil {
			return n, true
		}
		req, err := http.ReadRequest(r)
		if err != nil {
			return n, false
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return n, false
		}
		n++
	}
}

// heads returns how many whole requests a framer reads in b, how much of b passes,
// and whether it ends between two requests.
func heads(b []byte, step int) (n, passed int, between bool) {
	var f framer
	for at := 0; at < len(b); at += step {
		part := b[at:min(at+step, len(b))]
		for i := range part { // one at a time, to see where requests end
			if f.scan(part[i:i+1]) == 0 {
				return n, at + i, false
			}
			if f.state == requestLine && len(f.partial) == 0 {
				n++
			}
		}
	}
	return n, len(b), f.state == requestLine && len(f.partial) == 0
}

// Parts are what requests are made of, good and bad.
var parts = []string{
	"GET / HTTP/1.1\r\n", "POST /x HTTP/1.1\r\n", "GET / HTTP/1.0\r\n", "Host: a\r\n", "host:b\r\n", "\r\n", "\n", "\r", "Content-Length: 3\r\n", "Content-Length: 0\r\n",
	"Transfer-Encoding: chunked\r\n", "transfer-encoding:Chunked\r\n", "abc", "3\r\nabc\r\n", "0\r\n\r\n", "0\r\n", "3;x=y\r\nabc\r\n", "X: y\r\n", " z\r\n", "X: y\n", "Y\r\n", "\x00",
	"a\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
}

// Whatever passes, Go's server reads as the same requests: none more and none less.
func TestWhatPassesHasOneReading(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 12).Draw(t, "parts"), ""))
		agree(t, b)
	})
}

type fataler interface {
	Fatalf(format string, args ...any)
}

func agree(t fataler, b []byte) {
	n, passed, between := heads(b, len(b)+1)
	if m, p, _ := heads(b, 1); m != n || p != passed {
		t.Fatalf("%q: %d requests and %d bytes at once, %d and %d byte by byte", b, n, passed, m, p)
	}
	read, whole := requests(b[:passed])
	if between && passed == len(b) && whole && read != n {
		t.Fatalf("%q: we read %d requests, Go %d", b, n, read)
	}
	if read > n+1 || read > n && between {
		t.Fatalf("%q: we read %d requests in what passes, Go %d", b[:passed], n, read)
	}
}

func FuzzFramer(f *testing.F) {
	for _, p := range parts {
		f.Add([]byte(p))
		f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n" + p + "\r\n"))
		f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + p + "0\r\n\r\n"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4096 {
			agree(t, b)
		}
	})
}

// pipe returns a Conn that has been sent text.
func pipe(t *testing.T, text string) (*Conn, *Listener) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(inner, 1)
	t.Cleanup(func() { _ = l.Close() })
	client, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if _, err := io.WriteString(client, text); err != nil {
		t.Fatal(err)
	}
	if err := client.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	return server.(*Conn), l
}

const good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

func TestWhatIsReadOfAConnection(t *testing.T) {
	t.Parallel()
	const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, c := range map[string]struct {
		sent, read string
		err        error
	}{
		"all is well":        {good + good, good + good, nil},
		"the second is not":  {good + "GET / HTTP/1.1\nHost: a\r\n\r\n" + good, good + string(poison), nil},
		"in the middle":      {"GET / HTTP/1.1\r\nHost: a\r\n X\r\n\r\n" + good, "GET / HTTP/1.1\r\nHost: a\r\n" + string(poison), nil},
		"a chunk":            {chunked + "3\nabc\r\n0\r\n\r\n" + good, chunked, errTwoReadings},
		"behind a chunk":     {chunked + "3\r\nabcd\r\n0\r\n\r\n", chunked + "3\r\nabc", errTwoReadings},
		"a chunk's last one": {chunked + "3\r\nabc\r\n0\r\n\r\n" + good, chunked + "3\r\nabc\r\n0\r\n\r\n" + good, nil},
	} {
		conn, l := pipe(t, c.sent)
		got, err := io.ReadAll(conn)
		if string(got) != c.read || err != c.err {
			t.Errorf("%s: read %q, %v; want %q, %v", name, got, err, c.read, c.err)
		}
		if bad := c.sent != c.read; conn.Malformed() != bad || (l.Counts().Malformed == 1) != bad {
			t.Errorf("%s: malformed %v, counts %+v", name, conn.Malformed(), l.Counts())
		}
	}
}

func TestAReleasedConnectionIsNotRead(t *testing.T) {
	t.Parallel()
	const frames = "\x81\x85no HTTP\n at all\x00"
	conn, _ := pipe(t, good+frames)
	head := make([]byte, len(good))
	if _, err := io.ReadFull(conn, head); err != nil {
		t.Fatal(err)
	}
	conn.Release()
	if rest, err := io.ReadAll(conn); err != nil || string(rest) != frames {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestConnectionsAreCountedAndLimited(t *testing.T) {
	t.Parallel()
	conn, l := pipe(t, good)
	next := make(chan net.Conn, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			next <- c
		}
	}()
	tooMany, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tooMany.Close()
	if err := tooMany.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := tooMany.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if c := l.Counts(); c.Open != 1 || c.TurnedAway != 1 {
		t.Errorf("%+v", c)
	}
	_ = conn.Close()
	_ = conn.Close() // twice is once
	another, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer another.Close()
	select {
	case c := <-next:
		_ = c.Close()
	case <-time.After(10 * time.Second):
		t.Fatal("a place was free, and nobody got it")
	}
	if c := l.Counts(); c.Open != 0 {
		t.Errorf("%+v", c)
	}
}

func BenchmarkFramer(b *testing.B) {
	head := []byte("GET /weather/1.0/today?city=Berlin HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\napikey: tgp_0123456789012345678901234567890123456789012345678\r\n\r\n")
	var f framer
	b.ReportAllocs()
	for b.Loop() {
		if f.scan(head) != len(head) {
			b.Fatal("refused")
		}
	}
}
