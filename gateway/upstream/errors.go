package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"
)

// A Kind says why a call did not come through.
type Kind int

// The kinds of failure, with the status that tells the client of them.
const (
	BadCall    Kind = iota + 1 // 400: the call cannot be written as HTTP/1.1
	ClientSlow                 // 408: the client did not send its body in time
	TooLarge                   // 413: the body is larger than http.MaxBytesReader allows
	ClientGone                 // 499: nobody waits for the answer any more
	Denied                     // 502: the Rule does not allow the upstream's address
	NoConnect                  // 502: no connection, unknown name, bad certificate
	BadAnswer                  // 502: no answer, or one that breaks HTTP's rules or off in the middle
	Busy                       // 503: all connections to the upstream are in use
	Timeout                    // 504: the upstream did not answer, or go on answering, in time
	Loop                       // 508: the call has come through this gateway too often
)

var statuses = [...]int{BadCall: 400, ClientSlow: 408, TooLarge: 413, ClientGone: 499, Denied: 502, NoConnect: 502, BadAnswer: 502, Busy: 503, Timeout: 504, Loop: 508}

// Status returns the HTTP status for a failure of kind k. 499 never reaches
// anybody; it is for logs.
func (k Kind) Status() int {
	if k < BadCall || k > Loop {
		return http.StatusInternalServerError
	}
	return statuses[k]
}

var words = [...]string{BadCall: "bad call", ClientSlow: "client too slow", TooLarge: "body too large", ClientGone: "client gone", Denied: "address denied",
	NoConnect: "no connection", BadAnswer: "bad answer", Busy: "all connections in use", Timeout: "timeout", Loop: "loop"}

// String returns the kind in a few words, for logs.
func (k Kind) String() string {
	if k < BadCall || k > Loop {
		return "unknown"
	}
	return words[k]
}

// An Error is a call that did not come through.
type Error struct {
	Kind  Kind
	Begun bool  // part of the answer has gone to the client, so the connection has to be broken off: panic(http.ErrAbortHandler)
	Err   error // for the log
}

// Error returns the kind and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return "upstream: " + e.Kind.String()
	}
	return "upstream: " + e.Kind.String() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A Result is what became of a call. It is filled in as far as the call came,
// also beside an error.
type Result struct {
	Status   int           // the upstream's, 0 without an answer
	Sent     int64         // bytes of the request's body that were passed on
	Received int64         // bytes of the answer's body that were passed on
	Complete bool          // all of the answer was handed to the client's connection
	Waited   time.Duration // from the start to the upstream's final header
	Took     time.Duration // from the start to the end
	Reused   bool          // the connection had carried calls before
	Upgraded bool          // the answer was 101, Sent and Received count both ways
}

var (
	errDenied  = errors.New("the upstream's address is not allowed")
	errStale   = errors.New("the upstream closed the kept connection")
	errRetired = errors.New("the connections were given up")
	errClosed  = errors.New("the client is closed")
	errBusy    = errors.New("no connection to the upstream became free in time")
	errEarly   = errors.New("the upstream closed the connection before its answer")
	errFraming = errors.New("the answer's length is contradictory or unreadable")
	errHead    = errors.New("the answer's header is malformed")
	errHuge    = errors.New("the answer's header is too large")
	errSwitch  = errors.New("the upstream switched protocols unasked")
	errBreak   = errors.New("a header or the path holds characters that HTTP forbids there")
)

// failed classifies what went wrong between us and the upstream.
func failed(ctx context.Context, err error) *Error {
	kind := BadAnswer
	switch {
	case ctx.Err() == context.Canceled:
		kind, err = ClientGone, context.Cause(ctx)
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		kind = Timeout
	}
	return &Error{Kind: kind, Err: err}
}

// unconnected classifies why there is no connection.
func unconnected(ctx context.Context, err error) *Error {
	kind := NoConnect
	var slow net.Error
	switch {
	case ctx.Err() == context.Canceled:
		kind, err = ClientGone, context.Cause(ctx)
	case errors.Is(err, errDenied):
		kind = Denied
	case errors.Is(err, errBusy):
		kind = Busy
	case ctx.Err() != nil, errors.As(err, &slow) && slow.Timeout():
		kind = Timeout
	}
	return &Error{Kind: kind, Err: err}
}

// unsent classifies why the client's body could not be read.
func unsent(err error) *Error {
	kind := ClientGone
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		kind = TooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		kind = ClientSlow
	}
	return &Error{Kind: kind, Err: err}
}
