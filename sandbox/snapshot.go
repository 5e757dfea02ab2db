package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tollgate/internal/clock"
)

// A Snapshot is all that a Server in memory held at one moment: accounts,
// objects, keys, timers, what is owed to whom, and how far ahead its clock was.
// It may be restored any number of times, by several Servers at once.
type Snapshot struct{ content []byte }

// Size is how many bytes s takes.
func (s Snapshot) Size() int { return len(s.content) }

// errOnDisk is what Snapshot and Restore answer for a store in a file.
var errOnDisk = errors.New("sandbox: only a store in memory can be copied and restored")

// serialized is what the connection of modernc.org/sqlite can do: give and take
// a database as bytes.
type serialized interface {
	Serialize() ([]byte, error)
	Deserialize(content []byte) error
}

// Snapshot copies the state of a Server that was opened with ":memory:". Faults
// and the sessions of `stripe listen` are not part of it.
func (s *Server) Snapshot(ctx context.Context) (Snapshot, error) {
	if err := s.flushLog(ctx); err != nil {
		return Snapshot{}, err
	}
	var taken Snapshot
	err := s.raw(ctx, func(db serialized) (err error) {
		taken.content, err = db.Serialize()
		return err
	})
	return taken, err
}

// Restore puts a Server that was opened with ":memory:" into the state that was
// copied from it or from another, as if nothing had happened since: the clock
// goes back as well, by which it was ahead of the wall, and faults are forgotten.
// Nobody may use the Server meanwhile.
//
// With the dozens of objects that a test begins with it takes about a tenth of a
// millisecond (BenchmarkRestore), a tenth of what Open takes: tests that begin
// thousands of times from one prepared state keep one Server and restore it.
func (s *Server) Restore(ctx context.Context, from Snapshot) error {
	err := s.raw(ctx, func(db serialized) error { return db.Deserialize(from.content) })
	if err != nil {
		return err
	}
	s.forget()
	return s.takeUpClock(ctx)
}

// forget drops what a Server remembers outside of its store.
func (s *Server) forget() {
	s.business = clock.NewBusiness(s.wall)
	s.pruned = time.Time{}
	s.logLock.Lock()
	s.unlogged = nil
	s.logLock.Unlock()
	s.keysLock.Lock()
	s.keysOpened = map[string]home{}
	s.keysLock.Unlock()
	s.paceLock.Lock()
	s.paces, s.meterKeys = map[string]*pace{}, map[string]string{}
	s.paceLock.Unlock()
	s.faultLock.Lock()
	s.faults, s.delayed, s.held = nil, map[int64]bool{}, map[string]int64{}
	s.faultLock.Unlock()
}

// raw lends the one connection of a store in memory.
func (s *Server) raw(ctx context.Context, use func(serialized) error) error {
	if s.reader != s.writer {
		return errOnDisk
	}
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	err = conn.Raw(func(driver any) error {
		db, ok := driver.(serialized)
		if !ok {
			return errors.New("the driver cannot copy databases")
		}
		return use(db)
	})
	if err != nil {
		err = fmt.Errorf("sandbox: copy the store: %w", err)
	}
	if failed := conn.Close(); failed != nil && !errors.Is(failed, sql.ErrConnDone) {
		err = errors.Join(err, failed)
	}
	return err
}
