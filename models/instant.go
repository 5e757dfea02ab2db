package models

import (
	"time"

	"github.com/google/uuid"
)

// An Instant is a point in time as every engine stores it: whole milliseconds
// since 1970, UTC, in a bigint. The zero Instant is "never".
type Instant int64

// At returns the instant of t, and the zero Instant for the zero time.
func At(t time.Time) Instant {
	if t.IsZero() {
		return 0
	}
	return Instant(t.UnixMilli())
}

// Time returns the instant as a time in UTC, and the zero time for "never".
func (i Instant) Time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(i)).UTC()
}

// IsZero reports whether i is "never".
func (i Instant) IsZero() bool { return i == 0 }

// NewID returns a new identifier of ours: a UUID of version 7, so that ids sort
// by when they were made. Nothing relies on that order. It panics only when the
// operating system gives no randomness.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
