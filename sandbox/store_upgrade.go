package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// olderUsage brings the table of meter events of a file that was made before
// events could wait, or be rejected, to what schema says. What is in it was
// counted when it came.
const olderUsage = `
DROP INDEX IF EXISTS meter_events_usage;
DROP INDEX IF EXISTS meter_events_identifier;
ALTER TABLE meter_events ADD COLUMN event_name TEXT NOT NULL DEFAULT '';
ALTER TABLE meter_events ADD COLUMN whole INTEGER;
ALTER TABLE meter_events ADD COLUMN state TEXT NOT NULL DEFAULT 'counted' CHECK (state IN ('waiting', 'counted', 'rejected', 'canceled'));
ALTER TABLE meter_events ADD COLUMN due INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meter_events ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE meter_events ADD COLUMN problem TEXT NOT NULL DEFAULT '';
ALTER TABLE meter_events ADD COLUMN request_key TEXT NOT NULL DEFAULT '';
UPDATE meter_events SET state = 'canceled' WHERE canceled = 1;
`

// upgrade changes the tables of an older file. It does all of it or nothing.
func (s *Server) upgrade(ctx context.Context) error {
	return s.write(ctx, "", func(t *tx) error {
		columns, err := rows(t, func(row *sql.Rows, name *string) error { return row.Scan(name) }, `SELECT name FROM pragma_table_info('meter_events')`)
		if err != nil || len(columns) == 0 || slices.Contains(columns, "state") {
			return err
		}
		if err := t.exec(olderUsage); err != nil {
			return fmt.Errorf("sandbox: an older file cannot be brought up to date: %w", err)
		}
		return nil
	})
}
