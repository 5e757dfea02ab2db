package web

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"tollgate/gateway/ingest"
	"tollgate/handlers/rest"
	"tollgate/internal/fault"
	"tollgate/models"
)

// reports stands for what takes calls in.
type reports struct {
	tenant models.TenantID
	events []ingest.Event
	err    error
}

// Authenticate knows one credential.
func (r *reports) Authenticate(_ context.Context, text string) (models.TenantID, string, error) {
	if text != "tgg_good" {
		return 0, "", fault.New(fault.Unauthenticated, "This gateway credential is not known, or was revoked.")
	}
	return 42, "one", nil
}

// Take keeps what it gets. The event called old is known already.
func (r *reports) Take(_ context.Context, tenant models.TenantID, events []ingest.Event) (ingest.Taken, error) {
	if r.err != nil {
		return ingest.Taken{}, r.err
	}
	r.tenant, r.events = tenant, events
	var t ingest.Taken
	for _, e := range events {
		if e.ID == "old" {
			t.Duplicates++
		} else {
			t.Accepted++
		}
	}
	return t, nil
}

func event(id, more string) string {
	return fmt.Sprintf(`{"specversion":"1.0","type":"com.tollgate.call","source":"/nginx","id":%q,"time":"2026-12-08T14:00:00.5+01:00","data":{"subscription":"s-1","status":201,"units":3}%s}`, id, more)
}

// take sends a report with the good credential.
func (w *world) take(t *testing.T, body string, header ...string) answer {
	t.Helper()
	return (&browser{w: w}).ask(t, "POST", "/api/am/usage/v1/events", body, append([]string{"Accept", "*/*", "Authorization", "Bearer tgg_good"}, header...)...)
}

func reporting(t *testing.T) (*world, *reports) {
	t.Helper()
	r := &reports{}
	w := setup(t, "http://127.0.0.1:8080")
	w.deps.Events = &rest.Events{Credentials: r, Reports: r}
	w.app = assemble(w.deps, Routes(w.deps))
	return w, r
}

func TestEventsAreTakenInEveryMode(t *testing.T) {
	t.Parallel()
	w, r := reporting(t)
	const batch, single = "application/cloudevents-batch+json; charset=utf-8", "application/cloudevents+json"
	in64 := base64.StdEncoding.EncodeToString([]byte(`{"subscription":"s-1","status":201,"units":3}`))
	for name, c := range map[string]struct {
		body   string
		header []string
		want   string
		n      int
	}{
		"single":         {event("1", ""), []string{"Content-Type", single}, `{"accepted":1,"duplicates":0}`, 1},
		"known":          {event("old", ""), []string{"Content-Type", single}, `{"accepted":0,"duplicates":1}`, 1},
		"batch":          {"[" + event("1", "") + "," + event("old", "") + "," + event("2", "") + "]", []string{"Content-Type", batch}, `{"accepted":2,"duplicates":1}`, 3},
		"empty batch":    {"[]", []string{"Content-Type", batch}, `{"accepted":0,"duplicates":0}`, 0},
		"data in base64": {`{"specversion":"1.0","type":"com.tollgate.call","source":"/nginx","id":"1","time":"2026-12-08T13:00:00.5Z","data_base64":"` + in64 + `"}`, []string{"Content-Type", single}, `{"accepted":1,"duplicates":0}`, 1},
		"binary": {`{"subscription":"s-1","status":201,"units":3}`, []string{"Content-Type", "application/json", "ce-id", "1", "ce-source", "%2Fnginx", "ce-type", rest.CallEvent,
			"ce-specversion", "1.0", "ce-time", "2026-12-08T13:00:00.5Z"}, `{"accepted":1,"duplicates":0}`, 1},
		"the other header": {event("1", ""), []string{"Content-Type", single, "Authorization", "", "X-Gateway-Credential", "tgg_good"}, `{"accepted":1,"duplicates":0}`, 1},
	} {
		got := w.take(t, c.body, c.header...)
		if got.StatusCode != 202 || got.text != c.want || r.tenant != 42 || len(r.events) != c.n {
			t.Errorf("%s: %d %s, %+v", name, got.StatusCode, got.text, r.events)
			continue
		}
		for _, e := range r.events {
			if e.Source != "/nginx" || e.Subscription != "s-1" || e.Status != 201 || *e.Units != 3 || e.Time.Format("15:04:05.0 MST") != "13:00:00.5 UTC" {
				t.Errorf("%s: %+v", name, e)
			}
		}
	}
	w.take(t, `{"specversion":"1.0","type":"com.tollgate.call","source":"a","id":"1","data":{"subscription":"s-1"}}`, "Content-Type", single)
	if e := r.events[0]; e.Status != 200 || e.Units != nil || !e.Time.IsZero() {
		t.Errorf("%+v", e)
	}
}

func TestWrongEvents(t *testing.T) {
	t.Parallel()
	w, r := reporting(t)
	good := event("1", "")
	for says, body := range map[string]string{
		"no JSON array":     "{}",
		"The specversion":   strings.Replace(good, `"1.0"`, `"0.3"`, 1),
		"The type must be":  strings.Replace(good, "tollgate.call", "else", 1),
		"The id and":        strings.Replace(good, `"id":"1"`, `"id":""`, 1),
		"the source":        strings.Replace(good, `"/nginx"`, `""`, 1),
		"The time must be":  strings.Replace(good, "2026-12-08T", "yesterday", 1),
		"The data must be":  strings.Replace(good, `"units":3`, `"units":1.5`, 1),
		"The data":          strings.Replace(good, `"status":201`, `"status":"ok"`, 1),
		"an object with a":  strings.Replace(good, `"subscription":"s-1",`, "", 1),
		"may have a status": strings.Replace(good, `{"subscription"`, `["subscription"`, 1),
	} {
		if body != "{}" {
			body = "[" + event("0", "") + "," + body + "]"
		}
		got := w.take(t, body, "Content-Type", "application/cloudevents-batch+json")
		if got.StatusCode != 400 || !strings.Contains(got.text, says) && !strings.Contains(got.text, "no JSON array") || r.events != nil {
			t.Errorf("%s: %d %s", says, got.StatusCode, got.text)
		}
	}
	got := w.take(t, "["+strings.Repeat(good+",", 1000)+good+"]", "Content-Type", "application/cloudevents-batch+json")
	if got.StatusCode != 400 || !strings.Contains(got.text, "1,000") {
		t.Errorf("1,001 events: %d %s", got.StatusCode, got.text)
	}
	if got := w.take(t, good, "Content-Type", "text/plain"); got.StatusCode != 400 {
		t.Errorf("text: %d", got.StatusCode)
	}
	if got := w.take(t, good, "Content-Type", "application/cloudevents+json", "Authorization", "Bearer tgg_bad"); got.StatusCode != 401 || got.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("a wrong credential: %d", got.StatusCode)
	}
	r.err = fault.New(fault.Unavailable, "Later.")
	if got := w.take(t, good, "Content-Type", "application/cloudevents+json"); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("nothing can be recorded: %d", got.StatusCode)
	}
}
