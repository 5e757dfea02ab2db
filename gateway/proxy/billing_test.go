package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/access"
	"tollgate/gateway"
	"tollgate/gateway/proxy"
	"tollgate/gateway/upstream"
	"tollgate/models"
	"tollgate/usage"
)

// What counts, for each answer of the upstream (I-U14).
func TestWhatIsBilled(t *testing.T) {
	t.Parallel()
	listed, err := gateway.CountListed("200,404,5xx", "")
	must(t, err)
	rules := map[string]*gateway.Counting{"success": gateway.CountSuccess(""), "all": gateway.CountAll(""), "listed": listed}
	for _, c := range []struct {
		status               int
		success, all, listed bool
	}{
		{200, true, true, true}, {201, true, true, false}, {204, true, true, false}, {206, true, true, false}, {299, true, true, false},
		{301, false, true, false}, {302, false, true, false}, {304, false, true, false},
		{400, false, true, false}, {401, false, true, false}, {403, false, true, false}, {404, false, true, true}, {413, false, true, false}, {429, false, true, false},
		{500, false, true, true}, {502, false, true, true}, {503, false, true, true}, {504, false, true, true},
	} {
		for name, want := range map[string]bool{"success": c.success, "all": c.all, "listed": c.listed} {
			for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST"} {
				t.Run(fmt.Sprintf("%d_%s_%s", c.status, name, method), func(t *testing.T) {
					t.Parallel()
					w := setup(t, nil)
					w.pass.Counting = rules[name]
					w.upstream = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(c.status) }
					resp, _ := w.ask(t, w.request(t, method, "/weather/1.0/x", nil))
					if resp.StatusCode != c.status {
						t.Errorf("answered %d", resp.StatusCode)
					}
					w.wantOne(t, usage.Call{Status: c.status, Counted: want, Units: units(want)})
				})
			}
		}
	}
}

func units(counted bool) int64 {
	if counted {
		return 1
	}
	return 0
}

// wantOne checks that one call is recorded, and settled with its units.
func (w *world) wantOne(t *testing.T, want usage.Call) {
	t.Helper()
	calls := w.recorded()
	if len(calls) != 1 {
		t.Fatalf("%d calls are recorded: %+v", len(calls), calls)
	}
	got := calls[0]
	if got.Status != want.Status || got.Counted != want.Counted || got.Units != want.Units {
		t.Errorf("recorded %+v", got)
	}
	if got.Tenant != -1234 || got.Subscription != 7 || got.API != 3 || got.Policy != 5 || !got.Metered || got.ID == (usage.CallID{}) {
		t.Errorf("recorded %+v", got)
	}
	w.eventually(t, func() bool { return len(w.settled) == 1 })
	if w.settled[0] != want.Units {
		t.Errorf("settled with %d units", w.settled[0])
	}
}

// eventually waits until something holds that happens after the answer.
func (w *world) eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for range 500 {
		w.mu.Lock()
		ok := holds()
		w.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it never happened")
}

// Calls that are refused, and questions that are none, are in no ledger.
func TestWhatIsNoCall(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]*gateway.Refusal{
		"401": {Problem: access.Problem{Status: 401, Type: gateway.KeyUnknown, Title: "Unknown."}},
		"402": {Problem: access.Problem{Status: 402, Type: "payment-required", Title: "Pay."}},
		"403": {Problem: access.Problem{Status: 403, Type: "subscription-blocked", Title: "Blocked."}},
		"404": {Problem: access.Problem{Status: 404, Type: gateway.APIUnknown, Title: "Nothing."}},
		"429": {Problem: access.Problem{Status: 429, Type: gateway.QuotaSpent, Title: "Spent."}},
		"503": {Problem: access.Problem{Status: 503, Type: gateway.NotCurrent, Title: "Blind."}},
	} {
		w := setup(t, nil)
		w.refusal = refusal
		if resp, _ := w.get(t, "/x"); fmt.Sprint(resp.StatusCode) != name {
			t.Errorf("%s: answered %d", name, resp.StatusCode)
		}
		w.wantNone(t, name)
	}
	w := setup(t, nil)
	for _, path := range []string{"/healthz", "/readyz", "/gateway", "/gateway/x", "/x/%2e%2e/y"} {
		w.ask(t, w.request(t, "GET", path, nil))
	}
	resp, _ := w.ask(t, w.request(t, "OPTIONS", "/weather/1.0/x", nil, "apikey", "", "Origin", "https://a.example", "Access-Control-Request-Method", "DELETE", "Access-Control-Request-Headers", "apikey, x-a"))
	if h := resp.Header; resp.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Methods") != "DELETE" ||
		h.Get("Access-Control-Allow-Headers") != "apikey, x-a" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight: %d %v", resp.StatusCode, resp.Header)
	}
	w.wantNone(t, "none of them")
}

func (w *world) wantNone(t *testing.T, name string) {
	t.Helper()
	if calls, seen := w.recorded(), w.reached(); len(calls) != 0 || len(seen) != 0 || len(w.settled) != 0 {
		t.Errorf("%s: recorded %+v, the upstream saw %d, settled %v", name, calls, len(seen), w.settled)
	}
}

// No value of the client's has a part in what is billed (I-U15).
func TestRepeatedIDsAreCalls(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	one := "GET /weather/1.0/x HTTP/1.1\r\nHost: a\r\napikey: " + key + "\r\nX-Request-Id: same\r\nIdempotency-Key: same\r\n\r\n"
	conn, err := net.Dial("tcp", w.address)
	must(t, err)
	defer conn.Close()
	r := bufio.NewReader(conn)
	for range 1000 {
		_, err := io.WriteString(conn, one)
		must(t, err)
		resp, err := http.ReadResponse(r, nil)
		must(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		must(t, err)
	}
	ids := map[usage.CallID]bool{}
	for _, c := range w.recorded() {
		ids[c.ID] = true
	}
	if len(ids) != 1000 {
		t.Errorf("%d calls are recorded", len(ids))
	}
}

// Until the ledger has the call, the client gets no byte (I-U1).
func TestNoByteBeforeTheCallIsRecorded(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	entered, release := make(chan struct{}), make(chan struct{})
	w.record = func(usage.Call) error {
		close(entered)
		<-release
		return nil
	}
	w.upstream = func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = rw.Write(make([]byte, 1<<20))
	}
	conn, err := net.Dial("tcp", w.address)
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /weather/1.0/x HTTP/1.1\r\nHost: a\r\napikey: "+key+"\r\nConnection: close\r\n\r\n")
	must(t, err)
	<-entered
	must(t, conn.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
	if n, err := conn.Read(make([]byte, 1)); n != 0 {
		t.Fatalf("the client has got %d bytes, %v", n, err)
	}
	close(release)
	must(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	text, err := io.ReadAll(conn)
	must(t, err)
	if !strings.HasPrefix(string(text), "HTTP/1.1 200 OK\r\n") || len(text) < 1<<20 {
		t.Errorf("%d bytes, %.100q", len(text), text)
	}
	w.wantOne(t, usage.Call{Status: 200, Counted: true, Units: 1})
}

// What cannot be recorded is not billed, and nothing of the answer is given away.
func TestWhatCannotBeRecordedIsDropped(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.record = func(usage.Call) error { return usage.ErrNotRecorded }
	w.upstream = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("X-Secret", "from the upstream")
		rw.Header().Set("Set-Cookie", "a=b")
		_, _ = io.WriteString(rw, "precious")
	}
	resp, text := w.get(t, "/x")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || resp.Header.Get("X-Secret") != "" || resp.Header.Get("Set-Cookie") != "" || strings.Contains(text, "precious") {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, text)
	}
	wantProblem(t, resp, text, "not-recorded")
	w.eventually(t, func() bool { return len(w.settled) == 1 })
	if len(w.recorded()) != 0 || w.settled[0] != 0 {
		t.Errorf("recorded %v, settled %v", w.recorded(), w.settled)
	}
	if s := w.handler.Stats(); s.Failed["not-recorded"] != 1 || s.Counted != 0 || s.Served != 0 {
		t.Errorf("%+v", s)
	}
}

// An answer that does not count is given out although nobody could write it down.
func TestWhatDoesNotCountNeedsNoLedger(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.record = func(usage.Call) error { return usage.ErrNotRecorded }
	w.upstream = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(404) }
	if resp, _ := w.get(t, "/x"); resp.StatusCode != 404 {
		t.Errorf("%d", resp.StatusCode)
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int64{"5": 5, "0": 0, "": 1, "many": 1, "-3": 1, "99999999999": gateway.MostUnits} {
		w := setup(t, nil)
		w.pass.Counting = gateway.CountSuccess("X-Units")
		w.upstream = func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set("x-units", value) }
		w.get(t, "/x")
		w.wantOne(t, usage.Call{Status: 200, Counted: true, Units: want})
		faulty := int64(0)
		if value == "" || value == "many" || value == "-3" || value == "99999999999" {
			faulty = 1
		}
		if got := w.handler.Stats().FaultyUnits; got != faulty {
			t.Errorf("%q: %d faulty", value, got)
		}
	}
}

// Failures of the upstream are shown in the log of calls, and not billed.
func TestFailuresAreNotBilled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		kind   string
		change func(*proxy.Options, *upstream.Options)
		answer http.HandlerFunc
		to     string
	}{
		"unreachable": {502, "upstream-unreachable", nil, nil, "http://127.0.0.1:1"},
		"not allowed": {502, "upstream-unreachable", func(_ *proxy.Options, u *upstream.Options) { u.Rule.AllowPrivate = false }, nil, ""},
		"no upstream": {502, "upstream-unreachable", nil, nil, "ftp:"},
		"hangs up":    {502, "upstream-failed", nil, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ""},
		"takes long":  {504, "upstream-timeout", func(_ *proxy.Options, u *upstream.Options) { u.FirstByte = 50 * time.Millisecond }, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, ""},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			w := setup(t, c.change)
			w.upstream = c.answer
			if c.to != "" {
				to, err := url.Parse(c.to)
				must(t, err)
				w.pass.Upstream = &gateway.Upstream{API: 3, URL: to}
			}
			resp, text := w.get(t, "/x")
			if resp.StatusCode != c.status {
				t.Errorf("answered %d", resp.StatusCode)
			}
			wantProblem(t, resp, text, c.kind)
			w.wantOne(t, usage.Call{Status: c.status})
			if s := w.handler.Stats(); s.Failed[c.kind] != 1 || s.FailedCalls() != 1 || s.Counted != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// While nothing can be written down, no API is called for nothing.
func TestNoCallWithoutALedger(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *proxy.Options, _ *upstream.Options) {
		o.CanRecord = func() error { return usage.ErrNotRecorded }
	})
	resp, text := w.get(t, "/x")
	wantProblem(t, resp, text, "not-recorded")
	w.eventually(t, func() bool { return len(w.settled) == 1 })
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || len(w.reached()) != 0 || len(w.recorded()) != 0 || w.settled[0] != 0 {
		t.Errorf("%d %v, the upstream saw %d", resp.StatusCode, resp.Header, len(w.reached()))
	}
}

// What the limits of a plan turn away is counted for the subscription.
func TestWhatLimitsTurnAwayIsTold(t *testing.T) {
	t.Parallel()
	var told []int64
	w := setup(t, func(o *proxy.Options, _ *upstream.Options) {
		o.Refused = func(tenant models.TenantID, subscription, policy int64) {
			told = append(told, int64(tenant), subscription, policy)
		}
	})
	for _, kind := range []string{gateway.BurstSpent, gateway.KeyUnknown, gateway.QuotaSpent} {
		w.refusal = &gateway.Refusal{Problem: access.Problem{Status: 429, Type: kind, Title: "No."}, Tenant: -1234, Subscription: 7, Policy: 5}
		w.get(t, "/x")
	}
	if !slices.Equal(told, []int64{-1234, 7, 5, -1234, 7, 5}) {
		t.Errorf("told %v", told)
	}
}
