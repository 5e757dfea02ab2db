package sandbox

import (
	"context"
	"database/sql"
	"time"
)

// A platformLine is one key's account, as the dashboard lists them.
type platformLine struct {
	Account string
	Key     string // masked
	Opened  time.Time
}

// platforms lists the accounts that keys opened, newest first.
func (s *Server) platforms(ctx context.Context) (all []platformLine, err error) {
	err = s.read(ctx, "", func(t *tx) (err error) {
		all, err = rows(t, func(row *sql.Rows, p *platformLine) error {
			var opened int64
			err := row.Scan(&p.Account, &p.Key, &opened)
			p.Opened = time.UnixMilli(opened).UTC()
			return err
		}, `SELECT id, key_hint, created FROM accounts WHERE key_hash IS NOT NULL ORDER BY created DESC, id`)
		return err
	})
	return all, err
}

// calls returns the last API calls on an account, newest first.
func (s *Server) calls(ctx context.Context, account string, limit int) (all []loggedCall, err error) {
	if err := s.flushLog(ctx); err != nil {
		return nil, err
	}
	err = s.read(ctx, account, func(t *tx) (err error) {
		all, err = rows(t, scanCall, `SELECT id, account, at, method, path, params, status, error, version, idempotency_key, duration_ms
			FROM requests WHERE account = ? ORDER BY seq DESC LIMIT ?`, account, limit)
		return err
	})
	return all, err
}

func scanCall(row *sql.Rows, c *loggedCall) error {
	var at, took int64
	err := row.Scan(&c.ID, &c.Account, &at, &c.Method, &c.Path, &c.Params, &c.Status, &c.Error, &c.Version, &c.IdempotencyKey, &took)
	c.At, c.Took = time.UnixMilli(at).UTC(), time.Duration(took)*time.Millisecond
	return err
}

// A deliveryLine is what became of one event at one endpoint.
type deliveryLine struct {
	Event, Type   string
	Account       string // whose event it is
	Endpoint, URL string
	State         string // owed, delivered, failed or dropped
	Tries         int
	Due           time.Time // of the next try, when owed
	Attempts      []attemptLine
	id            int64
}

// An attemptLine is one try to deliver.
type attemptLine struct {
	At     time.Time
	Status int    // 0 when nobody answered
	Body   string // how the answer, or the reason for none, began
	Took   time.Duration
}

// deliveries returns the last deliveries of one event, or with "" of all events
// of the account and of those connected to it, newest first.
func (s *Server) deliveries(ctx context.Context, account, event string, limit int) (all []deliveryLine, err error) {
	err = s.read(ctx, account, func(t *tx) (err error) {
		all, err = rows(t, scanDelivery, `SELECT d.id, d.event, json_extract(e.doc, '$.type'), d.account, d.endpoint,
				COALESCE(json_extract(w.doc, '$.url'), json_extract(w.doc, '$._url'), ''), d.state, d.tries, d.due
			FROM deliveries d
			JOIN objects e ON e.account = d.account AND e.type IN ('event', 'v2.core.event') AND e.id = d.event
			LEFT JOIN objects w ON w.account = d.endpoint_account AND w.type IN ('webhook_endpoint', 'v2.core.event_destination') AND w.id = d.endpoint
			WHERE (d.account = ? OR d.endpoint_account = ?) AND (? = '' OR d.event = ?) ORDER BY d.id DESC LIMIT ?`,
			account, account, event, event, limit)
		for i := range all {
			if err == nil {
				err = t.attemptsOf(&all[i])
			}
		}
		return err
	})
	return all, err
}

func scanDelivery(row *sql.Rows, d *deliveryLine) error {
	var due int64
	err := row.Scan(&d.id, &d.Event, &d.Type, &d.Account, &d.Endpoint, &d.URL, &d.State, &d.Tries, &due)
	d.Due = time.UnixMilli(due).UTC()
	return err
}

func (t *tx) attemptsOf(d *deliveryLine) (err error) {
	d.Attempts, err = rows(t, func(row *sql.Rows, a *attemptLine) error {
		var at, took int64
		err := row.Scan(&at, &a.Status, &a.Body, &took)
		a.At, a.Took = time.UnixMilli(at).UTC(), time.Duration(took)*time.Millisecond
		return err
	}, `SELECT at, status, body, duration_ms FROM attempts WHERE delivery = ? ORDER BY id`, d.id)
	return err
}
