// Package hostile is requests that break HTTP's rules, or bend them, for tests of
// everything of ours that listens. Each is sent as raw bytes with a good request
// behind it: who reads the two in another way than we do could smuggle one in.
package hostile

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tollgate/internal/clock"
)

// A Site says what the requests ask for.
type Site struct {
	Get    string // path that answers 2xx to GET
	Post   string // path that takes a POST with any body
	Header string // lines that every request needs, each with its end
	Last   string // path of the good request behind, which answers 200
}

// An Outcome is how a request has to be met.
type Outcome int

// The outcomes. An answer of 5xx is none of them.
const (
	Refused Outcome = iota // one 4xx, and the connection is closed; or closed without a word where Cut
	Turned                 // one 4xx, and the connection may be used on
	Served                 // an answer below 500, and the good request is answered too
	Split                  // the first line is a whole request; what follows it is refused
	Either                 // Turned or Served: HTTP leaves it to the server
)

// A Case is one request, or what looks like one.
type Case struct {
	Name string
	Raw  string
	Want Outcome
	Cut  bool // the client stops in the middle
}

// Cases are all of them.
func Cases(s Site) []Case {
	var all []Case
	for _, family := range []func(Site) []Case{lengths, codings, chunks, trailers, hosts, targets, paths, lines, names, methods, versions, others} {
		all = append(all, family(s)...)
	}
	return all
}

// Run sends every case to address and checks how it is met.
func Run(t *testing.T, address string, s Site) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range Cases(s) {
		if seen[c.Name] {
			t.Fatalf("two cases are called %q", c.Name)
		}
		seen[c.Name] = true
		t.Run(strings.ReplaceAll(c.Name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			c.check(t, address, s)
		})
	}
	if len(seen) < 150 {
		t.Errorf("only %d cases", len(seen))
	}
}

func (c Case) check(t *testing.T, address string, s Site) {
	t.Helper()
	raw := c.Raw
	if !c.Cut {
		raw += "GET " + s.Last + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	}
	got, err := Send(address, raw, c.Cut)
	if err != nil {
		t.Fatalf("the connection was left open, after %v: %v", got, err)
	}
	for _, status := range got {
		if status >= 500 {
			t.Errorf("answers %v", got)
		}
	}
	if !c.Want.fits(got, c.Cut) {
		t.Errorf("answers %v", got)
	}
}

func (o Outcome) fits(got []int, cut bool) bool {
	bad := func(status int) bool { return status >= 400 && status < 500 }
	switch n := len(got); o {
	case Refused:
		return n == 1 && bad(got[0]) || n == 0 && cut
	case Turned:
		return n == 1 && bad(got[0]) || n == 2 && bad(got[0]) && got[1] == http.StatusOK
	case Either:
		return Turned.fits(got, cut) || Served.fits(got, cut)
	case Served:
		return n == 2 && got[0] >= 200 && got[1] == http.StatusOK
	case Split:
		return n == 2 && got[0] >= 200 && bad(got[1])
	}
	return false
}

// patience is how long a server may take to close a connection.
const patience = 20 * time.Second

// Send writes raw bytes to address and returns the statuses of the answers until
// the server closes the connection. Cut closes our side behind the bytes.
func Send(address, raw string, cut bool) ([]int, error) {
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(clock.Wall{}.Now().Add(patience)); err != nil {
		return nil, err
	}
	go func() { // a server may answer before it has read everything
		_, _ = io.WriteString(c, raw)
		if cut {
			_ = c.(*net.TCPConn).CloseWrite()
		}
	}()
	var statuses []int
	for r := bufio.NewReader(c); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return statuses, onlyTimeouts(err)
		}
		if resp.StatusCode >= 200 {
			statuses = append(statuses, resp.StatusCode)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return statuses, onlyTimeouts(err)
		}
	}
}

// onlyTimeouts forgets errors other than that nothing came: a server may reset a
// connection whose bytes it does not want.
func onlyTimeouts(err error) error {
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return err
	}
	return nil
}
