package simulate

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/uptrace/bun/dialect"
)

// A link is one connection of a program to the Store. It has the Store's turn
// while a transaction or the rows of a statement are open.
type link struct {
	h    *Handle
	s    *Store
	in   bool            // a transaction is open
	owns int64           // the goroutine that opened it
	ctx  context.Context // in which it was opened
}

var (
	_ driver.QueryerContext = (*link)(nil)
	_ driver.ExecerContext  = (*link)(nil)
	_ driver.ConnBeginTx    = (*link)(nil)
)

// enter takes the turn for op, unless a transaction has it already.
func (c *link) enter(ctx context.Context, op, query string) (leave func(), v Verdict, err error) {
	v = Go
	if !c.in || op == "commit" {
		v = c.s.ask(ctx, op, query)
	}
	if c.in {
		if c.h.dead.Load() {
			return nil, v, errDead
		}
		return func() {}, v, ctx.Err()
	}
	select {
	case c.s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, v, ctx.Err()
	}
	leave = func() { <-c.s.turn }
	if c.h.dead.Load() {
		leave()
		return nil, v, errDead
	}
	if v == Fail {
		leave()
		return nil, v, errInjected
	}
	return leave, v, nil
}

// ExecContext implements driver.ExecerContext.
func (c *link) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if done, err := c.turnOf(ctx, query); done {
		return driver.ResultNoRows, err
	}
	leave, v, err := c.enter(ctx, "exec", query)
	if err != nil {
		return nil, err
	}
	defer leave()
	c.s.Count.Add(1)
	result, err := c.exec(query, args)
	if err == nil && v == FailLate {
		err = errInjected
	}
	return result, err
}

// exec runs a statement. Inside of a mark a lone one gets a savepoint, since on
// PostgreSQL an error would end everything back to the first mark.
func (c *link) exec(query string, args []driver.NamedValue) (driver.Result, error) {
	lone := !c.in && c.s.savepoints() && c.s.dialect.Dialect().Name() == dialect.PG
	if lone {
		if err := c.s.statement("SAVEPOINT work"); err != nil {
			return nil, err
		}
	}
	result, err := c.s.exec(query, args)
	if lone && err != nil {
		err = errors.Join(err, c.s.statement("ROLLBACK TO SAVEPOINT work"))
	}
	if lone {
		err = errors.Join(err, c.s.statement("RELEASE SAVEPOINT work"))
	}
	return result, err
}

// QueryContext implements driver.QueryerContext.
func (c *link) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	leave, v, err := c.enter(ctx, "query", query)
	if err != nil {
		return nil, err
	}
	c.s.Count.Add(1)
	rows, err := c.s.query(query, args)
	if err == nil && v == FailLate {
		err = errors.Join(errInjected, rows.Close())
	}
	if err != nil {
		leave()
		return nil, err
	}
	return &held{rows, leave}, nil
}

// held gives the turn back when its rows are read.
type held struct {
	driver.Rows
	leave func()
}

// Close implements driver.Rows.
func (r *held) Close() error {
	err := r.Rows.Close()
	if r.leave != nil {
		r.leave()
		r.leave = nil
	}
	return err
}

// BeginTx implements driver.ConnBeginTx. Every transaction is as strict as the
// engine's strictest: nobody else has the connection meanwhile.
func (c *link) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	_, _, err := c.enter(ctx, "begin", "")
	if err != nil {
		return nil, err
	}
	if err := c.s.statement(c.s.beginning()); err != nil {
		<-c.s.turn
		return nil, err
	}
	c.in, c.owns, c.ctx = true, goroutine(), context.WithoutCancel(ctx)
	c.s.hold(c.owns, 1)
	return c, nil
}

// Commit implements driver.Tx.
func (c *link) Commit() error {
	_, v, err := c.enter(c.ctx, "commit", "")
	if err != nil || v == Fail {
		return errors.Join(err, c.Rollback(), errInjected)
	}
	query := "COMMIT"
	if c.s.savepoints() {
		query = "RELEASE SAVEPOINT work"
	}
	err = c.over(query)
	if err == nil && v == FailLate {
		err = errInjected
	}
	return err
}

// Rollback implements driver.Tx.
func (c *link) Rollback() error {
	if !c.in {
		return nil
	}
	if c.s.savepoints() {
		if err := c.s.statement("ROLLBACK TO SAVEPOINT work"); err != nil {
			return errors.Join(err, c.over("RELEASE SAVEPOINT work"))
		}
		return c.over("RELEASE SAVEPOINT work")
	}
	return c.over("ROLLBACK")
}

func (c *link) over(query string) error {
	err := c.s.statement(query)
	c.in = false
	c.s.hold(c.owns, -1)
	<-c.s.turn
	return err
}

// turnOf takes a statement that begins or ends a transaction for what it says, and
// reports whether it was one.
func (c *link) turnOf(ctx context.Context, query string) (bool, error) {
	switch query {
	case "BEGIN IMMEDIATE":
		_, err := c.BeginTx(ctx, driver.TxOptions{})
		return true, err
	case "COMMIT":
		return true, c.Commit()
	case "ROLLBACK":
		return true, c.Rollback()
	}
	return false, nil
}

// A statement is one that was prepared. It is parsed whenever it is used.
type statement struct {
	*link
	query string
}

// Prepare implements driver.Conn.
func (c *link) Prepare(query string) (driver.Stmt, error) { return &statement{c, query}, nil }

// Close implements driver.Stmt.
func (s *statement) Close() error { return nil }

// NumInput implements driver.Stmt: it is not known.
func (s *statement) NumInput() int { return -1 }

// ExecContext implements driver.StmtExecContext.
func (s *statement) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.link.ExecContext(ctx, s.query, args)
}

// Exec implements driver.Stmt; ExecContext is asked instead.
func (s *statement) Exec([]driver.Value) (driver.Result, error) { return nil, errPlain }

// Query implements driver.Stmt; nobody reads with a prepared statement.
func (s *statement) Query([]driver.Value) (driver.Rows, error) { return nil, errPlain }

var errPlain = errors.New("simulate: a prepared statement only writes, and in a context")

// CheckNamedValue implements driver.NamedValueChecker as the engine does.
func (c *link) CheckNamedValue(v *driver.NamedValue) error {
	if engine, ok := c.s.real.(driver.NamedValueChecker); ok {
		return engine.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// Begin implements driver.Conn.
func (c *link) Begin() (driver.Tx, error) { return c.BeginTx(context.Background(), driver.TxOptions{}) }

// Close implements driver.Conn.
func (c *link) Close() error { return c.Rollback() }
