package usage

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"tollgate/models"
)

// MostUnits is the most units that one call may be worth, so that no sum of them
// overflows.
const MostUnits = 1_000_000_000

// NewCallID returns the id of a call that begins at t. It panics only when the
// operating system gives no randomness.
func NewCallID(t time.Time) CallID {
	var id CallID
	_, _ = rand.Read(id[6:]) // it never fails: without randomness the process ends
	ms := uint64(t.UnixMilli())
	id[0], id[1] = byte(ms>>40), byte(ms>>32)
	binary.BigEndian.PutUint32(id[2:], uint32(ms)) //nolint:gosec // the lower half
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// String writes id as UUIDs are written.
func (id CallID) String() string {
	b := make([]byte, 36)
	hex.Encode(b, id[:4])
	hex.Encode(b[9:], id[4:6])
	hex.Encode(b[14:], id[6:8])
	hex.Encode(b[19:], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b)
}

// A LoggedCall is a call as the ledger keeps it.
type LoggedCall struct {
	ID          CallID
	At          time.Time // business time, UTC
	Status      int       // as the upstream answered
	Units       int64     // that it was worth if it counted
	Counted     bool
	Sandbox     bool // made with a sandbox key
	Undelivered bool // the client was answered with 503, so it does not count
	Took        time.Duration
}

// The detail of a ledger row is its calls one after the other: the version, and for
// each call its id (16 bytes), milliseconds since the row's first call, status,
// units, flags, and milliseconds until the answer began, all but the id as varints.
const (
	detailVersion = 1

	flagCounted     = 1
	flagSandbox     = 2
	flagUndelivered = 4

	leastCallBytes = len(CallID{}) + 5
	mostStatus     = 999
	mostTook       = 24 * time.Hour
	hourLength     = int64(time.Hour / time.Millisecond)
)

// errDetail says that bytes are no detail.
var errDetail = errors.New("usage: a ledger row's detail cannot be read")

// A detailCall is a call in the units of a detail.
type detailCall struct {
	id                          CallID
	offset, status, units, took int64 // offset and took in milliseconds
	flags                       int64
}

// appendDetail adds a call to a detail, which it begins if there is none yet.
func appendDetail(b []byte, c detailCall) []byte {
	if len(b) == 0 {
		b = append(b, detailVersion)
	}
	b = append(b, c.id[:]...)
	for _, v := range [...]int64{c.offset, c.status, c.units, c.flags, c.took} {
		b = binary.AppendUvarint(b, uint64(v)) //nolint:gosec // none is negative
	}
	return b
}

// readDetail gives each call of a detail to yield. It takes exactly what
// appendDetail writes.
func readDetail(b []byte, yield func(detailCall)) error {
	if len(b) == 0 || b[0] != detailVersion {
		return fmt.Errorf("%w: unknown version", errDetail)
	}
	for b = b[1:]; len(b) > 0; {
		if len(b) < leastCallBytes {
			return fmt.Errorf("%w: it is cut off", errDetail)
		}
		c := detailCall{id: CallID(b[:16])}
		b = b[16:]
		for _, f := range [...]struct {
			to   *int64
			most int64
		}{
			{&c.offset, hourLength - 1}, {&c.status, mostStatus}, {&c.units, MostUnits},
			{&c.flags, flagCounted | flagSandbox | flagUndelivered}, {&c.took, mostTook.Milliseconds()},
		} {
			v, n := binary.Uvarint(b)
			if n <= 0 || v > uint64(f.most) || (n > 1 && b[n-1] == 0) { //nolint:gosec // no most is negative
				return fmt.Errorf("%w: a number is out of range", errDetail)
			}
			*f.to, b = int64(v), b[n:] //nolint:gosec // at most f.most
		}
		yield(c)
	}
	return nil
}

// logged returns the calls of a row, in the order in which they were recorded. A row
// whose detail is forgotten has none.
func logged(row models.LedgerRow) ([]LoggedCall, error) {
	if row.Detail == nil {
		return nil, nil
	}
	calls := make([]LoggedCall, 0, max(row.Calls, 0))
	err := readDetail(row.Detail, func(c detailCall) {
		calls = append(calls, LoggedCall{
			ID: c.id, At: (row.FirstAt + models.Instant(c.offset)).Time(), Status: int(c.status), Units: c.units,
			Counted: c.counts(), Sandbox: c.flags&flagSandbox != 0, Undelivered: c.flags&flagUndelivered != 0,
			Took: time.Duration(c.took) * time.Millisecond,
		})
	})
	if err == nil && int64(len(calls)) != row.Calls {
		err = fmt.Errorf("%w: %d calls instead of %d", errDetail, len(calls), row.Calls)
	}
	return calls, err
}

// counts reports whether a call is billed.
func (c detailCall) counts() bool {
	return c.flags&flagCounted != 0 && c.flags&flagUndelivered == 0
}
