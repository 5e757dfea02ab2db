package usage

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// Logged is logged, for tests.
func Logged(row models.LedgerRow) ([]LoggedCall, error) { return logged(row) }

// Counted returns how many hours of plans are counted in memory.
func (l *Ledger) Counted() int {
	l.counts.mu.RLock()
	defer l.counts.mu.RUnlock()
	return len(l.counts.of)
}

// A Fault is what happens to a write instead of, or after, being done.
type Fault struct {
	Before, After error // returned before it is done, or instead of its success
}

// A FaultyStore does what faults say with the writes that come, one after the other.
type FaultyStore struct {
	real   store
	Faults func(write string) Fault
}

// Wrap makes a ledger that does not run yet write through faults.
func (l *Ledger) Wrap(faults func(write string) Fault) { l.rows = &FaultyStore{l.rows, faults} }

func (s *FaultyStore) with(write string, do func() error) error {
	f := s.Faults(write)
	if f.Before != nil {
		return f.Before
	}
	if err := do(); err != nil || f.After == nil {
		return err
	}
	return f.After
}

// Insert implements store.
func (s *FaultyStore) Insert(ctx context.Context, rows []models.LedgerRow) error {
	return s.with("insert", func() error { return s.real.Insert(ctx, rows) })
}

// InTx implements store.
func (s *FaultyStore) InTx(ctx context.Context, fn func(ctx context.Context, tx bun.Tx) error) error {
	return s.with("tx", func() error { return s.real.InTx(ctx, fn) })
}

// Do implements store.
func (s *FaultyStore) Do(ctx context.Context, fn func(ctx context.Context, db bun.IDB) error) error {
	return s.with("do", func() error { return s.real.Do(ctx, fn) })
}

// Close implements store.
func (s *FaultyStore) Close() { s.real.Close() }

// A DetailCall is a detailCall, for tests.
type DetailCall struct {
	ID                          CallID
	Offset, Status, Units, Took int64
	Flags                       int64
}

// WriteDetail makes a detail.
func WriteDetail(calls []DetailCall) []byte {
	var b []byte
	for _, c := range calls {
		b = appendDetail(b, detailCall{c.ID, c.Offset, c.Status, c.Units, c.Took, c.Flags})
	}
	return b
}

// ReadDetail reads a detail.
func ReadDetail(b []byte) ([]DetailCall, error) {
	var calls []DetailCall
	err := readDetail(b, func(c detailCall) {
		calls = append(calls, DetailCall{c.id, c.offset, c.status, c.units, c.took, c.flags})
	})
	return calls, err
}
