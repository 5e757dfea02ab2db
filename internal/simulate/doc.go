// Package simulate is the whole core of Tollgate beside a whole Stripe, in one
// process and without sockets, files or waiting, for tests that go through many
// thousands of lives: every order of events, seeds of the simulator, crashes
// between any two steps.
//
// A World has a database (Store) and a line to a sandbox (Line), and boots
// programs on them (Program): accounts, catalog, billing, notices and the outbox
// as main wires them. A program can be killed between any two statements and
// calls; what it had committed and what Stripe had done stays. The hooks of Store
// and Line see every transaction and every call, and decide what becomes of it.
// Agree compares what is in the database with what is at Stripe, as it reads it
// from the wire, without any of the code under test.
package simulate

import (
	"bytes"
	"runtime"
	"strconv"
)

// A Verdict is what becomes of an operation.
type Verdict int

// The verdicts.
const (
	Go       Verdict = iota // it happens
	Fail                    // it does not happen, and whoever asked gets an error
	FailLate                // it happens, and whoever asked gets an error all the same
)

// goroutine is the number of the calling goroutine. It tells whether a call to
// Stripe is made by whoever has a transaction open.
func goroutine() int64 {
	var text [64]byte
	fields := bytes.Fields(text[:runtime.Stack(text[:], false)])
	n, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		panic("simulate: a goroutine has no number")
	}
	return n
}
