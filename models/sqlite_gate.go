package models

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"time"
)

// SQLite lets one connection write at a time, and the others look again every so
// often. Whoever writes all the time, as the ledger does under load, would keep them
// waiting for seconds. So those who write to one file wait here, and their turn comes
// in the order in which they came.

// A gate lets one writer through at a time, first come, first served.
type gate chan struct{}

// gateWait is how long a writer waits for its turn.
const gateWait = 10 * time.Second

// errGate reads like SQLite's own error, because it means the same.
var errGate = errors.New("models: SQLITE_BUSY: another writer held the database for too long")

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}: // nobody is in, and nobody waits
		return nil
	default:
	}
	t := time.NewTimer(gateWait)
	defer t.Stop()
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return errGate
	}
}

func (g gate) leave() { <-g }

// A gatedConnector opens connections that write in turn.
type gatedConnector struct {
	driver.Connector
	gate gate
}

// Connect implements driver.Connector.
func (c gatedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	all, ok := conn.(fullConn)
	if !ok {
		return nil, errors.Join(errors.New("models: the SQLite driver lacks what writing in turn needs"), conn.Close())
	}
	return &gatedConn{fullConn: all, gate: c.gate}, nil
}

// A fullConn is what the SQLite driver's connections can do.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// A gatedConn is used by one goroutine at a time, as database/sql promises.
type gatedConn struct {
	fullConn
	gate   gate
	inside bool // it has the turn
}

// Inner returns the driver's own connection.
func (c *gatedConn) Inner() driver.Conn { return c.fullConn }

func (c *gatedConn) enter(ctx context.Context) error {
	if err := c.gate.enter(ctx); err != nil {
		return err
	}
	c.inside = true
	return nil
}

func (c *gatedConn) leave() {
	if c.inside {
		c.inside = false
		c.gate.leave()
	}
}

// BeginTx implements driver.ConnBeginTx: a transaction has the turn from its start.
func (c *gatedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if opts.ReadOnly {
		return c.fullConn.BeginTx(ctx, opts)
	}
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	tx, err := c.fullConn.BeginTx(ctx, opts)
	if err != nil {
		c.leave()
		return nil, err
	}
	return gatedTx{tx, c}, nil
}

// ExecContext implements driver.ExecerContext.
func (c *gatedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !c.inside && writes(query) {
		if err := c.enter(ctx); err != nil {
			return nil, err
		}
		defer c.leave()
	}
	return c.fullConn.ExecContext(ctx, query, args)
}

// QueryContext implements driver.QueryerContext. A statement that writes and returns
// rows has the turn until they are read.
func (c *gatedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.inside || !writes(query) {
		return c.fullConn.QueryContext(ctx, query, args)
	}
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	rows, err := c.fullConn.QueryContext(ctx, query, args)
	if err != nil {
		c.leave()
		return nil, err
	}
	return gatedRows{rows, c}, nil
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *gatedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.fullConn.PrepareContext(ctx, query)
	if err != nil || !writes(query) {
		return stmt, err
	}
	return gatedStmt{stmt, c}, nil
}

// Close implements driver.Conn.
func (c *gatedConn) Close() error {
	defer c.leave()
	return c.fullConn.Close()
}

type gatedTx struct {
	driver.Tx
	conn *gatedConn
}

// Commit implements driver.Tx.
func (t gatedTx) Commit() error {
	defer t.conn.leave()
	return t.Tx.Commit()
}

// Rollback implements driver.Tx.
func (t gatedTx) Rollback() error {
	defer t.conn.leave()
	return t.Tx.Rollback()
}

type gatedRows struct {
	driver.Rows
	conn *gatedConn
}

// Close implements driver.Rows.
func (r gatedRows) Close() error {
	defer r.conn.leave()
	return r.Rows.Close()
}

type gatedStmt struct {
	driver.Stmt
	conn *gatedConn
}

// ExecContext implements driver.StmtExecContext.
func (s gatedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if !s.conn.inside {
		if err := s.conn.enter(ctx); err != nil {
			return nil, err
		}
		defer s.conn.leave()
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args) //nolint:forcetypeassert // the driver's statements can
}

// QueryContext implements driver.StmtQueryContext.
func (s gatedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	query := s.Stmt.(driver.StmtQueryContext).QueryContext //nolint:forcetypeassert // the driver's statements can
	if s.conn.inside {
		return query(ctx, args)
	}
	if err := s.conn.enter(ctx); err != nil {
		return nil, err
	}
	rows, err := query(ctx, args)
	if err != nil {
		s.conn.leave()
		return nil, err
	}
	return gatedRows{rows, s.conn}, nil
}

// writes reports whether a statement may write. Those that end a transaction are not
// among them: the turn is given up by whoever began it.
func writes(query string) bool {
	query = strings.TrimLeft(query, " \t\r\n(")
	end := strings.IndexFunc(query, func(r rune) bool { return r < 'A' || r > 'z' })
	if end < 0 {
		end = len(query)
	}
	switch strings.ToUpper(query[:end]) {
	case "SELECT", "PRAGMA", "EXPLAIN", "WITH", "VALUES", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "":
		return false
	}
	return true
}
