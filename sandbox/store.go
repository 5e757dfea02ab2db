package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// schema is everything that the file holds. Instants are Unix milliseconds of
// business time unless the column says wall.
const schema = `
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS accounts (
	id TEXT PRIMARY KEY,
	platform TEXT NOT NULL,           -- the account that made it; its own id for a platform
	key_hash TEXT UNIQUE,             -- of the secret key that opened a platform
	key_hint TEXT NOT NULL DEFAULT '',
	version TEXT NOT NULL,            -- what callers without a Stripe-Version header get
	created INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS objects (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	account TEXT NOT NULL,
	type TEXT NOT NULL,
	id TEXT NOT NULL,
	kept INTEGER NOT NULL,            -- since when; what callers see as created may be a test clock's time
	deleted INTEGER NOT NULL DEFAULT 0,
	doc TEXT NOT NULL,
	UNIQUE (account, type, id)
) STRICT;
CREATE INDEX IF NOT EXISTS objects_newest ON objects (account, type, seq);
CREATE INDEX IF NOT EXISTS objects_customer ON objects (account, type, json_extract(doc, '$.customer'));
CREATE INDEX IF NOT EXISTS objects_id ON objects (id);
CREATE INDEX IF NOT EXISTS objects_event_name ON objects (account, type, json_extract(doc, '$.event_name')) WHERE type = 'billing.meter';
CREATE TABLE IF NOT EXISTS timers (
	account TEXT NOT NULL,
	kind TEXT NOT NULL,
	id TEXT NOT NULL,
	clock TEXT NOT NULL DEFAULT '',   -- the test clock it goes by; '' for business time
	due INTEGER NOT NULL,
	tries INTEGER NOT NULL DEFAULT 0,
	wall_after INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (account, kind, id)
) STRICT;
CREATE INDEX IF NOT EXISTS timers_due ON timers (clock, due);
CREATE TABLE IF NOT EXISTS deliveries (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	account TEXT NOT NULL,            -- whose event it is
	event TEXT NOT NULL,
	endpoint_account TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('owed', 'delivered', 'failed', 'dropped')),
	tries INTEGER NOT NULL DEFAULT 0,
	due INTEGER NOT NULL,
	wall_due INTEGER NOT NULL,
	UNIQUE (event, endpoint)
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_owed ON deliveries (state, due);
CREATE TABLE IF NOT EXISTS attempts (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	delivery INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
	at INTEGER NOT NULL,
	status INTEGER NOT NULL,          -- 0 when there was no answer
	body TEXT NOT NULL,               -- how the answer, or the error, began
	duration_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS attempts_delivery ON attempts (delivery);
CREATE TABLE IF NOT EXISTS idempotency (
	account TEXT NOT NULL,
	key TEXT NOT NULL,
	fingerprint TEXT NOT NULL,        -- of method, path and parameters
	request TEXT NOT NULL,
	status INTEGER NOT NULL,
	body BLOB NOT NULL,
	created INTEGER NOT NULL,
	PRIMARY KEY (account, key)
) STRICT;
CREATE TABLE IF NOT EXISTS requests (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	account TEXT NOT NULL,
	at INTEGER NOT NULL,
	method TEXT NOT NULL,
	path TEXT NOT NULL,
	params TEXT NOT NULL,             -- card numbers and codes taken out
	status INTEGER NOT NULL,
	error TEXT NOT NULL,
	version TEXT NOT NULL,
	idempotency_key TEXT NOT NULL,
	duration_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS requests_account ON requests (account, seq);
CREATE TABLE IF NOT EXISTS meter_events (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	account TEXT NOT NULL,
	meter TEXT NOT NULL,              -- '' when no meter has its name
	event_name TEXT NOT NULL DEFAULT '',
	identifier TEXT NOT NULL,
	customer TEXT NOT NULL,           -- '' when it names none
	at INTEGER NOT NULL,              -- Unix seconds: the event's timestamp
	value TEXT NOT NULL,              -- a decimal; whatever came for one that will be rejected
	whole INTEGER,                    -- the value where SQL can add it up: a whole number that is not huge
	received INTEGER NOT NULL,        -- Unix seconds
	state TEXT NOT NULL DEFAULT 'counted' CHECK (state IN ('waiting', 'counted', 'rejected', 'canceled')),
	due INTEGER NOT NULL DEFAULT 0,   -- when it is aggregated, or was
	code TEXT NOT NULL DEFAULT '',    -- why it is rejected when it is aggregated
	problem TEXT NOT NULL DEFAULT '', -- the same in words
	request_key TEXT NOT NULL DEFAULT '' -- the idempotency key that it came with
) STRICT;
CREATE INDEX IF NOT EXISTS meter_events_counted ON meter_events (account, meter, customer, state, at, whole);
CREATE INDEX IF NOT EXISTS meter_events_named ON meter_events (account, identifier, received);
CREATE INDEX IF NOT EXISTS meter_events_newest ON meter_events (account, meter);
CREATE INDEX IF NOT EXISTS meter_events_waiting ON meter_events (account, meter, due) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS account_settings (
	account TEXT PRIMARY KEY,
	doc TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS followers (
	name TEXT PRIMARY KEY,
	url TEXT NOT NULL,
	token TEXT NOT NULL,
	next_due INTEGER                  -- the instant it asked to be told about
) STRICT;
`

// idleReader is how long a reading connection is kept, with its cache, for
// nobody.
const idleReader = time.Minute

// openStore opens the file with one connection that writes and a few that read.
// In memory there is one connection for both.
func openStore(ctx context.Context, path string) (write, read *sql.DB, err error) {
	if strings.ContainsAny(path, "?#%") {
		return nil, nil, fmt.Errorf("sandbox: %q cannot be the name of the file: it contains one of ? # %%", path)
	}
	const pragmas = "_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"
	if path == ":memory:" {
		write, err = openPool(ctx, "file::memory:?_txlock=immediate&"+pragmas, 1)
		return write, write, err
	}
	if err := makeFile(path); err != nil {
		return nil, nil, err
	}
	write, err = openPool(ctx, "file:"+path+"?_txlock=immediate&_pragma=journal_mode(WAL)&"+pragmas, 1)
	if err != nil {
		return nil, nil, err
	}
	read, err = openPool(ctx, "file:"+path+"?_txlock=deferred&_pragma=query_only(1)&"+pragmas, 4)
	if err != nil {
		return nil, nil, fmt.Errorf("%w (and closing: %v)", err, write.Close())
	}
	read.SetConnMaxIdleTime(idleReader)
	return write, read, nil
}

// makeFile makes the file when it is not there, for nobody else to read: it
// holds the secrets of webhooks.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("sandbox: open the store: %w", err)
	}
	return f.Close()
}

func openPool(ctx context.Context, dsn string, size int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("sandbox: open the store: %w", err)
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	if err := db.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("sandbox: open the store: %w", err)
	}
	return db, nil
}

// A tx is one transaction as one account sees it. Everything a handler or a
// timer does goes through it; nothing of it is visible before it commits.
// Nobody outside is spoken to while it is open.
type tx struct {
	ctx     context.Context
	db      *sql.Tx
	s       *Server
	account string    // whose objects these are
	now     time.Time // business time, or the time of a test clock
	cause   *cause    // the API call behind it; nil for timers and pages
	planned *bool     // whether the transaction made anything due
}

// A cause is what an event says about the call that led to it.
type cause struct {
	ID             string  `json:"id"`
	IdempotencyKey *string `json:"idempotency_key"`
}

// as is the same transaction for another account.
func (t *tx) as(account string) *tx {
	other := *t
	other.account = account
	return &other
}

// unix is now as callers see it.
func (t *tx) unix() int64 { return t.now.Unix() }

// write runs fn in a transaction on account. It commits unless fn fails, and
// then whatever fn made due is taken up.
func (s *Server) write(ctx context.Context, account string, fn func(*tx) error) error {
	return s.transact(ctx, account, func(t *tx) (bool, error) {
		err := fn(t)
		return err == nil, err
	})
}

// transact is write for an fn that decides itself whether to commit.
func (s *Server) transact(ctx context.Context, account string, fn func(*tx) (bool, error)) error {
	db, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sandbox: begin: %w", err)
	}
	defer db.Rollback() //nolint:errcheck // after a commit it does nothing
	var planned bool
	commit, err := fn(&tx{ctx: ctx, db: db, s: s, account: account, now: s.Now(), planned: &planned})
	if !commit {
		return err
	}
	if failed := db.Commit(); failed != nil {
		return fmt.Errorf("sandbox: commit: %w", failed)
	}
	if planned {
		s.wakeUp()
	}
	return err
}

// read runs fn on a consistent view that it cannot change.
func (s *Server) read(ctx context.Context, account string, fn func(*tx) error) error {
	db, err := s.reader.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sandbox: begin: %w", err)
	}
	defer db.Rollback() //nolint:errcheck // nothing was written
	return fn(&tx{ctx: ctx, db: db, s: s, account: account, now: s.Now()})
}

// exec runs one statement.
func (t *tx) exec(query string, args ...any) error {
	if _, err := t.db.ExecContext(t.ctx, query, args...); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// scan reads one row; found is false when there is none.
func (t *tx) scan(query string, args []any, into ...any) (found bool, err error) {
	err = t.db.QueryRowContext(t.ctx, query, args...).Scan(into...)
	if err == sql.ErrNoRows {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("sandbox: %w", err)
	}
	return true, nil
}

// rows calls each for every row of a query. The rows are read to the end first,
// so that each may use the connection.
func rows[T any](t *tx, scan func(*sql.Rows, *T) error, query string, args ...any) ([]T, error) {
	found, err := t.db.QueryContext(t.ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	defer found.Close()
	var all []T
	for found.Next() {
		var one T
		if err := scan(found, &one); err != nil {
			return nil, fmt.Errorf("sandbox: %w", err)
		}
		all = append(all, one)
	}
	return all, found.Err()
}
