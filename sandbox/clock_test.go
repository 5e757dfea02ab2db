package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheClockMovesForwardOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for body, want := range map[string]struct {
		status int
		ahead  time.Duration
	}{
		`{"by":"1m"}`:  {200, time.Minute},
		`{"by":"2h"}`:  {200, 2 * time.Hour},
		`{"by":"1d"}`:  {200, 24 * time.Hour},
		`{"by":"1mo"}`: {200, 28 * 24 * time.Hour}, // from 31 January to 28 February
	} {
		s := newSite(t)
		r := s.post("/_sandbox/clock/advance", body)
		r.want("offset_ms", int(want.ahead.Milliseconds()))
		if r.status != want.status || s.server.Offset() != want.ahead {
			t.Errorf("%s: %d, %s ahead", body, r.status, s.server.Offset())
		}
	}
	for _, body := range []string{`{}`, `{"by":"soon"}`, `{"by":"1m","to_ms":1}`, `{"to_ms":1}`, `{"too":1}`, `nonsense`, ``} {
		if r := s.post("/_sandbox/clock/advance", body); r.status != 400 || r.text("error") == "" {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	s.wall.pass(time.Hour)
	if now := s.server.Now(); !now.Equal(start.Add(time.Hour)) {
		t.Errorf("business time does not follow the wall: %s", now)
	}
}

// A program that follows is told of every moment it named itself, in order, and
// of the end.
func TestFollowersAreToldOfTheirMoments(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	moments := []time.Time{start.Add(time.Hour), start.Add(5 * time.Hour), start.Add(48 * time.Hour)}
	var told []time.Time
	follower := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Now    int64 `json:"now_ms"`
			Offset int64 `json:"offset_ms"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("told %v with %q", err, r.Header.Get("Authorization"))
		}
		now := time.UnixMilli(in.Now).UTC()
		told = append(told, now)
		if now.Sub(start).Milliseconds() != in.Offset {
			t.Errorf("at %s the offset is %d ms", now, in.Offset)
		}
		for _, m := range moments {
			if m.After(now) {
				fmt.Fprintf(w, `{"next_due_ms": %d}`, m.UnixMilli())
				return
			}
		}
		_, _ = io.WriteString(w, `{"next_due_ms": null}`)
	}))
	defer follower.Close()
	s.post("/_sandbox/followers", `{"name":"portal","url":"http://127.0.0.1:1/gone","token":"old"}`)
	if r := s.post("/_sandbox/followers", `{"name":"portal","url":"`+follower.URL+`","token":"secret"}`); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if err := s.server.Advance(t.Context(), start.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if want := []time.Time{start, moments[0], moments[1], start.Add(24 * time.Hour)}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
}

// What a follower does at a moment has its consequences at that moment: its
// events are delivered, and it is told again, before time goes on.
func TestAMomentIsFinishedBeforeTimeGoesOn(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	c := s.as(oneKey)
	c.listen(in, "enabled_events[]=product.created")
	var seen []string
	follower := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		at := s.server.Now().Sub(start)
		seen = append(seen, fmt.Sprintf("%s: %d events", at, len(in.take())))
		if len(seen) == 1 {
			c.must("POST /v1/products", "name=Gold")
			fmt.Fprintf(w, `{"next_due_ms": %d}`, start.Add(time.Hour).UnixMilli())
			return
		}
		_, _ = io.WriteString(w, `{}`)
	}))
	defer follower.Close()
	s.post("/_sandbox/followers", `{"name":"portal","url":"`+follower.URL+`","token":"secret"}`)
	if err := s.server.Advance(t.Context(), start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"0s: 0 events", "0s: 1 events", "1h0m0s: 0 events"}; !slices.Equal(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
}

func TestAFollowerThatFailsStopsTheClock(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer broken.Close()
	s.post("/_sandbox/followers", `{"name":"portal","url":"`+broken.URL+`","token":"secret"}`)
	r := s.post("/_sandbox/clock/advance", `{"by":"1d"}`)
	if r.status != 502 || !strings.Contains(r.text("error"), `"portal" did not follow`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if s.server.Offset() != 0 {
		t.Errorf("the clock went %s ahead", s.server.Offset())
	}
}

// What happens on the way is delivered on the way: the receiver sees the clock
// at the moment of the event.
func TestWebhooksArriveAtTheirMoment(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	c := s.as(oneKey)
	c.listen(in, "enabled_events[]=test_helpers.test_clock.deleted")
	clock := c.must("POST /v1/test_helpers/test_clocks", fmt.Sprintf("frozen_time=%d", start.Unix()))
	if err := s.server.Advance(t.Context(), start.Add(60*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	got := in.take()
	if len(got) != 1 || got[0].event["created"] != float64(start.Add(30*24*time.Hour).Unix()) {
		t.Errorf("delivered: %s", mustJSON(t, got))
	}
	if r := c.do("GET /v1/test_helpers/test_clocks/"+clock.id(), ""); r.status != 404 {
		t.Errorf("the test clock is still there: %s", r.body)
	}
}

func TestTestClocksMoveTheirCustomersOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	clock := c.must("POST /v1/test_helpers/test_clocks", "frozen_time=1700000000&name=Nightly").id()
	customer := c.must("POST /v1/customers", "test_clock="+clock)
	customer.want("created", 1700000000)
	c.must("GET /v1/customers", "").want("data.0", nil)
	c.must("GET /v1/customers", "test_clock="+clock).want("data.0.id", customer.id())
	path := "/v1/test_helpers/test_clocks/" + clock
	if r := c.do("POST "+path+"/advance", "frozen_time=1690000000"); r.status != 400 {
		t.Errorf("a test clock went back: %s", r.body)
	}
	if r := c.do("POST "+path+"/advance", "frozen_time=1800000000"); r.status != 400 {
		t.Errorf("a test clock went three years: %s", r.body)
	}
	c.must("POST "+path+"/advance", "frozen_time=1700086400").want("status", "advancing")
	s.work()
	ready := c.must("GET "+path, "")
	ready.want("status", "ready")
	ready.want("frozen_time", 1700086400)
	if s.server.Offset() != 0 {
		t.Error("the sandbox's own clock moved")
	}
	c.must("DELETE "+path, "").want("deleted", true)
	c.must("GET /v1/customers/"+customer.id(), "").want("deleted", true)
}

func TestOtherSitesCannotMoveTheClock(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, path := range []string{"/_sandbox/clock/advance", "/_sandbox/followers"} {
		request, err := http.NewRequestWithContext(t.Context(), "POST", s.url+path, strings.NewReader(`{"by":"1d"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another site: %d (%v)", path, answer.StatusCode, err)
		}
	}
}

// A name that somebody points at this machine does not open the pages.
func TestForeignNamesAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for host, want := range map[string]int{"evil.example": 421, "localhost:1": 200, "127.0.0.1": 200, "[::1]:80": 200} {
		request, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/_sandbox/clock", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != want {
			t.Errorf("%s: %d (%v)", host, answer.StatusCode, err)
		}
	}
}
