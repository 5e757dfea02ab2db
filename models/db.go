package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/feature"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"

	"github.com/jackc/pgx/v5"

	"tollgate/internal/fault"
)

// sqlitePragmas make SQLite safe for money: a commit is on the disk, keys are
// checked, and a transaction that will write says so at its start.
const sqlitePragmas = "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
	"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"

// Open opens the database at rawURL: sqlite:///path, sqlite:relative/path,
// postgres://user:pass@host:port/db or mysql://user:pass@host:port/db. It does
// not connect yet.
func Open(rawURL string) (*bun.DB, error) {
	scheme, rest, _ := strings.Cut(rawURL, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(rest)
	case "postgres", "postgresql":
		return openPostgres(rawURL)
	case "mysql":
		return openMySQL(rawURL)
	}
	return nil, fmt.Errorf("models: a database URL begins with sqlite://, postgres:// or mysql://, not %q", scheme)
}

func openSQLite(rest string) (*bun.DB, error) {
	path, err := url.PathUnescape(strings.TrimPrefix(rest, "//"))
	if err != nil {
		return nil, fmt.Errorf("models: the path of the SQLite file cannot be read: %w", err)
	}
	connector, err := sqlite.NewConnector("file:" + (&url.URL{Path: path}).EscapedPath() + sqlitePragmas)
	if err != nil {
		return nil, fmt.Errorf("models: open SQLite: %w", err)
	}
	db := sql.OpenDB(gatedConnector{connector, make(gate, 1)})
	db.SetMaxOpenConns(8)
	return bun.NewDB(db, sqlitedialect.New()), nil
}

func openPostgres(rawURL string) (*bun.DB, error) {
	cfg, err := pgx.ParseConfig(rawURL)
	if err != nil {
		return nil, errors.New("models: the PostgreSQL URL cannot be read; it looks like postgres://user:password@host:5432/name")
	}
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.ConnectTimeout = 10 * time.Second
	db := stdlib.OpenDB(*cfg)
	pool(db)
	return bun.NewDB(db, pgdialect.New()), nil
}

func openMySQL(rawURL string) (*bun.DB, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" {
		return nil, errors.New("models: the MySQL URL cannot be read; it looks like mysql://user:password@host:3306/name")
	}
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.DBName = "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	if u.Port() == "" {
		cfg.Addr += ":3306"
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.Collation = "utf8mb4_bin"
	cfg.Loc, cfg.ParseTime, cfg.InterpolateParams = time.UTC, true, true
	cfg.Timeout = 10 * time.Second
	cfg.Params = map[string]string{
		"time_zone": "'+00:00'",
		"sql_mode":  "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
	}
	if tls := u.Query().Get("tls"); tls != "" {
		cfg.TLSConfig = tls
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("models: open MySQL: %w", err)
	}
	db := sql.OpenDB(connector)
	pool(db)
	return bun.NewDB(db, mysqldialect.New()), nil
}

func pool(db *sql.DB) {
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(10)
	db.SetConnMaxLifetime(30 * time.Minute)
}

// InTx runs fn in one transaction. It runs fn again when the database gave up
// on the transaction because of others (deadlock, serialization, busy), so fn
// must do nothing but read and write through tx.
func InTx(ctx context.Context, db *bun.DB, fn func(ctx context.Context, tx bun.Tx) error) error {
	var err error
	for try := range 6 {
		if err = db.RunInTx(ctx, isolation(db), noting(fn)); err == nil || !fleeting(err) {
			return err
		}
		t := time.NewTimer(time.Duration(5<<try) * time.Millisecond)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
	return err
}

// isolation is what every engine can promise alike: SQLite runs one writer at a
// time anyway, the others are told not to promise more than they keep.
func isolation(db *bun.DB) *sql.TxOptions {
	if db.Dialect().Name() == dialect.SQLite {
		return nil
	}
	return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
}

// fleeting reports whether the same transaction may well succeed if run again.
func fleeting(err error) bool {
	if state, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return state.SQLState() == "40001" || state.SQLState() == "40P01"
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == 1213 || e.Number == 1205 || e.Number == 1020
	}
	return strings.Contains(err.Error(), "SQLITE_BUSY")
}

// Taken reports whether err says that a unique key is taken already. On
// PostgreSQL such an error ends the transaction it happened in.
func Taken(err error) bool {
	if err == nil {
		return false
	}
	if state, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return state.SQLState() == "23505"
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == 1062
	}
	return strings.Contains(err.Error(), "UNIQUE constraint failed")
}

// found turns "no rows" into a NotFound fault that names the thing.
func found(err error, what string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fault.New(fault.NotFound, what+" not found.")
	default:
		return fmt.Errorf("models: read %s: %w", what, err)
	}
}

// stale turns "no row changed" into a Conflict fault: somebody else changed the
// row since it was read.
func stale(res sql.Result, err error, what string) error {
	if err != nil {
		return fmt.Errorf("models: write %s: %w", what, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("models: write %s: %w", what, err)
	}
	if n == 0 {
		return fault.New(fault.Conflict, what+" was just changed elsewhere. Please look again and retry.")
	}
	return nil
}

// wrote names the thing in the error of a write, if there is one.
func wrote(err error, what string) error {
	if err != nil {
		return fmt.Errorf("models: write %s: %w", what, err)
	}
	return nil
}

// inserted reports whether an insert added a row.
func inserted(res sql.Result, err error, what string) (bool, error) {
	if err != nil {
		return false, fmt.Errorf("models: write %s: %w", what, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("models: write %s: %w", what, err)
	}
	return n > 0, nil
}

// once makes an insert do nothing when the row is already there. key is any
// column of the primary key. It never uses INSERT IGNORE, which on MySQL also
// hides truncated and invalid values.
func once(q *bun.InsertQuery, key string) *bun.InsertQuery {
	q = q.Returning("NULL") // rows given back would be counted as rows added
	if q.DB().HasFeature(feature.InsertOnDuplicateKey) {
		return q.On("DUPLICATE KEY UPDATE").Set("? = ?", bun.Ident(key), bun.Ident(key))
	}
	return q.On("CONFLICT DO NOTHING")
}

// live is the value of a live column: set while the row counts, nil afterwards,
// so that a UNIQUE key over it allows one row that counts and any number of
// others.
func live() *int64 {
	one := int64(1)
	return &one
}
