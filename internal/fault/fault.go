// Package fault is the one vocabulary of failure. A fault has a Kind, which
// decides the HTTP status, and a message that is safe to show to a person.
// Every other error is internal: it is logged in full and shown as nothing.
package fault

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// A Kind says what went wrong from the caller's point of view.
type Kind int

// The kinds of failure. The zero Kind is Internal, so an error nobody
// classified is never blamed on the caller.
const (
	Internal        Kind = iota
	Malformed            // the request itself cannot be read
	Invalid              // a field is wrong; see Fields
	Unauthenticated      // nobody is signed in
	PaymentRequired      // a payment has to be made first
	Forbidden            // signed in, but this may not be done
	NotFound             // not there, or not the caller's
	Conflict             // somebody else was faster, or the state does not allow it
	TooMany              // tried too often
	Unavailable          // something we depend on does not answer
)

// An Error is a failure that a caller may see.
type Error struct {
	Kind    Kind
	Message string            // one sentence, for a person
	Fields  map[string]string // form field name to message, when Kind is Invalid
	Cause   error             // for the log only
}

// Error returns the message, and the cause behind it when there is one.
func (e *Error) Error() string {
	msg := e.Message
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		msg += " [" + name + ": " + e.Fields[name] + "]"
	}
	if e.Cause != nil {
		msg += ": " + e.Cause.Error()
	}
	return strings.TrimSpace(msg)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New returns a fault of kind k that says message.
func New(k Kind, message string) error { return &Error{Kind: k, Message: message} }

// From returns a fault of kind k that says message to people and cause to the log.
func From(k Kind, cause error, message string) error {
	return &Error{Kind: k, Message: message, Cause: cause}
}

// KindOf returns the kind of err; Internal for any error that is not a fault.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Message returns what a person may read about err, or "" when that is nothing.
func Message(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Message
	}
	return ""
}

// Fields maps the names of form fields to what is wrong with them.
type Fields map[string]string

// Check notes message at field unless ok. The first message of a field stays.
func (f *Fields) Check(ok bool, field, message string) {
	if ok {
		return
	}
	if *f == nil {
		*f = Fields{}
	}
	if _, taken := (*f)[field]; !taken {
		(*f)[field] = message
	}
}

// Err returns f as an Invalid fault, or nil when nothing is wrong.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Message: "Some fields need another look.", Fields: f}
}

// FieldsOf returns what err says about single fields, and whether it says any.
func FieldsOf(err error) (Fields, bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok || len(e.Fields) == 0 {
		return nil, false
	}
	return e.Fields, true
}
