package report_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/gateway/report"
)

// A sent is an event as the portal gets it.
type sent struct {
	SpecVersion, Type, Source, ID, Time string
	Data                                json.RawMessage
}

// A portal takes events in, each name once. It refuses the subscription called gone,
// and fails as often as it is told to.
type portal struct {
	server *httptest.Server
	mu     sync.Mutex
	known  map[string]bool
	events []sent // that were recorded
	asked  int
	fails  int

	downAfter int // how many reports it takes before it fails; 0: any number
}

func newPortal(t *testing.T) *portal {
	t.Helper()
	p := &portal{known: map[string]bool{}}
	p.server = httptest.NewServer(p)
	t.Cleanup(p.server.Close)
	return p
}

func (p *portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.fails > 0 || p.downAfter > 0 && p.asked > p.downAfter {
		p.fails = max(0, p.fails-1)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.URL.Path != "/api/am/usage/v1/events" || r.Header.Get("Authorization") != "Bearer tgg_your_credential" || r.Header.Get("Content-Type") != "application/cloudevents-batch+json" {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"detail":"This gateway credential is not known, or was revoked."}`))
		return
	}
	var all []sent
	if err := json.NewDecoder(r.Body).Decode(&all); err != nil || len(all) > 1000 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	errs := map[string]string{}
	for i, e := range all {
		if strings.Contains(string(e.Data), `"gone"`) || e.SpecVersion != "1.0" || e.Type != "com.tollgate.call" {
			errs[fmt.Sprintf("events[%d]", i)] = "There is no such subscription."
		}
	}
	if len(errs) > 0 {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": errs})
		return
	}
	done := struct{ Accepted, Duplicates int }{}
	for _, e := range all {
		if p.known[e.Source+" "+e.ID] {
			done.Duplicates++
			continue
		}
		p.known[e.Source+" "+e.ID] = true
		p.events = append(p.events, e)
		done.Accepted++
	}
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(done)
}

func (p *portal) options() report.Options {
	return report.Options{Portal: p.server.URL + "/", Credential: "tgg_your_credential", Pause: time.Millisecond}
}

func logged(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, `{"id":"r%d","time":"2026-12-08T14:32:00+00:00","subscription":"s","status":200,"units":""}`+"\n", i)
	}
	return b.String()
}

func TestALogIsReportedInBatches(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	p.fails = 2
	text := logged(0, 2500)
	for want := range 2 {
		res, err := report.Run(t.Context(), strings.NewReader(text+`{"id":"cut`), p.options())
		if err != nil || res.Read != int64(len(text)) || len(res.Refused) != 0 || res.Accepted != 2500*(1-want) || res.Duplicates != 2500*want {
			t.Errorf("%+v, %v", res, err)
		}
	}
	if p.asked != 8 || len(p.events) != 2500 {
		t.Errorf("asked %d times, %d events", p.asked, len(p.events))
	}
}

// Lines that are wrong do not hold up the others.
func TestWrongLinesAreLeftBehind(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	text := logged(0, 3) + "no JSON\n" + `{"id":"","subscription":"s","status":200}` + "\n" + `{"id":"g","subscription":"gone","status":200}` + "\n" +
		`{"id":"u","subscription":"s","status":200,"units":"many"}` + "\n" + `{"id":"v","subscription":"s","status":200,"units":7}` + "\n" + logged(3, 5)
	res, err := report.Run(t.Context(), strings.NewReader(text), p.options())
	if err != nil || res.Accepted != 6 || len(res.Refused) != 4 || res.Read != int64(len(text)) {
		t.Errorf("%+v, %v", res, err)
	}
	said := fmt.Sprint(res.Refusals())
	for _, want := range []string{"line 4: ", "line 5: ", "line 6: There is no such subscription.", "line 7: "} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
}

func TestAReportThatCannotBeSent(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	p.fails = 100
	if _, err := report.Run(t.Context(), strings.NewReader(logged(0, 1)), p.options()); err == nil || p.asked != 5 {
		t.Errorf("asked %d times, %v", p.asked, err)
	}
	o := newPortal(t).options()
	o.Credential = "tgg_other"
	if _, err := report.Run(t.Context(), strings.NewReader(logged(0, 1)), o); err == nil || !strings.Contains(err.Error(), "not known, or was revoked") {
		t.Error(err)
	}
	if _, err := report.Run(t.Context(), strings.NewReader(strings.Repeat("x", 100<<10)), p.options()); err == nil {
		t.Error("a line without an end is read")
	}
}

// A log is read on from where it was left, and from its beginning when it is another.
func TestPositions(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	dir := t.TempDir()
	log, keep := filepath.Join(dir, "log"), filepath.Join(dir, "position")
	for i, c := range []struct {
		text     string
		accepted int
		asked    int
	}{
		{"", 0, 0},
		{logged(0, 3), 3, 1},
		{logged(0, 3), 0, 0},
		{logged(0, 3) + `{"id":"r3"`, 0, 0},
		{logged(0, 5), 2, 1},
		{logged(5, 6), 1, 1},
	} {
		must(t, os.WriteFile(log, []byte(c.text), 0o600))
		p.asked = 0
		res, err := report.File(t.Context(), log, keep, p.options())
		if err != nil || res.Accepted != c.accepted || res.Duplicates != 0 || p.asked != c.asked {
			t.Errorf("%d: %+v, %v, asked %d times", i, res, err, p.asked)
		}
	}
	must(t, os.WriteFile(keep, []byte("no JSON"), 0o600))
	if res, err := report.File(t.Context(), log, keep, p.options()); err != nil || res.Duplicates != 1 {
		t.Errorf("%+v, %v", res, err)
	}
	if _, err := report.File(t.Context(), filepath.Join(dir, "none"), keep, p.options()); err == nil {
		t.Error("a log that is not there is reported")
	}
}

// What was sent before the portal failed is not sent again.
func TestPositionsAfterAFailure(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	dir := t.TempDir()
	log, keep := filepath.Join(dir, "log"), filepath.Join(dir, "position")
	must(t, os.WriteFile(log, []byte(logged(0, 2000)+`{"id":"g","subscription":"s","status":200}`+"\n"), 0o600))
	o := p.options()
	o.Tries = 1
	p.downAfter = 2
	if res, err := report.File(t.Context(), log, keep, o); err == nil || res.Accepted != 2000 {
		t.Errorf("%+v, %v", res, err)
	}
	p.downAfter = 0
	if res, err := report.File(t.Context(), log, keep, o); err != nil || res.Accepted != 1 || res.Duplicates != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}
