package sandbox

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestTheRecordsTellWhatHappened(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := open(t, &now)
	status := http.StatusTeapot
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.Repeat("no tea ", 1000))
	}))
	defer receiver.Close()
	_, endpoint := ask(t, s, "POST /v1/webhook_endpoints", "enabled_events[]=*&url="+receiver.URL)
	ask(t, s, "POST /v1/products", "name=Gold")
	ask(t, s, "POST /v1/payment_methods", "type=card&card%5Bnumber%5D=4242424242424242&card[cvc]=123&card[exp_month]=1&card[exp_year]=2030")
	if _, err := s.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, now = http.StatusOK, now.Add(5*time.Second)
	if _, err := s.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	platforms, err := s.platforms(t.Context())
	if err != nil || len(platforms) != 1 || strings.Contains(platforms[0].Key, "0123456789") {
		t.Fatalf("platforms: %+v (%v)", platforms, err)
	}
	account := platforms[0].Account
	all, err := s.deliveries(t.Context(), account, "", 10)
	if err != nil || len(all) != 1 || len(all[0].Attempts) != 2 {
		t.Fatalf("deliveries: %+v (%v)", all, err)
	}
	d := all[0]
	if d.Type != "product.created" || d.Endpoint != endpoint["id"] || d.URL != receiver.URL || d.State != "delivered" || d.Tries != 2 {
		t.Errorf("the delivery: %+v", d)
	}
	if a := d.Attempts[0]; a.Status != http.StatusTeapot || len(a.Body) != 1000 || !a.At.Equal(now.Add(-5*time.Second)) {
		t.Errorf("the first attempt: %+v", a)
	}
	calls, err := s.calls(t.Context(), account, 10)
	if err != nil || len(calls) != 3 || calls[1].Path != "/v1/products" || calls[1].Status != 200 {
		t.Fatalf("calls: %+v (%v)", calls, err)
	}
	if strings.Contains(calls[0].Params, "4242") || strings.Contains(calls[0].Params, "123") || !strings.Contains(calls[0].Params, "exp_month") {
		t.Errorf("the log shows the card: %s", calls[0].Params)
	}
}

// Events on a test clock may be dated years ago; they are kept as long as others.
func TestEventsAreKeptThirtyDays(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := open(t, &now)
	_, c := ask(t, s, "POST /v1/test_helpers/test_clocks", "frozen_time=1600000000")
	ask(t, s, "POST /v1/customers", "test_clock="+c["id"].(string))
	count := func() int {
		if _, err := s.RunOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, events := ask(t, s, "GET /v1/events?type=customer.created", "")
		return len(events["data"].([]any))
	}
	if n := count(); n != 1 {
		t.Errorf("%d events at first", n)
	}
	now = now.Add(31 * 24 * time.Hour)
	if n := count(); n != 0 {
		t.Errorf("%d events after a month", n)
	}
	var rows int
	if err := s.reader.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM objects WHERE type = 'event' AND json_extract(doc, '$.type') = 'customer.created'`).Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows are left (%v)", rows, err)
	}
}
