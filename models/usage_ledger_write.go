package models

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"modernc.org/sqlite"
)

// An Outcome is what is known of a write to the ledger.
type Outcome int

// The outcomes of a write.
const (
	Written Outcome = iota
	Again           // not written, and worth another try at once: others were in the way
	Refused         // not written: the rows break a rule of the database
	Failed          // not written
	Unknown         // nobody knows: the connection was lost while it was under way
)

// A LedgerError is a write to the ledger that was not confirmed.
type LedgerError struct {
	Outcome Outcome
	Err     error
}

// Error returns what the database said.
func (e *LedgerError) Error() string { return "models: write the ledger: " + e.Err.Error() }

// Unwrap returns what the database said.
func (e *LedgerError) Unwrap() error { return e.Err }

// OutcomeOf returns the outcome of a write that returned err.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return Written
	}
	if e, ok := errors.AsType[*LedgerError](err); ok {
		return e.Outcome
	}
	return Failed
}

// A LedgerWriter writes to the ledger over a connection of its own, so that it never
// waits for one. It is for one goroutine.
type LedgerWriter struct {
	db     *bun.DB
	conn   *bun.Conn
	insert *sql.Stmt // of one row; SQLite only
}

// NewLedgerWriter returns a writer to db. It connects when it is used.
func NewLedgerWriter(db *bun.DB) *LedgerWriter { return &LedgerWriter{db: db} }

// ledgerColumns are the columns of a new row. It is in no window yet.
var ledgerColumns = []string{
	"subscription_id", "hour", "writer", "epoch", "seq_from", "seq_to", "tenant_id", "api_id", "policy_id",
	"first_at", "last_at", "recorded_at", "calls", "counted", "quantity", "kind", "reason", "todo", "detail",
}

func (r *LedgerRow) values() []any {
	var todo any
	if r.Todo != nil {
		todo = *r.Todo
	}
	return []any{
		r.SubscriptionID, int64(r.Hour), r.Writer, r.Epoch, r.SeqFrom, r.SeqTo, int64(r.TenantID), r.APIID, r.PolicyID,
		int64(r.FirstAt), int64(r.LastAt), int64(r.RecordedAt), r.Calls, r.Counted, r.Quantity, r.Kind, r.Reason, todo, r.Detail,
	}
}

// Insert adds rows, all of them or none.
func (w *LedgerWriter) Insert(ctx context.Context, rows []LedgerRow) error {
	if err := w.connect(ctx); err != nil {
		return w.sorted(err, false)
	}
	switch w.db.Dialect().Name() {
	case dialect.SQLite:
		return w.insertSQLite(ctx, rows)
	case dialect.PG:
		query, args := ledgerArrays(rows)
		_, err := w.conn.Conn.ExecContext(ctx, query, args...)
		return w.sorted(err, true)
	default:
		query, args := ledgerValues(rows)
		_, err := w.conn.Conn.ExecContext(ctx, query, args...)
		return w.sorted(err, true)
	}
}

// insertSQLite runs one prepared statement for each row: that is faster than long
// statements, and there is no network between them.
func (w *LedgerWriter) insertSQLite(ctx context.Context, rows []LedgerRow) error {
	if len(rows) == 1 {
		_, err := w.insert.ExecContext(ctx, rows[0].values()...)
		return w.sorted(err, true)
	}
	tx, err := w.conn.Conn.BeginTx(ctx, nil)
	if err != nil {
		return w.sorted(err, false)
	}
	for i := range rows {
		if _, err := w.insert.ExecContext(ctx, rows[i].values()...); err != nil { // it runs within tx, on the same connection
			if tx.Rollback() != nil {
				w.drop()
			}
			return w.sorted(err, false)
		}
	}
	return w.sorted(tx.Commit(), true)
}

// ledgerArrays writes rows as one statement whose text does not depend on how many
// they are, so that PostgreSQL plans it once.
func ledgerArrays(rows []LedgerRow) (string, []any) {
	n := len(rows)
	ints := make([][]int64, 14)
	for i := range ints {
		ints[i] = make([]int64, n)
	}
	writers, kinds, reasons := make([]string, n), make([]string, n), make([]string, n)
	todos, details := make([]*int64, n), make([][]byte, n)
	for i := range rows {
		r := &rows[i]
		for k, v := range [...]int64{
			r.SubscriptionID, int64(r.Hour), r.Epoch, r.SeqFrom, r.SeqTo, int64(r.TenantID), r.APIID, r.PolicyID,
			int64(r.FirstAt), int64(r.LastAt), int64(r.RecordedAt), r.Calls, r.Counted, r.Quantity,
		} {
			ints[k][i] = v
		}
		writers[i], kinds[i], reasons[i], todos[i], details[i] = r.Writer, r.Kind, r.Reason, r.Todo, r.Detail
	}
	args := []any{
		ints[0], ints[1], writers, ints[2], ints[3], ints[4], ints[5], ints[6], ints[7],
		ints[8], ints[9], ints[10], ints[11], ints[12], ints[13], kinds, reasons, todos, details,
	}
	return ledgerArraysQuery, args
}

var ledgerArraysQuery = "INSERT INTO usage_ledger (" + strings.Join(ledgerColumns, ", ") + `) SELECT * FROM unnest(
	$1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
	$10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::text[], $17::text[], $18::bigint[], $19::bytea[])`

// ledgerValues writes rows as one statement with a list of values.
func ledgerValues(rows []LedgerRow) (string, []any) {
	one := "(?" + strings.Repeat(",?", len(ledgerColumns)-1) + ")"
	args := make([]any, 0, len(rows)*len(ledgerColumns))
	for i := range rows {
		args = append(args, rows[i].values()...)
	}
	return "INSERT INTO usage_ledger (" + strings.Join(ledgerColumns, ",") + ") VALUES " +
		one + strings.Repeat(","+one, len(rows)-1), args
}

// InTx runs fn in one transaction. Unlike the InTx of this package it runs fn once,
// and its error says what is known of the outcome.
func (w *LedgerWriter) InTx(ctx context.Context, fn func(ctx context.Context, tx bun.Tx) error) error {
	if err := w.connect(ctx); err != nil {
		return w.sorted(err, false)
	}
	tx, err := w.conn.BeginTx(ctx, isolation(w.db))
	if err != nil {
		return w.sorted(err, false)
	}
	if err := fn(ctx, tx); err != nil {
		if tx.Rollback() != nil {
			w.drop()
		}
		return w.sorted(err, false)
	}
	return w.sorted(tx.Commit(), true)
}

// Do runs fn on the connection, outside a transaction.
func (w *LedgerWriter) Do(ctx context.Context, fn func(ctx context.Context, db bun.IDB) error) error {
	if err := w.connect(ctx); err != nil {
		return w.sorted(err, false)
	}
	return w.sorted(fn(ctx, *w.conn), true)
}

// Close gives the connection back.
func (w *LedgerWriter) Close() { w.drop() }

func (w *LedgerWriter) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn = &conn
	if w.db.Dialect().Name() != dialect.SQLite {
		return nil
	}
	// A long write-ahead log makes moving it into the database, which a commit has to
	// wait for, rarer and cheaper.
	if _, err := conn.Conn.ExecContext(ctx, "PRAGMA busy_timeout = 3000; PRAGMA wal_autocheckpoint = 4000"); err != nil {
		w.drop()
		return err
	}
	query, _ := ledgerValues(make([]LedgerRow, 1))
	if w.insert, err = conn.Conn.PrepareContext(ctx, query); err != nil {
		w.drop()
		return err
	}
	return nil
}

// drop closes the connection for good: nobody knows in which state it is.
func (w *LedgerWriter) drop() {
	if w.insert != nil {
		w.insert.Close()
		w.insert = nil
	}
	if w.conn != nil {
		_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = w.conn.Close()
		w.conn = nil
	}
}

// sorted makes err a LedgerError. sent says whether what err is about could have
// been committed. After anything but a plain answer the connection is dropped.
func (w *LedgerWriter) sorted(err error, sent bool) error {
	if err == nil {
		return nil
	}
	outcome := answer(err)
	if outcome == Unknown || outcome == Failed || errors.Is(err, driver.ErrBadConn) {
		w.drop()
	}
	if outcome == Unknown && !sent {
		outcome = Failed
	}
	return &LedgerError{outcome, err}
}

// answer reads what an error says about the statement that returned it. Only what
// an engine is known to say without having committed is taken for a no.
func answer(err error) Outcome {
	if errors.Is(err, driver.ErrBadConn) {
		return Again // drivers say this only when nothing was sent
	}
	if fleeting(err) {
		return Again
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return answerSQLite(e.Code() & 0xff)
	}
	if e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok && e.SQLState() != "" {
		return answerPostgres(e.SQLState())
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return answerMySQL(e.Number)
	}
	return Unknown
}

func answerSQLite(code int) Outcome {
	switch code {
	case 5, 6: // busy, locked
		return Again
	case 19: // a constraint or a trigger
		return Refused
	case 9, 10: // interrupted, or the disk failed: what it was told may be on it
		return Unknown
	default:
		return Failed
	}
}

func answerPostgres(state string) Outcome {
	switch state[:2] {
	case "22", "23", "P0": // the data, a constraint, a trigger
		return Refused
	case "25", "28", "3D", "42", "53", "54", "55":
		return Failed
	default:
		return Unknown
	}
}

func answerMySQL(number uint16) Outcome {
	switch number {
	case 1062, 1048, 1264, 1292, 1366, 1406, 1452, 1644, 3819, 4025: // keys, values, a trigger, checks
		return Refused
	case 1021, 1030, 1040, 1044, 1045, 1049, 1054, 1064, 1114, 1146, 1290, 1836, 3100:
		return Failed
	default:
		return Unknown
	}
}

// LedgerRowsCovering returns the rows of r's writer, hour and subscription that hold
// the calls of r: r itself, or a packed row.
func LedgerRowsCovering(ctx context.Context, db bun.IDB, r LedgerRow) ([]LedgerRow, error) {
	var rows []LedgerRow
	err := db.NewSelect().Model(&rows).
		Where("ul.subscription_id = ? AND ul.hour = ? AND ul.writer = ? AND ul.epoch = ?", r.SubscriptionID, r.Hour, r.Writer, r.Epoch).
		Where("ul.seq_from <= ? AND ul.seq_to >= ? AND ul.kind <> ?", r.SeqTo, r.SeqFrom, LedgerCorrection).Scan(ctx)
	return rows, found(err, "Calls")
}

// InsertLedgerRows adds rows.
func InsertLedgerRows(ctx context.Context, db bun.IDB, rows []LedgerRow) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := db.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return fmt.Errorf("models: write the ledger: %w", err)
	}
	return nil
}

// LedgerRowExists reports whether there is a row with the key of r.
func LedgerRowExists(ctx context.Context, db bun.IDB, r LedgerRow) (bool, error) {
	is, err := db.NewSelect().Model(&r).WherePK().Exists(ctx)
	return is, found(err, "Calls")
}
