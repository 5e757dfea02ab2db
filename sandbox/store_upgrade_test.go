package sandbox_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"
)

// olderTable is what a file had before meter events could wait.
const olderTable = `
DROP TABLE meter_events;
CREATE TABLE meter_events (
	seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, meter TEXT NOT NULL, identifier TEXT NOT NULL, customer TEXT NOT NULL,
	at INTEGER NOT NULL, value TEXT NOT NULL, received INTEGER NOT NULL, canceled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX meter_events_usage ON meter_events (account, meter, customer, at);
CREATE INDEX meter_events_identifier ON meter_events (account, meter, identifier);`

// A file of an older sandbox opens, and what it counted stays counted.
func TestAnOlderFileIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	path, w := t.TempDir()+"/sandbox.db", &wall{now: start}
	var s shop
	var account, meter string
	t.Run("then", func(t *testing.T) {
		s = stock(openSite(t, path, w).as(oneKey))
		account, meter = s.account(), s.must("GET /v1/billing/meters", "").text("data.0.id")
	})
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	old := olderTable
	for i, value := range []string{"5", "0.5", "100"} {
		old += fmt.Sprintf(`INSERT INTO meter_events (account, meter, identifier, customer, at, value, received, canceled) VALUES ('%s', '%s', 'i%d', '%s', %d, '%s', %d, %d);`,
			account, meter, i, s.customer, start.Add(-time.Hour).Unix(), value, start.Add(-time.Hour).Unix(), i/2)
	}
	if _, err := db.ExecContext(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		t.Run("now", func(t *testing.T) {
			s.caller = openSite(t, path, w).as(oneKey)
			if got := s.counted(); got != 5.5 {
				t.Errorf("counted %v", got)
			}
			if r := s.do("POST /v1/billing/meter_events", "event_name=calls&identifier=i0&payload[value]=1&payload[stripe_customer_id]="+s.customer); r.status != 400 {
				t.Errorf("an identifier is forgotten: %s", r.body)
			}
		})
	}
}
