package config

import (
	"fmt"
	"io"
	"log/slog"
)

// hidden is what a Secret shows of itself.
const hidden = "[secret]"

// A Secret is a value that must not be printed. Every way of formatting,
// logging or encoding it shows "[secret]"; Reveal returns it.
type Secret string

// Reveal returns the value itself, for the one place that uses it.
func (s Secret) Reveal() string { return string(s) }

// IsZero reports whether nothing was set.
func (s Secret) IsZero() bool { return s == "" }

// String hides the value.
func (Secret) String() string { return hidden }

// GoString hides the value from %#v of a struct that holds it.
func (Secret) GoString() string { return hidden }

// Format hides the value under every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue hides the value from structured logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the value from JSON, TOML and the like.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
