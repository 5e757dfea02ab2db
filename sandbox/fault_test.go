package sandbox_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82/webhook"
)

func TestCallsFailAsAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	count := func() int { return len(c.must("GET /v1/products", "").at("data").([]any)) }
	s.post("/_sandbox/faults", `{"call":"POST /v1/products","status":503}`)
	if r := c.do("POST /v1/products", "name=Gold"); r.status != 503 || count() != 0 {
		t.Errorf("before the effect: %d, %d products", r.status, count())
	}
	s.post("/_sandbox/faults", `{"call":"POST /v1/products","status":500,"after":true}`)
	keyed := c.with("Idempotency-Key", "k")
	if r := keyed.do("POST /v1/products", "name=Gold"); r.status != 500 || count() != 1 {
		t.Errorf("after the effect: %d, %d products", r.status, count())
	}
	if r := keyed.must("POST /v1/products", "name=Gold"); r.header.Get("Idempotent-Replayed") != "true" || count() != 1 {
		t.Errorf("again with the same key: %d products", count())
	}
	s.post("/_sandbox/faults", `{"call":"POST /v1/products","after":true}`)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/products", strings.NewReader("name=Bronze"))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(oneKey, "")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if answer, err := http.DefaultClient.Do(request); err == nil {
		t.Errorf("the connection was not cut: %d (%v)", answer.StatusCode, answer.Body.Close())
	}
	if count() != 2 {
		t.Errorf("%d products after a cut connection", count())
	}
	c.must("POST /v1/products", "name=Silver")
	for _, wrong := range []string{`{}`, `{"call":"GET /","webhook":"*"}`, `{"call":"GET /","status":200}`, `{"webhook":"*","how":"lose"}`, `{"webhook":"[","how":"drop"}`,
		`{"call":"PATCH /","status":500}`, `{"call":"GET /","how":"drop"}`, `{"call":"GET /","retry_after":1}`, `{"call":"GET /","status":429,"retry_after":-1}`,
		`{"webhook":"*","how":"late","by":"soon"}`, `{"webhook":"*","how":"late","by":"1mo"}`, `{"webhook":"*","how":"version"}`, `{"webhook":"*","how":"version","version":"2020-08-27"}`,
		`{"webhook":"*","how":"drop","version":"null"}`, `{"webhook":"*","how":"drop","status":500}`, `{"webhook":"*","how":"drop","percent":101}`,
		`{"webhook":"*","how":"drop","times":-1}`, `{"webhook":"*","how":"drop","times":2,"standing":true}`} {
		if r := s.post("/_sandbox/faults", wrong); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", wrong, r.status)
		}
	}
}

func TestWebhooksGoAstrayAsAskedFor(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]struct {
		now, hourLater int
		valid          bool
	}{
		"drop":      {0, 0, true},
		"duplicate": {2, 0, true},
		"late":      {0, 1, true},
		"forge":     {1, 0, false},
		"stale":     {1, 0, true},
		"future":    {1, 0, true},
		"mode":      {1, 0, true},
		"version":   {1, 0, true},
		"reorder":   {0, 1, true}, // there is no next one to wait for
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s, in := newSite(t), newInbox(t)
			c := s.as(oneKey)
			_, secret := c.listen(in, "enabled_events[]=*")
			version := map[string]string{"version": "null"}[how]
			s.post("/_sandbox/faults", `{"webhook":"product.*","how":"`+how+`","version":"`+version+`"}`)
			c.must("POST /v1/products", "name=Gold")
			s.work()
			got := in.take()
			s.wall.pass(time.Hour)
			s.work()
			later := in.take()
			if len(got) != want.now || len(later) != want.hourLater {
				t.Errorf("%d at once and %d later, want %+v", len(got), len(later), want)
			}
			if stamp := fmt.Sprintf("t=%d,", start.Add(-time.Hour).Unix()); how == "stale" && !strings.HasPrefix(got[0].signature, stamp) {
				t.Errorf("signed at %s", got[0].signature)
			}
			if stamp := fmt.Sprintf("t=%d,", start.Add(time.Hour).Unix()); how == "future" && !strings.HasPrefix(got[0].signature, stamp) {
				t.Errorf("signed at %s", got[0].signature)
			}
			for _, d := range slices.Concat(got, later) {
				if live := d.event["livemode"]; live != (how == "mode") {
					t.Errorf("livemode is %v", live)
				}
				if (d.event["api_version"] == nil) != (how == "version") {
					t.Errorf("api_version is %v", d.event["api_version"])
				}
				if err := webhook.ValidatePayloadIgnoringTolerance(d.body, d.signature, secret); (err == nil) != want.valid {
					t.Errorf("the signature: %v", err)
				}
			}
		})
	}
}
