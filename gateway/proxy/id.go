package proxy

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"tollgate/usage"
)

// newID returns the id of a call that begins now: a UUID of version 7 (RFC 9562 §5.7).
func newID(now time.Time) usage.CallID {
	var id usage.CallID
	_, _ = rand.Read(id[6:]) // it never fails
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// textOf returns an id as people and headers write it.
func textOf(id usage.CallID) string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}
