package simulate

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"tollgate/migrations"
	"tollgate/models"
)

// A Store is one database with one connection, which any number of programs share
// as if each had its own: whoever has no turn waits, on a channel.
type Store struct {
	// Hook is asked before each transaction, commit and lone statement. It may wait.
	Hook func(ctx context.Context, op, query string) Verdict

	real    driver.Conn
	base    *sql.DB // whose connection it is
	conn    *sql.Conn
	dialect *bun.DB // of the same engine, to make handles of
	turn    chan struct{}
	marks   int       // savepoints that are open
	parsed  *prepared // nil but on SQLite

	mu      sync.Mutex
	holders map[int64]int // goroutines that have a transaction open
	Count   atomic.Int64  // statements so far
}

// errDead is what a program gets that was killed.
var errDead = errors.New("simulate: this program was killed")

// errInjected is a failure that a Hook asked for.
var errInjected = errors.New("simulate: the database does not answer")

// NewStore returns a migrated SQLite database in memory, with nothing in it.
func NewStore(ctx context.Context) (*Store, error) {
	s, err := inMemory(ctx)
	if err != nil {
		return nil, err
	}
	content, err := migrated()
	if err == nil {
		err = s.Load(content)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// migrated is a copy of the schema. It was made by another connection: one that
// has changed its schema reads all of it again whenever a savepoint is rolled back.
var migrated = sync.OnceValues(func() ([]byte, error) {
	ctx := context.Background()
	s, err := inMemory(ctx)
	if err != nil {
		return nil, err
	}
	h := s.Open()
	err = errors.Join(migrations.Up(ctx, h.DB), h.Close())
	content, failed := s.Copy()
	return content, errors.Join(err, failed, s.Close())
})

func inMemory(ctx context.Context) (*Store, error) {
	db, err := models.Open("sqlite://:memory:")
	if err != nil {
		return nil, err
	}
	base, err := sql.Open("sqlite", "file::memory:?_pragma=page_size(1024)&_pragma=foreign_keys(1)&_pragma=synchronous(0)")
	if err != nil {
		return nil, err
	}
	return storeOn(ctx, base, db)
}

// StoreAt migrates the database at a URL of models.Open, and returns it with one
// connection.
func StoreAt(ctx context.Context, rawURL string) (*Store, error) {
	db, err := models.Open(rawURL)
	if err != nil {
		return nil, err
	}
	if err := migrations.Up(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return storeOn(ctx, db.DB, db)
}

func storeOn(ctx context.Context, base *sql.DB, db *bun.DB) (*Store, error) {
	base.SetMaxOpenConns(1)
	conn, err := base.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &Store{base: base, conn: conn, dialect: db, turn: make(chan struct{}, 1), holders: map[int64]int{}}
	err = conn.Raw(func(c any) error {
		s.real, _ = c.(driver.Conn)
		return nil
	})
	if err == nil && s.real == nil {
		err = errors.New("simulate: the database gives no connection")
	}
	if db.Dialect().Name() == dialect.SQLite {
		s.parsed = &prepared{s.real, map[string]driver.Stmt{}, map[string]bool{}}
	}
	return s, err
}

func (s *Store) exec(query string, args []driver.NamedValue) (driver.Result, error) {
	if s.parsed != nil && len(args) == 0 {
		if result, ok, err := s.parsed.exec(query); ok {
			return result, err
		}
	}
	return s.real.(driver.ExecerContext).ExecContext(context.Background(), query, args)
}

func (s *Store) query(query string, args []driver.NamedValue) (driver.Rows, error) {
	if s.parsed != nil && len(args) == 0 {
		if rows, ok, err := s.parsed.query(query); ok {
			return rows, err
		}
	}
	return s.real.(driver.QueryerContext).QueryContext(context.Background(), query, args)
}

// Changes is how many rows were written since the database was opened.
func (s *Store) Changes() (n int64, err error) {
	rows, err := s.real.(driver.QueryerContext).QueryContext(context.Background(), "SELECT total_changes()", nil)
	if err != nil {
		return 0, err
	}
	row := make([]driver.Value, 1)
	err = rows.Next(row)
	n, _ = row[0].(int64)
	return n, errors.Join(err, rows.Close())
}

// Close ends the database.
func (s *Store) Close() error {
	if s.parsed != nil {
		s.parsed.forget()
	}
	err := s.conn.Close()
	if s.base != s.dialect.DB {
		err = errors.Join(err, s.base.Close())
	}
	return errors.Join(err, s.dialect.Close())
}

// copier is what the connection of modernc.org/sqlite can do.
type copier interface {
	Serialize() ([]byte, error)
	Deserialize(content []byte) error
}

// Copy returns all that is in a database in memory.
func (s *Store) Copy() ([]byte, error) {
	c, ok := s.real.(copier)
	if !ok {
		return nil, errors.New("simulate: only a database in memory can be copied")
	}
	return c.Serialize()
}

// Load puts a copy in the place of all that is in the database.
func (s *Store) Load(content []byte) error {
	c, ok := s.real.(copier)
	if !ok {
		return errors.New("simulate: only a database in memory can be copied")
	}
	if s.parsed != nil {
		s.parsed.forget()
	}
	if err := c.Deserialize(content); err != nil {
		return err
	}
	return s.statement("PRAGMA foreign_keys = 1")
}

// Mark notes the state of the database, and returns what brings it back, any
// number of times, and what forgets the mark. Marks nest. While there is one,
// transactions are savepoints: nothing is committed for good.
func (s *Store) Mark() (back, forget func() error, err error) {
	if s.marks == 0 {
		if err := s.statement("BEGIN"); err != nil {
			return nil, nil, err
		}
	}
	s.marks++
	name := "mark_" + strconv.Itoa(s.marks)
	if err := s.statement("SAVEPOINT " + name); err != nil {
		return nil, nil, err
	}
	back = func() error { return s.statement("ROLLBACK TO SAVEPOINT " + name) }
	forget = func() error {
		s.marks--
		if s.marks == 0 {
			return s.statement("ROLLBACK")
		}
		return s.statement("RELEASE SAVEPOINT " + name)
	}
	return back, forget, nil
}

// statement runs one of our own.
func (s *Store) statement(query string) error {
	x, ok := s.real.(driver.ExecerContext)
	if !ok {
		return errors.New("simulate: the driver runs no plain statements")
	}
	if _, err := x.ExecContext(context.Background(), query, nil); err != nil {
		return fmt.Errorf("simulate: %s: %w", query, err)
	}
	return nil
}

// busy reports whether the calling goroutine has a transaction open.
func (s *Store) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holders[goroutine()] > 0
}

func (s *Store) hold(id int64, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders[id] += n; s.holders[id] == 0 {
		delete(s.holders, id)
	}
}

func (s *Store) ask(ctx context.Context, op, query string) Verdict {
	if s.Hook == nil {
		return Go
	}
	return s.Hook(ctx, op, query)
}

// A Handle is the database as one program has it open.
type Handle struct {
	*bun.DB
	store *Store
	dead  atomic.Bool
}

// Open opens the database for one more program.
func (s *Store) Open() *Handle {
	h := &Handle{store: s}
	db := sql.OpenDB(h)
	db.SetMaxOpenConns(8)
	h.DB = bun.NewDB(db, s.dialect.Dialect())
	return h
}

// Kill ends the program: nothing it still does has any effect.
func (h *Handle) Kill() { h.dead.Store(true) }

// Dead reports whether the program was killed.
func (h *Handle) Dead() bool { return h.dead.Load() }

// Connect implements driver.Connector.
func (h *Handle) Connect(context.Context) (driver.Conn, error) {
	if h.dead.Load() {
		return nil, errDead
	}
	return &link{h: h, s: h.store}, nil
}

// Driver implements driver.Connector.
func (h *Handle) Driver() driver.Driver { return nil }

// savepoints reports whether a transaction has to be one inside another.
func (s *Store) savepoints() bool { return s.marks > 0 }

// beginning is how a transaction begins.
func (s *Store) beginning() string {
	switch {
	case s.savepoints():
		return "SAVEPOINT work"
	case s.dialect.Dialect().Name() == dialect.SQLite:
		return "BEGIN IMMEDIATE"
	}
	return "BEGIN"
}
