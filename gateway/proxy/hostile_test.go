package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"tollgate/internal/hostile"
)

var site = hostile.Site{Get: "/weather/1.0/today", Post: "/weather/1.0/report", Header: "apikey: " + key + "\r\n", Last: "/healthz"}

// The corpus asks an upstream that answers everything, so that what gets through
// shows.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.upstream = func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.RequestURI, "smuggled") {
			t.Errorf("the upstream was asked for %s", r.RequestURI)
		}
		_, _ = io.WriteString(rw, "fine")
	}
	t.Run("corpus", func(t *testing.T) { hostile.Run(t, w.address, site) })
	if logged := w.logs.String(); strings.Contains(logged, "panicked") {
		t.Error(logged)
	}
}

func TestAThousandRequestsAtOnceOnOneConnection(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	one := "GET /weather/1.0/today HTTP/1.1\r\nHost: a\r\napikey: " + key + "\r\n\r\n"
	got, err := hostile.Send(w.address, strings.Repeat(one, 1000)+"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false)
	must(t, err)
	if len(got) != 1001 {
		t.Fatalf("%d answers", len(got))
	}
	for i, status := range got {
		if status != http.StatusOK {
			t.Fatalf("answer %d is %d", i, status)
		}
	}
	if n := len(w.recorded()); n != 1000 {
		t.Errorf("%d calls are recorded", n)
	}
}

// Whoever asks for a URL takes us for another server, and is told so.
func TestAURLIsMisdirected(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	got, err := hostile.Send(w.address, "GET http://evil.example/weather/1.0/x HTTP/1.1\r\nHost: evil.example\r\napikey: "+key+"\r\n\r\n", false)
	must(t, err)
	if len(got) != 1 || got[0] != http.StatusMisdirectedRequest {
		t.Errorf("answers %v", got)
	}
}
